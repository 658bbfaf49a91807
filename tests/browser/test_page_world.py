"""The page of a run with a world: the body beside the cells, the kymograph, and what people do to the body."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from neurosim.broadcast import NOWHERE, Act, Broadcast
from neurosim.viewer.launch import Show
from neurosim.viewer.live import LiveSource
from neurosim.viewer.memory_source import MemorySource, Voltages
from neurosim.viewer.scene.memory import MemoryScene
from neurosim.viewer.scene.scene import KindOfCell
from neurosim.viewer.scene.simplify import levels_of
from neurosim.viewer.scene.skeleton import Skeleton, Template
from neurosim.world import Field
from tests.browser.conftest import Visit
from tests.browser.test_page_live import eventually
from tests.sine_worm import ODOUR, PLACES, world_at
from tests.viewer_scenes import three_cells

Opens = Callable[..., Visit]
Shows = Callable[..., Show]

LIT = """(() => {
  app.world.view.draw();
  const canvas = app.world.view.canvas;
  const sheet = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d");
  sheet.drawImage(canvas, 0, 0);
  const { data } = sheet.getImageData(0, 0, canvas.width, canvas.height);
  let n = 0;
  for (let i = 0; i < data.length; i += 4) if (data[i] > 180 && data[i] > data[i + 2] + 50) n += 1;
  return n;
})()"""
"""Number of pixels in the colour of active muscles."""
LOSE = """new Promise((done) => {
  const { canvas, renderer } = app.world.view;
  const loss = renderer.gl.getExtension("WEBGL_lose_context");
  canvas.addEventListener("webglcontextlost", () => setTimeout(() => loss.restoreContext(), 50), { once: true });
  canvas.addEventListener("webglcontextrestored", () => setTimeout(done, 200), { once: true });
  loss.loseContext();
})"""
"""Take the graphics card's memory away and give it back."""


@pytest.fixture
def broadcast() -> Broadcast:
    """Return the queue of a run that knows touches and ablation."""
    made = Broadcast(3)
    made.handle("touch", lambda act: None, names=PLACES)
    made.handle("ablate", lambda act: None)
    made.progress.running = True
    return made


@pytest.fixture
def show(show_of: Shows, broadcast: Broadcast) -> Iterator[Show]:
    """Return the show of that run."""
    yield show_of(LiveSource(None, three_cells(), broadcast))


def go(visit: Visit, broadcast: Broadcast, *times_ms: float) -> None:
    """Let the body move, and wait until the page has the last of it."""
    broadcast.progress.t_ms = times_ms[-1]
    for t_ms in times_ms:
        broadcast.put_world(world_at(t_ms))
    visit.until("app.world.data.t_ms === argument && app.world.view.drawings_n > 0", times_ms[-1])


def acts(broadcast: Broadcast) -> list[Act]:
    """Return what was asked for, once something was."""
    asked: list[Act] = []

    def came() -> bool:
        asked.extend(broadcast.asked())
        return bool(asked)

    eventually(came)
    return asked


def test_without_a_world_nothing_of_it_is_there(page_of: Opens, show: Show) -> None:
    visit = page_of(show)
    assert visit.page.locator("#np-world, #np-arrange").count() == 0
    assert not visit.page.locator("#panel-kymograph").is_visible()
    visit.quiet()


def test_a_body_that_comes_is_shown_beside_the_cells_and_can_be_touched(
    page_of: Opens, show: Show, broadcast: Broadcast
) -> None:
    visit = page_of(show)
    go(visit, broadcast, *(40.0 * k for k in range(51)))
    left, right = (visit.page.locator(s).bounding_box() for s in ("#np-world", "#neurosim-viewer"))
    assert left["x"] + left["width"] <= right["x"] + 1.0
    assert visit.js(LIT) > 100
    assert visit.page.locator(".np-world-medium").inner_text() == "in agar"
    visit.page.wait_for_function("() => document.querySelector('[data-scalar=speed]').innerText.includes('0.2 mm/s')")
    assert "odour" in visit.page.locator("#np-world .nv-legend").inner_text()
    assert visit.page.locator("#np-world .nv-scale").inner_text().endswith("mm")
    visit.until("app.world.data.fields.size === 1 && app.world.data.lines[0].n > 20")
    visit.page.wait_for_function("() => document.querySelector('#panel-kymograph .np-plot-empty').textContent === ''")
    assert "curvature" in visit.page.locator("#panel-kymograph .np-map-legend").inner_text()
    visit.page.get_by_role("button", name="Touch tail").click()
    (touch,) = acts(broadcast)
    assert (touch.kind, touch.place, touch.name) == ("touch", NOWHERE, "tail")
    visit.js("app.inspector.pick({ rank: 1, node: 0 })")
    visit.page.click("#np-act-ablate")
    assert broadcast.asked() == []
    visit.page.get_by_role("button", name="Ablate for good?").click()
    (ablation,) = acts(broadcast)
    assert (ablation.kind, ablation.place.cell) == ("ablate", int(three_cells().index_of_rank[1]))
    visit.quiet()


