"""Spikes that nobody fired: what arrives at a rank whose fellows are not there.

A spike is a function of (key, window, gid), so that two ranks played one after the other hear the same.
"""

# mypy: disable-error-code="no-untyped-def,untyped-decorator"
from __future__ import annotations

import numpy as np
from numba import njit

from neurosim.kernels.random import philox

_UNIT = 1.0 / 9007199254740992.0


@njit(error_model="numpy", cache=True, nogil=True)
def drawn(gids, key, window, mean, steps, gid_out, step_out):
    """Draw the spikes of a window; return their number.

    Parameters
    ----------
    gids : int64 (n,)
        Who may fire, ascending.
    key, window : int
        Of the random numbers.
    mean : float
        Spikes of a cell in the window, on average: its whole part is fired for sure, the rest by chance.
    steps : int
        Steps of the window.
    gid_out, step_out : int64 (n * ceil(mean),)
        Filled: who, and in which step of the window.
    """
    sure, n = np.int64(mean), 0
    for k in range(len(gids)):
        a, b = philox(np.uint64(window), np.uint64(gids[k]), np.uint64(key))
        chance, place = np.float64(a >> np.uint64(11)) * _UNIT, np.float64(b >> np.uint64(11)) * _UNIT
        count = sure + (1 if chance < mean - sure else 0)
        for c in range(count):
            gid_out[n], step_out[n] = gids[k], min(np.int64((c + place) / count * steps), steps - 1)
            n += 1
    return n
