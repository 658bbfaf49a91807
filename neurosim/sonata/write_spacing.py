"""The one ``run.dL`` that gives every section of a circuit its number of compartments.

nseg = 1 + 2 int(L / (2 dL)), so a section of 2 k + 1 compartments asks for L / (2 (k + 1)) < dL <= L / (2 k).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from neurosim.errors import SonataError
from neurosim.model.cell import Cell
from neurosim.morphology.nseg import nseg_by_length

USUAL_UM = 20.0


@dataclass
class Spacing:
    """Narrows down ``dL`` cell by cell.

    Parameters
    ----------
    low_um, high_um : float
        What is left: low < dL <= high.
    """

    low_um: float = 0.0
    high_um: float = math.inf
    _cells: list[Cell] = field(default_factory=list)

    def add(self, cell: Cell, who: str) -> None:
        """Take a cell into account.

        Raises
        ------
        SonataError
            An even number of compartments, or no value of dL for this and the cells before.
        """
        length = np.array([s.length_um for s in cell.morphology.sections])
        half = (cell.tree.nseg - 1) // 2
        names = cell.morphology.names
        even = np.flatnonzero(cell.tree.nseg % 2 == 0)
        if len(even):
            raise SonataError(
                f"{who}: section {names[even[0]]!r} has {cell.tree.nseg[even[0]]} compartments; "
                "SONATA's rule by run.dL gives odd numbers."
            )
        lows = length / (2.0 * (half + 1))
        highs = np.where(half > 0, length / (2.0 * np.maximum(half, 1)), math.inf)
        low, high = max(self.low_um, float(lows.max())), min(self.high_um, float(highs.min()))
        if low >= high or (nseg_by_length(cell.morphology, self.chosen(low, high)) != cell.tree.nseg).any():
            at = int(np.argmax(lows) if lows.max() >= high else np.argmin(highs))
            raise SonataError(
                f"{who}: section {names[at]!r} of {length[at]:g} um has {cell.tree.nseg[at]} compartments; no run.dL "
                "gives these numbers to all cells: use discretise(max_length_um=…) with one value for all."
            )
        self._cells.append(cell)
        self.low_um, self.high_um = low, high

    @staticmethod
    def chosen(low_um: float, high_um: float) -> float:
        """Return a short number within low < dL <= high: the usual one if it is there."""
        if low_um < USUAL_UM <= high_um:
            return USUAL_UM
        if math.isinf(high_um):
            return float(math.floor(low_um) + 1)
        for digits in range(1, 17):
            value = float(f"{high_um:.{digits}g}")
            if low_um < value <= high_um:
                return value
        return high_um

    @property
    def dl_um(self) -> float:
        """Return the value to write; it gives each cell its numbers of compartments."""
        value = self.chosen(self.low_um, self.high_um)
        for cell in self._cells:
            if (nseg_by_length(cell.morphology, value) != cell.tree.nseg).any():
                raise SonataError(f"{cell.name}: run.dL={value!r} is rounded to another number of compartments.")
        return value
