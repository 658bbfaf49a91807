/**
 * `Stage`: everything that is shown of a scene: its cells and templates as far as they are here, the view's answer and
 * the picture made of it, activity, voltages, time, selection. The viewer tells it what comes in and asks it to draw.
 */

import { CellActivity, RATE_WINDOW_ms } from "./activity.mjs";
import { SceneClock } from "./clock.mjs";
import { THEMES, mapTable } from "./colours.mjs";
import { Voltages } from "./gl_voltages.mjs";
import { fillExtra, fillInstances } from "./gpu_cells.mjs";
import { MOST_RATE_Hz, glowOf, kindPalette, shadeMode } from "./looks.mjs";
import { mix3, sub3 } from "./math.mjs";
import { CELL_FLAG, isRange, makePicture } from "./picture.mjs";
import { SOMA_QUADS_FROM_px } from "./renderer.mjs";
import { FRAME_FLAG, FRAME_KIND, NO_TEMPLATE } from "./wire.mjs";

/** Branches are quads with an outline from this size on, else lines; a program that draws is slower with quads. */
const QUADS_FROM_px_per_um = { card: 0.3, program: 0.9 };
/** Branches of this half width are quads in any case. */
const THICK_px = 2;
const PATIENCE_ms = 1500;
/** Selected cells that are seen through what hides them, at most. */
const MOST_CHOSEN = 24;
const MOST_TEMPLATES_KEPT = 64;
const LEAST_GLOW_s = 0.08;

/** Rate in Hz that an activity byte stands for. */
export function rateOfByte(byte) {
  return 2 ** (byte / 16) - 1;
}

/** What is on the stage. `store` is a SceneStore, `renderer` a Renderer or null. */
export class Stage {
  constructor(renderer, store) {
    this.renderer = renderer;
    this.store = store;
    this.clock = new SceneClock();
    this.voltages = new Voltages();
    this.activity = null;
    this.scene = null;
    this.picture = null;
    this.answer = null;
    this.origin = [0, 0, 0];
    this.size = [1, 1, 1];
    this.pointRadius_um = 5;
    this.selected = new Set();
    this.pointed = -1;
    this.look = { mode: "spikes", map: "magma", range: [-90, 20], theme: "dark", tau_ms: 10, velocity: 300, clip: null };
    this._answers = new Map();
    this._nodeRates = new Map();
    this._activeNodes = false;
    this._stale = { extra: true, palette: true, voltage: true };
  }

  /** Show another scene. */
  setScene(scene) {
    this.scene = scene;
    this.origin = mix3(scene.box_um[0], scene.box_um[1], 0.5);
    this.size = sub3(scene.box_um[1], scene.box_um[0]);
    this.activity = new CellActivity(scene.n, this.renderer?.width ?? 4096);
    this.voltages.clear();
    this.store.begin(scene.key ?? "");
    this.picture = null;
    this.answer = null;
    this._answers.clear();
    this._nodeRates.clear();
    if (this.renderer !== null) this.renderer.picture = null;
    const volume = this.size.reduce((product, side) => product * Math.max(side, 1), 1);
    this.pointRadius_um = Math.min(7, Math.max(0.4, 0.16 * Math.cbrt(volume / Math.max(1, scene.n))));
    this._stale = { extra: true, palette: true, voltage: true };
  }

  /** Place of a cell relative to the box's middle. */
  placeOf(record, row) {
    return [0, 1, 2].map((k) => (record.position[3 * row + k] / 65535 - 0.5) * this.size[k]);
  }

  /** Radius of a cell's soma in um, from its template when one is here. */
  radiusOf(template) {
    if (template === NO_TEMPLATE) return this.pointRadius_um;
    const skeleton = this.store.anySkeleton(template);
    if (skeleton === null) return this.pointRadius_um;
    return skeleton.soma_radius_um > 0 ? skeleton.soma_radius_um : skeleton.radius_um[0] ?? this.pointRadius_um;
  }

  // --- what comes in ------------------------------------------------------------------------------------------------

  /** Take a frame of activity. */
  frame(frame, now_s) {
    const jumped = (frame.flags & FRAME_FLAG.JUMPED) !== 0;
    if (frame.kind === FRAME_KIND.TRACE || this.activity === null) return;
    // The frames of one turn share their time; the first of them says what happened to it.
    if (jumped && frame.t_ms !== this._jump_ms) {
      this.activity.forget();
      this._nodeRates.clear();
    }
    this._jump_ms = jumped ? frame.t_ms : null;
    this.clock.frame(frame.t_ms, jumped, now_s);
    if (frame.kind === FRAME_KIND.SPIKES) this.activity.spikes(frame);
    else if (frame.kind === FRAME_KIND.MASK) this.activity.mask(frame);
    else if (frame.kind === FRAME_KIND.NODES) this._rates(frame);
    else if (frame.kind === FRAME_KIND.VOLTAGE && this.voltages.frame(frame)) this._stale.voltage = true;
  }

