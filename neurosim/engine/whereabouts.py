"""Where the things of each cell stand in an engine: nodes, instances of mechanisms, ions, connections.

Everything is named by what belongs to the model: a cell's gid, the node of its tree, which of the cell's instances of a
mechanism it is, which of its incoming connections. Places in memory depend on blocks, threads and processes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.bygid import ByGid
from neurosim.engine.channels import Channel
from neurosim.engine.entry import Entry
from neurosim.engine.events import RangeState
from neurosim.engine.layout import NodeLayout
from neurosim.engine.lowered import lowered
from neurosim.engine.rows import Longs, occurrence
from neurosim.engine.wiring import Wiring
from neurosim.kernels import events
from neurosim.kernels.simd import LANES
from neurosim.mechanisms.lower import symbol

Ints = NDArray[np.int32]


class Instances:
    """The instances of one mechanism by cell.

    Parameters
    ----------
    channel : Channel
        The mechanism.
    gid_of : int32 (elements,)
        Cell of each element.

    Notes
    -----
    There may be as many as synapses: what is not needed again is not kept.
    """

    def __init__(self, channel: Channel, gid_of: Ints) -> None:
        self.channel, self._gid_of = channel, gid_of
        self.name = f"{channel.mechanism.name}.{channel.mechanism.digest[:8]}"
        self.table = ByGid.of(np.sort(gid_of[channel.placed.elements]))

    @cached_property
    def gid(self) -> Longs:
        """The cell of each instance, int64 (instances,), in the channel's order."""
        return self._gid_of[self.channel.placed.elements].astype(np.int64)

    @cached_property
    def occurrence(self) -> Longs:
        """Which of its cell's each instance is, int64 (instances,)."""
        return occurrence(self.gid)

    @cached_property
    def _order(self) -> Longs:
        found: Longs = np.argsort(self.gid, kind="stable")
        return found

    def parts(self) -> Iterator[tuple[Entry, Ints, Longs]]:
        """Yield each entry with the row in the table and the place of its instances, int32, int64 (n,)."""
        gid = self._gid_of[self.channel.placed.elements]
        rank = np.empty(len(gid), np.int32)
        rank[np.argsort(gid, kind="stable")] = np.arange(len(gid), dtype=np.int32)
        for entry in self.channel.entries:
            yield entry, rank[entry.rows.chosen], entry.rows.place

    def at_places(self, values: Longs, entry: int) -> Longs:
        """Return values of instances by place of an entry, int64 (places,); -1 where there is none."""
        rows = self.channel.entries[entry].rows
        out = np.full(rows.n * LANES, -1, np.int64)
        out[rows.place] = values[rows.chosen]
        return out

    def instance(self, gid: Longs, nth: Longs) -> Longs:
        """Return the instances that are the nth of their cells, int64 (n,)."""
        first = np.cumsum(self.table.counts) - self.table.counts
        found: Longs = self._order[first[np.searchsorted(self.table.gids, gid)] + nth]
        return found

    @cached_property
    def fields(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Fields that a run changes: those needed to go on, and those that are only looked at."""
        own, channel = self.channel.lowered, self.channel
        programs = (own.current, own.advance, own.receive)
        outputs = {name for program in programs if program is not None for name in program.outputs}
        changing = {name for name in own.fields if symbol(name) in outputs}
        changing |= {*channel.placed.varying, *channel.mechanism.pointers} - {*channel.placed.seen}
        needed = changing & {*lowered(channel.mechanism).fields}
        return tuple(sorted(needed)), tuple(sorted(changing - needed))

    @property
    def adds(self) -> bool:
        """Whether the event loop treats its events as sums."""
        additive = self.channel.lowered.additive
        return additive is not None and len(additive.states) <= events.MOST_SUMS and not self.channel.effects

    @cached_property
    def learned(self) -> tuple[int, ...]:
        """Which arguments of its connections NET_RECEIVE changes."""
        own = self.channel.lowered
        outputs = {*(own.receive.outputs if own.receive is not None else ())}
        outputs |= {name.replace("other", "arg") for program in own.netcons for name in program.outputs}
        return tuple(k for k in range(own.arguments_n) if f"arg{k}" in outputs)


@dataclass(frozen=True)
class Incoming:
    """Connections of a range onto the instances of one mechanism.

    ``connection`` are their numbers in the range, ascending, ``gid`` the cell of each, ``nth`` its number among those
    onto the mechanism in that cell, in order of source, then of row.
    """

    connection: Longs
    gid: Longs
    nth: Longs

    def numbered(self, gid: Longs, nth: Longs) -> Longs:
        """Return the connections with these numbers in these cells."""
        order = np.lexsort((self.nth, self.gid))
        found: Longs = self.connection[order[np.searchsorted(self.gid[order], gid) + nth]]
        return found


class Whereabouts:
    """Finds the cells' things in an engine's arrays.

    Parameters
    ----------
    layout : NodeLayout
        Where nodes stand.
    channels : sequence of Channel
        Mechanisms.
    wiring : Wiring
        Receivers.
    ranges : sequence of RangeState
        Connections.
    """

    def __init__(
        self, layout: NodeLayout, channels: Sequence[Channel], wiring: Wiring, ranges: Sequence[RangeState]
    ) -> None:
        self.gid_of = np.full(layout.grid.size, -1, np.int32)
        self.node_of = np.zeros(layout.grid.size, np.int32)
        for group in layout.groups:
            self.gid_of[group.elements] = group.cells[:, None]
            self.node_of[group.elements] = np.arange(group.elements.shape[1], dtype=np.int32)
        for number, point in enumerate(layout.points, len(layout.blocks)):
            base = int(layout.grid.base[number])
            self.gid_of[base : base + len(point.cells)] = point.cells
        own = np.flatnonzero(self.gid_of >= 0)
        self.elements = own[np.lexsort((self.node_of[own], self.gid_of[own]))]
        self.nodes = ByGid.of(self.gid_of[self.elements])
        self.instances = [Instances(c, self.gid_of) for c in channels]
        self._wiring, self._ranges = wiring, ranges
        numbers = {id(c): k for k, c in enumerate(channels)}
        self.receivers = [(numbers[id(channel)], entry) for entry, channel in wiring.receivers]

    @property
    def gids(self) -> Longs:
        """The cells that are computed here, ascending."""
        return self.nodes.gids

    @property
    def sources(self) -> Longs:
        """The gids whose spikes act here, ascending."""
        heard = [np.flatnonzero(np.diff(state.range.wires.first)) for state in self._ranges]
        distinct: Longs = np.unique(np.concatenate(heard))
        return distinct

    def written(self, ion: str) -> tuple[Longs, Longs]:
        """Return the elements where a mechanism sets an ion's concentrations, and its reversal potential; by cell."""
        concentrations, reversals = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for instances in self.instances:
            placed = instances.channel.placed
            for use in placed.mechanism.ions:
                if use.ion == ion and {f"{ion}i", f"{ion}o"} & {*use.writes}:
                    concentrations.append(placed.elements)
                if use.ion == ion and f"e{ion}" in use.writes:
                    reversals.append(placed.elements)
        both = np.concatenate([*concentrations, *reversals])
        return self.by_cell(np.concatenate(concentrations)), self.by_cell(both)

    def by_cell(self, elements: Longs) -> Longs:
        """Return the distinct elements in order of cell, then of node."""
        distinct: Longs = np.unique(elements)
        named: Longs = distinct[np.lexsort((self.node_of[distinct], self.gid_of[distinct]))]
        return named

    @cached_property
    def incoming(self) -> dict[tuple[int, int], Incoming]:
        """Connections by (range, channel), of mechanisms whose NET_RECEIVE does more than adding."""
        out = {}
        for r, state in enumerate(self._ranges):
            wires = state.range.wires
            receiver = wires.entry & (events.RECEIVERS - 1)
            for number, instances in enumerate(self.instances):
                if instances.adds:
                    continue
                gid = np.full(len(receiver), -1, np.int64)
                for e, (channel, entry) in enumerate(self.receivers):
                    if channel == number:
                        mine = receiver == e
                        gid[mine] = instances.at_places(instances.gid, entry)[wires.index[mine]]
                connection = np.flatnonzero(gid >= 0)
                if len(connection):
                    out[r, number] = Incoming(connection, gid[connection], occurrence(gid[connection]))
        return out

    def located(self, channel: int, instances: Longs) -> tuple[Ints, Ints]:
        """Return receiver and place of instances of a channel, int32 (n,) each."""
        return self._wiring.located(channel, instances)

    def group_of(self, receiver: int, place: int) -> int:
        """Return the group of a place of a receiver."""
        return self._wiring.group_of(receiver, place)
