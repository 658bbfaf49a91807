"""Spikes are gathered on each machine, go from machine to machine, and are told to all there.

One process of a machine leads. Leaders send to the machines that asked, so that the network carries each spike once
for a machine, whatever the number of its processes. Good for many processes on each of many machines.
"""

from __future__ import annotations

import numpy as np

from neurosim.hpc.allgather import Allgather
from neurosim.hpc.capacity import Capacity
from neurosim.hpc.comm import Comm, Floats, Longs, Nodes, Words, everyones
from neurosim.hpc.neighbour import Neighbour
from neurosim.hpc.packing import Inbox, Outbox
from neurosim.hpc.route import Spikes, Terms

_WORD_B = 4


class TwoLevel:
    """Gather within machines, send between them, and broadcast within.

    Parameters
    ----------
    terms : Terms
        Processes, owners, what is needed.
    nodes : Nodes
        How the processes stand on machines.
    """

    name = "two-level"

    def __init__(self, terms: Terms, nodes: Nodes) -> None:
        self._comm = within = nodes.within
        machine = nodes.node_of[terms.owner].astype(np.int32)
        here = int(nodes.node_of[terms.comm.rank])
        self._up = _within(terms, nodes, here)
        away = terms.needed[machine[terms.needed] != here]
        asked, _ = everyones(within, away)
        self._down = _Down(within, np.unique(asked), terms)
        self._across: Neighbour | None = None
        if nodes.leaders is not None:
            self._across = Neighbour(Terms(nodes.leaders, machine, np.unique(asked), terms.traffic))
        self._wanted = terms.wanted
        self._near: Spikes = (np.zeros(0), np.zeros(0, np.int64))
        self.meets = terms.comm.size > 1

    def start(self, times_ms: Floats, gids: Longs) -> None:
        """Meet on the machine; its leader sends on."""
        self._up.start(times_ms, gids)
        times, others = self._up.finish()
        if self._across is not None:
            every, whose = np.concatenate([times_ms, times]), np.concatenate([gids, others])
            order = np.lexsort((whose, every))
            self._across.start(every[order], whose[order])
        keep = self._wanted[others]
        self._near = times[keep], others[keep]

    def finish(self) -> Spikes:
        """Wait for other machines' spikes, and tell them to all processes here."""
        far = self._down.tell(None if self._across is None else self._across.finish())
        keep = self._wanted[far[1]]
        far = far[0][keep], far[1][keep]
        return np.concatenate([self._near[0], far[0]]), np.concatenate([self._near[1], far[1]])

    def close(self) -> None:
        """Give up the leader's channel."""
        if self._across is not None:
            self._across.close()


def _within(terms: Terms, nodes: Nodes, here: int) -> Allgather:
    """Return what gathers a machine's spikes; cells elsewhere belong to nobody there."""
    comm = nodes.within
    number: Longs = np.full(terms.comm.size, comm.size, np.int64)
    number[nodes.node_of == here] = np.arange(comm.size)
    owner = number[terms.owner].astype(np.int32)
    near = Terms(comm, owner, terms.needed[owner[terms.needed] < comm.size], terms.traffic)
    return Allgather(near, everything=nodes.leaders is not None)


class _Down:
    """A leader tells the processes of its machine what came from others.

    Parameters
    ----------
    comm : Comm
        Processes of the machine.
    known : int64 (n,)
        Gids of cells elsewhere that are needed by any of them, ascending.
    terms : Terms
        What is needed here.
    """

    def __init__(self, comm: Comm, known: Longs, terms: Terms) -> None:
        self._comm, self._traffic = comm, terms.traffic
        self._capacity = Capacity(1)
        n = len(known)
        self._out = Outbox(known, np.arange(n + 1), np.zeros(n, np.int32), self._capacity.words)
        self._in = Inbox(known, np.array([0, n]), terms.wanted)
        self._words: Words = np.zeros(int(self._capacity.words[0]), np.uint32)

    def tell(self, spikes: Spikes | None) -> Spikes:
        """Return the spikes wanted here of those that the leader gives."""
        if self._comm.size == 1:
            assert spikes is not None
            return spikes
        if spikes is not None:
            order = np.lexsort((spikes[1], spikes[0]))
            self._out.pack(spikes[0][order], spikes[1][order])
            self._traffic.sent_spikes += int(self._out.spikes_n[0]) * (self._comm.size - 1)
        first = self._words if spikes is None else self._out.words
        self._traffic.timed(lambda: self._comm.broadcast(first, 0))
        self._count(spikes is not None, len(first))
        length = int(first[0])
        words = first
        if length > len(first):
            words = np.empty(length, np.uint32) if spikes is None else self._out.more[:length]
            self._traffic.timed(lambda: self._comm.broadcast(words, 0))
            self._count(spikes is not None, length)
        if self._capacity.note(np.array([length])):
            self._out.resize(self._capacity.words)
            self._words = np.zeros(int(self._capacity.words[0]), np.uint32)
        if spikes is not None:
            return spikes
        times, gids, count = self._in.read((words, np.zeros(1, np.int64), np.zeros(1, np.int64)))
        self._traffic.received_spikes += count
        return times, gids

    def _count(self, leads: bool, words: int) -> None:
        self._traffic.note(_WORD_B * words * (self._comm.size - 1) if leads else 0, 0 if leads else _WORD_B * words)
