/**
 * The bytes between server and page: the twin of viewer/wire.py, which describes them.
 *
 * Everything is little-endian. What has a wrong mark, kind or length is refused with a WireFault.
 */

export const FRAME_KIND = Object.freeze({ SPIKES: 1, MASK: 2, NODES: 4, VOLTAGE: 5, VIEW: 6, TRACE: 8, WORLD: 9 });
export const FRAME_FLAG = Object.freeze({ MERGED: 1, LAST: 2, JUMPED: 4 });
/** `Cells.template` of a cell that is a point. */
export const NO_TEMPLATE = 0xffff;

const FRAME_BYTES = 24;
const [FRAME_MARK, CELLS_MARK, SKELETON_MARK, HISTORY_MARK, MANY_MARK] = ["NVF1", "NVC1", "NVT1", "NVS1", "NVM1"].map(markOf);

/** Bytes that are not what the protocol says. */
export class WireFault extends Error {
  constructor(message) {
    super(message);
    this.name = "WireFault";
  }
}

/** Number of a mark of four letters. */
export function markOf(text) {
  return [...text].reduce((sum, letter, i) => sum + letter.charCodeAt(0) * 2 ** (8 * i), 0);
}

/** Reads arrays one after the other; each may be padded to a multiple of 4 bytes. */
class ByteReader {
  constructor(data, what) {
    const whole = data instanceof ArrayBuffer;
    // A view into the middle of a larger buffer may not be aligned: it is copied.
    this.buffer = whole ? data : data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
    this.view = new DataView(this.buffer);
    this.at = 0;
    this.what = what;
  }

  need(bytes) {
    const left = this.buffer.byteLength - this.at;
    if (bytes > left) throw new WireFault(`${this.what}: ${bytes} more bytes are needed, ${left} are there`);
  }

  u32() {
    this.need(4);
    this.at += 4;
    return this.view.getUint32(this.at - 4, true);
  }

  f32() {
    this.need(4);
    this.at += 4;
    return this.view.getFloat32(this.at - 4, true);
  }

  f64() {
    this.need(8);
    this.at += 8;
    return this.view.getFloat64(this.at - 8, true);
  }

  array(Type, count, padded = false) {
    const bytes = Type.BYTES_PER_ELEMENT * count;
    this.need(bytes);
    const aligned = this.at % Type.BYTES_PER_ELEMENT === 0;
    const array = aligned
      ? new Type(this.buffer, this.at, count)
      : new Type(this.buffer.slice(this.at, this.at + bytes));
    this.at += bytes;
    if (padded) this.pad();
    return array;
  }

  pad() {
    const zeros = -this.at & 3;
    this.need(zeros);
    this.at += zeros;
  }

  end() {
    this.pad();
    const over = this.buffer.byteLength - this.at;
    if (over !== 0) throw new WireFault(`${this.what}: ${over} bytes too many`);
  }
}

function maskRanks(reader, count) {
  const first = reader.u32();
  const n = reader.u32();
  if (count > n) throw new WireFault(`MASK: count=${count}, but the range has ${n} ranks`);
  const bytes = reader.array(Uint8Array, Math.ceil(n / 8));
  const ranks = new Uint32Array(count);
  let found = 0;
  for (let j = 0; j < bytes.length; j += 1) {
    for (let byte = bytes[j]; byte !== 0; byte &= byte - 1) {
      const k = 8 * j + (31 - Math.clz32(byte & -byte));
      if (k < n) {
        if (found < count) ranks[found] = first + k;
        found += 1;
      }
    }
  }
  if (found !== count) throw new WireFault(`MASK: ${found} bits are set, but count=${count}`);
  return { first, n, ranks };
}

function bodyOf(reader, kind, count) {
  switch (kind) {
    case FRAME_KIND.SPIKES:
      return { span_ms: reader.f32(), ranks: reader.array(Uint32Array, count), age: reader.array(Uint16Array, count) };
    case FRAME_KIND.MASK:
      return maskRanks(reader, count);
    case FRAME_KIND.NODES:
      return { activity: reader.array(Uint8Array, count) };
    case FRAME_KIND.VOLTAGE:
      return { low_mV: reader.f32(), high_mV: reader.f32(), values: reader.array(Uint8Array, count) };
    case FRAME_KIND.VIEW: {
      const detailed = reader.u32();
      return {
        nodes: reader.array(Uint32Array, count),
        ranks: reader.array(Uint32Array, detailed),
        levels: reader.array(Uint8Array, detailed),
      };
    }
    case FRAME_KIND.TRACE:
      return { start_ms: reader.f64(), step_ms: reader.f64(), values_mV: reader.array(Float32Array, count) };
    case FRAME_KIND.WORLD:
      return { numbers: reader.array(Float32Array, count) };
    default:
      throw new WireFault(`frame of unknown kind ${kind}; allowed: 1, 2, 4, 5, 6, 8, 9`);
  }
}

