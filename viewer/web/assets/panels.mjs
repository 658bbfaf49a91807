/**
 * `PanelHost`: mounts the panels, and asks those that somebody looks at to update, three times a second.
 *
 * A panel's module exports `mount(element, context)`. `context` has
 *   state      PageState: `scene`, `status`, `t_ms`, `selection`, `picked`, `shown` {start_ms, stop_ms}, `theme`,
 *              `on(type, listener)` for "scene", "status", "time", "selection", "picked", "window", "theme", "world";
 *              `world` is what surrounds the cells (WorldData), or null
 *   past       Past: `spikes(stretch)`, `rates(stretch, bins)`, `trace(rank, node, stretch)` as promises
 *   viewer     the 3-D view
 *   transport  `get(path)`, `getJSON(path)`, `post(path, json)`
 *   tools      the element at the right of the panel's title
 *   select(ranks, from)   select these cells everywhere
 *   seek(t_ms)            go to a time (of a replay)
 *   colour(population)    its colour, "#rrggbb"
 * and may return {update(), table(), dispose()}: `update` is called while the panel is on the screen and may return a
 * promise; `table` returns {caption, head: [text], rows: [[text]]} for those who read instead of look.
 */
import { button, element } from "./dom.mjs";
import { mountHistogram } from "./histogram.mjs";
import { mountKymograph } from "./kymograph.mjs";
import { mountRaster } from "./raster.mjs";
import { mountRates } from "./rates.mjs";
import { sayFault } from "./saying.mjs";
import { mountTraces } from "./traces.mjs";

const PERIOD_ms = 330;
const OWN = { raster: mountRaster, rates: mountRates, kymograph: mountKymograph, traces: mountTraces, histogram: mountHistogram };

class HostedPanel {
  constructor(section) {
    this.section = section;
    this.name = section.dataset.panel;
    this.body = section.querySelector(".np-panel-body");
    this.tools = section.querySelector(".np-panel-tools");
    this.onScreen = false;
    this.busy = false;
    this.mounted = null;
    this.table = null;
  }

  get looked() {
    return this.onScreen && !document.hidden && this.section.dataset.folded !== "true" && this.mounted !== null;
  }

  async mount(context) {
    const title = this.section.querySelector("h2").textContent;
    this._fold = button(`Fold ${title}`, () => this.fold(), { icon: "fold", square: true, kind: "np-quiet", "aria-expanded": "true" });
    try {
      const start = OWN[this.name] ?? (await this._foreign());
      this.mounted = (await start?.(this.body, { ...context, tools: this.tools })) ?? {};
    } catch (error) {
      this.fail(error);
    }
    if (this.mounted?.table !== undefined) {
      const show = button(`${title} as a table`, () => this.toggleTable(show), { icon: "table", square: true, kind: "np-quiet", "aria-pressed": "false" });
      this.tools.append(show);
    }
    this.tools.append(this._fold);
  }

  async _foreign() {
    const path = this.section.dataset.module;
    if (!path) return null;
    const module = await import(new URL(path, document.baseURI).href);
    if (typeof module.mount !== "function") throw new Error(`${path} exports no function mount`);
    return module.mount;
  }

  fold() {
    const folded = this.section.dataset.folded !== "true";
    this.section.dataset.folded = String(folded);
    this._fold.setAttribute("aria-expanded", String(!folded));
  }

  toggleTable(show) {
    const shown = this.table === null;
    show.setAttribute("aria-pressed", String(shown));
    if (shown) {
      this.table = element("div", { class: "np-table", tabindex: 0, role: "region", "aria-label": show.title });
      this.body.append(this.table);
      this.fillTable();
    } else {
      this.table.remove();
      this.table = null;
    }
  }

  fillTable() {
    if (this.table === null) return;
    const { caption, head, rows } = this.mounted.table();
    this.table.replaceChildren(element("table", {}, [
      element("caption", {}, [caption]),
      element("thead", {}, [element("tr", {}, head.map((text) => element("th", { scope: "col" }, [text])))]),
      element("tbody", {}, rows.map((row) => element("tr", {}, row.map((text) => element("td", {}, [String(text)]))))),
    ]));
  }

  async update() {
    if (!this.looked || this.busy) return;
    this.busy = true;
    try {
      await this.mounted.update?.();
      this.fillTable();
      this.complain("");
    } catch (error) {
      // A panel without data for a moment is no fault: the banner tells of a lost server.
      this.complain(navigator.onLine === false || error instanceof TypeError ? "" : sayFault(error));
    } finally {
      this.busy = false;
    }
  }

  complain(text) {
    this._note ??= element("p", { class: "np-problem", role: "status" });
    if (!this._note.isConnected) this.body.append(this._note);
    if (this._note.textContent !== text) this._note.textContent = text;
  }

  fail(error) {
    console.warn(`panel ${this.name}:`, error);
    this.mounted = null;
    const text = `This panel cannot be shown: ${error.message}`;
    this.body.replaceChildren(element("p", { class: "np-panel-error", role: "alert" }, [text]));
  }
}

/** All panels of the page. */
export class PanelHost {
  constructor(sections, context) {
    this.panels = sections.map((section) => new HostedPanel(section));
    this._seen = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        const panel = this.panels.find((p) => p.section === target);
        panel.onScreen = isIntersecting;
        if (isIntersecting) panel.update();
      }
    });
    for (const panel of this.panels) {
      panel.mount(context);
      this._seen.observe(panel.section);
    }
    this._timer = setInterval(() => this.update(), PERIOD_ms);
    for (const type of ["window", "selection", "picked", "theme"]) context.state.on(type, () => this.update());
  }

  update() {
    for (const panel of this.panels) panel.update();
  }

  dispose() {
    clearInterval(this._timer);
    this._seen.disconnect();
    for (const panel of this.panels) panel.mounted?.dispose?.();
  }
}
