"""A column of results that grows while a run goes on, and is read as one array."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

_FIRST_ROWS: Final = 64
_MOST_ROWS: Final = 65536


class Column:
    """Rows that arrive in blocks: O(1) per row, at most a quarter more memory than data, one array when read.

    Parameters
    ----------
    width : int or None
        Values of a row; None for one value without an axis of its own.
    dtype : type of NumPy scalar
        Type of the values.
    """

    def __init__(self, width: int | None, dtype: type[np.generic]) -> None:
        self._tail_shape = () if width is None else (width,)
        self._dtype = dtype
        self.clear()

    def clear(self) -> None:
        """Forget all rows."""
        self._full: list[npt.NDArray[Any]] = []
        self._tail = np.empty((0, *self._tail_shape), self._dtype)
        self._used = 0
        self.rows = 0

    def reserve(self, rows: int) -> None:
        """Make room for exactly ``rows`` more."""
        if rows > len(self._tail) - self._used:
            self._close_tail()
            self._tail = np.empty((rows, *self._tail_shape), self._dtype)

    def _close_tail(self) -> None:
        if self._used:
            self._full.append(self._tail[: self._used])
        self._used = 0

    def append(self, block: npt.NDArray[Any]) -> None:
        """Add rows at the end; they are copied."""
        done, rows = 0, len(block)
        while done < rows:
            room = len(self._tail) - self._used
            if room == 0:
                grow = min(max(_FIRST_ROWS, self.rows // 4), _MOST_ROWS)
                self.reserve(max(grow, rows - done))
                continue
            take = min(room, rows - done)
            self._tail[self._used : self._used + take] = block[done : done + take]
            self._used += take
            self.rows += take
            done += take

    def array(self) -> npt.NDArray[Any]:
        """Return all rows as one contiguous array; later appends do not change it."""
        if self._full or len(self._tail) != self._used:
            joined = np.concatenate([*self._full, self._tail[: self._used]])
            self._full, self._tail, self._used = [], joined, len(joined)
        return self._tail
