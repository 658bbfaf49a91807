/** Colours of the view of bodies: themes, the field's map, and the diverging map of kymographs. */
import { hexColour, mapColour } from "./colours.mjs";

function theme(names, low) {
  const colours = Object.fromEntries(Object.entries(names).map(([name, text]) => [name, hexColour(text)]));
  return { ...colours, low, names };
}

/** Colours by theme; `low` is how dark the side away from the light is. */
export const WORLD_THEMES = Object.freeze({
  dark: theme({
    back: "#05070d", line: "#8ea3c4", skin: "#9fa8b8", rest: "#6d5560", hot: "#ff8a2b", white: "#fff0c9", track: "#7fd0ff",
  }, 0.34),
  light: theme({
    back: "#f6f7f9", line: "#5b6880", skin: "#c9ced8", rest: "#b08a92", hot: "#e0530a", white: "#b3001b", track: "#0b5ca3",
  }, 0.55),
});

/** 256 colours of a field from its lowest to its highest value, 4 bytes each: from the background into the map. */
export function fieldTable(name) {
  const { back } = WORLD_THEMES[name];
  const table = new Uint8Array(1024);
  for (let i = 0; i < 256; i += 1) {
    const x = i / 255;
    // The body has to stand out: the field stays on the background's side.
    const hue = mapColour("viridis", name === "light" ? 1 - 0.75 * x : 0.1 + 0.55 * x);
    const much = (name === "light" ? 0.6 : 0.62) * Math.min(1, 1.6 * x) ** 0.8;
    back.forEach((c, k) => {
      table[4 * i + k] = Math.round(255 * (c + much * (hue[k] - c)));
    });
    table[4 * i + 3] = 255;
  }
  return table;
}

// From blue through the background to orange: told apart by colour-blind people.
const ENDS = { dark: ["#7cc4ff", "#1f6fd0", "#10151c", "#c2410c", "#ffb066"], light: ["#0a3d8f", "#6aa9e9", "#ffffff", "#f2a25c", "#8f2d00"] };

/** 256 colours from - to +, 4 bytes each. */
export function divergingTable(name) {
  const stops = ENDS[name].map(hexColour);
  const table = new Uint8Array(1024);
  for (let i = 0; i < 256; i += 1) {
    const at = (i / 255) * (stops.length - 1);
    const k = Math.min(stops.length - 2, Math.floor(at));
    stops[k].forEach((c, j) => {
      table[4 * i + j] = Math.round(255 * (c + (at - k) * (stops[k + 1][j] - c)));
    });
    table[4 * i + 3] = 255;
  }
  return table;
}
