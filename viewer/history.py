"""``SpikeHistory``: the spikes of a live run, bounded: the latest one by one, all of them as rates.

The latest ``MOST_SPIKES`` are in a ring with their times. Beside it are numbers of spikes by population in at most
``BINS`` equal bins over the whole run; the bins get twice as wide when the run outgrows them. What is asked within the
ring is exact; before it, numbers come from the bins.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurosim.viewer.population_rates import PopulationRates, middles_ms
from neurosim.viewer.source import Floats, Ranks

MOST_SPIKES = 2_000_000
BINS = 16_384
BIN_ms = 1.0
"""Width at first."""


class SpikeHistory:
    """The past of a live run.

    Parameters
    ----------
    populations : PopulationRates
        Who belongs to which.
    most : int
        Spikes that are kept one by one.
    bins : int
        Bins of the whole run; even.
    start_ms : float
        Where it begins.
    """

    def __init__(
        self, populations: PopulationRates, *, most: int = MOST_SPIKES, bins: int = BINS, start_ms: float = 0.0
    ) -> None:
        self._populations, self._most, self._start = populations, most, start_ms
        self._ranks, self._times = np.empty(most, np.uint32), np.empty(most)
        self._added_n = 0
        self._bin_ms = BIN_ms
        self._counts = np.zeros((len(populations.names), bins))
        self._untimed_ms = -np.inf
        self.t_ms, self.spikes_n = start_ms, 0

    def add(self, t_ms: float, ranks: Ranks, times_ms: Floats) -> None:
        """Append the spikes of the stretch that ends at ``t_ms``, in order of time."""
        self._grow(t_ms)
        self.spikes_n += len(ranks)
        if len(ranks):
            first = max(0, int((float(times_ms.min()) - self._start) / self._bin_ms))
            end = min(self._counts.shape[1], int((float(times_ms.max()) - self._start) / self._bin_ms) + 1)
            begin_ms = self._start + first * self._bin_ms
            self._counts[:, first:end] += self._populations.counts(ranks, times_ms, begin_ms, self._bin_ms, end - first)
        ranks, times_ms = ranks[-self._most :], times_ms[-self._most :]
        at = self._added_n % self._most
        first = min(len(ranks), self._most - at)
        self._ranks[at : at + first], self._times[at : at + first] = ranks[:first], times_ms[:first]
        rest = len(ranks) - first
        self._ranks[:rest], self._times[:rest] = ranks[first:], times_ms[first:]
        self._added_n += len(ranks)

    def add_numbers(self, start_ms: float, t_ms: float, ranks: Ranks, counts: NDArray[np.integer]) -> None:
        """Append spikes whose times are not known: spread evenly over their stretch."""
        self._grow(t_ms)
        total = np.bincount(self._populations.population_of(ranks), counts, minlength=len(self._counts))
        edges = self._start + self._bin_ms * np.arange(self._counts.shape[1] + 1)
        inside = np.clip(edges, start_ms, t_ms)
        self._counts += total[:, None] * (np.diff(inside) / max(t_ms - start_ms, 1e-12))
        self.spikes_n += int(np.sum(counts))
        self._untimed_ms = max(self._untimed_ms, t_ms)

    def _grow(self, t_ms: float) -> None:
        self.t_ms = max(self.t_ms, t_ms)
        bins = self._counts.shape[1]
        while t_ms >= self._start + self._bin_ms * bins:
            half = self._counts.reshape(len(self._counts), bins // 2, 2).sum(axis=2)
            self._counts = np.concatenate([half, np.zeros_like(half)], axis=1)
            self._bin_ms *= 2.0

    def _kept(self) -> tuple[Ranks, Floats]:
        """Return what the ring holds, in order of time."""
        if self._added_n <= self._most:
            return self._ranks[: self._added_n], self._times[: self._added_n]
        at = self._added_n % self._most
        return np.roll(self._ranks, -at), np.roll(self._times, -at)

    def _since_ms(self) -> float:
        """Return the time from which on every spike is in the ring."""
        full = self._added_n > self._most
        oldest = np.nextafter(self._times[self._added_n % self._most], np.inf) if full else -np.inf
        return float(max(oldest, self._untimed_ms))

    def spikes(self, start_ms: float, stop_ms: float, *, every: int = 1) -> tuple[Ranks, Floats, int]:
        """Return what the ring has of start <= t < stop in order of time, and the number of all."""
        ranks, times = self._kept()
        first, end = np.searchsorted(times, [start_ms, stop_ms], side="left").tolist()
        ranks, times, total = ranks[first:end].copy(), times[first:end].copy(), max(0, end - first)
        if start_ms < self._since_ms():
            edges = np.array([start_ms, max(start_ms, stop_ms)])
            total = max(total, round(float(self._in_bins(edges).sum())))
        if every > 1:
            listed = ranks % every == 0
            ranks, times = ranks[listed], times[listed]
        return ranks, times, total

    def _in_bins(self, edges_ms: Floats) -> NDArray[np.float64]:
        """Return the number of spikes between edges, (populations, edges - 1), spread evenly in each bin."""
        bins = self._counts.shape[1]
        total = np.concatenate([np.zeros((len(self._counts), 1)), np.cumsum(self._counts, axis=1)], axis=1)
        where = np.clip((edges_ms - self._start) / self._bin_ms, 0, bins)
        return np.diff(np.stack([np.interp(where, np.arange(bins + 1), row) for row in total]), axis=1)

    def rates(self, start_ms: float, stop_ms: float, bin_ms: float) -> tuple[Floats, dict[str, Floats]]:
        """Return middles of bins and the mean rate of each population."""
        middles = middles_ms(start_ms, stop_ms, bin_ms)
        if start_ms >= self._since_ms():
            ranks, times, _ = self.spikes(start_ms, stop_ms)
            counts = self._populations.counts(ranks, times, start_ms, bin_ms, len(middles))
        else:
            counts = self._in_bins(start_ms + bin_ms * np.arange(len(middles) + 1, dtype=np.float64))
        return middles, self._populations.rates(counts, bin_ms)
