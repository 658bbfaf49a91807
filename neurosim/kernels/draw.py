"""Draws of a network: which cells, which places, which numbers.

Every number is ``philox(low, high, key)``: ``key`` names what is drawn, ``high`` the cell whose stream it is, ``low``
the number in that stream. Nothing depends on how many cells are drawn at once. Not for the random numbers of a run,
which are in ``neurosim.kernels.random``.

symbol   meaning                                                          unit
m        size of the population that is drawn from                        1
own      position of the drawing cell itself in that population, or -1    1
stream   number of the drawing cell's stream                              1
"""

# mypy: disable-error-code="no-untyped-def,untyped-decorator"
from __future__ import annotations

import math

import numpy as np
from numba import njit

from neurosim.kernels.random import normal, philox

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_MOST_TRIES = 10_000
_TRY = np.uint64(40)  # a try of one number has its own counter: low + try * 2**40

NORMAL, LOGNORMAL, UNIFORM, EXPONENTIAL = 0, 1, 2, 3


@njit(error_model="numpy", cache=True)
def _word(low, high, key):
    return philox(np.uint64(low), np.uint64(high), np.uint64(key))[0]


@njit(error_model="numpy", cache=True)
def _unit(word):
    """Return a number between 0 and 1, both excluded."""
    return (np.float64(word >> np.uint64(12)) + 0.5) * (1.0 / 4503599627370496.0)


@njit(error_model="numpy", cache=True)
def _below(word, m):
    """Return a whole number from 0 to m - 1: the high part of word * m, m < 2**32."""
    size = np.uint64(m)
    return np.int64(((word >> _HALF) * size + ((word & _LOW) * size >> _HALF)) >> _HALF)


@njit(error_model="numpy", cache=True)
def units(key, high, low, out):
    """Draw numbers between 0 and 1: ``high``, ``low`` (n,) whole numbers, ``out`` float64 (n,)."""
    for i in range(len(out)):
        out[i] = _unit(_word(low[i], high[i], key))


@njit(error_model="numpy", cache=True)
def whole(key, high, first, m, out):
    """Draw ``out`` int64 (n,) from 0 to m - 1 with the counters from ``first`` on."""
    for i in range(len(out)):
        out[i] = _below(_word(first + i, high, key), m)


@njit(error_model="numpy", cache=True)
def with_repeats(key, streams, own, k, m, out):
    """Draw k of m for each cell, repeats allowed, itself not.

    Parameters
    ----------
    key : uint64
    streams, own : int32 (n,)
    k, m : int
    out : int32 (n k,)
    """
    for i in range(len(streams)):
        for j in range(k):
            word = _word(j, streams[i], key)
            if own[i] < 0:
                out[i * k + j] = _below(word, m)
            else:
                picked = _below(word, m - 1)
                out[i * k + j] = picked + (1 if picked >= own[i] else 0)


@njit(error_model="numpy", cache=True)
def without_repeats(key, streams, own, k, m, out):
    """Draw k different ones of m for each cell, itself not, sorted; arguments as ``with_repeats``.

    Floyd's method: Bentley and Floyd 1987, "A sample of brilliance", doi:10.1145/30401.315746.
    """
    taken = np.full(m, -1, np.int64)
    for i in range(len(streams)):
        size = m if own[i] < 0 else m - 1
        for j in range(k):
            last = size - k + j
            picked = _below(_word(j, streams[i], key), last + 1)
            if taken[picked] == i:
                picked = last
            taken[picked] = i
            out[i * k + j] = picked
        row = out[i * k : (i + 1) * k]
        row.sort()
        if own[i] >= 0:
            for j in range(k):
                if row[j] >= own[i]:
                    row[j] += 1


@njit(error_model="numpy", cache=True)
def _next(word, log_q):
    """Return how many are passed over before the next success: geometric, at most 2**40."""
    return np.int64(min(math.log(_unit(word)) / log_q, 1.0e12))


@njit(error_model="numpy", cache=True)
def bernoulli_counts(key, streams, own, p, m, counts):
    """Count, for each cell, the ones of m that are taken with probability p each, itself not; ``counts`` int64 (n,)."""
    log_q = math.log1p(-p)
    for i in range(len(streams)):
        at, draws, found = np.int64(-1), 0, 0
        while True:
            at += 1 + _next(_word(draws, streams[i], key), log_q)
            draws += 1
            if at >= m:
                break
            if at != own[i]:
                found += 1
        counts[i] = found


