/**
 * `ViewerCore`: the inner part of `Viewer`: the canvas, the loop that draws when something changed, what comes from the
 * server. `ViewerHands` adds what people do with mouse and keys, `Viewer` what others may call.
 */

import { Budget } from "./budget.mjs";
import { Camera } from "./camera.mjs";
import { LOST_CONTEXT_TEXT, NO_WEBGL_TEXT, reducedReasons } from "./gl_describe.mjs";
import { sceneExtent } from "./gl_extent.mjs";
import { PictureOverlay } from "./gl_overlay.mjs";
import { Stage } from "./gl_stage.mjs";
import { Voltages } from "./gl_voltages.mjs";
import { Link } from "./link.mjs";
import { legendOf } from "./looks.mjs";
import { Picker } from "./pick.mjs";
import { isRange } from "./picture.mjs";
import { Renderer } from "./renderer.mjs";
import { Steering } from "./steering.mjs";
import { SceneStore } from "./store.mjs";
import { FRAME_KIND } from "./wire.mjs";

const REMAKE_ms = 120;
const REST_ms = 400;

/** Abstract: `_click`, `_double`, `_hover` and `_lasso` are those of `ViewerHands`. */
export class ViewerCore extends EventTarget {
  constructor(element, transport, options = {}) {
    super();
    this.element = element;
    this.transport = transport;
    this.options = { notes: true, banner: true, ...options };
    this.camera = new Camera();
    this.scene = null;
    this.detail = "auto";
    this.software = false;
    this._colour = options.colour ?? null;
    this._given = options.scene ?? null;
    this._restoring = null;
    this._raf = 0;
    this._dirty = true;
    this._moved = false;
    this._last_s = 0;
    this._fence = null;
    this._timers = {};
    this._reasons = "";
    this._disposed = false;
    this._build();
    this.store = new SceneStore(transport);
    this.store.onload = () => this._remakeSoon();
    this.store.ondrop = (record) => this.renderer?.drop(record);
    this.store.onfault = (error) => this._fault(error);
    this.stage = new Stage(this.renderer, this.store);
    this.budget = new Budget(this.software, options);
    this.steering = new Steering(element, this.camera, {
      onmove: () => {
        this._untouched = false;
        this._move();
      },
      onclick: (x, y, event) => this._click(x, y, event),
      ondouble: (x, y) => this._double(x, y),
      onhover: (x, y) => this._hover(x, y),
      onlasso: (points, done, event) => this._lasso(points, done, event),
      oninspect: () => this._click(element.clientWidth / 2, element.clientHeight / 2, { shiftKey: false }, true),
    });
    this.setTheme(options.theme ?? "dark");
    this.link = new Link(transport, {
      onopen: () => this._open(),
      onstate: (state, reason) => this._connection(state, reason),
      onview: (tag, body) => this._answer(tag, body),
      onframe: (frame) => this._frame(frame),
      onmessage: (message) => this._message(message),
      onfault: (error) => this._fault(error),
    });
    this._watchSize();
  }

  // --- building -----------------------------------------------------------------------------------------------------

