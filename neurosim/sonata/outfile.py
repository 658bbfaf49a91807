"""HDF5 files that grow while a simulation runs and appear under their name when it ends.

A file is written as ``<name>.partial`` and flushed after every block, so that a killed run leaves everything up to its
last block; ``finish`` renames it. Datasets grow along time, are chunked and not compressed (libsonata's builds
lack deflate). This module knows bytes and names, not what is in them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from neurosim.errors import SonataError
from neurosim.sonata.config import Config
from neurosim.sonata.entry import Entry, candidates

MAGIC, VERSION = 0x0A7A, (0, 1)
CHUNK_BYTES = 2**20
CHUNK_COLUMNS = 1024
VIEW_FOLDER = "libsonata"


class GrowingFile:
    """An HDF5 file with the SONATA marks, under construction.

    Parameters
    ----------
    path : Path
        Final name. Its folder is made when missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.partial = path.with_name(f"{path.name}.partial")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.file = h5py.File(self.partial, "w")
        except OSError as error:
            raise SonataError(f"{self.partial} cannot be written: {error}.", key="output") from None
        mark(self.file)

    def grow(self, name: str, columns: int | None, dtype: Any = np.float64) -> h5py.Dataset:
        """Return a new dataset with no rows; ``columns`` None makes it one-dimensional."""
        if columns is None:
            return self.file.create_dataset(name, (0,), dtype, maxshape=(None,), chunks=(8192,))
        wide = max(1, min(columns, CHUNK_COLUMNS))
        rows = max(1, CHUNK_BYTES // (8 * wide))
        return self.file.create_dataset(name, (0, columns), dtype, maxshape=(None, columns), chunks=(rows, wide))

    def append(self, dataset: h5py.Dataset, values: npt.NDArray[Any]) -> None:
        """Add rows at the end."""
        if len(values):
            before = dataset.shape[0]
            dataset.resize(before + len(values), axis=0)
            dataset[before:] = values

    def flush(self) -> None:
        """Hand everything to the operating system."""
        self.file.flush()

    def finish(self) -> Path:
        """Close the file, give it its name and return that."""
        if self.file:
            self.file.close()
            os.replace(self.partial, self.path)
        return self.path

    def abandon(self) -> None:
        """Close the file and leave it under its temporary name."""
        if self.file:
            self.file.close()


def mark(file: h5py.File) -> None:
    """Write SONATA's magic number and version."""
    file.attrs["magic"] = np.uint32(MAGIC)
    file.attrs["version"] = np.array(VERSION, dtype=np.uint32)


def view_of(path: Path) -> Path:
    """Return where the float32 view of a report lies."""
    return path.parent / VIEW_FOLDER / path.name


def write_text(path: Path, text: str) -> None:
    """Write a text file at once: under a temporary name first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(text, encoding="utf-8", newline="\n")
    os.replace(partial, path)


def output_path(config: Config, folder: Path, written: str, entry: Entry, name: str) -> Path:
    """Return where an output goes: inside ``folder``, never outside.

    A path that already starts with ``output.output_dir`` is taken relative to it.
    """
    inside = config.output_dir.resolve()
    place = candidates(written, config.section("output").file)[0].resolve()
    relative = place.relative_to(inside) if place.is_relative_to(inside) else Path(written)
    target = (folder / relative).resolve()
    if not target.is_relative_to(folder.resolve()) or target == folder.resolve():
        entry.fail(name, f"{written!r} lies outside the output folder {folder}; give a name inside it.")
    return target
