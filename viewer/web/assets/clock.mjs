/**
 * `SceneClock`: the simulated time that is shown. It runs between the frames at the pace they come in and never ahead
 * of the newest one.
 */

const LATEST_wall_s = 0.25;
const MEASURE_s = 0.4;

/** Times are in ms of the simulation; `now_s` is the wall's clock in seconds. */
export class SceneClock {
  constructor() {
    this.t_ms = 0;
    this.known_ms = 0;
    this.rate = 0;
    this._turn_s = 0;
    this._turned_ms = 0;
    // Frame from which the pace is measured: several of them, because single ones come in fits and starts.
    this._from = null;
  }

  /** Take the rate that was announced, in ms a second. */
  announce(rate) {
    if (Number.isFinite(rate) && rate >= 0) this.rate = rate;
  }

  /** A frame came that ends at `t_ms`. */
  frame(t_ms, jumped, now_s) {
    if (jumped || t_ms < this.known_ms) {
      this.t_ms = t_ms;
      this._from = null;
    }
    this.known_ms = t_ms;
    this._from ??= { t_ms, now_s };
    const passed_s = now_s - this._from.now_s;
    if (passed_s < MEASURE_s) return;
    const pace = (t_ms - this._from.t_ms) / passed_s;
    // After a pause the stretch says nothing about the pace.
    if (pace > 0 && passed_s < 5 * MEASURE_s) this.rate = this.rate > 0 ? 0.5 * (this.rate + pace) : pace;
    this._from = { t_ms, now_s };
  }

  /** Let time pass; true when the shown time is another than at the last turn, by a jump too. */
  turn(now_s) {
    this._pass(now_s);
    const changed = this.t_ms !== this._turned_ms;
    this._turned_ms = this.t_ms;
    return changed;
  }

  _pass(now_s) {
    const passed_s = Math.min(0.1, Math.max(0, now_s - this._turn_s));
    this._turn_s = now_s;
    const behind = this.known_ms - this.t_ms;
    if (behind <= 0) {
      this.t_ms = this.known_ms;
      return;
    }
    // A little faster when far behind, so that it neither lags for ever nor hops; at once when nothing moves.
    const lag_s = this.rate > 0 ? behind / this.rate : Infinity;
    const step = lag_s > LATEST_wall_s ? behind : this.rate * passed_s * (lag_s > 0.07 ? 1.25 : 1);
    this.t_ms = Math.min(this.known_ms, this.t_ms + step);
  }

  /** True while `turn` has something to do. */
  get running() {
    return this.t_ms !== this.known_ms || this.t_ms !== this._turned_ms;
  }
}
