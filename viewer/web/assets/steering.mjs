/**
 * `Steering`: mouse, touch and keys to movements of a camera, and to clicks, hovering and lassos.
 *
 * Orbit: drag turns, shift or the other buttons pan, the wheel zooms to the cursor, one finger turns, two pinch and
 * pan. Fly: drag looks around, W A S D move, Q E go down and up. Alt and drag, or the lasso tool, draws a lasso.
 */

import { clampTo, length3, sub3 } from "./math.mjs";

const CLICK_px = 4;
const DOUBLE_ms = 350;
const TURN_rad_per_px = 0.0055;
const KEY_TURN_rad = 0.09;
const INERTIA_per_s = 6;
const GLIDE_s = 0.45;
const FLY_KEYS = new Set(["w", "a", "s", "d", "q", "e"]);

/**
 * Listens to an element and moves a camera. `calls`: onmove(), onclick(x, y, event), ondouble(x, y), onhover(x, y) (x
 * negative: left), onlasso(points, done, event), oninspect(); x and y in CSS pixels from the element's corner.
 */
export class Steering {
  constructor(element, camera, calls) {
    this.element = element;
    this.camera = camera;
    this.calls = calls;
    this.lassoTool = false;
    this.calm = globalThis.matchMedia?.("(prefers-reduced-motion: reduce)").matches ?? false;
    this._pointers = new Map();
    this._drag = null;
    this._spin = [0, 0];
    this._keys = new Set();
    this._glide = null;
    this._lastClick = { at_ms: -1e9, x: 0, y: 0 };
    this._end = new AbortController();
    const on = (name, handler, target = element, options = {}) =>
      target.addEventListener(name, handler.bind(this), { signal: this._end.signal, ...options });
    on("pointerdown", this._down);
    on("pointermove", this._move);
    on("pointerup", this._up);
    on("pointercancel", this._cancel);
    on("pointerleave", () => this.calls.onhover(-1, -1));
    on("wheel", this._wheel, element, { passive: false });
    on("contextmenu", (event) => event.preventDefault());
    on("keydown", this._keydown);
    on("keyup", (event) => this._keys.delete(event.key.toLowerCase()));
    on("blur", () => this._keys.clear());
  }

  /** Stop listening. */
  dispose() {
    this._end.abort();
  }

  /** True while something moves by itself or is held. */
  get moving() {
    return this._glide !== null || this._keys.size > 0 || this._drag !== null || Math.hypot(...this._spin) > 1e-4;
  }

  /** Go smoothly to a place {eye, target, up}; at once when movement is unwanted. */
  glideTo(place) {
    const { eye, target, up } = this.camera;
    this._spin = [0, 0];
    if (this.calm) {
      Object.assign(this.camera, place);
      this._glide = null;
    } else {
      this._glide = { from: { eye, target, up }, to: place, share: 0 };
    }
    this.calls.onmove();
  }

  /** Let `passed_s` go by; true when the camera moved. */
  turn(passed_s) {
    if (this._glide !== null) return this._glideOn(passed_s);
    let moved = false;
    if (this._keys.size > 0) moved = this._fly(passed_s);
    if (this._drag === null && Math.hypot(...this._spin) > 1e-4) {
      this._turnBy(this._spin[0] * passed_s, this._spin[1] * passed_s);
      const left = Math.exp(-INERTIA_per_s * passed_s);
      this._spin = this._spin.map((s) => (Math.abs(s * left) < 0.02 ? 0 : s * left));
      moved = true;
    }
    return moved;
  }

  _glideOn(passed_s) {
    const glide = this._glide;
    glide.share = Math.min(1, glide.share + passed_s / GLIDE_s);
    const t = glide.share;
    this.camera.between(glide.from, glide.to, t * t * (3 - 2 * t));
    if (t >= 1) {
      Object.assign(this.camera, glide.to);
      this._glide = null;
    }
    return true;
  }

  _fly(passed_s) {
    const speed = 0.9 * Math.max(0.02 * this.camera.reach, Math.min(this.camera.distance, this.camera.reach)) * Math.min(0.1, passed_s);
    const held = (key) => (this._keys.has(key) ? speed : 0);
    this.camera.move(held("d") - held("a"), held("e") - held("q"), held("w") - held("s"));
    return true;
  }

  _turnBy(yaw, pitch) {
    if (this.camera.mode === "fly") this.camera.lookAround(yaw, pitch);
    else this.camera.orbit(yaw, pitch);
  }

