"""Random numbers by counter: a value depends on (key, stream, step) and on nothing that ran before.

Philox-2x64 with ten rounds (Salmon, Moraes, Dror and Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3", SC11,
doi:10.1145/2063384.2063405, multiplier and Weyl constant of table 2 there), then the Box-Muller transform.
"""

# mypy: disable-error-code="no-untyped-def,untyped-decorator"
from __future__ import annotations

import math

import numpy as np
from numba import njit

from neurosim.kernels.access import word
from neurosim.kernels.simd import LANES, splat, with_lane

_MULTIPLIER = np.uint64(0xD2B74407B1CE6E93)
_WEYL = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)


@njit(error_model="numpy", cache=True)
def philox(counter_low, counter_high, key):
    """Return two uint64 that are a function of the three uint64 arguments (Philox-2x64-10)."""
    a, b, k = np.uint64(counter_low), np.uint64(counter_high), np.uint64(key)
    m_low, m_high = _MULTIPLIER & _LOW, _MULTIPLIER >> _HALF
    for _ in range(10):
        a_low, a_high = a & _LOW, a >> _HALF
        cross = (a_low * m_low >> _HALF) + (a_high * m_low & _LOW) + a_low * m_high
        high = a_high * m_high + (a_high * m_low >> _HALF) + (cross >> _HALF)
        a, b = high ^ k ^ b, a * _MULTIPLIER
        k = k + _WEYL
    return a, b


@njit(error_model="numpy", cache=True)
def normal(key, stream, step):
    """Return one standard normal number for (key, stream, step)."""
    a, b = philox(np.uint64(step), np.uint64(stream), np.uint64(key))
    u = (np.float64(a >> np.uint64(11)) + 0.5) * (1.0 / 9007199254740992.0)
    angle = np.float64(b >> np.uint64(11)) * (2.0 * math.pi / 9007199254740992.0)
    return math.sqrt(-2.0 * math.log(u)) * math.cos(angle)


@njit(error_model="numpy", forceinline=True)
def standard_normal(keys, row, t, dt):
    """Return one standard normal number a lane; ``keys`` is the address of int64 pairs (key, stream) a lane.

    In the step from k dt to (k + 1) dt it is number k + 1 of the stream, at its middle as at its end; 0 is for INITIAL.
    """
    step = np.int64(t / dt + 0.75)
    out = splat(0.0)
    for k in range(LANES):
        at = (row * LANES + k) * 2
        out = with_lane(out, k, normal(word(keys, at), word(keys, at + 1), step))
    return out
