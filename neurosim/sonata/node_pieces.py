"""Nodes piece by piece, for circuits that are not to be in memory as a whole.

``node_files(config)`` looks through the node ids only; ``NodeFile.pieces`` yields a ``Population`` for every so many
rows, with the attributes that are asked for. Gids are as in ``nodes``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from neurosim.errors import SonataError
from neurosim.sonata.config import Config
from neurosim.sonata.h5read import opened
from neurosim.sonata.hyperslabs import take
from neurosim.sonata.nodes import Column, Population, column_of, node_types, population_names
from neurosim.sonata.types import Types

PIECE = 1 << 18
"""Rows of one piece."""

Ints = npt.NDArray[np.int64]
_POSITIONS = ("positions", "position")


@dataclass(frozen=True)
class NodeFile:
    """A population that has not been read.

    Parameters
    ----------
    name, key, path, types, first_gid
        As in ``Population``.
    nodes_n : int
        Number of nodes.
    next_gid : int
        First gid of the population that follows.
    columns : frozenset of str
        Attributes that stand in the H5 file.
    """

    name: str
    key: str
    path: Path
    types: Types
    first_gid: int
    nodes_n: int
    next_gid: int
    columns: frozenset[str]

    @property
    def names(self) -> list[str]:
        """Return the names of all attributes."""
        return sorted({*self.types.columns, *self.columns})

    @property
    def dense(self) -> bool:
        """Return whether the node ids are 0 to n - 1, so that gids leave no gap."""
        return self.next_gid - self.first_gid == self.nodes_n

    def pieces(
        self, columns: Collection[str], *, parameters: bool = False, rows: int | None = None
    ) -> Iterator[Population]:
        """Yield the nodes in the order of the file, ``rows`` (or ``PIECE``) at a time; an empty one when there is none.

        Parameters
        ----------
        columns : collection of str
            Attributes to read from the H5 file; those of the types table are there in any case.
        parameters : bool
            Read ``dynamics_params`` as well.
        """
        try:
            with opened(self.path) as file:
                group = file[f"nodes/{self.name}"]
                most = PIECE if rows is None else rows
                for start in range(0, max(1, self.nodes_n), most):
                    yield self._piece(group, start, min(start + most, self.nodes_n), columns, parameters)
        except OSError as error:
            raise self.error(f"{self.path.name} cannot be read: {error}.") from None

    def _piece(
        self, group: h5py.Group, start: int, stop: int, columns: Collection[str], parameters: bool
    ) -> Population:
        def whole(name: str, otherwise: Callable[[], Any]) -> Ints:
            return np.asarray(group[name][start:stop] if name in group else otherwise()).astype(np.int64)

        type_ids = whole("node_type_id", lambda: np.zeros(0))
        node_ids = whole("node_id", lambda: np.arange(start, stop))
        group_ids = whole("node_group_id", lambda: np.zeros(stop - start))
        group_rows = whole("node_group_index", lambda: np.arange(start, stop))
        if not len(type_ids) == len(node_ids) == len(group_ids) == len(group_rows) == stop - start:
            raise self.error("node_type_id, node_id, node_group_id and node_group_index differ in length.")
        groups: dict[int, dict[str, Column]] = {}
        own: dict[int, dict[str, Column]] = {}
        local = np.zeros(len(group_rows), np.int64)
        for label in np.unique(group_ids).tolist():
            inside = np.flatnonzero(group_ids == label)
            local[inside] = np.arange(len(inside))
            inner = group.get(str(label))
            if isinstance(inner, h5py.Group):
                groups[label] = self._columns(inner, group_rows[inside], columns)
                more = inner.get("dynamics_params") if parameters else None
                if isinstance(more, h5py.Group):
                    own[label] = {name: self._rows(more[name], group_rows[inside]) for name in more}
        types = self.types
        key = self.key.replace("nodes_file", "node_types_file")
        tabled = types.path is not None and len(type_ids) > 0
        rows = types.rows(type_ids, key) if tabled else np.zeros(len(type_ids), np.int64)
        return Population(
            self.name, self.key, self.path, node_ids, type_ids, rows, group_ids, local, groups, own, types,
            self.first_gid,
        )  # fmt: skip

    def _columns(self, group: h5py.Group, rows: Ints, wanted: Collection[str]) -> dict[str, Column]:
        found: dict[str, Column] = {}
        library = group.get("@library")
        for name, data in group.items():
            if not isinstance(data, h5py.Dataset):
                continue
            if data.ndim == 1 and name in wanted:
                found[name] = self._rows(data, rows)
                if isinstance(library, h5py.Group) and name in library:
                    words, index = column_of(library[name]), found[name].astype(np.int64)
                    if len(index) and (index.min() < 0 or index.max() >= len(words)):
                        raise self.error(f"{name} points outside @library/{name}, which has {len(words)} values.")
                    found[name] = words[index]
            elif name in _POSITIONS and data.shape[1:] == (3,) and not {"x", "y", "z"}.isdisjoint(wanted):
                self._check(data, rows)
                places = take(data, rows).astype(np.float64)
                for axis, values in zip("xyz", places.T, strict=True):
                    found.setdefault(axis, np.ascontiguousarray(values))
        return found

    def _rows(self, data: h5py.Dataset, rows: Ints) -> Column:
        self._check(data, rows)
        return column_of(data, rows)

    def _check(self, data: h5py.Dataset, rows: Ints) -> None:
        if len(rows) and not 0 <= rows.min() <= rows.max() < len(data):
            raise self.error(f"node_group_index {rows.max()} is outside {data.name}, which has {len(data)} rows.")

    def error(self, message: str) -> SonataError:
        """Return an error of this population."""
        return SonataError(f"/nodes/{self.name}: {message}", key=self.key, path=self.path)


def part_of(piece: Population, rows: Ints) -> Population:
    """Return some nodes of a population, which share its columns."""
    return replace(
        piece,
        node_ids=piece.node_ids[rows],
        type_ids=piece.type_ids[rows],
        rows=piece.rows[rows],
        group_ids=piece.group_ids[rows],
        group_rows=piece.group_rows[rows],
        _columns={},
    )


def alike(piece: Population, names: Collection[str]) -> tuple[Ints, Ints]:
    """Return one row of each kind of node, int64 (kinds,), and which kind each is, int64 (n,).

    Nodes of a kind agree in their type, their ``dynamics_params`` and the named attributes.
    """
    code = np.unique(piece.rows * (int(piece.group_ids.max(initial=0)) + 1) + piece.group_ids, return_inverse=True)[1]
    for label in piece.groups.keys() | piece.parameters.keys():
        inside = piece.group_ids == label
        named = [c for name, c in piece.groups.get(label, {}).items() if name in names]
        for column in [*named, *piece.parameters.get(label, {}).values()]:
            value = np.zeros(len(code), np.int64)
            value[inside] = _numbered(column)[piece.group_rows[inside]] + 1
            code = np.unique(code * (int(value.max()) + 1) + value, return_inverse=True)[1]
    first = np.unique(code, return_index=True)[1]
    return first.astype(np.int64), code.astype(np.int64)


def _numbered(column: Column) -> Ints:
    """Return a number for each distinct value, int64 (n,)."""
    if column.dtype == np.float64:
        return np.unique(column, return_inverse=True)[1].astype(np.int64)
    seen: dict[Any, int] = {}
    return np.array([seen.setdefault(value, len(seen)) for value in column.tolist()], np.int64)


def node_files(config: Config) -> list[NodeFile]:
    """Return the node populations of a configuration, in its order; node ids are looked through, nothing is kept."""
    found: list[NodeFile] = []
    for entry in config.section("networks").entries("nodes"):
        path = config.located(entry, "nodes_file")
        types = node_types(config, entry)
        try:
            with opened(path) as file:
                for name in population_names(file, entry, path):
                    if any(p.name == name for p in found):
                        entry.fail("nodes_file", f"population {name!r} was declared before; names must be unique.")
                    first = found[-1].next_gid if found else 0
                    found.append(
                        _node_file(file[f"nodes/{name}"], name, types, entry.path_of("nodes_file"), path, first)
                    )
        except OSError as error:
            entry.fail("nodes_file", f"{path.name} is not an HDF5 file that can be read: {error}.")
    return found


def _node_file(group: h5py.Group, name: str, types: Types, key: str, path: Path, first_gid: int) -> NodeFile:
    def fail(message: str) -> SonataError:
        return SonataError(f"/nodes/{name}: {message}", key=key, path=path)

    for column in ("node_type_id", "node_id", "node_group_id", "node_group_index"):
        data = group.get(column)
        if column == "node_type_id" and data is None:
            raise fail("no dataset node_type_id.")
        if data is not None and (not isinstance(data, h5py.Dataset) or data.ndim != 1 or data.dtype.kind not in "iu"):
            raise fail(f"{column} must be a list of whole numbers.")
        if data is not None and len(data) != len(group["node_type_id"]):
            raise fail(f"{column} has {len(data)} values for {len(group['node_type_id'])} nodes.")
    n = len(group["node_type_id"])
    following = _checked_ids(group["node_id"], fail) if "node_id" in group else n
    columns: set[str] = set()
    for label, inner in group.items():
        if isinstance(inner, h5py.Group) and label.isdigit():
            data_sets = {key: data for key, data in inner.items() if isinstance(data, h5py.Dataset)}
            columns |= {key for key, data in data_sets.items() if data.ndim == 1}
            if any(key in _POSITIONS and data.shape[1:] == (3,) for key, data in data_sets.items()):
                columns |= set("xyz")
    return NodeFile(name, key, path, types, first_gid, n, first_gid + following, frozenset(columns))


def _checked_ids(data: h5py.Dataset, fail: Callable[[str], SonataError]) -> int:
    """Return the largest node id plus 1; each id occurs once."""
    n, largest = len(data), -1
    for start in range(0, n, PIECE):
        ids = data[start : start + PIECE].astype(np.int64)
        if ids.min() < 0:
            raise fail("node_id must be unique and not negative.")
        largest = max(largest, int(ids.max()))
    seen = np.zeros(largest + 1, np.bool_) if largest < 16 * n + (1 << 20) else None
    if seen is None:
        once = len(np.unique(data[()])) == n
    else:
        for start in range(0, n, PIECE):
            seen[data[start : start + PIECE].astype(np.int64)] = True
        once = int(seen.sum()) == n
    if not once:
        raise fail("node_id must be unique and not negative.")
    return largest + 1
