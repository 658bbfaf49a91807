"""A whole run of our own small circuit: what is written, how it is read, what happens when it is stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt
import pytest

from neurosim.cli import main
from neurosim.errors import InstabilityError
from neurosim.model.cell import Cell
from neurosim.simulation import Simulation
from neurosim.sonata.circuit import Circuit, read
from neurosim.sonata.outfile import open_output
from neurosim.sonata.session import Session
from tests.sonata_circuit import change, write_circuit
from tests.tolerances import CROSS_SIM, EXACT, ROUNDOFF


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the circuit after ``neurosim run``."""
    config = write_circuit(tmp_path_factory.mktemp("circuit"))
    change(config, "output.spikes_file_csv", "spikes.csv")
    report = {"module": "membrane_report", "cells": "cells", "variable_name": "i_membrane_"}
    change(config, "reports.current", report)
    change(config, "reports.gate", {**report, "variable_name": "m_NaTs", "dt": 0.5, "start_time": 10, "end_time": 20})
    assert main(["run", str(config), "--quiet"]) == 0
    return config.parent


def data(path: Path, population: str = "cells") -> npt.NDArray[np.float64]:
    with open_output(path) as file:
        values: npt.NDArray[np.float64] = file[f"report/{population}/data"][()]
    return values


def cell_of(circuit: Circuit, gid: int) -> Cell:
    cell = circuit.cells[gid]
    assert isinstance(cell, Cell)
    return cell


def test_reports_hold_what_the_simulation_records(done: Path) -> None:
    circuit = read(done / "config.json")
    sim = circuit.simulation()
    traces = [sim.record("all", "v_mV", gid=circuit.index_of[gid]) for gid in (2, 3, 5)]
    calcium = sim.record("soma(0.5)", "cai_mM", gid=circuit.index_of[4])
    sim.run(until_ms=40.0)
    found = data(done / "output/all_v.h5")
    assert found.dtype == np.float64
    assert np.abs(found - np.hstack([t.values[1:] for t in traces])).max() == EXACT
    assert np.abs(data(done / "output/calcium.h5")[:, 1] - calcium.values[1:]).max() == EXACT
    spikes = sim.spikes.sorted()
    with h5py.File(done / "output/spikes.h5") as file:
        assert np.array_equal(file["spikes/cells/timestamps"][()], spikes.times_ms)
        assert np.array_equal(file["spikes/cells/node_ids"][()], circuit.gids[spikes.gids.astype(int)] - 2)
    assert len(spikes) >= 4


def test_the_mapping_names_every_compartment(done: Path) -> None:
    circuit = read(done / "config.json")
    with h5py.File(done / "output/all_v.h5") as file:
        mapping = file["report/cells/mapping"]
        assert mapping["node_ids"][()].tolist() == [0, 1, 3]
        pointers = mapping["index_pointer"][()]
        assert mapping["time"][()].tolist() == [0.0, 40.0, 0.1]
        for k, gid in enumerate((2, 3, 5)):
            cell = cell_of(circuit, gid)
            tree, nodes = cell.tree, cell.nodes("all")
            part = slice(pointers[k], pointers[k + 1])
            assert mapping["element_ids"][part].tolist() == tree.section_idx[nodes].tolist()
            assert mapping["element_pos"][part].tolist() == tree.x[nodes].tolist()


def test_a_coarser_report_takes_the_steps_that_bmtk_takes(done: Path) -> None:
    circuit = read(done / "config.json")
    sim = circuit.simulation()
    gate = sim.record("soma(0.5)", "NaTs.m", gid=circuit.index_of[2])
    sim.run(until_ms=40.0)
    found = data(done / "output/gate.h5")[:, 0]
    assert np.array_equal(found, gate.values[101:201:5])


def test_cells_without_a_variable_are_left_out_and_said(done: Path) -> None:
    config = change(write_circuit(done / "again"), "reports.gate", {"variable_name": "m_SK", "cells": "cells"})
    change(config, "reports.gate.variable_name", "z_SK")
    circuit = read(config)
    report = next(r for r in circuit.reports if r.key == "reports.gate")
    assert set(getattr(report, "pieces")) == {2, 5}  # noqa: B009
    assert any("reports.gate: 2 of 4 cells" in text for text in circuit.config.notices)


def test_membrane_currents_add_up_to_the_injected_current(done: Path) -> None:
    current = data(done / "output/current.h5")
    with h5py.File(done / "output/current.h5") as file:
        pointers = file["report/cells/mapping/index_pointer"][()]
        assert file["report/cells/data"].attrs["units"] == "nA"
    middle = (np.arange(len(current)) + 0.5) * 0.1
    injected = np.where((middle >= 5.0) & (middle < 30.0), 0.4, 0.0)
    scale = np.abs(current).max()
    for first, last in pairwise(pointers):
        assert np.abs(current[:, first:last].sum(axis=1) - injected).max() < CROSS_SIM * scale


