"""Where on a cell a synapse sits: places, ``neurosim.places`` in Python.

A place is a location (``"dend[3](0.5)"``, the same for every connection) or a region from which a point is drawn,
uniform along its length as in NetPyNE and BMTK, or by membrane area. What is drawn is the compartment of the point.
"""

from __future__ import annotations

import math
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


def place_of(given: object) -> Region | Location:
    """Return the place that a user's words mean: a location has an ``(x)``."""
    if isinstance(given, Region | Location):
        return given
    if isinstance(given, str):
        return Location(given) if "(" in given else Region(given)
    if isinstance(given, list | tuple):
        names = tuple(given)
        if any("(" in str(name) for name in names):
            raise ModelError(f"at={names!r} is not allowed; a list holds regions or sections, a place stands alone")
        return Region(names)
    raise ModelError(
        f'at={given!r} is not allowed; give a place ("dend[3](0.5)"), a region ("dend"), a list of regions, or '
        "ns.places.Region(...)"
    )


class Tables:
    """What can be drawn on every cell of a population; cells that are one object share a table.

    Parameters
    ----------
    place : Region or Location
    population : Population
        Of cells with branches.
    """

    def __init__(self, place: Region | Location, population: Population) -> None:
        rows: dict[int, int] = {}
        nodes, weights = [], []
        self.trees: list[tuple[Cell, CompartmentTree]] = []
        table = np.empty(population.n, np.int32)
        for k, cell in enumerate(population.cells):
            if not isinstance(cell, Cell):
                raise ModelError(f"population {population.label}: a {type(cell).__name__} has no places")
            row = rows.get(id(cell))
            if row is None:
                row = rows[id(cell)] = len(rows)
                entries = place.entries(cell)
                nodes.append(entries[0])
                weights.append(np.cumsum(entries[1]))
                self.trees.append((cell, cell.tree))
            table[k] = row
        self.table = table
        self.start = np.concatenate(([0], np.cumsum([len(part) for part in nodes]))).astype(np.int32)
        self.nodes = np.concatenate(nodes).astype(np.int32) if nodes else np.empty(0, np.int32)
        self.cumulative = np.concatenate(weights) if weights else np.empty(0)

    def draw(self, key: np.uint64, streams: Ints, numbers: Ints, cells: Ints) -> Ints:
        """Draw a node for each row: ``cells`` int32 (n,) are positions in the population."""
        from neurosim.kernels import draw

        out = np.empty(len(cells), np.int32)
        draw.places(key, streams, numbers, self.table[cells], self.start, self.cumulative, self.nodes, out)
        return out
