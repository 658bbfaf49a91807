/** `PageApp`: the page's parts put together - scene, 3-D view, controls, time, panels, keys, address. */
import { checkedState, linkTo, stateFromHash, stateToHash } from "./address.mjs";
import { Announcer } from "./announcer.mjs";
import { Bookmarks } from "./bookmarks.mjs";
import { categoryColour, colourHex } from "./colours.mjs";
import { Controls, colourModes } from "./page_controls.mjs";
import { Inspector } from "./inspector.mjs";
import { addActions, joinDrawer, joinSkips, listenForPageKeys } from "./page_parts.mjs";
import { Overlay } from "./page_overlay.mjs";
import { PageState } from "./page_state.mjs";
import { PanelHost } from "./panels.mjs";
import { Past } from "./past.mjs";
import { sayCount, sayFault, sayMany, sayTime } from "./saying.mjs";
import { StatusLine } from "./status_line.mjs";
import { TimeBar } from "./time_bar.mjs";
import { Viewer } from "./viewer.mjs";
import { WorldSide } from "./world_side.mjs";

const DEFAULTS = { colour: "spikes", range: [-90, 20], map: "magma", clip: null, tau_ms: 10, velocity_um_per_ms: 300 };
const ADDRESS_ms = 500;
const STORE_ms = 500;
const MOST_STORED = 1000;

/** Everything between the document and the 3-D view. `transport` as in transport.mjs. */
export class PageApp {
  constructor(root, transport) {
    this.root = root;
    this.transport = transport;
    this.state = new PageState();
    this.past = new Past(transport, this.state);
    this.view = root.querySelector("#neurosim-viewer");
    this.announcer = new Announcer(root.querySelector("#np-live"));
    this.overlay = new Overlay(root, this);
    this.bookmarks = new Bookmarks(this);
    this.world = new WorldSide(this);
    this.selectedBy = "";
    this.detail = "auto";
    this.lassoOn = false;
    this._timers = {};
    this.given = stateFromHash(location.hash);
    this.state.timeWasGiven = this.given.t_ms !== undefined;
    this.setTheme(this.given.theme ?? this._rememberedTheme());
    new StatusLine(root.querySelector("#np-status"), this.state);
    this.timeBar = new TimeBar(root.querySelector("#np-transport"), this);
    this.inspector = new Inspector(root.querySelector("#np-inspector"), this);
    this.controls = new Controls(root.querySelector("#np-controls"), this);
    addActions(root.querySelector("#np-actions"), this);
    joinDrawer(root.querySelector("#np-drawer-button"), root.querySelector("#np-controls"));
    joinSkips(root);
  }

  // --- opening -----------------------------------------------------------------------------------------------------

  /** Fetch the scene and show it; says what is wrong when that cannot be. */
  async open() {
    try {
      const scene = await this.transport.getJSON("/api/scene");
      this.show(scene);
    } catch (error) {
      this._cannotOpen(error);
    }
  }

  show(scene) {
    this.viewer ??= this._makeViewer(scene);
    this.overlay.clear();
    if (scene.too_large) this.overlay.tooLarge(scene.too_large);
    else if (scene.n === 0) this.overlay.empty();
    this.key = scene.key;
    this.state.setScene(scene);
    document.title = `${scene.title} – neurosim`;
    this.overlay.reduce(scene.notices ?? []);
    this.panels ??= new PanelHost([...this.root.querySelectorAll("[data-panel]")], this.panelContext());
    this.restore(this.given);
    this.announce(`${scene.title}: ${sayMany(scene.n, "cell")}.`);
  }

  _cannotOpen(error) {
    if (!/answers 40[13]/.test(error.message)) {
      this.overlay.fault("The scene cannot be opened", [sayFault(error)], () => this.open());
      return;
    }
    const before = this.wasOpen === true;
    this.overlay.warn("");
    this.overlay.askToken(before ? "The server was started again" : "This page is closed", [
      before ? "It does not know this page any more. Your view is kept." : "The server wants the token of this run.",
      "The token is in the address that the program printed when it began, after ?token=.",
    ], (token) => {
      const hash = before ? stateToHash(this.viewState()) : location.hash;
      location.assign(`${location.pathname}?token=${token}${hash}`);
    });
  }

  _makeViewer(scene) {
    // Of a replay often few cells' voltages were recorded; spikes are known of all, unless no cell fires.
    const colour = this.given.colour ?? (scene.live || scene.spikes_n === 0 ? null : "spikes");
    const viewer = new Viewer(this.view, this.transport, { theme: this.state.theme, notes: false, banner: false, world: true, colour, scene });
    const on = (type, heard) => viewer.addEventListener(type, (event) => heard(event.detail));
    on("select", (detail) => this._selected(detail));
    on("status", (status) => this._status(status));
    on("time", ({ t_ms }) => this.state.setTime(t_ms));
    on("connection", (detail) => this._connection(detail));
    on("reduced", ({ reasons }) => this.overlay.reduce(reasons));
    on("error", (detail) => this._fault(detail));
    on("acted", (detail) => this.inspector.showActed(detail));
    on("change", () => this._settled());
    this.world.listen(viewer);
    listenForPageKeys(this);
    this._writeLater();
    return viewer;
  }

