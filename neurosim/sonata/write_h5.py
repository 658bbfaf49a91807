"""HDF5 and text files of a circuit: SONATA's marks, tables in blocks, chunked, not compressed."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from neurosim.errors import SonataError
from neurosim.sonata.outfile import mark

CHUNK_ROWS = 1 << 16
"""Rows in one chunk of a column, at most."""

_SAFE_DIGITS, _SAFE_POWER = 15, 22


@contextmanager
def new_h5(path: Path) -> Iterator[h5py.File]:
    """Make a file with SONATA's marks."""
    try:
        with h5py.File(path, "x") as file:
            mark(file)
            yield file
    except OSError as error:
        raise SonataError(f"cannot be written: {error}.", path=path) from None


@contextmanager
def whole_h5(path: Path) -> Iterator[h5py.File]:
    """Make a file that appears under its name when it is complete, in place of one that was there.

    Raises
    ------
    OSError
        It cannot be written; nothing is left then.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".tmp")
    os.close(handle)
    try:
        with h5py.File(temporary, "w") as file:
            yield file
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def column(group: h5py.Group, name: str, rows: int, dtype: Any) -> h5py.Dataset:
    """Return a new column of a known length."""
    chunks = (min(max(rows, 1), CHUNK_ROWS),)
    return group.create_dataset(name, (rows,), dtype, chunks=chunks, maxshape=(None,))


def put(group: h5py.Group, name: str, values: npt.NDArray[Any]) -> h5py.Dataset:
    """Write a whole column; texts become UTF-8."""
    if values.dtype.kind in "OUS":
        data = column(group, name, len(values), h5py.string_dtype())
        data[:] = np.array([v.decode() if isinstance(v, bytes) else str(v) for v in values], dtype=object)
        return data
    shape = values.shape
    chunks = (min(max(shape[0], 1), CHUNK_ROWS), *shape[1:])
    return group.create_dataset(name, data=values, chunks=chunks, maxshape=(None, *shape[1:]))


def write_table(path: Path, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Write a types table: separated by spaces, quoted where needed, ``NULL`` for None."""

    def text(value: Any) -> str:
        return "NULL" if value is None else repr(float(value)) if isinstance(value, float) else str(value)

    with path.open("x", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream, delimiter=" ", lineterminator="\n")
        table.writerow(header)
        table.writerows([text(value) for value in row] for row in rows)


def survives_csv(value: float) -> bool:
    """Tell whether every reader gets a number back from its text to the last bit.

    pandas, by which BMTK reads tables, multiplies digits and a power of ten: both are exact up to 15 digits and 10^22.
    """
    digits, _, power = repr(float(value)).lower().partition("e")
    whole, _, fraction = digits.partition(".")
    count = len((whole + fraction).replace("-", "").strip("0"))
    return count <= _SAFE_DIGITS and abs(int(power or 0) - len(fraction)) <= _SAFE_POWER
