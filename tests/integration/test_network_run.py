"""Networks built in Python, run: nothing depends on threads, on populations before or on who asks for the rows."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

import neurosim as ns
from neurosim.results import SpikeTable

UNTIL_MS = 60.0


@cache
def neuron() -> ns.Cell:
    sections = [
        ns.Section.cylinder("soma[0]", 20.0, 20.0),
        ns.Section.cylinder("dend[0]", 150.0, 2.0, parent=0),
        ns.Section.cylinder("dend[1]", 100.0, 1.5, parent=0, parent_x=0.0),
    ]
    cell = ns.Cell(sections, name="neuron").discretise(max_length_um=30.0)
    return cell.insert("hh", where="soma").insert("pas", where="dend", g=1e-4, e=-65.0)


def network(*, other_first: bool = False, gap: bool = False) -> ns.Network:
    """Make 30 branching cells and 10 point cells, driven from outside, connected among themselves."""
    net = ns.Network(seed=5)
    if other_first:
        net.add("other", 7, neuron())
    place = np.random.default_rng(2).uniform(0.0, 200.0, (30, 3))
    cells = net.add("E", 30, neuron(), place)
    points = net.add("P", 10, ns.PointCell(ns.mechanisms.IntFire1(tau=10.0, refrac=3.0)))
    drive = net.add_spikes("drive", ns.random.Poisson(60.0, stop_ms=UNTIL_MS), n=30)
    exc, inh = ns.mechanisms.ExpSyn(tau=2.0), ns.mechanisms.Exp2Syn(tau1=0.5, tau2=6.0, e=-75.0)
    net.connect(drive, cells, exc, rule=ns.rules.FixedInDegree(8), weight=ns.random.LogNormal(0.008, 0.4), at="dend")
    near = ns.rules.DistanceDependent(ns.rules.Gaussian(0.6, 80.0), max_um=150.0)
    net.connect(cells, cells, exc, rule=near, weight=0.003, delay_ms=ns.Distance(300.0, 0.7), at="dend")
    net.connect(cells, points, rule=ns.rules.FixedInDegree(12), weight=ns.random.Uniform(0.2, 0.6), delay_ms=1.3)
    net.connect(
        points, cells, inh, rule=ns.rules.Bernoulli(0.3), weight=0.004, delay_ms=0.9,
        at=ns.places.Region("all", distance_um=(0.0, 60.0)),
    )  # fmt: skip
    if gap:
        net.couple(cells, cells, rule=ns.rules.Bernoulli(0.1), at="dend", g=0.0005)
    return net


def run(net: ns.Network, **options: Any) -> tuple[SpikeTable, np.ndarray]:
    sim = ns.Simulation(net, dt_ms=0.025, **options)
    v = sim.record("soma(0.5)", "v_mV", gid=int(net["E"].gids[3]))
    sim.run(until_ms=UNTIL_MS)
    return sim.spikes.sorted(), v.values


def assert_same(a: tuple[SpikeTable, np.ndarray], b: tuple[SpikeTable, np.ndarray], shift: int = 0) -> None:
    assert np.array_equal(a[0].gids + np.uint64(shift), b[0].gids)
    assert np.array_equal(a[0].times_ms, b[0].times_ms)
    assert np.array_equal(a[1], b[1])


@pytest.mark.parametrize("gap", [False, True])
def test_spikes_do_not_depend_on_threads(gap: bool) -> None:
    net = network(gap=gap)
    one = run(net, threads=1)
    counts = one[0].counts()
    assert sum(gid in counts for gid in net["E"].gids.tolist()) > 10, "the branching cells fire"
    assert sum(gid in counts for gid in net["P"].gids.tolist()) > 3, "the point cells fire"
    assert_same(one, run(net, threads=2))
    assert_same(one, run(net, threads=4))


def test_spikes_do_not_depend_on_a_population_added_before() -> None:
    plain, later = network(), network(other_first=True)
    first, second = run(plain), run(later)
    assert_same(first, second, shift=7)


def test_gap_junctions_change_the_run() -> None:
    alone, coupled = run(network()), run(network(gap=True))
    assert not np.array_equal(alone[1], coupled[1])


def test_rows_drawn_in_parts_give_the_same_run() -> None:
    net = network()
    whole = run(net)
    parts = [rows for gids in (range(20), range(20, 40)) for rows in net.connections_for(list(gids))]
    sim = ns.Simulation(net.cells, connections=parts, dt_ms=0.025)
    sim.run(until_ms=UNTIL_MS)
    # Rows of another order are events of another order: spikes agree, bits need not.
    spikes = sim.spikes.sorted()
    assert np.array_equal(spikes.gids, whole[0].gids)
    assert np.array_equal(np.round(spikes.times_ms / 0.025), np.round(whole[0].times_ms / 0.025))


def test_a_cell_follows_the_spikes_it_is_played() -> None:
    net = ns.Network()
    train = net.add_spikes("train", [[5.0, 25.0], [15.0]])
    cells = net.add("E", 2, neuron())
    net.connect(train, cells, "ExpSyn", rule=ns.rules.OneToOne(), weight=0.08, delay_ms=2.0, at="soma(0.5)", tau=2.0)
    sim = ns.Simulation(net, dt_ms=0.025)
    sim.run(until_ms=40.0)
    spikes = sim.spikes.by_gid()
    assert sorted(spikes) == cells.gids.tolist()
    for gid, starts in ((2, [7.0, 27.0]), (3, [17.0])):
        late = spikes[gid] - np.array(starts)
        assert ((late > 0.0) & (late < 3.0)).all()
