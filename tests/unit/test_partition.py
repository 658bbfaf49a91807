"""Cells shared out among ranks: everybody owned once, loads even, near cells together, coupled cells too."""

from __future__ import annotations

import heapq
import runpy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurosim.errors import ModelError
from neurosim.hpc import curve
from neurosim.hpc.partition import FITS, partition, pieces

BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "partition.py"
COSTS = np.random.default_rng(5).lognormal(0.0, 0.8, 3000)


def imbalance(owner: np.ndarray, costs: np.ndarray, size: int) -> float:
    loads = np.bincount(owner, costs, size)
    return float(loads.max() / loads.mean())


def lpt(costs: np.ndarray, size: int) -> list[float]:
    """Loads by longest processing time first, with Python's own heap: another program for the same rule."""
    heap = [(0.0, rank) for rank in range(size)]
    for cost in sorted(costs.tolist(), reverse=True):
        load, rank = heapq.heappop(heap)
        heapq.heappush(heap, (load + cost, rank))
    return sorted(load for load, _ in heap)


@pytest.mark.parametrize("size", [1, 2, 7, 64, 997])
def test_loads_are_those_of_longest_processing_time_first(size: int) -> None:
    owner = partition(COSTS, size)

    assert np.allclose(np.sort(np.bincount(owner, COSTS, size)), lpt(COSTS, size), rtol=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([0.0, 1.0, 2.0, 2.5, 40.0]), max_size=40),
    st.integers(1, 60),
    st.booleans(),
    st.integers(0, 3),
)
def test_every_cell_has_one_rank_whatever_costs_places_and_sets(
    costs: list[float], size: int, placed: bool, sets: int
) -> None:
    rng = np.random.default_rng(len(costs))
    places = rng.random((len(costs), 3)) if placed else None
    if places is not None and len(costs) > 2:
        places[1] = np.nan
    together = [g for g in np.array_split(rng.permutation(len(costs)), sets + 1)[:sets] if len(g)]

    owner = partition(np.array(costs), size, together, places)

    assert owner.dtype == np.int32 and owner.shape == (len(costs),)
    assert ((owner >= 0) & (owner < size)).all()
    # Nobody has two cells while another has none: not with sets, nor where places decide.
    paid = np.array(costs) > 0.0
    if not sets and not placed and paid.any():
        assert len(np.unique(owner[paid])) == min(size, int(paid.sum()))


def test_few_items_in_python_and_many_compiled_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    places = np.random.default_rng(2).random((len(COSTS), 3)) * [900.0, 300.0, 50.0]
    compiled = [partition(COSTS, 13), partition(COSTS, 13, positions_um=places)]

    monkeypatch.setattr(curve, "FEW", 10**9)

    assert np.array_equal(compiled[0], partition(COSTS, 13))
    assert np.array_equal(compiled[1], partition(COSTS, 13, positions_um=places))


def test_cells_of_equal_cost_are_owned_in_runs_of_gids() -> None:
    owner = partition(np.repeat([1.0, 3.0], [4000, 96]), 8)

    assert np.count_nonzero(np.diff(owner[:4000])) == 7
    assert imbalance(owner, np.repeat([1.0, 3.0], [4000, 96]), 8) < 1.001


def test_cells_without_cost_are_spread() -> None:
    costs = np.concatenate([np.zeros(100), np.ones(4)])

    assert np.bincount(partition(costs, 4)[:100]).tolist() == [25, 25, 25, 25]


@pytest.mark.parametrize(("axes", "bits"), [(2, 5), (3, 3)])
def test_neighbours_on_the_curve_are_neighbours_in_space_and_every_point_has_a_place(axes: int, bits: int) -> None:
    grid = np.stack(np.meshgrid(*[np.arange(2**bits)] * axes, indexing="ij"), axis=-1).reshape(-1, axes)
    place = np.zeros(len(grid), np.int64)

    curve.kernel("hilbert", "places", 1)(grid.astype(np.uint32), bits, place)

    assert sorted(place.tolist()) == list(range(len(grid)))
    assert (np.abs(np.diff(grid[np.argsort(place)], axis=0)).sum(axis=1) == 1).all()


