"""Cells without branches: point cells, virtual cells that play given spikes, and cells that other processes compute."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neurosim.errors import MechanismError, ModelError
from neurosim.mechanisms.mechanism import Kind, Mechanism


@dataclass(frozen=True)
class PointCell:
    """A cell that is one mechanism: an ARTIFICIAL_CELL, or a point process that needs no membrane.

    One object may stand for many cells.

    Parameters
    ----------
    mechanism : Mechanism
        For instance ``ns.mechanisms.IntFire1(tau=10.0)``; its values are the mechanism's defaults.
    name : str
        For messages and plots.
    """

    mechanism: Mechanism
    name: str = ""

    def __post_init__(self) -> None:
        if self.mechanism.kind is Kind.DENSITY:
            raise MechanismError(
                f"{self.mechanism.name} is a density mechanism and no cell; allowed: artificial cells and point "
                "processes without a membrane"
            )
        for name, value in self.mechanism.defaults.items():
            if math.isnan(value):
                raise MechanismError(f"{self.mechanism.name}: {name}={value} is not allowed; give a number")


@dataclass(frozen=True, eq=False)
class SpikeTrain:
    """A virtual cell that fires at given times.

    Parameters
    ----------
    times_ms : float64 (n,)
        Not negative; sorted when given unsorted.
    """

    times_ms: npt.NDArray[np.float64]

    def __init__(self, times_ms: npt.ArrayLike = ()) -> None:
        times = np.sort(np.asarray(times_ms, float).reshape(-1))
        if len(times) and not (math.isfinite(times[-1]) and times[0] >= 0.0):
            raise ModelError(f"spike train: times must be finite and not negative, got {times[0]:g} to {times[-1]:g}")
        object.__setattr__(self, "times_ms", times)


@dataclass(frozen=True)
class Elsewhere:
    """A cell that another process of the run computes.

    Parameters
    ----------
    within : bool
        It is a point cell, whose spikes may lie anywhere within a step.
    """

    within: bool = False
