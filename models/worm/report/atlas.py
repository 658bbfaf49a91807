"""The functional atlas of Randi et al. 2023: reading, halves for fit and test, rank correlation with a simulation.

The atlas holds, for pairs of neurons, the mean fluorescence change of one after light had stimulated the other (dFF,
over 30 s), and a q value, the false discovery rate of there being a response. doi:10.1038/s41586-023-06683-4; the file
is ``funatlas.h5`` of the package wormneuroatlas, [responding, stimulated]. What is compared are the pairs of different
neurons with q < 0.05. Halves are halves of the stimulated classes, so that no experiment, and no left-right copy of
one, lies in both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import h5py
import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ModelError
from neurosim.models.worm.packages import file_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

SIGNIFICANT_Q = 0.05
SPLIT_SEED = 2023

_SIDES = {"AWCON": "AWCL", "AWCOF": "AWCR"}
"""The two AWC differ by what they express, not by side; either may be left. Here ON stands for the left one."""


@dataclass(frozen=True, eq=False)
class Atlas:
    """Responses by pair, in the order of ``names``.

    Parameters
    ----------
    names : tuple of str (n,)
    dff : float64 (n, n)
        [responding, stimulated]; NaN where it was not measured.
    q : float64 (n, n)
        NaN where it was not measured.
    """

    names: tuple[str, ...]
    dff: Floats
    q: Floats


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of an atlas by numbers of another list of names.

    Parameters
    ----------
    stimulated, responding : int64 (n,)
    dff, q : float64 (n,)
    """

    stimulated: Ints
    responding: Ints
    dff: Floats
    q: Floats

    def __len__(self) -> int:
        return len(self.dff)

    def taken(self, rows: Bools) -> Pairs:
        """Return some of the rows."""
        return Pairs(self.stimulated[rows], self.responding[rows], self.dff[rows], self.q[rows])


def read(strain: str = "wt") -> Atlas:
    """Read the atlas of the wild type (``"wt"``) or of the mutant without dense-core vesicles (``"unc31"``)."""
    with h5py.File(file_of("wormneuroatlas", "data", "funatlas.h5"), "r") as file:
        if strain not in file:
            raise ModelError(f"atlas: no strain {strain!r}; allowed: wt, unc31")
        names = tuple(_SIDES.get(name, name) for name in file["neuron_ids"].asstr()[:])
        return Atlas(names, np.array(file[strain]["dFF"], np.float64), np.array(file[strain]["q"], np.float64))


def measured_pairs(atlas: Atlas, names: Sequence[str]) -> Pairs:
    """Return all measured pairs of two different neurons that both lists have, by numbers of ``names``."""
    number = {name: k for k, name in enumerate(names)}
    place = np.array([number.get(name, -1) for name in atlas.names])
    found = np.isfinite(atlas.dff) & np.isfinite(atlas.q) & (place[:, None] >= 0) & (place[None, :] >= 0)
    np.fill_diagonal(found, False)
    responding, stimulated = np.nonzero(found)
    return Pairs(place[stimulated], place[responding], atlas.dff[found], atlas.q[found])


def first_half(pairs: Pairs, classes: Sequence[str], seed: int = SPLIT_SEED) -> Bools:
    """Return which pairs belong to the half for fitting, bool (n,); the others are for testing.

    Parameters
    ----------
    pairs : Pairs
    classes : sequence of str
        Class of every neuron; the stimulated neurons of a class stay together.
    seed : int
        Of the drawing of classes.
    """
    of_pair = np.array([classes[k] for k in pairs.stimulated])
    present = sorted(set(of_pair.tolist()))
    drawn = np.random.Generator(np.random.Philox(seed)).permutation(len(present))
    first = {present[k] for k in drawn[: len(present) // 2]}
    return np.array([of in first for of in of_pair.tolist()], np.bool_)


def ranks(values: Floats) -> Floats:
    """Return the ranks from 1, equal values sharing the mean of theirs, float64 (n,)."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2.0)[inverse])


def rank_correlation(a: Floats, b: Floats) -> float:
    """Return Spearman's rank correlation; 0 where one side is constant."""
    first, second = ranks(a), ranks(b)
    if len(a) < 2 or first.std() == 0.0 or second.std() == 0.0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def correlation(responses: Floats, pairs: Pairs) -> float:
    """Return the rank correlation of simulated responses, float64 (n, n) [responding, stimulated], with pairs' dFF."""
    return rank_correlation(responses[pairs.responding, pairs.stimulated], pairs.dff)


def interval(responses: Floats, pairs: Pairs, *, draws: int = 1000, seed: int = 1) -> tuple[float, float]:
    """Return a 95 % interval of ``correlation``: stimulated neurons are drawn again, with all their pairs.

    Pairs of one stimulated neuron come from the same recordings and are not independent; drawing whole neurons keeps
    that in.
    """
    rows_of = [np.flatnonzero(pairs.stimulated == k) for k in np.unique(pairs.stimulated)]
    random = np.random.Generator(np.random.Philox(seed))
    values = responses[pairs.responding, pairs.stimulated]
    found = []
    for _ in range(draws):
        rows = np.concatenate([rows_of[k] for k in random.integers(len(rows_of), size=len(rows_of))])
        found.append(rank_correlation(values[rows], pairs.dff[rows]))
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)


def separation(responses: Floats, pairs: Pairs, score: Callable[[Floats], Floats] = np.abs) -> float:
    """Return how well the size of a simulated response tells pairs with q < 0.05 from others.

    The area under the receiver operating characteristic: 0.5 is chance, 1 is perfect.
    """
    values = score(responses[pairs.responding, pairs.stimulated])
    is_there = pairs.q < SIGNIFICANT_Q
    there_n, other_n = int(is_there.sum()), int((~is_there).sum())
    if there_n == 0 or other_n == 0:
        return float("nan")
    return float((ranks(values)[is_there].sum() - there_n * (there_n + 1) / 2.0) / (there_n * other_n))
