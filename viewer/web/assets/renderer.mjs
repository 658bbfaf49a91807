/**
 * `Renderer`: draws a picture with WebGL2. It knows no server, no camera and no events: it is told what to draw
 * (`setPicture`), what is going on (`syncActivity`, `setVoltage`) and how to look at it (`draw`).
 */

import { INSTANCE_BYTES } from "./picture.mjs";
import { Programs, plainTexture } from "./programs.mjs";
import { InstanceArrays, freeRecord, uploadNode, uploadSkeleton } from "./gpu_cells.mjs";
import { ATTRIBUTES } from "./shaders.mjs";

/** What `uMode` of the shaders means. */
export const SHADE_MODES = Object.freeze({ SPIKES: 0, VOLTAGE: 1, CATEGORY: 2, RATE: 3 });
const TEXTURE_UNITS = { uActivity: 0, uVoltage: 1, uPalette: 2, uMap: 3, uSegments: 4 };
const VOLTAGE_WIDTH = 2048;
const QUADS_FROM_px = 3.5;
const HALO_WIDTH_px = 5;
const VEIL = 0.4;
/** Programs that nearly every picture needs, begun before there is one; and those of what glows. */
const FIRST = [["soma"], ["soma", "QUAD", "INSTANCE"], ["branch", "LINE"], ["scatter"], ["branch"], ["soma", "QUAD"]];
const GLOWING = [["soma", "QUAD", "INSTANCE", "HALO"], ["branch", "HALO"], ["soma", "HALO"], ["soma", "QUAD", "HALO"]];

/** This browser cannot draw. */
export class NoWebGL extends Error {}

