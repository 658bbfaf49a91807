"""Panels of other packages: found, shown, heard, and harmless when they fail."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from neurosim.errors import ModelError
from neurosim.viewer.launch import Show
from neurosim.viewer.web.panels.found import found_panels
from neurosim.viewer.web.panels.panel import Panel
from tests.browser.conftest import Visit
from tests.viewer_scenes import three_cells
from tests.viewer_sources import invented_source

ENTRY_POINTS = """\
[neurosim.panels]
counter = foreign_panels:COUNTER
drawer = foreign_panels:DRAWER
falls = foreign_panels:FALLS
halts = foreign_panels:HALTS
lacks = foreign_panels:NOT_THERE
strange = foreign_panels:STRANGE
"""

PYTHON = """
import dash
from dash import html
from neurosim.viewer.web.panels.panel import Panel

def counter():
    return [html.P("none", id="counter-text"), html.Button("First two", id="counter-wish")]

@dash.callback(dash.Output("counter-text", "children"), dash.Input("neurosim-selection", "data"))
def count(selection):
    return f"{selection['n']} counted in Python"

@dash.callback(dash.Output("neurosim-wish", "data"), dash.Input("counter-wish", "n_clicks"), prevent_initial_call=True)
def wish(clicks):
    return {"ranks": [0, 1]}

def falls():
    raise RuntimeError("the layout fell")

COUNTER = Panel("counter", "Counter", counter, order=5)
DRAWER = Panel("drawer", "Drawer", module="foreign_panels:drawer.mjs", place="bottom")
FALLS = Panel("falls", "Falls", falls)
HALTS = Panel("halts", "Halts", module="foreign_panels:halts.mjs")
STRANGE = "not a panel"
"""

DRAWER = """
import { sayMany } from "../assets/saying.mjs";

export function mount(element, context) {
  const text = document.createElement("p");
  text.id = "drawer-text";
  element.append(text);
  return { update() { text.textContent = sayMany(context.state.scene.n, "cell") + " drawn by a guest"; } };
}
"""

HALTS = """
export function mount() { throw new Error("the module fell"); }
"""


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install a package with panels, as far as Python can see."""
    package = tmp_path / "foreign_panels"
    package.mkdir()
    (package / "__init__.py").write_text(PYTHON)
    (package / "drawer.mjs").write_text(dedent(DRAWER))
    (package / "halts.mjs").write_text(dedent(HALTS))
    info = tmp_path / "foreign_panels-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: foreign-panels\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("foreign_panels", None)


@pytest.fixture
def visit(foreign: None, page_of: Callable[..., Visit], show_of: Callable[..., Show]) -> Visit:
    """Return a page with the foreign panels."""
    opened = page_of(show_of(invented_source(three_cells())))
    opened.until("app.panels !== undefined")
    return opened


def test_foreign_panels_are_found_beside_our_own(foreign: None) -> None:
    names = [panel.name for panel in found_panels()]
    assert {
        "raster",
        "kymograph",
        "rates",
        "traces",
        "histogram",
        "counter",
        "drawer",
        "falls",
        "halts",
        "lacks",
        "strange",
    } == set(names)


def test_a_panel_in_python_hears_of_the_selection_and_selects(visit: Visit) -> None:
    visit.page.wait_for_selector("text=0 counted in Python")
    visit.js("app.select([0, 1, 2], 'test')")
    visit.page.wait_for_selector("text=3 counted in Python")
    visit.page.click("#counter-wish")
    visit.until("app.state.selection.length === 2")


def test_a_panel_with_a_module_of_its_own_draws(visit: Visit) -> None:
    visit.page.wait_for_selector("text=3 cells drawn by a guest")


def test_panels_that_fail_say_so_in_their_place_and_the_others_go_on(visit: Visit) -> None:
    for name, why in {
        "falls": "the layout fell", "halts": "the module fell", "lacks": "NOT_THERE", "strange": "it is a str",
    }.items():  # fmt: skip
        visit.page.wait_for_selector(f"#panel-{name} .np-panel-error")
        assert why in visit.page.locator(f"#panel-{name}").inner_text()
    visit.until("document.querySelector('#panel-raster .np-plot-empty').textContent === ''")
    visit.quiet()


@pytest.mark.parametrize(("name", "place"), [("../up", "side"), ("Big", "side"), ("ok", "top")])
def test_a_panel_with_a_wrong_name_or_place_is_refused(name: str, place: str) -> None:
    with pytest.raises(ModelError, match="allowed"):
        Panel(name, "Ok", place=place)


@pytest.mark.parametrize("module", ["os:../secret.mjs", "os:secret.txt", "no_such_package:a.mjs"])
def test_a_module_is_a_file_of_its_package_and_nothing_else(module: str) -> None:
    with pytest.raises(ModelError, match=r"Panel\.module"):
        Panel("ok", "Ok", module=module).module_text()