def test_a_rank_owns_a_lump_of_tissue() -> None:
    places = np.random.default_rng(3).random((len(COSTS), 3)) * [1000.0, 1000.0, 20.0]

    costs = 1.0 + COSTS % 1.0

    owner = partition(costs, 16, positions_um=places)

    spread = np.mean([np.hypot(*places[owner == rank, :2].std(axis=0)) for rank in range(16)])
    everywhere = np.hypot(*places[:, :2].std(axis=0))
    assert imbalance(owner, costs, 16) < 1.02
    # A sixteenth of a square is a quarter as wide.
    assert spread < 0.4 * everywhere


def test_cells_without_a_place_are_shared_out_as_well() -> None:
    places = np.random.default_rng(3).random((len(COSTS), 3))
    places[1000:] = np.nan

    owner = partition(COSTS, 16, positions_um=places)

    assert imbalance(owner, COSTS, 16) < 1.03


def test_few_cells_a_rank_are_balanced_within_lumps_too() -> None:
    places = np.random.default_rng(3).random((len(COSTS), 3))

    best = imbalance(partition(COSTS, 100), COSTS, 100)

    assert imbalance(partition(COSTS, 100, positions_um=places), COSTS, 100) < best + 0.02


def test_a_coupled_set_stays_on_one_rank_while_it_fits() -> None:
    costs = np.ones(100)
    sets = [np.arange(0, 50, 2), np.array([99, 60, 75])]

    owner = partition(costs, 4, sets)

    assert all(len(np.unique(owner[members])) == 1 for members in sets)
    assert imbalance(owner, costs, 4) == 1.0


def test_a_coupled_set_that_is_too_large_is_divided_in_the_order_of_gids() -> None:
    costs = np.ones(100)
    members = np.arange(0, 100, 2)

    owner = partition(costs, 4, [members[::-1]])

    assert np.count_nonzero(np.diff(owner[members])) == 1
    assert imbalance(owner, costs, 4) == 1.0


@pytest.mark.parametrize(("whole", "number"), [(1.0, 1), (FITS, 1), (FITS + 0.01, 2), (2.0, 2), (3.3, 4)])
def test_pieces_of_a_set_are_as_few_as_a_share_allows(whole: float, number: int) -> None:
    costs = np.full(200, whole / 200)

    found = pieces(costs, 1.0)

    assert len(found) == number
    assert np.array_equal(np.concatenate(found), np.arange(200))


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"costs": [1.0, -1.0], "size": 2}, "gid 1"),
        ({"costs": [1.0, np.nan], "size": 2}, "gid 1"),
        ({"costs": [[1.0]], "size": 2}, "shape"),
        ({"costs": [1.0], "size": 0}, "size=0"),
        ({"costs": [1.0], "size": 2, "way": "curve"}, "positions_um"),
        ({"costs": [1.0], "size": 2, "way": "fast"}, "auto, lpt, curve"),
        ({"costs": [1.0], "size": 2, "positions_um": np.zeros((1, 2))}, "one row a cell"),
        ({"costs": [1.0], "size": 2, "together": [np.array([3])]}, "gid 3"),
        ({"costs": [1.0, 1.0], "size": 2, "together": [np.array([0, 1]), np.array([1])]}, "gid 1 is in two sets"),
    ],
)
def test_what_cannot_be_is_refused(arguments: dict, word: str) -> None:
    with pytest.raises(ModelError, match=word):
        partition(**arguments)


@pytest.mark.parametrize("way", ["lpt", "curve"])
def test_the_benchmark_owns_every_cell_once(way: str) -> None:
    found = runpy.run_path(str(BENCHMARK))["line"](way, 20_000, 100, 1)

    assert found["owned_once"] and found["ranks_with_cells"] == 100
    assert found["max_over_mean_load"] < 1.02
