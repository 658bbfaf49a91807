"""Edges: hyperslabs, indices, groups, types, and what is wrong with them."""

from __future__ import annotations

import gc
import tracemalloc
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurosim.errors import SonataError
from neurosim.model.cell import Cell
from neurosim.sonata.check import connection_bytes, summary
from neurosim.sonata.circuit import read
from neurosim.sonata.hyperslabs import rows_of, take
from neurosim.sonata.placement import Rule, Streams, candidates, read_rule
from tests.sonata_circuit import change, write_nodes
from tests.sonata_edges import with_edges, write_edges


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with h5py.File(tmp_path_factory.mktemp("h5") / "a.h5", "w") as file:
        file["one"], file["two"] = np.arange(100) * 3, np.arange(200).reshape(100, 2)
        file["text"] = [f"w{k}" for k in range(100)]
        yield file


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.integers(0, 99), max_size=30), piece=st.integers(1, 40), name=st.sampled_from(["one", "two"]))
def test_take_is_fancy_indexing(dataset: Any, rows: list[int], piece: int, name: str) -> None:
    wanted = np.array(rows, dtype=np.int64)
    assert np.array_equal(take(dataset[name], wanted, piece=piece), dataset[name][()][wanted])


def test_take_returns_texts(dataset: Any) -> None:
    assert take(dataset["text"], np.array([7, 3, 3])).tolist() == ["w7", "w3", "w3"]


def test_rows_of_ranges_are_in_the_order_of_the_ranges() -> None:
    assert rows_of(np.array([[4, 6], [1, 1], [0, 3]], dtype=np.uint64)).tolist() == [4, 5, 0, 1, 2]


def test_streams_are_numpys_choice_bit_for_bit() -> None:
    probability = np.random.default_rng(3).random(50)
    probability /= probability.sum()
    streams, old = Streams(), {gid: np.random.RandomState(gid) for gid in (0, 7, 123456)}
    cumulated = probability.cumsum()
    cumulated /= cumulated[-1]
    for gid, count in ((7, 3), (0, 1), (7, 0), (123456, 40), (7, 5), (0, 2)):
        found = cumulated.searchsorted(streams.take(gid, count), side="right")
        assert np.array_equal(found, old[gid].choice(50, count, p=probability))


@pytest.mark.parametrize(
    ("sections", "distances", "rule"),
    [
        ("['basal', 'apical']", "[0.0, 150.0]", Rule(("dend", "apic"), 0.0, 150.0)),
        ('["soma", "somatic"]', "[10, 1e20]", Rule(("soma",), 10.0, 1e20)),
        ("basal", 60.0, Rule(("dend",), 0.0, 60.0)),
        ("('axon',)", "60.0", Rule(("axon",), 0.0, 60.0)),
    ],
)
def test_placement_rules_are_read_as_written(sections: Any, distances: Any, rule: Rule) -> None:
    assert read_rule(sections, distances) == rule


