/**
 * The page begins here, the only module that does something by being loaded: the talk with the server begins at once,
 * the rest when React has put the page up.
 */
import { PageApp } from "./page_app.mjs";
import { WebTransport } from "./transport.mjs";

let app = null;
const transport = new WebTransport(location.pathname.replace(/\/+$/, ""));
transport.ahead("/api/scene");

function start() {
  const root = document.querySelector("#np-app");
  if (app !== null || root === null || root.querySelector("#neurosim-viewer") === null) return;
  watcher.disconnect();
  app = new PageApp(root, transport);
  app.open();
}

const watcher = new MutationObserver(start);
watcher.observe(document.documentElement, { childList: true, subtree: true });
start();

// Dash, which may be here already, calls this when a panel in Python writes to the store of wishes.
globalThis.dash_clientside ??= {};
globalThis.dash_clientside.neurosim = {
  wish(data) {
    app?.wish(data);
    return "";
  },
};
/** For tests and the browser's console. */
globalThis.neurosim = { get app() { return app; } };
