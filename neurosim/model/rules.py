"""Which cells are connected: rules, ``neurosim.rules`` in Python.

A rule takes a pair of populations and a key and returns rows (source, target, number). It can do so for some of the
targets only, with the same rows as for all of them, so that a rank draws what it keeps. Not for what a connection is
like: weights and delays are ``neurosim.model.values``, places on the target ``neurosim.model.places``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.errors import ModelError
from neurosim.model.checks import probability, whole
from neurosim.model.distance import Axes, Exponential, Gaussian, Nearby, Probability, chances, distances_um
from neurosim.model.pairs import Pair, Rows, Rule, count, mask, too_many

__all__ = [
    "AllToAll", "Bernoulli", "DistanceDependent", "Exponential", "FixedInDegree", "FixedOutDegree", "FixedTotal",
    "FromArrays", "FromDataFrame", "Gaussian", "OneToOne", "Rule",
]  # fmt: skip

Ints = NDArray[np.int32]

_MOST_CANDIDATES = 1 << 21


@dataclass(frozen=True)
class AllToAll(Rule):
    """Every source to every target; a cell to itself only with ``self_connections``."""

    self_connections: bool = False

    def check(self, pair: Pair) -> None:
        """Refuse more rows than one call may have."""
        too_many(pair.source.n * pair.target.n)

    def draw(self, pair: Pair, key: np.uint64, targets: Ints) -> Rows:
        """Return the rows target by target."""
        source = np.tile(count(pair.source.n), len(targets))
        target = np.repeat(targets, pair.source.n)
        if pair.same and not self.self_connections:
            keep = source != pair.own[target]
            source, target = source[keep], target[keep]
        return Rows(source, target, source)


@dataclass(frozen=True)
class OneToOne(Rule):
    """The first source to the first target, the second to the second, and so on."""

    def rows_n(self, pair: Pair) -> int:
        """Return the number of targets."""
        return pair.target.n

    def check(self, pair: Pair) -> None:
        """Refuse populations of different sizes."""
        if pair.source.n != pair.target.n:
            raise ModelError(
                f"OneToOne needs populations of one size, got {pair.source.n} and {pair.target.n} cells; take parts, "
                f"for instance population[:{min(pair.source.n, pair.target.n)}]"
            )

    def draw(self, pair: Pair, key: np.uint64, targets: Ints) -> Rows:
        """Return one row for each target."""
        return Rows(targets, targets, targets)


def _check_pool(where: str, k: int, size: int, shared: bool, repeats: bool) -> None:
    """Check that k partners can be drawn from a pool of cells, in which the drawing cell itself may be."""
    most = size - 1 if shared else size
    itself = "; a cell does not count itself, see self_connections" if shared else ""
    if repeats and k and most < 1:
        raise ModelError(f"{where}: nobody to draw from among {size} cells{itself}")
    if not repeats and k > most:
        raise ModelError(
            f"{where}: k={k} different partners of {size} cells are not there; allowed: 0 to {most}{itself}, or let "
            "multapses=True repeat them"
        )


def _partners(key: np.uint64, streams: Ints, own: Ints, k: int, size: int, repeats: bool) -> Ints:
    from neurosim.kernels import draw

    out = np.empty(len(streams) * k, np.int32)
    if repeats:
        draw.with_repeats(key, streams, own, k, size, out)
    else:
        draw.without_repeats(key, streams, own, k, size, out)
    return out


@dataclass(frozen=True)
class FixedInDegree(Rule):
    """Every target gets ``k`` connections from sources drawn at random, with repeats if ``multapses``."""

    k: int
    multapses: bool = True
    self_connections: bool = False

    def __post_init__(self) -> None:
        whole("FixedInDegree", k=self.k)

    def rows_n(self, pair: Pair) -> int:
        """Return k a target."""
        return self.k * pair.target.n

    def check(self, pair: Pair) -> None:
        """Refuse a k that the sources do not have."""
        super().check(pair)
        shared = not self.self_connections and bool((pair.own >= 0).any())
        _check_pool("FixedInDegree", self.k, pair.source.n, shared, self.multapses)

    def draw(self, pair: Pair, key: np.uint64, targets: Ints) -> Rows:
        """Return k rows for each target."""
        own = np.full(len(targets), -1, np.int32) if self.self_connections else pair.own[targets]
        source = _partners(key, pair.target.index[targets], own, self.k, pair.source.n, self.multapses)
        number = (targets[:, None] * np.int32(self.k) + count(self.k)).reshape(-1)
        return Rows(source, np.repeat(targets, self.k), number)


@dataclass(frozen=True)
class FixedOutDegree(Rule):
    """Every source gets ``k`` connections to targets drawn at random, with repeats if ``multapses``."""

    k: int
    multapses: bool = True
    self_connections: bool = False

    def __post_init__(self) -> None:
        whole("FixedOutDegree", k=self.k)

    def rows_n(self, pair: Pair) -> int:
        """Return k a source."""
        return self.k * pair.source.n

    def check(self, pair: Pair) -> None:
        """Refuse a k that the targets do not have."""
        super().check(pair)
        shared = not self.self_connections and bool((pair.own_target >= 0).any())
        _check_pool("FixedOutDegree", self.k, pair.target.n, shared, self.multapses)

    def draw(self, pair: Pair, key: np.uint64, targets: Ints) -> Rows:
        """Return the rows target by target; all sources are drawn, what goes elsewhere is dropped."""
        n = pair.source.n
        own = np.full(n, -1, np.int32) if self.self_connections else pair.own_target
        target = _partners(key, pair.source.index, own, self.k, pair.target.n, self.multapses)
        rows = Rows(np.repeat(count(n), self.k), target, count(n * self.k))
        return rows.by_target(pair.target.n, targets)


@dataclass(frozen=True)
class FixedTotal(Rule):
    """``n`` connections between sources and targets drawn at random, a pair more than once if ``multapses``."""

    n: int
    multapses: bool = True
    self_connections: bool = False

    def __post_init__(self) -> None:
        whole("FixedTotal", n=self.n)

    def rows_n(self, pair: Pair) -> int:
        """Return n."""
        return self.n

    def check(self, pair: Pair) -> None:
        """Refuse an n for which there are not enough pairs."""
        super().check(pair)
        pairs = self._pairs_n(pair)
        if (self.n and not pairs) or (not self.multapses and self.n > pairs):
            raise ModelError(
                f"FixedTotal: n={self.n} connections between {pairs} pairs of cells are not possible"
                + ("" if self.multapses else "; allow multapses=True or take fewer")
            )

    def draw(self, pair: Pair, key: np.uint64, targets: Ints) -> Rows:
        """Return the rows target by target; all are drawn, what goes elsewhere is dropped."""
        if self.multapses:
            source, target = self._pairs(pair, key, self.n, unique=False)
        elif 2 * self.n <= self._pairs_n(pair):
            source, target = self._pairs(pair, key, self.n, unique=True)
        else:  # it is quicker to draw those that are left out
            left = self._pairs(pair, key, self._pairs_n(pair) - self.n, unique=True)
            chosen = np.ones((pair.target.n, pair.source.n), np.bool_)
            if not self.self_connections:
                own = np.flatnonzero(pair.own >= 0)
                chosen[own, pair.own[own]] = False
            chosen[left[1], left[0]] = False
            target, source = np.nonzero(chosen)
        rows = Rows(source.astype(np.int32), target.astype(np.int32), count(self.n))
        return rows.by_target(pair.target.n, targets)

    def _pairs_n(self, pair: Pair) -> int:
        return pair.source.n * pair.target.n - (0 if self.self_connections else int((pair.own >= 0).sum()))

    def _pairs(self, pair: Pair, key: np.uint64, n: int, *, unique: bool) -> tuple[NDArray[Any], NDArray[Any]]:
        """Draw n pairs by counter; a cell with itself is passed over, and so is a pair that is there if ``unique``."""
        from neurosim.kernels import draw

        found = np.empty(0, np.int64)
        counter = 0
        while len(found) < n:
            source, target = np.empty((2, 2 * (n - len(found)) + 8 if unique else n), np.int64)
            draw.whole(key, 0, counter, pair.source.n, source)
            draw.whole(key, 1, counter, pair.target.n, target)
            counter += len(source)
            if not self.self_connections:
                keep = source != pair.own[target]
                source, target = source[keep], target[keep]
            found = np.concatenate([found, target * pair.source.n + source])
            if unique:
                found = found[np.sort(np.unique(found, return_index=True)[1])]
        target, source = np.divmod(found[:n], max(pair.source.n, 1))
        return source, target


@dataclass(frozen=True)
class Bernoulli(Rule):
    """Every pair of a source and a target with probability ``p``."""

    p: float
    self_connections: bool = False

    def __post_init__(self) -> None:
        probability("Bernoulli", p=self.p)

    def draw(self, pair: Pair, key: np.uint64, targets: Ints) -> Rows:
        """Return the rows target by target: counted first, then written, so that nothing is held twice."""
        from neurosim.kernels import draw

        own = np.full(len(targets), -1, np.int32) if self.self_connections else pair.own[targets]
        streams, p, m = pair.target.index[targets], float(self.p), pair.source.n
        counts = np.empty(len(targets), np.int64)
        draw.bernoulli_counts(key, streams, own, p, m, counts)
        source = np.empty(int(counts.sum()), np.int32)
        draw.bernoulli(key, streams, own, p, m, source)
        return Rows(source, np.repeat(targets, counts), source)


@dataclass(frozen=True, eq=False)
class DistanceDependent(Rule):
    """Every pair of a source and a target with a probability that depends on the distance of the two cells.

    Parameters
    ----------
    p_of_distance : function, float, Gaussian or Exponential
        Distances in um, float64 (n,), to probabilities (n,).
    max_um : float
        Cells farther apart are not connected. With a limit only near pairs are looked at.
    axes : str
        The axes that count: ``"xyz"``, or for instance ``"xz"`` for the distance along the layers.
    self_connections : bool
        Whether a cell may be connected to itself.
    """

    p_of_distance: Probability
    max_um: float = math.inf
    axes: Axes = "xyz"
    self_connections: bool = False

    def __post_init__(self) -> None:
        if not self.max_um > 0.0:
            raise ModelError(f"DistanceDependent: max_um={self.max_um} is not allowed; it must be above 0")
        if not self.axes or len(set(self.axes)) != len(self.axes) or not set(self.axes) <= set("xyz"):
            raise ModelError(f"DistanceDependent: axes={self.axes!r} is not allowed; use letters of 'xyz', each once")
        chances(self.p_of_distance, np.linspace(0.0, min(self.max_um, 1e3), 5))

    def check(self, pair: Pair) -> None:
        """Refuse populations without positions."""
        distances_um(pair.source, pair.target, np.zeros(0, np.int32), np.zeros(0, np.int32))

    def draw(self, pair: Pair, key: np.uint64, targets: Ints) -> Rows:
        """Return the rows target by target; candidates are held for one block of targets at a time."""
        from neurosim.kernels import draw

        near = Nearby(pair.source, pair.target, float(self.max_um), self.axes)
        own = np.full(pair.target.n, -1, np.int32) if self.self_connections else pair.own
        found = [Rows(*(np.empty(0, np.int32) for _ in range(3)))]
        for block in near.blocks(targets, own, _MOST_CANDIDATES):
            source, counts, away_um = near.find(block, own)
            target = np.repeat(block, counts)
            unit = np.empty(len(source))
            draw.units(key, pair.target.index[target], source, unit)
            keep = unit < chances(self.p_of_distance, away_um)
            found.append(Rows(source[keep], target[keep], source[keep]))
        source = np.concatenate([rows.source for rows in found])
        return Rows(source, np.concatenate([rows.target for rows in found]), source)


@dataclass(frozen=True, eq=False)
class FromArrays(Rule):
    """The connections given: positions of sources and targets in their populations, whole numbers (n,)."""

    source: ArrayLike
    target: ArrayLike

    def __post_init__(self) -> None:
        for name in ("source", "target"):
            given = np.asarray(getattr(self, name))
            if given.ndim != 1 or (given.size and given.dtype.kind not in "iu"):
                raise ModelError(f"{self._name}: {name} must be whole numbers (n,), got {given.dtype} {given.shape}")
            object.__setattr__(self, name, given)
        if len(np.asarray(self.source)) != len(np.asarray(self.target)):
            raise ModelError(
                f"{self._name}: {np.size(self.source)} sources and {np.size(self.target)} targets; one each a row"
            )

    @property
    def _name(self) -> str:
        return type(self).__name__

    def rows_n(self, pair: Pair) -> int:
        """Return the number of rows given."""
        return np.size(self.source)

    def check(self, pair: Pair) -> None:
        """Refuse positions that the populations do not have."""
        super().check(pair)
        for name, n in (("source", pair.source.n), ("target", pair.target.n)):
            given = np.asarray(getattr(self, name))
            outside = (given < 0) | (given >= n)
            if outside.any():
                row = int(np.argmax(outside))
                raise ModelError(
                    f"{self._name}: row {row} has {name} {given[row]}; allowed: 0 to {n - 1}, the position in the "
                    f"population (gid - {getattr(pair, name).first_gid} in a whole one)"
                )

    def draw(self, pair: Pair, key: np.uint64, targets: Ints) -> Rows:
        """Return the rows as they were given."""
        source, target = np.asarray(self.source, np.int32), np.asarray(self.target, np.int32)
        rows = Rows(source, target, count(len(source)))
        return rows if len(targets) == pair.target.n else rows.take(mask(targets, pair.target.n)[target])


class FromDataFrame(FromArrays):
    """The connections given by a data frame with the columns ``source`` and ``target`` (positions).

    Its other columns (``weight``, ``delay_ms``, ``at``, parameters of the synapse) are the values of the connections,
    unless ``connect`` is given them.

    Parameters
    ----------
    frame : pandas.DataFrame
        Or anything else with ``columns`` and columns by name.
    """

    def __init__(self, frame: Any) -> None:
        names = [str(name) for name in frame.columns]
        missing = [name for name in ("source", "target") if name not in names]
        if missing:
            raise ModelError(f"FromDataFrame: no column {missing[0]!r}; it has {', '.join(names) or 'none'}")
        columns = {name: np.asarray(frame[name]) for name in names}
        object.__setattr__(self, "columns", {k: v for k, v in columns.items() if k not in ("source", "target")})
        super().__init__(columns["source"], columns["target"])

    columns: dict[str, NDArray[Any]]
