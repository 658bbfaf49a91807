"""The dialect of generated programs for one thread of a GPU, in float64 and in float32, on Numba's CUDA target.

Functions are inlined into the kernel that uses them and compile without a driver. ``mul`` is a product that the
compiler must not join with a sum to another ``fma``, which NVVM does by default: results would depend on its taste.
``neurosim.engine.cuda`` writes the kernels and replaces ``*`` by ``mul``.

Functions with numbers in them exist once a precision, as ``exp_float64`` and ``exp_float32``: one float64 literal in a
float32 kernel costs a float64 operation, which many GPUs do at a 32nd or 64th of the speed. CUDA's own float32 sin,
cos and tan compute in float64 where arguments are large, so these are ours: reduction by pi/2 in three parts and
polynomials fitted on [-pi/4, pi/4].

``exp`` clips as NMODL does: in float64 at 700, with 0 below -700; in float32 at 80, with
as much room before infinity, and it ends in 0 below -104.
Random numbers in float32 have 23 bits, and streams and counts below 2**24.

Addresses are arrays here: ``lookup`` takes the table flat, row after row, in the build's precision.

With ``NUMBA_ENABLE_CUDASIM=1`` functions run as Python on NumPy scalars; those that are one instruction or one call of
libdevice come from ``neurosim.kernels.plain`` then. Needs the extra ``cuda-check``; nothing else imports this module.
"""

# mypy: disable-error-code="no-untyped-def,untyped-decorator,misc,no-redef,assignment,attr-defined"
from __future__ import annotations

from numba import config, cuda
from numpy import float32, float64, uint64

__all__ = [
    "acos",
    "asin",
    "atan",
    "atan2",
    "both",
    "ceil_float32",
    "ceil_float64",
    "cos_float32",
    "cos_float64",
    "cosh",
    "either",
    "every",
    "exp_float32",
    "exp_float64",
    "fabs",
    "float32",
    "float64",
    "floor_float32",
    "floor_float64",
    "fma_float32",
    "fma_float64",
    "fmod_",
    "gaussian_draws_float32",
    "gaussian_draws_float64",
    "gaussian_float32",
    "gaussian_float64",
    "log",
    "log10",
    "lookup_float32",
    "lookup_float64",
    "maximum",
    "minimum",
    "negate",
    "no_lane",
    "pow_",
    "sin_float32",
    "sin_float64",
    "sinh",
    "sqrt",
    "tan_float32",
    "tan_float64",
    "tanh",
    "uniform_float32",
    "uniform_float64",
    "where",
]

device = cuda.jit(device=True, inline="always")

if config.ENABLE_CUDASIM:
    from operator import mul as mul_float32
    from operator import mul as mul_float64

    from numpy import exp as _exp

    from neurosim.kernels.plain import (
        acos,
        asin,
        atan,
        atan2,
        cosh,
        fabs,
        fmod_,
        log,
        log10,
        pow_,
        sinh,
        sqrt,
        tanh,
    )
    from neurosim.kernels.plain import ceil as ceil_float32
    from neurosim.kernels.plain import ceil as ceil_float64
    from neurosim.kernels.plain import cos as cos_float64
    from neurosim.kernels.plain import floor as floor_float32
    from neurosim.kernels.plain import floor as floor_float64
    from neurosim.kernels.plain import fma as fma_float32
    from neurosim.kernels.plain import fma as fma_float64
    from neurosim.kernels.plain import sin as sin_float64
    from neurosim.kernels.plain import tan as tan_float64
else:
    from math import acos, asin, atan, atan2, cosh, fabs, log, log10, sinh, sqrt, tanh
    from math import cos as cos_float64
    from math import exp as _exp
    from math import fmod as fmod_
    from math import pow as pow_
    from math import sin as sin_float64
    from math import tan as tan_float64

    from numba.cuda.libdevice import ceil as ceil_float64
    from numba.cuda.libdevice import ceilf as ceil_float32
    from numba.cuda.libdevice import dmul_rn as mul_float64
    from numba.cuda.libdevice import floor as floor_float64
    from numba.cuda.libdevice import floorf as floor_float32
    from numba.cuda.libdevice import fma_rn as fma_float64
    from numba.cuda.libdevice import fmaf_rn as fma_float32
    from numba.cuda.libdevice import fmul_rn as mul_float32


