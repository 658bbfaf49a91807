"""What is done to a run from outside while it goes on: currents put into compartments, cells silenced.

Both take effect with the next window and stay until they are taken back; results depend on the step at which that
happens and on nothing else. An injected current acts before the mechanisms of its compartment.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from neurosim.engine import driver
from neurosim.engine.events import RangeState
from neurosim.engine.layout import NodeLayout
from neurosim.engine.memory import address
from neurosim.engine.rows import Longs
from neurosim.kernels import queue

Floats = NDArray[np.float64]

R_PER_nA = 100.0
"""From nA to the unit of R, 0.01 nA."""


class Driven:
    """Currents into compartments that change often, all at once: the engine's side of ``Simulation.drive``.

    Parameters
    ----------
    elements : int64 (n,)
        Node elements; one may occur several times, currents add up.
    """

    def __init__(self, steering: Steering, elements: Longs) -> None:
        self._steering, self.elements = steering, elements
        self.value = np.zeros(len(elements))
        self.place = np.zeros(len(elements), np.int64)

    def set(self, amplitude_nA: Floats) -> None:
        """Put these currents in from now on, float64 (n,)."""
        np.multiply(amplitude_nA, R_PER_nA, out=self.value)
        self._steering.add_up()


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
        self._current: dict[int, float] = {}  # element -> what was put in by hand
        self._driven: list[Driven] = []
        self._elements = np.zeros(0, np.int64)
        self._by_hand, self._values = np.zeros(0), np.zeros(0)
        self._silent: NDArray[np.int32] | None = None

    def inject(self, cell: int, node: int, amplitude_nA: float) -> None:
        """Put a constant current into a node from now on, in place of what was put there by hand before; 0 ends it."""
        element = self._layout.element(cell, node)
        self._current.pop(element, None)
        self._layout.arrays["R"][element] = 0.0
        if amplitude_nA != 0.0:
            self._current[element] = R_PER_nA * amplitude_nA
        self._write_table()

    def drive(self, cells: Sequence[int], nodes: Sequence[int]) -> Driven:
        """Return a handle on the currents into these compartments, 0 at first."""
        elements = [self._layout.element(cell, node) for cell, node in zip(cells, nodes, strict=True)]
        self._driven.append(Driven(self, np.array(elements, np.int64)))
        self._write_table()
        return self._driven[-1]

    def _write_table(self) -> None:
        """List the elements with currents in order of their groups."""
        elements = np.unique(
            np.concatenate([np.fromiter(self._current, np.int64), *(d.elements for d in self._driven)])
        )
        block = self._layout.grid.block_of(elements)
        group = np.searchsorted(self._groups[:, driver.FIRST_BLOCK], block, side="right") - 1
        order = np.argsort(group, kind="stable")
        self._elements = np.ascontiguousarray(elements[order])
        self._by_hand = np.array([self._current.get(e, 0.0) for e in self._elements.tolist()])
        self._values = np.zeros(len(self._elements))
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        for driven in self._driven:
            driven.place = place[np.searchsorted(elements, driven.elements)]
        bounds = np.searchsorted(group[order], np.arange(len(self._groups) + 1))
        self._groups[:, driver.INJECTED_FIRST], self._groups[:, driver.INJECTED_LAST] = bounds[:-1], bounds[1:]
        self._plan[driver.INJECTED], self._plan[driver.CURRENTS] = address(self._elements), address(self._values)
        self.add_up()

    def add_up(self) -> None:
        """Make the currents of all elements: by hand, then drive by drive."""
        self._values[:] = self._by_hand
        for driven in self._driven:
            np.add.at(self._values, driven.place, driven.value)

    @property
    def silent(self) -> NDArray[np.int32]:
        """Which cells fire no spikes, int32 (cells,)."""
        return np.zeros(len(self._layout.cells), np.int32) if self._silent is None else self._silent

    @property
    def by_hand(self) -> dict[int, float]:
        """Currents put in by hand: element -> value in R's unit."""
        return dict(self._current)

    def restore(self, by_hand: dict[int, float], silent: NDArray[np.int32]) -> None:
        """Go back to what ``by_hand`` and ``silent`` were."""
        self._current = dict(by_hand)
        self._write_table()
        for cell in np.flatnonzero(silent != self.silent).tolist():
            self.silence(cell, bool(silent[cell]))

    def silence(self, cell: int, on: bool) -> None:
        """Let a cell fire no spikes from now on, or let it fire again. Its membrane is not touched."""
        if self._silent is None:
            self._silent = np.zeros(len(self._layout.cells), np.int32)
        self._silent[cell] = on
        for state in self._ranges:
            state.words[queue.SILENT] = address(self._silent)
