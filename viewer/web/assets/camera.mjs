/**
 * `Camera`: where one looks from. It turns about a target (orbit) or about itself (fly); lengths are in um and places
 * are those of the scene, in double precision. It moves only when told to and knows of no events.
 */

import { add3, along3, clampTo, cross3, dot3, length3, lookMatrix, mix3, multiply4, perspectiveMatrix, scale3, sub3, transform4, turn3, unit3 } from "./math.mjs";

const STEEPEST_rad = 0.49 * Math.PI;
/** Height over width of what is shown lying. */
const LONG = 4;

/** A camera for a scene of the given box [[x, y, z], [x, y, z]]. */
export class Camera {
  constructor(box_um = [[-1, -1, -1], [1, 1, 1]]) {
    this.mode = "orbit";
    this.fov_deg = 45;
    this.aspect = 1;
    this.setBox(box_um);
    this.eye = [0, 0, 1];
    this.target = [0, 0, 0];
    this.up = [0, 1, 0];
    this.fit();
  }

  /** Say what there is to see. */
  setBox(box_um) {
    this.box = box_um;
    this.middle = mix3(box_um[0], box_um[1], 0.5);
    this.reach = Math.max(1e-3, 0.5 * length3(sub3(box_um[1], box_um[0])));
  }

  get look() {
    return unit3(sub3(this.target, this.eye), [0, 0, -1]);
  }

  get distance() {
    return Math.max(1e-6, length3(sub3(this.target, this.eye)));
  }

  get right() {
    return unit3(cross3(this.look, this.up), [1, 0, 0]);
  }

  /** Up as seen, at right angles to the look. */
  get top() {
    return cross3(this.right, this.look);
  }

  get fov() {
    return (this.fov_deg * Math.PI) / 180;
  }

  /** Distance from which a ball of this radius is all in view. */
  distanceFor(radius) {
    const half = Math.min(this.fov / 2, Math.atan(Math.tan(this.fov / 2) * this.aspect));
    return (1.02 * radius) / Math.sin(half);
  }

  /** True of what is long and thin along y and would be seen larger lying across. */
  get _lies() {
    const [width, height] = sub3(this.box[1], this.box[0]);
    return height > LONG * width && this.aspect > 1.1;
  }

  /** Distance along -z from which the box is all in view. */
  _distanceOfBox() {
    const sides = sub3(this.box[1], this.box[0]).map((d) => Math.max(d, 0.02 * this.reach));
    const [width, height, depth] = this._lies ? [sides[1], sides[0], sides[2]] : sides;
    const t = Math.tan(this.fov / 2);
    return 0.5 * depth + 1.06 * Math.max(height / (2 * t), width / (2 * t * this.aspect));
  }

  /** Where `fit` goes: from outside along -z, y up (of what is long and thin: across), everything in view. */
  fitPlace() {
    const up = this._lies ? [1, 0, 0] : [0, 1, 0];
    return { eye: along3(this.middle, [0, 0, 1], this._distanceOfBox()), target: this.middle, up };
  }

  /** Look at everything along -z. */
  fit() {
    Object.assign(this, this.fitPlace());
  }

  /** Turn about the target, angles in radians: `yaw` about up, `pitch` about right. */
  orbit(yaw, pitch) {
    const from = sub3(this.eye, this.target);
    const turned = this._turned(from, yaw, pitch, -1);
    this.eye = add3(this.target, turned);
  }

  /** Look elsewhere from the same place. */
  lookAround(yaw, pitch) {
    const turned = this._turned(sub3(this.target, this.eye), yaw, pitch, 1);
    this.target = add3(this.eye, turned);
  }

  _turned(v, yaw, pitch, sign) {
    const up = unit3(this.up, [0, 1, 0]);
    const level = turn3(v, up, yaw);
    const steep = Math.asin(clampTo(dot3(unit3(level), up), -1, 1));
    const tilt = clampTo(steep + sign * pitch, -STEEPEST_rad, STEEPEST_rad) - steep;
    const side = unit3(cross3(level, up), this.right);
    return turn3(level, side, tilt);
  }

  /** Move sideways by fractions of the picture's height at the target. */
  pan(dx, dy) {
    const height = 2 * this.distance * Math.tan(this.fov / 2);
    const by = add3(scale3(this.right, -dx * height), scale3(this.top, dy * height));
    this.eye = add3(this.eye, by);
    this.target = add3(this.target, by);
  }

  /** Come nearer (factor < 1) to what is at x, y (-1..1) of the picture, at the distance of the target. */
  zoom(factor, x = 0, y = 0) {
    const limited = clampTo(this.distance * factor, 1e-4 * this.reach, 40 * this.reach) / this.distance;
    const t = Math.tan(this.fov / 2) * this.distance;
    const under = add3(this.target, add3(scale3(this.right, x * t * this.aspect), scale3(this.top, y * t)));
    this.eye = add3(under, scale3(sub3(this.eye, under), limited));
    this.target = add3(under, scale3(sub3(this.target, under), limited));
  }

  /** Fly by lengths along right, top and look. */
  move(right, top, ahead) {
    const by = add3(add3(scale3(this.right, right), scale3(this.top, top)), scale3(this.look, ahead));
    this.eye = add3(this.eye, by);
    this.target = add3(this.target, by);
  }

  /** Where to stand to see a ball, without turning. */
  placeFor(middle, radius) {
    return { eye: along3(middle, this.look, -this.distanceFor(radius)), target: middle, up: this.up };
  }

  /** Go a part t of the way between two places. */
  between(a, b, t) {
    this.eye = mix3(a.eye, b.eye, t);
    this.target = mix3(a.target, b.target, t);
    this.up = unit3(mix3(a.up, b.up, t), b.up);
  }

  /** Take eye, look, up and fov of a view state. */
  restore({ eye, look, up, fov }) {
    if (fov) this.fov_deg = clampTo(fov, 5, 120);
    if (up) this.up = unit3(up, [0, 1, 0]);
    if (!eye) return;
    const towards = unit3(look ?? sub3(this.middle, eye), [0, 0, -1]);
    const ahead = dot3(sub3(this.middle, eye), towards);
    this.eye = [...eye];
    this.target = along3(eye, towards, Math.max(ahead, 0.05 * this.reach));
  }

  /** Matrices for places relative to `origin`, and what shaders need beside them. */
  matrices(origin, height_px) {
    const eye = sub3(this.eye, origin);
    const away = length3(sub3(this.eye, this.middle));
    const far = away + 1.6 * this.reach;
    const near = Math.max(away - 1.6 * this.reach, Math.min(0.02 * this.distance, 0.02 * this.reach), 2e-5 * far);
    const view = lookMatrix(eye, this.look, this.up);
    const projection = perspectiveMatrix(this.fov, this.aspect, near, far);
    const scale = height_px / (2 * Math.tan(this.fov / 2));
    return { view, projection, both: multiply4(projection, view), near, far, scale, eye, away };
  }

  /** Place of a point in the picture: x, y in -1..1 and the depth in um (negative behind). */
  project(point) {
    const m = this.matrices(this.middle, 2);
    const [x, y, , w] = transform4(m.both, sub3(point, this.middle));
    return { x: x / w, y: y / w, depth: w };
  }
}
