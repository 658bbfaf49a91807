"""What must not change a bit of a network with events: threads, pieces, neighbours, blocks, windows, processes.

Random small networks of everything that sends or receives events; times of spikes and voltages are compared bit by bit.

Kind of evidence: invariance.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import neurosim as ns
from neurosim.engine import blocks, layout, timing
from neurosim.engine.engine import Engine
from neurosim.engine.request import Request
from neurosim.exchange import SerialExchange
from neurosim.kernels.simd import LANES
from neurosim.mechanisms import library
from neurosim.model.connections import Connections, Couplings
from neurosim.model.population import AnyCell
from tests.tolerances import ROUNDOFF

Floats = NDArray[np.float64]
DT = 0.025
UNTIL_MS = 20.0
SEEDS = range(4)
DELAYS_MS = (0.05, 0.0625, 0.5, 1.0, 1.013, 3.3, 10.0)
"""On the grid, between steps, at half steps; the first is the shortest of point cells."""

SYNAPSES: dict[str, dict[str, Any]] = {
    "ExpSyn": {"tau": (1.0, 3.0)},
    "Exp2Syn": {"tau1": 0.3, "tau2": (2.0, 4.0), "e": (0.0, -75.0)},
    "TsodyksMarkram": {},
    "STDP": {"tau": 2.0},
    "GABAAB": {},
}


@dataclass(frozen=True)
class Net:
    """A network as the simulation takes it; ``watched`` are the gids whose voltage is recorded."""

    cells: tuple[AnyCell, ...]
    connections: tuple[Connections, ...]
    couplings: tuple[Couplings, ...] = ()

    @property
    def watched(self) -> list[int]:
        return [g for g, c in enumerate(self.cells) if isinstance(c, ns.Cell)]


@cache
def trees() -> tuple[ns.Cell, ...]:
    """Return cells of three trees; the second is another object of the first's tree with other channels."""

    def forked(g: float) -> ns.Cell:
        sections = [
            ns.Section.cylinder("soma[0]", 18.0, 18.0),
            ns.Section.cylinder("dend[0]", 90.0, 2.0, 0, 1.0),
            ns.Section.cylinder("dend[1]", 60.0, 1.5, 1, 1.0),
            ns.Section.cylinder("dend[2]", 50.0, 1.2, 1, 1.0),
        ]
        cell = ns.Cell(sections).set("dend", nseg=3)
        return cell.insert("hh", "soma", gnabar=g).insert("pas", "dend", g=1e-4, e=-65.0)

    ball = ns.Cell.cylinder(20.0, 20.0).insert("hh")
    stick = ns.Cell.cylinder(120.0, 4.0, nseg=5).insert("hh", gnabar=0.15)
    return forked(0.12), forked(0.2), ball, stick


def ints(values: Any) -> NDArray[np.int32]:
    return np.asarray(values, np.int32)


def random_net(seed: int, *, gap: bool = True, chance: bool = False) -> Net:
    """Draw a network: 10 branching cells, 8 point cells of 2 kinds, 6 given trains; rows in any order.

    With ``chance`` some synapses release at random, which depends on the gid.
    """
    rng = np.random.default_rng(seed)
    kinds = trees()
    branching = [kinds[int(k)] for k in rng.integers(0, len(kinds), 10)]
    integrate = [ns.PointCell(ns.mechanisms.IntFire1(tau=float(t), refrac=2.0)) for t in (8.0, 20.0)]
    leaky = [ns.PointCell(ns.mechanisms.LIF(tau_m=float(t), v_thresh=-60.0)) for t in (10.0, 20.0)]
    points = [(*integrate, *leaky)[int(k)] for k in rng.integers(0, 4, 8)]
    trains = [ns.SpikeTrain(np.sort(rng.uniform(0.0, 15.0, 6)).round(int(k))) for k in rng.integers(0, 4, 6)]
    cells: list[AnyCell] = [*branching, *points, *trains]
    rng.shuffle(cells)
    here = [g for g, c in enumerate(cells) if isinstance(c, ns.Cell)]
    dots = [g for g, c in enumerate(cells) if isinstance(c, ns.PointCell)]
    outside = [g for g, c in enumerate(cells) if isinstance(c, ns.SpikeTrain)]
    tables = [_synapses(rng, name, cells, here, [*here, *dots, *outside, *outside]) for name in SYNAPSES]
    if not chance:
        tables[-1].values["stochastic"] = 0.0
    n = 60
    source = rng.choice([*here, *dots, *outside], n)
    delay = rng.choice(DELAYS_MS, n)
    tables.append(
        Connections(None, ints(source), ints(rng.choice(dots, n)), ints([0] * n), rng.uniform(0.2, 3.0, n), delay)
    )
    return Net(tuple(cells), tuple(tables), (_gaps(rng, cells, here),) if gap else ())


