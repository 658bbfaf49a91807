"""Areas, axial resistances and diameters of the segments of a section, with NEURON's numbers.

Each section is cut into nseg equal segments, each segment in two halves; every half is a row of conical pieces
(frusta). The order of operations follows NEURON, so that areas come out equal to the bit.

    symbol     meaning                                         unit
    arc        path length along the section                   um
    ds         length of a segment, L / nseg                   um
    d1, d2     diameters at the ends of a piece                um
    h          length of a piece                               um
    ri         axial resistance from a node to its parent      MOhm
    ra         axial resistivity                               Ohm cm

Sources: Hines & Carnevale 1997, doi:10.1162/neco.1997.9.6.1179 (segments and centre nodes); rules measured against
NEURON 9 by ``tests/reference/test_morphology_neuron.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

#: Pieces shorter than this count as this long: a jump of the diameter is a ring (um).
SHORTEST_PIECE_UM = 1e-15
#: Two points nearer than this are one place: the second one's diameter holds (um).
SAME_PLACE_UM = 1e-10
#: Ohm cm / um to MOhm, and 4 for a diameter instead of a radius.
_RI_FACTOR = 4.0 * 0.01


@njit(cache=True)
def cylinder_segments(length: float, diam: float, nseg: int, ra: float, area: Any, ri: Any, diams: Any) -> None:
    """Fill area (um2), ri (MOhm, to the previous node) and diams (um) of a cylinder; row nseg is the far end."""
    dx = length / nseg
    half = 1e-2 * ra * (dx / 2.0) / (np.pi * diam * diam / 4.0)
    before = 0.0
    for k in range(nseg):
        area[k] = np.pi * diam * dx
        ri[k] = 1.0 / (1.0 / (half + before))
        diams[k] = diam
        before = half
    area[nseg] = 0.0
    diams[nseg] = 0.0
    ri[nseg] = 1.0 / (1.0 / half)


@njit(cache=True)
def point_segments(points: Any, nseg: int, ra: float, area: Any, ri: Any, diams: Any) -> None:
    """Fill area (um2), ri (MOhm) and diams (um) of a section of float32 points (n, 4); row nseg is the far end.

    Notes
    -----
    With h, d1, d2 of a piece: area += pi/2 (d1 + d2) sqrt(h^2 + ((d2 - d1)/2)^2), ri += ra h / (pi/4 d1 d2),
    diameter of a segment = sum (d1 + d2) h / (2 ds). Diameters are linear between points.
    """
    n = len(points)
    arc = np.empty(n)
    arc[0] = 0.0
    for i in range(1, n):
        dx = np.float64(np.float32(points[i, 0] - points[i - 1, 0]))
        dy = np.float64(np.float32(points[i, 1] - points[i - 1, 1]))
        dz = np.float64(np.float32(points[i, 2] - points[i - 1, 2]))
        arc[i] = arc[i - 1] + np.sqrt(dx * dx + dy * dy + dz * dz)
    ds = arc[n - 1] / nseg
    before = 0.0  # right half of the previous segment
    j = 0  # the piece starts between points j and j + 1
    at, d1 = 0.0, np.float64(points[0, 3])
    for k in range(nseg):
        surface, mean, left, right = 0.0, 0.0, 0.0, 0.0
        cut = k * ds
        for half in range(2):
            cut = cut + ds / 2.0
            resist = 0.0
            inside = True
            while inside:
                here, there = arc[j], arc[j + 1]
                inside = there <= cut and j + 1 < n - 1
                if inside:  # up to the next point
                    end, d2 = there, np.float64(points[j + 1, 3])
                    j += 1
                else:  # up to the cut
                    frac = 1.0 if abs(there - here) < SAME_PLACE_UM else (cut - here) / (there - here)
                    end = cut
                    d2 = (1.0 - frac) * np.float64(points[j, 3]) + frac * np.float64(points[j + 1, 3])
                h = end - at
                mean += (d2 + d1) * h
                h = max(h, SHORTEST_PIECE_UM)
                slope = d2 * d1 / h
                resist += 1.0 / (slope if slope != 0.0 else 1e-15)
                rise = 0.5 * (d2 - d1)
                surface += (d2 + d1) * np.sqrt(h * h + rise * rise)
                at, d1 = end, d2
            if half == 0:
                left = resist * ra / np.pi * _RI_FACTOR
            else:
                right = resist * ra / np.pi * _RI_FACTOR
        area[k] = surface * 0.5 * np.pi
        ri[k] = 1.0 / (1.0 / (before + left))
        diams[k] = mean * (0.5 / ds)
        before = right
    area[nseg] = 0.0
    diams[nseg] = 0.0
    ri[nseg] = 1.0 / (1.0 / before)


@njit(cache=True)
def all_segments(
    points: Any, point_start: Any, length: Any, diam: Any, nseg: Any, ra: Any, node_start: Any,
    area: Any, ri: Any, diams: Any,
) -> None:  # fmt: skip
    """Fill area, ri and diams of all sections; section s owns rows node_start[s] to node_start[s] + nseg[s]."""
    for s in range(len(nseg)):
        a, b = node_start[s], node_start[s] + nseg[s] + 1
        p, q = point_start[s], point_start[s + 1]
        if q > p:
            point_segments(points[p:q], nseg[s], ra[s], area[a:b], ri[a:b], diams[a:b])
        else:
            cylinder_segments(length[s], diam[s], nseg[s], ra[s], area[a:b], ri[a:b], diams[a:b])
