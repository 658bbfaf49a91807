"""Rows of HDF5 datasets by hyperslabs, a bounded number of rows at a time.

``take(dataset, rows)`` is ``dataset[()][rows]`` without reading what nobody asked for: wanted rows that lie close
together come in one slab, and no slab is longer than ``PIECE`` rows.
"""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

PIECE = 1 << 18
"""Rows in one slab, at most."""

GAP = 4096
"""Rows that nobody wants and that are read all the same, because a second slab would cost more."""

Rows = npt.NDArray[np.int64]


def rows_of(ranges: npt.NDArray[Any]) -> Rows:
    """Return the rows of half-open ranges, in their order.

    Parameters
    ----------
    ranges : integers (n, 2)
        First row and row after the last.

    Returns
    -------
    int64 (m,)
        For [[4, 6], [1, 2]]: 4, 5, 1.
    """
    first, last = ranges[:, 0].astype(np.int64), ranges[:, 1].astype(np.int64)
    length = last - first
    before = np.cumsum(length) - length
    return np.repeat(first - before, length) + np.arange(int(length.sum()), dtype=np.int64)


def take(data: h5py.Dataset, rows: Rows, *, piece: int | None = None) -> npt.NDArray[Any]:
    """Return some rows of a dataset.

    Parameters
    ----------
    data : h5py.Dataset
        One or more dimensions.
    rows : int64 (n,)
        Rows in any order, repeats allowed.
    piece : int, optional
        Longest slab; ``PIECE`` when omitted.

    Returns
    -------
    array (n, …)
        In the order of ``rows``; texts as str objects.
    """
    piece = PIECE if piece is None else piece
    text = h5py.check_string_dtype(data.dtype) is not None
    source = data.asstr() if text else data
    out = np.empty((len(rows), *data.shape[1:]), dtype=object if text else data.dtype)
    if len(rows) == 0:
        return out
    step = np.diff(rows)
    order = None if (step >= 0).all() else np.argsort(rows, kind="stable")
    ascending = rows if order is None else rows[order]
    breaks = np.flatnonzero((step if order is None else np.diff(ascending)) > GAP) + 1
    for first, last in zip([0, *breaks.tolist()], [*breaks.tolist(), len(rows)], strict=True):
        for start in range(int(ascending[first]), int(ascending[last - 1]) + 1, piece):
            stop = min(start + piece, int(ascending[last - 1]) + 1)
            low, high = first + np.searchsorted(ascending[first:last], [start, stop])
            if low == high:
                continue
            values = source[start:stop][ascending[low:high] - start]
            out[slice(low, high) if order is None else order[low:high]] = values
    return out
