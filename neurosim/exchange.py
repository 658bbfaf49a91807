"""What the processes of a run hand to one another: spikes between two windows, voltages in every step.

A run is cut into windows of the smallest delay. What a window fires acts in a later one, so that the processes of a run
meet once a window; cells that see one another's voltage meet in every step. ``SerialExchange`` is for one process;
``neurosim.hpc`` has others. All methods are collective: every process calls them in the same order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Owners = NDArray[np.int32]


class Link(Protocol):
    """A standing exchange of voltages with other processes.

    Attributes
    ----------
    sent_gids, sent_nodes : int64 (m,)
        What others want from here, in the order in which ``swap`` takes it.
    """

    sent_gids: Longs
    sent_nodes: Longs

    def swap(self, values: Floats) -> Floats:
        """Hand over the values of ``sent_gids``, float64 (m,); return those wanted, float64 (n,)."""


class Exchange(Protocol):
    """How the processes of a run work together.

    Attributes
    ----------
    rank, size : int
        Number of this process, and of all.
    overlap : bool
        Whether spikes travel while the next window is computed; windows are then half as long.
    """

    rank: int
    size: int
    overlap: bool

    @property
    def alone(self) -> bool:
        """Whether there is one process, so that nothing must be handed over."""

    def owners(self, costs: Floats, together: Sequence[Longs], positions_um: Floats | None) -> Owners:
        """Return the process that computes each cell, int32 (cells,); the same everywhere.

        Parameters
        ----------
        costs : float64 (cells,)
            Time of each cell, in any unit.
        together : sequence of int64 arrays
            Sets of cells that better stay in one process.
        positions_um : float64 (cells, 3), optional
            Places; rows of NaN where there is none.
        """

    def smallest(self, value: float) -> float:
        """Return the smallest of all processes' values."""

    def tell(self, message: bytes) -> bytes:
        """Return the message of process 0; what others give is ignored. Short texts between windows, not spikes."""

    def gather(self, message: bytes) -> list[bytes]:
        """Return the messages of all processes in process 0, an empty list elsewhere."""

    def connect(self, owner: Owners, needed: Longs) -> None:
        """Say who owns which cell, and the gids (ascending) whose spikes act here; before the first ``start``."""

    def start(self, times_ms: Floats, gids: Longs) -> None:
        """Hand over what this process's cells fired since the last call, in order of time, then of gid."""

    def finish(self) -> tuple[Floats, Longs]:
        """Return what was handed over at the last ``start``, of all processes, in order of time, then of gid.

        At least the spikes of the gids needed here, this process's own among them.
        """

    def link(self, owner: Owners, gids: Longs, nodes: Longs) -> Link:
        """Return a standing exchange of the voltages of other processes' nodes, int64 (n,) each."""


class SerialExchange:
    """One process: every spike stays here."""

    rank, size, overlap, alone = 0, 1, False, True

    def __init__(self) -> None:
        self._spikes: tuple[Floats, Longs] = (np.zeros(0), np.zeros(0, np.int64))

    def owners(self, costs: Floats, together: Sequence[Longs], positions_um: Floats | None) -> Owners:
        """Return zeros."""
        return np.zeros(len(costs), np.int32)

    def smallest(self, value: float) -> float:
        """Return ``value``."""
        return value

    def tell(self, message: bytes) -> bytes:
        """Return the message."""
        return message

    def gather(self, message: bytes) -> list[bytes]:
        """Return the message."""
        return [message]

    def connect(self, owner: Owners, needed: Longs) -> None:
        """Do nothing."""

    def start(self, times_ms: Floats, gids: Longs) -> None:
        """Keep the spikes."""
        self._spikes = times_ms, gids

    def finish(self) -> tuple[Floats, Longs]:
        """Return the spikes."""
        return self._spikes

    def link(self, owner: Owners, gids: Longs, nodes: Longs) -> Link:
        """Refuse: nobody else is there."""
        raise ValueError("one process has no cells elsewhere")
