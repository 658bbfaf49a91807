/** `Programs`: the shading programs of one context, made when first used, and small helpers for its objects. */

import { ATTRIBUTES, SHADER_TEXTS, shaderText } from "./shaders.mjs";

function begunShader(gl, type, text) {
  const shader = gl.createShader(type);
  gl.shaderSource(shader, text);
  gl.compileShader(shader);
  return shader;
}

/** Begin to compile and link a program; returns at once. `attributes` is name -> place. */
function begunProgram(gl, [vertex, fragment], attributes) {
  const program = gl.createProgram();
  const shaders = [begunShader(gl, gl.VERTEX_SHADER, vertex), begunShader(gl, gl.FRAGMENT_SHADER, fragment)];
  for (const shader of shaders) gl.attachShader(program, shader);
  for (const [attribute, place] of Object.entries(attributes)) gl.bindAttribLocation(program, place, attribute);
  gl.linkProgram(program);
  return { program, shaders };
}

/** Wait for a program: {program, at: name -> place of the uniform}. */
function finishedProgram(gl, { program, shaders }, name) {
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
    const said = [...shaders.map((shader) => gl.getShaderInfoLog(shader)), gl.getProgramInfoLog(program)];
    throw new Error(`program ${name} does not compile or link: ${said.filter(Boolean).join("; ")}`);
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

/** Compile and link a program: {program, at: name -> place of the uniform}. `attributes` is name -> place. */
export function compiledProgram(gl, texts, attributes, name = "") {
  return finishedProgram(gl, begunProgram(gl, texts, attributes), name);
}

/**
 * A cache of linked programs with their uniforms' places. A browser compiles beside everything else until it is asked
 * how that went; so programs are begun early and asked about late.
 */
export class Programs {
  constructor(gl) {
    this.gl = gl;
    this._parallel = gl.getExtension("KHR_parallel_shader_compile");
    this._begun = new Map();
    this._made = new Map();
  }

  /** Begin to make program `name` with `#define`s; returns at once. */
  begin(name, ...defines) {
    const key = [name, ...defines].join(" ");
    if (!this._begun.has(key)) {
      const texts = SHADER_TEXTS[name].map((text) => shaderText(text, defines));
      this._begun.set(key, begunProgram(this.gl, texts, ATTRIBUTES));
    }
    return this._begun.get(key);
  }

  /** True when `get` would not wait, or when this browser does not tell. */
  ready(name, ...defines) {
    const { program } = this.begin(name, ...defines);
    return this._parallel === null || this.gl.getProgramParameter(program, this._parallel.COMPLETION_STATUS_KHR) === true;
  }

  /** Program `name` with `#define`s: {program, at: name -> place of the uniform}. */
  get(name, ...defines) {
    const key = [name, ...defines].join(" ");
    if (!this._made.has(key)) this._made.set(key, finishedProgram(this.gl, this.begin(name, ...defines), key));
    return this._made.get(key);
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
