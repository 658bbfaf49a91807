"""The spikes file: ``/spikes/<population>/{timestamps, node_ids}``, and the same as a table.

Spikes are added block by block in the order they come and sorted when the run ends. Every biophysical population has
its group, also when it is silent.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from neurosim.sonata.config import Config
from neurosim.sonata.nodes import Population
from neurosim.sonata.outfile import GrowingFile, write_text

SORTING = {
    "time": "by_time", "by_time": "by_time",
    "id": "by_id", "by_id": "by_id", "node_id": "by_id", "gid": "by_id",
    "none": "none", "unsorted": "none",
}  # fmt: skip
SORTING_DTYPE = h5py.enum_dtype({"none": 0, "by_id": 1, "by_time": 2}, basetype="u1")


class SpikeWriter:
    """Writes spikes to an H5 file and, on request, to a CSV table.

    Parameters
    ----------
    path : Path
        The H5 file.
    populations : list of Population
        Populations that can fire.
    order : str
        ``by_time``, ``by_id`` or ``none``.
    csv_path : Path or None
        The table.
    """

    def __init__(self, path: Path, populations: list[Population], order: str, csv_path: Path | None) -> None:
        self.out = GrowingFile(path)
        self.order, self.csv_path, self.populations = order, csv_path, populations
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


def spike_output(config: Config) -> tuple[str, str, str | None]:
    """Return the file's name, the sorting and the table's name that ``output`` asks for."""
    output = config.section("output")
    order = SORTING[output.choice("spikes_sort_order", SORTING, "time")]
    return str(output.text("spikes_file", "spikes.h5")), order, output.text("spikes_file_csv", None)
