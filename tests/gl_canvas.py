"""What tests of pictures share: whether this machine can draw, small sources, and what is in a picture."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from neurosim.errors import NeurosimError
from neurosim.viewer.gl.colours import THEMES
from neurosim.viewer.gl.still import still
from neurosim.viewer.gl.worker import offscreen_canvas, on_gl_thread
from neurosim.viewer.memory_source import MemorySource, Voltages
from neurosim.viewer.scene.scene import Scene
from tests.viewer_scenes import three_cells

WIDTH, HEIGHT = 640, 960
EYE_um = (150.0, 400.0, 960.0 / 2.0 / np.tan(np.radians(22.5)))
"""From here a pixel of the three cells' plane is 1 um: pixel (x, y) is the place (x - 170, 880 - y) um."""
VIEW: dict[str, Any] = {"eye": list(EYE_um), "look": [0, 0, -1], "up": [0, 1, 0], "fov": 45}


@cache
def _why_not() -> str:
    try:
        on_gl_thread(offscreen_canvas)
    except NeurosimError as error:
        return str(error)
    return ""


needs_gl = pytest.mark.skipif(bool(_why_not()), reason=f"no off-screen drawing: {_why_not()}")


def source_of(
    ranks: ArrayLike = (), times_ms: ArrayLike = (), *, scene: Scene | None = None, voltage: Voltages | None = None
) -> MemorySource:
    """Return a replay of 100 ms of the three cells."""
    ranks, times_ms = np.asarray(ranks, np.uint32), np.asarray(times_ms, np.float64)
    return MemorySource(three_cells() if scene is None else scene, ranks, times_ms, stop_ms=100.0, voltage=voltage)


def pixels(
    source: MemorySource, t_ms: float = 50.0, *, words: bool = False, transparent: bool = False, **state: Any
) -> NDArray[np.int64]:
    """Return the picture of the three cells' plane, int64 (HEIGHT, WIDTH, 3 or 4), a pixel a micrometre."""
    return decoded(still(source, VIEW | state, WIDTH, HEIGHT, t_ms, words=words, transparent=transparent))


def decoded(png: bytes) -> NDArray[np.int64]:
    """Return the pixels of a PNG."""
    from PIL import Image

    return np.asarray(Image.open(BytesIO(png))).astype(np.int64)


def at(picture: NDArray[np.int64], x_um: float, y_um: float) -> NDArray[np.float64]:
    """Return the mean colour of the four pixels around a place of the three cells' plane."""
    column, row = round(x_um + 170.0), round(880.0 - y_um)
    colour: NDArray[np.float64] = picture[row - 1 : row + 1, column - 1 : column + 1].mean(axis=(0, 1))
    return colour


def background(theme: str) -> NDArray[np.float64]:
    """Return a theme's background, 0 to 255."""
    return np.round(255.0 * np.array(THEMES[theme].background))
