"""From columns of connections to the tables of the event loop.

``neurosim.engine.sockets`` has decided which point process each row of a table gets. ``Wiring`` looks up where those
instances stand and sorts the rows by source for every range of groups.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.channels import Channel
from neurosim.engine.memory import address
from neurosim.engine.rows import Longs
from neurosim.engine.sockets import by_row
from neurosim.errors import SimulationError
from neurosim.kernels import events
from neurosim.kernels.simd import LANES
from neurosim.model.connections import Connections

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

_PIECE, _PIECES = 1 << 14, 16
"""Connections whose arguments are worked out at a time, at least, and number of such pieces, at most."""


@dataclass
class Plug:
    """Rows of connections onto instances of one channel: ``instance`` int64, ``tables`` in order."""

    channel: Channel
    tables: list[Connections]
    instance: Longs


@dataclass(frozen=True)
class Wires:
    """Incoming connections of a range of groups, by source.

    Parameters
    ----------
    first : int64 (sources + 1,)
        Range of each gid's connections.
    entry, index : int32 (n,)
        Receiver + group in the range * ``events.RECEIVERS``, and place of the instance there.
    delay_ms : float64 (n,)
        Delay.
    args : float64
        Arguments of NET_RECEIVE, connection after connection.
    arg : int64 (n,)
        First argument of each connection; empty when each has one.
    """

    first: Longs
    entry: Ints
    index: Ints
    delay_ms: Floats
    args: Floats
    arg: Longs


@dataclass(frozen=True)
class _AllWires:
    """``Wires`` of all ranges, range after range; ``first`` is one array each and counts within the range."""

    first: list[Longs]
    entry: Ints
    index: Ints
    delay_ms: Floats
    args: Floats
    arg: Longs


@dataclass(frozen=True)
class Range:
    """Groups that one thread advances: their numbers, their connections and receivers as the kernels read them."""

    first: int
    last: int
    wires: Wires
    entries: NDArray[np.int64]
    start: Floats
    held: tuple[object, ...]


class Wiring:
    """Receivers and connections of a simulation.

    Parameters
    ----------
    channels : sequence of Channel
        All mechanisms.
    plugs : sequence of Plug
        Connections by channel.
    firing : dict
        Channel number -> gid by instance, int64, of point cells.
    rings : bool
        Whether receivers of point cells may have rings.
    """

    def __init__(
        self, channels: Sequence[Channel], plugs: Sequence[Plug], firing: dict[int, Longs], rings: bool
    ) -> None:
        self.channels, self.plugs = channels, plugs
        self.places = 0
        self.effects = np.zeros((1, 2), np.int32)
        self._held: list[object] = []
        self._rows: list[NDArray[np.int64]] = []
        self._found: list[tuple[int, Channel]] = []
        self._entry_of: dict[int, list[int]] = {}
        self.most_effects = 0
        self.watches = False
        for number, channel in enumerate(channels):
            if channel.lowered.receive is not None or channel.lowered.watch is not None:
                self._receiver(number, channel, firing.get(number), rings)
        if len(self._rows) > events.RECEIVERS:
            raise SimulationError(
                f"{len(self._rows)} kinds of synapses and point cells; allowed: {events.RECEIVERS}. Use fewer."
            )

    def _receiver(self, number: int, channel: Channel, gids: Longs | None, rings: bool) -> None:
        effects, additive = channel.effects, channel.lowered.additive
        begin = len(self.effects)
        if effects:
            table = np.array([(e.kind, e.number) for e in effects], np.int32)
            self.effects = np.concatenate([self.effects, table])
            self.most_effects = max(self.most_effects, len(effects))
        for index, entry in enumerate(channel.entries):
            row = np.zeros(events.ENTRY_WORDS, np.int64)
            row[events.RECEIVE], row[events.CONTEXT] = entry.receive, address(entry.context)
            row[events.ROWS], row[events.PLACES] = address(entry.rows.first), entry.rows.n * LANES
            row[events.EFFECTS], row[events.EFFECTS_N] = begin, len(effects)
            row[events.RING] = -1
            if additive is not None and len(additive.states) <= events.MOST_SUMS:
                row[events.SUMS] = len(additive.states)
                row[events.STATE : events.STATE + len(additive.states)] = [
                    address(entry.fields[state]) for state in additive.states
                ]
                if gids is not None and rings:
                    row[events.RING] = self.places
                    self.places += entry.rows.n * LANES
            if gids is not None and any(e.kind == events.EVENT for e in effects):
                sources = np.full(entry.rows.n * LANES, -1, np.int32)
                sources[entry.rows.place] = gids[entry.rows.chosen]
                row[events.SOURCES] = self._hold(sources)
            if entry.watch:
                self.watches = True
                flags = np.array(channel.lowered.watch_flags)
                row[events.WATCH], row[events.WATCH_N] = entry.watch, len(flags)
                row[events.WATCH_VALUES], row[events.WATCH_STATES] = address(entry.watched), address(entry.watch_states)
                row[events.WATCH_FLAGS] = self._hold(flags)
            row[events.NETCONS] = entry.netcons
            self._entry_of.setdefault(number, []).append(len(self._rows))
            self._rows.append(row)
            self._found.append((index, channel))

    def _hold(self, array: NDArray[np.int32] | Floats | Longs) -> int:
        self._held.append(array)
        return address(array)

    @property
    def receivers(self) -> Sequence[tuple[int, Channel]]:
        """The entry and the channel of every receiver, by its number."""
        return self._found

    def find_factors(self, entries: NDArray[np.int64]) -> None:
        """Write into receivers where the factors of their sums stand, which INITIAL may have made one for all."""
        for row, (index, channel) in zip(entries, self._found, strict=True):
            entry, additive = channel.entries[index], channel.lowered.additive
            for q, factor in enumerate(additive.coefficients if additive is not None and row[events.SUMS] else ()):
                if isinstance(factor, str):
                    row[events.FACTOR + q] = address(entry.fields[factor])
                    row[events.FACTOR_STRIDE + q] = entry.strides[factor]

    def group_of(self, entry: int, place: int) -> int:
        """Return the group of a place of a receiver."""
        return int(self._group_rows[entry][place // LANES])

    def located(self, channel: int, instances: Longs) -> tuple[Ints, Ints]:
        """Return receiver and place of instances of a channel, int32 (n,) each."""
        owner = self.channels[channel]
        n = len(owner.placed.elements)
        entry, place = np.zeros(n, np.int32), np.zeros(n, np.int32)
        for e in self._entry_of[channel]:
            rows = owner.entries[self._found[e][0]].rows
            entry[rows.chosen], place[rows.chosen] = e, rows.place
        return entry[instances], place[instances]

    def ranges(self, bounds: Sequence[tuple[int, int]], group_of_block: Longs, sources: int) -> list[Range]:
        """Return the tables of each range of groups.

        Parameters
        ----------
        bounds : sequence of (int, int)
            First group and last group + 1 of every range; in order, without gaps.
        group_of_block : int64 (blocks,)
            Group of each block.
        sources : int
            Number of gids.
        """
        self._group_rows = [
            group_of_block[_block_of_row(c.entries[index].rows.first)].astype(np.int32) for index, c in self._found
        ]
        wires, edges = self._wires(bounds, group_of_block, sources)
        # What was given by row is not needed any more.
        self.plugs = []
        return [
            self._range(bound, wires, number, int(edges[number]), int(edges[number + 1]))
            for number, bound in enumerate(bounds)
        ]

    def _wires(self, bounds: Sequence[tuple[int, int]], group_of_block: Longs, sources: int) -> tuple[_AllWires, Longs]:
        """Return the connections of all ranges, range after range, and where those of each begin.

        Strategy: a column at a time is put together and brought into order, so that building takes little more memory
        than what is kept.
        """
        group = self._joined(lambda plug: self._groups_of(plug, group_of_block), np.int32)
        source = self._joined(lambda plug: by_row([t.source_gid for t in plug.tables]), np.int32)
        order, edges = _order(source, group, bounds)
        source = source[order]
        every = np.arange(sources + 1)
        first = [np.searchsorted(source[a:b], every) for a, b in pairwise(edges.tolist())]
        del source, every
        group = group[order]
        receiver = self._joined(lambda plug: self.located(self._number(plug), plug.instance)[0], np.int32)[order]
        for (low, _), a, b in zip(bounds, edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            receiver[a:b] += (group[a:b] - np.int32(low)) * np.int32(events.RECEIVERS)
        del group
        index = self._joined(lambda plug: self.located(self._number(plug), plug.instance)[1], np.int32)[order]
        delay = self._joined(lambda plug: by_row([t.delay_ms for t in plug.tables]), np.float64)[order]
        arguments, arg = self._arguments(receiver, order)
        return _AllWires(first, receiver, index, delay, arguments, arg), edges

    def _joined(self, column: Callable[[Plug], NDArray[Any]], kind: type[np.generic]) -> NDArray[Any]:
        """Return a column of all plugs, one after the other."""
        return by_row([column(plug) for plug in self.plugs] or [np.zeros(0, kind)])

    def _number(self, plug: Plug) -> int:
        return next(k for k, channel in enumerate(self.channels) if channel is plug.channel)

    def _groups_of(self, plug: Plug, group_of_block: Longs) -> Ints:
        """Return the group of each row, int32."""
        block = plug.channel.around.grid.block_of(plug.channel.placed.elements)
        groups: Ints = group_of_block.astype(np.int32)[block][plug.instance]
        return groups

    def _range(self, bound: tuple[int, int], every: _AllWires, number: int, a: int, b: int) -> Range:
        held: list[object] = []

        def hold(array: Ints) -> int:
            held.append(array)
            return address(array)

        entries = np.array(self._rows, np.int64).reshape(-1, events.ENTRY_WORDS)
        arg, args = _NONE, every.args[a:b]
        if len(every.arg) and b > a:
            begin, end = int(every.arg[a]), int(every.arg[b]) if b < len(every.arg) else len(every.args)
            arg, args = every.arg[a:b] - begin, every.args[begin:end]
        wires = Wires(every.first[number], every.entry[a:b], every.index[a:b], every.delay_ms[a:b], args, arg)
        self._netcons(entries, wires, hold)
        return Range(*bound, wires, entries, args.copy() if len(arg) else np.zeros(0), tuple(held))

    def _arguments(self, receiver: Ints, order: NDArray[np.integer]) -> tuple[Floats, Longs]:
        """Return the arguments of all connections one after the other, and where each begins (empty: one each)."""
        weight = self._joined(lambda plug: by_row([t.weight for t in plug.tables]), np.float64)[order]
        weight = weight.astype(np.float64, copy=False)
        numbers = {id(c): k for k, c in enumerate(self.channels)}
        channel_of = np.array([numbers[id(c)] for _, c in self._found], np.int32)
        each = np.array([max(1, c.lowered.arguments_n) for c in self.channels], np.int64)
        if not len(weight) or all(each[self._number(plug)] == 1 for plug in self.plugs):
            return weight, _NONE
        channel = channel_of[receiver % events.RECEIVERS]
        instance = self._joined(lambda plug: plug.instance.astype(np.int32), np.int32)[order]
        arg = np.cumsum(each[channel]) - each[channel]
        arguments = np.zeros(int(each[channel].sum()))
        for number in np.unique(channel).tolist():
            every = np.flatnonzero(channel == number)
            for at in np.array_split(every, max(1, min(_PIECES, len(every) // _PIECE))):
                values = self.channels[number].connect(instance[at].astype(np.int64), weight[at])
                for k in range(values.shape[1]):
                    arguments[arg[at] + k] = values[:, k]
        return arguments, arg

    def _netcons(self, entries: NDArray[np.int64], wires: Wires, hold: Callable[[Ints], int]) -> None:
        """List the connections of each instance for FOR_NETCONS."""
        for e in np.flatnonzero(entries[:, events.NETCONS]).tolist():
            mine = np.flatnonzero(wires.entry % events.RECEIVERS == e)
            order = mine[np.argsort(wires.index[mine], kind="stable")]
            first = np.searchsorted(wires.index[order], np.arange(int(entries[e, events.PLACES]) + 1))
            entries[e, events.NETCON_FIRST] = hold(first.astype(np.int32))
            entries[e, events.NETCON_LIST] = hold(order.astype(np.int32))


_NONE = np.zeros(0, np.int64)


def _order(source: Ints, group: Ints, bounds: Sequence[tuple[int, int]]) -> tuple[NDArray[np.integer], Longs]:
    """Return the rows by range, source and group, int (n,), and where those of each range begin (ranges + 1,)."""
    if len(bounds) == 1:
        order, edges = np.lexsort((group, source)), np.array([0, len(source)], np.int64)
    else:
        number = np.searchsorted([last for _, last in bounds], group, side="right").astype(np.int32)
        edges = np.concatenate([[0], np.cumsum(np.bincount(number, minlength=len(bounds)))]).astype(np.int64)
        order = np.lexsort((group, source, number))
    # Half the memory, for as long as the columns are put into this order.
    return order.astype(np.int32) if len(order) < 2**31 else order, edges


def _block_of_row(first: Ints) -> Longs:
    return np.repeat(np.arange(len(first) - 1), np.diff(first))
