/** `Overlay`: what lies over the view - loading, nothing to show, a fault, a lost server, reduced detail. */
import { button, element, togglePopover } from "./dom.mjs";
import { sayCount, sayNumber } from "./saying.mjs";

const NOTE_ms = 8000;

function sayGB(amount) {
  return `${sayNumber(amount, 2)} GB`;
}

/** Fills `#np-overlay`, `#np-banner` and `#np-notes`. */
export class Overlay {
  constructor(root, page) {
    this.page = page;
    this.cover = root.querySelector("#np-overlay");
    this.banner = root.querySelector("#np-banner");
    this.notes = root.querySelector("#np-notes");
    this.reasons = [];
    this.reduced = element("button", {
      type: "button", class: "np-note", id: "np-reduced", hidden: true, "aria-haspopup": "dialog", "aria-expanded": "false",
      onclick: () => this._showReasons(),
    }, ["Reduced detail"]);
    this.passing = element("p", { class: "np-note", role: "status", hidden: true });
    this.notes.append(this.reduced, this.passing);
  }

  /** The scene is there. */
  clear() {
    this.cover.replaceChildren();
  }

  /** There is a scene, but nothing in it. */
  empty() {
    this.cover.replaceChildren(element("div", { class: "np-card", "data-kind": "empty" }, [
      element("h2", {}, ["Nothing to show"]),
      element("p", {}, ["This scene has no cells with a place. Spikes of cells without a place are counted in the panels."]),
    ]));
  }

  /** The model is too big for this machine: what it needs, what is there, what to do. */
  tooLarge({ title, cells_n, memory_GB, disk_GB, free_GB, steps }) {
    const facts = [
      ["Cells", sayCount(cells_n)],
      ["Memory needed", sayGB(memory_GB)],
      ["Memory free", Number.isFinite(free_GB) ? sayGB(free_GB) : "not known"],
      ["Disk needed", sayGB(disk_GB)],
    ];
    this.cover.replaceChildren(element("div", { class: "np-card", "data-kind": "large" }, [
      element("h2", {}, ["Too big to be shown like this"]),
      element("p", {}, [title]),
      element("dl", { class: "np-facts" }, facts.flatMap(([name, text]) => [element("dt", {}, [name]), element("dd", {}, [text])])),
      element("h3", {}, ["What to do"]),
      element("ol", {}, steps.map((text) => element("li", {}, [text]))),
    ]));
  }

  /** The page cannot go on; `again` tries once more. */
  fault(title, lines, again = null) {
    this.cover.replaceChildren(element("div", { class: "np-card", "data-kind": "error" }, [
      element("h2", {}, [title]),
      ...lines.map((line) => element("p", {}, [line])),
      again === null ? null : button("Try again", again, { kind: "np-primary" }),
    ]));
  }

  /** The server wants the token; what is typed or pasted (a whole address too) opens the page with the view kept. */
  askToken(title, lines, open) {
    const field = element("input", { class: "np-field", type: "password", id: "np-token", autocomplete: "off", spellcheck: "false" });
    const go = () => {
      const given = /[?&]token=([^&#\s]+)/.exec(field.value)?.[1] ?? encodeURIComponent(field.value.trim());
      if (given !== "") open(given);
    };
    field.addEventListener("keydown", (event) => event.key === "Enter" && go());
    this.fault(title, lines);
    this.cover.firstElementChild.append(element("div", { class: "np-token" }, [
      element("label", { class: "np-label", for: "np-token" }, ["Token, or the whole address"]),
      element("div", { class: "np-row" }, [field, button("Open", go, { kind: "np-primary", id: "np-token-go" })]),
    ]));
  }

  /** A line across the page, or none when `text` is empty. */
  warn(text, action = null) {
    const shown = this.banner.firstElementChild?.dataset.text ?? "";
    if (shown === text) return;
    this.banner.replaceChildren(...(text === "" ? [] : [
      element("div", { class: "np-banner", "data-text": text }, [element("p", {}, [text]), action]),
    ]));
  }

  /** A line that passes. */
  note(text) {
    clearTimeout(this._timer);
    this.passing.textContent = text;
    this.passing.hidden = text === "";
    this._timer = setTimeout(() => (this.passing.hidden = true), NOTE_ms);
  }

  /** What is drawn with less than there is, in plain words. */
  reduce(reasons) {
    this.reasons = reasons;
    this.reduced.hidden = reasons.length === 0;
  }

  _showReasons() {
    togglePopover(this.reduced, "Reduced detail", [
      element("strong", {}, ["The picture has less detail than the model"]),
      element("ul", {}, this.reasons.map((text) => element("li", {}, [text]))),
    ]);
  }
}
