"""Point cells of the library against their equations, written a second time and independently, and against theory."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.linalg import expm

import neurosim as ns
from neurosim.mechanisms import library
from neurosim.model.connections import Connections
from neurosim.model.point import PointCell, SpikeTrain
from tests.tolerances import CROSS_SIM, ORDER, ROUNDOFF

Row = tuple[tuple[float, ...], float, float]
"""Times of a train, weight, delay."""


def simulate(
    name: str, values: dict[str, Any], rows: tuple[Row, ...], *, dt_ms: float, until_ms: float, record: str = "V"
) -> tuple[np.ndarray, np.ndarray]:
    """Return the spikes of one cell and one of its variables at every step."""
    cells: list[ns.Cell | PointCell | SpikeTrain] = [PointCell(library.get(name)(**values))]
    cells += [SpikeTrain(times) for times, _, _ in rows]
    sim = ns.Simulation(cells, dt_ms=dt_ms)
    n = len(rows)
    source, zero = np.arange(1, n + 1, dtype=np.int32), np.zeros(n, np.int32)
    sim.add(Connections(None, source, zero, zero, np.array([w for _, w, _ in rows]), np.array([d for *_, d in rows])))
    trace = sim.record("", f"{name}.{record}", gid=0)
    sim.run(until_ms=until_ms, progress=False)
    return np.asarray(sim.spikes.times_ms), np.asarray(trace.values)


def steps_of(times_ms: np.ndarray, dt_ms: float) -> list[int]:
    """Return the steps of spikes, which must be at whole ones."""
    steps = np.rint(times_ms / dt_ms)
    assert np.abs(times_ms - steps * dt_ms).max(initial=0.0) <= CROSS_SIM * max(times_ms.max(initial=0.0), 1.0)
    return [int(s) for s in steps]


# --- LIF --------------------------------------------------------------------------------------------------------------

DT = 0.1
LIF = {"tau_m": 20.0, "v_rest": -70.0, "v_reset": -60.0, "v_thresh": -50.0, "v_start": -63.0, "tau_refrac": 2.0}


def delta_network_cell(arrivals: np.ndarray, dt_ms: float) -> list[int]:
    """Return the steps of the spikes by the rule of programs for networks of delta synapses.

    At the end of each step: decay, add what arrives then, compare with the threshold; during the refractory steps what
    arrives is lost (Brunel 2000; the order is NEST's iaf_psc_delta).
    """
    decay, hold = math.exp(-dt_ms / LIF["tau_m"]), round(LIF["tau_refrac"] / dt_ms)
    v, refractory = LIF["v_start"] - LIF["v_rest"], 0
    spikes: list[int] = []
    for step in range(1, len(arrivals)):
        if refractory == 0:
            v = v * decay + arrivals[step]
        else:
            refractory -= 1
        if v > LIF["v_thresh"] - LIF["v_rest"]:
            v, refractory = LIF["v_reset"] - LIF["v_rest"], hold
            spikes.append(step)
    return spikes


def test_a_lif_cell_fires_at_the_steps_of_the_delta_network_rule() -> None:
    rng = np.random.default_rng(3)
    steps = np.sort(rng.integers(5, 3000, 400))
    excite = tuple((steps * DT).tolist())
    inhibit = tuple((np.sort(rng.integers(5, 3000, 60)) * DT).tolist())
    rows: tuple[Row, ...] = ((excite, 2.5, 1.5), (inhibit, -4.0, 0.7))

    spikes, _ = simulate("LIF", LIF, rows, dt_ms=DT, until_ms=300.0)

    arrivals = np.zeros(3001)
    for times, weight, delay in rows:
        at = np.rint((np.array(times) + delay) / DT).astype(int) + 1  # LIF.mod: a jump acts one step after its event
        np.add.at(arrivals, at[at <= 3000], weight)
    expected = [s for s in delta_network_cell(arrivals, DT) if s < 3000]
    assert len(expected) > 20
    assert [s for s in steps_of(spikes, DT) if s < 3000] == expected


@pytest.mark.parametrize("name", ["LIF", "LIFexp"])
def test_a_constant_current_makes_a_lif_cell_fire_with_the_period_of_theory(name: str) -> None:
    values = {**LIF, "rm": 10.0, "i_offset": 3.0, "v_start": LIF["v_reset"]}
    spikes, _ = simulate(name, values, (), dt_ms=DT, until_ms=200.0)

    goal = LIF["v_rest"] + 30.0
    rise = LIF["tau_m"] * math.log((goal - LIF["v_reset"]) / (goal - LIF["v_thresh"]))
    steps = math.ceil(rise / DT) + round(LIF["tau_refrac"] / DT)
    assert len(spikes) > 5
    assert set(np.diff(steps_of(spikes, DT))) == {steps}


def test_exponential_currents_integrate_exactly_whatever_the_step() -> None:
    # tau_ex is the membrane's own, where the textbook's formula divides by 0.
    values = {"tau_m": 10.0, "tau_ex": 10.0, "tau_in": 3.0, "rm": 7.0, "v_thresh": 1e3}
    rows: tuple[Row, ...] = (((1.0, 6.0), 2.0, 1.0), ((3.0,), -1.0, 1.0))
    ends = []
    for dt_ms in (0.1, 0.5):
        _, v = simulate("LIFexp", values, rows, dt_ms=dt_ms, until_ms=20.0)
        ends.append(v[:: round(0.5 / dt_ms)] + 65.0)

    t = np.arange(0.0, 20.25, 0.5)
    late = [np.maximum(t - at, 0.0) for at in (2.0, 7.0, 4.0)]
    theory = 7.0 * 2.0 * sum(x / 10.0 * np.exp(-x / 10.0) for x in late[:2])
    theory -= 7.0 * 3.0 / (3.0 - 10.0) * (np.exp(-late[2] / 3.0) - np.exp(-late[2] / 10.0))
    for v in ends:
        assert np.abs(v - theory).max() <= ROUNDOFF * 65.0 * 10


# --- Izhikevich -------------------------------------------------------------------------------------------------------


def test_an_izhikevich_cell_at_one_millisecond_is_the_program_of_the_paper() -> None:
    rng = np.random.default_rng(5)
    pulses = tuple(sorted(rng.integers(1, 600, 200).astype(float).tolist()))
    values = {"a": 0.02, "b": 0.2, "c": -65.0, "d": 8.0, "i_offset": 6.0}
    spikes, trace = simulate("Izhikevich", values, ((pulses, 6.0, 1.0),), dt_ms=1.0, until_ms=500.0)

    v, u, fired, expected = -65.0, -13.0, [], [-65.0]
    for step in range(500):
        if v > 30.0:
            fired.append(step)
            v, u = -65.0, u + 8.0
        current = 6.0 + 6.0 * sum(p + 1.0 == step for p in pulses)
        v = v + 0.5 * (0.04 * v * v + 5.0 * v + 140.0 - u + current)
        v = v + 0.5 * (0.04 * v * v + 5.0 * v + 140.0 - u + current)
        u = u + 0.02 * (0.2 * v - u)
        expected.append(v)
    assert len(fired) > 5
    assert steps_of(spikes, 1.0) == fired
    assert np.abs(trace - expected).max() <= CROSS_SIM * np.abs(expected).max()


# --- AdEx -------------------------------------------------------------------------------------------------------------


def test_the_adex_cell_converges_with_second_order() -> None:
    values = {"i_offset": 0.55, "v_spike": 50.0}
    found = [simulate("AdEx", values, (), dt_ms=dt, until_ms=40.0)[1][-1] for dt in (0.2, 0.1, 0.05, 0.00625)]
    errors = np.abs(np.array(found[:3]) - found[3])
    order = np.polyfit(np.log([0.2, 0.1, 0.05]), np.log(errors), 1)[0]
    assert abs(order - 2.0) <= 2 * ORDER


def test_the_adex_cell_of_the_paper_adapts() -> None:
    spikes, _ = simulate("AdEx", {"i_offset": 1.0}, (), dt_ms=0.05, until_ms=400.0)
    gaps = np.diff(spikes)
    assert len(gaps) > 5
    assert (np.diff(gaps)[:5] > 0.0).all()


# --- GLIF -------------------------------------------------------------------------------------------------------------

GLIF = {
    "cm": 0.08, "g_l": 0.005, "v_rest": -74.0, "v_thresh": -52.0, "v_start": -70.0, "tau_refrac": 2.5, "i_offset": 0.17,
    "tau_ex": 3.0, "tau_in": 6.0,
}  # fmt: skip
RESET = {"f_v": 0.4, "v_add": 3.0, "ths_add": 4.0, "b_s": 0.03}
CURRENTS = {"amp1": -0.02, "amp2": -0.06, "k1": 0.01, "k2": 0.2, "r1": 0.7, "r2": 0.3}
FOLLOW = {"a_v": 0.01, "b_v": 0.04}
LEVELS = {
    "GLIF1": {"v_reset": -72.0},
    "GLIF2": RESET,
    "GLIF3": {"v_reset": -72.0, **CURRENTS},
    "GLIF4": {**RESET, **CURRENTS},
    "GLIF5": {**RESET, **CURRENTS, **FOLLOW},
}


def glif(name: str, arrivals: list[tuple[int, float]], dt_ms: float, steps: int) -> tuple[list[int], np.ndarray]:
    """Return spikes and V of a GLIF cell: Teeter et al. 2018, the linear system solved by a matrix exponential.

    The states are V - v_rest, two alpha currents of two states each, two after-spike currents, and 1.
    """
    p = {**{k: 0.0 for k in (*CURRENTS, "ths_add", "b_s", "a_v", "b_v")}, **GLIF, **LEVELS[name]}
    system = np.zeros((8, 8))
    system[0] = np.array([-p["g_l"], 1.0, 0.0, 1.0, 0.0, 1.0, 1.0, p["i_offset"]]) / p["cm"]
    for at, tau in ((1, p["tau_ex"]), (3, p["tau_in"])):
        system[at, at], system[at, at + 1], system[at + 1, at + 1] = -1.0 / tau, 1.0 / tau, -1.0 / tau
    system[5, 5], system[6, 6] = -p["k1"], -p["k2"]
    whole = expm(system * dt_ms)
    held = np.eye(8)
    held[1:5, 1:5] = whole[1:5, 1:5]
    x = np.array([p["v_start"] - p["v_rest"], *([0.0] * 6), 1.0])
    hold, refractory, ths, thv = round(p["tau_refrac"] / dt_ms), 0, 0.0, 0.0
    spikes, trace = [], [p["v_start"]]
    for step in range(steps):
        if refractory == 0 and x[0] + p["v_rest"] > p["v_thresh"] + ths + thv:
            spikes.append(step)
            refractory = hold
            x[0] = p["v_reset"] - p["v_rest"] if "v_reset" in p else p["f_v"] * x[0] + p["v_add"]
            x[5] = p["amp1"] + p["r1"] * x[5] * math.exp(-p["k1"] * p["tau_refrac"])
            x[6] = p["amp2"] + p["r2"] * x[6] * math.exp(-p["k2"] * p["tau_refrac"])
            ths = ths * math.exp(-p["b_s"] * p["tau_refrac"]) + p["ths_add"]
        for at, weight in arrivals:
            if at == step:
                x[2 if weight > 0.0 else 4] += weight * math.e
        if refractory > 0:
            refractory -= 1
            x = held @ x
        else:
            before, x = x[0], whole @ x
            ths *= math.exp(-p["b_s"] * dt_ms)
            if p["b_v"] > 0.0:
                middle = p["a_v"] / p["b_v"] * 0.5 * (before + x[0])
                thv = middle + (thv - middle) * math.exp(-p["b_v"] * dt_ms)
        trace.append(x[0] + p["v_rest"])
    return spikes, np.array(trace)


@pytest.mark.parametrize("name", LEVELS)
def test_a_glif_cell_follows_its_equations(name: str) -> None:
    dt_ms, steps = 0.1, 1500
    excite, inhibit = tuple(5.0 + 4.3 * k for k in range(30)), tuple(20.0 + 11.0 * k for k in range(8))
    rows: tuple[Row, ...] = ((excite, 0.15, 1.0), (inhibit, -0.1, 2.0))
    spikes, trace = simulate(name, {**GLIF, **LEVELS[name]}, rows, dt_ms=dt_ms, until_ms=steps * dt_ms)

    arrivals = [(round((t + delay) / dt_ms), weight) for times, weight, delay in rows for t in times]
    fired, expected = glif(name, arrivals, dt_ms, steps)
    assert len(fired) >= 4
    assert steps_of(spikes, dt_ms) == fired
    assert np.abs(trace - expected).max() <= CROSS_SIM * np.abs(expected).max()


@pytest.mark.parametrize(("name", "large"), [("LIF", 30.0), ("LIFexp", 200.0)])
def test_input_within_the_refractory_time_leaves_the_voltage_at_the_reset(name: str, large: float) -> None:
    values = {**LIF, "tau_refrac": 5.0, **({"tau_ex": 0.2} if name == "LIFexp" else {})}
    rows: tuple[Row, ...] = (((1.0,), large, 0.5), ((3.0, 4.0), 0.5, 0.5))
    spikes, v = simulate(name, values, rows, dt_ms=DT, until_ms=10.0)

    (spike,) = steps_of(spikes, DT)
    assert (v[spike + 1 : spike + 51] == LIF["v_reset"]).all()
    assert v[spike + 53] != LIF["v_reset"]
