/**
 * `Picture`: what a view's answer means for the renderer: nodes to draw as points and groups of cells that share a
 * template and a level, with the numbers of every instance in one buffer.
 */

import { NO_TEMPLATE } from "./wire.mjs";

/** Bytes of one instance; see `fillInstance`. */
export const INSTANCE_BYTES = 44;
export const CELL_FLAG = Object.freeze({ SELECTED: 1, POINTED: 2, HIDDEN: 4 });
/** Of a cell whose voltage is not sent. */
export const NO_VOLTAGE = -1;

/** True when the record's cells are a range of ranks, as those of a leaf are. */
export function isRange(record) {
  return record.n > 0 && record.rank[record.n - 1] - record.rank[0] === record.n - 1;
}

/** Place of a rank in a record of cells, -1 when it is not there. */
export function rowOf(record, rank) {
  if (record.n === 0 || rank < record.rank[0] || rank > record.rank[record.n - 1]) return -1;
  if (isRange(record)) return rank - record.rank[0];
  let low = 0;
  let high = record.n - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (record.rank[middle] < rank) low = middle + 1;
    else high = middle;
  }
  return record.rank[low] === rank ? low : -1;
}

/** The drawn things of one view. */
export class Picture {
  constructor() {
    this.tag = 0;
    this.nodes = [];
    this.groups = [];
    this.cells_n = 0;
    this.detailed_n = 0;
    this.primitives = 0;
    this.levels = [0, 0, 0, 0];
    this.instances = new ArrayBuffer(0);
    this.detailedRanks = new Uint32Array(0);
    this.complete = true;
    this.missing = { nodes: [], skeletons: [] };
    this._byRank = new Map();
  }

  /** The record and row of a drawn cell, or null. */
  find(rank) {
    for (const node of this.nodes) {
      const row = rowOf(node.record, rank);
      if (row >= 0) return { record: node.record, row, node };
    }
    return null;
  }

  /** Instance of a detailed cell, -1 when it is not drawn as one. */
  instanceOf(rank) {
    return this._byRank.get(rank) ?? -1;
  }

  /** The group an instance is in. */
  groupOf(instance) {
    return this.groups.find((g) => instance >= g.first && instance < g.first + g.count);
  }
}

function leavesByRank(nodes) {
  const leaves = nodes.filter((node) => isRange(node.record));
  leaves.sort((a, b) => a.record.rank[0] - b.record.rank[0]);
  return leaves;
}

function leafOf(leaves, rank) {
  let low = 0;
  let high = leaves.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const { record } = leaves[middle];
    if (rank < record.rank[0]) high = middle - 1;
    else if (rank > record.rank[record.n - 1]) low = middle + 1;
    else return leaves[middle];
  }
  return null;
}

/** Sort the detailed cells of an answer into groups; what is not loaded yet goes to `picture.missing`. */
function grouped(picture, answer, store, isNear) {
  const leaves = leavesByRank(picture.nodes);
  const groups = new Map();
  const missing = new Map();
  for (let i = 0; i < answer.ranks.length; i += 1) {
    const rank = answer.ranks[i];
    const level = answer.levels[i];
    const leaf = leafOf(leaves, rank);
    if (leaf === null) continue;
    const row = rank - leaf.record.rank[0];
    const template = leaf.record.template[row];
    if (template === NO_TEMPLATE) continue;
    const skeleton = store.skeleton(template, level);
    if (skeleton === null) {
      missing.set(4 * template + level, [template, level]);
      continue;
    }
    const near = isNear(leaf.record, row);
    const key = 8 * template + 2 * level + (near ? 1 : 0);
    let group = groups.get(key);
    if (group === undefined) {
      group = { template, level, near, skeleton, members: [], first: 0, count: 0, segments: segmentsOf(skeleton) };
      groups.set(key, group);
    }
    group.members.push({ rank, record: leaf.record, row });
  }
  picture.missing.skeletons = [...missing.values()];
  return [...groups.values()];
}

function segmentsOf(skeleton) {
  if (skeleton.segments_n === undefined) {
    let n = 0;
    for (const parent of skeleton.parent) n += parent >= 0 ? 1 : 0;
    skeleton.segments_n = n;
  }
  return skeleton.segments_n;
}

/** f32 place[3], i16 turn[4], u32 rank, i32 voltage, u32 kind | flags << 16, f32 radius, i32 soma's voltage. */
function fillInstance(view, at, member, skeleton, place, voltage) {
  const { record, row, rank } = member;
  for (let k = 0; k < 3; k += 1) view.setFloat32(at + 4 * k, place[k], true);
  for (let k = 0; k < 4; k += 1) view.setInt16(at + 12 + 2 * k, record.turn[4 * row + k], true);
  view.setUint32(at + 20, rank, true);
  view.setInt32(at + 24, voltage, true);
  view.setUint32(at + 28, record.kind[row], true);
  view.setFloat32(at + 32, skeleton.n > 0 ? skeleton.radius_um[0] : 1, true);
  view.setInt32(at + 36, voltage === NO_VOLTAGE ? NO_VOLTAGE : voltage + (skeleton.n > 0 ? skeleton.node[0] : 0), true);
  view.setUint32(at + 40, 0, true);
}

/**
 * Make the picture of a view's answer from what the store has.
 * @param {{nodes: Uint32Array, ranks: Uint32Array, levels: Uint8Array}} answer body of a VIEW frame
 * @param {SceneStore} store
 * @param {{isNear: function, placeOf: function, voltageOf: function}} facts of a cell: (record, row) -> near enough
 *   for thick branches; (record, row) -> [x, y, z] relative to the middle; rank -> offset of its voltage
 */
export function makePicture(tag, answer, store, { isNear, placeOf, voltageOf }) {
  const picture = new Picture();
  picture.tag = tag;
  answer.nodes.forEach((id, order) => {
    const record = store.node(id);
    if (record === null) picture.missing.nodes.push(id);
    else picture.nodes.push({ id, order, record });
  });
  picture.groups = grouped(picture, answer, store, isNear);
  picture.groups.sort((a, b) => a.level - b.level);
  const total = picture.groups.reduce((sum, group) => sum + group.members.length, 0);
  picture.instances = new ArrayBuffer(INSTANCE_BYTES * total);
  picture.detailedRanks = new Uint32Array(total);
  const view = new DataView(picture.instances);
  let i = 0;
  for (const group of picture.groups) {
    group.first = i;
    group.count = group.members.length;
    for (const member of group.members) {
      fillInstance(view, INSTANCE_BYTES * i, member, group.skeleton, placeOf(member.record, member.row), voltageOf(member.rank));
      picture.detailedRanks[i] = member.rank;
      picture._byRank.set(member.rank, i);
      i += 1;
    }
    picture.levels[group.level] += group.count;
    picture.primitives += group.count * group.segments;
  }
  picture.detailed_n = total;
  picture.cells_n = picture.nodes.reduce((sum, node) => sum + node.record.n, 0);
  picture.primitives += picture.cells_n;
  picture.complete = picture.missing.nodes.length === 0 && picture.missing.skeletons.length === 0;
  return picture;
}
