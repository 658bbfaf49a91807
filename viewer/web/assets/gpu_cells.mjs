/**
 * What the graphics card holds of cells: a buffer pair for each octree node (places; and radius, voltage, flags, which
 * change), one buffer of instances for the detailed cells, and a texture of segments for each level of a template.
 */

import { CELL_FLAG, INSTANCE_BYTES, NO_VOLTAGE } from "./picture.mjs";
import { addAttributes, filledBuffer, plainTexture } from "./programs.mjs";

const SEGMENT_TEXELS = 3 * 256;
const EXTRA_BYTES = 12;

function placesOf(record) {
  const buffer = new ArrayBuffer(12 * record.n);
  const shorts = new Uint16Array(buffer);
  const words = new Uint32Array(buffer);
  for (let i = 0; i < record.n; i += 1) {
    for (let k = 0; k < 3; k += 1) shorts[6 * i + k] = record.position[3 * i + k];
    shorts[6 * i + 3] = record.kind[i];
    words[3 * i + 2] = record.rank[i];
  }
  return buffer;
}

function cellArray(gl, gpu, divisor) {
  const array = gl.createVertexArray();
  gl.bindVertexArray(array);
  gl.bindBuffer(gl.ARRAY_BUFFER, gpu.places);
  addAttributes(gl, 12, divisor, 0, [
    ["aPlace", 3, gl.UNSIGNED_SHORT, 0, false, true],
    ["aKind", 1, gl.UNSIGNED_SHORT, 6, true],
    ["aRank", 1, gl.UNSIGNED_INT, 8, true],
  ]);
  gl.bindBuffer(gl.ARRAY_BUFFER, gpu.extra);
  addAttributes(gl, EXTRA_BYTES, divisor, 0, [
    ["aRadius", 1, gl.FLOAT, 0, false],
    ["aVoltage", 1, gl.INT, 4, true],
    ["aFlags", 1, gl.UNSIGNED_INT, 8, true],
  ]);
  gl.bindVertexArray(null);
  return array;
}

/** Make the buffers of a node's cells; kept as `record.gpu`. */
export function uploadNode(gl, record) {
  const gpu = { places: filledBuffer(gl, placesOf(record)), extra: gl.createBuffer(), plain: false, version: -1 };
  gl.bindBuffer(gl.ARRAY_BUFFER, gpu.extra);
  gl.bufferData(gl.ARRAY_BUFFER, EXTRA_BYTES * record.n, gl.DYNAMIC_DRAW);
  gpu.points = cellArray(gl, gpu, 0);
  gpu.quads = cellArray(gl, gpu, 1);
  record.gpu = gpu;
}

/** Free what `uploadNode` or `uploadSkeleton` made. */
export function freeRecord(gl, record) {
  const { gpu } = record;
  if (!gpu) return;
  gl.deleteBuffer(gpu.places ?? null);
  gl.deleteBuffer(gpu.extra ?? null);
  gl.deleteVertexArray(gpu.points ?? null);
  gl.deleteVertexArray(gpu.quads ?? null);
  gl.deleteTexture(gpu.segments ?? null);
  record.gpu = null;
}

/** Fill radius, voltage and flags of a node's cells; `drawn` rows are drawn with branches and hidden here. */
export function fillExtra(gl, record, { radiusOf, voltageOf, flagsOf, drawn }) {
  const buffer = new ArrayBuffer(EXTRA_BYTES * record.n);
  const floats = new Float32Array(buffer);
  const ints = new Int32Array(buffer);
  const radii = new Map();
  for (let i = 0; i < record.n; i += 1) {
    const template = record.template[i];
    if (!radii.has(template)) radii.set(template, radiusOf(template));
    floats[3 * i] = radii.get(template);
    ints[3 * i + 1] = voltageOf === null ? NO_VOLTAGE : voltageOf(record.rank[i], template);
    ints[3 * i + 2] = (flagsOf === null ? 0 : flagsOf(record.rank[i])) | (drawn !== null && drawn[i] === 1 ? CELL_FLAG.HIDDEN : 0);
  }
  gl.bindBuffer(gl.ARRAY_BUFFER, record.gpu.extra);
  gl.bufferSubData(gl.ARRAY_BUFFER, 0, buffer);
}

/** Make the texture of a skeleton's segments; kept as `skeleton.gpu`. */
export function uploadSkeleton(gl, skeleton) {
  const { n, parent, position_um, radius_um, path_um, node, region } = skeleton;
  const rows = Math.max(1, Math.ceil((3 * skeleton.segments_n) / SEGMENT_TEXELS));
  const texels = new Float32Array(4 * SEGMENT_TEXELS * rows);
  let at = 0;
  for (let i = 0; i < n; i += 1) {
    const p = parent[i];
    if (p < 0) continue;
    for (const point of [p, i]) {
      texels.set(position_um.subarray(3 * point, 3 * point + 3), at);
      texels[at + 3] = radius_um[point];
      at += 4;
    }
    texels.set([path_um[p], path_um[i], node[i], region[i]], at);
    at += 4;
  }
  const segments = plainTexture(gl);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA32F, SEGMENT_TEXELS, rows, 0, gl.RGBA, gl.FLOAT, texels);
  skeleton.gpu = { segments };
}

