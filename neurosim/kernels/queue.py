"""Memory of events under way: bins of connections' events by window, heaps of self-events, spikes that were fired.

What one thread advances (a *range* of groups of blocks) has one table of int64 words, ``STATE_WORDS`` of them;
everything is found from its address, which is the first argument ``m`` of the functions here and in
``neurosim.kernels.events``. Memory that grows comes from C's ``realloc``; ``addresses`` tells what must be freed.

Half steps are counted from t = 0: number 2k + 1 is the middle of step k (from t_k to t_k+1), number 2k + 2 its end. An
event acts at the first half step whose accumulated time is not before its own.

=========  ========================================================================  ==========
record     members                                                                    bytes
=========  ========================================================================  ==========
event      int32 entry (row of the table of receivers) * KEYS + key (half step in      16
           its window * CLASSES + class); int32 index (place of the instance for
           sums, else number of the connection); float64 weight (sums) or time in ms
item       float64 time, since (when it was sent), flag; int64 order, argument;        56
           int32 entry, index; int64 kind
spike      float64 time; int64 source: a gid, or -1 - gid of one that only records     16
=========  ========================================================================  ==========

There is a bin for every group and window ahead, so that a group sorts its own few events when its turn comes.
"""

# mypy: disable-error-code="no-untyped-def,untyped-decorator"
from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurosim.kernels.access import (
    index32,
    load_one,
    reallocate,
    store_index32,
    store_one,
    store_word,
    word,
)

(
    SPIKES, SPIKES_N, SPIKES_ROOM, BINS, SORTED, SORTED_ROOM, ENDS, ENDS_ROOM, HEAPS, SERIAL,
    FIRST, ENTRY, INDEX, DELAY, ARGS, ARG,
    ENTRIES, ENTRIES_N, EFFECT_TABLE, SCRATCH, NO_ARGS, RING_SUMS, RING_HALVES, RING_PLACES,
    TIME, START, BIN, KEY, LAST, PER_MS, DT, AT_ONCE, GROUPS_N, SILENT, STATE_WORDS,
) = range(35)  # fmt: skip
"""Words of a range. Spikes; table of bins (address, room, count each, bin * groups + group); sorted events; ends of
their buckets; table of heaps (address, room, size each); serial number of items. Connections by source: first of each
gid (int64), receiver and place (int32), delay (float64 ms), arguments, first argument of each (int64; 0: one a
connection). Receivers, their effects, scratch memory for effects, zeros for missing arguments; ring of sums (trains,
then cells) by half step. The clock: accumulated time by half step (float64 ms), number of the first, bin and key of
each (int32), last index, half steps in a ms; step; whose spikes act within the step (int32 by gid; 0: nobody's); number
of groups; who fires no spikes (int32 by gid; 0: nobody)."""

TRAIN, LIVE, TRAIN_GENERAL, LIVE_GENERAL, CLASSES = range(5)
"""Class of an event within its half step: sums before the rest, and events of given trains before those of cells. In
this order results do not depend on where windows begin."""

KEY_BITS = 12
KEYS = 1 << KEY_BITS
"""Keys of a window, at least half steps * CLASSES."""

SELF, EXTERNAL, SPIKE = range(3)
"""Kind of an item: event of an instance to itself, event of a connection, spike (its argument is the source)."""

_ITEM = 7


def addresses(state: NDArray[np.int64], bins: NDArray[np.int64], heaps: NDArray[np.int64]) -> list[int]:
    """Return what ``realloc`` gave for a range with these tables."""
    own = [int(state[k]) for k in (SPIKES, SORTED, ENDS)]
    return [a for a in (*own, *bins[:, 0].tolist(), *heaps[:, 0].tolist()) if a]


@njit(error_model="numpy")
def fire(m, time, source):
    """Add a spike, unless its cell is silenced."""
    if word(m, SILENT) != 0 and index32(word(m, SILENT), source if source >= 0 else -1 - source) != 0:
        return
    n = word(m, SPIKES_N)
    if n == word(m, SPIKES_ROOM):
        room = max(64, 2 * n)
        store_word(m, SPIKES, reallocate(word(m, SPIKES), 16 * room))
        store_word(m, SPIKES_ROOM, room)
    at = word(m, SPIKES)
    store_one(at, 2 * n, time)
    store_word(at, 2 * n + 1, source)
    store_word(m, SPIKES_N, n + 1)


