"""Blocks of cells, the union of their trees, and runs: properties that must hold for any trees."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurosim.engine.blocks import arrange, runs, union
from neurosim.kernels.cable import EDGE, PASSIVE, WORKING
from neurosim.kernels.simd import LANES
from tests.trees import parents_of


def tree(max_size: int = 40) -> st.SearchStrategy[np.ndarray]:
    return st.builds(parents_of, st.integers(0, 2**32 - 1), st.integers(1, max_size), st.sampled_from([0.0, 0.4, 0.9]))


def is_depth_first(parent: np.ndarray) -> bool:
    """Whether every node's parent is on the path from the node before it to the root."""
    for node in range(1, len(parent)):
        above = node - 1
        while above >= 0 and above != parent[node]:
            above = int(parent[above])
        if above < 0:
            return False
    return True


@given(st.integers(0, 2**32 - 1), st.integers(1, 60))
def test_the_trees_of_these_tests_are_depth_first(seed: int, size: int) -> None:
    assert is_depth_first(parents_of(seed, size, 0.5))


@settings(max_examples=60, deadline=None)
@given(st.lists(tree(), min_size=1, max_size=LANES))
def test_a_union_keeps_every_trees_parents_and_the_order_of_its_nodes(trees: list[np.ndarray]) -> None:
    parent, maps = union(trees)
    assert parent[0] == -1
    assert is_depth_first(parent)
    covered = np.zeros(len(parent), bool)
    for own, where in zip(trees, maps, strict=True):
        assert len(where) == len(own)
        assert where[0] == 0
        assert (np.diff(where) > 0).all(), "relative order, and no two nodes at one place"
        np.testing.assert_array_equal(parent[where[1:]], where[own[1:]])
        covered[where] = True
    assert covered.all(), "no node without a cell"
    assert max(map(len, trees)) <= len(parent) <= sum(map(len, trees))


@given(tree(), st.integers(1, LANES))
def test_the_union_of_equal_trees_is_the_tree(one: np.ndarray, copies: int) -> None:
    parent, maps = union([one.copy() for _ in range(copies)])
    np.testing.assert_array_equal(parent, one)
    for where in maps:
        np.testing.assert_array_equal(where, np.arange(len(one)))


@settings(max_examples=60, deadline=None)
@given(st.data(), st.lists(tree(12), min_size=1, max_size=5), st.integers(1, 30))
def test_every_cell_is_in_one_block_with_its_own_tree(data: st.DataObject, kinds: list[np.ndarray], cells: int) -> None:
    kind = data.draw(st.lists(st.integers(0, len(kinds) - 1), min_size=cells, max_size=cells))
    rows = [data.draw(st.integers(0, 40)) for _ in kinds]
    blocks = arrange([kinds[k] for k in kind], kind, [rows[k] for k in kind])

    assert sorted(c for b in blocks for c in b.cells) == list(range(cells))
    for block in blocks:
        assert block.width in (1, LANES)
        assert len(block.cells) == len(block.maps) <= block.width
        for cell, where in zip(block.cells, block.maps, strict=True):
            own = kinds[kind[cell]]
            np.testing.assert_array_equal(block.parent[where[1:]], where[own[1:]])


def test_many_equal_cells_are_wide_and_a_large_cell_is_alone() -> None:
    small, large = parents_of(1, 20, 0.3), parents_of(2, 400, 0.3)
    assert [b.width for b in arrange([small] * 16, [0] * 16, [20] * 16)] == [LANES, LANES]
    assert [b.width for b in arrange([large], [0], [400])] == [1]


@settings(max_examples=100, deadline=None)
@given(tree(), st.data())
def test_runs_partition_the_nodes_and_constant_runs_are_never_above_working_nodes(
    parent: np.ndarray, data: st.DataObject
) -> None:
    working = np.array(data.draw(st.lists(st.booleans(), min_size=len(parent), max_size=len(parent))))
    table = runs(parent, working)

    # Partition, in order.
    assert table[0, 0] == 0
    assert table[-1, 1] == len(parent)
    np.testing.assert_array_equal(table[1:, 0], table[:-1, 1])
    assert (table[:, 0] < table[:, 1]).all()

    activity = np.repeat(table[:, 3], table[:, 1] - table[:, 0])
    children = np.bincount(parent[1:], minlength=len(parent))
    for start, end, above, kind in table.tolist():
        assert above == parent[start]
        np.testing.assert_array_equal(parent[start + 1 : end], np.arange(start, end - 1))
        # Children hang on a run's last node only, so that the others need no second look.
        assert (children[start : end - 1] == 1).all()
        if kind == WORKING:
            continue
        assert not working[start:end].any()
        assert kind == (EDGE if above >= 0 and activity[above] == WORKING else PASSIVE)
    for node in range(len(parent) - 1, 0, -1):
        if activity[node] == WORKING:
            assert activity[parent[node]] == WORKING
    assert set(np.flatnonzero(working)) <= set(np.flatnonzero(activity == WORKING))


@pytest.mark.parametrize(
    ("parent", "working", "expected"),
    [
        ([-1], [False], [[0, 1, -1, PASSIVE]]),
        ([-1, 0, 1], [True, True, True], [[0, 3, -1, WORKING]]),
        ([-1, 0, 1], [False, False, True], [[0, 3, -1, WORKING]]),
        ([-1, 0, 1], [True, False, False], [[0, 1, -1, WORKING], [1, 3, 0, EDGE]]),
        ([-1, 0, 0], [False, True, False], [[0, 1, -1, WORKING], [1, 2, 0, WORKING], [2, 3, 0, EDGE]]),
        ([-1, 0, 0], [False] * 3, [[0, 1, -1, PASSIVE], [1, 2, 0, PASSIVE], [2, 3, 0, PASSIVE]]),
    ],
)
def test_runs_of_small_trees(parent: list[int], working: list[bool], expected: list[list[int]]) -> None:
    assert runs(np.array(parent, np.int32), np.array(working)).tolist() == expected
