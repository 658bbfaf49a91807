"""Labelled arrays and spike tables."""

from __future__ import annotations

import builtins
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurosim.errors import MissingExtraError
from neurosim.results import SpikeTable, Trace


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 400), max_size=12), st.sampled_from([None, 1, 3]))
def test_blocks_of_any_size_join_to_what_was_appended(sizes: list[int], width: int | None) -> None:
    total = sum(sizes)
    times_ms = np.arange(total) * 0.025
    values = np.random.default_rng(1).normal(size=(total,) if width is None else (total, width))
    places = [f"dend[{k}](0.5)" for k in range(width or 1)]
    trace = Trace("v_mV", "mV", locations=places, columns=width is not None)
    first = 0
    for size in sizes:
        trace.append(times_ms[first : first + size], values[first : first + size])
        first += size
        if size % 3 == 0:
            assert len(trace.values) == first  # reading between the blocks disturbs nothing
    assert np.array_equal(trace.time_ms, times_ms)
    assert np.array_equal(trace.values, values)
    assert len(trace) == total


def test_what_was_read_is_not_changed_by_later_blocks() -> None:
    trace = Trace("v_mV", "mV")
    trace.append(np.array([0.0, 1.0]), np.array([5.0, 6.0]))
    before = trace.values
    trace.append(np.array([2.0]), np.array([7.0]))
    assert before.tolist() == [5.0, 6.0]
    assert trace.values.tolist() == [5.0, 6.0, 7.0]


def test_memory_is_that_of_the_data_when_rows_are_reserved() -> None:
    rows, width = 20_000, 20
    tracemalloc.start()
    trace = Trace("v_mV", "mV", locations=[f"dend[{k}](0.5)" for k in range(width)])
    trace.reserve(rows)
    block = np.zeros((100, width))
    for k in range(rows // 100):
        trace.append(np.arange(100) + 100.0 * k, block)
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert used < 1.02 * rows * (width + 1) * 8
    assert trace.values.shape == (rows, width)


def test_drain_returns_the_rows_and_forgets_them() -> None:
    trace = Trace("cai_mM", "mM", gid=3)
    trace.append(np.array([0.0, 1.0]), np.array([5.0, 6.0]))
    rows = trace.drain()
    assert (rows.values.tolist(), rows.gid, len(trace)) == ([5.0, 6.0], 3, 0)
    trace.append(np.array([2.0]), np.array([7.0]))
    assert trace.time_ms.tolist() == [2.0]


def test_rows_places_and_times_can_be_selected() -> None:
    trace = Trace(
        "v_mV", "mV", locations=["soma(0.5)", "dend[0](0.5)"], time_ms=[0, 1, 2], values=[[1, 4], [2, 5], [3, 6]]
    )
    assert trace[1:].values.tolist() == [[2, 5], [3, 6]]
    assert trace["dend[0](0.5)"].values.tolist() == [4, 5, 6]
    assert trace[2].tolist() == [3, 6]
    assert trace[:, 0].tolist() == [1, 2, 3]
    assert trace.between(1.0, 2.0).time_ms.tolist() == [1.0]
    assert np.asarray(trace).shape == (3, 2)
    with pytest.raises(KeyError, match=r"apic.*places: soma\(0.5\)"):
        trace["apic[0](0.5)"]


def test_a_block_of_the_wrong_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"v_mV: a block of shape \(2, 3\) came for \(2, 2\)"):
        Trace("v_mV", "mV", locations=["a", "b"]).append(np.zeros(2), np.zeros((2, 3)))


@pytest.mark.parametrize(
    ("name", "unit", "label"),
    [("v_mV", "mV", "v (mV)"), ("ina_mA_per_cm2", "mA/cm2", "ina (mA/cm2)"), ("hh.m", "", "hh.m")],
)
def test_an_axis_says_the_unit_once(name: str, unit: str, label: str) -> None:
    assert Trace(name, unit).label == label


def test_plot_and_data_frame_hold_the_values() -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("pandas")
    trace = Trace("v_mV", "mV", locations=["soma(0.5)", "dend[0](0.5)"], time_ms=[0, 1], values=[[1, 4], [2, 5]])
    ax = trace.plot()
    assert [line.get_label() for line in ax.lines] == ["soma(0.5)", "dend[0](0.5)"]
    assert ax.lines[1].get_ydata().tolist() == [4, 5]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time (ms)", "v (mV)")
    frame = trace.to_dataframe()
    assert frame.index.name == "time_ms"
    assert frame["dend[0](0.5)"].tolist() == [4, 5]
    spikes = SpikeTable([4, 2], [0.5, 1.5])
    assert spikes.plot().lines[0].get_ydata().tolist() == [4, 2]
    assert spikes.to_dataframe().to_dict("list") == {"gid": [4, 2], "time_ms": [0.5, 1.5]}


@pytest.mark.parametrize("method", ["plot", "to_dataframe"])
@pytest.mark.parametrize("result", [Trace("v_mV", "mV"), SpikeTable()])
def test_a_missing_package_is_named_with_its_extra(
    result: Trace | SpikeTable, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import neurosim.results

    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(neurosim.results, "import_module", missing)
    with pytest.raises(MissingExtraError, match=r'pip install "neurosim\[plot\]"'):
        getattr(result, method)()


def test_reading_results_imports_neither_matplotlib_nor_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def guarded(name: str, *args: Any, **kwargs: Any) -> Any:
        assert name.split(".")[0] not in ("matplotlib", "pandas"), name
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", guarded)
    trace = Trace("v_mV", "mV", time_ms=[0.0], values=[1.0])
    assert "1 to 1 mV" in repr(trace)
    assert "<table>" in trace._repr_html_()


def test_spikes_are_counted_and_found_by_cell() -> None:
    spikes = SpikeTable([7, 3, 7], [1.0, 2.0, 3.0])
    assert spikes.of(7).tolist() == [1.0, 3.0]
    assert spikes.counts() == {3: 1, 7: 2}
    assert {gid: times.tolist() for gid, times in spikes.by_gid().items()} == {3: [2.0], 7: [1.0, 3.0]}
    assert spikes.rate_Hz(1000.0) == 1.5
    assert spikes.rate_Hz(1000.0, cells_n=3) == 1.0
    assert spikes.gids.dtype == np.dtype(np.uint64)
    assert spikes.times_ms.dtype == np.dtype(np.float64)


def test_an_empty_table_has_no_spikes_and_rate_zero() -> None:
    spikes = SpikeTable()
    assert (len(spikes), spikes.counts(), spikes.by_gid(), spikes.rate_Hz(10.0)) == (0, {}, {}, 0.0)
    assert "spikes 0" in repr(spikes)


def test_spikes_sort_by_time_then_gid() -> None:
    spikes = SpikeTable([5, 2, 1], [2.0, 2.0, 3.0])
    spikes.append(np.array([9], np.uint64), np.array([1.0]))
    ordered = spikes.sorted()
    assert ordered.gids.tolist() == [9, 2, 5, 1]
    assert ordered.times_ms.tolist() == [1.0, 2.0, 2.0, 3.0]


def test_gids_beyond_the_reach_of_a_float_are_kept() -> None:
    gid = 2**63 + 1
    assert SpikeTable(np.array([gid], np.uint64), [1.0]).counts() == {gid: 1}
