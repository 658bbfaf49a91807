/**
 * `Budget`: how many primitives (a point or a segment) are asked for. It follows the time a frame takes: fewer when
 * frames are slow, more when they are quick, and it keeps still between.
 */

const SLOW_ms = { card: 60, program: 130 };
const QUICK_ms = 20;
const SETTLE_ms = 2500;
const HOLD_ms = 30_000;
const LEAST = 30_000;
const MOST = 2_000_000;

/** Starts at 50,000 where a program draws instead of a card, else at a million. */
export class Budget {
  constructor(software, { budget = null, adapt = true } = {}) {
    this.primitives = budget ?? (software ? 50_000 : 1_000_000);
    this.least = Math.min(LEAST, this.primitives);
    this.most = budget ?? MOST;
    this.slow_ms = software ? SLOW_ms.program : SLOW_ms.card;
    this.adapt = adapt;
    this.frame_ms = 0;
    this._changed_ms = -Infinity;
    this._frames = 0;
    this._before = null;
  }

  /** Fewer while moving, when frames are slow. */
  get moving() {
    return this.frame_ms > 0.5 * this.slow_ms ? Math.max(this.least, Math.round(this.primitives / 2)) : this.primitives;
  }

  /** A frame of `drawn` primitives took `took_ms`; true when the budget changed. */
  frame(took_ms, drawn, now_ms) {
    this.frame_ms = this.frame_ms === 0 ? took_ms : this.frame_ms + 0.2 * (took_ms - this.frame_ms);
    this._frames += 1;
    if (!this.adapt || this._frames < 6 || now_ms - this._changed_ms < SETTLE_ms) return false;
    if (this._helpedNot(now_ms)) return true;
    let factor = 1;
    if (this.frame_ms > this.slow_ms && drawn > 0.3 * this.primitives) factor = 0.65;
    else if (this.frame_ms < QUICK_ms && drawn > 0.6 * this.primitives) factor = 1.5;
    return this._change(factor, now_ms);
  }

  /** Take a reduction back that made frames no quicker: something else has the machine. */
  _helpedNot(now_ms) {
    const before = this._before;
    this._before = null;
    if (before === null || this.frame_ms < 0.88 * before.frame_ms) return false;
    this.primitives = before.primitives;
    this._changed_ms = now_ms + HOLD_ms;
    this._frames = 0;
    return true;
  }

  _change(factor, now_ms) {
    const next = Math.round(Math.min(this.most, Math.max(this.least, this.primitives * factor)));
    if (next === this.primitives) return false;
    if (factor < 1) this._before = { primitives: this.primitives, frame_ms: this.frame_ms };
    this.primitives = next;
    this._changed_ms = now_ms;
    this._frames = 0;
    return true;
  }
}
