"""Every mistake is reported with the path of the key that has it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from neurosim.cli import main
from neurosim.errors import SonataError
from neurosim.sonata.circuit import read
from tests.sonata_circuit import REMOVED, change, write_circuit

STEP = {"input_type": "current_clamp", "module": "IClamp", "node_set": "cells", "amp": 1, "delay": 0, "duration": 1}
PLAY = {"input_type": "spikes", "module": "h5", "input_file": "network/cells_nodes.h5", "node_set": "inputs"}
FORCED = {"module": "syn_activity", "input_type": "syn_activity", "timestamps": 5.0, "precell_filter": {"ei": "e"}}
MISTAKES: list[tuple[str, Any, str, str]] = [
    # what is changed, to what, key of the error, a word of it
    ("run.tstop", REMOVED, "run.tstop", "missing"),
    ("run.tstop", -5, "run.tstop", "greater than 0"),
    ("run.tstop", "4000", "run.tstop", "number"),
    ("run.tstop", True, "run.tstop", "number"),
    ("run.dt", 0, "run.dt", "greater than 0"),
    ("run.dt", 0.07, "run.dt", "does not divide"),
    ("run.tstart", 5, "run.tstart", "must be 0"),
    ("run.dl", 10, "run.dl", "'dL'"),
    ("run.nsteps_block", 2.5, "run.nsteps_block", "whole"),
    ("conditions", REMOVED, "conditions.celsius", "missing"),
    ("conditions.v_init", REMOVED, "conditions.v_init", "missing"),
    ("conditions.celsius", 400, "conditions.celsius", "from"),
    ("conditions.extracellular_calcium", 1.2, "conditions.extracellular_calcium", "unknown"),
    ("condition", {}, "condition", "'conditions'"),
    ("inputs", [], "inputs", "object"),
    ("target_simulator", "NEST", "target_simulator", "NEST"),
    ("components.morphology_dir", ".", "components.morphology_dir", "morphologies_dir"),
    ("components.morphologies_dir", "./nowhere", "components.morphologies_dir", "no folder"),
    ("components.morphologies_dir", "$NOBODY/x", "components.morphologies_dir", "manifest"),
    ("components.biophysical_neuron_models_dir", REMOVED, "networks.nodes[1].node_types_file", "biophysical_neuron"),
    ("networks.nodes", [], "networks.nodes", "at least one"),
    ("networks.nodes.0.nodes_file", "x.h5", "networks.nodes[0].nodes_file", "no file"),
    ("networks.nodes.0.nodes_file", "probe.csv", "networks.nodes[0].nodes_file", "HDF5"),
    ("networks.nodes.0.node_types", "x.csv", "networks.nodes[0].node_types", "node_types_file"),
    ("networks.nodes.1.node_types_file", "probe.csv", "networks.nodes[1].node_types_file", "node_type_id"),
    ("networks.edges", [{"edges_file": "x.h5"}], "networks.edges[0].edges_file", "no file"),
    ("node_sets_file", "sets.json", "node_sets_file", "no file"),
    ("node_sets.layer4", [77], "node_sets.layer4", "gid 77"),
    ("inputs.step.node_set", "cell", "inputs.step.node_set", "'cells'"),
    ("inputs.step.node_set", "inputs", "inputs.step.node_set", "biophysical"),
    ("inputs.step.node_set", {"ei": "q"}, "inputs.step.node_set", "no node"),
    ("inputs.step.amps", 1, "inputs.step.amps", "'amp'"),
    ("inputs.step.amp", "0.1", "inputs.step.amp", "number"),
    ("inputs.step.amp", [0.1, 0.2], "inputs.step.amp", "same length"),
    ("inputs.step.amp", [0.1, "x"], "inputs.step.amp[1]", "number"),
    ("inputs.step.delay", REMOVED, "inputs.step.delay", "missing"),
    ("inputs.step.duration", 0, "inputs.step.duration", "greater than 0"),
    ("inputs.step.module", "IClmp", "inputs.step.module", "IClamp"),
    ("inputs.step.input_type", "current", "inputs.step.input_type", "current_clamp"),
    ("inputs.step.enabled", "no", "inputs.step.enabled", "true or false"),
    ("inputs.step.section_name", "dendrite", "inputs.step.section_name", "dend"),
    ("inputs.step.section_index", 3, "inputs.step.section_index", "soma[3]"),
    ("inputs.step.section_dist", 1.5, "inputs.step.section_dist", "from 0 to 1"),
    ("inputs.step.section_index", [900, 1000], "inputs.step.section_index", "no segment"),
    ("inputs.b", {**STEP, "module": "h5", "input_type": "spikes"}, "inputs.b.amp", "unknown key"),
    ("inputs.b", {**PLAY, "node_set": "cells"}, "inputs.b.node_set", "virtual nodes only"),
    ("inputs.b", {**PLAY, "node_set": [0, 3]}, "inputs.b.node_set", "node 1 of 'cells', which is simulated"),
    ("inputs.b", {**PLAY, "module": "h6"}, "inputs.b.module", "h5"),
    ("inputs.b", {**PLAY, "module": "function"}, "inputs.b.module", "not run"),
    ("inputs.b", {**PLAY, "input_file": "s.h5"}, "inputs.b.input_file", "no file"),
    ("inputs.b", {**PLAY, "input_file": "probe.csv"}, "inputs.b.input_file", "HDF5"),
    ("inputs.b", {"module": "syn_activity", "input_type": "syn_activity"}, "inputs.b.timestamps", "missing"),
    ("inputs.b", {**FORCED, "precell_filter": {"ie": "e"}}, "inputs.b.precell_filter", "no population has"),
    ("inputs.b", {**FORCED, "precell_filter": 3}, "inputs.b.precell_filter", "object"),
    ("inputs.b", {**FORCED, "timestamps": [1.0, -1.0]}, "inputs.b.timestamps", "0 ms or later"),
    ("inputs.b", {"module": "replay", "input_type": "replay"}, "inputs.b.edges", "missing"),
    ("inputs.b", {"module": "xstim", "input_type": "lfp"}, "inputs.b.input_type", "not run yet"),
    ("run.start_from_state", True, "run.start_from_state", "false"),
    ("networks.gap_juncs", [{"gap_file": "x.h5"}], "networks.gap_juncs[0].gap_file", "gap_juncs_file"),
    ("inputs.b", {"input_type": "csv", "module": "IClamp", "file": "i.csv"}, "inputs.b.file", "no file"),
    (
        "inputs.b",
        {"input_type": "csv", "module": "IClamp", "file": "probe.csv"},
        "inputs.b.timestamps_column",
        "column",
    ),
    ("inputs.b", {"input_type": "nwb", "module": "IClamp", "file": "probe.csv", "sweep_id": 3}, "inputs.b.file", "NWB"),
    ("reports.soma_v.cells", "nobody", "reports.soma_v.cells", "no node set"),
    ("reports.soma_v.cells", "inputs", "reports.soma_v.cells", "empty"),
    ("reports.soma_v.variable_name", "vv", "reports.soma_v.variable_name", "no chosen cell"),
    ("reports.soma_v.variable_name", "m_NaV", "reports.soma_v.variable_name", "no chosen cell"),
    ("reports.soma_v.variable_name", REMOVED, "reports.soma_v.variable_name", "missing"),
    ("reports.soma_v.variable_name", ["v", "cai"], "reports.soma_v.variable_name", "one report"),
    ("reports.soma_v.sections", "somata", "reports.soma_v.sections", "allowed"),
    ("reports.soma_v.module", "membran_report", "reports.soma_v.module", "membrane_report"),
    ("reports.soma_v.module", "netcon_report", "reports.soma_v.syn_type", "no synapse"),
    ("reports.soma_v.dt", 0.05, "reports.soma_v.dt", "multiple"),
    ("reports.soma_v.dt", 0.25, "reports.soma_v.dt", "multiple"),
    ("reports.soma_v.start_time", 39.95, "reports.soma_v.start_time", "multiple"),
    ("reports.soma_v.start_time", 40, "reports.soma_v.start_time", "empty"),
    ("reports.soma_v.end_time", 50, "reports.soma_v.end_time", "after"),
    ("reports.soma_v.unit", "V", "reports.soma_v.unit", "mV"),
    ("reports.soma_v.transform", {"v": "first"}, "reports.soma_v.transform", "not run"),
    ("reports.soma_v.variabel_name", "v", "reports.soma_v.variabel_name", "variable_name"),
    ("reports.soma_v.file_name", "../v.h5", "reports.soma_v.file_name", "outside"),
    ("reports.soma_v.file_name", "/etc/v.h5", "reports.soma_v.file_name", "outside"),
    ("reports.soma_v.file_name", "all_v.h5", "reports.soma_v.file_name", "another report"),
    ("output.spikes_file", "soma_v.h5", "output.spikes_file", "file of a report"),
    ("reports.potential.electrode_positions", "p.csv", "reports.potential.electrode_positions", "no file"),
    ("reports.potential.electrode_positions", "config.json", "reports.potential.electrode_positions", "channel"),
    ("reports.potential.electrode_channels", [0, 9], "reports.potential.electrode_channels", "no channel 9"),
    ("reports.potential.contributions_dir", "x", "reports.potential.contributions_dir", "not written"),
    ("output.spikes_sort_order", "size", "output.spikes_sort_order", "by_time"),
    ("output.spikes_file", "../../spikes.h5", "output.spikes_file", "outside"),
    ("output.spike_file", "s.h5", "output.spike_file", "spikes_file"),
]


IDS = [f"{n}-{what}={'missing' if value is REMOVED else value!s:.30}" for n, (what, value, _, _) in enumerate(MISTAKES)]


@pytest.mark.parametrize(("what", "value", "key", "words"), MISTAKES, ids=IDS)
def test_a_mistake_is_reported_at_its_key(tmp_path: Path, what: str, value: Any, key: str, words: str) -> None:
    config = change(write_circuit(tmp_path), what, value)
    with pytest.raises(SonataError) as caught:
        read(config)
    assert caught.value.key == key
    assert words in str(caught.value)
    assert key in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("ctdb:Biophys1.hoc", "ctdb:Biophys2.hoc", "Biophys1"),
        ("ctdb:Biophys1.hoc", "hoc:Mine", "hoc code is not run"),
        ("aibs_perisomatic cell.swc", "aibs_peri cell.swc", "aibs_perisomatic"),
        ("cell.swc fit.json", "cell.swc NULL", "needs dynamics_params"),
        ("aibs_perisomatic cell.swc fit.json", "NULL cell.swc fit.json", "would not be used"),
        ("aibs_perisomatic cell.swc", "aibs_perisomatic,aibs_allactive cell.swc", "only one"),
        ("cell.swc fit.json", "shape.swc fit.json", "shape.swc"),
        ("cell.swc fit.json", "NULL fit.json", "morphology is missing"),
        ("nml:cell.nml", "nml:cells.nml", "cells.nml"),
        ("100 biophysical", "100 biophysic", "model_type"),
        ("100 biophysical", "100 point_neuron", "nrn:<name>"),
        ("100 biophysical ctdb:Biophys1.hoc", "100 point_neuron nrn:IntFire9", "IntFire1"),
        ("100 biophysical ctdb:Biophys1.hoc", "100 point_neuron nrn:hh", "density mechanism"),
        ("100 biophysical ctdb:Biophys1.hoc", "100 point_neuron nrn:IntFire1", "point_neuron_models_dir"),
        ("100 biophysical", "103 biophysical", "no type 100"),
    ],
)
def test_a_wrong_types_table_is_reported_with_the_node_type(tmp_path: Path, old: str, new: str, words: str) -> None:
    config = write_circuit(tmp_path)
    path = tmp_path / "network/cells_types.csv"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(SonataError, match=words) as caught:
        read(config)
    assert (caught.value.key or "").startswith("networks.nodes[1].node")


@pytest.mark.parametrize(
    "name", ["network/cells_nodes.h5", "probe.csv", "components/models/fit.json", "simulation.json"]
)
def test_a_file_that_is_read_is_never_replaced(tmp_path: Path, name: str) -> None:
    config = change(write_circuit(tmp_path), "output.output_dir", ".")
    change(config, "reports.soma_v.file_name", name)
    with pytest.raises(SonataError, match="would replace") as caught:
        read(config)
    assert caught.value.key == "reports.soma_v.file_name"


def test_check_exits_with_1_and_run_with_2_on_a_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = str(change(write_circuit(tmp_path), "run.dL", "x"))
    assert main(["check", config]) == 1
    assert "run.dL" in capsys.readouterr().err
    assert main(["run", config]) == 2
    assert "run.dL" in capsys.readouterr().err
    assert not (tmp_path / "output").exists()


def test_json_mistakes_name_file_and_line(tmp_path: Path) -> None:
    config = write_circuit(tmp_path)
    (tmp_path / "simulation.json").write_text('{\n"run": {\n"tstop": 3,\n}\n}')
    with pytest.raises(SonataError) as caught:
        read(config)
    assert caught.value.line is not None and "simulation.json line" in str(caught.value)


def test_a_missing_configuration_is_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(tmp_path / "none.json")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_circuit_file_alone_is_not_enough(tmp_path: Path) -> None:
    write_circuit(tmp_path)
    with pytest.raises(SonataError, match="tstop"):
        read(tmp_path / "circuit.json")
    content = json.loads((tmp_path / "simulation.json").read_text())
    (tmp_path / "simulation.json").write_text(json.dumps(content))
    with pytest.raises(SonataError, match=r"networks\.nodes"):
        read(tmp_path / "simulation.json")
