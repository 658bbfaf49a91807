"""Scenes in memory: cells by rank, facts and node sets, and the scenes of simulations, networks and circuits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import neurosim as ns
from neurosim.errors import ModelError
from neurosim.morphology import Section
from neurosim.sonata import read_network
from neurosim.sonata.circuit import read
from neurosim.sonata.ecp import ends_um
from neurosim.viewer.scene import bodies, facts
from neurosim.viewer.scene.memory import MemoryScene, scene_of
from neurosim.viewer.scene.scene import NO_TEMPLATE, STEPS, TURN, KindOfCell
from neurosim.viewer.scene.select import View, select_view
from tests.sonata_circuit import branching, change, write_circuit
from tests.viewer_scenes import branching_template, many_cells, three_cells

Floats = NDArray[np.float64]


def everybody(scene: MemoryScene) -> NDArray[np.uint32]:
    return np.arange(scene.n, dtype=np.uint32)


def step_um(scene: MemoryScene) -> float:
    """Half a step of the positions, with room for rounding."""
    return 0.51 * float((scene.octree.box_um[1] - scene.octree.box_um[0]).max()) / STEPS


def turned(points: Floats, turn: NDArray[np.int16]) -> Floats:
    """Points turned by a quaternion, by the formula p + 2 w (v x p) + 2 v x (v x p)."""
    q = turn / TURN
    v, w = q[:3], q[3]
    out: Floats = points + 2.0 * w * np.cross(v, points) + 2.0 * np.cross(v, np.cross(v, points))
    return out


def soma_and_dendrite(length_um: float = 100.0, nseg: int = 3) -> ns.Cell:
    return ns.Cell(
        [Section.cylinder("soma[0]", 20.0, 20.0), Section.cylinder("dend[0]", length_um, 2.0, 0)], name="small"
    ).set("dend", nseg=nseg)


def point_cell() -> ns.PointCell:
    return ns.PointCell(ns.mechanisms.IntFire1(tau=10.0))


# --- of arrays ------------------------------------------------------------------------------------------------------


@given(st.integers(1, 300), st.integers(0, 100))
def test_every_cell_is_there_once_with_its_own_columns(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    place = rng.uniform(-500.0, 500.0, (n, 3))
    scene = MemoryScene.from_arrays(
        "random",
        place,
        gid=7 * np.arange(n) + 3,
        kind=np.arange(n) % 2,
        kinds=[KindOfCell("a"), KindOfCell("b")],
        index=np.arange(n)[::-1],
        cells_n=n + 5,
    )
    cells = scene.cells(everybody(scene))
    row = (cells.gid.astype(int) - 3) // 7
    assert sorted(row.tolist()) == list(range(n))
    assert scene.positions_um(cells) == pytest.approx(place[row], abs=step_um(scene))
    assert (cells.kind == row % 2).all()
    assert (scene.index_of_rank == n - 1 - row).all()
    assert (scene.rank_of_index[scene.index_of_rank] == np.arange(n)).all()
    assert scene.rank_of_index[n:].tolist() == [-1] * 5


def test_cells_come_in_the_order_asked_for() -> None:
    scene = many_cells(50)
    asked = np.array([40, 3, 17], np.uint32)
    assert scene.cells(asked).rank.tolist() == [40, 3, 17]
    assert (scene.cells(asked).gid == scene.cells(everybody(scene)).gid[asked]).all()


def test_turns_are_stored_with_length_one() -> None:
    scene = MemoryScene.from_arrays("turned", [[0, 0, 0]], turn=[[0.0, 3.0, 0.0, 4.0]])
    turn = scene.cells(everybody(scene)).turn[0]
    assert turn.tolist() == [0, round(0.6 * TURN), 0, round(0.8 * TURN)]


def test_a_cell_without_a_template_is_a_point() -> None:
    scene = MemoryScene.from_arrays(
        "points", [[0, 0, 0], [1, 0, 0]], template=[-1, 0], templates=[branching_template(1)]
    )
    assert sorted(scene.cells(everybody(scene)).template.tolist()) == [0, NO_TEMPLATE]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ({"kind": [0, 1]}, "kind goes from 0 to 1"),
        ({"template": [0, 0]}, "template goes from 0 to 0"),
        ({"gid": [0.5, 1.0]}, "whole numbers"),
        ({"gid": [0]}, "whole numbers"),
        ({"turn": np.zeros((2, 4))}, "quaternions"),
        ({"index": [0, 9], "cells_n": 9}, "index goes from 0 to 9"),
    ],
)
def test_wrong_columns_are_refused(column: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        MemoryScene.from_arrays("wrong", np.eye(2, 3), **column)


def test_a_place_that_is_not_finite_is_refused_with_its_row() -> None:
    with pytest.raises(ModelError, match="cell 1"):
        MemoryScene.from_arrays("wrong", [[0.0, 0.0, 0.0], [np.nan, 1.0, 1.0]])


def test_unknown_ranks_templates_and_node_sets_are_refused() -> None:
    scene = three_cells()
    with pytest.raises(ModelError, match="rank 3"):
        scene.cells(np.array([3], np.uint32))
    with pytest.raises(ModelError, match="template 1"):
        scene.template(1)
    with pytest.raises(ModelError, match="ends"):
        scene.members("nobody")


def test_a_scene_without_cells_can_be_looked_at() -> None:
    scene = many_cells(0)
    view = View(np.array([0.0, 0.0, 100.0]), np.array([0.0, 0.0, -1.0]), np.array([0.0, 1.0, 0.0]))
    seen = select_view(scene, view)
    assert scene.n == len(seen.ranks) == seen.primitives == 0
    assert len(scene.select({"layer": 1})) == len(scene.members("middle")) == 0


# --- facts ----------------------------------------------------------------------------------------------------------


def test_cells_are_chosen_by_facts_population_and_gid() -> None:
    scene = many_cells(200)
    cells = scene.cells(everybody(scene))
    layer = np.array([scene.kinds[k].facts["layer"] for k in cells.kind])
    population = np.array([scene.kinds[k].population for k in cells.kind])
    assert (scene.select({"layer": 2}) == np.flatnonzero(layer == "2")).all()
    assert (scene.select({"layer": ["1", 3.0]}) == np.flatnonzero((layer == "1") | (layer == "3"))).all()
    both = scene.select({"population": "I", "layer": "4"})
    assert (both == np.flatnonzero((population == "I") & (layer == "4"))).all()
    assert cells.gid[scene.select({"gid": [11, 5, 999]})].tolist() in ([5, 11], [11, 5])
    assert len(scene.select({})) == 200
    assert len(scene.select({"layer": "99"})) == 0


def test_an_unknown_fact_is_refused_with_near_names() -> None:
    with pytest.raises(ModelError, match=r"'layr'; did you mean layer.*there are gid, layer, population"):
        many_cells(10).select({"layr": "2"})


def test_a_gid_that_is_no_number_is_refused() -> None:
    with pytest.raises(ModelError, match="whole numbers"):
        many_cells(10).select({"gid": "four"})


def test_kinds_are_the_combinations_of_facts_that_occur() -> None:
    columns = {
        "layer": np.array([4.0, 5.0, 4.0, np.nan]),
        "ei": np.array(["e", None, "e", "i"], object),
        "angle": np.linspace(0.0, 1.0, 4),
        "pair": np.array([[1], [2], [3], [4]], object),
    }
    kinds, kind, left_out = facts.kinds_of([("v1", 4, columns), ("drive", 1, {})])
    told = [kinds[k] for k in kind]
    angles = [facts.text(a) for a in columns["angle"]]
    assert [k.population for k in told] == ["v1"] * 4 + ["drive"]
    assert [k.facts.get("layer") for k in told] == ["4", "5", "4", None, None]
    assert [k.facts.get("ei") for k in told] == ["e", None, "e", "i", None]
    assert [k.facts.get("angle") for k in told] == [*angles, None]
    assert left_out == []


def test_an_attribute_of_many_values_is_no_fact() -> None:
    n = facts.MOST_VALUES + 1
    kinds, _, left_out = facts.kinds_of([("v1", n, {"angle": np.arange(n) * 0.5, "ei": np.full(n, "e", object)})])
    assert [k.facts for k in kinds] == [{"ei": "e"}]
    assert left_out == []


def test_too_many_combinations_leave_out_the_attribute_of_most_values() -> None:
    n = 20_000
    columns = {"a": np.arange(n) % 200, "b": np.arange(n) // 200, "c": np.arange(n) % 2}
    kinds, kind, left_out = facts.kinds_of([("v1", n, columns)])
    assert left_out == ["v1.a"]
    assert len(kinds) == 200
    assert all(kinds[k].facts == {"b": str(i // 200), "c": str(i % 2)} for i, k in enumerate(kind[:1000].tolist()))


# --- of simulations and networks ------------------------------------------------------------------------------------


def test_a_simulation_shows_its_cells_by_their_numbers() -> None:
    small, other = soma_and_dendrite(), soma_and_dendrite(200.0)
    scene = scene_of(ns.Simulation([small, point_cell(), other, small, ns.SpikeTrain([1.0])]))
    assert scene.n == 4
    assert scene.rank_of_index[4] == -1
    assert scene.notices == ["1 spike trains have no place and are not shown"]
    cells = scene.cells(scene.rank_of_index[:4].astype(np.uint32))
    assert cells.gid.tolist() == [0, 1, 2, 3]
    assert cells.template.tolist() == [0, NO_TEMPLATE, 1, 0]
    assert scene.template(0).nodes_n == len(small.tree)
    assert [scene.kinds[k].facts["model_type"] for k in cells.kind] == [
        "biophysical",
        "point",
        "biophysical",
        "biophysical",
    ]
    assert scene.members("all").tolist() == [0, 1, 2, 3]


def test_cells_without_places_do_not_overlap() -> None:
    net = ns.Network()
    net.add("small", 12, [soma_and_dendrite(100.0 * (1 + k % 3)) for k in range(12)])
    net.add("turned", 2, soma_and_dendrite(), rotation_angle_zaxis=[0.5, 2.0])
    net.add("points", 3, point_cell())
    scene = scene_of(net)
    cells = scene.cells(everybody(scene))
    low, high = np.empty((scene.n, 3)), np.empty((scene.n, 3))
    for rank, place in enumerate(scene.positions_um(cells)):
        points = np.zeros((1, 3))
        if cells.template[rank] != NO_TEMPLATE:
            whole = scene.template(int(cells.template[rank])).levels[0].position_um.astype(float)
            points = turned(whole, cells.turn[rank])
        low[rank], high[rank] = place + points.min(axis=0), place + points.max(axis=0)
    a, b = np.triu_indices(scene.n, 1)
    assert ((high[a] < low[b]) | (high[b] < low[a])).any(axis=1).all()


def test_a_network_gives_populations_places_and_attributes() -> None:
    net = ns.Network(seed=1)
    place = np.array([[0.0, 0.0, 0.0], [0.0, 300.0, 0.0], [50.0, 700.0, 20.0]])
    net.add("E", 3, soma_and_dendrite(), place, layer=[2, 4, 4])
    net.add("I", 2, point_cell())
    net.add_spikes("drive", [[1.0], [2.0]])
    for scene in (scene_of(net), scene_of(ns.Simulation(net))):
        assert scene.n == 5
        assert len(scene.rank_of_index) == 7
        ranks = scene.rank_of_index[:3].astype(np.uint32)
        assert scene.positions_um(scene.cells(ranks)) == pytest.approx(place, abs=step_um(scene))
        assert (scene.index_of_rank[scene.select({"population": "E", "layer": 4})] < 3).all()
        assert len(scene.select({"layer": 4})) == 2
        assert sorted(scene.index_of_rank[scene.members("I")].tolist()) == [3, 4]
        right = scene.positions_um(scene.cells(scene.members("I")))[:, 0]
        assert (right > 50.0 + scene.template(0).reach_um).all()


def test_spike_trains_with_places_are_shown() -> None:
    net = ns.Network()
    net.add_spikes("retina", [[1.0], [2.0]], positions_um=[[0, 0, 0], [10, 0, 0]])
    scene = scene_of(net)
    assert scene.n == 2
    assert len(scene.select({"model_type": "virtual"})) == 2


def test_spike_trains_without_places_alone_are_a_scene_without_cells() -> None:
    net = ns.Network()
    net.add_spikes("drive", [[1.0], [2.0]])
    scene = scene_of(net)
    assert scene.n == 0
    assert scene.rank_of_index.tolist() == [-1, -1]
    assert scene.notices == ["2 spike trains have no place and are not shown"]


def test_spike_trains_that_are_not_shown_take_no_room() -> None:
    bare, driven = ns.Network(), ns.Network()
    driven.add_spikes("drive", [[1.0]] * 50)
    for net in (bare, driven):
        net.add("cells", 4, soma_and_dendrite())
    places = [scene.positions_um(scene.cells(everybody(scene))) for scene in (scene_of(bare), scene_of(driven))]
    assert (places[0] == places[1]).all()


def test_an_empty_network_is_a_scene_without_cells() -> None:
    assert scene_of(ns.Network()).n == 0


def test_equal_cells_share_a_template_and_labels() -> None:
    scene = scene_of(ns.Simulation([soma_and_dendrite() for _ in range(5)]))
    assert scene.templates_n == 1
    cell = soma_and_dendrite()
    assert scene.labels(0) == [cell.label(node) for node in range(len(cell.tree))]


def test_a_scene_of_one_cell_needs_no_simulation() -> None:
    scene = scene_of(soma_and_dendrite())
    assert (scene.n, scene.title) == (1, "small")


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(ModelError, match="int is not allowed"):
        scene_of(3)  # type: ignore[arg-type]


def test_morphologies_beyond_the_limit_are_points_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MOST_POINTS", 12)
    scene = scene_of(ns.Simulation([soma_and_dendrite(), soma_and_dendrite(nseg=9), soma_and_dendrite()]))
    template = scene.cells(scene.rank_of_index.astype(np.uint32)).template
    assert template.tolist() == [0, NO_TEMPLATE, 0]
    assert len(scene.notices) == 1
    assert scene.notices[0].startswith("1 different morphologies are drawn as points")


# --- of SONATA circuits ---------------------------------------------------------------------------------------------


def test_a_circuit_places_and_turns_its_cells_as_the_extracellular_potential_does(tmp_path: Path) -> None:
    circuit = read(write_circuit(tmp_path))
    scene = scene_of(circuit)
    cells = scene.cells(everybody(scene))
    place = scene.positions_um(cells)
    for rank, gid in enumerate(cells.gid.tolist()):
        cell = branching(circuit, gid)
        row = gid - 2  # after two virtual nodes
        start, end = ends_um(cell, np.array([100.0 * row, 0.0, 0.0]), (0.0, 0.5 * row, 0.0))
        whole = scene.template(int(cells.template[rank])).levels[0]
        points = turned(whole.position_um.astype(float), cells.turn[rank]) + place[rank]
        for node, (a, b) in zip(cell.nodes("all").tolist(), zip(start, end, strict=True), strict=True):
            own = np.flatnonzero((whole.node == node) & (whole.parent >= 0))
            near = points[np.concatenate((own, whole.parent[own]))]
            for edge in (a, b):
                assert np.linalg.norm(near - edge, axis=1).min() < 0.05


def test_all_three_angles_turn_in_the_order_of_the_extracellular_potential(tmp_path: Path) -> None:
    from neurosim.sonata.ecp import rotation

    net = ns.Network()
    angles = {"x": [0.3, -1.0], "y": [0.7, 2.0], "z": [-0.4, 0.5]}
    named = {f"rotation_angle_{axis}axis": values for axis, values in angles.items()}
    net.add("cells", 2, soma_and_dendrite(), [[0, 0, 0], [100, 0, 0]], **named)
    scene = scene_of(net)
    point = np.array([[3.0, -5.0, 7.0]])
    for index in range(2):
        turn = scene.cells(scene.rank_of_index[[index]].astype(np.uint32)).turn[0]
        matrix = rotation(*(angles[axis][index] for axis in "xyz"))
        assert turned(point, turn)[0] == pytest.approx(matrix @ point[0], abs=1e-3)


def test_a_circuit_has_facts_node_sets_and_numbers(tmp_path: Path) -> None:
    circuit = read(write_circuit(tmp_path))
    scene = scene_of(circuit)
    assert (scene.n, len(scene.rank_of_index)) == (4, 6)
    assert scene.rank_of_index[:2].tolist() == [-1, -1]

    def gids(ranks: NDArray[np.uint32]) -> list[int]:
        return sorted(scene.cells(ranks).gid.tolist())

    assert gids(scene.members("excitatory")) == [2, 3, 5]
    assert gids(scene.members("both")) == [2, 4, 5]
    assert "inputs" not in scene.node_sets  # virtual nodes without a place
    assert gids(scene.select({"ei": "i"})) == [4]
    assert gids(scene.select({"layer": "layer 4", "ei": "e"})) == [2, 5]
    assert gids(scene.select({"morphology": "cell.swc"})) == [2, 5]
    assert (circuit.gids[scene.index_of_rank] == scene.cells(everybody(scene)).gid).all()
    assert scene.templates_n <= 2  # two of the three recipes have one shape


def test_a_node_set_that_is_wrong_is_left_out_and_that_is_said(tmp_path: Path) -> None:
    config = change(write_circuit(tmp_path), "node_sets.broken", {"population": "cells", "ei": "x"})
    scene = scene_of(read(config))
    assert "broken" not in scene.node_sets
    assert any("broken" in notice for notice in scene.notices)


def test_a_stored_network_looks_like_its_circuit(tmp_path: Path) -> None:
    config = write_circuit(tmp_path)
    of_circuit, of_network = scene_of(read(config)), scene_of(read_network(config))
    assert of_network.n == of_circuit.n


def test_a_real_circuit_is_shown_with_all_its_cells(shared_data: Path) -> None:
    circuit = read(shared_data / "sonata/9_cells/config.json")
    scene = scene_of(circuit)
    shown = [gid for gid, cell in circuit.cells.items() if not isinstance(cell, ns.SpikeTrain)]
    assert sorted(set(scene.cells(everybody(scene)).gid.tolist()) & set(shown)) == shown
    for rank in scene.select({"model_type": "biophysical"}).tolist():
        gid = int(scene.cells(np.array([rank], np.uint32)).gid[0])
        cell = branching(circuit, gid)
        assert scene.labels(rank) == [cell.label(node) for node in range(len(cell.tree))]
