/** What is said about a picture in words: the label of a cell, and what is left out. */

import { NO_TEMPLATE } from "./wire.mjs";

const REGIONS = ["", "soma", "axon", "dendrite", "apical dendrite"];

export const NO_WEBGL_TEXT =
  "This browser has no WebGL2, so the 3-D view cannot be drawn here. The panels and the pictures made by the server still work.";
export const LOST_CONTEXT_TEXT = "The graphics card took the picture away; it comes back by itself.";

/** What a cell of a kind is called, or null: names say more than numbers. */
export function nameOf(kind) {
  return kind?.facts?.cell_name ?? kind?.facts?.name ?? null;
}

/** Region and path distance of a compartment of a drawn cell: {region, path_um} or null. */
function placeOnTree(skeleton, node) {
  const i = skeleton.node.findIndex((n, point) => n === node && (skeleton.parent[point] >= 0 || skeleton.n === 1));
  if (i < 0) return null;
  const p = Math.max(skeleton.parent[i], 0);
  return { region: REGIONS[skeleton.region[i]] ?? "", path_um: 0.5 * (skeleton.path_um[i] + skeleton.path_um[p]) };
}

/**
 * Lines for the label at the cursor.
 * @param {Stage} stage
 * @param {{rank: number, node: number, soma: boolean}} place
 */
export function describePlace(stage, place) {
  const found = stage.picture?.find(place.rank) ?? null;
  if (found === null) return `cell of rank ${place.rank}`;
  const { record, row } = found;
  const kind = stage.scene.kinds[record.kind[row]];
  const name = nameOf(kind);
  const lines = [name ?? `${kind?.population ?? "cell"} ${record.gid[row]}`];
  const facts = Object.entries(kind?.facts ?? {}).filter(([fact, value]) => fact !== "population" && value !== name);
  if (facts.length > 0) lines.push(facts.slice(0, 4).map(([name, value]) => `${name} ${value}`).join(", "));
  const skeleton = record.template[row] === NO_TEMPLATE ? null : stage.store.anySkeleton(record.template[row]);
  const node = somaNode(stage, place, skeleton);
  if (!place.soma && skeleton !== null) {
    const level = stage.picture.groupOf(stage.picture.instanceOf(place.rank))?.skeleton ?? skeleton;
    const at = placeOnTree(level, place.node);
    if (at !== null) lines.push(`${at.region || "branch"}, ${Math.round(at.path_um)} µm from the soma (node ${place.node})`);
  } else {
    lines.push("soma");
  }
  const mV = stage.voltages.at(place.rank, node);
  if (mV !== null) lines.push(`${mV.toFixed(1)} mV`);
  const last = stage.activity.lastSpike(place.rank);
  if (Number.isFinite(last) && last <= stage.clock.t_ms) lines.push(`last spike ${(stage.clock.t_ms - last).toFixed(1)} ms ago`);
  return lines.join("\n");
}

/** Compartment a picked place is in: that of the soma when the ball was hit. */
export function somaNode(stage, place, skeleton) {
  if (!place.soma) return place.node;
  return skeleton !== null && skeleton !== undefined && skeleton.n > 0 ? skeleton.node[0] : 0;
}

/**
 * What the page itself has to say about what is left out; the server says how many cells and branches it gives.
 * @returns {string[]}
 */
export function reducedReasons({ software, name, waiting }) {
  const reasons = [];
  if (waiting) reasons.push("more of the scene is on its way");
  if (software) {
    const program = /swiftshader/i.test(name) ? "SwiftShader" : /llvmpipe/i.test(name) ? "llvmpipe" : name;
    reasons.push(`no graphics card: a program (${program}) draws, so less is drawn`);
  }
  return reasons;
}
