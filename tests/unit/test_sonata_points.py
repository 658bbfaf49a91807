"""Point nodes, synapse models by name, and gap junctions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from neurosim.errors import SonataError
from neurosim.model.cell import Cell
from neurosim.model.point import PointCell
from neurosim.sonata.circuit import read
from neurosim.sonata.config import load
from neurosim.sonata.library import MechanismFolder
from neurosim.sonata.synapses import SynapseModels
from tests.sonata_circuit import change, write_circuit, write_nodes
from tests.sonata_edges import with_edges, write_edges

CELL = "200 point_neuron nrn:IntFire1 NULL NULL point.json e NULL\n"


def with_points(folder: Path, row: str = CELL, **parameters: Any) -> Path:
    """Write the circuit with edges; nodes 1 and 3 of ``cells`` are point cells."""
    config = with_edges(folder)
    (folder / "synapses/point.json").write_text(json.dumps(parameters or {"tau": 0.024, "refrac": 0.003, "type": "x"}))
    types = folder / "network/cells_types.csv"
    types.write_text(types.read_text() + row)
    write_nodes(folder / "network/cells_nodes.h5", "cells", [100, 200, 102, 200])
    return config


def mechanism(config: Path) -> Any:
    cell = read(config).cells[3]
    assert isinstance(cell, PointCell)
    return cell.mechanism


def test_tau_and_refrac_of_intfire1_are_in_seconds(tmp_path: Path) -> None:
    found = mechanism(with_points(tmp_path))
    assert (found.name, found.defaults["tau"], found.defaults["refrac"]) == ("IntFire1", 24.0, 3.0)


def test_equal_point_nodes_share_one_cell(tmp_path: Path) -> None:
    circuit = read(with_points(tmp_path))
    assert circuit.cells[3] is circuit.cells[5]
    assert circuit.counts["cells"] == {"biophysical": 2, "point": 2}


@pytest.mark.parametrize(
    ("template", "name"), [("nrn:intfire2", "IntFire2"), ("nrn:LIF", "LIF"), ("IntFire4", "IntFire4")]
)
def test_other_point_cells_have_the_units_of_their_mechanism(tmp_path: Path, template: str, name: str) -> None:
    from neurosim.mechanisms import library

    parameter = next(iter(library.get(name).defaults))
    value = library.get(name).defaults[parameter] * 1.5 + 0.25
    found = mechanism(with_points(tmp_path, CELL.replace("nrn:IntFire1", template), **{parameter: value}))
    assert (found.name, found.defaults[parameter]) == (name, value)


def test_the_h5_file_gives_parameters_node_by_node(tmp_path: Path) -> None:
    config = with_points(tmp_path)
    with h5py.File(tmp_path / "network/cells_nodes.h5", "a") as file:
        group = file["nodes/cells"]
        group["node_group_id"][:], group["node_group_index"][:] = [0, 1, 0, 1], [0, 0, 1, 1]
        group["1/dynamics_params/tau"] = [0.01, 0.02]
    cells = read(config).cells
    found = [cell.mechanism.defaults["tau"] for cell in cells.values() if isinstance(cell, PointCell)]
    assert found == [10.0, 20.0]


def test_a_users_mod_file_is_a_point_cell(tmp_path: Path) -> None:
    config = with_points(tmp_path, CELL.replace("nrn:IntFire1", "nrn:Mine"), leak=3.0)
    (tmp_path / "mods").mkdir()
    (tmp_path / "mods/mine.mod").write_text(
        "NEURON { ARTIFICIAL_CELL Mine RANGE leak, m }\nPARAMETER { leak = 1 (ms) }\nASSIGNED { m }\n"
        "INITIAL { m = 0 }\nNET_RECEIVE (w) { m = m + w  if (m > leak) { net_event(t) m = 0 } }\n"
    )
    assert mechanism(change(config, "components.mechanisms_dir", "mods")).defaults["leak"] == 3.0


@pytest.mark.parametrize(
    ("row", "parameters", "words"),
    [
        (CELL, {"tau": 0.02}, "refrac: .*is missing"),
        (CELL, {"tau": 0.02, "refrac": 0.003, "taum": 1}, "no such parameter; it has"),
        (CELL, {"tau": -0.02, "refrac": 0.003}, "outside"),
        (CELL, {"tau": "x", "refrac": 0.003}, "number"),
        (CELL.replace("point.json", "pint.json"), {}, "no file 'pint.json'"),
        (CELL.replace("nrn:IntFire1", "nest:iaf_psc_alpha"), {}, "nrn:<name>"),
        (CELL.replace("nrn:IntFire1", "NULL"), {}, "nrn:<name>"),
    ],
)
def test_a_wrong_point_node_is_reported(tmp_path: Path, row: str, parameters: dict[str, Any], words: str) -> None:
    with pytest.raises(SonataError, match=words):
        read(with_points(tmp_path, row, **parameters))


def onto_points(folder: Path, types: list[int], columns: dict[str, list[Any]]) -> Path:
    """Write edges onto the point cells, node 1 and node 3."""
    config = with_points(folder)
    write_edges(folder / "network/edges.h5", ("inputs", [0, 1]), ("cells", [1, 3]), types, {0: columns})
    table = folder / "network/edge_types.csv"
    table.write_text(
        table.read_text() + "4 NULL plus.json 1.5 0.25 wmax NULL NULL\n5 NULL NULL 1.5 0.25 NULL NULL NULL\n"
    )
    return config


def test_events_onto_point_cells_count_nsyns_with_a_sign_and_take_bare_weights_as_they_are(tmp_path: Path) -> None:
    (found,) = read(onto_points(tmp_path, [4, 4], {"nsyns": [3, 1]})).connections
    assert found.mechanism is None
    assert (found.weight.tolist(), found.target_gid.tolist(), found.delay_ms.tolist()) == (
        [0.75, 0.25],
        [3, 5],
        [1.5, 1.5],
    )
    (found,) = read(onto_points(tmp_path / "b", [5, 5], {"syn_weight": [-0.5, 2.0]})).connections
    assert found.weight.tolist() == [-0.5, 2.0]


def test_nsyns_onto_a_point_cell_need_a_sign(tmp_path: Path) -> None:
    with pytest.raises(SonataError, match="dynamics_params need a sign"):
        read(onto_points(tmp_path, [4, 5], {"nsyns": [3, 1]}))


@pytest.mark.parametrize(
    ("template", "name", "parameters", "values"),
    [
        ("exp2syn", "Exp2Syn", {"erev": -70, "tau1": 1, "tau2": 2}, {"e": -70.0, "tau1": 1.0, "tau2": 2.0}),
        ("ExpSyn", "ExpSyn", {"erev": 0, "tau1": 4}, {"e": 0.0, "tau": 4.0}),
        ("exp1syn", "exp1syn", {"erev": 0, "tau_1": 4}, {"e": 0.0, "tau": 4.0}),
        ("stp1syn", "stp1", {"erev": 0}, {"e": 0.0, "p0": 0.5, "tau_r": 200.0, "tau_1": 5.0}),
        ("STP1", "stp1", {"erev": 0, "p0": 0.7}, {"e": 0.0, "p0": 0.7, "tau_r": 200.0, "tau_1": 5.0}),
        (
            "stp2syn", "stp2", {"erev": 0, "p0": 0.6, "tau_r0": 200, "tau_FDR": 2000, "tau_1": 5},
            {"e": 0.0, "p0": 0.6, "tau_r0": 200.0, "tau_FDR": 2000.0, "tau_1": 5.0},
        ),
        ("alphasyn", "AlphaSyn", {"e": -10}, {"e": -10.0}),
    ],
)  # fmt: skip
def test_a_template_is_a_mechanism_with_its_parameters(
    tmp_path: Path, template: str, name: str, parameters: dict[str, float], values: dict[str, float]
) -> None:
    config = load(write_circuit(tmp_path))
    (tmp_path / "syn.json").write_text(json.dumps({"level_of_detail": "x", **parameters}))
    config.root.values["components"]["synaptic_models_dir"] = str(tmp_path)
    kind = SynapseModels(config, MechanismFolder(config)).kind(template, "syn.json", SonataError("edge 0 ", key="k"))
    assert kind.mechanism.name.lower().startswith(name.lower())
    assert dict(kind.values) == values


def gaps(folder: Path, source: list[int], target: list[int], **columns: Any) -> Path:
    """Write the circuit with gap junctions among ``cells``."""
    config = with_edges(folder)
    columns = {"is_gap_junction": [1] * len(source), "syn_weight": [0.01] * len(source), **columns}
    write_edges(folder / "network/edges.h5", ("cells", source), ("cells", target), [1] * len(source), {0: columns})
    change(config, "inputs.play.enabled", False)
    return config


def test_a_gap_junction_is_a_coupling_on_both_sides_in_the_middle_of_the_section(tmp_path: Path) -> None:
    circuit = read(gaps(tmp_path, [0, 2], [1, 1], sec_id=[1, 2], sec_x=[0.9, 0.1], syn_weight=[0.01, 0.02]))
    (found,) = circuit.couplings
    assert (found.mechanism.name, found.pointer) == ("Gap", "vgap")
    assert found.source_gid.tolist() == [2, 4, 3, 3] and found.target_gid.tolist() == [3, 3, 2, 4]
    assert np.asarray(found.values["g"]).tolist() == [0.01, 0.02, 0.01, 0.02]
    for k, section in enumerate((1, 2, 1, 2)):
        cell = circuit.cells[int(circuit.gids[found.target_gid[k]])]
        assert isinstance(cell, Cell)
        assert found.target_node[k] == cell.tree.compartment(section, 0.5)
    assert np.array_equal(found.source_node[:2], found.target_node[2:])
    assert circuit.connections == []


def test_a_users_gap_file_without_pointer_is_replaced_and_said(tmp_path: Path) -> None:
    config = gaps(tmp_path, [0], [1], sec_id=[1], sec_x=[0.5])
    (tmp_path / "mods").mkdir()
    (tmp_path / "mods/gap.mod").write_text(
        "NEURON { POINT_PROCESS Gap NONSPECIFIC_CURRENT i RANGE g, vgap }\nPARAMETER { g = 1 (uS) vgap = 0 (mV) }\n"
        "ASSIGNED { v (mV) i (nA) }\nBREAKPOINT { i = g*(v - vgap) }\n"
    )
    circuit = read(change(config, "components.mechanisms_dir", "mods"))
    assert circuit.couplings[0].mechanism.pointers == ("vgap",)
    assert any(text.startswith("Gap: neurosim's own") for text in circuit.config.notices)


@pytest.mark.parametrize(
    ("source", "target", "columns", "words"),
    [
        ([1], [1], {"sec_id": [0], "sec_x": [0.5]}, "of a cell with itself"),
        ([0], [1], {"sec_id": [99], "sec_x": [0.5]}, "section 99"),
        ([0], [1], {}, "no place on its target"),
    ],
)
def test_a_wrong_gap_junction_is_reported(
    tmp_path: Path, source: list[int], target: list[int], columns: dict[str, Any], words: str
) -> None:
    with pytest.raises(SonataError, match=words):
        read(gaps(tmp_path, source, target, **columns))


def test_gap_juncs_files_must_list_the_pairs(tmp_path: Path) -> None:
    config = gaps(tmp_path, [0], [1], sec_id=[1], sec_x=[0.5])
    change(config, "networks.gap_juncs", [{"gap_juncs_file": "cells_gap_juncs.h5"}])
    for pair, good in (((0, 1), True), ((0, 2), False)):
        with h5py.File(tmp_path / "cells_gap_juncs.h5", "w") as file:
            file["source_ids"], file["target_ids"] = [pair[0]], [pair[1]]
        if good:
            assert len(read(config).couplings[0]) == 2
        else:
            with pytest.raises(SonataError, match="in no gap_juncs_file"):
                read(config)
    (tmp_path / "cells_gap_juncs.h5").write_text("x")
    with pytest.raises(SonataError, match="has no lists source_ids"):
        read(config)
