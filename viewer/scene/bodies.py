"""``Bodies``: the templates of many cells, each body once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurosim.model.cell import Cell
from neurosim.model.population import AnyCell
from neurosim.viewer.scene.scene import NO_TEMPLATE
from neurosim.viewer.scene.skeleton import Template
from neurosim.viewer.scene.templates import key_of, template_of

Floats = NDArray[np.float64]

POINT_REACH_um = 10.0
"""Room for a cell without a body."""
MOST_POINTS = 40_000_000
"""Of all templates; about 2 GB."""


class Bodies:
    """Collects the templates of cells.

    Attributes
    ----------
    templates : list of Template
    cells : list of Cell
        One cell of each template.
    """

    def __init__(self) -> None:
        self.templates: list[Template] = []
        self.cells: list[Cell] = []
        self._by_cell: dict[int, int] = {}
        self._by_key: dict[bytes, int] = {}
        self._points_n = 0
        self._refused: set[int] = set()

    def number(self, cell: AnyCell) -> int:
        """Return the template of a cell, or ``NO_TEMPLATE`` of one that is drawn as a point."""
        if not isinstance(cell, Cell):
            return NO_TEMPLATE
        number = self._by_cell.get(id(cell))
        if number is None:
            key = key_of(cell)
            number = self._by_key.get(key)
            if number is None:
                number = self._by_key[key] = self._new(cell)
            self._by_cell[id(cell)] = number
        return number

    def _new(self, cell: Cell) -> int:
        points_n = len(cell.morphology.packed.points) + len(cell.tree)
        if len(self.templates) >= NO_TEMPLATE or self._points_n + points_n > MOST_POINTS:
            self._refused.add(id(cell))
            return NO_TEMPLATE
        self._points_n += points_n
        self.templates.append(template_of(cell))
        self.cells.append(cell)
        return len(self.templates) - 1

    @property
    def notices(self) -> list[str]:
        """What is not shown as it is, for people."""
        if not self._refused:
            return []
        return [
            f"{len(self._refused)} different morphologies are drawn as points: at most {NO_TEMPLATE} with "
            f"{MOST_POINTS // 1_000_000} million points are kept in memory"
        ]

    def reach_um(self, template: NDArray[np.int64]) -> Floats:
        """Return how far cells reach, float64 (n,), by template."""
        table = np.full(NO_TEMPLATE + 1, POINT_REACH_um)
        table[: len(self.templates)] = [one.reach_um for one in self.templates]
        reach: Floats = table[template]
        return reach

    def boxes_um(self, template: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Return lower and upper corners in x and y of cells that are not turned, float64 (n, 2), by template."""
        low, high = (np.full((NO_TEMPLATE + 1, 2), sign * POINT_REACH_um) for sign in (-1.0, 1.0))
        for k, one in enumerate(self.templates):
            place = one.levels[0].position_um[:, :2]
            low[k] = np.minimum(place.min(axis=0), -one.soma_radius_um)
            high[k] = np.maximum(place.max(axis=0), one.soma_radius_um)
        return low[template], high[template]
