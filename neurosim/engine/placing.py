"""Collecting the instances of each mechanism, in acting order: cells, stimuli, point cells, connections, couplings.

Instances of one mechanism stand in this order: those described with the cells, those attached by the simulation, point
cells, connections in the order of their rows, couplings.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.entry import Placed
from neurosim.engine.layout import NodeLayout, is_leak
from neurosim.engine.lowered import lowered
from neurosim.engine.order import acting_order
from neurosim.engine.request import Request
from neurosim.engine.rows import Longs, occurrence
from neurosim.engine.sockets import by_row, sockets
from neurosim.errors import ModelError
from neurosim.mechanisms.mechanism import Mechanism
from neurosim.model.cell import CellRecord, Point
from neurosim.model.connections import Connections, Couplings
from neurosim.model.point import PointCell

Floats = NDArray[np.float64]
Key = tuple[str, str]

INSTANCES_PER_CELL = 2**24
"""Random streams of one mechanism are numbered gid * this + instance within the cell."""


@dataclass(frozen=True)
class Part:
    """Instances of one mechanism that were described together: elements, values, and the cell of each."""

    elements: Longs
    values: dict[str, float | Floats]
    cells: Longs


@dataclass
class Roster:
    """What was placed, and which instances belong to what.

    ``placed`` is in acting order. ``point_gids`` maps a mechanism to the gids of its point cells and ``point_first`` to
    the first of their instances. ``plugs`` are (mechanism, tables, instance of each row) of the connections,
    ``pointers`` (table, first instance) of the couplings.
    """

    placed: list[Placed] = field(default_factory=list)
    point_gids: dict[Key, Longs] = field(default_factory=dict)
    point_first: dict[Key, int] = field(default_factory=dict)
    plugs: list[tuple[Key, list[Connections], Longs]] = field(default_factory=list)
    pointers: list[tuple[Couplings, int]] = field(default_factory=list)


class Placing:
    """Collects the instances of a request.

    Parameters
    ----------
    request : Request
        The model.
    layout : NodeLayout
        Where nodes stand.
    leak : Mechanism
        The library's ``pas``, which is part of the cable.
    """

    def __init__(self, request: Request, layout: NodeLayout, leak: Mechanism) -> None:
        self.request, self.layout, self.leak = request, layout, leak
        self._parts: dict[Mechanism, list[Part]] = {}
        self._canon: dict[Key, Mechanism] = {}
        self._roster = Roster()

    def roster(self) -> Roster:
        """Return all instances in acting order."""
        self._cells()
        self._stimuli()
        self._point_cells()
        self._connections()
        self._couplings()
        moving = self.request.varying | {(c.mechanism.name, c.pointer) for c in self.request.couplings}
        self._roster.placed = [_joined(m, self._parts[m], moving) for m in acting_order(self._parts)]
        return self._roster

    def _add(self, mechanism: Mechanism, elements: Longs, values: dict[str, float | Floats], cells: Longs) -> int:
        """Add instances; return the number of those that were there before."""
        mech = self._canon.setdefault((mechanism.name, mechanism.digest), mechanism)
        parts = self._parts.setdefault(mech, [])
        before = sum(len(p.elements) for p in parts)
        parts.append(Part(elements, values, cells))
        return before

    def _cells(self) -> None:
        # Who records pas, which is part of the cable, gets an instance; the engine does not add its current.
        watched = {p.cell for p in self.request.probes if p.variable.startswith(f"{self.leak.name}.")}
        for group in self.layout.groups:
            for density in group.record.densities:
                mechanism, members = density.mechanism, np.arange(len(group.cells))
                if is_leak(mechanism, self.leak):
                    members = np.array([k for k, cell in enumerate(group.cells.tolist()) if cell in watched], np.int64)
                if len(members) and len(density.nodes):
                    self._add(
                        mechanism,
                        group.elements[members][:, density.nodes].reshape(-1),
                        {k: v if np.ndim(v) == 0 else np.tile(v, len(members)) for k, v in density.values.items()},
                        np.repeat(group.cells[members], len(density.nodes)),
                    )
            for point in group.record.points:
                self._add(point.mechanism, group.elements[:, point.node], dict(point.values), group.cells)

    def _stimuli(self) -> None:
        found: dict[Mechanism, list[tuple[int, Point]]] = {}
        for cell, point in self.request.points:
            found.setdefault(point.mechanism, []).append((cell, point))
        for mech, points in found.items():
            elements = np.array([self.layout.element(cell, p.node) for cell, p in points], np.int64)
            values: dict[str, float | Floats] = {k: np.array([p.values[k] for _, p in points]) for k in mech.defaults}
            self._add(mech, elements, values, np.array([cell for cell, _ in points], np.int64))

    def _point_cells(self) -> None:
        gids: dict[Key, list[int]] = {}
        kinds: dict[Key, list[Mechanism]] = {}
        for gid, cell in enumerate(self.request.cells):
            if isinstance(cell, PointCell):
                key = (cell.mechanism.name, cell.mechanism.digest)
                gids.setdefault(key, []).append(gid)
                kinds.setdefault(key, []).append(cell.mechanism)
        for key, mechanisms in kinds.items():
            mine = np.array(gids[key], np.int64)
            elements = self.layout.elements_of(mine, np.zeros(len(mine), np.int64))
            own: dict[int, Mechanism] = {id(m): m for m in mechanisms}
            which = {ident: k for k, ident in enumerate(own)}
            code = np.array([which[id(m)] for m in mechanisms])
            values: dict[str, float | Floats] = {
                name: np.array([m.defaults[name] for m in own.values()])[code] for name in mechanisms[0].defaults
            }
            self._roster.point_gids[key] = mine
            self._roster.point_first[key] = self._add(mechanisms[0], elements, values, mine)

    def _connections(self) -> None:
        synapses: dict[Key, list[Connections]] = {}
        direct: dict[Key, list[tuple[Connections, Longs]]] = {}
        for table in self.request.connections:
            if not len(table):
                continue
            self._check(table)
            if table.mechanism is not None:
                synapses.setdefault((table.mechanism.name, table.mechanism.digest), []).append(table)
                continue
            for key, rows in self._by_cell(table):
                direct.setdefault(key, []).append((table, rows))
        for key, tables in synapses.items():
            self._synapses(key, tables)
        for key, parts in direct.items():
            rows_of = [_rows(table, rows) for table, rows in parts]
            position = np.searchsorted(self._roster.point_gids[key], np.concatenate([t.target_gid for t in rows_of]))
            self._roster.plugs.append((key, rows_of, position + self._roster.point_first[key]))

    def _synapses(self, key: Key, tables: list[Connections]) -> None:
        mechanism = tables[0].mechanism
        assert mechanism is not None
        additive = lowered(mechanism).additive
        names = {p.variable for p in self.request.probes} | self.request.recorded
        recorded = any(name.startswith(f"{mechanism.name}.") for name in names)
        joined = additive is not None and additive.joinable and not recorded and not self.request.separate
        elements = by_row([self.layout.elements_of(t.target_gid, t.node) for t in tables])
        made = sockets(elements, tables, mechanism, joined=joined)
        first = self._add(mechanism, made.elements, made.values, made.cells)
        self._roster.plugs.append((key, tables, made.instance + first))

    def _by_cell(self, table: Connections) -> list[tuple[Key, Longs]]:
        """Return the rows of a table onto point cells by the mechanism of the target."""
        kinds: dict[Key, list[int]] = {}
        targets, back = np.unique(table.target_gid, return_inverse=True)
        for k, gid in enumerate(targets.tolist()):
            cell = self.request.cells[gid]
            if not isinstance(cell, PointCell):
                raise ModelError(
                    f"connections: gid {gid} is no point cell and receives no events itself; give a synapse (mechanism)"
                )
            if cell.mechanism.code.net_receive is None:
                raise ModelError(
                    f"connections: gid {gid} is a {cell.mechanism.name} without NET_RECEIVE and receives no events"
                )
            kinds.setdefault((cell.mechanism.name, cell.mechanism.digest), []).append(k)
        if len(kinds) == 1:
            return [(next(iter(kinds)), np.arange(len(table)))]
        return [(key, np.flatnonzero(np.isin(back.reshape(-1), members))) for key, members in kinds.items()]

    @cached_property
    def _nodes_of_cell(self) -> Longs:
        """Number of nodes by gid, 0 for point cells and trains."""
        return np.array([len(c.tree) if isinstance(c, CellRecord) else 0 for c in self.request.cells], np.int64)

    def _check(self, table: Connections) -> None:
        n = len(self.request.cells)
        for name, column in (("source_gid", table.source_gid), ("target_gid", table.target_gid)):
            if column.min() < 0 or column.max() >= n:
                wrong = column[(column < 0) | (column >= n)][0]
                raise ModelError(f"connections: {name}={wrong} is not there; allowed: 0 to {n - 1}")
        if table.mechanism is None:
            return
        if table.mechanism.code.net_receive is None:
            raise ModelError(
                f"connections: {table.mechanism.name} has no NET_RECEIVE and receives no events; choose a synapse"
            )
        nodes = self._nodes_of_cell
        if not nodes[table.target_gid].all():
            gid = int(table.target_gid[nodes[table.target_gid] == 0][0])
            raise ModelError(
                f"connections: gid {gid} is a point cell and has no place for {table.mechanism.name}; give no synapse"
            )
        bad = (table.node < 0) | (table.node >= nodes[table.target_gid])
        if bad.any():
            k = int(np.flatnonzero(bad)[0])
            gid = int(table.target_gid[k])
            raise ModelError(
                f"connections: row {k}: node={table.node[k]} is not in gid {gid}; allowed: 0 to {nodes[gid] - 1}"
            )

    def _couplings(self) -> None:
        for table in self.request.couplings:
            if not len(table):
                continue
            values = {name: table.values.get(name, table.mechanism.defaults[name]) for name in table.mechanism.defaults}
            values[table.pointer] = np.full(len(table), self.request.v_init_mV)
            target = table.target_gid.astype(np.int64)
            elements = self.layout.elements_of(target, table.target_node.astype(np.int64))
            self._roster.pointers.append((table, self._add(table.mechanism, elements, values, target)))


def _rows(table: Connections, rows: Longs) -> Connections:
    if len(rows) == len(table):
        return table
    return Connections(
        None, table.source_gid[rows], table.target_gid[rows], table.node[rows], table.weight[rows], table.delay_ms[rows]
    )


def _joined(mechanism: Mechanism, parts: list[Part], varying: frozenset[tuple[str, str]]) -> Placed:
    elements = np.concatenate([p.elements for p in parts])
    values: dict[str, float | Floats] = {}
    for name in (*mechanism.defaults, *mechanism.pointers):
        pieces = [p.values.get(name, 0.0) for p in parts]
        if all(np.ndim(p) == 0 for p in pieces) and len({float(np.ravel(p)[0]) for p in pieces}) == 1:
            values[name] = float(np.ravel(pieces[0])[0])
        else:
            values[name] = np.concatenate(
                [np.broadcast_to(v, p.elements.shape) for v, p in zip(pieces, parts, strict=True)]
            )
    moving = frozenset(name for mech, name in varying if mech == mechanism.name)
    noisy = any(a.name == "normal" for a in mechanism.assigned)
    drawing = "stream" in lowered(mechanism).fields
    if not (noisy or drawing):
        return Placed(mechanism, elements, values, varying=moving)
    cells = np.concatenate([p.cells for p in parts])
    # By cell and instance in the cell, whatever other cells there are.
    streams = cells * INSTANCES_PER_CELL + occurrence(cells)
    if drawing:
        values["stream"] = streams.astype(np.float64)
    return Placed(mechanism, elements, values, streams, moving)
