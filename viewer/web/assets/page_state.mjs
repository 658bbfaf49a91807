/** `PageState`: what the parts of the page have in common - scene, time, selection, picked compartments, settings. */

/** Compartments whose voltage is drawn, at most. */
export const MOST_PICKED = 8;

/**
 * Tells its listeners what changed: events "scene", "status", "time", "selection", "picked", "window", "settings",
 * "theme", "world", "scalars". Whatever is set here is checked nowhere else, so set it by these methods.
 */
export class PageState extends EventTarget {
  constructor() {
    super();
    /** What /api/scene said, or null. */
    this.scene = null;
    /** The last status message, or null. */
    this.status = null;
    /** The time that is shown, ms. */
    this.t_ms = NaN;
    /** Ranks, ascending. */
    this.selection = new Uint32Array(0);
    this.selected = new Set();
    /** [{rank, node, tag, label, population}], the last picked first. */
    this.picked = [];
    /** {start_ms, stop_ms} chosen by hand, or null. */
    this.window = null;
    /** Length of the stretch that follows the time, ms; Infinity: all. */
    this.span_ms = Infinity;
    this.theme = "dark";
    /** What surrounds the cells (WorldData), or null. */
    this.world = null;
    this._tag = 0;
  }

  /** Listen; returns a function that ends it. */
  on(type, listener) {
    const heard = (event) => listener(event.detail);
    this.addEventListener(type, heard);
    return () => this.removeEventListener(type, heard);
  }

  say(type, detail = null) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  get live() {
    return this.scene?.live === true;
  }

  /** Names of the populations in the order of their colours. */
  get populations() {
    return [...new Set((this.scene?.kinds ?? []).map((kind) => kind.population))];
  }

  /** Begin and end of what is known, ms. */
  get known() {
    const start_ms = this.status?.start_ms ?? this.scene?.start_ms ?? 0;
    const reached = this.live ? this.t_ms : this.status?.stop_ms ?? this.scene?.stop_ms;
    return { start_ms, stop_ms: Math.max(start_ms, Number.isFinite(reached) ? reached : start_ms) };
  }

  /** The stretch that panels show. */
  get shown() {
    if (this.window !== null) return this.window;
    const { start_ms, stop_ms } = this.known;
    if (!Number.isFinite(this.span_ms)) return { start_ms, stop_ms };
    const end = this.live ? stop_ms : Math.min(stop_ms, Math.max(this.t_ms || 0, start_ms + this.span_ms));
    return { start_ms: Math.max(start_ms, end - this.span_ms), stop_ms: end };
  }

  setScene(scene) {
    this.scene = scene;
    if (scene.live) this.span_ms = 500;
    this.say("scene", scene);
  }

  /** There are other parts of what surrounds the cells. */
  setWorld(world) {
    this.world = world;
    this.say("world", world);
  }

  setStatus(status) {
    this.status = status;
    if (this.live && Number.isFinite(status.t_ms)) this.t_ms = status.t_ms;
    this.say("status", status);
  }

  setTime(t_ms) {
    if (!Number.isFinite(t_ms) || t_ms === this.t_ms) return;
    this.t_ms = t_ms;
    this.say("time", t_ms);
  }

  setSelection(ranks, from = "") {
    this.selection = Uint32Array.from(ranks);
    this.selected = new Set(this.selection);
    this.say("selection", { ranks: this.selection, from });
  }

  setWindow(window) {
    const fit = window !== null && window.stop_ms - window.start_ms > 1e-6;
    this.window = fit ? { start_ms: window.start_ms, stop_ms: window.stop_ms } : null;
    this.say("window", this.window);
  }

  setSpan(span_ms) {
    this.span_ms = span_ms;
    this.setWindow(null);
  }

  setTheme(theme) {
    this.theme = theme === "light" ? "light" : "dark";
    this.say("theme", this.theme);
  }

  /** Put a compartment on top of the list of those that are traced. */
  pick({ rank, node, label, population, gid }) {
    const known = this.picked.find((p) => p.rank === rank && p.node === node);
    this._tag = (this._tag + 1) % 60000;
    const place = known ?? { rank, node, label, population, gid, tag: this._tag + 1, colour: this._freeColour() };
    Object.assign(place, { label, population, gid });
    this.picked = [place, ...this.picked.filter((p) => p !== place)].slice(0, MOST_PICKED);
    this.say("picked", this.picked);
    return place;
  }

  drop(place) {
    this.picked = this.picked.filter((p) => p !== place);
    this.say("picked", this.picked);
  }

  /** The first colour that no traced compartment has. */
  _freeColour() {
    const taken = new Set(this.picked.slice(0, MOST_PICKED - 1).map((p) => p.colour));
    return Array.from({ length: MOST_PICKED }, (_, i) => i).find((i) => !taken.has(i));
  }
}
