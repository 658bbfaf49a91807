"""Spikes as words of 32 bits, compiled.

A message is ``length, times_n``, then

- ``times_n`` > 0: times that spikes share, two words each; how many spikes each has; places, one word a spike;
- ``times_n`` = 0: times, two words a spike; places, one word a spike.

``length`` counts all words of the message. A *place* is the number of a cell among those of the sender, so that a spike
costs 4 B and each time that occurs 12 B, never more than 12 B a spike; times keep all 64 bits. Spikes of branched cells
lie on the grid of steps and share their times, those of point cells may lie anywhere.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurosim.hpc.comm import Longs, Words

HEADER: Final = 2
"""Words before the spikes."""


@njit(cache=True, nogil=True)
def lengths_of(bits, places, first, edges, spikes_n, times_n, last, lengths):  # type: ignore[no-untyped-def]
    """Find how long the message over each edge is.

    Parameters
    ----------
    bits : int64 (spikes,)
        Times, bit by bit, ascending.
    places : int64 (spikes,)
        Places of the cells among this process's.
    first : int64 (cells + 1,)
        Where each place's edges begin in ``edges``.
    edges : int32 (n,)
        Edges over which a cell's spikes go.
    spikes_n, times_n, last, lengths : int64 (edges,)
        Overwritten: spikes, shared times (0: each has its own), scratch, words.
    """
    spikes_n[:] = 0
    times_n[:] = 0
    for i in range(len(bits)):
        for k in range(first[places[i]], first[places[i] + 1]):
            e = edges[k]
            if spikes_n[e] == 0 or last[e] != bits[i]:
                times_n[e] += 1
                last[e] = bits[i]
            spikes_n[e] += 1
    for e in range(len(lengths)):
        if 3 * times_n[e] + spikes_n[e] < 3 * spikes_n[e]:
            lengths[e] = 2 + 3 * times_n[e] + spikes_n[e]
        else:
            times_n[e] = 0
            lengths[e] = 2 + 3 * spikes_n[e]


@njit(cache=True, nogil=True)
def fill(bits, places, first, edges, spikes_n, times_n, lengths, capacity, at, words, more_at, more, scratch):  # type: ignore[no-untyped-def]
    """Write the messages of ``lengths_of``.

    Those of up to ``capacity[e]`` words go to ``words[at[e]:]``, the others to ``more[more_at[e]:]``, and leave their
    length at ``words[at[e]]``. ``scratch`` is int64 (3, edges).
    """
    spike, time, last = scratch[0], scratch[1], scratch[2]
    for e in range(len(lengths)):
        words[at[e]] = lengths[e]
        out, o = (words, at[e]) if lengths[e] <= capacity[e] else (more, more_at[e])
        out[o] = lengths[e]
        out[o + 1] = times_n[e]
        spike[e] = o + lengths[e] - spikes_n[e]
        time[e] = -1
    for i in range(len(bits)):
        low, high = np.uint32(bits[i] & 0xFFFFFFFF), np.uint32((bits[i] >> 32) & 0xFFFFFFFF)
        for k in range(first[places[i]], first[places[i] + 1]):
            e = edges[k]
            out, o = (words, at[e]) if lengths[e] <= capacity[e] else (more, more_at[e])
            if times_n[e] == 0 or time[e] < 0 or last[e] != bits[i]:
                time[e] += 1
                last[e] = bits[i]
                out[o + 2 + 2 * time[e]] = low
                out[o + 3 + 2 * time[e]] = high
                if times_n[e] > 0:
                    out[o + 2 + 2 * times_n[e] + time[e]] = 0
            if times_n[e] > 0:
                out[o + 2 + 2 * times_n[e] + time[e]] += np.uint32(1)
            out[spike[e]] = places[i]
            spike[e] += 1


@njit(cache=True, nogil=True)
def spikes_in(words, at):  # type: ignore[no-untyped-def]
    """Return the number of spikes of the messages that begin at ``at``, int64 (messages,); below 0 is none."""
    n = np.int64(0)
    for s in range(len(at)):
        if at[s] >= 0:
            length, shared = np.int64(words[at[s]]), np.int64(words[at[s] + 1])
            n += length - 2 - 3 * shared if shared > 0 else (length - 2) // 3
    return n


@njit(cache=True, nogil=True)
def read(words, at, groups, order, group_first, wanted, bits, gids, n):  # type: ignore[no-untyped-def]
    """Append the wanted spikes of messages; return how many there are then.

    Parameters
    ----------
    words : uint32
        Messages.
    at : int64 (messages,)
        Where each begins; below 0 is none.
    groups : int64 (messages,)
        Whose cells each is about.
    order : uint32 (cells,), group_first : int64 (groups + 1,)
        Gids by group and place.
    wanted : bool (cells,)
        Gids that are not passed over.
    bits, gids : int64
        Overwritten from ``n`` on: times bit by bit, gids.
    n : int
        Spikes that are there already.
    """
    for s in range(len(at)):
        if at[s] < 0:
            continue
        o, base = at[s], group_first[groups[s]]
        length, shared = np.int64(words[o]), np.int64(words[o + 1])
        count = length - 2 - 3 * shared if shared > 0 else (length - 2) // 3
        spike, time, left = o + length - count, np.int64(-1), np.int64(0)
        for i in range(count):
            if left == 0:
                time += 1
                left = np.int64(words[o + 2 + 2 * shared + time]) if shared > 0 else np.int64(1)
            left -= 1
            gid = np.int64(order[base + words[spike + i]])
            if wanted[gid]:
                t = o + 2 + 2 * time
                bits[n] = np.int64(words[t]) | (np.int64(words[t + 1]) << 32)
                gids[n] = gid
                n += 1
    return n


def compile_all() -> None:
    """Compile, or load, what packs and reads, so that the first window does not."""
    none: Longs = np.zeros(0, np.int64)
    outbox = Outbox(none, np.zeros(1, np.int64), np.zeros(0, np.int32), np.full(1, HEADER))
    outbox.pack(np.zeros(0), none)
    Inbox(none, np.zeros(2, np.int64), np.zeros(0, np.bool_)).read((outbox.words, outbox.at, np.zeros(1, np.int64)))


class Places:
    """Numbers of cells within groups of owners.

    Parameters
    ----------
    group : int32 (cells,)
        Group of each cell, from 0; those from ``groups_n`` on are left out.
    groups_n : int
        Number of groups.

    Attributes
    ----------
    order : uint32 (cells,)
        Gids by group, ascending within.
    first : int64 (groups + 1,)
        Where each group begins.
    """

    def __init__(self, group: NDArray[np.int32], groups_n: int) -> None:
        self.group, self.groups_n = group, groups_n
        self.order: Words = np.argsort(group, kind="stable").astype(np.uint32)
        self.first: Longs = np.zeros(groups_n + 1, np.int64)
        np.cumsum(np.bincount(group, minlength=groups_n)[:groups_n], out=self.first[1:])

    def gids(self, group: int) -> Words:
        """Return the gids of a group, ascending, uint32."""
        return self.order[self.first[group] : self.first[group + 1]]

    def of(self, gids: Longs) -> Longs:
        """Return each gid's place in its own group, int64."""
        out = np.empty(len(gids), np.int64)
        groups = self.group[gids]
        for g in np.unique(groups).tolist():
            rows = np.flatnonzero(groups == g)
            out[rows] = np.searchsorted(self.gids(g), gids[rows])
        return out


