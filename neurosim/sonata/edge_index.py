"""Which edges belong to a node: the index of an edges file, or one built by a stable sort.

    node_id_to_range   row i = [first, last) rows of the other table, for node i
    range_to_edge_id   row k = [first, last) rows of the edges

Both spellings are in the wild (``indices``/``indicies``, ``node_id_to_range(s)``). The order of the index is the order
in which BMTK makes synapses. Rules: sonata-v1.md B2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from neurosim.errors import SonataError
from neurosim.sonata.hyperslabs import PIECE, Rows, rows_of, take

Fail = Callable[[str], SonataError]
GROUPS = ("indices", "indicies")
LOOKUP = ("node_id_to_range", "node_id_to_ranges")
RANGES = ("range_to_edge_id", "range_to_edge_ids")
COUNTED = 1 << 18
"""Nodes whose ranges are read at once."""


@dataclass(frozen=True, eq=False)
class EdgeIndex:
    """Edges by node.

    Parameters
    ----------
    lookup : int64 (nodes, 2)
        Rows of ``table`` for each node id; node ids beyond have no edges.
    table : h5py.Dataset or None
        Ranges of edge rows in the file; None when the index was built.
    sorted_ids : int32 (edges,)
        Node id of each edge, ascending, when the index was built; of the wanted nodes only where these were given.
    order : integers (edges,) or None
        Edge rows in the order of ``sorted_ids``; None when the file is in that order and all are wanted.
    edges_n : int
        Edges of the population.
    fail : callable
        Makes the error.
    """

    lookup: npt.NDArray[np.int64]
    table: h5py.Dataset | None
    sorted_ids: npt.NDArray[np.int32]
    order: npt.NDArray[Any] | None
    edges_n: int
    fail: Fail

    def _places(self, node_ids: Rows) -> npt.NDArray[np.int64]:
        """Return the rows of ``table``, or the places in ``sorted_ids``, of each node, int64 (n, 2)."""
        if self.table is None:
            return np.stack([np.searchsorted(self.sorted_ids, node_ids, side) for side in ("left", "right")], axis=1)
        found = np.zeros((len(node_ids), 2), dtype=np.int64)
        inside = node_ids < len(self.lookup)
        found[inside] = self.lookup[node_ids[inside]]
        return found

    def counts(self, node_ids: Rows) -> npt.NDArray[np.int64]:
        """Return the number of ranges (with an index) or edges (without) of each node, int64 (n,)."""
        places = self._places(node_ids)
        return places[:, 1] - places[:, 0]

    def rows(self, node_ids: Rows) -> tuple[Rows, npt.NDArray[np.int64]]:
        """Return the edge rows of some nodes, node by node, and how many each has."""
        if self.table is None:
            lookup = self._places(node_ids)
            places, counts = rows_of(lookup), lookup[:, 1] - lookup[:, 0]
            return (places if self.order is None else self.order[places].astype(np.int64)), counts
        ranges, edges = self._ranges(self.table, node_ids)
        return rows_of(ranges), edges

    def lengths(self, node_ids: Rows) -> npt.NDArray[np.int64]:
        """Return the number of edges of each node, int64 (n,)."""
        return self.counts(node_ids) if self.table is None else self._ranges(self.table, node_ids)[1]

    def _ranges(self, table: h5py.Dataset, node_ids: Rows) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return the ranges of edge rows of some nodes, node by node, and how many edges each node has."""
        lookup = self._places(node_ids)
        places, counts = rows_of(lookup), lookup[:, 1] - lookup[:, 0]
        ranges = take(table, places).astype(np.int64)
        if len(ranges) and (ranges.min() < 0 or ranges.max() > self.edges_n or (ranges[:, 1] < ranges[:, 0]).any()):
            bad = int(
                np.flatnonzero((ranges < 0).any(1) | (ranges > self.edges_n).any(1) | (ranges[:, 1] < ranges[:, 0]))[0]
            )
            raise self.fail(
                f"the index points to edges {ranges[bad, 0]} to {ranges[bad, 1]}, but there are {self.edges_n}; "
                "remove the indices group and they are built."
            )
        length = ranges[:, 1] - ranges[:, 0]
        owner = np.repeat(np.arange(len(node_ids)), counts)
        return ranges, np.bincount(owner, weights=length, minlength=len(node_ids)).astype(np.int64)


def edges_of_nodes(group: h5py.Group, kind: str, column: str, node_ids: Rows, fail: Fail) -> Rows:
    """Return how many edges each node has, int64 (n,); reads the index, or the column of a file that has none.

    Parameters
    ----------
    group, kind, column, fail
        As in ``read_index``.
    node_ids : int64 (n,)
        Nodes.
    """
    given = _group(group, kind)
    if given is None:
        most = int(node_ids.max()) + 1 if len(node_ids) else 0
        counts = np.zeros(most + 1, np.int64)
        for _, values in _pieces(group[column], fail):
            counts += np.bincount(np.minimum(values, most), minlength=most + 1)
        return counts[node_ids]
    index = _given(*given, len(group[column]), fail)
    found = np.empty(len(node_ids), np.int64)
    for start in range(0, len(node_ids), COUNTED):
        part = node_ids[start : start + COUNTED]
        found[start : start + COUNTED] = index.lengths(part)
    return found


