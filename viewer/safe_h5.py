"""Opening HDF5 files of others: only below the folders allowed, and only what lies in the file itself.

Refused are external links, virtual and external data sets, filters that are not HDF5's own, chunks that would fill the
memory, and files with very many objects. A soft link stays within its file, whose objects are all looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import h5py

from neurosim.errors import ModelError

MOST_OBJECTS = 200_000
MOST_CHUNK_BYTES = 256 << 20
FILTERS = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32, h5py.h5z.FILTER_LZF}
MOST_RATIO = 1100
"""Deflate makes nothing smaller than this; a data set that claims to be larger has no such content."""
FREE_BYTES = 64 << 20
"""Up to this size a data set may claim what it likes."""
PARTIAL = ".partial"


class UnsafeFileError(ModelError):
    """A file that lies outside, or refers to others."""


def within(path: Path, roots: Sequence[Path]) -> Path:
    """Return the real path of a file that lies below one of the folders.

    Raises
    ------
    UnsafeFileError
        It lies elsewhere, or a symbolic link leads there.
    """
    real = path.resolve()
    if not any(real.is_relative_to(root.resolve()) for root in roots):
        raise UnsafeFileError(f"lies in {real.parent}, outside the folder that was opened.", path=path)
    return real


def open_safe(path: Path, roots: Sequence[Path]) -> h5py.File:
    """Open a file for reading; one that is being written (``*.partial``) so that it can be followed.

    Raises
    ------
    UnsafeFileError
        Of the reasons above.
    ModelError
        It is not HDF5, or damaged.
    """
    real = within(path, roots)
    with reading(path):
        file = h5py.File(real, "r", swmr=real.name.endswith(PARTIAL))
    try:
        with reading(path):
            _check(file, path)
    except BaseException:
        file.close()
        raise
    return file


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what HDF5 raises for bytes that make no sense into an error of ours."""
    try:
        yield
    except ModelError:
        raise
    except (OSError, KeyError, RuntimeError, ValueError, TypeError, MemoryError, OverflowError) as error:
        reason = str(error).strip("'").splitlines()[0][:200] if str(error) else type(error).__name__
        raise ModelError(f"is not an HDF5 file that can be read: {reason}.", path=path) from None


def _check(file: h5py.File, path: Path) -> None:
    """Look at every object once; a hard link may lead back up."""
    seen: set[int] = set()
    waiting: list[h5py.Group] = [file["/"]]
    while waiting:
        group = waiting.pop()
        for name in group:
            where = f"{group.name.rstrip('/')}/{name}"[:200]
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.SoftLink):
                continue
            if not isinstance(link, h5py.HardLink):
                raise UnsafeFileError(f"{where} is a link to another file, which is refused.", path=path)
            found = group[name]
            address = h5py.h5o.get_info(found.id).addr
            if address in seen:
                continue
            seen.add(address)
            if len(seen) > MOST_OBJECTS:
                raise UnsafeFileError(f"has more than {MOST_OBJECTS} objects.", path=path)
            if isinstance(found, h5py.Group):
                waiting.append(found)
            elif isinstance(found, h5py.Dataset):
                _check_data(found, where, path)


def _check_data(data: h5py.Dataset, where: str, path: Path) -> None:
    if data.is_virtual or data.external:
        raise UnsafeFileError(f"{where} lies in another file, which is refused.", path=path)
    plan = data.id.get_create_plist()
    filters = {plan.get_filter(k)[0] for k in range(plan.get_nfilters())}
    if filters - FILTERS:
        raise UnsafeFileError(f"{where} has filters {sorted(filters)}; allowed: {sorted(FILTERS)}.", path=path)
    size = data.dtype.itemsize
    for length in data.chunks or ():
        size *= length
    claimed = data.dtype.itemsize * (data.size or 0)
    if claimed > FREE_BYTES and claimed > MOST_RATIO * data.id.get_storage_size():
        raise UnsafeFileError(f"{where} claims {claimed:,} bytes, which the file does not hold.", path=path)
    if size > MOST_CHUNK_BYTES:
        raise UnsafeFileError(f"{where} has chunks of {size:,} bytes; at most {MOST_CHUNK_BYTES:,}.", path=path)
