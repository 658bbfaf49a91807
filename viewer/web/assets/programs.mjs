/** `Programs`: the shading programs of one context, made when first used, and small helpers for its objects. */

import { ATTRIBUTES, SHADER_TEXTS, shaderText } from "./shaders.mjs";

function compiledShader(gl, type, text) {
  const shader = gl.createShader(type);
  gl.shaderSource(shader, text);
  gl.compileShader(shader);
  if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS) && !gl.isContextLost()) {
    throw new Error(`a shader does not compile: ${gl.getShaderInfoLog(shader)}`);
  }
  return shader;
}

/** Link a program: {program, at: name -> place of the uniform}. `attributes` is name -> place. */
export function compiledProgram(gl, [vertex, fragment], attributes, name = "") {
  const program = gl.createProgram();
  const shaders = [compiledShader(gl, gl.VERTEX_SHADER, vertex), compiledShader(gl, gl.FRAGMENT_SHADER, fragment)];
  for (const shader of shaders) gl.attachShader(program, shader);
  for (const [attribute, place] of Object.entries(attributes)) gl.bindAttribLocation(program, place, attribute);
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
    throw new Error(`program ${name} does not link: ${gl.getProgramInfoLog(program)}`);
  }
  for (const shader of shaders) gl.deleteShader(shader);
  const at = {};
  const n = gl.getProgramParameter(program, gl.ACTIVE_UNIFORMS) ?? 0;
  for (let i = 0; i < n; i += 1) {
    const { name: uniform } = gl.getActiveUniform(program, i);
    at[uniform] = gl.getUniformLocation(program, uniform);
  }
  return { program, at };
}

/** A cache of linked programs with their uniforms' places. */
export class Programs {
  constructor(gl) {
    this.gl = gl;
    this._made = new Map();
  }

  /** Program `name` with `#define`s: {program, at: name -> place of the uniform}. */
  get(name, ...defines) {
    const key = [name, ...defines].join(" ");
    if (!this._made.has(key)) this._made.set(key, this._make(name, defines));
    return this._made.get(key);
  }

  _make(name, defines) {
    const texts = SHADER_TEXTS[name].map((text) => shaderText(text, defines));
    return compiledProgram(this.gl, texts, ATTRIBUTES, name);
  }
}

/** Make a texture that is read texel by texel. */
export function plainTexture(gl, filter = gl.NEAREST) {
  const texture = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, name, filter);
  for (const name of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, name, gl.CLAMP_TO_EDGE);
  return texture;
}

/** Make a buffer with these contents. */
export function filledBuffer(gl, data, usage = gl.STATIC_DRAW) {
  const buffer = gl.createBuffer();
  gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
  gl.bufferData(gl.ARRAY_BUFFER, data, usage);
  return buffer;
}

/**
 * Add attributes of the bound buffer to the bound vertex array.
 * @param {Array} rows [name, size, type, offset, whole numbers, normalized]
 */
export function addAttributes(gl, stride, divisor, base, rows) {
  for (const [name, size, type, offset, whole, normalized] of rows) {
    const at = ATTRIBUTES[name];
    gl.enableVertexAttribArray(at);
    if (whole) gl.vertexAttribIPointer(at, size, type, stride, base + offset);
    else gl.vertexAttribPointer(at, size, type, Boolean(normalized), stride, base + offset);
    gl.vertexAttribDivisor(at, divisor);
  }
}
