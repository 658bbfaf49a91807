"""Cells that act on one another within a step: gap junctions, and point cells with delays below the step.

Kind of evidence: analytic and convergence order (gap junctions), NEURON (point cells), invariance.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import neurosim as ns
from neurosim.errors import ModelError
from neurosim.mechanisms import library
from neurosim.model.connections import Connections, Couplings
from tests.tolerances import ORDER, ROUNDOFF

AnyCell = ns.Cell | ns.PointCell | ns.SpikeTrain
Floats = NDArray[np.float64]
DT = 0.025


def ints(values: Any) -> NDArray[np.int32]:
    return np.asarray(values, np.int32)


def gaps(pairs: list[tuple[int, int]], g_uS: list[float], node: int = 0) -> Couplings:
    """Return junctions between pairs of cells, two rows each."""
    a, b = np.array(pairs).T
    nodes = ints([node] * 2 * len(a))
    source, target = ints(np.concatenate([a, b])), ints(np.concatenate([b, a]))
    return Couplings(library.get("Gap"), "vgap", source, nodes, target, nodes, {"g": np.tile(g_uS, 2)})


# --- two passive cells ------------------------------------------------------------------------------------------------

G_S_PER_CM2, E_MV, STIMULUS_NA, GAP_US = 2e-4, -60.0, 0.02, 3e-3
DIAMETERS_UM = (20.0, 35.0)


@dataclass(frozen=True)
class Two:
    """Capacities in nF, leaks in uS and currents in nA of two cells of one compartment."""

    c_nF: Floats
    g_uS: Floats
    i_nA: Floats

    @classmethod
    def make(cls) -> Two:
        area_cm2 = np.pi * np.array(DIAMETERS_UM) ** 2 * 1e-8
        return cls(1e3 * area_cm2, 1e6 * G_S_PER_CM2 * area_cm2, np.array([STIMULUS_NA, 0.0]))


def two_cells(dt_ms: float, until_ms: float, threads: int = 1) -> Floats:
    """Return the voltages of both cells at every step, float64 (steps + 1, 2)."""
    cells = [ns.Cell.cylinder(d, d).insert("pas", g=G_S_PER_CM2, e=E_MV) for d in DIAMETERS_UM]
    sim = ns.Simulation(cells, couplings=[gaps([(0, 1)], [GAP_US])], dt_ms=dt_ms, threads=threads)
    sim.stimulate("soma(0.5)", ns.Step(-1.0, 1e6, STIMULUS_NA))
    traces = [sim.record("soma(0.5)", "v_mV", gid=g) for g in (0, 1)]
    sim.run(until_ms=until_ms, progress=False)
    return np.stack([t.values for t in traces], axis=1)


def test_two_coupled_cells_follow_the_scheme_exactly() -> None:
    """The own voltage is taken at the end of the step and the other one's at its beginning (NEURON's transfer)."""
    two, v = Two.make(), np.array([-65.0, -65.0])
    found = two_cells(DT, 5.0)
    for row in found:
        np.testing.assert_allclose(v, row, rtol=0.0, atol=ROUNDOFF * 100.0)
        flow = two.i_nA - two.g_uS * (v - E_MV) - GAP_US * (v - v[::-1])
        v = v + flow / (two.c_nF / DT + two.g_uS + GAP_US)


def test_two_coupled_cells_converge_to_the_solution_with_order_one() -> None:
    two, until_ms = Two.make(), 6.4
    matrix = np.array([[-GAP_US, GAP_US], [GAP_US, -GAP_US]]) - np.diag(two.g_uS)
    matrix /= two.c_nF[:, None]
    rest = -np.linalg.solve(matrix, (two.i_nA + two.g_uS * E_MV) / two.c_nF)
    values, vectors = np.linalg.eig(matrix)
    start = np.linalg.solve(vectors, np.array([-65.0, -65.0]) - rest)
    exact = rest + vectors @ (start * np.exp(values * until_ms))
    steps = np.array([0.1, 0.05, 0.025, 0.0125])
    errors = [np.abs(two_cells(float(dt), until_ms)[-1] - exact).max() for dt in steps]
    assert errors[-1] > 0.0
    assert abs(np.polyfit(np.log(steps), np.log(errors), 1)[0] - 1.0) < ORDER


# --- groups -----------------------------------------------------------------------------------------------------------


def spiking() -> ns.Cell:
    sections = [
        ns.Section.cylinder("soma[0]", 18.0, 18.0),
        ns.Section.cylinder("dend[0]", 90.0, 2.0, 0, 1.0),
    ]
    return ns.Cell(sections).set("dend", nseg=3).insert("hh", "soma").insert("pas", "dend", g=1e-4, e=-65.0)


def coupled_run(junctions: list[Couplings], threads: int = 1, n: int = 20) -> tuple[list[bytes], Floats, ns.Simulation]:
    cell = spiking()
    sim = ns.Simulation([cell] * n, couplings=junctions, dt_ms=DT, threads=threads)
    for gid in range(n):
        sim.stimulate("soma(0.5)", ns.Step(0.5 + 0.1 * gid, 3.0, 0.1 + 0.02 * (gid % 7)), gid=gid)
    traces = [sim.record("all", "v_mV", gid=g) for g in range(n)]
    sim.run(until_ms=10.0, progress=False)
    return [t.values.tobytes() for t in traces], sim.spikes.times_ms, sim


def test_coupled_cells_change_one_another_and_nobody_else() -> None:
    pairs = [(0, 5), (5, 9), (12, 3)]
    free, times, _ = coupled_run([])
    tied, _, sim = coupled_run([gaps(pairs, [0.01, 0.02, 0.03])])
    assert len(times) > 10
    members = {g for pair in pairs for g in pair}
    assert {g for g in range(20) if free[g] != tied[g]} == members
    engine = sim.build()
    # Two sets in groups of their own, the rest block by block.
    of_cell = [int(np.searchsorted(engine.layout.block_groups, b, side="right")) for b in engine.layout.block_of_cell]
    assert of_cell[0] == of_cell[5] == of_cell[9] != of_cell[3] == of_cell[12]
    assert {of_cell[g] for g in members}.isdisjoint({of_cell[g] for g in range(20) if g not in members})


def test_coupled_cells_do_not_depend_on_threads_or_on_the_rows_order_between_cells() -> None:
    pairs, g = [(0, 5), (5, 9), (12, 3), (3, 7), (1, 2)], [0.01, 0.02, 0.03, 0.005, 0.1]
    whole, _, _ = coupled_run([gaps(pairs, g)])
    assert coupled_run([gaps(pairs, g)], threads=4)[0] == whole
    apart = [gaps(pairs[k : k + 1], g[k : k + 1]) for k in range(len(pairs))]
    assert coupled_run(apart)[0] == whole


def test_a_coupling_of_a_point_cell_is_refused() -> None:
    cells: list[AnyCell] = [spiking(), ns.PointCell(library.get("IntFire1"))]
    sim = ns.Simulation(cells, couplings=[gaps([(0, 1)], [0.01])], dt_ms=DT)
    with pytest.raises(ModelError, match="couplings: gid 1 is no cell with compartments"):
        sim.build()


# --- point cells within a step ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Chain:
    """Point cells IntFire1, given spikes, and connections (source, target, weight, delay in ms); trains come first."""

    trains_ms: list[float]
    cells: int
    rows: list[tuple[int, int, float, float]]


def chain(delay_ms: float) -> Chain:
    """Return four cells in a row; the last two need two events."""
    rows = [(2, 3, 1.5, delay_ms), (3, 4, 0.7, delay_ms), (4, 5, 0.7, delay_ms)]
    return Chain([1.0, 8.003], 4, [(0, 2, 1.5, delay_ms), (1, 2, 1.5, delay_ms), *rows])


def tangle(seed: int) -> Chain:
    """Return a random network with delays of zero, within a step and longer."""
    rng = np.random.default_rng(seed)
    trains, cells, n = 40, 12, 60
    times = np.sort(rng.uniform(0.5, 30.0, trains)).round(3).tolist()
    rows = [(k, trains + int(rng.integers(cells)), float(rng.uniform(0.3, 1.5)), 0.0) for k in range(trains)]
    for _ in range(n):
        a, b = rng.choice(cells, 2, replace=False)
        delay = float(rng.choice([0.0, 0.3 * DT, 0.6 * DT, DT, 1.7 * DT, 0.9]))
        rows.append((trains + int(a), trains + int(b), float(rng.uniform(0.1, 0.9)), delay))
    return Chain(times, cells, rows)


CASES = {
    **{f"chain {f:g} dt": chain(f * DT) for f in (0.0, 0.3, 0.5, 0.8, 1.0, 2.2)},
    **{f"tangle {k}": tangle(k) for k in range(4)},
}
UNTIL_MS = 40.0

NEURON_SIDE = """
import json, sys
from neuron import h
h.load_file("stdrun.hoc")
cases, dt, until = json.load(sys.stdin)
found = {}
for name, case in cases.items():
    cells = []
    for t in case["trains_ms"]:
        stim = h.NetStim(); stim.number, stim.start, stim.noise = 1, t, 0
        cells.append(stim)
    for _ in range(case["cells"]):
        cell = h.IntFire1(); cell.tau, cell.refrac = 10, 1
        cells.append(cell)
    kept = []
    for a, b, w, d in case["rows"]:
        link = h.NetCon(cells[a], cells[b]); link.weight[0], link.delay = w, d
        kept.append(link)
    times, gids = h.Vector(), h.Vector()
    for k, cell in enumerate(cells[len(case["trains_ms"]):]):
        link = h.NetCon(cell, None); link.record(times, gids, k + len(case["trains_ms"]))
        kept.append(link)
    h.dt = dt; h.steps_per_ms = 1 / dt
    h.finitialize(-65)
    while h.t < until - dt / 2: h.fadvance()
    found[name] = [list(times), [int(g) for g in gids]]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def neuron_spikes() -> dict[str, tuple[list[float], list[int]]]:
    if find_spec("neuron") is None:
        pytest.skip("NEURON is not installed")
    given = json.dumps([{k: c.__dict__ for k, c in CASES.items()}, DT, UNTIL_MS])
    done = subprocess.run(
        [sys.executable, "-c", NEURON_SIDE], input=given, capture_output=True, text=True, check=True, timeout=60
    )
    found: dict[str, tuple[list[float], list[int]]] = json.loads(done.stdout.splitlines()[-1])
    return found


