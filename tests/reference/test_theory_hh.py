"""One patch of Hodgkin and Huxley's membrane against an integrator of high order. Kind of evidence: order."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import neurosim as ns
from neurosim.units import CM2_PER_UM2
from tests.reference.analytic import Floats, order
from tests.tolerances import ORDER

DIAM_um, CURRENT_nA, REST_mV = 20.0, 0.3, -65.0
UA_PER_NA = 1e-3


def rates(v: float) -> tuple[Floats, Floats]:
    """Return alpha and beta of m, h, n in 1/ms (Hodgkin and Huxley 1952, rest moved to -65 mV)."""

    def linear(u: float) -> float:
        return 1.0 if abs(u) < 1e-9 else u / np.expm1(u)

    alpha = [linear(-(v + 40) / 10), 0.07 * np.exp(-(v + 65) / 20), 0.1 * linear(-(v + 55) / 10)]
    beta = [4 * np.exp(-(v + 65) / 18), 1 / (np.exp(-(v + 35) / 10) + 1), 0.125 * np.exp(-(v + 65) / 80)]
    return np.array(alpha), np.array(beta)


def exact_mV(until_ms: float) -> float:
    """Solve the four equations with an error of about 1e-9 mV; the current is on from t = 0."""
    density_uA_per_cm2 = CURRENT_nA * UA_PER_NA / (np.pi * DIAM_um**2 * CM2_PER_UM2)

    def slope(_: float, y: Floats) -> Floats:
        v, m, h, n = y
        ionic = 120.0 * m**3 * h * (v - 50.0) + 36.0 * n**4 * (v + 77.0) + 0.3 * (v + 54.3)
        alpha, beta = rates(v)
        gates = alpha - (alpha + beta) * y[1:]
        return np.concatenate([[density_uA_per_cm2 - ionic], gates])

    alpha, beta = rates(REST_mV)
    start = np.concatenate([[REST_mV], alpha / (alpha + beta)])
    done = solve_ivp(slope, (0.0, until_ms), start, method="DOP853", rtol=1e-12, atol=1e-12)
    return float(done.y[0, -1])


# On the way up, after the top, on the way down, and in the afterpotential of the first spike. (At 1.4 ms the error
# changes its sign and has no order.)
@pytest.mark.parametrize("until_ms", [1.2, 1.6, 2.6, 6.0])
def test_a_spike_converges_with_order_1(until_ms: float) -> None:
    expected = exact_mV(until_ms)
    steps_ms = np.array([0.0125, 0.00625, 0.003125, 0.0015625])
    errors = []
    for dt_ms in steps_ms:
        cell = ns.Cell.cylinder(length_um=DIAM_um, diam_um=DIAM_um).insert(ns.mechanisms.HH(tables=False))
        sim = ns.Simulation(cell, dt_ms=dt_ms, v_init_mV=REST_mV, celsius_degC=6.3)
        sim.stimulate("soma(0.5)", ns.Step(start_ms=0.0, duration_ms=100.0, amplitude_nA=CURRENT_nA))
        v = sim.record("soma(0.5)", "v_mV")
        sim.run(until_ms=until_ms)
        errors.append(abs(v.values[-1] - expected))
    assert order(steps_ms, errors) == pytest.approx(1.0, abs=ORDER)
