"""What a connection is like: weights, delays and parameters as numbers, arrays, distributions and functions.

Every value is one of

- a number,
- an array: one value for each row of a rule whose number of rows is known (``FromArrays``, ``OneToOne``,
  ``FixedInDegree``, ``FixedOutDegree``, ``FixedTotal``), or a matrix (sources, targets) with any rule,
- a distribution of ``neurosim.random``,
- a function of the distance of the two cells in um, array in, array out (``neurosim.Distance`` is one).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.errors import ModelError
from neurosim.model.distance import distances_um, of_distance
from neurosim.model.pairs import Pair, Rows
from neurosim.model.random import Distribution, key_of

Floats = NDArray[np.float64]
Value = float | ArrayLike | Distribution | Callable[[Floats], ArrayLike]

BLOCK_ROWS = 1 << 20
"""Rows for which distances and distributions are held at a time."""


@dataclass(frozen=True)
class Column:
    """One value of a projection.

    Parameters
    ----------
    name : str
        For messages, and for the key of what is drawn.
    value : Value
    least, most : float
        Smallest and largest value allowed.
    """

    name: str
    value: Value
    least: float = -np.inf
    most: float = np.inf

    def check(self, pair: Pair, rows_n: int | None) -> None:
        """Refuse what can be seen to be wrong before rows are drawn."""
        value = self.value
        if isinstance(value, Distribution):
            return
        if callable(value):
            distances_um(pair.source, pair.target, np.zeros(0, np.int32), np.zeros(0, np.int32))
            return
        array = self._array(value)
        self._allowed(array)
        matrix = (pair.source.n, pair.target.n)
        if array.shape not in ((), matrix) and (rows_n is None or array.size != rows_n or array.ndim > 2):
            rows = "" if rows_n is None else f" one value for each of the {rows_n} rows,"
            raise ModelError(
                f"{self.name} has shape {array.shape}; allowed: one number,{rows} a matrix (sources, targets) = "
                f"{matrix}, a distribution of ns.random, or a function of the distance in um"
            )

    def _array(self, value: ArrayLike) -> Floats:
        try:
            return np.asarray(value, float)
        except (TypeError, ValueError) as error:
            raise ModelError(
                f"{self.name}={value!r} is not allowed; give a number, an array of numbers, a distribution of "
                "ns.random, or a function of the distance in um"
            ) from error

    def _allowed(self, values: Floats) -> None:
        wrong = ~(np.isfinite(values) & (values >= self.least) & (values <= self.most))
        if wrong.any():
            limits = [f"{self.least:g} or more"] if self.least > -np.inf else []
            limits += [f"{self.most:g} or less"] if self.most < np.inf else []
            rule = " and ".join(["finite", *limits])
            advice = "; limit the distribution, for instance low=0.0" if isinstance(self.value, Distribution) else ""
            raise ModelError(f"{self.name}={values[wrong][0]:g} is not allowed; it must be {rule}{advice}")

    def of(self, pair: Pair, rows: Rows, seed: np.uint64) -> float | Floats:
        """Return the value of each row, one number where all have the same."""
        value = self.value
        if isinstance(value, Distribution):
            return self._filled(pair, rows, lambda part: self._drawn(value, pair, part, seed))
        if callable(value):
            return self._filled(pair, rows, lambda part: self._far(value, pair, part))
        array = self._array(value)
        if array.ndim == 0:
            return float(array)
        if array.shape == (pair.source.n, pair.target.n):
            return np.ascontiguousarray(array[rows.source, rows.target])
        return np.ascontiguousarray(array.reshape(-1)[rows.number])

    def _filled(self, pair: Pair, rows: Rows, part_of: Callable[[Rows], Floats]) -> Floats:
        out = np.empty(len(rows))
        for at in range(0, len(rows), BLOCK_ROWS):
            part = part_of(rows.take(slice(at, at + BLOCK_ROWS)))
            self._allowed(part)
            out[at : at + BLOCK_ROWS] = part
        return out

    def _drawn(self, law: Distribution, pair: Pair, rows: Rows, seed: np.uint64) -> Floats:
        return law.draw(key_of(int(seed), self.name), pair.target.index[rows.target], rows.number)

    def _far(self, function: Callable[[Floats], ArrayLike], pair: Pair, rows: Rows) -> Floats:
        return of_distance(self.name, function, distances_um(pair.source, pair.target, rows.source, rows.target))
