"""Templates of cells: every segment in its compartment, nothing added and nothing lost, joints where they belong."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import neurosim as ns
from neurosim.morphology import Morphology, Section
from neurosim.morphology.shape import section_lines
from neurosim.viewer.scene.skeleton import LEVELS_N, Skeleton
from neurosim.viewer.scene.templates import key_of, region_of, skeleton_of, template_of
from tests.tolerances import SINGLE

SOMA, AXON, DEND, APIC = 1, 2, 3, 4


def curve(seed: int, start: NDArray[np.float32], n: int) -> NDArray[np.float32]:
    """A wandering row of points that begins at ``start``."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(0.0, 4.0, (n, 3)) + rng.normal(0.0, 4.0, 3)
    place = start + np.cumsum(np.vstack((np.zeros(3), steps)), axis=0)
    return np.column_stack((place, rng.uniform(0.3, 3.0, n + 1))).astype(np.float32)


@st.composite
def cells(draw: st.DrawFn) -> ns.Cell:
    """Random cells of curves and cylinders that hang at any place of one another, without gaps."""
    seed = draw(st.integers(0, 10_000))
    n = draw(st.integers(1, 8))
    sections: list[Section] = []
    for i in range(n):
        name = "soma[0]" if i == 0 else f"{draw(st.sampled_from(['dend', 'axon', 'apic']))}[{i}]"
        parent = draw(st.integers(0, i - 1)) if i else -1
        x = draw(st.sampled_from([0.0, 0.3, 0.5, 1.0, 1.0])) if i else 1.0
        if draw(st.booleans()) or (i and sections[parent].points is None):  # later siblings turn a cylinder away
            if i and sections[parent].points is not None:
                x = round(x)  # elsewhere on a curve the places are not those of section_lines
            sections.append(Section.cylinder(name, draw(st.floats(2.0, 200.0)), 2.0, parent, x))
            continue
        start = np.zeros(3, np.float32)
        if i:
            line = section_lines(Morphology(tuple(sections)))[parent].astype(float)
            arc = np.concatenate(([0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))))
            start = np.array([np.interp(x * arc[-1], arc, line[:, axis]) for axis in range(3)], np.float32)
        sections.append(Section(name, curve(seed + i, start, draw(st.integers(1, 12))), parent=parent, parent_x=x))
    return ns.Cell(sections).set(nseg=draw(st.lists(st.integers(1, 6), min_size=n, max_size=n)))


def steps_um(skeleton: Skeleton) -> NDArray[np.float64]:
    """Path along every segment but the root's."""
    path = skeleton.path_um.astype(float)
    steps: NDArray[np.float64] = path[1:] - path[skeleton.parent[1:]]
    return steps


def chords_um(skeleton: Skeleton) -> NDArray[np.float64]:
    """Straight length of every segment but the root's."""
    place = skeleton.position_um.astype(float)
    length: NDArray[np.float64] = np.linalg.norm(place[1:] - place[skeleton.parent[1:]], axis=1)
    return length


def rounding_um(skeleton: Skeleton) -> float:
    """What rounding of places and paths to float32 may change in all lengths together."""
    size = max(float(skeleton.path_um.max()), float(np.abs(skeleton.position_um).max()), 1.0)
    return 8.0 * SINGLE * size * max(len(skeleton), 10)


@given(cells())
def test_length_is_kept_compartment_by_compartment(cell: ns.Cell) -> None:
    whole = skeleton_of(cell)
    found = np.bincount(whole.node[1:], weights=steps_um(whole), minlength=len(cell.tree))
    assert found == pytest.approx(cell.tree.length_um, abs=rounding_um(whole))


@given(cells())
def test_segments_are_as_long_as_their_path(cell: ns.Cell) -> None:
    whole = skeleton_of(cell)
    # A child that begins within a hundredth of a um of its parent begins on it.
    assert chords_um(whole) == pytest.approx(steps_um(whole), abs=0.01 + rounding_um(whole))
    total = sum(section.length_um for section in cell.morphology.sections)
    assert steps_um(whole).sum() == pytest.approx(total, abs=rounding_um(whole))


