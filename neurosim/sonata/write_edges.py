"""Connections as SONATA edge files, in blocks by target range.

A population of edges holds connections that follow one another between two populations, either synapses in membranes
(``afferent_section_id``, ``afferent_section_pos``) or events to point cells (weights already signed). All are in group
0, because libsonata reads no other. Rows are sorted by target and keep the network's order for each target. Where
readers would make synapses of one kind in another order (they take edges between cells before those of inputs, and one
file after the other), the column ``neurosim_order`` says which row of the network an edge is; others ignore it. Weights
and delays stand in the types table if one value does for each type, else in the group. Rules: sonata-v1.md B2, B5, B6.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from neurosim.errors import SonataError
from neurosim.model.cell import Cell
from neurosim.model.connections import Connections
from neurosim.model.point import SpikeTrain
from neurosim.model.population import AnyCell, Population
from neurosim.sonata.columns import ORDER
from neurosim.sonata.write_h5 import column, new_h5, survives_csv, write_table
from neurosim.sonata.write_index import write_index
from neurosim.sonata.write_mechanisms import MechanismFiles
from neurosim.sonata.write_synapses import Kinds, SynapseFiles

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Block = dict[str, npt.NDArray[Any]]

BLOCK_ROWS = 1 << 18
HEADER = ("edge_type_id", "model_template", "dynamics_params", "syn_weight", "delay")
_GATHERED = {"syn_weight": "weight", "delay": "delay_ms"}
MEMBRANE, POINT, VIRTUAL = 0, 1, 2


@dataclass(frozen=True)
class Ends:
    """The cells of a network by gid.

    Parameters
    ----------
    cells : list
        gid -> cell.
    populations : list of Population
        In the order of gids.
    """

    cells: Sequence[AnyCell]
    populations: Sequence[Population]

    @cached_property
    def kinds(self) -> npt.NDArray[np.int8]:
        """Return ``MEMBRANE``, ``POINT`` or ``VIRTUAL`` by gid."""
        codes = [
            MEMBRANE if isinstance(c, Cell) else VIRTUAL if isinstance(c, SpikeTrain) else POINT for c in self.cells
        ]
        return np.array(codes, np.int8)

    def population_of(self, gids: npt.NDArray[Any]) -> Rows:
        """Return the place of each gid's population in the list."""
        firsts = np.array([p.first_gid for p in self.populations])
        return np.searchsorted(firsts, gids, side="right").astype(np.int64) - 1


@dataclass(frozen=True)
class Part:
    """A population of edges: which connections and which row there, sorted by target.

    Parameters
    ----------
    source, target : Population
    which : int32 (n,)
        Connections, as places in the network's list.
    row : int64 (n,)
        Rows of these.
    synapses : bool
        Synapses in membranes, or events to point cells.
    virtual : bool
        Whether the sources are spike trains.
    """

    source: Population
    target: Population
    which: npt.NDArray[np.int32]
    row: Rows
    synapses: bool
    virtual: bool


