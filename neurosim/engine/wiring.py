"""From columns of connections to instances of point processes and to the tables of the event loop.

First ``sockets`` decides which point process each row of a table gets: rows whose point processes would only be summed
share one. Later ``Wiring`` looks up where those instances stand and sorts the rows by source for every range of groups.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.channels import Channel
from neurosim.engine.memory import address
from neurosim.engine.rows import Longs
from neurosim.errors import SimulationError
from neurosim.kernels import events
from neurosim.kernels.simd import LANES
from neurosim.mechanisms.mechanism import Mechanism
from neurosim.model.connections import Connections

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]


@dataclass(frozen=True)
class Sockets:
    """Point processes that rows of connections need.

    ``elements``, ``cells`` int64 and ``values`` are by instance, ``instance`` int64 by row.
    """

    elements: Longs
    cells: Longs
    values: dict[str, float | Floats]
    instance: Longs


def sockets(elements: Longs, tables: Sequence[Connections], mechanism: Mechanism, *, joined: bool) -> Sockets:
    """Return the instances of one mechanism for all rows of its tables.

    Parameters
    ----------
    elements : int64 (rows,)
        Node element of each row, table after table.
    tables : sequence of Connections
        With this mechanism (defaults may differ).
    mechanism : Mechanism
        Its first variant.
    joined : bool
        Instances of equal values at one element may be one.
    """
    cells = np.concatenate([t.target_gid for t in tables]).astype(np.int64)
    values = {name: _column(name, tables) for name in mechanism.defaults}
    shared = [t.instance for t in tables]
    if not joined and all(s is None for s in shared):
        return Sockets(elements, cells, values, np.arange(len(cells), dtype=np.int64))
    key = elements.copy()
    for value in values.values():
        if np.ndim(value):
            key = _paired(key, np.asarray(value))
    if not joined:
        offset = 0
        marks: list[Longs] = []
        for table, mark in zip(tables, shared, strict=True):
            own = np.arange(offset, offset + len(table), dtype=np.int64)
            marks.append(own if mark is None else -1 - mark.astype(np.int64) * len(tables) - len(marks))
            offset += len(table)
        key = _paired(key, np.concatenate(marks))
    _, first, back = np.unique(key, return_index=True, return_inverse=True)
    # Instances in the order of their first rows.
    rank = np.empty(len(first), np.int64)
    order = np.argsort(first, kind="stable")
    rank[order] = np.arange(len(first))
    chosen = first[order]
    return Sockets(
        elements[chosen],
        cells[chosen],
        {k: v if np.ndim(v) == 0 else np.asarray(v)[chosen] for k, v in values.items()},
        rank[back.reshape(-1)],
    )


def _paired(key: Longs, column: NDArray[Any]) -> Longs:
    """Return numbers that are equal where both are equal."""
    distinct, codes = np.unique(column, return_inverse=True)
    if len(distinct) == 1:
        return key
    _, dense = np.unique(key, return_inverse=True)
    return dense.reshape(-1).astype(np.int64) * len(distinct) + codes.reshape(-1)


def _column(name: str, tables: Sequence[Connections]) -> float | Floats:
    parts = []
    for t in tables:
        default = t.mechanism.defaults[name] if t.mechanism is not None else 0.0
        parts.append(t.values.get(name, default))
    if all(np.ndim(p) == 0 for p in parts) and len({float(np.ravel(p)[0]) for p in parts}) == 1:
        return float(np.ravel(parts[0])[0])
    columns = [np.broadcast_to(np.asarray(p, float), len(t)) for p, t in zip(parts, tables, strict=True)]
    joined: Floats = np.concatenate(columns)
    return joined


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
            First group and last group + 1 of every range.
        group_of_block : int64 (blocks,)
            Group of each block.
        sources : int
            Number of gids.
        """
        self._group_rows = [
            group_of_block[_block_of_row(c.entries[index].rows.first)].astype(np.int32) for index, c in self._found
        ]
        columns = self._columns(group_of_block)
        return [self._range(first, last, columns, sources) for first, last in bounds]

    def _columns(self, group_of_block: Longs) -> dict[str, NDArray[Any]]:
        """Return the columns of all connections: source, entry, index, delay, weight, group, channel, instance."""
        parts: dict[str, list[NDArray[Any]]] = {}
        numbers = {id(c): k for k, c in enumerate(self.channels)}
        for plug in self.plugs:
            channel = numbers[id(plug.channel)]
            entry, index = self.located(channel, plug.instance)
            block = plug.channel.around.grid.block_of(plug.channel.placed.elements)
            columns: dict[str, NDArray[Any]] = {
                "source": np.concatenate([t.source_gid for t in plug.tables]),
                "entry": entry,
                "index": index,
                "delay": np.concatenate([t.delay_ms for t in plug.tables]),
                "weight": np.concatenate([t.weight for t in plug.tables]),
                "group": group_of_block[block].astype(np.int32)[plug.instance],
                "channel": np.full(len(entry), channel, np.int32),
                "instance": plug.instance.astype(np.int32),
            }
            for name, column in columns.items():
                parts.setdefault(name, []).append(column)
        return {name: np.concatenate(found) for name, found in parts.items()}

    def _range(self, first: int, last: int, columns: dict[str, NDArray[Any]], sources: int) -> Range:
        held: list[object] = []

        def hold(array: Ints) -> int:
            held.append(array)
            return address(array)

        entries = np.array(self._rows, np.int64).reshape(-1, events.ENTRY_WORDS)
        if not columns:
            wires = Wires(np.zeros(sources + 1, np.int64), *(np.zeros(0, np.int32),) * 2, *(np.zeros(0),) * 2, _NONE)
            return Range(first, last, wires, entries, np.zeros(0), tuple(held))
        group = columns["group"]
        mine = np.flatnonzero((group >= first) & (group < last))
        mine = mine[np.lexsort((group[mine], columns["source"][mine]))]
        source = columns["source"][mine]
        arguments, arg = self._arguments(columns, mine)
        receiver = columns["entry"][mine]
        wires = Wires(
            np.searchsorted(source, np.arange(sources + 1)).astype(np.int64),
            receiver + (group[mine] - np.int32(first)) * np.int32(events.RECEIVERS),
            columns["index"][mine],
            columns["delay"][mine],
            arguments,
            arg,
        )
        self._netcons(entries, wires, hold)
        return Range(first, last, wires, entries, arguments.copy() if len(arg) else np.zeros(0), tuple(held))

    def _arguments(self, columns: dict[str, NDArray[Any]], mine: Longs) -> tuple[Floats, Longs]:
        """Return the arguments of all connections one after the other, and where each begins (empty: one each)."""
        channel, weight = columns["channel"][mine], columns["weight"][mine].astype(np.float64)
        counts = np.array([max(1, c.lowered.arguments_n) for c in self.channels], np.int64)[channel]
        if not len(mine) or counts.max() == 1:
            return weight, _NONE
        arg = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)
        arguments = np.zeros(int(counts.sum()))
        for number in np.unique(channel).tolist():
            at = np.flatnonzero(channel == number)
            values = self.channels[number].connect(columns["instance"][mine[at]].astype(np.int64), weight[at])
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


def _block_of_row(first: Ints) -> Longs:
    return np.repeat(np.arange(len(first) - 1), np.diff(first))
