/** `Voltages`: which cells' voltage is asked for, in which order it comes, and the newest values. */

import { NO_VOLTAGE, isRange } from "./picture.mjs";
import { NO_TEMPLATE } from "./wire.mjs";

/**
 * Values of the subscribed compartments: a byte each, one cell after the other. Byte 0 is the lower end of the scale,
 * and what stands for cells that were not recorded: it is taken as not known.
 */
export class Voltages {
  constructor() {
    this.ends = [-90, 40];
    this.values = new Uint8Array(0);
    this.ranks = [];
    this.offsets = new Map();
    this.version = 0;
    this._asked = null;
    this._next = null;
  }

  /** Forget everything. */
  clear() {
    this.values = new Uint8Array(0);
    this.ranks = [];
    this.offsets.clear();
    this.version += 1;
    this._asked = null;
    this._next = null;
  }

  /**
   * What to ask for, for a picture: [rank, number of nodes] of the detailed cells, then of the cells drawn whole as
   * points, up to `limit` nodes. Cells whose number of nodes is not known yet are left out.
   */
  static wanted(picture, nodesOf, limit) {
    const list = [];
    const held = new Set();
    let total = 0;
    const take = (rank, template) => {
      const n = template === NO_TEMPLATE ? 1 : nodesOf(template);
      if (n === null || held.has(rank) || total + n > limit) return;
      held.add(rank);
      total += n;
      list.push([rank, n]);
    };
    for (const { template, first, count } of picture.groups) {
      for (let i = first; i < first + count && total < limit; i += 1) take(picture.detailedRanks[i], template);
    }
    for (const { record } of picture.nodes) {
      if (!isRange(record)) continue;
      for (let row = 0; row < record.n && total < limit; row += 1) take(record.rank[row], record.template[row]);
    }
    // In the order of ranks, so that the same cells seen from elsewhere are the same subscription.
    return list.sort((a, b) => a[0] - b[0]);
  }

  /** Remember what is asked for; false when it is what was asked last. */
  ask(list) {
    const key = list.map(([rank]) => rank).join(",");
    if (this._asked !== null && this._asked.key === key) return false;
    this._asked = { key, tag: -1, counts: new Map(list) };
    return true;
  }

  /** Number of the subscription that `ask` led to. */
  asked(tag) {
    if (this._asked !== null) this._asked.tag = tag;
  }

  /** The server says which cells it will send. */
  accepted(tag, ranks) {
    if (this._asked === null || this._asked.tag !== tag) return;
    const offsets = new Map();
    let at = 0;
    for (const rank of ranks) {
      offsets.set(rank, at);
      at += this._asked.counts.get(rank) ?? 1;
    }
    this._next = { tag, ranks, offsets, total: at, counts: this._asked.counts };
  }

  /** Take a VOLTAGE frame; true when it is of the newest subscription. Fails when it has another length. */
  frame({ tag, count, body }) {
    const next = this._next;
    if (next === null || next.tag !== tag) return false;
    if (count !== next.total) throw new Error(`voltages of ${count} compartments came, ${next.total} belong to the cells`);
    if (this.offsets !== next.offsets) {
      this.offsets = next.offsets;
      this.ranks = next.ranks;
      this.counts = next.counts;
      this.version += 1;
    }
    this.values = body.values;
    this.ends = [body.low_mV, body.high_mV];
    return true;
  }

  /** Where the values of a cell begin. */
  offsetOf(rank) {
    return this.offsets.get(rank) ?? NO_VOLTAGE;
  }

  /** Voltage of a compartment in mV, or null. */
  at(rank, node) {
    const offset = this.offsets.get(rank);
    if (offset === undefined || node < 0 || node >= (this.counts?.get(rank) ?? 1)) return null;
    const byte = this.values[offset + node];
    return byte === 0 ? null : this.ends[0] + (byte / 255) * (this.ends[1] - this.ends[0]);
  }

  /** All known values: {values_mV, ranks} of every compartment. */
  all() {
    const known = this.values.reduce((n, byte) => n + (byte > 0 ? 1 : 0), 0);
    const values_mV = new Float32Array(known);
    const ranks = new Uint32Array(known);
    const [low, high] = this.ends;
    let k = 0;
    for (const [rank, offset] of this.offsets) {
      for (let i = offset; i < offset + (this.counts?.get(rank) ?? 1); i += 1) {
        if (this.values[i] === 0) continue;
        values_mV[k] = low + (this.values[i] / 255) * (high - low);
        ranks[k] = rank;
        k += 1;
      }
    }
    return { values_mV, ranks };
  }
}
