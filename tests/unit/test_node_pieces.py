"""Nodes read in pieces are the nodes read as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from neurosim.errors import SonataError
from neurosim.sonata.config import load
from neurosim.sonata.node_pieces import NodeFile, alike, node_files, part_of
from neurosim.sonata.nodes import Population, read_populations
from tests.sonata_circuit import write_circuit, write_nodes

NODES = "network/cells_nodes.h5"
N = 50


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Cells in two groups: one with texts from a library and a table of places, one with plain columns."""
    path = write_circuit(tmp_path / "circuit")
    rng = np.random.default_rng(1)
    types = rng.choice([100, 101, 102], N).tolist()
    write_nodes(path.parent / NODES, "cells", types, ids=rng.permutation(3 * N)[:N].tolist(), note=["a", "b"] * 15)
    with h5py.File(path.parent / NODES, "r+") as file:
        group = file["nodes/cells"]
        label = (np.arange(N) % 5 < 2).astype(np.uint32)
        group["node_group_id"][:] = label
        group["node_group_index"][:] = np.where(label == 1, np.cumsum(label) - 1, N - 20 - np.cumsum(1 - label))
        group["0/x"] = rng.random(30)
        group["0/dynamics_params/gbar"] = rng.integers(0, 3, 30).astype(float)
        group["1/positions"] = rng.random((20, 3))
        group["1/word"] = rng.integers(0, 2, 20)
        group["1/@library/word"] = ["yes", "no"]
    return path


def cells_of(found: list[Any]) -> Any:
    return next(each for each in found if each.name == "cells")


@pytest.mark.parametrize("rows", [1, 7, N, None])
def test_pieces_together_are_the_whole(config: Path, rows: int | None) -> None:
    file: NodeFile = cells_of(node_files(load(config)))
    whole: Population = cells_of(read_populations(load(config)))
    pieces = list(file.pieces({*whole.names}, parameters=True, rows=rows))
    assert (file.nodes_n, file.first_gid, file.next_gid) == (N, whole.first_gid, whole.next_gid)
    assert file.names == whole.names
    for name in ("node_ids", "type_ids", "rows", "gids"):
        assert np.array_equal(np.concatenate([getattr(piece, name) for piece in pieces]), getattr(whole, name))
    for name in whole.names:
        parts = [piece.text(name) for piece in pieces]
        assert np.array_equal(np.concatenate(parts), whole.text(name)), name
    parameters = [piece.parameters_of(row) for piece in pieces for row in range(len(piece))]
    assert parameters == [whole.parameters_of(row) for row in range(N)]


def test_what_is_not_asked_for_is_not_read(config: Path) -> None:
    piece = next(iter(cells_of(node_files(load(config))).pieces({"x"})))
    assert "note" not in piece.names and "word" not in piece.names
    assert not any(piece.parameters.values())


def test_alike_nodes_agree_in_everything_named(config: Path) -> None:
    file = cells_of(node_files(load(config)))
    piece = next(iter(file.pieces({"note", "word"}, parameters=True)))
    first, code = alike(piece, {"note", "word"})

    def facts(row: int) -> Any:
        return piece.type_ids[row], piece.text("note")[row], piece.text("word")[row], piece.parameters_of(row)

    assert all(facts(row) == facts(int(first[code[row]])) for row in range(N))
    assert len(first) == len({repr(facts(row)) for row in range(N)})
    assert np.array_equal(part_of(piece, first).type_ids, piece.type_ids[first])


def test_gids_of_later_populations_follow_the_largest_id(config: Path) -> None:
    first, second = node_files(load(config))
    assert (first.name, first.next_gid, second.first_gid) == ("inputs", 2, 2)
    assert first.dense and not second.dense


def test_a_population_without_nodes_is_one_empty_piece(config: Path) -> None:
    write_nodes(config.parent / NODES, "cells", [], ids=[])
    file = cells_of(node_files(load(config)))
    assert [len(piece) for piece in file.pieces({"x"})] == [0]


@pytest.mark.parametrize("ids", [[0, 1, 1, 2], [0, 10**9, 1, 10**9]])
def test_ids_that_occur_twice_are_refused(config: Path, ids: list[int]) -> None:
    write_nodes(config.parent / NODES, "cells", [100] * 4, ids=ids)
    with pytest.raises(SonataError, match="unique"):
        node_files(load(config))


def test_columns_of_other_lengths_are_refused(config: Path) -> None:
    with h5py.File(config.parent / NODES, "r+") as file:
        del file["nodes/cells/node_group_index"]
        file["nodes/cells/node_group_index"] = np.arange(3)
    with pytest.raises(SonataError, match="3 values for 50 nodes"):
        node_files(load(config))


def test_an_index_outside_its_group_is_refused(config: Path) -> None:
    with h5py.File(config.parent / NODES, "r+") as file:
        file["nodes/cells/node_group_index"][4] = 77
    with pytest.raises(SonataError, match="outside"):
        list(cells_of(node_files(load(config))).pieces({"x"}))


def test_a_word_outside_its_library_is_refused(config: Path) -> None:
    with h5py.File(config.parent / NODES, "r+") as file:
        file["nodes/cells/1/word"][0] = 5
    with pytest.raises(SonataError, match="library"):
        list(cells_of(node_files(load(config))).pieces({"word"}))


def test_a_file_that_is_damaged_later_on_is_an_error_of_its_population(config: Path) -> None:
    file = cells_of(node_files(load(config)))
    (config.parent / NODES).write_bytes(b"gone")
    with pytest.raises(SonataError, match="cannot be read"):
        list(file.pieces({"x"}))