/** Vertex arrays of a picture's detailed cells: one for their somata, one for each group's branches. */
export class InstanceArrays {
  constructor(gl) {
    this.gl = gl;
    this.buffer = gl.createBuffer();
    this.corners = gl.createBuffer();
    this.corners_n = 0;
    this.somata = null;
    this.branches = [];
    this.chosen = [];
  }

  /** Numbers of the corners of `n` quads, two triangles each: corner k of segment s is 4 s + k. */
  _needCorners(n) {
    const { gl } = this;
    if (n <= this.corners_n) return;
    this.corners_n = Math.max(n, 2 * this.corners_n, 256);
    const numbers = new Uint32Array(6 * this.corners_n);
    for (let s = 0; s < this.corners_n; s += 1) {
      [0, 1, 2, 2, 1, 3].forEach((corner, i) => {
        numbers[6 * s + i] = 4 * s + corner;
      });
    }
    gl.bindVertexArray(null);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.corners);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, numbers, gl.STATIC_DRAW);
  }

  /** Send the picture's instances. */
  set(picture) {
    const { gl } = this;
    this.free();
    this._needCorners(picture.groups.reduce((most, group) => Math.max(most, group.segments), 0));
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    gl.bufferData(gl.ARRAY_BUFFER, picture.instances, gl.DYNAMIC_DRAW);
    this.somata = this._somaArray(0);
    this.branches = picture.groups.map((group) => this._branchArray(group.first));
  }

  /** Have these instances at hand one by one as well. */
  choose(picture, instances) {
    for (const { soma, branches } of this.chosen) for (const array of [soma, branches]) this.gl.deleteVertexArray(array);
    this.chosen = instances.map((i) => ({
      group: picture.groupOf(i),
      soma: this._somaArray(i),
      branches: this._branchArray(i),
    }));
  }

  _somaArray(first) {
    const { gl } = this;
    return this._array(INSTANCE_BYTES * first, [
      ["aPlace", 3, gl.FLOAT, 0, false],
      ["aRank", 1, gl.UNSIGNED_INT, 20, true],
      ["aKind", 1, gl.UNSIGNED_INT, 28, true],
      ["aRadius", 1, gl.FLOAT, 32, false],
      ["aVoltage", 1, gl.INT, 36, true],
    ]);
  }

  _branchArray(first) {
    const { gl } = this;
    return this._array(INSTANCE_BYTES * first, [
      ["iPlace", 3, gl.FLOAT, 0, false],
      ["iTurn", 4, gl.SHORT, 12, false, true],
      ["iRank", 1, gl.UNSIGNED_INT, 20, true],
      ["iVoltage", 1, gl.INT, 24, true],
      ["iKind", 1, gl.UNSIGNED_INT, 28, true],
    ]);
  }

  /** Send the instances again after their flags or voltages changed. */
  refresh(picture) {
    const { gl } = this;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    gl.bufferSubData(gl.ARRAY_BUFFER, 0, picture.instances);
  }

  _array(base, rows) {
    const { gl } = this;
    const array = gl.createVertexArray();
    gl.bindVertexArray(array);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.corners);
    addAttributes(gl, INSTANCE_BYTES, 1, base, rows);
    gl.bindVertexArray(null);
    return array;
  }

  /** Free the vertex arrays. */
  free() {
    this.choose(null, []);
    for (const array of [this.somata, ...this.branches]) if (array) this.gl.deleteVertexArray(array);
    this.somata = null;
    this.branches = [];
  }
}

/** Write flags, voltages and radii of the instances again. */
export function fillInstances(picture, { voltageOf, flagsOf, radiusOf }) {
  const ints = new Int32Array(picture.instances);
  const floats = new Float32Array(picture.instances);
  const step = INSTANCE_BYTES / 4;
  for (const group of picture.groups) {
    const soma = group.skeleton.n > 0 ? group.skeleton.node[0] : 0;
    const radius = radiusOf(group.template);
    for (let i = group.first; i < group.first + group.count; i += 1) {
      const at = step * i;
      const rank = picture.detailedRanks[i];
      const voltage = voltageOf(rank);
      ints[at + 6] = voltage;
      ints[at + 7] = (ints[at + 7] & 0xffff) | (flagsOf(rank) << 16);
      floats[at + 8] = radius;
      ints[at + 9] = voltage === NO_VOLTAGE ? NO_VOLTAGE : voltage + soma;
    }
  }
}
