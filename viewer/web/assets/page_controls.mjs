/** `Controls`: what the column at the left holds - colours, selection, clip plane, detail. */
import { MAP_NAMES } from "./colours.mjs";
import { button, chooser, element, labelled, tick } from "./dom.mjs";
import { QueryError, cellsOf, parseQuery } from "./query.mjs";
import { sayCount, sayFault, sayMany } from "./saying.mjs";

const MODES = [
  ["spikes", "Spikes"], ["voltage", "Voltage"], ["population", "Population"], ["layer", "Layer"], ["rate", "Mean rate"],
];
const SCALES = {
  voltage: { unit: "mV", range: [-90, 20] },
  rate: { unit: "Hz", range: [0, 50] },
};
const LEVELS = [
  ["auto", "by distance and budget"], ["0", "in full"], ["1", "to within 25 µm"], ["2", "to within 60 µm"],
  ["3", "to within 150 µm"], ["4", "not at all: somata only"],
];
const CLIP_STEPS = 500;

/** Colour modes that a scene offers: [[mode, text]]; the first six have the keys 1 to 6. */
export function colourModes(scene) {
  const facts = new Set((scene?.kinds ?? []).flatMap((kind) => Object.keys(kind.facts ?? {})));
  const others = [...facts].filter((name) => !["population", "layer"].includes(name)).sort();
  const plain = MODES.filter(([mode]) => mode !== "layer" || facts.has("layer"));
  return [...plain, ...others.map((name) => [`fact:${name}`, name[0].toUpperCase() + name.slice(1)])];
}

function group(title, children, open = true) {
  const body = element("div", { class: "np-group-body" }, children);
  return element("details", { class: "np-group", open }, [element("summary", {}, [title]), body]);
}

/** A field for a number; `onvalue` hears only numbers that can be used. */
function numberField(value, onvalue, attributes = {}) {
  const field = element("input", { type: "number", class: "np-field", value: String(value), ...attributes });
  field.addEventListener("change", () => {
    const given = Number(field.value);
    const good = field.value.trim() !== "" && Number.isFinite(given) && field.checkValidity();
    field.setAttribute("aria-invalid", String(!good));
    if (good) onvalue(given);
  });
  return field;
}

/** Fills `host`; what is done goes through `page`. */
export class Controls {
  constructor(host, page) {
    Object.assign(this, { host, page, state: page.state });
    this.state.on("scene", () => this.build());
    this.state.on("settings", () => this.show());
    this.state.on("selection", () => this.showSelection());
  }

  build() {
    this.host.replaceChildren(
      element("h2", { class: "np-sr" }, ["Controls"]),
      group("Colour", this._colour()),
      group("Selection", this._selection()),
      group("View", this._view()),
      group("Clip plane", this._clip(), false),
    );
    this.page.bookmarks.build(this.host);
    this.show();
    this.showSelection();
  }

  _colour() {
    const apply = (part) => this.page.apply(part);
    this.mode = chooser(colourModes(this.state.scene), "spikes", (colour) => this.chooseMode(colour), { id: "np-colour" });
    this.map = chooser(MAP_NAMES.map((name) => [name, name]), "magma", (map) => apply({ map }), { id: "np-map" });
    this.low = numberField(-90, () => this._range(), { "aria-label": "Lower end", step: "any", id: "np-range-low" });
    this.high = numberField(20, () => this._range(), { "aria-label": "Upper end", step: "any", id: "np-range-high" });
    this.unit = element("span", { class: "np-muted" }, ["mV"]);
    this.scaled = element("div", { class: "np-part" }, [
      labelled("Colour map", this.map),
      element("div", { role: "group", "aria-label": "Range" }, [
        element("span", { class: "np-label" }, ["Range"]),
        element("div", { class: "np-row" }, [this.low, element("span", {}, ["to"]), this.high, this.unit]),
      ]),
    ]);
    this.tau = numberField(10, (tau_ms) => apply({ tau_ms }), { min: 0.1, max: 10000, step: "any" });
    this.velocity = numberField(300, (velocity_um_per_ms) => apply({ velocity_um_per_ms }), { min: 1, max: 1e6, step: "any" });
    this.wave = element("div", { class: "np-part" }, [
      labelled("Glow fades in (ms)", this.tau),
      labelled("Wave runs at (µm per ms)", this.velocity),
      element("p", { class: "np-small" }, ["The wave along branches is a drawing aid at one speed. Voltage is what was computed."]),
    ]);
    return [labelled("Colour by", this.mode), this.scaled, this.wave];
  }

