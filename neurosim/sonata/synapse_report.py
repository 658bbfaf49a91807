"""Reports of synapses: a variable of every synapse of some cells, ``module: netcon_report``.

The file is that of a membrane report with one column a synapse, the synapses of a cell in the order in which they were
made; ``mapping/element_ids`` and ``element_pos`` say where it is (section, middle of its compartment), and two more
datasets say between whom: ``src_ids`` and ``trg_ids`` are gids, -1 for a source that no node stands for.
``syn_type`` chooses by the beginning of the mechanism's name, as BMTK's does, and is Exp2Syn when left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from neurosim.mechanisms.mechanism import Mechanism
from neurosim.model.cell import Cell
from neurosim.model.connections import Connections
from neurosim.results import Trace
from neurosim.sonata.agreement import largest, together
from neurosim.sonata.entry import Entry
from neurosim.sonata.nodes import Population
from neurosim.sonata.report_entry import WHEN, WHO, Rows, Subjects, rows_of, variable_name
from neurosim.sonata.source import Elements, Floats, Ints, drained
from neurosim.sonata.variable import find_point_variable

KEYS = {"module", "enabled", "file_name", "variable_name", "syn_type"} | WHO | WHEN
HARMLESS = {"sections", "buffer", "buffer_data", "transform", "type", "unit", "units"}
SYN_TYPE = "Exp2Syn"


@dataclass(frozen=True, eq=False)
class SynapseSpec:
    """A report of synapses as asked for.

    ``target`` is the number of the cell, ``table`` and ``row`` are the place in the circuit's connections, int64 (n,)
    each, sorted by target and then as they were made; with several processes, those of this one.
    """

    key: str
    path: Path
    variable: str
    unit: str
    target: Ints
    table: Ints
    row: Ints
    rows: Rows
    dt_ms: float
    start_ms: float
    end_ms: float
    syn_type: str = SYN_TYPE


def read_synapses(entry: Entry, subjects: Subjects) -> SynapseSpec:
    """Return the report of an entry."""
    entry.check_keys(KEYS, HARMLESS)
    variable = variable_name(entry)
    wanted = str(entry.text("syn_type", SYN_TYPE))
    chosen = np.flatnonzero(np.isin(subjects.gids, subjects.who(entry)))
    here = [np.flatnonzero(np.isin(c.target_gid, chosen)) if c.mechanism else np.zeros(0, int) for c in
            subjects.connections]  # fmt: skip
    mechanisms = {c.mechanism.name: c.mechanism for c, rows in zip(subjects.connections, here, strict=True)
                  if c.mechanism is not None and len(rows)}  # fmt: skip
    named = {name: mechanism for name, mechanism in mechanisms.items() if name.startswith(wanted)}
    if largest(subjects.exchange, len(named)) == 0:
        known = ", ".join(sorted(mechanisms)) or "none"
        entry.fail("syn_type", f"no synapse of the chosen cells is a {wanted!r}; there are {known}.")
    unit = together(subjects.exchange, lambda: _unit(entry, variable, named))
    tables = [t for t, c in enumerate(subjects.connections) if c.mechanism is not None and c.mechanism.name in named]
    none = [np.zeros(0, np.int64)]
    table = np.concatenate(none + [np.full(len(here[t]), t, np.int64) for t in tables])
    row = np.concatenate(none + [here[t] for t in tables]).astype(np.int64)
    target = np.concatenate(none + [subjects.connections[t].target_gid[here[t]] for t in tables]).astype(np.int64)
    order = np.argsort(target, kind="stable")
    return SynapseSpec(
        entry.key, subjects.file_of(entry), variable, unit, target[order], table[order], row[order],
        *rows_of(entry, subjects.config), wanted,
    )  # fmt: skip


def _unit(entry: Entry, variable: str, named: Mapping[str, Mechanism]) -> str:
    """Return the unit of a variable that all of these mechanisms must have, empty when there are none."""
    found = {name: find_point_variable(variable, mechanism) for name, mechanism in named.items()}
    lacking = [name for name, what in found.items() if what is None]
    if lacking:
        entry.fail("variable_name", f"{lacking[0]} has no {variable!r}; choose another syn_type or variable.")
    return next((what.unit for what in found.values() if what is not None), "")


class SynapseValues:
    """Values of synapses, recorded table by table.

    Parameters
    ----------
    sim : Simulation
        Gets the recordings.
    variable : str
        Name in the mechanism.
    table, row : int64 (n,)
        Place of each column in ``sim.connections``.
    """

    def __init__(self, sim: Recorder, variable: str, table: Ints, row: Ints) -> None:
        self._parts: list[tuple[Trace, Ints]] = []
        for which in np.unique(table).tolist():
            columns = np.flatnonzero(table == which)
            self._parts.append((sim.record_synapses(variable, which, row[columns]), columns))
        self.width = self.held = len(table)

    def take(self, before: int, after: int, rows: Ints) -> Floats:
        """Return the chosen rows and forget the block."""
        out = np.empty((len(rows), self.width))
        for trace, columns in self._parts:
            out[:, columns] = drained(trace, after - before)[rows]
        return out


class Recorder(Protocol):
    """A simulation that records synapses."""

    def record_synapses(self, variable: str, table: int, rows: npt.NDArray[Any]) -> Trace:
        """Record a variable of the synapses in these rows of a table of connections, one column each."""


class Announced:
    """Synapses recorded in name only, because another process records such: what they compute may depend on that.

    Parameters
    ----------
    sim : Simulation
        Gets the recordings.
    connections : sequence of Connections
        Those of this process.
    spec : SynapseSpec
        What is written.
    """

    def __init__(self, sim: Recorder, connections: Sequence[Connections], spec: SynapseSpec) -> None:
        self._traces: list[Trace] = []
        said = {m.name for t in np.unique(spec.table).tolist() if (m := connections[t].mechanism) is not None}
        for number, table in enumerate(connections):
            mechanism = table.mechanism
            if mechanism is None or not mechanism.name.startswith(spec.syn_type) or mechanism.name in said:
                continue
            if len(table) and find_point_variable(spec.variable, mechanism) is not None:
                said.add(mechanism.name)
                self._traces.append(sim.record_synapses(spec.variable, number, np.zeros(1, np.int64)))

    def clear(self) -> None:
        """Forget what was recorded."""
        for trace in self._traces:
            trace.clear()


def synapse_columns(
    spec: SynapseSpec,
    connections: Sequence[Connections],
    cells: Sequence[Any],
    gids: Ints,
    populations: Sequence[Population],
    sim: Recorder,
) -> Mapping[str, tuple[Elements, SynapseValues]]:
    """Return population -> columns and the source of their values.

    Parameters
    ----------
    spec : SynapseSpec
        What is written.
    connections : sequence of Connections
        All connections.
    cells : sequence
        Cells by their number.
    gids : int64 (n,)
        Number -> gid; further numbers are sources that no node stands for.
    populations : sequence of Population
        All populations.
    sim : Recorder
        Gets the recordings.
    """
    source, node = np.empty(len(spec.row), np.int64), np.empty(len(spec.row), np.int64)
    for which in np.unique(spec.table).tolist():
        columns = spec.table == which
        source[columns] = connections[which].source_gid[spec.row[columns]]
        node[columns] = connections[which].node[spec.row[columns]]
    known = source < len(gids)
    src_ids = np.where(known, gids[np.minimum(source, len(gids) - 1)], -1)
    trg_ids = gids[spec.target]
    ids, positions = np.empty(len(node), np.int64), np.empty(len(node))
    for number in np.unique(spec.target).tolist():
        cell, columns = cells[number], slice(*np.searchsorted(spec.target, [number, number + 1]))
        if isinstance(cell, Cell):
            ids[columns], positions[columns] = cell.tree.section_idx[node[columns]], cell.tree.x[node[columns]]
    parts = {}
    for p in populations:
        mine = np.flatnonzero((trg_ids >= p.first_gid) & (trg_ids < p.next_gid))
        if len(mine):
            nodes, first = np.unique(trg_ids[mine] - p.first_gid, return_index=True)
            more = {"src_ids": src_ids[mine], "trg_ids": trg_ids[mine]}
            pointers = np.append(first, len(mine))
            elements = Elements(nodes.tolist(), pointers.tolist(), ids[mine], positions[mine], more)
            parts[p.name] = (elements, SynapseValues(sim, spec.variable, spec.table[mine], spec.row[mine]))
    return parts
