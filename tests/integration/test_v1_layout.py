"""A circuit in the layout of the Allen V1 files: both styles of configuration load as the same circuit, and it runs."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import libsonata
import numpy as np
import numpy.typing as npt
import pytest

from neurosim.cli import main
from neurosim.model.cell import Cell
from neurosim.model.point import PointCell, SpikeTrain
from neurosim.sonata.circuit import Circuit, read
from tests.v1_layout import TRIALS, V1Layout, write_v1


@pytest.fixture(scope="module")
def v1(tmp_path_factory: pytest.TempPathFactory) -> V1Layout:
    return write_v1(tmp_path_factory.mktemp("v1"))


@pytest.fixture(scope="module")
def circuit(v1: V1Layout) -> Circuit:
    return read(v1.config)


def columns(circuit: Circuit) -> list[list[npt.NDArray[np.float64]]]:
    """Return source, target, node, weight and delay of every connections."""
    return [
        [np.asarray(c, float) for c in (x.source_gid, x.target_gid, x.node, x.weight, x.delay_ms)]
        for x in circuit.connections
    ]


def test_one_population_holds_branching_and_point_cells(v1: V1Layout, circuit: Circuit) -> None:
    kinds = [type(cell) for cell in circuit.cells.values()]
    assert kinds == [Cell] * v1.biophysical_n + [PointCell] * v1.point_n + [SpikeTrain] * (v1.lgn_n + v1.bkg_n)
    assert circuit.counts["v1"] == {"biophysical": v1.biophysical_n, "point": v1.point_n}


def test_both_styles_of_configuration_are_the_same_circuit(circuit: Circuit, tmp_path: Path) -> None:
    other = read(write_v1(tmp_path, split=False).config)
    assert other.config.run == circuit.config.run
    for ours, theirs in zip(columns(circuit), columns(other), strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_a_seed_names_the_circuit(circuit: Circuit, tmp_path: Path) -> None:
    other = read(write_v1(tmp_path, seed=2).config)
    assert [c.size for c in columns(circuit)[0]] != [c.size for c in columns(other)[0]]


def test_groups_hold_what_their_targets_need(v1: V1Layout) -> None:
    found = {}
    for name in ("v1", "lgn", "bkg"):
        with h5py.File(v1.folder / f"network/{name}_v1_edges.h5") as file:
            group = file[f"edges/{name}_v1"]
            found[name] = {label: sorted(group[label]) for label in group if label.isdigit()}
            for label in found[name]:
                targets = group["target_node_id"][()][group["edge_group_id"][()] == int(label)]
                if name != "bkg":
                    assert ((targets >= v1.biophysical_n) == (label == "1")).all()
    assert found == {
        "v1": {"0": ["nsyns"], "1": ["nsyns", "syn_weight"]},
        "lgn": {"0": ["nsyns"], "1": ["syn_weight"]},
        "bkg": {"0": ["nsyns"]},
    }


def test_synapses_are_as_many_as_the_file_asks_for(v1: V1Layout, circuit: Circuit) -> None:
    wanted = 0
    for name in ("v1", "lgn", "bkg"):
        with h5py.File(v1.folder / f"network/{name}_v1_edges.h5") as file:
            group = file[f"edges/{name}_v1"]
            rows = group["edge_group_index"][()][group["target_node_id"][()] < v1.biophysical_n]
            wanted += int(group["0/nsyns"][()][rows].sum())
    assert wanted == sum(len(c) for c in circuit.connections if c.mechanism is not None) > 1000


def test_weights_follow_the_direction_of_the_cells(circuit: Circuit) -> None:
    weights = np.concatenate([c.weight for c in circuit.connections if c.mechanism is not None])
    assert len(np.unique(weights)) > 50 and (weights > 0.0).all()


def test_inhibitory_cells_send_negative_events_to_point_cells(v1: V1Layout, circuit: Circuit) -> None:
    (events,) = [c for c in circuit.connections if c.mechanism is None]
    ei = circuit.populations[0].text("ei")
    recurrent = events.source_gid < v1.biophysical_n + v1.point_n
    inhibitory = np.array([ei[gid] == "i" for gid in events.source_gid[recurrent]])
    assert inhibitory.any() and (events.weight[recurrent][inhibitory] <= 0.0).all()
    assert (events.weight[recurrent][~inhibitory] >= 0.0).all() and (events.weight[~recurrent] > 0.0).all()


def test_the_named_trial_is_played(v1: V1Layout, circuit: Circuit) -> None:
    trains = [cell for cell in circuit.cells.values() if isinstance(cell, SpikeTrain)][: v1.lgn_n]
    with h5py.File(v1.folder / "inputs/lgn_spikes.nwb") as file:
        assert len(file["processing"]) == TRIALS
        for node, train in enumerate(trains):
            assert np.array_equal(train.times_ms, file[f"processing/trial_1/spike_train/{node}/data"][()])


def test_libsonata_finds_the_same_populations(v1: V1Layout) -> None:
    for name, count in (("v1", v1.biophysical_n + v1.point_n), ("lgn", v1.lgn_n), ("bkg", v1.bkg_n)):
        storage = libsonata.NodeStorage(str(v1.folder / f"network/{name}_nodes.h5"))
        assert storage.population_names == {name}
        with h5py.File(v1.folder / f"network/{name}_nodes.h5") as file:
            assert len(file[f"nodes/{name}/node_id"]) == count


def test_invented_cells_stand_for_the_allen_cells(tmp_path: Path) -> None:
    v1 = write_v1(tmp_path, allen=False, biophysical_n=5, point_n=5)
    circuit = read(v1.config)
    assert sum(isinstance(cell, Cell) for cell in circuit.cells.values()) == 5
    assert any(c.mechanism is not None and len(c) > 50 for c in circuit.connections)


def test_check_and_run_from_the_command_line(v1: V1Layout, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(v1.config)]) == 0
    assert "12 biophysical, 30 point" in capsys.readouterr().out
    spikes = []
    for threads in (1, 2):
        out = tmp_path / str(threads)
        assert main(["run", str(v1.config), "--output", str(out), "--threads", str(threads), "--quiet"]) == 0
        with h5py.File(out / "spikes.h5") as file:
            spikes.append([file[f"spikes/v1/{name}"][()] for name in ("timestamps", "node_ids")])
    nodes = spikes[0][1]
    assert (nodes < v1.biophysical_n).any() and (nodes >= v1.biophysical_n).any()
    assert all(np.array_equal(a, b) for a, b in zip(*spikes, strict=True))


def test_the_configuration_is_plain_json_with_a_manifest(v1: V1Layout) -> None:
    for name in ("config", "circuit_config", "simulation_config"):
        assert "manifest" in json.loads((v1.folder / f"{name}.json").read_text())
