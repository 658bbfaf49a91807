"""``WorldPicture``: what surrounds the cells of a source, drawn at any time; ``picture_of`` puts it beside the cells.

The camera looks from above at the first body and goes with its middle. Bodies are drawn in µm, as cells are.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ModelError
from neurosim.units import UM_PER_MM
from neurosim.viewer.gl.bounds import Bounds
from neurosim.viewer.gl.camera import Camera, fitting
from neurosim.viewer.gl.moment import Key
from neurosim.viewer.gl.offscreen import painted
from neurosim.viewer.gl.overlay import Words, overlay
from neurosim.viewer.gl.painter import Frame
from neurosim.viewer.gl.picture import BUDGET, Picture, Size
from neurosim.viewer.gl.view_state import ViewState
from neurosim.viewer.gl.worker import on_gl_thread
from neurosim.viewer.gl.world_mesh import WORLD_THEMES, Mesh, field_picture, field_table, ribbon, tube
from neurosim.viewer.gl.world_painter import Ground, WorldPainter
from neurosim.viewer.source import Source
from neurosim.world import World

_SEEN: Final = 1.0
"""How much wider than a body's length the picture is."""
_TRACK_ROWS: Final = 2000
_TRACK_px: Final = 2.8
_FINER_UP_TO: Final = 9_000_000
_LINES_px: Final = 90
_TILT: Final = 0.22
"""How far the eye is from straight above, as a part of its height."""


class WorldPicture:
    """A view of the bodies of a source.

    Parameters
    ----------
    source : Source
        It has a world.
    state : ViewState
        Its theme counts.
    size : Size
        Of the picture.
    finer : bool
        Draw at twice the size and make it smaller, when it is not too large for that.
    """

    def __init__(self, source: Source, state: ViewState, size: Size, *, finer: bool = True) -> None:
        self.source, self.state, self.size = source, state, size
        scale = 2 if finer and size.width * size.height <= _FINER_UP_TO else 1
        self.frame = Frame(size.width * scale, size.height * scale, scale)
        first = source.world_then(source.status().start_ms)
        if first is None or not first.bodies:
            raise ModelError("state.show: body: these results have no body; allowed: cells")
        self._length_um = _length(first)
        self._fields: dict[int, tuple[Any, NDArray[np.float32], float, float]] = {}

    def camera_at(self, world: World) -> Camera:
        """Return the camera above the middle of the first body."""
        middle = world.bodies[0].points_mm.astype(float).mean(axis=0) * UM_PER_MM
        half = 0.5 * _SEEN * self._length_um
        bounds = Bounds(middle - half, middle + half)
        look = np.array([0.0, _TILT, -1.0])
        aspect = self.size.width / self.size.height
        near = fitting(bounds, look, np.array([0.0, 1.0, 0.0]), 45.0, aspect)
        room = 40.0 * self._length_um
        return Camera(near.eye_um, near.look, near.up, near.fov_deg, aspect, Bounds(middle - room, middle + room))

    def _field(self, world: World) -> tuple[NDArray[np.float32] | None, float, float]:
        """Return the first field as colours, and its range; made once for each field."""
        if not world.fields:
            return None, 0.0, 0.0
        field = world.fields[0]
        if id(field) not in self._fields:
            self._fields = {id(field): (field, *field_picture(field, self.state.theme))}
        return self._fields[id(field)][1:]

    def _ground(self, world: World, um_per_px: float) -> Ground:
        z_um = min(
            0.0, *(float(body.points_mm[:, 2].min() - body.radius_mm.max()) * UM_PER_MM for body in world.bodies)
        )
        grid_um = 10.0 ** math.floor(math.log10(_LINES_px * um_per_px))
        colours, _, _ = self._field(world)
        reach = 12.0 * self._length_um
        if colours is None:
            return Ground(z_um, reach, grid_um)
        field = world.fields[0]
        at = (field.origin_mm[0] * UM_PER_MM, field.origin_mm[1] * UM_PER_MM)
        return Ground(z_um, reach, grid_um, colours, at, field.spacing_mm * UM_PER_MM)

    def _tracks(self, world: World, width_um: float, z_um: float) -> list[Mesh]:
        rows = self.source.world_rows(self.source.status().start_ms, world.t_ms + 1e-6, _TRACK_ROWS)
        if rows is None:
            return []
        lines = [
            np.concatenate([points, track.point_mm[None]])
            for points, track in zip(rows.tracks, world.tracks, strict=False)
        ]
        return [ribbon(line, width_um, z_um) for line in lines if len(line) > 1]

    def draw(self, t_ms: float, *, transparent: bool = False, words: bool = True, heading: bool = True) -> Any:
        """Return the picture at a time: a Pillow image, RGB (RGBA when ``transparent``; the ground stays).

        ``heading``: the title and time are written.
        """
        from PIL import Image

        world = self.source.world_then(t_ms)
        assert world is not None
        camera, theme = self.camera_at(world), WORLD_THEMES[self.state.theme]
        um_per_px = 2.0 * camera.distance_um * math.tan(math.radians(camera.fov_deg) / 2.0) / self.size.height
        ground = self._ground(world, um_per_px)
        tracks = self._tracks(world, _TRACK_px * um_per_px, ground.z_um)
        bodies = [tube(body, theme) for body in world.bodies]
        pixels = on_gl_thread(_painted, ground, tracks, bodies, camera, self.state.theme, self.frame)
        image = Image.fromarray(np.ascontiguousarray(pixels[..., :3]))
        if self.frame.finer > 1:
            image = image.reduce(self.frame.finer)
        if words:
            written = self._words(world, t_ms, heading)
            over = Image.fromarray(overlay(self.size.width, self.size.height, self.state.theme, camera, written))
            image.paste(over, (0, 0), over)
        return image.convert("RGBA") if transparent else image

    def _words(self, world: World, t_ms: float, heading: bool) -> Words:
        theme = WORLD_THEMES[self.state.theme]
        rows: list[tuple[tuple[float, float, float], str]] = []
        title = "body"
        if world.fields:
            field, (_, low, high) = world.fields[0], self._field(world)
            table = field_table(self.state.theme)
            for share in (0.0, 0.5, 1.0):
                red, green, blue = table[round(255 * share)].tolist()
                value = low + share * (high - low)
                value = 0.0 if abs(value) < 0.002 * (high - low) else value
                rows.append(((red, green, blue), f"{value:.3g} {field.unit}".strip()))
            title = field.name
        if any(body.muscles for body in world.bodies):
            rows += [(theme.hot, "muscle, active"), (theme.rest, "muscle, at rest")]
        if world.tracks:
            rows.append((theme.track, "track"))
        medium = f"in {world.medium}" if world.medium else ""
        notes = tuple(f"{s.name} {s.value:.2g} {s.unit}".strip() for s in world.scalars if math.isfinite(s.value))
        name = ", ".join(part for part in (self.source.scene.title if heading else "", medium) if part)
        return Words(name, f"t = {t_ms / 1000.0:.2f} s" if heading else "", Key(title, tuple(rows)), notes)

    def close(self) -> None:
        """Nothing is held."""


