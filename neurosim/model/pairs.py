"""What a connection rule works on: the pair of populations, and the rows it returns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ModelError
from neurosim.model.population import Population

Ints = NDArray[np.int32]

MOST_ROWS = 2**31 - 1


@dataclass(frozen=True)
class Pair:
    """The two populations of a projection."""

    source: Population
    target: Population

    @property
    def same(self) -> bool:
        """Whether both are of one population of the network (they may be different parts of it)."""
        return self.source.members is self.target.members

    @cached_property
    def own(self) -> Ints:
        """For every target its position among the sources, or -1: int32 (targets,)."""
        return _positions(self.source, self.target) if self.same else np.full(self.target.n, -1, np.int32)

    @cached_property
    def own_target(self) -> Ints:
        """For every source its position among the targets, or -1: int32 (sources,)."""
        return _positions(self.target, self.source) if self.same else np.full(self.source.n, -1, np.int32)


def _positions(among: Population, of: Population) -> Ints:
    where = np.full(len(among.members), -1, np.int32)
    where[among.index] = np.arange(among.n, dtype=np.int32)
    return where[of.index]


@dataclass(frozen=True)
class Rows:
    """Connections as positions in the two populations.

    Parameters
    ----------
    source, target : int32 (n,)
        Positions.
    number : int32 (n,)
        Tells apart the connections of one target; where the number of rows is known, the row of the arrays given with
        the rule.
    """

    source: Ints
    target: Ints
    number: Ints

    def __len__(self) -> int:
        return len(self.source)

    def take(self, which: Any) -> Rows:
        """Return some of the rows."""
        return Rows(self.source[which], self.target[which], self.number[which])

    def by_target(self, targets_n: int, targets: Ints) -> Rows:
        """Return the rows that go to ``targets``, target by target, otherwise in their order."""
        from neurosim.kernels import draw

        rows = self if len(targets) == targets_n else self.take(mask(targets, targets_n)[self.target])
        order = np.empty(len(rows), np.int32)
        draw.by_group(rows.target, targets_n, order)
        return rows.take(order)


def mask(which: Ints, n: int) -> NDArray[np.bool_]:
    """Return bool (n,), true at ``which``."""
    out = np.zeros(n, np.bool_)
    out[which] = True
    return out


def count(n: int) -> Ints:
    """Return 0 to n - 1 as int32."""
    return np.arange(n, dtype=np.int32)


class Rule(ABC):
    """A connection rule."""

    def rows_n(self, pair: Pair) -> int | None:
        """Return the number of rows, or None where it is drawn."""
        return None

    def check(self, pair: Pair) -> None:
        """Refuse populations that the rule cannot connect."""
        too_many(self.rows_n(pair) or 0)

    @abstractmethod
    def draw(self, pair: Pair, key: np.uint64, targets: Ints) -> Rows:
        """Return the rows of ``targets``, sorted positions in the target population."""


def too_many(n: int) -> None:
    """Refuse more rows than a call may make."""
    if n > MOST_ROWS:
        raise ModelError(f"{n} connections are too many for one call; allowed: {MOST_ROWS}; divide the targets")