def our_simulation(case: Chain, threads: int = 1) -> ns.Simulation:
    cells: list[AnyCell] = [ns.SpikeTrain([t]) for t in case.trains_ms]
    cells += [ns.PointCell(ns.mechanisms.IntFire1(tau=10.0, refrac=1.0))] * case.cells
    a, b, w, d = (np.array(column) for column in zip(*case.rows, strict=True))
    rows = Connections(None, ints(a), ints(b), ints(np.zeros(len(a))), w.astype(float), d.astype(float))
    return ns.Simulation(cells, connections=[rows], dt_ms=DT, threads=threads)


@pytest.mark.parametrize("name", CASES)
def test_point_cells_within_a_step_fire_as_in_neuron(
    name: str, neuron_spikes: dict[str, tuple[list[float], list[int]]]
) -> None:
    sim = our_simulation(CASES[name])
    assert sim.build().timing.immediate == any(
        d < DT * (1.0 - 1e-9) and a >= len(CASES[name].trains_ms) for a, _, _, d in CASES[name].rows
    )
    sim.run(until_ms=UNTIL_MS, progress=False)
    times, gids = neuron_spikes[name]
    assert len(times) > 4
    order = np.lexsort((gids, times))
    ours = sim.spikes.sorted()
    assert ours.gids.tolist() == np.array(gids)[order].tolist()
    np.testing.assert_allclose(ours.times_ms, np.array(times)[order], rtol=0.0, atol=ROUNDOFF * UNTIL_MS)


