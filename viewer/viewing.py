"""``Viewing``: what one client's picture holds, and which activity concerns it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.units import MS_PER_S
from neurosim.viewer import messages
from neurosim.viewer.scene.scene import NO_TEMPLATE, Scene
from neurosim.viewer.source import Ranks

Nodes = NDArray[np.uint32]


class Viewing:
    """The selection for one client's view.

    Parameters
    ----------
    scene : Scene
        What is looked at.

    Attributes
    ----------
    tag : int
        Number of the view.
    nodes : uint32 (k,)
        Nodes of the octree that are drawn.
    ranks, levels : uint32 (d,), uint8 (d,)
        Cells drawn with branches, and how.
    """

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.tag = 0
        self.nodes: Nodes = np.empty(0, np.uint32)
        self.ranks: Ranks = np.empty(0, np.uint32)
        self.levels = np.empty(0, np.uint8)
        self._is_drawn = np.zeros(scene.n, np.bool_)

    def look(self, message: dict[str, Any], tag: int) -> tuple[Nodes, Ranks, NDArray[np.uint8]]:
        """Select for a ``view`` message and return nodes, detailed cells and their levels."""
        for name in ("eye", "look", "up"):
            messages.vector(message, name)
        messages.whole(message, "budget", 1, messages.MOST_PRIMITIVES)
        octree = self._scene.octree
        self.tag = tag
        self.nodes = np.flatnonzero(octree.first_child < 0).astype(np.uint32)
        ranks = np.arange(min(self._scene.n, 2000), dtype=np.uint32)
        self.ranks = ranks[self._scene.cells(ranks).template != NO_TEMPLATE]
        self.levels = np.zeros(len(self.ranks), np.uint8)
        self._is_drawn[:] = False
        for node in self.nodes.tolist():
            self._is_drawn[octree.ranks(node)] = True
        self._is_drawn[self.ranks] = True
        return self.nodes, self.ranks, self.levels

    def is_drawn(self, ranks: Ranks) -> NDArray[np.bool_]:
        """Return which of ``ranks`` are drawn."""
        return self._is_drawn[ranks]

    def rates_Hz(self, ranks: Ranks, counts: NDArray[np.int64], span_ms: float) -> NDArray[np.float64]:
        """Return the mean rate per cell of every node drawn; ``ranks`` ascend."""
        octree = self._scene.octree
        total = np.concatenate([[0], np.cumsum(counts)])
        start, end = octree.start[self.nodes], octree.end[self.nodes]
        fired = total[np.searchsorted(ranks, end)] - total[np.searchsorted(ranks, start)]
        rates: NDArray[np.float64] = fired / np.maximum(end - start, 1) / span_ms * MS_PER_S
        return rates
