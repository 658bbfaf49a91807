/** The tube of a body: rings of points around a smooth line through its midline, with normals, for the graphics card. */
import { cross3, unit3 } from "./math.mjs";

/** Floats of a vertex: place x, y, z, normal x, y, z, share of the length 0..1, angle around in rad. */
export const TUBE_FLOATS = 8;
const RINGS_PER_POINT = 4;
/** Rounded ends: [how far beyond in radii, radius in radii]. */
const CAP = [[0.5, 0.85], [0.85, 0.5], [1.0, 0.0]];

function smooth(values, width, share) {
  const n = values.length / width;
  const at = share * (n - 1);
  const i = Math.min(n - 2, Math.floor(at));
  const t = at - i;
  const take = (k, j) => values[width * Math.min(n - 1, Math.max(0, k)) + j];
  return Array.from({ length: width }, (_, j) => {
    const [a, b, c, d] = [take(i - 1, j), take(i, j), take(i + 1, j), take(i + 2, j)];
    return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t * t + (3 * b - a - 3 * c + d) * t ** 3);
  });
}

/** Number of rings of a body of `points_n` points. */
export function ringsOf(points_n) {
  return RINGS_PER_POINT * (points_n - 1) + 1 + 2 * CAP.length;
}

/** Numbers of the corners of the triangles between `rings` rings of `around` points (the last repeats the first). */
export function tubeTriangles(rings, around) {
  const numbers = new Uint32Array(6 * (rings - 1) * (around - 1));
  let at = 0;
  for (let ring = 0; ring + 1 < rings; ring += 1) {
    for (let k = 0; k + 1 < around; k += 1) {
      const corner = ring * around + k;
      numbers.set([corner, corner + around, corner + 1, corner + 1, corner + around, corner + around + 1], at);
      at += 6;
    }
  }
  return numbers;
}

/** Rings along the line: {place, tangent, radius, share}, from beyond the first point to beyond the last. */
function ringLine(points, radius) {
  const n = points.length / 3;
  const steps = RINGS_PER_POINT * (n - 1);
  const places = Array.from({ length: steps + 1 }, (_, i) => smooth(points, 3, i / steps));
  const rings = places.map((place, i) => {
    const [before, after] = [places[Math.max(0, i - 1)], places[Math.min(steps, i + 1)]];
    const tangent = unit3([after[0] - before[0], after[1] - before[1], after[2] - before[2]], [1, 0, 0]);
    return { place, tangent, radius: Math.max(0, smooth(radius, 1, i / steps)[0]), share: i / steps };
  });
  const beyond = (ring, sign) => CAP.map(([far, wide]) => ({
    ...ring,
    place: ring.place.map((v, k) => v + sign * far * ring.radius * ring.tangent[k]),
    radius: wide * ring.radius,
    lean: sign * far,
  }));
  return [...beyond(rings[0], -1).reverse(), ...rings, ...beyond(rings[steps], 1)];
}

/**
 * Vertices of a tube, Float32Array (rings * around * TUBE_FLOATS).
 * @param {Float32Array} points midline, 3 numbers a point
 * @param {ArrayLike<number>} radius at each point
 * @param {number} around points of a ring; the last one lies on the first
 */
export function tubeVertices(points, radius, around) {
  const rings = ringLine(points, radius);
  const out = new Float32Array(rings.length * around * TUBE_FLOATS);
  let side = [0, 1, 0];
  let at = 0;
  for (const ring of rings) {
    side = unit3(cross3([0, 0, 1], ring.tangent), side);
    const up = cross3(ring.tangent, side);
    const lean = ring.lean ?? 0;
    for (let k = 0; k < around; k += 1) {
      const angle = (2 * Math.PI * k) / (around - 1) - Math.PI;
      const [c, s] = [Math.cos(angle), Math.sin(angle)];
      for (let j = 0; j < 3; j += 1) {
        const outwards = c * side[j] + s * up[j];
        out[at + j] = ring.place[j] + ring.radius * outwards;
        out[at + 3 + j] = outwards + lean * ring.tangent[j];
      }
      out[at + 6] = ring.share;
      out[at + 7] = angle;
      at += TUBE_FLOATS;
    }
  }
  return out;
}