  /** What panels get; see panels.mjs. */
  panelContext() {
    const { state, past, transport, viewer } = this;
    return {
      state, past, transport, viewer,
      select: (ranks, from) => this.select(ranks, from),
      seek: (t_ms) => this.seek(t_ms),
      colour: (population) => colourHex(categoryColour(Math.max(0, state.populations.indexOf(population)), state.theme)),
    };
  }

  // --- what the view says ----------------------------------------------------------------------------------------------

  _selected({ ranks, place, from }) {
    this.selectedBy = from ?? "view";
    this.state.setSelection(ranks ?? [], this.selectedBy);
    this.controls.showSelection();
    this.announce(`${sayMany(this.state.selection.length, "cell")} selected.`);
    if (place) this.inspector.pick(place);
    const { selection } = this.state;
    const first = Array.from(selection.slice(0, MOST_STORED));
    this._tell("neurosim-selection", { ranks: first, n: selection.length, from: this.selectedBy });
    this._writeLater();
  }

  _status(status) {
    const before = this.state.status?.state;
    this.state.setStatus(status);
    if (before !== undefined && before !== status.state) this.announce(`The run is ${status.state} at ${sayTime(status.t_ms ?? NaN)}.`);
    this._tell("neurosim-status", status);
    this._tell("neurosim-time", { t_ms: Number.isFinite(this.state.t_ms) ? this.state.t_ms : null });
    this._drawn();
  }

  _connection({ state }) {
    this.state.connection = state;
    this.state.say("connection", state);
    if (state === "lost") {
      if (document.querySelector("#np-token") !== null) return;
      this.overlay.warn("The server does not answer; the picture is the last one it sent. Trying again.");
      this.past.forget();
      this._askWhy();
    }
    if (state === "open") this._opened();
  }

  /** A server that answers but wants a token is another one than before. */
  async _askWhy() {
    try {
      await this.transport.getJSON("/api/scene");
    } catch (error) {
      if (/answers 40[13]/.test(error.message) && document.querySelector("#np-token") === null) this._cannotOpen(error);
    }
  }

  /** The stream is open; after it was lost the server may be another one. */
  async _opened() {
    const again = this.wasOpen === true;
    this.wasOpen = true;
    if (again) {
      try {
        const scene = await this.transport.getJSON("/api/scene");
        // Another simulation at the same address: nothing that is held here belongs to it.
        if (scene.key !== this.key) {
          // A voltage may not be known there; everything else of the view is kept.
          const { colour, ...kept } = this.viewState();
          const view = colour === "voltage" ? kept : { ...kept, colour };
          history.replaceState(null, "", `${location.pathname}${stateToHash(view)}`);
          location.reload();
          return;
        }
      } catch (error) {
        this._cannotOpen(error);
        return;
      }
      this.announce("Connected again.");
    }
    this.overlay.warn("");
    if (this.state.scene?.n > 0) this.overlay.clear();
    this.state.say("connected");
  }

  _fault({ message }) {
    this.overlay.note(message);
    this.announce(message);
  }

  _drawn() {
    if (this.viewer === undefined) return;
    const { cells_n, detailed_n, primitives, budget } = this.viewer.stats();
    // The view may choose how it is coloured by itself.
    const { colour } = this.viewer.state();
    if (colour !== this._colour) {
      this._colour = colour;
      this.state.say("settings");
    }
    const cells = `${sayMany(cells_n, "cell")}, ${sayCount(detailed_n)} of them with branches`;
    const pieces = `${sayCount(primitives)} points and pieces, about ${sayCount(budget)} are allowed`;
    this.controls.showDrawn(`Drawn: ${cells}; ${pieces}.`);
  }

  // --- what people do ----------------------------------------------------------------------------------------------------

  /** Select cells everywhere. */
  select(ranks, from) {
    this.selectedBy = from;
    this.viewer.select(Uint32Array.from(ranks), "replace", from);
  }

  seek(t_ms) {
    if (this.state.live || !Number.isFinite(t_ms)) return;
    const { start_ms, stop_ms } = this.state.known;
    const to = Math.min(stop_ms, Math.max(start_ms, t_ms));
    this.viewer.seek(to);
    this.state.setTime(to);
    this._writeLater();
  }

