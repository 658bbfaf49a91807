"""Packing the cells of a coupled set into one block, whatever their shapes.

Cells that see one another's voltage go step by step together, so nothing is gained by keeping their blocks apart. Here
their unbranched *runs* are put side by side instead of whole cells: runs of about one length go into the lanes of a
*batch*, and a batch comes after those that hold the branches of its runs. A packed block has width 1: its instances are
gathered, eight of any cells to a row.

Layout of a batch: rows of eight places, a run a lane. The last nodes of all runs stand in the last row; above a run's
first node is its *head*, a place that is no node and holds the voltage of the node the run hangs on. Places that are no
node change nothing.

Each node's arithmetic is that of ``neurosim.kernels.cable``, children in the same order, so a cell's voltages have the
same bits in any block.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.blocks import INSTANCE, NODE_ALONE, Block, runs
from neurosim.kernels.packed import (
    ABOVE,
    BATCH_WORDS,
    FIRST,
    HEADER,
    HEADS,
    JOINS,
    JOINS_N,
    PAIRED,
    ROWS,
    STOPS,
    STOPS_N,
)
from neurosim.kernels.simd import LANES

Ints = NDArray[np.int32]

ROW = 1.5
"""Cost of a row of a batch, in units of a node in a wide block (``neurosim.engine.blocks``)."""


@dataclass(frozen=True)
class Run:
    """A stretch of a cell's nodes ``start`` to ``end``; ``below`` are the runs on its last node, last first."""

    cell: int
    start: int
    end: int
    above: int
    below: tuple[int, ...]

    def __len__(self) -> int:
        return self.end - self.start


@dataclass(frozen=True)
class Batch:
    """Up to eight runs side by side: their numbers, longest first, the first place, the number of rows.

    ``paired``: the next batch is independent of this one and has no more rows.
    """

    runs: tuple[int, ...]
    first: int
    rows: int
    paired: bool


@dataclass(frozen=True)
class Packing:
    """Where the runs of some cells stand.

    Parameters
    ----------
    runs : tuple of Run
        Cell by cell.
    batches : tuple of Batch
        In the order of elimination.
    places_n : int
        Places of all batches, a multiple of 8.
    maps : tuple of int32 arrays
        For each cell, the place of each of its nodes.
    tops : tuple of int32 arrays
        For each cell, the places in the first rows of its runs' batches, lane by lane; never nodes.
    """

    runs: tuple[Run, ...]
    batches: tuple[Batch, ...]
    places_n: int
    maps: tuple[Ints, ...]
    tops: tuple[Ints, ...]

    def heads(self) -> tuple[Ints, Ints]:
        """Return the heads of all runs, and the places whose voltages they hold, int32 (n,) each."""
        hanging = [run for run in self.runs if run.above >= 0]
        heads = [self.maps[run.cell][run.start] - LANES for run in hanging]
        return np.array(heads, np.int32), np.array([self.maps[run.cell][run.above] for run in hanging], np.int32)


def _runs_of(cell: int, parent: Ints, offset: int) -> list[Run]:
    table = runs(parent, np.zeros(len(parent), np.bool_))
    owner = {int(end) - 1: r for r, end in enumerate(table[:, 1].tolist())}
    below: list[list[int]] = [[] for _ in table]
    for r in range(len(table) - 1, -1, -1):
        above = int(table[r, 2])
        if above >= 0:
            below[owner[above]].append(offset + r)
    return [Run(cell, start, end, above, tuple(below[r])) for r, (start, end, above, _) in enumerate(table.tolist())]


def pack(parents: Sequence[Ints]) -> Packing:
    """Pack cells.

    Parameters
    ----------
    parents : sequence of int32 arrays
        Depth-first tree of each cell.
    """
    found: list[Run] = []
    for cell, parent in enumerate(parents):
        found += _runs_of(cell, parent, len(found))
    batches: list[Batch] = []
    maps = [np.empty(len(p), np.int32) for p in parents]
    tops: list[list[int]] = [[] for _ in parents]
    first = 0
    for mine, paired in _batches(found):
        rows = len(found[mine[0]]) + 1
        batches.append(Batch(tuple(mine), first, rows, paired))
        for lane, r in enumerate(mine):
            run = found[r]
            row = np.arange(rows - len(run), rows)
            maps[run.cell][run.start : run.end] = first + row * LANES + lane
            tops[run.cell].append(first + lane)
        first += rows * LANES
    return Packing(tuple(found), tuple(batches), first, tuple(maps), tuple(np.array(t, np.int32) for t in tops))


