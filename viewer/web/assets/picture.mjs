/**
 * `Picture`: what a view's answer means for the renderer: nodes to draw as points and groups of cells that share a
 * template and a level, with the numbers of every instance in one buffer.
 */

import { NO_TEMPLATE } from "./wire.mjs";

/** Bytes of one instance; see `InstanceWriter`. */
export const INSTANCE_BYTES = 44;
export const CELL_FLAG = Object.freeze({ SELECTED: 1, POINTED: 2, HIDDEN: 4 });
/** Of a cell whose voltage is not sent. */
export const NO_VOLTAGE = -1;
const SOMA = 1;

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
  constructor(tag) {
    this.tag = tag;
    /** [{id, order, record, drawn}]: `drawn` 1 for the rows that are drawn with branches, or null. */
    this.nodes = [];
    /** [{template, level, near, skeleton, segments, first, count}]: ranges of instances. */
    this.groups = [];
    this.cells_n = 0;
    this.detailed_n = 0;
    this.primitives = 0;
    this.levels = [0, 0, 0, 0];
    this.instances = new ArrayBuffer(0);
    this.detailedRanks = new Uint32Array(0);
    this.missing = { nodes: [], skeletons: [] };
    this._byRank = null;
  }

  /** True when nothing is still on its way. */
  get complete() {
    return this.missing.nodes.length === 0 && this.missing.skeletons.length === 0;
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
    if (this._byRank === null) {
      this._byRank = new Map();
      this.detailedRanks.forEach((detailed, i) => this._byRank.set(detailed, i));
    }
    return this._byRank.get(rank) ?? -1;
  }

  /** The group an instance is in. */
  groupOf(instance) {
    return this.groups.find((g) => instance >= g.first && instance < g.first + g.count);
  }
}

function leavesByRank(nodes) {
  const leaves = nodes.filter((node) => isRange(node.record));
  return leaves.sort((a, b) => a.record.rank[0] - b.record.rank[0]);
}

/** Number of the leaf that holds a rank, -1: none; `guess` is looked at first. */
function leafAt(leaves, rank, guess) {
  const within = (i) => {
    const { record } = leaves[i];
    return rank < record.rank[0] ? -1 : rank > record.rank[record.n - 1] ? 1 : 0;
  };
  if (guess >= 0 && within(guess) === 0) return guess;
  let low = 0;
  let high = leaves.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const side = within(middle);
    if (side === 0) return middle;
    if (side < 0) high = middle - 1;
    else low = middle + 1;
  }
  return -1;
}

function segmentsOf(skeleton) {
  if (skeleton.segments_n === undefined) {
    let n = 0;
    for (const parent of skeleton.parent) n += parent >= 0 ? 1 : 0;
    skeleton.segments_n = n;
  }
  return skeleton.segments_n;
}

/** Radius of the thickest branch in um; of a cell without branches that of the cell. */
function thickestOf(skeleton) {
  if (skeleton === null) return 0;
  if (skeleton.thickest_um === undefined) {
    let [branch, any] = [0, 0];
    skeleton.parent.forEach((parent, i) => {
      if (parent < 0) return;
      any = Math.max(any, skeleton.radius_um[i]);
      if (skeleton.region[i] !== SOMA) branch = Math.max(branch, skeleton.radius_um[i]);
    });
    skeleton.thickest_um = branch > 0 ? branch : any;
  }
  return skeleton.thickest_um;
}

/** The groups of a picture, by number `8 template + 2 level + near`. */
class Grouping {
  constructor(picture, store) {
    this.picture = picture;
    this.store = store;
    this.groups = new Map();
    this.missing = new Map();
  }

  /** The group a cell belongs to, or null when its branches are not here yet. */
  of(template, level, near) {
    const key = 8 * template + 2 * level + (near ? 1 : 0);
    let group = this.groups.get(key);
    if (group === undefined) {
      const skeleton = this.store.skeleton(template, level);
      if (skeleton === null) this.missing.set(4 * template + level, [template, level]);
      group = skeleton === null ? null : { template, level, near, skeleton, segments: segmentsOf(skeleton), first: 0, count: 0, filled: 0 };
      this.groups.set(key, group);
    }
    return group;
  }

  /** Put the groups in order, and say where each begins. */
  settle() {
    const groups = [...this.groups.values()].filter((group) => group !== null);
    groups.sort((a, b) => a.level - b.level);
    let first = 0;
    for (const group of groups) {
      group.first = first;
      first += group.count;
    }
    this.picture.groups = groups;
    this.picture.missing.skeletons = [...this.missing.values()];
    return first;
  }
}

