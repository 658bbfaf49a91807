"""The polylines of a morphology as one tree of points: cut where compartments meet and where children hang.

Kernels of ``neurosim.viewer.scene.templates``. Sections are rows, parents first. Points are two tables, one row each:

======  ==========  =========================================================
table   column      meaning
======  ==========  =========================================================
floats  0, 1, 2     place, um
floats  ``RADIUS``  radius, um
floats  ``ARC``     path from the section's 0 end, um
floats  ``LENGTH``  path along the segment that ends here, um
ints    ``UP``      point at the other end of the segment, -1 at the root
ints    ``ROW``     section of the segment
ints    ``PART``    compartment of the section in which the segment lies
======  ==========  =========================================================
"""

# mypy: disable-error-code="no-untyped-def,untyped-decorator"
from __future__ import annotations

import math

import numpy as np
from numba import njit

RADIUS, ARC, LENGTH, FLOATS_N = 3, 4, 5, 6
UP, ROW, PART, INTS_N = 0, 1, 2, 3

JOINED_um = 0.01
"""A child that begins nearer than this to its place on the parent begins there."""
SAME_um, _SAME = 1e-3, 1e-6
"""Marks along a section nearer than this, and nearer than this part of its length, are one."""


@njit(cache=True)
def draw(points, start, invented, up, up_x, nseg, hang_start, hang, floats, ints, first, total):
    """Fill the tables with the points of all sections, one section after the other.

    Parameters
    ----------
    points, start : float64 (n, 4), int64 (rows + 1,)
        x, y, z, diameter, and where each section begins.
    invented : bool (rows,)
        Sections that are moved to begin on their parent.
    up, up_x, nseg : (rows,)
        Row of the parent, where on it, and compartments.
    hang_start, hang : int64 (rows + 1,), float64 (places,)
        Where on each section (0 to 1, ascending) something hangs.
    floats, ints : float64 (m, FLOATS_N), int32 (m, INTS_N)
        Tables to fill; long enough for all points, borders, places and two more a row.
    first, total : int64 (rows + 1,), float64 (rows,)
        To fill: first point and length of each section.
    """
    m = 0
    for r in range(len(up)):
        here = points[start[r] : start[r + 1]]
        first[r] = m
        m = cut(here, nseg[r], hang[hang_start[r] : hang_start[r + 1]], floats, m)
        first[r + 1] = m
        total[r] = floats[m - 1, ARC]
        for i in range(first[r], m):
            ints[i, UP], ints[i, ROW], ints[i, PART] = i - 1, r, 0
            if i > first[r]:
                floats[i, LENGTH] = floats[i, ARC] - floats[i - 1, ARC]
                half = 0.5 * (floats[i, ARC] + floats[i - 1, ARC]) / total[r]
                ints[i, PART] = min(int(nseg[r] * half), nseg[r] - 1)
        begin, floats[first[r], LENGTH] = -1, 0.0
        if up[r] >= 0:
            begin = at(floats, first[up[r]], first[up[r] + 1], up_x[r] * total[up[r]])
        ints[first[r], UP] = begin
        if begin >= 0 and invented[r]:
            for axis in range(3):
                away = floats[begin, axis] - here[0, axis]
                for i in range(first[r], m):
                    floats[i, axis] += away


@njit(cache=True)
def cut(here, nseg, hang, floats, m):
    """Write the points of one section from row m on: its own, borders of compartments and places; return the next row.

    What lies at one place is one point.
    """
    total = 0.0
    for i in range(1, len(here)):
        total += math.sqrt(square(here, i, i - 1))
    same = min(SAME_um, _SAME * total)
    begin, arc, i, j, k = m, 0.0, 0, 0, 0
    while i < len(here):
        mark, share = arc, 1.0
        border = total * j / nseg if j <= nseg else np.inf
        joint = hang[k] * total if k < len(hang) else np.inf
        piece = math.sqrt(square(here, i, i - 1)) if i > 0 else 0.0
        if min(border, joint) < arc:
            mark = min(border, joint)
            share = 1.0 - (arc - mark) / piece
        if border <= mark:
            j += 1
        if joint <= mark:
            k += 1
        before = max(i - 1, 0)
        if m > begin and mark - floats[m - 1, ARC] <= same:
            m -= 1  # the later of the two stays: after a jump the new diameter holds
        for axis in range(3):
            floats[m, axis] = here[before, axis] + share * (here[i, axis] - here[before, axis])
        floats[m, RADIUS] = 0.5 * (here[before, 3] + share * (here[i, 3] - here[before, 3]))
        floats[m, ARC] = mark if m > begin else 0.0
        m += 1
        if mark == arc:
            i += 1
            if i < len(here):
                arc += math.sqrt(square(here, i, i - 1))
    return m


@njit(cache=True)
def square(table, i, j):
    """Return the square of the distance of two rows that begin with a place."""
    x, y, z = table[i, 0] - table[j, 0], table[i, 1] - table[j, 1], table[i, 2] - table[j, 2]
    return x * x + y * y + z * z


@njit(cache=True)
def at(floats, first, end, wanted):
    """Return the point, of those of a section, that is nearest to a path from its 0 end."""
    low, high = first, end - 1
    while low < high:
        half = (low + high) // 2
        if floats[half, ARC] < wanted:
            low = half + 1
        else:
            high = half
    return low - 1 if low > first and wanted - floats[low - 1, ARC] < floats[low, ARC] - wanted else low


@njit(cache=True)
def join(floats, ints, middle, now):
    """Drop the first points of children that lie on their parent's; return how many points are left, and ``middle``.

    Parameters
    ----------
    floats, ints : tables
        Shortened in place.
    middle : int
        Some point.
    now : int32 (m,)
        To fill: the new number of each point.
    """
    n = 0
    for i in range(len(now)):
        p = now[ints[i, UP]] if ints[i, UP] >= 0 else -1
        for axis in range(FLOATS_N):
            floats[n, axis] = floats[i, axis]
        ints[n, UP], ints[n, ROW], ints[n, PART] = p, ints[i, ROW], ints[i, PART]
        if p >= 0 and floats[n, LENGTH] == 0.0 and square(floats, n, p) < JOINED_um * JOINED_um:
            now[i] = p
        else:
            now[i] = n
            n += 1
    return n, now[middle]


@njit(cache=True)
def root_at(parent, root, order, new_parent, owner, now):
    """Make another point the root, number 0, and turn the segments between round.

    Parameters
    ----------
    parent : int32 (n,)
        Parents first.
    root : int
        Point that becomes number 0.
    order, new_parent, owner : int32 (n,)
        To fill: old number of every new point; its parent, new numbers, parents first; the old point to which its
        segment belonged (of the root: itself).
    now : int32 (n,)
        All -1; holds the new number of every old point on return.
    """
    m, i, before = 0, root, root
    while i >= 0:
        order[m], owner[m], now[i], new_parent[m] = i, before, m, m - 1
        before, i, m = i, parent[i], m + 1
    for i in range(len(parent)):
        if now[i] < 0:
            order[m], owner[m], now[i], new_parent[m] = i, i, m, now[parent[i]]
            m += 1