  /** Change part of the picture. */
  apply(part) {
    const { detail: _, ...known } = part;
    this.viewer.restore(Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined)));
    this.state.say("settings");
    this._writeLater();
  }

  /** What the picture is coloured by and cut at. */
  settings() {
    const state = this.viewer?.state?.() ?? {};
    const known = Object.fromEntries(Object.entries(state).filter(([, value]) => value !== undefined && value !== null));
    return { ...DEFAULTS, ...known, detail: this.detail };
  }

  /** The view as it goes into an address, a bookmark, a still, a movie. */
  viewState() {
    const t_ms = this.timeBar.playing || this.state.live ? undefined : this.state.t_ms;
    const selection = Array.from(this.state.selection.slice(0, MOST_STORED));
    const chosen = selection.length > 0 ? selection : undefined;
    return checkedState({ ...this.viewer.state(), selection: chosen, t_ms, show: this.world.shown, theme: this.state.theme });
  }

  /** Show a view that was kept. */
  restore(given) {
    const state = checkedState(given);
    const { t_ms, theme, selection, show, ...picture } = state;
    if (show !== undefined) this.world.arrange(show);
    if (Object.keys(picture).length > 0) this.viewer.restore(picture);
    if (theme !== undefined) this.setTheme(theme);
    if (selection !== undefined) this.select(selection.filter((rank) => rank < (this.state.scene?.n ?? 0)), "address");
    if (t_ms !== undefined) this.seek(t_ms);
    this.state.say("settings");
  }

  fit() {
    if (this.world.focused) {
      this.world.view.fit();
      return;
    }
    this.viewer.fit();
    this._writeLater();
  }

  zoomTo(ranks) {
    this.viewer.zoomTo(Uint32Array.from(ranks));
    this._writeLater();
  }

  zoomToSelection() {
    if (this.state.selection.length > 0) this.zoomTo(this.state.selection);
  }

  setDetail(detail) {
    this.detail = detail === "auto" ? "auto" : Number(detail);
    this.viewer.setDetail(this.detail);
    this.state.say("settings");
  }

  toggleLasso(on = !this.lassoOn) {
    this.lassoOn = on;
    this.viewer.lasso(on);
    this.state.say("settings");
    if (on) this.announce("Lasso: draw around cells. Escape ends it.");
  }

  setTheme(theme) {
    document.documentElement.dataset.theme = theme;
    this.state.setTheme(theme);
    this.viewer?.restore({ theme });
  }

  toggleTheme() {
    const theme = this.state.theme === "dark" ? "light" : "dark";
    this.setTheme(theme);
    try {
      localStorage.setItem("neurosim-theme", theme);
    } catch {
      // A browser that keeps nothing still shows the theme.
    }
    this._writeLater();
  }

  _rememberedTheme() {
    const wished = matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark";
    try {
      return localStorage.getItem("neurosim-theme") ?? wished;
    } catch {
      return wished;
    }
  }

  colourByNumber(number) {
    const mode = colourModes(this.state.scene)[number - 1];
    if (mode === undefined) return;
    this.controls.chooseMode(mode[0]);
    this.announce(`Coloured by ${mode[1]}.`);
  }

  announce(text) {
    this.announcer.say(text);
  }

  note(text) {
    this.overlay.note(text);
  }

  async copyLink() {
    this._write();
    const link = linkTo(this.viewState());
    try {
      await navigator.clipboard.writeText(link);
      this.note("The link to this view is copied. Whoever opens it needs the token of this run.");
    } catch {
      this.note("The browser keeps its clipboard closed; copy the address of the page instead.");
    }
  }

  // --- address and stores ------------------------------------------------------------------------------------------------

  _settled() {
    this.state.say("settings");
    this._writeLater();
  }

  _writeLater() {
    clearTimeout(this._timers.address);
    this._timers.address = setTimeout(() => this._write(), ADDRESS_ms);
  }

  _write() {
    history.replaceState(null, "", `${location.pathname}${stateToHash(this.viewState())}`);
  }

  /** Hand something to the panels in Python, not more often than twice a second. */
  _tell(store, data) {
    this._told ??= {};
    this._told[store] = data;
    if (this._timers[store] !== undefined) return;
    this._timers[store] = setTimeout(() => {
      this._timers[store] = undefined;
      globalThis.dash_clientside?.set_props?.(store, { data: this._told[store] });
    }, STORE_ms);
  }

  /** What a panel in Python wishes: {ranks} to select, {t_ms} to go to. */
  wish(data) {
    if (Array.isArray(data?.ranks)) {
      const n = this.state.scene?.n ?? 0;
      this.select(data.ranks.filter((rank) => Number.isInteger(rank) && rank >= 0 && rank < n), "panel");
    }
    if (Number.isFinite(data?.t_ms)) this.seek(data.t_ms);
  }
}
