"""Levels of detail of a skeleton: what is left out, what stays, against a plain twin on random trees."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurosim.viewer.scene.simplify import coarser, levels_of, path_um, simplify
from neurosim.viewer.scene.skeleton import LEVELS_N, Skeleton, TOLERANCES_um
from tests.tolerances import SINGLE


def skeleton_of(parent: list[int], length_um: list[int]) -> Skeleton:
    """A skeleton in which every segment is its own compartment; whole lengths, so that sums in float32 are exact."""
    n = len(parent)
    path = [0] * n
    for i in range(1, n):
        path[i] = path[parent[i]] + length_um[i]
    place = np.random.default_rng(n).uniform(-50.0, 50.0, (n, 3)).astype(np.float32)
    number = np.arange(n, dtype=np.int32)
    return Skeleton(
        position_um=place,
        parent=np.array(parent, np.int32),
        path_um=np.array(path, np.float32),
        radius_um=np.linspace(3.0, 0.5, n, dtype=np.float32),
        node=number,
        region=(number % 5).astype(np.uint8),
    )


@st.composite
def trees(draw: st.DrawFn) -> Skeleton:
    """Random trees, many of whose points go on from the one before."""
    n = draw(st.integers(1, 60))
    parent = [-1]
    for i in range(1, n):
        parent.append(i - 1 if draw(st.booleans()) else draw(st.integers(0, i - 1)))
    return skeleton_of(parent, draw(st.lists(st.integers(0, 60), min_size=n, max_size=n)))


def chosen_by_twin(skeleton: Skeleton, tolerance_um: float) -> list[tuple[int, int, int]]:
    """The rule in plain Python: (point, point before it, point whose segment holds the middle), in order."""
    parent, path = skeleton.parent.tolist(), skeleton.path_um.tolist()
    children: list[list[int]] = [[i for i, p in enumerate(parent) if p == k] for k in range(len(parent))]

    def farthest(i: int) -> float:
        return float(max([path[i], *(farthest(c) for c in children[i])]))

    found: list[tuple[int, int, int]] = [(0, -1, 0)]

    def follow(i: int, start: int, chain: list[int]) -> None:
        here = [c for c in children[i] if farthest(c) - path[i] >= tolerance_um]
        if i != 0 and children[i]:
            heir = max(children[i], key=lambda c: (farthest(c), -c))
            here = sorted({*here, heir})
        chain = [*chain, i]
        if i != 0 and (len(here) != 1 or path[i] - path[start] >= tolerance_um):
            half = 0.5 * (path[i] + path[start])
            middle = chain[-1]
            for k in reversed(chain[:-1]):
                if path[k] <= half:
                    break
                middle = k
            found.append((i, start, middle))
            start, chain = i, []
        if i == 0:
            chain = []
        for child in here:
            follow(child, start, chain)

    follow(0, 0, [])
    return sorted(found)


@given(trees(), st.sampled_from([5.0, 25.0, 60.0, 150.0, 1000.0]))
def test_points_that_stay_are_those_of_the_plain_rule(skeleton: Skeleton, tolerance_um: float) -> None:
    old, parent, middle = coarser(skeleton.parent, skeleton.path_um, tolerance_um)
    before = [-1 if p < 0 else int(old[p]) for p in parent]
    got = list(zip(old.tolist(), before, middle.tolist(), strict=True))
    assert got == chosen_by_twin(skeleton, tolerance_um)


@given(trees())
def test_segments_fall_with_the_level(skeleton: Skeleton) -> None:
    counts = [level.segments_n for level in levels_of(skeleton)]
    assert len(counts) == LEVELS_N
    assert counts == sorted(counts, reverse=True)


@given(trees())
def test_every_level_is_one_tree_from_the_same_root_of_points_of_the_whole(skeleton: Skeleton) -> None:
    places = {tuple(place) for place in skeleton.position_um.tolist()}
    for level in levels_of(skeleton):
        assert level.parent[0] == -1
        assert (level.parent[1:] >= 0).all()
        assert (level.parent[1:] < np.arange(1, len(level))).all()
        assert (level.position_um[0] == skeleton.position_um[0]).all()
        assert {tuple(place) for place in level.position_um.tolist()} <= places


@given(trees(), st.sampled_from(TOLERANCES_um[1:]))
def test_the_farthest_tip_stays_at_its_path_when_it_is_beyond_the_tolerance(skeleton: Skeleton, tol: float) -> None:
    level = simplify(skeleton, tol)
    farthest = skeleton.path_um.max()
    assert level.path_um.max() == (farthest if farthest >= tol else 0.0)


@given(trees(), st.sampled_from(TOLERANCES_um[1:]))
def test_a_segment_shorter_than_the_tolerance_ends_in_a_tip_or_at_a_branch_point(
    skeleton: Skeleton, tol: float
) -> None:
    level = simplify(skeleton, tol)
    children = np.bincount(level.parent[1:], minlength=len(level))
    length = level.path_um[1:] - level.path_um[level.parent[1:]]
    assert (children[1:][length < tol] != 1).all()


@given(trees(), st.sampled_from(TOLERANCES_um[1:]))
def test_a_segment_has_the_compartment_and_region_of_its_middle(skeleton: Skeleton, tol: float) -> None:
    level = simplify(skeleton, tol)
    half = 0.5 * (level.path_um[1:] + level.path_um[level.parent[1:]])
    inside = level.node[1:]  # the number of the segment of the whole
    assert (skeleton.path_um[skeleton.parent[inside]] <= half).all()
    assert (half <= skeleton.path_um[inside]).all()
    assert (level.region == skeleton.region[level.node]).all()


@given(st.lists(trees(), min_size=1, max_size=4), st.sampled_from(TOLERANCES_um[1:]))
def test_a_forest_is_simplified_like_its_trees(several: list[Skeleton], tol: float) -> None:
    start = np.cumsum([0, *(len(s) for s in several)])
    parent = np.concatenate([np.where(s.parent < 0, -1, s.parent + k) for s, k in zip(several, start, strict=False)])
    old, new_parent, middle = coarser(parent.astype(np.int32), np.concatenate([s.path_um for s in several]), tol)
    at = 0
    for one, k in zip(several, start, strict=False):
        own_old, own_parent, own_middle = coarser(one.parent, one.path_um, tol)
        here = slice(at, at + len(own_old))
        assert (old[here] == own_old + k).all()
        assert (middle[here] == own_middle + k).all()
        assert (new_parent[here] == np.where(own_parent < 0, -1, own_parent + at)).all()
        at += len(own_old)
    assert at == len(old)


def test_the_finest_level_is_the_whole() -> None:
    whole = skeleton_of([-1, 0, 1, 1], [0, 5, 5, 5])
    assert simplify(whole, 0.0) is whole


def test_a_straight_branch_has_points_at_least_the_tolerance_apart() -> None:
    level = simplify(skeleton_of([-1, *range(30)], [0] + [10] * 30), 25.0)
    assert level.path_um.tolist() == [0.0, 30.0, 60.0, 90.0, 120.0, 150.0, 180.0, 210.0, 240.0, 270.0, 300.0]


def test_a_short_side_branch_goes_and_its_branch_point_with_it() -> None:
    #  0 --40-- 1 --40-- 2 (tip), and 10 from 1 to the tip 3
    level = simplify(skeleton_of([-1, 0, 1, 1], [0, 40, 40, 10]), 60.0)
    assert level.path_um.tolist() == [0.0, 80.0]


def test_of_two_short_ends_the_longer_one_stays() -> None:
    level = simplify(skeleton_of([-1, 0, 1, 1], [0, 100, 8, 9]), 25.0)
    assert level.path_um.tolist() == [0.0, 100.0, 109.0]


def test_a_cell_smaller_than_the_tolerance_is_its_root() -> None:
    level = simplify(skeleton_of([-1, 0, 0, 0], [0, 50, 60, 70]), 150.0)
    assert level.segments_n == 0
    assert len(level) == 1


def test_a_side_branch_of_exactly_the_tolerance_stays() -> None:
    level = simplify(skeleton_of([-1, 0, 1, 1], [0, 40, 40, 25]), 25.0)
    assert sorted(level.path_um.tolist()) == [0.0, 40.0, 65.0, 80.0]


def test_path_is_the_sum_of_straight_segments() -> None:
    place = np.array([[0, 0, 0], [3, 4, 0], [3, 4, 12], [0, 0, 1]], np.float32)
    assert path_um(place, np.array([-1, 0, 1, 0], np.int32)) == pytest.approx([0.0, 5.0, 17.0, 1.0], rel=SINGLE)
