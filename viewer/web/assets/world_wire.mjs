/** Fields, and the past of worlds, from bytes: the twin of viewer/world_wire.py. */
import { markOf, opened } from "./wire.mjs";

/**
 * Decode a field on a grid (NVG1).
 * @returns {{columns: number, rows: number, values: Float32Array}}
 */
export function decodeField(data) {
  const reader = opened(data, markOf("NVG1"), "field");
  const columns = reader.u32();
  const rows = reader.u32();
  reader.u32();
  const field = { columns, rows, values: reader.array(Float32Array, columns * rows) };
  reader.end();
  return field;
}

/**
 * Decode curves and tracks of a stretch (NVW1).
 * @returns {{n: number, time_ms: Float64Array, curves: {width: number, values: Float32Array}[], tracks: Float32Array[]}}
 */
export function decodeWorldRows(data) {
  const reader = opened(data, markOf("NVW1"), "world");
  const n = reader.u32();
  const curves_n = reader.u32();
  const tracks_n = reader.u32();
  const time_ms = reader.array(Float64Array, n);
  const curves = [];
  for (let i = 0; i < curves_n; i += 1) {
    const width = reader.u32();
    curves.push({ width, values: reader.array(Float32Array, n * width) });
  }
  const tracks = [];
  for (let i = 0; i < tracks_n; i += 1) tracks.push(reader.array(Float32Array, 3 * n));
  reader.end();
  return { n, time_ms, curves, tracks };
}
