"""Voltages of cells that are coupled across processes, handed over in every step."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from neurosim.hpc.comm import Comm, Floats, Longs, swapped
from neurosim.hpc.tally import Tally


class PairLink:
    """A message to each process that wants voltages from here, and one from each that has what is wanted here.

    Every step sends from the same arrays into the same arrays. A thread other than the main one may call ``swap``, one
    at a time.

    Parameters
    ----------
    comm : Comm
        The processes; nothing else goes on in this group.
    owner : int32 (cells,)
        Process of each cell.
    gids, nodes : int64 (n,)
        What is wanted here; cells of other processes.
    traffic : Tally
        Where to count.

    Attributes
    ----------
    sent_gids, sent_nodes : int64 (m,)
        What others want.
    """

    def __init__(self, comm: Comm, owner: NDArray[np.int32], gids: Longs, nodes: Longs, traffic: Tally) -> None:
        self._traffic = traffic
        self._order = np.argsort(owner[gids], kind="stable")
        asked = np.bincount(owner[gids], minlength=comm.size).astype(np.int64)
        self.sent_gids, answered = swapped(comm, gids[self._order].astype(np.int64), asked)
        self.sent_nodes, _ = swapped(comm, nodes[self._order].astype(np.int64), asked)
        self._sent, self._came = np.zeros(len(self.sent_gids)), np.zeros(len(gids))
        self._channel = comm.channel(_ends(self._sent, answered), _ends(self._came, asked))

    def swap(self, values: Floats) -> Floats:
        """Hand over the values of ``sent_gids``, float64 (m,); return those wanted, float64 (n,)."""
        begun = time.perf_counter()
        self._sent[:] = values
        self._channel.start()
        self._channel.wait()
        wanted = np.empty(len(self._came))
        wanted[self._order] = self._came
        self._traffic.swaps += 1
        self._traffic.swapped_B += self._sent.nbytes
        self._traffic.swapping_s += time.perf_counter() - begun
        return wanted


def _ends(values: Floats, counts: Longs) -> list[tuple[int, Floats]]:
    """Return each partner's part of an array that is in order of ranks."""
    parts = np.split(values, np.cumsum(counts)[:-1])
    return [(rank, part) for rank, part in enumerate(parts) if len(part)]
