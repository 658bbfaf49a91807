"""Scaling runs: what a forecast learns from them, and that it meets runs made up by its own formulas."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from neurosim.errors import NeurosimError
from neurosim.hpc.forecast import Layout, forecast
from neurosim.hpc.given import Sheet
from neurosim.hpc.machine import read_machine
from neurosim.hpc.measured import Run, learned, read_runs

NETWORK = {
    "cells": 2000.0, "compartments": 100.0, "largest": 1.0, "synapses": 200.0,
    "rate_Hz": 10.0, "delay_ms": 1.0, "dt_ms": 0.025, "work": 0.5,
}  # fmt: skip
TRUTH = {"cores": 2.0, "compartment_ns": 20.0, "local_latency_us": 50.0, "crowded_latency_us": 900.0}
TRUTH |= {"jitter_frac": 0.04, "compartment_B": 300.0}
MS = 500.0


def truth() -> Sheet:
    return read_machine("laptop").replaced("assumed", "test", cache_MiB=1e6, **TRUTH)


def made_up(ranks: int, **other: Any) -> Run:
    """A run that takes exactly what the forecast of the true machine says, without overlap."""
    layout = Layout(1, ranks, threads=1, way="allgather", overlap=False)
    draft = Run("net", NETWORK, 1, ranks, 1, 2, "allgather" if ranks > 1 else "none", False, MS, 1.0, [], [], [], [])
    row = forecast(truth(), draft.sheet, layout)
    windows = MS / NETWORK["delay_ms"]
    busy_s = (row.computing_s + row.events_s + row.lookup_s) / (1.04 if ranks > 1 else 1.0) * windows
    exchange_s = row.exchange_s * windows
    wait_s = 0.04 * busy_s * (2.0 * 0.6931471805599453) ** 0.5
    parts: dict[str, Any] = {
        "compute_s": [busy_s] * ranks,
        "exchange_s": [exchange_s + wait_s] * ranks,
        "wait_s": [wait_s] * ranks,
    }
    memory_B = [row.memory_B / ranks] * ranks
    return dataclasses.replace(draft, run_s=row.total_s * windows, memory_B=memory_B, **parts, **other)


def test_what_a_run_on_one_rank_tells_foretells_two() -> None:
    # Everything else of the machine is known: only the cost of a compartment and its memory are learned.
    guess = truth().replaced("assumed", "guess", compartment_ns=1.0, compartment_B=1.0)
    machine = learned(guess, [made_up(1)], "one rank")
    assert machine["compartment_ns"] == pytest.approx(20.0, rel=1e-9)
    assert machine["compartment_B"] == pytest.approx(300.0, rel=1e-3)
    assert machine.givens["compartment_ns"].status == "measured"
    two = made_up(2)
    assert forecast(machine, two.sheet, two.layout).slowdown == pytest.approx(two.slowdown, rel=1e-9)


def test_latency_and_jitter_are_learned_where_they_show() -> None:
    machine = learned(read_machine("laptop"), [made_up(1), made_up(2), made_up(4)], "runs")
    assert machine["local_latency_us"] == pytest.approx(50.0, rel=1e-6)
    assert machine["crowded_latency_us"] == pytest.approx(900.0, rel=1e-6)
    assert machine["jitter_frac"] == pytest.approx(0.04, rel=1e-6)
    assert machine["latency_us"] == read_machine("laptop")["latency_us"], "nothing is known between nodes"
    four = made_up(4)
    assert four.crowded
    assert forecast(machine, four.sheet, four.layout).slowdown == pytest.approx(four.slowdown, rel=0.1)


def test_runs_with_overlap_do_not_tell_the_latency() -> None:
    run = dataclasses.replace(made_up(2), overlap=True)
    assert (
        learned(read_machine("laptop"), [run], "runs")["local_latency_us"] == read_machine("laptop")["local_latency_us"]
    )


def written(tmp_path: Path, **other: Any) -> Path:
    path = tmp_path / "runs.json"
    path.write_text(json.dumps({"machine": {}, "runs": [dataclasses.asdict(made_up(2)) | other]}), encoding="utf-8")
    return path


def test_a_file_of_runs_is_read(tmp_path: Path) -> None:
    assert read_runs(written(tmp_path)) == [made_up(2)]


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"surplus": 1}, "run 1: wrong or missing surplus"),
        ({"compute_s": [1.0]}, "compute_s has 1 numbers; needed is one for each rank"),
        ({"network": {"cells": 3}}, "network needs cells, compartments"),
        ({"run_s": 0.0}, "run_s must be above 0"),
    ],
)
def test_a_wrong_file_of_runs_is_refused(tmp_path: Path, other: dict[str, Any], said: str) -> None:
    with pytest.raises(NeurosimError, match=said):
        read_runs(written(tmp_path, **other))


def test_what_is_no_file_of_runs_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    with pytest.raises(NeurosimError, match="cannot be read"):
        read_runs(path)
    path.write_text("{", encoding="utf-8")
    with pytest.raises(NeurosimError, match="this is no JSON"):
        read_runs(path)
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(NeurosimError, match="no list of runs"):
        read_runs(path)
