"""Reports of a network: point cells, electrodes, synapses, and the spikes of every kind of cell."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from neurosim.cli import main
from neurosim.errors import SonataError
from neurosim.model.cell import Cell
from neurosim.sonata.check import summary
from neurosim.sonata.circuit import read
from neurosim.sonata.session import Session
from tests.sonata_circuit import change, write_nodes
from tests.sonata_edges import with_edges, write_edges

MEMBRANE = {"module": "membrane_report", "variable_name": "v"}


def write_network(folder: Path) -> Path:
    """Write cells and point cells with synapses; node 0 of ``points`` fires, node 1 is silent."""
    config = with_edges(folder)
    write_nodes(folder / "network/points_nodes.h5", "points", [9, 9])
    (folder / "network/points_types.csv").write_text(
        "node_type_id model_type model_template dynamics_params\n9 point_neuron nrn:IntFire1 point.json\n"
    )
    (folder / "synapses/point.json").write_text(json.dumps({"tau": 0.02, "refrac": 0.003}))
    write_edges(
        folder / "network/to_points.h5", ("inputs", [0, 1, 1]), ("points", [0, 1, 0]), [4, 4, 4],
        {0: {"syn_weight": [2.0, 0.4, 0.3]}},
    )  # fmt: skip
    (folder / "network/to_points.csv").write_text(
        "edge_type_id model_template dynamics_params delay\n4 NULL plus.json 1.5\n"
    )
    circuit = json.loads((folder / "circuit.json").read_text())
    nodes, edges = circuit["networks"]["nodes"], circuit["networks"]["edges"]
    change(config, "networks.nodes", [
        *nodes, {"nodes_file": "$NETWORK/points_nodes.h5", "node_types_file": "$NETWORK/points_types.csv"},
    ])  # fmt: skip
    change(config, "networks.edges", [
        *edges, {"edges_file": "$NETWORK/to_points.h5", "edge_types_file": "$NETWORK/to_points.csv"},
    ])  # fmt: skip
    hold = {"input_type": "voltage_clamp", "module": "SEClamp", "node_set": [3], "amp": -60.0, "delay": 0.0}
    change(config, "inputs.hold", {**hold, "duration": 12.0, "resistance": 1.0})
    change(config, "reports", {
        "points": {**MEMBRANE, "cells": "points", "variable_name": "m"},
        "mixed": {**MEMBRANE, "cells": "all", "sections": "soma"},
        "steps": {"module": "clamp_report", "variable_name": "ic"},
        "holds": {"module": "clamp_report", "variable_name": "se"},
    })  # fmt: skip
    return config


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = write_network(tmp_path_factory.mktemp("network"))
    assert main(["run", str(config), "--quiet"]) == 0
    return config.parent


def test_a_report_of_point_cells_holds_what_the_simulation_records(done: Path) -> None:
    sim = read(done / "config.json").simulation()
    traces = [sim.record("", "IntFire1.m", gid=gid) for gid in (6, 7)]
    sim.run(until_ms=40.0)
    with h5py.File(done / "output/points.h5") as file:
        report = file["report/points"]
        assert np.array_equal(report["data"][()], np.stack([t.values[1:] for t in traces], axis=1))
        assert report["data"][:, 1].max() > 0.0, "something came in"
        assert report["mapping/node_ids"][:].tolist() == [0, 1]
        assert report["mapping/element_ids"][:].tolist() == [0, 0]


def test_a_report_of_everybody_leaves_out_who_has_no_membrane(done: Path) -> None:
    with h5py.File(done / "output/mixed.h5") as file:
        assert list(file["report"]) == ["cells"]
        assert file["report/cells/data"].shape == (400, 4)


def test_spikes_of_point_cells_are_written_and_silent_populations_too(done: Path) -> None:
    with h5py.File(done / "output/spikes.h5") as file:
        assert sorted(file["spikes"]) == ["cells", "points"]
        assert file["spikes/points/node_ids"][:].tolist() == [0]
        assert file["spikes/points/timestamps"][0] == pytest.approx(4.5)
        assert len(file["spikes/cells/timestamps"]) > 0


def test_a_report_of_electrodes_has_the_current_of_each(done: Path) -> None:
    with h5py.File(done / "output/steps.h5") as file:
        middle = (np.arange(400) + 0.5) * 0.1
        expected = np.where((middle >= 5.0) & (middle < 30.0), 0.4, 0.0)
        assert np.array_equal(file["data"][()], np.tile(expected[:, None], 4))
        assert file["clamp/gids"][:].tolist() == [2, 3, 4, 5] and file["time"][:].tolist() == [0.0, 40.0, 0.1]
    circuit = read(done / "config.json")
    sim = circuit.simulation()
    v = sim.record("soma(0.5)", "v_mV", gid=3)
    sim.run(until_ms=40.0)
    with h5py.File(done / "output/holds.h5") as file:
        found = file["data"][:, 0]
    assert np.array_equal(found[middle < 12.0], (-60.0 - v.values[1:][middle < 12.0]) / 1.0)
    assert not found[middle >= 12.0].any()


def test_check_says_what_every_report_is(done: Path) -> None:
    text = summary(read(done / "config.json"))
    for words in ("reports.points: m", "of 2 cells every 0.1 ms", "reports.steps: current of 4 electrodes"):
        assert words in text


@pytest.mark.parametrize(
    ("report", "words"),
    [
        ({"module": "netcon_report", "variable_name": "g"}, "no synapse of the chosen cells is a 'Exp2Sin'"),
        ({"module": "netcon_report", "variable_name": "w", "syn_type": "Exp2Syn"}, "Exp2Syn has no 'w'"),
        ({"module": "netcon_report", "variable_name": "g", "cells": "points"}, "no biophysical node"),
        ({"module": "clamp_report", "variable_name": "f_ic"}, "no input is of the kind 'f_ic'"),
        ({"module": "clamp_report", "variable_name": "vc"}, "allowed: ic, f_ic, se"),
        ({"module": "save_synapses", "variable_name": "g"}, "is not written"),
        ({"cells": "points", "variable_name": "n"}, "mechanisms there: IntFire1"),
    ],
)
def test_a_mistake_in_a_report_is_said_at_its_place(tmp_path: Path, report: dict[str, str], words: str) -> None:
    config = write_network(tmp_path)
    change(config, "reports", {"wrong": {"syn_type": "Exp2Sin", **report} if "Sin" in words else report})
    with pytest.raises(SonataError, match=words) as caught:
        read(config)
    assert (caught.value.key or "").startswith("reports.wrong.")


def test_a_report_of_synapses_is_that_of_the_engine(tmp_path: Path) -> None:
    config = write_network(tmp_path)
    change(config, "reports", {"g": {"module": "netcon_report", "variable_name": "g", "syn_type": "Exp2Syn"}})
    circuit = read(config)
    Session(circuit).run(progress=False)
    sim = circuit.simulation()
    cell = circuit.cells[2]
    assert isinstance(cell, Cell)
    rows = next(c for c in circuit.connections if c.mechanism is not None and c.mechanism.name == "Exp2Syn")
    places = [sim.record(cell.label(int(node)), "Exp2Syn.g", gid=2) for node in rows.node]
    sim.run(until_ms=40.0)
    with h5py.File(tmp_path / "output/g.h5") as file:
        report = file["report/cells"]
        assert np.array_equal(report["data"][()], np.stack([p.values[1:] for p in places], axis=1))
        assert report["data"][()].max() > 0.0
        assert report["mapping/src_ids"][:].tolist() == [0, 1] and report["mapping/trg_ids"][:].tolist() == [2, 2]
        assert report["mapping/element_ids"][:].tolist() == [1, 0]


def test_synapses_at_one_place_are_told_apart(tmp_path: Path) -> None:
    place = {"afferent_section_id": [1, 1, 2], "afferent_section_pos": [0.5, 0.5, 0.5]}
    config = with_edges(tmp_path, source=("inputs", [0, 1, 1]), target=("cells", [0, 0, 0]), types=[1, 1, 1],
                        groups={0: place})  # fmt: skip
    change(config, "reports", {"g": {"module": "netcon_report", "variable_name": "g"}})
    Session(read(config)).run(progress=False)
    with h5py.File(tmp_path / "output/g.h5") as file:
        report = file["report/cells"]
        assert report["mapping/src_ids"][:].tolist() == [0, 1, 1]
        began = np.argmax(report["data"][()] > 0.0, axis=0) * 0.1
    assert began.tolist() == pytest.approx([5.0, 6.0, 6.0], abs=0.15), "spikes at 3 and 4 ms, 2 ms on the way"