  _build() {
    const { element } = this;
    element.classList.add("nv-viewer");
    if (!element.hasAttribute("tabindex")) element.tabIndex = 0;
    if (!element.hasAttribute("role")) element.setAttribute("role", "application");
    if (!element.hasAttribute("aria-label")) element.setAttribute("aria-label", "3-D view of the cells");
    this.canvas = document.createElement("canvas");
    this.canvas.className = "nv-canvas";
    element.append(this.canvas);
    this.overlay = new PictureOverlay(element);
    try {
      this.renderer = new Renderer(this.canvas);
      this.picker = new Picker(this.renderer);
      this.software = this.renderer.software;
    } catch (error) {
      this.renderer = null;
      this.picker = null;
      this.overlay.setMessage(NO_WEBGL_TEXT);
      queueMicrotask(() => this._say("error", { message: `${NO_WEBGL_TEXT} (${error.message})` }));
    }
    this.canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      if (this._disposed) return;
      this._fence = null;
      this.overlay.setMessage(LOST_CONTEXT_TEXT);
    });
    this.canvas.addEventListener("webglcontextrestored", () => {
      if (this._disposed) return;
      this.renderer.setup();
      this.picker.setup();
      this.stage.restored();
      this.overlay.setMessage("");
      this.redraw();
    });
  }

  _watchSize() {
    this._sizes = new ResizeObserver(() => this._size());
    this._sizes.observe(this.element);
    this._size();
  }

  _size() {
    const ratio = this.software ? 1 : Math.min(2, globalThis.devicePixelRatio || 1);
    const width = Math.max(2, Math.round(this.element.clientWidth * ratio));
    const height = Math.max(2, Math.round(this.element.clientHeight * ratio));
    this.pixel = Math.max(1, Math.round(ratio));
    if (this.canvas.width === width && this.canvas.height === height) return;
    const before = this.camera.aspect;
    this.canvas.width = width;
    this.canvas.height = height;
    this.camera.aspect = width / height;
    if (this._untouched && before !== this.camera.aspect) this.camera.fit();
    this._move();
  }

  // --- drawing ------------------------------------------------------------------------------------------------------

  _wake() {
    if (this._raf === 0 && !this._disposed) this._raf = requestAnimationFrame((now_ms) => this._tick(now_ms));
  }

  _tick(now_ms) {
    this._raf = 0;
    const now_s = now_ms / 1000;
    const passed_s = Math.min(0.5, Math.max(0.001, now_s - this._last_s));
    const { clock } = this.stage;
    if (this._drawing()) {
      // The card is at work on the frame before: another one would only wait behind it.
      this._wake();
      return;
    }
    this._last_s = now_s;
    if (clock.turn(performance.now() / 1000)) {
      this._dirty = true;
      this.overlay.setTime(clock.t_ms);
      this._say("time", { t_ms: clock.t_ms });
    }
    if (this.steering.turn(passed_s)) this._move();
    if (this._dirty) this._drawSoon();
    if (clock.running || this.steering.moving || this._fence !== null) this._wake();
    if (this.link.owes) this.link.acknowledge();
  }

  /** True while the card works on the last frame; measures how long it takes. */
  _drawing() {
    if (this._fence === null) return false;
    const { renderer: { gl }, _fence: { sync, begun_ms } } = this;
    const took_ms = performance.now() - begun_ms;
    const done = gl.isContextLost() || gl.getSyncParameter(sync, gl.SYNC_STATUS) === gl.SIGNALED;
    if (!done && took_ms < 2000) return true;
    gl.deleteSync(sync);
    this._fence = null;
    const changed = this.budget.frame(took_ms, this.stage.picture?.primitives ?? 0, performance.now());
    this._say("drawn", { frame_ms: took_ms });
    if (changed) this._ask(false);
    return false;
  }

  _how() {
    return this.stage.how(this.camera, this.canvas.width, this.canvas.height, this.pixel);
  }

  /** Draw what can be drawn without waiting for programs, which are made beside everything else. */
  _drawSoon() {
    const renderer = this.renderer?.gl.isContextLost() ? null : this.renderer;
    if (renderer === null || renderer.ready) this._draw(false);
    else this._wake();
    if (renderer?.waits) this.redraw();
  }

  _draw(whole = true) {
    this._dirty = false;
    if (this.renderer === null || this.renderer.gl.isContextLost()) return;
    const begun_ms = performance.now();
    this.stage.draw(this._how(), whole);
    this._drawings = (this._drawings ?? 0) + 1;
    const { gl } = this.renderer;
    if (this._fence !== null) gl.deleteSync(this._fence.sync);
    this._fence = { sync: gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0), begun_ms };
    gl.flush();
    if (this._moved) this._drawCamera();
    if (Math.abs(this.stage.tau_ms - (this._legendTau ?? 0)) > 0.1 * this.stage.tau_ms) this._legend();
    this._wake();
  }

  _drawCamera() {
    this._moved = false;
    this.overlay.setCamera(this.camera, (2 * this.camera.distance * Math.tan(this.camera.fov / 2)) / (this.element.clientHeight || 1));
  }

  _legend() {
    const { look } = this.stage;
    this._legendTau = this.stage.tau_ms;
    const { mode, theme, map, range } = look;
    this.overlay.setLegend(this.scene === null ? null : legendOf({ kinds: this.scene.kinds, mode, theme, map, range, tau_ms: this._legendTau }));
    this.overlay.setSchematic(mode === "spikes" && this.scene !== null ? `schematic wave: ${look.velocity} µm/ms along the branches` : "");
  }

  _setLook(part) {
    this.stage.setLook(part);
    this._legend();
    this.redraw();
  }

  // --- looking ------------------------------------------------------------------------------------------------------

  _move() {
    this._moved = true;
    this.redraw();
    this._ask(this.steering.moving);
    clearTimeout(this._timers.rest);
    this._timers.rest = setTimeout(() => this._rest(), REST_ms);
  }

  _rest() {
    if (this.steering.moving) {
      this._timers.rest = setTimeout(() => this._rest(), REST_ms);
      return;
    }
    this._ask(false);
    this._say("change", {});
  }

  _ask(moving) {
    if (this.scene === null || this.renderer === null) return;
    const { eye, look, up, fov_deg, aspect } = this.camera;
    const budget = moving ? this.budget.moving : this.budget.primitives;
    const view = { eye, look, up, fov_deg, aspect, height_px: this.canvas.height, budget, detail: this.detail };
    this.link.look(view, moving);
  }

  _remakeSoon() {
    if (this._timers.remake !== undefined) return;
    this._timers.remake = setTimeout(() => {
      this._timers.remake = undefined;
      this._remade(this.stage.remake(this.camera, this.canvas.height, performance.now()));
    }, this.store.idle ? 0 : REMAKE_ms);
  }

  _answer(tag, body) {
    this._remade(this.stage.view(tag, body, this.camera, this.canvas.height, performance.now()));
  }

  _remade(changed) {
    if (changed) {
      this._chooseColour();
      this._subscribe();
      this.redraw();
    }
    // The server gives what it has at once; what is missing is looked at again when it has come or takes too long.
    if (this.stage.answer !== null && this.stage.picture?.tag !== this.stage.answer.tag) this._remakeSoon();
    this._reduced();
    this._wake();
  }

  _reduced() {
    if (this.scene === null) return;
    const waiting = this.stage.picture !== null && !this.stage.picture.complete && !this.store.idle;
    const own = reducedReasons({ software: this.software, name: this.renderer?.name ?? "", waiting });
    const reasons = [...new Set([...(this.scene.notices ?? []), ...(this._serverReasons ?? []), ...own])];
    const text = reasons.join("\n");
    if (text === this._reasons) return;
    this._reasons = text;
    if (this.options.notes) this.overlay.setNotes(reasons);
    this._say("reduced", { reasons });
  }

  /** Voltage where it can be had of nearly all that is drawn, else spikes; unless someone chose. */
  _chooseColour() {
    const { picture } = this.stage;
    if (this._colour !== null || !picture.complete || !this.store.idle) return;
    const whole = picture.nodes.every((node) => isRange(node.record));
    const known = this.scene.traces_from !== undefined && this.scene.traces_from !== "none";
    const wanted = whole && known ? Voltages.wanted(picture, (t) => this.stage.nodesOf(t), this._voltageLimit()) : [];
    const nearlyAll = whole && known && wanted.length >= 0.8 * picture.cells_n;
    this._colour = nearlyAll ? "voltage" : "spikes";
    this._setLook({ mode: this._colour });
  }

  _voltageLimit() {
    return this.scene.limits?.voltage_nodes ?? 100_000;
  }

  /** Ask for spikes and rates, and for the voltages of what is drawn when these are shown. */
  _subscribe(again = false) {
    if (this.scene === null) return;
    const { stage } = this;
    const shown = stage.look.mode === "voltage" && stage.picture !== null;
    const wanted = shown ? Voltages.wanted(stage.picture, (t) => stage.nodesOf(t), this._voltageLimit()) : [];
    if (!stage.voltages.ask(wanted) && !again) return;
    stage.voltages.asked(this.link.subscribe({ world: this.options.world === true, voltage: wanted.map(([rank]) => rank) }));
  }

  // --- what comes ---------------------------------------------------------------------------------------------------

  _say(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  _fault(error) {
    console.warn(`neurosim: ${error.message}`);
    this._say("error", { message: error.message });
  }

  async _open() {
    try {
      const scene = this._given ?? (await this.transport.getJSON("/api/scene"));
      this._given = null;
      if (this._disposed) return;
      if (this.scene === null || scene.key !== this.scene.key || scene.n !== this.scene.n) await this._show(scene);
    } catch (error) {
      this._fault(error);
      return;
    }
    this._subscribe(true);
    this._ask(false);
    this.link.lookAgain();
  }

  async _show(scene) {
    // Nothing is asked of a scene before it is known from where to look.
    this.scene = null;
    this.stage.setScene(scene);
    const extent = await sceneExtent(this.store, scene).catch(() => scene.box_um);
    if (this._disposed || this.stage.scene !== scene) return;
    this.scene = scene;
    this.camera.setBox(extent);
    this._untouched = this._restoring?.eye === undefined;
    this.camera.fit();
    const given = this._restoring;
    this._restoring = null;
    if (given !== null) this.restore(given);
    this._legend();
    this._say("scene", scene);
    this._reduced();
    this._move();
  }

  _connection(state, reason) {
    if (this.options.banner) {
      const words = { connecting: this.scene === null ? "" : "Connecting again …", open: "", lost: `Connection lost (${reason}); trying again.` };
      if (state !== "connecting" || !this.overlay.hasBanner) this.overlay.setBanner(words[state] ?? "");
    }
    this._say("connection", { state, reason });
  }

  _frame(frame) {
    if (frame.kind === FRAME_KIND.WORLD) {
      // Another view draws it; here it is only acknowledged.
      this._say("frame", frame);
      return this._wake();
    }
    try {
      this.stage.frame(frame, performance.now() / 1000);
    } catch (error) {
      this._fault(error);
      this.link.close();
      return;
    }
    this._say("frame", frame);
    this._dirty = true;
    this._wake();
  }

  _message(message) {
    if (message.type === "status") {
      const { times_real_time: speed } = message;
      if (this.scene?.live && Number.isFinite(speed)) this.stage.clock.announce(1000 * speed);
      this._serverReasons = message.reduced ?? [];
      this._reduced();
      this._say("status", message);
    } else if (message.type === "voltage") {
      this.stage.voltages.accepted(message.tag, message.ranks);
    } else if (message.type === "acted") {
      this._say("acted", message);
    } else if (message.type === "error") {
      this._say("error", { message: message.message });
    }
    this._say("message", message);
  }
}
