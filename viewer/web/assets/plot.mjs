/** `Plot`: axes, brush and a canvas that is sharp on every screen, for the panels. */
import { element } from "./dom.mjs";
import { sayNumber, sayTick, ticksBetween } from "./saying.mjs";

/** Let keys move through time in a focused plot: arrows seek, + and - zoom, Enter selects, 0 or Escape shows all again. */
export function listenForTimeKeys(plot, state, { seek, select }) {
  plot.box.setAttribute("role", "application");
  plot.box.setAttribute("aria-roledescription", "plot over time");
  plot.box.tabIndex = 0;
  const zoom = (factor) => {
    const { start_ms: low, stop_ms: high } = state.shown;
    const middle = plot.cursor >= low && plot.cursor <= high ? plot.cursor : high;
    const { start_ms, stop_ms } = state.known;
    const span = { start_ms: Math.max(start_ms, middle - factor * (middle - low)), stop_ms: Math.min(stop_ms, middle + factor * (high - middle)) };
    state.setWindow(span.start_ms <= start_ms && span.stop_ms >= stop_ms ? null : span);
  };
  const step = (direction, event) => {
    const { start_ms, stop_ms } = state.shown;
    seek((state.t_ms || 0) + direction * (event.shiftKey ? 0.1 : 0.01) * (stop_ms - start_ms));
  };
  const does = {
    ArrowLeft: (event) => step(-1, event), ArrowRight: (event) => step(1, event),
    "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), 0: () => state.setWindow(null), Escape: () => state.setWindow(null),
    Enter: () => select?.(),
  };
  plot.box.addEventListener("keydown", (event) => {
    if (does[event.key] === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    does[event.key](event);
  });
}

const MARGIN = { left: 44, right: 10, top: 8, bottom: 32 };
const CLICK_px = 4;

/** Colours of the theme that is in force, read from the style sheet. */
export function plotColours() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(`--np-${name}`).trim();
  return {
    text: read("text"), muted: read("muted"), line: read("line"), strong: read("line-strong"),
    accent: read("accent"), soft: read("accent-soft"), surface: read("surface"), warm: read("warm"),
  };
}

/**
 * A plot in `host`. Give it `draw(plot, context)`; it is called when something changed, at most once a frame.
 *
 * `x` and `y` are {low, high, unit, title}. `y.bands` [{low, high, text}] replaces the numbers by names, `y.whole` leaves
 * out those that are not whole. Brushing calls `onbrush({x0, x1, y0, y1})`, dragging along the time axis or with Shift
 * `onspan(x0, x1)`, a click `onclick(x, y)`, a double click `onreset()`.
 */
export class Plot {
  constructor(host, { label, draw, margin = {} }) {
    this.host = host;
    this.margin = { ...MARGIN, ...margin };
    this.x = { low: 0, high: 1, unit: "ms", title: "time" };
    this.y = { low: 0, high: 1, unit: "", title: "" };
    this.draw = draw;
    this.onbrush = this.onspan = this.onclick = this.onreset = null;
    this.cursor = NaN;
    this._brush = null;
    this._asked = false;
    this.canvas = element("canvas");
    this.empty = element("p", { class: "np-plot-empty" });
    this.box = element("div", { class: "np-plot", role: "img", "aria-label": label }, [this.canvas, this.empty]);
    host.append(this.box);
    this._watch = new ResizeObserver(() => this.redraw());
    this._watch.observe(this.box);
    this._listen();
  }

  /** Say what is in the plot, for those who cannot see it. */
  describe(text) {
    if (this.box.getAttribute("aria-label") !== text) this.box.setAttribute("aria-label", text);
  }

  /** Show a line of text instead of nothing. */
  setEmpty(text) {
    if (this.empty.textContent !== text) this.empty.textContent = text;
  }

  dispose() {
    this._watch.disconnect();
    this.box.remove();
  }

  get plotWidth() {
    return Math.max(1, this.box.clientWidth - this.margin.left - this.margin.right);
  }

  get plotHeight() {
    return Math.max(1, this.box.clientHeight - this.margin.top - this.margin.bottom);
  }

  toX(value) {
    return this.margin.left + ((value - this.x.low) / (this.x.high - this.x.low)) * this.plotWidth;
  }

  toY(value) {
    return this.margin.top + (1 - (value - this.y.low) / (this.y.high - this.y.low)) * this.plotHeight;
  }

  fromX(px) {
    return this.x.low + ((px - this.margin.left) / this.plotWidth) * (this.x.high - this.x.low);
  }

  fromY(px) {
    return this.y.low + (1 - (px - this.margin.top) / this.plotHeight) * (this.y.high - this.y.low);
  }

  /** Draw before the next frame. */
  redraw() {
    if (this._asked) return;
    this._asked = true;
    requestAnimationFrame(() => {
      this._asked = false;
      this._paint();
    });
  }

