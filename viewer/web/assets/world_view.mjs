/**
 * `WorldView`: the 3-D view of the bodies of a `WorldData`, with ground, field and tracks, in an element. Draws when
 * something changed and rests otherwise. Lengths in mm.
 */
import { Camera } from "./camera.mjs";
import { PictureOverlay } from "./gl_overlay.mjs";
import { add3, scale3, sub3 } from "./math.mjs";
import { Steering } from "./steering.mjs";
import { WORLD_THEMES, fieldTable } from "./world_looks.mjs";
import { WorldRenderer } from "./world_renderer.mjs";

const NO_WEBGL_TEXT = "This browser has no WebGL2, so the body cannot be drawn here.";
const UM_PER_MM = 1000;
/** How much of the picture's height a body's length is at first. */
const LENGTHS_SEEN = 1.7;
const LINES_px = 90;

/** Mean of the midline: the head swings from side to side, this does not. */
function middleOf(points) {
  const sum = [0, 0, 0];
  for (let i = 0; i < points.length; i += 1) sum[i % 3] += points[i];
  return scale3(sum, 3 / points.length);
}

function bodyBox(points) {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  for (let i = 0; i < points.length; i += 1) {
    low[i % 3] = Math.min(low[i % 3], points[i]);
    high[i % 3] = Math.max(high[i % 3], points[i]);
  }
  return [low, high];
}

/** A view of `data` in `element`. */
export class WorldView {
  constructor(element, data, theme) {
    Object.assign(this, { element, data });
    this.camera = new Camera();
    this.follows = true;
    /** Name of the field that is shown; of another world the first. */
    this.fieldName = null;
    this.drawings_n = 0;
    this._held = null;
    this._raf = 0;
    this._last_s = 0;
    this._placed = false;
    this._build();
    this.steering = new Steering(element, this.camera, {
      onmove: () => this.redraw(),
      onclick: () => {},
      ondouble: () => this.fit(),
      onhover: () => {},
      onlasso: () => {},
      oninspect: () => {},
    });
    this.setTheme(theme);
    data.addEventListener("described", () => this._described());
    data.addEventListener("moved", () => this._moved());
    data.addEventListener("field", () => this._field());
    data.addEventListener("track", () => this.redraw());
    this._sizes = new ResizeObserver(() => this._size());
    this._sizes.observe(element);
    this._described();
  }

  _build() {
    const { element } = this;
    element.classList.add("nv-viewer");
    this.canvas = document.createElement("canvas");
    this.canvas.className = "nv-canvas";
    element.append(this.canvas);
    this.overlay = new PictureOverlay(element);
    try {
      this.renderer = new WorldRenderer(this.canvas);
    } catch (error) {
      console.warn(`neurosim: ${error.message}`);
      this.renderer = null;
      this.overlay.setMessage(NO_WEBGL_TEXT);
    }
    this.canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    this.canvas.addEventListener("webglcontextrestored", () => {
      this.renderer.setup();
      this._described();
      this.setTheme(this.theme);
    });
  }

  /** Dark or light. */
  setTheme(theme) {
    this.theme = theme === "light" ? "light" : "dark";
    this.element.dataset.nvTheme = this.theme;
    this.renderer?.setMap(fieldTable(this.theme));
    this._legend();
    this.redraw();
  }

  _described() {
    if (this.data.said === null) return;
    this.renderer?.setBodies(this.data.said.bodies);
    this._field();
  }

  /** The field that is shown, as described; undefined without any. */
  get field() {
    const fields = this.data.said?.fields ?? [];
    return fields.find((field) => field.name === this.fieldName) ?? fields[0];
  }

  /** Show the field of this name. */
  showField(name) {
    this.fieldName = name;
    this._field();
  }

  _field() {
    const said = this.field;
    this.renderer?.setField(said ?? null, this.data.fields.get(said?.key) ?? null);
    this._legend();
    this.redraw();
  }

  _legend() {
    const { said } = this.data;
    if (said === null) return;
    const theme = WORLD_THEMES[this.theme];
    const { field } = this;
    const keys = [];
    if (said.bodies.some((body) => body.muscles.length > 0)) keys.push({ name: "muscle, active", colour: theme.names.hot }, { name: "muscle, at rest", colour: theme.names.rest });
    if (said.tracks.length > 0) keys.push({ name: "track", colour: theme.names.track });
    const number = (v) => String(Math.abs(v) < 0.002 * (field.high - field.low) ? 0 : Number(v.toPrecision(3)));
    const table = field === undefined ? {} : { table: fieldTable(this.theme), ticks: [field.low, 0.5 * (field.low + field.high), field.high].map(number) };
    const title = field === undefined ? "body" : field.unit === "" ? field.name : `${field.name} (${field.unit})`;
    this.overlay.setLegend(keys.length === 0 && field === undefined ? null : { title, keys, ...table });
  }

  /** Middle of the first body, or null. */
  get middle() {
    const points = this.data.parts?.bodies[0]?.points;
    return points === undefined ? null : middleOf(points);
  }