def _batches(found: Sequence[Run]) -> Iterator[tuple[list[int], bool]]:
    """Yield the runs of each batch, longest first, and whether the next batch is independent and no longer."""
    for mine in _scheduled(found):
        yield mine[:LANES], len(mine) > LANES
        if len(mine) > LANES:
            yield mine[LANES:], False


def _scheduled(found: Sequence[Run]) -> Iterator[list[int]]:
    """Yield the runs of each pair of batches, longest first.

    Strategy: the run with most nodes from its end to the root leads; of the runs whose branches are done, the longest
    that are not longer than it go beside it.
    """
    above = {child: r for r, run in enumerate(found) for child in run.below}
    path = [0] * len(found)
    for r, run in enumerate(found):
        path[r] = len(run) + 1 + (path[above[r]] if r in above else 0)
    waiting = [len(run.below) for run in found]
    taken = [False] * len(found)
    leads: list[tuple[int, int]] = []
    pool: list[list[int]] = [[] for _ in range(max(map(len, found), default=0) + 1)]

    def ready(r: int) -> None:
        heappush(leads, (-path[r], r))
        pool[len(found[r])].append(r)

    for r in reversed(range(len(found))):
        if not waiting[r]:
            ready(r)
    while leads:
        lead = heappop(leads)[1]
        if taken[lead]:
            continue
        mine, length = [lead], len(found[lead])
        taken[lead] = True
        while length and len(mine) < 2 * LANES:
            if not pool[length]:
                length -= 1
            elif not taken[pool[length][-1]]:
                mine.append(pool[length].pop())
                taken[mine[-1]] = True
            else:
                pool[length].pop()
        yield mine
        for r in mine:
            if r in above:
                waiting[above[r]] -= 1
                if not waiting[above[r]]:
                    ready(above[r])


def packed_block(packing: Packing) -> Block:
    """Return the block of a packing; its cells are numbered as in ``pack``."""
    parent = np.full(packing.places_n, -1, np.int32)
    return Block(tuple(range(len(packing.maps))), 1, parent, packing.maps, packing)


def packing_pays(packing: Packing, blocks: Sequence[Block], rows: Sequence[int]) -> bool:
    """Return whether a packed block costs less than these blocks of the same cells, with ``rows`` instances a cell."""
    packed = ROW * packing.places_n / LANES + INSTANCE * sum(rows) / LANES
    apart = 0.0
    for block in blocks:
        most = max(rows[c] for c in block.cells)
        if block.width == LANES:
            apart += len(block.parent) + INSTANCE * most * len(block.parent) / len(block.maps[0])
        else:
            apart += NODE_ALONE * len(block.parent) + INSTANCE * -(-most // LANES)
    return packed < apart


def packed_plan(packing: Packing, working: NDArray[np.bool_]) -> Ints:
    """Return what ``neurosim.kernels.packed`` reads.

    Parameters
    ----------
    packing : Packing
    working : bool (places,)
        Places to which a mechanism may add current or conductance.
    """
    starts = [int(packing.maps[run.cell][run.start]) for run in packing.runs]
    table = np.full((len(packing.batches), BATCH_WORDS), -1, np.int32)
    touched = np.flatnonzero(working.reshape(-1, LANES).any(axis=1)) * LANES
    roots = np.array([starts[r] for r, run in enumerate(packing.runs) if run.above < 0], np.int32)
    at_touched = HEADER + table.size
    at_roots = at_touched + len(touched)
    joins: list[int] = []
    at_joins = at_roots + len(roots)
    for words, batch in zip(table, packing.batches, strict=True):
        mine = [packing.runs[r] for r in batch.runs]
        stops = sorted({batch.rows - len(run) for run in mine}, reverse=True)
        words[FIRST], words[ROWS], words[STOPS_N] = batch.first, batch.rows, len(stops)
        words[PAIRED] = batch.paired
        words[STOPS : STOPS + len(stops)] = stops
        words[JOINS], words[JOINS_N] = at_joins + len(joins), sum(bool(run.below) for run in mine)
        for lane, (r, run) in enumerate(zip(batch.runs, mine, strict=True)):
            if run.above >= 0:
                words[HEADS + lane] = starts[r] - LANES
                words[ABOVE + lane] = packing.maps[run.cell][run.above]
            if run.below:
                joins += [lane, len(run.below), *(starts[child] for child in run.below)]
    header = np.zeros(HEADER, np.int32)
    header[:5] = len(table), len(touched), at_touched, len(roots), at_roots
    out = np.concatenate([header, table.reshape(-1), touched, roots, np.array(joins, np.int32)]).astype(np.int32)
    out.setflags(write=False)
    return out
