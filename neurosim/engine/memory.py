"""Arrays for the kernels: aligned to cache lines, and not all alike in their low address bits.

Arrays that are walked side by side must not start at the same offset within 4096 bytes, or they evict each other from
the first-level cache; each new array is shifted by some cache lines.
"""

from __future__ import annotations

from itertools import count

import numpy as np
from numpy.typing import NDArray

_LINE = 64
_LINES_APART = 5
_serial = count()


def zeros(n: int) -> NDArray[np.float64]:
    """Return ``n`` float64 zeros, aligned to 64 bytes; pages are not touched."""
    shift = next(_serial) * _LINES_APART % 64 * _LINE
    raw = np.zeros(n * 8 + 4096 + _LINE, np.uint8)
    start = -raw.ctypes.data % 4096 % 4096
    start = (start + shift) % 4096
    start += -(raw.ctypes.data + start) % _LINE
    return raw[start : start + n * 8].view(np.float64)


def filled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return an aligned copy."""
    out = zeros(len(values))
    out[:] = values
    return out


def address(array: NDArray[np.float64] | NDArray[np.int32] | NDArray[np.int64]) -> int:
    """Return the address of the first value; the caller keeps the array alive."""
    return int(array.ctypes.data)
