"""Pairs of points that are near one another, found through a grid of boxes.

Only the boxes that the reach of a point touches are looked at. Points are float64 (n, 3) in um; an axis that does not
count is 0 everywhere.
"""

# mypy: disable-error-code="no-untyped-def,untyped-decorator"
from __future__ import annotations

import math

import numpy as np
from numba import njit

_MARGIN = 1e-6


@njit(error_model="numpy", cache=True)
def box_of(point, corner_um, width_um, shape, axis):
    """Return the box along one axis that holds a point, the nearest one where it lies outside the grid."""
    at = math.floor((point[axis] - corner_um[axis]) / width_um[axis])
    return np.int64(min(max(at, 0.0), shape[axis] - 1.0))


@njit(error_model="numpy", cache=True)
def boxes(points_um, corner_um, width_um, shape, out):
    """Write the number of each point's box to ``out`` int32 (n,)."""
    for i in range(len(points_um)):
        x = box_of(points_um[i], corner_um, width_um, shape, 0)
        y = box_of(points_um[i], corner_um, width_um, shape, 1)
        z = box_of(points_um[i], corner_um, width_um, shape, 2)
        out[i] = (x * shape[1] + y) * shape[2] + z


@njit(error_model="numpy", cache=True)
def _span(point, reach_um, corner_um, width_um, shape, axis):
    # Points outside the grid are in its outer boxes; the margin is above the rounding of the divisions.
    low = math.floor((point[axis] - reach_um - corner_um[axis]) / width_um[axis] - _MARGIN)
    high = math.floor((point[axis] + reach_um - corner_um[axis]) / width_um[axis] + _MARGIN)
    last = shape[axis] - 1.0
    return np.int64(min(max(low, 0.0), last)), np.int64(min(max(high, 0.0), last))


@njit(error_model="numpy", cache=True)
def near(
    points_um, own, reach_um, corner_um, width_um, shape, start, order, others_um, fill, counts, pairs, distance_um
):
    """Find the others within reach of each point; count them, and write them when ``fill``.

    Parameters
    ----------
    points_um : float64 (n, 3)
        For which points.
    own : int32 (n,)
        The point itself among the others, or -1; it is left out.
    reach_um : float
        Largest distance; may be infinite.
    corner_um, width_um, shape : float64 (3,), float64 (3,), int64 (3,)
        The grid.
    start, order : int64 (boxes + 1,), int32 (others,)
        The others of each box: ``order[start[b]:start[b + 1]]``.
    others_um : float64 (others, 3)
    fill : bool
    counts : int64 (n,)
        Written always.
    pairs : int32 (sum of counts,)
        The others found, point after point.
    distance_um : float64 (sum of counts,)
    """
    row = 0
    for i in range(len(points_um)):
        point, found = points_um[i], 0
        x_low, x_high = _span(point, reach_um, corner_um, width_um, shape, 0)
        y_low, y_high = _span(point, reach_um, corner_um, width_um, shape, 1)
        z_low, z_high = _span(point, reach_um, corner_um, width_um, shape, 2)
        for x in range(x_low, x_high + 1):
            for y in range(y_low, y_high + 1):
                box = (x * shape[1] + y) * shape[2]
                for at in range(start[box + z_low], start[box + z_high + 1]):
                    other = order[at]
                    dx = others_um[other, 0] - point[0]
                    dy = others_um[other, 1] - point[1]
                    dz = others_um[other, 2] - point[2]
                    d = math.sqrt(dx * dx + dy * dy + dz * dz)
                    if d <= reach_um and other != own[i]:
                        if fill:
                            pairs[row] = other
                            distance_um[row] = d
                            row += 1
                        found += 1
        counts[i] = found
