from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from neurosim.sonata.circuit import read
from neurosim.sonata.inputs import CurrentStep, CurrentWave, Electrode, VoltageStep
from neurosim.sonata.waveform import Waveform
from tests.sonata_circuit import branching, change, write_circuit
from tests.tolerances import ROUNDOFF


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = write_circuit(tmp_path)
    change(path, "reports", {})
    return change(path, "inputs", {})


def put(config: Path, **values: Any) -> list[Electrode]:
    change(config, "inputs.a", {"input_type": "current_clamp", "module": "IClamp", "node_set": "cells", **values})
    return read(config).electrodes


def test_a_step_goes_to_the_middle_of_the_soma_of_every_cell(config: Path) -> None:
    found = put(config, amp=0.2, delay=5, duration=10.0)
    assert found == [CurrentStep(gid, "soma[0](0.5)", 5.0, 10.0, 0.2, "inputs.a") for gid in (2, 3, 4, 5)]


def test_lists_make_several_steps(config: Path) -> None:
    found = put(config, node_set=[3], amp=[0.1, -0.2], delay=[5, 20], duration=[3, 4])
    assert found == [
        CurrentStep(3, "soma[0](0.5)", 5.0, 3.0, 0.1, "inputs.a"),
        CurrentStep(3, "soma[0](0.5)", 20.0, 4.0, -0.2, "inputs.a"),
    ]


def test_a_place_can_be_chosen(config: Path) -> None:
    found = put(
        config, node_set=[2], amp=1, delay=0, duration=1, section_name="apical", section_index=2, section_dist=1.0
    )
    assert found[0].place == "apic[2](1.0)"


def test_a_range_of_distances_draws_one_segment_by_length(config: Path) -> None:
    values = {"node_set": [2, 5], "amp": 1, "delay": 0, "duration": 1, "section_name": ["apic"]}
    found = put(config, section_index=[60.0, 140.0], **values)
    circuit = read(config)
    cell = branching(circuit, 2)
    nodes = cell.nodes("all")
    names = [cell.label(int(n)) for n in nodes]
    count = np.bincount(cell.tree.section_idx[nodes])[cell.tree.section_idx[nodes]]
    length = np.array([cell.morphology.sections[s].length_um for s in cell.tree.section_idx[nodes]]) / count
    low, high = cell.tree.path_um[nodes] - length / 2, cell.tree.path_um[nodes] + length / 2
    part = np.maximum(0, np.minimum(high, 140) - np.maximum(low, 60))
    part[[not name.startswith("apic") for name in names]] = 0
    for electrode in found:
        draw = np.random.RandomState(electrode.gid).random_sample()
        chosen = np.searchsorted(np.cumsum(part / part.sum()), draw, side="right")
        assert electrode.place == names[int(chosen)]


def test_a_disabled_input_is_left_out_and_said(config: Path) -> None:
    assert put(config, enabled=False) == []
    assert "inputs.a: disabled" in read(config).config.notices


def test_a_table_is_held_piecewise(config: Path, tmp_path: Path) -> None:
    (tmp_path / "i.csv").write_text("timestamps amps\n2.0 0.1\n3.0 0.3\n4.0 0.0\n")
    found = put(config, input_type="csv", file="i.csv")
    assert isinstance(found[0], CurrentWave)
    wave = found[0].wave
    assert wave.at(np.array([0.0, 1.99, 2.0, 2.5, 3.0, 3.99, 4.0, 9.0])).tolist() == [0, 0, 0.1, 0.1, 0.3, 0.3, 0, 0]


def test_a_table_that_does_not_end_with_zero_is_held_for_one_interval(config: Path, tmp_path: Path) -> None:
    (tmp_path / "i.csv").write_text("t;i\n0;0.1\n1.5;0.3\n")
    found = put(config, input_type="file", file="i.csv", separator=";", timestamps_column="t", amplitudes_column="i")
    assert isinstance(found[0], CurrentWave)
    assert found[0].wave.edges_ms.tolist() == [0.0, 1.5, 3.0]
    assert any("does not end with 0 nA" in text for text in read(config).config.notices)


def write_sweep(path: Path) -> None:
    with h5py.File(path, "w") as file:
        series = file.create_group("epochs/Sweep_6/stimulus/timeseries")
        series["data"] = np.repeat([0.0, 1e-10, -2e-10, 0.0], 5)
        series["starting_time"] = 0.0
        series["starting_time"].attrs["rate"] = 5000.0


def test_a_sweep_is_read_in_nA_and_ms(config: Path, tmp_path: Path) -> None:
    write_sweep(tmp_path / "cell.nwb")
    found = put(config, input_type="nwb", file="cell.nwb", sweep_id="6", delay=3.0)
    assert isinstance(found[0], CurrentWave)
    wave = found[0].wave
    assert np.allclose(wave.at(np.array([3.9, 4.1, 5.1, 6.1])), [0.0, 0.1, -0.2, 0.0], atol=1e-15)
    assert np.isclose(wave.edges_ms[-1], 7.0)


def test_a_sweep_can_be_cut_and_thinned(config: Path, tmp_path: Path) -> None:
    write_sweep(tmp_path / "cell.nwb")
    found = put(config, input_type="allen", file="cell.nwb", sweep_id=6, downsample=0.4, sweep_window=[1.0, 2.9])
    assert isinstance(found[0], CurrentWave)
    assert np.allclose(found[0].wave.amps_nA, [0.1, 0.1, -0.2, -0.2, -0.2])
    assert np.allclose(np.diff(found[0].wave.edges_ms), 0.4)


def test_a_voltage_clamp_holds_the_soma_in_its_window(config: Path) -> None:
    put(config, input_type="voltage_clamp", module="SEClamp", node_set=[4], amp=-70.0, delay=10.0, duration=20.0,
        resistance=0.01)  # fmt: skip
    circuit = read(config)
    assert circuit.electrodes == [VoltageStep(4, "soma[0](0.5)", 10.0, 20.0, -70.0, 0.01, "inputs.a")]
    sim = circuit.simulation()
    v = sim.record("soma(0.5)", "v_mV", gid=circuit.index_of[4])
    sim.run(until_ms=40.0)
    held = v.between(11.0, 30.0).values
    assert np.abs(held + 70.0).max() < 0.1
    assert abs(v.values[80] + 70.0) > 1.0 and abs(v.values[-1] + 70.0) > 1.0


def test_steps_of_a_waveform_join_equal_amplitudes() -> None:
    wave = Waveform(np.linspace(0.0, 5.0, 6), np.array([0.0, 0.2, 0.2, 0.0, -0.1]))
    assert wave.steps() == [(1.0, 2.0, 0.2), (4.0, 1.0, -0.1)]


def test_a_table_of_one_step_acts_as_the_step(config: Path, tmp_path: Path) -> None:
    (tmp_path / "i.csv").write_text("timestamps amps\n5 0.4\n20 0\n")
    traces = []
    for values in ({"amp": 0.4, "delay": 5, "duration": 15}, {"input_type": "csv", "file": "i.csv"}):
        put(config, **values)
        circuit = read(config)
        sim = circuit.simulation()
        trace = sim.record("soma(0.5)", "v_mV", gid=circuit.index_of[2])
        sim.run(until_ms=30.0)
        traces.append(trace.values)
    assert np.abs(traces[0] - traces[1]).max() <= ROUNDOFF * 100.0
