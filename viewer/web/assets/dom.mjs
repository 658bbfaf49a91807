/** Elements, icons and dialogs of the page. Text is always set as text, never as markup. */

const ICONS = {
  menu: "M3 4.5h10M3 8h10M3 11.5h10",
  play: "M5 3.5v9l7.5-4.5z",
  pause: "M5 3.5v9M11 3.5v9",
  camera: "M2.5 5.5h2.6l1-1.6h3.8l1 1.6h2.6v7.2h-11zM8 7a2.1 2.1 0 1 0 .01 0z",
  film: "M2.5 3.5h11v9h-11zM5.2 3.5v9M10.8 3.5v9M2.5 6.5h2.7M2.5 9.5h2.7M10.8 6.5h2.7M10.8 9.5h2.7",
  link:
    "M6.7 9.3l2.6-2.6M7.2 4.9l1.4-1.4a2.7 2.7 0 0 1 3.9 3.9l-1.4 1.4M8.8 11.1l-1.4 1.4a2.7 2.7 0 0 1-3.9-3.9l1.4-1.4",
  theme: "M8 2.8a5.2 5.2 0 1 0 0 10.4zM8 2.8a5.2 5.2 0 0 1 0 10.4",
  help: "M6 6.2a2 2 0 1 1 2.9 1.8c-.6.3-.9.7-.9 1.4M8 11.7v.1",
  close: "M4 4l8 8M12 4l-8 8",
  table: "M2.5 3.5h11v9h-11zM2.5 6.5h11M2.5 9.5h11M6.5 3.5v9",
  fold: "M4 6l4 4 4-4",
  loop: "M3.5 7.5a3 3 0 0 1 3-3h6M10.5 2.5l2 2-2 2M12.5 8.5a3 3 0 0 1-3 3h-6M5.5 13.5l-2-2 2-2",
  fit: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
  lasso:
    "M8 3c3.3 0 5.5 1.4 5.5 3.4S11.3 9.8 8 9.8 2.5 8.4 2.5 6.4 4.7 3 8 3zM4.6 9c-1.2 1.2-.400 2.4.700 2.3 1.2-.1.9-1.5-.2-1.3M5.3 11.3c.4.7.3 1.4-.3 2",
  follow: "M8 5a3 3 0 1 0 .01 0zM8 1.5v3M8 11.5v3M1.5 8h3M11.5 8h3",
  split: "M2.5 3.5h11v9h-11zM8 3.5v9M4 8h2M10 6.5l1.500 1.500-1.500 1.500",
  bin: "M3.5 5h9M6.5 5V3.5h3V5M4.7 5l.6 8h5.4l.6-8",
  zoom: "M7 3a4 4 0 1 0 .01 0zM10 10l3.5 3.5",
};

/**
 * Make an element: `element("button", { class: "np-button", onclick: f }, ["Fit"])`.
 * A property that begins with "on" is a listener; one that is null, undefined or false is left out.
 */
export function element(tag, attributes = {}, children = []) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "value") made.value = value;
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...[children].flat().filter((child) => child !== null && child !== undefined));
  return made;
}

/** Make one of the page's icons; it is decoration, so give the button a name. */
export function icon(name) {
  const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  picture.setAttribute("viewBox", "0 0 16 16");
  picture.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  picture.append(path);
  return picture;
}

/** Make a button. `square` ones show only the icon and have their text as name and hint. */
export function button(text, onclick, { icon: drawn = null, kind = "", square = false, ...rest } = {}) {
  const known = square ? { "aria-label": text, title: text } : {};
  const shape = `np-button ${square ? "np-square " : ""}${kind}`.trim();
  const children = [drawn === null ? null : icon(drawn), square ? null : text];
  return element("button", { type: "button", class: shape, onclick, ...known, ...rest }, children);
}

let fields = 0;

/** Put a label over a control and tie them together. */
export function labelled(text, control) {
  fields += 1;
  control.id ||= `np-field-${fields}`;
  return element("div", {}, [element("label", { class: "np-label", for: control.id }, [text]), control]);
}

/** Make a list to choose from; `options` are [value, text]. */
export function chooser(options, value, onchange, attributes = {}) {
  const list = element("select", { class: "np-field", ...attributes });
  for (const [key, text] of options) list.append(element("option", { value: key }, [text]));
  list.value = value;
  list.addEventListener("change", () => onchange(list.value));
  return list;
}

/** Make a box to tick with its text. */
export function tick(text, checked, onchange) {
  const box = element("input", { type: "checkbox", onchange: () => onchange(box.checked) });
  box.checked = checked;
  return element("label", { class: "np-check" }, [box, text]);
}

/** Open a dialog; it is taken away when it is closed. Returns the element, which has `close()`. */
export function openDialog(title, children, { onclose = null } = {}) {
  const dialog = element("dialog", { class: "np-dialog", "aria-labelledby": "np-dialog-title" }, [
    element("div", { class: "np-dialog-head" }, [
      element("h2", { id: "np-dialog-title" }, [title]),
      button("Close", () => dialog.close(), { icon: "close", square: true, kind: "np-quiet" }),
    ]),
    ...children,
  ]);
  dialog.addEventListener("close", () => {
    dialog.remove();
    onclose?.();
  });
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Show `children` in a box under `anchor` until Escape, or a click elsewhere. A second call closes it. */
export function togglePopover(anchor, title, children) {
  const open = document.querySelector(".np-popover");
  if (open !== null) {
    open.dispatchEvent(new Event("np-close"));
    if (open.anchor === anchor) return;
  }
  const box = element("div", { class: "np-popover", role: "dialog", "aria-label": title, tabindex: -1 }, children);
  box.anchor = anchor;
  const close = () => {
    box.remove();
    anchor.setAttribute("aria-expanded", "false");
    removeEventListener("pointerdown", outside, true);
    removeEventListener("keydown", escape, true);
  };
  const outside = (event) => !box.contains(event.target) && !anchor.contains(event.target) && close();
  const escape = (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close();
    anchor.focus();
  };
  box.addEventListener("np-close", close);
  addEventListener("pointerdown", outside, true);
  addEventListener("keydown", escape, true);
  anchor.setAttribute("aria-expanded", "true");
  document.querySelector(".np-app").append(box);
  const at = anchor.getBoundingClientRect();
  box.style.top = `${Math.min(at.bottom + 6, Math.max(8, innerHeight - box.offsetHeight - 8))}px`;
  box.style.left = `${Math.max(8, Math.min(at.left, innerWidth - box.offsetWidth - 8))}px`;
  box.focus();
}

/** Offer bytes as a file. */
export function offerFile(name, bytes, type) {
  const url = URL.createObjectURL(new Blob([bytes], { type }));
  const anchor = element("a", { href: url, download: name });
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