@given(cells())
def test_every_level_is_one_tree_with_its_root_in_the_middle_of_the_soma(cell: ns.Cell) -> None:
    template = template_of(cell)
    assert len(template.levels) == LEVELS_N
    assert template.nodes_n == len(cell.tree)
    for level in template.levels:
        assert level.parent[0] == -1
        assert (level.parent[1:] >= 0).all()
        assert (level.parent[1:] < np.arange(1, len(level))).all()
        assert level.node[0] == cell.tree.compartment(0, 0.5)
        assert (steps_um(level) >= 0.0).all()
        assert set(level.node.tolist()) <= set(cell.nodes("all").tolist())


@given(st.integers(0, 10_000), st.integers(1, 8))
def test_the_middle_of_a_segment_lies_in_its_compartment(seed: int, nseg: int) -> None:
    # Straight sections in different directions: the place tells the section and x.
    rng = np.random.default_rng(seed)
    sections = [Section("soma[0]", np.array([[-9, 0, 0, 18], [9, 0, 0, 18]]))]
    for k in range(4):
        end = rng.normal(0.0, 100.0, 3) + np.array([9.0, 0.0, 0.0])
        points = np.array([[9.0, 0.0, 0.0, 2.0], [*end, 1.0]])
        sections.append(Section(f"dend[{k}]", points, parent=0))
    cell = ns.Cell(sections).set("dend", nseg=nseg)
    whole = skeleton_of(cell)
    middle = 0.5 * (whole.position_um[1:] + whole.position_um[whole.parent[1:]])
    for place, node in zip(middle, whole.node[1:].tolist(), strict=True):
        line = section_lines(cell.morphology)[int(cell.tree.section_idx[node])]
        x = float(np.linalg.norm(place - line[0]) / np.linalg.norm(line[1] - line[0]))
        name = cell.morphology.sections[int(cell.tree.section_idx[node])].name
        assert abs(x - cell.tree.x[node]) <= 0.5 / cell.tree.nseg[cell.tree.section_idx[node]] + 1e-5
        assert cell.label(node) == cell.label(cell.node(f"{name}({x})"))


def test_path_of_a_compartment_is_its_distance_from_the_middle_of_the_soma() -> None:
    cell = ns.Cell([Section.cylinder("soma[0]", 20.0, 20.0), Section.cylinder("dend[0]", 100.0, 2.0, 0, 1.0)]).set(
        "dend", nseg=5
    )
    whole = skeleton_of(cell)
    for node in cell.nodes("dend").tolist():
        last = int(np.flatnonzero(whole.node == node).max())
        half = 0.5 * (whole.path_um[last] + whole.path_um[whole.parent[last]])
        assert half == pytest.approx(cell.tree.path_um[node] - 10.0, rel=SINGLE)


def test_a_child_that_hangs_inside_its_parent_begins_there() -> None:
    cell = ns.Cell(
        [
            Section("soma[0]", np.array([[-10, 0, 0, 20], [10, 0, 0, 20]])),
            Section("dend[0]", np.array([[10, 0, 0, 2], [110, 0, 0, 2]]), parent=0),
            Section("dend[1]", np.array([[35, 0, 0, 1], [35, 50, 0, 1]]), parent=1, parent_x=0.25),
        ]
    )
    whole = skeleton_of(cell)
    tip = int(np.flatnonzero(whole.position_um[:, 1] == 50.0)[0])
    assert whole.position_um[whole.parent[tip]].tolist() == [35.0, 0.0, 0.0]
    assert whole.path_um[tip] == pytest.approx(85.0, rel=SINGLE)
    assert cell.label(int(whole.node[tip])) == "dend[1](0.5)"