@njit(error_model="numpy")
def wider_bin(row):
    """Give a bin more room; return its address."""
    room = max(8, 2 * word(row, 1))
    at = reallocate(word(row, 0), 16 * room)
    store_word(row, 0, at)
    store_word(row, 1, room)
    return at


@njit(forceinline=True, error_model="numpy")
def put(row, key, entry, index, load):
    """Add an event to the bin whose words are at ``row``."""
    n, at = word(row, 2), word(row, 0)
    if n == word(row, 1):
        at = wider_bin(row)
    store_word(at, 2 * n, (index << 32) | (entry * KEYS + key))
    store_one(at, 2 * n + 1, load)
    store_word(row, 2, n + 1)


@njit(error_model="numpy")
def _room_to_sort(m, buckets, events):
    if word(m, ENDS_ROOM) < buckets + 1:
        store_word(m, ENDS, reallocate(word(m, ENDS), 8 * (buckets + 1)))
        store_word(m, ENDS_ROOM, buckets + 1)
    if word(m, SORTED_ROOM) < events:
        store_word(m, SORTED, reallocate(word(m, SORTED), 32 * events))
        store_word(m, SORTED_ROOM, 2 * events)


@njit(error_model="numpy")
def sort_bin(m, b, g, first_half, halves):
    """Take group ``g``'s events of ``halves`` half steps from ``first_half`` on out of bin ``b``, sorted.

    ``ends[i]`` becomes the end of bucket i = half step * CLASSES + class. Within a bucket events keep the order in
    which they came.
    """
    row, span, low = word(m, BINS) + 24 * (b * word(m, GROUPS_N) + g), halves * CLASSES, first_half * CLASSES
    at, n = word(row, 0), word(row, 2)
    _room_to_sort(m, span, n)
    ends, out = word(m, ENDS), word(m, SORTED)
    for i in range(span + 1):
        store_word(ends, i, 0)
    if n == 0:
        return
    for k in range(n):
        rel = (index32(at, 4 * k) & (KEYS - 1)) - low
        if rel < span:
            store_word(ends, rel + 1, word(ends, rel + 1) + 1)
    for i in range(span):
        store_word(ends, i + 1, word(ends, i + 1) + word(ends, i))
    kept = 0
    for k in range(n):
        rel = (index32(at, 4 * k) & (KEYS - 1)) - low
        if rel < span:
            to = word(ends, rel)
            store_word(ends, rel, to + 1)
            store_word(out, 2 * to, word(at, 2 * k))
            store_word(out, 2 * to + 1, word(at, 2 * k + 1))
        else:
            store_word(at, 2 * kept, word(at, 2 * k))
            store_word(at, 2 * kept + 1, word(at, 2 * k + 1))
            kept += 1
    store_word(row, 2, kept)


@njit(error_model="numpy")
def sort_by_time(out, lo, hi):
    """Sort the sorted events from ``lo`` to ``hi`` by time, keeping the order of equal ones (few: by insertion)."""
    for k in range(lo + 1, hi):
        time, what = load_one(out, 2 * k + 1), word(out, 2 * k)
        at = k
        while at > lo and load_one(out, 2 * at - 1) > time:
            store_one(out, 2 * at + 1, load_one(out, 2 * at - 1))
            store_word(out, 2 * at, word(out, 2 * at - 2))
            at -= 1
        store_one(out, 2 * at + 1, time)
        store_word(out, 2 * at, what)


