/**
 * `SceneStore`: what the page knows of the scene: cells of octree nodes and levels of templates, fetched when a view
 * asks for them, a few at a time, and forgotten in order of use when they take too much memory.
 */

import { decodeCells, decodeSkeleton } from "./wire.mjs";

const MOST_BYTES = 256 * 2 ** 20;
const MOST_FLIGHTS = 6;
const TRIES = 3;

/** Bytes of all arrays of a record. */
function bytesOf(record) {
  return Object.values(record).reduce((sum, field) => sum + (ArrayBuffer.isView(field) ? field.byteLength : 0), 0);
}

/**
 * A cache over a transport. `onload()` is called when something arrived, `ondrop(record)` before something is
 * forgotten, `onfault(Error)` when something cannot be had.
 */
export class SceneStore {
  constructor(transport, { mostBytes = MOST_BYTES, mostFlights = MOST_FLIGHTS } = {}) {
    this.transport = transport;
    this.mostBytes = mostBytes;
    this.mostFlights = mostFlights;
    this.bytes = 0;
    this.fetched_bytes = 0;
    /** Templates that came so far: what is drawn changes with it. */
    this.templates_n = 0;
    this.onload = null;
    this.ondrop = null;
    this.onfault = null;
    /** Of the scene: with it in the address the browser may keep what it got. */
    this.key = "";
    this._records = new Map();
    this._wanted = [];
    this._flying = new Map();
    this._failed = new Map();
    this._turn = 0;
    this._generation = 0;
  }

  /** Cells of a node, or null when they are not here (yet). */
  node(id) {
    return this._get(`/api/node/${id}`);
  }

  /** One level of a template, or null. */
  skeleton(template, level) {
    return this._get(`/api/template/${template}/${level}`);
  }

  /** Any level of a template that is here, or null; for facts that all levels share. */
  anySkeleton(template) {
    for (let level = 0; level < 4; level += 1) {
      const record = this._records.get(`/api/template/${template}/${level}`);
      if (record) return record;
    }
    return null;
  }

  /** Every record of cells that is here. */
  *nodes() {
    for (const record of this._records.values()) if (record.rank) yield record;
  }

  /** Every record that is here. */
  records() {
    return this._records.values();
  }

  /** Say what the present view needs, most wanted first; what was wanted before and has not begun is given up. */
  want(nodes, skeletons = []) {
    this._turn += 1;
    const paths = [...nodes.map((id) => `/api/node/${id}`), ...skeletons.map(([t, level]) => `/api/template/${t}/${level}`)];
    this._wanted = paths.filter((path) => {
      const record = this._get(path);
      return record === null && !this._flying.has(path) && (this._failed.get(path) ?? 0) < TRIES;
    });
    this._shrink();
    this._fetch();
    return this._wanted.length === 0 && this._flying.size === 0;
  }

  /** True when nothing is on its way. */
  get idle() {
    return this._wanted.length === 0 && this._flying.size === 0;
  }

  /** Forget everything (another scene). */
  clear() {
    this._generation += 1;
    for (const record of this._records.values()) this.ondrop?.(record);
    this._records.clear();
    this._wanted = [];
    this._flying.clear();
    this._failed.clear();
    this.bytes = 0;
  }

  _get(path) {
    const record = this._records.get(path);
    if (record === undefined) return null;
    record.used = this._turn;
    return record;
  }

  _fetch() {
    while (this._flying.size < this.mostFlights && this._wanted.length > 0) {
      const path = this._wanted.shift();
      this._flying.set(path, true);
      this._load(path, this._generation);
    }
  }

  async _load(path, generation) {
    try {
      const data = await this.transport.get(this.key ? `${path}?v=${encodeURIComponent(this.key)}` : path);
      if (generation !== this._generation) return;
      const record = path.startsWith("/api/node/") ? decodeCells(data) : decodeSkeleton(data);
      record.used = this._turn;
      record.path = path;
      record.bytes = bytesOf(record);
      this.bytes += record.bytes;
      this.fetched_bytes += record.bytes;
      this._records.set(path, record);
      if (record.parent) this.templates_n += 1;
    } catch (error) {
      if (generation !== this._generation) return;
      const failed = (this._failed.get(path) ?? 0) + 1;
      this._failed.set(path, failed);
      if (failed < TRIES) setTimeout(() => this.onload?.(), 500 * failed);
      else this.onfault?.(new Error(`${path}: ${error.message}`));
    }
    this._flying.delete(path);
    this._fetch();
    this.onload?.();
  }

  _shrink() {
    if (this.bytes <= this.mostBytes) return;
    const old = [...this._records.values()].filter((r) => r.used < this._turn).sort((a, b) => a.used - b.used);
    for (const record of old) {
      if (this.bytes <= 0.8 * this.mostBytes) break;
      this.ondrop?.(record);
      this._records.delete(record.path);
      this.bytes -= record.bytes;
    }
  }
}