@device
def thread():
    """Return this thread's number in the grid, unsigned: such an index is never counted from the end."""
    return uint64(cuda.grid(1))


@device
def where(mask, a, b):
    """Return a where the mask holds, else b; both have been computed."""
    return a if mask else b


@device
def both(m, n):
    """Return m and n."""
    return m & n


@device
def either(m, n):
    """Return m or n."""
    return m | n


@device
def negate(m):
    """Return not m."""
    return not m


@device
def every(m):
    """Return m: a thread is one lane."""
    return m


@device
def no_lane(x):
    """Return a mask that holds nowhere."""
    return False


@device
def minimum(x, y):
    """Return the smaller; a NaN in x stays, a NaN in y is dropped."""
    return y if y < x else x


@device
def maximum(x, y):
    """Return the larger; a NaN in x stays, a NaN in y is dropped."""
    return y if y > x else x


@device
def exp_float64(x):
    """Return e**x; 0 below -700 and exp(700) above 700. NaN gives NaN."""
    e = _exp(float64(700.0) if x > float64(700.0) else x)
    return float64(0.0) if x < float64(-700.0) else e


@device
def exp_float32(x):
    """Return e**x; exp(80) above 80. NaN gives NaN."""
    return _exp(float32(80.0) if x > float32(80.0) else x)


@device
def _quarter_turns(x):
    """Return the multiple of pi/2 nearest to x, as a number of quarter turns."""
    return floor_float32(fma_float32(x, float32(0.6366197723675814), float32(0.5)))


@device
def _within_quarter(x, turns):
    """Return x less so many quarter turns, for |x| < 1e5."""
    r = fma_float32(-turns, float32(1.5707963705062866), x)
    r = fma_float32(-turns, float32(-4.371138828673793e-08), r)
    return fma_float32(-turns, float32(-1.7151245100058819e-15), r)


@device
def _sine(r):
    """Return sin(r) for |r| <= pi/4."""
    s = mul_float32(r, r)
    p = fma_float32(s, float32(2.7254711767454864e-06), float32(-0.00019840137974824756))
    p = fma_float32(fma_float32(p, s, float32(0.008333331905305386)), s, float32(-0.1666666716337204))
    return fma_float32(mul_float32(p, s), r, r)


@device
def _cosine(r):
    """Return cos(r) for |r| <= pi/4."""
    s = mul_float32(r, r)
    p = fma_float32(
        fma_float32(s, float32(2.454804052831605e-05), float32(-0.001388830365613103)), s, float32(0.0416666641831398)
    )
    return fma_float32(mul_float32(s, s), p, fma_float32(s, float32(-0.5), float32(1.0)))


@device
def _turned(sine, cosine, turns):
    """Return the sine of an angle so many quarter turns on, from the sine and cosine of the angle."""
    half = mul_float32(turns, float32(0.5))
    size = cosine if floor_float32(half) != half else sine
    quarter = mul_float32(half, float32(0.5))
    return -size if quarter - floor_float32(quarter) >= float32(0.5) else size


@device
def sin_float32(x):
    """Return sin(x)."""
    turns = _quarter_turns(x)
    r = _within_quarter(x, turns)
    return _turned(_sine(r), _cosine(r), turns)


@device
def cos_float32(x):
    """Return cos(x)."""
    turns = _quarter_turns(x)
    r = _within_quarter(x, turns)
    return _turned(_sine(r), _cosine(r), turns + float32(1.0))


@device
def tan_float32(x):
    """Return tan(x)."""
    turns = _quarter_turns(x)
    r = _within_quarter(x, turns)
    return _turned(_sine(r), _cosine(r), turns) / _turned(_sine(r), _cosine(r), turns + float32(1.0))


@device
def lookup_float64(table, column, columns, x, low, per_step, count):
    """Interpolate column ``column`` of a table of ``count + 1`` rows at x, clamped at both ends; NaN gives NaN."""
    xi = mul_float64(x - low, per_step)
    at = maximum(float64(0.0), minimum(float64(count - 1), floor_float64(xi)))
    k = uint64(at) * uint64(columns) + uint64(column)
    here, after = table[k], table[k + uint64(columns)]
    between = here + mul_float64(xi - at, after - here)
    return here if xi <= float64(0.0) else (after if xi >= float64(count) else between)


