"""What the page has to do for many detailed cells: JavaScript per view, per message and per frame, in a real browser.

100,000 cells of about 100 segments each, drawn by Chromium's software renderer, once with the budget it takes by itself
and once with one of a card (``--budget``). Times are of the page's own code; the renderer's are not in them, and say
nothing of a GPU.

    python benchmarks/viewer_page.py [--cells 100000] [--budget 1500000]
"""

from __future__ import annotations

import argparse
import base64
import json
import platform
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-quic",
    "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
TIMED = """
(what) => {
  const out = [];
  for (let k = 0; k < 9; k += 1) {
    if (what === "refresh") viewer.stage._stale.extra = true;
    const begun = performance.now();
    if (what === "refresh") viewer.stage.refresh();
    else viewer.stage.remake(viewer.camera, viewer.canvas.height, begun);
    out.push(performance.now() - begun);
  }
  return out;
}
"""
MESSAGES = """
async (frames) => {
  const { decodeFrame } = await import("/wire.mjs");
  const taken = [], drawn = [];
  for (const text of frames) {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
    const begun = performance.now();
    viewer.stage.frame(decodeFrame(bytes), begun / 1000);
    const held = performance.now();
    viewer.stage.clock.t_ms = viewer.stage.clock.known_ms;
    viewer.stage.draw(viewer._how());
    taken.push(held - begun);
    drawn.push(performance.now() - held);
  }
  return { taken, drawn };
}
"""


def median_and_worst(values: list[float]) -> list[float]:
    """Return both, in ms."""
    return [round(float(np.median(values)), 2), round(max(values), 2)]


def messages(cells_n: int, spikes_n: int) -> list[str]:
    """Return ten SPIKES frames of 10 ms each, base64."""
    from neurosim.viewer import wire

    rng = np.random.default_rng(1)
    out = []
    for k in range(10):
        ranks = np.sort(rng.choice(cells_n, spikes_n, replace=False))
        t_ms = 10.0 * (k + 1)
        out.append(wire.spikes_frame(t_ms, 10.0, ranks, t_ms - rng.uniform(0.0, 10.0, spikes_n)))
    return [base64.b64encode(frame).decode() for frame in out]


def measure(page: Any, cells_n: int) -> dict[str, Any]:
    """Return what the open page needs for its view, for messages and for the calls of a frame."""
    stats = json.loads(page.evaluate("() => JSON.stringify(viewer.stats())"))
    page.evaluate("() => { viewer._raf = -1; }")  # nothing else draws while this is timed
    out = {name: stats[name] for name in ("renderer", "cells_n", "primitives", "budget", "frame_ms") if name in stats}
    out["view_ms"] = median_and_worst(page.evaluate(TIMED, "view"))
    out["refresh_ms"] = median_and_worst(page.evaluate(TIMED, "refresh"))
    for spikes_n in (3000, 33000):
        found = page.evaluate(MESSAGES, messages(cells_n, min(spikes_n, cells_n // 2)))
        out[f"message_of_{spikes_n}_spikes_ms"] = median_and_worst(found["taken"][1:])
        out[f"calls_of_a_frame_after_{spikes_n}_ms"] = median_and_worst(found["drawn"][1:])
    return out


def main() -> None:
    """Measure both budgets and print one JSON line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=100_000)
    parser.add_argument("--budget", type=int, default=1_500_000)
    args = parser.parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("no chromium on the path; on Debian: apt install chromium")
    sys.path.insert(0, str(ROOT))
    from playwright.sync_api import sync_playwright

    from neurosim.viewer.memory_source import MemorySource
    from tests.browser.bare_page import BareServer
    from tests.viewer_scenes import many_cells

    server = BareServer(MemorySource(many_cells(args.cells), [], [], stop_ms=2000.0))
    for budget in (None, args.budget):
        with sync_playwright() as play, tempfile.TemporaryDirectory() as folder:
            context = play.chromium.launch_persistent_context(
                folder, executable_path=chromium, headless=True, args=ARGUMENTS, viewport={"width": 1000, "height": 640}
            )
            page = context.pages[0]
            page.goto(f"{server.address}?colour=spikes" + ("" if budget is None else f"&budget={budget}"))
            ready = "() => globalThis.viewer && viewer.stats().complete && !viewer.stats().loading"
            page.wait_for_function(ready, timeout=200_000)
            page.wait_for_timeout(3000)
            found = measure(page, args.cells)
            context.close()
        facts = {"case": "viewer_page", "cells": args.cells, "asked_budget": budget, "machine": platform.platform()}
        print(json.dumps({**facts, **found}), flush=True)
    server.close()


if __name__ == "__main__":
    main()
