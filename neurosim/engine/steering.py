"""What is done to a run from outside while it goes on: currents put into compartments, cells silenced.

Both take effect with the next window and stay until they are taken back; results depend on the step at which that
happens and on nothing else. An injected current acts before the mechanisms of its compartment.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurosim.engine import driver
from neurosim.engine.events import RangeState
from neurosim.engine.layout import NodeLayout
from neurosim.engine.memory import address
from neurosim.engine.rows import Longs
from neurosim.kernels import queue

R_PER_nA = 100.0
"""From nA to the unit of R, 0.01 nA."""


class Steering:
    """Injected currents and silenced cells of an engine.

    Parameters
    ----------
    layout : NodeLayout
        Where nodes are.
    groups, plan : int64 arrays
        The driver's table of groups, and its plan.
    ranges : list of RangeState
        What advances.
    """

    def __init__(self, layout: NodeLayout, groups: Longs, plan: Longs, ranges: list[RangeState]) -> None:
        self._layout, self._groups, self._plan, self._ranges = layout, groups, plan, ranges
        self._current: dict[int, tuple[int, float]] = {}  # element -> group, current
        self._elements = np.zeros(0, np.int64)
        self._values = np.zeros(0)
        self._silent: NDArray[np.int32] | None = None

    def inject(self, cell: int, node: int, amplitude_nA: float) -> None:
        """Put a constant current into a node from now on, in place of what was put there before; 0 ends it."""
        element = self._layout.element(cell, node)
        block = int(self._layout.block_of_cell[cell])
        group = int(np.searchsorted(self._groups[:, driver.FIRST_BLOCK], block, side="right")) - 1
        self._current.pop(element, None)
        self._layout.arrays["R"][element] = 0.0
        if amplitude_nA != 0.0:
            self._current[element] = (group, R_PER_nA * amplitude_nA)
        rows = sorted((g, e, value) for e, (g, value) in self._current.items())
        self._elements = np.array([e for _, e, _ in rows], np.int64)
        self._values = np.array([value for _, _, value in rows])
        bounds = np.searchsorted([g for g, _, _ in rows], np.arange(len(self._groups) + 1))
        self._groups[:, driver.INJECTED_FIRST], self._groups[:, driver.INJECTED_LAST] = bounds[:-1], bounds[1:]
        self._plan[driver.INJECTED], self._plan[driver.CURRENTS] = address(self._elements), address(self._values)

    def silence(self, cell: int, on: bool) -> None:
        """Let a cell fire no spikes from now on, or let it fire again. Its membrane is not touched."""
        if self._silent is None:
            self._silent = np.zeros(len(self._layout.cells), np.int32)
        self._silent[cell] = on
        for state in self._ranges:
            state.words[queue.SILENT] = address(self._silent)
