"""Populations of edges: H5 file plus types table, read block by block of targets.

An attribute of an edge is looked up in its H5 group first, then in its row of the types table. Nothing is read before a
block asks for it, and a block holds the edges of a few target nodes, in the order of the file's index.
Rules: sonata-v1.md B2.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from neurosim.errors import SonataError
from neurosim.sonata.edge_index import EdgeIndex, edges_of_nodes, read_index
from neurosim.sonata.h5read import opened
from neurosim.sonata.hyperslabs import Rows, take
from neurosim.sonata.nodes import Column
from neurosim.sonata.types import NOTHING, Types

BLOCK = 1 << 17
"""Edges in one block, about."""

KINDS = {"target": "target_to_source", "source": "source_to_target"}
"""Names of the indices by side."""

PASSES = 16
"""Blocks at most when the file is not sorted by target, because each of them reads through most of it."""


@dataclass(frozen=True)
class EdgePopulation:
    """Edges of one population, as a place in a file.

    Parameters
    ----------
    name, source, target : str
        Names of the edges, the source nodes and the target nodes.
    key : str
        JSON path of the file, for messages.
    path : Path
        H5 file.
    types : Types
        The types table.
    count : int
        Number of edges.
    """

    name: str
    source: str
    target: str
    key: str
    path: Path
    types: Types
    count: int

    def error(self, message: str) -> SonataError:
        """Return an error about this population."""
        return SonataError(f"/edges/{self.name}: {message}", key=self.key, path=self.path)

    @contextmanager
    def open(self) -> Iterator[EdgeReader]:
        """Open the file for reading."""
        try:
            with opened(self.path) as file:
                yield EdgeReader(self, file[f"edges/{self.name}"])
        except OSError as error:
            raise self.error(f"cannot be read: {error}.") from None


@dataclass(eq=False)
class EdgeBlock:
    """Some edges, node by node in the order of the index.

    Parameters
    ----------
    reader : EdgeReader
        The open file.
    rows : int64 (n,)
        Rows of the file.
    source_ids, target_ids : int64 (n,)
        Node ids.
    type_rows : int64 (n,)
        Rows of the types table.
    group_ids, group_rows : int64 (n,)
        H5 group of each edge and its row there.
    """

    reader: EdgeReader
    rows: Rows
    source_ids: Rows
    target_ids: Rows
    type_rows: Rows
    group_ids: Rows
    group_rows: Rows
    _columns: dict[str, Column | None] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.rows)

    def chosen(self, inside: npt.NDArray[Any]) -> EdgeBlock:
        """Return some of the edges: a mask or places."""
        columns = {n: c if c is None else c[inside] for n, c in self._columns.items()}
        return EdgeBlock(
            self.reader,
            self.rows[inside],
            self.source_ids[inside],
            self.target_ids[inside],
            self.type_rows[inside],
            self.group_ids[inside],
            self.group_rows[inside],
            columns,
        )

    def attribute(self, name: str) -> Column | None:
        """Return an attribute, float64 (NaN missing) or object (None missing); None if no edge can have it."""
        if name not in self._columns:
            self._columns[name] = self._attribute(name)
        return self._columns[name]

    def _attribute(self, name: str) -> Column | None:
        parts: list[tuple[Any, Column]] = []
        column = self.reader.population.types.columns.get(name)
        if column is not None:
            parts.append((slice(None), column[self.type_rows]))
        for group, datasets in self.reader.groups.items():
            if name in datasets:
                inside = np.flatnonzero(self.group_ids == group)
                if len(inside):
                    parts.append((inside, self.reader.column(group, name, self.group_rows[inside])))
        if not parts:
            return None
        if len(parts) == 1 and len(parts[0][1]) == len(self):
            return parts[0][1]
        numeric = all(values.dtype == np.float64 for _, values in parts)
        whole: Column = np.full(len(self), np.nan) if numeric else np.full(len(self), None, dtype=object)
        for inside, values in parts:
            whole[inside] = values
        return whole

    def numbers(self, name: str) -> npt.NDArray[np.float64]:
        """Return a numeric attribute, float64 (n,), NaN where missing."""
        column = self.attribute(name)
        if column is None:
            return np.full(len(self), np.nan)
        if column.dtype == np.float64:
            return column
        try:
            return np.array([np.nan if v is None else float(v) for v in column], dtype=np.float64)
        except (TypeError, ValueError):
            raise self.reader.population.error(f"attribute {name!r} must be numbers.") from None

    def needed(self, name: str, why: str) -> npt.NDArray[np.float64]:
        """Return a numeric attribute that every edge must have, float64 (n,)."""
        values = self.numbers(name)
        missing = np.flatnonzero(~np.isfinite(values))
        if len(missing):
            raise self.error(int(missing[0]), f"has no {name}, which {why}.")
        return values

    def parameters(self) -> dict[str, npt.NDArray[np.float64]]:
        """Return the ``dynamics_params`` of the groups, name -> float64 (n,), NaN where an edge has none."""
        found: dict[str, npt.NDArray[np.float64]] = {}
        for group, datasets in self.reader.parameters.items():
            inside = np.flatnonzero(self.group_ids == group)
            for name, data in datasets.items():
                column = found.setdefault(name, np.full(len(self), np.nan))
                column[inside] = self.reader.parameter(data, self.group_rows[inside])
        return found

    def labels(self, *names: str) -> tuple[Rows, list[tuple[Any, ...]]]:
        """Return what several attributes say, as codes.

        Returns
        -------
        codes : int64 (n,)
            Code of each edge.
        values : list of tuple
            Code -> value of each name; None where missing.
        """
        if not any(name in datasets for datasets in self.reader.groups.values() for name in names):
            used, codes = np.unique(self.type_rows, return_inverse=True)
            columns = [self.reader.population.types.columns.get(name) for name in names]
            return codes.astype(np.int64), [tuple(_plain(c, row) for c in columns) for row in used]
        columns = [self.attribute(name) for name in names]
        places: dict[tuple[Any, ...], int] = {}
        codes = np.empty(len(self), dtype=np.int64)
        for row in range(len(self)):
            codes[row] = places.setdefault(tuple(_plain(c, row) for c in columns), len(places))
        return codes, list(places)

    def error(self, place: int, message: str) -> SonataError:
        """Return an error about one edge of the block."""
        population = self.reader.population
        return population.error(
            f"edge {self.rows[place]} ({population.source} {self.source_ids[place]} to {population.target} "
            f"{self.target_ids[place]}, type {population.types.ids[self.type_rows[place]]}) {message}"
        )


class EdgeReader:
    """An open population of edges.

    Parameters
    ----------
    population : EdgePopulation
        What is read.
    group : h5py.Group
        ``/edges/<population>``.
    """

    def __init__(self, population: EdgePopulation, group: h5py.Group) -> None:
        self.population, self.group = population, group
        self.groups: dict[int, dict[str, h5py.Dataset]] = {}
        self.parameters: dict[int, dict[str, h5py.Dataset]] = {}
        for label, inner in group.items():
            if isinstance(inner, h5py.Group) and label.isdigit():
                one = {n: d for n, d in inner.items() if isinstance(d, h5py.Dataset) and d.ndim == 1}
                self.groups[int(label)] = one
                more = inner.get("dynamics_params")
                self.parameters[int(label)] = (
                    {n: d for n, d in more.items() if isinstance(d, h5py.Dataset) and d.ndim == 1}
                    if isinstance(more, h5py.Group)
                    else {}
                )

    def index(self, side: str = "target", wanted: Rows | None = None) -> EdgeIndex:
        """Return the index by ``target`` or ``source``, of the wanted nodes at least."""
        return read_index(self.group, KINDS[side], f"{side}_node_id", self.population.error, wanted=wanted)

    def edges_n(self, node_ids: Rows) -> Rows:
        """Return how many edges end on each node, int64 (n,), without reading them."""
        return edges_of_nodes(self.group, KINDS["target"], "target_node_id", node_ids, self.population.error)

    def blocks(
        self, node_ids: Rows, *, side: str = "target", block: int | None = None, only: bool = False
    ) -> Iterator[EdgeBlock]:
        """Yield the edges of some nodes, node by node, a few nodes at a time.

        Parameters
        ----------
        node_ids : int64 (n,)
            Nodes, in the order in which their edges are wanted.
        side : str
            ``target`` or ``source``.
        block : int, optional
            Edges in a block, about; a node is never split. ``BLOCK`` when omitted.
        only : bool
            These nodes are a part of the population, so that an index that has to be built holds no others.
        """
        index = self.index(side, node_ids if only else None)
        sizes = index.counts(node_ids)
        # Ranges of one edge mean that the file is not sorted by node: blocks are few then, as each reads far.
        scattered = index.order is not None or (index.table is not None and len(index.table) > index.edges_n // 8)
        wanted = (
            max(BLOCK, index.edges_n // PASSES) if block is None and scattered else (BLOCK if block is None else block)
        )
        if index.table is not None and len(index.table):
            sizes = sizes * max(1, index.edges_n // len(index.table))
        ends = np.cumsum(sizes)
        first, seen = 0, 0
        while first < len(node_ids):
            last = max(first + 1, int(np.searchsorted(ends, seen + wanted, side="right")))
            found = self._block(index, node_ids[first:last], side)
            if len(found):
                yield found
            seen, first = int(ends[last - 1]), last

    def whole(self) -> EdgeBlock:
        """Return all edges in the order of the file."""
        rows = np.arange(self.population.count, dtype=np.int64)
        return self._of(rows, self._ids("source_node_id", rows), self._ids("target_node_id", rows))

    def _block(self, index: EdgeIndex, node_ids: Rows, side: str) -> EdgeBlock:
        rows, counts = index.rows(node_ids)
        sources, targets = (self._ids(f"{name}_node_id", rows) for name in ("source", "target"))
        wrong = np.flatnonzero((targets if side == "target" else sources) != np.repeat(node_ids, counts))
        if len(wrong):
            node, said = (targets if side == "target" else sources)[wrong[0]], np.repeat(node_ids, counts)[wrong[0]]
            raise self.population.error(
                f"the index says that edge {rows[wrong[0]]} belongs to {side} node {said}, but {side}_node_id says "
                f"{node}; remove the indices group and they are built."
            )
        return self._of(rows, sources, targets)

    def _of(self, rows: Rows, sources: Rows, targets: Rows) -> EdgeBlock:
        types = self.population.types.rows(
            self._ids("edge_type_id", rows), self.population.key.replace("edges_file", "edge_types_file")
        )
        groups = self._ids("edge_group_id", rows) if "edge_group_id" in self.group else np.zeros(len(rows), np.int64)
        places = self._ids("edge_group_index", rows) if "edge_group_index" in self.group else rows
        return EdgeBlock(self, rows, sources, targets, types, groups, places)

    def _ids(self, name: str, rows: Rows) -> Rows:
        return take(self.group[name], rows).astype(np.int64)

    def parameter(self, data: h5py.Dataset, rows: Rows) -> Column:
        """Return some rows of a parameter, float64."""
        if data.dtype.kind not in "iuf":
            raise self.population.error(f"{data.name.split('/', 3)[-1]} must be numbers.")
        if len(rows) and (rows.min() < 0 or rows.max() >= len(data)):
            where = data.name.split("/", 3)[-1]
            raise self.population.error(f"edge_group_index {rows.max()} is outside {where} of {len(data)} rows.")
        return take(data, rows).astype(np.float64)

    def column(self, group: int, name: str, rows: Rows) -> Column:
        """Return some rows of an attribute of a group, float64 or object."""
        data = self.groups[group][name]
        if len(rows) and (rows.min() < 0 or rows.max() >= len(data)):
            raise self.population.error(f"edge_group_index {rows.max()} is outside {group}/{name} of {len(data)} rows.")
        values = take(data, rows)
        library = self.group.get(f"{group}/@library/{name}")
        if isinstance(library, h5py.Dataset):
            words = take(library, np.arange(len(library)))
            index = values.astype(np.int64)
            if len(index) and (index.min() < 0 or index.max() >= len(words)):
                raise self.population.error(f"{name} points outside @library/{name}, which has {len(words)} values.")
            values = words[index]
        if values.dtype.kind in "iufb":
            return values.astype(np.float64)
        column = np.empty(len(values), dtype=object)
        column[:] = [None if str(v).upper() in NOTHING else str(v) for v in values]
        return column


def _plain(column: Column | None, row: int) -> Any:
    value = None if column is None else column[row]
    return None if isinstance(value, float) and np.isnan(value) else value
