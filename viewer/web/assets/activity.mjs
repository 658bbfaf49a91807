/**
 * `CellActivity`: when each cell fired last and how fast it fires, by rank, as the graphics card wants it.
 *
 * A row of two numbers a cell: time of the last spike in ms since `epoch_ms`, and the rate in Hz at that time (an
 * exponential mean over RATE_WINDOW_ms). The card's copy gets only what changed, as points (`taken`); after a jump or
 * a new epoch all of it.
 */

/** Time constant of the rate of a cell. */
export const RATE_WINDOW_ms = 250;
/** A time so long ago that nothing of it is left. */
export const NEVER_ms = -1e6;
const EPOCH_SPAN_ms = 32768;

/** Activity of `n` cells in rows of `width`. */
export class CellActivity {
  constructor(n, width) {
    this.n = n;
    this.width = Math.max(1, Math.min(width, n));
    this.height = Math.max(1, Math.ceil(n / this.width));
    this.values = new Float32Array(2 * this.width * this.height);
    this.epoch_ms = 0;
    this.latest_ms = -Infinity;
    this.spikes_n = 0;
    this._changed = new Uint32Array(1024);
    this._changed_n = 0;
    this.forget();
  }

  /** Nothing fired yet. */
  forget() {
    for (let i = 0; i < this.values.length; i += 2) {
      this.values[i] = NEVER_ms;
      this.values[i + 1] = 0;
    }
    this.latest_ms = -Infinity;
    this.everything = true;
  }

  /** Take a SPIKES frame. */
  spikes({ t_ms, count, body }) {
    this._at(t_ms);
    const end = t_ms - this.epoch_ms;
    const step = body.span_ms / 65535;
    for (let i = 0; i < count; i += 1) this._fired(body.ranks[i], end - step * body.age[i]);
    this.spikes_n += count;
  }

  /** Take a MASK frame: the spikes of a stretch are put at its end. */
  mask({ t_ms, count, body }) {
    this._at(t_ms);
    for (let i = 0; i < count; i += 1) this._fired(body.ranks[i], t_ms - this.epoch_ms);
    this.spikes_n += count;
  }

  _fired(rank, time) {
    if (rank >= this.n) throw new RangeError(`a spike of cell ${rank}, but there are ${this.n} cells`);
    const at = 2 * rank;
    const last = this.values[at];
    const gap = time - last;
    // Spikes of one cell may come in any order within a frame: the later time is kept, both count.
    const fade = Math.exp(-Math.abs(gap) / RATE_WINDOW_ms);
    this.values[at + 1] = gap >= 0 ? this.values[at + 1] * fade + 1000 / RATE_WINDOW_ms : this.values[at + 1] + (1000 / RATE_WINDOW_ms) * fade;
    if (gap > 0) this.values[at] = time;
    this.latest_ms = Math.max(this.latest_ms, time + this.epoch_ms);
    if (this._changed_n === this._changed.length) {
      const longer = new Uint32Array(2 * this._changed.length);
      longer.set(this._changed);
      this._changed = longer;
    }
    this._changed[this._changed_n] = rank;
    this._changed_n += 1;
  }

  /** Time of the last spike of a cell in ms; -Infinity when there is none. */
  lastSpike(rank) {
    const last = this.values[2 * rank];
    return last <= 0.5 * NEVER_ms ? -Infinity : last + this.epoch_ms;
  }

  /** Move the epoch so that single precision is enough. */
  _at(t_ms) {
    const since = t_ms - this.epoch_ms;
    if (since >= 0 && since < EPOCH_SPAN_ms) return;
    const shift = t_ms - this.epoch_ms;
    for (let i = 0; i < this.values.length; i += 2) {
      this.values[i] = Math.max(NEVER_ms, this.values[i] <= 0.5 * NEVER_ms ? NEVER_ms : this.values[i] - shift);
    }
    this.epoch_ms = t_ms;
    this.everything = true;
  }

  /** Return the ranks that changed since the last call (some twice), or null when all have to be sent again. */
  taken() {
    const all = this.everything || this._changed_n > this.n / 4 + 4096;
    const ranks = this._changed.subarray(0, this._changed_n);
    this._changed_n = 0;
    this.everything = false;
    return all ? null : ranks;
  }
}
