/** The parts of the 3-D view that need no browser: camera, clock, activity, store, budget, voltages, colours. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { CellActivity, NEVER_ms } from "../../viewer/web/assets/activity.mjs";
import { Budget } from "../../viewer/web/assets/budget.mjs";
import { Camera } from "../../viewer/web/assets/camera.mjs";
import { SceneClock } from "../../viewer/web/assets/clock.mjs";
import { MAP_NAMES, categoryColour, mapColour, mapTable } from "../../viewer/web/assets/colours.mjs";
import { rateOfByte } from "../../viewer/web/assets/gl_stage.mjs";
import { Voltages } from "../../viewer/web/assets/gl_voltages.mjs";
import { categoriesOf, colourModes, legendOf } from "../../viewer/web/assets/looks.mjs";
import { inPolygon, length3, roundLength, sub3 } from "../../viewer/web/assets/math.mjs";
import { makePicture, rowOf } from "../../viewer/web/assets/picture.mjs";
import { SceneStore } from "../../viewer/web/assets/store.mjs";

const close = (a, b, most = 1e-6) => assert.ok(Math.abs(a - b) <= most, `${a} is not ${b}`);
const BOX = [[0, 0, 0], [100, 400, 60]];

function spikesFrame(t_ms, span_ms, spikes, flags = 0) {
  const ranks = Uint32Array.from(spikes, ([rank]) => rank);
  const age = Uint16Array.from(spikes, ([, time]) => Math.round(((t_ms - time) / span_ms) * 65535));
  return { kind: 1, flags, tag: 0, t_ms, count: ranks.length, seq: 0, body: { span_ms, ranks, age } };
}

// --- camera ---

test("the first camera looks along -z from outside and has all corners in view", () => {
  for (const aspect of [0.4, 1, 3]) {
    const camera = new Camera(BOX);
    camera.aspect = aspect;
    camera.fit();
    assert.deepEqual(camera.look.map((x) => x + 0), [0, 0, -1]);
    assert.ok(camera.eye[2] > BOX[1][2]);
    for (let corner = 0; corner < 8; corner += 1) {
      const { x, y, depth } = camera.project([0, 1, 2].map((k) => BOX[(corner >> k) & 1][k]));
      assert.ok(Math.abs(x) <= 1 && Math.abs(y) <= 1 && depth > 0);
    }
  }
});

test("turning keeps the distance and never tips over", () => {
  const camera = new Camera(BOX);
  const before = camera.distance;
  for (let i = 0; i < 50; i += 1) {
    camera.orbit(0.3, i % 7 === 0 ? 2 : -0.4);
    close(camera.distance, before, 1e-6 * before);
    assert.ok(camera.top[1] > 0);
  }
});

test("zooming keeps what is under the cursor under the cursor", () => {
  const camera = new Camera(BOX);
  camera.aspect = 1.5;
  camera.orbit(0.4, 0.2);
  const t = Math.tan(camera.fov / 2) * camera.distance;
  const [x, y] = [0.6, -0.3];
  const under = [0, 1, 2].map((k) => camera.target[k] + camera.right[k] * x * t * 1.5 + camera.top[k] * y * t);
  camera.zoom(0.3, x, y);
  const after = camera.project(under);
  close(after.x, x, 1e-4);
  close(after.y, y, 1e-4);
});

test("a restored camera is where it was", () => {
  const camera = new Camera(BOX);
  camera.orbit(0.7, -0.2);
  const kept = { eye: camera.eye, look: camera.look, up: camera.up, fov: 50 };
  const other = new Camera(BOX);
  other.restore(kept);
  assert.ok(length3(sub3(other.look, kept.look)) < 1e-9);
  assert.deepEqual(other.eye, kept.eye);
  assert.equal(other.fov_deg, 50);
});

// --- clock ---

test("the clock never runs ahead, never back, and arrives", () => {
  const clock = new SceneClock();
  clock.frame(0, true, 0);
  let now = 0;
  let last = 0;
  for (let k = 1; k <= 90; k += 1) {
    // Frames come in pairs, as they do over a network.
    if (k % 2 === 0) {
      clock.frame(k - 1, false, now);
      clock.frame(k, false, now + 0.001);
    }
    for (let i = 0; i < 2; i += 1) {
      now += 1 / 60;
      clock.turn(now);
      assert.ok(clock.t_ms <= clock.known_ms && clock.t_ms >= last);
      last = clock.t_ms;
    }
  }
  close(clock.rate, 30, 3);
  clock.turn(now + 1);
  clock.turn(now + 2);
  assert.equal(clock.t_ms, 90);
  assert.equal(clock.running, false);
});

test("a jump moves the clock at once, forward and back", () => {
  const clock = new SceneClock();
  clock.frame(500, true, 1);
  assert.equal(clock.t_ms, 500);
  clock.frame(20, true, 1.1);
  assert.equal(clock.t_ms, 20);
});

// --- activity ---

test("the last spike of each cell is kept, also over a new epoch", () => {
  const activity = new CellActivity(10, 4);
  activity.spikes(spikesFrame(100, 10, [[3, 95], [7, 100]]));
  assert.equal(activity.taken(), null);
  activity.spikes(spikesFrame(40_000, 10, [[7, 39_995]]));
  close(activity.lastSpike(3), 95, 0.01);
  close(activity.lastSpike(7), 39_995, 0.01);
  assert.equal(activity.lastSpike(0), -Infinity);
  assert.equal(activity.values[0], NEVER_ms);
  assert.equal(activity.taken(), null);
});

test("only what changed is sent again", () => {
  const activity = new CellActivity(10, 4);
  activity.taken();
  activity.spikes(spikesFrame(10, 10, [[2, 4], [2, 6], [9, 10]]));
  assert.deepEqual([...activity.taken()], [2, 2, 9]);
  assert.deepEqual([...activity.taken()], []);
});

test("a steady cell's rate is estimated", () => {
  const activity = new CellActivity(1, 1);
  for (let k = 1; k <= 200; k += 1) activity.spikes(spikesFrame(20 * k, 20, [[0, 20 * k]]));
  close(activity.values[1], 50, 3);
});

test("a spike of a cell that is not there is refused", () => {
  const activity = new CellActivity(3, 2);
  assert.throws(() => activity.spikes(spikesFrame(1, 1, [[3, 1]])), /there are 3 cells/);
});

// --- store and picture ---

function nodeBytes(node, n) {
  const words = new Uint32Array(4 + n + Math.ceil((6 * n) / 4) + n + 2 * Math.ceil((2 * n) / 4) + 2 * n);
  words.set([0x3143564e, node, n, 0]);
  for (let i = 0; i < n; i += 1) words[4 + i] = 100 * node + i;
  return words.buffer;
}

test("the store fetches a few at a time and what a newer view does not want not at all", async () => {
  const asked = [];
  const answers = [];
  const store = new SceneStore({ get: (path) => (asked.push(path), new Promise((done) => answers.push(done))) }, { mostFlights: 2 });
  store.want([1, 2, 3, 4]);
  assert.equal(asked.length, 2);
  store.want([5]);
  answers.forEach((done, i) => done(nodeBytes(i + 1, 3)));
  await new Promise((done) => setTimeout(done, 5));
  assert.deepEqual(asked, ["/api/node/1", "/api/node/2", "/api/node/5"]);
  assert.deepEqual([...store.node(2).rank], [200, 201, 202]);
});

/** One template of no points. */
function templateBytes(template, level) {
  return Uint8Array.from(new Uint8Array(Uint32Array.of(0x3154564e, template, level, 0, 1, 0).buffer));
}

