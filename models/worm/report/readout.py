"""Readout gains: how strongly each neuron's indicator answers, fitted on the first half of the atlas.

    predicted[i, j] = gain[i] · (h + |R[i, j]| / (|R[i, j]| + s))

R is what a network (or the anatomy) says of neuron i when j is stimulated, gain the mean dFF of neuron i over the first
half, whoever was stimulated; h is what any stimulation does, s where the answer saturates. h and s are chosen by
cross-validation inside the first half, over folds of stimulated classes. Every network and the raw anatomy get the same
treatment; the gains alone (h alone) are a baseline of their own.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.models.worm.model import NEURONS
from neurosim.models.worm.report import atlas
from neurosim.models.worm.report.atlas import Pairs

Floats = NDArray[np.float64]

SHARES = (0.0, 0.1, 0.3, 1.0)
SCALES = (0.1, 1.0, 10.0)
"""Of s, over the median of |R| at the first half's pairs."""
FOLDS, FOLD_SEED = 5, 7
PRIOR_PAIRS = 2.0
"""Weight of the mean of all neurons in each neuron's gain."""


@dataclass(frozen=True)
class Shape:
    """The two numbers of the readout."""

    h: float
    s: float


def gains(first: Pairs) -> Floats:
    """Return each neuron's mean response, drawn towards the mean of all, never below 0; float64 (302,)."""
    overall = float(first.dff.mean())
    total = np.bincount(first.responding, first.dff, NEURONS) + PRIOR_PAIRS * overall
    return np.maximum(total / (np.bincount(first.responding, minlength=NEURONS) + PRIOR_PAIRS), 0.0)


def predicted(responses: Floats, shape: Shape, gain: Floats) -> Floats:
    """Return the prediction, float64 (302, 302) [responding, stimulated]."""
    size = np.abs(responses)
    return np.asarray(gain[:, None] * (shape.h + size / (size + shape.s)))


def chosen(responses: Floats, first: Pairs, classes: Sequence[str]) -> Shape:
    """Return the shape with the best mean rank correlation over the folds of the first half."""
    of_pair = np.array([classes[k] for k in first.stimulated])
    present = sorted(set(of_pair.tolist()))
    order = np.random.Generator(np.random.Philox(FOLD_SEED)).permutation(len(present))
    left_out = [np.isin(of_pair, [present[k] for k in order[fold::FOLDS]]) for fold in range(FOLDS)]
    middle = float(np.median(np.abs(responses[first.responding, first.stimulated]))) or 1.0
    best, best_value = Shape(0.0, middle), -np.inf
    for h, scale in itertools.product(SHARES, SCALES):
        shape = Shape(h, scale * middle)
        value = np.mean(
            [
                atlas.correlation(predicted(responses, shape, gains(first.taken(~rows))), first.taken(rows))
                for rows in left_out
            ]
        )
        if value > best_value:
            best, best_value = shape, float(value)
    return best
