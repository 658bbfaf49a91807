"""The page in a browser and a picture drawn by VisPy show the same: the same view, twice, compared pixel by pixel."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from neurosim.viewer.gl.colours import THEMES
from neurosim.viewer.gl.still import still
from neurosim.viewer.launch import Show
from neurosim.viewer.memory_source import MemorySource, Voltages
from tests.gl_canvas import decoded, needs_gl, source_of
from tests.viewer_scenes import three_cells

Opens = Callable[..., Any]
Shows = Callable[..., Show]

pytestmark = needs_gl

_PNG = """(async () => {
  const shot = await app.viewer.screenshot();
  const bytes = await new Response(shot).arrayBuffer();
  return btoa(Array.from(new Uint8Array(bytes), (b) => String.fromCharCode(b)).join(""));
})()"""


@pytest.fixture(scope="module")
def source() -> MemorySource:
    rest = np.full((2, 31), -65.0, np.float32)
    rest[:, 10:] = 0.0
    return source_of([0, 1], [50.0, 40.0], voltage=Voltages(0.0, 100.0, {rank: rest for rank in range(3)}))


@pytest.mark.parametrize("colour", ["spikes", "voltage"])
def test_the_page_and_vispy_draw_the_same_picture(
    page_of: Opens, show_of: Shows, source: MemorySource, colour: str
) -> None:
    visit = page_of(show_of(source))
    visit.until("app.viewer.stats().frames_n > 0 && app.viewer.stats().complete")
    visit.js(f"app.apply({{ colour: '{colour}' }})")
    visit.js("app.seek(50.5)")
    visit.until("app.viewer.stats().complete && !app.viewer.stats().loading && Math.abs(app.state.t_ms - 50.5) < 1e-6")
    here = (
        "app.viewer.voltages() !== null" if colour == "voltage" else "app.viewer.stats({ pixels: true }).drawn_n > 1500"
    )
    visit.until(here)
    page = decoded(base64.b64decode(visit.js(_PNG)))[..., :3]
    height, width = page.shape[:2]
    state = visit.js("app.viewer.state()")
    drawn = decoded(still(source, state, width, height, words=False))
    counted = visit.js("app.viewer.stats({ pixels: true })")
    back = np.round(255.0 * np.array(THEMES["dark"].background))
    off = np.abs(drawn - back).max(axis=2)
    if colour == "voltage":
        assert (off > 6).sum() == pytest.approx(counted["drawn_n"], rel=0.3)
    else:
        assert (off > 150).sum() == pytest.approx(counted["lit_n"], rel=0.4)
    cells = three_cells().cells(np.arange(3, dtype=np.uint32))
    for x_um, y_um, _ in three_cells().positions_um(cells):
        for along_um in (0.0, 50.0, 200.0):
            x, y = visit.js("app.viewer.project(argument)", [float(x_um + along_um), float(y_um), 0.0])
            scale = width / visit.js("app.viewer.element.clientWidth")
            column, row = round(x * scale), round(y * scale)
            box = np.s_[row - 2 : row + 3, column - 2 : column + 3]
            # The brightest of 25 pixels: the page draws at once what a still draws at twice the size. Depth dims both,
            # by different measures, so hues are compared closely and brightness roughly.
            ours, theirs = (picture[box].reshape(-1, 3)[picture[box].sum(axis=2).argmax()] for picture in (drawn, page))
            sizes = [float(np.linalg.norm(colour)) for colour in (ours, theirs)]
            assert ours @ theirs / (sizes[0] * sizes[1]) > 0.97, (y_um, along_um, ours, theirs)
            assert 0.5 < sizes[0] / sizes[1] < 2.0, (y_um, along_um, ours, theirs)
    visit.quiet()