function manyBytes(items) {
  const words = Uint32Array.of(0x314d564e, items.length, ...items.map((item) => item.length));
  return Uint8Array.from([...new Uint8Array(words.buffer), ...items.flatMap((item) => [...item])]).buffer;
}

/** A server that gives at most `most` templates at a time, and none when one of them is template 13. */
function templateServer(most = 64) {
  const asked = [];
  const get = async (path) => {
    asked.push(path);
    const [, , what, ...rest] = path.split("/");
    if (rest[0].split(/[.-]/).includes("13")) throw new Error("no template 13");
    if (what === "template") return templateBytes(...rest.map(Number)).buffer;
    const wanted = rest[0].split("-").map((name) => name.split(".").map(Number));
    return manyBytes(wanted.slice(0, most).map(([template, level]) => templateBytes(template, level)));
  };
  return { asked, get };
}

/** Want templates until nothing more is on its way. */
async function wantTemplates(store, templates, rounds = 6) {
  for (let i = 0; i < rounds; i += 1) {
    store.want([], templates.map((template) => [template, 2]));
    await new Promise((done) => setTimeout(done, 2));
  }
}

test("templates come many in one request", async () => {
  const server = templateServer();
  const store = new SceneStore(server);
  await wantTemplates(store, [...Array(70).keys()].filter((t) => t !== 13));
  assert.equal(server.asked.length, 2);
  assert.equal(store.templates_n, 69);
  assert.equal(store.skeleton(69, 2).template, 69);
});

