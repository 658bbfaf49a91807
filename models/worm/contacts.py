"""Contacts of a pair of cells: how many, and where on the neurites.

The number grows with the EM weight n and saturates, ``outer most tanh(inner rise n)``, rounded, at least one: no
pair is lost. Places: for each contact a distance is drawn from an inverse Gaussian law, and of the pairs of 2 um
pieces the one whose centres are nearest to that distance is taken; each piece serves a pair of cells once. Everything
is in ``params/contacts.toml``. Draws depend on the seed and the two cells only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
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
    nseg = np.maximum(np.ceil(lengths / piece_um - 1e-9), 1.0).astype(np.int32)
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
    at: list[tuple[Ints, Ints]] = []
    for k, (i, j) in enumerate(zip(rows.tolist(), columns.tolist(), strict=True)):
        here, there = pre_pieces[i], post_pieces[j]
        target = rule.distances_um(i, post_first + j, counts[k])
        at.append(nearest(here.centre_um, there.centre_um, target))
    found = np.array([len(a) for a, _ in at])
    pre, post = np.repeat(rows, found), np.repeat(columns, found)
    joined = [
        [pieces[cell].section[a] for cell, a in zip(cells, places, strict=True)] if what == "section" else
        [pieces[cell].x[a] for cell, a in zip(cells, places, strict=True)]
        for pieces, cells, places in (
            (pre_pieces, rows, [a for a, _ in at]), (post_pieces, columns, [b for _, b in at])
        )
        for what in ("section", "x")
    ]  # fmt: skip
    pre_section, pre_x, post_section, post_x = (np.concatenate(part) if part else np.zeros(0) for part in joined)
    return Placed(
        pre.astype(np.int32),
        (post + post_first).astype(np.int32),
        pre_section.astype(np.int32),
        pre_x,
        post_section.astype(np.int32),
        post_x,
        np.repeat(smooth / found, found),
    )


def nearest(here_um: Floats, there_um: Floats, target_um: Floats) -> tuple[Ints, Ints]:
    """Choose a pair of points for each target distance; no point is taken twice.

    Parameters
    ----------
    here_um, there_um : float64 (n, 3), (m, 3)
    target_um : float64 (k,)

    Returns
    -------
    int32 (c,), int32 (c,)
        Rows of ``here_um`` and ``there_um``; c is the smallest of k, n and m.
    """
    distance = np.sqrt(((here_um[:, None, :] - there_um[None, :, :]) ** 2).sum(axis=2))
    n = min(len(target_um), *distance.shape)
    taken = np.zeros((2, n), np.int32)
    for k in range(n):
        i, j = divmod(int(np.argmin(np.abs(distance - target_um[k]))), distance.shape[1])
        taken[:, k] = i, j
        distance[i, :] = distance[:, j] = np.inf
    return taken[0], taken[1]
