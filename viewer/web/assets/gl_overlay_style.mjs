/** The look of what lies over the picture, as a sheet that is adopted: it needs no file and no inline style. */

const OVERLAY_RULES = `
.nv-viewer { position: relative; overflow: hidden; touch-action: none; user-select: none; -webkit-user-select: none;
  --nv-ink: #dfe6f2; --nv-soft: #9aa7bd; --nv-panel: rgba(10, 14, 24, 0.62); --nv-line: rgba(160, 180, 215, 0.28);
  --nv-back: #05070d; background: var(--nv-back); color: var(--nv-ink);
  font: 12px/1.35 system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
.nv-viewer[data-nv-theme="light"] { --nv-ink: #1a2230; --nv-soft: #4a566b; --nv-panel: rgba(255, 255, 255, 0.78);
  --nv-line: rgba(30, 45, 75, 0.25); --nv-back: #f6f7f9; }
.nv-viewer > .nv-canvas { position: absolute; inset: 0; width: 100%; height: 100%; display: block; outline: none; }
.nv-viewer .nv-over { position: absolute; inset: 0; pointer-events: none; font-variant-numeric: tabular-nums; }
.nv-over > * { position: absolute; }
.nv-over [hidden] { display: none; }
.nv-over .nv-clock { top: 12px; left: 14px; font-size: 22px; font-weight: 300; letter-spacing: 0.01em;
  text-shadow: 0 0 6px var(--nv-back), 0 0 2px var(--nv-back); }
.nv-over .nv-clock small { font-size: 12px; color: var(--nv-soft); margin-left: 4px; }
.nv-over .nv-schematic { top: 42px; left: 15px; color: var(--nv-soft); max-width: 44%;
  text-shadow: 0 0 5px var(--nv-back), 0 0 2px var(--nv-back); }
.nv-over .nv-corner { left: 14px; bottom: 12px; display: flex; align-items: flex-end; gap: 14px; }
.nv-over .nv-axes { width: 54px; height: 54px; overflow: visible; }
.nv-axes text { font: 600 10px system-ui, sans-serif; fill: var(--nv-ink); text-anchor: middle; dominant-baseline: central; }
.nv-axes line { stroke-width: 1.8; stroke-linecap: round; }
.nv-axes .nv-axis-x { stroke: #e4727d; } .nv-axes .nv-axis-y { stroke: #6fbf73; } .nv-axes .nv-axis-z { stroke: #6aa5f0; }
.nv-over .nv-scale { padding-bottom: 4px; color: var(--nv-ink); text-align: center; text-shadow: 0 0 4px var(--nv-back); }
.nv-over .nv-scale i { display: block; height: 5px; border: 1.5px solid currentColor; border-top: 0; margin-top: 2px;
  box-sizing: border-box; opacity: 0.9; }
.nv-over .nv-legend { right: 12px; bottom: 12px; padding: 8px 10px; border: 1px solid var(--nv-line); border-radius: 8px;
  background: var(--nv-panel); min-width: 128px; max-width: 46%; max-height: 60%; overflow: hidden; }
.nv-legend b { display: block; font-weight: 600; margin-bottom: 4px; }
.nv-legend canvas { display: block; width: 168px; max-width: 100%; height: 10px; border-radius: 3px; }
.nv-legend .nv-ticks { display: flex; justify-content: space-between; width: 168px; max-width: 100%; margin-top: 2px; color: var(--nv-soft); }
.nv-legend .nv-key { display: flex; align-items: center; gap: 7px; margin-top: 2px; white-space: nowrap; overflow: hidden;
  text-overflow: ellipsis; }
.nv-legend svg { width: 10px; height: 10px; flex: none; }
.nv-over .nv-note { top: 12px; right: 12px; max-width: min(340px, 52%); text-align: right; color: var(--nv-soft);
  text-shadow: 0 0 4px var(--nv-back), 0 0 2px var(--nv-back); }
.nv-over .nv-banner { top: 14px; left: 50%; transform: translateX(-50%); padding: 6px 14px; border-radius: 999px;
  background: #7a2a12; color: #fff3ea; border: 1px solid #e08a5c; }
.nv-over .nv-message { inset: 0; display: grid; place-items: center; padding: 8%; text-align: center; font-size: 14px;
  background: var(--nv-back); color: var(--nv-ink); }
.nv-over .nv-message[hidden] { display: none; }
.nv-over .nv-tip { left: 0; top: 0; padding: 5px 8px; border-radius: 6px; background: var(--nv-panel);
  border: 1px solid var(--nv-line); white-space: pre; max-width: 60%; }
.nv-over .nv-lasso { inset: 0; width: 100%; height: 100%; }
.nv-lasso polygon { fill: rgba(120, 170, 255, 0.14); stroke: #8fb8ff; stroke-width: 1.5; stroke-dasharray: 5 4; }
.nv-over .nv-mark { left: 50%; top: 50%; width: 14px; height: 14px; margin: -7px; opacity: 0; }
.nv-viewer:focus-visible { outline: 2px solid #8fb8ff; outline-offset: -2px; }
.nv-viewer:focus-visible .nv-mark { opacity: 0.75; }
.nv-mark path { stroke: var(--nv-ink); stroke-width: 1.4; fill: none; }
@media (max-width: 480px) { .nv-over .nv-note { display: none; } .nv-over .nv-clock { font-size: 17px; } }
`;

/** Adopt the sheet in the document or shadow root that an element is in. */
export function adoptOverlayStyle(element) {
  const root = element.getRootNode();
  const place = root.adoptedStyleSheets === undefined ? element.ownerDocument : root;
  if ([...place.adoptedStyleSheets].some((sheet) => sheet.nvOverlay === true)) return;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(OVERLAY_RULES);
  sheet.nvOverlay = true;
  place.adoptedStyleSheets = [...place.adoptedStyleSheets, sheet];
}
