// The page's modules that need no browser: queries, words for numbers, addresses, bookmarks, traces.
import assert from "node:assert/strict";
import test from "node:test";

import { checkedState, linkTo, stateFromHash, stateToHash } from "../../viewer/web/assets/address.mjs";
import { readBookmarks } from "../../viewer/web/assets/bookmarks.mjs";
import { countInBins } from "../../viewer/web/assets/histogram.mjs";
import { QueryError, cellsOf, parseQuery } from "../../viewer/web/assets/query.mjs";
import { columnExtremes, roundUp, sayCount, sayFault, sayNumber, sayTick, sayTime, sayWait, ticksBetween } from "../../viewer/web/assets/saying.mjs";
import { GrowingTrace } from "../../viewer/web/assets/traces.mjs";
import { PageState } from "../../viewer/web/assets/page_state.mjs";

const FACTS = { population: { E: [0, 1, 2], I: [3, 4] }, layer: { 4: [0, 3], 5: [1, 4], "2/3": [2] } };

async function ask(query) {
  const [[name, values]] = Object.entries(query);
  if (!Object.hasOwn(FACTS, name)) throw new Error(`no fact ${name}`);
  return Uint32Array.from([values].flat().flatMap((value) => FACTS[name][value] ?? []).sort());
}

const found = async (text) => [...(await cellsOf(parseQuery(text), ask, 6))];

test("queries find what they say", async () => {
  assert.deepEqual(await found("population = E and layer = 4"), [0]);
  assert.deepEqual(await found("population = E and (layer = 4 or layer = 5)"), [0, 1]);
  assert.deepEqual(await found("layer in (4, 5)"), [0, 1, 3, 4]);
  assert.deepEqual(await found("not population = E"), [3, 4, 5]);
  assert.deepEqual(await found("population != E and layer = 5"), [4]);
  assert.deepEqual(await found('layer = "2/3"'), [2]);
  assert.deepEqual(await found("population = E or population = I and layer = 4"), [0, 1, 2, 3]);
  assert.deepEqual(await found("NOT NOT all"), [0, 1, 2, 3, 4, 5]);
});

test("gids are numbers, other facts are text", async () => {
  const asked = [];
  await cellsOf(parseQuery("gid in (3, 5) and layer = 4"), async (q) => (asked.push(q), new Uint32Array(0)), 6);
  assert.deepEqual(asked, [{ gid: [3, 5] }, { layer: "4" }]);
});

test("queries that are wrong say where", () => {
  const wrong = { "": 0, "population =": 12, "= 4": 0, "(a = 1": 6, "a = 1 b = 2": 6, "a in 4": 5, "a = (1)": 4, "a ! 1": 2, 'a = "x': 4 };
  for (const [text, at] of Object.entries(wrong)) {
    assert.throws(() => parseQuery(text), (error) => error instanceof QueryError && error.at === at, text);
  }
});

test("queries have a longest length and a deepest bracket", () => {
  assert.throws(() => parseQuery(`${"(".repeat(100)}a = 1${")".repeat(100)}`), QueryError);
  assert.throws(() => parseQuery(`a = ${"1".repeat(3000)}`), QueryError);
});

test("a query is never code", async () => {
  globalThis.touched = false;
  await assert.rejects(found("constructor = \"globalThis.touched = true\""));
  assert.equal(globalThis.touched, false);
  delete globalThis.touched;
});

test("numbers are said briefly", () => {
  assert.equal(sayNumber(0.031234), "0.0312");
  assert.equal(sayNumber(-65.04), "-65");
  assert.equal(sayNumber(1.5e7), "1.50e7");
  assert.equal(sayCount(10_000_000), "10,000,000");
  assert.deepEqual([250, 20_000, 1.5e6, 1e7, -80].map(sayTick), ["250", "20k", "1.5M", "10M", "-80"]);
  assert.equal(sayTime(123.456), "123.5 ms");
  assert.equal(sayTime(65_000), "65.00 s");
  assert.equal(sayWait(75), "75 s");
  assert.equal(sayWait(7260), "2 h 1 min");
  assert.equal(sayWait(NaN), "–");
});

test("what the server says is told without its wrapping", () => {
  assert.equal(sayFault(new Error('/api/x: the server answers 422: {"error": "layer: \\"9\\" is not there"}')), 'layer: "9" is not there');
  assert.equal(sayFault(new TypeError("Failed to fetch")), "the server does not answer");
});

test("ticks are round and within", () => {
  assert.deepEqual(ticksBetween(0, 100, 5), [0, 20, 40, 60, 80, 100]);
  assert.deepEqual(ticksBetween(-90, 20, 3), [-50, 0]);
  assert.deepEqual(ticksBetween(1, 1, 5), []);
  assert.equal(roundUp(13), 15);
  assert.equal(roundUp(0), 1);
});

