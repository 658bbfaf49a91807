"""The dialect of generated programs on plain numbers: ``np.float64`` scalars or arrays of them; or all ``np.float32``.

For building tables, for computing the constants of a run, and as the twin of the compiled kernels in tests; not for
stepping cells. Call a program with ``np.float64`` (not ``float``: dividing by zero must give inf, not an exception)
inside ``np.errstate(all="ignore")``. Masks are booleans or arrays of them.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

Real = Any
Mask = Any

MAX_EXP_ARGUMENT = 700.0
MAX_EXP_ARGUMENT_FLOAT32 = 80.0

float32 = np.float32


def _fma_exact(a: float, b: float, c: float) -> float:
    """Return a*b + c rounded once; exact rational arithmetic, so it is the same on every platform."""
    a, b, c = float(a), float(b), float(c)
    if not (math.isfinite(a) and math.isfinite(b) and math.isfinite(c)):
        return float(np.float64(a) * np.float64(b) + np.float64(c))
    try:
        exact = Fraction(a) * Fraction(b) + Fraction(c)
        return float(exact) if exact else float(np.float64(a) * np.float64(b) + np.float64(c))
    except OverflowError:
        return math.copysign(math.inf, float(np.float64(a) * np.float64(b)))


def _fma_of_this_machine() -> Callable[[float, float, float], float]:
    """Return the C library's fma (correctly rounded by the C standard), else exact arithmetic."""
    name = ctypes.util.find_library("m")
    if name is None:
        return _fma_exact
    function = ctypes.CDLL(name).fma
    function.argtypes, function.restype = [ctypes.c_double] * 3, ctypes.c_double
    made: Callable[[float, float, float], float] = function
    return made if made(1.0 + 2.0**-52, 1.0 - 2.0**-52, -1.0) == -(2.0**-104) else _fma_exact


_fma = _fma_of_this_machine()
_fma_array = np.vectorize(_fma, otypes=[np.float64])


def _is_single(*x: Real) -> bool:
    return np.result_type(*x) == np.float32


def fma(a: Real, b: Real, c: Real) -> Real:
    """Return a*b + c, rounded once (float32: to float64, then to float32)."""
    real = np.float32 if _is_single(a, b, c) else np.float64
    if np.ndim(a) == 0 and np.ndim(b) == 0 and np.ndim(c) == 0:
        return real(_fma(a, b, c))
    return _fma_array(a, b, c).astype(real, copy=False)


def where(mask: Mask, a: Real, b: Real) -> Real:
    """Return a where the mask holds, else b; both have been computed."""
    picked: Any = np.where(mask, a, b)
    return picked[()]


def both(m: Mask, n: Mask) -> Mask:
    """Return m and n."""
    return np.logical_and(m, n)


def either(m: Mask, n: Mask) -> Mask:
    """Return m or n."""
    return np.logical_or(m, n)


def negate(m: Mask) -> Mask:
    """Return not m."""
    return np.logical_not(m)


def every(m: Mask) -> bool:
    """Return whether the mask holds in all lanes."""
    return bool(np.all(m))


def no_lane(x: Real) -> Mask:
    """Return the mask that holds nowhere, as wide as ``x``."""
    return np.not_equal(x, x) & False


def exp(x: Real) -> Real:
    """Return e**x as NMODL does: 0 below -700, exp(700) above 700, NaN for NaN; float32 ends at 80."""
    y = np.exp(np.minimum(x, MAX_EXP_ARGUMENT_FLOAT32 if _is_single(x) else MAX_EXP_ARGUMENT))
    return where(np.less(x, -MAX_EXP_ARGUMENT), 0.0, y)


def log(x: Real) -> Real:
    """Return the natural logarithm."""
    return np.log(x)


def log10(x: Real) -> Real:
    """Return the decimal logarithm."""
    return np.log10(x)


def pow_(x: Real, y: Real) -> Real:
    """Return x**y as C's pow."""
    return np.power(np.float64(x) if isinstance(x, int) or type(x) is float else x, y)


def sqrt(x: Real) -> Real:
    """Return the square root, NaN for negative x."""
    return np.sqrt(x)


def sin(x: Real) -> Real:
    """Return sin(x)."""
    return np.sin(x)


def cos(x: Real) -> Real:
    """Return cos(x)."""
    return np.cos(x)


def tan(x: Real) -> Real:
    """Return tan(x)."""
    return np.tan(x)


def asin(x: Real) -> Real:
    """Return the arc sine."""
    return np.arcsin(x)


def acos(x: Real) -> Real:
    """Return the arc cosine."""
    return np.arccos(x)


def atan(x: Real) -> Real:
    """Return the arc tangent."""
    return np.arctan(x)


def atan2(y: Real, x: Real) -> Real:
    """Return the angle of (x, y)."""
    return np.arctan2(y, x)


