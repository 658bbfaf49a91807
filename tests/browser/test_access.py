"""Accessibility of the page, audited by axe, in both themes, wide and narrow."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from typing import Any

import pytest

from neurosim.viewer.launch import Show
from tests.browser.conftest import Visit
from tests.viewer_scenes import many_cells
from tests.viewer_sources import invented_source

pytest.importorskip("axe_playwright_python", reason="axe_playwright_python is not installed")


def grave(visit: Visit) -> list[str]:
    """Return what axe finds that is serious or critical: rule and elements."""
    source = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
    # Evaluated by the browser's debugger: no script tag, so the page's own policy stays in force.
    visit.page.evaluate(f"() => {{ {source} }}")
    found: list[dict[str, Any]] = visit.page.evaluate("async () => (await axe.run()).violations")
    return [
        f"{rule['id']}: {[node['target'] for node in rule['nodes']][:5]}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
    ]


@pytest.fixture(scope="module")
def source() -> Any:
    """Return a replay of 60 cells."""
    return invented_source(many_cells(60))


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (360, 740)])
def test_axe_finds_nothing_serious(
    page_of: Callable[..., Visit], show_of: Callable[..., Show], source: Any, scheme: str, width: int, height: int
) -> None:
    visit = page_of(show_of(source), scheme=scheme, width=width, height=height)
    visit.js("app.inspector.pick({ rank: 1, node: 0 })")
    visit.page.wait_for_selector("#np-inspector .np-facts")
    visit.until("app.panels.panels.every((p) => p.mounted !== null)")
    visit.page.evaluate("() => document.querySelectorAll('.np-group').forEach((group) => { group.open = true; })")
    for name in ("raster", "rates", "traces", "histogram"):
        visit.page.locator(f"#panel-{name} button[aria-label$='as a table']").click()
    assert visit.page.evaluate("document.documentElement.dataset.theme") == scheme
    assert grave(visit) == []


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_axe_finds_nothing_serious_in_dialogs_and_faults(
    page_of: Callable[..., Visit], show_of: Callable[..., Show], source: Any, scheme: str
) -> None:
    visit = page_of(show_of(source), scheme=scheme)
    visit.page.keyboard.press("?")
    visit.page.wait_for_selector("#np-keys")
    assert grave(visit) == []
    visit.page.keyboard.press("Escape")
    visit.page.click("#np-movie-button")
    visit.page.wait_for_selector("#np-movie")
    assert grave(visit) == []
    visit.page.keyboard.press("Escape")
    visit.js("app._cannotOpen(new Error('/api/scene: the server answers 401'))")
    visit.js("app.overlay.warn('The server does not answer.')")
    visit.page.wait_for_selector("#np-token")
    assert grave(visit) == []
