/**
 * `PictureOverlay`: the words and signs over the picture: time, scale bar, axes, legend, notes, messages, the label at the
 * cursor and the lasso. Everything is text nodes and classes; nothing from a model is ever read as HTML.
 */

import { roundLength } from "./math.mjs";
import { adoptOverlayStyle } from "./gl_overlay_style.mjs";

const SVG = "http://www.w3.org/2000/svg";

function made(tag, className, parent) {
  const element = document.createElement(tag);
  element.className = className;
  parent?.append(element);
  return element;
}

function drawn(tag, attributes, parent) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  parent?.append(element);
  return element;
}

/** Length as people read it: 250 nm, 20 µm, 1.5 mm. */
export function lengthText(um) {
  if (um < 1) return `${Number((um * 1000).toPrecision(3))} nm`;
  return um < 1000 ? `${Number(um.toPrecision(3))} µm` : `${Number((um / 1000).toPrecision(3))} mm`;
}

/** Lies over the canvas in `host`. */
export class PictureOverlay {
  constructor(host) {
    adoptOverlayStyle(host);
    this.root = made("div", "nv-over", host);
    this.clock = made("div", "nv-clock", this.root);
    this.clock.setAttribute("aria-hidden", "true");
    this._time = document.createTextNode("");
    this.clock.append(this._time, made("small", "", null));
    this.clock.lastChild.textContent = "ms";
    this.clock.hidden = true;
    this.schematic = made("div", "nv-schematic", this.root);
    this.note = made("div", "nv-note", this.root);
    const corner = made("div", "nv-corner", this.root);
    this.axes = this._axes(corner);
    this.scale = made("div", "nv-scale", corner);
    this.scale.append(document.createTextNode(""), made("i", "", null));
    this.legend = made("div", "nv-legend", this.root);
    this.legend.setAttribute("role", "img");
    this.legend.hidden = true;
    this.lasso = drawn("svg", { class: "nv-lasso" }, this.root);
    this.polygon = drawn("polygon", { points: "" }, this.lasso);
    const mark = drawn("svg", { class: "nv-mark", viewBox: "0 0 14 14", "aria-hidden": "true" }, this.root);
    drawn("path", { d: "M7 0V5M7 9V14M0 7H5M9 7H14" }, mark);
    this.tip = made("div", "nv-tip", this.root);
    this.tip.hidden = true;
    this.banner = made("div", "nv-banner", this.root);
    this.banner.setAttribute("role", "status");
    this.banner.hidden = true;
    this.message = made("div", "nv-message", this.root);
    this.message.setAttribute("role", "alert");
    this.message.hidden = true;
  }

  /** Take everything away. */
  dispose() {
    this.root.remove();
  }

  _axes(parent) {
    const axes = drawn("svg", { class: "nv-axes", viewBox: "-27 -27 54 54", "aria-hidden": "true" }, parent);
    this._arms = ["x", "y", "z"].map((name) => {
      const group = drawn("g", {}, axes);
      const line = drawn("line", { class: `nv-axis-${name}`, x1: 0, y1: 0 }, group);
      const text = drawn("text", {}, group);
      text.textContent = name;
      return { group, line, text };
    });
    return axes;
  }

  /** Turn the axes as the camera is, and set the scale bar for `um_per_px` at the distance of the target. */
  setCamera(camera, um_per_px) {
    const rows = [camera.right, camera.top, camera.look];
    const arms = this._arms.map((arm, k) => ({ arm, x: 19 * rows[0][k], y: -19 * rows[1][k], ahead: rows[2][k] }));
    for (const { arm, x, y } of arms) {
      arm.line.setAttribute("x2", x.toFixed(1));
      arm.line.setAttribute("y2", y.toFixed(1));
      const far = Math.hypot(x, y);
      const push = far > 3 ? (far + 7) / far : 1.6;
      arm.text.setAttribute("x", (x * push).toFixed(1));
      arm.text.setAttribute("y", (y * push).toFixed(1));
      arm.group.setAttribute("opacity", far > 3 ? "1" : "0.45");
    }
    arms.sort((a, b) => b.ahead - a.ahead).forEach(({ arm }) => this.axes.append(arm.group));
    this.bar_um = roundLength(110 * um_per_px);
    this.scale.firstChild.nodeValue = lengthText(this.bar_um);
    this.scale.lastChild.style.width = `${(this.bar_um / um_per_px).toFixed(1)}px`;
  }

  /** Show the time. */
  setTime(t_ms) {
    this.clock.hidden = !Number.isFinite(t_ms);
    this._time.nodeValue = Number.isFinite(t_ms) ? t_ms.toFixed(1) : "";
  }

  /** Say that what moves along the branches is no result. */
  setSchematic(text) {
    this.schematic.textContent = text;
  }

  /** What is left out, one line each. */
  setNotes(lines) {
    this.note.replaceChildren(...lines.map((line) => {
      const row = made("div", "", null);
      row.textContent = line;
      return row;
    }));
  }

  /** A line over everything that passes, or "". */
  setBanner(text) {
    this.banner.hidden = text === "";
    this.banner.textContent = text;
  }

  /** True while a line is over everything. */
  get hasBanner() {
    return !this.banner.hidden;
  }

  /** Words in the place of the picture, or "". */
  setMessage(text) {
    this.message.hidden = text === "";
    this.message.textContent = text;
  }

  /**
   * Show the legend.
   * @param {{title: string, table?: Uint8Array, ticks?: string[], keys?: {name: string, colour: string}[]}} legend
   */
  setLegend(legend) {
    this.legend.hidden = legend === null;
    if (legend === null) return;
    const title = made("b", "", null);
    title.textContent = legend.title;
    this.legend.replaceChildren(title);
    if (legend.table) this._bar(legend);
    for (const { name, colour } of legend.keys ?? []) {
      const row = made("div", "nv-key", this.legend);
      const spot = drawn("svg", { viewBox: "0 0 10 10" }, row);
      drawn("circle", { cx: 5, cy: 5, r: 4.6, fill: colour }, spot);
      row.append(name);
    }
    const words = legend.table ? [...legend.ticks] : (legend.keys ?? []).map((key) => key.name);
    this.legend.setAttribute("aria-label", `Legend, ${legend.title}: ${words.join(", ")}`);
  }

  _bar({ table, ticks }) {
    const bar = made("canvas", "", this.legend);
    bar.width = 256;
    bar.height = 1;
    const context = bar.getContext("2d");
    context.putImageData(new ImageData(new Uint8ClampedArray(table), 256, 1), 0, 0);
    const row = made("div", "nv-ticks", this.legend);
    for (const tick of ticks) made("span", "", row).textContent = tick;
  }

  /** Show a label at the cursor; "" hides it. */
  setTip(text, x = 0, y = 0) {
    this.tip.hidden = text === "";
    if (text === "") return;
    this.tip.textContent = text;
    const { clientWidth, clientHeight } = this.root;
    const left = x + 14 + this.tip.offsetWidth > clientWidth ? x - 10 - this.tip.offsetWidth : x + 14;
    const top = y + 14 + this.tip.offsetHeight > clientHeight ? y - 10 - this.tip.offsetHeight : y + 14;
    this.tip.style.transform = `translate(${Math.round(Math.max(2, left))}px, ${Math.round(Math.max(2, top))}px)`;
  }

  /** Show the lasso through these points; none hides it. */
  setLasso(points) {
    this.polygon.setAttribute("points", points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" "));
  }
}
