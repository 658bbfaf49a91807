/** `Announcer`: says to a screen reader what changed, one thing at a time and not too often. */

const PERIOD_ms = 1200;

/** Writes into a live region; of several things within a moment the last is said. */
export class Announcer {
  constructor(region) {
    this.region = region;
    this._next = null;
    this._timer = 0;
    this._last_ms = -Infinity;
  }

  say(text) {
    this._next = text;
    if (this._timer !== 0) return;
    const wait = Math.max(50, this._last_ms + PERIOD_ms - performance.now());
    this._timer = setTimeout(() => {
      this._timer = 0;
      this._last_ms = performance.now();
      this.region.textContent = this._next;
    }, wait);
  }
}