@pytest.mark.parametrize(
    ("sections", "distances", "words"),
    [
        (None, "[0, 1]", "target_sections"),
        ("['basle']", "[0, 1]", "basle"),
        ("__import__('os')", "[0, 1]", "target_sections"),
        ("['basal']", None, "distance_range"),
        ("['basal']", "[0]", "distance_range"),
        ("['basal']", "near", "distance_range"),
    ],
)
def test_a_wrong_placement_rule_says_what_is_wrong(sections: Any, distances: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_rule(sections, distances)


def test_candidates_are_weighted_by_the_length_in_range() -> None:
    cell = Cell.cylinder(100.0, 1.0, nseg=5)
    nodes, cumulated = candidates(cell, Rule(("soma",), 30.0, 70.0))
    assert cell.tree.x[nodes].tolist() == [0.3, 0.5, 0.7]
    assert np.allclose(np.diff(cumulated, prepend=0.0), [0.25, 0.5, 0.25])


def test_edges_become_synapses_with_weight_delay_and_place(tmp_path: Path) -> None:
    circuit = read(with_edges(tmp_path))
    one, two = circuit.connections
    assert (one.mechanism and one.mechanism.name, one.values) == ("Exp2Syn", {"e": 0.0, "tau1": 1.0, "tau2": 3.0})
    assert (two.mechanism and two.mechanism.name, two.values) == ("ExpSyn", {"e": -70.0, "tau": 4.0})
    assert one.source_gid.tolist() == [0, 1] and one.target_gid.tolist() == [2, 2]
    cell = circuit.cells[2]
    assert isinstance(cell, Cell)
    assert one.node.tolist() == [cell.tree.compartment(1, 0.5), cell.tree.compartment(0, 0.2)]
    assert (one.weight.tolist(), one.delay_ms.tolist()) == ([0.001, 0.001], [2.0, 2.0])
    assert (two.weight.tolist(), two.delay_ms.tolist()) == ([0.002], [1.0])
    assert [type(circuit.cells[g]).__name__ for g in (0, 1, 2)] == ["SpikeTrain", "SpikeTrain", "Cell"]


def test_values_of_a_group_win_over_the_types_table_and_groups_may_differ(tmp_path: Path) -> None:
    groups = {
        0: {"sec_id": [1, 2], "sec_x": [0.5, 0.5], "delay": [3.0, 4.0]},
        4: {
            "sec_id": [0],
            "sec_x": [0.5],
            "syn_weight": [0.5],
            "model_template": ["expsyn"],
            "dynamics_params": ["one.json"],
        },
    }
    edges = {"types": [1, 1, 1], "groups": groups, "group_ids": [0, 4, 0], "group_rows": [1, 0, 0]}
    one, two = read(with_edges(tmp_path, **edges)).connections
    assert one.delay_ms.tolist() == [4.0, 3.0]
    assert (two.weight.tolist(), two.mechanism and two.mechanism.name) == ([0.5], "ExpSyn")


def test_parameters_of_the_h5_file_are_columns(tmp_path: Path) -> None:
    config = with_edges(tmp_path, types=[1, 1, 1])
    with h5py.File(tmp_path / "network/edges.h5", "a") as file:
        file["edges/inputs_cells/0/dynamics_params/tau2"] = [5.0, np.nan, 7.0]
        file["edges/inputs_cells/0/dynamics_params/erev"] = [-1.0, -2.0, -3.0]
    (found,) = read(config).connections
    assert np.asarray(found.values["tau2"]).tolist() == [5.0, 7.0, 3.0]
    assert np.asarray(found.values["e"]).tolist() == [-1.0, -3.0, -2.0]
    assert found.values["tau1"] == 1.0


def test_library_enumerations_of_edges_are_looked_up(tmp_path: Path) -> None:
    config = with_edges(tmp_path)
    with h5py.File(tmp_path / "network/edges.h5", "a") as file:
        file["edges/inputs_cells/0/weight_function"] = np.array([0, 1, 0])
        file["edges/inputs_cells/0/@library/weight_function"] = ["wmax", "nobody"]
    with pytest.raises(SonataError, match="no weight_function 'nobody'"):
        read(config)


def test_disabled_edges_are_left_out(tmp_path: Path) -> None:
    circuit = read(change(with_edges(tmp_path), "networks.edges.0.enabled", False))
    assert circuit.connections == []
    assert "networks.edges[0]: disabled" in circuit.config.notices


def test_edges_of_virtual_nodes_that_nothing_drives_are_left_out_and_said(tmp_path: Path) -> None:
    circuit = read(change(with_edges(tmp_path), "inputs.play.enabled", False))
    assert circuit.connections == []
    assert any("no input drives 'inputs'" in text for text in circuit.config.notices)


def test_check_prints_the_edges(tmp_path: Path) -> None:
    circuit = read(with_edges(tmp_path))
    text = summary(circuit)
    assert "inputs_cells (inputs to cells, inputs.play): 3 of 3 edges; 3 given" in text
    assert "2 x Exp2Syn e=0 tau1=1 tau2=3" in text
    assert "weights 0.001 to 0.002, delays 1 to 2 ms" in text
    assert connection_bytes(circuit) == 3 * 28 + 5 * 8


def spoil(folder: Path, name: str, value: Any, attribute: str | None = None) -> None:
    with h5py.File(folder / "network/edges.h5", "a") as file:
        group = file["edges/inputs_cells"]
        if attribute is not None:
            group[name].attrs[attribute] = value
            return
        attributes = dict(group[name].attrs) if name in group else {}
        if name in group:
            del group[name]
        if value is not None:
            group[name] = np.asarray(value)
            group[name].attrs.update(attributes)


SPOILED: list[tuple[str, Any, str]] = [
    ("edge_type_id", None, "no dataset edge_type_id"),
    ("source_node_id", [0.5, 1.0, 1.0], "whole numbers"),
    ("target_node_id", [0, 1], "differ in length"),
    ("source_node_id", [0, 9, 1], "node 9 of 'inputs'"),
    ("target_node_id", [0, 2**31 - 1, 0], "1 of 3 edges end on nodes that 'cells' lacks"),
    ("target_node_id", [0, 2**40, 0], "node ids are from 0"),
    ("edge_type_id", [1, 77, 1], "no type 77"),
    ("0/afferent_section_id", [1, 99, 0], "section 99"),
    ("0/afferent_section_pos", [0.5, 1.5, 0.2], "from 0 to 1"),
    ("0/afferent_section_pos", None, "afferent_section_pos"),
    ("0/afferent_section_id", None, "no place on its target"),
    ("0/delay", [1.0, -1.0, 1.0], "0 ms or more"),
    ("0/syn_weight", [1.0, np.nan, 1.0], "syn_weight"),
    ("0/dynamics_params/tau9", [1.0, 1.0, 1.0], "tau9"),
    ("0/dynamics_params/tau1", [1.0, 1.0, -1.0], "outside"),
    ("indices/target_to_source/node_id_to_range", [[0, 1]], "two columns"),
    ("0/is_gap_junction", [1, 1, 1], "source has no membrane"),
]


@pytest.mark.parametrize(("name", "value", "words"), SPOILED, ids=[f"{n}-{w}" for n, _, w in SPOILED])
def test_a_mistake_in_an_edges_file_is_reported_at_the_file(tmp_path: Path, name: str, value: Any, words: str) -> None:
    config = with_edges(tmp_path)
    spoil(tmp_path, name, value)
    with pytest.raises(SonataError, match=words) as caught:
        read(config)
    assert (caught.value.key or "").startswith("networks.edges[0].edge")


@pytest.mark.parametrize(
    ("lookup", "table", "words"),
    [
        ([[0, 1], [1, 9]], [[0, 1], [1, 2]], "node 1 has ranges 1 to 9"),
        ([[0, 1], [1, 2]], [[0, 1], [1, 8]], "edges 1 to 8"),
        ([[0, 1], [1, 2]], [[0, 2], [2, 3]], "belongs to target node 0"),
    ],
)
def test_a_wrong_index_is_an_error(tmp_path: Path, lookup: Any, table: Any, words: str) -> None:
    config = with_edges(tmp_path)
    spoil(tmp_path, "indices/target_to_source/node_id_to_range", lookup)
    spoil(tmp_path, "indices/target_to_source/range_to_edge_id", table)
    with pytest.raises(SonataError, match=words):
        read(config)


@pytest.mark.parametrize("side", ["source", "target"])
def test_an_unknown_population_of_edges_is_an_error(tmp_path: Path, side: str) -> None:
    config = with_edges(tmp_path)
    spoil(tmp_path, f"{side}_node_id", "v2", "node_population")
    with pytest.raises(SonataError, match=f"the {side} population 'v2'") as caught:
        read(config)
    assert caught.value.key == "networks.edges[0].edges_file"


def test_edges_onto_virtual_nodes_only_are_an_error(tmp_path: Path) -> None:
    config = with_edges(tmp_path)
    spoil(tmp_path, "target_node_id", "inputs", "node_population")
    with pytest.raises(SonataError, match="virtual; nothing would happen"):
        read(config)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("1 Exp2Syn", "1 Exp3Syn", "Exp2Syn"),
        ("1 Exp2Syn", "1 hh", "no synapse"),
        ("1 Exp2Syn", "1 NULL", "no model_template"),
        ("1 Exp2Syn exc.json", "1 Exp2Syn one.json", "is missing; Exp2Syn needs it"),
        ("1 Exp2Syn exc.json", "1 Exp2Syn NULL", "has no dynamics_params"),
        ("1 Exp2Syn exc.json", "1 Exp2Syn two.json", "no file 'two.json'"),
        ("exc.json 2.0", "exc.json NULL", "has no delay"),
        ("2.0 0.001 NULL", "2.0 0.001 wmx", "wmax"),
        ("edge_type_id", "edge_type", "edge_type_id"),
    ],
)
def test_a_mistake_in_a_types_table_of_edges_is_reported(tmp_path: Path, old: str, new: str, words: str) -> None:
    config = with_edges(tmp_path)
    path = tmp_path / "network/edge_types.csv"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(SonataError, match=words):
        read(config)


