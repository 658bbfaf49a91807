"""Opening HDF5 files that may be damaged.

h5py raises ``KeyError``, ``RuntimeError``, ``ValueError`` or ``TypeError`` as well as ``OSError`` where the bytes of a
file make no sense, and NumPy ``MemoryError`` where they claim a huge size. ``opened`` makes one kind of them, so that a
reader has one place for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from traceback import walk_tb

import h5py


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """Open a file for reading.

    Raises
    ------
    OSError
        Whatever HDF5 cannot make sense of, now or while the file is open.
    """
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (KeyError, RuntimeError, ValueError, TypeError, MemoryError, OverflowError) as error:
        if not isinstance(error, MemoryError) and not _of_hdf5(error):
            raise
        raise OSError(f"damaged: {str(error).strip(chr(39))}") from None


def _of_hdf5(error: BaseException) -> bool:
    """Return whether an error was raised in h5py, and not by us in between."""
    last = None
    for frame, _ in walk_tb(error.__traceback__):
        last = frame
    return last is not None and "h5py" in last.f_code.co_filename.replace("\\", "/").split("/")
