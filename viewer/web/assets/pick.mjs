/**
 * `Picker`: which cell and compartment is at a place of the picture. The scene is drawn again with numbers for colours
 * into a few pixels around that place; the nearest to it that is not empty wins.
 */

const SIDE_px = 15;

/** Picks with a renderer's context. */
export class Picker {
  constructor(renderer) {
    this.renderer = renderer;
    this.setup();
  }

  /** Make the small target; again after the context was lost. */
  setup() {
    const { gl } = this.renderer;
    this.numbers = gl.createRenderbuffer();
    gl.bindRenderbuffer(gl.RENDERBUFFER, this.numbers);
    gl.renderbufferStorage(gl.RENDERBUFFER, gl.RGBA32UI, SIDE_px, SIDE_px);
    this.depth = gl.createRenderbuffer();
    gl.bindRenderbuffer(gl.RENDERBUFFER, this.depth);
    gl.renderbufferStorage(gl.RENDERBUFFER, gl.DEPTH_COMPONENT24, SIDE_px, SIDE_px);
    this.target = gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.target);
    gl.framebufferRenderbuffer(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.RENDERBUFFER, this.numbers);
    gl.framebufferRenderbuffer(gl.FRAMEBUFFER, gl.DEPTH_ATTACHMENT, gl.RENDERBUFFER, this.depth);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
  }

  /**
   * Return {rank, node, soma, depth_um} at x, y (pixels of the canvas, from the top left), or null.
   * `node` is the compartment of a branch; of a soma it is 0 and `soma` is true.
   */
  at(x, y, how) {
    const { gl, canvas, picture } = this.renderer;
    if (picture === null || gl.isContextLost()) return null;
    const half = (SIDE_px - 1) / 2;
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.target);
    gl.viewport(half - Math.round(x), half - Math.round(canvas.height - 1 - y), canvas.width, canvas.height);
    gl.clearBufferuiv(gl.COLOR, 0, new Uint32Array(4));
    gl.clearBufferfi(gl.DEPTH_STENCIL, 0, 1, 0);
    this.renderer.drawNumbers(how, null);
    const read = new Uint32Array(4 * SIDE_px * SIDE_px);
    gl.readPixels(0, 0, SIDE_px, SIDE_px, gl.RGBA_INTEGER, gl.UNSIGNED_INT, read);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    return this._nearest(read, half);
  }

  _nearest(read, half) {
    let best = null;
    let least = Infinity;
    for (let j = 0; j < SIDE_px; j += 1) {
      for (let i = 0; i < SIDE_px; i += 1) {
        const at = 4 * (j * SIDE_px + i);
        const far = Math.hypot(i - half, j - half);
        if (read[at] === 0 || far >= least || far > half) continue;
        least = far;
        const depth_um = new Float32Array(read.buffer, 4 * (at + 3), 1)[0];
        best = { rank: read[at] - 1, node: read[at + 1], soma: read[at + 2] === 1, depth_um };
      }
    }
    return best;
  }
}
