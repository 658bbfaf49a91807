"""``neurosim scene``: the scene file of a SONATA circuit, against its files read alone and the circuit in memory."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from neurosim.cli import main
from neurosim.errors import ModelError, SimulationError, SonataError
from neurosim.sonata import node_pieces
from neurosim.sonata.circuit import read
from neurosim.viewer.scene import convert as converting
from neurosim.viewer.scene.convert import convert, default_output, out_of_date
from neurosim.viewer.scene.kind_table import KindTable, joined
from neurosim.viewer.scene.memory import scene_of
from neurosim.viewer.scene.scene import NO_TEMPLATE, STEPS, TURN, Scene
from neurosim.viewer.scene.scene_file import FileScene
from tests.sonata_circuit import change, write_circuit, write_nodes

NODES = "network/cells_nodes.h5"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_circuit(tmp_path / "circuit")


def many_nodes(config: Path, n: int, **more: Any) -> dict[str, Any]:
    """Replace the cells by n at random places, ids mixed and with gaps; return the columns."""
    rng = np.random.default_rng(4)
    columns: dict[str, Any] = {
        "x": rng.normal(0.0, 300.0, n),
        "y": rng.normal(50.0, 300.0, n),
        "z": rng.normal(-900.0, 300.0, n),
        "rotation_angle_yaxis": rng.uniform(0.0, 6.0, n),
        "rotation_angle_zaxis": rng.uniform(0.0, 6.0, n),
        "tuning": rng.random(n),
        **more,
    }
    ids = rng.permutation(2 * n)[:n]
    write_nodes(config.parent / NODES, "cells", rng.choice([100, 101, 102], n).tolist(), ids=ids.tolist(), **columns)
    return {"node_id": ids, **columns}


def by_gid(scene: Scene) -> dict[str, Any]:
    """Return the columns of a scene's cells by ascending gid."""
    cells = scene.cells(np.arange(scene.n, dtype=np.uint32))
    order = np.argsort(cells.gid)
    return {
        "gid": cells.gid[order],
        "place": scene.positions_um(cells)[order],
        "turn": cells.turn[order],
        "nodes": [scene.template(int(t)).nodes_n if t != NO_TEMPLATE else 0 for t in cells.template[order]],
        "population": [scene.kinds[k].population for k in cells.kind[order]],
        "layer": [scene.kinds[k].facts.get("layer") for k in cells.kind[order]],
        "index": scene.index_of_rank[order],
    }


def test_places_are_those_of_the_nodes_file(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_pieces, "PIECE", 1000)
    many_nodes(config, 9500)
    scene = FileScene(convert(config))
    with h5py.File(config.parent / NODES, "r") as file:
        ids = file["nodes/cells/node_id"][()].astype(np.int64)
        place = np.stack([file[f"nodes/cells/0/{axis}"][()] for axis in "xyz"], axis=1)
    found = by_gid(scene)
    order = np.argsort(ids)
    step_um = (scene.octree.box_um[1] - scene.octree.box_um[0]).max() / STEPS
    assert np.array_equal(found["gid"], ids[order] + 2)  # two virtual nodes are declared before
    assert np.abs(found["place"] - place[order]).max() <= 0.51 * step_um
    assert len(scene.octree) > 1


def test_a_file_agrees_with_the_circuit_in_memory(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_pieces, "PIECE", 64)
    many_nodes(config, 300)
    change(config, "node_sets.none_such", [2, 10**6])
    scene, memory = FileScene(convert(config)), scene_of(read(config))
    mine, other = by_gid(scene), by_gid(memory)
    for name in ("gid", "place", "nodes", "population", "layer", "index"):
        assert np.array_equal(mine[name], other[name]), name
    assert np.abs(mine["turn"].astype(int) - other["turn"]).max() <= 1
    assert (scene.title, scene.node_sets, scene.templates_n) == (memory.title, memory.node_sets, memory.templates_n)
    for name in scene.node_sets:
        gids, others = (np.sort(s.cells(s.members(name)).gid) for s in (scene, memory))
        assert np.array_equal(gids, others), name
    assert np.array_equal(np.sort(scene.rank_of_index), np.sort(memory.rank_of_index))
    assert scene.labels(7) == memory.labels(int(memory.rank_of_index[scene.index_of_rank[7]]))
    assert "soma[0](0.5)" in scene.labels(7)


def test_a_turn_is_rx_ry_rz(config: Path) -> None:
    columns = many_nodes(config, 5)
    found = by_gid(FileScene(convert(config)))
    order = np.argsort(columns["node_id"])
    y, z = (0.5 * columns[f"rotation_angle_{axis}axis"][order] for axis in "yz")
    # (0, sin y, 0, cos y) times (0, 0, sin z, cos z)
    expected = np.stack(
        (np.sin(y) * np.sin(z), np.sin(y) * np.cos(z), np.cos(y) * np.sin(z), np.cos(y) * np.cos(z)), axis=1
    )
    assert np.abs(found["turn"] - TURN * expected).max() <= 0.5 + 1e-6


def test_node_sets_of_every_form_are_kept(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_pieces, "PIECE", 7)
    columns = many_nodes(config, 40)
    sets = {
        "half": {"tuning": {"$lt": 0.5}},
        "ids": {"population": "cells", "node_id": columns["node_id"][:3].tolist()},
        "gids": (columns["node_id"][:4] + 2).tolist(),
        "mixed": ["half", "gids"],
        "virtual": [0],
        "wrong": {"nonsense": 3},
    }
    change(config, "node_sets", sets)
    scene = FileScene(convert(config))
    ids, half = columns["node_id"], columns["tuning"] < 0.5
    expected = {
        "half": ids[half], "ids": ids[:3], "gids": ids[:4], "mixed": np.union1d(ids[half], ids[:4]), "cells": ids,
        "all": ids,
    }  # fmt: skip
    assert set(scene.node_sets) == set(expected)
    for name, members in expected.items():
        assert np.array_equal(np.sort(scene.cells(scene.members(name)).gid), np.sort(members) + 2), name
    assert [text for text in scene.notices if "'wrong'" in text and "nonsense" in text]