  _rates({ tag, count, body }) {
    const nodes = this._answers.get(tag);
    if (nodes === undefined) return;
    if (nodes.length !== count) throw new Error(`rates of ${count} nodes came, view ${tag} has ${nodes.length}`);
    this._activeNodes = false;
    for (let i = 0; i < count; i += 1) {
      this._nodeRates.set(nodes[i], rateOfByte(body.activity[i]));
      if (body.activity[i] > 0) this._activeNodes = true;
    }
  }

  /** Take the answer to a view. */
  view(tag, body, camera, height_px, now_ms) {
    this.answer = { tag, body, since_ms: now_ms };
    this._answers.set(tag, body.nodes);
    if (this._answers.size > 8) this._answers.delete(this._answers.keys().next().value);
    return this.remake(camera, height_px, now_ms);
  }

  /** Make the picture from what is here now; true when there is another one. */
  remake(camera, height_px, now_ms) {
    if (this.answer === null || this.scene === null) return false;
    const { tag, body, since_ms } = this.answer;
    const { scale, eye } = camera.matrices(this.origin, height_px);
    const nearFrom = this.renderer?.software ? QUADS_FROM_px_per_um.program : QUADS_FROM_px_per_um.card;
    const picture = makePicture(tag, body, this.store, {
      size: this.size,
      eye,
      near_um: scale / nearFrom,
      thick_um: scale / THICK_px,
      voltageOf: (rank) => this.voltages.offsetOf(rank),
    });
    this.store.want([...body.nodes], [...picture.missing.skeletons, ...this._templatesOf(picture)]);
    // What is there is better than nothing; after that a picture waits until it is whole, so that it does not flicker.
    const shown = this.picture !== null && this.picture.cells_n > 0;
    const waits = !picture.complete && shown && now_ms - since_ms < PATIENCE_ms;
    if (waits) return false;
    this.picture = picture;
    this.renderer?.setPicture(picture);
    this._stale.extra = true;
    return true;
  }

  /** The coarsest level of the drawn cells' templates: it tells the soma's radius and the number of nodes. */
  _templatesOf(picture) {
    const found = new Set();
    for (const { record } of picture.nodes) {
      record.templates ??= [...new Set(record.template)].filter((t) => t !== NO_TEMPLATE);
      for (const template of record.templates) found.add(template);
    }
    if (found.size > MOST_TEMPLATES_KEPT) return [];
    return [...found].filter((t) => this.store.anySkeleton(t) === null).map((t) => [t, 3]);
  }

  /** Number of nodes of a template's tree, or null. */
  nodesOf(template) {
    return this.store.anySkeleton(template)?.nodes_n ?? null;
  }

  // --- how it looks -------------------------------------------------------------------------------------------------

  /** Change part of the look. */
  setLook(part) {
    Object.assign(this.look, part);
    this._stale.palette = true;
  }

  /** Select these cells. */
  setSelected(ranks) {
    this.selected = new Set(ranks);
    this._stale.extra = true;
  }

  /** The cell the cursor is on, -1: none. */
  setPointed(rank) {
    if (rank === this.pointed) return false;
    this.pointed = rank;
    this._stale.extra = true;
    return true;
  }

  /** The time constant that is drawn: at high speed a spike would be gone before it is seen. */
  get tau_ms() {
    return Math.max(this.look.tau_ms, LEAST_GLOW_s * this.clock.rate);
  }

  flagsOf(rank) {
    const selected = this.selected.has(rank) ? CELL_FLAG.SELECTED : 0;
    const pointed = rank === this.pointed ? CELL_FLAG.POINTED : 0;
    return selected | pointed;
  }

  /** Everything in the context has to be made again. */
  restored() {
    for (const record of this.store.records()) record.gpu = null;
    if (this.activity !== null) this.activity.everything = true;
    this._stale = { extra: true, palette: true, voltage: true };
    if (this.picture !== null) this.renderer.setPicture(this.picture);
  }

  /** Bring what the card holds up to date. */
  refresh() {
    const { renderer, picture, look } = this;
    if (this.activity !== null) renderer.syncActivity(this.activity);
    if (this._stale.palette && this.scene !== null) {
      renderer.setPalette(kindPalette(this.scene.kinds, look.mode, look.theme));
      renderer.setMap(mapTable(look.map));
    }
    if (this._stale.voltage && this.voltages.values.length > 0) renderer.setVoltage(this.voltages.values);
    if (picture !== null && (this._stale.extra || this._voltageVersion !== this.voltages.version)) this._refreshCells();
    this._voltageVersion = this.voltages.version;
    this._stale = { extra: false, palette: false, voltage: false };
  }

