"""Which nodes of an octree a camera sees, coarse to fine under a budget. Kernels; ``select`` calls them.

=============  =============================================================  ==========
name           meaning                                                        unit
=============  =============================================================  ==========
``low, high``  corners of the boxes of nodes, float64 (nodes, 3)              um
``planes``     inward normals of the sides of the view, float64 (5, 3); they
               all pass through the eye
``side``       length of a node's box, float64 (nodes,)                       um
``points``     cells drawn for a node, int64 (nodes,)
``focal_px``   pixels of a length of 1 at a distance of 1
``pad_um``     how far a cell reaches out of its node's box                   um
``near_um``    distance up to which that counts                               um
=============  =============================================================  ==========
"""

# mypy: disable-error-code="no-untyped-def,untyped-decorator"
from __future__ import annotations

import numpy as np
from numba import njit

CLOSEST_um = 1e-3
"""Boxes nearer than this count as this far, so that projected sizes are finite."""


@njit(cache=True)
def distance(low, high, node, eye):
    """Return the distance from the eye to a node's box, 0 inside."""
    total = 0.0
    for axis in range(3):
        gap = max(low[node, axis] - eye[axis], eye[axis] - high[node, axis], 0.0)
        total += gap * gap
    return np.sqrt(total)


@njit(cache=True)
def seen(low, high, node, eye, planes, pad_um):
    """Return whether a node's box, made larger by ``pad_um``, is on the inner side of all planes, at least in part."""
    for plane in range(len(planes)):
        reach = pad_um
        for axis in range(3):
            normal = planes[plane, axis]
            corner = high[node, axis] if normal > 0.0 else low[node, axis]
            reach += normal * (corner - eye[axis])
        if reach < 0.0:
            return False
    return True


@njit(cache=True)
def in_view(low, high, node, eye, planes, pad_um, near_um):
    """Return whether any cell of a node may be seen.

    Notes
    -----
    Cells reach out of their box, but branches are drawn only near the eye: farther away the box itself decides. A
    child's box lies in its parent's and is not nearer, so that a child in view has its parent in view.
    """
    pad = pad_um if distance(low, high, node, eye) < near_um else 0.0
    return seen(low, high, node, eye, planes, pad)


@njit(cache=True)
def _push(key, item, size, value, node):
    at = size
    while at > 0:
        above = (at - 1) // 2
        if key[above] >= value:
            break
        key[at], item[at] = key[above], item[above]
        at = above
    key[at], item[at] = value, node


@njit(cache=True)
def _pop(key, item, size):
    """Move the largest to the end of the heap of ``size`` entries and return it."""
    top, value, node = item[0], key[size - 1], item[size - 1]
    at = 0
    while True:
        below = 2 * at + 1
        if below >= size - 1:
            break
        if below + 1 < size - 1 and key[below + 1] > key[below]:
            below += 1
        if key[below] <= value:
            break
        key[at], item[at] = key[below], item[below]
        at = below
    key[at], item[at] = value, node
    return top


@njit(cache=True)
def select_nodes(
    low, high, side, points, first_child, child_n, eye, planes, focal_px, pad_um, near_um, budget, least_px, key, item,
    out
):  # fmt: skip
    """Write the nodes to draw to ``out`` int64 (nodes,); return their number, their points and the nodes looked at.

    Parameters
    ----------
    budget : int
        Most points; the root is drawn in any case.
    least_px : float
        A box that looks smaller than this is not opened: its sample is dense enough.
    key, item : float64, int64 (nodes,)
        Scratch.

    Notes
    -----
    Strategy: begin with the root, and replace the node that looks largest by those of its children that are in view, as
    long as the points stay within the budget. A node that cannot be replaced is drawn as it is, and smaller ones that
    can be are still opened. The nodes drawn hold every cell in view exactly once, because a node is drawn or replaced,
    never both.
    """
    found, total, looked, size = 0, 0, 1, 0
    if in_view(low, high, 0, eye, planes, pad_um, near_um):
        total = points[0]
        _push(key, item, size, np.inf, 0)
        size = 1
    while size > 0:
        looks_px = key[0]
        node = _pop(key, item, size)
        size -= 1
        first = first_child[node]
        if first >= 0 and looks_px >= least_px:
            after = total - points[node]
            for child in range(first, first + child_n[node]):
                looked += 1
                if in_view(low, high, child, eye, planes, pad_um, near_um):
                    after += points[child]
            if after <= budget:
                total = after
                for child in range(first, first + child_n[node]):
                    if in_view(low, high, child, eye, planes, pad_um, near_um):
                        far = max(distance(low, high, child, eye), CLOSEST_um)
                        _push(key, item, size, side[child] * focal_px / far, child)
                        size += 1
                continue
        out[found] = node
        found += 1
    return found, total, looked


@njit(cache=True)
def cells_seen(place_um, reach_um, eye, planes, distance_um, keep):
    """Write how far cells float64 (n, 3) are, and to ``keep`` bool (n,) whether a ball of their reach is in view."""
    for i in range(len(place_um)):
        x, y, z = place_um[i, 0] - eye[0], place_um[i, 1] - eye[1], place_um[i, 2] - eye[2]
        distance_um[i] = np.sqrt(x * x + y * y + z * z)
        keep[i] = True
        for plane in range(len(planes)):
            if planes[plane, 0] * x + planes[plane, 1] * y + planes[plane, 2] * z + reach_um[i] < 0.0:
                keep[i] = False
                break