  /** Colour by something, over its usual range. */
  chooseMode(colour) {
    this.page.apply({ colour, range: SCALES[colour]?.range });
  }

  _range() {
    const [low, high] = [Number(this.low.value), Number(this.high.value)];
    const good = high > low;
    this.high.setAttribute("aria-invalid", String(!good));
    if (good) this.page.apply({ range: [low, high] });
  }

  _selection() {
    const { scene } = this.state;
    this.count = element("p", { class: "np-num", id: "np-selected" });
    const sets = [["", scene.node_sets.length > 0 ? "choose a node set" : "there are none"], ...scene.node_sets.map((name) => [name, name])];
    this.sets = chooser(sets, "", (name) => name !== "" && this.selectSet(name), { id: "np-node-set" });
    this.sets.disabled = scene.node_sets.length === 0;
    this.text = element("input", {
      class: "np-field", id: "np-query", type: "text", spellcheck: "false", autocomplete: "off", placeholder: this._example(),
      "aria-describedby": "np-query-problem",
    });
    this.text.addEventListener("keydown", (event) => event.key === "Enter" && this.selectQuery());
    this.problem = element("p", { class: "np-problem", id: "np-query-problem", role: "alert" });
    this.lasso = button("Lasso", () => this.page.toggleLasso(), { icon: "lasso", "aria-pressed": "false", id: "np-lasso" });
    this.zoom = button("Zoom to", () => this.page.zoomToSelection(), { id: "np-zoom" });
    this.clear = button("Clear", () => this.page.select([], "clear"), { id: "np-clear" });
    return [
      this.count,
      labelled("Node set", this.sets),
      element("div", {}, [
        element("label", { class: "np-label", for: "np-query" }, ["Query"]),
        element("div", { class: "np-row" }, [this.text, button("Select", () => this.selectQuery(), { id: "np-query-go" })]),
        this.problem,
      ]),
      element("div", { class: "np-row np-three" }, [this.lasso, this.zoom, this.clear]),
    ];
  }

  _example() {
    const kind = this.state.scene.kinds[0];
    if (kind === undefined) return "population = E";
    const [fact] = Object.entries(kind.facts ?? {}).filter(([name]) => name !== "population");
    const quoted = (text) => (/^[\w.-]+$/.test(text) ? text : `"${text}"`);
    const first = `population = ${quoted(kind.population)}`;
    return fact === undefined ? first : `${first} and ${fact[0]} = ${quoted(fact[1])}`;
  }

  _clip() {
    const set = () => this._applyClip();
    this.axis = chooser([["", "off"], ["x", "across x"], ["y", "across y"], ["z", "across z"]], "", set, { id: "np-clip" });
    this.at = element("input", {
      type: "range", min: 0, max: CLIP_STEPS, value: String(CLIP_STEPS / 2), "aria-label": "Place of the clip plane",
      oninput: set, id: "np-clip-at",
    });
    this.where = element("output", { class: "np-num np-muted" });
    this.flip = tick("keep the other side", false, set);
    this.clipped = element("div", { class: "np-part" }, [this.at, element("div", { class: "np-row np-apart" }, [this.flip, this.where])]);
    return [labelled("Plane", this.axis), this.clipped];
  }

  _applyClip() {
    const axis = this.axis.value;
    if (axis === "") {
      this.page.apply({ clip: null });
      return;
    }
    const [low, high] = this._extent(axis);
    const at = low + (Number(this.at.value) / CLIP_STEPS) * (high - low);
    this.page.apply({ clip: { axis, at, flip: this.flip.firstChild.checked } });
  }

