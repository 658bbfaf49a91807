"""``Network``: populations, the same rows from the same seed, and errors where they are written."""

from __future__ import annotations

import doctest
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neurosim as ns
from neurosim.errors import LocationError, MechanismError, ModelError
from neurosim.model import values as value_rules
from neurosim.model.connections import Connections

EXC = ns.mechanisms.ExpSyn
BALL = ns.Cell.cylinder(20.0, 20.0, name="soma")
POINT = ns.PointCell(ns.mechanisms.IntFire1)


def fork(name: str = "fork") -> ns.Cell:
    sections = [
        ns.Section.cylinder("soma[0]", 20.0, 20.0),
        ns.Section.cylinder("dend[0]", 200.0, 2.0, parent=0),
        ns.Section.cylinder("dend[1]", 100.0, 4.0, parent=0),
        ns.Section.cylinder("axon[0]", 50.0, 1.0, parent=0, parent_x=0.0),
    ]
    return ns.Cell(sections, name=name).discretise(max_length_um=12.0)


def columns(rows: Connections) -> dict[str, Any]:
    fixed = {name: getattr(rows, name) for name in ("source_gid", "target_gid", "node", "weight", "delay_ms")}
    return {**fixed, **rows.values}


def same(a: Connections, b: Connections) -> bool:
    left, right = columns(a), columns(b)
    return left.keys() == right.keys() and all(np.array_equal(left[name], right[name]) for name in left)


# --- populations ------------------------------------------------------------------------------------------------------


def test_gids_follow_one_another_and_objects_are_shared() -> None:
    net = ns.Network(seed=3)
    first = net.add("E", 3, BALL)
    second = net.add("I", 2, [BALL, fork()])
    third = net.add("many", 2, lambda i: ns.SpikeTrain([float(i)]))
    assert [p.gids.tolist() for p in (first, second, third)] == [[0, 1, 2], [3, 4], [5, 6]]
    assert all(cell is BALL for cell in net.cells[:4])
    assert [cell.times_ms.tolist() for cell in third.cells if isinstance(cell, ns.SpikeTrain)] == [[0.0], [1.0]]
    assert list(net.populations) == ["E", "I", "many"]


def test_parts_of_a_population_keep_its_columns() -> None:
    cells = ns.Network().add("E", 6, BALL, np.arange(18.0).reshape(6, 3), layer=[4, 4, 5, 5, 6, 6], ei="e")
    part = cells[1:5][1:]
    assert part.gids.tolist() == [2, 3, 4]
    assert part.attributes["layer"].tolist() == [5, 5, 6]
    assert part.attributes["ei"].tolist() == ["e"] * 3
    assert part.positions_um is not None
    assert part.positions_um[0].tolist() == [6.0, 7.0, 8.0]
    assert (part.label, cells.label, cells[[0, 5]].label) == ("E[2:5]", "E", "E[2 cells]")
    assert cells[cells.attributes["layer"] == 5].gids.tolist() == [2, 3]
    assert [one.gids.tolist() for one in cells[:2]] == [[0], [1]]
    assert cells[-1].n == 1
    assert len(cells[::2]) == 3


@pytest.mark.parametrize("key", [7, [0, 0], "a", [[0, 1]], [0.5]])
def test_a_part_that_is_not_there_is_refused(key: Any) -> None:
    with pytest.raises(ModelError, match="population E"):
        _ = ns.Network().add("E", 3, BALL)[key]