test("decimation keeps the lowest and highest of each column", () => {
  const values = Float32Array.from({ length: 1000 }, (_, i) => (i === 503 ? 30 : -65));
  const { low, high } = columnExtremes(values, 0, 0.1, 0, 100, 10);
  assert.deepEqual([...low], Array(10).fill(-65));
  assert.deepEqual([...high], [-65, -65, -65, -65, -65, 30, -65, -65, -65, -65]);
});

test("decimation leaves columns without a value empty", () => {
  const { low } = columnExtremes(Float32Array.of(1, 2), 50, 10, 0, 100, 10);
  assert.deepEqual([...low].map(Number.isNaN), [true, true, true, true, true, false, false, true, true, true]);
});

test("a value at an edge of a bin belongs above it", () => {
  assert.deepEqual([...countInBins([0, 2.5, 5, 7.5, 99, -1], 0, 10, 4)], [2, 1, 1, 2]);
});

test("a live trace grows without doubles, and begins anew after a gap", () => {
  const trace = new GrowingTrace();
  trace.add({ start_ms: 0, step_ms: 0.5, values_mV: Float32Array.of(1, 2, 3) });
  trace.add({ start_ms: 1, step_ms: 0.5, values_mV: Float32Array.of(3, 4) });
  assert.deepEqual([...trace.values_mV], [1, 2, 3, 4]);
  assert.equal(trace.at(1.2), 3);
  assert.ok(Number.isNaN(trace.at(9)));
  trace.add({ start_ms: 10, step_ms: 0.5, values_mV: Float32Array.of(7) });
  assert.deepEqual([trace.start_ms, ...trace.values_mV], [10, 7]);
});

test("a live trace forgets the oldest and keeps the times of the rest", () => {
  const trace = new GrowingTrace();
  for (let k = 0; k < 50; k += 1) {
    trace.add({ start_ms: k * 1000, step_ms: 0.1, values_mV: new Float32Array(10_000).fill(k) });
  }
  assert.ok(trace.n <= 400_000);
  assert.equal(trace.at(49_500), 49);
  assert.equal(trace.at(40_500), 40);
  assert.ok(Number.isNaN(trace.at(10)));
});

test("an address gives back the view, and holds no query", () => {
  const state = {
    eye: [1.5, -2, 3], look: [0, 0, -1], up: [0, 1, 0], fov: 45, colour: "fact:type", range: [-80, 10], map: "viridis",
    clip: { axis: "x", at: 12, flip: false }, selection: [1, 2], t_ms: 7.25, theme: "light", tau_ms: 5, velocity_um_per_ms: 200,
  };
  assert.deepEqual(stateFromHash(stateToHash(state)), state);
  const here = { origin: "http://127.0.0.1:1", pathname: "/", search: "?token=secret" };
  assert.ok(!linkTo(state, here).includes("secret"));
});

test("what is not a view is left out of one", () => {
  assert.deepEqual(checkedState(null), {});
  assert.deepEqual(checkedState({ eye: [1, 2], fov: "wide", colour: "x;y", map: "jet", range: [5, 1], t_ms: NaN, clip: { axis: "q" } }), {});
  assert.deepEqual(checkedState({ selection: [1, -1, 2.5, "3", 4] }), { selection: [1, 4] });
  assert.equal(checkedState({ selection: Array.from({ length: 5000 }, (_, i) => i) }).selection.length, 1000);
  assert.deepEqual(stateFromHash("#v=%7Bbroken"), {});
  assert.deepEqual(stateFromHash("#elsewhere"), {});
});

test("bookmarks are read from a list or an export, and nothing else", () => {
  const mark = { name: "here", state: { fov: 45 } };
  assert.deepEqual(readBookmarks(JSON.stringify([mark, { name: 5 }, null])), [mark]);
  assert.deepEqual(readBookmarks(JSON.stringify({ bookmarks: [mark] })), [mark]);
  assert.throws(() => readBookmarks('{"a": 1}'));
  assert.throws(() => readBookmarks("no JSON"));
});

test("the stretch that is shown follows a run, and stays where it was chosen", () => {
  const state = new PageState();
  state.setScene({ live: true, n: 1, kinds: [], start_ms: 0 });
  state.setStatus({ t_ms: 2000, start_ms: 0, stop_ms: 5000, spikes_n: 0 });
  assert.deepEqual(state.shown, { start_ms: 1500, stop_ms: 2000 });
  state.setWindow({ start_ms: 100, stop_ms: 300 });
  state.setStatus({ t_ms: 3000, start_ms: 0, stop_ms: 5000, spikes_n: 0 });
  assert.deepEqual(state.shown, { start_ms: 100, stop_ms: 300 });
  state.setWindow({ start_ms: 5, stop_ms: 5 });
  assert.equal(state.window, null);
});

test("traced compartments are few, each with a colour of its own", () => {
  const state = new PageState();
  for (let k = 0; k < 12; k += 1) state.pick({ rank: k, node: 0, label: "soma", population: "E", gid: k });
  assert.equal(state.picked.length, 8);
  assert.equal(new Set(state.picked.map((place) => place.colour)).size, 8);
  assert.equal(new Set(state.picked.map((place) => place.tag)).size, 8);
});
