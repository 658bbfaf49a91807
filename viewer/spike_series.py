"""``SpikeSeries``: the spikes of one population in one file, in order of time, read piece by piece.

A file in order of time is searched where it lies. Another is sorted once: in memory, or beside in temporary files when
it is large, in buckets of time that fit.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import h5py
import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ModelError
from neurosim.viewer.source import Floats

PIECE = 1 << 18
"""Spikes that are read at a time."""
MOST_SORTED = 4_000_000
"""Spikes that are sorted in memory."""
BINS = 65_536
BY_TIME = 2
MOST_PROBES = 100_000

Ids = NDArray[np.int64]


class Column(Protocol):
    """A data set, or an array."""

    def __len__(self) -> int: ...

    def __getitem__(self, where: Any) -> Any: ...


class SpikeSeries:
    """Spikes in order of time.

    Parameters
    ----------
    population : str
        Its name in the file.
    times, ids : column (n,)
        Times in the file's unit, ascending, and node ids.
    ms_per_unit : float
        Of the times.

    Attributes
    ----------
    n : int
        Number of spikes.
    """

    def __init__(self, population: str, times: Column, ids: Column, ms_per_unit: float = 1.0) -> None:
        self.population, self._times, self._ids, self._unit = population, times, ids, ms_per_unit
        self.n = min(len(times), len(ids))
        self._probes: dict[int, float] = {}

    def refresh(self) -> None:
        """See what a running simulation has added."""
        for column in (self._times, self._ids):
            if isinstance(column, h5py.Dataset):
                column.refresh()
        self.n = min(len(self._times), len(self._ids))

    def _time(self, k: int) -> float:
        if k not in self._probes:
            if len(self._probes) > MOST_PROBES:
                self._probes.clear()
            self._probes[k] = float(self._times[k]) * self._unit
        return self._probes[k]

    def before(self, t_ms: float, *, included: bool) -> int:
        """Return how many spikes come before a time, or not after it."""
        low, high = 0, self.n
        while low < high:
            middle = (low + high) // 2
            there = self._time(middle)
            if there < t_ms or (included and there == t_ms):
                low = middle + 1
            else:
                high = middle
        return low

    @property
    def last_ms(self) -> float:
        """Time of the last spike; -inf without one."""
        return self._time(self.n - 1) if self.n else -np.inf

    def pieces(self, first: int, end: int) -> Iterator[tuple[Ids, Floats]]:
        """Yield node ids and times in ms of spikes first to end - 1."""
        for start in range(first, end, PIECE):
            part = slice(start, min(start + PIECE, end))
            times: Floats = np.asarray(self._times[part], np.float64) * self._unit
            yield np.asarray(self._ids[part]).astype(np.int64), times


def series_of(
    population: str, group: h5py.Group, ids: str, ms_per_unit: float, folder: Path, path: Path
) -> SpikeSeries:
    """Return the spikes of a group; ``folder`` is for temporary files.

    Raises
    ------
    ModelError
        The columns are no lists of numbers of one length.
    """
    times, nodes = group["timestamps"], group[ids]
    good = isinstance(times, h5py.Dataset) and isinstance(nodes, h5py.Dataset)
    if not good or times.ndim != 1 or nodes.ndim != 1 or times.dtype.kind not in "iuf" or nodes.dtype.kind not in "iu":
        raise ModelError(f"{group.name}: timestamps and {ids} must be lists of numbers.", path=path)
    growing = path.name.endswith(".partial")
    if len(times) != len(nodes) and not growing:
        raise ModelError(f"{group.name}: {len(times)} timestamps, but {len(nodes)} {ids}.", path=path)
    if growing or _is_sorted(group, times):
        return SpikeSeries(population, times, nodes, ms_per_unit)
    if len(times) <= MOST_SORTED:
        order = np.argsort(times[()], kind="stable")
        return SpikeSeries(population, times[()][order], nodes[()][order], ms_per_unit)
    sorted_times, sorted_ids = sorted_in_buckets(times, nodes, folder)
    return SpikeSeries(population, sorted_times, sorted_ids, ms_per_unit)


def _is_sorted(group: h5py.Group, times: h5py.Dataset) -> bool:
    """Return whether the times ascend: as the file says; looked at where it says nothing."""
    said = group.attrs.get("sorting")
    if isinstance(said, bytes | str):
        return (said.decode() if isinstance(said, bytes) else said) == "by_time"
    if said is not None and np.ndim(said) == 0:
        return bool(int(said) == BY_TIME)
    last = -np.inf
    for start in range(0, len(times), PIECE):
        part = times[start : start + PIECE]
        if part[0] < last or (np.diff(part) < 0).any():
            return False
        last = part[-1]
    return True


def sorted_in_buckets(
    times: Column, ids: Column, folder: Path, most: int = MOST_SORTED, piece: int = PIECE
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return both columns in order of time, as files in ``folder`` that are mapped into memory.

    Strategy: numbers by bins of time say where the bins end in order; bins are put together to buckets of at most
    ``most`` spikes (or one bin), each spike is written into the room of its bucket, and the buckets are sorted.
    """
    n = len(times)
    starts = range(0, n, piece)
    ends = [(float(np.min(p)), float(np.max(p))) for p in (times[s : s + piece] for s in starts)]
    low, high = min(e[0] for e in ends), max(e[1] for e in ends)
    if not np.isfinite([low, high]).all():
        raise ModelError("spikes: some times are not finite numbers; they cannot be put in order")
    edges = np.linspace(low, high, BINS + 1)[1:-1]
    counts = np.zeros(BINS, np.int64)
    for s in starts:
        counts += np.bincount(np.searchsorted(edges, times[s : s + piece], side="right"), minlength=BINS)
    upto = np.cumsum(counts)
    bucket_of_bin = np.maximum(upto - 1, 0) // most
    # A bin that crosses a border belongs to the bucket it ends in.
    buckets, bucket_of_bin = np.unique(bucket_of_bin, return_inverse=True)
    sizes = np.bincount(bucket_of_bin, counts, minlength=len(buckets)).astype(np.int64)
    place = np.concatenate([[0], np.cumsum(sizes)])
    out_times = np.memmap(folder / f"times-{id(times)}", np.float64, "w+", shape=(n,))
    out_ids = np.memmap(folder / f"ids-{id(ids)}", np.int64, "w+", shape=(n,))
    at = place[:-1].copy()
    for s in starts:
        t, who = np.asarray(times[s : s + piece], np.float64), np.asarray(ids[s : s + piece]).astype(np.int64)
        mine = bucket_of_bin[np.searchsorted(edges, t, side="right")]
        order = np.argsort(mine, kind="stable")
        for k in np.unique(mine).tolist():
            rows = order[np.searchsorted(mine, k, sorter=order) : np.searchsorted(mine, k, side="right", sorter=order)]
            out_times[at[k] : at[k] + len(rows)], out_ids[at[k] : at[k] + len(rows)] = t[rows], who[rows]
            at[k] += len(rows)
    for k in range(len(buckets)):
        part = slice(int(place[k]), int(place[k + 1]))
        order = np.argsort(out_times[part], kind="stable")
        out_times[part], out_ids[part] = out_times[part][order], out_ids[part][order]
    return out_times, out_ids
