"""Input spikes whose rate wanders over a sheet: Poisson trains under a field of travelling waves.

The field is a sum of plane waves with random directions, wavelengths, periods and phases, of mean 0 and variance 1
over space and time; the rate is ``rate * exp(depth * f - depth**2 / 2)``, of mean ``rate`` if f were Gaussian.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_BIN_ms = 2.0
"""The rate is constant in a bin: short against the periods."""


@dataclass(frozen=True)
class WanderingRate:
    """A rate that depends on place and time.

    Parameters
    ----------
    rate_Hz : float
        Mean.
    depth : float
        Standard deviation of its logarithm.
    waves_n : int
        Number of plane waves.
    wavelength_um, period_ms : (float, float)
        Least and largest.
    """

    rate_Hz: float
    depth: float
    waves_n: int
    wavelength_um: tuple[float, float]
    period_ms: tuple[float, float]

    def at(self, places_um: Floats, time_ms: Floats, rng: np.random.Generator) -> Floats:
        """Return the rate in Hz at places float64 (n, 2) and times (k,): float64 (n, k)."""
        angle, phase = rng.uniform(0.0, 2.0 * np.pi, (2, self.waves_n))
        length = rng.uniform(*self.wavelength_um, self.waves_n)
        period = rng.uniform(*self.period_ms, self.waves_n)
        across = 2.0 * np.pi / length * np.stack([np.cos(angle), np.sin(angle)])
        field = np.zeros((len(places_um), len(time_ms)))
        for k in range(self.waves_n):
            moving = (places_um @ across[:, k])[:, None] - 2.0 * np.pi * time_ms[None, :] / period[k]
            field += np.cos(moving + phase[k])
        field *= np.sqrt(2.0 / self.waves_n)
        rate: Floats = self.rate_Hz * np.exp(self.depth * field - 0.5 * self.depth**2)
        return rate


def trains(rate: WanderingRate, places_um: Floats, stop_ms: float, seed: int) -> list[Floats]:
    """Draw the spike times of fibres that end at ``places_um``, float64 (n, 2), up to ``stop_ms``; ascending."""
    rng = np.random.default_rng([seed, 11])
    bins_n = max(1, int(np.ceil(stop_ms / _BIN_ms)))
    starts: Floats = _BIN_ms * np.arange(bins_n, dtype=np.float64)
    rates = rate.at(places_um, starts + 0.5 * _BIN_ms, rng)
    counts = rng.poisson(rates * _BIN_ms / 1000.0)
    found = []
    for row in counts:
        times = np.repeat(starts, row) + rng.uniform(0.0, _BIN_ms, int(row.sum()))
        found.append(np.sort(times[times < stop_ms]))
    return found
