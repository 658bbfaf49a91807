/**
 * `WorldSide`: the part of the page for what surrounds the cells. Nothing of it is there until a world comes; then the
 * view of the bodies stands beside the cells, with its buttons, and what can be done to the body (touch).
 */
import { button, chooser, element } from "./dom.mjs";
import { WorldData } from "./world_data.mjs";
import { WorldView } from "./world_view.mjs";
import { FRAME_KIND } from "./wire.mjs";

/** What is shown: [name, text]. */
export const ARRANGEMENTS = [["both", "body and cells"], ["body", "body"], ["cells", "cells"]];
/** Up to so many names of an act there is a button for each. */
const FEW_NAMES = 3;
const HINT = "3-D view of the body. Arrow keys turn, plus and minus zoom, H follows it, F shows the body, B changes what is shown.";

/** Listens to the page's viewer. */
export class WorldSide {
  constructor(page) {
    this.page = page;
    this.data = new WorldData(page.transport);
    this.view = null;
    this.arrangement = "both";
    this.data.addEventListener("described", () => this._described());
    this.data.addEventListener("moved", () => this._moved());
    page.state.on("theme", (theme) => this.view?.setTheme(theme));
    page.state.on("status", ({ offers }) => this._offer(offers ?? {}));
  }

  /** Hear what comes through a viewer. */
  listen(viewer) {
    viewer.addEventListener("message", ({ detail }) => detail.type === "world" && this.data.describe(detail));
    viewer.addEventListener("frame", ({ detail }) => detail.kind === FRAME_KIND.WORLD && this.data.frame(detail));
    viewer.addEventListener("connection", ({ detail }) => detail.state === "open" && this.data.again());
  }

  _described() {
    this.page.state.setWorld(this.data);
    if (this.data.said.bodies.length > 0) this._build();
    if (this.view === null) return;
    this.medium.textContent = this.data.said.medium === "" ? "" : `in ${this.data.said.medium}`;
    const names = this.data.said.fields.map((field) => field.name);
    if (names.join("\n") === this._fieldNames) return;
    this._fieldNames = names.join("\n");
    this.fields.replaceChildren(...names.map((name) => element("option", { value: name }, [name])));
    this.fields.hidden = names.length < 2;
    this.fields.value = this.view.field?.name ?? "";
  }

  _build() {
    if (this.view !== null) return;
    const { page } = this;
    const host = element("div", {
      id: "np-world-view", class: "np-keys-here", role: "application", tabindex: 0, "aria-label": HINT, "aria-roledescription": "3-D view",
    });
    this.medium = element("span", { class: "np-world-medium" });
    this.follow = button("Follow the body (H)", () => this.toggleFollow(), { icon: "follow", square: true, kind: "np-quiet", "aria-pressed": "true", id: "np-follow" });
    this.offered = element("div", { class: "np-world-acts", role: "group", "aria-label": "Act on the body" });
    const fit = button("Show the body (F)", () => this.view.fit(), { icon: "fit", square: true, kind: "np-quiet", id: "np-world-fit" });
    this.fields = chooser([], "", (name) => this.view.showField(name), { "aria-label": "Field on the ground", id: "np-world-field" });
    const tools = element("div", { class: "np-world-tools", role: "toolbar", "aria-label": "Body" }, [this.medium, this.follow, fit, this.fields, this.offered]);
    page.view.parentElement.prepend(element("div", { id: "np-world" }, [host, tools]));
    page.root.querySelector("#np-actions").prepend(
      button("Body, cells or both (B)", () => this.cycle(), { icon: "split", square: true, kind: "np-quiet", id: "np-arrange" }),
    );
    this.view = new WorldView(host, this.data, page.state.theme);
    const alone = page.state.scene?.n === 0;
    if (alone) page.overlay.clear();
    this.arrange(alone ? "body" : this.arrangement);
    this._offer(page.state.status?.offers ?? {});
    page.announce("The body is shown beside the cells.");
  }

  _moved() {
    this.page.state.say("scalars");
  }

  /** What is shown, for an address; undefined without a body. */
  get shown() {
    return this.view === null ? undefined : this.arrangement;
  }

  /** Show "both", "body" or "cells", now or when a body comes. */
  arrange(name) {
    this.arrangement = ARRANGEMENTS.some(([known]) => known === name) ? name : "both";
    if (this.view === null) return;
    this.page.view.closest(".np-app").dataset.world = this.arrangement;
    this.page.state.say("settings");
  }

  cycle() {
    if (this.view === null) return;
    const at = ARRANGEMENTS.findIndex(([name]) => name === this.arrangement);
    const [name, text] = ARRANGEMENTS[(at + 1) % ARRANGEMENTS.length];
    this.arrange(name);
    this.page.apply({});
    this.page.announce(`Shown: ${text}.`);
  }

  toggleFollow(on = !this.view?.follows) {
    if (this.view === null) return;
    this.view.setFollows(on);
    this.follow.setAttribute("aria-pressed", String(on));
    this.page.announce(on ? "The camera follows the body." : "The camera stands still.");
  }

  /** Buttons for the acts that have names: {kind: [name]}; of many names one is chosen first. */
  _offer(offers) {
    const text = JSON.stringify(offers);
    if (this.view === null || text === this._offeredText) return;
    this._offeredText = text;
    this.offered.replaceChildren(...Object.entries(offers).flatMap(([kind, names]) => this._acts(kind, names)));
  }

  _acts(kind, names) {
    const verb = `${kind[0].toUpperCase()}${kind.slice(1)}`;
    const send = (name) => this.page.transport.send({ type: "act", kind, name });
    if (names.length <= FEW_NAMES) return names.map((name) => button(`${verb} ${name}`, () => send(name)));
    const which = chooser(names.map((name) => [name, name]), names[0], () => {}, { "aria-label": `Where to ${kind}` });
    return [button(verb, () => send(which.value), { id: `np-act-${kind}` }), which];
  }

  /** True when the view of the body has the focus. */
  get focused() {
    return this.view !== null && this.view.element.contains(document.activeElement);
  }
}
