/** What is said about a picture in words: the label of a cell, and what is left out. */

import { isRange } from "./picture.mjs";
import { NO_TEMPLATE } from "./wire.mjs";

const REGIONS = ["", "soma", "axon", "dendrite", "apical dendrite"];
const sayNumber = (n) => n.toLocaleString("en-GB");

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
  const lines = [`${kind?.population ?? "cell"} ${record.gid[row]}`];
  const facts = Object.entries(kind?.facts ?? {}).filter(([name]) => name !== "population");
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
 * What is left out of the picture, in words.
 * @returns {string[]}
 */
export function reducedReasons(stage, { software, name, waiting }) {
  const reasons = [];
  const { picture, scene } = stage;
  if (picture !== null && scene !== null) {
    const samples = picture.nodes.filter((node) => !isRange(node.record)).length;
    if (samples > 0) {
      reasons.push(`Showing ${sayNumber(picture.cells_n)} of ${sayNumber(scene.n)} cells as points; far ones are a sample, their glow is a mean.`);
    }
    const branched = picture.nodes.some(({ record }) => (record.templates ?? []).length > 0);
    if (branched && picture.detailed_n < picture.cells_n) {
      reasons.push(picture.detailed_n === 0 ? "No branches at this distance." : `Branches of the nearest ${sayNumber(picture.detailed_n)} cells.`);
    }
    const simple = picture.detailed_n - picture.levels[0];
    if (simple > 0) reasons.push(`Branches of ${sayNumber(simple)} cells are simplified.`);
    if (waiting) reasons.push("More of the scene is on its way.");
  }
  if (software) reasons.push(`No graphics card: drawn by a program (${/swiftshader/i.test(name) ? "SwiftShader" : /llvmpipe/i.test(name) ? "llvmpipe" : name}), so less is drawn.`);
  return reasons;
}
