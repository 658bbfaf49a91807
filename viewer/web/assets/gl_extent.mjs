/** Where there is something to see: the box around the cells and their branches, from the root node's cells. */

import { add3, rotateBy } from "./math.mjs";
import { NO_TEMPLATE } from "./wire.mjs";

const MOST_CELLS = 400;
const MOST_TEMPLATES = 24;
/** Up to so many cells every one's branches count. */
const FEW_CELLS = 1000;

function cellPlace(cells, row, box) {
  return [0, 1, 2].map((k) => box[0][k] + (cells.position[3 * row + k] / 65535) * (box[1][k] - box[0][k]));
}

function grow(extent, place, by) {
  for (let k = 0; k < 3; k += 1) {
    extent[0][k] = Math.min(extent[0][k], place[k] - by);
    extent[1][k] = Math.max(extent[1][k], place[k] + by);
  }
}

/** Box [[x, y, z], [x, y, z]] in um around the cells; the octree's box when there are none. */
export async function sceneExtent(store, scene) {
  if (scene.n === 0) return scene.box_um;
  const cells = await store.fetchNode(0);
  const extent = [[Infinity, Infinity, Infinity], [-Infinity, -Infinity, -Infinity]];
  for (let row = 0; row < cells.n; row += 1) grow(extent, cellPlace(cells, row, scene.box_um), 5);
  const used = [...new Set(cells.template)].filter((t) => t !== NO_TEMPLATE).slice(0, scene.n <= FEW_CELLS ? FEW_CELLS : MOST_TEMPLATES);
  const found = await store.fetchSkeletons(used.map((template) => [template, 3]));
  const skeletons = new Map(used.map((template, i) => [template, found[i] ?? undefined]));
  const step = Math.max(1, Math.floor(cells.n / MOST_CELLS));
  for (let row = 0; row < cells.n; row += step) {
    const skeleton = skeletons.get(cells.template[row]);
    if (skeleton === undefined) continue;
    const turn = [0, 1, 2, 3].map((k) => cells.turn[4 * row + k] / 32767);
    const place = cellPlace(cells, row, scene.box_um);
    for (let i = 0; i < skeleton.n; i += 1) {
      const p = [0, 1, 2].map((k) => skeleton.position_um[3 * i + k]);
      grow(extent, add3(place, rotateBy(turn, p)), skeleton.radius_um[i]);
    }
  }
  return extent;
}
