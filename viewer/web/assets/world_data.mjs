/**
 * `WorldData`: what surrounds the cells, as it came: bodies, fields, tracks, curves, scalars.
 *
 * `said` is the last description (see viewer/world_wire.py), `parts` its numbers by part. Events: "described" when there
 * are other parts, "moved" with every frame, "field" when a field's values came, "track" when the past of the tracks came.
 */
import { decodeField, decodeWorldRows } from "./world_wire.mjs";

const MOST_TRACK = 4000;
/** Fields that change are fetched again at most this often. */
const FIELD_ms = 500;
const JUMP_ms = 250;
const AGAIN_ms = 1000;
const JUST_AFTER_ms = 1e-6;

/** Cut the numbers of a frame into parts: {bodies: [{points, muscles}], curves, tracks, scalars}. */
export function partsOf(said, numbers) {
  let at = 0;
  const taken = (n) => {
    at += n;
    return numbers.subarray(at - n, at);
  };
  const parts = {
    bodies: said.bodies.map((body) => ({ points: taken(3 * body.points_n), muscles: body.muscles.map((row) => taken(row.n)) })),
    curves: said.curves.map((curve) => taken(curve.n)),
    tracks: said.tracks.map(() => taken(3)),
    scalars: said.scalars.map(() => taken(1)[0]),
  };
  if (at !== numbers.length) throw new Error(`a world of ${at} numbers was described, ${numbers.length} came`);
  return parts;
}

/** A line that grows: the newest points in a buffer; of a long one every second point is forgotten. */
export class GrowingLine {
  constructor(most = MOST_TRACK) {
    this.points = new Float32Array(3 * most);
    this.most = most;
    this.n = 0;
    this._every = 1;
    this._seen = 0;
  }

  /** Begin with these points, float32 (3 n). */
  set(points) {
    this.n = 0;
    this._every = 1;
    this._seen = 0;
    for (let i = 0; i + 2 < points.length; i += 3) this.add(points.subarray(i, i + 3));
  }

  add(point) {
    this._seen += 1;
    if ((this._seen - 1) % this._every !== 0) return;
    if (this.n === this.most) {
      for (let i = 0; 2 * i < this.n; i += 1) this.points.copyWithin(3 * i, 6 * i, 6 * i + 3);
      this.n = Math.ceil(this.n / 2);
      this._every *= 2;
    }
    this.points.set(point, 3 * this.n);
    this.n += 1;
  }
}

/** Takes messages and frames of a viewer; `transport` fetches fields and the past. */
export class WorldData extends EventTarget {
  constructor(transport) {
    super();
    this.transport = transport;
    this.said = null;
    this.parts = null;
    this.t_ms = NaN;
    /** Values of fields by key: {columns, rows, values}. */
    this.fields = new Map();
    this.lines = [];
    this._flying = false;
    this._timer = 0;
    this._gap = true;
    this._filling = 0;
    this._asked_ms = -Infinity;
    this._meanwhile = null;
  }

  /** Take a "world" message. */
  describe(said) {
    const other = JSON.stringify(said.tracks) !== JSON.stringify(this.said?.tracks);
    this.said = said;
    this.parts = null;
    if (other) {
      this.lines = said.tracks.map(() => new GrowingLine());
      this._gap = true;
    }
    this._fetchFields();
    this._say("described");
  }

  /** Take a WORLD frame. */
  frame({ tag, t_ms, body }) {
    if (this.said === null || tag !== this.said.tag) return;
    // At another time of a replay the line leads there; what was skipped is filled in, now and then.
    if (this._gap || t_ms < this.t_ms) this._past(t_ms);
    else if (t_ms - this.t_ms > JUMP_ms) this._fillLater();
    this.t_ms = t_ms;
    this.parts = partsOf(this.said, body.numbers);
    this.parts.tracks.forEach((point, i) => this.lines[i]?.add(point));
    this._meanwhile?.push(this.parts.tracks);
    this._say("moved");
  }

  /** The connection began anew: what is kept may have a gap. */
  again() {
    this._gap = true;
  }

  _fillLater() {
    if (this._filling !== 0) return;
    const wait_ms = Math.max(0, AGAIN_ms - (performance.now() - this._asked_ms));
    // The newest point is in the past by then.
    this._filling = setTimeout(() => this._past(this.t_ms + JUST_AFTER_ms), wait_ms);
  }

  /** Fetch the tracks up to a time; what comes meanwhile follows. */
  async _past(stop_ms) {
    const meanwhile = [];
    clearTimeout(this._filling);
    Object.assign(this, { _meanwhile: meanwhile, _gap: false, _filling: 0, _asked_ms: performance.now() });
    try {
      const rows = decodeWorldRows(await this.transport.get(`/api/world/rows?most=${MOST_TRACK / 2}&stop_ms=${stop_ms}`));
      if (this._meanwhile !== meanwhile) return;
      rows.tracks.forEach((points, i) => this.lines[i]?.set(points));
      for (const points of meanwhile) points.forEach((point, i) => this.lines[i]?.add(point));
      this._say("track");
    } catch (error) {
      console.warn(`neurosim: the past of the tracks: ${error.message}`);
    } finally {
      if (this._meanwhile === meanwhile) this._meanwhile = null;
    }
  }

  async _fetchFields() {
    if (this._flying) return;
    const wanted = this.said.fields.filter((field) => !this.fields.has(field.key));
    if (wanted.length === 0) return;
    this._flying = true;
    for (const { key } of wanted) {
      try {
        this.fields.set(key, decodeField(await this.transport.get(`/api/world/field/${key}`)));
        this._say("field");
      } catch {
        // Another one has taken its place meanwhile; the next description names it.
      }
    }
    const now = new Set(this.said.fields.map((field) => field.key));
    for (const key of this.fields.keys()) if (!now.has(key) && this.fields.size > now.size) this.fields.delete(key);
    clearTimeout(this._timer);
    this._timer = setTimeout(() => {
      this._flying = false;
      if (this.said.fields.some((field) => !this.fields.has(field.key))) this._fetchFields();
    }, FIELD_ms);
  }

  _say(type) {
    this.dispatchEvent(new CustomEvent(type));
  }
}
