/** The raster: a dot for each spike, time across, cells up, populations one above the other. */
import { button, chooser, element } from "./dom.mjs";
import { Plot, listenForTimeKeys } from "./plot.mjs";
import { sayCount, sayMany, sayTime } from "./saying.mjs";

/** Populations are put in order up to this number of cells; beyond, cells stay in the order of their places. */
const MOST_ORDERED = 200_000;
/** Pixels for the names of populations. */
const MOST_MARGIN = 130;
const HOW =
  "Drag to select the cells that fired there, along the time axis to zoom. " +
  "Keys: arrows seek, plus and minus zoom, Enter selects all that fired, 0 shows all.";
const SPANS = [[50, "last 50 ms"], [200, "last 200 ms"], [500, "last 500 ms"], [2000, "last 2 s"], [Infinity, "all"]];

/** Rows of the raster: row of each rank, and the bands of the populations. */
class RasterRows {
  constructor(n) {
    this.n = n;
    this.row = null;
    this.bands = undefined;
    this.kind = null;
  }

  /** Ask for the members of each population. */
  async order(populations, transport) {
    if (this.n === 0 || this.n > MOST_ORDERED || populations.length === 0) return;
    const row = new Uint32Array(this.n);
    const kind = new Uint16Array(this.n);
    const bands = [];
    let next = 0;
    for (const [i, population] of populations.entries()) {
      const members = new Uint32Array(await transport.post("/api/select", { population }));
      const low = next;
      for (const rank of members) {
        row[rank] = next;
        kind[rank] = i;
        next += 1;
      }
      if (next > low) bands.push({ low, high: next, text: population });
    }
    Object.assign(this, { row, kind, bands });
  }

  of(rank) {
    return this.row === null ? rank : this.row[rank];
  }
}

function drawSpikes(plot, context, { spikes, rows, colours, selected }) {
  const tall = Math.max(1.2, Math.min(6, plot.plotHeight / Math.max(1, rows.n)));
  const wide = spikes.n > 8000 ? 1 : 1.5;
  const some = selected.size > 0;
  const kinds = rows.kind === null ? [null] : colours.map((_, i) => i);
  for (const lit of some ? [false, true] : [false]) {
    for (const kind of kinds) {
      context.fillStyle = kind === null ? plot.colours.accent : colours[kind];
      context.globalAlpha = some && !lit ? 0.3 : 1;
      for (let i = 0; i < spikes.n; i += 1) {
        const rank = spikes.rank[i];
        if ((kind !== null && rows.kind[rank] !== kind) || (some && selected.has(rank) !== lit)) continue;
        const y = plot.toY(rows.of(rank) + 0.5) - tall / 2;
        if (lit) context.fillRect(plot.toX(spikes.time_ms[i]) - 1.25, y - 0.75, 2.5, tall + 1.5);
        else context.fillRect(plot.toX(spikes.time_ms[i]) - wide / 2, y, wide, tall);
      }
    }
  }
  context.globalAlpha = 1;
}

function spanTools(tools, state) {
  const spans = SPANS.map(([value, text]) => [String(value), text]);
  const span = chooser(spans, String(state.span_ms), (value) => state.setSpan(Number(value)), {
    "aria-label": "Stretch of time that is shown",
  });
  const whole = button("Undo zoom", () => state.setWindow(null), { kind: "np-quiet", hidden: true });
  state.on("window", (window) => {
    whole.hidden = window === null;
    span.value = String(state.span_ms);
  });
  state.on("scene", () => (span.value = String(state.span_ms)));
  span.value = String(state.span_ms);
  tools.append(whole, span);
}

/** See panels.mjs. */
export function mountRaster(host, context) {
  const { state, past } = context;
  let spikes = { n: 0, total_n: 0, every: 1, time_ms: [], rank: [] };
  let rows = new RasterRows(0);
  const plot = new Plot(host, {
    label: "Spikes",
    margin: { left: 58 },
    draw: (p, c) => drawSpikes(p, c, { spikes, rows, colours: state.populations.map(context.colour), selected: state.selected }),
  });
  const note = element("p", { class: "np-small" });
  host.append(note);
  spanTools(context.tools, state);

  const reorder = async () => {
    rows = new RasterRows(state.scene?.n ?? 0);
    await rows.order(state.populations, context.transport);
    const longest = Math.max(0, ...(rows.bands ?? []).map((band) => band.text.length));
    plot.margin.left = Math.min(MOST_MARGIN, Math.max(58, 30 + 6.2 * longest));
    plot.redraw();
  };
  plot.onbrush = ({ x0, x1, y0, y1 }) => {
    const found = new Set();
    for (let i = 0; i < spikes.n; i += 1) {
      const row = rows.of(spikes.rank[i]) + 0.5;
      if (spikes.time_ms[i] >= x0 && spikes.time_ms[i] <= x1 && row >= y0 && row <= y1) found.add(spikes.rank[i]);
    }
    context.select(Uint32Array.from(found).sort(), "raster");
  };
  plot.onspan = (start_ms, stop_ms) => state.setWindow({ start_ms, stop_ms });
  plot.onclick = (t_ms) => context.seek(t_ms);
  plot.onreset = () => state.setWindow(null);
  listenForTimeKeys(plot, state, {
    seek: context.seek,
    select: () => plot.onbrush({ x0: plot.x.low, x1: plot.x.high, y0: plot.y.low, y1: plot.y.high }),
  });
  const ends = [
    state.on("scene", reorder),
    state.on("time", (t_ms) => {
      plot.cursor = state.live ? NaN : t_ms;
      plot.redraw();
    }),
    state.on("theme", () => plot.redraw()),
  ];
  if (state.scene !== null) reorder();

  const say = (shown) => {
    plot.setEmpty(spikes.n > 0 ? "" : state.scene?.n === 0 ? "There are no cells." : "No spikes yet.");
    const part = `One cell in ${sayCount(spikes.every)} is drawn; ${sayCount(spikes.total_n)} spikes are too many to list.`;
    note.textContent = spikes.every > 1 ? part : "";
    note.hidden = note.textContent === "";
    const when = `between ${sayTime(shown.start_ms)} and ${sayTime(shown.stop_ms)}`;
    const what = `Raster of ${sayMany(spikes.total_n, "spike")} of ${sayMany(state.scene?.n ?? 0, "cell")} ${when}.`;
    plot.describe(`${what} ${HOW}`);
  };
  return {
    async update() {
      const { shown } = state;
      if (shown.stop_ms > shown.start_ms) spikes = await past.spikes(shown);
      Object.assign(plot.x, { low: shown.start_ms, high: Math.max(shown.stop_ms, shown.start_ms + 1) });
      const title = rows.bands ? "cells by population" : "cell (by place)";
      plot.y = { low: 0, high: Math.max(1, rows.n), unit: "", whole: true, title, bands: rows.bands };
      say(shown);
      plot.redraw();
    },
    table() {
      const counts = new Map();
      for (const rank of spikes.rank) counts.set(rank, (counts.get(rank) ?? 0) + 1);
      const top = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 50);
      const name = (rank) => (rows.kind === null ? "" : state.populations[rows.kind[rank]]);
      return {
        caption: `The ${top.length} cells with the most spikes in the stretch that is shown`,
        head: ["cell", "population", "spikes"],
        rows: top.map(([rank, count]) => [rank, name(rank), count]),
      };
    },
    dispose() {
      ends.forEach((end) => end());
      plot.dispose();
    },
  };
}