def test_point_cells_within_a_step_do_not_depend_on_pieces_or_threads() -> None:
    def run(threads: int, until_ms: tuple[float, ...]) -> tuple[list[int], bytes]:
        sim = our_simulation(tangle(7), threads)
        for t in until_ms:
            sim.run(until_ms=t, progress=False)
        spikes = sim.spikes.sorted()
        return spikes.gids.tolist(), spikes.times_ms.tobytes()

    once = run(1, (UNTIL_MS,))
    assert len(once[0]) > 10
    assert run(2, (UNTIL_MS,)) == once
    assert run(1, (0.025, 3.7, 3.725, UNTIL_MS)) == once


def jump_step(due_ms: float) -> int:
    """Return the step at whose end an event is seen in V of a LIF: middles of steps act in it, ends in the next."""
    return math.ceil(due_ms / (0.5 * DT)) // 2 + 1


@pytest.mark.parametrize("delay_ms", [0.0, 0.3 * DT])
def test_an_event_without_delay_acts_in_its_half_step_on_a_sum_too(delay_ms: float) -> None:
    # LIF only adds up its events: V rises by the weight in the step in which the event came.
    cells: list[AnyCell] = [
        ns.SpikeTrain([1.003]),
        ns.PointCell(library.get("IntFire1")),
        ns.PointCell(ns.mechanisms.LIF(tau_m=1e9)),
    ]
    sim = ns.Simulation(cells, dt_ms=DT)
    sim.connect(0, 1, weight=2.0, delay_ms=0.0)
    sim.connect(1, 2, weight=5.0, delay_ms=delay_ms)
    v = sim.record("", "LIF.V", gid=2)
    sim.run(until_ms=3.0, progress=False)
    expected = np.where(np.arange(len(v.values)) >= jump_step(1.003 + delay_ms), -60.0, -65.0)
    np.testing.assert_allclose(v.values, expected, rtol=0.0, atol=1e-6)