def read_index(group: h5py.Group, kind: str, column: str, fail: Fail, *, wanted: Rows | None = None) -> EdgeIndex:
    """Return an index of an edge population.

    Parameters
    ----------
    group : h5py.Group
        ``/edges/<population>``, open while the index is used.
    kind : str
        ``target_to_source`` or ``source_to_target``.
    column : str
        ``target_node_id`` or ``source_node_id``, for an index that has to be built.
    fail : callable
        Makes the error of a message.
    wanted : int64 (n,), optional
        Nodes that will be asked for, so that an index that has to be built holds no others; all when omitted.
    """
    given = _group(group, kind)
    if given is not None:
        return _given(*given, len(group[column]), fail)
    if wanted is not None:
        return _built_for(group[column], wanted, fail)
    return _built(group[column], len(group[column]), fail)


def _group(group: h5py.Group, kind: str) -> tuple[h5py.Group, str] | None:
    """Return the index that a file has, and its name."""
    for name in GROUPS:
        inner = group.get(f"{name}/{kind}")
        if isinstance(inner, h5py.Group):
            return inner, f"{name}/{kind}"
    return None


def _pieces(column: h5py.Dataset, fail: Fail) -> Iterator[tuple[int, Rows]]:
    """Yield the first row and the node ids of one piece of a column after another."""
    for start in range(0, len(column), PIECE):
        values = column[start : start + PIECE].astype(np.int64)
        if values.min() < 0 or values.max() >= 2**31:
            raise fail(f"{column.name.rsplit('/', 1)[-1]} holds {values.max()}; node ids are from 0 to 2147483647.")
        yield start, values


def _given(group: h5py.Group, where: str, edges_n: int, fail: Fail) -> EdgeIndex:
    tables = []
    for names in (LOOKUP, RANGES):
        found = next((group[name] for name in names if name in group), None)
        if (
            not isinstance(found, h5py.Dataset)
            or found.ndim != 2
            or found.shape[1] != 2
            or found.dtype.kind not in "iu"
        ):
            raise fail(f"{where}/{names[0]} must be a table of two columns of whole numbers.")
        tables.append(found)
    lookup, count = tables[0][()].astype(np.int64), len(tables[1])
    wrong = np.flatnonzero((lookup < 0).any(1) | (lookup[:, 1] < lookup[:, 0]) | (lookup[:, 1] > count))
    if len(wrong):
        raise fail(
            f"{where}: node {wrong[0]} has ranges {lookup[wrong[0], 0]} to {lookup[wrong[0], 1]}, but there are "
            f"{count}; remove the indices group and they are built."
        )
    return EdgeIndex(lookup, tables[1], np.zeros(0, np.int32), None, edges_n, fail)


def _built(column: h5py.Dataset, edges_n: int, fail: Fail) -> EdgeIndex:
    """Sort the edges by node, equal nodes in the order of the file."""
    node_ids = np.empty(edges_n, dtype=np.int32)
    ascending, last = True, -1
    for start, values in _pieces(column, fail):
        ascending = ascending and int(values[0]) >= last and bool((np.diff(values) >= 0).all())
        last = int(values[-1])
        node_ids[start : start + len(values)] = values
    order = None
    if not ascending:
        order = np.argsort(node_ids, kind="stable").astype(np.uint32 if edges_n < 2**32 else np.int64)
        node_ids = node_ids[order]
    return EdgeIndex(np.zeros((0, 2), np.int64), None, node_ids, order, edges_n, fail)


def _built_for(column: h5py.Dataset, wanted: Rows, fail: Fail) -> EdgeIndex:
    """Sort the edges of some nodes; the column is read once, and no more is kept than these edges."""
    inside = np.zeros(int(wanted.max()) + 2 if len(wanted) else 1, np.bool_)
    inside[wanted] = True
    rows, ids = [np.zeros(0, np.int64)], [np.zeros(0, np.int32)]
    for start, values in _pieces(column, fail):
        at = np.flatnonzero(inside[np.minimum(values, len(inside) - 1)])
        rows.append(at + start)
        ids.append(values[at].astype(np.int32))
    node_ids, order = np.concatenate(ids), np.concatenate(rows)
    by = np.argsort(node_ids, kind="stable")
    return EdgeIndex(np.zeros((0, 2), np.int64), None, node_ids[by], order[by], len(column), fail)
