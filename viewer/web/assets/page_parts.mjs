/** Parts of the page that only pass on what is done: the buttons at the top, the drawer, the skip links, the keys. */
import { button, icon } from "./dom.mjs";
import { openMovieDialog, saveScreenshot } from "./exports.mjs";
import { listenForKeys, showKeys } from "./keys.mjs";

/** Buttons at the right of the header. */
export function addActions(host, page) {
  const quiet = { square: true, kind: "np-quiet" };
  const ready = (action) => () => page.viewer !== undefined && action();
  host.append(
    button("Save a picture (S)", ready(() => saveScreenshot(page)), { icon: "camera", id: "np-shot", ...quiet }),
    button("Make a movie", ready(() => openMovieDialog(page)), { icon: "film", id: "np-movie-button", ...quiet }),
    button("Copy a link to this view", ready(() => page.copyLink()), { icon: "link", id: "np-link", ...quiet }),
    button("Dark or light (T)", () => page.toggleTheme(), { icon: "theme", id: "np-theme", ...quiet }),
    button("Keys (?)", () => showKeys(), { icon: "help", id: "np-help", ...quiet }),
  );
}

/** The controls where there is no room for a column: opened by a button, closed by Escape or a click elsewhere. */
export function joinDrawer(opener, drawer) {
  opener.prepend(icon("menu"));
  const set = (open) => {
    drawer.dataset.open = String(open);
    opener.setAttribute("aria-expanded", String(open));
    if (open) drawer.querySelector("summary, select, button")?.focus();
  };
  opener.addEventListener("click", () => set(drawer.dataset.open !== "true"));
  addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || drawer.dataset.open !== "true") return;
    set(false);
    opener.focus();
  });
  addEventListener("pointerdown", (event) => {
    if (drawer.dataset.open === "true" && !drawer.contains(event.target) && !opener.contains(event.target)) set(false);
  });
}

/** Skip links move the focus and leave the address, which belongs to the view. */
export function joinSkips(root) {
  for (const link of root.querySelectorAll(".np-skip")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      root.querySelector(link.getAttribute("href")).focus();
    });
  }
}

/** Keys of the page; those that turn the view are the view's own. */
export function listenForPageKeys(page) {
  listenForKeys(page.view, {
    " ": () => page.timeBar.toggle(),
    "[": () => page.timeBar.step(-1),
    "]": () => page.timeBar.step(1),
    f: () => page.fit(),
    z: () => page.zoomToSelection(),
    l: () => page.toggleLasso(),
    t: () => page.toggleTheme(),
    b: () => page.world.cycle(),
    h: () => page.world.toggleFollow(),
    s: () => saveScreenshot(page),
    "?": () => showKeys(),
    Escape: () => (page.lassoOn ? page.toggleLasso(false) : page.select([], "key")),
    digit: (key) => page.colourByNumber(Number(key)),
  });
}
