/** Colour modes: what they need of the scene, the colours of the kinds of cells, and the legends. */

import { THEMES, categoryColour, colourHex, mapTable } from "./colours.mjs";
import { SHADE_MODES } from "./renderer.mjs";

/** Rate at the upper end of the colour map, in Hz. */
export const MOST_RATE_Hz = 100;
const MOST_KEYS = 14;

/** Colour modes that a scene has: {name, title}. */
export function colourModes(scene) {
  const facts = new Set();
  for (const kind of scene?.kinds ?? []) for (const name of Object.keys(kind.facts)) facts.add(name);
  const modes = [["spikes", "spikes"], ["voltage", "voltage"], ["rate", "rate"], ["population", "population"]];
  if (facts.has("layer")) modes.push(["layer", "layer"]);
  for (const name of facts) if (name !== "layer" && name !== "population") modes.push([`fact:${name}`, name]);
  return modes.map(([name, title]) => ({ name, title }));
}

/** Number of a mode in the shaders. */
export function shadeMode(mode) {
  const plain = { spikes: SHADE_MODES.SPIKES, voltage: SHADE_MODES.VOLTAGE, rate: SHADE_MODES.RATE };
  return plain[mode] ?? SHADE_MODES.CATEGORY;
}

/** How strong spikes glow in a mode. */
export function glowOf(mode) {
  return { spikes: 1, voltage: 0, rate: 0 }[mode] ?? 0.55;
}

function valueOf(kind, mode) {
  if (mode === "layer") return kind.facts.layer ?? "";
  if (mode.startsWith("fact:")) return kind.facts[mode.slice(5)] ?? "";
  return kind.population;
}

/** Categories of a mode in order: names; numbers in the order of their values. */
export function categoriesOf(kinds, mode) {
  const names = [...new Set(kinds.map((kind) => String(valueOf(kind, mode))))];
  if (mode === "layer" || mode.startsWith("fact:")) names.sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  return names;
}

/** Colours of all kinds of cells, 4 bytes each. */
export function kindPalette(kinds, mode, theme) {
  const names = categoriesOf(kinds, mode);
  const bytes = new Uint8Array(4 * Math.max(1, kinds.length)).fill(255);
  kinds.forEach((kind, i) => {
    const colour = categoryColour(names.indexOf(String(valueOf(kind, mode))), theme);
    colour.forEach((c, k) => {
      bytes[4 * i + k] = Math.round(255 * c);
    });
  });
  return bytes;
}

function keysOf(kinds, mode, theme, dim) {
  const names = categoriesOf(kinds, mode);
  const { back } = THEMES[theme];
  const keys = names.slice(0, MOST_KEYS).map((name, i) => {
    const colour = categoryColour(i, theme).map((c, k) => back[k] + dim * (c - back[k]));
    return { name: name === "" ? "(not given)" : name, colour: colourHex(colour) };
  });
  if (names.length > MOST_KEYS) keys.push({ name: `and ${names.length - MOST_KEYS} more`, colour: "none" });
  return keys;
}

/** The legend of a mode, for `PictureOverlay.setLegend`. */
export function legendOf({ kinds, mode, theme, map, range, tau_ms }) {
  if (mode === "voltage") {
    const [low, high] = range;
    const ticks = [low, 0.5 * (low + high), high].map((v) => `${Number(v.toFixed(1))}`);
    return { title: "membrane voltage (mV)", table: mapTable(map), ticks };
  }
  if (mode === "rate") {
    // The map is logarithmic: its thirds are at (1 + most) to the power of thirds.
    const ticks = [0, 1 / 3, 2 / 3, 1].map((x) => String(Math.round((1 + MOST_RATE_Hz) ** x - 1)));
    return { title: "rate (Hz)", table: mapTable(map), ticks };
  }
  if (mode === "spikes") {
    const look = THEMES[theme];
    const keys = keysOf(kinds, "population", theme, Math.min(1, look.dim * 1.6));
    const glow = { name: `spiked within ${Number(tau_ms.toPrecision(2))} ms`, colour: colourHex(look.additive ? look.white : look.hot) };
    return { title: "spikes", keys: [glow, ...keys] };
  }
  return { title: mode.replace(/^fact:/, ""), keys: keysOf(kinds, mode, theme, 1) };
}
