"""HDF5 files that grow while a simulation runs, can be read meanwhile, and appear under their name when it ends.

A file is written as ``<name>.partial`` and renamed by ``finish``. All datasets are made first; ``begin`` then switches
to HDF5's single-writer multiple-readers mode, in which the file on disk is consistent at every moment. One opens it
with ``h5py.File(path, "r", swmr=True)``, during the run as well as after a kill. ``progress/t_ms`` is written last in
every block and says up to which time the file is complete; what lies behind it may be there in part (NaN where it is
not). Space for a block is reserved before HDF5 touches the file, so that a full disk stops the run between two blocks
and the file closes in order. Datasets are chunked and not compressed (libsonata's builds lack deflate).
This module knows bytes and names, not what is in them.
"""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np
import numpy.typing as npt

from neurosim.errors import OutputError
from neurosim.sonata.config import Config
from neurosim.sonata.entry import Entry, candidates

MAGIC, VERSION = 0x0A7A, (0, 1)
FORMAT: Final = ("v110", "v110")
"""HDF5 1.10: the oldest format that can be read while it is written; libsonata and BMTK open it."""
CHUNK_BYTES: Final = 2**20
CHUNK_COLUMNS: Final = 1024
SLACK_BYTES: Final = 2**16
"""What HDF5's own bookkeeping may take in one block, beyond the chunks."""
INDEX_BYTES: Final = 64
VIEW_FOLDER: Final = "libsonata"
PROGRESS: Final = "progress/t_ms"


class GrowingFile:
    """An HDF5 file with the SONATA marks, under construction.

    Parameters
    ----------
    path : Path
        Final name. Its folder is made when missing.

    Notes
    -----
    ``grow`` and ``put`` make datasets, ``begin`` opens the file to readers, then blocks follow: ``reserve``,
    ``append``, ``commit``. ``finish`` or ``abandon`` ends it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.partial = partial_of(path)
        self.safe_ms: float | None = None
        self._grown_bytes = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.file = h5py.File(self.partial, "w", libver=FORMAT)
        except (OSError, RuntimeError) as error:
            raise OutputError(self.partial, f"cannot be written: {reason_of(error)}.") from None
        with self._writing():
            mark(self.file)

    def grow(self, name: str, columns: int | None, dtype: Any = np.float64, *, rows: int = CHUNK_BYTES) -> h5py.Dataset:
        """Return a new dataset with no rows.

        Parameters
        ----------
        name : str
            Its path.
        columns : int or None
            Width; None makes it one-dimensional.
        dtype : dtype
            Type; floats that are not written yet read as NaN.
        rows : int
            Rows of one block, so that a chunk is written once.
        """
        size = np.dtype(dtype).itemsize
        wide = 1 if columns is None else max(1, min(columns, CHUNK_COLUMNS))
        most = max(1, (2**16 if columns is None else CHUNK_BYTES) // (size * wide))
        least = max(1, 2**15 // (size * wide))
        tall = max(min(least, most), -(-rows // -(-rows // most)))
        self._grown_bytes += tall * size * (1 if columns is None else max(columns, 1))
        shape, most_shape, chunks = ((0,), (None,), (tall,)) if columns is None else (
            (0, columns), (None, columns or None), (tall, wide)
        )  # fmt: skip
        fill = np.nan if np.issubdtype(np.dtype(dtype), np.floating) else None
        with self._writing():
            return self.file.create_dataset(name, shape, dtype, maxshape=most_shape, chunks=chunks, fillvalue=fill)

    def put(self, name: str, values: npt.ArrayLike, **attributes: Any) -> h5py.Dataset:
        """Return a new dataset of fixed size."""
        with self._writing():
            dataset = self.file.create_dataset(name, data=values)
        self.describe(dataset, **attributes)
        return dataset

    def describe(self, dataset: h5py.Dataset | h5py.Group, **attributes: Any) -> None:
        """Set attributes."""
        with self._writing():
            for key, value in attributes.items():
                dataset.attrs[key] = value

    def begin(self) -> None:
        """Let readers in; from here on no dataset and no attribute can be made."""
        self._progress = self.put(PROGRESS, np.zeros(1), units="ms")
        with self._writing():
            self.file.flush()
            self.file.swmr_mode = True
        self.safe_ms = 0.0

    def reserve(self, block_bytes: int) -> None:
        """Make sure that a block fits on the disk, before anything of it is written.

        Parameters
        ----------
        block_bytes : int
            Size of the values that ``append`` will add until the next ``commit``.

        Raises
        ------
        OutputError
            No space, or a limit of the file's size; the file is as the last ``commit`` left it.
        """
        needed = block_bytes + self._grown_bytes + SLACK_BYTES + INDEX_BYTES * (block_bytes // 2**15)
        try:
            if hasattr(os, "posix_fallocate"):
                size = int(self.file.id.get_filesize())
                os.posix_fallocate(self.file.id.get_vfd_handle(), size, needed)
        except OSError as error:
            free = shutil.disk_usage(self.partial.parent).free
            reason = (
                f"no room for the next {needed / 1e6:.1f} MB: {os.strerror(error.errno or 0)}, {free / 1e6:.1f} MB are "
                "free; free some space."
            )
            raise OutputError(self.partial, reason, safe_ms=self.safe_ms) from None

    def append(self, dataset: h5py.Dataset, values: npt.NDArray[Any]) -> None:
        """Add rows at the end; whoever made the dataset holds it, because a temporary one is closed too early."""
        if len(values):
            with self._writing():
                before = dataset.shape[0]
                dataset.resize(before + len(values), axis=0)
                dataset[before:] = values

    def assign(self, dataset: h5py.Dataset, where: int, value: float) -> None:
        """Change one value of a dataset of fixed size."""
        with self._writing():
            dataset[where] = value

    def commit(self, t_ms: float) -> None:
        """Hand everything to the operating system, and then the time up to which it is complete."""
        with self._writing():
            self.file.flush()
            self._progress[0] = t_ms
            self._progress.flush()
        self.safe_ms = t_ms

    def finish(self) -> Path:
        """Close the file, give it its name and return that."""
        if self.file:
            with self._writing():
                self.file.close()
            trim(self.partial)
            rename(self.partial, self.path, self.safe_ms)
        return self.path

    def abandon(self) -> None:
        """Close the file and leave it under its temporary name."""
        if self.file:
            with suppress(OutputError), self._writing():
                self.file.close()
                trim(self.partial)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Turn a failure of HDF5 into an error of ours and leave the file as the disk has it."""
        try:
            yield
        except (OSError, RuntimeError) as error:
            self._disconnect()
            raise OutputError(self.partial, f"cannot be written: {reason_of(error)}.", safe_ms=self.safe_ms) from None

    def _disconnect(self) -> None:
        """Close HDF5's side of a file that cannot be written.

        HDF5 repeats failed writes when it closes a file, and crashes the interpreter when they fail again. Its
        descriptor is therefore pointed at the null device first.
        """
        with suppress(OSError, RuntimeError, ValueError):
            handle = self.file.id.get_vfd_handle()
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, handle)
            os.close(null)
        with suppress(OSError, RuntimeError, ValueError):
            self.file.close()


