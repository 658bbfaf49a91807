"""``pick``: which cell and compartment is under a pixel.

Computed from the drawing's arrays, without reading from the graphics card: the nearest to the eye among the balls and
segments within a few pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from neurosim.viewer.gl.camera import Camera
from neurosim.viewer.gl.drawing import Drawing
from neurosim.viewer.gl.picture import Size

NEAR_px: Final = 5.0


@dataclass(frozen=True)
class Found:
    """A compartment of a drawn cell."""

    slot: int
    rank: int
    gid: int
    node: int


def pick(drawing: Drawing, camera: Camera, size: Size, x: float, y: float) -> Found | None:
    """Return what is at ``x``, ``y`` (pixels from the top left), or None."""
    found = [hit for hit in (_ball(drawing, camera, size, x, y), _segment(drawing, camera, size, x, y)) if hit]
    if not found:
        return None
    _, slot, node = min(found)
    return Found(slot, int(drawing.ranks[slot]), int(drawing.gid[slot]), node)


def _ball(drawing: Drawing, camera: Camera, size: Size, x: float, y: float) -> tuple[float, int, int] | None:
    """Return depth, slot and compartment of the nearest ball."""
    if not len(drawing.ranks):
        return None
    at = camera.pixels(drawing.centre_um + drawing.origin_um, size.width, size.height)
    pixels = drawing.radius_um * size.height / 2.0 / math.tan(math.radians(camera.fov_deg) / 2.0) / at[:, 2]
    away = np.hypot(at[:, 0] - x, at[:, 1] - y)
    hit = np.flatnonzero(away <= np.maximum(pixels, NEAR_px / 2.0))
    if not len(hit):
        return None
    slot = int(hit[np.argmin(at[hit, 2])])
    return float(at[slot, 2] - drawing.radius_um[slot]), slot, int(drawing.soma_node[slot])


def _segment(drawing: Drawing, camera: Camera, size: Size, x: float, y: float) -> tuple[float, int, int] | None:
    """Return depth, slot and compartment of the nearest segment."""
    segments = drawing.segments
    if not len(segments):
        return None
    ends = segments.ends_um.reshape(-1, 3) + drawing.origin_um
    at = camera.pixels(ends, size.width, size.height).reshape(-1, 2, 3)
    span = at[:, 1, :2] - at[:, 0, :2]
    square = np.maximum((span**2).sum(axis=1), 1e-12)
    part = np.clip(((np.array([x, y]) - at[:, 0, :2]) * span).sum(axis=1) / square, 0.0, 1.0)
    close = at[:, 0, :2] + part[:, None] * span
    away = np.hypot(close[:, 0] - x, close[:, 1] - y)
    hit = np.flatnonzero(away <= NEAR_px)
    if not len(hit):
        return None
    depth = at[hit, 0, 2] + part[hit] * (at[hit, 1, 2] - at[hit, 0, 2])
    # What is beside the pixel counts as farther, so that of neighbours along a branch the one under it is found.
    depth += 2.0 * away[hit] * camera.um_per_pixel(size.height)
    row = int(hit[np.argmin(depth)])
    return float(depth.min()), int(segments.slot[row]), int(segments.node[row])