def test_the_membrane_current_of_a_passive_segment_is_capacitive_plus_leak(done: Path) -> None:
    circuit = read(done / "config.json")
    cell, paint = cell_of(circuit, 2), circuit.recipes[2].paints["dend"]
    nodes = cell.nodes("all")
    sim = circuit.simulation()
    trace = sim.record("all", "v_mV", gid=circuit.index_of[2])
    sim.run(until_ms=40.0)
    column = int(np.flatnonzero(nodes == cell.nodes("dend[0]")[0])[0])
    v, area_cm2 = trace.values[:, column], cell.tree.area_um2[nodes[column]] * 1e-8
    leak = paint.mechanisms["pas"]
    density = paint.cm_uF_per_cm2 * 1e-3 * np.diff(v) / 0.1 + leak["g"] * (v[1:] - leak["e"])
    found = data(done / "output/current.h5")[:, column]
    assert np.abs(found - density * area_cm2 * 1e6).max() < CROSS_SIM * np.abs(found).max()


def test_the_potential_is_the_sum_over_membrane_currents(done: Path) -> None:
    from neurosim.sonata.ecp import ends_um, read_sites, transfer

    circuit = read(done / "config.json")
    channels, sites = read_sites(done / "probe.csv", "")
    current = data(done / "output/current.h5")
    total, at = np.zeros((len(current), len(sites))), 0
    for gid, x, angle in ((2, 0.0, 0.0), (3, 100.0, 0.5), (4, 200.0, 1.0), (5, 300.0, 1.5)):
        cell = cell_of(circuit, gid)
        weights = transfer(sites, *ends_um(cell, np.array([x, 0.0, 0.0]), (0.0, angle, 0.0)))
        total += current[:, at : at + weights.shape[1]] @ weights.T
        at += weights.shape[1]
    with h5py.File(done / "output/potential.h5") as file:
        assert file["ecp/channel_id"][()].tolist() == channels.tolist() == [0, 1, 4]
        assert file["ecp/time"][()].tolist() == [0.0, 40.0, 0.1]
        assert np.abs(file["ecp/data"][()] - total).max() < CROSS_SIM * np.abs(total).max()


def test_libsonata_opens_spikes_and_reports(done: Path) -> None:
    libsonata = pytest.importorskip("libsonata")
    spikes = libsonata.SpikeReader(str(done / "output/spikes.h5"))["cells"]
    assert spikes.sorting == "by_time"
    assert len(spikes.get()) >= 4
    for name in ("soma_v", "all_v", "calcium", "current"):
        report = libsonata.ElementReportReader(str(done / f"output/libsonata/{name}.h5"))["cells"]
        frame = report.get()
        assert report.times == (0.0, 40.0, 0.1) and report.sorted
        assert np.allclose(frame.data, data(done / f"output/{name}.h5"), rtol=1e-6, atol=1e-12)
    assert libsonata.SomaReportReader(str(done / "output/libsonata/soma_v.h5"))["cells"].data_units == "mV"


def test_bmtk_opens_spikes_and_reports(done: Path) -> None:
    reports = pytest.importorskip("bmtk.utils.reports")
    spike_trains = pytest.importorskip("bmtk.utils.reports.spike_trains")
    report = reports.CompartmentReport(str(done / "output/all_v.h5"), "r", population="cells")
    assert report.variable() == "v" and report.units() == "mV"
    assert np.array_equal(report.data(node_id=3), data(done / "output/all_v.h5")[:, -report.data(node_id=3).shape[1] :])
    found = spike_trains.SpikeTrains.load(str(done / "output/spikes.h5"))
    table = spike_trains.SpikeTrains.load(str(done / "output/spikes.csv"))
    for node in range(4):
        one, two = (trains.get_times(node, population="cells") for trains in (found, table))
        assert len(one) and np.allclose(one, two, rtol=ROUNDOFF, atol=0.0), "pandas rounds what it reads from text"


def test_the_copied_configuration_runs_from_its_place_to_the_same_spikes(done: Path, tmp_path: Path) -> None:
    copied = done / "output/config.json"
    assert "$" not in copied.read_text()
    assert main(["run", str(copied), "--quiet", "--output", str(tmp_path)]) == 0
    assert (tmp_path / "spikes.csv").read_bytes() == (done / "output/spikes.csv").read_bytes()


def test_the_configuration_is_never_overwritten(tmp_path: Path) -> None:
    config = write_circuit(tmp_path)
    before = config.read_text()
    for key, value in (("output.output_dir", "."), ("reports", {}), ("run.tstop", 1.0)):
        change(config, key, value)
    assert main(["run", str(config), "--quiet"]) == 0
    assert config.read_text() == before
    assert json.loads((tmp_path / "resolved_config.json").read_text())["run"]["tstop"] == 1.0


@pytest.mark.parametrize("block", [0, 1, 7])
def test_outputs_do_not_depend_on_the_size_of_blocks(done: Path, tmp_path: Path, block: int) -> None:
    config = change(write_circuit(tmp_path), "run.nsteps_block", block)
    change(config, "reports.current", {"cells": "cells", "variable_name": "i_membrane_"})
    Session(read(config, tstop_ms=12.0)).run(progress=False)
    for name in ("all_v", "current"):
        assert np.array_equal(data(tmp_path / f"output/{name}.h5"), data(done / f"output/{name}.h5")[:120])
    with h5py.File(tmp_path / "output/potential.h5") as one, h5py.File(done / "output/potential.h5") as two:
        assert np.array_equal(one["ecp/data"][()], two["ecp/data"][:120])


