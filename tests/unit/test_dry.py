"""One process plays one rank of many: it holds what that rank holds, and hears as much as it would."""

from __future__ import annotations

import numpy as np
import pytest

import neurosim as ns
from neurosim.errors import ModelError, SimulationError
from neurosim.hpc.crowd import crowd, together
from neurosim.hpc.dry import CHOICES, DryExchange, dry_run
from neurosim.hpc.memory import Footprint, footprint, traced
from neurosim.hpc.parallel import ParallelExchange
from tests.tolerances import STAT

RANKS, RATE_HZ = 4, 40.0


def network() -> ns.Network:
    """Cells of three sizes, given trains, coupled pairs."""
    net = ns.Network(seed=3)
    small = ns.Cell.cylinder(length_um=20.0, diam_um=20.0).insert(ns.mechanisms.HH())
    large = ns.Cell.cylinder(length_um=300.0, diam_um=2.0)
    large.set(nseg=9)
    large.insert(ns.mechanisms.HH())
    a, b = net.add("a", 150, small), net.add("b", 85, large)
    drive = net.add_spikes("drive", ns.random.Poisson(60.0, stop_ms=50.0), n=10)
    synapse = ns.mechanisms.ExpSyn(tau=2.0)
    net.connect(drive, a, synapse, rule=ns.rules.FixedInDegree(5), weight=0.02, at="soma(0.5)")
    for source, target, delay_ms in ((a, b, 1.5), (b, a, 2.0), (a, a, 3.0)):
        rule = ns.rules.FixedInDegree(8)
        net.connect(source, target, synapse, rule=rule, weight=0.003, at="soma(0.5)", delay_ms=delay_ms)
    return net


NET = network()


def simulation(exchange: DryExchange | ParallelExchange) -> ns.Simulation:
    return ns.Simulation(NET, exchange=exchange)


def real_rank(exchange: ParallelExchange) -> tuple[Footprint, int]:
    sim = simulation(exchange)
    engine = sim.build()
    for _ in range(4):
        engine.advance(engine.timing.window)
    return footprint(engine), int((sim.owner == exchange.rank).sum())


def test_the_played_rank_holds_what_the_real_one_holds() -> None:
    real = together(crowd(RANKS, "allgather"), real_rank)

    for rank, (memory, cells_n) in enumerate(real):
        played = dry_run(simulation, RANKS, rank, 6.0, rate_Hz=None)

        assert played.cells_n == cells_n
        assert (played.memory.synapses_n, played.memory.sources_n) == (memory.synapses_n, memory.sources_n)
        assert played.memory.engine == pytest.approx(memory.engine, rel=0.02)
        # Queues alone may differ: they depend on who fires when.
        assert all(getattr(played.memory, k) == getattr(memory, k) for k in ("nodes", "mechanisms", "wires"))


def test_ranks_are_chosen_by_load() -> None:
    costs = np.array([1.0, 5.0, 3.0, 2.0])
    chosen = {}
    for choice in CHOICES:
        exchange = DryExchange(4, choice)
        exchange.owners(costs, (), None)
        chosen[choice] = exchange.loads[exchange.rank]

    assert chosen == {"heaviest": 5.0, "median": 3.0, "lightest": 1.0}


def started(rank: int, rate_Hz: float, gids: int = 400, ranks: int = 4) -> DryExchange:
    exchange = DryExchange(ranks, rank, rate_Hz, seed=9)
    owner = exchange.owners(np.ones(gids), (), None)
    exchange.connect(owner, np.arange(gids))
    return exchange


def heard(exchange: DryExchange, windows: int, steps: int = 40, dt_ms: float = 0.025) -> list[tuple[float, int]]:
    out: list[tuple[float, int]] = []
    for k in range(windows):
        exchange.begin(k * steps, steps, dt_ms)
        exchange.start(np.zeros(0), np.zeros(0, np.int64))
        times, gids = exchange.finish()
        assert np.array_equal(np.lexsort((gids, times)), np.arange(len(times)))
        # Within the window, just after the end of a step.
        in_steps = (times - 1e-10) / dt_ms
        assert (np.abs(in_steps - np.round(in_steps)) < 1e-6).all()
        assert ((np.round(in_steps) > k * steps) & (np.round(in_steps) <= (k + 1) * steps)).all()
        out += zip(times.tolist(), gids.tolist(), strict=True)
    return out


@pytest.mark.parametrize("rate_Hz", [5.0, 700.0, 2500.0])
def test_others_fire_at_the_rate_given(rate_Hz: float) -> None:
    spikes = heard(started(0, rate_Hz), 200)

    # 300 cells elsewhere for 200 ms.
    expected = 300 * 0.2 * rate_Hz
    assert abs(len(spikes) - expected) < STAT * np.sqrt(expected)