/** Name of the graphics card or program, as the browser tells it. */
function rendererName(gl) {
  const debug = gl.getExtension("WEBGL_debug_renderer_info");
  return String(gl.getParameter(debug ? debug.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
}

/** Draws on a canvas. */
export class Renderer {
  constructor(canvas) {
    const gl = canvas.getContext("webgl2", { antialias: false, alpha: false, depth: true, powerPreference: "high-performance" });
    if (gl === null) throw new NoWebGL("this browser has no WebGL2");
    this.canvas = canvas;
    this.gl = gl;
    this.name = rendererName(gl);
    this.software = /swiftshader|llvmpipe|softpipe|basic render/i.test(this.name);
    this.width = Math.min(4096, gl.getParameter(gl.MAX_TEXTURE_SIZE));
    this.picture = null;
    this.drawn = { points: 0, segments: 0, calls: 0 };
    /** True when the last drawing left out the glow, whose programs are still made. */
    this.waits = false;
    this.setup();
  }

  /** Make everything that lives in the context; again after it was lost. */
  setup() {
    const { gl } = this;
    this.programs = new Programs(gl);
    for (const program of FIRST) this.programs.begin(...program);
    this.scatters = gl.getExtension("EXT_color_buffer_float") !== null;
    this.instances = new InstanceArrays(gl);
    this.activity = plainTexture(gl);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RG32F, 1, 1, 0, gl.RG, gl.FLOAT, new Float32Array([-1e6, 0]));
    this.activitySize = [1, 1];
    this.voltage = plainTexture(gl);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.R8, 1, 1, 0, gl.RED, gl.UNSIGNED_BYTE, new Uint8Array(1));
    this.voltageRows = 0;
    this.palette = plainTexture(gl);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, 1, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array([128, 160, 200, 255]));
    this.map = plainTexture(gl, gl.LINEAR);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, 1, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
    this.target = gl.createFramebuffer();
    this.scatterBuffer = gl.createBuffer();
    this.scatterArray = gl.createVertexArray();
    gl.bindVertexArray(this.scatterArray);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.scatterBuffer);
    gl.enableVertexAttribArray(ATTRIBUTES.aRank);
    gl.vertexAttribIPointer(ATTRIBUTES.aRank, 1, gl.UNSIGNED_INT, 12, 0);
    gl.enableVertexAttribArray(ATTRIBUTES.aValue);
    gl.vertexAttribPointer(ATTRIBUTES.aValue, 2, gl.FLOAT, false, 12, 4);
    gl.bindVertexArray(null);
  }

  /** Colours of the kinds of cells, 4 bytes each. */
  setPalette(bytes) {
    this._image(this.palette, this.gl.RGBA8, bytes.length / 4, 1, this.gl.RGBA, this.gl.UNSIGNED_BYTE, bytes);
  }

  /** Table of the colour map, 256 times 4 bytes. */
  setMap(bytes) {
    this._image(this.map, this.gl.RGBA8, 256, 1, this.gl.RGBA, this.gl.UNSIGNED_BYTE, bytes);
  }

  /** Voltages of all subscribed compartments, a byte each. */
  setVoltage(values) {
    const { gl } = this;
    const rows = Math.max(1, Math.ceil(values.length / VOLTAGE_WIDTH));
    const whole = new Uint8Array(rows * VOLTAGE_WIDTH);
    whole.set(values);
    if (rows === this.voltageRows) {
      gl.bindTexture(gl.TEXTURE_2D, this.voltage);
      gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, VOLTAGE_WIDTH, rows, gl.RED, gl.UNSIGNED_BYTE, whole);
    } else {
      this._image(this.voltage, gl.R8, VOLTAGE_WIDTH, rows, gl.RED, gl.UNSIGNED_BYTE, whole);
      this.voltageRows = rows;
    }
  }

  _image(texture, format, width, height, layout, type, data) {
    this.gl.bindTexture(this.gl.TEXTURE_2D, texture);
    this.gl.texImage2D(this.gl.TEXTURE_2D, 0, format, width, height, 0, layout, type, data);
  }

  /** Bring the card's copy of the activity up to date: all of it, or the cells that changed as points. */
  syncActivity(activity) {
    const { gl } = this;
    const size = [activity.width, activity.height];
    const other = size[0] !== this.activitySize[0] || size[1] !== this.activitySize[1];
    const ranks = activity.taken();
    if (ranks === null || other || (!this.scatters && ranks.length > 0)) {
      this._image(this.activity, gl.RG32F, size[0], size[1], gl.RG, gl.FLOAT, activity.values);
      this.activitySize = size;
    } else if (ranks.length > 0) {
      this._scatter(activity, ranks, size);
    }
  }

  _scatter(activity, ranks, size) {
    const { gl } = this;
    const buffer = new ArrayBuffer(12 * ranks.length);
    const words = new Uint32Array(buffer);
    const floats = new Float32Array(buffer);
    for (let i = 0; i < ranks.length; i += 1) {
      words[3 * i] = ranks[i];
      floats[3 * i + 1] = activity.values[2 * ranks[i]];
      floats[3 * i + 2] = activity.values[2 * ranks[i] + 1];
    }
    const { program, at } = this.programs.get("scatter");
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.target);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, this.activity, 0);
    gl.viewport(0, 0, size[0], size[1]);
    gl.disable(gl.BLEND);
    gl.disable(gl.DEPTH_TEST);
    gl.useProgram(program);
    gl.uniform2i(at.uSize, size[0], size[1]);
    gl.bindVertexArray(this.scatterArray);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.scatterBuffer);
    gl.bufferData(gl.ARRAY_BUFFER, buffer, gl.STREAM_DRAW);
    gl.drawArrays(gl.POINTS, 0, ranks.length);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
  }

  /** Draw this from now on. */
  setPicture(picture) {
    this.picture = picture;
    for (const { record } of picture.nodes) if (!record.gpu) uploadNode(this.gl, record);
    for (const { skeleton } of picture.groups) if (!skeleton.gpu) uploadSkeleton(this.gl, skeleton);
    this.instances.set(picture);
  }

  /** Free what a record has on the card. */
  drop(record) {
    freeRecord(this.gl, record);
  }

  /** True when `draw` would not stop everything to wait for a program. */
  get ready() {
    return FIRST.every((program) => this.programs.ready(...program));
  }

  /**
   * Draw to the screen. `how` is the look (see `Viewer`), `nodeRates` the mean rate by order of the view's nodes; the
   * glow is left out while its programs are made, unless the picture must be `whole`.
   */
  draw(how, nodeRates, whole = true) {
    const { gl, canvas } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clearColor(how.theme.back[0], how.theme.back[1], how.theme.back[2], 1);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    this.drawn = { points: 0, segments: 0, calls: 0 };
    if (this.picture === null) return;
    gl.enable(gl.DEPTH_TEST);
    gl.depthFunc(gl.LEQUAL);
    gl.depthMask(true);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    this._somata(how, nodeRates, []);
    this._branches(how, []);
    this._chosen(how);
    const glows = how.halo && how.glow > 0;
    this.waits = glows && !whole && GLOWING.filter((program) => !this.programs.ready(...program)).length > 0;
    if (glows && !this.waits) {
      gl.depthMask(false);
      gl.blendFunc(gl.ONE, how.theme.additive ? gl.ONE : gl.ONE_MINUS_SRC_ALPHA);
      const counted = { ...this.drawn };
      this._somata(how, nodeRates, ["HALO"]);
      this._branches(how, ["HALO"]);
      this.drawn = { ...counted, calls: this.drawn.calls };
      gl.depthMask(true);
    }
    gl.bindVertexArray(null);
  }

  /** Draw the numbers of cells into the bound framebuffer (see `Picker`). */
  drawNumbers(how, nodeRates) {
    const { gl } = this;
    gl.enable(gl.DEPTH_TEST);
    gl.depthMask(true);
    gl.disable(gl.BLEND);
    const counted = this.drawn;
    this._somata(how, nodeRates, ["PICK"]);
    this._branches(how, ["PICK"]);
    this.drawn = counted;
  }

  _somata(how, nodeRates, defines) {
    const { gl, picture } = this;
    for (const quads of [false, true]) {
      let at = null;
      for (const node of picture.nodes) {
        if (how.nodeIsNear(node) !== quads || node.record.n === 0) continue;
        at ??= this._begin(how, "soma", ...(quads ? ["QUAD"] : []), ...defines);
        gl.uniform1f(at.uNodeRate, nodeRates?.[node.order] ?? -1);
        if (quads) {
          gl.bindVertexArray(node.record.gpu.quads);
          gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, node.record.n);
        } else {
          gl.bindVertexArray(node.record.gpu.points);
          gl.drawArrays(gl.POINTS, 0, node.record.n);
        }
        this.drawn.points += node.record.n;
        this.drawn.calls += 1;
      }
    }
    if (picture.detailed_n === 0) return;
    const at = this._begin(how, "soma", "QUAD", "INSTANCE", ...defines);
    gl.uniform1f(at.uNodeRate, -1);
    gl.bindVertexArray(this.instances.somata);
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, picture.detailed_n);
    this.drawn.calls += 1;
  }

  _branches(how, defines) {
    const { gl, picture } = this;
    // Thick branches first: they hide most.
    for (const near of [true, false]) {
      const lines = !near && !defines.includes("HALO");
      let begun = false;
      picture.groups.forEach((group, i) => {
        if (group.near !== near || group.segments === 0) return;
        if (!begun) this._begin(how, "branch", ...(lines ? ["LINE"] : []), ...defines);
        begun = true;
        gl.activeTexture(gl.TEXTURE0 + TEXTURE_UNITS.uSegments);
        gl.bindTexture(gl.TEXTURE_2D, group.skeleton.gpu.segments);
        gl.bindVertexArray(this.instances.branches[i]);
        if (lines) gl.drawArraysInstanced(gl.LINES, 0, 2 * group.segments, group.count);
        else gl.drawElementsInstanced(gl.TRIANGLES, 6 * group.segments, gl.UNSIGNED_INT, 0, group.count);
        this.drawn.segments += group.segments * group.count;
        this.drawn.calls += 1;
      });
    }
    gl.activeTexture(gl.TEXTURE0);
  }

  /** Draw the hidden parts of chosen cells as if through a veil. */
  _chosen(how) {
    const { gl } = this;
    if (this.instances.chosen.length === 0) return;
    gl.depthFunc(gl.GREATER);
    gl.depthMask(false);
    const soma = this._begin(how, "soma", "QUAD", "INSTANCE");
    gl.uniform1f(soma.uNodeRate, -1);
    gl.uniform1f(soma.uVeil, VEIL);
    for (const chosen of this.instances.chosen) {
      gl.bindVertexArray(chosen.soma);
      gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, 1);
    }
    const branch = this._begin(how, "branch");
    gl.uniform1f(branch.uVeil, VEIL);
    gl.activeTexture(gl.TEXTURE0 + TEXTURE_UNITS.uSegments);
    for (const { group, branches } of this.instances.chosen) {
      gl.bindTexture(gl.TEXTURE_2D, group.skeleton.gpu.segments);
      gl.bindVertexArray(branches);
      gl.drawElementsInstanced(gl.TRIANGLES, 6 * group.segments, gl.UNSIGNED_INT, 0, 1);
    }
    gl.activeTexture(gl.TEXTURE0);
    gl.depthFunc(gl.LEQUAL);
    gl.depthMask(true);
  }

  /** Use a program with everything that is the same for all things drawn; returns its uniforms' places. */
  _begin(how, name, ...defines) {
    const { gl } = this;
    const { program, at } = this.programs.get(name, ...defines);
    const { camera, theme, box } = how;
    gl.useProgram(program);
    gl.uniformMatrix4fv(at.uView, false, camera.view);
    gl.uniformMatrix4fv(at.uProjection, false, camera.projection);
    gl.uniform2f(at.uHalf, how.width / 2, how.height / 2);
    gl.uniform1f(at.uScale, camera.scale);
    gl.uniform1f(at.uNear, camera.near);
    gl.uniform1f(at.uTime, how.time);
    gl.uniform1f(at.uTau, how.tau);
    gl.uniform1f(at.uVelocity, how.velocity);
    gl.uniform1f(at.uRateWindow, how.rateWindow);
    gl.uniform1i(at.uMode, how.mode);
    gl.uniform1f(at.uGlow, how.glow);
    gl.uniform1f(at.uDim, theme.dim);
    gl.uniform2f(at.uRange, how.range[0], how.range[1]);
    gl.uniform3fv(at.uBack, theme.back);
    gl.uniform3fv(at.uHot, theme.hot);
    gl.uniform3fv(at.uWhite, theme.white);
    gl.uniform3fv(at.uAccent, theme.accent);
    gl.uniform3fv(at.uFog, how.fog);
    gl.uniform4fv(at.uClip, how.clip);
    gl.uniform2fv(at.uVoltageEnds, how.voltageEnds);
    gl.uniform1i(at.uPixel, how.pixel);
    gl.uniform1f(at.uVeil, 1);
    gl.uniform1f(at.uGrow, 2.2);
    gl.uniform1f(at.uHaloWidth, HALO_WIDTH_px * how.pixel);
    gl.uniform3fv(at.uBox, box);
    for (const [name, texture] of [["uActivity", this.activity], ["uVoltage", this.voltage], ["uPalette", this.palette], ["uMap", this.map]]) {
      gl.activeTexture(gl.TEXTURE0 + TEXTURE_UNITS[name]);
      gl.bindTexture(gl.TEXTURE_2D, texture);
      gl.uniform1i(at[name], TEXTURE_UNITS[name]);
    }
    gl.uniform1i(at.uSegments, TEXTURE_UNITS.uSegments);
    gl.activeTexture(gl.TEXTURE0);
    return at;
  }

  /** Bytes on the card, as far as they are ours. */
  get bytes() {
    const cells = this.picture === null ? 0 : this.picture.cells_n * 24 + this.picture.detailed_n * INSTANCE_BYTES;
    return cells + 8 * this.activitySize[0] * this.activitySize[1] + this.voltageRows * VOLTAGE_WIDTH;
  }
}

/** Pixels from which somata are drawn as shaded quads. */
export const SOMA_QUADS_FROM_px = QUADS_FROM_px;
