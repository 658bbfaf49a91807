"""The octree of somata: Morton keys, their order, nodes and samples, and positions that are not as one wishes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from neurosim.errors import ModelError
from neurosim.viewer.scene import morton
from neurosim.viewer.scene.build_octree import build_octree, nodes_of, octree_of
from neurosim.viewer.scene.octree import LEAF_CAP, SAMPLE, Octree
from neurosim.viewer.scene.scene import STEPS
from neurosim.viewer.scene.scene_file import octree_problem
from neurosim.viewer.scene.select import boxes_of

BOX_um = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]])


def keys_twin(position: NDArray[np.uint16]) -> NDArray[np.uint64]:
    """Return Morton keys, bit by bit."""
    keys = np.zeros(len(position), np.uint64)
    for bit in range(16):
        for axis in range(3):
            set_here = (position[:, axis].astype(np.uint64) >> np.uint64(bit)) & np.uint64(1)
            keys |= set_here << np.uint64(3 * bit + 2 - axis)
    return keys


def leaves_twin(keys: list[int], cap: int, first: int = 0, level: int = 0) -> list[tuple[int, int]]:
    """Return the ranges of leaves in Morton order, by splitting."""
    if len(keys) <= cap:
        return [(first, first + len(keys))]
    leaves = []
    for part in range(8):
        if level < 16:
            inside = [key for key in keys if key >> (48 - 3 * (level + 1)) & 7 == part]
        else:
            inside = keys[len(keys) * part // 8 : len(keys) * (part + 1) // 8]
        if inside:
            leaves += leaves_twin(inside, cap, first, level + 1)
        first += len(inside)
    return leaves


def sorted_by_kernel(keys: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
    mine, order = keys.copy(), np.arange(len(keys), dtype=np.uint32)
    morton.sort(mine, order, np.empty_like(mine), np.empty_like(order))
    return mine, order


def test_x_is_the_highest_bit_of_each_three() -> None:
    position = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [2, 0, 0], [65535, 65535, 65535]], np.uint16)
    keys = np.empty(5, np.uint64)
    morton.keys_of(position, keys)
    assert keys.tolist() == [4, 2, 1, 32, 2**48 - 1]


def test_keys_are_those_of_the_twin_and_lead_back() -> None:
    position = np.random.default_rng(3).integers(0, 65536, (5000, 3)).astype(np.uint16)
    keys = np.empty(len(position), np.uint64)
    morton.keys_of(position, keys)
    assert np.array_equal(keys, keys_twin(position))
    back = np.stack([morton.gathered(keys >> np.uint64(axis)) for axis in (2, 1, 0)], axis=1)
    assert np.array_equal(back, position)


@pytest.mark.parametrize("bits", [1, 12, 13, 25, 48])
@pytest.mark.parametrize("n", [1, 2, 5000])
def test_sorting_is_numpys_stable_sort(bits: int, n: int) -> None:
    keys = np.random.default_rng(bits).integers(0, 2**bits, n, dtype=np.uint64)
    mine, order = sorted_by_kernel(keys)
    assert np.array_equal(order, np.argsort(keys, kind="stable"))
    assert np.array_equal(mine, np.sort(keys))


def test_sorting_nothing_and_equal_keys_changes_nothing() -> None:
    assert len(sorted_by_kernel(np.empty(0, np.uint64))[0]) == 0
    assert np.array_equal(sorted_by_kernel(np.full(1000, 2**47 + 5, np.uint64))[1], np.arange(1000))


@settings(max_examples=60)
@given(st.lists(st.integers(0, 2**48 - 1) | st.integers(0, 40), min_size=1, max_size=120), st.integers(1, 9))
def test_leaves_are_those_of_the_twin(keys: list[int], cap: int) -> None:
    keys.sort()
    level, child_n = np.zeros(4096, np.uint8), np.zeros(4096, np.uint8)
    start, end = np.zeros(4096, np.uint32), np.zeros(4096, np.uint32)
    first_child, prefix = np.full(4096, -1, np.int32), np.zeros(4096, np.uint64)
    made = nodes_of(np.array(keys, np.uint64), cap, level, start, end, first_child, child_n, prefix)
    leaves = [(int(start[k]), int(end[k])) for k in range(made) if first_child[k] < 0]
    assert sorted(leaves) == leaves_twin(keys, cap)


def places(kind: str, n: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(8)
    place = rng.random((n, 3)) * 1000.0
    if kind == "sheet":
        place[:, 2] = 17.0
    if kind == "line":
        place[:, 1:] = -3.0
    if kind == "clusters":
        place = place * 1e-3 + rng.integers(0, 3, (n, 1)) * 5e4
    if kind == "point":
        place[:] = 12.5
    if kind == "outlier":
        place[0] = 1e6
    if kind == "far away":
        place += 1e7
    return place


KINDS = ["cube", "sheet", "line", "clusters", "point", "outlier", "far away"]


@pytest.mark.parametrize("kind", KINDS)
def test_nodes_hold_every_cell_once_whatever_the_shape(kind: str) -> None:
    octree, order, position = build_octree(places(kind, 30_000))
    leaf = octree.first_child < 0
    assert octree_problem(octree, 30_000) is None
    assert (octree.end - octree.start)[leaf].max() <= LEAF_CAP
    assert np.array_equal(np.sort(order), np.arange(30_000))
    assert (octree.end - octree.start)[leaf].sum() == 30_000
    assert position.dtype == np.uint16


@pytest.mark.parametrize("kind", KINDS)
def test_a_position_is_the_nearest_step_to_the_place(kind: str) -> None:
    place = places(kind, 5000)
    octree, order, position = build_octree(place)
    low, high = octree.box_um
    off = np.abs(low + position / STEPS * (high - low) - place[order]).max()
    assert off <= 0.5 * (high - low).max() / STEPS * (1.0 + 1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_nodes_box_holds_its_cells(kind: str) -> None:
    octree, _, position = build_octree(places(kind, 30_000))
    boxes = boxes_of(octree)
    low, high = octree.box_um
    place = low + position / STEPS * (high - low)
    slack = 1e-6 * (high - low).max()
    for node in range(len(octree)):
        inside = place[int(octree.start[node]) : int(octree.end[node])]
        assert (inside >= boxes.low_um[node] - slack).all()
        assert (inside <= boxes.high_um[node] + slack).all()


def test_the_sample_of_an_inner_node_ascends_and_is_spread_over_it() -> None:
    octree, _, _ = build_octree(places("cube", 50_000))
    inner = np.flatnonzero(octree.first_child >= 0)
    assert len(inner) > 1
    for node in inner.tolist():
        sample, size = octree.ranks(node).astype(np.int64), int(octree.end[node] - octree.start[node])
        assert len(sample) == SAMPLE
        assert 1 <= np.diff(sample).min() and np.diff(sample).max() <= size // SAMPLE + 1


def test_a_single_cell_is_a_leaf_in_a_box_of_one_um() -> None:
    octree, order, _ = build_octree(np.array([[5.0, -7.0, 1.0]]))
    assert len(octree) == 1 and octree.ranks(0).tolist() == [0] and order.tolist() == [0]
    assert np.array_equal(octree.box_um, [[4.5, -7.5, 0.5], [5.5, -6.5, 1.5]])


def test_single_precision_gives_the_same_order() -> None:
    place = np.random.default_rng(5).integers(0, 4096, (9000, 3)).astype(np.float64)
    assert np.array_equal(build_octree(place)[1], build_octree(place.astype(np.float32))[1])
    assert np.array_equal(build_octree(place)[1], build_octree(place.astype(np.int64))[1])


def test_no_cell_is_refused() -> None:
    with pytest.raises(ModelError, match="1 to 4294967295 cells, got 0"):
        build_octree(np.empty((0, 3)))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_place_that_is_not_finite_is_refused_with_its_row(bad: float) -> None:
    place = np.zeros((10, 3))
    place[7, 1] = bad
    with pytest.raises(ModelError, match="row 7"):
        build_octree(place)


@pytest.mark.parametrize("shape", [(3,), (4, 2), (2, 3, 3)])
def test_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelError, match="shape"):
        build_octree(np.zeros(shape))


def test_a_place_that_cannot_be_in_um_is_refused() -> None:
    with pytest.raises(ModelError, match=r"1.7e\+308 um from 0"):
        build_octree(np.array([[0.0, 0.0, 0.0], [1.7e308, 0.0, 0.0]]))


def spoiled(octree: Octree, name: str, node: int, value: Any) -> Octree:
    column = getattr(octree, name).copy()
    column[node] = value
    return replace(octree, **{name: column})


@pytest.mark.parametrize(
    ("name", "node", "value"),
    [
        ("start", 0, 1), ("end", 0, 5), ("end", 3, 0), ("level", 2, 22), ("first_child", 0, 0), ("first_child", 0, 2),
        ("first_child", 1, 10**6), ("first_child", 1, -5), ("child_n", 0, 9), ("child_n", 0, 7), ("child_n", 0, 0),
        ("sample", 0, 40_000), ("sample_off", 1, 5000), ("sample_off", 0, 1), ("start", 2, 3), ("child_n", 5, 1),
    ],
)  # fmt: skip
def test_an_octree_that_kernels_must_not_follow_is_noticed(name: str, node: int, value: Any) -> None:
    octree, _, _ = build_octree(places("cube", 20_000))
    assert octree_problem(octree, 20_000) is None
    assert octree_problem(spoiled(octree, name, node, value), 20_000) is not None


def test_keys_alone_make_an_octree() -> None:
    octree = octree_of(np.arange(10_000, dtype=np.uint64), BOX_um)
    assert octree_problem(octree, 10_000) is None and octree.level[0] == 0
