"""``Picture``: one source seen with one view state at one size, drawn at any time.

Cells in view are chosen once for a camera; a movie whose camera stands still keeps them and their buffers. The
methods that draw run in the thread of ``worker`` and may be called from any thread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ModelError
from neurosim.viewer.gl.bounds import Bounds, bounds_of
from neurosim.viewer.gl.camera import Camera, camera_of
from neurosim.viewer.gl.colours import THEMES
from neurosim.viewer.gl.drawing import Drawing, drawing_of
from neurosim.viewer.gl.moment import Moment, colouring, moment_of
from neurosim.viewer.gl.offscreen import painted, with_painter
from neurosim.viewer.gl.overlay import Words, overlay
from neurosim.viewer.gl.painter import Frame, Painter
from neurosim.viewer.gl.view_state import ViewState
from neurosim.viewer.gl.voltages import PATIENCE_s, Voltages
from neurosim.viewer.gl.worker import on_gl_thread
from neurosim.viewer.scene.select import View, select_view
from neurosim.viewer.scene.skeleton import SOMA_ONLY
from neurosim.viewer.source import Source

BUDGET: Final = 2_000_000
"""Points and segments of a still."""
LEAST_SIDE, MOST_SIDE, MOST_PIXELS = 16, 8192, 34_000_000
_FINER_UP_TO: Final = 9_000_000
"""Pixels of a picture that is drawn at twice its size and made smaller."""


class SizeError(ModelError):
    """A picture of a size that cannot be drawn."""


@dataclass(frozen=True)
class Size:
    """Width and height in pixels, checked."""

    width: int
    height: int

    def __post_init__(self) -> None:
        for name in ("width", "height"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not LEAST_SIDE <= value <= MOST_SIDE:
                raise SizeError(f"size: {name}={value!r}; allowed: {LEAST_SIDE} to {MOST_SIDE} pixels")
        if self.width * self.height > MOST_PIXELS:
            raise SizeError(
                f"size: {self.width}x{self.height} are {self.width * self.height / 1e6:.0f} million pixels; "
                f"allowed: {MOST_PIXELS / 1e6:.0f} million"
            )


def view_of(camera: Camera, height: int, budget: int) -> View:
    """Return what ``select_view`` asks for."""
    return View(camera.eye_um, camera.look, camera.up, camera.fov_deg, camera.aspect, float(height), budget, "auto")


def cells_in_view(source: Source, camera: Camera, height: int, budget: int, before: Drawing | None = None) -> Drawing:
    """Return the cells to draw for a camera, at the levels of detail the budget allows.

    ``before`` is returned when it holds the same cells at the same levels.
    """
    scene = source.scene
    chosen = select_view(scene, view_of(camera, height, budget))
    parts = [scene.octree.ranks(int(node)) for node in chosen.nodes]
    ranks = np.unique(np.concatenate([*parts, chosen.ranks, np.empty(0, np.uint32)])).astype(np.uint32)
    levels = np.full(len(ranks), SOMA_ONLY, np.uint8)
    levels[np.searchsorted(ranks, chosen.ranks)] = chosen.levels
    if before is not None and np.array_equal(ranks, before.ranks) and np.array_equal(levels, before.levels):
        return before
    stands_for_n = int((scene.octree.end[chosen.nodes].astype(int) - scene.octree.start[chosen.nodes]).sum())
    return drawing_of(scene, ranks, levels, camera.bounds.middle_um, stands_for_n)


class Picture:
    """A view of a source.

    Parameters
    ----------
    source : Source
        What is shown.
    state : ViewState
        How.
    size : Size
        Of the picture.
    budget : int
        Points and segments that may be drawn.
    finer : bool
        Draw at twice the size and make it smaller, when it is not too large for that.
    patience_s : float
        How long the first picture of a live run waits for its voltages.
    """

    def __init__(
        self,
        source: Source,
        state: ViewState,
        size: Size,
        *,
        budget: int = BUDGET,
        finer: bool = True,
        patience_s: float = PATIENCE_s,
    ) -> None:
        self.source, self.state, self.size, self.budget = source, state, size, budget
        scale = 2 if finer and size.width * size.height <= _FINER_UP_TO else 1
        self.frame = Frame(size.width * scale, size.height * scale, scale)
        self.bounds: Bounds = bounds_of(source.scene)
        self.camera = camera_of(state, self.bounds, size.width / size.height)
        self._drawing: Drawing | None = None
        self._fresh, self._patience_s = False, patience_s
        self._voltages: Voltages | None = None

    def turn_to(self, camera: Camera) -> None:
        """Look from elsewhere."""
        self.camera, self._fresh = camera, False

    @property
    def drawing(self) -> Drawing:
        """The cells in view."""
        if self._drawing is None or not self._fresh:
            drawing = cells_in_view(self.source, self.camera, self.frame.height, self.budget, self._drawing)
            if drawing is not self._drawing and self._voltages is not None:
                self._voltages.close()
                self._voltages = None
            self._drawing, self._fresh = drawing, True
        return self._drawing

    def moment(self, t_ms: float) -> Moment:
        """Return the colours at a time."""
        drawing = self.drawing
        if colouring(self.source, self.state, drawing) == "voltage" and self._voltages is None:
            self._voltages = Voltages(self.source, drawing, self._patience_s)
        return moment_of(self.source, self.state, drawing, t_ms, self._voltages)

    def words(self, moment: Moment) -> Words:
        """Return what is written on the picture."""
        drawing, scene = self.drawing, self.source.scene
        rings = None
        chosen = np.array([rank for rank in self.state.selection if rank < scene.n], np.uint32)
        if len(chosen):
            rings = scene.positions_um(scene.cells(np.sort(chosen)))
        return Words(
            scene.title,
            f"t = {moment.t_ms:.1f} ms",
            moment.key,
            left_out(drawing, self.camera, self.size),
            self.state.clip,
            rings,
        )

    def draw(
        self,
        t_ms: float,
        *,
        transparent: bool = False,
        words: bool = True,
        words_of: Callable[[Moment], Words] | None = None,
    ) -> Any:
        """Return the picture at a time: a Pillow image, RGB, or RGBA when it is transparent.

        ``words_of`` says what is written on it; ``self.words`` when omitted.
        """
        moment = self.moment(t_ms)
        pixels = on_gl_thread(_painted, self.drawing, moment, self.camera, self.state, self.frame)
        written = (words_of or self.words)(moment) if words else None
        return self._finished(pixels, written, transparent)

    def _finished(self, pixels: NDArray[np.uint8], words: Words | None, transparent: bool) -> Any:
        from PIL import Image

        if transparent:
            pixels = _without_background(pixels, THEMES[self.state.theme].background)
        else:
            pixels = np.ascontiguousarray(pixels[..., :3])
        image = Image.fromarray(pixels)
        if self.frame.finer > 1:
            image = image.reduce(self.frame.finer)
        if words is not None:
            sheet = overlay(self.size.width, self.size.height, self.state.theme, self.camera, words)
            over = Image.fromarray(sheet)
            if transparent:
                image.alpha_composite(over)
            else:
                image.paste(over, (0, 0), over)
        return image

    def close(self) -> None:
        """Let the source's player and the graphics card's memory go."""
        if self._voltages is not None:
            self._voltages.close()
            self._voltages = None
        if self._drawing is not None:
            on_gl_thread(_forget, self._drawing)
        self._drawing = None


def left_out(drawing: Drawing, camera: Camera, size: Size) -> tuple[str, ...]:
    """Return what the picture shows with less detail than there is, in words."""
    notes = []
    if len(drawing.ranks) < drawing.stands_for_n:
        notes.append(f"{len(drawing.ranks):,} cells stand for {drawing.stands_for_n:,}")
    x, y, _ = camera.pixels(drawing.centre_um + drawing.origin_um, size.width, size.height).T
    seen = drawing.body & (x >= 0) & (x < size.width) & (y >= 0) & (y < size.height)
    if (seen & ~drawing.detailed).any():
        notes.append(f"branches of {int((seen & drawing.detailed).sum()):,} of {int(seen.sum()):,} cells in view")
    return tuple(notes)


def _without_background(pixels: NDArray[np.uint8], background: tuple[float, float, float]) -> NDArray[np.uint8]:
    """Return straight colours of pixels that were mixed with a background by their alpha."""
    alpha = pixels[..., 3:].astype(np.float32) / 255.0
    mixed = pixels[..., :3].astype(np.float32) - (1.0 - alpha) * 255.0 * np.array(background, np.float32)
    straight = np.clip(np.rint(mixed / np.maximum(alpha, 1.0 / 255.0)), 0, 255)
    return np.concatenate([straight.astype(np.uint8), pixels[..., 3:]], axis=2)


# --- in the thread that draws ---------------------------------------------------------------------------------------


def _painted(drawing: Drawing, moment: Moment, camera: Camera, state: ViewState, frame: Frame) -> NDArray[np.uint8]:
    """Return what the shared off-screen context draws, uint8 (height, width, 4)."""
    return painted(Painter, frame, lambda painter: painter.paint(drawing, moment, camera, state, frame))


def _forget(drawing: Drawing) -> None:
    """Free what the shared context holds of a drawing."""
    with_painter(Painter, lambda painter: painter.unload(drawing))
