"""What a network draws: distributions, places, spike trains, gap junctions; kernels against plain twins."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import neurosim as ns
from neurosim.errors import ModelError
from neurosim.kernels import draw
from neurosim.kernels.random import philox
from neurosim.model.places import places_on
from neurosim.model.random import Distribution, key_of
from tests.tolerances import ROUNDOFF, STAT

KEY = key_of(3, "draws")
POINT = ns.PointCell(ns.mechanisms.IntFire1)


def unit(low: int, high: int) -> float:
    return ((int(philox(np.uint64(low), np.uint64(high), KEY)[0]) >> 12) + 0.5) / 2.0**52


def below(low: int, high: int, m: int) -> int:
    return int(philox(np.uint64(low), np.uint64(high), KEY)[0]) * m >> 64


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int32)


# --- kernels and their twins ------------------------------------------------------------------------------------------

STREAMS, OWN, M, K = ints(5, 0, 9), ints(2, -1, 0), 6, 4


def test_partners_with_repeats_are_those_of_the_plain_twin() -> None:
    expected = []
    for stream, own in zip(STREAMS.tolist(), OWN.tolist(), strict=True):
        others = [i for i in range(M) if i != own]
        expected += [others[below(j, stream, len(others))] for j in range(K)]
    out = np.empty(len(expected), np.int32)
    draw.with_repeats(KEY, STREAMS, OWN, K, M, out)
    assert out.tolist() == expected


def test_partners_without_repeats_are_those_of_the_plain_twin() -> None:
    expected = []
    for stream, own in zip(STREAMS.tolist(), OWN.tolist(), strict=True):
        others = [i for i in range(M) if i != own]
        taken: set[int] = set()
        for j in range(K):
            last = len(others) - K + j
            picked = below(j, stream, last + 1)
            taken.add(last if picked in taken else picked)
        expected += [others[i] for i in sorted(taken)]
    out = np.empty(len(expected), np.int32)
    draw.without_repeats(KEY, STREAMS, OWN, K, M, out)
    assert out.tolist() == expected


def test_bernoulli_partners_are_those_of_the_plain_twin() -> None:
    p, m = 0.15, 90
    counts = np.empty(len(STREAMS), np.int64)
    draw.bernoulli_counts(KEY, STREAMS, OWN, p, m, counts)
    out = np.empty(int(counts.sum()), np.int32)
    draw.bernoulli(KEY, STREAMS, OWN, p, m, out)
    expected = []
    for stream, own in zip(STREAMS.tolist(), OWN.tolist(), strict=True):
        at = -1
        for j in range(m):
            at += 1 + int(math.log(unit(j, stream)) / math.log1p(-p))
            if at < m and at != own:
                expected.append(at)
    assert out.tolist() == expected


def test_places_and_groups_are_those_of_the_plain_twins() -> None:
    start, nodes = ints(0, 3, 4), ints(10, 11, 12, 20)
    cumulative = np.array([0.5, 2.0, 2.5, 1.0])
    rows = np.arange(300, dtype=np.int32)
    tables = rows % 2
    out = np.empty(300, np.int32)
    draw.places(KEY, rows // 7, rows, tables, start, cumulative, nodes, out)
    for i in rows.tolist():
        aim = unit(i, i // 7) * 2.5
        assert out[i] == (20 if tables[i] else nodes[np.searchsorted(cumulative[:3], aim, side="right")])
    order = np.empty(300, np.int32)
    draw.by_group(out, 21, order)
    assert np.array_equal(order, np.argsort(out, kind="stable"))


# --- distributions ----------------------------------------------------------------------------------------------------

N = 100_000


def sample(law: Distribution) -> np.ndarray:
    return law.draw(KEY, np.zeros(N, np.int32), np.arange(N, dtype=np.int32))


@pytest.mark.parametrize(
    ("law", "mean", "std"),
    [
        (ns.random.Normal(3.0, 0.5), 3.0, 0.5),
        (ns.random.Uniform(-1.0, 5.0), 2.0, 6.0 / math.sqrt(12.0)),
        (ns.random.Exponential(2.0), 2.0, 2.0),
        (
            ns.random.LogNormal(2.0, 0.4),
            2.0 * math.exp(0.08),
            2.0 * math.exp(0.08) * math.sqrt(math.exp(0.16) - 1.0),
        ),
        # Half a normal distribution: mean sqrt(2 / pi), variance 1 - 2 / pi.
        (ns.random.Normal(0.0, 1.0, low=0.0), math.sqrt(2.0 / math.pi), math.sqrt(1.0 - 2.0 / math.pi)),
    ],
)
def test_distributions_have_their_mean_and_deviation(law: Distribution, mean: float, std: float) -> None:
    values = sample(law)
    assert abs(values.mean() - mean) < STAT * std / math.sqrt(N)
    fourth = ((values - mean) ** 4).mean()
    assert abs(values.var() - std**2) < STAT * math.sqrt((fourth - std**4) / N)


def test_limits_hold_and_what_they_leave_has_the_same_shape() -> None:
    values = sample(ns.random.Normal(0.0, 1.0, low=-0.5, high=2.0))
    assert values.min() >= -0.5
    assert values.max() <= 2.0
    whole = sample(ns.random.Normal(0.0, 1.0))
    kept = whole[(whole >= -0.5) & (whole <= 2.0)]
    for edge in (0.0, 1.0):
        p = (kept < edge).mean()
        error = math.sqrt(p * (1.0 - p) * (1.0 / N + 1.0 / len(kept)))
        assert abs((values < edge).mean() - p) < STAT * error


def test_what_is_drawn_depends_on_stream_and_number_only() -> None:
    law = ns.random.Normal(0.0, 1.0, low=0.5)
    streams, numbers = ints(4, 4, 8, 1), ints(0, 7, 7, 3)
    together = law.draw(KEY, streams, numbers)
    alone = [float(law.draw(KEY, streams[i : i + 1], numbers[i : i + 1])[0]) for i in range(4)]
    assert together.tolist() == alone
    assert len(set(alone)) == 4


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ns.random.Normal(0.0, -1.0), "std=-1.0"),
        (lambda: ns.random.Normal(math.nan, 1.0), "mean=nan"),
        (lambda: ns.random.Normal(0.0, 1.0, low=2.0, high=1.0), "low must be below high"),
        (lambda: ns.random.LogNormal(1.0, -0.1), "sigma=-0.1"),
        (lambda: ns.random.Uniform(1.0, 1.0), "low must be below high"),
        (lambda: ns.random.Exponential(0.0), "mean=0.0"),
        (lambda: ns.random.Poisson(-1.0, 10.0), "rates must be finite and 0 or more"),
        (lambda: ns.random.Poisson(1.0, 10.0, start_ms=11.0), "start must be"),
        (lambda: ns.random.Poisson(lambda t: t, 10.0), "needs peak_Hz"),
        (lambda: ns.random.Poisson(1.0, 10.0, peak_Hz=2.0), "leave it out"),
        (lambda: ns.Distance(0.0), "velocity_um_per_ms=0.0"),
        (lambda: ns.Distance(1.0, -1.0), "offset_ms=-1.0"),
        (lambda: ns.places.Region("dend", distance_um=(5, 1)), "0 <= low < high"),
        (lambda: ns.places.Region("dend", weight="volume"), "weight='volume'"),
        (lambda: ns.places.Region([]), "give names of regions"),
    ],
)
def test_wrong_descriptions_are_refused_where_they_are_written(make: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        make()


# --- values of connections --------------------------------------------------------------------------------------------


def test_arrays_go_with_the_rows_and_matrices_with_the_pairs() -> None:
    net = ns.Network(1)
    cells = net.add("P", 4, POINT)
    matrix = np.arange(16.0).reshape(4, 4)
    net.connect(cells, cells, rule=ns.rules.FromArrays([3, 0, 3], [1, 2, 1]), weight=[7, 8, 9], delay_ms=matrix)
    rows = net.connections[0]
    assert rows.weight.tolist() == [7.0, 8.0, 9.0]
    assert rows.delay_ms.tolist() == [13.0, 2.0, 13.0]
    assert net.connections_for([1])[0].weight.tolist() == [7.0, 9.0]
    net.connect(cells, cells, rule=ns.rules.FixedInDegree(2), weight=np.arange(8.0).reshape(4, 2))
    assert net.connections[1].weight.tolist() == list(range(8))
    assert net.connections_for([3])[1].weight.tolist() == [6.0, 7.0]
    net.connect(cells, cells, rule=ns.rules.Bernoulli(0.5), weight=matrix)
    rows = net.connections[2]
    assert rows.weight.tolist() == matrix[rows.source_gid, rows.target_gid].tolist()


def test_a_frame_brings_its_values_and_words_go_before_them() -> None:
    pandas = pytest.importorskip("pandas")
    net = ns.Network(1)
    cells = net.add("E", 3, ns.Cell.cylinder(20.0, 20.0))
    frame = pandas.DataFrame({"source": [0, 1], "target": [1, 2], "weight": [0.1, 0.2], "tau": [2.0, 3.0]})
    rule = ns.rules.FromDataFrame(frame)
    net.connect(cells, cells, "ExpSyn", rule=rule, at="soma")
    net.connect(cells, cells, "ExpSyn", rule=rule, at="soma", weight=0.5)
    first, second = net.connections
    assert (first.weight.tolist(), first.delay_ms.tolist()) == ([0.1, 0.2], [1.0, 1.0])
    assert isinstance(first.values["tau"], np.ndarray)
    assert first.values["tau"].tolist() == [2.0, 3.0]
    assert second.weight.tolist() == [0.5, 0.5]


def test_delays_and_weights_follow_the_distance_of_the_cells() -> None:
    net = ns.Network(1)
    where = np.random.default_rng(1).normal(size=(30, 3)) * 100.0
    cells = net.add("P", 30, POINT, where)
    some = cells[5:20]
    net.connect(
        cells, some, rule=ns.rules.AllToAll(), weight=lambda d_um: 1.0 / (1.0 + d_um), delay_ms=ns.Distance(250.0, 0.4)
    )
    rows = net.connections[0]
    away_um = np.linalg.norm(where[rows.source_gid] - where[rows.target_gid], axis=1)
    assert np.allclose(rows.delay_ms, 0.4 + away_um / 250.0, rtol=ROUNDOFF, atol=0.0)
    assert np.allclose(rows.weight, 1.0 / (1.0 + away_um), rtol=ROUNDOFF, atol=0.0)
    assert set(rows.target_gid.tolist()) == set(range(5, 20))


# --- places -----------------------------------------------------------------------------------------------------------


def fork() -> ns.Cell:
    sections = [
        ns.Section.cylinder("soma[0]", 20.0, 20.0),
        ns.Section.cylinder("dend[0]", 200.0, 2.0, parent=0),
        ns.Section.cylinder("dend[1]", 100.0, 4.0, parent=0),
    ]
    return ns.Cell(sections, name="fork").discretise(max_length_um=12.0)


def drawn_nodes(cell: ns.Cell, place: Any, n: int = 60_000) -> np.ndarray:
    cells = ns.Network().add("E", 1, cell)
    rows = np.arange(n, dtype=np.int32)
    return places_on(cells, place, None).nodes(KEY, np.zeros(n, np.int32), rows, np.zeros(n, np.int32))


@pytest.mark.parametrize("weight", ["length", "area"])
@pytest.mark.parametrize("distance_um", [(0.0, math.inf), (50.0, 133.0)])
def test_places_are_uniform_along_the_region(weight: str, distance_um: tuple[float, float]) -> None:
    cell = fork()
    tree = cell.tree
    nodes = drawn_nodes(cell, ns.places.Region("dend", distance_um=distance_um, weight=weight))
    # Expected from the geometry written above: dend[0] begins at 20 um and ends at 220, dend[1] at 20 and 120.
    expected = np.zeros(len(tree))
    for section, (length, diam) in ((1, (200.0, 2.0)), (2, (100.0, 4.0))):
        own = tree.compartments(section)
        edges = np.clip(20.0 + np.linspace(0.0, length, len(own) + 1), *distance_um)
        expected[own] = np.diff(edges) * (diam if weight == "area" else 1.0)
    expected *= len(nodes) / expected.sum()
    counts = np.bincount(nodes, minlength=len(tree))
    assert (counts[expected == 0.0] == 0).all()
    seen = expected > 0.0
    chi2 = ((counts[seen] - expected[seen]) ** 2 / expected[seen]).sum()
    free = int(seen.sum()) - 1
    assert abs(chi2 - free) < STAT * math.sqrt(2.0 * free)


def test_a_location_is_one_compartment_and_lists_join_regions() -> None:
    cell = fork()
    assert set(drawn_nodes(cell, "dend[1](0.5)", 50).tolist()) == {cell.tree.compartment(2, 0.5)}
    joined = set(drawn_nodes(cell, ["soma", "dend[1]"]).tolist())
    assert joined == set(cell.nodes("soma").tolist()) | set(cell.nodes("dend[1]").tolist())
    assert set(drawn_nodes(cell, "all").tolist()) == set(cell.nodes("all").tolist())


def test_given_connections_may_have_a_place_each() -> None:
    pandas = pytest.importorskip("pandas")
    net = ns.Network(1)
    kinds = [fork(), ns.Cell([ns.Section.cylinder("dend[0]", 30.0, 2.0)]).set(nseg=3)]
    cells = net.add("E", 4, lambda i: kinds[i % 2])
    where = ["dend[0](0.9)", "dend[0](0.9)", "dend[1](0)", "dend[0](0.1)"]
    frame = pandas.DataFrame({"source": [0, 0, 1, 3], "target": [0, 1, 2, 2], "at": where})
    net.connect(cells, cells, "ExpSyn", rule=ns.rules.FromDataFrame(frame), weight=1.0)
    net.connect(
        cells, cells, "ExpSyn", rule=ns.rules.FromArrays(frame["source"], frame["target"]), weight=1.0, at=where
    )
    expected = [kinds[target % 2].node(place) for target, place in zip([0, 1, 2, 2], where, strict=True)]
    expected[2] = kinds[0].tree.compartment(2, 0.0)
    assert [rows.node.tolist() for rows in net.connections] == [expected, expected]
    assert net.connections_for([2])[0].node.tolist() == expected[2:]
    for at, message in ((where[:3], "3 places; give one for each row"), (["apic(0.5)"] * 4, "no section or region")):
        with pytest.raises(ModelError, match=message):
            net.connect(cells, cells, "ExpSyn", rule=ns.rules.FromDataFrame(frame), weight=1.0, at=at)
    with pytest.raises(ModelError, match="the rule does not know their number"):
        net.connect(cells, cells, "ExpSyn", rule=ns.rules.Bernoulli(0.5), weight=1.0, at=where)


def test_every_cell_has_its_own_places() -> None:
    ball = ns.Cell([ns.Section.cylinder("dend[0]", 30.0, 2.0)]).set(nseg=3)
    net = ns.Network(1)
    cells = net.add("E", 100, lambda i: ball if i % 3 else fork())
    net.connect(cells, cells, "ExpSyn", rule=ns.rules.FixedInDegree(20), weight=1.0, at="dend")
    rows = net.connections[0]
    for gid in range(100):
        cell = net.cells[gid]
        assert isinstance(cell, ns.Cell)
        assert set(rows.node[rows.target_gid == gid].tolist()) <= set(cell.nodes("dend").tolist())
    assert len(set(rows.node[rows.target_gid % 3 == 0].tolist())) > 3


# --- spike trains -----------------------------------------------------------------------------------------------------


def trains(population: Any) -> list[np.ndarray]:
    return [cell.times_ms for cell in population.cells]


def test_poisson_trains_have_their_rate_and_irregularity() -> None:
    n, stop_ms = 500, 2000.0
    rates_Hz = np.linspace(0.0, 50.0, n)
    cells = ns.Network(1).add_spikes("in", ns.random.Poisson(rates_Hz, stop_ms=stop_ms, start_ms=500.0), n=n)
    counts = np.array([len(times) for times in trains(cells)])
    expected = rates_Hz * 1.5
    assert counts[0] == 0
    z = (counts[1:] - expected[1:]) / np.sqrt(expected[1:])
    assert abs(z.sum()) < STAT * math.sqrt(n - 1)
    assert abs((z**2).sum() - (n - 1)) < STAT * math.sqrt(2.0 * (n - 1) + (1.0 / expected[1:]).sum())
    joined = np.concatenate(trains(cells))
    assert joined.min() >= 500.0
    assert joined.max() < stop_ms
    middle = (joined < 1250.0).mean()
    assert abs(middle - 0.5) < STAT * 0.5 / math.sqrt(len(joined))


def test_a_rate_over_time_is_followed() -> None:
    def rate_Hz(t_ms: np.ndarray) -> np.ndarray:
        return np.where(t_ms < 300.0, 10.0, 40.0)

    cells = ns.Network(1).add_spikes("in", ns.random.Poisson(rate_Hz, stop_ms=600.0, peak_Hz=50.0), n=400)
    joined = np.concatenate(trains(cells))
    for chosen, expected in ((joined < 300.0, 400 * 3.0), (joined >= 300.0, 400 * 12.0)):
        assert abs(chosen.sum() - expected) < STAT * math.sqrt(expected)
    with pytest.raises(ModelError, match="outside 0 to peak_Hz=30"):
        ns.Network(1).add_spikes("in", ns.random.Poisson(rate_Hz, stop_ms=600.0, peak_Hz=30.0), n=40)


def test_trains_depend_on_seed_name_and_index_only() -> None:
    poisson = ns.random.Poisson(20.0, stop_ms=500.0)
    few, many = ns.Network(4), ns.Network(4)
    many.add("cells", 9, POINT)
    first, second = few.add_spikes("in", poisson, n=5), many.add_spikes("in", poisson, n=50)
    assert all(np.array_equal(a, b) for a, b in zip(trains(first), trains(second)[:5], strict=True))
    other = few.add_spikes("other", poisson, n=5)
    assert not any(np.array_equal(a, b) for a, b in zip(trains(first), trains(other), strict=True))


def test_given_spikes_are_those_of_their_cells() -> None:
    net = ns.Network()
    assert [t.tolist() for t in trains(net.add_spikes("a", {2: [5.0, 1.0]}, n=4))] == [[], [], [1.0, 5.0], []]
    assert [t.tolist() for t in trains(net.add_spikes("b", [[1.0], []], layer=4))] == [[1.0], []]
    assert net.populations["b"].attributes["layer"].tolist() == [4, 4]


# --- gap junctions ----------------------------------------------------------------------------------------------------


def test_a_gap_junction_is_two_rows_that_mirror_one_another() -> None:
    net = ns.Network(2)
    cells = net.add("E", 20, fork())
    net.couple(cells, cells, rule=ns.rules.Bernoulli(0.2), at="dend", g=ns.random.Uniform(1e-4, 2e-4))
    rows = net.couplings[0]
    half = len(rows) // 2
    assert half > 0
    for here, there in (("source_gid", "target_gid"), ("source_node", "target_node")):
        a, b = getattr(rows, here), getattr(rows, there)
        assert np.array_equal(a[:half], b[half:])
        assert np.array_equal(a[half:], b[:half])
    g = rows.values["g"]
    assert isinstance(g, np.ndarray)
    assert np.array_equal(g[:half], g[half:])
    assert rows.pointer == "vgap"
    # Each two cells once, with the probability of the rule.
    pairs = {frozenset(pair) for pair in zip(rows.source_gid.tolist(), rows.target_gid.tolist(), strict=True)}
    assert len(pairs) == half
    assert abs(half - 0.2 * 190) < STAT * math.sqrt(190 * 0.2 * 0.8)


def test_couplings_of_two_populations_and_of_one_side() -> None:
    net = ns.Network(2)
    a, b = net.add("A", 3, fork()), net.add("B", 3, ns.Cell.cylinder(20.0, 20.0))
    net.couple(a, b, rule=ns.rules.OneToOne(), at="soma(0.5)", source_at="dend[1](0.5)", g=0.002)
    net.couple(a, b, rule=ns.rules.AllToAll(), at="soma(0.5)", mutual=False, name="one way")
    both, one = net.couplings
    assert both.source_gid.tolist() == [0, 1, 2, 3, 4, 5]
    assert both.target_gid.tolist() == [3, 4, 5, 0, 1, 2]
    assert both.source_node.tolist() == [fork().tree.compartment(2, 0.5)] * 3 + [0] * 3
    assert both.values == {"g": 0.002}
    assert len(one) == 9
    assert set(one.target_gid.tolist()) == {3, 4, 5}
    assert list(net.junctions) == ["A->B", "one way"]
