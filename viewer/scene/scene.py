"""``Scene``: what there is to show - cells, their places, morphologies, kinds and sets - without graphics.

Cells are named by rank (``neurosim.viewer.scene.octree``). A scene does not change while it is shown. Two
implementations: ``MemoryScene`` (a simulation's) and ``FileScene`` (a scene file, read piece by piece).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.viewer.scene.octree import Octree
from neurosim.viewer.scene.skeleton import Template

NO_TEMPLATE = 0xFFFF
"""Of a cell that is a point."""
STEPS = 65535
"""Positions are whole numbers from 0 to this along each side of the octree's box."""
TURN = 32767
"""Rotations are quaternions x, y, z, w times this, as int16."""


@dataclass(frozen=True, eq=False)
class Cells:
    """Some cells, one row a cell.

    Parameters
    ----------
    rank : uint32 (n,)
        Which.
    position : uint16 (n, 3)
        Place of the soma in the octree's box: ``box[0] + position / STEPS * (box[1] - box[0])``.
    gid : uint32 (n,)
        For people.
    kind : uint16 (n,)
        Row of ``Scene.kinds``.
    template : uint16 (n,)
        Index of ``Scene.templates``, or ``NO_TEMPLATE``.
    turn : int16 (n, 4)
        Rotation of the template.
    """

    rank: NDArray[np.uint32]
    position: NDArray[np.uint16]
    gid: NDArray[np.uint32]
    kind: NDArray[np.uint16]
    template: NDArray[np.uint16]
    turn: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.rank)


@dataclass(frozen=True)
class KindOfCell:
    """What cells of one row of the table have in common: ``{"population": "E", "layer": "4", "type": "pyramid"}``."""

    population: str
    facts: dict[str, str] = field(default_factory=dict)


class Scene(ABC):
    """What there is to show.

    Attributes
    ----------
    title : str
        For people.
    n : int
        Number of cells.
    octree : Octree
        Their order.
    kinds : tuple of KindOfCell
        The table ``Cells.kind`` points into.
    templates : sequence of Template
        Shared morphologies; of a file each is read when first asked for.
    node_sets : tuple of str
        Names for ``members``.
    notices : list of str
        What is shown with less detail than there is, and why; for people.
    """

    title: str
    n: int
    octree: Octree
    kinds: tuple[KindOfCell, ...]
    node_sets: tuple[str, ...]
    notices: list[str]

    @property
    @abstractmethod
    def templates_n(self) -> int:
        """Number of templates."""

    @abstractmethod
    def template(self, index: int) -> Template:
        """Return a template."""

    @abstractmethod
    def cells(self, ranks: NDArray[np.uint32]) -> Cells:
        """Return cells by rank, in the order given (ascending is quick)."""

    @abstractmethod
    def members(self, node_set: str) -> NDArray[np.uint32]:
        """Return the ranks of a node set, ascending."""

    @abstractmethod
    def select(self, query: dict[str, Any]) -> NDArray[np.uint32]:
        """Return the ranks, ascending, of the cells whose facts have these values.

        Parameters
        ----------
        query : dict
            Fact -> a value or list of values: ``{"population": "E", "layer": ["4", "5"]}``; ``"gid"`` too.

        Raises
        ------
        ModelError
            No cell has such a fact.
        """

    @property
    @abstractmethod
    def rank_of_index(self) -> NDArray[np.int64]:
        """Rank of each cell of the simulation, int64 (cells of the simulation,); -1 of those that are not shown."""

    @property
    @abstractmethod
    def index_of_rank(self) -> NDArray[np.int64]:
        """The other way round, int64 (n,)."""

    def labels(self, rank: int) -> list[str]:
        """Return the names of a cell's nodes, ``"dend[3](0.5)"``; empty where they are not known."""
        return []

    def positions_um(self, cells: Cells) -> NDArray[np.float64]:
        """Return the places of somata, float64 (n, 3)."""
        low, high = self.octree.box_um
        places: NDArray[np.float64] = low + cells.position / STEPS * (high - low)
        return places