@pytest.mark.parametrize(
    ("add", "message"),
    [
        (lambda net: net.add("E", 3, BALL), "population 'E' is there already"),
        (lambda net: net.add("", 3, BALL), "name='' is not allowed"),
        (lambda net: net.add("x", -1, BALL), "n=-1 is not allowed"),
        (lambda net: net.add("x", 2.0, BALL), "n=2.0 is not allowed"),
        (lambda net: net.add("x", 3, [BALL]), "1 cells came for n=3"),
        (lambda net: net.add("x", 1, 5), "cell 0 is a int"),
        (lambda net: net.add("x", 1, lambda i: None), "cell 0 is a NoneType"),
        (lambda net: net.add("x", 1, ns.mechanisms.IntFire1), r"make it a cell with ns.PointCell\(IntFire1\)"),
        (lambda net: net.add("x", 2, BALL, [[0, 0, 0]]), r"shape \(1, 3\); allowed: \(2, 3\)"),
        (lambda net: net.add("x", 1, BALL, [[0, 0, np.nan]]), "finite"),
        (lambda net: net.add("x", 2, BALL, layer=[1, 2, 3]), r"layer has shape \(3,\); allowed: one value, or \(2,\)"),
        (
            lambda net: ns.Network(seed=1.5),  # type: ignore[arg-type]
            "seed=1.5",
        ),
        (lambda net: net.add_spikes("x", ns.random.Poisson(5.0, 10.0)), "need n"),
        (lambda net: net.add_spikes("x", ns.random.Poisson(5.0, 10.0), n=-1), "n=-1"),
        (lambda net: net.add_spikes("x", {"a": [1.0]}), "index='a' is not allowed"),
        (lambda net: net.add_spikes("x", {3: [1.0]}, n=3), "no cell 3; allowed: 0 to 2"),
        (lambda net: net.add_spikes("x", [[-1.0]]), "add_spikes 'x': spike train: times must be finite"),
        (lambda net: net.add_spikes("x", ns.random.Poisson([1.0, 2.0], 10.0), n=3), r"allowed: one number or \(3,\)"),
    ],
)
def test_a_wrong_population_is_refused(add: Callable[[ns.Network], Any], message: str) -> None:
    net = ns.Network()
    net.add("E", 3, BALL)
    with pytest.raises(ModelError, match=message):
        add(net)
    assert list(net.populations) == ["E"]
    assert len(net.cells) == 3


# --- the same rows from the same seed ---------------------------------------------------------------------------------


def build(seed: int = 1, *, before: int = 0, draw: bool = True) -> ns.Network:
    """Make a network with every kind of draw; ``before`` cells of another population come first."""
    net = ns.Network(seed, draw=draw)
    if before:
        other = net.add("other", before, BALL)
        net.connect(other, other, EXC, rule=ns.rules.FixedInDegree(3), weight=1.0, at="soma(0.5)")
    place = np.random.default_rng(5).uniform(0.0, 100.0, (40, 3))
    exc, inh = net.add("E", 40, fork(), place), net.add("I", 10, BALL, place[:10])
    net.connect(
        exc, inh, EXC, rule=ns.rules.Bernoulli(0.3), weight=ns.random.LogNormal(0.01, 0.5),
        delay_ms=ns.Distance(300.0, 0.5), at="soma(0.5)",
    )  # fmt: skip
    net.connect(
        exc, exc, EXC, rule=ns.rules.DistanceDependent(ns.rules.Gaussian(0.6, 30.0), max_um=60.0), at="dend",
        weight=lambda d_um: 0.01 * np.exp(-d_um / 50.0), tau=ns.random.Normal(2.0, 0.2, low=0.1),
    )  # fmt: skip
    net.connect(inh, exc, EXC, rule=ns.rules.FixedOutDegree(6), weight=ns.random.Uniform(0.1, 0.2), at=["soma", "axon"])
    net.connect(inh, exc, EXC, rule=ns.rules.FixedTotal(70), weight=ns.random.Exponential(0.1), at="all")
    return net


def test_the_same_seed_draws_the_same_rows_and_another_seed_others() -> None:
    first, again, other = build(1), build(1), build(2)
    assert all(same(a, b) for a, b in zip(first.connections, again.connections, strict=True))
    assert not any(same(a, b) for a, b in zip(first.connections, other.connections, strict=True))


def test_rows_do_not_depend_on_populations_added_before() -> None:
    plain, later = build(1), build(1, before=17)
    for a, b in zip(plain.connections, later.connections[1:], strict=True):
        assert np.array_equal(a.source_gid + 17, b.source_gid)
        assert np.array_equal(a.target_gid + 17, b.target_gid)
        assert np.array_equal(a.node, b.node)
        assert np.array_equal(a.weight, b.weight)
        assert np.array_equal(a.delay_ms, b.delay_ms)


