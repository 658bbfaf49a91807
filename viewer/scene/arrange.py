"""Places for cells that have none: side by side in the xy plane, so that no cell reaches into another's square.

Each population is a block; within it the cells that reach farthest come first, row by row from the top left, those of
one size in their order. The same cells always get the same places.
"""

# mypy: disable-error-code="no-untyped-def,untyped-decorator"
from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]

APART = 1.1
"""Side of a cell's square, in diameters of the cell."""
BLOCKS_APART = 0.25
"""Gap between populations, in widths of the square of the cell that reaches farthest."""


def arrange(reach_um: Floats, group: NDArray[np.int64], occupied_um: Floats | None = None) -> Floats:
    """Return places for cells without one.

    Parameters
    ----------
    reach_um : float64 (n,)
        Largest distance of a part of the cell from its soma; above 0.
    group : int64 (n,)
        Population of each cell; groups lie side by side, the lowest number first.
    occupied_um : float64 (2, 3), optional
        Box of the cells that have places, with all they reach: the arrangement begins to the right of it.

    Returns
    -------
    float64 (n, 3)
        In um. All blocks are in the middle of the box in y and z, or at 0.
    """
    out = np.zeros((len(reach_um), 3))
    side = 2.0 * APART * np.asarray(reach_um, np.float64)
    gap = BLOCKS_APART * float(side.max(initial=0.0))
    left, middle = 0.0, np.zeros(3)
    if occupied_um is not None:
        left, middle = float(occupied_um[1, 0]) + gap, occupied_um.mean(axis=0)
    for number in np.unique(group):
        rows = np.flatnonzero(group == number)
        rows = rows[np.argsort(-side[rows], kind="stable")]
        place, width, height = _shelves(
            side[rows], max(float(side[rows[0]]), math.sqrt(float((side[rows] ** 2).sum())))
        )
        out[rows, 0] = left + place[:, 0]
        out[rows, 1] = middle[1] + 0.5 * height + place[:, 1]
        out[rows, 2] = middle[2]
        left += width + gap
    return out


@njit(cache=True)
def _shelves(side: Any, width: float) -> Any:
    """Put squares on shelves, the largest first; return middles (n, 2) below 0 and right of 0, width and height."""
    place = np.empty((len(side), 2))
    x, top, shelf, widest = 0.0, 0.0, side[0], 0.0
    for i in range(len(side)):
        if x > 0.0 and x + side[i] > width * (1.0 + 1e-9):
            top -= shelf
            x, shelf = 0.0, side[i]
        place[i, 0] = x + 0.5 * side[i]
        place[i, 1] = top - 0.5 * shelf
        x += side[i]
        widest = max(widest, x)
    return place, widest, shelf - top
