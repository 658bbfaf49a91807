"""Currents put into cells: descriptions that the simulation turns into point processes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.errors import ModelError


@dataclass(frozen=True)
class Step:
    """A current of constant amplitude, positive inwards.

    On while ``start_ms <= t < start_ms + duration_ms`` holds at the middle of a step, as NEURON's IClamp.
    """

    start_ms: float
    duration_ms: float
    amplitude_nA: float


@dataclass(frozen=True)
class Waveform:
    """A current that keeps ``amplitudes_nA[k]`` from ``times_ms[k]`` until the next time; 0 before the first.

    A value acts from the first step on that begins less than half a step before its time, as NEURON's Vector.play.
    """

    times_ms: NDArray[np.float64]
    amplitudes_nA: NDArray[np.float64]

    def __init__(self, times_ms: ArrayLike, amplitudes_nA: ArrayLike) -> None:
        times, amplitudes = np.asarray(times_ms, float), np.asarray(amplitudes_nA, float)
        if times.ndim != 1 or times.shape != amplitudes.shape or len(times) == 0:
            raise ModelError(
                f"waveform: times {times.shape} and amplitudes {amplitudes.shape} must be lists of one length"
            )
        if not (np.isfinite(times).all() and np.isfinite(amplitudes).all() and (np.diff(times) >= 0.0).all()):
            raise ModelError("waveform: times and amplitudes must be finite, and times must not fall")
        object.__setattr__(self, "times_ms", times)
        object.__setattr__(self, "amplitudes_nA", amplitudes)

    def __hash__(self) -> int:
        return hash((self.times_ms.tobytes(), self.amplitudes_nA.tobytes()))


Stimulus = Step | Waveform
