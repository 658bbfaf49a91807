"""``NodeActivity``: how active the nodes of an octree are, from the ranks of the cells that fired.

A node is a range of ranks, so sorted ranks need no look at each spike: two searches a node. The cost is that of the
nodes asked about, whatever the number of cells, and of adding up counts where there are any.
"""

# mypy: disable-error-code="no-untyped-def,untyped-decorator"
from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurosim.errors import ModelError
from neurosim.units import S_PER_MS
from neurosim.viewer.scene.octree import Octree


@njit(cache=True)
def _first_from(ranks, rank):
    """Return how many of the sorted ranks lie below ``rank``."""
    low, high = 0, len(ranks)
    while low < high:
        middle = (low + high) // 2
        if ranks[middle] < rank:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True)
def spikes_in(ranks, counts, start, end, nodes, out):
    """Write the spikes of each node to ``out`` int64 (len(nodes),).

    Parameters
    ----------
    ranks : uint32 (k,)
        Cells that fired, ascending; a cell may occur several times.
    counts : uint32 (k,)
        How often each; empty where each occurs for one spike.
    start, end : uint32 (all nodes,)
        Ranges of ranks.
    nodes : int64 (n,)
        Which are asked about.
    """
    for i in range(len(nodes)):
        first, last = _first_from(ranks, start[nodes[i]]), _first_from(ranks, end[nodes[i]])
        total = last - first
        if len(counts):
            total = 0
            for k in range(first, last):
                total += counts[k]
        out[i] = total


class NodeActivity:
    """Rates of nodes.

    Parameters
    ----------
    octree : Octree
    """

    def __init__(self, octree: Octree) -> None:
        self._start, self._end = octree.start, octree.end
        self._cells = octree.end.astype(np.float64) - octree.start

    def rates_Hz(
        self, ranks: NDArray[Any], counts: NDArray[Any] | None, span_ms: float, nodes: NDArray[Any]
    ) -> NDArray[np.float64]:
        """Return the mean rate of the cells of each node.

        Parameters
        ----------
        ranks : int (k,)
            Cells that fired, ascending.
        counts : int (k,) or None
            Spikes of each; None where each entry is one spike.
        span_ms : float
            Time in which they fired.
        nodes : int (n,)
            Nodes of the octree: those of a view, or all.

        Returns
        -------
        float64 (n,)
            In Hz; 0 where ``span_ms`` is.
        """
        wanted = np.asarray(nodes, np.int64)
        if len(wanted) and not 0 <= int(wanted.min()) <= int(wanted.max()) < len(self._cells):
            raise ModelError(f"nodes must be from 0 to {len(self._cells) - 1}, got {wanted.min()} to {wanted.max()}.")
        each = np.empty(0, np.uint32) if counts is None else np.asarray(counts, np.uint32)
        if counts is not None and len(each) != len(ranks):
            raise ModelError(f"counts must have one value a rank, got {len(each)} for {len(ranks)}.")
        spikes = np.zeros(len(wanted), np.int64)
        if len(ranks):
            spikes_in(np.asarray(ranks, np.uint32), each, self._start, self._end, wanted, spikes)
        # The root of a scene without cells has none.
        rates: NDArray[np.float64] = spikes / np.maximum(self._cells[wanted], 1)
        return rates / (span_ms * S_PER_MS) if span_ms > 0.0 else np.zeros(len(wanted))