class Outbox:
    """Messages of one process.

    Parameters
    ----------
    own : integers (cells,)
        Gids whose spikes are sent, ascending.
    first : int64 (cells + 1,), edges : int32 (n,)
        Over which edges the spikes of each go.
    capacity : int64 (edges,)
        Words of a message that has room in ``words``; at least ``HEADER``.

    Attributes
    ----------
    at : int64 (edges,)
        Where each message begins in ``words``; ``more_at`` in ``more``.
    lengths, spikes_n : int64 (edges,)
        Words and spikes of the messages packed last.
    """

    def __init__(self, own: Words | Longs, first: Longs, edges: NDArray[np.int32], capacity: Longs) -> None:
        self._own, self._first, self._edges = own.astype(np.int64), first, edges
        n = len(capacity)
        self.lengths, self.spikes_n = np.zeros(n, np.int64), np.zeros(n, np.int64)
        self._times_n, self._scratch = np.zeros(n, np.int64), np.zeros((3, n), np.int64)
        self.more, self.more_at = np.zeros(0, np.uint32), np.zeros(n, np.int64)
        self.resize(capacity)

    def resize(self, capacity: Longs) -> None:
        """Take other capacities."""
        self.capacity = capacity
        self.at = np.cumsum(capacity) - capacity
        self.words: Words = np.zeros(int(capacity.sum()), np.uint32)

    def pack(self, times_ms: NDArray[np.float64], gids: Longs) -> None:
        """Write the messages of spikes in order of time."""
        bits, places = times_ms.view(np.int64), np.searchsorted(self._own, gids)
        how = (bits, places, self._first, self._edges, self.spikes_n, self._times_n)
        lengths_of(*how, self._scratch[0], self.lengths)
        outside = np.where(self.long, self.lengths, 0)
        np.cumsum(outside, out=self.more_at)
        self.more_at -= outside
        if outside.sum() > len(self.more):
            self.more = np.zeros(2 * int(outside.sum()), np.uint32)
        fill(*how, self.lengths, self.capacity, self.at, self.words, self.more_at, self.more, self._scratch)

    @property
    def long(self) -> NDArray[np.bool_]:
        """Which messages are in ``more``."""
        return self.lengths > self.capacity


class Inbox:
    """What others' messages say.

    Parameters
    ----------
    order : integers (cells,), first : int64 (groups + 1,)
        Gids by group and place.
    wanted : bool (cells,)
        Gids that are not passed over.
    """

    def __init__(self, order: Words | Longs, first: Longs, wanted: NDArray[np.bool_]) -> None:
        self._order: Words = order.astype(np.uint32, copy=False)
        self._first, self._wanted = first, wanted

    def read(self, *messages: tuple[Any, Longs, Longs]) -> tuple[NDArray[np.float64], Longs, int]:
        """Return times and gids of the spikes wanted, message by message, and the number of all.

        Parameters
        ----------
        messages : (uint32 words, int64 where messages begin, int64 groups)
            Below 0 is no message.
        """
        count = int(sum(spikes_in(words, at) for words, at, _ in messages))
        bits, gids = np.empty(count, np.int64), np.empty(count, np.int64)
        n = 0
        for words, at, groups in messages:
            n = read(words, at, groups, self._order, self._first, self._wanted, bits, gids, n)
        return bits[:n].view(np.float64), gids[:n], count
