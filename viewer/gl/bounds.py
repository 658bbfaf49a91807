"""``Bounds``: the box around all cells with their branches, and how morphologies are turned to where they stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from neurosim.viewer.scene.scene import NO_TEMPLATE, TURN, Scene

Floats = NDArray[np.float64]

POINT_RADIUS_um: Final = 6.0
"""Radius of the ball that stands for a cell without a morphology."""


def rotation(turn: NDArray[np.int16]) -> NDArray[np.float64]:
    """Return the rotation matrices (n, 3, 3) of quaternions x, y, z, w (n, 4), whole numbers times 1 / ``TURN``."""
    q = turn / TURN
    x, y, z, w = (q / np.maximum(np.linalg.norm(q, axis=1, keepdims=True), 1e-9)).T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), 2, 0)


@dataclass(frozen=True)
class Bounds:
    """A box around all cells with their branches: lower and upper corner in µm, float64 (3,)."""

    low_um: Floats
    high_um: Floats

    @property
    def middle_um(self) -> Floats:
        """Return the middle."""
        middle: Floats = (self.low_um + self.high_um) / 2.0
        return middle

    @property
    def radius_um(self) -> float:
        """Return half the diagonal."""
        return float(np.linalg.norm(self.high_um - self.low_um)) / 2.0


def bounds_of(scene: Scene) -> Bounds:
    """Return the box that holds the cells of a scene; of a large one, those that stand for all."""
    ranks = scene.octree.ranks(0)
    if not len(ranks):
        return Bounds(np.full(3, -1.0), np.full(3, 1.0))
    cells = scene.cells(ranks)
    at = scene.positions_um(cells)
    low, high = at.min(axis=0) - POINT_RADIUS_um, at.max(axis=0) + POINT_RADIUS_um
    for index in np.unique(cells.template[cells.template != NO_TEMPLATE]):
        template, held = scene.template(int(index)), cells.template == index
        # The coarsest branches say nearly as well how far a cell reaches.
        coarse = np.concatenate([template.levels[-1].position_um, np.zeros((1, 3), np.float32)])
        points = at[held][:, None] + np.einsum("cij,pj->cpi", rotation(cells.turn[held]), coarse)
        low = np.minimum(low, points.min(axis=(0, 1)) - template.soma_radius_um)
        high = np.maximum(high, points.max(axis=(0, 1)) + template.soma_radius_um)
    return Bounds(low, high)