@settings(max_examples=20)
@given(st.sets(st.integers(0, 49)))
def test_rows_of_some_targets_are_those_of_the_whole_network(gids: set[int]) -> None:
    net = WHOLE
    for lazy in (net, build(1, draw=False)):
        parts = lazy.connections_for(sorted(gids))
        for whole, part in zip(net.connections, parts, strict=True):
            keep = np.isin(whole.target_gid, sorted(gids))
            for name, column in columns(whole).items():
                assert np.array_equal(np.asarray(column)[keep], columns(part)[name]), name


WHOLE = build(1)


@pytest.mark.parametrize("rows", [1, 7, 64])
def test_rows_do_not_depend_on_the_size_of_blocks(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(value_rules, "BLOCK_ROWS", rows)
    assert all(same(a, b) for a, b in zip(build(1).connections, WHOLE.connections, strict=True))


def test_two_calls_between_the_same_populations_draw_differently() -> None:
    net = ns.Network(1)
    cells = net.add("E", 50, POINT)
    first = net.connect(cells, cells, rule=ns.rules.FixedInDegree(5), weight=1.0)
    second = net.connect(cells, cells, rule=ns.rules.FixedInDegree(5), weight=1.0)
    assert (first.name, second.name) == ("E->E", "E->E #2")
    with pytest.raises(ModelError, match="'E->E' is there already"):
        net.connect(cells, cells, rule=ONE, weight=1.0, name="E->E")
    assert not same(*net.connections)


def test_a_network_that_is_not_drawn_says_so() -> None:
    net = build(draw=False)
    with pytest.raises(ModelError, match=r"draw=False and has no connections; use connections_for\(gids\)"):
        _ = net.connections
    assert "not drawn" in net.summary()
    assert "4 projections, not drawn" in repr(net)


def test_a_million_rows_take_little_more_memory_than_they_are() -> None:
    import tracemalloc

    net = ns.Network(1)
    cells = net.add("E", 1000, POINT)
    net.connect(cells[:10], cells[:10], rule=ns.rules.FixedInDegree(1), weight=1.0)  # compiles
    tracemalloc.start()
    net.connect(cells, cells, rule=ns.rules.FixedInDegree(1000), weight=1.0, delay_ms=1.5)
    now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(net.connections[-1]) == 1_000_000
    assert now < 30 * 1_000_000
    assert peak < 45 * 1_000_000


def test_the_example_in_the_documentation_works() -> None:
    from neurosim.model import network

    assert doctest.testmod(network).failed == 0
    assert doctest.testmod(network).attempted > 5


# --- what is refused --------------------------------------------------------------------------------------------------

Connect = Callable[[ns.Network, Any, Any], Any]
ONE = ns.rules.OneToOne()


@pytest.mark.parametrize(
    ("connect", "error", "message"),
    [
        (lambda n, e, p: n.connect(e, e, EXC, rule=ONE, weight=1.0), ModelError, "at is missing"),
        (lambda n, e, p: n.connect(e, e, rule=ONE, weight=1.0, at="dend"), ModelError, "give a synapse"),
        (lambda n, e, p: n.connect(e, e, EXC, rule=ONE, at="dend"), ModelError, "weight is missing"),
        (lambda n, e, p: n.connect(e, p, EXC, rule=ONE, weight=1.0), ModelError, "got a synapse; leave out"),
        (lambda n, e, p: n.connect(e, p, rule=ONE, weight=1.0, at="soma"), ModelError, "got at; leave out"),
        (lambda n, e, p: n.connect(e, p, rule=ONE, weight=1.0, tau=2.0), ModelError, "got tau; leave out"),
        (lambda n, e, p: n.connect(e, "spikes", rule=ONE, weight=1.0), ModelError, "plays given spikes"),
        (lambda n, e, p: n.connect(e, "X", rule=ONE, weight=1.0), ModelError, "'X' is no population of this network"),
        (lambda n, e, p: n.connect(ns.Network().add("E", 5, BALL), e, rule=ONE), ModelError, "is no population of"),
        (lambda n, e, p: n.connect(p, p, rule=0.5, weight=1.0), ModelError, "rule=0.5 is not allowed"),
        (lambda n, e, p: n.connect(p, p, rule=ONE, weight=np.nan), ModelError, "weight=nan is not allowed"),
        (lambda n, e, p: n.connect(p, p, rule=ONE, weight="big"), ModelError, "weight='big' is not allowed"),
        (lambda n, e, p: n.connect(p, p, rule=ONE, weight=[1, 2]), ModelError, r"weight has shape \(2,\)"),
        (lambda n, e, p: n.connect(p, p, rule=ONE, weight=1.0, delay_ms=-1), ModelError, "delay_ms=-1 is not allowed"),
        (
            lambda n, e, p: n.connect(p, p, rule=ONE, weight=1.0, delay_ms=ns.random.Normal(0.0, 1.0)),
            ModelError,
            "0 or more; limit the distribution",
        ),
        (
            lambda n, e, p: n.connect(p, p, rule=ONE, weight=1.0, delay_ms=ns.random.Normal(0.0, 1.0, low=50.0)),
            ModelError,
            "no number within the limits",
        ),
        (lambda n, e, p: n.connect(p, p, rule=ONE, weight=lambda d: d), ModelError, "'P' has no positions"),
        (lambda n, e, p: n.connect(e, e, EXC, rule=ONE, weight=lambda d: d * np.nan, at="all"), ModelError, "=nan"),
        (lambda n, e, p: n.connect(e, e, EXC, rule=ONE, weight=1.0, at="apic"), LocationError, "no section or region"),
        (lambda n, e, p: n.connect(e, e, EXC, rule=ONE, weight=1.0, at="dend(2)"), LocationError, "connect E->E"),
        (lambda n, e, p: n.connect(e, e, EXC, rule=ONE, weight=1.0, at=3), ModelError, "at=3 is not allowed"),
        (lambda n, e, p: n.connect(e, e, EXC, rule=ONE, weight=1.0, at=["dend(0.5)"]), ModelError, "one for each row"),
        (
            lambda n, e, p: n.connect(
                e, e, EXC, rule=ONE, weight=1.0, at=ns.places.Region("dend", distance_um=(900, 1000))
            ),
            LocationError,
            "nothing of dend is between 900 and 1000 um",
        ),
        (lambda n, e, p: n.connect(e, e, "hh", rule=ONE, weight=1.0, at="dend"), MechanismError, "density mechanism"),
        (lambda n, e, p: n.connect(e, e, "IntFire1", rule=ONE, weight=1.0, at="dend"), MechanismError, "artificial"),
        (lambda n, e, p: n.connect(e, e, "IClamp", rule=ONE, weight=1.0, at="dend"), MechanismError, "no NET_RECEIVE"),
        (lambda n, e, p: n.connect(e, e, EXC, rule=ONE, weight=1.0, at="dend", ta=1.0), MechanismError, "mean tau"),
        (lambda n, e, p: n.connect(e, e, EXC, rule=ONE, weight=1.0, at="all", tau=-1.0), ModelError, "tau=-1 is not"),
        (lambda n, e, p: n.connect(e, e, EXC, rule=ONE, weight=lambda d: "x", at="all"), ModelError, "function of an"),
        (lambda n, e, p: n.connect(p, p, rule=ns.rules.OneToOne, weight=1.0), ModelError, "rule=<class"),
        (lambda n, e, p: n.connections_for([15]), ModelError, "gids must be 0 to 14, got 15 to 15"),
        (lambda n, e, p: n.connect(e, e[:2], EXC, rule=ONE, weight=1.0, at="dend"), ModelError, "of one size, got"),
        (lambda n, e, p: n.couple(p, p, rule=ONE, at="soma"), ModelError, "which have no membrane"),
        (lambda n, e, p: n.couple(e, e, EXC, rule=ONE, at="soma"), MechanismError, "has 0 POINTERs"),
        (lambda n, e, p: n.couple(e, e, rule=ONE, at="soma", g=np.nan), ModelError, "couple E->E: g=nan"),
    ],
)  # fmt: skip
def test_misuse_is_refused_at_the_call(connect: Connect, error: type[ModelError], message: str) -> None:
    net = ns.Network(1)
    cells = net.add("E", 5, fork(), np.zeros((5, 3)))
    points = net.add("P", 5, POINT)
    net.add_spikes("spikes", [[1.0]] * 5)
    with pytest.raises(error, match=message):
        connect(net, cells, points)
    assert not net.connections and not net.couplings and not net.projections


def test_a_failed_call_changes_nothing_that_is_drawn_later() -> None:
    def rows(fail: bool) -> Connections:
        net = ns.Network(1)
        cells = net.add("P", 30, POINT)
        if fail:
            with pytest.raises(ModelError):
                net.connect(cells, cells, rule=ns.rules.FixedInDegree(5), weight=np.nan)
        net.connect(cells, cells, rule=ns.rules.FixedInDegree(5), weight=1.0)
        return net.connections[0]

    assert same(rows(False), rows(True))


def test_compartments_that_change_after_a_connection_are_noticed() -> None:
    cell = fork()
    net = ns.Network()
    cells = net.add("E", 2, cell)
    net.connect(cells, cells, EXC, rule=ONE, weight=1.0, at="dend")
    cell.insert("pas")
    assert len(net.connections) == 1
    cell.set(nseg=3)
    with pytest.raises(ModelError, match="the compartments of 'fork' changed after a place of it was connected"):
        _ = net.connections


# --- words and pictures -----------------------------------------------------------------------------------------------


def test_a_network_says_what_it_holds() -> None:
    net = build()
    net.couple("E", "E", rule=ns.rules.Bernoulli(0.1), at="dend", g=0.001)
    text, html = net.summary(), net._repr_html_()
    assert repr(net).startswith("<Network 50 cells in 2 populations; ")
    for part in ("E->I", "Bernoulli(p=0.3)", "FixedOutDegree(k=6)", "DistanceDependent", "ExpSyn", "Gap", "70"):
        assert part in text
    assert html.count("<table>") == 2
    assert "E-&gt;I" in html
    assert "E: 40 Cell" in repr(net.populations["E"])


def test_a_picture_shows_the_synapses_of_a_cell() -> None:
    pytest.importorskip("matplotlib")
    net = build()
    net.couple("E", "E", rule=ns.rules.AllToAll(), at="dend", g=0.001)
    ax = net.plot_cell(3)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    expected = [(rows.target_gid == 3).sum() for rows in net.connections]
    assert labels[0] == f"E->E ({expected[1]})"
    assert labels[-1] == "E->E (39)"
    with pytest.raises(ModelError, match="gid 50 is not there"):
        net.plot_cell(50)


def test_rows_from_elsewhere_are_part_of_the_network() -> None:
    pytest.importorskip("matplotlib")
    net = build()
    net.connections += [WHOLE.connections[1]]
    assert len(net.connections) == 5
    assert "given" in net.summary()
    assert sum(map(len, net.connections)) == int(repr(net).split("; ")[1].split()[0])
    assert "ExpSyn (" in " ".join(text.get_text() for text in net.plot_cell(3).get_legend().get_texts())
    other = net.add("other", 1, BALL)
    net.connect(other, other, EXC, rule=ONE, weight=1.0, at="soma")
    assert "other->other  OneToOne()" in net.summary()


def test_a_projection_counts_and_lists_its_rows() -> None:
    pytest.importorskip("pandas")
    net = ns.Network(1)
    cells = net.add("E", 12, fork())
    projection = net.connect(
        cells[:5],
        cells[3:],
        EXC,
        rule=ns.rules.FixedInDegree(4),
        weight=ns.random.Uniform(0.0, 1.0),
        at="dend",
        tau=3.0,
    )
    assert projection.in_degrees().tolist() == [4] * 9
    assert projection.out_degrees().sum() == len(projection) == 36
    assert repr(projection).startswith("<Projection E[0:5]->E[3:12]: ExpSyn; FixedInDegree(k=4")
    frame = projection.to_dataframe()
    assert list(frame.columns) == ["source_gid", "target_gid", "node", "weight", "delay_ms", "tau"]
    assert frame["target_gid"].tolist() == np.repeat(np.arange(3, 12), 4).tolist()
    assert net["E"] is cells
