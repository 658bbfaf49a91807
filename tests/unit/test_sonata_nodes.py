from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from neurosim.errors import SonataError
from neurosim.sonata.config import load
from neurosim.sonata.node_sets import NodeSets
from neurosim.sonata.nodes import Population, read_populations
from neurosim.sonata.types import read_types
from tests.sonata_circuit import change, write_circuit, write_nodes


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_circuit(tmp_path)


def cells(config: Path) -> Population:
    return read_populations(load(config))[1]


def test_gids_follow_the_largest_node_id_of_the_populations_before(config: Path, tmp_path: Path) -> None:
    write_nodes(tmp_path / "network/inputs_nodes.h5", "inputs", [7, 7], ids=[3, 9])
    first, second = read_populations(load(config))
    assert first.gids.tolist() == [3, 9]
    assert second.gids.tolist() == [10, 11, 12, 13]


def test_node_ids_default_to_the_order_of_the_file(config: Path, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "network/cells_nodes.h5", "a") as file:
        del file["nodes/cells/node_id"]
    assert cells(config).node_ids.tolist() == [0, 1, 2, 3]


def test_an_attribute_of_the_h5_group_wins_over_the_types_table(config: Path, tmp_path: Path) -> None:
    write_nodes(tmp_path / "network/cells_nodes.h5", "cells", [100, 100, 102], ei=["i", "e", "e"])
    assert cells(config).text("ei").tolist() == ["i", "e", "e"]
    assert cells(config).text("layer").tolist() == ["layer 4", "layer 4", "layer 4"]


def test_groups_may_hold_different_attributes(config: Path, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "network/cells_nodes.h5", "a") as file:
        group = file["nodes/cells"]
        group["node_group_id"][:] = [0, 1, 1, 0]
        group["node_group_index"][:] = [0, 1, 0, 1]
        group["1/tuning"] = [10.0, 20.0]
        group["1/dynamics_params/gbar_NaTs"] = [0.5, 0.7]
    found = cells(config)
    assert found.attribute("tuning") is not None
    assert found.numbers("tuning", -1.0).tolist() == [-1.0, 20.0, 10.0, -1.0]
    assert found.parameters_of(1) == {"gbar_NaTs": 0.7}
    assert found.parameters_of(0) == {}


def test_library_enumerations_are_looked_up(config: Path, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "network/cells_nodes.h5", "a") as file:
        file["nodes/cells/0/area"] = np.array([1, 0, 1, 1], dtype=np.uint32)
        file["nodes/cells/0/@library/area"] = ["V1", "LM"]
    assert cells(config).text("area").tolist() == ["LM", "V1", "LM", "LM"]


def test_magic_is_not_required(config: Path, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "network/cells_nodes.h5", "a") as file:
        file.attrs.clear()
    assert len(cells(config)) == 4


def test_a_population_without_types_has_its_h5_attributes(config: Path, tmp_path: Path) -> None:
    change(config, "networks.nodes.0.node_types_file", None)
    write_nodes(tmp_path / "network/inputs_nodes.h5", "inputs", [7], model_type=["virtual"])
    assert read_populations(load(config))[0].kinds().tolist() == ["virtual"]


def test_types_tables_read_quotes_and_missing_values(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('node_type_id name g ei\n5 "a b" 1.5 NULL\n3 c NONE e\n\n9 d  i\n')
    table = read_types(path, "node_type_id", "k")
    assert table.ids.tolist() == [5, 3, 9]
    assert table.columns["name"].tolist() == ["a b", "c", "d"]
    assert np.isnan(table.columns["g"]).tolist() == [False, True, True]
    assert table.columns["ei"].tolist() == [None, "e", "i"]
    assert table.rows(np.array([9, 5, 9]), "k").tolist() == [2, 0, 2]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", None),
        ("node_type_id,name\n1,a\n", 1),
        ("node_type_id name\n1 a\n1 b\n", 3),
        ("node_type_id name\nx a\n", 2),
        ("node_type_id name\n1 a b c\n", 2),
        ("node_type_id name name\n1 a b\n", 1),
        ("node_type_id name\n1.5 a\n", 2),
    ],
)
def test_a_wrong_types_table_is_refused_with_its_line(tmp_path: Path, text: str, line: int | None) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(SonataError) as caught:
        read_types(path, "node_type_id", "networks.nodes[0].node_types_file")
    assert caught.value.key == "networks.nodes[0].node_types_file"
    assert caught.value.line == line


