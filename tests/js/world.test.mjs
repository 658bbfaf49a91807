// What surrounds the cells: parts of a frame, lines that grow, tubes, the kymograph's colours.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { GrowingLine, WorldData, partsOf } from "../../viewer/web/assets/world_data.mjs";
import { TUBE_FLOATS, ringsOf, tubeTriangles, tubeVertices } from "../../viewer/web/assets/world_tube.mjs";
import { kymographImage } from "../../viewer/web/assets/kymograph.mjs";
import { decodeField, decodeWorldRows } from "../../viewer/web/assets/world_wire.mjs";
import { decodeFrame } from "../../viewer/web/assets/wire.mjs";

globalThis.ImageData = class {
  constructor(width, height) {
    Object.assign(this, { width, height, data: new Uint8ClampedArray(4 * width * height) });
  }
};

// Written by tests/unit/test_world_js.py: what Python encodes, and what was in it.
const folder = process.env.NEUROSIM_WORLD_CASES;
const bytes = (name) => {
  const data = readFileSync(`${folder}/${name}`);
  return data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
};
const meant = JSON.parse(readFileSync(`${folder}/meant.json`, "utf8"));

test("a frame is cut into the parts that were described", () => {
  const frame = decodeFrame(bytes("frame"));
  assert.equal(frame.tag, meant.said.tag);
  const parts = partsOf(meant.said, frame.body.numbers);
  assert.deepEqual([...parts.bodies[0].points], meant.points);
  assert.deepEqual(parts.bodies[0].muscles.map((row) => [...row]), meant.muscles);
  assert.deepEqual([...parts.curves[0]], meant.curve);
  assert.deepEqual([...parts.scalars], meant.scalars);
  assert.throws(() => partsOf({ ...meant.said, tracks: [] }, frame.body.numbers), /described/);
});

test("fields and the past come through as they were", () => {
  const field = decodeField(bytes("field"));
  assert.deepEqual([field.columns, field.rows], meant.field.shape);
  assert.equal(field.values[5], meant.field.fifth);
  const rows = decodeWorldRows(bytes("rows"));
  assert.deepEqual([...rows.time_ms], meant.rows.time_ms);
  assert.deepEqual([...rows.tracks[0]], meant.rows.track);
  assert.deepEqual([...rows.curves[0].values], meant.rows.curve);
  assert.throws(() => decodeField(bytes("rows")), /mark/);
});

test("a line of any length is bounded and keeps its begin", () => {
  const line = new GrowingLine(8);
  for (let i = 0; i < 100; i += 1) line.add([i, 0, 0]);
  assert.ok(line.n <= 8);
  const xs = Array.from({ length: line.n }, (_, i) => line.points[3 * i]);
  assert.equal(xs[0], 0);
  assert.deepEqual(xs, xs.map((_, i) => i * (xs[1] - xs[0])));
});

test("frames of another description are not read", () => {
  const data = new WorldData({ get: () => Promise.reject(new Error("not asked")) });
  let moved = 0;
  data.addEventListener("moved", () => (moved += 1));
  data.describe({ tag: 2, bodies: [], curves: [], tracks: [], scalars: [{ name: "a", unit: "" }], fields: [] });
  data.frame({ tag: 1, t_ms: 1, body: { numbers: new Float32Array(9) } });
  assert.equal(moved, 0);
  data.frame({ tag: 2, t_ms: 1, body: { numbers: new Float32Array([7]) } });
  assert.deepEqual([moved, data.parts.scalars[0], data.t_ms], [1, 7, 1]);
});

test("a track has its past and what came while that was fetched", async () => {
  const past = bytes("rows");
  let give;
  const data = new WorldData({ get: () => new Promise((done) => (give = () => done(past))) });
  data.describe({ tag: 1, bodies: [], curves: [], tracks: [{ name: "a" }], scalars: [], fields: [] });
  const at = (t_ms, x) => data.frame({ tag: 1, t_ms, body: { numbers: new Float32Array([x, 0, 0]) } });
  at(280, 100);
  at(320, 101);
  const came = new Promise((done) => data.addEventListener("track", done));
  give();
  await came;
  at(360, 102);
  const [line] = data.lines;
  const n = meant.rows.time_ms.length;
  assert.equal(line.n, n + 3);
  assert.deepEqual([0, 1, 2].map((i) => line.points[3 * (n + i)]), [100, 101, 102]);
  assert.equal(line.points[0], meant.rows.track[0]);
});

test("a straight tube has its radius everywhere, and its left is at angle 0", () => {
  const points = new Float32Array([0, 0, 0, 1, 0, 0, 2, 0, 0]);
  const around = 9;
  const vertices = tubeVertices(points, [0.5, 0.5, 0.5], around);
  const rings = ringsOf(3);
  assert.equal(vertices.length, rings * around * TUBE_FLOATS);
  const middle = Math.floor(rings / 2) * around * TUBE_FLOATS;
  for (let k = 0; k < around; k += 1) {
    const [x, y, z, , , , share, angle] = vertices.subarray(middle + k * TUBE_FLOATS, middle + (k + 1) * TUBE_FLOATS);
    assert.ok(Math.abs(Math.hypot(y, z) - 0.5) < 1e-6 && Math.abs(x - 1) < 1e-6 && share === 0.5);
    // The way goes along +x, so its left is +y and up is +z.
    assert.ok(Math.abs(y - 0.5 * Math.cos(angle)) < 1e-6 && Math.abs(z - 0.5 * Math.sin(angle)) < 1e-6);
  }
  const corners = tubeTriangles(rings, around);
  assert.equal(Math.max(...corners), rings * around - 1);
});

test("the kymograph has the nearest row in each column, the head above, and nothing in gaps", () => {
  const table = Uint8Array.from({ length: 1024 }, (_, i) => (i % 4 === 3 ? 255 : i >> 2));
  const curve = { width: 2, values: new Float32Array([1, -1, 0, 0, -1, 1]) };
  const rows = { time_ms: [0, 10, 20], curve };
  const shown = (low, high, columns) => kymographImage(rows, { low, high, columns, limit: 1, table });
  const near = shown(-5, 25, 3);
  const red = (x, y) => near.data[4 * (y * 3 + x)];
  assert.deepEqual([red(0, 0), red(0, 1), red(1, 0), red(2, 0), red(2, 1)], [255, 0, 128, 0, 255]);
  const far = shown(-50, 200, 5);
  assert.deepEqual([0, 1, 2, 3, 4].map((x) => far.data[4 * x + 3]), [255, 255, 255, 0, 0]);
});