AHEAD = """
NEURON { ARTIFICIAL_CELL ahead RANGE lead }
PARAMETER { lead = 5 (ms) }
NET_RECEIVE(w) { net_event(t + lead) }
"""


@pytest.mark.parametrize("lead_ms", [0.0, 0.5, 5.0, 30.0])
@pytest.mark.parametrize("delay_ms", [0.0, 1.0])
def test_a_spike_announced_for_later_acts_later(lead_ms: float, delay_ms: float) -> None:
    times = [1.001, 1.051, 40.001]
    cells: list[AnyCell] = [
        ns.SpikeTrain(times),
        ns.PointCell(ns.mechanisms.loads(AHEAD)(lead=lead_ms)),
        ns.PointCell(ns.mechanisms.LIF(tau_m=1e9, v_thresh=1e3)),
    ]
    sim = ns.Simulation(cells, dt_ms=DT)
    sim.connect(0, 1, weight=1.0, delay_ms=1.0)
    sim.connect(1, 2, weight=5.0, delay_ms=delay_ms)
    v = sim.record("", "LIF.V", gid=2)
    sim.run(until_ms=50.0, progress=False)
    sim.run(until_ms=90.0, progress=False)
    np.testing.assert_allclose(sim.spikes.times_ms, np.array(times) + 1.0 + lead_ms, rtol=ROUNDOFF)
    jumps = np.flatnonzero(np.diff(v.values) > 1.0) + 1
    assert jumps.tolist() == [jump_step(t + 1.0 + lead_ms + delay_ms) for t in times]