@njit(error_model="numpy")
def sort_spikes(at, lo, hi):
    """Sort the spikes ``lo`` to ``hi`` at address ``at`` by time, then by source (Shell's sort)."""
    gap = (hi - lo) // 2
    while gap > 0:
        for k in range(lo + gap, hi):
            time, source, to = load_one(at, 2 * k), word(at, 2 * k + 1), k
            while to - gap >= lo:
                before, other = load_one(at, 2 * (to - gap)), word(at, 2 * (to - gap) + 1)
                if before < time or (before == time and other <= source):
                    break
                store_one(at, 2 * to, before)
                store_word(at, 2 * to + 1, other)
                to -= gap
            store_one(at, 2 * to, time)
            store_word(at, 2 * to + 1, source)
        gap //= 2


# --- heaps ----------------------------------------------------------------------------------------------------------


@njit(error_model="numpy")
def _before(at, a, b):
    if load_one(at, _ITEM * a) != load_one(at, _ITEM * b):
        return load_one(at, _ITEM * a) < load_one(at, _ITEM * b)
    if load_one(at, _ITEM * a + 1) != load_one(at, _ITEM * b + 1):
        return load_one(at, _ITEM * a + 1) < load_one(at, _ITEM * b + 1)
    return word(at, _ITEM * a + 3) < word(at, _ITEM * b + 3)


@njit(error_model="numpy")
def _swap(at, a, b):
    for k in range(_ITEM):
        x, y = word(at, _ITEM * a + k), word(at, _ITEM * b + k)
        store_word(at, _ITEM * a + k, y)
        store_word(at, _ITEM * b + k, x)


@njit(error_model="numpy")
def _rise(at, k):
    while k > 0:
        above = (k - 1) // 2
        if not _before(at, k, above):
            break
        _swap(at, k, above)
        k = above


@njit(error_model="numpy")
def _sink(at, k, n):
    while True:
        child = 2 * k + 1
        if child >= n:
            break
        if child + 1 < n and _before(at, child + 1, child):
            child += 1
        if not _before(at, child, k):
            break
        _swap(at, child, k)
        k = child


@njit(error_model="numpy")
def push(m, g, time, since, flag, arg, entry, index, kind):
    """Add an item to the heap of group ``g``."""
    table = word(m, HEAPS)
    at, n = word(table, 3 * g), word(table, 3 * g + 2)
    if n == word(table, 3 * g + 1):
        room = max(8, 2 * n)
        at = reallocate(at, 8 * _ITEM * room)
        store_word(table, 3 * g, at)
        store_word(table, 3 * g + 1, room)
    store_one(at, _ITEM * n, time)
    store_one(at, _ITEM * n + 1, since)
    store_one(at, _ITEM * n + 2, flag)
    store_word(at, _ITEM * n + 3, word(m, SERIAL))
    store_word(at, _ITEM * n + 4, arg)
    store_index32(at, 2 * (_ITEM * n + 5), entry)
    store_index32(at, 2 * (_ITEM * n + 5) + 1, index)
    store_word(at, _ITEM * n + 6, kind)
    store_word(m, SERIAL, word(m, SERIAL) + 1)
    store_word(table, 3 * g + 2, n + 1)
    _rise(at, n)


@njit(error_model="numpy")
def pop(m, g):
    """Take the first item of group ``g``; return the address where it stands until the next ``push``."""
    table = word(m, HEAPS)
    at, n = word(table, 3 * g), word(table, 3 * g + 2) - 1
    _swap(at, 0, n)
    store_word(table, 3 * g + 2, n)
    _sink(at, 0, n)
    return at + 8 * _ITEM * n


@njit(error_model="numpy")
def move(m, g, entry, index, time):
    """Give the newest self-event of an instance another time; return whether there was one."""
    table = word(m, HEAPS)
    at, n, found = word(table, 3 * g), word(table, 3 * g + 2), -1
    for k in range(n):
        own = index32(at, 2 * (_ITEM * k + 5)) == entry and index32(at, 2 * (_ITEM * k + 5) + 1) == index
        newer = found < 0 or word(at, _ITEM * k + 3) > word(at, _ITEM * found + 3)
        if own and newer and word(at, _ITEM * k + 6) == SELF:
            found = k
    if found < 0:
        return False
    store_one(at, _ITEM * found, time)
    _rise(at, found)
    _sink(at, found, n)
    return True
