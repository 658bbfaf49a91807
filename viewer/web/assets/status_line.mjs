/** `StatusLine`: the figures at the top of the page, and what the run warns of. */
import { element, togglePopover } from "./dom.mjs";
import { sayCount, sayMemory, sayNumber, sayTime, sayWait } from "./saying.mjs";

const STATES = {
  waiting: "Waiting", running: "Running", paused: "Paused", finished: "Finished", replay: "Replay", lost: "Connection lost",
};
const FIGURES = [
  ["t", "time", (s) => sayTime(s.t_ms)],
  ["speed", "× real time", (s) => sayNumber(s.times_real_time, 2)],
  ["spikes", "spikes", (s) => sayCount(s.spikes_n)],
  ["left", "left", (s) => sayWait(s.eta_s)],
  ["memory", "memory", (s) => sayMemory(s.memory_MB)],
];

/** Fills `host` from the page's state. */
export class StatusLine {
  constructor(host, state) {
    this.state = state;
    this.badge = element("span", { class: "np-state" }, ["Opening"]);
    this.figures = new Map();
    const list = element("dl", {}, FIGURES.map(([key, name]) => {
      const value = element("dd", {}, ["–"]);
      const pair = element("div", { hidden: true, "data-figure": key }, [element("dt", {}, [name]), value]);
      this.figures.set(key, { pair, value });
      return pair;
    }));
    this.warned = element("button", {
      type: "button", class: "np-note", hidden: true, "aria-haspopup": "dialog", "aria-expanded": "false",
      onclick: () => this._showWarnings(),
    });
    this.list = list;
    this.scalars = [];
    host.append(this.badge, list, this.warned);
    state.on("status", (status) => this._show(status));
    state.on("time", () => this._time());
    state.on("connection", () => this._badge());
    state.on("world", (world) => this._listScalars(world.said.scalars));
    state.on("scalars", () => this._showScalars());
  }

  _badge() {
    const lost = this.state.connection === "lost";
    const name = lost ? "lost" : this.state.status?.state ?? "waiting";
    this.badge.dataset.state = name;
    const text = STATES[name] ?? name;
    if (this.badge.textContent !== text) this.badge.textContent = text;
  }

  _time() {
    const { value, pair } = this.figures.get("t");
    pair.hidden = !Number.isFinite(this.state.t_ms);
    value.textContent = sayTime(this.state.t_ms);
  }

  /** Figures of what surrounds the cells: a speed, a concentration. */
  _listScalars(said) {
    for (const { pair } of this.scalars) pair.remove();
    this.scalars = said.map(({ name, unit }) => {
      const value = element("dd", {}, ["–"]);
      const pair = element("div", { "data-scalar": name }, [element("dt", {}, [name]), value]);
      return { pair, value, unit };
    });
    this.list.append(...this.scalars.map(({ pair }) => pair));
  }

  _showScalars() {
    const { parts } = this.state.world;
    this.scalars.forEach(({ value, unit }, i) => {
      const text = `${sayNumber(parts?.scalars[i] ?? NaN, 2)} ${unit}`;
      if (value.textContent !== text) value.textContent = text;
    });
  }

  _show(status) {
    this._badge();
    for (const [key, , say] of FIGURES.slice(1)) {
      const { value, pair } = this.figures.get(key);
      const text = say(Object.fromEntries(Object.entries(status).map(([k, v]) => [k, v ?? NaN])));
      pair.hidden = text === "–" || (key === "left" && status.state !== "running");
      value.textContent = text;
    }
    this._time();
    const warnings = status.warnings ?? [];
    this.warned.hidden = warnings.length === 0;
    this.warned.textContent = warnings.length === 1 ? "1 warning" : `${warnings.length} warnings`;
  }

  _showWarnings() {
    const warnings = this.state.status?.warnings ?? [];
    togglePopover(this.warned, "Warnings of the run", [
      element("strong", {}, ["The run warns"]),
      element("ul", {}, warnings.slice(0, 100).map((text) => element("li", {}, [text]))),
    ]);
  }
}
