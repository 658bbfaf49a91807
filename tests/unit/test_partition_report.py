"""What a partition is like: balance, the largest cell, coupled sets, what travels, bytes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from neurosim.errors import ModelError
from neurosim.hpc.balance import balance_of
from neurosim.hpc.memory import Bytes
from neurosim.hpc.partition import partition, report
from neurosim.hpc.traffic import expected_sources, traffic_of


@dataclass(frozen=True)
class Rows:
    source_gid: np.ndarray
    target_gid: np.ndarray


def random_rows(cells: int, n: int) -> Rows:
    rng = np.random.default_rng(4)
    return Rows(rng.integers(0, cells, n, dtype=np.int32), rng.integers(0, cells, n, dtype=np.int32))


def test_directories_are_those_of_a_count_by_hand() -> None:
    owner = np.array([0, 0, 1, 1, 2], np.int32)
    rows = Rows(np.array([0, 0, 1, 2, 2, 4, 4]), np.array([2, 3, 0, 3, 4, 4, 0]))

    found = traffic_of(owner, 4, [rows])

    assert found.sources.tolist() == [2, 2, 2, 0]
    assert found.heard.tolist() == [1, 1, 1, 0]
    assert found.told.tolist() == [1, 1, 1, 0]
    assert found.partners.tolist() == [1, 1, 1, 0]


def test_what_is_heard_is_what_is_told_over_all_ranks() -> None:
    rows = [random_rows(500, 4000), random_rows(500, 100)]
    owner = partition(np.ones(500), 33)

    found = traffic_of(owner, 33, rows)

    assert found.heard.sum() == found.told.sum() > 0
    assert (found.partners <= 32).all() and (found.heard >= found.partners).all()


def test_given_trains_are_not_sent() -> None:
    owner = np.array([0, 1], np.int32)

    found = traffic_of(owner, 2, [Rows(np.array([0]), np.array([1]))], silent=np.array([0]))

    assert found.heard.tolist() == [0, 0]


def test_expected_sources_are_those_of_random_connections() -> None:
    rows = random_rows(2000, 40_000)
    owner = partition(np.ones(2000), 40)

    counted = traffic_of(owner, 40, [rows]).sources
    expected = expected_sources(np.bincount(owner[rows.target_gid], minlength=40).astype(float), 2000)

    # Of 40 ranks with some 800 sources each: standard deviation of a count below sqrt(800).
    assert abs(counted.mean() - expected.mean()) < 5.0 * np.sqrt(800.0 / 40.0)


def test_report_has_the_numbers_of_the_partition() -> None:
    costs = np.array([4.0, 2.0, 2.0, 1.0, 1.0])
    owner = np.array([0, 1, 1, 0, 1], np.int32)
    rows = Rows(np.array([0, 1, 4]), np.array([1, 0, 0]))

    found = balance_of(
        owner,
        costs,
        compartments_n=[40, 20, 20, 10, 10],
        synapses_n=[2, 1, 0, 0, 0],
        edges=[rows],
        each=Bytes(compartment=100.0, synapse=10.0, source=1.0, cell=2.0, rank=0.5),
    )

    assert found.imbalance == 1.0 and found.largest_gid == 0 and found.largest_over_share == 0.8
    assert (found.cells.least, found.cells.most) == (2, 3)
    assert found.heard is not None and found.heard.most == 2
    assert found.bytes is not None
    assert (found.bytes.least, found.bytes.most) == (5000.0 + 10 + 1 + 11, 5000.0 + 20 + 2 + 11)
    text = found.text()
    assert "5 cells on 2 ranks" in text and "largest 1.0000 of the mean" in text and "from the connections" in text


def test_a_cell_above_the_share_of_a_rank_is_named_as_the_bound() -> None:
    costs = np.array([1.0, 1.0, 10.0, 1.0])

    text = report(partition(costs, 4), costs, 4)

    assert "gid 2" in text and "bound: the largest cell" in text
    assert "3.08 of the mean load" in text and "more than 1 ranks" in text
    assert "not split at its branch points" in text


def test_divided_sets_are_stated() -> None:
    costs = np.ones(40)
    whole, large = np.array([1, 3]), np.arange(4, 40)
    owner = partition(costs, 4, [whole, large])

    assert "coupled sets: 2, of which 1 do not fit" in report(owner, costs, 4, together=[whole, large])
    assert "coupled sets: 1, each on one rank" in report(owner, costs, 4, together=[whole])


def test_ranks_without_cells_are_stated() -> None:
    costs = np.ones(3)

    assert "some ranks have no cells" in report(partition(costs, 5), costs, 5)


def test_without_connections_sources_are_expected_ones() -> None:
    costs = np.ones(100)

    text = report(partition(costs, 4), costs, 4, compartments_n=np.ones(100), synapses_n=np.full(100, 10))

    assert "expected" in text and "memory" in text


def test_costs_of_other_cells_are_refused() -> None:
    with pytest.raises(ModelError, match="costs"):
        report(np.zeros(3, np.int32), np.ones(2))