  _moved() {
    if (!this._placed && this.data.parts.bodies.length > 0) this._place();
    else this._follow();
    this.redraw();
  }

  /** Look at the first body from above. */
  _place() {
    this._placed = true;
    const box = bodyBox(this.data.parts.bodies[0].points);
    const { middle } = this;
    this._held = middle;
    const length = Math.max(...sub3(box[1], box[0]), 1e-3);
    this._setBox();
    const distance = (0.5 * LENGTHS_SEEN * length) / Math.tan(this.camera.fov / 2) / Math.min(1, this.camera.aspect);
    Object.assign(this.camera, { target: middle, eye: add3(middle, [0, -0.22 * distance, 0.97 * distance]), up: [0, 1, 0] });
  }

  _setBox() {
    const boxes = this.data.parts.bodies.map((body) => bodyBox(body.points));
    const low = [0, 1, 2].map((k) => Math.min(...boxes.map((box) => box[0][k])));
    const high = [0, 1, 2].map((k) => Math.max(...boxes.map((box) => box[1][k])));
    const room = 4 * Math.max(...sub3(high, low), 0.1);
    this.camera.setBox([low.map((v) => v - room), high.map((v) => v + room)]);
  }

  _follow() {
    const { middle } = this;
    if (!this.follows || middle === null) return;
    const by = sub3(middle, this._held ?? middle);
    this._held = middle;
    this.camera.eye = add3(this.camera.eye, by);
    this.camera.target = add3(this.camera.target, by);
  }

  /** Whether the camera goes with the first body. */
  setFollows(on) {
    this.follows = on;
    this._held = null;
    const { middle } = this;
    if (on && middle !== null) {
      const by = sub3(middle, this.camera.target);
      this.camera.eye = add3(this.camera.eye, by);
      this.camera.target = middle;
    }
    this.redraw();
  }

  /** Look at the body again as at first. */
  fit() {
    if (this.data.parts === null) return;
    this._place();
    this.redraw();
  }

  _size() {
    const ratio = this.renderer?.software ? 1 : Math.min(2, globalThis.devicePixelRatio || 1);
    const width = Math.max(2, Math.round(this.element.clientWidth * ratio));
    const height = Math.max(2, Math.round(this.element.clientHeight * ratio));
    if (this.canvas.width === width && this.canvas.height === height) return;
    Object.assign(this.canvas, { width, height });
    this.camera.aspect = width / height;
    this.redraw();
  }

  /** Draw soon; nothing is drawn while nobody sees it. */
  redraw() {
    if (this._raf !== 0) return;
    this._raf = requestAnimationFrame((now_ms) => {
      this._raf = 0;
      this._tick(now_ms / 1000);
    });
  }

  _tick(now_s) {
    const passed_s = Math.min(0.1, Math.max(0.001, now_s - this._last_s));
    this._last_s = now_s;
    const moved = this.steering.turn(passed_s);
    this.draw();
    if (moved || this.steering.moving) this.redraw();
  }

  /** Draw at once. */
  draw() {
    const { data, renderer, canvas, camera } = this;
    if (renderer === null || renderer.gl.isContextLost() || data.parts === null || this.element.clientWidth === 0) return;
    this._setBox();
    const { parts, said } = data;
    const origin = camera.target;
    const height_mm = 2 * camera.distance * Math.tan(camera.fov / 2);
    const mm_per_px = height_mm / (this.element.clientHeight || 1);
    const ground = Math.min(0, ...parts.bodies.map((body, i) => bodyBox(body.points)[0][2] - Math.max(...said.bodies[i].radius_mm)));
    const ratio = canvas.height / (this.element.clientHeight || 1);
    renderer.draw({
      camera: camera.matrices(origin, canvas.height),
      origin,
      theme: WORLD_THEMES[this.theme],
      bodies: parts.bodies,
      lines: data.lines,
      half: [canvas.width / 2, canvas.height / 2],
      wide_px: 1.4 * ratio,
      ground_mm: ground,
      middle: [camera.target[0], camera.target[1]],
      grid_mm: 10 ** Math.floor(Math.log10(LINES_px * mm_per_px)),
      far_mm: 6 * Math.max(height_mm, height_mm * camera.aspect),
    });
    this.drawings_n += 1;
    this.overlay.setCamera(camera, UM_PER_MM * mm_per_px);
    this.overlay.scale.firstChild.nodeValue = `${Number((this.overlay.bar_um / UM_PER_MM).toPrecision(3))} mm`;
  }

  /** PNG of what is shown, as a Blob. */
  screenshot() {
    this.draw();
    return new Promise((done) => this.canvas.toBlob(done, "image/png"));
  }

  dispose() {
    cancelAnimationFrame(this._raf);
    this.steering.dispose();
    this._sizes.disconnect();
    this.overlay.dispose();
    this.renderer?.gl.getExtension("WEBGL_lose_context")?.loseContext();
    this.canvas.remove();
  }
}
