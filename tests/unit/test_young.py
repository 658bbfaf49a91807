"""How often to write checkpoints. Kind of evidence: analytic."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.errors import SimulationError
from neurosim.exchange import Exchange
from neurosim.hpc.crowd import crowd, together
from neurosim.hpc.young import DAY_S, FIRST_S, Pace, interval_ms, interval_s, lost_frac


def test_a_minute_a_day_gives_54_minutes() -> None:
    assert interval_s(60.0, DAY_S) / 60.0 == pytest.approx(53.67, abs=0.01)


def test_the_interval_loses_least() -> None:
    best = interval_s(5.0, 7200.0)
    others = best * np.array([0.5, 0.9, 1.1, 2.0])
    assert all(lost_frac(best, 5.0, 7200.0) < lost_frac(other, 5.0, 7200.0) for other in others)


def test_simulated_time_follows_speed_and_writing_takes_no_more_than_half() -> None:
    assert interval_ms(2.0, 0.5) == pytest.approx(interval_s(2.0) / 0.5)
    assert interval_s(100.0, 10.0) == 100.0


@pytest.mark.parametrize("wrong", [0.0, -1.0, float("nan"), float("inf")])
def test_times_that_are_none_are_refused(wrong: float) -> None:
    with pytest.raises(SimulationError, match="write_s"):
        interval_s(wrong)
    with pytest.raises(SimulationError, match="wall_s_per_ms"):
        interval_ms(1.0, wrong)


def test_the_pace_is_that_of_the_first_process_and_follows_what_one_took() -> None:
    def work(exchange: Exchange) -> list[bool]:
        # The other clock is far ahead.
        now = [1e6 * exchange.rank]
        pace, seen = Pace(exchange, 7200.0, clock=lambda: now[0]), []

        def after(seconds: float) -> None:
            now[0] += seconds * (1.0 + 5.0 * exchange.rank)
            seen.append(pace.due())

        after(FIRST_S - 1.0)
        after(1.0)
        pace.wrote(4.0 + 100.0 * exchange.rank)
        after(239.9)
        after(0.2)
        return seen

    assert together(crowd(2), work) == [[False, True, False, True]] * 2
    assert interval_s(4.0, 7200.0) == 240.0
