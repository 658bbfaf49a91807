"""Couplings as continuous edges, which only neurosim reads as what they are; others see edges with places.

A table of couplings becomes one population of edges for each two populations of cells. Where its second half is the
first one turned round, with the same values, an edge is a junction with both sides (``is_gap_junction``); otherwise an
edge is one side. Rows keep the order of the network. Where reading one file after the other would give a target its
point processes in another order, the columns ``neurosim_order`` say which row of the network an edge was. The datasets
are listed in ``docs/format.md``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from neurosim.errors import SonataError
from neurosim.mechanisms.mechanism import Mechanism
from neurosim.model.cell import Cell
from neurosim.model.connections import Couplings
from neurosim.model.population import Population
from neurosim.sonata.columns import ORDER
from neurosim.sonata.continuous import JOINED, ORDER_SOURCE, PREFIX, STRENGTHS
from neurosim.sonata.write_edges import Ends
from neurosim.sonata.write_h5 import new_h5, put, write_table
from neurosim.sonata.write_index import write_index
from neurosim.sonata.write_synapses import SynapseFiles

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
NOTE = "couplings: continuous edges (model_template nmodl:…), which only neurosim reads as such"


@dataclass(frozen=True, eq=False)
class ContinuousTable:
    """One population of continuous edges.

    Parameters
    ----------
    name : str
        Of the edges.
    source, target : Population
    mechanism : Mechanism
        Point process with one POINTER.
    mutual : bool
        One row is a junction with both sides.
    source_gid, target_gid : int64 (n,)
    source_section, target_section : int64 (n,)
        Sections in the order of the morphology.
    source_x, target_x : float64 (n,)
        Places along them, 0 to 1.
    values : dict
        Parameter -> one number or float64 (n,).
    labels : dict
        More columns of texts -> object (n,), for people and other programs.
    joined : bool
        Edges of the same compartments and parameters are one point process.
    order : tuple of int64 (n,), optional
        Rows of the network: those of the targets' sides and those of the sources'.
    """

    name: str
    source: Population
    target: Population
    mechanism: Mechanism
    mutual: bool
    source_gid: Rows
    target_gid: Rows
    source_section: Rows
    source_x: Floats
    target_section: Rows
    target_x: Floats
    values: dict[str, Any]
    labels: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    joined: bool = False
    order: tuple[Rows, Rows] | None = None

    def __len__(self) -> int:
        return len(self.source_gid)


def tables_of(ends: Ends, couplings: Sequence[Couplings]) -> list[ContinuousTable]:
    """Return the couplings of a network as edges.

    Raises
    ------
    SonataError
        A row that names no compartment with a membrane.
    """
    tables: list[ContinuousTable] = []
    places: list[tuple[Rows, Rows]] = []
    names: set[str] = set()
    start = 0
    for i, c in enumerate(couplings):
        for table, rows in _tables(c, ends, f"couplings[{i}]"):
            stem, k = f"{table.source.name}_{table.target.name}_{c.mechanism.name}", 1
            name = stem
            while name.lower() in names:
                k += 1
                name = f"{stem}_{k}"
            names.add(name.lower())
            tables.append(replace(table, name=name))
            places.append((start + rows, start + rows + (len(c) // 2 if table.mutual else 0)))
        start += len(c)
    if _in_order(tables, places):
        return tables
    return [replace(table, order=order) for table, order in zip(tables, places, strict=True)]


def _tables(c: Couplings, ends: Ends, who: str) -> Iterator[tuple[ContinuousTable, Rows]]:
    """Yield the edges of one table of couplings, and the row of each target's side."""
    values = {name: value for name, value in c.values.items() if np.ndim(value) == 0}
    columns = {name: np.asarray(value, float) for name, value in c.values.items() if np.ndim(value)}
    mutual = _is_mutual(c, columns)
    n = len(c) // 2 if mutual else len(c)
    for gids in (c.source_gid, c.target_gid):
        wrong = np.flatnonzero((gids < 0) | (gids >= len(ends.cells)))
        if len(wrong):
            raise SonataError(f"{who}: gid {gids[wrong[0]]} in row {wrong[0]}; there are {len(ends.cells)} cells.")
    source_place = _places(ends, c.source_gid[:n], c.source_node[:n], who)
    target_place = _places(ends, c.target_gid[:n], c.target_node[:n], who)
    homes = ends.population_of(c.source_gid[:n]) * len(ends.populations) + ends.population_of(c.target_gid[:n])
    for code in dict.fromkeys(homes.tolist()):
        rows = np.flatnonzero(homes == code)
        first, second = divmod(int(code), len(ends.populations))
        yield ContinuousTable(
            "", ends.populations[first], ends.populations[second], c.mechanism, mutual,
            c.source_gid[rows].astype(np.int64), c.target_gid[rows].astype(np.int64),
            source_place[0][rows], source_place[1][rows], target_place[0][rows], target_place[1][rows],
            {**values, **{name: column[rows] for name, column in columns.items()}},
        ), rows  # fmt: skip


def _is_mutual(c: Couplings, columns: dict[str, Floats]) -> bool:
    """Tell whether the second half of the rows is the first one turned round."""
    half = len(c) // 2
    if len(c) == 0 or len(c) % 2:
        return False
    ends = ((c.source_gid, c.target_gid), (c.source_node, c.target_node))
    turned = all(np.array_equal(a[:half], b[half:]) and np.array_equal(b[:half], a[half:]) for a, b in ends)
    return turned and all(np.array_equal(column[:half], column[half:]) for column in columns.values())