  _paint() {
    const { clientWidth: width, clientHeight: height } = this.box;
    if (width === 0 || height === 0) return;
    const ratio = Math.min(4, globalThis.devicePixelRatio || 1);
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.canvas.width !== w || this.canvas.height !== h) Object.assign(this.canvas, { width: w, height: h });
    const context = this.canvas.getContext("2d");
    this.colours = plotColours();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    this._axes(context);
    context.save();
    context.beginPath();
    context.rect(this.margin.left, this.margin.top - 1, this.plotWidth, this.plotHeight + 2);
    context.clip();
    this.draw(this, context);
    this._marks(context);
    context.restore();
  }

  _axes(context) {
    const { left, top } = this.margin;
    const [right, bottom] = [left + this.plotWidth, top + this.plotHeight];
    context.font = `11px ${getComputedStyle(this.box).fontFamily}`;
    context.textBaseline = "middle";
    context.lineWidth = 1;
    context.strokeStyle = this.colours.line;
    context.fillStyle = this.colours.muted;
    context.beginPath();
    if (this.y.bands === undefined) this._yTicks(context, right);
    else this._yBands(context, right);
    context.moveTo(left, Math.round(bottom) + 0.5);
    context.lineTo(right, Math.round(bottom) + 0.5);
    context.textAlign = "center";
    const ticks = ticksBetween(this.x.low, this.x.high, this.plotWidth / 80);
    for (const tick of ticks) {
      const x = Math.round(this.toX(tick)) + 0.5;
      context.moveTo(x, bottom);
      context.lineTo(x, bottom + 4);
      const text = sayNumber(tick, 6);
      const half = context.measureText(text).width / 2;
      context.fillText(text, Math.min(Math.max(x, left + half - 12), right + 8 - half), bottom + 11);
    }
    context.stroke();
    context.textAlign = "right";
    context.fillText(`${this.x.title} (${this.x.unit})`, right, bottom + 25);
    context.textAlign = "left";
  }

  _yTicks(context, right) {
    context.textAlign = "right";
    for (const tick of ticksBetween(this.y.low, this.y.high, this.plotHeight / 26)) {
      if (this.y.whole === true && !Number.isInteger(tick)) continue;
      const y = Math.round(this.toY(tick)) + 0.5;
      context.moveTo(this.margin.left, y);
      context.lineTo(right, y);
      context.fillText(sayTick(tick), this.margin.left - 6, y);
    }
    this._yTitle(context);
  }

  _yTitle(context) {
    const text = this.y.unit === "" ? this.y.title : `${this.y.title} (${this.y.unit})`;
    context.save();
    context.translate(9, this.margin.top + this.plotHeight / 2);
    context.rotate(-Math.PI / 2);
    context.textAlign = "center";
    context.fillText(text, 0, 0, this.plotHeight + 16);
    context.restore();
  }

  _yBands(context, right) {
    context.textAlign = "right";
    for (const band of this.y.bands) {
      const [low, high] = [this.toY(band.low), this.toY(band.high)];
      context.moveTo(this.margin.left, Math.round(high) + 0.5);
      context.lineTo(right, Math.round(high) + 0.5);
      if (low - high > 11) context.fillText(band.text, this.margin.left - 6, (low + high) / 2, this.margin.left - 26);
    }
    this._yTitle(context);
  }

  _marks(context) {
    const { top } = this.margin;
    if (this.empty.textContent === "" && this.cursor >= this.x.low && this.cursor <= this.x.high) {
      context.fillStyle = this.colours.accent;
      context.fillRect(Math.round(this.toX(this.cursor)) - 0.5, top, 1.5, this.plotHeight);
    }
    const b = this._brush;
    if (b === null || !b.moved) return;
    const [x, w] = [Math.min(b.x0, b.x1), Math.abs(b.x1 - b.x0)];
    const [y, h] = b.span ? [top, this.plotHeight] : [Math.min(b.y0, b.y1), Math.abs(b.y1 - b.y0)];
    context.fillStyle = this.colours.soft;
    context.strokeStyle = this.colours.accent;
    context.fillRect(x, y, w, h);
    context.strokeRect(x + 0.5, y + 0.5, Math.max(0, w - 1), Math.max(0, h - 1));
  }

  _listen() {
    const place = (event) => {
      const box = this.box.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    this.box.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      const [x, y] = place(event);
      const span = event.shiftKey || y > this.margin.top + this.plotHeight;
      this._brush = { x0: x, y0: y, x1: x, y1: y, span, moved: false };
      this.box.setPointerCapture(event.pointerId);
    });
    this.box.addEventListener("pointermove", (event) => {
      if (this._brush === null) return;
      [this._brush.x1, this._brush.y1] = place(event);
      const far = Math.hypot(this._brush.x1 - this._brush.x0, this._brush.y1 - this._brush.y0);
      this._brush.moved ||= far > CLICK_px;
      this.redraw();
    });
    this.box.addEventListener("pointerup", () => this._finish());
    this.box.addEventListener("pointercancel", () => {
      this._brush = null;
      this.redraw();
    });
    this.box.addEventListener("dblclick", () => this.onreset?.());
  }

  _finish() {
    const b = this._brush;
    this._brush = null;
    if (b === null) return;
    this.redraw();
    if (!b.moved) {
      this.onclick?.(this.fromX(b.x0), this.fromY(b.y0));
      return;
    }
    const cut = (v, low, high) => Math.min(high, Math.max(low, v));
    const xs = [this.fromX(b.x0), this.fromX(b.x1)].map((v) => cut(v, this.x.low, this.x.high)).sort((p, q) => p - q);
    const ys = [this.fromY(b.y0), this.fromY(b.y1)].map((v) => cut(v, this.y.low, this.y.high)).sort((p, q) => p - q);
    if (b.span) this.onspan?.(xs[0], xs[1]);
    else this.onbrush?.({ x0: xs[0], x1: xs[1], y0: ys[0], y1: ys[1] });
  }
}
