"""``Octree``: cells in boxes that halve, in Morton order, so that a box is a range of cells.

Cells are numbered by *rank*, their place in Morton order. A leaf holds at most ``LEAF_CAP`` cells; an inner node keeps
a sample of at most ``SAMPLE`` of its cells that stands for all. Nodes are numbered breadth first, 0 is the root.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAF_CAP = 4096
SAMPLE = 2048


@dataclass(frozen=True, eq=False)
class Octree:
    """Nodes over ranks.

    Parameters
    ----------
    level : uint8 (nodes,)
        0 at the root.
    start, end : uint32 (nodes,)
        Range of ranks.
    first_child : int32 (nodes,)
        -1 at a leaf.
    child_n : uint8 (nodes,)
        Children, which follow one another.
    prefix : uint64 (nodes,)
        Morton key of the box, ``3 * level`` bits.
    sample : uint32 (all samples,)
        Ranks that stand for inner nodes, ascending within a node.
    sample_off : uint64 (nodes + 1,)
        Where each node's begin; empty at leaves.
    box_um : float64 (2, 3)
        Box of the root: lower and upper corner; the cube of all boxes.
    """

    level: NDArray[np.uint8]
    start: NDArray[np.uint32]
    end: NDArray[np.uint32]
    first_child: NDArray[np.int32]
    child_n: NDArray[np.uint8]
    prefix: NDArray[np.uint64]
    sample: NDArray[np.uint32]
    sample_off: NDArray[np.uint64]
    box_um: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.level)

    def ranks(self, node: int) -> NDArray[np.uint32]:
        """Return the ranks that are drawn for a node, ascending: all of a leaf, the sample of an inner node."""
        if self.first_child[node] < 0:
            return np.arange(self.start[node], self.end[node], dtype=np.uint32)
        return self.sample[int(self.sample_off[node]) : int(self.sample_off[node + 1])]
