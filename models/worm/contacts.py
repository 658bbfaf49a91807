"""Contacts of a pair of cells: how many, and where on the neurites.

The number grows with the EM weight n and saturates, ``outer most tanh(inner rise n)``, rounded, at least one: no
pair is lost. Places: for each contact a distance is drawn from an inverse Gaussian law, and of the pairs of 2 um
pieces the one whose centres are nearest to that distance is taken; each piece serves a pair of cells once. Everything
is in ``params/contacts.toml``. Draws depend on the seed and the two cells only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurosim.models.worm.parameters import Parameters
from neurosim.morphology.section import Morphology
from neurosim.morphology.tree import discretise

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Pieces:
    """The neurites of a cell cut in short pieces.

    Parameters
    ----------
    section : int32 (n,)
    x : float64 (n,)
        Centre along the section.
    centre_um : float64 (n, 3)
    """

    section: Ints
    x: Floats
    centre_um: Floats


@dataclass(frozen=True, eq=False)
class Placed:
    """Contacts of many pairs of cells, one row each; columns as in ``Contacts``.

    ``share`` is the conductance of the row in units of that of one contact: the smooth number of contacts of the pair,
    divided by the rounded one.
    """

    pre: Ints
    post: Ints
    pre_section: Ints
    pre_x: Floats
    post_section: Ints
    post_x: Floats
    share: Floats


def pieces_of(morphology: Morphology, piece_um: float) -> Pieces:
    """Cut a morphology into pieces of at most ``piece_um``; a soma is one piece."""
    tree = discretise(morphology, nseg_at_most(morphology, piece_um))
    nodes = tree.section_order
    return Pieces(tree.section_idx[nodes], tree.x[nodes], tree.centre_um[nodes])


def nseg_at_most(morphology: Morphology, piece_um: float) -> Ints:
    """Return the number of pieces of each section, the first section (the soma) in one piece; int32 (sections,)."""
    lengths = np.array([section.length_um for section in morphology.sections])
    nseg: Ints = np.maximum(np.ceil(lengths / piece_um - 1e-9), 1.0).astype(np.int32)
    nseg[0] = 1
    return nseg


@dataclass(frozen=True)
class Rule:
    """How many contacts, and how far apart their sides are.

    Parameters
    ----------
    kind : str
        ``"chemical"`` or ``"gap"``: which numbers of ``params/contacts.toml``.
    parameters : Parameters
    stream : int
        Keeps the draws of different kinds of edges apart.
    """

    kind: str
    parameters: Parameters
    stream: int

    def smooth_number(self, weight: Floats) -> Floats:
        """Return the number of contacts before rounding."""
        most, rise, inner, outer = (
            self.parameters[f"{self.kind}.{key}"] for key in ("most", "rise", "inner_share", "outer_share")
        )
        smooth: Floats = outer * most * np.tanh(rise * inner * weight)
        return smooth

    @cached_property
    def _law_um(self) -> tuple[float, float]:
        return self.parameters[f"{self.kind}.distance_mean_um"], self.parameters[f"{self.kind}.distance_shape_um"]

    def distances_um(self, pre: int, post: int, n: int) -> Floats:
        """Draw the distances of a pair's contacts; float64 (n,)."""
        key = np.array([self.parameters["seed"], self.stream], np.uint64)
        draws = np.random.Generator(np.random.Philox(key=key, counter=[0, 0, pre, post]))
        return draws.wald(*self._law_um, n)


def placed(
    rule: Rule, weights: Floats, pre_pieces: list[Pieces], post_pieces: list[Pieces], post_first: int = 0
) -> Placed:
    """Place the contacts of all pairs of a matrix.

    Parameters
    ----------
    rule : Rule
    weights : float64 (rows, columns)
        EM weights; a row without weight has no contact.
    pre_pieces, post_pieces : list of Pieces
        Of the cells of rows and columns.
    post_first : int
        Number of the cell of column 0.
    """
    rows, columns = np.nonzero(weights)
    smooth = rule.smooth_number(weights[rows, columns])
    counts = np.maximum(np.rint(smooth), 1.0).astype(int)
    at: list[Ints] = []
    for k, (i, j) in enumerate(zip(rows.tolist(), columns.tolist(), strict=True)):
        here, there = pre_pieces[i], post_pieces[j]
        target = rule.distances_um(i, post_first + j, counts[k])
        at.append(nearest(here.centre_um, there.centre_um, target))
    found = np.array([a.shape[1] for a in at])
    pre, post = np.repeat(rows, found), np.repeat(columns, found)
    pre_section, pre_x = _taken(pre_pieces, rows, [a[0] for a in at])
    post_section, post_x = _taken(post_pieces, columns, [a[1] for a in at])
    return Placed(
        pre.astype(np.int32),
        (post + post_first).astype(np.int32),
        pre_section,
        pre_x,
        post_section,
        post_x,
        np.repeat(smooth / found, found),
    )


def _taken(pieces: list[Pieces], cells: NDArray[np.intp], at: list[Ints]) -> tuple[Ints, Floats]:
    section = [pieces[cell].section[a] for cell, a in zip(cells, at, strict=True)]
    x = [pieces[cell].x[a] for cell, a in zip(cells, at, strict=True)]
    return np.concatenate([np.empty(0, np.int32), *section]), np.concatenate([np.empty(0), *x])


@njit(error_model="numpy", cache=True)
def nearest(here_um: Any, there_um: Any, target_um: Any) -> Any:
    """Choose a pair of points for each target distance; no point is taken twice.

    Parameters
    ----------
    here_um, there_um : float64 (n, 3), (m, 3)
    target_um : float64 (k,)

    Returns
    -------
    int32 (2, c)
        Rows of ``here_um`` and ``there_um``; c is the smallest of k, n and m.
    """
    n, m = len(here_um), len(there_um)
    count = min(len(target_um), min(n, m))
    taken = np.zeros((2, count), np.int32)
    here_free, there_free = np.ones(n, np.bool_), np.ones(m, np.bool_)
    for k in range(count):
        target = target_um[k]
        best, low, high = np.inf, -1.0, np.inf  # low and high bound the squares of better distances
        for i in range(n):
            if not here_free[i]:
                continue
            x, y, z = here_um[i]
            for j in range(m):
                square = (there_um[j, 0] - x) ** 2 + (there_um[j, 1] - y) ** 2 + (there_um[j, 2] - z) ** 2
                if low < square < high and there_free[j]:
                    gap = abs(math.sqrt(square) - target)
                    if gap < best:
                        best = gap
                        low = (target - best) ** 2 if target > best else -1.0
                        high = (target + best) ** 2
                        taken[0, k], taken[1, k] = i, j
        here_free[taken[0, k]] = there_free[taken[1, k]] = False
    return taken
