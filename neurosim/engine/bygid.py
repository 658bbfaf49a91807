"""Rows kept by cell: columns whose rows are sorted by gid, however the cells are divided among processes.

A state (``neurosim.engine.state``) is a flat dictionary of arrays. A table NAME is there as ``NAME/gid`` (int64, the
cells that have rows, ascending), ``NAME/count`` (int64, rows of each) and ``NAME/COLUMN`` (rows, ...). Tables without
rows are left out, so that what one process holds does not depend on what the others have.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import SimulationError

Longs = NDArray[np.int64]
Column = NDArray[Any]
Arrays = dict[str, Column]

SCALARS = ("step", "time_ms", "cells")
"""Arrays of one value that belong to no table; the same in every process."""

SEEN = "seen/"
"""Tables of what is only looked at, such as recorded currents: not needed to go on, and not the same everywhere."""

ORDER, WAITING = "order", "waiting"
"""Columns that other threads or processes give differently although a run goes on the same: order of rows that do not
touch one another, spikes that did not become events yet."""

_HEAD = ("gid", "count")


@dataclass(frozen=True)
class ByGid:
    """Columns by cell.

    Parameters
    ----------
    gids, counts : int64 (cells,)
        Cells that have rows, ascending, and the number of rows of each.
    columns : dict
        Name -> array (rows, ...).
    """

    gids: Longs
    counts: Longs
    columns: dict[str, Column] = field(default_factory=dict)

    @classmethod
    def of(cls, gid: Longs | NDArray[np.int32], columns: Mapping[str, Column] | None = None) -> ByGid:
        """Return a table of rows whose gids, int64 (rows,), are in order."""
        gids, counts = np.unique(gid, return_counts=True)
        return cls(gids.astype(np.int64), counts.astype(np.int64), dict(columns or {}))

    @property
    def gid(self) -> Longs:
        """The cell of each row, int64 (rows,)."""
        return np.repeat(self.gids, self.counts)

    def rows_of(self, gids: Longs) -> Longs:
        """Return the numbers of the rows of these cells (ascending; those without rows are passed over)."""
        which = np.flatnonzero(np.isin(self.gids, gids, assume_unique=True))
        first = np.cumsum(self.counts) - self.counts
        return runs(first[which], self.counts[which])

    def only(self, gids: Longs) -> ByGid:
        """Return the rows of these cells."""
        if np.array_equal(self.gids, gids):
            return self
        kept = np.isin(self.gids, gids, assume_unique=True)
        if kept.all():
            return self
        rows = self.rows_of(gids)
        return ByGid(self.gids[kept], self.counts[kept], {name: c[rows] for name, c in self.columns.items()})

    def fits(self, other: ByGid) -> bool:
        """Whether both have the same cells and numbers of rows."""
        return np.array_equal(self.gids, other.gids) and np.array_equal(self.counts, other.counts)


def runs(first: Longs, counts: Longs) -> Longs:
    """Return the numbers first[k], first[k] + 1, ... of every run, one run after the other."""
    if not len(first):
        return np.zeros(0, np.int64)
    ends = np.cumsum(counts)
    numbers: Longs = np.arange(int(ends[-1]), dtype=np.int64) + np.repeat(first - (ends - counts), counts)
    return numbers


def flat(tables: Mapping[str, ByGid]) -> Arrays:
    """Return the arrays of tables that have rows."""
    out: Arrays = {}
    for name, table in tables.items():
        if len(table.gids):
            out[f"{name}/gid"], out[f"{name}/count"] = table.gids, table.counts
            out.update({f"{name}/{column}": values for column, values in table.columns.items()})
    return out


def tables(state: Mapping[str, Column]) -> dict[str, ByGid]:
    """Return the tables of a state.

    Raises
    ------
    SimulationError
        An array belongs to no table.
    """
    found: dict[str, dict[str, Column]] = {}
    for name, array in state.items():
        if name not in SCALARS:
            table, _, column = name.rpartition("/")
            found.setdefault(table, {})[column] = array
    out = {}
    for table, columns in found.items():
        if not table or not {*_HEAD} <= {*columns}:
            raise SimulationError(
                f"state: {table or next(iter(columns))!r} is not kept by cell; it was made by an older version: "
                "make it again"
            )
        rest = {name: column for name, column in columns.items() if name not in _HEAD}
        out[table] = ByGid(columns["gid"], columns["count"], rest)
    return out


def merged(states: Sequence[Mapping[str, Column]]) -> Arrays:
    """Return the state of all cells from the states of the processes, each of its own cells."""
    out: Arrays = {name: states[0][name] for name in SCALARS}
    for state in states[1:]:
        for name in SCALARS:
            if not np.array_equal(state[name], out[name]):
                raise SimulationError(
                    f"state: the parts are of different runs, {name} is {out[name]} and {state[name]}; "
                    "merge those of one moment"
                )
    parts: dict[str, list[ByGid]] = {}
    for state in states:
        for name, table in tables(state).items():
            parts.setdefault(name, []).append(table)
    out.update(flat({name: _joined(name, found) for name, found in parts.items()}))
    return out


def _joined(name: str, parts: Sequence[ByGid]) -> ByGid:
    if len(parts) == 1:
        return parts[0]
    gids = np.concatenate([p.gids for p in parts])
    order = np.argsort(gids, kind="stable")
    if len(gids) > 1 and (np.diff(gids[order]) == 0).any():
        twice = int(gids[order][:-1][np.diff(gids[order]) == 0][0])
        raise SimulationError(f"state: {name} has gid {twice} in two parts; give each part once")
    counts = np.concatenate([p.counts for p in parts])
    rows = runs((np.cumsum(counts) - counts)[order], counts[order])
    columns = {
        column: np.concatenate([p.columns[column] for p in parts])[rows]
        for column in parts[0].columns
        if all(column in p.columns for p in parts)
    }
    return ByGid(gids[order], counts[order], columns)


def digest(state: Mapping[str, Column]) -> str:
    """Return the SHA-256 of a state, without what is only looked at; equal for equal states however they were made."""
    total = hashlib.sha256()
    for name in _lasting(state):
        array = np.ascontiguousarray(state[name])
        total.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        total.update(array.tobytes())
    return total.hexdigest()


def _lasting(state: Iterable[str]) -> list[str]:
    return sorted(n for n in state if not n.startswith(SEEN) and n.rpartition("/")[2] not in (ORDER, WAITING))


def differences(a: Mapping[str, Column], b: Mapping[str, Column]) -> list[str]:
    """Return the names of the arrays in which two states differ, those only looked at left aside."""
    names = {*_lasting(a), *_lasting(b)}
    return sorted(n for n in names if n not in a or n not in b or a[n].tobytes() != b[n].tobytes())