def test_a_dendrite_on_the_surface_of_the_soma_is_joined_without_adding_path() -> None:
    cell = ns.Cell(
        [
            Section("soma[0]", np.array([[-10, 0, 0, 20], [10, 0, 0, 20]])),
            Section("dend[0]", np.array([[0, 10, 0, 2], [0, 60, 0, 2]]), parent=0, parent_x=0.5),
        ]
    )
    whole = skeleton_of(cell)
    start = int(np.flatnonzero(whole.position_um[:, 1] == 10.0)[0])
    assert whole.parent[start] == 0
    assert whole.path_um[start] == 0.0
    assert cell.label(int(whole.node[start])) == "dend[0](0.5)"
    assert steps_um(whole).sum() == pytest.approx(70.0, rel=SINGLE)


def test_a_section_without_points_begins_on_the_curve_of_its_parent() -> None:
    bend = np.array([[10, 0, 0, 2], [60, 0, 0, 2], [60, 50, 0, 2]])
    cell = ns.Cell(
        [
            Section("soma[0]", np.array([[-10, 0, 0, 20], [10, 0, 0, 20]])),
            Section("dend[0]", bend, parent=0),
            Section.cylinder("dend[1]", 30.0, 1.0, 1, 0.5),
            Section.cylinder("dend[2]", 30.0, 1.0, 2, 1.0),
        ]
    )
    whole = skeleton_of(cell)
    first = int(np.flatnonzero(whole.node == cell.node("dend[1](0.5)"))[0])
    assert whole.position_um[whole.parent[first]].tolist() == [60.0, 0.0, 0.0]
    assert chords_um(whole) == pytest.approx(steps_um(whole), rel=1e-5)


def test_the_root_is_the_soma_even_when_the_soma_hangs_on_another_section() -> None:
    cell = ns.Cell(
        [
            Section("axon[0]", np.array([[-100, 0, 0, 1], [-10, 0, 0, 1]])),
            Section("soma[0]", np.array([[-10, 0, 0, 20], [10, 0, 0, 20]]), parent=0),
            Section("dend[0]", np.array([[10, 0, 0, 2], [60, 0, 0, 2]]), parent=1),
        ]
    )
    whole = skeleton_of(cell)
    assert whole.position_um[0].tolist() == [0.0, 0.0, 0.0]
    rows = zip(whole.position_um[:, 0], whole.path_um, whole.region, strict=True)
    ends = {float(x): (float(p), int(r)) for x, p, r in rows}
    assert ends[-100.0] == (100.0, AXON)
    assert ends[60.0] == (60.0, DEND)
    assert cell.label(int(whole.node[whole.position_um[:, 0] == -100.0][0])) == "axon[0](0.5)"


def test_the_soma_keeps_its_segments_in_the_finest_level() -> None:
    whole = skeleton_of(ns.Cell([Section("soma[0]", np.array([[0, 0, 0, 5], [5, 0, 0, 9], [14, 0, 0, 4]]))]))
    assert whole.segments_n == 3  # two pieces, one of them cut in the middle
    assert (whole.region == SOMA).all()
    assert whole.radius_um.max() == 4.5


def test_a_cell_of_one_compartment_is_a_ball_of_its_area() -> None:
    template = template_of(ns.Cell.cylinder(length_um=20.0, diam_um=20.0))
    assert template.nodes_n == 1
    assert template.soma_radius_um == pytest.approx(10.0)
    assert template.reach_um == pytest.approx(10.0)
    assert template.levels[0].node.tolist() == [0, 0, 0]
    assert [level.segments_n for level in template.levels] == [2, 0, 0, 0]


def test_the_ball_has_the_area_of_all_sections_of_the_soma() -> None:
    cell = ns.Cell(
        [
            Section.cylinder("soma[0]", 10.0, 8.0),
            Section.cylinder("soma[1]", 10.0, 8.0, 0),
            Section.cylinder("dend[0]", 100.0, 1.0, 1),
        ]
    )
    assert template_of(cell).soma_radius_um == pytest.approx(math.sqrt(160.0 / 4.0))