def test_results_do_not_depend_on_threads(done: Path, tmp_path: Path) -> None:
    assert main(["run", str(done / "config.json"), "--quiet", "--threads", "2", "--output", str(tmp_path)]) == 0
    assert np.array_equal(data(tmp_path / "all_v.h5"), data(done / "output/all_v.h5"))


def test_an_unstable_run_leaves_what_led_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = change(write_circuit(tmp_path), "run.nsteps_block", 100)
    whole = Simulation.run

    def unstable(sim: Simulation, *, until_ms: float, progress: bool | None = None) -> None:
        whole(sim, until_ms=min(until_ms, 15.0), progress=progress)
        if until_ms > 15.0:
            raise InstabilityError(t_ms=15.0, gid=2, location="soma(0.5)", mechanism="NaTs", value=np.nan, dt_ms=0.1)

    monkeypatch.setattr(Simulation, "run", unstable)
    with pytest.raises(InstabilityError):
        Session(read(config)).run(progress=False)
    with open_output(tmp_path / "output/soma_v.h5") as file:
        assert file["progress/t_ms"][0] == 15.0 and len(file["report/cells/data"]) == 150


def test_options_replace_the_values_of_the_file(done: Path, tmp_path: Path) -> None:
    words = ["--tstop-ms", "3", "--dt-ms", "0.05", "--dl-um", "50", "--output", str(tmp_path)]
    assert main(["run", str(done / "config.json"), "--quiet", *words]) == 2, "a report asks for 10 to 20 ms"
    change(done / "config.json", "reports.gate.enabled", False)
    try:
        assert main(["run", str(done / "config.json"), "--quiet", *words]) == 0
    finally:
        change(done / "config.json", "reports.gate.enabled", True)
    assert data(tmp_path / "soma_v.h5").shape == (60, 4)
    assert data(tmp_path / "all_v.h5").shape[1] < data(done / "output/all_v.h5").shape[1]


def test_check_prints_what_would_run_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_circuit(tmp_path)
    assert main(["check", str(config)]) == 0
    text = capsys.readouterr().out
    for words in ("4 biophysical", "2 virtual", "cells     4 of 3 types", "NaTs", "inputs.step: 4 electrodes",
                  "reports.potential: potential at 3 sites", "memory    about"):  # fmt: skip
        assert words in text
    assert not (tmp_path / "output").exists()


def test_from_sonata_gives_the_same_simulation(done: Path) -> None:
    sim = Simulation.from_sonata(done / "config.json", tstop_ms=20.0)
    trace = sim.record("soma(0.5)", "v_mV", gid=5)
    sim.run(until_ms=20.0)
    assert np.array_equal(trace.values[1:], data(done / "output/soma_v.h5")[:200, 3])


def _start(config: Path) -> subprocess.Popen[bytes]:
    """Run a configuration in a process of its own and return once a first block is on disk."""
    process = subprocess.Popen([sys.executable, "-m", "neurosim", "run", str(config)], stderr=subprocess.PIPE)
    path = config.parent / "output/soma_v.h5"
    until = time.monotonic() + 120.0
    while process.poll() is None and time.monotonic() < until:
        try:
            with open_output(path) as file:
                if file["progress/t_ms"][0] > 0.0:
                    return process
        except (OSError, KeyError):
            pass
        time.sleep(0.02)
    raise AssertionError("no block was written")


@pytest.fixture
def long_run(tmp_path: Path) -> Path:
    config = write_circuit(tmp_path)
    change(config, "run.nsteps_block", 200)
    return change(config, "run.tstop", 1e6)


def test_a_killed_run_leaves_readable_files_up_to_its_last_block(long_run: Path) -> None:
    process = _start(long_run)
    process.kill()
    process.communicate()
    folder = long_run.parent / "output"
    assert not (folder / "soma_v.h5").exists()
    rows = data(folder / "soma_v.h5")
    assert len(rows) and len(rows) % 200 == 0 and np.isfinite(rows).all() and (rows != 0).all()
    with open_output(folder / "spikes.h5") as file:
        assert "timestamps" in file["spikes/cells"]


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT for one process on Windows")
def test_ctrl_c_ends_the_run_with_outputs_up_to_there(long_run: Path) -> None:
    process = _start(long_run)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert b"Traceback" not in errors, errors.decode()
    assert process.returncode == 130 and b"interrupted at" in errors
    folder = long_run.parent / "output"
    rows = data(folder / "soma_v.h5")
    with h5py.File(folder / "soma_v.h5") as file:
        assert np.isclose(file["report/cells/mapping/time"][1], len(rows) * 0.1)
    with h5py.File(folder / "potential.h5") as file:
        assert len(file["ecp/data"]) == len(rows)
    assert not list(folder.glob("*.partial"))
