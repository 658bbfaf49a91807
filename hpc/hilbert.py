"""Place along Hilbert's curve of points of a grid in two or three dimensions.

Cells that are near on the curve are near in space, so that a piece of the curve is a lump of tissue.
"""

# mypy: disable-error-code="no-untyped-def,untyped-decorator"
from __future__ import annotations

import numpy as np
from numba import njit


@njit(error_model="numpy", cache=True, nogil=True)
def places(points, bits, out):
    """Write the place of every point along the curve.

    Parameters
    ----------
    points : uint32 (n, axes)
        Coordinates below 2**bits; overwritten.
    bits : int
        Levels of the curve; bits * axes is at most 63.
    out : int64 (n,)
        Filled with numbers below 2**(bits * axes).

    Notes
    -----
    Skilling 2004, "Programming the Hilbert curve", AIP Conference Proceedings 707, 381, doi:10.1063/1.1751381: undo the
    turns and mirrors level by level, then take the Gray code back.
    """
    axes, one = points.shape[1], np.uint32(1)
    for p in range(points.shape[0]):
        x = points[p]
        level = one << np.uint32(bits - 1)
        while level > one:
            low = np.uint32(level - one)
            for a in range(axes):
                if x[a] & level:
                    x[0] ^= low
                else:
                    swapped = (x[0] ^ x[a]) & low
                    x[0] ^= swapped
                    x[a] ^= swapped
            level = np.uint32(level >> one)
        for a in range(1, axes):
            x[a] ^= x[a - 1]
        turned, level = np.uint32(0), np.uint32(one << np.uint32(bits - 1))
        while level > one:
            if x[axes - 1] & level:
                turned ^= np.uint32(level - one)
            level = np.uint32(level >> one)
        place = np.int64(0)
        for bit in range(bits - 1, -1, -1):
            for a in range(axes):
                place = (place << 1) | np.int64(((x[a] ^ turned) >> np.uint32(bit)) & one)
        out[p] = place
