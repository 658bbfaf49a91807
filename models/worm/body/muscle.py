"""Force of a muscle from activation, length and velocity (Hill's type), and what bends a joint.

| symbol | meaning | unit |
|---|---|---|
| e | strain of a muscle, negative is shortened | 1 |
| u | rate of the strain | 1/s |
| w | width of the force-length curve | 1 |
| b | largest rate of shortening | 1/s |
| c | shape of Hill's hyperbola | 1 |
| d | force of fast lengthening over the isometric one | 1 |

F = F0 a exp(-(e/w)^2) g(u), with g = (1 + u/b) / (1 - u/(c b)) while shortening (0 beyond the largest rate) and a
hyperbola of the same slope at 0 that goes to d while lengthening. A. V. Hill 1938, doi:10.1098/rspb.1938.0050.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from numba import njit


class Hill(NamedTuple):
    """Constants of the law, as in the module's table."""

    width: float
    shortening: float
    curve: float
    stretched: float


@njit(error_model="numpy", cache=True)
def velocity_factor(rate, hill):  # type: ignore[no-untyped-def]
    """Return g and its slope at a rate of the strain in 1/s."""
    b, c, d = hill.shortening, hill.curve, hill.stretched
    if rate <= -b:
        return 0.0, 0.0
    if rate < 0.0:
        under = 1.0 / (c * b - rate)
        return c * (b + rate) * under, c * (c + 1.0) * b * under * under
    soft = (d - 1.0) * b * c / (c + 1.0)
    under = 1.0 / (rate + soft)
    return 1.0 + (d - 1.0) * rate * under, (d - 1.0) * soft * under * under


@njit(error_model="numpy", cache=True)
def tension(activation, strain, rate, hill):  # type: ignore[no-untyped-def]
    """Return force over the isometric one, its slope by strain and its slope by the rate (s)."""
    narrow = 1.0 / (hill.width * hill.width)
    long = activation * math.exp(-strain * strain * narrow)
    g, slope = velocity_factor(rate, hill)
    return long * g, -2.0 * strain * narrow * long * g, long * slope


@njit(error_model="numpy", cache=True)
def all_in_range(activation):  # type: ignore[no-untyped-def]
    """Return whether all activations, float64 (4, rows), are numbers from 0 to 1."""
    for q in range(activation.shape[0]):
        for i in range(activation.shape[1]):
            if not 0.0 <= activation[q, i] <= 1.0:
                return False
    return True
