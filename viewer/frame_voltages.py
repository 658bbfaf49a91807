"""``FrameVoltages``: the voltages of a live run's frame, laid out as each client wants them.

Clients that want the same cells share one array.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurosim.broadcast import Frame
from neurosim.viewer.node_counts import NodeCounts
from neurosim.viewer.scene.scene import Scene

KEPT = 64
"""Layouts that are kept."""


class FrameVoltages:
    """Voltages by the cells that are wanted.

    Parameters
    ----------
    scene : Scene
    nodes : NodeCounts
    """

    def __init__(self, scene: Scene, nodes: NodeCounts) -> None:
        self._scene, self._nodes = scene, nodes
        self._cells: tuple[int, ...] = ()
        self._begin: dict[int, int] = {}
        self._total = 0
        self._layouts: dict[tuple[int, ...], NDArray[np.int64]] = {}
        self._now: NDArray[np.float32] | None = None
        self._done: dict[tuple[int, ...], NDArray[np.float32]] = {}

    def take(self, frame: Frame) -> None:
        """Look at another frame; voltages of another length than the scene's cells have are not shown."""
        self._done = {}
        if frame.voltage_mV is not None and frame.voltage_cells != self._cells:
            ranks = self._scene.rank_of_index[list(frame.voltage_cells)]
            counts = self._nodes.of(ranks.astype(np.uint32))
            begin = np.cumsum(counts) - counts
            self._cells, self._total = frame.voltage_cells, int(counts.sum())
            self._begin, self._layouts = dict(zip(ranks.tolist(), begin.tolist(), strict=True)), {}
        fits = frame.voltage_mV is not None and len(frame.voltage_mV) == self._total
        # One more value, for what is missing.
        self._now = np.append(frame.voltage_mV, np.float32(np.nan)) if fits and frame.voltage_mV is not None else None

    def of(self, ranks: tuple[int, ...]) -> NDArray[np.float32] | None:
        """Return the voltage of all nodes of cells, NaN of cells the frame has not; None when it has none of them."""
        if self._now is None or not ranks:
            return None
        if ranks not in self._done:
            if ranks not in self._layouts:
                if len(self._layouts) >= KEPT:
                    self._layouts.clear()
                self._layouts[ranks] = self._layout(ranks)
            layout = self._layouts[ranks]
            self._done[ranks] = self._now[layout] if len(layout) else np.empty(0, np.float32)
        values = self._done[ranks]
        return values if len(values) else None

    def _layout(self, ranks: tuple[int, ...]) -> NDArray[np.int64]:
        """Return where each value is; empty where the frame has none of the cells."""
        if not any(rank in self._begin for rank in ranks):
            return np.empty(0, np.int64)
        counts = self._nodes.of(ranks)
        known = np.array([rank in self._begin for rank in ranks])
        begin = np.array([self._begin.get(rank, self._total) for rank in ranks], np.int64)
        within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
        return np.where(np.repeat(known, counts), np.repeat(begin, counts) + within, self._total)