def test_facts_are_the_columns_with_few_values(config: Path) -> None:
    many_nodes(config, 400, row=(np.arange(400) % 4).tolist())
    facts = {name for kind in FileScene(convert(config)).kinds for name in kind.facts}
    assert {"row", "layer", "ei", "model_type"} <= facts
    assert "tuning" not in facts


def test_too_many_kinds_leave_the_widest_fact_out() -> None:
    table = KindTable("cells", ["a", "b"], most=10)
    numbers = [table.number({"a": str(k % 3), "b": str(k)}) for k in range(100)]
    kinds, becomes = joined([table])
    assert table.left_out == ["cells.b"]
    assert [kinds[becomes[0][number]].facts for number in numbers] == [{"a": str(k % 3)} for k in range(100)]


def test_a_cell_without_a_place_is_refused_with_its_number(config: Path) -> None:
    x = np.arange(4.0)
    x[2] = np.nan
    write_nodes(config.parent / NODES, "cells", [100] * 4, ids=[3, 9, 7, 1], x=x)
    with pytest.raises(SonataError, match="node 7 of 'cells' has no x, y, z"):
        convert(config)
    assert not default_output(config).exists()


def test_a_place_that_is_not_finite_is_refused(config: Path) -> None:
    write_nodes(config.parent / NODES, "cells", [100] * 2, x=[1.0, np.inf])
    with pytest.raises(SonataError, match="must be finite"):
        convert(config)


def test_a_circuit_without_any_cell_that_has_a_place_is_refused(config: Path) -> None:
    change(config, "networks.nodes", json.loads((config.parent / "circuit.json").read_text())["networks"]["nodes"][:1])
    with pytest.raises(ModelError, match="got 0"):
        convert(config)


def test_a_machine_that_is_too_small_is_told_with_the_figure(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(converting, "free_memory_bytes", lambda: 10**6)
    said: list[Any] = []
    with pytest.raises(SimulationError, match=r"6 nodes needs 0\.42 GB of memory, 0\.00 GB are free"):
        convert(config, say=said.append)
    assert said[0].nodes_n == 6
    assert not default_output(config).exists()


def test_progress_goes_from_reading_to_the_end(config: Path) -> None:
    said: list[tuple[str, float]] = []
    convert(config, progress=lambda what, part: said.append((what, part)))
    parts = [part for _, part in said]
    assert parts == sorted(parts) and 0.0 < parts[0] < 0.1 and parts[-1] == 1.0
    assert list(dict.fromkeys(what for what, _ in said)) == ["reading cells", "ordering", "writing"]


def test_bodies_that_cannot_run_are_shown_from_their_swc(config: Path) -> None:
    path = config.parent / "components/models/fit.json"
    fit = json.loads(path.read_text())
    fit["genome"][0] = {"section": "soma", "name": "gbar_Unheard", "value": 0.9, "mechanism": "Unheard"}
    path.write_text(json.dumps(fit))
    scene = FileScene(convert(config))
    assert (scene.cells(np.arange(4, dtype=np.uint32)).template != NO_TEMPLATE).all()
    assert [text for text in scene.notices if "SWC" in text and "Unheard" in text]


def test_bodies_without_a_file_are_points(config: Path) -> None:
    shutil.rmtree(config.parent / "components/morphologies")
    (config.parent / "components/morphologies").mkdir()
    scene = FileScene(convert(config))
    assert (scene.cells(np.arange(4, dtype=np.uint32)).template == NO_TEMPLATE).all()
    assert [text for text in scene.notices if "points" in text and "cell" in text]


def test_only_files_named_as_scenes_are_written(config: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"\*\.scene\.h5"):
        convert(config, tmp_path / "nodes.h5")


def test_the_command_writes_says_and_skips(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scene", str(config)]) == 0
    first = capsys.readouterr()
    assert "6 nodes: needs up to" in first.out and "4 cells, 2 templates" in first.out
    assert "%" not in first.err  # no bar: this is no terminal
    assert main(["scene", str(config)]) == 0
    assert capsys.readouterr().out == f"{default_output(config)} is up to date\n"
    write_nodes(config.parent / NODES, "cells", [100, 100], x=[0.0, 1.0])
    assert main(["scene", str(config)]) == 0
    again = capsys.readouterr()
    assert "out of date: network/cells_nodes.h5" in again.err and "2 cells" in again.out
    assert main(["scene", str(config), "--again", "--quiet", "-o", str(config.parent / "other.scene.h5")]) == 0
    assert capsys.readouterr().err == ""


def test_the_command_makes_a_damaged_file_again(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    default_output(config).write_bytes(b"no HDF5")
    assert main(["scene", str(config)]) == 0
    assert FileScene(default_output(config)).n == 4


def test_a_mistake_in_the_circuit_is_exit_code_2(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.unlink(config.parent / NODES)
    assert main(["scene", str(config)]) == 2
    assert "cells_nodes.h5" in capsys.readouterr().err


def test_a_scene_of_another_configuration_is_out_of_date(config: Path, tmp_path: Path) -> None:
    scene = FileScene(convert(config))
    other = write_circuit(tmp_path / "other")
    assert out_of_date(scene, config) == []
    assert out_of_date(scene, other) == ["made of another configuration than config.json"]