@njit(error_model="numpy", cache=True)
def bernoulli(key, streams, own, p, m, out):
    """Write what ``bernoulli_counts`` counted, cell after cell, to ``out`` int32 (sum of counts,)."""
    log_q = math.log1p(-p)
    row = 0
    for i in range(len(streams)):
        at, draws = np.int64(-1), 0
        while True:
            at += 1 + _next(_word(draws, streams[i], key), log_q)
            draws += 1
            if at >= m:
                break
            if at != own[i]:
                out[row] = at
                row += 1


@njit(error_model="numpy", cache=True)
def _value(kind, a, b, low, high, word_low, word_high, key):
    for attempt in range(_MOST_TRIES):
        counter = np.uint64(word_low) + (np.uint64(attempt) << _TRY)
        if kind == UNIFORM:
            value = a + (b - a) * _unit(_word(counter, word_high, key))
        elif kind == EXPONENTIAL:
            value = -a * math.log(_unit(_word(counter, word_high, key)))
        elif kind == LOGNORMAL:
            value = a * math.exp(b * normal(key, word_high, counter))
        else:
            value = a + b * normal(key, word_high, counter)
        if low <= value <= high:
            return value
    return math.nan


@njit(error_model="numpy", cache=True)
def values(kind, a, b, low, high, key, streams, numbers, out):
    """Draw from a distribution again and again until the value is within low to high; NaN after 10,000 tries.

    Parameters
    ----------
    kind : int
        NORMAL (mean a, standard deviation b), LOGNORMAL (median a, standard deviation b of the logarithm),
        UNIFORM (a to b), EXPONENTIAL (mean a).
    streams, numbers : int32 (n,)
    out : float64 (n,)
    """
    for i in range(len(out)):
        out[i] = _value(kind, a, b, low, high, numbers[i], streams[i], key)


@njit(error_model="numpy", cache=True)
def places(key, streams, numbers, tables, start, cumulative, nodes, out):
    """Draw a node for each row from its cell's table.

    Parameters
    ----------
    key : uint64
    streams, numbers, tables : int32 (n,)
        Stream and number of the draw; table of the row.
    start : int32 (tables + 1,)
        First entry of each table.
    cumulative : float64 (entries,)
        Running sum of the weights within each table.
    nodes : int32 (entries,)
    out : int32 (n,)
    """
    for i in range(len(out)):
        first, last = start[tables[i]], start[tables[i] + 1] - 1
        if first < last:
            aim = _unit(_word(numbers[i], streams[i], key)) * cumulative[last]
            while first < last:  # the first entry whose running sum is above the aim
                middle = (first + last) // 2
                if cumulative[middle] > aim:
                    last = middle
                else:
                    first = middle + 1
        out[i] = nodes[first]


@njit(error_model="numpy", cache=True)
def poisson_counts(key, streams, rate_per_ms, start_ms, stop_ms, counts):
    """Count the events of each Poisson process between start and stop; ``counts`` int64 (n,)."""
    for i in range(len(streams)):
        found = 0
        if rate_per_ms[i] > 0.0:
            t = start_ms
            while True:
                t -= math.log(_unit(_word(found, streams[i], key))) / rate_per_ms[i]
                if t >= stop_ms:
                    break
                found += 1
        counts[i] = found


@njit(error_model="numpy", cache=True)
def poisson(key, streams, rate_per_ms, start_ms, counts, out_ms):
    """Write the times of what ``poisson_counts`` counted, process after process, to ``out_ms`` float64 (sum,)."""
    row = 0
    for i in range(len(streams)):
        t = start_ms
        for j in range(counts[i]):
            t -= math.log(_unit(_word(j, streams[i], key))) / rate_per_ms[i]
            out_ms[row] = t
            row += 1


@njit(error_model="numpy", cache=True)
def by_group(group, groups_n, order):
    """Write to ``order`` int32 (n,) the rows sorted by ``group`` int32 (n,), rows of one group as they were."""
    at = np.zeros(groups_n + 1, np.int64)
    for g in group:
        at[g + 1] += 1
    for g in range(groups_n):
        at[g + 1] += at[g]
    for i in range(len(group)):
        order[at[group[i]]] = i
        at[group[i]] += 1
