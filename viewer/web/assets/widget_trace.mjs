/** `TraceStrip`: voltage of one compartment over time, below the picture of a widget. */

import { columnExtremes, sayNumber, sayTime } from "./saying.mjs";
import { GrowingTrace } from "./traces.mjs";
import { decodeFrame } from "./wire.mjs";

const TAG = 1;
const SPAN_ms = 250;
const ROOM_mV = 4;
const HEIGHT_px = 92;
const MARGIN = { left: 46, right: 8, top: 6, bottom: 18 };

/** Draws into `host` what `viewer` hears of the compartment that is followed. */
export class TraceStrip {
  constructor(host, viewer, transport) {
    this.host = host;
    this.viewer = viewer;
    this.transport = transport;
    this.trace = null;
    this.t_ms = NaN;
    this._asked = 0;
    this.canvas = document.createElement("canvas");
    this.canvas.style.cssText = `display: block; width: 100%; height: ${HEIGHT_px}px`;
    this.canvas.setAttribute("role", "img");
    this.canvas.hidden = true;
    host.append(this.canvas);
    this._frame = (event) => this._take(event.detail);
    viewer.addEventListener("frame", this._frame);
    this._connection = (event) => event.detail.state === "open" && this.place && this.follow(...this.place);
    viewer.addEventListener("connection", this._connection);
    this._sizes = new ResizeObserver(() => this.redraw());
    this._sizes.observe(this.canvas);
  }

  /** Follow a compartment from now on; what is known of it already is fetched. */
  follow(rank, node, live) {
    this.place = [rank, node, live];
    this.trace = new GrowingTrace();
    this.live = live;
    this.canvas.hidden = false;
    if (live) this.transport.send({ type: "trace", places: [[rank, node, TAG]] });
    const trace = this.trace;
    this.transport.get(`/api/trace?rank=${rank}&node=${node}`).then(
      (data) => {
        if (this.trace !== trace) return;
        const known = decodeFrame(data).body;
        // Of a live run frames may have come meanwhile; they are then the newer part of the same.
        if (trace.n === 0) trace.add(known);
        this.redraw();
      },
      () => this.redraw(),
    );
  }

  /** Say what the time is: a replay marks it. */
  setTime(t_ms) {
    this.t_ms = t_ms;
    if (this.trace !== null) this.redraw();
  }

  /** Draw again soon. */
  redraw() {
    if (this._asked !== 0) return;
    this._asked = requestAnimationFrame(() => {
      this._asked = 0;
      this._draw();
    });
  }

  /** Stop. */
  dispose() {
    cancelAnimationFrame(this._asked);
    this.viewer.removeEventListener("frame", this._frame);
    this.viewer.removeEventListener("connection", this._connection);
    this._sizes.disconnect();
    this.canvas.remove();
  }

  _take(frame) {
    if (this.trace === null || frame?.tag !== TAG || frame.body?.values_mV === undefined) return;
    this.trace.add(frame.body);
    this.redraw();
  }

  /** Stretch that is drawn: the last of a live run, the surroundings of the time of a replay. */
  _stretch() {
    const { start_ms, end_ms } = this.trace;
    if (this.live) return [Math.max(start_ms, end_ms - SPAN_ms), Math.max(end_ms, start_ms + 1)];
    const middle = Number.isFinite(this.t_ms) ? this.t_ms : start_ms;
    const first = Math.max(start_ms, Math.min(middle - 0.5 * SPAN_ms, end_ms - SPAN_ms));
    return [first, Math.min(Math.max(end_ms, start_ms + 1), first + SPAN_ms)];
  }

  _draw() {
    const ratio = globalThis.devicePixelRatio || 1;
    const width = this.canvas.clientWidth;
    if (width === 0 || this.trace === null) return;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(HEIGHT_px * ratio);
    const context = this.canvas.getContext("2d");
    context.scale(ratio, ratio);
    const style = getComputedStyle(this.host);
    const [ink, soft] = ["--nw-ink", "--nw-soft"].map((name) => style.getPropertyValue(name).trim() || "gray");
    context.font = `11px ${style.fontFamily}`;
    context.fillStyle = soft;
    if (this.trace.n === 0) {
      const text = this.live ? "Recording begins with the run." : "The voltage of this compartment was not recorded.";
      context.fillText(text, MARGIN.left, 0.5 * HEIGHT_px);
      this.canvas.setAttribute("aria-label", text);
      return;
    }
    this._line(context, width, ink, soft);
  }

  _line(context, width, ink, soft) {
    const [start_ms, stop_ms] = this._stretch();
    const columns = Math.max(1, Math.round(width - MARGIN.left - MARGIN.right));
    const { low, high } = columnExtremes(this.trace.values_mV, this.trace.start_ms, this.trace.step_ms, start_ms, stop_ms, columns);
    const least = Math.min(-75, ...low.filter(Number.isFinite)) - ROOM_mV;
    const most = Math.max(-50, ...high.filter(Number.isFinite)) + ROOM_mV;
    const toY = (mV) => MARGIN.top + ((most - mV) / (most - least)) * (HEIGHT_px - MARGIN.top - MARGIN.bottom);
    context.textAlign = "right";
    for (const mV of [least + ROOM_mV, most - ROOM_mV]) context.fillText(`${mV.toFixed(0)} mV`, MARGIN.left - 6, toY(mV) + 4);
    const bottom = HEIGHT_px - 4;
    context.fillText(sayTime(stop_ms), width - MARGIN.right, bottom);
    context.textAlign = "left";
    context.fillText(sayTime(start_ms), MARGIN.left, bottom);
    context.strokeStyle = ink;
    context.lineWidth = 1.3;
    context.beginPath();
    for (let i = 0; i < columns; i += 1) {
      if (Number.isNaN(low[i])) continue;
      context.lineTo(MARGIN.left + i, toY(i % 2 === 0 ? low[i] : high[i]));
      context.lineTo(MARGIN.left + i, toY(i % 2 === 0 ? high[i] : low[i]));
    }
    context.stroke();
    const now_ms = this.live ? this.trace.end_ms : this.t_ms;
    if (!this.live && now_ms >= start_ms && now_ms <= stop_ms) {
      const x = MARGIN.left + ((now_ms - start_ms) / (stop_ms - start_ms)) * columns;
      context.strokeStyle = soft;
      context.strokeRect(x, MARGIN.top, 0, HEIGHT_px - MARGIN.top - MARGIN.bottom);
    }
    const value = this.trace.at(this.live ? now_ms - this.trace.step_ms : now_ms);
    this.canvas.setAttribute("aria-label", `Voltage ${sayNumber(value)} mV at ${sayTime(now_ms)}`);
  }
}
