/** `renderWidget`: the picture in a notebook, with a bar below it; the traits of `viewer/jupyter.py` are its model. */

import { CommTransport } from "./comm.mjs";
import { colourModes } from "./looks.mjs";
import { sayCount, sayFault, sayNumber, sayTime, sayWait } from "./saying.mjs";
import { Viewer } from "./viewer.mjs";
import { TraceStrip } from "./widget_trace.mjs";

const SPEEDS_ms_per_s = [2, 5, 10, 20, 50, 100, 500, 1000];
const SPEED_ms_per_s = 50;
const STATES = {
  waiting: "waiting for the run", running: "running", paused: "paused", finished: "finished", replay: "replay", lost: "the run is gone",
};

function made(tag, attributes = {}, children = []) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** One view of a widget. */
export class WidgetView {
  /**
   * @param {object} model of anywidget
   * @param {HTMLElement} host
   */
  constructor(model, host) {
    this.model = model;
    this.live = true;
    this.playing = false;
    // Without the attribute JupyterLab takes keys such as + and Z for commands on cells.
    this.root = made("div", { class: "neurosim-widget", "data-lm-suppress-shortcuts": "true" });
    this.picture = made("div", { class: "nw-picture" });
    this._bar();
    this.root.append(this.picture, this.bar);
    host.append(this.root);
    this._dress();
    this.transport = new CommTransport(model);
    this.viewer = new Viewer(this.picture, this.transport, { theme: model.get("theme") });
    this.trace = new TraceStrip(this.traceBox, this.viewer, this.transport);
    this._listen();
  }

  _bar() {
    this.colour = made("select", { "aria-label": "Colour by", onchange: () => this.viewer.colourBy(this.colour.value) });
    this.button = made("button", { type: "button", onclick: () => this._toggle() }, ["Pause"]);
    this.fit = made("button", { type: "button", onclick: () => this.viewer.fit() }, ["Fit"]);
    this.speed = made("select", { "aria-label": "Speed", onchange: () => this.playing && this._play() });
    for (const speed of SPEEDS_ms_per_s) {
      const option = made("option", { value: speed }, [`${speed} ms/s`]);
      option.selected = speed === SPEED_ms_per_s;
      this.speed.append(option);
    }
    this.time = made("input", { type: "range", min: 0, max: 1, step: "any", value: 0, "aria-label": "Time" });
    this.time.addEventListener("input", () => this.viewer.seek(Number(this.time.value)));
    this.status = made("span", { class: "nw-status", role: "status" }, ["connecting"]);
    this.picked = made("div", { class: "nw-picked", "aria-live": "polite" }, ["Click a cell to read its voltage."]);
    this.traceBox = made("div", { class: "nw-trace" });
    this.bar = made("div", { class: "nw-bar" }, [
      this.button, this.colour, this.fit, this.speed, this.time, this.status, this.picked, this.traceBox,
    ]);
    this.speed.hidden = true;
    this.time.hidden = true;
  }

  _dress() {
    this.picture.style.height = `${this.model.get("height_px")}px`;
    this.root.dataset.theme = this.model.get("theme");
    this.viewer?.setTheme(this.model.get("theme"));
    this.trace?.redraw();
  }

  _listen() {
    const on = (name, heard) => this.viewer.addEventListener(name, (event) => heard(event.detail));
    on("scene", (scene) => this._scene(scene));
    on("status", (status) => this._status(status));
    on("time", ({ t_ms }) => this._time(t_ms));
    on("select", (detail) => this._selected(detail));
    on("error", ({ message }) => this._say(message));
    on("connection", ({ state, reason }) => state === "lost" && this._say(`no connection: ${reason}`));
    this._changed = {
      ranks: () => this._fromModel(), height_px: () => this._dress(), theme: () => this._dress(),
    };
    for (const [name, heard] of Object.entries(this._changed)) this.model.on(`change:${name}`, heard);
  }

