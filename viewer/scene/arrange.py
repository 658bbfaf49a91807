"""Places for cells that have none: side by side in the xy plane, so that no cell reaches into another's box.

Each population is a block; within it the tallest cells come first, row by row from the top left, those of one height in
their order. The same cells always get the same places.
"""

# mypy: disable-error-code="no-untyped-def,untyped-decorator"
from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MARGIN = 0.05
"""Free on each side of a cell's box, in parts of its longer side."""
BLOCKS_APART = 0.25
"""Gap between populations, in parts of the longest side of all boxes."""
WIDE = 1.5
"""Width over height that a block is to have."""


def arrange(low_um: Floats, high_um: Floats, group: NDArray[np.int64], occupied_um: Floats | None = None) -> Floats:
    """Return places for cells without one.

    Parameters
    ----------
    low_um, high_um : float64 (n, 2)
        Box of each cell in x and y, relative to its soma; low below high.
    group : int64 (n,)
        Population of each cell; groups lie side by side, the lowest number first.
    occupied_um : float64 (2, 3), optional
        Box of the cells that have places, with all they reach: the arrangement begins to the right of it.

    Returns
    -------
    float64 (n, 3)
        Places of the somata, um. All blocks have their middle at that of ``occupied_um`` in y and z, or at 0.
    """
    size = high_um - low_um
    margin = MARGIN * size.max(axis=1, initial=0.0, keepdims=True)
    size = size + 2.0 * margin
    gap = BLOCKS_APART * float(size.max(initial=0.0))
    left, middle = 0.0, np.zeros(3)
    if occupied_um is not None:
        left, middle = float(occupied_um[1, 0]) + gap, occupied_um.mean(axis=0)
    out = np.empty((len(size), 3))
    for number in np.unique(group):
        rows = np.flatnonzero(group == number)
        rows = rows[np.argsort(-size[rows, 1], kind="stable")]
        width = max(float(size[rows, 0].max()), math.sqrt(WIDE * float(size[rows].prod(axis=1).sum())))
        corner, block = _shelves(size[rows], width)
        out[rows, :2] = corner - low_um[rows] + margin[rows] + (left, middle[1] + 0.5 * block[1])
        left += block[0] + gap
    out[:, 2] = middle[2]
    return out


@njit(cache=True)
def _shelves(size: Any, width: float) -> Any:
    """Put boxes on shelves, the tallest first; return their lower left corners, from x 0 and y 0 down, and the size."""
    corner, block = np.empty((len(size), 2)), np.zeros(2)
    x, top, shelf = 0.0, 0.0, size[0, 1]
    for i in range(len(size)):
        if x > 0.0 and x + size[i, 0] > width * (1.0 + 1e-9):
            top -= shelf
            x, shelf = 0.0, size[i, 1]
        corner[i, 0] = x
        corner[i, 1] = top - 0.5 * (shelf + size[i, 1])
        x += size[i, 0]
        block[0] = max(block[0], x)
    block[1] = shelf - top
    return corner, block
