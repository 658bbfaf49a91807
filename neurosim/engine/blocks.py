"""Grouping cells into blocks and their trees into one.

A block is either eight cells side by side (one a lane, ``width`` 8) or one cell alone (``width`` 1). The cells of a
wide block share one tree, the *union* of theirs: children are matched in canonical order, so cells of the same topology
give exactly their own tree, and a cell's nodes keep their relative order. Nodes a cell lacks are idle in its lane.

A lane's arithmetic does not depend on the block, so the choice is free: the cheaper is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neurosim.kernels.cable import EDGE, PASSIVE, WORKING
from neurosim.kernels.simd import LANES

if TYPE_CHECKING:
    from neurosim.engine.packing import Packing

Ints = NDArray[np.int32]

NODE_ALONE, INSTANCE = 1.2, 12.0
"""Cost of a node in a block of one cell and of a row of instances, in units of a node in a wide block.

Rough figures of one machine: 5 ns for a node of eight lanes, 60 ns for a row of a Hodgkin-Huxley channel."""


@dataclass(frozen=True)
class Block:
    """Cells that are solved together.

    Parameters
    ----------
    cells : tuple of int
        Index of the cell of each lane.
    width : int
        Lanes in memory: 8, or 1.
    parent : int32 (n,)
        Parent of each node of the union tree, -1 at node 0.
    maps : tuple of int32 (cell's n,)
        Node of the union for every node of each cell.
    packing : Packing, optional
        Of a packed block (``neurosim.engine.packing``), whose nodes are places.
    """

    cells: tuple[int, ...]
    width: int
    parent: Ints
    maps: tuple[Ints, ...]
    packing: Packing | None = None


def _children(parent: Ints) -> list[list[int]]:
    out: list[list[int]] = [[] for _ in parent]
    for node, above in enumerate(parent.tolist()):
        if above >= 0:
            out[above].append(node)
    return out


@lru_cache(maxsize=4096)
def _children_of(key: bytes) -> list[list[int]]:
    return _children(np.frombuffer(key, np.int32))


def union(parents: Sequence[Ints]) -> tuple[Ints, tuple[Ints, ...]]:
    """Return the union of canonically ordered trees and where the nodes of each went.

    Parameters
    ----------
    parents : sequence of int32 arrays
        Parent of each node, parent < child, children in canonical order.

    Returns
    -------
    parent : int32 (n,)
        The union, depth first.
    maps : tuple of int32 arrays
        For each tree, the union's node of each of its nodes.
    """
    keys = [p.tobytes() for p in parents]
    if len(set(keys)) == 1:
        own = np.arange(len(parents[0]), dtype=np.int32)
        return parents[0], (own,) * len(parents)
    children = [_children_of(k) for k in keys]
    maps = [np.empty(len(p), np.int32) for p in parents]
    parent: list[int] = []
    pending = [(-1, [(tree, 0) for tree in range(len(parents))])]
    while pending:
        above, members = pending.pop()
        here = len(parent)
        parent.append(above)
        below: list[list[tuple[int, int]]] = []
        for tree, node in members:
            maps[tree][node] = here
            for rank, child in enumerate(children[tree][node]):
                if rank == len(below):
                    below.append([])
                below[rank].append((tree, child))
        pending.extend((here, group) for group in reversed(below))
    return np.array(parent, np.int32), tuple(maps)


def _eights(keys: Sequence[bytes], order_keys: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Yield groups of up to eight cells: first those of one tree, then what is left over, large trees first."""
    members: dict[bytes, list[int]] = {}
    for cell, key in enumerate(keys):
        members.setdefault(key, []).append(cell)
    left: list[int] = []
    for key in sorted(members, key=lambda k: (-len(k), k)):
        same = sorted(members[key], key=lambda c: (order_keys[c], c))
        whole = len(same) // LANES * LANES
        yield from (tuple(same[k : k + LANES]) for k in range(0, whole, LANES))
        left.extend(same[whole:])
    yield from (tuple(left[k : k + LANES]) for k in range(0, len(left), LANES))


def arrange(parents: Sequence[Ints], order_keys: Sequence[int], rows: Sequence[int]) -> list[Block]:
    """Put cells into blocks.

    Parameters
    ----------
    parents : sequence of int32 arrays
        Tree of each cell.
    order_keys : sequence of int
        Cells with equal keys are of one kind and stay together.
    rows : sequence of int
        Mechanism instances of each cell, for the cost.
    """
    keys = [p.tobytes() for p in parents]
    merged: dict[tuple[bytes, ...], tuple[Ints, tuple[Ints, ...]]] = {}
    blocks: list[Block] = []
    for cells in _eights(keys, order_keys):
        which = tuple(keys[c] for c in cells)
        if which not in merged:
            merged[which] = union([parents[c] for c in cells])
        parent, maps = merged[which]
        wide = len(parent) + INSTANCE * max(rows[c] for c in cells) * len(parent) / len(parents[cells[0]])
        alone = sum(NODE_ALONE * len(parents[c]) + INSTANCE * -(-rows[c] // LANES) for c in cells)
        if wide <= alone:
            blocks.append(Block(cells, LANES, parent, maps))
        else:
            blocks.extend(Block((c,), 1, parents[c], (np.arange(len(parents[c]), dtype=np.int32),)) for c in cells)
    return blocks


@lru_cache(maxsize=4096)
def _runs(parent_key: bytes, working_key: bytes) -> Ints:
    parent = np.frombuffer(parent_key, np.int32)
    above = parent.tolist()
    busy = np.frombuffer(working_key, np.bool_).tolist()
    for node in range(len(above) - 1, 0, -1):
        if busy[node]:
            busy[above[node]] = True
    branches = np.bincount(parent[1:], minlength=len(parent)) if len(parent) > 1 else np.zeros(1, int)
    rows: list[tuple[int, int, int, int]] = []
    start = 0
    for node in range(1, len(above) + 1):
        if node < len(above):
            p = above[node]
            if p == node - 1 and branches[p] == 1 and busy[node] == busy[p]:
                continue
        p = above[start]
        activity = WORKING if busy[start] else EDGE if p >= 0 and busy[p] else PASSIVE
        rows.append((start, node, p, activity))
        start = node
    out = np.array(rows, np.int32)
    out.setflags(write=False)
    return out


def runs(parent: Ints, working: NDArray[np.bool_]) -> Ints:
    """Cut a tree into runs for the sweeps.

    Parameters
    ----------
    parent : int32 (n,)
        Depth-first tree.
    working : bool (n,)
        Nodes to which a mechanism may add conductance.

    Returns
    -------
    int32 (runs, 4)
        First node, last node + 1, node before the first, activity (see ``neurosim.kernels.cable``).
    """
    return _runs(np.ascontiguousarray(parent, np.int32).tobytes(), np.ascontiguousarray(working, np.bool_).tobytes())
