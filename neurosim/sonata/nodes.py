"""Populations of nodes: H5 file plus types table, gids, attributes.

An attribute of a node is looked up in its H5 group first, then in its row of the types table. A gid is the node id plus
the sum of (largest node id + 1) over the populations declared before, in the order of the configuration, virtual
populations included.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np
import numpy.typing as npt

from neurosim.errors import SonataError
from neurosim.sonata.config import Config
from neurosim.sonata.entry import Entry
from neurosim.sonata.h5read import opened
from neurosim.sonata.hyperslabs import take
from neurosim.sonata.types import NOTHING, Types, read_types

Column = npt.NDArray[Any]
Kind = Literal["biophysical", "point", "virtual"]

KINDS: dict[str, Kind] = {
    "biophysical": "biophysical",
    "point_neuron": "point",
    "point_process": "point",
    "point_soma": "point",
    "single_compartment": "point",
    "virtual": "virtual",
}


@dataclass(frozen=True)
class Population:
    """Nodes of one population.

    Parameters
    ----------
    name : str
        Name of the population.
    key : str
        JSON path of the file, for messages.
    path : Path
        H5 file.
    node_ids, type_ids, rows : int64 (n,)
        Node id, node type id and row of the types table, in the order of the file.
    group_ids, group_rows : int64 (n,)
        H5 group of each node and its row there.
    groups : dict
        Group id -> attribute -> column, float64 or object.
    parameters : dict
        Group id -> name -> column, float64: ``dynamics_params`` of the group.
    types : Types
        The types table.
    first_gid : int
        gid of node id 0.
    """

    name: str
    key: str
    path: Path
    node_ids: npt.NDArray[np.int64]
    type_ids: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    group_ids: npt.NDArray[np.int64]
    group_rows: npt.NDArray[np.int64]
    groups: dict[int, dict[str, Column]]
    parameters: dict[int, dict[str, Column]]
    types: Types
    first_gid: int
    _columns: dict[str, Column | None] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.node_ids)

    @property
    def gids(self) -> npt.NDArray[np.int64]:
        """Return the gid of every node, int64 (n,)."""
        return self.node_ids + self.first_gid

    @property
    def next_gid(self) -> int:
        """Return the first gid of the population that follows."""
        return self.first_gid + (int(self.node_ids.max()) + 1 if len(self) else 0)

    @property
    def names(self) -> list[str]:
        """Return the names of all attributes."""
        return sorted({*self.types.columns, *(name for group in self.groups.values() for name in group)})

    def attribute(self, name: str) -> Column | None:
        """Return an attribute of all nodes, float64 (NaN missing) or object (None missing); None if nobody has it."""
        if name not in self._columns:
            self._columns[name] = self._attribute(name)
        return self._columns[name]

    def _attribute(self, name: str) -> Column | None:
        parts: list[tuple[npt.NDArray[np.bool_], Column]] = []
        column = self.types.columns.get(name)
        if column is not None:
            parts.append((np.ones(len(self), dtype=bool), column[self.rows]))
        for group, attributes in self.groups.items():
            if name in attributes:
                inside = self.group_ids == group
                parts.append((inside, attributes[name][self.group_rows[inside]]))
        if not parts:
            return None
        numeric = all(values.dtype == np.float64 for _, values in parts)
        whole: Column = np.full(len(self), np.nan) if numeric else np.full(len(self), None, dtype=object)
        for inside, values in parts:
            whole[inside] = values
        return whole

    def text(self, name: str) -> Column:
        """Return an attribute as str or None, object (n,)."""
        column = self.attribute(name)
        if column is None:
            return np.full(len(self), None, dtype=object)
        if column.dtype == np.float64:
            return np.array([None if np.isnan(v) else _plain(v) for v in column], dtype=object)
        return np.array([None if v is None else str(v) for v in column], dtype=object)

    def numbers(self, name: str, default: float) -> npt.NDArray[np.float64]:
        """Return a numeric attribute, float64 (n,), ``default`` where missing."""
        column = self.attribute(name)
        if column is None:
            return np.full(len(self), default)
        try:
            values = np.array([np.nan if v is None else float(v) for v in column])
        except (TypeError, ValueError):
            raise SonataError(
                f"attribute {name!r} of population {self.name!r} must be numbers.", key=self.key, path=self.path
            ) from None
        return np.where(np.isnan(values), default, values)

    def parameters_of(self, row: int) -> dict[str, float]:
        """Return the dynamics_params that the H5 file gives to one node; NaN stands for none."""
        columns = self.parameters.get(int(self.group_ids[row]), {})
        values = {name: float(column[self.group_rows[row]]) for name, column in columns.items()}
        return {name: value for name, value in values.items() if not math.isnan(value)}

    def kinds(self) -> npt.NDArray[np.object_]:
        """Return ``biophysical``, ``point`` or ``virtual`` for every node, object (n,)."""
        models = self.text("model_type")
        for value in dict.fromkeys(models):
            if value not in KINDS:
                node = self.node_ids[np.flatnonzero(models == value)[0]] if value is not None else self._untyped(models)
                raise SonataError(
                    f"model_type {value!r} of node {node} in population {self.name!r}; "
                    f"allowed: {', '.join(sorted(KINDS))}.",
                    key=self.key,
                    path=self.types.path,
                )
        return np.array([KINDS[m] for m in models], dtype=object)

    def _untyped(self, models: Column) -> int:
        return int(self.node_ids[next(i for i, m in enumerate(models) if m is None)])


def read_populations(config: Config) -> list[Population]:
    """Return every node population of a configuration, in its order, with gids."""
    found: list[Population] = []
    for entry in config.section("networks").entries("nodes"):
        path = config.located(entry, "nodes_file")
        types = node_types(config, entry)
        try:
            with opened(path) as file:
                for name in population_names(file, entry, path):
                    first = found[-1].next_gid if found else 0
                    if any(p.name == name for p in found):
                        entry.fail("nodes_file", f"population {name!r} was declared before; names must be unique.")
                    found.append(_population(file[f"nodes/{name}"], name, types, entry, path, first))
        except OSError as error:
            entry.fail("nodes_file", f"{path.name} is not an HDF5 file that can be read: {error}.")
    return found


def node_types(config: Config, entry: Entry) -> Types:
    """Return the types table of an entry of ``networks.nodes``; an empty one when it names none."""
    written = entry.get("node_types_file", None)
    if written is None or (isinstance(written, str) and written.upper() in NOTHING):
        return Types(None, np.zeros(0, dtype=np.int64), {})
    return read_types(config.located(entry, "node_types_file"), "node_type_id", entry.path_of("node_types_file"))


def population_names(file: h5py.File, entry: Entry, path: Path) -> list[str]:
    """Return the populations of a nodes file."""
    nodes = file.get("nodes")
    names = [name for name in nodes if isinstance(nodes[name], h5py.Group)] if isinstance(nodes, h5py.Group) else []
    if not names:
        entry.fail("nodes_file", f"{path.name} has no group /nodes/<population>; is it a SONATA nodes file?")
    return names


def _population(group: h5py.Group, name: str, types: Types, entry: Entry, path: Path, first_gid: int) -> Population:
    key = entry.path_of("nodes_file")

    def fail(message: str) -> SonataError:
        return SonataError(f"/nodes/{name}: {message}", key=key, path=path)

    if "node_type_id" not in group:
        raise fail("no dataset node_type_id.")
    type_ids = _whole(group["node_type_id"], fail)
    n = len(type_ids)
    node_ids = _whole(group["node_id"], fail) if "node_id" in group else np.arange(n)
    group_ids = _whole(group["node_group_id"], fail) if "node_group_id" in group else np.zeros(n, dtype=np.int64)
    group_rows = _whole(group["node_group_index"], fail) if "node_group_index" in group else np.arange(n)
    if not len(node_ids) == len(group_ids) == len(group_rows) == n:
        raise fail(f"node_type_id, node_id, node_group_id and node_group_index differ in length ({n} types).")
    if n and (node_ids.min() < 0 or len(np.unique(node_ids)) != n):
        raise fail("node_id must be unique and not negative.")
    groups, parameters = {}, {}
    for label, inner in group.items():
        if isinstance(inner, h5py.Group) and label.isdigit():
            groups[int(label)], parameters[int(label)] = _attributes(inner, fail)
    for label in np.unique(group_ids):
        longest = int(group_rows[group_ids == label].max())
        for attribute, column in {**groups.get(int(label), {}), **parameters.get(int(label), {})}.items():
            if longest >= len(column) or group_rows[group_ids == label].min() < 0:
                raise fail(f"node_group_index {longest} is outside {label}/{attribute}, which has {len(column)} rows.")
    rows = types.rows(type_ids, entry.path_of("node_types_file")) if types.path is not None else np.zeros(n, np.int64)
    return Population(
        name, key, path, node_ids, type_ids, rows, group_ids, group_rows, groups, parameters, types, first_gid
    )


def _plain(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(float(value))


def _whole(data: Any, fail: Any) -> npt.NDArray[np.int64]:
    if not isinstance(data, h5py.Dataset) or data.ndim != 1 or data.dtype.kind not in "iu":
        raise fail(f"{data.name.rsplit('/', 1)[-1]} must be a list of whole numbers.")
    return np.asarray(data[()]).astype(np.int64)


def _attributes(group: h5py.Group, fail: Any) -> tuple[dict[str, Column], dict[str, Column]]:
    library = group.get("@library")
    columns = {}
    for name, data in group.items():
        if isinstance(data, h5py.Dataset) and data.ndim == 1:
            columns[name] = column_of(data)
            if isinstance(library, h5py.Group) and name in library:
                words, index = column_of(library[name]), np.asarray(data[()]).astype(np.int64)
                if len(index) and (index.min() < 0 or index.max() >= len(words)):
                    raise fail(f"{name} points outside @library/{name}, which has {len(words)} values.")
                columns[name] = words[index]
        elif isinstance(data, h5py.Dataset) and name in ("positions", "position") and data.shape[1:] == (3,):
            for axis, values in zip("xyz", np.asarray(data[()], dtype=np.float64).T, strict=True):
                columns.setdefault(axis, np.ascontiguousarray(values))
    inner = group.get("dynamics_params")
    parameters = {n: column_of(d) for n, d in inner.items() if d.ndim == 1} if isinstance(inner, h5py.Group) else {}
    for name, column in parameters.items():
        if column.dtype != np.float64:
            raise fail(f"dynamics_params/{name} must be numbers.")
    return columns, parameters


def column_of(data: h5py.Dataset, rows: npt.NDArray[np.int64] | None = None) -> Column:
    """Return an attribute as it stands in a file, all of it or some rows: float64, or object with None for nothing."""
    if data.dtype.kind in "iufb":
        return np.asarray(data[()] if rows is None else take(data, rows), dtype=np.float64)
    if rows is not None:
        values = take(data, rows)
    else:
        values = data.asstr()[()] if h5py.check_string_dtype(data.dtype) is not None else data[()]
    column = np.empty(len(values), dtype=object)
    column[:] = [None if str(v).upper() in NOTHING else str(v) for v in values]
    return column
