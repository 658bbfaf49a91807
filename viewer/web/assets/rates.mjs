/** Mean rate of each population over time, in Hz. */
import { element } from "./dom.mjs";
import { Plot, listenForTimeKeys } from "./plot.mjs";
import { roundUp, sayNumber, sayTime } from "./saying.mjs";

const MOST_BESIDE_letters = 10;

function drawRates(plot, context, { rates, colour, chosen }) {
  const time = rates.time_ms;
  if (time.length === 0) return;
  const half = time.length > 1 ? (time[1] - time[0]) / 2 : (plot.x.high - plot.x.low) / 2;
  context.lineWidth = 1.5;
  context.lineJoin = "round";
  for (const [population, values] of Object.entries(rates.rates)) {
    context.strokeStyle = colour(population);
    context.globalAlpha = chosen === null || chosen === population ? 1 : 0.3;
    context.beginPath();
    // A rate belongs to a bin: steps, not slopes.
    values.forEach((value, i) => {
      const y = plot.toY(value);
      context.lineTo(plot.toX(time[i] - half), y);
      context.lineTo(plot.toX(time[i] + half), y);
    });
    context.stroke();
  }
  context.globalAlpha = 1;
}

/** See panels.mjs. */
export function mountRates(host, context) {
  const { state, past } = context;
  let rates = { time_ms: [], rates: {} };
  let chosen = null;
  const plot = new Plot(host, {
    label: "Population rates",
    draw: (p, c) => drawRates(p, c, { rates, colour: context.colour, chosen }),
  });
  const legend = element("ul", { class: "np-keys-line", "aria-label": "Populations" });
  host.append(legend);

  const selectPopulation = async (population) => {
    context.select(new Uint32Array(await context.transport.post("/api/select", { population })), "rates");
    chosen = population;
    plot.redraw();
  };
  const relist = () => {
    // A few names fit beside the title, more get a line of their own.
    if (state.populations.join("").length <= MOST_BESIDE_letters) context.tools.prepend(legend);
    else host.append(legend);
    legend.replaceChildren(...state.populations.slice(0, 12).map((population) => {
      const swatch = element("span", { class: "np-swatch", "aria-hidden": "true" });
      swatch.style.background = context.colour(population);
      const press = { type: "button", class: "np-button np-quiet", title: `Select ${population}` };
      const onclick = () => selectPopulation(population);
      return element("li", {}, [element("button", { ...press, onclick }, [swatch, population])]);
    }));
  };
  plot.onbrush = async ({ x0, x1 }) => {
    const { rank } = await past.spikes({ start_ms: x0, stop_ms: x1 });
    context.select(Uint32Array.from(new Set(rank)).sort(), "rates");
  };
  plot.onspan = (start_ms, stop_ms) => state.setWindow({ start_ms, stop_ms });
  plot.onclick = (t_ms) => context.seek(t_ms);
  plot.onreset = () => state.setWindow(null);
  listenForTimeKeys(plot, state, { seek: context.seek, select: () => plot.onbrush({ x0: plot.x.low, x1: plot.x.high }) });
  const ends = [
    state.on("scene", relist),
    state.on("theme", () => (relist(), plot.redraw())),
    state.on("selection", ({ from }) => (chosen = from === "rates" ? chosen : null)),
    state.on("time", (t_ms) => {
      plot.cursor = state.live ? NaN : t_ms;
      plot.redraw();
    }),
  ];
  relist();

  return {
    async update() {
      const { shown } = state;
      const bins = Math.max(10, Math.min(200, Math.floor(plot.plotWidth / 3)));
      if (shown.stop_ms > shown.start_ms) rates = await past.rates(shown, bins);
      const all = Object.values(rates.rates);
      const most = Math.max(0, ...all.map((values) => Math.max(0, ...values)));
      Object.assign(plot.x, { low: shown.start_ms, high: Math.max(shown.stop_ms, shown.start_ms + 1) });
      plot.y = { low: 0, high: roundUp(most), unit: "Hz", title: "rate" };
      plot.setEmpty(all.length > 0 && most > 0 ? "" : "No spikes yet.");
      const when = `between ${sayTime(shown.start_ms)} and ${sayTime(shown.stop_ms)}`;
      const what = `Mean rates of ${all.length} populations ${when}; the highest is ${sayNumber(most)} Hz.`;
      plot.describe(`${what} Drag to select the cells that fired then.`);
      plot.redraw();
    },
    table() {
      const names = Object.keys(rates.rates);
      const every = Math.max(1, Math.ceil(rates.time_ms.length / 50));
      const rows = rates.time_ms.map((t, i) => [t, i]).filter(([, i]) => i % every === 0);
      return {
        caption: "Mean rate in Hz",
        head: ["time (ms)", ...names],
        rows: rows.map(([t, i]) => [t.toFixed(1), ...names.map((name) => sayNumber(rates.rates[name][i]))]),
      };
    },
    dispose() {
      ends.forEach((end) => end());
      plot.dispose();
    },
  };
}
