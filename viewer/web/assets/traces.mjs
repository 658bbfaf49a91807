/** Voltage of the picked compartments over time, in mV, every step of it: lowest and highest of each pixel column. */
import { element } from "./dom.mjs";
import { Plot, listenForTimeKeys } from "./plot.mjs";
import { columnExtremes, sayNumber, sayTime } from "./saying.mjs";
import { categoryColour, colourHex } from "./colours.mjs";
import { MOST_PICKED } from "./page_state.mjs";

/** Steps that are kept of a live trace. */
const MOST_KEPT = 400_000;
const FLAT_mV = [-90, 40];

/** Colour of the i-th trace. */
export function traceColour(i, theme) {
  return colourHex(categoryColour(i % MOST_PICKED, theme));
}

/** A live trace that grows by frames. */
export class GrowingTrace {
  constructor() {
    this.start_ms = 0;
    this.step_ms = 1;
    this.n = 0;
    this._values = new Float32Array(4096);
  }

  get values_mV() {
    return this._values.subarray(0, this.n);
  }

  get end_ms() {
    return this.start_ms + this.step_ms * this.n;
  }

  /** Add a block in equal steps; what overlaps is left out, after a gap everything before is forgotten. */
  add({ start_ms, step_ms, values_mV }) {
    if (values_mV.length === 0) return;
    const skip = Math.round((this.end_ms - start_ms) / step_ms);
    if (this.n === 0 || skip < 0 || Math.abs(step_ms - this.step_ms) > 1e-9) {
      Object.assign(this, { start_ms, step_ms, n: 0 });
      this._append(values_mV);
    } else if (skip < values_mV.length) this._append(values_mV.subarray(skip));
  }

  _append(values) {
    if (this.n + values.length > MOST_KEPT) {
      const dropped = Math.min(this.n, Math.floor(MOST_KEPT / 2));
      this._values.copyWithin(0, dropped, this.n);
      this.n -= dropped;
      this.start_ms += dropped * this.step_ms;
    }
    const need = this.n + values.length;
    if (need > this._values.length) {
      const larger = new Float32Array(2 ** Math.ceil(Math.log2(need)));
      larger.set(this.values_mV);
      this._values = larger;
    }
    this._values.set(values, this.n);
    this.n = need;
  }

  /** Value at a time, or NaN. */
  at(t_ms) {
    const i = Math.min(this.n - 1, Math.floor((t_ms - this.start_ms) / this.step_ms + 1e-6));
    return i >= 0 && t_ms <= this.end_ms + this.step_ms ? this._values[i] : NaN;
  }
}

function drawTrace(plot, context, trace, colour) {
  const columns = Math.max(1, Math.round(plot.plotWidth));
  const { low, high } = columnExtremes(trace.values_mV, trace.start_ms, trace.step_ms, plot.x.low, plot.x.high, columns);
  context.strokeStyle = colour;
  context.lineWidth = 1.4;
  context.lineJoin = "round";
  context.beginPath();
  let pen = false;
  for (let i = 0; i < columns; i += 1) {
    if (Number.isNaN(low[i])) continue;
    const x = plot.margin.left + i + 0.5;
    const [first, second] = i % 2 === 0 ? [low[i], high[i]] : [high[i], low[i]];
    if (pen) context.lineTo(x, plot.toY(first));
    else context.moveTo(x, plot.toY(first));
    context.lineTo(x, plot.toY(second));
    pen = true;
  }
  context.stroke();
}

