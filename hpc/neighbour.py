"""Spikes go to the processes that asked for them, and to no others.

The directory is made once: each process asks the owners for the gids it needs. In a window each pair of processes with
anything to say sends one message of a size that both know, and a second one when it was too small. Good for many
processes with few partners each.
"""

from __future__ import annotations

import numpy as np

from neurosim.hpc.capacity import Capacity
from neurosim.hpc.comm import Channel, Floats, Longs, Words, swapped
from neurosim.hpc.packing import Inbox, Outbox, Places
from neurosim.hpc.route import Spikes, Terms

_WORD_B = 4


class Neighbour:
    """Messages between pairs.

    Parameters
    ----------
    terms : Terms
        Processes, owners, what is needed.

    Attributes
    ----------
    asked, answered : int64 (size,)
        How many gids this process asked each other for, and each other asked it for.
    """

    name = "neighbour"

    def __init__(self, terms: Terms) -> None:
        comm = self._comm = terms.comm
        self._traffic = terms.traffic
        places = Places(terms.owner, comm.size)
        asked_of = terms.owner[terms.needed]
        by_owner = np.argsort(asked_of, kind="stable")
        self.asked = np.bincount(asked_of, minlength=comm.size).astype(np.int64)
        asked = places.of(terms.needed[by_owner]).astype(np.uint32)
        wanted_places, self.answered = swapped(comm, asked, self.asked)
        self._to = np.flatnonzero(self.answered)
        self._from = np.flatnonzero(self.asked)
        own = places.gids(comm.rank)
        edge = np.repeat(np.arange(len(self._to), dtype=np.int32), self.answered[self._to])
        first = np.zeros(len(own) + 1, np.int64)
        np.cumsum(np.bincount(wanted_places, minlength=len(own)), out=first[1:])
        self._edges = edge[np.argsort(wanted_places, kind="stable")]
        self._first = first
        self._room_out, self._room_in = Capacity(len(self._to)), Capacity(len(self._from))
        self._out = Outbox(own, first, self._edges, self._room_out.words)
        self._in = Inbox(places.order, places.first, terms.wanted)
        self.meets = bool(len(self._to) + len(self._from))
        self._channel: Channel | None = None

    def targets(self, place: int) -> Longs:
        """Return the processes that asked for the cell at a place of this process's, int64."""
        return self._to[self._edges[self._first[place] : self._first[place + 1]]]

    def start(self, times_ms: Floats, gids: Longs) -> None:
        """Send a message to each process that asked."""
        self._out.pack(times_ms, gids)
        self._traffic.sent_spikes += int(self._out.spikes_n.sum())
        self._traffic.timed(self._post)

    def _post(self) -> None:
        if self._channel is None:
            room = self._room_in.words
            self._at = np.cumsum(room) - room
            self._came: Words = np.zeros(int(room.sum()), np.uint32)
            out = [(r, _part(self._out.words, a, n)) for r, a, n in _rows(self._to, self._out.at, self._out.capacity)]
            into = [(r, _part(self._came, a, n)) for r, a, n in _rows(self._from, self._at, room)]
            self._channel = self._comm.channel(out, into)
        self._channel.start()

    def finish(self) -> Spikes:
        """Wait for the messages of the processes that were asked."""
        assert self._channel is not None
        self._traffic.timed(self._channel.wait)
        sent, came = self._out.capacity, self._room_in.words
        self._traffic.note(_WORD_B * int(sent.sum()), _WORD_B * int(came.sum()), len(sent) + len(came))
        lengths = self._came[self._at].astype(np.int64)
        more, more_at = self._fetch(np.where(lengths > came, lengths, 0))
        at = np.where(lengths > came, -1, self._at)
        times, gids, count = self._in.read((self._came, at, self._from), (more, more_at, self._from))
        self._traffic.received_spikes += count
        # Both must be noted, whatever the first says.
        changes = [self._room_out.note(self._out.lengths), self._room_in.note(lengths)]
        if any(changes):
            self._out.resize(self._room_out.words)
            self.close()
        return times, gids

    def _fetch(self, counts: Longs) -> tuple[Words, Longs]:
        """Send and receive the messages that had no room; return those that came, and where they begin."""
        at = np.cumsum(counts) - counts
        more = np.empty(int(counts.sum()), np.uint32)
        long = np.flatnonzero(self._out.long)
        rows = _rows(self._to[long], self._out.more_at[long], self._out.lengths[long])
        out = [(r, _part(self._out.more, a, n)) for r, a, n in rows]
        into = [(r, _part(more, a, n)) for r, a, n in _rows(self._from, at, counts) if n]
        if out or into:
            self._traffic.note(_WORD_B * sum(len(a) for _, a in out), _WORD_B * len(more), len(out) + len(into))
            channel = self._comm.channel(out, into)
            self._traffic.timed(channel.start)
            self._traffic.timed(channel.wait)
            channel.close()
        return more, np.where(counts > 0, at, -1)

    def close(self) -> None:
        """Give up the channel; the next window makes one."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None


def _rows(ranks: Longs, at: Longs, counts: Longs) -> list[tuple[int, int, int]]:
    return list(zip(ranks.tolist(), at.tolist(), counts.tolist(), strict=True))


def _part(words: Words, at: int, n: int) -> Words:
    return words[at : at + n]
