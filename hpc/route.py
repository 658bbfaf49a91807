"""A way of spikes between processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from neurosim.hpc.comm import Comm, Floats, Longs
from neurosim.hpc.tally import Tally

Spikes = tuple[Floats, Longs]
"""Times (ms) and gids."""


@dataclass(frozen=True)
class Terms:
    """What a route must know.

    Parameters
    ----------
    comm : Comm
        The processes.
    owner : int32 (cells,)
        Process of each cell.
    needed : int64 (n,)
        Gids of others whose spikes are wanted here, ascending.
    traffic : Tally
        Where to count.
    """

    comm: Comm
    owner: NDArray[np.int32]
    needed: Longs
    traffic: Tally

    @property
    def wanted(self) -> NDArray[np.bool_]:
        """Whether each gid is needed, bool (cells,)."""
        wanted = np.zeros(len(self.owner), np.bool_)
        wanted[self.needed] = True
        return wanted


class Route(Protocol):
    """Brings spikes to the processes that need them."""

    @property
    def name(self) -> str:
        """What users call it."""

    @property
    def meets(self) -> bool:
        """Whether this process waits for any other."""

    def start(self, times_ms: Floats, gids: Longs) -> None:
        """Send this process's spikes, in order of time."""

    def finish(self) -> Spikes:
        """Return the needed spikes of others, in any order."""

    def close(self) -> None:
        """Give up what stands between processes."""
