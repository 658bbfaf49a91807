"""Where on a cell a synapse sits: places, ``neurosim.places`` in Python.

A place is a location (``"dend[3](0.5)"``, the same for every connection) or a region from which a point is drawn,
uniform along its length as in NetPyNE and BMTK, or by membrane area. What is drawn is the compartment of the point.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import LocationError, ModelError
from neurosim.model.cell import Cell
from neurosim.model.population import Population
from neurosim.morphology.tree import CompartmentTree

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Region:
    """A part of a cell to draw from.

    Parameters
    ----------
    where : str or sequence of str
        ``"all"``, regions (``"dend"``) or sections (``"dend[3]"``).
    distance_um : (float, float)
        Path distances from the start of the first section (the soma) between which the point lies.
    weight : str
        ``"length"``: every piece of branch of one length alike; ``"area"``: every piece of membrane alike.
    """

    where: str | Sequence[str] = "all"
    distance_um: tuple[float, float] = (0.0, math.inf)
    weight: str = "length"

    def __post_init__(self) -> None:
        names = (self.where,) if isinstance(self.where, str) else tuple(self.where)
        if not names or not all(isinstance(name, str) for name in names):
            raise ModelError(f"Region: where={self.where!r} is not allowed; give names of regions or sections")
        object.__setattr__(self, "where", names)
        low, high = self.distance_um
        if not 0.0 <= low < high:
            raise ModelError(f"Region: distance_um={self.distance_um} is not allowed; give 0 <= low < high")
        if self.weight not in ("length", "area"):
            raise ModelError(f'Region: weight={self.weight!r} is not allowed; use "length" or "area"')

    def entries(self, cell: Cell) -> tuple[Ints, Floats]:
        """Return the compartments of a cell that may be drawn, int32 (n,), and their weights, float64 (n,)."""
        sections = dict.fromkeys(s for name in self.where for s in cell.morphology.select(name))
        tree = cell.tree
        nodes = np.concatenate([tree.compartments(s) for s in sections])
        low, high = self.distance_um
        half = 0.5 * tree.length_um[nodes]
        inside = np.minimum(tree.path_um[nodes] + half, high) - np.maximum(tree.path_um[nodes] - half, low)
        share = inside if self.weight == "length" else tree.area_um2[nodes] * inside / (2.0 * half)
        kept = inside > 0.0
        if not kept.any():
            reach = tree.path_um[nodes] + half
            raise LocationError(
                f"{cell.name}: nothing of {', '.join(self.where)} is between {low:g} and {high:g} um from the soma; "
                f"it lies between {(reach - 2.0 * half).min():.4g} and {reach.max():.4g} um"
            )
        return nodes[kept], share[kept]


@dataclass(frozen=True)
class Location:
    """One place, for instance ``"dend[3](0.5)"``."""

    where: str

    def entries(self, cell: Cell) -> tuple[Ints, Floats]:
        """Return the compartment of the place and its weight."""
        section, x = cell.morphology.locate(self.where)
        return np.array([cell.tree.compartment(section, x)], np.int32), np.ones(1)


Place = str | Sequence[str] | Region | Location


def places_on(population: Population, given: object, rows_n: int | None) -> Places:
    """Return what a user's words mean on the cells of a population.

    Parameters
    ----------
    population : Population
        Of cells with branches.
    given : Place
        A location has an ``(x)``; a list is of regions, or of one location for each row.
    rows_n : int or None
        Number of rows, where the rule knows it.
    """
    if isinstance(given, Region | Location):
        return Drawn(given, population)
    if isinstance(given, str):
        return Drawn(Location(given) if "(" in given else Region(given), population)
    if isinstance(given, Sequence | np.ndarray):
        names = [str(name) for name in given]
        if any("(" in name for name in names):
            return Given(names, population, rows_n)
        return Drawn(Region(names), population)
    raise ModelError(
        f'at={given!r} is not allowed; give a place ("dend[3](0.5)"), a region ("dend"), a list of regions, '
        "ns.places.Region(...), or one place for each row of given connections"
    )


class Places(ABC):
    """Where the rows of a projection are; cells that are one object are looked at once.

    Parameters
    ----------
    population : Population
        Of cells with branches.
    """

    def __init__(self, population: Population) -> None:
        numbers: dict[int, int] = {}
        self.trees: list[tuple[Cell, CompartmentTree]] = []
        self._kind = np.empty(population.n, np.int32)
        for k, cell in enumerate(population.cells):
            if not isinstance(cell, Cell):
                raise ModelError(f"population {population.label}: a {type(cell).__name__} has no places")
            if id(cell) not in numbers:
                numbers[id(cell)] = len(numbers)
                self.trees.append((cell, cell.tree))
            self._kind[k] = numbers[id(cell)]

    @abstractmethod
    def nodes(self, key: np.uint64, streams: Ints, numbers: Ints, cells: Ints) -> Ints:
        """Return the node of each row: ``cells`` int32 (n,) are positions in the population."""


class Drawn(Places):
    """Places drawn from a region of every cell, or one location for all."""

    def __init__(self, place: Region | Location, population: Population) -> None:
        super().__init__(population)
        entries = [place.entries(cell) for cell, _ in self.trees]
        self._start = np.concatenate(([0], np.cumsum([len(nodes) for nodes, _ in entries]))).astype(np.int32)
        self._nodes = np.concatenate([np.empty(0, np.int32), *(nodes for nodes, _ in entries)])
        self._cumulative = np.concatenate([np.empty(0), *(np.cumsum(weights) for _, weights in entries)])

    def nodes(self, key: np.uint64, streams: Ints, numbers: Ints, cells: Ints) -> Ints:
        """Draw a node for each row from the table of its cell."""
        from neurosim.kernels import draw

        out = np.empty(len(cells), np.int32)
        kinds = self._kind[cells]
        draw.places(key, streams, numbers, kinds, self._start, self._cumulative, self._nodes, out)
        return out


class Given(Places):
    """One location for each row."""

    def __init__(self, locations: Sequence[str], population: Population, rows_n: int | None) -> None:
        super().__init__(population)
        if rows_n is None or len(locations) != rows_n:
            known = "the rule does not know their number" if rows_n is None else f"there are {rows_n} rows"
            raise ModelError(f"at: {len(locations)} places; give one for each row ({known}), or regions without (x)")
        self._texts, self._text = np.unique(np.asarray(locations), return_inverse=True)

    def nodes(self, key: np.uint64, streams: Ints, numbers: Ints, cells: Ints) -> Ints:
        """Look the location of each row up on its cell, each location of each cell once."""
        both = self._kind[cells].astype(np.int64) * len(self._texts) + self._text[numbers]
        known, row = np.unique(both, return_inverse=True)
        nodes = np.empty(len(known), np.int32)
        for k, (kind, text) in enumerate(zip(*np.divmod(known, max(len(self._texts), 1)), strict=True)):
            cell, tree = self.trees[kind]
            nodes[k] = tree.compartment(*cell.morphology.locate(str(self._texts[text])))
        return nodes[row]
