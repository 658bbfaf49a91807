/**
 * `Viewer`: the 3-D view of a scene and what goes on in it, in an element, over a transport. Draws with WebGL2 when
 * something changed and rests otherwise.
 *
 * Events (CustomEvent.detail): `scene` /api/scene; `select` {ranks, place, from, partial}; `hover` {place, text};
 * `status`; `time` {t_ms}; `frame` a decoded frame; `acted`; `message`; `error` {message}; `connection` {state,
 * reason}; `reduced` {reasons}; `drawn` {frame_ms}; `change` the view was changed by hand and is at rest.
 */

import { NO_WEBGL_TEXT } from "./gl_describe.mjs";
import { measuredPixels, screenshotOf } from "./gl_shot.mjs";
import { ballAround } from "./steering.mjs";
import { ViewerHands } from "./viewer_hands.mjs";

const MOST_STORED = 1000;

/**
 * A 3-D view. `options`: theme ("dark", "light"), budget (primitives), adapt (false: the budget stays), notes and
 * banner (false: the page shows these itself), colour (a mode; else the one that suits the scene), scene (/api/scene
 * where it is known already).
 */
export class Viewer extends ViewerHands {
  /** Selected ranks, ascending. */
  get selection() {
    return Uint32Array.from(this.stage.selected).sort();
  }

  /** Select cells: `mode` "replace", "add", "remove" or "toggle". */
  select(ranks, mode = "replace", from = "api", place = null, partial = false) {
    const selected = mode === "replace" ? new Set() : new Set(this.stage.selected);
    for (const rank of ranks) {
      if (mode === "remove" || (mode === "toggle" && selected.has(rank))) selected.delete(rank);
      else selected.add(rank);
    }
    this.stage.setSelected(selected);
    this.redraw();
    this._say("select", { ranks: this.selection, place, from, partial });
  }

  /** Colour by "spikes", "voltage", "rate", "population", "layer" or "fact:NAME". */
  colourBy(mode) {
    this._colour = mode;
    this._setLook({ mode });
    this._subscribe();
  }

  /** Level of detail: "auto" or 0 (everything) to 4 (points). */
  setDetail(detail) {
    this.detail = detail;
    this._ask(false);
  }

  /** Dark or light. */
  setTheme(theme) {
    this.element.dataset.nvTheme = theme === "light" ? "light" : "dark";
    this._setLook({ theme: this.element.dataset.nvTheme });
  }

  /** "orbit" or "fly". */
  setMode(mode) {
    this.camera.mode = mode === "fly" ? "fly" : "orbit";
  }

  /** Turn the lasso tool on or off. */
  lasso(on) {
    this.steering.lassoTool = on;
    this.overlay.setLasso([]);
  }

  /** Go to a time of a replay. */
  seek(t_ms) {
    this.link.send({ type: "seek", t_ms });
  }

  /** Play a replay, `rate` ms of simulated time a second. */
  play(rate, loop = false) {
    this.stage.clock.announce(rate);
    this.link.send({ type: "play", rate, loop });
  }

  /** "pause" or "resume" a run. */
  control(what) {
    this.link.send({ type: "control", what });
  }

  /** Everything into view. */
  fit() {
    this.steering.glideTo(this.camera.fitPlace());
  }

  /** Go where these cells are. */
  async zoomTo(ranks) {
    const places = await this._placesOf([...ranks].slice(0, MOST_STORED));
    if (places.length === 0) return;
    const least = Math.min(0.5 * this.camera.reach, places.length === 1 ? 180 : 60);
    this.steering.glideTo(this.camera.placeFor(...ballAround(places, least)));
  }

  /** The view as it goes into an address or a bookmark. */
  state() {
    const { eye, look, up, fov_deg } = this.camera;
    const { mode, range, map, clip, theme, tau_ms, velocity } = this.stage.look;
    const round = (v) => v.map((x) => Number(x.toPrecision(9)));
    return {
      eye: round(eye), look: round(look), up: round(up), fov: fov_deg, colour: mode, range: [...range], map,
      clip: clip === null ? null : { ...clip }, selection: [...this.selection.slice(0, MOST_STORED)],
      t_ms: this.stage.clock.t_ms, theme, tau_ms, velocity_um_per_ms: velocity,
    };
  }