def _nodes(rng: np.random.Generator, cells: list[AnyCell], gids: NDArray[np.int64]) -> list[int]:
    """Draw a compartment of every named cell."""
    return [int(rng.integers(0, len(cell.tree))) for cell in (cells[g] for g in gids) if isinstance(cell, ns.Cell)]


def _synapses(
    rng: np.random.Generator, name: str, cells: list[AnyCell], here: list[int], sources: list[int]
) -> Connections:
    n = 40
    target = rng.choice(here, n)
    node = _nodes(rng, cells, target)
    values = {k: rng.choice(v, n) if isinstance(v, tuple) else v for k, v in SYNAPSES[name].items()}
    source = rng.choice(sources, n)
    cell = np.array([isinstance(cells[g], ns.Cell) for g in source])
    given = np.array([isinstance(cells[g], ns.SpikeTrain) for g in source])
    delay = rng.choice(DELAYS_MS, n)
    delay[cell | given] = rng.choice((0.0, 0.01, *DELAYS_MS), int((cell | given).sum()))
    return Connections(
        library.get(name), ints(source), ints(target), ints(node), rng.uniform(0.001, 0.02, n), delay, values
    )


def _gaps(rng: np.random.Generator, cells: list[AnyCell], here: list[int]) -> Couplings:
    """Return gap junctions within two sets of cells, the others have none."""
    pairs = [(here[0], here[3]), (here[3], here[4]), (here[6], here[7]), (here[0], here[4])]
    a, b = np.array(pairs).T
    na, nb = _nodes(rng, cells, a), _nodes(rng, cells, b)
    sg, sn, tg, tn = (ints(np.concatenate(x)) for x in ((a, b), (na, nb), (b, a), (nb, na)))
    g = np.tile(rng.uniform(1e-3, 1e-2, len(pairs)), 2)
    return Couplings(library.get("Gap"), "vgap", sg, sn, tg, tn, values={"g": g})


@dataclass(frozen=True)
class Outcome:
    """Spikes, and voltages by watched gid."""

    gids: NDArray[np.uint64]
    times_ms: Floats
    v_mV: dict[int, Floats]
    simulation: ns.Simulation


def simulated(net: Net, *, until_ms: tuple[float, ...] = (UNTIL_MS,), **options: Any) -> Outcome:
    sim = ns.Simulation(net.cells, connections=net.connections, couplings=net.couplings, dt_ms=DT, **options)
    traces = {g: sim.record("all", "v_mV", gid=g) for g in net.watched}
    for t in until_ms:
        sim.run(until_ms=t, progress=False)
    spikes = sim.spikes.sorted()
    return Outcome(spikes.gids, spikes.times_ms, {g: t.values for g, t in traces.items()}, sim)


def assert_same(ours: Outcome, theirs: Outcome, shift: int = 0) -> None:
    """Compare bit by bit those cells that ``ours`` has; its gid g is g + shift in ``theirs``."""
    size = len(ours.simulation.cells)
    mine = (theirs.gids >= shift) & (theirs.gids < shift + size)
    assert (ours.gids + np.uint64(shift)).tolist() == theirs.gids[mine].tolist()
    assert ours.times_ms.tobytes() == theirs.times_ms[mine].tobytes()
    for g, v in ours.v_mV.items():
        other = theirs.v_mV[g + shift]
        assert v.tobytes() == other.tobytes(), f"gid {g} differs by {np.abs(v - other).max()} mV"


def shifted(net: Net, by: int) -> Net:
    """Return the same network with all gids later."""
    return replace(
        net,
        connections=tuple(
            replace(t, source_gid=t.source_gid + np.int32(by), target_gid=t.target_gid + np.int32(by))
            for t in net.connections
        ),
        couplings=tuple(
            replace(t, source_gid=t.source_gid + np.int32(by), target_gid=t.target_gid + np.int32(by))
            for t in net.couplings
        ),
    )


def together(*nets: Net) -> Net:
    """Return one network of several that do not touch one another."""
    out = Net((), ())
    for net in nets:
        later = shifted(net, len(out.cells))
        out = Net(out.cells + net.cells, out.connections + later.connections, out.couplings + later.couplings)
    return out


