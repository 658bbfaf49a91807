"""Windows of steps for given delays, and the clock of half steps, against literal loops."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import neurosim as ns
from neurosim.engine.build import load_module
from neurosim.engine.layout import AnyCell
from neurosim.engine.request import Request
from neurosim.engine.timing import MOST_RING_HALVES, MOST_STEPS, Timing, timing_of
from neurosim.exchange import SerialExchange
from neurosim.kernels import queue
from neurosim.mechanisms import library
from neurosim.model.connections import Connections

DT = 0.025
CELL, POINT, TRAIN = range(3)

SOURCE = """
from numba import njit
from neurosim.kernels.events import due_half as _due_half

@njit(cache=True)
def due_half(m, time, lowest):
    return _due_half(m, time, lowest)
"""
CODE = load_module("test_timing", SOURCE)


def timing(rows: Sequence[tuple[int, float]], *, dt_ms: float = DT, exchange: SerialExchange | None = None) -> Timing:
    """Return the windows of rows (kind of the source, delay in ms) onto a cell (from points also onto a point)."""
    cell = ns.Cell.cylinder(10.0, 10.0).record
    cells: list[AnyCell] = [cell, ns.PointCell(library.get("IntFire1")), ns.SpikeTrain([1.0])]
    column = np.array([kind for kind, _ in rows], np.int32)
    zero = np.zeros(len(rows), np.int32)
    delays = np.array([d for _, d in rows])
    table = Connections(library.get("ExpSyn"), column, zero, zero, np.ones(len(rows)), delays)
    request = Request(
        cells=cells, points=(), gates=(), probes=(), dt_ms=dt_ms, celsius_degC=6.3, v_init_mV=-65.0, connections=[table]
    )
    return timing_of(request, exchange or SerialExchange())


@pytest.mark.parametrize(
    ("rows", "window", "immediate"),
    [
        # A branching cell's spike is 1e-10 ms behind a step's end: with no delay at all it acts in the next step.
        ([(CELL, 0.0)], 1, False),
        ([(CELL, 0.3 * DT)], 1, False),
        ([(CELL, DT)], 2, False),
        ([(CELL, 1.5 * DT)], 2, False),
        ([(CELL, 40 * DT)], 41, False),
        # A point cell may fire anywhere in a step.
        ([(POINT, 0.0)], 1, True),
        ([(POINT, 0.99 * DT)], 1, True),
        ([(POINT, DT)], 1, False),
        ([(POINT, 1.5 * DT)], 1, False),
        ([(POINT, 2 * DT)], 2, False),
        ([(POINT, 40 * DT)], 40, False),
        # Known beforehand.
        ([(TRAIN, 0.0)], MOST_STEPS, False),
        ([(TRAIN, 0.0), (CELL, 1.0)], 41, False),
        ([(CELL, 1.0), (POINT, 0.5)], 20, False),
        ([(CELL, 0.0), (POINT, 5.0)], 1, False),
        ([(CELL, 500.0)], MOST_STEPS, False),
        ([], MOST_STEPS, False),
    ],
)
def test_windows_are_as_long_as_delays_allow(rows: list[tuple[int, float]], window: int, immediate: bool) -> None:
    found = timing(rows)
    assert (found.window, found.immediate) == (window, immediate)


@given(st.integers(1, 300), st.sampled_from([0.025, 0.1, 0.01, 1 / 3]), st.sampled_from([CELL, POINT]))
def test_a_delay_of_whole_steps_in_decimals_counts_as_whole(steps: int, dt_ms: float, kind: int) -> None:
    for delay in (steps * dt_ms, float(f"{steps * dt_ms:.12g}")):
        assert timing([(kind, delay)], dt_ms=dt_ms).window == (steps + 1 if kind == CELL else steps)


@given(st.lists(st.tuples(st.sampled_from([CELL, POINT, TRAIN]), st.floats(0.0, 20.0)), min_size=1, max_size=5))
def test_no_event_can_be_due_in_the_window_of_its_spike(rows: list[tuple[int, float]]) -> None:
    found = timing(rows)
    end = found.window * DT
    for kind, delay in rows:
        if kind == CELL:
            # The first spike of a window is at the end of its first step.
            assert DT + 1e-10 + delay > end
        elif kind == POINT and not found.immediate:
            assert delay >= end - 1e-9 * DT
    assert found.longest * DT >= max(d for _, d in rows)


class Others(SerialExchange):
    """Processes that have smaller numbers."""

    def __init__(self, least: float) -> None:
        self.least = least

    def smallest(self, value: float) -> float:
        return min(value, self.least)


def test_all_processes_use_the_shortest_window_and_the_longest_delay() -> None:
    assert timing([(CELL, 1.0)], exchange=Others(7.0)).window == 7
    assert timing([(CELL, 1.0)], exchange=Others(-300.0)).longest == 300


@given(st.integers(0, 2000), st.integers(1, MOST_STEPS))
def test_rings_are_powers_of_two_that_hold_the_longest_delay(longest: int, window: int) -> None:
    found = Timing(DT, window, longest, immediate=False)
    assert found.ring_halves & (found.ring_halves - 1) == 0
    # A spike made at the beginning of a window may be of its last window and late by the longest delay.
    assert found.ring_halves >= 2 * (longest + window + 1) + 1
    assert found.rings == (found.ring_halves <= MOST_RING_HALVES)


# --- clock ------------------------------------------------------------------------------------------------------------

TIMINGS = [Timing(DT, 1, 0, False), Timing(DT, 1, 400, True), Timing(0.1, 41, 43, False), Timing(DT, 400, 13, False)]


@pytest.mark.parametrize("timing_", TIMINGS, ids=str)
def test_time_is_accumulated_in_half_steps_whatever_the_pieces(timing_: Timing) -> None:
    literal = [0.0]
    for _ in range(4000):
        literal.append(literal[-1] + 0.5 * timing_.dt_ms)
    step, t_ms = 0, 0.0
    for steps in (1, 2, 37, 400, 1, 859):
        clock = timing_.clock(step, t_ms, steps)
        assert clock.start == 2 * step
        n = min(len(clock.time_ms), len(literal) - 2 * step)
        assert clock.time_ms[:n].tolist() == literal[2 * step : 2 * step + n]
        step, t_ms = step + steps, float(clock.time_ms[2 * steps])


@pytest.mark.parametrize("timing_", TIMINGS, ids=str)
@pytest.mark.parametrize("step", [0, 1, 40, 41, 123456])
def test_bins_and_keys_are_those_of_the_window_of_each_half_step(timing_: Timing, step: int) -> None:
    clock = timing_.clock(step, step * timing_.dt_ms, 50)
    for h in range(1, len(clock.time_ms)):
        # Half steps 2 k + 1 and 2 k + 2 are those of step k.
        of_step = (clock.start + h - 1) // 2
        window, in_window = divmod(of_step, timing_.window)
        half = 2 * in_window + (clock.start + h - 1) % 2
        assert clock.bin[h] == window % timing_.bins
        assert clock.key[h] == half * queue.CLASSES
        assert 0 <= clock.key[h] < 2 * timing_.window * queue.CLASSES


@pytest.mark.parametrize("timing_", TIMINGS, ids=str)
def test_bins_hold_all_that_may_be_under_way(timing_: Timing) -> None:
    # From the first step of a window to that of the latest event made in it: no two windows share a bin.
    latest = timing_.window - 1 + timing_.longest + 1
    assert latest // timing_.window < timing_.bins
    for step in (0, 3 * timing_.window):
        for steps in (1, timing_.window):
            clock = timing_.clock(step, 0.0, steps)
            # The latest spike of the run's end (a cell's, at the end of its last step) finds its half step.
            assert len(clock.time_ms) - 1 >= 2 * (steps + timing_.longest + 1)


def words_of(timing_: Timing, step: int, t_ms: float, steps: int) -> tuple[int, NDArray[np.float64], list[object]]:
    clock = timing_.clock(step, t_ms, steps)
    words = np.zeros(queue.STATE_WORDS, np.int64)
    words[queue.TIME], words[queue.LAST] = clock.time_ms.ctypes.data, len(clock.time_ms) - 1
    words.view(np.float64)[queue.PER_MS] = clock.per_ms
    return words.ctypes.data, clock.time_ms, [clock, words]


@pytest.mark.parametrize("timing_", TIMINGS, ids=str)
@pytest.mark.parametrize("step", [0, 999_999])
def test_an_event_is_due_at_the_first_half_step_not_before_its_time(timing_: Timing, step: int) -> None:
    t_ms = 0.0
    if step:
        t_ms = float(np.add.accumulate(np.full(2 * step, 0.5 * timing_.dt_ms))[-1])
    m, times, _held = words_of(timing_, step, t_ms, 30)
    rng = np.random.default_rng(3)
    near = [math.nextafter(t, side) for t in times.tolist() for side in (-math.inf, math.inf)]
    near += [t + d for t in times.tolist() for d in (-1e-10, 1e-10)]
    asked = [*times.tolist(), *near, *rng.uniform(times[0], times[-1], 200).tolist(), times[0] - 1.0]
    for time in asked:
        for lowest in (1, 5):
            expected = next((h for h in range(lowest, len(times)) if times[h] >= time), len(times) - 1)
            assert CODE.due_half(m, time, lowest) == max(expected, lowest), (time, lowest)
