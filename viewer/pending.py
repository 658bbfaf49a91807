"""``Pending``: what was not handed on yet; batches are merged, beyond a limit into numbers of spikes by cell.

Every client has one, and so has every player of a live run. Memory is bounded: at most ``MOST_LISTED`` spikes with
their times, or one number a cell; no spike is lost in the numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurosim.viewer.source import Batch, Floats, Ranks

MOST_LISTED = 200_000
"""Spikes that are kept with their times."""


class Pending:
    """Batches made into one.

    Parameters
    ----------
    cells_n : int
        Cells of the scene.
    most_listed : int
        Spikes that are kept with their times.

    Attributes
    ----------
    start_ms, t_ms : float
        The stretch.
    due : bool
        Something was added.
    """

    def __init__(self, cells_n: int, most_listed: int = MOST_LISTED) -> None:
        self._cells_n, self._most = cells_n, most_listed
        self.start_ms, self.t_ms, self.due = 0.0, 0.0, False
        self._clear()

    def _clear(self) -> None:
        self._ranks: list[Ranks] = []
        self._times: list[Floats] = []
        self._listed_n = 0
        self._counts: NDArray[np.uint32] | None = None
        self._voltage: NDArray[np.float32] | None = None
        self._voltage_ranks: tuple[int, ...] = ()
        self._merged, self._jumped, self._last = 0, False, False

    @property
    def bytes_n(self) -> int:
        """Bytes of what is kept."""
        counts = 0 if self._counts is None else self._counts.nbytes
        return counts + sum(r.nbytes + t.nbytes for r, t in zip(self._ranks, self._times, strict=True))

    @property
    def voltage_n(self) -> int:
        """Number of voltages that wait."""
        return 0 if self._voltage is None else len(self._voltage)

    def forget_voltage(self) -> None:
        """Drop voltages, which are of cells that are not wanted any more."""
        self._voltage, self._voltage_ranks = None, ()

    def add(self, batch: Batch) -> None:
        """Append a batch; one that jumped replaces what was there."""
        if batch.jumped:
            self._clear()
        if batch.jumped or not self.due:
            self.start_ms = batch.start_ms
        self.t_ms, self.due = batch.t_ms, True
        self._merged += batch.merged
        self._jumped, self._last = self._jumped or batch.jumped, batch.last
        if batch.voltage_mV is not None:
            self._voltage, self._voltage_ranks = batch.voltage_mV, batch.voltage_ranks
        if len(batch.counts_ranks):
            self._numbers()[batch.counts_ranks] += batch.counts
        if len(batch.ranks):
            self._ranks.append(batch.ranks)
            self._times.append(batch.times_ms)
            self._listed_n += len(batch.ranks)
        if self._listed_n > self._most or (self._counts is not None and self._ranks):
            numbers = self._numbers()
            for ranks in self._ranks:
                np.add.at(numbers, ranks, np.uint32(1))
            self._ranks, self._times, self._listed_n = [], [], 0

    def _numbers(self) -> NDArray[np.uint32]:
        if self._counts is None:
            self._counts = np.zeros(self._cells_n, np.uint32)
        return self._counts

    def take(self) -> Batch | None:
        """Return everything as one batch and forget it; the next stretch begins where this one ends."""
        if not self.due:
            return None
        ranks, times = np.empty(0, np.uint32), np.empty(0)
        if self._ranks:
            ranks, times = np.concatenate(self._ranks), np.concatenate(self._times)
            if len(self._ranks) > 1:
                order = np.argsort(ranks, kind="stable")
                ranks, times = ranks[order], times[order]
        of, counts = np.empty(0, np.uint32), np.empty(0, np.uint32)
        if self._counts is not None:
            of = np.flatnonzero(self._counts).astype(np.uint32)
            counts = self._counts[of]
        batch = Batch(
            self.start_ms, self.t_ms, ranks, times, of, counts, self._voltage, self._voltage_ranks,
            merged=self._merged, jumped=self._jumped, last=self._last,
        )  # fmt: skip
        self._clear()
        self.start_ms, self.due = self.t_ms, False
        return batch
