"""The spikes file: ``/spikes/<population>/{timestamps, node_ids}``, and the same as a table.

Spikes are added block by block. Blocks follow one another in time, and each is sorted, so that the files are in order
of time at every moment; only the order by node id needs a second file at the end. Every population that can fire has
its group, also when it is silent.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TextIO

import h5py
import numpy as np
import numpy.typing as npt

from neurosim.errors import OutputError
from neurosim.sonata.config import Config
from neurosim.sonata.outfile import GrowingFile, output_path, partial_of, reason_of, rename

SORTING = {
    "time": "by_time", "by_time": "by_time",
    "id": "by_id", "by_id": "by_id", "node_id": "by_id", "gid": "by_id",
    "none": "none", "unsorted": "none",
}  # fmt: skip
ORDERS = {"none": 0, "by_id": 1, "by_time": 2}
SORTING_DTYPE = h5py.enum_dtype(ORDERS, basetype="u1")
SPIKE_BYTES = 16
MARKS = "progress/blocks"
_LINES = 65536


@dataclass(frozen=True)
class SpikesSpec:
    """The spikes file as asked for: H5 path, sorting ``by_time``, ``by_id`` or ``none``, and the table's path."""

    path: Path
    order: str
    csv_path: Path | None


class Firing(Protocol):
    """A population that can fire: its name, and the gid of its node 0."""

    @property
    def name(self) -> str:
        """Name of its group."""

    @property
    def first_gid(self) -> int:
        """Gid of node 0."""


class SpikeWriter:
    """Writes spikes to an H5 file and, on request, to a CSV table.

    Parameters
    ----------
    spec : SpikesSpec
        Where to and in which order.
    populations : sequence of Firing
        Populations that can fire.
    marks : bool
        Also keep ``progress/blocks``, int64 (blocks, 1 + populations): the step at the end of each block and how many
        spikes each population had by then, so that the file can be cut there.
    """

    def __init__(self, spec: SpikesSpec, populations: Sequence[Firing], *, marks: bool = False) -> None:
        self.spec, self.populations = spec, populations
        self.out = GrowingFile(spec.path)
        self.table: _Table | None = None
        self._last_ms = -np.inf
        self._in_time = True
        meanwhile = "none" if spec.order == "none" else "by_time"
        self._data = {p.name: _group(self.out, p.name, meanwhile) for p in populations}
        self._marks = self.out.grow(MARKS, 1 + len(populations), np.int64) if marks else None
        self.out.begin()
        if spec.csv_path is not None:
            self.table = _Table(spec.csv_path)

    def reserve(self, spikes_n: int) -> None:
        """Make sure that so many spikes fit on the disk."""
        self.out.reserve(SPIKE_BYTES * spikes_n)

    def add(self, gids: npt.NDArray[Any], times_ms: npt.NDArray[np.float64], t_ms: float, step: int = 0) -> None:
        """Add the spikes of one block, complete up to ``t_ms``, which is ``step``; ``gids`` are circuit gids."""
        order = np.lexsort((gids, times_ms))
        gids, times_ms = gids[order], times_ms[order]
        if len(times_ms):
            self._in_time &= bool(times_ms[0] >= self._last_ms)
            self._last_ms = float(times_ms[-1])
        which = np.searchsorted([p.first_gid for p in self.populations], gids, side="right") - 1
        firsts = np.array([p.first_gid for p in self.populations], np.int64)
        nodes = (gids - firsts[which]).astype(np.uint64) if len(gids) else gids.astype(np.uint64)
        if self.table is not None:
            self.table.add([p.name for p in self.populations], which, nodes, times_ms, self.out.safe_ms)
        for k, p in enumerate(self.populations):
            times, ids = self._data[p.name]
            self.out.append(times, times_ms[which == k])
            self.out.append(ids, nodes[which == k])
        if self._marks is not None:
            counts = [len(self._data[p.name][0]) for p in self.populations]
            self.out.append(self._marks, np.array([[step, *counts]], np.int64))
        self.out.commit(t_ms)

    def finish(self) -> list[Path]:
        """Close, sort where time is not the order asked for, and rename; return the files."""
        wanted = self.spec.order
        if wanted == "none" or (wanted == "by_time" and self._in_time):
            paths = [self.out.finish()]
            return paths + ([self.table.finish()] if self.table is not None else [])
        self.out.abandon()
        paths = [_sort(self.out.partial, self.spec, self.populations, self.out.safe_ms)]
        if self.table is not None:
            self.table.rewrite(paths[0], [p.name for p in self.populations])
            paths.append(self.table.finish())
        return paths

    def abandon(self) -> None:
        """Leave the unfinished files."""
        self.out.abandon()
        if self.table is not None:
            self.table.abandon()


