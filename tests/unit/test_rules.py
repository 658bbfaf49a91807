"""Connection rules: degrees, probabilities, independence of how the rows are divided, and what is refused."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import neurosim as ns
from neurosim.errors import ModelError
from neurosim.model import rules as all_rules
from neurosim.model.distance import Nearby
from neurosim.model.network import Network
from neurosim.model.pairs import Pair, Rows, Rule
from neurosim.model.population import Population
from neurosim.model.random import key_of
from tests.tolerances import STAT

KEY = key_of(7, "test")


@cache
def point_cell() -> ns.PointCell:
    return ns.PointCell(ns.mechanisms.IntFire1)


def pair_of(sources_n: int, targets_n: int) -> Pair:
    net = Network()
    return Pair(net.add("a", sources_n, point_cell()), net.add("b", targets_n, point_cell()))


def itself(n: int, source: slice = slice(None), target: slice = slice(None)) -> Pair:
    cells = Network().add("a", n, point_cell())
    return Pair(cells[source], cells[target])


def positions(n: int) -> np.ndarray:
    return np.arange(n, dtype=np.int32)


def drawn(rule: Rule, pair: Pair, targets: np.ndarray | None = None) -> Rows:
    rule.check(pair)
    return rule.draw(pair, KEY, positions(pair.target.n) if targets is None else targets)


def placed(n: int, seed: int, span_um: float = 100.0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.0, span_um, (n, 3))


sizes = st.integers(1, 30)

RULES = st.one_of(
    st.builds(ns.rules.AllToAll, self_connections=st.booleans()),
    st.builds(ns.rules.FixedInDegree, k=st.integers(0, 9), self_connections=st.booleans()),
    st.builds(ns.rules.FixedOutDegree, k=st.integers(0, 9), self_connections=st.booleans()),
    st.builds(ns.rules.FixedTotal, n=st.integers(0, 60), self_connections=st.booleans()),
    st.builds(ns.rules.Bernoulli, p=st.floats(0.0, 1.0), self_connections=st.booleans()),
)


@given(sizes, sizes, st.integers(0, 12))
def test_in_degrees_are_exact(sources_n: int, targets_n: int, k: int) -> None:
    rows = drawn(ns.rules.FixedInDegree(k), pair_of(sources_n, targets_n))
    assert np.bincount(rows.target, minlength=targets_n).tolist() == [k] * targets_n
    assert ((rows.source >= 0) & (rows.source < sources_n)).all()


@given(sizes, sizes, st.integers(0, 12))
def test_out_degrees_are_exact(sources_n: int, targets_n: int, k: int) -> None:
    rows = drawn(ns.rules.FixedOutDegree(k), pair_of(sources_n, targets_n))
    assert np.bincount(rows.source, minlength=sources_n).tolist() == [k] * sources_n
    assert (np.diff(rows.target) >= 0).all()


@given(sizes, sizes, st.data())
def test_without_multapses_no_pair_is_there_twice(sources_n: int, targets_n: int, data: st.DataObject) -> None:
    pair = pair_of(sources_n, targets_n)
    for rule in (
        ns.rules.FixedInDegree(data.draw(st.integers(0, sources_n)), multapses=False),
        ns.rules.FixedOutDegree(data.draw(st.integers(0, targets_n)), multapses=False),
        ns.rules.FixedTotal(data.draw(st.integers(0, sources_n * targets_n)), multapses=False),
    ):
        rows = drawn(rule, pair)
        assert len(set(zip(rows.source.tolist(), rows.target.tolist(), strict=True))) == len(rows) == rule.rows_n(pair)


@given(st.integers(3, 20), st.integers(0, 10), st.integers(0, 10))
def test_a_cell_is_connected_to_itself_only_when_asked(n: int, first: int, second: int) -> None:
    pair = itself(n, slice(min(first, n - 2), None), slice(min(second, n - 2), None))
    for rule in (
        ns.rules.AllToAll(),
        ns.rules.FixedInDegree(7),
        ns.rules.FixedOutDegree(7),
        ns.rules.FixedTotal(40),
        ns.rules.Bernoulli(0.9),
    ):
        rows = drawn(rule, pair)
        assert (pair.source.gids[rows.source] != pair.target.gids[rows.target]).all(), rule
    with_itself = drawn(ns.rules.AllToAll(self_connections=True), pair)
    assert len(with_itself) == pair.source.n * pair.target.n


@given(RULES, st.integers(2, 20), st.integers(2, 20), st.booleans(), st.data())
def test_the_rows_of_some_targets_are_those_of_the_whole(
    rule: Rule, sources_n: int, targets_n: int, same: bool, data: st.DataObject
) -> None:
    pair = itself(sources_n) if same else pair_of(sources_n, targets_n)
    whole = drawn(rule, pair)
    some = np.array(sorted(data.draw(st.sets(st.integers(0, pair.target.n - 1)))), np.int32)
    part = drawn(rule, pair, some)
    expected = whole.take(np.isin(whole.target, some))
    for name in ("source", "target", "number"):
        assert np.array_equal(getattr(part, name), getattr(expected, name))


@given(RULES, st.integers(2, 20), st.booleans())
def test_number_tells_the_connections_of_a_target_apart(rule: Rule, n: int, same: bool) -> None:
    rows = drawn(rule, itself(n) if same else pair_of(n, n))
    assert len(set(zip(rows.target.tolist(), rows.number.tolist(), strict=True))) == len(rows)


def test_one_to_one_and_all_to_all_are_what_they_say() -> None:
    rows = drawn(ns.rules.OneToOne(), pair_of(4, 4))
    assert rows.source.tolist() == rows.target.tolist() == [0, 1, 2, 3]
    rows = drawn(ns.rules.AllToAll(), pair_of(2, 3))
    assert list(zip(rows.target.tolist(), rows.source.tolist(), strict=True)) == [
        (0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1),
    ]  # fmt: skip


@pytest.mark.parametrize("p", [0.003, 0.1, 0.5, 0.97])
def test_bernoulli_takes_every_pair_with_its_probability(p: float) -> None:
    n = 700
    rows = drawn(ns.rules.Bernoulli(p), pair_of(n, n))
    deviation = np.sqrt(p * (1.0 - p))
    assert abs(len(rows) - p * n * n) < STAT * deviation * n
    for side in (rows.source, rows.target):  # no cell is preferred: the sum of squares is chi-squared
        z = (np.bincount(side, minlength=n) - p * n) / (deviation * np.sqrt(n))
        assert abs((z**2).sum() - n) < STAT * np.sqrt(2.0 * n)


@pytest.mark.parametrize(("p", "expected"), [(0.0, 0), (1.0, 1200)])
def test_bernoulli_at_its_ends_takes_none_or_all(p: float, expected: int) -> None:
    assert len(drawn(ns.rules.Bernoulli(p), pair_of(30, 40))) == expected
    assert len(drawn(ns.rules.Bernoulli(1.0), itself(30))) == 30 * 29


@pytest.mark.parametrize(
    "rule",
    [
        ns.rules.FixedInDegree(20),
        ns.rules.FixedInDegree(20, multapses=False),
        ns.rules.FixedTotal(40_000),
        ns.rules.FixedTotal(40_000, multapses=False),
        ns.rules.FixedTotal(1_500_000, multapses=False),
        ns.rules.FixedOutDegree(20),
    ],
)
def test_every_partner_is_equally_likely(rule: Rule) -> None:
    n = 2000
    pair = itself(n)
    rows = drawn(rule, pair)
    p = len(rows) / (n * (n - 1))
    for side, exact in ((rows.source, ns.rules.FixedOutDegree), (rows.target, ns.rules.FixedInDegree)):
        counts = np.bincount(side, minlength=n)
        if isinstance(rule, exact):
            assert (counts == 20).all()
        else:
            z = (counts - counts.mean()) / np.sqrt(
                counts.mean() * (1.0 - (0.0 if getattr(rule, "multapses", 0) else p))
            )
            assert abs((z**2).sum() - n) < STAT * np.sqrt(2.0 * n)
    # Of the partners left of the cell itself and right of it there are as many as there are cells.
    left = (rows.source < rows.target).mean()
    assert abs(left - 0.5) < STAT * 0.5 / np.sqrt(len(rows))


@given(
    st.integers(1, 60), st.integers(1, 60), st.floats(1.0, 200.0), st.sampled_from(["xyz", "xz", "y"]), st.booleans()
)
def test_a_grid_finds_what_a_search_of_all_pairs_finds(
    sources_n: int, targets_n: int, reach_um: float, axes: str, same: bool
) -> None:
    net = Network()
    source = net.add("a", sources_n, point_cell(), placed(sources_n, sources_n))
    target = source if same else net.add("b", targets_n, point_cell(), placed(targets_n, 100 + targets_n, 150.0) - 20.0)
    pair = Pair(source, target)
    rows = drawn(ns.rules.DistanceDependent(1.0, max_um=reach_um, axes=axes), pair)
    chosen = ["xyz".index(axis) for axis in axes]
    assert source.positions_um is not None and target.positions_um is not None
    away = source.positions_um[:, None, chosen] - target.positions_um[None, :, chosen]
    near = np.sqrt((away**2).sum(axis=2)) <= reach_um
    if same:
        near &= ~np.eye(sources_n, dtype=bool)
    expected = sorted(zip(*map(np.ndarray.tolist, np.nonzero(near)), strict=True))
    assert sorted(zip(rows.source.tolist(), rows.target.tolist(), strict=True)) == expected


def test_points_at_the_reach_itself_are_found() -> None:
    net = Network()
    line = np.zeros((11, 3))
    line[:, 0] = np.arange(11) * 0.1
    cells = net.add("a", 11, point_cell(), line)
    rows = drawn(ns.rules.DistanceDependent(1.0, max_um=0.1 + 1e-9), Pair(cells, cells))
    assert len(rows) == 20


@given(st.integers(1, 3000), st.sampled_from([30.0, np.inf]))
def test_distance_rows_do_not_depend_on_the_size_of_blocks(most: int, reach_um: float) -> None:
    cells = Network().add("a", 60, point_cell(), placed(60, 1))
    pair = Pair(cells, cells)
    rule = ns.rules.DistanceDependent(ns.rules.Gaussian(0.8, 20.0), max_um=reach_um)
    whole = drawn(rule, pair)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(all_rules, "_MOST_CANDIDATES", most)
        parts = drawn(rule, pair)
    assert np.array_equal(whole.source, parts.source)
    assert np.array_equal(whole.target, parts.target)
    near = Nearby(cells, cells, reach_um, "xyz")
    blocks = list(near.blocks(positions(60), pair.own, most))
    assert np.concatenate(blocks).tolist() == list(range(60))


@pytest.mark.parametrize(
    "p", [ns.rules.Gaussian(0.6, 30.0), ns.rules.Exponential(0.6, 40.0), lambda d: np.where(d < 50.0, 0.4, 0.05)]
)
def test_the_chance_of_a_pair_follows_its_distance(p: Any) -> None:
    n = 1500
    cells = Network().add("a", n, point_cell(), placed(n, 3, 200.0))
    pair = Pair(cells, cells)
    rows = drawn(ns.rules.DistanceDependent(p, max_um=120.0), pair)
    assert cells.positions_um is not None
    away = np.linalg.norm(cells.positions_um[:, None] - cells.positions_um[None], axis=2)
    np.fill_diagonal(away, np.inf)
    taken = np.linalg.norm(cells.positions_um[rows.source] - cells.positions_um[rows.target], axis=1)
    assert taken.max() <= 120.0
    for low in range(0, 120, 10):
        inside = away[(away >= low) & (away < low + 10)]
        chance = np.asarray(p(inside)) if callable(p) else np.full(len(inside), p)
        found = ((taken >= low) & (taken < low + 10)).sum()
        assert abs(found - chance.sum()) < STAT * np.sqrt((chance * (1.0 - chance)).sum())


def test_given_arrays_keep_their_order_and_a_frame_its_columns() -> None:
    pair = pair_of(5, 5)
    rows = drawn(ns.rules.FromArrays([4, 0, 4], [1, 3, 1]), pair)
    assert (rows.source.tolist(), rows.target.tolist(), rows.number.tolist()) == ([4, 0, 4], [1, 3, 1], [0, 1, 2])
    part = drawn(ns.rules.FromArrays([4, 0, 4], [1, 3, 1]), pair, np.array([1], np.int32))
    assert part.number.tolist() == [0, 2]
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"source": [1, 2], "target": [0, 0], "weight": [0.1, 0.2]})
    rule = ns.rules.FromDataFrame(frame)
    assert drawn(rule, pair).source.tolist() == [1, 2]
    assert rule.columns["weight"].tolist() == [0.1, 0.2]


def no_positions() -> tuple[Population, Population]:
    net = Network()
    return net.add("a", 3, point_cell()), net.add("b", 3, point_cell(), np.zeros((3, 3)))


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (lambda: ns.rules.FixedInDegree(-1), "k=-1 is not allowed"),
        (lambda: ns.rules.FixedInDegree(2.5), r"k=2\.5 is not allowed; give a whole number"),  # type: ignore[arg-type]
        (lambda: ns.rules.FixedOutDegree(True), "k=True"),
        (lambda: ns.rules.FixedTotal(-3), "n=-3"),
        (lambda: ns.rules.Bernoulli(1.5), r"p=1\.5 is not allowed; a probability is 0 to 1"),
        (lambda: ns.rules.Bernoulli(float("nan")), "p=nan"),
        (lambda: ns.rules.DistanceDependent(0.5, max_um=0.0), "max_um=0.0"),
        (lambda: ns.rules.DistanceDependent(0.5, axes="xx"), "axes='xx'"),
        (lambda: ns.rules.DistanceDependent(2.0), "2 at 0 um is not allowed"),
        (lambda: ns.rules.DistanceDependent(lambda d: -d), "a probability is 0 to 1"),
        (lambda: ns.rules.DistanceDependent(lambda d: d[:2]), r"returned shape \(2,\)"),
        (lambda: ns.rules.Gaussian(0.5, -1.0), "sigma_um=-1.0"),
        (lambda: ns.rules.Exponential(1.5, 1.0), "p_max=1.5"),
        (lambda: ns.rules.FromArrays([0.5], [1]), "whole numbers"),
        (lambda: ns.rules.FromArrays([0, 1], [1]), "2 sources and 1 targets"),
    ],
)
def test_a_wrong_rule_is_refused_where_it_is_written(rule: object, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        rule()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("rule", "pair", "message"),
    [
        (ns.rules.OneToOne(), (3, 4), "populations of one size, got 3 and 4 cells"),
        (ns.rules.FixedInDegree(4, multapses=False), (3, 4), "allowed: 0 to 3"),
        (ns.rules.FixedOutDegree(5, multapses=False), (3, 4), "allowed: 0 to 4"),
        (ns.rules.FixedTotal(13, multapses=False), (3, 4), "n=13 connections between 12 pairs"),
        (ns.rules.FixedInDegree(1), (0, 4), "nobody to draw from"),
        (ns.rules.FixedTotal(1), (0, 4), "between 0 pairs"),
        (ns.rules.FromArrays([3], [0]), (3, 4), "row 0 has source 3; allowed: 0 to 2"),
        (ns.rules.FromArrays([0, 0], [0, -1]), (3, 4), "row 1 has target -1"),
        (ns.rules.AllToAll(), (50_000, 50_000), "2500000000 connections are too many"),
        (ns.rules.DistanceDependent(0.5), (3, 4), "population 'a' has no positions"),
    ],
)
def test_populations_that_a_rule_cannot_connect_are_refused(rule: Rule, pair: tuple[int, int], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        rule.check(pair_of(*pair))


def test_a_cell_does_not_count_itself_as_a_partner() -> None:
    ns.rules.FixedInDegree(4, multapses=False, self_connections=True).check(itself(4))
    with pytest.raises(ModelError, match="allowed: 0 to 3; a cell does not count itself"):
        ns.rules.FixedInDegree(4, multapses=False).check(itself(4))
    with pytest.raises(ModelError, match="nobody to draw from among 1 cells"):
        ns.rules.FixedInDegree(1).check(itself(1))
