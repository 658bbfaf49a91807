"""Memory of events under way, against Python's lists: bins by window, heaps of self-events, spikes."""

from __future__ import annotations

import ctypes
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from neurosim.engine.build import load_module
from neurosim.engine.timing import MOST_STEPS
from neurosim.kernels import queue

Longs = NDArray[np.int64]

SOURCE = """
import numpy as np
from numba import njit
from neurosim.kernels import queue
from neurosim.kernels.access import index32, load_one, word

@njit(cache=True)
def put(m, b, g, key, entry, index, load):
    queue.put(word(m, queue.BINS) + 24 * (b * word(m, queue.GROUPS_N) + g), key, entry, index, load)

@njit(cache=True)
def take(m, b, g, first_half, halves, ends):
    queue.sort_bin(m, b, g, first_half, halves)
    for i in range(halves * queue.CLASSES):
        ends[i] = word(word(m, queue.ENDS), i)
    out = np.zeros((ends[-1], 3))
    for k in range(ends[-1]):
        at = word(m, queue.SORTED)
        out[k, 0], out[k, 1] = index32(at, 4 * k) >> queue.KEY_BITS, index32(at, 4 * k + 1)
        out[k, 2] = load_one(at, 2 * k + 1)
    return out

@njit(cache=True)
def sort_by_time(at, lo, hi):
    queue.sort_by_time(at, lo, hi)

@njit(cache=True)
def fire(m, time, source):
    queue.fire(m, time, source)

@njit(cache=True)
def sort_spikes(m, lo, hi):
    queue.sort_spikes(word(m, queue.SPIKES), lo, hi)

@njit(cache=True)
def push(m, g, time, since, flag, arg, entry, index, kind):
    queue.push(m, g, time, since, flag, arg, entry, index, kind)

@njit(cache=True)
def pop(m, g, out):
    at = queue.pop(m, g)
    out[0], out[1], out[2] = load_one(at, 0), load_one(at, 1), load_one(at, 2)
    out[3], out[4], out[5], out[6] = word(at, 4), index32(at, 10), index32(at, 11), word(at, 6)

@njit(cache=True)
def move(m, g, entry, index, time):
    return queue.move(m, g, entry, index, time)
"""
CODE = load_module("test_queue", SOURCE)
FREE = ctypes.CDLL(None).free
FREE.argtypes, FREE.restype = [ctypes.c_void_p], None


class Memory:
    """Words of a range with some bins and heaps; use with ``with``."""

    def __init__(self, bins: int = 1, groups: int = 1) -> None:
        self.words = np.zeros(queue.STATE_WORDS, np.int64)
        self.bins, self.heaps = np.zeros((bins * groups, 3), np.int64), np.zeros((groups, 3), np.int64)
        self.words[queue.GROUPS_N] = groups
        self.words[queue.BINS], self.words[queue.HEAPS] = self.bins.ctypes.data, self.heaps.ctypes.data
        self.m = self.words.ctypes.data

    def __enter__(self) -> Memory:
        return self

    def __exit__(self, *_: object) -> None:
        for at in queue.addresses(self.words, self.bins, self.heaps):
            FREE(at)

    def spikes(self) -> list[tuple[float, int]]:
        n = int(self.words[queue.SPIKES_N])
        if not n:
            return []
        raw = np.ctypeslib.as_array((ctypes.c_int64 * (2 * n)).from_address(int(self.words[queue.SPIKES])))
        both = raw.reshape(-1, 2).copy()
        return list(zip(both[:, 0].copy().view(np.float64).tolist(), both[:, 1].tolist(), strict=True))


# --- bins -------------------------------------------------------------------------------------------------------------

HALVES, GROUPS, BINS = 6, 3, 3

Event = tuple[int, int, int, int, int, int, float]
"""bin, half step, class, group, receiver, index, load."""

