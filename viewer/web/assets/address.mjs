/** The view in the address: what is after the #, without the token. */

const COLOUR = /^(spikes|voltage|population|layer|rate|fact:[^\u0000-\u001f]{1,60})$/;
const MOST_LETTERS = 16_000;
const MOST_SELECTED = 1000;

function vector(value) {
  const good = Array.isArray(value) && value.length === 3 && value.every((v) => Number.isFinite(v) && Math.abs(v) < 1e9);
  return good ? value : undefined;
}

function between(value, low, high) {
  return Number.isFinite(value) && value >= low && value <= high ? value : undefined;
}

function clipOf(clip) {
  if (clip === null) return null;
  const good = ["x", "y", "z"].includes(clip?.axis) && Number.isFinite(clip.at);
  return good ? { axis: clip.axis, at: clip.at, flip: clip.flip === true } : undefined;
}

/** A view state with only what is understood and within its limits. */
export function checkedState(given) {
  if (typeof given !== "object" || given === null) return {};
  const { eye, look, up, range, selection } = given;
  const known = {
    eye: vector(eye), look: vector(look), up: vector(up),
    fov: between(given.fov, 1, 150),
    colour: COLOUR.test(given.colour) ? given.colour : undefined,
    range: Array.isArray(range) && range.length === 2 && range.every(Number.isFinite) && range[1] > range[0] ? range : undefined,
    map: ["magma", "viridis", "cividis"].includes(given.map) ? given.map : undefined,
    clip: given.clip === undefined ? undefined : clipOf(given.clip),
    selection: Array.isArray(selection) ? selection.filter((r) => Number.isInteger(r) && r >= 0).slice(0, MOST_SELECTED) : undefined,
    t_ms: between(given.t_ms, -1e12, 1e12),
    show: ["both", "body", "cells"].includes(given.show) ? given.show : undefined,
    theme: ["dark", "light"].includes(given.theme) ? given.theme : undefined,
    tau_ms: between(given.tau_ms, 0.01, 1e5),
    velocity_um_per_ms: between(given.velocity_um_per_ms, 0.1, 1e7),
  };
  return Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined));
}

function rounded(value) {
  return typeof value === "number" ? Number(value.toPrecision(6)) : value;
}

/** A view state as text for an address. */
export function stateToHash(state) {
  const text = JSON.stringify(checkedState(state), (_, value) => rounded(value));
  return `#v=${encodeURIComponent(text)}`;
}

/** The view state of an address; empty when there is none. */
export function stateFromHash(hash) {
  const found = /^#v=(.+)$/.exec(hash ?? "");
  if (found === null || found[1].length > MOST_LETTERS) return {};
  try {
    return checkedState(JSON.parse(decodeURIComponent(found[1])));
  } catch {
    return {};
  }
}

/** An address that opens this view: without query, so without a token. */
export function linkTo(state, here = globalThis.location) {
  return `${here.origin}${here.pathname}${stateToHash(state)}`;
}
