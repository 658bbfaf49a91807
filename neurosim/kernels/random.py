"""Random numbers by counter: a value depends on (key, stream, step) and on nothing that ran before.

For noise currents: Philox-2x64 with ten rounds (Salmon, Moraes, Dror and Shaw 2011, "Parallel random numbers: as easy
as 1, 2, 3", SC11, doi:10.1145/2063384.2063405, multiplier and Weyl constant of table 2 there), then the Box-Muller
transform.

For mechanism code: Philox-4x32 with ten rounds, laid out as in NEURON's nrnran123, so that a stream of NEURON with the
same ids gives the same numbers to the bit. ``random_key``, ``stream`` and ``draws`` are whole numbers below 2**53 in
float64, scalars or lanes:

    counter = (draws // 4, key's low word, stream's low word, stream's high word), the draws % 4-th word of the result;
    key     = (key's high word, 0)

NEURON calls the stream's words id1 and id2, the key's low word id3, and its high word the global index.
"""

# mypy: disable-error-code="no-untyped-def,untyped-decorator,misc"
from __future__ import annotations

import math

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core.extending import intrinsic

from neurosim.kernels.access import word
from neurosim.kernels.simd import LANES, Vec, every, log, splat, sqrt, vec, where, widen, with_lane

__all__ = ["gaussian", "gaussian_draws", "standard_normal", "uniform"]

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


# ---- mechanism code

_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYLS = (0x9E3779B9, 0xBB67AE85)
_ROUNDS = 10
PER_WORD = 1.0 / 4294967297.0  # NEURON's factor: (word + 1)/(2**32 + 1) lies inside (0, 1)
ROUNDS_OF_POLAR = 64  # each ends with probability pi/4, so the last is reached once in 1e42


class _Words:
    """Philox-4x32 in LLVM's integers of 64 bits, one or eight at once."""

    def __init__(self, builder, ll) -> None:
        self.builder, self.ll = builder, ll

    def number(self, x):
        return ir.Constant(self.ll, [x] * LANES if isinstance(self.ll, ir.VectorType) else x)

    def low(self, x):
        return self.builder.and_(x, self.number(0xFFFFFFFF))

    def high(self, x):
        return self.builder.lshr(x, self.number(32))

    def philox(self, counter, key):
        """Return the four words for a counter of four words and a key of two."""
        b, (c0, c1, c2, c3), (k0, k1) = self.builder, counter, key
        for _ in range(_ROUNDS):
            first = b.mul(c0, self.number(_MULTIPLIERS[0]))
            second = b.mul(c2, self.number(_MULTIPLIERS[1]))
            c0, c1 = b.xor(b.xor(self.high(second), c1), k0), self.low(second)
            c2, c3 = b.xor(b.xor(self.high(first), c3), k1), self.low(first)
            k0 = self.low(b.add(k0, self.number(_WEYLS[0])))
            k1 = self.low(b.add(k1, self.number(_WEYLS[1])))
        return c0, c1, c2, c3


@intrinsic
def _word_drawn(typingctx, random_key, stream, draws):
    """Return the 32-bit word number ``draws`` of a stream, as float64 or lanes of it."""
    wide = any(isinstance(x, Vec) for x in (random_key, stream, draws))
    result = vec if wide else types.float64

    def codegen(context, builder, sig, args):
        i64 = ir.IntType(64)
        ll = ir.VectorType(i64, LANES) if wide else i64
        words = _Words(builder, ll)
        key, at, count = (
            builder.fptosi(widen(context, builder, a, t, result), ll) for a, t in zip(args, sig.args, strict=True)
        )
        counter = (builder.lshr(count, words.number(2)), words.low(key), words.low(at), words.high(at))
        made = words.philox(counter, (words.high(key), words.number(0)))
        which = builder.and_(count, words.number(3))
        out = made[3]
        for k in range(3):
            out = builder.select(builder.icmp_unsigned("==", which, words.number(k)), made[k], out)
        return builder.sitofp(out, context.get_value_type(result))

    return result(random_key, stream, draws), codegen


@njit(error_model="numpy", forceinline=True)
def uniform(random_key, stream, draws):
    """Return number ``draws`` of a stream, uniform in (0, 1); NEURON's nrnran123_dblpick."""
    return (_word_drawn(random_key, stream, draws) + 1.0) * PER_WORD


@njit(error_model="numpy", forceinline=True)
def _polar(random_key, stream, draws):
    """Return the first x, the squared radius and the numbers used of Marsaglia's polar method, lane by lane.

    Marsaglia and Bray 1964, "A convenient method for generating normal variables", doi:10.1137/1006063.
    """
    x = 2.0 * uniform(random_key, stream, draws) - 1.0
    y = 2.0 * uniform(random_key, stream, draws + 1.0) - 1.0
    square = x * x + y * y
    used = x * 0.0 + 2.0
    done = square <= 1.0
    for _ in range(ROUNDS_OF_POLAR):
        if every(done):
            break
        new_x = 2.0 * uniform(random_key, stream, draws + used) - 1.0
        new_y = 2.0 * uniform(random_key, stream, draws + used + 1.0) - 1.0
        x = where(done, x, new_x)
        square = where(done, square, new_x * new_x + new_y * new_y)
        used = where(done, used, used + 2.0)
        done = square <= 1.0
    return x, square, used


@njit(error_model="numpy", forceinline=True)
def gaussian(random_key, stream, draws):
    """Return a standard normal number from the uniform ones that begin at ``draws``; NEURON's nrnran123_normal."""
    x, square, _ = _polar(random_key, stream, draws)
    return sqrt(-2.0 * log(square) / square) * x


@njit(error_model="numpy", forceinline=True)
def gaussian_draws(random_key, stream, draws):
    """Return how many uniform numbers ``gaussian`` uses there: 2, 4, 6 and so on."""
    _, _, used = _polar(random_key, stream, draws)
    return used