@device
def lookup_float32(table, column, columns, x, low, per_step, count):
    """Interpolate column ``column`` of a table of ``count + 1`` rows at x, clamped at both ends; NaN gives NaN."""
    xi = mul_float32(x - low, per_step)
    at = maximum(float32(0.0), minimum(float32(count - 1), floor_float32(xi)))
    k = uint64(at) * uint64(columns) + uint64(column)
    here, after = table[k], table[k + uint64(columns)]
    between = here + mul_float32(xi - at, after - here)
    return here if xi <= float32(0.0) else (after if xi >= float32(count) else between)


@device
def _word_drawn(random_key, stream, draws):
    """Return the 32-bit word number ``draws`` of a stream by Philox-4x32-10; see ``neurosim.kernels.random``."""
    low, half = uint64(0xFFFFFFFF), uint64(32)
    key, at, count = uint64(random_key), uint64(stream), uint64(draws)
    c0, c1, c2, c3 = count >> uint64(2), key & low, at & low, at >> half
    k0, k1 = key >> half, uint64(0)
    for _ in range(10):
        first, second = c0 * uint64(0xD2511F53), c2 * uint64(0xCD9E8D57)
        c0, c1 = (second >> half) ^ c1 ^ k0, second & low
        c2, c3 = (first >> half) ^ c3 ^ k1, first & low
        k0, k1 = (k0 + uint64(0x9E3779B9)) & low, (k1 + uint64(0xBB67AE85)) & low
    which = count & uint64(3)
    early = c1 if which == uint64(1) else c0
    return early if which < uint64(2) else (c2 if which == uint64(2) else c3)


@device
def uniform_float64(random_key, stream, draws):
    """Return number ``draws`` of a stream, uniform in (0, 1)."""
    return mul_float64(float64(_word_drawn(random_key, stream, draws)) + float64(1.0), float64(1.0 / 4294967297.0))


@device
def uniform_float32(random_key, stream, draws):
    """Return number ``draws`` of a stream, uniform in (0, 1), of its upper 23 bits."""
    word = float32(_word_drawn(random_key, stream, draws) >> uint64(9))
    return mul_float32(word + float32(0.5), float32(1.0 / 8388608.0))


@device
def _polar_float64(random_key, stream, draws):
    """Return x, squared radius and numbers used of Marsaglia's polar method."""
    x, square, used = float64(0.0), float64(2.0), float64(0.0)
    while square > float64(1.0):
        x = mul_float64(float64(2.0), uniform_float64(random_key, stream, draws + used)) - float64(1.0)
        used += float64(1.0)
        y = mul_float64(float64(2.0), uniform_float64(random_key, stream, draws + used)) - float64(1.0)
        used += float64(1.0)
        square = mul_float64(x, x) + mul_float64(y, y)
    return x, square, used


@device
def gaussian_float64(random_key, stream, draws):
    """Return a standard normal number from the uniform ones that begin at ``draws``."""
    x, square, _ = _polar_float64(random_key, stream, draws)
    return mul_float64(sqrt(mul_float64(float64(-2.0), log(square)) / square), x)


@device
def gaussian_draws_float64(random_key, stream, draws):
    """Return how many uniform numbers ``gaussian`` uses there."""
    _, _, used = _polar_float64(random_key, stream, draws)
    return used


@device
def _polar_float32(random_key, stream, draws):
    """Return x, squared radius and numbers used of Marsaglia's polar method."""
    x, square, used = float32(0.0), float32(2.0), float32(0.0)
    while square > float32(1.0):
        x = mul_float32(float32(2.0), uniform_float32(random_key, stream, draws + used)) - float32(1.0)
        used += float32(1.0)
        y = mul_float32(float32(2.0), uniform_float32(random_key, stream, draws + used)) - float32(1.0)
        used += float32(1.0)
        square = mul_float32(x, x) + mul_float32(y, y)
    return x, square, used


@device
def gaussian_float32(random_key, stream, draws):
    """Return a standard normal number from the uniform ones that begin at ``draws``."""
    x, square, _ = _polar_float32(random_key, stream, draws)
    return mul_float32(sqrt(mul_float32(float32(-2.0), log(square)) / square), x)


@device
def gaussian_draws_float32(random_key, stream, draws):
    """Return how many uniform numbers ``gaussian`` uses there."""
    _, _, used = _polar_float32(random_key, stream, draws)
    return used
