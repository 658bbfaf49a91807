"""Where instances of a mechanism (or the rows of an ion) stand in memory.

Elements are the places of nodes in the node arrays. In wide blocks eight neighbouring elements are one node of eight
cells, so the instances there share a row and keep their lane (``lanes``). In blocks of one cell, any eight instances
share a row (``gather``), and in wide blocks those that would leave most lanes of their row empty, such as synapses at
random places. ``Rows`` says for every instance its *place*: row * 8 + lane.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.kernels.simd import LANES

Longs = NDArray[np.int64]

CROWDED = 4
"""Instances that a row of lanes must hold; below, gathering eight of the block into a row is cheaper."""


@dataclass(frozen=True)
class Grid:
    """The element ranges of all blocks.

    Parameters
    ----------
    base : int64 (blocks,)
        First element of each block, multiples of 8.
    width : int64 (blocks,)
        8 or 1.
    idle : int64 (blocks,)
        An element of each block that belongs to no node; unused lanes point there.
    size : int
        Number of elements.
    """

    base: Longs
    width: Longs
    idle: Longs
    size: int

    def block_of(self, elements: Longs) -> Longs:
        """Return the block of each element."""
        return np.searchsorted(self.base, elements, side="right") - 1


@dataclass(frozen=True)
class Rows:
    """Places of instances.

    Parameters
    ----------
    mode : str
        "lanes" or "gather".
    n : int
        Rows.
    node : int32 (n,) or (8 n,)
        Element of each row (lanes) or of each lane (gather).
    first : int32 (blocks + 1,)
        First row of each block.
    chosen : int64 (m,)
        Which of the given instances are here.
    place : int64 (m,)
        Row * 8 + lane of each chosen instance.
    """

    mode: str
    n: int
    node: NDArray[np.int32]
    first: NDArray[np.int32]
    chosen: Longs
    place: Longs

    @property
    def full(self) -> bool:
        """Whether every lane of every row has an instance."""
        return len(self.place) == self.n * LANES

    def fill(self, values: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Return float64 (8 n,) with the chosen instances' values; empty lanes repeat a value of their row."""
        if np.ndim(values) == 0:
            return np.full(self.n * LANES, float(values))
        out = np.empty(self.n * LANES)
        if not self.full:
            np.put(out, self.place[::-1] // LANES * LANES, np.asarray(values)[::-1])
            out.reshape(-1, LANES)[:, 1:] = out.reshape(-1, LANES)[:, :1]
        out[self.place] = values
        return out

    def mask(self, value: float) -> NDArray[np.float64]:
        """Return float64 (8 n,): ``value`` where there is an instance, else 0."""
        out = np.zeros(self.n * LANES)
        out[self.place] = value
        return out


def rows_of(elements: Longs, grid: Grid, *, packed: bool = False) -> list[Rows]:
    """Arrange instances in rows.

    Parameters
    ----------
    elements : int64 (m,)
        Node element of each instance; an element may occur more than once (point processes), in the order in which
        they act.
    packed : bool
        Gather the instances of sparse rows of lanes.

    Returns
    -------
    list of Rows
        One per addressing in use, in the order in which they must act: instances at one element keep their order.
    """
    wide = grid.width[grid.block_of(elements)] == LANES
    alone = _sparse(elements, wide) if packed and wide.any() else ~wide
    out = []
    if not alone.all():
        out.append(_lanes(elements, np.flatnonzero(~alone), grid))
    if alone.any():
        out.append(_gather(elements, np.flatnonzero(alone), grid))
    return out


def _sparse(elements: Longs, wide: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which instances are gathered: those of narrow blocks, and of rows of lanes with few instances.

    A later instance at an element never stands in a fuller row than an earlier one, so order is kept.
    """
    again = occurrence(elements)
    keys = elements // LANES * (int(again.max()) + 1) + again
    _, row, count = np.unique(keys, return_inverse=True, return_counts=True)
    sparse: NDArray[np.bool_] = ~wide | (count[row.reshape(-1)] < CROWDED)
    return sparse


def _first_rows(block_of_row: Longs, grid: Grid) -> NDArray[np.int32]:
    return np.searchsorted(block_of_row, np.arange(len(grid.base) + 1)).astype(np.int32)


def _lanes(elements: Longs, chosen: Longs, grid: Grid) -> Rows:
    mine = elements[chosen]
    count = np.bincount(mine) if len(mine) < 64 else np.bincount(mine, minlength=grid.size)
    if count.max() == 1:
        present = np.zeros(grid.size // LANES, np.bool_)
        present[mine // LANES] = True
        nodes = np.flatnonzero(present) * LANES
        row = (np.cumsum(present) - 1)[mine // LANES]
    else:
        again = occurrence(mine)
        keys = np.stack([mine // LANES * LANES, again])
        unique, row = np.unique(keys, axis=1, return_inverse=True)
        nodes, row = unique[0], row.reshape(-1)
    first = _first_rows(grid.block_of(nodes), grid)
    return Rows("lanes", len(nodes), nodes.astype(np.int32), first, chosen, row * LANES + mine % LANES)


def occurrence(elements: Longs) -> Longs:
    """Return for each entry how often its value occurred before."""
    order = np.argsort(elements, kind="stable")
    ranked = elements[order]
    starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
    lengths = np.diff(np.append(starts, len(ranked)))
    out = np.empty(len(elements), np.int64)
    out[order] = np.arange(len(elements)) - np.repeat(starts, lengths)
    return out


def _gather(elements: Longs, chosen: Longs, grid: Grid) -> Rows:
    block = grid.block_of(elements[chosen])
    # By occurrence first: neighbouring lanes then have different elements, and one is not waited for by the next.
    order = np.lexsort((elements[chosen], occurrence(elements[chosen]), block))
    blocks, counts = np.unique(block, return_counts=True)
    rows = -(-counts // LANES)
    starts = np.concatenate([[0], np.cumsum(rows)])
    rank = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    place = np.empty(len(order), np.int64)
    place[order] = np.repeat(starts[:-1], counts) * LANES + rank
    node = np.repeat(grid.idle[blocks], rows * LANES)
    node[place] = elements[chosen]
    first = _first_rows(np.repeat(blocks, rows), grid)
    return Rows("gather", int(starts[-1]), node.astype(np.int32), first, chosen, place)
