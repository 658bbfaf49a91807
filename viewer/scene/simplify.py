"""Levels of detail of a skeleton: short side branches are left out, then points that are near one another.

At a branch point the branch that reaches farthest along the cable goes on; another stays when its farthest tip is at
least the tolerance away, and so do those at the root. Along what is left a point stays when it is the root, a tip or a
branch point, or at least the tolerance away from the last one that stays. Points keep their places, so that the levels
lie on one another. A coarser level never has more segments.

A forest is allowed: the skeletons of many cells one after the other are simplified by one call of ``coarser``.
"""

# mypy: disable-error-code="no-untyped-def,untyped-decorator"
from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurosim.viewer.scene.skeleton import Skeleton, TOLERANCES_um


@njit(cache=True)
def coarser(parent: Any, path_um: Any, tolerance_um: float) -> Any:
    """Choose the points of a coarser level.

    Parameters
    ----------
    parent : int32 (n,)
        Parents first, -1 at roots.
    path_um : float32 (n,)
        Path distance from the root.
    tolerance_um : float

    Returns
    -------
    old : int32 (m,)
        Points that stay, ascending.
    new_parent : int32 (m,)
        Their parents among those that stay.
    middle : int32 (m,)
        For each the point whose segment holds the middle of the new, longer segment.
    """
    # Strategy: from the tips the height of every subtree; from the roots what stays of the branches; then along them,
    # each point knowing the last one that stayed.
    n = len(parent)
    height, heir = np.zeros(n, np.float32), np.full(n, -1, np.int32)
    for i in range(n - 1, -1, -1):
        p = parent[i]
        if p >= 0 and height[i] + path_um[i] - path_um[p] >= height[p]:
            height[p], heir[p] = height[i] + path_um[i] - path_um[p], i
    branch = np.ones(n, np.bool_)
    left = np.zeros(n, np.int32)
    for i in range(n):
        p = parent[i]
        if p >= 0:
            goes_on = heir[p] == i and parent[p] >= 0
            branch[i] = branch[p] and (goes_on or height[i] + path_um[i] - path_um[p] >= tolerance_um)
            left[p] += branch[i]
    last = np.full(n, -1, np.int32)
    place = np.full(n, -1, np.int32)
    old, new_parent, middle = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.int32)
    m = 0
    for i in range(n):
        if not branch[i]:
            continue
        p = parent[i]
        if p >= 0:
            last[i] = p if place[p] >= 0 else last[p]
        a = last[i]
        if p >= 0 and left[i] == 1 and path_um[i] - path_um[a] < tolerance_um:
            continue
        j = i
        if p >= 0:
            half = 0.5 * (path_um[i] + path_um[a])
            while parent[j] != a and path_um[parent[j]] > half:
                j = parent[j]
        old[m], middle[m] = i, j
        new_parent[m] = place[a] if p >= 0 else -1
        place[i] = m
        m += 1
    return old[:m], new_parent[:m], middle[:m]


def simplify(skeleton: Skeleton, tolerance_um: float) -> Skeleton:
    """Return a skeleton with the details beyond a tolerance.

    Parameters
    ----------
    skeleton : Skeleton
        The whole; ``path_um`` grows from parent to child.
    tolerance_um : float
        0 for the whole.

    Returns
    -------
    Skeleton
        Compartment and region of a segment are those of its middle.
    """
    if tolerance_um <= 0.0:
        return skeleton
    old, parent, middle = coarser(skeleton.parent, skeleton.path_um, tolerance_um)
    return Skeleton(
        position_um=skeleton.position_um[old],
        parent=parent.copy(),
        path_um=skeleton.path_um[old],
        radius_um=skeleton.radius_um[old],
        node=skeleton.node[middle],
        region=skeleton.region[middle],
    )


def levels_of(skeleton: Skeleton, tolerances_um: tuple[float, ...] = TOLERANCES_um) -> tuple[Skeleton, ...]:
    """Return the levels of a template, from the whole to the coarsest."""
    return tuple(simplify(skeleton, tolerance) for tolerance in tolerances_um)


def path_um(position_um: NDArray[np.float32], parent: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return the path distance of every point from its root, float32 (n,), along straight segments."""
    length = np.zeros(len(parent))
    inner = parent >= 0
    length[inner] = np.linalg.norm(position_um[inner].astype(float) - position_um[parent[inner]], axis=1)
    out: NDArray[np.float32] = summed(parent, length).astype(np.float32)
    return out


@njit(cache=True)
def summed(parent: Any, length: Any) -> Any:
    """Return the sums of lengths from the roots, float64 (n,)."""
    out = np.zeros(len(parent))
    for i in range(len(parent)):
        if parent[i] >= 0:
            out[i] = out[parent[i]] + length[i]
    return out