test("what an answer leaves out is asked for again", async () => {
  const server = templateServer(4);
  const store = new SceneStore(server);
  await wantTemplates(store, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
  assert.deepEqual(server.asked, ["/api/templates/0.2-1.2-2.2-3.2-4.2-5.2-6.2-7.2-8.2", "/api/templates/4.2-5.2-6.2-7.2-8.2", "/api/template/8/2"]);
  assert.equal(store.templates_n, 9);
});

test("a template that cannot be had keeps no other away", async () => {
  const store = new SceneStore(templateServer());
  const faults = [];
  store.onfault = (error) => faults.push(error.message);
  await wantTemplates(store, [11, 12, 13, 14]);
  assert.equal(store.templates_n, 3);
  assert.deepEqual(faults.map((text) => text.split(":")[0]), ["/api/template/13/2"]);
});

test("the store forgets what was used longest ago when it is full", async () => {
  const dropped = [];
  const store = new SceneStore({ get: async (path) => nodeBytes(Number(path.split("/")[3]), 100) }, { mostBytes: 9000 });
  store.ondrop = (record) => dropped.push(record.node);
  for (let node = 0; node < 8; node += 1) {
    store.want([node]);
    await new Promise((done) => setTimeout(done, 2));
  }
  assert.ok(store.bytes <= 9000 + 3000);
  assert.deepEqual(dropped.slice(0, 2), [0, 1]);
  assert.notEqual(store.node(7), null);
});

test("what cannot be had is tried again and then said", async () => {
  let tries = 0;
  const faults = [];
  const store = new SceneStore({ get: async () => { tries += 1; throw new Error("gone"); } });
  store.onfault = (error) => faults.push(error.message);
  store.onload = () => store.want([3]);
  store.want([3]);
  await new Promise((done) => setTimeout(done, 1800));
  assert.equal(tries, 3);
  assert.match(faults[0], /node\/3: gone/);
});

test("a picture has each detailed cell once, in groups of its template and level", () => {
  const record = { n: 4, position: new Uint16Array(12), rank: Uint32Array.of(10, 11, 12, 13), template: Uint16Array.of(0, 1, 0, 0xffff), kind: new Uint16Array(4), turn: new Int16Array(16) };
  const skeleton = { n: 3, parent: Int32Array.of(-1, 0, 1), radius_um: Float32Array.of(1, 1, 1), node: new Int32Array(3) };
  const store = { node: (id) => (id === 5 ? record : null), skeleton: (t, level) => (t === 1 && level === 2 ? null : skeleton) };
  const answer = { nodes: [5, 6], ranks: [10, 11, 12, 13], levels: [0, 2, 0, 0] };
  const picture = makePicture(1, answer, store, { size: [1, 1, 1], eye: [0, 0, 5], near_um: 10, voltageOf: () => -1 });
  assert.deepEqual(picture.groups.map((g) => [g.template, g.level, g.count]), [[0, 0, 2]]);
  assert.deepEqual([...picture.detailedRanks], [10, 12]);
  assert.deepEqual(picture.missing, { nodes: [6], skeletons: [[1, 2]] });
  assert.equal(picture.primitives, 4 + 2 * 2);
  assert.deepEqual([...picture.nodes[0].drawn], [1, 0, 1, 0]);
  assert.equal(picture.groupOf(picture.instanceOf(12)).near, true);
  assert.equal(picture.instanceOf(11), -1);
  assert.equal(rowOf(record, 12), 2);
  assert.equal(rowOf(record, 14), -1);
});

// --- voltages, budget, colours ---

test("voltages are told apart by cell, and those of another subscription are left", () => {
  const voltages = new Voltages();
  assert.equal(voltages.ask([[4, 2], [9, 3]]), true);
  voltages.asked(7);
  assert.equal(voltages.ask([[4, 2], [9, 3]]), false);
  voltages.accepted(7, [4, 9]);
  const body = { low_mV: -90, high_mV: 40, values: Uint8Array.of(0, 255, 51, 102, 153) };
  assert.equal(voltages.frame({ tag: 6, count: 5, body }), false);
  assert.equal(voltages.frame({ tag: 7, count: 5, body }), true);
  assert.equal(voltages.at(4, 0), null);
  close(voltages.at(4, 1), 40);
  close(voltages.at(9, 2), -12);
  assert.equal(voltages.at(9, 3), null);
  assert.deepEqual([...voltages.all().ranks], [4, 9, 9, 9]);
  assert.throws(() => voltages.frame({ tag: 7, count: 4, body }), /4 compartments came, 5 belong/);
});

test("the budget falls when frames are slow, rises when they are quick, and rests between", () => {
  const run = (took, budget = new Budget(false)) => {
    const start = budget.primitives;
    for (let k = 0; k < 400; k += 1) budget.frame(took(budget.primitives), budget.primitives, 20 * k);
    return budget.primitives / start;
  };
  assert.ok(run((n) => n / 5000) < 0.5);
  assert.ok(run((n) => n / 1e6) > 1.4);
  assert.equal(run(() => 40), 1);
});

test("a reduction that does not help is taken back", () => {
  const budget = new Budget(true);
  for (let k = 0; k < 400; k += 1) budget.frame(300, budget.primitives, 20 * k);
  assert.equal(budget.primitives, 50_000);
});

test("the colour maps go from dark to light and their tables agree with them", () => {
  for (const name of MAP_NAMES) {
    const light = [...Array(33).keys()].map((i) => mapColour(name, i / 32)).map(([r, g, b]) => 0.21 * r + 0.72 * g + 0.07 * b);
    for (let i = 2; i < light.length; i += 1) assert.ok(light[i] > light[i - 1] - 0.012, `${name} at ${i}`);
    const table = mapTable(name);
    mapColour(name, 100 / 255).forEach((c, k) => assert.equal(table[400 + k], Math.round(255 * c)));
  }
});

test("categories are in order and their colours differ", () => {
  const kinds = ["10", "9", "2"].map((layer) => ({ population: "E", facts: { layer } }));
  assert.deepEqual(categoriesOf(kinds, "layer"), ["2", "9", "10"]);
  assert.deepEqual(colourModes({ kinds }).map((mode) => mode.name), ["spikes", "voltage", "rate", "population", "layer"]);
  const colours = new Set([...Array(24).keys()].map((i) => categoryColour(i, "dark").map((c) => c.toFixed(2)).join()));
  assert.equal(colours.size, 24);
  const legend = legendOf({ kinds, mode: "voltage", theme: "dark", map: "magma", range: [-80, 20], tau_ms: 10 });
  assert.deepEqual(legend.ticks, ["-80", "-30", "20"]);
});

test("a byte of a node's activity is a rate", () => {
  for (const rate of [0, 0.5, 8, 120]) close(rateOfByte(Math.round(16 * Math.log2(1 + rate))), rate, 0.025 * (1 + rate));
});

test("lengths and lassos", () => {
  assert.deepEqual([0.07, 3, 45, 1999].map(roundLength).map((x) => Number(x.toPrecision(3))), [0.05, 2, 20, 1000]);
  const bent = [[0, 0], [10, 0], [10, 10], [5, 2], [0, 10]];
  assert.deepEqual([[5, 1], [5, 5], [1, 6], [11, 1]].map(([x, y]) => inPolygon(bent, x, y)), [true, false, true, false]);
});