@cache
def reference(seed: int) -> Outcome:
    return simulated(random_net(seed))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_networks_are_alive(seed: int) -> None:
    net, outcome = random_net(seed), reference(seed)
    fired = set(outcome.gids.tolist())
    assert len(fired & set(net.watched)) >= 4
    assert len(fired - set(net.watched)) >= 2
    assert all(np.isfinite(v).all() and np.ptp(v) > 1.0 for v in outcome.v_mV.values())
    assert not outcome.simulation.build().timing.immediate


@pytest.mark.parametrize("seed", SEEDS)
def test_results_do_not_depend_on_threads(seed: int) -> None:
    for threads in (2, 4):
        assert_same(simulated(random_net(seed), threads=threads), reference(seed))


def test_random_release_does_not_depend_on_threads_or_pieces() -> None:
    net = random_net(0, chance=True)
    once = simulated(net)
    assert any(once.v_mV[g].tobytes() != v.tobytes() for g, v in reference(0).v_mV.items())
    assert_same(simulated(net, threads=4, until_ms=(3.7, UNTIL_MS)), once)
    assert_same(once, simulated(together(net, random_net(50, chance=True))))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("until_ms", [(3.7, 10.0, 10.025, UNTIL_MS), (0.025, 0.05, 19.975, UNTIL_MS)])
def test_a_run_in_pieces_equals_a_run_at_once(seed: int, until_ms: tuple[float, ...]) -> None:
    assert_same(simulated(random_net(seed), until_ms=until_ms), reference(seed))
    assert_same(simulated(random_net(seed), until_ms=until_ms, threads=2), reference(seed))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("steps", [1, 7])
def test_results_do_not_depend_on_how_often_python_looks(
    seed: int, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ns.Simulation, "_first_window", lambda self, engine: steps)
    monkeypatch.setattr(ns.Simulation, "_most_steps", lambda self, engine: steps)
    assert_same(simulated(random_net(seed)), reference(seed))


@pytest.mark.parametrize("seed", SEEDS)
def test_other_cells_before_or_after_change_nothing(seed: int) -> None:
    net, other = random_net(seed), random_net(seed + 50)
    assert_same(reference(seed), simulated(together(other, net)), shift=len(other.cells))
    assert_same(reference(seed), simulated(together(net, other)))


@pytest.mark.parametrize("seed", SEEDS)
def test_eight_networks_side_by_side_equal_one(seed: int) -> None:
    net = random_net(seed)
    many = simulated(together(*[net] * LANES))
    assert LANES in {b.width for b in many.simulation.build().layout.blocks}
    for k in range(LANES):
        assert_same(reference(seed), many, shift=k * len(net.cells))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("forced", ["all wide", "all narrow", "coupled packed"])
def test_results_do_not_depend_on_the_blocks(seed: int, forced: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "packing_pays", lambda *_: forced == "coupled packed")
    if forced != "coupled packed":
        monkeypatch.setattr(blocks, "NODE_ALONE", 1e9 if forced == "all wide" else 0.0)
        monkeypatch.setattr(blocks, "INSTANCE", blocks.INSTANCE if forced == "all wide" else 0.0)
    outcome = simulated(random_net(seed))
    found = outcome.simulation.build().layout.blocks
    if forced != "coupled packed":
        assert {b.width for b in found} == {LANES if forced == "all wide" else 1}
    assert any(b.packing is not None for b in found) == (forced == "coupled packed")
    assert_same(outcome, reference(seed))


# --- windows ----------------------------------------------------------------------------------------------------------


def slow_net(seed: int) -> Net:
    """Return a network whose delays are 3 to 6 ms, so that windows are long and rings are allowed."""
    net = random_net(seed)
    return replace(net, connections=tuple(replace(t, delay_ms=3.0 + 0.3 * t.delay_ms) for t in net.connections))


@cache
def free_windows(seed: int) -> Outcome:
    return simulated(slow_net(seed))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("most", [1, 7, 50])
