/**
 * `SceneStore`: what the page knows of the scene: cells of octree nodes and levels of templates, fetched when a view
 * asks for them, a few at a time (templates many in one request), and forgotten in order of use when they take too much memory.
 */

import { decodeCells, decodeMany, decodeSkeleton } from "./wire.mjs";

const MOST_BYTES = 256 * 2 ** 20;
const MOST_FLIGHTS = 6;
const TRIES = 3;
/** Templates of one request; fewer than three are asked for one by one, which the browser can keep. */
const MOST_TOGETHER = 64;
const LEAST_TOGETHER = 3;

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
    this._flights = 0;
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

  /** The same, fetched when they are not here: cells of a node, then levels of templates [[template, level]]. */
  async fetchNode(id) {
    const path = `/api/node/${id}`;
    await this._loadAll([path].filter((missing) => this._get(missing) === null), this._generation);
    return this._get(path);
  }

  async fetchSkeletons(wanted) {
    const paths = wanted.map(([template, level]) => `/api/template/${template}/${level}`);
    const missing = paths.filter((path) => this._get(path) === null);
    const generation = this._generation;
    for (let at = 0; at < missing.length; at += MOST_TOGETHER) await this._loadAll(missing.slice(at, at + MOST_TOGETHER), generation);
    return paths.map((path) => this._get(path));
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

  /** Forget everything: another scene begins, whose key is given. */
  begin(key) {
    this.key = key;
    this._generation += 1;
    for (const record of this._records.values()) this.ondrop?.(record);
    this._records.clear();
    this._wanted = [];
    this._flying.clear();
    this._flights = 0;
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
    while (this._flights < this.mostFlights && this._wanted.length > 0) {
      const paths = this._wanted.splice(0, this._together());
      for (const path of paths) this._flying.set(path, true);
      this._flights += 1;
      this._load(paths, this._generation);
    }
  }

  /** How many of what is wanted go into the next request. */
  _together() {
    // What failed among others is asked for alone: one that cannot be had must not keep the others away.
    const joins = (path) => path.startsWith("/api/template/") && !this._failed.has(path);
    const end = this._wanted.slice(0, MOST_TOGETHER).findIndex((path) => !joins(path));
    const n = end < 0 ? Math.min(MOST_TOGETHER, this._wanted.length) : end;
    return n < LEAST_TOGETHER ? 1 : n;
  }

  async _load(paths, generation) {
    try {
      await this._loadAll(paths, generation);
    } catch (error) {
      if (generation === this._generation) this._fail(paths, error);
    }
    if (generation !== this._generation) return;
    this._flights -= 1;
    for (const path of paths) this._flying.delete(path);
    this._fetch();
    this.onload?.();
  }

  /** Fetch with one request; an answer that would be too large has only some of it, and the rest is asked for again. */
  async _loadAll(paths, generation) {
    if (paths.length < LEAST_TOGETHER) {
      for (const path of paths) this._keep(path, await this._ask(path), generation);
      return;
    }
    const names = paths.map((path) => path.split("/").slice(3).join("."));
    const resources = decodeMany(await this._ask(`/api/templates/${names.join("-")}`));
    resources.forEach((data, i) => this._keep(paths[i], data, generation));
  }

  _ask(path) {
    return this.transport.get(this.key ? `${path}?v=${encodeURIComponent(this.key)}` : path);
  }

  _keep(path, data, generation) {
    if (generation !== this._generation) return;
    const record = path.startsWith("/api/node/") ? decodeCells(data) : decodeSkeleton(data);
    record.used = this._turn;
    record.path = path;
    record.bytes = bytesOf(record);
    this.bytes += record.bytes - (this._records.get(path)?.bytes ?? 0);
    this.fetched_bytes += record.bytes;
    if (record.parent && !this._records.has(path)) this.templates_n += 1;
    this._records.set(path, record);
  }

  _fail(paths, error) {
    for (const path of paths) {
      const failed = (this._failed.get(path) ?? 0) + 1;
      this._failed.set(path, failed);
      if (failed < TRIES) setTimeout(() => this.onload?.(), 500 * failed);
      else this.onfault?.(new Error(`${path}: ${error.message}`));
    }
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
