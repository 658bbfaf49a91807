"""Building the octree of a scene: positions in, nodes and the order of the cells out.

The box is a cube around all cells, the positions whole numbers in it (16 bits an axis). Nodes are made breadth first
and have the smallest box that holds their cells, so that a node's level may be more than one above its parent's. Cells
at one and the same step can not be told apart by boxes: beyond level ``BITS`` a node is an eighth of its parent's
ranks, in the same box.
"""

# mypy: disable-error-code="no-untyped-def,untyped-decorator"
from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurosim.errors import ModelError
from neurosim.viewer.scene.morton import BITS, KEY_BITS, bounds, keys_of, quantise, sort
from neurosim.viewer.scene.octree import LEAF_CAP, SAMPLE, Octree
from neurosim.viewer.scene.scene import STEPS

MOST_CELLS = 2**32 - 1
"""Ranks are uint32."""
FARTHEST_um = 1e12
ONE_POINT_um = 1.0
"""Side of the box when all cells lie at one point."""


def build_octree(position_um: NDArray[Any]) -> tuple[Octree, NDArray[np.int64], NDArray[np.uint16]]:
    """Return the octree of cells, their order and their positions in it.

    Parameters
    ----------
    position_um : float (n, 3)
        Places of the somata, n >= 1, finite.

    Returns
    -------
    octree : Octree
    order : int64 (n,)
        ``order[rank]`` is the row given.
    position : uint16 (n, 3)
        By rank, in steps of the octree's box.

    Raises
    ------
    ModelError
        No cell, a wrong shape, or a place that is not finite.

    Notes
    -----
    Takes about 50 bytes a cell beside what is given and returned.
    """
    places = np.asarray(position_um)
    if places.ndim != 2 or places.shape[1] != 3:
        raise ModelError(f"position_um must have the shape (n, 3), got {places.shape}.")
    if places.dtype not in (np.float32, np.float64):
        places = places.astype(np.float64)
    box_um = box_of(places)
    steps = steps_of(places, box_um)
    octree, rows = octree_of_steps(steps, box_um)
    return octree, rows.astype(np.int64), steps[rows]


def steps_of(position_um: NDArray[Any], box_um: NDArray[np.float64]) -> NDArray[np.uint16]:
    """Return places float (n, 3) as steps of a box, uint16 (n, 3)."""
    steps = np.empty((len(position_um), 3), np.uint16)
    quantise(position_um, box_um[0], STEPS / (box_um[1, 0] - box_um[0, 0]), steps)
    return steps


def octree_of_steps(steps: NDArray[np.uint16], box_um: NDArray[np.float64]) -> tuple[Octree, NDArray[np.uint32]]:
    """Return the octree of cells whose places are steps of a box, uint16 (n, 3), and the row of each rank."""
    keys = np.empty(len(steps), np.uint64)
    keys_of(steps, keys)
    rows = np.arange(len(steps), dtype=np.uint32)
    sort(keys, rows, np.empty_like(keys), np.empty_like(rows))
    return octree_of(keys, box_um), rows


def box_of(position_um: NDArray[Any]) -> NDArray[np.float64]:
    """Return the cube around places float (n, 3): lower and upper corner, float64 (2, 3)."""
    low, high = np.full(3, np.inf), np.full(3, -np.inf)
    bad = bounds(position_um, low, high)
    if bad >= 0:
        place = ", ".join(f"{value:g}" for value in position_um[bad])
        raise ModelError(f"position_um row {bad}: ({place}) um is not finite; give every cell a place.")
    return cube_of(low, high, len(position_um))


def cube_of(low: NDArray[np.float64], high: NDArray[np.float64], cells_n: int) -> NDArray[np.float64]:
    """Return the cube around the places between two corners float64 (3,) of so many cells, float64 (2, 3)."""
    if not 1 <= cells_n <= MOST_CELLS:
        raise ModelError(f"an octree holds 1 to {MOST_CELLS} cells, got {cells_n}.")
    farthest_um = float(np.abs([low, high]).max())
    if farthest_um > FARTHEST_um:
        raise ModelError(f"position_um: a cell lies {farthest_um:g} um from 0; at most {FARTHEST_um:g}, give um.")
    # A step must be above the rounding of the coordinates, and one point must have a box too.
    side = max(float((high - low).max()), farthest_um * 1e-9)
    if (high == low).all():
        side = max(side, ONE_POINT_um)
    middle = low + 0.5 * (high - low)
    corner = np.where(high - low == side, low, middle - 0.5 * side)
    return np.array([corner, corner + side])