def sinh(x: Real) -> Real:
    """Return sinh(x)."""
    return np.sinh(x)


def cosh(x: Real) -> Real:
    """Return cosh(x)."""
    return np.cosh(x)


def tanh(x: Real) -> Real:
    """Return tanh(x)."""
    return np.tanh(x)


def fabs(x: Real) -> Real:
    """Return the magnitude of x."""
    return np.fabs(x)


def floor(x: Real) -> Real:
    """Return the largest integer <= x."""
    return np.floor(x)


def ceil(x: Real) -> Real:
    """Return the smallest integer >= x."""
    return np.ceil(x)


def fmod_(x: Real, y: Real) -> Real:
    """Return the remainder of x/y with the sign of x, as C's fmod."""
    return np.fmod(x, y)


def minimum(x: Real, y: Real) -> Real:
    """Return the smaller, NaN if either is."""
    return np.minimum(x, y)


def maximum(x: Real, y: Real) -> Real:
    """Return the larger, NaN if either is."""
    return np.maximum(x, y)


def lookup(table: Any, column: int, columns: int, x: Real, low: Real, per_step: Real, count: int) -> Real:
    """Interpolate column ``column`` of a table of ``count + 1`` rows stored flat, row after row.

    xi = (x - low)*per_step; xi <= 0 gives the first, xi >= count the last entry, NaN gives NaN.
    """
    t = np.asarray(table, dtype=np.float32 if _is_single(x, low, per_step) else np.float64)
    t = t.reshape(-1, columns)[:, column]
    xi = (x - low) * per_step
    at = np.floor(np.clip(np.nan_to_num(xi, nan=0.0, posinf=count, neginf=0.0), 0, count - 1))
    k = at.astype(np.int64)
    inside = t[k] + (xi - at) * (t[k + 1] - t[k])
    return where(np.less_equal(xi, 0.0), t[0], where(np.greater_equal(xi, count), t[count], inside))


def sample_points(low: float, high: float, count: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the ``count + 1`` places of a TABLE's rows, accumulated by adding the step as NEURON does.

    Returns
    -------
    float64 (count + 1,)
        From ``low`` in steps of (high - low)/count.
    """
    x = np.empty(count + 1)
    step = (high - low) / count
    place = low
    for k in range(count + 1):
        x[k] = place
        place += step
    return x


def _word_drawn(random_key: Real, stream: Real, draws: Real) -> Real:
    """Return word number ``draws`` of a stream by Philox-4x32-10; see ``neurosim.kernels.random``."""
    low, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    key, at, count = (np.asarray(x, dtype=np.float64).astype(np.uint64) for x in (random_key, stream, draws))
    c0, c1, c2, c3 = np.broadcast_arrays(count >> np.uint64(2), key & low, at & low, at >> half)
    k0, k1 = key >> half, np.uint64(0)
    for _ in range(10):
        first, second = c0 * np.uint64(0xD2511F53), c2 * np.uint64(0xCD9E8D57)
        c0, c1 = (second >> half) ^ c1 ^ k0, second & low
        c2, c3 = (first >> half) ^ c3 ^ k1, first & low
        k0, k1 = (k0 + np.uint64(0x9E3779B9)) & low, (k1 + np.uint64(0xBB67AE85)) & low
    which = count & np.uint64(3)
    return np.choose(which.astype(np.int64), (c0, c1, c2, c3)).astype(np.float64)


def uniform(random_key: Real, stream: Real, draws: Real) -> Real:
    """Return number ``draws`` of a stream, uniform in (0, 1)."""
    return (_word_drawn(random_key, stream, draws) + 1.0) * (1.0 / 4294967297.0)


def _polar(random_key: Real, stream: Real, draws: Real) -> tuple[Real, Real, Real]:
    """Return x, squared radius and numbers used of Marsaglia's polar method."""
    x = square = used = np.asarray(draws) * 0.0
    done = np.not_equal(used, used)
    while not np.all(done):
        a = 2.0 * uniform(random_key, stream, draws + used) - 1.0
        b = 2.0 * uniform(random_key, stream, draws + used + 1.0) - 1.0
        x, square = where(done, x, a), where(done, square, a * a + b * b)
        used = where(done, used, used + 2.0)
        done = np.less_equal(square, 1.0)
    return x, square, used


def gaussian(random_key: Real, stream: Real, draws: Real) -> Real:
    """Return a standard normal number from the uniform ones that begin at ``draws``."""
    x, square, _ = _polar(random_key, stream, draws)
    return np.sqrt(-2.0 * np.log(square) / square) * x


def gaussian_draws(random_key: Real, stream: Real, draws: Real) -> Real:
    """Return how many uniform numbers ``gaussian`` uses there."""
    return _polar(random_key, stream, draws)[2]
