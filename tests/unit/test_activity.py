"""Spikes by population: rates, irregularity, rasters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neurosim as ns
from neurosim.errors import ModelError
from neurosim.results import SpikeTable
from tests.tolerances import STAT

SPIKES = SpikeTable([0, 1, 0, 5, 5, 5], [1.0, 3.0, 12.0, 4.0, 5.0, 11.0])


def test_a_rate_is_spikes_by_cells_and_time() -> None:
    rates = SPIKES.rates({"a": [0, 1], "b": np.array([5, 6, 7, 8])}, bin_ms=5.0, stop_ms=20.0)
    assert rates.locations == ("a", "b")
    assert rates.time_ms.tolist() == [2.5, 7.5, 12.5, 17.5]
    assert rates["a"].values.tolist() == [200.0, 0.0, 100.0, 0.0]
    assert rates["b"].values.tolist() == [50.0, 50.0, 50.0, 0.0]
    assert rates.label == "rate (Hz)"
    assert "gid" not in repr(rates)


def test_bins_go_to_the_last_spike_or_are_whole_up_to_the_end() -> None:
    assert len(SPIKES.rates([0], bin_ms=5.0)) == 3
    assert len(SPIKES.rates([0], bin_ms=5.0, stop_ms=19.9)) == 3
    assert len(SPIKES.rates([0], bin_ms=0.1, stop_ms=0.3)) == 3
    assert SPIKES.rates([0, 1], bin_ms=4.0, start_ms=1.0).values[:, 0].sum() == 3 / (2 * 0.004)
    assert len(SpikeTable().rates([0], bin_ms=5.0)) == 0


def test_populations_of_a_network_name_their_cells() -> None:
    net = ns.Network()
    point = ns.PointCell(ns.mechanisms.IntFire1)
    first, second = net.add("first", 2, point), net.add("second", 6, point)
    assert SPIKES.rates(net.populations).locations == ("first", "second")
    assert SPIKES.rates(second).locations == ("second",)
    assert SPIKES.rates([first, second[2:]]).locations == ("first", "second[2:6]")
    assert SPIKES.rates(second[2:], bin_ms=20.0, stop_ms=20.0).values.tolist() == [[3 / (4 * 0.02)]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bin_ms": 0.0}, "bin_ms=0.0"),
        ({"bin_ms": 5.0, "stop_ms": 4.0}, "no bin of 5.0 ms"),
        ({"bin_ms": 5.0, "stop_ms": np.inf}, "no bin"),
    ],
)
def test_bins_that_cannot_be_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        SPIKES.rates([0], **options)


def test_what_is_no_population_is_refused() -> None:
    with pytest.raises(ModelError, match="'a' is no population and no array of gids"):
        SPIKES.rates({"a": "E"})


def test_the_cv_of_intervals_is_0_for_a_clock_and_1_for_a_poisson_process() -> None:
    clock = SpikeTable(np.zeros(10, np.uint64), np.arange(10) * 7.0)
    assert clock.isi_cv() == {0: pytest.approx(0.0, abs=1e-12)}
    assert SPIKES.isi_cv() == {5: pytest.approx(2.5 / 3.5)}
    n = 20_000
    times_ms = np.cumsum(np.random.default_rng(2).exponential(10.0, n))
    # The CV of n exponential intervals has the standard error 1 / sqrt(n).
    assert abs(SpikeTable(np.zeros(n, np.uint64), times_ms).isi_cv()[0] - 1.0) < STAT / np.sqrt(n)
    with pytest.raises(ModelError, match="least_n=2"):
        clock.isi_cv(least_n=2)


def test_a_raster_colours_populations_and_names_those_that_fired() -> None:
    pytest.importorskip("matplotlib")
    ax = SPIKES.plot(populations={"a": [0, 1], "silent": [3], "b": [5]})
    assert [line.get_ydata().tolist() for line in ax.lines] == [[0, 1, 0], [5, 5, 5]]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]
    colours = [line.get_color() for line in ax.lines]
    assert colours[0] != colours[1]
    assert SPIKES.plot(color="red").lines[0].get_color() == "red"


def test_rates_are_drawn_with_their_names() -> None:
    pytest.importorskip("matplotlib")
    ax = SPIKES.plot_rates({"a": [0, 1], "b": [5]}, bin_ms=5.0)
    assert [line.get_label() for line in ax.lines] == ["a", "b"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time (ms)", "rate (Hz)")
