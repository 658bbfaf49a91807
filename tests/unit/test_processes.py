"""A simulation divided among processes, which threads play: bit for bit the same, whoever computes what."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import neurosim as ns
from neurosim.broadcast import Act, Place
from neurosim.errors import ModelError, SimulationError
from neurosim.hpc.crowd import crowd, together

TRACED, STOP_MS = 9, 40.0


def network(*, spikes: bool = True, gaps: bool = True) -> ns.Network:
    """Return 34 cells of two shapes, 7 point cells and given trains, with delays from 0.6 ms on and gap junctions."""
    net = ns.Network(seed=3)
    small = ns.Cell.cylinder(length_um=20.0, diam_um=20.0).insert(ns.mechanisms.HH())
    long = ns.Cell.cylinder(length_um=30.0, diam_um=10.0).insert(ns.mechanisms.HH())
    a, b = net.add("a", 23, small), net.add("b", 11, long)
    drive = net.add_spikes("drive", ns.random.Poisson(40.0, stop_ms=100.0), n=10)
    synapse = ns.mechanisms.ExpSyn(tau=2.0)
    at: dict[str, Any] = {"at": "soma(0.5)"}
    few, some = ns.rules.FixedInDegree(3), ns.rules.FixedInDegree(5)
    net.connect(drive, b, synapse, rule=few, weight=0.03, **at)
    if spikes:
        net.connect(drive, a, synapse, rule=few, weight=0.03, delay_ms=ns.random.Uniform(0.7, 3.0), **at)
        net.connect(a, b, synapse, rule=some, weight=0.004, delay_ms=ns.random.Uniform(0.6, 5.0), **at)
        slow = ns.mechanisms.Exp2Syn(tau1=0.5, tau2=3.0)
        net.connect(b, a, slow, rule=some, weight=0.004, delay_ms=ns.random.Uniform(0.9, 5.0), **at)
        points = net.add("points", 7, ns.PointCell(ns.mechanisms.IntFire1(tau=10.0)))
        net.connect(a, points, rule=ns.rules.FixedInDegree(8), weight=0.3, delay_ms=1.3)
        net.connect(points, b, synapse, rule=ns.rules.FixedInDegree(2), weight=0.01, delay_ms=2.0, **at)
    if gaps:
        net.couple(a, a, rule=ns.rules.FixedInDegree(2), g=0.0003, **at)
        net.couple(a, b, rule=ns.rules.FixedInDegree(1), g=0.0003, mutual=False, **at)
    return net


def described(net: ns.Network, exchange: Any = None, **options: Any) -> ns.Simulation:
    """Return a simulation with stimuli of both kinds."""
    sim = ns.Simulation(net, exchange=exchange, **options)
    sim.stimulate("soma(0.5)", ns.Step(2.0, 20.0, 0.2), gid=4)
    sim.stimulate("soma(0.5)", ns.Waveform([1.0, 3.0, 5.0], [0.1, 0.3, 0.0]), gid=7)
    return sim


def outcome(sim: ns.Simulation, trace: ns.Trace) -> dict[str, Any]:
    """Return spikes, last voltages by gid, and the trace of one part of the run."""
    layout = sim.build().layout
    mine = [g for g, c in enumerate(sim.cells) if isinstance(c, ns.Cell) and sim.owns(g)]
    return {
        "times": np.asarray(sim.spikes.times_ms),
        "gids": np.asarray(sim.spikes.gids, np.int64),
        "v": {g: layout.arrays["V"][layout.elements(g)].copy() for g in mine},
        "trace": np.asarray(trace.values),
    }


def part(exchange: Any, **options: Any) -> dict[str, Any]:
    kinds = {k: options.pop(k) for k in ("spikes", "gaps") if k in options}
    sim = described(network(**kinds), exchange, **options)
    trace = sim.record("soma(0.5)", "v_mV", gid=TRACED)
    sim.run(until_ms=0.6 * STOP_MS)
    sim.run(until_ms=STOP_MS)
    return outcome(sim, trace)


def digest(parts: Sequence[dict[str, Any]]) -> str:
    """Return the SHA-256 of spikes in order, voltages by gid and the trace, over all parts of a run."""
    times, gids = (np.concatenate([p[k] for p in parts]) for k in ("times", "gids"))
    order = np.lexsort((gids, times))
    v: dict[int, Any] = {}
    for p in parts:
        assert not v.keys() & p["v"].keys(), "a cell is computed twice"
        v |= p["v"]
    trace = np.concatenate([p["trace"] for p in parts])
    sha = hashlib.sha256(times[order].tobytes() + gids[order].tobytes() + trace.tobytes())
    for gid in sorted(v):
        sha.update(v[gid].tobytes())
    assert len(times) > 20, "a test of silence"
    return sha.hexdigest()


@pytest.fixture(scope="module")
def alone() -> dict[tuple[bool, bool], str]:
    kinds = [(True, False), (False, True), (True, True)]
    return {kind: digest([part(None, spikes=kind[0], gaps=kind[1])]) for kind in kinds}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind", [(True, False), (False, True), (True, True)], ids=["spikes", "gaps", "both"])
@pytest.mark.parametrize(("n", "way"), [(2, "allgather"), (3, "neighbour"), (4, "two-level"), (5, "auto")])
def test_processes_threads_and_ways_change_no_bit(
    alone: dict[tuple[bool, bool], str], kind: tuple[bool, bool], n: int, way: str, threads: int
) -> None:
    exchanges = crowd(n, way, overlap=n % 2 == 0, node_of=[k // 2 for k in range(n)])
    parts = together(exchanges, lambda ex: part(ex, spikes=kind[0], gaps=kind[1], threads=threads))
    assert digest(parts) == alone[kind]


def test_more_processes_than_cells(alone: dict[tuple[bool, bool], str]) -> None:
    assert digest(together(crowd(60), lambda ex: part(ex, gaps=False))) == alone[True, False]


def test_any_owner_will_do(alone: dict[tuple[bool, bool], str]) -> None:
    owner = np.random.default_rng(1).integers(0, 3, len(network().cells)).astype(np.int32)
    assert digest(together(crowd(3), lambda ex: part(ex, owner=owner))) == alone[True, True]


def test_who_describes_own_connections_only(alone: dict[tuple[bool, bool], str]) -> None:
    owner = (np.arange(len(network(gaps=False).cells)) % 2).astype(np.int32)

    def work(exchange: Any) -> dict[str, Any]:
        net = network(gaps=False)
        net.connections = [t.rows(np.flatnonzero(owner[t.target_gid] == exchange.rank)) for t in net.connections]
        sim = described(net, exchange, owner=owner)
        trace = sim.record("soma(0.5)", "v_mV", gid=TRACED)
        sim.run(until_ms=STOP_MS)
        return outcome(sim, trace)

    assert digest(together(crowd(2), work)) == alone[True, False]


def test_a_trace_of_a_cell_elsewhere_is_empty() -> None:
    parts = together(crowd(2), lambda ex: part(ex, gaps=False))
    lengths = sorted(len(p["trace"]) for p in parts)
    assert lengths == [0, 1601]


def test_columns_of_several_processes_are_refused() -> None:
    def work(exchange: Any) -> None:
        sim = described(network(gaps=False), exchange, owner=np.arange(51, dtype=np.int32) % 2)
        sim.record_columns("v_mV", [0, 1], [0, 0])
        sim.build()

    with pytest.raises(ModelError, match="several processes"):
        together(crowd(2), work)


def test_a_loop_around_the_run_is_refused() -> None:
    def work(exchange: Any) -> None:
        sim = described(network(gaps=False), exchange)
        sim.drive([0])
        sim.build()

    with pytest.raises(SimulationError, match="one process"):
        together(crowd(2), work)


@pytest.mark.parametrize("owner", [np.zeros(3, np.int32), np.full(51, 2, np.int32)])
def test_owners_that_do_not_fit_are_refused(owner: Any) -> None:
    with pytest.raises(ModelError, match="owner"):
        together(crowd(2), lambda ex: ns.Simulation(network(), exchange=ex, owner=owner))


# --- watching ---------------------------------------------------------------------------------------------------------


def watched(exchange: Any) -> tuple[dict[str, Any], list[Any], list[Act]]:
    """Run with somebody who wants voltages and traces of cells of all processes, and silences one on the way."""
    sim = described(network(), exchange)
    trace = sim.record("soma(0.5)", "v_mV", gid=TRACED)
    frames: list[Any] = []
    cast = sim.broadcast() if sim.exchange.rank == 0 else None
    if cast is not None:
        cast.want(voltage_cells=[30, 2, 5], traces=[Place(3), Place(8), Place(25)])
    sim.run(until_ms=0.5 * STOP_MS)
    if cast is not None:
        frames += cast.take()
        cast.ask(Act("silence", Place(4)))
        cast.ask(Act("inject", Place(11), 0.3))
    sim.run(until_ms=STOP_MS)
    if cast is not None:
        frames += cast.take()
    return outcome(sim, trace), frames, sim.acts


def test_watchers_see_all_processes() -> None:
    (alone, frames, acts), *_ = together(crowd(1), watched)
    parts = together(crowd(3), watched)
    assert digest([p[0] for p in parts]) == digest([alone])
    seen = parts[0][1]
    assert not parts[1][1] and not parts[2][1]
    for name in ("cells", "times_ms"):
        mine, theirs = (np.concatenate([getattr(f, name) for f in found]) for found in (seen, frames))
        assert np.array_equal(mine, theirs)
    assert np.array_equal(seen[-1].voltage_mV, frames[-1].voltage_mV)
    assert seen[-1].voltage_cells == (30, 2, 5)
    mine, theirs = (np.concatenate([s.values_mV for f in found for s in f.samples]) for found in (seen, frames))
    assert mine.shape[1] == 3
    assert np.array_equal(mine, theirs)
    assert all([(a.kind, a.t_ms) for a in p[2]] == [(a.kind, a.t_ms) for a in acts] for p in parts)
    assert [a.kind for a in acts] == ["silence", "inject"]


def test_a_run_is_watched_in_process_0() -> None:
    def work(exchange: Any) -> None:
        sim = described(network(), exchange)
        if exchange.rank == 1:
            sim.broadcast()

    with pytest.raises(SimulationError, match="process 0"):
        together(crowd(2), work)
