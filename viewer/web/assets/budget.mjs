/**
 * `Budget`: how many primitives (a point or a segment) are asked for. It follows the time a frame takes: fewer when
 * frames are slow, more when they are quick, and it keeps still between.
 */

const SLOW_ms = 90;
const QUICK_ms = 22;
const SETTLE_ms = 2500;
const LEAST = 3000;
const MOST = 2_000_000;

/** Starts at 50,000 where a program draws instead of a card, else at a million. */
export class Budget {
  constructor(software, { budget = null, adapt = true } = {}) {
    this.primitives = budget ?? (software ? 50_000 : 1_000_000);
    this.most = budget ?? MOST;
    this.adapt = adapt;
    this.frame_ms = 0;
    this._changed_ms = -Infinity;
    this._frames = 0;
  }

  /** Fewer while moving, when frames are slow. */
  get moving() {
    return this.frame_ms > 0.5 * SLOW_ms ? Math.max(LEAST, Math.round(this.primitives / 2)) : this.primitives;
  }

  /** A frame of `drawn` primitives took `took_ms`; true when the budget changed. */
  frame(took_ms, drawn, now_ms) {
    this.frame_ms = this.frame_ms === 0 ? took_ms : this.frame_ms + 0.2 * (took_ms - this.frame_ms);
    this._frames += 1;
    if (!this.adapt || this._frames < 6 || now_ms - this._changed_ms < SETTLE_ms) return false;
    let factor = 1;
    // A slow frame with little in it is not the scene's fault: another program has the machine.
    if (this.frame_ms > SLOW_ms && drawn > 0.3 * this.primitives) factor = 0.65;
    else if (this.frame_ms < QUICK_ms && drawn > 0.6 * this.primitives) factor = 1.5;
    const next = Math.round(Math.min(this.most, Math.max(LEAST, this.primitives * factor)));
    if (next === this.primitives) return false;
    this.primitives = next;
    this._changed_ms = now_ms;
    this._frames = 0;
    return true;
  }
}
