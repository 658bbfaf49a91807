"""Point processes that rows of connections need: one a row, or one for several whose sum is the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.rows import Longs
from neurosim.mechanisms.mechanism import Mechanism
from neurosim.model.connections import Connections

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Sockets:
    """Point processes that rows of connections need.

    ``elements``, ``cells`` int64 and ``values`` are by instance, ``instance`` int64 by row.
    """

    elements: Longs
    cells: Longs
    values: dict[str, float | Floats]
    instance: Longs


def by_row(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return the parts one after the other; no copy of a single one."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def sockets(elements: Longs, tables: Sequence[Connections], mechanism: Mechanism, *, joined: bool) -> Sockets:
    """Return the instances of one mechanism for all rows of its tables.

    Parameters
    ----------
    elements : int64 (rows,)
        Node element of each row, table after table.
    tables : sequence of Connections
        With this mechanism (defaults may differ).
    mechanism : Mechanism
        Its first variant.
    joined : bool
        Instances of equal values at one element may be one.
    """
    values = {name: _column(name, tables) for name in mechanism.defaults}
    shared = [t.instance for t in tables]
    cells = by_row([t.target_gid for t in tables])
    if not joined and all(s is None for s in shared):
        return Sockets(elements, cells.astype(np.int64), values, np.arange(len(cells), dtype=np.int64))
    key = elements
    for value in values.values():
        if np.ndim(value):
            key = _paired(key, np.asarray(value))
    if not joined:
        offset = 0
        marks: list[Longs] = []
        for table, mark in zip(tables, shared, strict=True):
            own = np.arange(offset, offset + len(table), dtype=np.int64)
            marks.append(own if mark is None else -1 - mark.astype(np.int64) * len(tables) - len(marks))
            offset += len(table)
        key = _paired(key, np.concatenate(marks))
    chosen, instance = _first_come(key)
    return Sockets(
        elements[chosen],
        cells[chosen].astype(np.int64),
        {k: v if np.ndim(v) == 0 else np.asarray(v)[chosen] for k, v in values.items()},
        instance,
    )


def _first_come(key: Longs) -> tuple[Longs, Longs]:
    """Give distinct keys numbers in the order of their first rows.

    Returns
    -------
    chosen, instance : int64 (m,), (n,)
        First row of every number, and number of every row.

    Notes
    -----
    As ``np.unique`` with index and inverse, in about half the memory.
    """
    order = np.argsort(key, kind="stable")
    ranked = key[order]
    new = np.ones(len(key), np.bool_)
    np.not_equal(ranked[1:], ranked[:-1], out=new[1:])
    del ranked
    first = order[new]
    number = np.empty(len(first), np.int64)
    number[np.argsort(first)] = np.arange(len(first))
    run = np.cumsum(new, dtype=np.int32)
    run -= 1
    del new
    instance = np.empty(len(key), np.int64)
    instance[order] = number[run]
    return np.sort(first), instance


def _paired(key: Longs, column: NDArray[Any]) -> Longs:
    """Return numbers that are equal where both are equal."""
    distinct, codes = np.unique(column, return_inverse=True)
    if len(distinct) == 1:
        return key
    _, dense = np.unique(key, return_inverse=True)
    return dense.reshape(-1).astype(np.int64) * len(distinct) + codes.reshape(-1)


def _column(name: str, tables: Sequence[Connections]) -> float | Floats:
    parts = []
    for t in tables:
        default = t.mechanism.defaults[name] if t.mechanism is not None else 0.0
        parts.append(t.values.get(name, default))
    if all(np.ndim(p) == 0 for p in parts) and len({float(np.ravel(p)[0]) for p in parts}) == 1:
        return float(np.ravel(parts[0])[0])
    columns = [np.broadcast_to(np.asarray(p, float), len(t)) for p, t in zip(parts, tables, strict=True)]
    joined: Floats = np.concatenate(columns)
    return joined
