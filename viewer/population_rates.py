"""``PopulationRates``: spikes -> mean rate of each population in bins of time."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from neurosim.units import MS_PER_S
from neurosim.viewer.scene.scene import Scene
from neurosim.viewer.source import Floats, Ranks

PIECE = 200_000
"""Cells that are looked at at a time."""


class PopulationRates:
    """Who belongs to which population.

    Parameters
    ----------
    scene : Scene
        Is looked through when first asked.

    Attributes
    ----------
    names : list of str
        Populations in the order of ``Scene.kinds``.
    """

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.names = list(dict.fromkeys(kind.population for kind in scene.kinds))
        self._of_kind = np.array([self.names.index(kind.population) for kind in scene.kinds] or [0], np.uint16)
        self._of_rank: NDArray[np.uint16] | None = None
        self._cells_n = np.zeros(len(self.names), np.int64)

    def population_of(self, ranks: Ranks) -> NDArray[np.uint16]:
        """Return the number of the population of each of ``ranks`` (k,)."""
        return self._populations()[ranks]

    def _populations(self) -> NDArray[np.uint16]:
        if self._of_rank is None:
            found = np.zeros(self._scene.n, np.uint16)
            for first in range(0, self._scene.n, PIECE):
                ranks = np.arange(first, min(first + PIECE, self._scene.n), dtype=np.uint32)
                found[ranks] = self._of_kind[self._scene.cells(ranks).kind]
            self._cells_n = np.bincount(found, minlength=len(self.names))
            self._of_rank = found
        return self._of_rank

    def counts(
        self, ranks: Ranks, times_ms: Floats, start_ms: float, bin_ms: float, bins_n: int
    ) -> NDArray[np.float64]:
        """Return the number of spikes, float64 (populations, bins); spikes outside are left out."""
        where = np.floor((times_ms - start_ms) / bin_ms).astype(np.int64)
        inside = (where >= 0) & (where < bins_n)
        flat = self.population_of(ranks[inside]).astype(np.int64) * bins_n + where[inside]
        found = np.bincount(flat, minlength=len(self.names) * bins_n)
        return found.reshape(len(self.names), bins_n).astype(np.float64)

    def rates(self, counts: NDArray[np.float64], bin_ms: float) -> dict[str, Floats]:
        """Return population -> mean rate in Hz (bins,) for numbers of spikes (populations, bins)."""
        self._populations()
        per_cell = np.maximum(self._cells_n, 1) * bin_ms / MS_PER_S
        return {name: counts[k] / per_cell[k] for k, name in enumerate(self.names)}

    def of(
        self, ranks: Ranks, times_ms: Floats, start_ms: float, stop_ms: float, bin_ms: float
    ) -> tuple[Floats, dict[str, Floats]]:
        """Return the middles of the bins, and population -> mean rate in Hz."""
        middles = middles_ms(start_ms, stop_ms, bin_ms)
        return middles, self.rates(self.counts(ranks, times_ms, start_ms, bin_ms, len(middles)), bin_ms)


def middles_ms(start_ms: float, stop_ms: float, bin_ms: float) -> Floats:
    """Return the middles of the bins from start to stop."""
    bins_n = max(1, math.ceil((stop_ms - start_ms) / bin_ms - 1e-9))
    middles: Floats = start_ms + bin_ms * (np.arange(bins_n, dtype=np.float64) + 0.5)
    return middles
