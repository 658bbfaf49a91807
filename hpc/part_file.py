"""The file of one process in a checkpoint: its state by cell as HDF5, and reading the rows of some cells.

Groups are the tables of ``neurosim.engine.state`` (``/mechanism/hh.1a2b3c4d``), each with ``gid`` (ascending),
``count`` (rows of each) and a dataset for every column; the attributes of the file tell step, time and cells.

HDF5 crashes when it meets a full disk in the middle of a file. It therefore only lays the file out here; the values are
written without it, where it left room for them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from neurosim.engine.bygid import SCALARS, Arrays, ByGid, flat, tables

Longs = NDArray[np.int64]

FORMAT = "neurosim checkpoint part 1"

GAP_ROWS = 4096
"""Rows between two wanted ones that are read and dropped, because one long read costs less than two short ones."""

SLACK_B = 1 << 16
TABLE_B = 1 << 11
"""What HDF5 needs for a file and for an array, beyond the values."""


def size_of(state: Arrays) -> int:
    """Return the bytes that the file of a state takes, at most."""
    return SLACK_B + sum(array.nbytes + TABLE_B for array in state.values())


def reserve(path: Path, size: int) -> None:
    """Take room for a file, ``size_of`` bytes; quotas count, and what other processes take.

    Once all processes have room, they begin to write: HDF5's few bytes then find theirs.

    Raises
    ------
    OSError
        There is none.
    """
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o644)
    try:
        _allocate(descriptor, size)
    finally:
        os.close(descriptor)


def write_part(path: Path, state: Arrays) -> str:
    """Write a state and bring it to the disk; return the SHA-256 of the file. ``reserve`` comes before.

    Raises
    ------
    OSError
        It cannot be written.
    """
    places = _laid_out(path, state)
    descriptor = os.open(path, os.O_WRONLY)
    try:
        _allocate(descriptor, path.stat().st_size)
        for name, at in places.items():
            _write_at(descriptor, at, state[name])
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return sha256(path)


def _allocate(descriptor: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)


def _laid_out(path: Path, state: Arrays) -> dict[str, int]:
    """Make the file without values; return where each array stands, in bytes."""
    early = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    early.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    early.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    early.set_layout(h5py.h5d.CONTIGUOUS)
    places = {}
    with h5py.File(path, "w") as file:
        file.attrs["format"] = FORMAT
        for name, array in state.items():
            if name in SCALARS:
                file.attrs[name] = array
                continue
            group, _, column = name.rpartition("/")
            kind, space = h5py.h5t.py_create(array.dtype, logical=True), h5py.h5s.create_simple(array.shape)
            made = h5py.h5d.create(file.require_group(group).id, column.encode(), kind, space, early)
            places[name] = made.get_offset()
    return places


def _write_at(descriptor: int, at: int, array: NDArray[Any]) -> None:
    left = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
    while left:
        written = os.pwrite(descriptor, left, at)
        left, at = left[written:], at + written


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_part(path: Path, gids_of: Callable[[str], Longs]) -> Arrays:
    """Return the rows of some cells.

    Parameters
    ----------
    path : Path
        A file of ``write_part``.
    gids_of : callable
        Table -> gids that are wanted of it, ascending.

    Raises
    ------
    OSError, KeyError
        It is damaged.
    """
    with h5py.File(path, "r") as file:
        if file.attrs["format"] != FORMAT:
            raise OSError(f"format {file.attrs['format']!r} is not {FORMAT!r}")
        out: Arrays = {name: np.asarray(file.attrs[name]) for name in SCALARS}
        found: dict[str, ByGid] = {}
        for name in _groups(file):
            group = file[name]
            head = ByGid(group["gid"][:], group["count"][:])
            wanted = head.only(gids_of(name))
            if len(wanted.gids):
                rows = head.rows_of(wanted.gids)
                wanted.columns.update({c: _read(group[c], rows) for c in group if c not in ("gid", "count")})
                found[name] = wanted
    out.update(flat(found))
    return out


def _groups(file: h5py.File) -> list[str]:
    """Return the names of all tables."""
    names: list[str] = []
    file.visititems(lambda name, node: names.append(name) if isinstance(node, h5py.Group) and "gid" in node else None)
    return names


def _read(data: h5py.Dataset, rows: Longs) -> NDArray[Any]:
    """Return rows, whose numbers ascend, in few reads."""
    out = np.empty((len(rows), *data.shape[1:]), data.dtype)
    edges = [0, *(np.flatnonzero(np.diff(rows) > GAP_ROWS) + 1).tolist(), len(rows)]
    for first, last in pairwise(edges):
        if last > first:
            low = int(rows[first])
            out[first:last] = data[low : int(rows[last - 1]) + 1][rows[first:last] - low]
    return out


def gids_in(state: Arrays) -> Longs:
    """Return the cells of a state, ascending."""
    found = tables(state).get("cell")
    return np.zeros(0, np.int64) if found is None else found.gids