def octree_of(keys: NDArray[np.uint64], box_um: NDArray[np.float64]) -> Octree:
    """Return the octree over sorted keys, uint64 (n,)."""
    most = 16
    while True:
        level, child_n = np.zeros(most, np.uint8), np.zeros(most, np.uint8)
        start, end = np.zeros(most, np.uint32), np.zeros(most, np.uint32)
        first_child, prefix = np.full(most, -1, np.int32), np.zeros(most, np.uint64)
        made = nodes_of(keys, LEAF_CAP, level, start, end, first_child, child_n, prefix)
        if made <= most:
            break
        most *= 4
    sizes = np.where(first_child[:made] >= 0, SAMPLE, 0)
    off = np.concatenate([[0], np.cumsum(sizes)]).astype(np.uint64)
    sample = np.empty(int(off[-1]), np.uint32)
    samples_of(start[:made], end[:made], off, sample)
    keep = slice(made)
    return Octree(
        level[keep], start[keep], end[keep], first_child[keep], child_n[keep], prefix[keep], sample, off, box_um
    )


@njit(cache=True)
def _tightest(first, last, least):
    """Return the level, at least ``least``, of the smallest box that holds two keys."""
    level = least
    while level < BITS and (first ^ last) >> np.uint64(KEY_BITS - 3 * (level + 1)) == 0:
        level += 1
    return level


@njit(cache=True)
def _end_of(keys, start, end, shift, prefix):
    """Return where the keys of a box end, by halving; they begin at ``start``."""
    while start < end:
        middle = (start + end) // 2
        if keys[middle] >> shift > prefix:
            end = middle
        else:
            start = middle + 1
    return start


@njit(cache=True)
def nodes_of(keys, cap, level, start, end, first_child, child_n, prefix):
    """Write nodes, breadth first, and return their number; one above the arrays' length means that they do not suffice.

    Parameters
    ----------
    keys : uint64 (n,)
        Sorted.
    cap : int
        Most cells of a leaf.
    level, start, end, first_child, child_n, prefix
        As in ``Octree``; first_child is -1 everywhere when called.
    """
    most, made = len(level), 1
    start[0], end[0] = 0, len(keys)
    node = 0
    while node < made:
        first, last = np.int64(start[node]), np.int64(end[node])
        if last - first > cap:
            if made + 8 > most:
                return most + 1
            first_child[node] = made
            deeper = np.int64(level[node]) + 1
            at = first
            for part in range(8):
                if at == last:
                    break
                if deeper <= BITS:
                    shift = np.uint64(KEY_BITS - 3 * deeper)
                    stop = _end_of(keys, at, last, shift, keys[at] >> shift)
                    reached = _tightest(keys[at], keys[stop - 1], deeper)
                    prefix[made] = keys[at] >> np.uint64(KEY_BITS - 3 * reached)
                else:
                    stop, reached = first + (last - first) * (part + 1) // 8, deeper
                    if stop == at:
                        continue
                    prefix[made] = (prefix[node] << np.uint64(3)) | np.uint64(part)
                level[made], start[made], end[made] = reached, at, stop
                at = stop
                made += 1
            child_n[node] = made - first_child[node]
        node += 1
    return made


@njit(cache=True)
def samples_of(start, end, off, sample):
    """Write the ranks that stand for each node: equal strides over its range, which lies in Morton order."""
    for node in range(len(start)):
        first, size = np.int64(start[node]), np.int64(end[node]) - np.int64(start[node])
        begin = np.int64(off[node])
        wanted = np.int64(off[node + 1]) - begin
        for k in range(wanted):
            sample[begin + k] = first + (size * (2 * k + 1)) // (2 * wanted)
