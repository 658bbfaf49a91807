"""What is drawn for a camera: the budget, every cell in view once, near cells whole, and small cases by hand."""

from __future__ import annotations

import heapq
import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from neurosim.errors import ModelError
from neurosim.viewer.scene.memory import MemoryScene
from neurosim.viewer.scene.scene import NO_TEMPLATE, Scene
from neurosim.viewer.scene.select import (
    LEAST_POINTS,
    MOST_POINTS,
    POINTS_SHARE,
    LEAST_NODE_px,
    LEFT_OUT_px,
    Selection,
    View,
    boxes_of,
    select_view,
    sizes_of,
)
from neurosim.viewer.scene.skeleton import SOMA_ONLY
from tests.shuffled_scenes import everything, random_scene, template

UP = np.array([0.0, 1.0, 0.0])
BUDGETS = (5000, 20_000, 100_000, 1_000_000)
SIDE_um = 2000.0


@pytest.fixture(scope="module")
def scene() -> MemoryScene:
    return random_scene(60_000, side_um=SIDE_um)


def views(n: int, side_um: float = SIDE_um, **more: Any) -> list[View]:
    """Return cameras in, beside and outside a cube, with budgets in turn."""
    rng = np.random.default_rng(11)
    found = []
    for k in range(n):
        eye = rng.random(3) * side_um * rng.choice([1.0, 3.0]) - rng.choice([0.0, 0.5]) * side_um
        given = {
            "budget": BUDGETS[k % len(BUDGETS)],
            "fov_deg": rng.uniform(20.0, 100.0),
            "aspect": rng.uniform(0.5, 2),
        }
        found.append(View(eye, rng.normal(size=3), UP, **{**given, **more}))
    return found


def told(view: View) -> str:
    return f"budget {view.budget}"


