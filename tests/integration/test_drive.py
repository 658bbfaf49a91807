"""Currents set and values read between windows of steps, and going on from a kept state."""

from __future__ import annotations

import numpy as np
import pytest

import neurosim as ns
from neurosim.errors import ModelError, SimulationError


def coupled(threads: int = 1) -> ns.Simulation:
    """Three different cells in a ring of gap junctions and graded synapses."""
    net = ns.Network(seed=3)
    cells = [
        ns.Cell.cylinder(length_um=30.0 + 5 * k, diam_um=12.0, nseg=1 + 2 * k).insert(ns.mechanisms.HH())
        for k in range(3)
    ]
    group = net.add("cells", 3, cells)
    ring = ns.rules.FromArrays([0, 1], [1, 2])
    net.couple(group, group, "Gap", rule=ring, at="soma(0.5)", g=0.002)
    back = ns.rules.FromArrays([2], [0])
    net.couple(group, group, "GradedSyn", rule=back, at="soma(0.5)", mutual=False, gmax=0.001)
    return ns.Simulation(net, dt_ms=0.05, threads=threads)


def test_a_drive_equals_the_same_current_as_a_stimulus() -> None:
    stimulated, driven = coupled(), coupled()
    stimulated.stimulate("soma(0.5)", ns.Step(start_ms=5.0, duration_ms=10.0, amplitude_nA=0.4), gid=1)
    traces = [sim.record("soma(0.5)", "v_mV", gid=2) for sim in (stimulated, driven)]
    drive = driven.drive([1])
    stimulated.run(until_ms=30.0)
    # A step current that begins at 5 ms acts in the steps whose middle lies after 5 ms.
    for amplitude_nA, duration_ms in ((0.0, 5.0), (0.4, 10.0), (0.0, 15.0)):
        drive.set([amplitude_nA])
        driven.advance(duration_ms)
    assert np.ptp(traces[0].values) > 20.0
    assert np.max(np.abs(traces[0].values - traces[1].values)) < 1e-9


def test_drives_and_injected_currents_at_one_place_add_up() -> None:
    one, several = coupled(), coupled()
    one.drive([0]).set(0.3)
    several.drive([2, 0, 0]).set([0.0, 0.05, 0.15])
    several.inject("soma(0.5)", 0.1, gid=0)
    for sim in (one, several):
        sim.advance(20.0)
    voltages = [sim.build().layout.arrays["V"] for sim in (one, several)]
    assert np.allclose(voltages[0], voltages[1], rtol=0.0, atol=1e-9) and np.ptp(voltages[0]) > 0.1


def test_sensors_read_what_a_recording_holds() -> None:
    sim = coupled()
    voltage, gate = sim.sense("v_mV", [2, 0]), sim.sense("hh.m", [1])
    traces = sim.record("soma(0.5)", "v_mV", gid=2), sim.record("soma(0.5)", "hh.m", gid=1)
    sim.drive([0]).set(0.5)
    for _ in range(4):
        sim.advance(2.5)
        assert voltage.values()[0] == traces[0].values[-1] and gate.values()[0] == traces[1].values[-1]
    assert sim.t_ms == 10.0 and len(traces[0].values) == 201


def test_going_on_from_a_state_is_bitwise_the_same() -> None:
    whole, first = coupled(), coupled()
    for sim in (whole, first):
        sim.drive([0]).set(0.5)
        sim.inject("soma(0.5)", 0.05, gid=2)
    whole.advance(20.0)
    first.advance(7.5)
    second = coupled(threads=2)
    second.set_state(first.state())
    second.drive([0]).set(0.5)
    trace = second.build()
    second.advance(12.5)
    assert second.t_ms == whole.t_ms
    assert np.array_equal(trace.layout.arrays["V"], whole.build().layout.arrays["V"])
    assert all(np.array_equal(a, second.state()[name]) for name, a in whole.state().items())


def test_a_conductance_changed_during_a_run_acts_from_then_on() -> None:
    cut, other = coupled(), coupled()
    gaps = cut.couplings[0]
    conductance = cut.vary(gaps, "g")
    voltage = [sim.sense("v_mV", [0, 1, 2]) for sim in (cut, other)]
    for sim in (cut, other):
        sim.drive([0]).set(0.5)
        sim.advance(2.0)
    assert np.array_equal(voltage[0].values(), voltage[1].values())
    conductance.set(np.where(conductance.touches(2), 0.0, conductance.values))
    for sim in (cut, other):
        sim.advance(8.0)
    assert abs(voltage[0].values()[2] - voltage[1].values()[2]) > 0.1
    alone = coupled().couplings[0]
    assert np.array_equal(conductance.values == 0.0, (alone.source_gid == 2) | (alone.target_gid == 2))
    cut.reset()
    assert (conductance.values == 0.002).all()


@pytest.mark.parametrize("values", [[1.0, 2.0], [np.nan]])
def test_a_drive_refuses_what_is_no_current(values: list[float]) -> None:
    drive = coupled().drive([1])
    with pytest.raises(ModelError, match="drive"):
        drive.set(values)


def test_places_that_are_not_there_are_refused() -> None:
    sim = coupled()
    with pytest.raises(ModelError, match="node 99 is not there"):
        sim.drive([0], [99])
    with pytest.raises(ModelError, match="gid=7"):
        sim.sense("v_mV", [7])


def test_a_state_of_another_model_is_refused() -> None:
    state = coupled().state()
    other = ns.Simulation(ns.Cell.cylinder(length_um=20.0, diam_um=20.0), dt_ms=0.05)
    with pytest.raises(SimulationError, match="another model"):
        other.set_state(state)


def test_events_on_their_way_are_kept() -> None:
    def driven() -> ns.Simulation:
        cell = ns.Cell.cylinder(length_um=20.0, diam_um=20.0).insert(ns.mechanisms.HH())
        sim = ns.Simulation([cell, ns.SpikeTrain([1.0])], dt_ms=0.05)
        sim.connect(1, 0, ns.mechanisms.ExpSyn(tau=2.0), weight=0.05, delay_ms=20.0)
        return sim

    first, second, whole = driven(), driven(), driven()
    first.advance(5.0)
    second.set_state(first.state())
    second.advance(25.0)
    whole.advance(30.0)
    assert len(second.spikes.times_ms) == 1 and second.spikes.times_ms[0] == whole.spikes.times_ms[0] > 21.0