def test_without_a_soma_the_first_section_stands_for_it() -> None:
    cell = ns.Cell([Section.cylinder("cable", 100.0, 1.0)]).set(nseg=4)
    template = template_of(cell)
    assert template.soma_radius_um == pytest.approx(5.0)
    assert template.levels[0].position_um[0].tolist() == [0.0, 0.0, 0.0]
    assert template.levels[0].node[0] == cell.node("cable(0.5)")
    assert template.reach_um == pytest.approx(50.0)


def test_a_jump_of_the_diameter_leaves_one_point() -> None:
    points = np.array([[0, 0, 0, 2], [10, 0, 0, 2], [10, 0, 0, 6], [20, 0, 0, 6]])
    whole = skeleton_of(ns.Cell([Section.cylinder("soma[0]", 4.0, 4.0), Section("dend[0]", points, parent=0)]))
    dend = whole.region == DEND
    assert sorted(steps_um(whole)[dend[1:]].tolist()) == [0.0, 10.0, 10.0]  # 0: to the soma, which ends elsewhere
    assert whole.radius_um[dend].tolist() == [1.0, 3.0, 3.0]


@pytest.mark.parametrize(
    ("name", "region"),
    [("soma", SOMA), ("axon", AXON), ("dend", DEND), ("basal", DEND), ("apic", APIC), ("Soma", SOMA), ("cable", 0)],
)
def test_regions_come_from_names(name: str, region: int) -> None:
    assert region_of(name) == region


def test_equal_cells_have_one_key_and_others_another() -> None:
    def cell(nseg: int = 3, length_um: float = 50.0, name: str = "dend[0]") -> ns.Cell:
        return ns.Cell([Section.cylinder("soma[0]", 10.0, 10.0), Section.cylinder(name, length_um, 1.0, 0)]).set(
            name, nseg=nseg
        )

    assert key_of(cell()) == key_of(cell())
    assert len({key_of(c) for c in (cell(), cell(5), cell(length_um=51.0), cell(name="axon[0]"))}) == 4


def test_half_a_million_points_are_one_template() -> None:
    points = curve(0, np.zeros(3, np.float32), 500_000) * np.float32(0.01)
    cell = ns.Cell([Section.cylinder("soma[0]", 4.0, 4.0), Section("dend[0]", points, parent=0)]).set("dend", nseg=999)
    template = template_of(cell)
    counts = [level.segments_n for level in template.levels]
    assert counts[0] > 500_000
    assert counts == sorted(counts, reverse=True)
    assert len(np.unique(template.levels[0].node)) == cell.tree.comp_n == 1000


def test_reconstructed_cells_keep_their_length_in_every_compartment(shared_data: Path) -> None:
    paths = sorted(shared_data.glob("sonata/shared_components/morphologies/*.swc"))
    assert paths
    for path in paths:
        cell = ns.Cell.from_swc(path)
        template = template_of(cell)
        whole = template.levels[0]
        found = np.bincount(whole.node[1:], weights=steps_um(whole), minlength=len(cell.tree))
        assert found == pytest.approx(cell.tree.length_um, abs=rounding_um(whole))
        counts = [level.segments_n for level in template.levels]
        assert counts == sorted(counts, reverse=True)
        assert counts[1] < 0.2 * counts[0]
        for level in template.levels[1:]:  # a compartment far from a tip is nearer to its segment than half of that
            segment = np.flatnonzero(level.parent >= 0)
            middle = 0.5 * (level.path_um[segment] + level.path_um[level.parent[segment]])
            own = cell.tree.path_um[level.node[segment]]
            reach = cell.tree.length_um[level.node[segment]] + 2.0 * template.soma_radius_um
            assert (np.abs(middle - own) <= reach + 1.0).all()