def test_results_do_not_depend_on_the_window(seed: int, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    free = free_windows(seed)
    assert free.simulation.build().timing.window > 100
    monkeypatch.setattr(timing, "MOST_STEPS", most)
    outcome = simulated(slow_net(seed))
    assert outcome.simulation.build().timing.window == most
    assert_same(outcome, free)
    assert_same(simulated(slow_net(seed), threads=2, until_ms=(3.7, UNTIL_MS)), free)


@pytest.mark.parametrize("seed", SEEDS)
def test_results_do_not_depend_on_rings(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    net, with_rings = slow_net(seed), free_windows(seed)
    assert with_rings.simulation.build().wiring.places > 0
    monkeypatch.setattr(timing, "MOST_RING_HALVES", 0)
    listed = simulated(net)
    assert listed.simulation.build().wiring.places == 0
    # A ring holds the sum of a half step, a list adds to the state one after the other: rounding differs.
    assert listed.gids.tolist() == with_rings.gids.tolist()
    np.testing.assert_allclose(listed.times_ms, with_rings.times_ms, rtol=0.0, atol=ROUNDOFF * UNTIL_MS)
    for g, v in with_rings.v_mV.items():
        np.testing.assert_allclose(listed.v_mV[g], v, rtol=0.0, atol=ROUNDOFF * 100.0)


class Echo(SerialExchange):
    """The exchange of a run of two processes of which the other has no cells; counts the meetings."""

    size, alone = 2, False

    def __init__(self) -> None:
        super().__init__()
        self.meetings = 0

    def start(self, times_ms: Floats, gids: NDArray[np.int64]) -> None:
        assert (np.lexsort((gids, times_ms)) == np.arange(len(gids))).all()
        self.meetings += 1
        super().start(times_ms, gids)

    def link(self, owner: Any, gids: NDArray[np.int64], nodes: NDArray[np.int64]) -> Any:
        assert len(gids) == 0, "the other has no cells"
        return SimpleNamespace(sent_gids=gids, sent_nodes=nodes, swap=lambda values: values)


@pytest.mark.parametrize("seed", SEEDS)
def test_processes_that_meet_once_a_window_equal_one(seed: int) -> None:
    for threads in (1, 2):
        echo = Echo()
        outcome = simulated(random_net(seed), exchange=echo, threads=threads)
        assert_same(outcome, reference(seed))
        window = outcome.simulation.build().timing.window
        # One more before the first window: cells may begin above their threshold.
        assert echo.meetings == 1 - (-round(UNTIL_MS / DT) // window)


# --- again, joined ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_reset_and_the_same_again_are_equal(seed: int) -> None:
    once = simulated(random_net(seed))
    before = replace(once, v_mV={g: v.copy() for g, v in once.v_mV.items()})
    sim = once.simulation
    traces = [r.trace for r in sim._recordings]
    sim.reset()
    sim.run(until_ms=UNTIL_MS, progress=False)
    spikes = sim.spikes.sorted()
    again = Outcome(spikes.gids, spikes.times_ms, dict(zip(before.v_mV, (t.values for t in traces), strict=True)), sim)
    assert_same(again, before)


@pytest.mark.parametrize("seed", SEEDS)
def test_initialise_and_the_same_again_are_equal(seed: int) -> None:
    engine = simulated(random_net(seed)).simulation.build()

    def run() -> tuple[bytes, bytes, list[bytes]]:
        engine.initialise()
        window = engine.advance(round(UNTIL_MS / DT))
        return window.gids.tobytes(), window.times_ms.tobytes(), [x.tobytes() for x in window.samples]

    assert run() == run()


@pytest.mark.parametrize("seed", SEEDS)
def test_joined_synapses_equal_separate_ones_but_for_rounding(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def crowded() -> Net:
        # Few places, so that many rows share one.
        net = random_net(seed, gap=False)
        tables = [replace(t, node=np.zeros_like(t.node)) if t.mechanism is not None else t for t in net.connections]
        return replace(net, connections=tuple(tables))

    joined = simulated(crowded())
    built = Engine.__init__

    def apart(self: Engine, request: Request, *args: Any) -> None:
        built(self, replace(request, separate=True), *args)

    monkeypatch.setattr(Engine, "__init__", apart)
    separate = simulated(crowded())
    assert instances(separate, "ExpSyn") == 40 > instances(joined, "ExpSyn")
    assert separate.gids.tolist() == joined.gids.tolist()
    np.testing.assert_allclose(separate.times_ms, joined.times_ms, rtol=0.0, atol=ROUNDOFF * UNTIL_MS)
    for g, v in joined.v_mV.items():
        np.testing.assert_allclose(separate.v_mV[g], v, rtol=0.0, atol=1e-9 * 100.0)


def instances(outcome: Outcome, name: str) -> int:
    return sum(len(c.placed.elements) for c in outcome.simulation.build().channels if c.mechanism.name == name)