class Pair:
    """The body at the left (or above), the cells at the right (or below), as one picture."""

    def __init__(self, source: Source, state: ViewState, size: Size, *, budget: int = BUDGET) -> None:
        self.size = size
        self._across = size.width >= size.height
        if self._across:
            first = Size(size.width // 2, size.height)
            second = Size(size.width - first.width, size.height)
        else:
            first = Size(size.width, size.height // 2)
            second = Size(size.width, size.height - first.height)
        self.body = WorldPicture(source, state, first)
        self.cells = Picture(source, state, second, budget=budget)
        self._at = (first.width, 0) if self._across else (0, first.height)

    @property
    def camera(self) -> Camera:
        """Where the cells are seen from."""
        return self.cells.camera

    def turn_to(self, camera: Camera) -> None:
        """Look at the cells from elsewhere."""
        self.cells.turn_to(camera)

    def draw(self, t_ms: float, *, transparent: bool = False, words: bool = True) -> Any:
        """Return both pictures at a time as one Pillow image."""
        from PIL import Image

        parts = [
            self.body.draw(t_ms, transparent=transparent, words=words, heading=False),
            self.cells.draw(t_ms, transparent=transparent, words=words),
        ]
        whole = Image.new(parts[0].mode, (self.size.width, self.size.height))
        whole.paste(parts[0], (0, 0))
        whole.paste(parts[1], self._at)
        return whole

    def close(self) -> None:
        """Let what the cells hold go."""
        self.cells.close()


class Body:
    """The body alone, with the interface of a picture of cells."""

    def __init__(self, source: Source, state: ViewState, size: Size) -> None:
        self._picture = WorldPicture(source, state, size)
        world = source.world_then(source.status().start_ms)
        assert world is not None
        self.camera = self._picture.camera_at(world)

    def turn_to(self, camera: Camera) -> None:
        """Do nothing: the camera goes with the body."""

    def draw(self, t_ms: float, *, transparent: bool = False, words: bool = True) -> Any:
        """Return the picture at a time."""
        return self._picture.draw(t_ms, transparent=transparent, words=words)

    def close(self) -> None:
        """Nothing is held."""


AnyPicture = Picture | Pair | Body


def picture_of(source: Source, state: ViewState, size: Size, *, budget: int = BUDGET) -> AnyPicture:
    """Return the picture of a source: cells, body, or both, as ``state.show`` says and there are."""
    if state.show == "cells":
        return Picture(source, state, size, budget=budget)
    world = source.world_then(source.status().start_ms)
    if state.show == "body" or (world is not None and world.bodies and not source.scene.n):
        return Body(source, state, size)
    if world is None or not world.bodies:
        return Picture(source, state, size, budget=budget)
    return Pair(source, state, size, budget=budget)


def _length(world: World) -> float:
    """Return the length of the first body in µm."""
    return float(np.linalg.norm(np.diff(world.bodies[0].points_mm.astype(float), axis=0), axis=1).sum()) * UM_PER_MM


# --- in the thread that draws ---------------------------------------------------------------------------------------


def _painted(
    ground: Ground, tracks: list[Mesh], bodies: list[Mesh], camera: Camera, theme: str, frame: Frame
) -> NDArray[np.uint8]:
    """Return what the shared off-screen context draws, uint8 (height, width, 4)."""
    colours = WORLD_THEMES[theme]
    return painted(WorldPainter, frame, lambda painter: painter.paint(ground, tracks, bodies, camera, colours, frame))
