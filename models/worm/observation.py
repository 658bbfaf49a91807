"""``Observation``: what a control step of the closed loop leaves behind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Observation:
    """What a control step leaves behind.

    Parameters
    ----------
    time_ms : float
        Time since reset.
    points_mm : float64 (26, 3)
        Midline from head to tail.
    curvature_per_mm : float64 (24,)
        Dorsoventral; dorsal is positive.
    activation : float64 (4, 24)
        Of the muscles.
    voltage_mV : float64 (302,)
        Of the somata.
    concentration : dict of str to float
        Each substance of the environment at the nose, in its unit (``environment.UNITS``).
    """

    time_ms: float
    points_mm: Floats
    curvature_per_mm: Floats
    activation: Floats
    voltage_mV: Floats
    concentration: dict[str, float]

    @property
    def head_mm(self) -> Floats:
        """Place of the nose, float64 (3,)."""
        return np.asarray(self.points_mm[0])
