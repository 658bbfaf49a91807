"""Passive cells against closed solutions and conservation laws. Kinds of evidence: analytic, order, invariance."""

from __future__ import annotations

import numpy as np
import pytest

import neurosim as ns
from neurosim.units import CM2_PER_UM2, NF_PER_UF, US_PER_S
from tests.reference.analytic import Cable, Discrete, Floats, order
from tests.tolerances import ORDER, ROUNDOFF

REST_mV = -70.0
SHORT = Cable(length_um=800.0, diam_um=2.0, ra_ohm_cm=120.0, g_S_per_cm2=1e-4, cm_uF_per_cm2=0.9)
LONG_ms = 1e7


def cylinder(cable: Cable, count: int) -> ns.Cell:
    cell = ns.Cell.cylinder(length_um=cable.length_um, diam_um=cable.diam_um, nseg=count)
    cell.set(ra_ohm_cm=cable.ra_ohm_cm, cm_uF_per_cm2=cable.cm_uF_per_cm2)
    return cell.insert(ns.mechanisms.Pas, g=cable.g_S_per_cm2, e=REST_mV)


def respond(
    cell: ns.Cell, *, until_ms: float, dt_ms: float, into: str, current_nA: float = 0.1, off_ms: float = LONG_ms
) -> tuple[Floats, Floats]:
    """Return times (n,) and voltages from rest (n, compartments) of a cell with a current from t = 0 on."""
    sim = ns.Simulation(cell, dt_ms=dt_ms, v_init_mV=REST_mV)
    sim.stimulate(into, ns.Step(start_ms=0.0, duration_ms=off_ms, amplitude_nA=current_nA))
    v = sim.record("all", "v_mV")
    sim.run(until_ms=until_ms)
    return v.time_ms, v.values - REST_mV


def first(count: int) -> str:
    return f"soma({0.5 / count})"


def test_a_cable_settles_to_the_steady_state() -> None:
    count = 401
    _, v = respond(cylinder(SHORT, count), until_ms=30 * SHORT.tau_ms, dt_ms=1.0, into=first(count))
    centres = (np.arange(count) + 0.5) * SHORT.length_um / count
    expected = SHORT.steady_mV(centres, 0.1)
    # The cut into compartments of 2 um errs by (dx/lambda)^2/24.
    piece = SHORT.length_um / count / SHORT.lambda_um
    assert np.max(np.abs(v[-1] / expected - 1.0)) < piece**2


def test_space_converges_with_order_2() -> None:
    counts = np.array([11, 21, 41, 81])
    errors = []
    for count in counts:
        _, v = respond(cylinder(SHORT, count), until_ms=40 * SHORT.tau_ms, dt_ms=1.0, into=first(count))
        errors.append(abs(v[-1, -1] / SHORT.steady_mV(SHORT.length_um * (1 - 0.5 / count), 0.1) - 1.0))
    assert order(SHORT.length_um / counts, errors) == pytest.approx(2.0, abs=ORDER)


def test_time_converges_with_order_1() -> None:
    count, until_ms = 21, 4.0
    currents = np.zeros(count)
    currents[0] = 0.1
    exact = Discrete.of(SHORT, count).step_mV(until_ms, currents)
    steps_ms = np.array([0.1, 0.05, 0.025, 0.0125])
    errors = []
    for dt_ms in steps_ms:
        _, v = respond(cylinder(SHORT, count), until_ms=until_ms, dt_ms=dt_ms, into=first(count))
        errors.append(np.max(np.abs(v[-1] - exact)))
    assert order(steps_ms, errors) == pytest.approx(1.0, abs=ORDER)


def branched() -> ns.Cell:
    """A crooked tree: inner branch points, unequal diameters, different numbers of compartments."""
    make = ns.Section.cylinder
    sections = [
        make("soma[0]", 18.0, 15.0),
        make("dend[0]", 140.0, 2.4, parent=0, parent_x=1.0),
        make("dend[1]", 90.0, 1.1, parent=1, parent_x=1.0),
        make("dend[2]", 60.0, 1.7, parent=1, parent_x=1.0),
        make("dend[3]", 75.0, 0.8, parent=1, parent_x=0.5),
        make("axon[0]", 200.0, 0.9, parent=0, parent_x=0.0),
    ]
    cell = ns.Cell(sections).set(nseg=[1, 5, 7, 3, 4, 9], ra_ohm_cm=150.0, cm_uF_per_cm2=1.3)
    return cell.insert(ns.mechanisms.Pas, g=2e-4, e=REST_mV)


