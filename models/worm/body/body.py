"""``Body``: what the loop asks of a body, whichever it is."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ROWS = 24
"""Rows of muscles from head to tail."""
QUADRANTS = ("MDL", "MDR", "MVL", "MVR")
"""Order of the quadrants in every array (4, ROWS); MVL24 is not there in the animal and its column is not used."""
AROUND_RAD = (-0.75 * math.pi, 0.75 * math.pi, -0.25 * math.pi, 0.25 * math.pi)
"""Where the quadrants lie around a planar body, as ``world.MuscleRow`` counts: 0 is at the left of the way from head to
tail, a quarter turn is up. Dorsal is to the right of that way, which is the left of where the head points; the animal's
left side is down."""


class Body(Protocol):
    """A body of 1 mm with four quadrants of 24 muscles.

    The animal lies on its left side: the plane of movement holds the dorsoventral bends, dorsal is to the left of where
    the head points. Positive curvature is a bend towards the dorsal side (dorsal muscles short). Lengths in mm, forces
    in uN, time in ms.
    """

    time_ms: float
    """Time since the last reset."""

    def reset(
        self,
        *,
        head_mm: tuple[float, float] = (0.0, 0.0),
        heading_rad: float = 0.0,
        curvature_per_mm: Floats | None = None,
    ) -> None:
        """Lie straight (or bent, float64 (ROWS,)) at a place; the heading is the direction from tail to head."""

    def advance(self, activation: Floats, duration_ms: float) -> None:
        """Move on under muscle activations, float64 (4, ROWS) in 0 to 1, held for the duration."""

    @property
    def points_mm(self) -> Floats:
        """Midline from head to tail, float64 (ROWS + 2, 3); z is 0 in a planar body."""

    @property
    def curvature_per_mm(self) -> Floats:
        """Dorsoventral curvature at each row, float64 (ROWS,); dorsal is positive."""

    @property
    def muscle_strain(self) -> Floats:
        """Length change of every muscle relative to rest, float64 (4, ROWS); negative is shortened."""

    @property
    def muscle_velocity_per_s(self) -> Floats:
        """Rate of the strain, float64 (4, ROWS)."""

    def state(self) -> dict[str, Floats]:
        """Return all that is needed to go on bitwise the same."""

    def set_state(self, state: dict[str, Floats]) -> None:
        """Go on from ``state()``."""