  _refreshCells() {
    const { renderer, picture, voltages } = this;
    const voltageOf = (rank) => voltages.offsetOf(rank);
    if (picture.detailed_n > 0) {
      fillInstances(picture, { voltageOf, flagsOf: (rank) => this.flagsOf(rank), radiusOf: (t) => this.radiusOf(t) });
      renderer.instances.refresh(picture);
      const chosen = this.selected.size <= MOST_CHOSEN ? [...this.selected] : [];
      renderer.instances.choose(picture, chosen.map((rank) => picture.instanceOf(rank)).filter((i) => i >= 0));
    }
    const version = this.store.templates_n;
    const somewhere = this.selected.size > 0 || this.pointed >= 0;
    for (const { record, drawn } of picture.nodes) {
      const whole = isRange(record) && voltages.offsets.size > 0;
      const special = somewhere || whole || drawn !== null;
      const { gpu } = record;
      if (!special && gpu.plain && gpu.version === version) continue;
      fillExtra(renderer.gl, record, {
        radiusOf: (template) => this.radiusOf(template),
        voltageOf: whole ? (rank, template) => this._somaVoltage(rank, template) : null,
        flagsOf: somewhere ? (rank) => this.flagsOf(rank) : null,
        drawn,
      });
      gpu.plain = !special;
      gpu.version = version;
    }
  }

  _somaVoltage(rank, template) {
    const offset = this.voltages.offsetOf(rank);
    return offset < 0 || template === NO_TEMPLATE ? offset : offset + (this.store.anySkeleton(template)?.node[0] ?? 0);
  }

  /** Mean rates by order of the view's nodes; -1 where every cell is drawn and has its own. */
  _ratesInOrder() {
    const rates = new Float32Array(this.answer?.body.nodes.length ?? 0).fill(-1);
    for (const { id, order, record } of this.picture.nodes) {
      if (!isRange(record)) rates[order] = this._nodeRates.get(id) ?? 0;
    }
    return rates;
  }

  /** How the shaders are to draw; see `Renderer.draw`. */
  how(camera, width, height, pixel) {
    const { look, clock } = this;
    const matrices = camera.matrices(this.origin, height);
    // Fog from the near side of everything to its far side; from within, what is a few times farther than the target.
    const begin = Math.max(matrices.near, matrices.away - camera.reach, Math.min(0.6 * camera.distance, matrices.away));
    const end = Math.min(matrices.away + 1.15 * camera.reach, begin + 6 * camera.distance);
    const plain = look.mode === "voltage" || look.mode === "rate";
    const fog = [begin, end, plain ? 0.4 : 0.62];
    const glows = glowOf(look.mode);
    const latest = clock.t_ms - (this.activity?.latest_ms ?? -Infinity);
    return {
      camera: matrices,
      width,
      height,
      pixel,
      box: this.size,
      theme: THEMES[look.theme],
      mode: shadeMode(look.mode),
      glow: glows,
      halo: glows > 0 && look.theme === "dark" && (latest < 6 * this.tau_ms + 20 || this._activeNodes),
      time: clock.t_ms - (this.activity?.epoch_ms ?? 0),
      tau: this.tau_ms,
      velocity: look.velocity,
      rateWindow: RATE_WINDOW_ms,
      range: look.mode === "rate" ? [0, MOST_RATE_Hz] : look.range,
      voltageEnds: this.voltages.ends,
      fog,
      clip: this._clip(),
      nodeIsNear: (node) => this._nodePixels(node, matrices) >= SOMA_QUADS_FROM_px * pixel,
    };
  }

  _clip() {
    const { clip } = this.look;
    if (clip === null || clip === undefined) return [0, 0, 0, 1];
    const k = ["x", "y", "z"].indexOf(clip.axis);
    const sign = clip.flip ? -1 : 1;
    const plane = [0, 0, 0, sign * (clip.at - this.origin[k])];
    plane[k] = -sign;
    return plane;
  }

  /** Pixels of a soma's radius at the part of a node that is nearest to the eye. */
  _nodePixels({ record }, { eye, scale, near }) {
    record.bounds ??= this._boundsOf(record);
    const far = [0, 1, 2].map((k) => Math.max(record.bounds[0][k] - eye[k], 0, eye[k] - record.bounds[1][k]));
    return (this.pointRadius_um * scale) / Math.max(Math.hypot(...far), near);
  }

  _boundsOf(record) {
    const low = [Infinity, Infinity, Infinity];
    const high = [-Infinity, -Infinity, -Infinity];
    for (let row = 0; row < record.n; row += 1) {
      this.placeOf(record, row).forEach((v, k) => {
        low[k] = Math.min(low[k], v);
        high[k] = Math.max(high[k], v);
      });
    }
    return [low, high];
  }

  /** Draw; `how` from above, `whole` as for the renderer. */
  draw(how, whole = true) {
    this.refresh();
    this.renderer.draw(how, this.picture === null ? null : this._ratesInOrder(), whole);
  }
}
