"""Sums that do not depend on the order in which they are added, nor on how they are divided among processes.

A value is cut into a whole number of 2^-20 and a rest in whole numbers of 2^-62. Whole numbers add exactly, so that the
sums of several processes may be added in any order. What is below 2^-62 is lost, 2e-19; a float64 of 1 ends at 2e-16.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

COARSE, FINE = 2.0**20, 2.0**62
MOST = 2.0**20
"""Larger values are cut: a million, of which 4 million can be added."""

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]


def parts_of(values: Floats) -> Longs:
    """Return the whole numbers of values, int64 (2, …): coarse and fine."""
    inside = np.clip(values, -MOST, MOST)
    coarse = np.rint(inside * COARSE)
    return np.stack([coarse, np.rint((inside - coarse / COARSE) * FINE)]).astype(np.int64)


def value_of(parts: Longs) -> Floats:
    """Return the value of whole numbers, float64 (…)."""
    found: Floats = parts[0] / COARSE + parts[1] / FINE
    return found
