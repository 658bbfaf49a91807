"""The past of a live run: exact where it is kept, counted for ever, bounded."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.viewer.history import SpikeHistory
from neurosim.viewer.pending import Pending
from neurosim.viewer.population_rates import PopulationRates
from neurosim.viewer.source import Batch
from neurosim.viewer.traces import Trace, Traces
from tests.viewer_scenes import many_cells

CELLS = 1000


def random_spikes(n: int, stop_ms: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    return rng.integers(0, CELLS, n).astype(np.uint32), np.sort(rng.uniform(0.0, stop_ms, n))


def filled(spikes_n: int, stop_ms: float, *, most: int, step_ms: float = 10.0, bins: int = 1024) -> SpikeHistory:
    ranks, times = random_spikes(spikes_n, stop_ms)
    history = SpikeHistory(PopulationRates(many_cells(CELLS, 0)), most=most, bins=bins)
    for start in np.arange(0.0, stop_ms, step_ms).tolist():
        part = slice(*np.searchsorted(times, [start, start + step_ms]))
        history.add(start + step_ms, ranks[part], times[part])
    return history


def test_what_is_kept_is_exact() -> None:
    ranks, times = random_spikes(5000, 1000.0)
    history = filled(5000, 1000.0, most=6000)
    found, when, total = history.spikes(100.0, 300.0)
    part = (times >= 100.0) & (times < 300.0)
    assert total == part.sum()
    assert np.array_equal(found, ranks[part]) and np.array_equal(when, times[part])
    listed, _, total = history.spikes(100.0, 300.0, every=7)
    assert total == part.sum() and np.array_equal(listed, ranks[part][ranks[part] % 7 == 0])


@pytest.mark.parametrize("most", [100, 1700])
def test_only_the_latest_are_kept_and_all_are_counted(most: int) -> None:
    ranks, times = random_spikes(5000, 1000.0)
    history = filled(5000, 1000.0, most=most)
    found, when, total = history.spikes(0.0, 2000.0)
    assert total == history.spikes_n == 5000
    assert np.array_equal(found, ranks[-most:]) and np.array_equal(when, times[-most:])


def test_more_spikes_at_once_than_are_kept_leave_the_latest() -> None:
    ranks, times = random_spikes(5000, 1000.0)
    history = SpikeHistory(PopulationRates(many_cells(CELLS, 0)), most=333)
    history.add(10.0, ranks[:100], times[:100])
    history.add(1000.0, ranks[100:], times[100:])
    assert np.array_equal(history.spikes(0.0, 2000.0)[1], times[-333:])
    assert history.spikes(0.0, 2000.0)[2] == 5000


def test_rates_of_the_whole_run_stay_when_spikes_are_gone() -> None:
    scene = many_cells(CELLS, 0)
    ranks, times = random_spikes(50_000, 1000.0)
    exact = PopulationRates(scene).of(ranks, times, 0.0, 1000.0, 100.0)
    middles, rates = filled(50_000, 1000.0, most=100).rates(0.0, 1000.0, 100.0)
    assert middles.tolist() == exact[0].tolist()
    assert rates.keys() == {"E", "I"}
    for name, values in rates.items():
        assert values == pytest.approx(exact[1][name])


def test_a_run_that_outgrows_its_bins_keeps_its_spikes_in_wider_ones() -> None:
    history = filled(20_000, 3000.0, most=100, bins=16, step_ms=50.0)
    _, rates = history.rates(0.0, 3200.0, 800.0)
    cells = {"E": 800, "I": 200}
    total = sum(float(values.sum()) * 0.8 * cells[name] for name, values in rates.items())
    assert total == pytest.approx(20_000)


def test_numbers_without_times_are_spread_over_their_stretch() -> None:
    scene = many_cells(CELLS, 0)
    history = SpikeHistory(PopulationRates(scene), most=100)
    history.add_numbers(0.0, 10.0, np.array([3, 4], np.uint32), np.array([5, 15], np.uint32))
    history.add(20.0, np.array([1], np.uint32), np.array([15.0]))
    assert history.spikes_n == 21
    ranks, _, total = history.spikes(0.0, 10.0)
    assert len(ranks) == 0 and total == 20
    assert history.spikes(0.0, 5.0)[2] == 10
    assert history.spikes(10.0, 20.0)[2] == 1


def test_pending_spikes_that_become_numbers_are_all_there() -> None:
    ranks, times = random_spikes(1000, 100.0)
    pending = Pending(CELLS, most_listed=50)
    for k in range(100):
        part = slice(10 * k, 10 * k + 10)
        order = np.argsort(ranks[part])
        pending.add(Batch(float(k), k + 1.0, ranks[part][order], times[part][order]))
    batch = pending.take()
    assert batch is not None and not len(batch.ranks)
    assert (batch.start_ms, batch.t_ms, batch.merged) == (0.0, 100.0, 100)
    counts = np.zeros(CELLS, np.int64)
    counts[batch.counts_ranks] = batch.counts
    assert np.array_equal(counts, np.bincount(ranks, minlength=CELLS))
    assert pending.take() is None and pending.bytes_n == 0


def test_pending_spikes_are_handed_on_by_rank_with_their_times() -> None:
    pending = Pending(CELLS)
    pending.add(Batch(0.0, 1.0, np.array([2, 9], np.uint32), np.array([0.5, 0.25])))
    pending.add(Batch(1.0, 2.0, np.array([1, 9], np.uint32), np.array([1.5, 1.25])))
    batch = pending.take()
    assert batch is not None
    assert batch.ranks.tolist() == [1, 2, 9, 9] and batch.times_ms.tolist() == [1.5, 0.5, 0.25, 1.25]


def test_a_jump_drops_what_waited() -> None:
    pending = Pending(CELLS)
    pending.add(Batch(0.0, 1.0, np.array([2], np.uint32), np.array([0.5])))
    pending.add(Batch(50.0, 60.0, np.array([3], np.uint32), np.array([55.0]), jumped=True))
    pending.add(Batch(60.0, 61.0, np.array([4], np.uint32), np.array([60.5])))
    batch = pending.take()
    assert batch is not None and batch.jumped
    assert (batch.start_ms, batch.t_ms, batch.ranks.tolist()) == (50.0, 61.0, [3, 4])


def test_a_trace_keeps_the_latest_values_and_begins_anew_after_a_gap() -> None:
    trace = Trace(0.5, most=10)
    for k in range(0, 100, 5):
        trace.add(0.5 * k, np.arange(k, k + 5, dtype=np.float32))
    block = trace.between(0.0, 1000.0)
    assert 10 <= len(block.values_mV) <= 20
    assert block.values_mV[-1] == 99.0
    assert block.start_ms == 0.5 * block.values_mV[0]
    assert trace.between(48.0, 49.0).values_mV.tolist() == [96.0, 97.0]
    trace.add(80.0, np.array([7.0], np.float32))
    assert trace.between(0.0, 1000.0).values_mV.tolist() == [7.0]


def test_traces_that_nobody_wants_are_forgotten() -> None:
    traces = Traces(1.0)
    traces.keep([(1, 0), (2, 3)])
    traces.add([(1, 0), (2, 3), (5, 5)], np.array([0.0, 1.0]), np.arange(6, dtype=np.float32).reshape(2, 3))
    traces.keep([(2, 3)])
    assert traces.between((2, 3), 0.0, 9.0).values_mV.tolist() == [1.0, 4.0]
    assert not len(traces.between((1, 0), 0.0, 9.0).values_mV)
    assert not len(traces.between((5, 5), 0.0, 9.0).values_mV)