  /** Show a kept view; what it does not say stays as it is. */
  restore(state) {
    if (this.scene === null) this._restoring = { ...this._restoring, ...state };
    this.camera.restore(state);
    const names = { range: "range", map: "map", clip: "clip", tau_ms: "tau_ms", velocity_um_per_ms: "velocity" };
    const part = {};
    for (const [name, own] of Object.entries(names)) if (state[name] !== undefined) part[own] = state[name];
    this._setLook(part);
    if (state.theme) this.setTheme(state.theme);
    if (state.colour) this.colourBy(state.colour);
    if (state.selection) this.select(state.selection, "replace", "restore");
    if (Number.isFinite(state.t_ms) && this.scene !== null && !this.scene.live) this.seek(state.t_ms);
    this._move();
  }

  /** Values of all compartments whose voltage comes: {values_mV, ranks}, or null. */
  voltages() {
    return this.stage.voltages.values.length > 0 ? this.stage.voltages.all() : null;
  }

  /** What is drawn, in numbers; `pixels: true` draws and counts lit pixels. */
  stats({ pixels = false } = {}) {
    const { picture } = this.stage;
    const drawn = this.renderer?.drawn ?? { points: 0, segments: 0, calls: 0 };
    return {
      renderer: this.renderer?.name ?? "", software: this.software, frame_ms: this.budget.frame_ms,
      cells_n: picture?.cells_n ?? 0, detailed_n: picture?.detailed_n ?? 0, levels: [...(picture?.levels ?? [])],
      nodes_n: picture?.nodes.length ?? 0, primitives: picture?.primitives ?? 0, budget: this.budget.primitives,
      complete: picture?.complete ?? false, loading: !this.store.idle, calls: drawn.calls, frames_n: this.link.frames_n,
      stream_bytes: this.link.bytes, store_bytes: this.store.bytes, gpu_bytes: this.renderer?.bytes ?? 0,
      spikes_n: this.stage.activity?.spikes_n ?? 0, t_ms: this.stage.clock.t_ms, drawings_n: this._drawings ?? 0,
      ...(pixels && this.renderer !== null ? measuredPixels(this) : {}),
    };
  }

  /** PNG of what is shown, as a Blob. */
  screenshot() {
    if (this.renderer === null) return Promise.reject(new Error(NO_WEBGL_TEXT));
    return screenshotOf(this);
  }

  /** Place in CSS pixels of a point of the scene in um: [x, y], null behind the camera. */
  project(point) {
    const { x, y, depth } = this.camera.project(point);
    if (depth <= 0) return null;
    return [0.5 * (x + 1) * this.element.clientWidth, 0.5 * (1 - y) * this.element.clientHeight];
  }

  /** For tests: lose the context and get it back after `back_ms`. */
  loseContext(back_ms = 100) {
    const loss = this.renderer.gl.getExtension("WEBGL_lose_context");
    // It can only be given back after the page was told that it is lost.
    this.canvas.addEventListener("webglcontextlost", () => setTimeout(() => loss.restoreContext(), back_ms), { once: true });
    loss.loseContext();
  }

  /** Draw at once, whether or not something changed. */
  drawNow() {
    this._draw();
  }

  /** Draw again soon. */
  redraw() {
    this._dirty = true;
    this._wake();
  }

  /** Take everything away. */
  dispose() {
    this._disposed = true;
    cancelAnimationFrame(this._raf);
    for (const timer of Object.values(this._timers)) clearTimeout(timer);
    this.link.close();
    this.steering.dispose();
    this._sizes.disconnect();
    this.overlay.dispose();
    this.renderer?.gl.getExtension("WEBGL_lose_context")?.loseContext();
    this.canvas.remove();
  }
}
