"""Runs with events that are interrupted anywhere, kept by cell, and taken up in another engine: bit for bit the same.

Random small networks of everything that sends or receives events (``test_events_invariance``): delays from below a step
to 10 ms, point cells, given trains, gap junctions, synapses with memory, chance, WATCH and events to themselves.

Kind of evidence: invariance (restart).
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import neurosim as ns
from neurosim.engine import blocks, layout
from neurosim.engine.bygid import differences, digest, merged, tables
from neurosim.errors import SimulationError
from neurosim.mechanisms import library
from neurosim.model.connections import Connections
from tests.integration.test_events_invariance import DT, Net, ints, random_net, slow_net

UNTIL = 500
"""Steps of a whole run, 12.5 ms."""

Spikes = list[tuple[float, int]]


def simulation(net: Net, **options: Any) -> ns.Simulation:
    return ns.Simulation(net.cells, connections=net.connections, couplings=net.couplings, dt_ms=DT, **options)


def spikes(sim: ns.Simulation) -> Spikes:
    found = sim.spikes.sorted()
    return list(zip(found.times_ms.tolist(), found.gids.tolist(), strict=True))


def net(kind: str) -> Net:
    if kind == "uncoupled":
        return random_net(2, gap=False)
    if kind == "chance":
        return random_net(0, chance=True)
    if kind == "within":
        near = random_net(1)
        early = [replace(t, delay_ms=np.maximum(0.0, t.delay_ms - 0.045)) for t in near.connections]
        return replace(near, connections=tuple(early))
    return slow_net(1) if kind == "slow" else random_net(int(kind))


@cache
def whole(kind: str) -> tuple[Spikes, dict[str, NDArray[Any]]]:
    """Return the spikes and the final state of a run that is not interrupted."""
    sim = simulation(net(kind))
    sim.run(until_ms=UNTIL * DT, progress=False)
    return spikes(sim), sim.state()


def assert_goes_on(kind: str, step: int, threads: tuple[int, int] = (1, 2)) -> None:
    """Interrupt a run at a step, go on in a fresh simulation, compare with the whole run."""
    first, second = (simulation(net(kind), threads=n) for n in threads)
    first.run(until_ms=step * DT, progress=False)
    second.set_state(first.state())
    assert second.step == step and differences(first.state(), second.state()) == []
    second.run(until_ms=UNTIL * DT, progress=False)
    expected, state = whole(kind)
    assert differences(second.state(), state) == []
    assert digest(second.state()) == digest(state)
    assert sorted(spikes(first) + spikes(second)) == sorted(expected)


@pytest.mark.parametrize("kind", ["0", "3", "chance"])
@pytest.mark.parametrize("step", [0, 1, 137, 260])
def test_a_run_interrupted_anywhere_goes_on_the_same(kind: str, step: int) -> None:
    assert_goes_on(kind, step)


@pytest.mark.parametrize("step", [60, 121, 243, 399])
def test_rings_and_long_windows_go_on_the_same(step: int) -> None:
    engine = simulation(net("slow")).build()
    assert engine.wiring.places > 0 and 100 < engine.timing.window and step % engine.timing.window
    assert_goes_on("slow", step, (2, 1))


@pytest.mark.parametrize("step", [0, 1, 137, 260])
def test_point_cells_that_act_within_a_step_go_on_the_same(step: int) -> None:
    sim = simulation(net("within"))
    sim.run(until_ms=260 * DT, progress=False)
    assert sim.build().timing.immediate and any(name.startswith("listed/") for name in sim.state())
    assert any(name.startswith("ring/") for name in sim.state())
    assert_goes_on("within", step)


def test_every_kind_of_row_is_there() -> None:
    sim = simulation(net("chance"), threads=2)
    sim.inject("soma(0.5)", 0.01, gid=net("chance").watched[1])
    sim.silence(net("chance").watched[2])
    sim.run(until_ms=260 * DT, progress=False)
    names = {name.split(".")[0] for name in tables(sim.state())}
    assert {"cell", "detector", "recent", "current", "silent", "connection/STDP", "watch/STDP"} <= names
    assert {"connection/TsodyksMarkram", "mechanism/GABAAB"} <= names
    other = simulation(net("chance"))
    other.set_state(sim.state())
    assert differences(sim.state(), other.state()) == []
    for each in (sim, other):
        each.run(until_ms=UNTIL * DT, progress=False)
    assert digest(sim.state()) == digest(other.state()) != digest(whole("chance")[1])


@pytest.mark.parametrize("forced", ["all wide", "all narrow", "coupled packed"])
def test_a_state_fits_other_blocks(forced: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = simulation(net("0"))
    first.run(until_ms=137 * DT, progress=False)
    monkeypatch.setattr(layout, "packing_pays", lambda *_: forced == "coupled packed")
    if forced != "coupled packed":
        monkeypatch.setattr(blocks, "NODE_ALONE", 1e9 if forced == "all wide" else 0.0)
        monkeypatch.setattr(blocks, "INSTANCE", blocks.INSTANCE if forced == "all wide" else 0.0)
    second = simulation(net("0"))
    second.set_state(first.state())
    second.run(until_ms=UNTIL * DT, progress=False)
    assert differences(second.state(), whole("0")[1]) == []


def test_an_engine_that_was_used_takes_a_state_as_a_fresh_one_does() -> None:
    sim = simulation(net("3"))
    sim.run(until_ms=137 * DT, progress=False)
    kept = sim.state()
    sim.inject("soma(0.5)", 0.3, gid=net("3").watched[0])
    sim.run(until_ms=300 * DT, progress=False)
    sim.set_state(kept)
    assert differences(kept, sim.state()) == []
    sim.run(until_ms=UNTIL * DT, progress=False)
    assert differences(sim.state(), whole("3")[1]) == []


def test_recordings_do_not_change_what_is_kept() -> None:
    sim = simulation(net("0"))
    gid = net("0").watched[0]
    sim.record("soma(0.5)", "ina_mA_per_cm2", gid=gid)
    sim.record("soma(0.5)", "hh.minf", gid=gid)
    sim.run(until_ms=UNTIL * DT, progress=False)
    assert any(name.startswith("seen/") for name in sim.state())
    assert differences(sim.state(), whole("0")[1]) == []
    plain = simulation(net("0"))
    plain.set_state(sim.state())
    assert differences(plain.state(), sim.state()) == []


# --- parts ------------------------------------------------------------------------------------------------------------


def part(kind: str, owned: list[int]) -> ns.Simulation:
    """Return a simulation that computes some of the cells; what the others fire it never hears."""

    class Apart:
        """One of two processes, of which the other is not there."""

        rank, size, overlap, alone = 0, 2, False, False

        def smallest(self, value: float) -> float:
            return value

        def connect(self, owner: Any, needed: Any) -> None:
            pass

        def start(self, times_ms: Any, gids: Any) -> None:
            self.spikes = times_ms, gids

        def finish(self) -> Any:
            return self.spikes

    cells = net(kind)
    owner = np.ones(len(cells.cells), np.int32)
    owner[owned] = 0
    exchange: Any = Apart()
    return simulation(cells, exchange=exchange, owner=owner)


def test_parts_of_a_state_are_those_of_an_engine_of_some_of_the_cells() -> None:
    """Cells of the two halves act on one another, so that their states are compared at the moment itself."""
    kind = "uncoupled"
    first = simulation(net(kind))
    first.run(until_ms=137 * DT, progress=False)
    state, n = first.state(), len(net(kind).cells)
    halves = [[g for g in range(n) if g % 2 == k] for k in (0, 1)]
    parts = []
    for half in halves:
        sim = part(kind, half)
        sim.set_state(state)
        parts.append(sim.state())
    assert all(len(p["cell/gid"]) < len(state["cell/gid"]) for p in parts)
    assert differences(merged(parts), state) == []
    assert digest(merged(parts[::-1])) == digest(state)


# --- what sends events by itself --------------------------------------------------------------------------------------


def driven_net(threads: int = 1, delay_ms: float = 0.5) -> ns.Simulation:
    """Return noisy stimulators and integrate-and-fire cells that move their own events, and synapses of many kinds."""
    names = ["NetStim", "NetStim", "IntFire4", "IntFire2", "IntFire1", "AdEx"]
    values: list[dict[str, Any]] = [
        {"start": 0.0, "interval": 1.0, "number": 1e9, "noise": 1.0},
        {"start": 0.0, "interval": 2.5, "number": 1e9},
        {},
        {"ib": 0.5},
        {"tau": 10.0, "refrac": 1.0},
        {},
    ]
    cells: list[Any] = [ns.PointCell(library.get(name)(**v)) for name, v in zip(names, values, strict=True)] * 3
    cells.append(ns.Cell.cylinder(20.0, 20.0).insert("hh").insert("CaDynamics").insert("Ca_HVA"))
    n = len(cells)
    rng = np.random.default_rng(1)
    fired = [g for g in range(n - 1) if g % 6 < 2]
    target = np.array([g for g in range(n - 1) if g % 6 > 1] * 3)
    source = rng.choice(fired, len(target))
    weight, delays = rng.uniform(0.3, 0.9, len(target)), rng.choice([delay_ms, 2.0, 3.3], len(target))
    tables = [Connections(None, ints(source), ints(target), ints([0] * len(target)), weight, delays)]
    for name in ("stp1", "tmgsyn", "AMPANMDA", "STDP"):
        onto, zero = ints([n - 1] * 4), ints([0] * 4)
        own = rng.choice(fired, 4)
        tables.append(Connections(library.get(name), ints(own), onto, zero, rng.uniform(0.001, 0.01, 4), delays[:4]))
    sim = ns.Simulation(cells, connections=tables, dt_ms=DT, threads=threads, seed=5)
    wave = ns.Waveform(np.arange(0.0, 12.0, 0.7), rng.uniform(-0.1, 0.3, 18))
    sim.stimulate("soma(0.5)", wave, gid=n - 1)
    return sim


@pytest.mark.parametrize(("step", "delay_ms"), [(20, 0.5), (77, 0.5), (300, 0.5), (81, 0.01), (300, 0.01)])
def test_noisy_stimulators_and_waveforms_go_on_the_same(step: int, delay_ms: float) -> None:
    """The first steps are a window: what a stimulator fires at 0 acts exactly at its end.

    With delays below the step point cells act on one another within it.
    """
    first, second, straight = (driven_net(threads, delay_ms) for threads in (1, 2, 1))
    assert first.build().timing.window == (20 if delay_ms > DT else 1)
    assert first.build().timing.immediate == (delay_ms < DT)
    first.run(until_ms=step * DT, progress=False)
    second.set_state(first.state())
    third = driven_net(delay_ms=delay_ms)
    third.set_state(second.state())
    for sim in (second, third, straight):
        sim.run(until_ms=UNTIL * DT, progress=False)
    assert differences(second.state(), straight.state()) == [] == differences(third.state(), straight.state())
    assert sorted(spikes(first) + spikes(second)) == spikes(straight)
    kinds = {name.split(".")[0] for name in tables(straight.state())}
    assert {"self/NetStim", "self/IntFire4", "ion/ca/concentration", "mechanism/Waveform"} <= kinds


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_a_state_of_another_network_is_refused() -> None:
    sim = simulation(net("0"))
    with pytest.raises(SimulationError, match="does not fit in gid"):
        simulation(net("3")).set_state(sim.state())
    fewer = ns.Simulation(net("0").cells[:-1], dt_ms=DT)
    with pytest.raises(SimulationError, match="with 24 cells in place of 23"):
        fewer.set_state(sim.state())
    with pytest.raises(SimulationError, match="older version"):
        sim.set_state({**sim.state(), "node/V": np.zeros(3)})