  _extent(axis) {
    const [low, high] = this.state.scene.box_um;
    const k = "xyz".indexOf(axis);
    return [low[k], high[k]];
  }

  _view() {
    this.detail = chooser(LEVELS, "auto", (detail) => this.page.setDetail(detail), { id: "np-detail" });
    this.drawn = element("p", { class: "np-small", id: "np-drawn" });
    this.moves = chooser([["orbit", "orbit"], ["fly", "fly: W A S D, Q E"]], "orbit", (mode) => {
      this.page.viewer.setMode(mode);
      this.page.view.focus();
    }, { id: "np-moves" });
    return [
      element("div", { class: "np-row np-wrap" }, [button("Fit", () => this.page.fit(), { icon: "fit", id: "np-fit" })]),
      labelled("Camera", this.moves),
      labelled("Branches are drawn", this.detail),
      this.drawn,
    ];
  }

  /** Say what is in the picture: part of it may be left out, which is not to be a secret. */
  showDrawn(text) {
    if (this.drawn !== undefined && this.drawn.textContent !== text) this.drawn.textContent = text;
  }

  /** Set all controls to what the picture is. */
  show() {
    if (this.mode === undefined) return;
    const settings = this.page.settings();
    this.mode.value = settings.colour;
    this.map.value = settings.map;
    if (!this.low.matches(":focus")) this.low.value = String(settings.range[0]);
    if (!this.high.matches(":focus")) this.high.value = String(settings.range[1]);
    this.tau.value = String(settings.tau_ms);
    this.velocity.value = String(settings.velocity_um_per_ms);
    this.unit.textContent = SCALES[settings.colour]?.unit ?? "";
    this.scaled.hidden = SCALES[settings.colour] === undefined;
    this.wave.hidden = settings.colour !== "spikes";
    this.axis.value = settings.clip?.axis ?? "";
    this.clipped.hidden = settings.clip === null;
    if (settings.clip !== null) {
      const [low, high] = this._extent(settings.clip.axis);
      this.at.value = String(Math.round(((settings.clip.at - low) / Math.max(1e-9, high - low)) * CLIP_STEPS));
      this.flip.firstChild.checked = settings.clip.flip === true;
      this.where.textContent = `${settings.clip.at.toFixed(0)} µm`;
    }
    this.detail.value = String(settings.detail ?? "auto");
    this.lasso.setAttribute("aria-pressed", String(this.page.lassoOn));
  }

  showSelection() {
    if (this.count === undefined) return;
    const { selection, scene } = this.state;
    const all = sayMany(scene?.n ?? 0, "cell");
    this.count.textContent = selection.length === 0 ? `${all}, none selected` : `${sayCount(selection.length)} of ${all} selected`;
    this.clear.disabled = this.zoom.disabled = selection.length === 0;
    if (this.page.selectedBy !== "node set") this.sets.value = "";
  }

  async selectSet(name) {
    await this._found(async () => new Uint32Array(await this.page.transport.get(`/api/members/${encodeURIComponent(name)}`)), "node set");
  }

  async selectQuery() {
    await this._found(async () => {
      const tree = parseQuery(this.text.value);
      const ask = async (fact) => new Uint32Array(await this.page.transport.post("/api/select", fact));
      return cellsOf(tree, ask, this.state.scene.n);
    }, "query");
  }

  async _found(find, from) {
    this.problem.textContent = "";
    this.text.removeAttribute("aria-invalid");
    try {
      const ranks = await find();
      this.page.select(ranks, from);
      if (ranks.length === 0) this.problem.textContent = "No cell is like this.";
    } catch (error) {
      if (from === "query") this.text.setAttribute("aria-invalid", "true");
      if (error instanceof QueryError) this.text.setSelectionRange(error.at, this.text.value.length);
      this.problem.textContent = sayFault(error);
    }
  }
}