@pytest.fixture
def sets(config: Path) -> NodeSets:
    found = load(config)
    return NodeSets(found, read_populations(found))


@pytest.mark.parametrize(
    ("node_set", "gids"),
    [
        ("all", [0, 1, 2, 3, 4, 5]),
        ("inputs", [0, 1]),
        ("cells", [2, 3, 4, 5]),
        ("excitatory", [2, 3, 5]),
        ("layer4", [2, 4, 5]),
        ("two", [2, 4]),
        ("both", [2, 4, 5]),
        ([5, 2, 5], [2, 5]),
        (["inputs", "two"], [0, 1, 2, 4]),
        ({"population": "cells", "node_id": [0, 3]}, [2, 5]),
        ({"node_id": 1}, [1, 3]),
        ({"node_type_id": [101, 102]}, [3, 4]),
        ({"x": 100}, [3]),
        ({"x": {"$gt": 50, "$lte": 200}}, [3, 4]),
        ({"layer": {"$regex": "layer [45]"}}, [2, 3, 4, 5]),
        ({"ei": "e", "layer": ["layer 5", "layer 6"]}, [3]),
    ],
)
def test_node_sets_choose_nodes(sets: NodeSets, config: Path, node_set: Any, gids: list[int]) -> None:
    assert sets.gids(node_set, load(config).root, "node_set").tolist() == gids


@pytest.mark.parametrize(
    ("node_set", "words"),
    [
        ("excitatry", "excitatory"),
        ({"ei": "x"}, "no node"),
        ({"layr": "layer 4"}, "did you mean 'layer'"),
        ({"population": "cell"}, "no population"),
        ([2, 99], "gid 99"),
        ([2, "cells"], "either"),
        (3.5, "a node set is"),
        ({"x": {"$near": 3}}, "no rule"),
        ({"layer": {"$regex": "("}}, "regular expression"),
        ({"node_id": -1}, "whole number"),
    ],
)
def test_a_node_set_that_means_nothing_is_refused(sets: NodeSets, config: Path, node_set: Any, words: str) -> None:
    with pytest.raises(SonataError, match=words) as caught:
        sets.gids(node_set, load(config).section("inputs"), "node_set")
    assert caught.value.key == "inputs.node_set"


def test_a_node_set_that_contains_itself_is_refused(config: Path) -> None:
    change(config, "node_sets.a", ["b"])
    change(config, "node_sets.b", ["a"])
    found = load(config)
    with pytest.raises(SonataError, match="contains itself"):
        NodeSets(found, read_populations(found)).gids("a", found.root, "x")


def test_node_sets_come_from_a_file_and_inline_ones_win(config: Path, tmp_path: Path) -> None:
    (tmp_path / "sets.json").write_text('{"two": [3], "more": [4]}')
    change(config, "node_sets_file", "sets.json")
    found = load(config)
    sets = NodeSets(found, read_populations(found))
    assert sets.gids("more", found.root, "x").tolist() == [4]
    assert sets.gids("two", found.root, "x").tolist() == [2, 4]
    assert any("node_sets.two" in text for text in found.notices)


def test_positions_in_one_table_are_x_y_and_z(config: Path, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "network/cells_nodes.h5", "a") as file:
        file["nodes/cells/0/positions"] = np.arange(12.0).reshape(4, 3)
    found = cells(config)
    assert found.numbers("y", -1.0).tolist() == [1.0, 4.0, 7.0, 10.0]
    assert found.numbers("x", -1.0).tolist() == [0.0, 100.0, 200.0, 300.0]  # its own column wins