def _group(out: GrowingFile, population: str, order: str) -> tuple[h5py.Dataset, h5py.Dataset]:
    """Make the datasets of a population."""
    times = out.grow(f"spikes/{population}/timestamps", None)
    out.describe(times, units="ms")
    ids = out.grow(f"spikes/{population}/node_ids", None, np.uint64)
    out.file[f"spikes/{population}"].attrs.create("sorting", ORDERS[order], dtype=SORTING_DTYPE)
    return times, ids


def _sort(source: Path, spec: SpikesSpec, populations: Sequence[Firing], t_ms: float | None) -> Path:
    """Write the finished file in the order asked for beside the one in order of time, which goes when it is there."""
    out = GrowingFile(spec.path.with_name(f"{spec.path.name}.sorted"))
    with h5py.File(source, "r") as file:
        datasets = {p.name: _group(out, p.name, spec.order) for p in populations}
        out.begin()
        for name, (times, ids) in datasets.items():
            t, n = file[f"spikes/{name}/timestamps"][()], file[f"spikes/{name}/node_ids"][()]
            order = np.lexsort((t, n) if spec.order == "by_id" else (n, t))
            out.reserve(SPIKE_BYTES * len(t))
            out.append(times, t[order])
            out.append(ids, n[order])
    out.commit(t_ms or 0.0)
    done = out.finish()
    rename(done, spec.path, t_ms)
    source.unlink()
    return spec.path


class _Table:
    """The CSV table; it grows with every block, and a failed write is taken back."""

    HEADER = "timestamps population node_ids\n"

    def __init__(self, path: Path) -> None:
        self.path, self.partial = path, partial_of(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.stream: TextIO = self.partial.open("w", encoding="utf-8", newline="\n")
            self.stream.write(self.HEADER)
            self.stream.flush()
        except OSError as error:
            raise OutputError(self.partial, f"cannot be written: {reason_of(error)}.") from None

    def add(
        self,
        names: Sequence[str],
        which: npt.NDArray[Any],
        nodes: npt.NDArray[np.uint64],
        times_ms: npt.NDArray[np.float64],
        safe_ms: float | None,
    ) -> None:
        """Add lines; ``which`` is the position of each population in ``names``."""
        good = os.path.getsize(self.partial)
        try:
            for k in range(0, len(nodes), _LINES):
                part = slice(k, k + _LINES)
                rows = zip(times_ms[part].tolist(), which[part].tolist(), nodes[part].tolist(), strict=True)
                self.stream.write("".join([f"{t!r} {names[w]} {n}\n" for t, w, n in rows]))
            self.stream.flush()
        except OSError as error:
            self.abandon()
            with suppress(OSError):
                os.truncate(self.partial, good)
            raise OutputError(self.partial, f"cannot be written: {reason_of(error)}.", safe_ms=safe_ms) from None

    def rewrite(self, source: Path, names: Sequence[str]) -> None:
        """Write all lines again in the order of a finished H5 file."""
        self.abandon()
        self.stream = self.partial.open("w", encoding="utf-8", newline="\n")
        self.stream.write(self.HEADER)
        with h5py.File(source, "r") as file:
            t_ms = float(file["progress/t_ms"][0])
            for k, name in enumerate(names):
                times, ids = file[f"spikes/{name}/timestamps"], file[f"spikes/{name}/node_ids"]
                for first in range(0, len(times), _LINES):
                    part = slice(first, first + _LINES)
                    self.add(names, np.full(len(ids[part]), k), ids[part], times[part], t_ms)

    def finish(self) -> Path:
        """Close and rename."""
        self.stream.close()
        rename(self.partial, self.path)
        return self.path

    def abandon(self) -> None:
        """Close."""
        with suppress(OSError):
            self.stream.close()


def read_spikes(config: Config, folder: Path, taken: Collection[Path]) -> SpikesSpec:
    """Return what ``output`` asks for; ``taken`` are the paths of the reports."""
    output = config.section("output")
    order = SORTING[output.choice("spikes_sort_order", SORTING, "time")]
    found: list[Path | None] = []
    for name, default in (("spikes_file", "spikes.h5"), ("spikes_file_csv", None)):
        written = output.text(name, default)
        found.append(None if written is None else output_path(config, folder, str(written), output, name))
        if found[-1] is not None and (found[-1] in taken or found.count(found[-1]) > 1):
            output.fail(name, f"{found[-1].name} is the file of a report or of the other spikes; rename one.")
    return SpikesSpec(found[0] or folder / "spikes.h5", order, found[1])
