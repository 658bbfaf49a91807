"""``Wave``: a test mode of the body alone, muscles driven by a wave that is imposed from outside.

No behaviour of the worm uses it: there the muscles are driven by the animal's own neurons.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from neurosim.models.worm.body.body import ROWS, Body, Floats
from neurosim.units import MS_PER_S


@dataclass(frozen=True)
class Wave:
    """Activation that travels from head to tail (backward: from tail to head).

    Parameters
    ----------
    frequency_Hz : float
    wavelength : float
        In body lengths.
    amplitude : float
        Largest activation; dorsal muscles take the positive half of the wave, ventral ones the negative.
    backward : bool
    """

    frequency_Hz: float = 0.5
    wavelength: float = 0.65
    amplitude: float = 0.7
    backward: bool = False

    def activation(self, t_ms: float) -> Floats:
        """Return activations at a time, float64 (4, ROWS)."""
        along = (np.arange(ROWS) + 1.0) / (ROWS + 1.0)
        way = 1.0 if self.backward else -1.0
        drive = self.amplitude * np.sin(
            2.0 * math.pi * (self.frequency_Hz * t_ms / MS_PER_S + way * along / self.wavelength)
        )
        dorsal, ventral = np.maximum(drive, 0.0), np.maximum(-drive, 0.0)
        return np.stack([dorsal, dorsal, ventral, ventral])

    def drive(self, body: Body, duration_ms: float, control_ms: float = 5.0) -> None:
        """Move a body on, the activation of each period's middle held for ``control_ms``."""
        for _ in range(round(duration_ms / control_ms)):
            body.advance(self.activation(body.time_ms + 0.5 * control_ms), control_ms)
