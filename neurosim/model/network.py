"""``Network``: populations of cells and what connects them, drawn from a seed.

A network is a description: cells by gid and columns of connections. ``Simulation`` runs it, ``neurosim.sonata`` stores
it. What is drawn depends on the seed, the names of the two populations, the number of the call between them and the
target cell only, not on other populations nor on how the rows are divided into blocks or ranks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from neurosim.errors import ModelError
from neurosim.model.cell import Cell
from neurosim.model.connections import Connections, Couplings
from neurosim.model.point import PointCell, SpikeTrain
from neurosim.model.population import AnyCell, Population

Factory = Callable[[int], AnyCell]


class Network:
    """Populations and their connections.

    Parameters
    ----------
    seed : int
        Key of all that is drawn.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = int(seed)
        self.cells: list[AnyCell] = []
        self.populations: dict[str, Population] = {}
        self.connections: list[Connections] = []
        self.couplings: list[Couplings] = []

    def add(
        self,
        name: str,
        n: int,
        cell: AnyCell | Sequence[AnyCell] | Factory,
        positions_um: ArrayLike | None = None,
        **attributes: Any,
    ) -> Population:
        """Add a population; its gids follow those that are there.

        Parameters
        ----------
        name : str
            Its name, once a network.
        n : int
            Number of cells.
        cell : Cell, PointCell, SpikeTrain, sequence of n of them, or function
            One object for all, one for each, or a function that makes the cell of index 0 to n - 1.
        positions_um : float (n, 3), optional
            Places of the cells.
        **attributes
            Columns: one value, or one for each cell.
        """
        if isinstance(cell, Cell | PointCell | SpikeTrain):
            members: list[AnyCell] = [cell] * n
        else:
            members = [cell(i) for i in range(n)] if callable(cell) else list(cell)
        if len(members) != n:
            raise ModelError(f"population {name!r}: {len(members)} cells for n={n}")
        places = None if positions_um is None else np.array(positions_um, float)
        columns = {key: np.array(np.broadcast_to(np.asarray(value), (n,))) for key, value in attributes.items()}
        population = Population(name, len(self.cells), np.arange(n, dtype=np.int32), members, places, columns)
        self.cells += members
        self.populations[name] = population
        return population
