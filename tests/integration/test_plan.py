"""``neurosim plan`` as a user types it, on a small circuit and on descriptions."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from neurosim import cli
from neurosim.hpc.forecast import Layout, forecast
from neurosim.hpc.machine import read_machine
from neurosim.hpc.network_size import read_network
from neurosim.model.cell import Cell
from neurosim.sonata import write
from tests.written_network import CELLS_N, POINTS_N, TRAINS_N, small_network

TSTOP_MS = 50.0
DT_MS = 0.1


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plan") / "circuit"
    return write(small_network(), folder, run={"tstop_ms": TSTOP_MS, "dt_ms": DT_MS}).config


def planned(capsys: pytest.CaptureFixture[str], *words: str | Path) -> dict[str, Any]:
    assert cli.main(["plan", *map(str, words), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_numbers_of_a_circuit_come_from_its_files(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inputs = planned(capsys, config, "--rate-hz", "7")["network"]["inputs"]
    net = small_network()
    assert inputs["cells"]["value"] == CELLS_N + POINTS_N
    synapses_n = sum(len(table) for table in net.connections)
    assert inputs["synapses"]["value"] == pytest.approx(synapses_n / (CELLS_N + POINTS_N))
    compartments = sum(cell.tree.comp_n for cell in net.cells if isinstance(cell, Cell)) + POINTS_N
    assert inputs["compartments"]["value"] == pytest.approx(compartments / (CELLS_N + POINTS_N))
    least = min(float(t.delay_ms[t.source_gid < len(net.cells) - TRAINS_N].min(initial=9.0)) for t in net.connections)
    assert inputs["delay_ms"]["value"] == pytest.approx(least), "trains are known everywhere: their delays bind nobody"
    assert inputs["dt_ms"]["value"] == DT_MS
    assert inputs["rate_Hz"] == {"value": 7.0, "status": "assumed", "source": "given by the caller"}
    assert all(inputs[name]["status"] == "from the file" for name in inputs if name != "rate_Hz")


def test_a_part_of_the_edges_tells_nearly_the_same(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole, part = (planned(capsys, config, *words)["network"]["inputs"] for words in ((), ("--sample", "3")))
    for name in ("cells", "compartments", "dt_ms"):
        assert part[name]["value"] == whole[name]["value"]
    # Gap junctions are edges as well.
    assert part["synapses"]["value"] == pytest.approx(whole["synapses"]["value"], rel=0.05)
    assert part["work"]["value"] == pytest.approx(whole["work"]["value"], rel=0.3)
    assert part["delay_ms"]["value"] >= whole["delay_ms"]["value"]
    assert "of the part that was read" in part["delay_ms"]["source"]


def test_the_rate_is_that_of_an_earlier_run(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert planned(capsys, config)["network"]["inputs"]["rate_Hz"]["status"] == "assumed"
    path = config.parent / "output" / "spikes.h5"
    path.parent.mkdir(exist_ok=True)
    with h5py.File(path, "w") as file:
        for name, count in (("E", 8), ("P", 10)):
            file[f"spikes/{name}/timestamps"] = np.linspace(0.0, TSTOP_MS, count)
            file[f"spikes/{name}/node_ids"] = np.zeros(count, np.uint64)
    try:
        rate = planned(capsys, config)["network"]["inputs"]["rate_Hz"]
    finally:
        path.unlink()
    assert rate["status"] == "measured"
    assert rate["value"] == pytest.approx(18 / (CELLS_N + POINTS_N) / (TSTOP_MS / 1000.0))


def test_a_description_is_forecast_on_a_machine(capsys: pytest.CaptureFixture[str]) -> None:
    found = planned(capsys, "--network", "cortex", "--machine", "fugaku-like", "--nodes", "100,10000")
    machine, network = read_machine("fugaku-like"), read_network("cortex")
    for row, nodes in zip(found["rows"], (100, 10_000), strict=True):
        assert row["slowdown"] == forecast(machine, network, Layout(nodes)).slowdown


def test_costs_of_a_core_are_measured_when_asked(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from neurosim.engine.cost import STATIC
    from neurosim.hpc import calibrate

    times = {**asdict(STATIC), "compartment_ns": 21.0, "event_ns": 22.0, "lookup_ns": 23.0}
    monkeypatch.setattr(calibrate, "calibrated", lambda *, again=False: times)
    inputs = planned(capsys, config, "--calibrate")["machine"]["inputs"]
    assert [inputs[name]["value"] for name in ("compartment_ns", "event_ns", "lookup_ns")] == [21.0, 22.0, 23.0]
    assert inputs["compartment_ns"]["status"] == "measured"


def test_the_text_has_a_table_and_the_partition(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["plan", str(config), "--nodes", "1,2", "--tasks-per-node", "2", "--partition", "3"]
    assert cli.main(words) == 0
    out = capsys.readouterr().out
    assert "s per bio. s" in out
    assert "partition: 15 cells on 3 ranks" in out
    assert "coupled sets: 2, " in out
    assert "inputs are assumed" in out


def test_one_rank_of_several_is_played(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = planned(capsys, config, "--dry-run", "3", "--rank", "lightest", "--dry-ms", "2", "--rate-hz", "50")
    assert "of 3 (lightest)" in found["dry_run"]
    assert "cells elsewhere at 50 Hz" in found["dry_run"]


def test_too_little_memory_is_an_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["plan", "--network", "human", "--machine", "laptop", "--nodes", "1"]) == 1
    assert "take more nodes" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "give a configuration, or --network NAME"),
        (("--network", "v1", "--partition", "4"), "--partition needs the cells themselves"),
        (("--network", "v1", "--dry-run", "1"), "--dry-run needs the cells themselves"),
        (("--network", "abacus"), "'abacus' is not there; allowed: cortex"),
        (("--network", "v1", "--machine", "moon"), "'moon' is not there; allowed: cpu-node-128"),
        (("--network", "v1", "--exchange", "post"), "exchange='post' is not allowed; allowed: auto, allgather"),
        (("--network", "v1", "--tasks-per-node", "0"), "tasks_per_node=0 is not allowed"),
        (("--network", "v1", "--measured", "nowhere.json"), "nowhere.json: cannot be read"),
    ],
)
def test_a_mistake_is_said_in_one_line(words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["plan", *words]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1
