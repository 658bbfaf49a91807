"""The spikes file: ``/spikes/<population>/{timestamps, node_ids}``, and the same as a table.

Spikes are added block by block in the order they come and sorted when the run ends. Every biophysical population has
its group, also when it is silent.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from neurosim.sonata.config import Config
from neurosim.sonata.nodes import Population
from neurosim.sonata.outfile import GrowingFile, output_path, write_text

SORTING = {
    "time": "by_time", "by_time": "by_time",
    "id": "by_id", "by_id": "by_id", "node_id": "by_id", "gid": "by_id",
    "none": "none", "unsorted": "none",
}  # fmt: skip
SORTING_DTYPE = h5py.enum_dtype({"none": 0, "by_id": 1, "by_time": 2}, basetype="u1")


@dataclass(frozen=True)
class SpikesSpec:
    """The spikes file as asked for: H5 path, sorting ``by_time``, ``by_id`` or ``none``, and the table's path."""

    path: Path
    order: str
    csv_path: Path | None


class SpikeWriter:
    """Writes spikes to an H5 file and, on request, to a CSV table.

    Parameters
    ----------
    spec : SpikesSpec
        Where to and in which order.
    populations : list of Population
        Populations that can fire.
    """

    def __init__(self, spec: SpikesSpec, populations: list[Population]) -> None:
        self.out = GrowingFile(spec.path)
        self.order, self.csv_path, self.populations = spec.order, spec.csv_path, populations
        for p in populations:
            times = self.out.grow(f"spikes/{p.name}/timestamps", None)
            times.attrs["units"] = "ms"
            self.out.grow(f"spikes/{p.name}/node_ids", None, np.uint64)
            self._mark(p.name, "none")
        self.out.flush()

    def add(self, gids: npt.NDArray[Any], times_ms: npt.NDArray[np.float64]) -> None:
        """Add the spikes of one block; ``gids`` are circuit gids."""
        for p in self.populations:
            mine = (gids >= p.first_gid) & (gids < p.next_gid)
            self.out.append(self.out.file[f"spikes/{p.name}/timestamps"], times_ms[mine])
            self.out.append(self.out.file[f"spikes/{p.name}/node_ids"], (gids[mine] - p.first_gid).astype(np.uint64))
        self.out.flush()

    def finish(self) -> list[Path]:
        """Sort, close and rename; return the files."""
        lines = ["timestamps population node_ids"]
        for p in self.populations:
            group = self.out.file[f"spikes/{p.name}"]
            times, nodes = group["timestamps"][()], group["node_ids"][()]
            keys = {"by_time": (nodes, times), "by_id": (times, nodes)}.get(self.order)
            if keys is not None and len(times):
                order = np.lexsort(keys)
                times, nodes = times[order], nodes[order]
                group["timestamps"][:], group["node_ids"][:] = times, nodes
            self._mark(p.name, self.order)
            lines += [f"{float(t)!r} {p.name} {n}" for t, n in zip(times, nodes, strict=True)]
        paths = [self.out.finish()]
        if self.csv_path is not None:
            write_text(self.csv_path, "\n".join(lines) + "\n")
            paths.append(self.csv_path)
        return paths

    def abandon(self) -> None:
        """Leave the unfinished file."""
        self.out.abandon()

    def _mark(self, population: str, order: str) -> None:
        attrs = self.out.file[f"spikes/{population}"].attrs
        attrs.create("sorting", {"none": 0, "by_id": 1, "by_time": 2}[order], dtype=SORTING_DTYPE)


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