/**
 * Decode a frame of the stream.
 * @param {ArrayBuffer|ArrayBufferView} data
 * @returns {{kind: number, flags: number, tag: number, t_ms: number, count: number, seq: number, body: object}}
 */
export function decodeFrame(data) {
  const reader = new ByteReader(data, "frame");
  const mark = reader.u32();
  if (mark !== FRAME_MARK) throw new WireFault(`a frame begins with NVF1, got 0x${mark.toString(16)}`);
  reader.need(FRAME_BYTES - 4);
  const kind = reader.view.getUint8(4);
  const flags = reader.view.getUint8(5);
  const tag = reader.view.getUint16(6, true);
  const t_ms = reader.view.getFloat64(8, true);
  const count = reader.view.getUint32(16, true);
  const seq = reader.view.getUint32(20, true);
  reader.at = FRAME_BYTES;
  reader.what = `frame of kind ${kind}`;
  const body = bodyOf(reader, kind, count);
  reader.end();
  return { kind, flags, tag, t_ms, count, seq, body };
}

/** A reader of a resource behind its mark. */
export function opened(data, mark, what) {
  const reader = new ByteReader(data, what);
  const got = reader.u32();
  if (got !== mark) throw new WireFault(`${what}: wrong mark 0x${got.toString(16)}`);
  return reader;
}

/**
 * Decode cells (NVC1).
 * @returns {{node: number, n: number, rank: Uint32Array, position: Uint16Array, gid: Uint32Array, kind: Uint16Array,
 *   template: Uint16Array, turn: Int16Array}}
 */
export function decodeCells(data) {
  const reader = opened(data, CELLS_MARK, "cells");
  const node = reader.u32();
  const n = reader.u32();
  reader.u32();
  const cells = {
    node,
    n,
    rank: reader.array(Uint32Array, n, true),
    position: reader.array(Uint16Array, 3 * n, true),
    gid: reader.array(Uint32Array, n, true),
    kind: reader.array(Uint16Array, n, true),
    template: reader.array(Uint16Array, n, true),
    turn: reader.array(Int16Array, 4 * n, true),
  };
  reader.end();
  return cells;
}

/**
 * Decode one level of a morphology (NVT1).
 * @returns {{template: number, level: number, n: number, nodes_n: number, position_um: Float32Array,
 *   parent: Int32Array, path_um: Float32Array, radius_um: Float32Array, node: Int32Array, region: Uint8Array,
 *   soma_radius_um: number}}
 */
export function decodeSkeleton(data) {
  const reader = opened(data, SKELETON_MARK, "skeleton");
  const template = reader.u32();
  const level = reader.u32();
  const n = reader.u32();
  const nodes_n = reader.u32();
  const skeleton = {
    template,
    level,
    n,
    nodes_n,
    position_um: reader.array(Float32Array, 3 * n, true),
    parent: reader.array(Int32Array, n, true),
    path_um: reader.array(Float32Array, n, true),
    radius_um: reader.array(Float32Array, n, true),
    node: reader.array(Int32Array, n, true),
    region: reader.array(Uint8Array, n, true),
    soma_radius_um: reader.f32(),
  };
  reader.end();
  const wrong = skeleton.parent.findIndex((parent, i) => parent < -1 || parent >= i);
  if (wrong >= 0) throw new WireFault(`skeleton: point ${wrong} has parent ${skeleton.parent[wrong]}; parents come first`);
  return skeleton;
}

/**
 * Take several resources apart (NVM1).
 * @returns {Uint8Array[]} views of the bytes
 */
export function decodeMany(data) {
  const reader = opened(data, MANY_MARK, "resources");
  const sizes = reader.array(Uint32Array, reader.u32());
  const resources = Array.from(sizes, (bytes) => reader.array(Uint8Array, bytes));
  reader.end();
  return resources;
}

/**
 * Decode a stretch of spikes (NVS1).
 * @returns {{n: number, total_n: number, every: number, time_ms: Float64Array, rank: Uint32Array}}
 */
export function decodeHistory(data) {
  const reader = opened(data, HISTORY_MARK, "history");
  const n = reader.u32();
  const total_n = reader.u32();
  const every = reader.u32();
  const history = { n, total_n, every, time_ms: reader.array(Float64Array, n), rank: reader.array(Uint32Array, n) };
  reader.end();
  return history;
}
