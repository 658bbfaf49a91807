"""Everyone hears everyone: one gathering of fixed size a window, and a second one for messages without room in it.

Good for few processes and for networks in which everybody needs everybody. As NEURON does it (Hines, Kumar, Schuermann
2011, doi:10.3389/fncom.2011.00049), where the fixed part is of a size that the user sets; here it follows the traffic.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurosim.hpc.capacity import Capacity
from neurosim.hpc.comm import Floats, Longs, Pending, Words
from neurosim.hpc.packing import Inbox, Outbox, Places
from neurosim.hpc.route import Spikes, Terms

_WORD_B = 4


class Allgather:
    """Gather all spikes everywhere.

    Parameters
    ----------
    terms : Terms
        Processes, owners, what is needed.
    everything : bool
        Return the spikes of all cells of others, not only those needed.
    """

    name = "allgather"

    def __init__(self, terms: Terms, *, everything: bool = False) -> None:
        comm = self._comm = terms.comm
        self._traffic = terms.traffic
        places = Places(terms.owner, comm.size)
        own = places.gids(comm.rank)
        self._capacity = Capacity(1)
        one_edge: NDArray[np.int32] = np.zeros(len(own), np.int32)
        self._out = Outbox(own, np.arange(len(own) + 1, dtype=np.int64), one_edge, self._capacity.words)
        wanted = np.ones(len(terms.owner), np.bool_) if everything else terms.wanted
        self._in = Inbox(places.order, places.first, wanted)
        self._ranks = np.arange(comm.size)
        self._came = np.zeros((comm.size, int(self._capacity.words[0])), np.uint32)
        self._pending: Pending | None = None
        self.meets = comm.size > 1

    def start(self, times_ms: Floats, gids: Longs) -> None:
        """Post the gathering."""
        self._out.pack(times_ms, gids)
        self._traffic.sent_spikes += int(self._out.spikes_n[0]) * (self._comm.size - 1)
        self._traffic.timed(self._post)

    def _post(self) -> None:
        self._pending = self._comm.gather(self._out.words, self._came)

    def finish(self) -> Spikes:
        """Wait for it, and fetch what had no room."""
        assert self._pending is not None
        self._traffic.timed(self._pending.wait)
        room, others = self._came.shape[1], self._comm.size - 1
        lengths = self._came[:, 0].astype(np.int64)
        long = lengths > room
        self._traffic.note(_WORD_B * room * others, _WORD_B * room * others)
        at = self._ranks * room
        at[long] = -1
        at[self._comm.rank] = -1
        more, more_at = self._fetch(np.where(long, lengths, 0))
        times, gids, count = self._in.read((self._came.reshape(-1), at, self._ranks), (more, more_at, self._ranks))
        self._traffic.received_spikes += count
        if self._capacity.note(lengths.max(keepdims=True)):
            self._out.resize(self._capacity.words)
            self._came = np.zeros((self._comm.size, int(self._capacity.words[0])), np.uint32)
        return times, gids

    def _fetch(self, counts: Longs) -> tuple[Words, Longs]:
        """Return the messages that had no room, and where they begin; others' only."""
        total, mine = int(counts.sum()), int(counts[self._comm.rank])
        more = np.empty(total, np.uint32)
        if total:
            sent = self._out.more[:mine]
            self._traffic.timed(lambda: self._comm.gather_parts(sent, more, counts))
            self._traffic.note(_WORD_B * mine * (self._comm.size - 1), _WORD_B * (total - mine))
        at = np.where(counts > 0, np.cumsum(counts) - counts, -1)
        at[self._comm.rank] = -1
        return more, at

    def close(self) -> None:
        """Nothing stands."""
