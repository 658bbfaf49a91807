"""Distances between cells: probabilities and delays that depend on them, and who is near whom.

Distances are between the positions of cells (``positions_um``), straight, in um.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.errors import ModelError
from neurosim.model.checks import above_zero, not_negative, probability
from neurosim.model.population import Population

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]
Axes = str


@dataclass(frozen=True)
class Gaussian:
    """``p_max * exp(-d**2 / (2 sigma_um**2))`` of a distance d in um."""

    p_max: float
    sigma_um: float

    def __post_init__(self) -> None:
        probability("Gaussian", p_max=self.p_max)
        above_zero("Gaussian", sigma_um=self.sigma_um)

    def __call__(self, distance_um: Floats) -> Floats:
        """Return the value at each distance."""
        out: Floats = self.p_max * np.exp(-0.5 * np.square(distance_um / self.sigma_um))
        return out


@dataclass(frozen=True)
class Exponential:
    """``p_max * exp(-d / lambda_um)`` of a distance d in um."""

    p_max: float
    lambda_um: float

    def __post_init__(self) -> None:
        probability("Exponential", p_max=self.p_max)
        above_zero("Exponential", lambda_um=self.lambda_um)

    def __call__(self, distance_um: Floats) -> Floats:
        """Return the value at each distance."""
        out: Floats = self.p_max * np.exp(-distance_um / self.lambda_um)
        return out


@dataclass(frozen=True)
class Distance:
    """A delay that grows with the distance of the two cells: ``offset_ms + d / velocity_um_per_ms``."""

    velocity_um_per_ms: float
    offset_ms: float = 0.0

    def __post_init__(self) -> None:
        above_zero("Distance", velocity_um_per_ms=self.velocity_um_per_ms)
        not_negative("Distance", offset_ms=self.offset_ms)

    def __call__(self, distance_um: Floats) -> Floats:
        """Return the delay of each distance in ms."""
        out: Floats = self.offset_ms + distance_um / self.velocity_um_per_ms
        return out


Probability = float | Gaussian | Exponential | Callable[[Floats], ArrayLike]


def of_distance(where: str, function: Callable[[Floats], ArrayLike], distance_um: Floats) -> Floats:
    """Call a user's function of the distance and check the shape of what it returns."""
    try:
        out = np.asarray(function(distance_um), float)
    except (TypeError, ValueError) as error:
        raise ModelError(f"{where}: the function of an array of distances in um failed: {error}") from error
    if out.shape not in ((), distance_um.shape):
        raise ModelError(
            f"{where}: the function returned shape {out.shape} for distances of shape {distance_um.shape}; it must "
            "take an array and return one value for each"
        )
    return np.broadcast_to(out, distance_um.shape)


def chances(p: Probability, distance_um: Floats) -> Floats:
    """Return the probability at each distance; refuse what is outside 0 to 1."""
    out = of_distance("p_of_distance", p if callable(p) else lambda _: p, distance_um)
    wrong = ~((out >= 0.0) & (out <= 1.0))
    if wrong.any():
        at = int(np.argmax(wrong))
        raise ModelError(
            f"p_of_distance: {out[at]:g} at {distance_um[at]:g} um is not allowed; a probability is 0 to 1"
        )
    return out


def _placed(population: Population) -> Floats:
    if population.places_um is None:
        raise ModelError(
            f"population {population.name!r} has no positions; give add(..., positions_um=...) an array "
            f"({len(population.members)}, 3)"
        )
    return population.places_um


def distances_um(source: Population, target: Population, sources: Ints, targets: Ints) -> Floats:
    """Return the distance between each source and target, by position in the populations, float64 (n,)."""
    a, b = _placed(source), _placed(target)
    difference = a[source.index[sources]]
    difference -= b[target.index[targets]]
    out: Floats = np.sqrt(np.einsum("ij,ij->i", difference, difference))
    return out


class Nearby:
    """The sources within reach of a target.

    Parameters
    ----------
    source, target : Population
    reach_um : float
        Largest distance, may be infinite.
    axes : str
        Axes that count.
    """

    def __init__(self, source: Population, target: Population, reach_um: float, axes: Axes) -> None:
        from neurosim.kernels import draw, near

        counted = np.array([axis in axes for axis in "xyz"], float)
        self._others_um = _placed(source)[source.index] * counted
        self._points_um = _placed(target)[target.index] * counted
        self._reach_um = reach_um
        n = len(self._others_um)
        low = self._others_um.min(axis=0) if n else np.zeros(3)
        extent = self._others_um.max(axis=0) - low if n else np.zeros(3)
        # Not more boxes than cells, and none narrower than a third of the reach: both keep the search short.
        most = max(1, round(float(n) ** (1.0 / max(1, int(np.count_nonzero(extent))))))
        width = np.maximum(extent / most, reach_um / 3.0) if math.isfinite(reach_um) else np.full(3, math.inf)
        self._shape = np.ones(3, np.int64)
        self._width = np.ones(3)
        for axis in range(3):
            if extent[axis] > 0.0 and math.isfinite(width[axis]):
                self._shape[axis] = max(1, min(most, math.ceil(extent[axis] / width[axis])))
                self._width[axis] = width[axis]
        self._corner = low
        number = np.empty(n, np.int32)
        near.boxes(self._others_um, self._corner, self._width, self._shape, number)
        boxes_n = int(self._shape.prod())
        self._order = np.empty(n, np.int32)
        draw.by_group(number, boxes_n, self._order)
        self._start = np.concatenate(([0], np.cumsum(np.bincount(number, minlength=boxes_n)))).astype(np.int64)

    def _search(self, targets: Ints, own: Ints, fill: bool, counts: NDArray[np.int64]) -> tuple[Ints, Floats]:
        from neurosim.kernels import near

        n = int(counts.sum()) if fill else 0
        pairs, distance_um = np.empty(n, np.int32), np.empty(n)
        near.near(
            self._points_um[targets], own[targets], self._reach_um, self._corner, self._width, self._shape,
            self._start, self._order, self._others_um, fill, counts, pairs, distance_um,
        )  # fmt: skip
        return pairs, distance_um

    def blocks(self, targets: Ints, own: Ints, most_pairs: int) -> Iterator[Ints]:
        """Divide the targets into blocks of at most about ``most_pairs`` pairs."""
        if math.isinf(self._reach_um):
            step = max(1, most_pairs // max(1, len(self._others_um)))
            yield from (targets[at : at + step] for at in range(0, len(targets), step))
            return
        counts = np.empty(len(targets), np.int64)
        self._search(targets, own, False, counts)
        block = np.cumsum(counts) // most_pairs
        yield from (part for part in np.split(targets, np.flatnonzero(np.diff(block)) + 1) if len(part))

    def find(self, targets: Ints, own: Ints) -> tuple[Ints, NDArray[np.int64], Floats]:
        """Return the sources near the targets, target by target, how many each has, and their distances in um."""
        counts = np.empty(len(targets), np.int64)
        if math.isinf(self._reach_um):
            counts[:] = len(self._others_um) - (own[targets] >= 0)
        else:
            self._search(targets, own, False, counts)
        pairs, distance_um = self._search(targets, own, True, counts)
        return pairs, counts, distance_um