def test_two_ranks_hear_the_same_of_a_third() -> None:
    one, two = started(0, 50.0), started(1, 50.0)
    third = set(np.flatnonzero(one.owner == 2).tolist())

    of_third = [[s for s in heard(exchange, 50) if s[1] in third] for exchange in (one, two)]

    assert of_third[0] == of_third[1] != []


def test_only_cells_that_are_needed_from_elsewhere_are_heard_and_trains_are_not() -> None:
    exchange = DryExchange(2, 0, 1000.0)
    costs = np.ones(20)
    costs[15:] = 0.0
    owner = exchange.owners(costs, (), None)
    needed = np.arange(0, 20, 2)
    exchange.connect(owner, needed)

    gids = {gid for _, gid in heard(exchange, 40)}

    assert gids == {gid for gid in needed.tolist() if owner[gid] != 0 and gid < 15}


def test_without_a_rate_others_fire_as_often_as_the_ranks_own_cells() -> None:
    exchange = DryExchange(2, 0, None)
    exchange.connect(exchange.owners(np.ones(200), (), None), np.arange(200))
    mine = np.flatnonzero(exchange.owner == 0)
    for k in range(400):
        exchange.begin(k * 40, 40, 0.025)
        # A tenth of them in each ms: 100 Hz.
        exchange.start(np.full(10, k + 0.5), mine[:10])
        exchange.finish()

    assert abs(exchange.arrived_n - 4000) < STAT * np.sqrt(4000)


def test_windows_are_those_of_all_connections_not_of_the_ranks_own() -> None:
    # Rank 0 has the slow connection only.
    cell = ns.Cell.cylinder(length_um=20.0, diam_um=20.0).insert(ns.mechanisms.HH())

    def build(exchange: DryExchange) -> ns.Simulation:
        sim = ns.Simulation([cell, cell], exchange=exchange)
        for target, delay_ms in ((0, 5.0), (1, 1.0)):
            sim.connect(1 - target, target, ns.mechanisms.ExpSyn(), delay_ms=delay_ms)
        return sim

    windows = [dry_run(build, 2, rank, 10.0).window_ms for rank in (0, 1)]

    assert windows[0] == windows[1] == pytest.approx(1.025)


def test_cells_elsewhere_that_are_seen_stay_at_rest() -> None:
    cell = ns.Cell.cylinder(length_um=20.0, diam_um=20.0).insert(ns.mechanisms.pas(g=1e-5, e=-65.0))
    seen = np.array([1, 0], np.int32)

    def build(exchange: DryExchange) -> ns.Simulation:
        nodes = np.zeros(2, np.int32)
        table = ns.Couplings(
            ns.mechanisms.library.get("Gap"), "vgap", seen, nodes, seen[::-1].copy(), nodes, {"g": 0.001}
        )
        return ns.Simulation([cell, cell], couplings=[table], exchange=exchange)

    report = dry_run(build, 2, "heaviest", 1.0)

    assert report.cells_n == 1 and report.own_spikes_n == 0


def test_report_says_what_was_played() -> None:
    report = dry_run(simulation, 3, "median", 5.0, rate_Hz=RATE_HZ)

    text = report.text()
    assert f"rank {report.rank} of 3 (median)" in text and "messages are left out" in text
    assert f"{report.heard_n:,} cells elsewhere at 40 Hz" in text
    assert report.simulated_ms >= 5.0 and report.slowdown > 0.0 and report.arrived_n > 0


def test_an_engine_built_again_has_the_same_bytes_and_shared_arrays_count_once() -> None:
    sims = [ns.Simulation(NET) for _ in range(2)]
    (first, built), second = traced(sims[0].build), sims[1].build()

    assert footprint(first) == footprint(second)
    found = footprint(first)
    assert 0 < found.engine < built.final_B + 2**20
    assert found.synapses_n == sum(len(t) for t in NET.connections)
    assert "B a local synapse" in found.text()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"size": 1}, "at least 2"),
        ({"size": 4, "rank": 4}, "rank=4"),
        ({"size": 4, "rank": "slowest"}, "heaviest, median, lightest"),
        ({"size": 4, "rate_Hz": -1.0}, "rate_Hz=-1"),
    ],
)
def test_ranks_and_rates_that_cannot_be_are_refused(arguments: dict, word: str) -> None:
    with pytest.raises(ModelError, match=word):
        DryExchange(**arguments)


def test_a_simulation_that_ignores_the_exchange_is_refused() -> None:
    with pytest.raises(ModelError, match="its exchange"):
        dry_run(lambda exchange: ns.Simulation(NET), 4)
    with pytest.raises(SimulationError, match="ms=0"):
        dry_run(simulation, 4, ms=0.0)
