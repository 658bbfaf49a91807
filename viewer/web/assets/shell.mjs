/** The page begins here, the only module that does something by being loaded: once React has put the page up, start. */
import { PageApp } from "./page_app.mjs";
import { WebTransport } from "./transport.mjs";

let app = null;

function start() {
  const root = document.querySelector("#np-app");
  if (app !== null || root === null || root.querySelector("#neurosim-viewer") === null) return;
  watcher.disconnect();
  app = new PageApp(root, new WebTransport(location.pathname.replace(/\/+$/, "")));
  app.open();
}

const watcher = new MutationObserver(start);
watcher.observe(document.documentElement, { childList: true, subtree: true });
start();

// Dash calls this when a panel in Python writes to the store of wishes.
globalThis.dash_clientside = { ...globalThis.dash_clientside };
globalThis.dash_clientside.neurosim = {
  wish(data) {
    app?.wish(data);
    return "";
  },
};
/** For tests and the browser's console. */
globalThis.neurosim = { get app() { return app; } };