def membrane(cell: ns.Cell) -> tuple[Floats, Floats]:
    """Return capacitance in nF and leak in uS of every compartment, in the order of ``record("all", ...)``."""
    area_cm2 = []
    for section, count in zip(cell.morphology.sections, [1, 5, 7, 3, 4, 9], strict=True):
        area_cm2 += [np.pi * section.diam_um * section.length_um / count * CM2_PER_UM2] * count
    return np.array(area_cm2) * 1.3 * NF_PER_UF, np.array(area_cm2) * 2e-4 * US_PER_S


def test_charge_is_conserved_step_by_step() -> None:
    cell, dt_ms, current_nA = branched(), 0.025, 0.07
    _, v = respond(cell, until_ms=20.0, dt_ms=dt_ms, into="dend[2](0.5)", current_nA=current_nA, off_ms=10.0)
    c_nF, g_uS = membrane(cell)
    # Backward Euler: what is injected in a step is what loads the membrane and what leaks at the voltage after it.
    stored = (c_nF * np.diff(v, axis=0) / dt_ms).sum(axis=1)
    leaked = (g_uS * v[1:]).sum(axis=1)
    injected = np.where(np.arange(len(v) - 1) < 10.0 / dt_ms, current_nA, 0.0)
    assert np.max(np.abs(stored + leaked - injected)) < 10.0 * ROUNDOFF * current_nA


def test_all_injected_charge_leaves_through_the_membrane() -> None:
    cell, dt_ms = branched(), 0.1
    _, v = respond(cell, until_ms=300.0, dt_ms=dt_ms, into="dend[1](0.5)", current_nA=0.05, off_ms=4.0)
    _, g_uS = membrane(cell)
    leaked_pC = (g_uS * v[1:]).sum() * dt_ms
    assert leaked_pC == pytest.approx(0.05 * 4.0, rel=1e-9)  # 46 time constants later e^-46 of it is left


def test_energy_only_falls_when_nothing_is_injected() -> None:
    cell = branched()
    _, v = respond(cell, until_ms=30.0, dt_ms=0.05, into="soma(0.5)", current_nA=0.5, off_ms=2.0)
    c_nF, _ = membrane(cell)
    energy = 0.5 * (c_nF * v**2).sum(axis=1)
    assert energy[40] == energy.max()
    assert np.all(np.diff(energy[40:]) < 0.0)


@pytest.mark.parametrize(("a", "b"), [("dend[1](0.9)", "axon[0](0.9)"), ("soma(0.5)", "dend[3](0.1)")])
def test_transfer_is_reciprocal(a: str, b: str) -> None:
    """A current at a moves b as much as the same current at b moves a (linear networks: Koch 1999, chapter 3)."""
    answers = []
    for into, at in ((a, b), (b, a)):
        sim = ns.Simulation(branched(), dt_ms=0.1, v_init_mV=REST_mV)
        sim.stimulate(into, ns.Step(start_ms=0.0, duration_ms=LONG_ms, amplitude_nA=0.1))
        v = sim.record(at, "v_mV")
        sim.run(until_ms=15.0)
        answers.append(v.values[1:] - REST_mV)
    assert np.max(np.abs(answers[0] - answers[1])) < 1e2 * ROUNDOFF * abs(REST_mV)


def test_responses_add_up() -> None:
    """Twice the current moves the voltage twice as far, from the first step on."""
    cell = branched()
    _, once = respond(cell, until_ms=10.0, dt_ms=0.05, into="soma(0.5)", current_nA=0.04)
    _, twice = respond(cell, until_ms=10.0, dt_ms=0.05, into="soma(0.5)", current_nA=0.08)
    assert np.max(np.abs(twice - 2.0 * once)) < 1e2 * ROUNDOFF * abs(REST_mV)
