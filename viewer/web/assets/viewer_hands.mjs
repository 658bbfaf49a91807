/** `ViewerHands`: what people do to the view with mouse, fingers and keys: pick, point, select, lasso. */

import { describePlace, somaNode } from "./gl_describe.mjs";
import { add3, inPolygon, transform4 } from "./math.mjs";
import { isRange } from "./picture.mjs";
import { ViewerCore } from "./viewer_core.mjs";
import { NO_TEMPLATE, decodeCells } from "./wire.mjs";

const HOVER_ms = 90;

/** Abstract; only for `Viewer`. */
export class ViewerHands extends ViewerCore {
  /** What is at x, y (CSS pixels): {rank, node, soma, depth_um} or null. */
  pick(x, y) {
    if (this.picker === null || this.stage.picture === null) return null;
    const ratio = this.canvas.width / (this.element.clientWidth || 1);
    this.stage.refresh();
    const place = this.picker.at(x * ratio, y * ratio, this._how());
    if (place === null) return null;
    const found = this.stage.picture.find(place.rank);
    const template = found === null ? NO_TEMPLATE : found.record.template[found.row];
    const skeleton = template === NO_TEMPLATE ? null : this.store.anySkeleton(template);
    return { ...place, node: somaNode(this.stage, place, skeleton) };
  }

  _click(x, y, event, byKey = false) {
    const place = this.pick(x, y);
    if (place === null) {
      if (!event.shiftKey && !byKey) this.select([], "replace", "click");
      return;
    }
    const { rank, node } = place;
    this.select([rank], event.shiftKey ? "toggle" : "replace", byKey ? "key" : "click", { rank, node });
  }

  _double(x, y) {
    const place = this.pick(x, y);
    if (place !== null) this.zoomTo([place.rank]);
  }

  _hover(x, y) {
    clearTimeout(this._timers.hover);
    if (x < 0) {
      this._pointAt(null, 0, 0);
      return;
    }
    // On a slow card a label is not worth a frame for each move of the mouse.
    const wait_ms = Math.max(HOVER_ms, 1.5 * this.budget.frame_ms);
    this._timers.hover = setTimeout(() => {
      if (!this._disposed && this._fence === null) this._pointAt(this.pick(x, y), x, y);
      else this._hover(x, y);
    }, wait_ms);
  }

  _pointAt(place, x, y) {
    const text = place === null ? "" : describePlace(this.stage, place);
    this.overlay.setTip(text, x, y);
    if (this.stage.setPointed(place?.rank ?? -1)) this.redraw();
    this._say("hover", { place, text });
  }

  _lasso(points, done, event) {
    this.overlay.setLasso(done ? [] : points);
    if (!done || points.length < 3 || this.stage.picture === null) return;
    const ranks = this.ranksWithin(points);
    const partial = this.stage.picture.nodes.some((node) => !isRange(node.record));
    this.select(ranks, event.shiftKey ? "add" : "replace", "lasso", null, partial);
  }

  /** Known cells whose somata are in a polygon of CSS pixels. */
  ranksWithin(points) {
    const { both } = this.camera.matrices(this.stage.origin, this.canvas.height);
    const [width, height] = [this.element.clientWidth, this.element.clientHeight];
    const clip = this._how().clip;
    const ranks = [];
    for (const { record } of this.stage.picture.nodes) {
      for (let row = 0; row < record.n; row += 1) {
        const place = this.stage.placeOf(record, row);
        const [x, y, , w] = transform4(both, place);
        if (w <= 0 || clip[0] * place[0] + clip[1] * place[1] + clip[2] * place[2] + clip[3] < 0) continue;
        if (inPolygon(points, 0.5 * (x / w + 1) * width, 0.5 * (1 - y / w) * height)) ranks.push(record.rank[row]);
      }
    }
    return ranks;
  }

  /** Places in um of cells that are drawn or can be asked for. */
  async _placesOf(ranks) {
    const placed = (record, row) => add3(this.stage.origin, this.stage.placeOf(record, row));
    const places = [];
    const unknown = [];
    for (const rank of ranks) {
      const found = this.stage.picture?.find(rank) ?? null;
      if (found === null) unknown.push(rank);
      else places.push(placed(found.record, found.row));
    }
    if (unknown.length > 0) {
      const cells = decodeCells(await this.transport.get(`/api/cells?ranks=${unknown.join(",")}`));
      for (let row = 0; row < cells.n; row += 1) places.push(placed(cells, row));
    }
    return places;
  }
}
