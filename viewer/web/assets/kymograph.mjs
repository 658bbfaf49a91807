/** The kymograph: a quantity along a body (its curvature) over time. Time across, the head at the top. */
import { chooser, element } from "./dom.mjs";
import { Plot, listenForTimeKeys } from "./plot.mjs";
import { sayNumber, sayTime } from "./saying.mjs";
import { divergingTable } from "./world_looks.mjs";
import { decodeWorldRows } from "./world_wire.mjs";

const MOST = 1500;
const LIVE_ms = 10_000;
const BANDS = [{ low: 0, high: 1 / 3, text: "tail" }, { low: 1 / 3, high: 2 / 3, text: "middle" }, { low: 2 / 3, high: 1, text: "head" }];
const HOW = "Drag along the time axis to zoom. Keys: arrows seek, plus and minus zoom, 0 shows all.";

/** The stretch that is shown: of a live run longer than for spikes, as bodies are slow. */
function stretchOf(state) {
  const { shown, known } = state;
  if (!state.live || state.window !== null) return shown;
  return { start_ms: Math.max(known.start_ms, Math.min(shown.start_ms, shown.stop_ms - LIVE_ms)), stop_ms: shown.stop_ms };
}

/** Largest absolute value; what the map's ends are where none are given. */
function largest(values) {
  let most = 0;
  for (const v of values) if (Math.abs(v) > most) most = Math.abs(v);
  return most;
}

/** Colours of `columns` moments between the plot's ends, an ImageData: each the row nearest in time, none in a gap. */
export function kymographImage({ time_ms, curve }, { low, high, columns, limit, table }) {
  const { width, values } = curve;
  const image = new ImageData(columns, width);
  const n = time_ms.length;
  const step = n > 1 ? (time_ms[n - 1] - time_ms[0]) / (n - 1) : Infinity;
  // Frames of a live run come when there is time for them, not in equal steps.
  const gap = Math.max(8 * step, (high - low) / columns);
  let row = 0;
  for (let x = 0; x < columns; x += 1) {
    const t = low + ((x + 0.5) / columns) * (high - low);
    while (row + 1 < n && Math.abs(time_ms[row + 1] - t) <= Math.abs(time_ms[row] - t)) row += 1;
    if (n === 0 || Math.abs(time_ms[row] - t) > gap) continue;
    for (let k = 0; k < width; k += 1) {
      const share = 0.5 + (0.5 * values[row * width + k]) / limit;
      const colour = 4 * Math.round(255 * Math.min(1, Math.max(0, share)));
      image.data.set(table.subarray(colour, colour + 4), 4 * (k * columns + x));
    }
  }
  return image;
}

function legend(host) {
  const bar = element("canvas", { width: 256, height: 1 });
  const ticks = element("div", { class: "np-map-ticks" });
  const title = element("span", {});
  const whole = element("div", { class: "np-map-legend", role: "img", "aria-label": "Colours" }, [title, element("div", {}, [bar, ticks])]);
  host.append(whole);
  return (table, text, limit) => {
    bar.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(table), 256, 1), 0, 0);
    title.textContent = text;
    ticks.replaceChildren(...[-limit, 0, limit].map((v) => element("span", {}, [sayNumber(v, 3)])));
    whole.setAttribute("aria-label", `Colours of ${text} from ${-limit} to ${limit}`);
  };
}

/** See panels.mjs. */
export function mountKymograph(host, context) {
  const { state } = context;
  let rows = null;
  let chosen = 0;
  let limit = 1;
  const sheet = document.createElement("canvas");
  const plot = new Plot(host, {
    label: "Kymograph",
    margin: { left: 58 },
    draw: (p, c) => {
      const curve = rows?.curves[chosen];
      if (curve === undefined || rows.n === 0) return;
      const columns = Math.max(1, Math.min(2000, Math.round(p.plotWidth)));
      const image = kymographImage({ time_ms: rows.time_ms, curve }, { low: p.x.low, high: p.x.high, columns, limit, table: divergingTable(state.theme) });
      Object.assign(sheet, { width: image.width, height: image.height });
      sheet.getContext("2d").putImageData(image, 0, 0);
      c.imageSmoothingEnabled = false;
      c.drawImage(sheet, p.margin.left, p.margin.top, p.plotWidth, p.plotHeight);
    },
  });
  plot.y = { low: 0, high: 1, unit: "", title: "along the body", bands: BANDS };
  const show = legend(host);
  const names = chooser([], "", (value) => {
    chosen = Number(value);
    plot.redraw();
  }, { "aria-label": "Quantity", hidden: true });
  context.tools.append(names);
  plot.onspan = (start_ms, stop_ms) => state.setWindow({ start_ms, stop_ms });
  plot.onclick = (t_ms) => context.seek(t_ms);
  plot.onreset = () => state.setWindow(null);
  listenForTimeKeys(plot, state, { seek: context.seek });
  const described = () => {
    const curves = state.world?.said.curves ?? [];
    names.replaceChildren(...curves.map((curve, i) => element("option", { value: i }, [curve.name])));
    names.hidden = curves.length < 2;
    chosen = Math.min(chosen, Math.max(0, curves.length - 1));
    names.value = String(chosen);
  };
  const ends = [
    state.on("world", described),
    state.on("time", (t_ms) => {
      plot.cursor = state.live ? NaN : t_ms;
      plot.redraw();
    }),
    state.on("theme", () => plot.redraw()),
  ];
  described();

  const say = (shown) => {
    const curve = state.world?.said.curves[chosen];
    plot.setEmpty(rows !== null && rows.n > 0 && curve !== undefined ? "" : "Nothing yet.");
    if (curve === undefined) return;
    limit = curve.limit > 0 ? curve.limit : Math.max(1e-12, largest(rows?.curves[chosen]?.values ?? []));
    show(divergingTable(state.theme), curve.unit === "" ? curve.name : `${curve.name} (${curve.unit})`, limit);
    const when = `between ${sayTime(shown.start_ms)} and ${sayTime(shown.stop_ms)}`;
    plot.describe(`Kymograph of ${curve.name} along the body ${when}, in ${curve.unit || "its unit"}. ${HOW}`);
  };
  return {
    async update() {
      if (!state.world) return;
      const { start_ms, stop_ms } = stretchOf(state);
      const stretch = `start_ms=${start_ms}&stop_ms=${stop_ms + 1e-6}&most=${MOST}`;
      rows = decodeWorldRows(await context.transport.get(`/api/world/rows?${stretch}`));
      Object.assign(plot.x, { low: start_ms, high: Math.max(stop_ms, start_ms + 1) });
      say({ start_ms, stop_ms });
      plot.redraw();
    },
    table() {
      const curve = rows?.curves[chosen];
      const said = state.world?.said.curves[chosen];
      const last = rows === null || rows.n === 0 || curve === undefined ? [] : curve.values.subarray((rows.n - 1) * curve.width);
      return {
        caption: said === undefined ? "There is no curve." : `${said.name} (${said.unit}) along the body at ${sayTime(rows?.time_ms[rows.n - 1] ?? NaN)}`,
        head: ["place", said?.name ?? "value"],
        rows: Array.from(last, (v, i) => [i === 0 ? "1 (head)" : String(i + 1), sayNumber(v, 3)]),
      };
    },
    dispose() {
      ends.forEach((end) => end());
      plot.dispose();
    },
  };
}
