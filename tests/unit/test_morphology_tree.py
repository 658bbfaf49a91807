"""Compartments: numbering, attachment, geometry, places in space, rules for nseg."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurosim.errors import LocationError, ModelError
from neurosim.morphology import (
    CompartmentTree,
    Morphology,
    Section,
    discretise,
    nseg_by_d_lambda,
    nseg_by_length,
)
from tests.tolerances import EXACT, ROUNDOFF


def cable(name: str, parent: int = -1, parent_x: float = 1.0, length_um: float = 100.0) -> Section:
    return Section.cylinder(name, length_um, 2.0, parent, parent_x)


def random_morphology(seed: int, sections_n: int = 12) -> tuple[Morphology, list[int]]:
    """Sections with parents first, and the segments of each."""
    draw = random.Random(seed)
    sections = [cable("soma[0]", length_um=20.0)]
    for i in range(1, sections_n):
        x = draw.choice([0.0, 0.3, 0.5, 1.0, 1.0, 1.0])
        sections.append(cable(f"dend[{i}]", draw.randrange(i), x, draw.uniform(5.0, 200.0)))
    return Morphology(tuple(sections)), [draw.randint(1, 5) for _ in sections]


def subtree_sizes(tree: CompartmentTree) -> list[int]:
    size = [1] * len(tree)
    for i in range(len(tree) - 1, 0, -1):
        size[tree.parent_idx[i]] += size[i]
    return size


def test_a_single_section_is_a_chain_without_zero_area_nodes() -> None:
    tree = discretise(Morphology((cable("soma[0]"),)), 4)
    assert tree.parent_idx.tolist() == [-1, 0, 1, 2]
    assert tree.comp_n == len(tree) == 4
    assert tree.x.tolist() == [0.125, 0.375, 0.625, 0.875]


def test_area_and_resistance_of_a_cylinder_are_analytic() -> None:
    tree = discretise(Morphology((cable("soma[0]"),)), 5, ra_ohm_cm=150.0)
    assert tree.area_um2.sum() == pytest.approx(math.pi * 2.0 * 100.0, rel=ROUNDOFF)
    assert tree.ri_MOhm[1:] == pytest.approx(0.01 * 150.0 * 20.0 / (math.pi * 1.0**2), rel=ROUNDOFF)
    assert tree.ri_MOhm[0] == EXACT


def test_area_and_resistance_of_a_cone_are_analytic() -> None:
    points = np.array([[0, 0, 0, 4], [10, 0, 0, 3], [30, 0, 0, 1]], np.float32)
    tree = discretise(Morphology((Section("soma[0]", points),)), 3, ra_ohm_cm=100.0)
    slant = math.hypot(30.0, 1.5)
    assert tree.area_um2.sum() == pytest.approx(math.pi * (2.0 + 0.5) * slant, rel=ROUNDOFF)
    # centre to centre, 5 to 15 um, where the diameters are 3.5 and 2.5: ra h / (pi/4 d1 d2)
    assert tree.ri_MOhm[1] == pytest.approx(0.01 * 100.0 * 10.0 / (math.pi / 4.0 * 3.5 * 2.5), rel=ROUNDOFF)


def test_a_jump_of_the_diameter_adds_its_ring() -> None:
    points = np.array([[0, 0, 0, 2], [10, 0, 0, 2], [10, 0, 0, 6], [20, 0, 0, 6]], np.float32)
    tree = discretise(Morphology((Section("soma[0]", points),)), 1)
    ring = math.pi * (3.0**2 - 1.0**2)
    assert tree.area_um2[0] == pytest.approx(math.pi * 10.0 * (2.0 + 6.0) + ring, rel=ROUNDOFF)


def test_a_child_at_1_hangs_on_the_far_end_node() -> None:
    tree = discretise(Morphology((cable("soma[0]"), cable("dend[0]", 0))), 1)
    assert tree.parent_idx.tolist() == [-1, 0, 1]
    assert tree.area_um2[1] == EXACT
    assert tree.x.tolist() == [0.5, 1.0, 0.5]


def test_a_child_at_an_inner_place_hangs_on_that_segment() -> None:
    tree = discretise(Morphology((cable("soma[0]"), cable("dend[0]", 0, 0.5))), [3, 1])
    assert len(tree) == 4
    assert tree.parent_idx[tree.compartment(1, 0.5)] == tree.compartment(0, 0.5)
    alone = discretise(Morphology((cable("soma[0]"),)), 1)
    half = 0.01 * 35.4 * 50.0 / math.pi
    assert tree.ri_MOhm[tree.compartment(1, 0.5)] == pytest.approx(half, rel=ROUNDOFF)
    assert len(alone) == 1


def test_a_child_at_0_of_the_root_makes_a_zero_area_root() -> None:
    tree = discretise(Morphology((cable("soma[0]"), cable("dend[0]", 0, 0.0))), [1, 2])
    assert tree.area_um2[0] == EXACT
    assert tree.x[0] == 0.0
    assert tree.parent_idx[tree.compartment(0, 0.5)] == 0
    assert tree.parent_idx[tree.compartment(1, 0.0)] == 0
    assert tree.node(0, 0.0) == tree.node(1, 0.0) == 0


def test_a_child_at_0_of_another_section_hangs_where_that_one_hangs() -> None:
    tree = discretise(Morphology((cable("a"), cable("b", 0, 0.5), cable("c", 1, 0.0))), 3)
    assert tree.parent_idx[tree.compartment(2, 0.0)] == tree.compartment(0, 0.5)


def test_places_choose_segments_as_neuron_does() -> None:
    tree = discretise(Morphology((cable("soma[0]"), cable("dend[0]", 0))), 3)
    assert [tree.compartment(0, x) for x in (0.0, 0.3, 1 / 3, 0.5, 0.99, 1.0)] == [0, 0, 1, 1, 2, 2]
    assert tree.node(0, 1.0) == tree.node(1, 0.0) == 3
    assert tree.node(0, 0.0) == 0  # nothing hangs there
    assert tree.node(1, 1.0) == tree.compartment(1, 1.0)
    with pytest.raises(LocationError, match=r"position 1\.1 is outside"):
        tree.compartment(0, 1.1)


@pytest.mark.parametrize("seed", range(20))
def test_numbering_is_depth_first_with_larger_subtrees_first(seed: int) -> None:
    tree = discretise(*random_morphology(seed))
    size = subtree_sizes(tree)
    assert (tree.parent_idx[1:] < np.arange(1, len(tree))).all()
    for node in range(len(tree)):
        children = np.flatnonzero(tree.parent_idx == node)
        if len(children):
            assert children[0] == node + 1  # runs are contiguous
        after = node + 1
        for child in children:  # a child's subtree follows its elder sibling's
            assert child == after
            after += size[child]
        assert [size[c] for c in children] == sorted((size[c] for c in children), reverse=True)


@pytest.mark.parametrize("seed", range(20))
def test_numbering_does_not_depend_on_the_order_of_the_sections(seed: int) -> None:
    morphology, nseg = random_morphology(seed)
    shuffled = list(range(len(nseg)))
    random.Random(seed).shuffle(shuffled)
    new_index = {old: new for new, old in enumerate(shuffled)} | {-1: -1}
    again = Morphology(
        tuple(
            Section.cylinder(s.name, s.length_um, s.diam_um, new_index[s.parent], s.parent_x)
            for s in (morphology.sections[old] for old in shuffled)
        )
    )
    one = discretise(morphology, nseg)
    two = discretise(again, [nseg[old] for old in shuffled])
    assert one.parent_idx.tolist() == two.parent_idx.tolist()
    assert sorted(one.area_um2) == sorted(two.area_um2)
    for s, name in enumerate(morphology.names):
        nodes, others = one.compartments(s), two.compartments(new_index[s])
        assert one.area_um2[nodes].tolist() == two.area_um2[others].tolist()
        assert again.sections[new_index[s]].name == name


def test_subtrees_of_equal_shape_are_numbered_by_section() -> None:
    tree = discretise(Morphology((cable("a"), cable("b", 0), cable("c", 0), cable("d", 0))), 2)
    assert [int(tree.compartments(s)[0]) for s in (1, 2, 3)] == [3, 5, 7]


def test_every_compartment_is_there_once() -> None:
    morphology, nseg = random_morphology(3)
    tree = discretise(morphology, nseg)
    assert tree.comp_n == sum(nseg) == np.count_nonzero(tree.area_um2)
    assert sorted(tree.section_order.tolist()) == np.flatnonzero(tree.area_um2).tolist()
    assert tree.length_um.sum() == pytest.approx(sum(s.length_um for s in morphology.sections), rel=ROUNDOFF)
    assert tree.section_idx[tree.section_order].tolist() == np.repeat(np.arange(len(nseg)), nseg).tolist()


def test_path_distance_adds_up_along_the_tree() -> None:
    tree = discretise(Morphology((cable("a"), cable("b", 0), cable("c", 1, 0.5), cable("d", 0, 0.0))), 1)
    assert [tree.path_um[tree.compartment(s, 0.5)] for s in range(4)] == [50.0, 150.0, 200.0, 50.0]


def test_path_distance_starts_at_the_first_section_even_if_it_is_not_the_root() -> None:
    tree = discretise(Morphology((cable("dend[0]", 1), cable("soma[0]"), cable("dend[1]", 1, 0.0))), 1)
    assert [tree.path_um[tree.compartment(s, 0.5)] for s in range(3)] == [50.0, 50.0, 150.0]


def test_the_same_arguments_give_the_same_tree_and_others_another() -> None:
    morphology, nseg = random_morphology(1)
    tree = discretise(morphology, nseg, 100.0)
    assert discretise(morphology, np.array(nseg), [100.0] * len(nseg)) is tree
    assert discretise(morphology, nseg, 101.0) is not tree
    assert discretise(random_morphology(1)[0], nseg, 100.0) is not tree


def test_arrays_of_a_tree_are_read_only() -> None:
    tree = discretise(Morphology((cable("soma[0]"),)), 2)
    with pytest.raises(ValueError, match="read-only"):
        tree.area_um2[0] = 1.0


@pytest.mark.parametrize(
    ("nseg", "says"),
    [
        (0, "nseg=0 is not allowed; use 1 to 32767"),
        (40000, "nseg=40000 is not allowed"),
        ([1, -2], "nseg=-2 is not allowed"),
        (1.5, "whole"),
        (float("nan"), "whole"),
        ([1, 2, 3], "shape (3,)"),
        ("x", "whole"),
    ],
)
def test_wrong_numbers_of_segments_are_refused(nseg: object, says: str) -> None:
    with pytest.raises(ModelError) as caught:
        discretise(Morphology((cable("soma[0]"), cable("dend[0]", 0))), nseg)  # type: ignore[arg-type]
    assert says in str(caught.value)


@pytest.mark.parametrize("ra", [0.0, -1.0, float("nan"), float("inf")])
def test_a_wrong_resistivity_is_refused(ra: float) -> None:
    with pytest.raises(ModelError, match="ra_ohm_cm"):
        discretise(Morphology((cable("soma[0]"),)), 1, ra)


def test_nseg_rules_give_odd_numbers_and_refuse_nonsense() -> None:
    morphology = Morphology((cable("a"), cable("b", 0, 1.0, 39.9), cable("c", 0, 1.0, 40.0)))
    assert nseg_by_length(morphology, 20.0).tolist() == [5, 1, 3]
    lam = 1e5 * math.sqrt(2.0 / (4.0 * math.pi * 100.0 * 35.4 * 1.0))
    assert nseg_by_d_lambda(morphology, 0.1)[0] == 2 * int((100.0 / (0.1 * lam) + 0.9) / 2.0) + 1
    for wrong in (0.0, -1.0, float("nan")):
        with pytest.raises(ModelError, match="max_length_um"):
            nseg_by_length(morphology, wrong)
        with pytest.raises(ModelError, match="d_lambda"):
            nseg_by_d_lambda(morphology, wrong)
    with pytest.raises(ModelError, match="choose coarser"):
        nseg_by_length(morphology, 1e-6)


def test_points_of_compartments_lie_on_the_line_of_the_section() -> None:
    points = np.array([[0, 0, 0, 1], [10, 0, 0, 1], [10, 10, 0, 1]], np.float32)
    tree = discretise(Morphology((Section("soma[0]", points),)), 2)
    assert tree.start_um.tolist() == [[0, 0, 0], [10, 0, 0]]
    assert tree.centre_um.tolist() == [[5, 0, 0], [10, 5, 0]]
    assert tree.end_um.tolist() == [[10, 0, 0], [10, 10, 0]]


def test_cylinders_are_laid_out_from_the_origin_and_fanned_out() -> None:
    tree = discretise(Morphology((cable("soma[0]"), cable("dend[0]", 0), cable("dend[1]", 0), cable("x", 0, 0.5))), 1)
    assert tree.start_um[0].tolist() == [0, 0, 0]
    assert tree.end_um[0].tolist() == [100, 0, 0]
    ends = np.array([tree.end_um[tree.compartment(s, 0.5)] for s in (1, 2, 3)])
    angles = np.arctan2(ends[:, 1], ends[:, 0] - [100.0, 100.0, 50.0])
    assert angles == pytest.approx([0.4, -0.4, math.pi / 2.0], abs=1e-6)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=60))
def test_any_tree_has_every_subtree_in_one_block(numbers: list[int]) -> None:
    sections = [cable("s[0]")]
    for i, number in enumerate(numbers, start=1):
        sections.append(cable(f"s[{i}]", number % i, (0.0, 0.5, 1.0)[number % 3]))
    tree = discretise(Morphology(tuple(sections)), 1)
    size = subtree_sizes(tree)
    last = np.arange(len(tree)) + np.array(size)
    inside = np.arange(1, len(tree))
    parents = tree.parent_idx[1:]
    assert ((inside > parents) & (last[inside] <= last[parents])).all()
    assert len(tree) <= 2 * len(sections) + 1
