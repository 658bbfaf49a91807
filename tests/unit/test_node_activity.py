"""Rates of octree nodes from the ranks of the cells that fired."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from neurosim.errors import ModelError
from neurosim.viewer.scene.activity import NodeActivity
from neurosim.viewer.scene.octree import Octree
from tests.shuffled_scenes import random_scene
from tests.tolerances import ROUNDOFF


@pytest.fixture(scope="module")
def octree() -> Octree:
    return random_scene(30_000, bodies=False).octree


def twin(octree: Octree, spikes_of_rank: NDArray[np.int64], span_ms: float, nodes: NDArray[np.int64]) -> list[float]:
    """Return the mean rates by adding up each node's cells."""
    rates = []
    for node in nodes:
        cells = spikes_of_rank[int(octree.start[node]) : int(octree.end[node])]
        rates.append(cells.mean() / (span_ms / 1000.0))
    return rates


@pytest.mark.parametrize("spikes_n", [0, 1, 7, 40_000])
@pytest.mark.parametrize("counted", [False, True])
def test_rates_are_those_of_the_twin(octree: Octree, spikes_n: int, counted: bool) -> None:
    rng = np.random.default_rng(spikes_n)
    ranks = np.sort(rng.integers(0, 30_000, spikes_n)).astype(np.uint32)
    counts = rng.integers(0, 5, spikes_n).astype(np.uint32) if counted else None
    each = np.bincount(ranks, weights=counts, minlength=30_000).astype(np.int64)
    nodes = rng.permutation(len(octree))[:20]
    rates = NodeActivity(octree).rates_Hz(ranks, counts, 33.0, nodes)
    assert np.allclose(rates, twin(octree, each, 33.0, nodes), rtol=ROUNDOFF, atol=0.0)


def test_a_cell_that_fires_alone_in_the_root(octree: Octree) -> None:
    rates = NodeActivity(octree).rates_Hz(np.array([29_999]), None, 100.0, np.array([0]))
    assert rates.tolist() == [1.0 / 30_000 / 0.1]


def test_no_time_is_no_rate(octree: Octree) -> None:
    assert NodeActivity(octree).rates_Hz(np.array([1, 2]), None, 0.0, np.array([0])).tolist() == [0.0]


def test_no_node_asked_for_is_no_rate(octree: Octree) -> None:
    assert len(NodeActivity(octree).rates_Hz(np.array([1, 2]), None, 1.0, np.empty(0, np.int64))) == 0


@pytest.mark.parametrize("node", [-1, 10**6])
def test_a_node_that_is_not_there_is_refused(octree: Octree, node: int) -> None:
    with pytest.raises(ModelError, match="nodes must be from 0"):
        NodeActivity(octree).rates_Hz(np.array([1]), None, 1.0, np.array([node]))


def test_counts_belong_to_ranks(octree: Octree) -> None:
    with pytest.raises(ModelError, match="one value a rank, got 1 for 2"):
        NodeActivity(octree).rates_Hz(np.array([1, 2]), np.array([1]), 1.0, np.array([0]))
