/**
 * `WorldRenderer`: draws bodies, their muscles, the ground with a field, and tracks with WebGL2. It knows no server and no
 * camera: it is told what there is (`setField`, `draw`) and how to look at it. Lengths in mm.
 */
import { compiledProgram, plainTexture } from "./programs.mjs";
import { WORLD_SHADERS } from "./world_shaders.mjs";
import { TUBE_FLOATS, ringsOf, tubeTriangles, tubeVertices } from "./world_tube.mjs";

const AROUND = { card: 33, program: 21 };
const MOST_ROWS = 32;
const LIGHT = [-0.35, 0.45, 0.82];
/** Places of the attributes in all programs. */
const AT = { aCorner: 0, aFrom: 1, aTo: 2, aPlace: 3, aNormal: 4, aWhere: 5 };

/** Draws on a canvas; throws where there is no WebGL2. */
export class WorldRenderer {
  constructor(canvas) {
    const gl = canvas.getContext("webgl2", { antialias: true, alpha: false, depth: true });
    if (gl === null) throw new Error("this browser has no WebGL2");
    Object.assign(this, { canvas, gl });
    const debug = gl.getExtension("WEBGL_debug_renderer_info");
    const name = String(gl.getParameter(debug ? debug.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
    this.software = /swiftshader|llvmpipe|softpipe|basic render/i.test(name);
    this.setup();
  }

  /** Make everything that lives in the context; again after it was lost. */
  setup() {
    const { gl } = this;
    this.programs = Object.fromEntries(Object.entries(WORLD_SHADERS).map(([name, texts]) => [name, compiledProgram(gl, texts, AT)]));
    this.bodies = [];
    this.field = null;
    this.map = plainTexture(gl, gl.LINEAR);
    this.ground = this._corners([-1, -1, 1, -1, -1, 1, 1, 1]);
    this.line = gl.createBuffer();
    this.lineArray = this._corners([0, -1, 1, -1, 0, 1, 1, 1]);
    gl.bindVertexArray(this.lineArray);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.line);
    for (const [at, offset] of [[AT.aFrom, 0], [AT.aTo, 12]]) {
      gl.enableVertexAttribArray(at);
      gl.vertexAttribPointer(at, 3, gl.FLOAT, false, 12, offset);
      gl.vertexAttribDivisor(at, 1);
    }
    gl.bindVertexArray(null);
  }

  _corners(values) {
    const { gl } = this;
    const array = gl.createVertexArray();
    gl.bindVertexArray(array);
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array(values), gl.STATIC_DRAW);
    gl.enableVertexAttribArray(AT.aCorner);
    gl.vertexAttribPointer(AT.aCorner, 2, gl.FLOAT, false, 0, 0);
    gl.bindVertexArray(null);
    return array;
  }