def test_an_edge_without_a_segment_in_range_makes_no_synapse_and_is_said(tmp_path: Path) -> None:
    config = with_edges(tmp_path, types=[3, 3, 3], groups={0: {"nsyns": [2, 1, 3]}})
    path = tmp_path / "network/edge_types.csv"
    assert sum(len(c) for c in read(config).connections) == 6
    path.write_text(path.read_text().replace("[0.0, 100.0]", "[5000, 6000]"))
    circuit = read(config)
    assert circuit.connections == []
    assert any("make no synapse" in text for text in circuit.config.notices)


def test_a_million_synapses_keep_at_most_40_bytes_each(tmp_path: Path) -> None:
    count, cells = 1_000_000, 500
    config, random = with_edges(tmp_path), np.random.default_rng(5)
    small = read(config)
    write_nodes(tmp_path / "network/cells_nodes.h5", "cells", [100, 101, 102, 100] * (cells // 4))
    columns = {"sec_id": random.integers(0, 7, count), "sec_x": random.random(count)}
    ends = ("inputs", random.integers(0, 2, count).tolist()), ("cells", random.integers(0, cells, count).tolist())
    write_edges(tmp_path / "network/edges.h5", *ends, np.ones(count, int).tolist(), {0: columns})
    del ends, columns
    gc.collect()
    tracemalloc.start()
    circuit = read(config)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(len(c) for c in circuit.connections) == count
    assert connection_bytes(circuit) <= 40 * count
    assert kept <= 40 * count and peak <= 80 * count
    assert len(small.connections) == 2
