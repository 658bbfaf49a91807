"""The page side of the widget in a real Chromium: loaded as anywidget does, with a fake model that carries messages."""

from __future__ import annotations

import base64
import json
import queue
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import neurosim as ns
from neurosim.viewer.background import BackgroundRun
from neurosim.viewer.hub import Hub
from neurosim.viewer.jupyter import module_text, style_text
from neurosim.viewer.live import LiveSource
from neurosim.viewer.widget_link import WidgetLink
from tests.integration.test_widget import simulation

MODEL = """
async ([text, css, traits]) => {
  const style = document.createElement("style");
  style.textContent = css;
  document.head.append(style);
  const heard = new Map();
  const tell = (name, ...rest) => [...(heard.get(name) ?? [])].forEach((listener) => listener(...rest));
  globalThis.model = {
    get: (name) => traits[name],
    set: (name, value) => { traits[name] = value; },
    save_changes: () => saved(JSON.stringify(traits)),
    on: (name, listener) => heard.set(name, [...(heard.get(name) ?? []), listener]),
    off: (name, listener) => heard.set(name, (heard.get(name) ?? []).filter((other) => other !== listener)),
    send: (content) => told(JSON.stringify(content)),
  };
  globalThis.change = (name, value) => { traits[name] = value; tell(`change:${name}`); };
  globalThis.deliver = (content, buffers) => {
    const bytes = buffers.map((text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)));
    tell("msg:custom", content, bytes.map((array) => new DataView(array.buffer)));
  };
  globalThis.heardBy = () => [...heard.values()].reduce((sum, list) => sum + list.length, 0);
  const module = await import(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
  globalThis.el = document.body.appendChild(document.createElement("div"));
  globalThis.cleanup = module.default.render({ model, el });
}
"""


@dataclass
class Notebook:
    """A page with one widget, and the kernel behind it."""

    page: Any
    link: WidgetLink
    sim: ns.Simulation
    out: queue.Queue[tuple[dict[str, Any], list[bytes]]]
    traits: dict[str, Any]
    errors: list[str] = field(default_factory=list)

    def pump(self) -> None:
        """Carry what the kernel sent to the page."""
        while not self.out.empty():
            content, buffers = self.out.get()
            self.page.evaluate("([c, b]) => deliver(c, b)", [content, [base64.b64encode(b).decode() for b in buffers]])
        self.page.wait_for_timeout(15)

    def until(self, happened: str | Callable[[], bool]) -> None:
        """Wait for a JavaScript expression, or for a function, to be true."""
        end = time.monotonic() + 60.0
        while not (self.page.evaluate(f"() => {happened}") if isinstance(happened, str) else happened()):
            assert time.monotonic() < end, f"did not come: {happened}; {self.errors}"
            self.pump()


@pytest.fixture
def notebook(browser: Any) -> Iterator[Notebook]:
    page = browser.new_page(viewport={"width": 900, "height": 700}, reduced_motion="reduce")
    sim = simulation()
    out: queue.Queue[tuple[dict[str, Any], list[bytes]]] = queue.Queue()
    link = WidgetLink(Hub(LiveSource(sim)), lambda content, buffers: out.put((content, buffers)))
    traits: dict[str, Any] = {"height_px": 360, "theme": "dark", "ranks": [], "picked": {}}
    shown = Notebook(page, link, sim, out, traits)
    page.on("console", lambda m: shown.errors.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: shown.errors.append(str(error)))
    page.expose_function("told", lambda text: link.hear(json.loads(text)))
    page.expose_function("saved", lambda text: traits.update(json.loads(text)))
    page.set_content("<!doctype html><title>notebook</title>")
    page.evaluate(MODEL, [module_text(), style_text(), traits])
    shown.until("document.querySelector('.nw-bar select').options.length > 3")
    yield shown
    link.close()
    page.close()


def lit(notebook: Notebook) -> int:
    """Return the number of bright pixels of the picture, as it looks on the screen."""
    image = pytest.importorskip("PIL.Image")
    import io

    png = notebook.page.locator(".nw-picture canvas.nv-canvas").screenshot()
    pixels = np.asarray(image.open(io.BytesIO(png)).convert("L"))
    return int((pixels > 60).sum())


def test_a_widget_draws_its_cells_and_follows_a_run(notebook: Notebook) -> None:
    notebook.until(lambda: lit(notebook) > 100)
    run = BackgroundRun(notebook.sim, 40.0)
    notebook.until(lambda: not run.running)
    notebook.until("/40\\.0 ms/.test(document.querySelector('.nw-status').textContent)")
    assert "spikes" in notebook.page.text_content(".nw-status")
    assert notebook.errors == []


def test_a_click_reads_the_voltage_of_a_cell_and_tells_python(notebook: Notebook) -> None:
    notebook.until(lambda: lit(notebook) > 100)
    box = notebook.page.locator(".nw-picture").bounding_box()
    # Press Enter with the view in focus: the cell nearest to the middle. Places around it, until a cell is there.
    for dx, dy in [(0, 0), *((20 * i, 20 * j) for i in range(-8, 9) for j in range(-7, 8))]:
        notebook.page.mouse.click(box["x"] + box["width"] / 2 + dx, box["y"] + box["height"] / 2 + dy)
        notebook.pump()
        notebook.page.wait_for_timeout(30)
        if notebook.traits["ranks"]:
            break
    notebook.until(lambda: bool(notebook.traits["picked"]))
    picked = notebook.traits["picked"]
    assert picked["population"] == "stars" and picked["rank"] in notebook.traits["ranks"]
    assert f"stars {picked['gid']}" in notebook.page.text_content(".nw-picked")
    run = BackgroundRun(notebook.sim, 30.0)
    notebook.until(lambda: not run.running)
    notebook.until("/Voltage -?[0-9.]+ mV/.test(document.querySelector('.nw-trace canvas').getAttribute('aria-label'))")
    assert notebook.errors == []


def test_what_python_selects_and_sets_is_shown(notebook: Notebook) -> None:
    notebook.page.evaluate("() => { change('height_px', 250); change('theme', 'light'); change('ranks', [1, 2]); }")
    notebook.pump()
    assert notebook.page.locator(".nw-picture").bounding_box()["height"] == 250
    assert notebook.page.get_attribute(".neurosim-widget", "data-theme") == "light"
    assert notebook.traits["ranks"] == [] or notebook.traits["ranks"] == [1, 2], "it is not sent back otherwise"


def test_disposing_leaves_nothing_behind(notebook: Notebook) -> None:
    notebook.until(lambda: notebook.link.views_n == 1)
    notebook.page.evaluate("() => cleanup()")
    notebook.until(lambda: notebook.link.views_n == 0)
    assert notebook.page.evaluate("() => [el.childElementCount, heardBy()]") == [0, 0]
    assert notebook.errors == []