def _places(ends: Ends, gids: npt.NDArray[Any], nodes: npt.NDArray[Any], who: str) -> tuple[Rows, Floats]:
    """Return section and position of compartments; the positions are the middles."""
    section, x = np.zeros(len(gids), np.int64), np.zeros(len(gids))
    order = np.argsort(gids, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(gids[order])) + 1) if len(order) else []:
        gid = int(gids[rows[0]])
        cell = ends.cells[gid]
        if not isinstance(cell, Cell):
            raise SonataError(f"{who}: gid {gid} has no membrane to couple.")
        tree, mine = cell.tree, nodes[rows]
        wrong = np.flatnonzero((mine < 0) | (mine >= len(tree)))
        if len(wrong):
            raise SonataError(f"{who}: gid {gid} is coupled at node {mine[wrong[0]]}; the cell has {len(tree)}.")
        section[rows], x[rows] = tree.section_idx[mine], tree.x[mine]
        inside = np.minimum((tree.nseg[section[rows]] * x[rows]).astype(np.int64), tree.nseg[section[rows]] - 1)
        first = np.array([tree.compartments(s)[0] for s in range(len(tree.nseg))])
        off = np.flatnonzero(first[section[rows]] + inside != mine)
        if len(off):
            raise SonataError(
                f"{who}: gid {gid} is coupled at {cell.label(int(mine[off[0]]))}, an end without membrane."
            )
    return section, x


def _in_order(tables: Sequence[ContinuousTable], places: Sequence[tuple[Rows, Rows]]) -> bool:
    """Tell whether a reader makes the point processes of every target in the order of the network."""
    read: dict[str, list[tuple[Rows, Rows]]] = {}
    for table, (targets, sources) in zip(tables, places, strict=True):
        found = read.setdefault(table.mechanism.name, [])
        found.append((table.target_gid, targets))
        if table.mutual:
            found.append((table.source_gid, sources))
    for parts in read.values():
        gids, rows = (np.concatenate([part[k] for part in parts]) for k in (0, 1))
        by = np.argsort(gids, kind="stable")
        if ((np.diff(rows[by]) < 0) & (np.diff(gids[by]) == 0)).any():
            return False
    return True


def write_continuous(folder: Path, tables: Sequence[ContinuousTable], synapses: SynapseFiles) -> list[tuple[str, str]]:
    """Write populations of continuous edges; return edges file and types file of each.

    Parameters
    ----------
    folder : Path
        Folder of the circuit in the making.
    tables : sequence of ContinuousTable
    synapses : SynapseFiles
        Gets the mechanisms and the parameters that all edges of a table share.
    """
    return [_write(folder, table, synapses) for table in tables]


def _write(folder: Path, table: ContinuousTable, synapses: SynapseFiles) -> tuple[str, str]:
    name, n = table.name, len(table)
    files = (f"network/{name}_edges.h5", f"network/{name}_edge_types.csv")
    shared = {k: float(v) for k, v in table.values.items() if np.ndim(v) == 0}
    own = {k: np.asarray(v, float) for k, v in table.values.items() if np.ndim(v)}
    for k, column in own.items():
        if n:
            synapses.mechanisms.values(table.mechanism, {k: float(column[0])}, name)
    template, file = synapses.model(table.mechanism, shared, name)
    header = ["edge_type_id", "model_template", "dynamics_params", "is_gap_junction", *[JOINED] * table.joined]
    row = (100, PREFIX + template, file, int(table.mutual), *[1] * table.joined)
    write_table(folder / files[1], header, [row])
    strength = next((k for k in STRENGTHS if k in table.mechanism.defaults), None)
    with new_h5(folder / files[0]) as h5:
        group = h5.create_group(f"edges/{name}")
        for end, gids, population in (
            ("source", table.source_gid, table.source),
            ("target", table.target_gid, table.target),
        ):
            data = put(group, f"{end}_node_id", (gids - population.first_gid).astype(np.uint64))
            data.attrs["node_population"] = population.name
        put(group, "edge_type_id", np.full(n, 100, np.uint32))
        put(group, "edge_group_id", np.zeros(n, np.uint32))
        put(group, "edge_group_index", np.arange(n, dtype=np.uint64))
        put(group, "0/afferent_section_id", table.target_section.astype(np.uint32))
        put(group, "0/afferent_section_pos", table.target_x)
        put(group, "0/efferent_section_id", table.source_section.astype(np.uint32))
        put(group, "0/efferent_section_pos", table.source_x)
        for k, column in own.items():
            data = put(group, "0/syn_weight" if k == strength else f"0/dynamics_params/{k}", column)
            data.attrs["units"] = table.mechanism.parameter(k).unit
        for k, words in table.labels.items():
            _write_words(group, k, words)
        if table.order is not None:
            put(group, f"0/{ORDER}", table.order[0].astype(np.uint64))
            if table.mutual:
                put(group, f"0/{ORDER_SOURCE}", table.order[1].astype(np.uint64))
        write_index(group, "target_to_source", table.target_gid - table.target.first_gid, len(table.target))
        write_index(group, "source_to_target", table.source_gid - table.source.first_gid, len(table.source))
    return files


def _write_words(group: h5py.Group, name: str, words: npt.NDArray[Any]) -> None:
    """Write a column of texts as numbers and a library."""
    known, codes = np.unique(words.astype(str), return_inverse=True)
    put(group, f"0/{name}", codes.reshape(-1).astype(np.uint32))
    put(group, f"0/@library/{name}", known.astype(object))