  _scene(scene) {
    this.live = scene.live;
    this.button.textContent = this.live ? "Pause" : "Play";
    this.speed.hidden = this.live;
    this.time.hidden = this.live;
    this.time.min = scene.start_ms ?? 0;
    this.time.max = scene.stop_ms ?? 1;
    const modes = colourModes(scene);
    this.colour.replaceChildren(...modes.map(({ name, title }) => made("option", { value: name }, [title])));
    this.colour.value = this.viewer.state().colour;
    this._fromModel();
    if (this.live) return;
    this.playing = !matchMedia("(prefers-reduced-motion: reduce)").matches;
    this._play();
  }

  _status(status) {
    if (Number.isFinite(status.stop_ms)) this.time.max = status.stop_ms;
    const parts = [STATES[status.state] ?? status.state, sayTime(status.t_ms), `${sayCount(status.spikes_n)} spikes`];
    if (status.state === "running" && status.times_real_time > 0) {
      parts.push(`${sayNumber(status.times_real_time, 2)} × real time`);
      if (Number.isFinite(status.eta_s)) parts.push(`${sayWait(status.eta_s)} left`);
    }
    this.paused = status.state === "paused";
    if (this.live) this.button.textContent = this.paused ? "Resume" : "Pause";
    this.button.disabled = this.live && !["running", "paused"].includes(status.state);
    if (document.activeElement !== this.colour) this.colour.value = this.viewer.state().colour;
    const warnings = status.warnings ?? [];
    this._say([...parts, ...(warnings.length > 0 ? [warnings[warnings.length - 1]] : [])].join(" · "));
  }

  _say(text) {
    if (this.status.textContent !== text) this.status.textContent = text;
  }

  _time(t_ms) {
    if (!this.live && document.activeElement !== this.time) this.time.value = t_ms;
    this.trace.setTime(t_ms);
  }

  _toggle() {
    if (this.live) {
      this.viewer.control(this.paused ? "resume" : "pause");
      return;
    }
    this.playing = !this.playing;
    this._play();
  }

  _play() {
    this.viewer.play(this.playing ? Number(this.speed.value) : 0, true);
    this.button.textContent = this.playing ? "Stop" : "Play";
  }

  // --- selection ----------------------------------------------------------------------------------------------------

  _fromModel() {
    const wanted = this.model.get("ranks") ?? [];
    if (this.viewer.scene === null || wanted.join() === this._ranks) return;
    this._ranks = wanted.join();
    this.viewer.select(wanted, "replace", "model");
  }

  _selected({ ranks, place, from }) {
    if (place) this._pick(place).catch((error) => this._tell(sayFault(error)));
    if (from === "model" || from === "restore") return;
    const list = [...ranks];
    this._ranks = list.join();
    this.model.set("ranks", list);
    this.model.save_changes();
    if (!place && list.length === 0) this._tell("");
    else if (!place) this._tell(`${sayCount(list.length)} cells selected`);
  }

  async _pick({ rank, node }) {
    this.trace.follow(rank, node, this.live);
    const cell = await this.transport.getJSON(`/api/cell/${rank}`);
    const label = cell.compartments?.[node] ?? (node === 0 ? "soma" : `compartment ${node}`);
    const facts = Object.entries(cell.facts).filter(([name]) => name !== "population").slice(0, 3);
    this._tell([`${cell.population} ${cell.gid}`, ...facts.map(([name, value]) => `${name} ${value}`), label].join(" · "));
    this.model.set("picked", { rank, node, gid: cell.gid, population: cell.population, place: label });
    this.model.save_changes();
  }

  _tell(text) {
    this.picked.textContent = text || "Click a cell to read its voltage.";
  }

  /** Take everything away. */
  dispose() {
    for (const [name, heard] of Object.entries(this._changed)) this.model.off?.(`change:${name}`, heard);
    this.trace.dispose();
    this.viewer.dispose();
    this.transport.close();
    this.root.remove();
  }
}

/** What anywidget calls for each view; returns what is to be done when the view goes. */
export function renderWidget({ model, el }) {
  const view = new WidgetView(model, el);
  return () => view.dispose();
}
