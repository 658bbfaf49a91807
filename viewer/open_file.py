"""``OpenFile``: an HDF5 output that is open, perhaps of a run that is still writing it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import h5py

STALE_S = 60.0
"""A file that has not changed for so long is not being written any more."""


@dataclass(frozen=True)
class OpenFile:
    """An output that is open; ``growing`` of one that had the name of an unfinished file."""

    path: Path
    file: h5py.File
    growing: bool

    @property
    def complete_ms(self) -> float:
        """Time up to which it is complete, where it says so; else NaN."""
        data = self.file.get("progress/t_ms")
        if not isinstance(data, h5py.Dataset) or data.shape != (1,):
            return float("nan")
        if self.growing:
            data.refresh()
        return float(data[0])

    @property
    def written(self) -> bool:
        """Whether somebody is still writing it."""
        try:
            return self.growing and time.time() - self.path.stat().st_mtime < STALE_S
        except OSError:
            return False