/** Writes instances: f32 place[3], i16 turn[4], u32 rank, i32 voltage, u32 kind | flags << 16, f32 radius, i32 soma's. */
class InstanceWriter {
  constructor(total) {
    this.buffer = new ArrayBuffer(INSTANCE_BYTES * total);
    this.floats = new Float32Array(this.buffer);
    this.ints = new Int32Array(this.buffer);
    this.shorts = new Int16Array(this.buffer);
  }

  write(instance, record, row, size, voltage, skeleton) {
    const at = (INSTANCE_BYTES / 4) * instance;
    for (let k = 0; k < 3; k += 1) this.floats[at + k] = (record.position[3 * row + k] / 65535 - 0.5) * size[k];
    for (let k = 0; k < 4; k += 1) this.shorts[2 * at + 6 + k] = record.turn[4 * row + k];
    this.ints[at + 5] = record.rank[row];
    this.ints[at + 6] = voltage;
    this.ints[at + 7] = record.kind[row];
    this.floats[at + 8] = skeleton.n > 0 ? skeleton.radius_um[0] : 1;
    this.ints[at + 9] = voltage === NO_VOLTAGE ? NO_VOLTAGE : voltage + (skeleton.n > 0 ? skeleton.node[0] : 0);
  }
}

/** Squared distance of a cell from the eye, all relative to the middle of the box. */
function distance2(record, row, size, eye) {
  let sum = 0;
  for (let k = 0; k < 3; k += 1) sum += ((record.position[3 * row + k] / 65535 - 0.5) * size[k] - eye[k]) ** 2;
  return sum;
}

/** Sort the detailed cells of an answer into groups and write their instances. */
function addDetailed(picture, answer, store, { size, eye, near_um, thick_um = 0, voltageOf }) {
  const leaves = leavesByRank(picture.nodes);
  const { ranks, levels } = answer;
  const groupOfCell = new Array(ranks.length).fill(null);
  const leafOfCell = new Int32Array(ranks.length);
  const grouping = new Grouping(picture, store);
  let leaf = -1;
  for (let i = 0; i < ranks.length; i += 1) {
    leaf = leafAt(leaves, ranks[i], leaf);
    if (leaf < 0) continue;
    const { record } = leaves[leaf];
    const row = ranks[i] - record.rank[0];
    if (record.template[row] === NO_TEMPLATE) continue;
    // What is thick is drawn so from farther away.
    const thickest_um = thick_um > 0 ? thickestOf(store.skeleton(record.template[row], levels[i])) : 0;
    const within = Math.max(near_um, thick_um * thickest_um);
    const group = grouping.of(record.template[row], levels[i], distance2(record, row, size, eye) < within * within);
    if (group === null) continue;
    group.count += 1;
    groupOfCell[i] = group;
    leafOfCell[i] = leaf;
  }
  const total = grouping.settle();
  const writer = new InstanceWriter(total);
  picture.detailedRanks = new Uint32Array(total);
  for (let i = 0; i < ranks.length; i += 1) {
    const group = groupOfCell[i];
    if (group === null) continue;
    const node = leaves[leafOfCell[i]];
    const row = ranks[i] - node.record.rank[0];
    const instance = group.first + group.filled;
    group.filled += 1;
    writer.write(instance, node.record, row, size, voltageOf(ranks[i]), group.skeleton);
    picture.detailedRanks[instance] = ranks[i];
    node.drawn ??= new Uint8Array(node.record.n);
    node.drawn[row] = 1;
  }
  picture.instances = writer.buffer;
  picture.detailed_n = total;
}

/**
 * Make the picture of a view's answer from what the store has.
 * @param {{nodes: Uint32Array, ranks: Uint32Array, levels: Uint8Array}} answer body of a VIEW frame
 * @param {SceneStore} store
 * @param {{size: number[], eye: number[], near_um: number, thick_um: number, voltageOf: function}} facts sides of the
 *   octree's box, the eye relative to its middle, the distance within which branches are drawn thick, the same for
 *   each um of their radius, rank -> offset of its voltage
 */
export function makePicture(tag, answer, store, facts) {
  const picture = new Picture(tag);
  answer.nodes.forEach((id, order) => {
    const record = store.node(id);
    if (record === null) picture.missing.nodes.push(id);
    else picture.nodes.push({ id, order, record, drawn: null });
  });
  addDetailed(picture, answer, store, facts);
  picture.cells_n = picture.nodes.reduce((sum, node) => sum + node.record.n, 0);
  picture.primitives = picture.cells_n;
  for (const group of picture.groups) {
    picture.levels[group.level] += group.count;
    picture.primitives += group.count * group.segments;
  }
  return picture;
}