function rangeOf(traces, { start_ms, stop_ms }) {
  let [low, high] = [Infinity, -Infinity];
  for (const trace of traces) {
    const first = Math.max(0, Math.floor((start_ms - trace.start_ms) / trace.step_ms));
    const last = Math.min(trace.n ?? trace.values_mV.length, Math.ceil((stop_ms - trace.start_ms) / trace.step_ms) + 1);
    for (let i = first; i < last; i += 1) {
      const value = trace.values_mV[i];
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  if (!(high >= low)) return FLAT_mV;
  const room = Math.max(2, 0.06 * (high - low));
  return [Math.min(low - room, -80), Math.max(high + room, -40)];
}

/** See panels.mjs. */
export function mountTraces(host, context) {
  const { state, past, transport, viewer } = context;
  const traces = new Map();
  const plot = new Plot(host, {
    label: "Voltage",
    draw: (p, c) => {
      for (const place of [...state.picked].reverse()) {
        const trace = traces.get(place.tag);
        if (trace !== undefined) drawTrace(p, c, trace, traceColour(place.colour, state.theme));
      }
    },
  });
  const chips = element("ul", { class: "np-chips", "aria-label": "Traced compartments" });
  host.append(chips);

  const relist = () => {
    chips.replaceChildren(...state.picked.map((place) => {
      const swatch = element("span", { class: "np-swatch", "aria-hidden": "true" });
      swatch.style.background = traceColour(place.colour, state.theme);
      const name = `${place.gid ?? place.rank} ${place.label}`;
      const away = element("button", { type: "button", "aria-label": `Stop tracing ${name}`, onclick: () => state.drop(place) }, ["×"]);
      return element("li", { class: "np-chip" }, [swatch, name, away]);
    }));
  };
  const subscribe = () => {
    for (const tag of traces.keys()) if (!state.picked.some((p) => p.tag === tag)) traces.delete(tag);
    const places = state.live ? state.picked.map(({ rank, node, tag }) => [rank, node, tag]) : [];
    if (state.live) transport.send({ type: "trace", places });
  };
  const fetched = async (place) => {
    const block = await past.trace(place.rank, place.node, state.shown);
    const trace = new GrowingTrace();
    trace.add(block);
    traces.set(place.tag, trace);
  };
  const frame = (event) => {
    const { tag, body } = event.detail ?? {};
    if (body?.values_mV === undefined) return;
    if (!traces.has(tag)) traces.set(tag, new GrowingTrace());
    traces.get(tag).add(body);
    plot.redraw();
  };
  viewer.addEventListener("frame", frame);
  plot.onspan = (start_ms, stop_ms) => state.setWindow({ start_ms, stop_ms });
  plot.onclick = (t_ms) => context.seek(t_ms);
  plot.onreset = () => state.setWindow(null);
  listenForTimeKeys(plot, state, { seek: context.seek });
  const ends = [
    state.on("picked", () => (relist(), subscribe())),
    state.on("theme", () => (relist(), plot.redraw())),
    state.on("connected", subscribe),
    state.on("time", (t_ms) => {
      plot.cursor = state.live ? NaN : t_ms;
      plot.redraw();
    }),
  ];
  state.voltageOf = (place, t_ms) => traces.get(place.tag)?.at(t_ms) ?? NaN;

  const say = () => {
    if (state.scene?.traces_from === "none") plot.setEmpty("These results hold no voltage.");
    else if (state.picked.length === 0) plot.setEmpty("Click a cell, or press Enter over the view, to trace its voltage.");
    else if (!state.picked.some((place) => traces.get(place.tag)?.n > 0)) {
      plot.setEmpty(state.live ? "Recording begins now." : "The voltage of this compartment was not recorded.");
    } else plot.setEmpty("");
    const now = state.picked.map((place) => `${place.gid ?? place.rank} ${place.label}: ${sayNumber(state.voltageOf(place, state.t_ms))} mV`);
    plot.describe(`Voltage of ${state.picked.length} compartments at ${sayTime(state.t_ms)}. ${now.join("; ")}`);
  };
  return {
    async update() {
      const { shown } = state;
      for (const place of state.picked) {
        const known = traces.get(place.tag);
        // Of a live run only what came before the first frame is asked for.
        if (!state.live || known === undefined || (state.window !== null && known.start_ms > shown.start_ms)) await fetched(place);
      }
      const [low, high] = rangeOf(state.picked.map((p) => traces.get(p.tag)).filter(Boolean), shown);
      Object.assign(plot.x, { low: shown.start_ms, high: Math.max(shown.stop_ms, shown.start_ms + 1) });
      plot.y = { low, high, unit: "mV", title: "voltage" };
      say();
      state.say("voltage");
      plot.redraw();
    },
    table() {
      return {
        caption: `Voltage at ${sayTime(state.t_ms)} and its ends in the stretch that is shown`,
        head: ["compartment", "now (mV)", "lowest (mV)", "highest (mV)"],
        rows: state.picked.map((place) => {
          const values = traces.get(place.tag)?.values_mV ?? [];
          const [low, high] = values.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity]);
          return [`${place.gid ?? place.rank} ${place.label}`, ...[state.voltageOf(place, state.t_ms), low, high].map((v) => sayNumber(v))];
        }),
      };
    },
    dispose() {
      viewer.removeEventListener("frame", frame);
      ends.forEach((end) => end());
      plot.dispose();
    },
  };
}