events = st.lists(
    st.tuples(
        st.integers(0, BINS - 1), st.integers(0, HALVES - 1), st.integers(0, queue.CLASSES - 1),
        st.integers(0, GROUPS - 1), st.integers(0, 9), st.integers(0, 99), st.floats(-9.0, 9.0),
    ),
    max_size=200,
)  # fmt: skip


def fill(memory: Memory, made: list[Event]) -> None:
    for b, half, kind, group, entry, index, load in made:
        CODE.put(memory.m, b, group, half * queue.CLASSES + kind, entry, index, load)


def taken(memory: Memory, b: int, first: int, halves: int) -> list[tuple[int, int, int, int, int, float]]:
    """Take out of a bin, group by group; return (group, half, class, entry, index, load) in the order found."""
    found = []
    for g in range(int(memory.words[queue.GROUPS_N])):
        ends = np.zeros(halves * queue.CLASSES, np.int64)
        out = CODE.take(memory.m, b, g, first, halves, ends)
        bucket = np.repeat(np.arange(len(ends)), np.diff(ends, prepend=0))
        found += [
            (g, int(i) // queue.CLASSES + first, int(i) % queue.CLASSES, int(e), int(k), float(x))
            for i, (e, k, x) in zip(bucket, out, strict=True)
        ]
    return found


def due(made: list[Event], b: int, first: int, last: int) -> list[tuple[int, int, int, int, int, float]]:
    """Return what must come out; sorted() keeps the order of equal keys."""
    mine = [(g, h, c, e, i, x) for bin_, h, c, g, e, i, x in made if bin_ == b and first <= h < last]
    return sorted(mine, key=lambda event: event[:3])


@settings(max_examples=200)
@given(events, st.lists(st.integers(1, HALVES - 1), max_size=3, unique=True))
def test_every_event_comes_out_once_in_order_of_half_step_class_and_arrival(made: list[Event], cuts: list[int]) -> None:
    with Memory(BINS, GROUPS) as memory:
        fill(memory, made)
        for b in range(BINS):
            for first, last in pairwise([0, *sorted(cuts), HALVES]):
                assert taken(memory, b, first, last - first) == due(made, b, first, last)
        assert not memory.bins[:, 2].any()


@given(events, events)
def test_events_that_come_while_others_wait_stand_after_them(before: list[Event], after: list[Event]) -> None:
    half_way = HALVES // 2
    later = [event for event in after if event[1] >= half_way]
    with Memory(BINS, GROUPS) as memory:
        fill(memory, before)
        for b in range(BINS):
            taken(memory, b, 0, half_way)
        assert memory.bins[:, 2].sum() == sum(event[1] >= half_way for event in before)
        fill(memory, later)
        for b in range(BINS):
            assert taken(memory, b, half_way, HALVES - half_way) == due([*before, *later], b, half_way, HALVES)


def test_keys_of_the_longest_window_and_large_numbers_fit() -> None:
    halves = 2 * MOST_STEPS
    assert halves * queue.CLASSES <= queue.KEYS
    event = (0, halves - 1, queue.CLASSES - 1, 0, 2**31 // queue.KEYS - 1, 2**31 - 1, 1.5)
    with Memory() as memory:
        fill(memory, [event])
        assert taken(memory, 0, 0, halves - 1) == []
        assert taken(memory, 0, halves - 1, 1) == [(0, *event[1:3], *event[4:])]


@given(st.lists(st.sampled_from([0.5, 1.0, 1.5, 2.0, np.inf]), max_size=30), st.integers(0, 5))
def test_events_of_a_half_step_are_sorted_by_time_and_equal_ones_stay(times: list[float], lo: int) -> None:
    lo = min(lo, len(times))
    table = np.zeros((len(times), 2), np.int64)
    table[:, 0] = np.arange(len(times))
    table[:, 1] = np.array(times, float).view(np.int64)
    CODE.sort_by_time(table.ctypes.data, lo, len(times))
    assert table[:, 0].tolist() == [*range(lo), *sorted(range(lo, len(times)), key=lambda k: times[k])]
    assert table[:, 1].copy().view(np.float64).tolist() == [times[k] for k in table[:, 0]]


# --- spikes -----------------------------------------------------------------------------------------------------------


@settings(max_examples=200)
@given(st.lists(st.tuples(st.sampled_from([0.025, 0.05, 1.0, 1e9]), st.integers(-5, 5)), max_size=200), st.data())
def test_spikes_are_sorted_by_time_and_source(spikes: list[tuple[float, int]], data: st.DataObject) -> None:
    lo = data.draw(st.integers(0, len(spikes)))
    with Memory() as memory:
        for time, source in spikes:
            CODE.fire(memory.m, time, source)
        assert memory.spikes() == spikes
        CODE.sort_spikes(memory.m, lo, len(spikes))
        assert memory.spikes() == spikes[:lo] + sorted(spikes[lo:])


# --- heaps ------------------------------------------------------------------------------------------------------------

Item = tuple[float, float, int, float, int, int, int, int]
"""time, since, serial number, flag, argument, entry, index, kind."""

TIMES = st.sampled_from([0.0, 0.5, 1.0, 1.5, 2.0, 7.0])
actions = st.lists(
    st.one_of(
        st.tuples(
            st.just("push"), st.integers(0, 1), TIMES, TIMES, st.integers(0, 2), st.integers(0, 2), st.booleans()
        ),
        st.tuples(st.just("pop"), st.integers(0, 1)),
        st.tuples(st.just("move"), st.integers(0, 1), st.integers(0, 2), st.integers(0, 2), TIMES),
    ),
    max_size=120,
)


@settings(max_examples=300)
@given(actions)
def test_heaps_do_what_sorted_lists_do(done: list[tuple[Any, ...]]) -> None:
    model: list[list[Item]] = [[], []]
    out = np.zeros(7)
    serial = 0

    def check_pop(memory: Memory, g: int) -> None:
        model[g].sort()
        CODE.pop(memory.m, g, out)
        time, since, _, *rest = model[g].pop(0)
        assert out.tolist() == [time, since, *rest]

    with Memory(groups=2) as memory:
        for what, g, *given_ in done:
            if what == "push":
                time, since, entry, index, own = given_
                kind = queue.SELF if own else queue.EXTERNAL
                CODE.push(memory.m, g, time, since, serial / 4, serial - 1, entry, index, kind)
                model[g].append((time, since, serial, serial / 4, serial - 1, entry, index, kind))
                serial += 1
            elif what == "pop" and model[g]:
                check_pop(memory, g)
            elif what == "move":
                entry, index, time = given_
                mine = [k for k, item in enumerate(model[g]) if item[5:] == (entry, index, queue.SELF)]
                assert CODE.move(memory.m, g, entry, index, time) == bool(mine)
                if mine:
                    newest = max(mine, key=lambda k: model[g][k][2])
                    model[g][newest] = (time, *model[g][newest][1:])
            assert memory.heaps[:, 2].tolist() == [len(model[0]), len(model[1])]
        for g in (0, 1):
            while model[g]:
                check_pop(memory, g)


def test_memory_grows_and_nothing_is_lost() -> None:
    rng = np.random.default_rng(1)
    times = rng.permutation(5000).astype(float)
    out = np.zeros(7)
    with Memory(groups=2) as memory:
        for k, time in enumerate(times.tolist()):
            CODE.push(memory.m, 0, time, 0.0, 0.0, k, 0, k, queue.SELF)
            CODE.fire(memory.m, time, k)
            CODE.put(memory.m, 0, k % 2, 0, 0, k, time)
        popped = []
        for _ in range(len(times)):
            CODE.pop(memory.m, 0, out)
            popped.append((out[0], int(out[3])))
        assert popped == sorted(zip(times.tolist(), range(len(times)), strict=True))
        assert memory.spikes() == list(zip(times.tolist(), range(len(times)), strict=True))
        assert sorted(x for *_, x in taken(memory, 0, 0, 1)) == sorted(times.tolist())