def partial_of(path: Path) -> Path:
    """Return the name of a file that is being written."""
    return path.with_name(f"{path.name}.partial")


def open_output(path: str | Path) -> h5py.File:
    """Open an output for reading: being written by a run, left by one that was killed, or finished.

    Parameters
    ----------
    path : path-like
        Its final name.

    Returns
    -------
    h5py.File
        ``file["progress/t_ms"][0]`` is the time up to which it is complete. Call ``refresh()`` of a dataset to see
        what came since it was opened.
    """
    partial = partial_of(Path(path))
    return h5py.File(partial, "r", swmr=True) if partial.exists() else h5py.File(path, "r")


def rename(partial: Path, path: Path, safe_ms: float | None = None) -> None:
    """Give a complete file its name."""
    try:
        os.replace(partial, path)
    except OSError as error:
        raise OutputError(path, f"cannot be replaced: {reason_of(error)}.", safe_ms=safe_ms) from None


def trim(path: Path) -> None:
    """Cut reserved space off a closed file: HDF5's superblock says where its content ends."""
    with path.open("rb") as stream:
        head = stream.read(36)
    if head[:8] == b"\x89HDF\r\n\x1a\n" and head[8] == 3:
        end = struct.unpack("<Q", head[28:36])[0]
        if 0 < end < path.stat().st_size:
            os.truncate(path, end)


def mark(file: h5py.File) -> None:
    """Write SONATA's magic number and version."""
    file.attrs["magic"] = np.uint32(MAGIC)
    file.attrs["version"] = np.array(VERSION, dtype=np.uint32)


def view_of(path: Path) -> Path:
    """Return where the float32 view of a report lies."""
    return path.parent / VIEW_FOLDER / path.name


def write_text(path: Path, text: str) -> None:
    """Write a text file at once: under a temporary name first."""
    partial = partial_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise OutputError(path, f"cannot be written: {reason_of(error)}.") from None
    rename(partial, path)


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


def reason_of(error: BaseException) -> str:
    """Return the reason in a few words; HDF5's messages hold addresses and times."""
    number = getattr(error, "errno", None)
    if number is None and "errno = " in str(error):
        digits = str(error).split("errno = ", 1)[1].split(",", 1)[0]
        number = int(digits) if digits.isdigit() else None
    return os.strerror(number) if number else str(error).splitlines()[0].rstrip(".")