@dataclass
class EdgeWriter:
    """Writes the connections of a network.

    Parameters
    ----------
    folder : Path
        Folder of the circuit in the making.
    mechanisms : MechanismFiles
        Gets the mechanisms of synapses.
    ends : Ends
        Cells and populations.
    connections : list of Connections
        All of them.
    """

    folder: Path
    mechanisms: MechanismFiles
    ends: Ends
    connections: Sequence[Connections]
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.synapses = SynapseFiles(self.folder, self.mechanisms, self.notes)

    def write(self) -> list[tuple[str, str]]:
        """Write everything; return (edges file, types file) of every population of edges, in order."""
        for i, c in enumerate(self.connections):
            self._check(c, f"connections[{i}]")
        parts = list(self._parts())
        starts = np.concatenate([[0], np.cumsum([len(c) for c in self.connections])]).astype(np.int64)
        kinds = [self.synapses.kinds_of(self.connections, part.which, part.row) for part in parts]
        ordered = self._in_order(parts, kinds, starts)
        if not ordered:
            self.notes.append(
                f"some targets get synapses in another order than SONATA readers make; {ORDER} says which"
            )
        found, names = [], set()
        for part, kind in zip(parts, kinds, strict=True):
            name = stem = f"{part.source.name}_{part.target.name}"
            k = 1
            while name.lower() in names:
                k += 1
                name = f"{stem}_{k}"
            names.add(name.lower())
            found.append(self._write_part(part, name, kind, None if ordered else starts))
        return found

    def _check(self, c: Connections, who: str) -> None:
        n = len(self.ends.cells)
        for name, gids in (("source_gid", c.source_gid), ("target_gid", c.target_gid)):
            wrong = np.flatnonzero((gids < 0) | (gids >= n))
            if len(wrong):
                raise SonataError(f"{who}: {name} {gids[wrong[0]]} in row {wrong[0]}; the network has {n} cells.")
        kinds = self.ends.kinds[c.target_gid]
        wrong = np.flatnonzero(kinds != (POINT if c.mechanism is None else MEMBRANE))
        if len(wrong):
            what = {MEMBRANE: "has a membrane", POINT: "is a point cell", VIRTUAL: "is a spike train"}[
                int(kinds[wrong[0]])
            ]
            wants = "a point cell" if c.mechanism is None else f"a membrane for {c.mechanism.name}"
            raise SonataError(
                f"{who}: row {wrong[0]} ends at gid {c.target_gid[wrong[0]]}, which {what}; it needs {wants}."
            )
        if c.mechanism is not None and c.instance is not None:
            whose = np.stack([c.target_gid, c.node, c.instance])
            _, first, code = np.unique(whose, axis=1, return_index=True, return_inverse=True)
            shared = np.flatnonzero(first[code.ravel()] != np.arange(len(c)))
            if len(shared):
                rows = f"{first[code.ravel()[shared[0]]]} and {shared[0]}"
                raise SonataError(f"{who}: rows {rows} share one {c.mechanism.name}; in SONATA each edge has its own.")
        if c.mechanism is not None and c.mechanism.pointers:
            raise SonataError(f"{who}: {c.mechanism.name} has POINTER variables, which SONATA cannot connect.")

    # --- parts ------------------------------------------------------------------------------------------------------

    def _parts(self) -> Iterator[Part]:
        """Yield runs of connections of one sort between two populations, in the order of the network."""
        run: tuple[int, int, bool] | None = None
        collected: list[tuple[int, Rows]] = []
        n = len(self.ends.populations)
        for i, c in enumerate(self.connections):
            pair = self.ends.population_of(c.source_gid) * n + self.ends.population_of(c.target_gid)
            for code in np.unique(pair).tolist():
                ends = (*divmod(int(code), n), c.mechanism is not None)
                if run is not None and ends != run:
                    yield self._part(*run, collected)
                    collected = []
                run = ends
                collected.append((i, np.flatnonzero(pair == code)))
        if run is not None:
            yield self._part(*run, collected)

    def _part(self, source: int, target: int, synapses: bool, collected: list[tuple[int, Rows]]) -> Part:
        which = np.concatenate([np.full(len(rows), i, np.int32) for i, rows in collected])
        row = np.concatenate([rows for _, rows in collected])
        order = np.argsort(np.concatenate([self.connections[i].target_gid[r] for i, r in collected]), kind="stable")
        first = self.ends.populations[source]
        virtual = self.ends.kinds[first.first_gid] == VIRTUAL
        return Part(first, self.ends.populations[target], which[order], row[order], synapses, bool(virtual))

    def _in_order(self, parts: Sequence[Part], kinds: Sequence[Kinds], starts: Rows) -> bool:
        """Tell whether readers make the synapses of every target, kind by kind, in the order of the network."""
        last: dict[tuple[str | None, str | None], Rows] = {}
        for virtual in (False, True):
            for part, (types, kind_of, _) in zip(parts, kinds, strict=True):
                if part.virtual != virtual:
                    continue
                place, gids = starts[part.which] + part.row, _targets(part, self.connections)
                for k, kind in enumerate(types):
                    mine = np.flatnonzero(kind_of == k)
                    seen = last.setdefault((kind.template, kind.file), np.full(len(self.ends.cells), -1, np.int64))
                    first = np.flatnonzero(np.diff(gids[mine], prepend=-1) != 0)
                    targets = gids[mine][first]
                    if (place[mine][first] < seen[targets]).any():
                        return False
                    seen[targets] = place[mine][np.append(first[1:], len(mine)) - 1]
        return True

    # --- one file -----------------------------------------------------------------------------------------------------

    def _write_part(self, part: Part, name: str, found: Kinds, starts: Rows | None) -> tuple[str, str]:
        kinds, kind_of, _ = found
        constant = {what: self._constants(part, kind_of, len(kinds), what) for what in ("weight", "delay_ms")}
        files = (f"network/{name}_edges.h5", f"network/{name}_edge_types.csv")
        columns = [("syn_weight", constant["weight"]), ("delay", constant["delay_ms"])]
        table = [
            (kind.number, kind.template, kind.file, *(None if values is None else values[k] for _, values in columns))
            for k, kind in enumerate(kinds)
        ]
        header = [*HEADER[:3], *(title for title, values in columns if values is not None)]
        write_table(
            self.folder / files[1], header,
            [[v for v, title in zip(row, HEADER, strict=True) if title in header] for row in table],
        )  # fmt: skip
        with new_h5(self.folder / files[0]) as file:
            self._write_columns(file.create_group(f"edges/{name}"), part, found, constant, starts)
        return files

    def _write_columns(
        self, group: h5py.Group, part: Part, found: Kinds, constant: dict[str, Any], starts: Rows | None
    ) -> None:
        kinds, kind_of, own = found
        n = len(part.row)
        wanted: dict[str, Any] = {"edge_type_id": np.uint32, "source_node_id": np.uint64, "target_node_id": np.uint64}
        wanted |= {"edge_group_id": np.uint32, "edge_group_index": np.uint64}
        if part.synapses:
            wanted |= {"0/afferent_section_id": np.uint32, "0/afferent_section_pos": np.float32}
            wanted |= {f"0/dynamics_params/{title}": np.float64 for title in own}
        wanted |= {f"0/{title}": np.float64 for title, name in _GATHERED.items() if constant[name] is None}
        wanted |= {} if starts is None else {f"0/{ORDER}": np.uint64}
        group.require_group("0")
        data = {title: column(group, title, n, dtype) for title, dtype in wanted.items()}
        for end, population in (("source", part.source), ("target", part.target)):
            data[f"{end}_node_id"].attrs["node_population"] = population.name
        numbers = np.array([kind.number for kind in kinds])
        sources, targets = np.empty(n, np.int64), np.empty(n, np.int64)
        for first in range(0, n, BLOCK_ROWS):
            at = slice(first, min(first + BLOCK_ROWS, n))
            block = self._block(part, at)
            sources[at] = block["source_node_id"] = block["source_gid"] - part.source.first_gid
            targets[at] = block["target_node_id"] = block["target_gid"] - part.target.first_gid
            block["edge_type_id"] = numbers[kind_of[at]]
            block["edge_group_id"], block["edge_group_index"] = np.zeros(at.stop - first), np.arange(at.start, at.stop)
            block |= {f"0/{title}": block[name] for title, name in _GATHERED.items()}
            block |= {f"0/dynamics_params/{title}": values[at] for title, values in own.items()}
            if starts is not None:
                block[f"0/{ORDER}"] = starts[part.which[at]] + part.row[at]
            if part.synapses:
                places = self._places(block["target_gid"], block["node"])
                block["0/afferent_section_id"], block["0/afferent_section_pos"] = places
            for title in wanted:
                data[title][at] = block[title]
        write_index(group, "target_to_source", targets, len(part.target))
        write_index(group, "source_to_target", sources, len(part.source))

    def _block(self, part: Part, at: slice) -> Block:
        """Return the columns of some rows of a part, gathered from its connections."""
        which, row = part.which[at], part.row[at]
        block: dict[str, Any] = {
            "source_gid": np.empty(len(row), np.int64), "target_gid": np.empty(len(row), np.int64),
            "node": np.empty(len(row), np.int64), "weight": np.empty(len(row)), "delay_ms": np.empty(len(row)),
        }  # fmt: skip
        for i in np.unique(which).tolist():
            mine = np.flatnonzero(which == i)
            for name, values in block.items():
                values[mine] = getattr(self.connections[i], name)[row[mine]]
        return block

    def _places(self, gids: Rows, nodes: Rows) -> tuple[Rows, npt.NDArray[np.float64]]:
        """Return section and position of the compartments that synapses are in."""
        section, x = np.zeros(len(gids), np.int64), np.full(len(gids), 0.5)
        for gid in np.unique(gids).tolist():
            cell = self.ends.cells[gid]
            assert isinstance(cell, Cell)
            rows = slice(*np.searchsorted(gids, [gid, gid + 1]))
            tree = cell.tree
            wrong = np.flatnonzero((nodes[rows] < 0) | (nodes[rows] >= len(tree)))
            empty = np.flatnonzero(tree.area_um2[np.clip(nodes[rows], 0, len(tree) - 1)] == 0.0)
            for bad, why in ((wrong, f"the cell has {len(tree)}"), (empty, "it has no membrane")):
                if len(bad):
                    raise SonataError(f"connections: a synapse of gid {gid} is at node {nodes[rows][bad[0]]}; {why}.")
            section[rows], x[rows] = tree.section_idx[nodes[rows]], tree.x[nodes[rows]]
        return section, x

    def _constants(self, part: Part, kind_of: Any, kinds_n: int, name: str) -> list[float] | None:
        """Return the one value of each type, or None if a type has several or one that a table would round."""
        found: list[float | None] = [None] * kinds_n
        for first in range(0, len(part.row), BLOCK_ROWS):
            at = slice(first, first + BLOCK_ROWS)
            values = self._block(part, at)[name]
            for k in np.unique(kind_of[at]).tolist():
                mine = values[kind_of[at] == k]
                if found[k] is None:
                    found[k] = float(mine[0])
                if (mine != found[k]).any() or not survives_csv(float(mine[0])):
                    return None
        return [0.0 if value is None else value for value in found]


def _targets(part: Part, connections: Sequence[Connections]) -> Rows:
    gids = np.empty(len(part.row), np.int64)
    for i in np.unique(part.which).tolist():
        mine = part.which == i
        gids[mine] = connections[i].target_gid[part.row[mine]]
    return gids
