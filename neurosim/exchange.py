"""Where spikes go between two windows: to this process only, or to all of them.

A run is cut into windows of the smallest delay. What a window fires acts in a later one, so that the processes of a run
meet once a window. ``SerialExchange`` is for one process; others implement ``Exchange``.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Exchange(Protocol):
    """How the processes of a run hand over spikes."""

    @property
    def alone(self) -> bool:
        """Whether there is one process, so that nothing must be handed over."""

    def smallest(self, value: float) -> float:
        """Return the smallest of all processes' values (delays: all must use the same window)."""

    def swap(
        self, times_ms: NDArray[np.float64], gids: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the spikes of all processes in order of time, then of gid.

        Parameters
        ----------
        times_ms, gids : float64 (n,), int64 (n,)
            Spikes of this process's cells since the last call, in that order.
        """


class SerialExchange:
    """One process: every spike stays here."""

    alone = True

    def smallest(self, value: float) -> float:
        """Return ``value``."""
        return value

    def swap(
        self, times_ms: NDArray[np.float64], gids: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the same spikes."""
        return times_ms, gids
