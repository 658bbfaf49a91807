/** How the cells' mean rates, in the stretch that is shown, are spread; brush it to select cells. */
import { chooser } from "./dom.mjs";
import { Plot } from "./plot.mjs";
import { roundUp, sayCount, sayMany, sayNumber } from "./saying.mjs";

const BINS = 30;
const FEWEST = 12;
const VOLTAGE_mV = [-90, 40];

/** Counts of values (n,) in bins from low to high; what is beyond is in the first and last. A value at an edge is above it. */
export function countInBins(values, low, high, bins) {
  const counts = new Uint32Array(bins);
  const scale = bins / (high - low);
  for (const value of values) counts[Math.min(bins - 1, Math.max(0, Math.floor((value - low) * scale + 1e-6)))] += 1;
  return counts;
}

/** Mean rate in Hz of those of n cells that are listed: of all, or of every k-th. */
function ratesOf(spikes, n, span_ms) {
  const every = Math.max(1, spikes.every);
  const counts = new Float32Array(Math.ceil(n / every));
  for (let i = 0; i < spikes.n; i += 1) counts[Math.floor(spikes.rank[i] / every)] += 1;
  return { every, values: counts.map((count) => (1000 * count) / span_ms) };
}

function drawBars(plot, context, { all, some }) {
  const step = (plot.x.high - plot.x.low) / all.length;
  const bar = (count, i, colour) => {
    if (count === 0) return;
    const [x0, x1] = [plot.toX(plot.x.low + i * step), plot.toX(plot.x.low + (i + 1) * step)];
    // A bin that holds one cell among millions is still seen.
    const y = Math.min(plot.toY(count), plot.toY(0) - 1.5);
    context.fillStyle = colour;
    context.fillRect(x0 + 0.5, y, Math.max(1, x1 - x0 - 1), plot.toY(0) - y);
  };
  all.forEach((count, i) => bar(count, i, plot.colours.strong));
  some.forEach((count, i) => bar(count, i, plot.colours.accent));
}

/** See panels.mjs. */
export function mountHistogram(host, context) {
  const { state, past } = context;
  let measured = { every: 1, values: new Float32Array(0) };
  let bars = { all: new Uint32Array(BINS), some: new Uint32Array(BINS) };
  let of = "rate";
  let bins = BINS;
  const plot = new Plot(host, { label: "Histogram", draw: (p, c) => drawBars(p, c, bars) });
  context.tools.append(chooser([["rate", "mean rates"], ["voltage", "voltages"]], of, (value) => {
    of = value;
    panel.update();
  }, { "aria-label": "What is counted" }));

  const countRates = async () => {
    const { shown } = state;
    const span_ms = shown.stop_ms - shown.start_ms;
    if (!(span_ms > 0)) return;
    measured = ratesOf(await past.spikes(shown), state.scene?.n ?? 0, span_ms);
    // Rates are multiples of one spike in the stretch: bins that are none would show stripes that are not there.
    const highest = measured.values.reduce((most, value) => Math.max(most, value), 0);
    const step = (1000 / span_ms) * Math.max(1, Math.ceil((highest * span_ms) / 1000 / BINS));
    bins = Math.max(FEWEST, Math.ceil(highest / step) + 1);
    const high = bins * step;
    plot.x = { low: 0, high, unit: "Hz", title: "mean rate" };
    const chosen = Array.from(state.selected).filter((r) => r % measured.every === 0).map((r) => measured.values[Math.floor(r / measured.every)]);
    bars = { all: countInBins(measured.values, 0, high, bins), some: countInBins(chosen, 0, high, bins) };
  };
  const countVoltages = () => {
    bins = BINS;
    const now = context.viewer.voltages?.() ?? null;
    plot.x = { low: VOLTAGE_mV[0], high: VOLTAGE_mV[1], unit: "mV", title: "membrane voltage" };
    measured = { every: 1, values: now?.values_mV ?? new Float32Array(0), ranks: now?.ranks };
    const chosen = now === null ? [] : measured.values.filter((_, i) => state.selected.has(now.ranks[i]));
    bars = { all: countInBins(measured.values, ...VOLTAGE_mV, BINS), some: countInBins(chosen, ...VOLTAGE_mV, BINS) };
  };
  plot.onbrush = ({ x0, x1 }) => {
    const found = new Set();
    measured.values.forEach((value, i) => {
      if (value >= x0 && value <= x1) found.add(of === "rate" ? i * measured.every : measured.ranks[i]);
    });
    context.select(Uint32Array.from(found).sort(), "histogram");
  };
  const panel = {
    async update() {
      if (of === "rate") await countRates();
      else countVoltages();
      const most = bars.all.reduce((a, b) => Math.max(a, b), 0);
      const cells = measured.every > 1 ? `one cell in ${sayCount(measured.every)}` : "cells";
      plot.y = { low: 0, high: roundUp(most), unit: "", whole: true, title: of === "rate" ? cells : "compartments" };
      const what = sayMany(measured.values.length, of === "rate" ? "cell" : "compartment");
      const none = of === "rate" ? "No spikes yet." : "No voltage is sent: colour by voltage.";
      plot.setEmpty(measured.values.length > 0 ? "" : none);
      plot.describe(`Histogram of the ${of === "rate" ? "mean rates" : "voltages"} of ${what}. Drag to select the cells of some bars.`);
      plot.redraw();
    },
    table() {
      const step = (plot.x.high - plot.x.low) / bins;
      return {
        caption: `${plot.y.title} by ${plot.x.title}`,
        head: [`from (${plot.x.unit})`, `to (${plot.x.unit})`, plot.y.title, "selected"],
        rows: Array.from(bars.all, (count, i) => [plot.x.low + i * step, plot.x.low + (i + 1) * step, count, bars.some[i]])
          .filter((row) => row[2] > 0)
          .map(([low, high, count, some]) => [sayNumber(low), sayNumber(high), sayCount(count), sayCount(some)]),
      };
    },
    dispose: () => plot.dispose(),
  };
  return panel;
}
