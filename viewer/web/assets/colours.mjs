/**
 * Colours: maps of a number (as polynomials of degree 7 fitted to the published maps, within 9 of 255), colours of
 * categories that can be told apart by colour-blind people (Okabe and Ito 2008), and the two themes.
 */

// Coefficients of 1, x, x^2, ... for red, green and blue.
const MAP_FITS = {
  magma: [
    [0.0122, -0.59, 19.8777, -92.1862, 230.2117, -307.5629, 204.2522, -53.0251],
    [-0.0255, 2.1633, -23.7495, 127.0106, -339.0972, 477.8569, -335.832, 92.6691],
    [0.012, 1.2232, 17.7821, -111.2948, 282.3415, -384.3967, 275.3117, -80.2521],
  ],
  viridis: [
    [0.2566, 1.1618, -14.7894, 76.3146, -217.0801, 326.8138, -238.1806, 66.4996],
    [0.004, 1.5037, -1.256, 2.4706, -8.5537, 19.0038, -19.0286, 6.7629],
    [0.3229, 1.9623, -7.804, 24.8852, -65.2504, 110.5158, -100.802, 36.3069],
  ],
  cividis: [
    [0.0119, -1.6166, 32.3312, -153.5421, 363.323, -459.5821, 297.7899, -77.7182],
    [0.1364, 0.6633, 0.0583, 0.4271, -2.4525, 5.1482, -4.5795, 1.505],
    [0.286, 3.4662, -28.9988, 111.986, -223.7426, 241.7317, -135.0443, 30.5091],
  ],
};

/** Names of the colour maps. */
export const MAP_NAMES = Object.freeze(Object.keys(MAP_FITS));

/** Colour of x in 0..1: [red, green, blue], each 0..1. */
export function mapColour(name, x) {
  const at = Math.min(1, Math.max(0, x));
  return MAP_FITS[name].map((fit) => Math.min(1, Math.max(0, fit.reduceRight((sum, c) => sum * at + c, 0))));
}

/** 256 colours, 4 bytes each. */
export function mapTable(name) {
  const table = new Uint8Array(1024);
  for (let i = 0; i < 256; i += 1) {
    mapColour(name, i / 255).forEach((c, k) => {
      table[4 * i + k] = Math.round(255 * c);
    });
    table[4 * i + 3] = 255;
  }
  return table;
}

const OKABE_ITO = ["#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#f0e442", "#d55e00", "#0072b2", "#9aa0a6"];

/** "#rrggbb" to three numbers 0..1. */
export function hexColour(text) {
  return [1, 3, 5].map((at) => Number.parseInt(text.slice(at, at + 2), 16) / 255);
}

/** Three numbers 0..1 to "#rrggbb". */
export function colourHex(colour) {
  return `#${colour.map((c) => Math.round(255 * Math.min(1, Math.max(0, c))).toString(16).padStart(2, "0")).join("")}`;
}

/** Colour of the i-th category: eight that differ, then the same ones paler and paler. */
export function categoryColour(i, theme) {
  const base = hexColour(OKABE_ITO[i % OKABE_ITO.length]);
  const round = Math.floor(i / OKABE_ITO.length);
  const pale = 1 - 0.6 ** round;
  const towards = theme === "light" ? 0.15 : 0.92;
  const mixed = base.map((c) => c + pale * (towards - c));
  return theme === "light" ? mixed.map((c) => 0.82 * c) : mixed;
}

/** What a theme looks like in the picture. `additive`: glow adds light; else it tints. */
export const THEMES = Object.freeze({
  dark: { back: hexColour("#05070d"), accent: hexColour("#ffffff"), hot: [1.0, 0.52, 0.14], white: [1.0, 0.94, 0.8], dim: 0.5, additive: true },
  light: { back: hexColour("#f6f7f9"), accent: hexColour("#111827"), hot: [0.85, 0.12, 0.02], white: [0.62, 0.0, 0.05], dim: 0.8, additive: false },
});
