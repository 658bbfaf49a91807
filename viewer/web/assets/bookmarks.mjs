/** `Bookmarks`: views kept in this browser, to come back to, to export and to import. */
import { button, element, offerFile } from "./dom.mjs";

const MOST = 100;
const MOST_BYTES = 1_000_000;
const KEY = "neurosim-bookmarks";

/** Read bookmarks from text; what is none is left out. Throws when the text is no list. */
export function readBookmarks(text) {
  const read = JSON.parse(text);
  const list = Array.isArray(read) ? read : read?.bookmarks;
  if (!Array.isArray(list)) throw new Error("the file holds no bookmarks");
  return list
    .filter((b) => typeof b?.name === "string" && typeof b.state === "object" && b.state !== null)
    .slice(0, MOST)
    .map((b) => ({ name: b.name.slice(0, 80), state: b.state }));
}

/** A group of the controls. */
export class Bookmarks {
  constructor(page) {
    this.page = page;
    this.marks = [];
  }

  get _key() {
    return `${KEY} ${this.page.state.scene?.title ?? ""}`;
  }

  build(host) {
    try {
      this.marks = readBookmarks(localStorage.getItem(this._key) ?? "[]");
    } catch {
      this.marks = [];
    }
    this.name = element("input", { class: "np-field", type: "text", maxlength: 80, placeholder: "name", id: "np-bookmark-name" });
    this.name.addEventListener("keydown", (event) => event.key === "Enter" && this.add());
    this.list = element("ul", { class: "np-list", "aria-label": "Bookmarks" });
    this.problem = element("p", { class: "np-problem", role: "alert" });
    this.file = element("input", { type: "file", accept: "application/json,.json", hidden: true, onchange: () => this.read() });
    host.append(element("details", { class: "np-group" }, [
      element("summary", {}, ["Bookmarks"]),
      element("div", { class: "np-group-body" }, [
        element("div", {}, [element("label", { class: "np-label", for: this.name.id }, ["This view as"]),
          element("div", { class: "np-row" }, [this.name, button("Keep", () => this.add(), { id: "np-bookmark-add" })])]),
        this.list,
        element("div", { class: "np-row np-wrap" }, [
          button("Export", () => this.write(), { id: "np-bookmark-export" }),
          button("Import", () => this.file.click()),
          this.file,
        ]),
        this.problem,
      ]),
    ]));
    this.show();
  }

  add() {
    const name = this.name.value.trim() || `View ${this.marks.length + 1}`;
    this.marks = [...this.marks.filter((mark) => mark.name !== name), { name, state: this.page.viewState() }].slice(-MOST);
    this.name.value = "";
    this.keep();
    this.page.announce(`Bookmark ${name} is kept.`);
  }

  keep() {
    try {
      localStorage.setItem(this._key, JSON.stringify(this.marks));
    } catch {
      this.problem.textContent = "This browser keeps nothing; export the bookmarks instead.";
    }
    this.show();
  }

  show() {
    this.list.replaceChildren(...this.marks.map((mark) => element("li", {}, [
      button(mark.name, () => this.page.restore(mark.state), { kind: "np-quiet" }),
      button(`Delete bookmark ${mark.name}`, () => {
        this.marks = this.marks.filter((other) => other !== mark);
        this.keep();
      }, { icon: "bin", square: true, kind: "np-quiet" }),
    ])));
  }

  write() {
    offerFile("bookmarks.json", JSON.stringify({ title: this.page.state.scene?.title, bookmarks: this.marks }, null, 2), "application/json");
  }

  async read() {
    const [file] = this.file.files;
    this.problem.textContent = "";
    try {
      if (file.size > MOST_BYTES) throw new Error("the file is too large to be bookmarks");
      const added = readBookmarks(await file.text());
      const names = new Set(added.map((mark) => mark.name));
      this.marks = [...this.marks.filter((mark) => !names.has(mark.name)), ...added].slice(-MOST);
      this.keep();
    } catch (error) {
      this.problem.textContent = `Nothing was imported: ${error.message}`;
    }
    this.file.value = "";
  }
}
