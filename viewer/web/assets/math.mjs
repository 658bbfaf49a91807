/** Vectors (arrays of 3), 4 x 4 matrices (columns one after the other, as WebGL wants them) and quaternions. */

export const add3 = (a, b) => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
export const sub3 = (a, b) => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
export const scale3 = (a, s) => [a[0] * s, a[1] * s, a[2] * s];
export const dot3 = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
export const length3 = (a) => Math.hypot(a[0], a[1], a[2]);
export const cross3 = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
/** a + s b */
export const along3 = (a, b, s) => [a[0] + s * b[0], a[1] + s * b[1], a[2] + s * b[2]];
export const mix3 = (a, b, t) => [a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1]), a[2] + t * (b[2] - a[2])];

/** Unit vector; `fallback` for a vector of no length. */
export function unit3(a, fallback = [0, 0, 1]) {
  const length = length3(a);
  return length > 1e-12 ? scale3(a, 1 / length) : fallback;
}

/** Turn `v` about a unit `axis` by an angle in radians. */
export function turn3(v, axis, angle) {
  const c = Math.cos(angle);
  const s = Math.sin(angle);
  const along = dot3(axis, v) * (1 - c);
  const side = cross3(axis, v);
  return [0, 1, 2].map((i) => v[i] * c + side[i] * s + axis[i] * along);
}

/** Matrix from the world to the camera, which looks along -z. */
export function lookMatrix(eye, look, up) {
  const back = scale3(unit3(look), -1);
  const right = unit3(cross3(up, back), [1, 0, 0]);
  const top = cross3(back, right);
  return new Float32Array([
    right[0], top[0], back[0], 0,
    right[1], top[1], back[1], 0,
    right[2], top[2], back[2], 0,
    -dot3(right, eye), -dot3(top, eye), -dot3(back, eye), 1,
  ]);
}

/** Perspective; `fov` is vertical, in radians. */
export function perspectiveMatrix(fov, aspect, near, far) {
  const f = 1 / Math.tan(fov / 2);
  const d = 1 / (near - far);
  return new Float32Array([f / aspect, 0, 0, 0, 0, f, 0, 0, 0, 0, (far + near) * d, -1, 0, 0, 2 * far * near * d, 0]);
}

/** a b */
export function multiply4(a, b) {
  const out = new Float32Array(16);
  for (let column = 0; column < 4; column += 1) {
    for (let row = 0; row < 4; row += 1) {
      let sum = 0;
      for (let k = 0; k < 4; k += 1) sum += a[4 * k + row] * b[4 * column + k];
      out[4 * column + row] = sum;
    }
  }
  return out;
}

/** Matrix times (x, y, z, 1): four numbers. */
export function transform4(m, p) {
  return [0, 1, 2, 3].map((row) => m[row] * p[0] + m[4 + row] * p[1] + m[8 + row] * p[2] + m[12 + row]);
}

/** Turn `v` by a quaternion x, y, z, w. */
export function rotateBy(q, v) {
  const u = [q[0], q[1], q[2]];
  const t = scale3(cross3(u, v), 2);
  return add3(along3(v, t, q[3]), cross3(u, t));
}

export const clampTo = (x, low, high) => Math.min(high, Math.max(low, x));

/** Largest of 1, 2, 5 times a power of ten that is not over `x`. */
export function roundLength(x) {
  const power = 10 ** Math.floor(Math.log10(x));
  const lead = x / power;
  return power * (lead >= 5 ? 5 : lead >= 2 ? 2 : 1);
}

/** True when the point (x, y) is in the polygon [[x, y], ...] (even-odd rule). */
export function inPolygon(polygon, x, y) {
  let inside = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i, i += 1) {
    const [xi, yi] = polygon[i];
    const [xj, yj] = polygon[j];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside;
  }
  return inside;
}