def test_a_cell_800_um_long_and_half_a_um_thick_is_seen_and_has_its_name(page_of: Opens, show_of: Shows) -> None:
    n = 81
    position = np.zeros((n, 3), np.float32)
    position[:, 1] = 10.0 * np.arange(n) - 400.0
    node = np.arange(n, dtype=np.int32)
    path, thin = position[:, 1] + 400.0, np.full(n, 0.25, np.float32)
    line = Skeleton(position, node - 1, path, thin, node, np.full(n, 3, np.uint8))
    cell = Template("long", levels_of(line), n, 1.0, 400.0)
    kind = KindOfCell("neurons", {"cell_name": "AVAL", "kind": "command"})
    scene = MemoryScene.from_arrays("one", [[0.0, 0.0, 0.0]], kinds=[kind], templates=[cell])
    voltage = Voltages(0.0, 1.0, {0: np.full((2, n), 0.0, np.float32)})
    visit = page_of(show_of(MemorySource(scene, [], [], stop_ms=1.0, voltage=voltage)))
    # Nothing fires: voltage is what is shown.
    visit.until(
        "app.viewer.stats().complete && app.viewer.state().colour === 'voltage' && app.viewer.voltages() !== null"
    )
    visit.until("app.viewer.stats({ pixels: true }).drawn_n > 300")
    visit.js("app.inspector.pick({ rank: 0, node: 40 })")
    visit.page.wait_for_function("() => document.querySelector('#np-inspector h2').textContent === 'AVAL'")
    visit.quiet()


def test_keys_change_what_is_shown_and_whether_the_camera_follows(
    page_of: Opens, show: Show, broadcast: Broadcast
) -> None:
    visit = page_of(show)
    go(visit, broadcast, 0.0)
    visit.page.locator("#np-world-view").focus()
    before = visit.js("app.world.view.camera.target")
    go(visit, broadcast, 1000.0)
    after = visit.js("app.world.view.camera.target")
    assert after[0] - before[0] == pytest.approx(0.2, abs=0.02)
    visit.page.keyboard.press("h")
    assert visit.page.locator("#np-follow").get_attribute("aria-pressed") == "false"
    go(visit, broadcast, 2000.0)
    assert visit.js("app.world.view.camera.target") == after
    salt = Field("salt", "mM", np.ones((4, 4), np.float32), (0.0, 0.0), 1.0)
    broadcast.put_world(replace(world_at(2500.0), fields=(ODOUR, salt)))
    visit.page.select_option("#np-world-field", "salt")
    visit.page.wait_for_function("() => document.querySelector('#np-world .nv-legend').innerText.includes('salt (mM)')")
    shown = []
    for _ in range(3):
        visit.page.keyboard.press("b")
        shown.append([visit.page.locator(s).is_visible() for s in ("#np-world", "#neurosim-viewer")])
    assert shown == [[True, False], [False, True], [True, True]]
    visit.js(LOSE)
    assert visit.js(LIT) > 100


def test_a_narrow_page_has_body_and_cells_one_above_the_other_and_axe_is_content(
    page_of: Opens, show: Show, broadcast: Broadcast
) -> None:
    pytest.importorskip("axe_playwright_python", reason="axe_playwright_python is not installed")
    from tests.browser.test_access import grave

    visit = page_of(show, scheme="light", width=360, height=740)
    go(visit, broadcast, *(40.0 * k for k in range(20)))
    above, below = (visit.page.locator(s).bounding_box() for s in ("#np-world", "#neurosim-viewer"))
    assert above["y"] + above["height"] <= below["y"] + 1.0
    assert visit.js("document.documentElement.scrollWidth") <= 360
    visit.page.locator("#panel-kymograph button[aria-label$='as a table']").click()
    visit.page.locator("#panel-kymograph tbody tr").nth(23).wait_for()
    assert grave(visit) == []