def seen(scene: Scene, view: View) -> NDArray[np.bool_]:
    """Return which somata are strictly inside the picture, by projection; not by planes."""
    forward = view.look / np.linalg.norm(view.look)
    right = np.cross(forward, view.up)
    right /= np.linalg.norm(right)
    up = np.cross(right, forward)
    to = scene.positions_um(scene.cells(everything(scene))) - view.eye_um
    depth, tall = to @ forward, math.tan(math.radians(view.fov_deg) / 2.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        x, y = to @ right / depth / (tall * view.aspect), to @ up / depth / tall
    inside: NDArray[np.bool_] = (depth > 1e-6) & (np.abs(x) < 1.0 - 1e-9) & (np.abs(y) < 1.0 - 1e-9)
    return inside


def drawn_points(scene: Scene, picked: Selection) -> int:
    return sum(len(scene.octree.ranks(int(node))) for node in picked.nodes)


def drawn_segments(scene: Scene, picked: Selection) -> int:
    kinds = scene.cells(picked.ranks).template
    return sum(
        scene.template(int(kind)).levels[int(level)].segments_n
        for kind, level in zip(kinds, picked.levels, strict=True)
    )


@pytest.mark.parametrize("view", views(50), ids=told)
def test_fifty_views_stay_within_the_budget_and_say_what_they_cost(scene: MemoryScene, view: View) -> None:
    picked = select_view(scene, view)
    assert picked.primitives == drawn_points(scene, picked) + drawn_segments(scene, picked)
    assert picked.primitives <= view.budget


@pytest.mark.parametrize("view", views(50), ids=told)
def test_every_cell_in_view_is_in_exactly_one_node(scene: MemoryScene, view: View) -> None:
    picked = select_view(scene, view)
    times = np.zeros(scene.n, np.int64)
    for node in picked.nodes:
        times[int(scene.octree.start[node]) : int(scene.octree.end[node])] += 1
    assert times.max(initial=0) <= 1
    assert (times[seen(scene, view)] == 1).all()


@pytest.mark.parametrize("view", views(50), ids=told)
def test_detailed_cells_are_in_chosen_leaves_once_and_nearest_first(scene: MemoryScene, view: View) -> None:
    picked = select_view(scene, view)
    leaves = [node for node in picked.nodes if scene.octree.first_child[node] < 0]
    there = np.concatenate([np.empty(0, np.uint32), *(scene.octree.ranks(int(node)) for node in leaves)])
    cells = scene.cells(picked.ranks)
    far = np.linalg.norm(scene.positions_um(cells) - view.eye_um, axis=1)
    assert len(np.unique(picked.ranks)) == len(picked.ranks) == len(picked.levels)
    assert np.isin(picked.ranks, there).all()
    assert (np.diff(far) >= -1e-9).all()
    assert (cells.template != NO_TEMPLATE).all()
    assert picked.levels.max(initial=0) < SOMA_ONLY


@pytest.mark.parametrize("view", views(30, budget=300_000), ids=told)
def test_the_nearest_cells_are_whole_and_levels_only_grow_with_distance(scene: MemoryScene, view: View) -> None:
    picked = select_view(scene, view)
    far = np.linalg.norm(scene.positions_um(scene.cells(picked.ranks)) - view.eye_um, axis=1)
    near = far < 25.0 * view.focal_px / LEFT_OUT_px
    assert (picked.levels[near][:100] == 0).all()
    assert len(far) < 2 or (np.diff(picked.levels.astype(int)) >= 0).mean() > 0.99


def twin(scene: Scene, view: View, share: int, reach_um: float, far_um: float) -> list[int]:
    """Return the nodes to draw, with Python's heap."""
    octree, boxes = scene.octree, boxes_of(scene.octree)

    def far(node: int) -> float:
        gap = np.maximum(np.maximum(boxes.low_um[node] - view.eye_um, view.eye_um - boxes.high_um[node]), 0.0)
        return float(np.linalg.norm(gap))

    def visible(node: int) -> bool:
        pad = reach_um if far(node) < far_um else 0.0
        corners = np.where(view.planes > 0.0, boxes.high_um[node], boxes.low_um[node])
        return bool((((corners - view.eye_um) * view.planes).sum(axis=1) + pad >= 0.0).all())

    heap = [(-math.inf, 0)] if visible(0) else []
    total, out = int(boxes.points[0]) if heap else 0, []
    while heap:
        looks, node = heapq.heappop(heap)
        first = int(octree.first_child[node])
        children = [c for c in range(first, first + int(octree.child_n[node])) if visible(c)] if first >= 0 else []
        after = total - int(boxes.points[node]) + sum(int(boxes.points[c]) for c in children)
        if first < 0 or -looks < LEAST_NODE_px or after > share:
            out.append(node)
            continue
        total = after
        for child in children:
            heapq.heappush(heap, (-boxes.side_um[child] * view.focal_px / max(far(child), 1e-3), child))
    return sorted(out)


@pytest.mark.parametrize("view", views(30), ids=told)
def test_nodes_are_those_of_the_twin(scene: MemoryScene, view: View) -> None:
    reach = float(sizes_of(scene).reach_um.max())
    share = min(MOST_POINTS, max(int(POINTS_SHARE * view.budget), min(view.budget, LEAST_POINTS)))
    expected = twin(scene, view, share, reach, 2.0 * reach * view.focal_px / 8.0)
    assert select_view(scene, view).nodes.tolist() == expected


@pytest.mark.parametrize("view", views(10, detail=2), ids=told)
def test_a_fixed_level_is_that_of_all_detailed_cells(scene: MemoryScene, view: View) -> None:
    picked = select_view(scene, view)
    assert (picked.levels == 2).all()
    assert picked.primitives <= view.budget


def test_somata_only_draws_no_branches(scene: MemoryScene) -> None:
    assert all(len(select_view(scene, view).ranks) == 0 for view in views(5, detail=SOMA_ONLY))


def line_of_cells(*x_um: float) -> MemoryScene:
    place = np.array([[x, 0.0, 0.0] for x in x_um])
    return MemoryScene.from_arrays("line", place, templates=[template()])


def along_x(**more: Any) -> View:
    """Return a camera 1000 um before 0, looking along x: 500 px high, 90 deg, so that 1 um at 1 um is 250 px."""
    return View(
        np.array([-1000.0, 0.0, 0.0]), np.array([1.0, 0, 0]), UP, 90.0, 1.0, 500.0, **{"budget": 10_000, **more}
    )


def test_three_cells_before_the_camera_by_hand() -> None:
    # Segments by level: 100, 33, 17, 9. Level 0 reaches 25 um * 250 px / 8 px = 781 um, level 1 1875 um, level 2
    # 4687 um; a cell of 2 * 200 um looks 8 px wide at 12500 um.
    scene = line_of_cells(-500.0, 100.0, 9000.0, 20_000.0)
    picked = select_view(scene, along_x())
    far = scene.positions_um(scene.cells(picked.ranks))[:, 0]
    assert picked.nodes.tolist() == [0]
    assert np.allclose(far, [-500.0, 100.0, 9000.0], atol=1.0)
    assert picked.levels.tolist() == [0, 1, 3]
    assert picked.primitives == 4 + 100 + 33 + 9


@pytest.mark.parametrize(
    ("budget", "levels"), [(4, []), (12, []), (13, [3]), (22, [3, 3]), (4 + 100 + 33 + 9, [0, 1, 3]), (9999, [0, 1, 3])]
)
def test_a_small_budget_makes_cells_coarser_and_then_points(budget: int, levels: list[int]) -> None:
    picked = select_view(line_of_cells(-500.0, 100.0, 9000.0, 20_000.0), along_x(budget=budget))
    assert picked.levels.tolist() == levels
    assert picked.primitives <= budget


def test_looking_away_draws_nothing() -> None:
    view = View(np.array([-1000.0, 0, 0]), np.array([-1.0, 0, 0]), UP, budget=10_000)
    picked = select_view(line_of_cells(0.0, 10.0), view)
    assert (len(picked.nodes), len(picked.ranks), picked.primitives) == (0, 0, 0)


def test_a_cell_outside_the_picture_whose_branches_are_in_it_is_drawn() -> None:
    # 90 deg: the side of the picture is at 45 deg. A soma 100 um beyond it reaches 200 um.
    scene = MemoryScene.from_arrays("beside", np.array([[0.0, 0.0, 1000.0 + 140.0]]), templates=[template()])
    assert select_view(scene, along_x()).levels.tolist() == [1]
    outside = MemoryScene.from_arrays("beside", np.array([[0.0, 0.0, 1000.0 + 300.0]]), templates=[template()])
    assert len(select_view(outside, along_x()).ranks) == 0


def test_the_coarsest_picture_is_drawn_whatever_the_budget(scene: MemoryScene) -> None:
    view = View(np.full(3, SIDE_um / 2), np.array([0.0, 0, 1]), UP, budget=1)
    picked = select_view(scene, view)
    assert picked.nodes.tolist() == [0]
    assert picked.primitives == len(scene.octree.ranks(0))


def test_cells_without_bodies_are_points_and_get_the_share_of_branches() -> None:
    scene = random_scene(60_000, bodies=False)
    view = View(np.array([500.0, 500.0, 3000.0]), np.array([0.0, 0, -1]), UP, budget=60_000)
    picked = select_view(scene, view)
    assert len(picked.ranks) == 0
    assert POINTS_SHARE * 60_000 < picked.primitives <= 60_000


def test_up_along_the_look_is_any_up() -> None:
    scene = line_of_cells(0.0)
    for up in ([1.0, 0, 0], [0.0, 0, 0], [-3.0, 0, 0]):
        view = View(np.array([-500.0, 0, 0]), np.array([1.0, 0, 0]), np.array(up), budget=10_000)
        assert select_view(scene, view).nodes.tolist() == [0]


def test_lengths_of_directions_do_not_matter(scene: MemoryScene) -> None:
    eye = np.array([900.0, 300.0, 200.0])
    for scale in (1e-200, 1e200):
        a, b = View(eye, np.array([1.0, 2, 3]), UP), View(eye, scale * np.array([1.0, 2, 3]), scale * UP)
        assert np.allclose(a.planes, b.planes)


@pytest.mark.parametrize(
    "wrong",
    [
        {"eye_um": [0.0, 1.0]}, {"eye_um": [0.0, math.nan, 1.0]}, {"look": [0.0, 0.0, 0.0]}, {"up": [math.inf, 0, 0]},
        {"fov_deg": 0.5}, {"fov_deg": 175.0}, {"fov_deg": math.nan}, {"aspect": 0.0}, {"height_px": 0},
        {"height_px": 1e9}, {"budget": 0}, {"budget": -1}, {"budget": 10**12}, {"detail": 5}, {"detail": -1},
        {"detail": "fine"}, {"detail": True},
    ],
)  # fmt: skip
def test_a_camera_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    given: dict[str, Any] = {"eye_um": np.zeros(3), "look": np.array([0.0, 0, 1]), "up": UP}
    with pytest.raises(ModelError, match=f"view {next(iter(wrong))}"):
        View(**{**given, **wrong})
