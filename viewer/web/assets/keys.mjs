/** Keys of the page, and the dialog that lists them. */
import { element, openDialog } from "./dom.mjs";

const LIST = [
  ["Arrows", "turn the view"],
  ["Shift + arrows", "move the view"],
  ["+  −", "zoom"],
  ["[  ]", "one step back or forward in time"],
  ["Space", "play or pause"],
  ["Enter", "inspect the cell nearest to the middle"],
  ["W A S D  Q E", "fly, when the camera is set to fly"],
  ["F", "everything into view"],
  ["Z", "zoom to the selection"],
  ["L", "lasso: draw around cells to select them"],
  ["1 – 6", "colour by spikes, voltage, population …"],
  ["T", "dark or light"],
  ["B", "body, cells or both, where there is a body"],
  ["H", "the camera follows the body, where there is a body"],
  ["S", "screenshot"],
  ["Esc", "end the lasso, else select nothing"],
  ["?", "this list"],
];
const MOUSE = [
  ["Drag", "turn"],
  ["Right drag", "move"],
  ["Wheel", "zoom"],
  ["Click", "pick a cell or compartment"],
  ["Shift + click", "add a cell to the selection"],
  ["Drag in a panel", "select the cells there"],
  ["Drag along a time axis", "zoom in time; double click undoes it"],
];

function listed(pairs) {
  return element("dl", { class: "np-keys" }, pairs.map(([keys, text]) => element("div", {}, [
    element("dt", {}, keys.split("  ").flatMap((key, i) => [i > 0 ? " " : "", element("kbd", { class: "np-key" }, [key])])),
    element("dd", {}, [text]),
  ])));
}

/** Show what the keys and the mouse do. */
export function showKeys() {
  if (document.querySelector("#np-keys") !== null) return;
  const dialog = openDialog("Keys", [
    element("p", { class: "np-muted" }, ["They act while the 3-D view has the focus, or nothing has."]),
    listed(LIST),
    element("h2", {}, ["Mouse and touch"]),
    listed(MOUSE),
  ]);
  dialog.id = "np-keys";
}

/** True when a key is for a field, a button or a dialog and not for us. */
function isElsewhere(event, view) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return true;
  if (document.querySelector("dialog[open]") !== null) return true;
  const at = event.target;
  return at !== document.body && at !== document.documentElement && !view.contains(at) && !at.classList?.contains("np-keys-here");
}

/** Listen for keys; `does` is key -> function. Returns a function that ends it. */
export function listenForKeys(view, does) {
  const heard = (event) => {
    if (isElsewhere(event, view)) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const action = does[key] ?? (/^[1-9]$/.test(key) ? does.digit : undefined);
    if (action === undefined) return;
    event.preventDefault();
    action(key);
  };
  addEventListener("keydown", heard);
  return () => removeEventListener("keydown", heard);
}
