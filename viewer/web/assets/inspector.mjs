/** `Inspector`: the picked cell - who it is, where, its voltage now; and what can be done to it in a live run. */
import { button, element } from "./dom.mjs";
import { nameOf } from "./gl_describe.mjs";
import { sayFault, sayMany, sayNumber } from "./saying.mjs";

const MOST_nA = 1000;
/** Facts that are shown at once; of more, those that tell most. */
const FACTS_SHOWN = 4;
const TELLING = ["layer", "type", "shape", "ei", "cell_type", "model_type", "morphology"];

function facts(pairs) {
  return element("dl", { class: "np-facts" }, pairs.flatMap(([name, text]) => [element("dt", {}, [name]), element("dd", {}, [text])]));
}

/** Name of a compartment: what the server calls it, else soma or its number. */
export function compartmentName(cell, node) {
  return cell.compartments?.[node] ?? (node === 0 ? "soma" : `node ${node}`);
}

/** Fills `host`. */
export class Inspector {
  constructor(host, page) {
    Object.assign(this, { host, page, state: page.state });
    this.cell = null;
    this.place = null;
    this.state.on("scene", () => this.build());
    this.state.on("time", () => this.showVoltage());
    this.state.on("voltage", () => this.showVoltage());
    this.state.on("picked", (picked) => picked.length === 0 && this.cell !== null && this.show(null));
    this._asked = 0;
  }

  build() {
    this.title = element("h2", {}, ["Cell"]);
    this.body = element("div", { class: "np-panel-body" });
    this.host.replaceChildren(element("div", { class: "np-panel-head" }, [this.title]), this.body);
    this.show(null);
  }

  /** Look at a compartment: {rank, node}. */
  async pick({ rank, node = 0 }) {
    this._asked += 1;
    const asked = this._asked;
    try {
      const cell = await this.page.transport.getJSON(`/api/cell/${rank}`);
      if (asked !== this._asked) return;
      const label = compartmentName(cell, node);
      this.place = this.state.pick({ rank, node, label, population: cell.population, gid: cell.gid });
      this.show(cell);
      this.page.announce(`Cell ${cell.gid} of ${cell.population}, ${label}.`);
    } catch (error) {
      this.body.replaceChildren(element("p", { class: "np-problem", role: "alert" }, [`The cell cannot be read: ${sayFault(error)}`]));
    }
  }

  show(cell) {
    this.cell = cell;
    if (cell === null) {
      this.place = null;
      this.title.textContent = "Cell";
      const text = this.state.scene?.n === 0 ? "This scene has no cells." : "Click a cell to see who it is.";
      this.body.replaceChildren(element("p", { class: "np-muted" }, [text]));
      return;
    }
    const name = nameOf(cell);
    this.title.textContent = name ?? `Cell ${cell.gid}`;
    this.voltage = element("span", { class: "np-big" }, ["–"]);
    const { label } = this.place;
    const known = Object.entries(cell.facts ?? {}).filter(([fact, value]) => fact !== "population" && value !== name);
    const first = known.length <= FACTS_SHOWN ? known : known.filter(([name]) => TELLING.includes(name)).slice(0, FACTS_SHOWN);
    const others = known.filter((fact) => !first.includes(fact));
    const rows = [
      ["population", cell.population],
      ...first,
      ["place", `${cell.position_um.map((v) => v.toFixed(1)).join(", ")} µm`],
      ["compartment", `${label} (of ${sayMany(cell.nodes_n, "compartment")})`],
    ];
    this.body.replaceChildren(
      element("div", { class: "np-row" }, [this.voltage, element("span", { class: "np-muted" }, ["mV now"])]),
      facts(rows),
      others.length === 0 ? "" : element("details", { class: "np-more" }, [element("summary", {}, [`${others.length} more facts`]), facts(others)]),
      element("div", { class: "np-row np-wrap" }, [
        button("Zoom to", () => this.page.zoomTo([cell.rank]), { icon: "zoom", kind: "np-quiet" }),
        button("Select", () => this.page.select([cell.rank], "inspector"), { kind: "np-quiet" }),
      ]),
      ...(this.state.live ? [this._acts(cell)] : []),
    );
    this.showVoltage();
  }

  _acts(cell) {
    const current = element("input", { type: "number", class: "np-field", value: "0.2", step: "any", min: -MOST_nA, max: MOST_nA, id: "np-current" });
    const act = (kind, amplitude_nA = 0) => {
      const { rank, node } = this.place;
      this.page.transport.send({ type: "act", kind, rank, node, amplitude_nA });
    };
    const inject = () => {
      const given = Number(current.value);
      const good = current.value.trim() !== "" && current.checkValidity() && Number.isFinite(given);
      current.setAttribute("aria-invalid", String(!good));
      if (good) act("inject", given);
    };
    this.acted = element("p", { class: "np-small", role: "status" });
    return element("div", { class: "np-act", role: "group", "aria-label": `Act on cell ${cell.gid}` }, [
      element("div", {}, [
        element("label", { class: "np-label", for: "np-current" }, [`Current into ${this.place.label} (nA)`]),
        element("div", { class: "np-row" }, [current, button("Inject", inject, { id: "np-inject" }), button("End", () => act("inject", 0))]),
      ]),
      element("div", { class: "np-row np-wrap" }, [
        button("Silence the cell", () => act("silence"), { id: "np-silence" }),
        button("Release", () => act("release"), { id: "np-release" }),
        ...this._offered(act),
      ]),
      this.acted,
    ]);
  }

  /** Buttons for what only this run can do to a cell; pressed once they ask, as there may be no way back. */
  _offered(act) {
    const offers = Object.entries(this.state.status?.offers ?? {}).filter(([, names]) => names.length === 0);
    return offers.map(([kind]) => {
      const text = `${kind[0].toUpperCase()}${kind.slice(1)}`;
      const made = button(text, () => {
        if (made.dataset.sure === "true") act(kind);
        const sure = made.dataset.sure !== "true";
        made.dataset.sure = String(sure);
        made.textContent = sure ? `${text} for good?` : text;
      }, { id: `np-act-${kind}` });
      return made;
    });
  }

  /** What the run did: {kind, rank, node, amplitude_nA, t_ms}. */
  showActed({ kind, rank, amplitude_nA, t_ms, name }) {
    const what = { inject: `${sayNumber(amplitude_nA)} nA flow`, silence: "silenced", release: "released" }[kind] ?? `${kind} ${name ?? ""}`.trim();
    const when = Number.isFinite(t_ms) ? ` from ${t_ms.toFixed(2)} ms on` : "";
    const text = `${what}${when}. This is logged with the results.`;
    if (this.acted !== undefined && rank === this.cell?.rank) this.acted.textContent = text;
    if (rank < 0) {
      this.page.note(`${what[0].toUpperCase()}${what.slice(1)}${when}.`);
      return;
    }
    this.page.announce(`Cell ${this.cell?.rank === rank ? this.cell.gid : rank}: ${text}`);
  }

  showVoltage() {
    if (this.cell === null || this.place === null) return;
    const value = this.state.voltageOf?.(this.place, this.state.t_ms) ?? NaN;
    const text = Number.isFinite(value) ? value.toFixed(1) : "–";
    if (this.voltage.textContent !== text) this.voltage.textContent = text;
  }
}
