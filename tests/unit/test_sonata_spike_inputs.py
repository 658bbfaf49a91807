"""Inputs that are spikes: every layout of file, replay, forced synapses, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from neurosim.errors import SonataError
from neurosim.model.point import SpikeTrain
from neurosim.sonata.circuit import Circuit, read
from tests.sonata_circuit import change, write_nodes
from tests.sonata_edges import with_edges, write_edges

TRAINS = {0: [3.0], 1: [4.0, 7.0]}


def trains(circuit: Circuit) -> dict[int, list[float]]:
    """Return gid -> times of the virtual nodes."""
    cells = {gid: cell for gid, cell in circuit.cells.items() if isinstance(cell, SpikeTrain)}
    return {gid: cell.times_ms.tolist() for gid, cell in cells.items()}


def play(folder: Path, file: str, **values: Any) -> Path:
    """Write the circuit with another spikes file and other members of the input."""
    config = with_edges(folder)
    return change(
        config,
        "inputs.play",
        {"input_type": "spikes", "module": "h5", "node_set": "inputs", "input_file": file, **values},
    )


def test_h5_with_populations(tmp_path: Path) -> None:
    assert trains(read(with_edges(tmp_path))) == TRAINS


@pytest.mark.parametrize("ids", ["gids", "node_ids"])
def test_h5_in_the_old_flat_layout(tmp_path: Path, ids: str) -> None:
    config = play(tmp_path, "old.h5")
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file["spikes/timestamps"], file[f"spikes/{ids}"] = [7.0, 3.0, 4.0], np.array([1, 0, 1])
    assert trains(read(config)) == TRAINS


@pytest.mark.parametrize("unit", ["s", b"seconds"])
def test_units_of_the_timestamps_are_honoured(tmp_path: Path, unit: Any) -> None:
    config = with_edges(tmp_path)
    with h5py.File(tmp_path / "spikes.h5", "a") as file:
        file["spikes/inputs/timestamps"][:] = [0.007, 0.003, 0.004]
        file["spikes/inputs/timestamps"].attrs["units"] = unit
    assert trains(read(config)) == TRAINS


def test_another_population_is_played_when_it_is_the_only_one_or_asked_for(tmp_path: Path) -> None:
    config = with_edges(tmp_path)
    with h5py.File(tmp_path / "spikes.h5", "a") as file:
        file.move("spikes/inputs", "spikes/retina")
    circuit = read(config)
    assert trains(circuit) == TRAINS
    assert any("'retina'" in text for text in circuit.config.notices)
    with h5py.File(tmp_path / "spikes.h5", "a") as file:
        file["spikes/others/timestamps"], file["spikes/others/node_ids"] = [1.0], np.array([0])
    with pytest.raises(SonataError, match="no population 'inputs'; it has others, retina"):
        read(config)
    assert trains(read(change(config, "inputs.play.population", "retina"))) == TRAINS
    assert trains(read(change(config, "inputs.play.population", "others"))) == {0: [1.0], 1: []}


@pytest.mark.parametrize(
    "text",
    [
        "timestamps population node_ids\n7.0 inputs 1\n3 inputs 0\n4 inputs 1\n9 others 1\n",
        "node_ids timestamps\n1 7.0\n0 3.0\n1 4.0\n",
        "7.0 1\n3.0 0\n4.0 1\n",
        "gid spike-times\n0 3.0\n1 7.0,4.0\n",
    ],
)
def test_csv_with_and_without_header_and_population(tmp_path: Path, text: str) -> None:
    config = play(tmp_path, "spikes.csv", module="csv")
    (tmp_path / "spikes.csv").write_text(text)
    assert trains(read(config)) == TRAINS


def test_csv_with_another_separator(tmp_path: Path) -> None:
    config = play(tmp_path, "spikes.csv", module="csv", sep=",")
    (tmp_path / "spikes.csv").write_text("timestamps,node_ids\n7,1\n3,0\n4,1\n")
    assert trains(read(config)) == TRAINS


def nwb1(path: Path, trials: int) -> None:
    with h5py.File(path, "w") as file:
        for k in range(trials):
            for node, times in TRAINS.items():
                file[f"processing/trial_{k}/spike_train/{node}/data"] = np.array(times[::-1]) + 10.0 * k


def test_nwb_1_has_trials(tmp_path: Path) -> None:
    config = play(tmp_path, "s.nwb", module="nwb")
    nwb1(tmp_path / "s.nwb", 1)
    assert trains(read(config)) == TRAINS
    nwb1(tmp_path / "s.nwb", 3)
    with pytest.raises(SonataError, match="it has trial_0, trial_1, trial_2") as caught:
        read(config)
    assert caught.value.key == "inputs.play.trial"
    assert trains(read(change(config, "inputs.play.trial", "trial_2"))) == {0: [23.0], 1: [24.0, 27.0]}
    with pytest.raises(SonataError, match="'trial_9' is not in"):
        read(change(config, "inputs.play.trial", "trial_9"))


@pytest.mark.parametrize(
    ("session", "factor"), [("an experiment", 1e-3), ("BMTK 1.2.0 generated NWB spikes file", 1.0)]
)
def test_nwb_2_has_units_in_seconds_unless_bmtk_wrote_them(tmp_path: Path, session: str, factor: float) -> None:
    config = play(tmp_path, "s.nwb", module="nwb")
    with h5py.File(tmp_path / "s.nwb", "w") as file:
        file["session_description"] = session
        file["units/id"], file["units/spike_times_index"] = np.array([0, 1]), np.array([1, 3])
        file["units/spike_times"] = np.array([3.0, 7.0, 4.0]) * factor
    found = trains(read(config))
    assert [np.round(found[gid], 9).tolist() for gid in (0, 1)] == list(TRAINS.values())


def test_a_node_set_chooses_who_fires(tmp_path: Path) -> None:
    circuit = read(change(with_edges(tmp_path), "inputs.play.node_set", {"population": "inputs", "node_id": [1]}))
    assert trains(circuit) == {0: [], 1: [4.0, 7.0]}
    assert sum(len(c) for c in circuit.connections) == 3
    assert any("1 of 2 virtual nodes" in text for text in circuit.config.notices)


def test_two_inputs_of_one_population_are_one_train_and_one_set_of_synapses(tmp_path: Path) -> None:
    config = with_edges(tmp_path)
    (tmp_path / "more.csv").write_text("timestamps node_ids\n5 1\n")
    more = {"input_type": "spikes", "module": "csv", "node_set": "inputs", "input_file": "more.csv"}
    circuit = read(change(config, "inputs.more", more))
    assert trains(circuit) == {0: [3.0], 1: [4.0, 5.0, 7.0]}
    assert sum(len(c) for c in circuit.connections) == 3


@pytest.mark.parametrize(
    ("times", "words"), [([7.0, -3.0, 4.0], "node 0 fires at -3 ms"), ([7.0, np.nan, 4.0], "finite")]
)
def test_a_time_that_cannot_be_is_an_error(tmp_path: Path, times: list[float], words: str) -> None:
    config = with_edges(tmp_path)
    with h5py.File(tmp_path / "spikes.h5", "a") as file:
        file["spikes/inputs/timestamps"][:] = times
    with pytest.raises(SonataError, match=words) as caught:
        read(config)
    assert caught.value.key == "inputs.play.input_file"


@pytest.mark.parametrize(
    ("module", "text", "words"),
    [
        ("csv", "timestamps node_ids\n7\n", "line 2: 1 values under 2 columns"),
        ("csv", "timestamps node_ids\n7 x\n", "line 2"),
        ("csv", "timestamps nodes\n7 1\n", "no column node_ids"),
        ("csv", b"\xff\xfe\x00", "not a table"),
        ("h5", "text", "not an HDF5 file"),
        ("nwb", "text", "not an HDF5 file"),
    ],
)
def test_a_wrong_file_is_an_error_at_its_key(tmp_path: Path, module: str, text: Any, words: str) -> None:
    config = play(tmp_path, "wrong", module=module)
    (tmp_path / "wrong").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SonataError, match=words) as caught:
        read(config)
    assert caught.value.key == "inputs.play.input_file"


@pytest.mark.parametrize("module", ["h5", "nwb"])
def test_an_hdf5_file_of_another_kind_is_an_error(tmp_path: Path, module: str) -> None:
    config = play(tmp_path, "network/cells_nodes.h5", module=module)
    with pytest.raises(SonataError, match="/spikes" if module == "h5" else "NWB"):
        read(config)


def recurrent(folder: Path) -> Path:
    """Write the circuit with three recurrent edges: e to e, e to i, i to e (nodes 0 and 1 are e, 2 is i)."""
    config = with_edges(folder)
    given = {"sec_id": [0, 1, 2], "sec_x": [0.5, 0.5, 0.5]}
    write_edges(folder / "network/edges.h5", ("cells", [0, 0, 2]), ("cells", [1, 2, 0]), [1, 1, 1], {0: given})
    change(config, "inputs.play.enabled", False)
    return config


def rows(circuit: Circuit) -> list[tuple[int, int, float]]:
    (found,) = circuit.connections
    return list(zip(found.source_gid.tolist(), found.target_gid.tolist(), found.weight.tolist(), strict=True))


def test_recurrent_edges_are_driven_by_their_sources(tmp_path: Path) -> None:
    circuit = read(recurrent(tmp_path))
    assert sorted(rows(circuit)) == [(2, 3, 0.001), (2, 4, 0.001), (4, 2, 0.001)]
    assert circuit.sources == []


def test_syn_activity_drives_what_fits_and_nothing_else_acts(tmp_path: Path) -> None:
    forced = {
        "input_type": "syn_activity", "module": "syn_activity", "timestamps": [5.0, 9.0],
        "precell_filter": {"ei": "e"}, "postcell_filter": {"ei": ["i", "x"]}, "node_set": "cells",
    }  # fmt: skip
    circuit = read(change(recurrent(tmp_path), "inputs.forced", forced))
    assert sorted(rows(circuit)) == [(2, 3, 0.0), (4, 2, 0.0), (6, 4, 0.001)]
    assert [source.times_ms.tolist() for source in circuit.sources] == [[5.0, 9.0]]


def test_replay_adds_synapses_driven_by_recorded_spikes(tmp_path: Path) -> None:
    config = recurrent(tmp_path)
    with h5py.File(tmp_path / "recorded.h5", "w") as file:
        file["spikes/cells/timestamps"], file["spikes/cells/node_ids"] = [8.0, 6.0, 2.0], np.array([0, 0, 3])
    edges = {"edges_file": "network/edges.h5", "edge_types_file": "network/edge_types.csv"}
    replay = {"input_type": "replay_spikes", "module": "replay", "spikes_file": "recorded.h5", "edges": edges}
    circuit = read(change(config, "inputs.again", {**replay, "target_node_set": [4]}))
    assert sorted(rows(circuit)) == [(2, 3, 0.001), (2, 4, 0.001), (4, 2, 0.001), (6, 4, 0.001)]
    assert circuit.sources[0].times_ms.tolist() == [6.0, 8.0]
    with pytest.raises(SonataError, match="nothing would happen"):
        read(change(config, "inputs.again", {**replay, "source_node_set": [5]}))


def test_two_forced_inputs_are_an_error(tmp_path: Path) -> None:
    forced = {"input_type": "syn_activity", "module": "syn_activity", "timestamps": 5.0, "precell_filter": {"ei": "e"}}
    config = change(recurrent(tmp_path), "inputs.a", forced)
    with pytest.raises(SonataError, match="only one syn_activity"):
        read(change(config, "inputs.b", forced))


def test_virtual_nodes_may_stand_in_a_population_of_cells(tmp_path: Path) -> None:
    config = recurrent(tmp_path)
    types = tmp_path / "network/cells_types.csv"
    types.write_text(types.read_text() + "300 virtual NULL NULL NULL NULL e NULL\n")
    write_nodes(tmp_path / "network/cells_nodes.h5", "cells", [100, 101, 300, 100])
    write_edges(tmp_path / "network/edges.h5", ("cells", [2, 0, 2, 1]), ("cells", [0, 1, 3, 2]), [1] * 4,
                {0: {"sec_id": [0] * 4, "sec_x": [0.5] * 4}})  # fmt: skip
    (tmp_path / "s.csv").write_text("timestamps node_ids\n5 2\n6 0\n")
    drive = {
        "input_type": "spikes",
        "module": "csv",
        "input_file": "s.csv",
        "node_set": {"model_type": "virtual", "population": "cells"},
    }
    circuit = read(change(config, "inputs.drive", drive))
    assert rows(circuit) == [(2, 3, 0.001), (4, 2, 0.001), (4, 5, 0.001)]  # recurrent edges before driven ones
    assert trains(circuit)[4] == [5.0]
    assert any("1 of 4 edges" in text and "virtual nodes" in text for text in circuit.config.notices)
