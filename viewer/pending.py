"""``Pending``: what one client has not been sent yet; batches are merged, beyond a limit into numbers by cell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurosim.viewer import wire
from neurosim.viewer.source import Batch

MOST_LISTED = 200_000
"""Spikes that are kept with their times."""


class Pending:
    """Batches made into one.

    Parameters
    ----------
    cells_n : int
        Cells of the scene.

    Attributes
    ----------
    start_ms, t_ms : float
        The stretch.
    due : bool
        Something is to be sent.
    voltage_mV : float32 (m,) or None
        The latest.
    """

    def __init__(self, cells_n: int) -> None:
        self._cells_n = cells_n
        self.start_ms, self.t_ms = 0.0, 0.0
        self.voltage_mV: NDArray[np.float32] | None = None
        self.clear()

    def clear(self) -> None:
        """Forget what was sent; the time stays."""
        self._ranks: list[NDArray[np.uint32]] = []
        self._times: list[NDArray[np.float64]] = []
        self._listed_n = 0
        self._counts: NDArray[np.int64] | None = None
        self.start_ms, self.due = self.t_ms, False
        self.merged_n, self.jumped, self.last = 0, False, False
        self.voltage_mV = None

    def forget_voltage(self) -> None:
        """Drop the voltage of cells that are not wanted any more."""
        self.voltage_mV = None

    def add(self, batch: Batch) -> None:
        """Append a batch."""
        if batch.jumped or not self.due:
            self.start_ms = batch.start_ms
        if batch.jumped:
            self._ranks, self._times, self._listed_n, self._counts = [], [], 0, None
        self.t_ms, self.due = batch.t_ms, True
        self.merged_n += batch.merged
        self.jumped, self.last = self.jumped or batch.jumped, batch.last
        if batch.voltage_mV is not None:
            self.voltage_mV = batch.voltage_mV
        self._ranks.append(batch.ranks)
        self._times.append(batch.times_ms)
        self._listed_n += len(batch.ranks)
        if len(batch.counts_ranks):
            self._count(batch.counts_ranks, batch.counts)
        if self._listed_n > MOST_LISTED or self._counts is not None:
            for ranks in self._ranks:
                self._count(ranks, None)
            self._ranks, self._times, self._listed_n = [], [], 0
        elif len(self._ranks) > 1:
            ranks, times = np.concatenate(self._ranks), np.concatenate(self._times)
            order = np.argsort(ranks, kind="stable")
            self._ranks, self._times = [ranks[order]], [times[order]]

    def _count(self, ranks: NDArray[np.uint32], counts: NDArray[np.uint32] | None) -> None:
        if self._counts is None:
            self._counts = np.zeros(self._cells_n, np.int64)
        if counts is None:
            self._counts += np.bincount(ranks, minlength=self._cells_n)
        else:
            self._counts[ranks] += counts

    @property
    def ranks(self) -> NDArray[np.uint32]:
        """Cells that fired, ascending, one entry a spike; one a cell when only numbers are known."""
        if self._counts is not None:
            return np.flatnonzero(self._counts).astype(np.uint32)
        return self._ranks[0] if self._ranks else np.empty(0, np.uint32)

    @property
    def times_ms(self) -> NDArray[np.float64] | None:
        """When, or None when only numbers are known."""
        if self._counts is not None:
            return None
        return self._times[0] if self._times else np.empty(0)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Spikes of each entry of ``ranks``."""
        if self._counts is not None:
            return self._counts[self.ranks]
        return np.ones(len(self.ranks), np.int64)

    @property
    def flags(self) -> int:
        """Flags of a frame."""
        return wire.MERGED * (self.merged_n > 1) | wire.LAST * self.last | wire.JUMPED * self.jumped