  /** Colours of the field's map, 256 times 4 bytes. */
  setMap(bytes) {
    const { gl } = this;
    gl.bindTexture(gl.TEXTURE_2D, this.map);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, bytes);
  }

  /** The field on the ground, or null: `said` as described, `values` as decoded. */
  setField(said, values) {
    const { gl } = this;
    if (this.field !== null) gl.deleteTexture(this.field.texture);
    this.field = null;
    if (said === null || values === null) return;
    const span = Math.max(said.high - said.low, 1e-30);
    // Between 0 and 1 half floats are fine; -1 is where nothing is known.
    const shares = Float32Array.from(values.values, (v) => (Number.isFinite(v) ? (v - said.low) / span : -1));
    const texture = plainTexture(gl, gl.LINEAR);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 4);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.R16F, values.columns, values.rows, 0, gl.RED, gl.FLOAT, shares);
    this.field = { said, texture, size: [values.columns, values.rows] };
  }

  /** Have the buffers for these bodies. */
  setBodies(said) {
    const { gl } = this;
    for (const { array, buffers, muscles } of this.bodies) {
      gl.deleteVertexArray(array);
      for (const buffer of buffers) gl.deleteBuffer(buffer);
      gl.deleteTexture(muscles);
    }
    this.bodies = said.map((body) => this._body(body));
  }

  _body(said) {
    const { gl } = this;
    const around = this.software ? AROUND.program : AROUND.card;
    const triangles = tubeTriangles(ringsOf(said.points_n), around);
    const [vertices, numbers] = [gl.createBuffer(), gl.createBuffer()];
    const array = gl.createVertexArray();
    gl.bindVertexArray(array);
    gl.bindBuffer(gl.ARRAY_BUFFER, vertices);
    for (const [at, size, offset] of [[AT.aPlace, 3, 0], [AT.aNormal, 3, 12], [AT.aWhere, 2, 24]]) {
      gl.enableVertexAttribArray(at);
      gl.vertexAttribPointer(at, size, gl.FLOAT, false, 4 * TUBE_FLOATS, offset);
    }
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, numbers);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, triangles, gl.STATIC_DRAW);
    gl.bindVertexArray(null);
    const rows = said.muscles.slice(0, MOST_ROWS);
    const most = Math.max(1, ...rows.map((row) => row.n));
    return {
      said, around, array, buffers: [vertices, numbers], vertices, corners: triangles.length, rows, most, muscles: plainTexture(gl),
    };
  }

  /** Draw to the screen. `how`: {camera (matrices), origin, theme, half, lines, bodies: [{points, muscles}], grid_mm, far_mm}. */
  draw(how) {
    const { gl, canvas } = this;
    const { theme } = how;
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clearColor(...theme.back, 1);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.disable(gl.CULL_FACE);
    gl.disable(gl.BLEND);
    gl.disable(gl.DEPTH_TEST);
    this._drawGround(how);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    for (const line of how.lines) this._drawLine(how, line);
    gl.disable(gl.BLEND);
    gl.enable(gl.DEPTH_TEST);
    how.bodies.forEach((part, i) => this._drawBody(how, this.bodies[i], part));
    gl.bindVertexArray(null);
  }

  _drawGround({ camera, origin, theme, ground_mm, middle, grid_mm, far_mm }) {
    const { gl, field } = this;
    const { program, at } = this.programs.ground;
    gl.useProgram(program);
    gl.uniformMatrix4fv(at.uBoth, false, camera.both);
    gl.uniform3f(at.uMiddle, middle[0] - origin[0], middle[1] - origin[1], ground_mm - origin[2]);
    gl.uniform2f(at.uOrigin, origin[0], origin[1]);
    gl.uniform1f(at.uReach, 4 * far_mm);
    gl.uniform2f(at.uEye, middle[0], middle[1]);
    gl.uniform1f(at.uFar, far_mm);
    gl.uniform1f(at.uGrid, grid_mm);
    gl.uniform3fv(at.uBack, theme.back);
    gl.uniform3fv(at.uLine, theme.line);
    const box = field === null ? [0, 0, 1, 0] : [...field.said.origin_mm, field.said.spacing_mm, 1];
    gl.uniform4fv(at.uFieldBox, box);
    gl.uniform2fv(at.uFieldSize, field?.size ?? [1, 1]);
    this._texture(at.uField, 0, field?.texture ?? this.map);
    this._texture(at.uMap, 1, this.map);
    gl.bindVertexArray(this.ground);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }

  _drawLine({ camera, origin, theme, half, wide_px }, line) {
    if (line.n < 2) return;
    const { gl } = this;
    const { program, at } = this.programs.track;
    gl.useProgram(program);
    gl.uniformMatrix4fv(at.uBoth, false, camera.both);
    gl.uniform3f(at.uShift, -origin[0], -origin[1], -origin[2]);
    gl.uniform2fv(at.uHalf, half);
    gl.uniform1f(at.uWide, wide_px);
    gl.uniform1f(at.uCount, line.n - 1);
    gl.uniform3fv(at.uColour, theme.track);
    gl.bindVertexArray(this.lineArray);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.line);
    gl.bufferData(gl.ARRAY_BUFFER, line.points.subarray(0, 3 * line.n), gl.STREAM_DRAW);
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, line.n - 1);
  }

  _drawBody({ camera, origin, theme }, body, part) {
    const { gl } = this;
    const { program, at } = this.programs.tube;
    const { rows, most } = body;
    gl.useProgram(program);
    gl.uniformMatrix4fv(at.uBoth, false, camera.both);
    gl.uniform3f(at.uShift, -origin[0], -origin[1], -origin[2]);
    gl.uniform3fv(at.uEyePlace, camera.eye);
    for (const [name, colour] of [["uSkin", theme.skin], ["uRest", theme.rest], ["uHot", theme.hot], ["uWhite", theme.white]]) {
      gl.uniform3fv(at[name], colour);
    }
    gl.uniform3fv(at.uLight, LIGHT);
    gl.uniform1f(at.uLow, theme.low);
    gl.uniform1i(at.uRows, rows.length);
    if (rows.length > 0) {
      gl.uniform1fv(at["uAngle[0]"], rows.map((row) => row.angle_rad));
      gl.uniform1iv(at["uCount[0]"], rows.map((row) => row.n));
    }
    const table = new Float32Array(most * Math.max(1, rows.length));
    rows.forEach((_, i) => table.set(part.muscles[i], most * i));
    this._texture(at.uMuscles, 0, body.muscles);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 4);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.R32F, most, Math.max(1, rows.length), 0, gl.RED, gl.FLOAT, table);
    gl.bindVertexArray(body.array);
    gl.bindBuffer(gl.ARRAY_BUFFER, body.vertices);
    gl.bufferData(gl.ARRAY_BUFFER, tubeVertices(part.points, body.said.radius_mm, body.around), gl.STREAM_DRAW);
    gl.drawElements(gl.TRIANGLES, body.corners, gl.UNSIGNED_INT, 0);
  }

  _texture(at, unit, texture) {
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.uniform1i(at, unit);
  }
}