  _place(event) {
    const box = this.element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  _down(event) {
    this.element.focus?.({ preventScroll: true });
    try {
      this.element.setPointerCapture(event.pointerId);
    } catch {
      // A pointer that is gone already, or one made by a script: the drag works without.
    }
    const [x, y] = this._place(event);
    this._pointers.set(event.pointerId, [x, y]);
    this._glide = null;
    this._spin = [0, 0];
    const lasso = this._pointers.size === 1 && event.button === 0 && (event.altKey || this.lassoTool);
    const pan = event.shiftKey || event.button === 1 || event.button === 2;
    this._drag = { x, y, far: 0, what: lasso ? "lasso" : pan ? "pan" : "turn", points: [[x, y]], at_ms: event.timeStamp };
    if (this._pointers.size === 2) this._drag = { ...this._pinch(), what: "pinch", far: 1e9, points: [] };
  }

  _pinch() {
    const [[ax, ay], [bx, by]] = [...this._pointers.values()];
    return { x: (ax + bx) / 2, y: (ay + by) / 2, apart: Math.max(1, Math.hypot(bx - ax, by - ay)) };
  }

  _move(event) {
    const [x, y] = this._place(event);
    if (!this._pointers.has(event.pointerId)) {
      this.calls.onhover(x, y);
      return;
    }
    this._pointers.set(event.pointerId, [x, y]);
    const drag = this._drag;
    if (drag === null) return;
    if (drag.what === "pinch") {
      if (this._pointers.size === 2) this._pinched(drag);
      return;
    }
    const dx = x - drag.x;
    const dy = y - drag.y;
    drag.far += Math.hypot(dx, dy);
    drag.x = x;
    drag.y = y;
    if (drag.far < CLICK_px) return;
    if (drag.what === "lasso") {
      drag.points.push([x, y]);
      this.calls.onlasso(drag.points, false, event);
      return;
    }
    this._dragged(drag, dx, dy, event);
  }

  _dragged(drag, dx, dy, event) {
    if (drag.what === "pan") {
      const height = this.element.clientHeight || 1;
      this.camera.pan(dx / height, dy / height);
    } else {
      const sign = this.camera.mode === "fly" ? 0.5 : -1;
      const [yaw, pitch] = [sign * dx * TURN_rad_per_px, -sign * dy * TURN_rad_per_px];
      this._turnBy(yaw, this.camera.mode === "fly" ? pitch : -pitch);
      const passed_s = clampTo((event.timeStamp - drag.at_ms) / 1000, 0.004, 0.2);
      const keep = this.calm ? 0 : 0.6;
      this._spin = [keep * (yaw / passed_s), keep * ((this.camera.mode === "fly" ? pitch : -pitch) / passed_s)];
      drag.at_ms = event.timeStamp;
    }
    this.calls.onmove();
  }

  _pinched(drag) {
    const now = this._pinch();
    const height = this.element.clientHeight || 1;
    this.camera.pan((now.x - drag.x) / height, (now.y - drag.y) / height);
    this.camera.zoom(drag.apart / now.apart, ...this._towards(now.x, now.y));
    Object.assign(drag, now);
    this.calls.onmove();
  }

  _towards(x, y) {
    return [(2 * x) / (this.element.clientWidth || 1) - 1, 1 - (2 * y) / (this.element.clientHeight || 1)];
  }

  _up(event) {
    const [x, y] = this._place(event);
    const held = this._pointers.delete(event.pointerId);
    const drag = this._drag;
    if (this._pointers.size > 0) {
      const [rest] = this._pointers.values();
      this._drag = { x: rest[0], y: rest[1], far: 1e9, what: "turn", points: [], at_ms: event.timeStamp };
      return;
    }
    this._drag = null;
    if (!held || drag === null) return;
    if (drag.what === "lasso" && drag.points.length > 3) this.calls.onlasso(drag.points, true, event);
    else if (drag.far < CLICK_px) this._clicked(x, y, event);
    // A drag that stood still before it ended does not go on.
    if (event.timeStamp - (drag.at_ms ?? 0) > 80) this._spin = [0, 0];
    this.calls.onmove();
  }

  _clicked(x, y, event) {
    const last = this._lastClick;
    const again = event.timeStamp - last.at_ms < DOUBLE_ms && Math.hypot(x - last.x, y - last.y) < 3 * CLICK_px;
    this._lastClick = { at_ms: again ? -1e9 : event.timeStamp, x, y };
    if (again) this.calls.ondouble(x, y);
    else if (event.button === 0) this.calls.onclick(x, y, event);
  }

  _cancel(event) {
    this._pointers.delete(event.pointerId);
    if (this._drag?.what === "lasso") this.calls.onlasso([], true, event);
    this._drag = null;
  }

  _wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1;
    const factor = Math.exp(clampTo(event.deltaY * lines, -300, 300) * 0.0016);
    this._glide = null;
    this.camera.zoom(factor, ...this._towards(...this._place(event)));
    this.calls.onmove();
  }

  _keydown(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.toLowerCase();
    if (this.camera.mode === "fly" && FLY_KEYS.has(key)) {
      this._keys.add(key);
    } else if (event.key === "Enter") {
      event.preventDefault();
      this.calls.oninspect();
      return;
    } else if (!this._stepped(event)) {
      return;
    }
    event.preventDefault();
    this._glide = null;
    this.calls.onmove();
  }

  /** Move by one press of a key; false for keys that mean nothing here. */
  _stepped(event) {
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const arrow = arrows[event.key];
    if (arrow !== undefined) {
      const [dx, dy] = arrow;
      if (event.shiftKey) this.camera.pan(-0.06 * dx, 0.06 * dy);
      else this._turnBy(-KEY_TURN_rad * dx, (this.camera.mode === "fly" ? 1 : -1) * KEY_TURN_rad * dy);
      return true;
    }
    if (event.key === "+" || event.key === "=") this.camera.zoom(0.85);
    else if (event.key === "-" || event.key === "_") this.camera.zoom(1 / 0.85);
    else return false;
    return true;
  }
}

/** Size of the ball around places: [middle, radius]. */
export function ballAround(places, least) {
  const low = [0, 1, 2].map((k) => Math.min(...places.map((p) => p[k])));
  const high = [0, 1, 2].map((k) => Math.max(...places.map((p) => p[k])));
  const middle = low.map((v, k) => 0.5 * (v + high[k]));
  return [middle, places.reduce((most, p) => Math.max(most, length3(sub3(p, middle))), 0) + least];
}
