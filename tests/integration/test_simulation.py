"""What a simulation is asked and what it answers: recordings, stimuli, spikes, parameters by place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neurosim as ns
from tests.tolerances import ROUNDOFF


def stick() -> ns.Cell:
    sections = [ns.Section.cylinder("soma[0]", 20.0, 20.0), ns.Section.cylinder("dend[0]", 100.0, 2.0, 0, 1.0)]
    return ns.Cell(sections).set("dend", nseg=5).insert("hh", "soma").insert("pas", "dend", g=2e-4, e=-60.0)


def recorded(cell: ns.Cell, place: str, *variables: str, until_ms: float = 2.0, nA: float = 0.5) -> list[np.ndarray]:
    sim = ns.Simulation(cell)
    sim.stimulate("soma(0.5)", ns.Step(0.5, 10.0, nA))
    traces = [sim.record(place, v) for v in variables]
    sim.run(until_ms=until_ms)
    return [t.values for t in traces]


# --- recordings -----------------------------------------------------------------------------------------------------


def test_a_place_gives_one_column_and_a_region_one_for_each_compartment() -> None:
    sim = ns.Simulation(stick())
    one, region, section, everything = (sim.record(p, "v_mV") for p in ("dend[0](0.5)", "dend", "dend[0]", "all"))
    sim.run(until_ms=1.0)
    assert one.values.shape == (41,)
    assert region.values.shape == section.values.shape == (41, 5)
    assert everything.values.shape == (41, 6)
    assert region.locations == tuple(f"dend[0]({x:.4g})" for x in (0.1, 0.3, 0.5, 0.7, 0.9))
    np.testing.assert_array_equal(one.values, region.values[:, 2])
    np.testing.assert_array_equal(everything.values[:, 1:], region.values)
    np.testing.assert_array_equal(one.time_ms, np.arange(41) * 0.025)
    assert (one.unit, one.gid, one.name) == ("mV", 0, "v_mV")


def test_states_start_at_their_steady_state_and_stay_in_bounds() -> None:
    m, h = recorded(stick(), "soma(0.5)", "hh.m", "hh.h", until_ms=5.0)
    assert m[0] == pytest.approx(0.0529325, rel=1e-6)  # Hodgkin and Huxley at -65 mV
    for gate in (m, h):
        assert ((gate > 0.0) & (gate < 1.0)).all()
        assert np.ptp(gate) > 0.3


def test_currents_belong_to_the_voltage_at_the_beginning_of_the_step() -> None:
    v, ina, ik, il, gna, gk, m, h = recorded(
        stick(), "soma(0.5)", "v_mV", "ina_mA_per_cm2", "ik_mA_per_cm2", "hh.il", "hh.gna", "hh.gk", "hh.m", "hh.h"
    )
    # At t = 0 they are those of the initial voltage.
    before = np.append(v[:1], v[:-1])
    np.testing.assert_allclose(ina, gna * (before - 50.0), rtol=ROUNDOFF)
    np.testing.assert_allclose(ik, gk * (before + 77.0), rtol=ROUNDOFF)
    np.testing.assert_allclose(il, 3e-4 * (before + 54.3), rtol=1e-9)
    np.testing.assert_allclose(gna[1:], 0.12 * m[:-1] ** 3 * h[:-1], rtol=ROUNDOFF)


def test_the_leak_of_the_cable_can_be_recorded_like_any_mechanism() -> None:
    v, i, g, e = recorded(stick(), "dend", "v_mV", "pas.i", "pas.g", "pas.e")
    assert (g == 2e-4).all()
    assert (e == -60.0).all()
    before = np.concatenate([v[:1], v[:-1]])
    np.testing.assert_array_equal(i, 2e-4 * (before + 60.0))


def test_parameters_are_recorded_uniform_or_by_place() -> None:
    cell = ns.Cell.cylinder(100.0, 10.0, nseg=4).insert("hh", gnabar=lambda d: 0.1 + d / 1000.0)
    cell.insert("leak", gbar=[1e-5, 2e-5, 3e-5, 4e-5])
    gnabar, gkbar, gbar = recorded(cell, "soma", "hh.gnabar", "hh.gkbar", "leak.gbar", until_ms=0.1)
    np.testing.assert_allclose(gnabar, np.tile(0.1 + np.array([12.5, 37.5, 62.5, 87.5]) / 1000.0, (5, 1)))
    np.testing.assert_array_equal(gkbar, np.full((5, 4), 0.036))
    np.testing.assert_array_equal(gbar, np.tile([1e-5, 2e-5, 3e-5, 4e-5], (5, 1)))


def test_ion_variables_are_there_with_and_without_readers() -> None:
    cell = ns.Cell.cylinder(20.0, 20.0).insert("Ca_HVA", gbar=1e-3).insert("hh")
    eca, cai, ica, ena, ki = recorded(cell, "soma(0.5)", "eca_mV", "cai_mM", "ica_mA_per_cm2", "ena_mV", "ki_mM")
    assert (eca == 12.5 * np.log(2.0 / 5e-5)).all()
    assert (cai == 5e-5).all()
    assert (ena == 50.0).all()
    assert (ki == 54.4).all()
    assert np.ptp(ica) > 0.0

    pool = cell.insert("CaDynamics")
    eca, cai = recorded(pool, "soma(0.5)", "eca_mV", "cai_mM", until_ms=5.0, nA=2.0)
    assert cai[0] == 1e-4
    factor = 1e3 * 8.31446261815324 * (6.3 + 273.15) / 96485.33212331001 / 2.0
    # The reversal potential of a step is computed at its beginning.
    np.testing.assert_allclose(eca[1:], factor * np.log(2.0 / cai[:-1]), rtol=ROUNDOFF)
    assert cai.max() > 1.5e-4


def test_given_ion_values_hold_where_they_are_given() -> None:
    cell = ns.Cell.cylinder(100.0, 10.0, nseg=2).insert("hh").set(ena_mV=[40.0, 60.0], ek_mV=-90.0)
    ena, ek, ina, v, gna = recorded(cell, "soma", "ena_mV", "ek_mV", "ina_mA_per_cm2", "v_mV", "hh.gna")
    assert (ena == [40.0, 60.0]).all()
    assert (ek == -90.0).all()
    np.testing.assert_allclose(ina[1:], gna[1:] * (v[:-1] - [40.0, 60.0]), rtol=ROUNDOFF)


def test_concentrations_given_make_the_reversal_potential_when_somebody_uses_them() -> None:
    cell = ns.Cell.cylinder(20.0, 20.0).insert("Ca_HVA").insert("SK").set(cai_mM=1e-3, cao_mM=1.5)
    eca, cai = recorded(cell, "soma(0.5)", "eca_mV", "cai_mM", until_ms=0.1)
    factor = 1e3 * 8.31446261815324 * (6.3 + 273.15) / 96485.33212331001 / 2.0
    np.testing.assert_allclose(eca, factor * np.log(1.5 / 1e-3), rtol=ROUNDOFF)
    assert (cai == 1e-3).all()


def test_what_a_mechanism_writes_at_some_compartments_does_not_reach_others() -> None:
    # Eight compartments with the ion, three of them with a pool: the rows of the pool have empty lanes.
    cell = ns.Cell([ns.Section.cylinder("soma[0]", 20.0, 20.0), ns.Section.cylinder("dend[0]", 90.0, 2.0, 0, 1.0)])
    cell.set("soma", nseg=5).set("dend", nseg=3).insert("hh").insert("Ca_HVA", gbar=1e-3).insert("CaDynamics", "dend")
    (soma,) = recorded(cell, "soma", "cai_mM")
    (dend,) = recorded(cell, "dend", "cai_mM")
    assert (soma == 5e-5).all()
    assert (np.ptp(dend, axis=0) > 0.0).all()


# --- stimuli --------------------------------------------------------------------------------------------------------


def test_a_step_is_on_for_its_duration_and_seen_from_the_step_after_its_start() -> None:
    sim = ns.Simulation(stick())
    sim.stimulate("soma(0.5)", ns.Step(0.5, 0.25, 0.3))
    i, v = sim.record("soma(0.5)", "IClamp.i"), sim.record("soma(0.5)", "v_mV")
    sim.run(until_ms=1.0)
    assert np.flatnonzero(i.values).tolist() == list(range(21, 31))
    assert set(i.values.tolist()) == {0.0, 0.3}
    assert (np.abs(np.diff(v.values[:21])) < 0.05).all()
    assert v.values[21] - v.values[20] > 0.3


@pytest.mark.parametrize(
    ("times", "first"), [([0.5], 21), ([0.51], 21), ([0.512], 21), ([0.513], 22), ([0.524], 22), ([0.0], 1)]
)
def test_a_waveform_acts_from_the_first_step_that_begins_less_than_half_a_step_before(
    times: list[float], first: int
) -> None:
    sim = ns.Simulation(stick())
    sim.stimulate("soma(0.5)", ns.Waveform(times, [0.4]))
    i = sim.record("soma(0.5)", "Waveform.i")
    sim.run(until_ms=1.0)
    assert np.flatnonzero(i.values[1:])[0] + 1 == first
    assert set(i.values[first:].tolist()) == {0.4}


def test_a_waveform_of_steps_equals_the_step() -> None:
    def v(*stimuli: ns.Step | ns.Waveform) -> bytes:
        sim = ns.Simulation(stick())
        for s in stimuli:
            sim.stimulate("dend[0](0.7)", s)
        trace = sim.record("all", "v_mV")
        sim.run(until_ms=2.0)
        return bytes(trace.values.tobytes())

    assert v(ns.Waveform([0.5, 1.5], [0.2, 0.0])) == v(ns.Step(0.5, 1.0, 0.2))
    # Equal times: the last one counts.
    assert v(ns.Waveform([0.5, 0.5, 1.5], [9.0, 0.2, 0.0])) == v(ns.Step(0.5, 1.0, 0.2))
    assert v(ns.Step(0.5, 1.0, 0.2)) != v(ns.Step(0.5, 1.0, 0.1))


def test_waveforms_of_several_cells_and_places_reach_their_own_places() -> None:
    cells = [stick() for _ in range(10)]
    sim = ns.Simulation(cells)
    traces = []
    for gid in range(10):
        for k, place in enumerate(("dend[0](0.9)", "soma(0.5)")):
            sim.stimulate(place, ns.Waveform([0.0, 0.5], [0.01 * gid + k, 0.02 * gid - k]), gid=gid)
            traces.append((gid, k, sim.record(place, "Waveform.i", gid=gid)))
    sim.run(until_ms=1.0)
    for gid, k, trace in traces:
        np.testing.assert_array_equal(trace.values[1:21], 0.01 * gid + k)
        np.testing.assert_array_equal(trace.values[21:], 0.02 * gid - k)


def test_a_point_placed_in_the_cell_equals_one_attached_to_the_simulation() -> None:
    clamp = {"rs": 10.0, "dur1": 1.0, "amp1": -80.0}
    placed, attached = ns.Simulation(stick().place("SEClamp", "dend[0](0.3)", **clamp)), ns.Simulation(stick())
    attached.stimulate("dend[0](0.3)", ns.mechanisms.SEClamp(**clamp))
    traces = [s.record("all", "v_mV") for s in (placed, attached)]
    for s in (placed, attached):
        s.run(until_ms=2.0)
    assert traces[0].values.tobytes() == traces[1].values.tobytes()
    assert np.ptp(traces[0].values) > 1.0


def test_two_currents_of_half_the_size_at_one_place_equal_one() -> None:
    def v(parts: int) -> np.ndarray:
        sim = ns.Simulation([stick()] * 9)
        for gid in range(9):
            for _ in range(parts):
                sim.stimulate("soma(0.5)", ns.Step(0.1, 1.0, 0.5 / parts), gid=gid)
        trace = sim.record("all", "v_mV", gid=8)
        sim.run(until_ms=1.0)
        return trace.values

    np.testing.assert_allclose(v(4), v(1), rtol=ROUNDOFF)


def test_recording_does_not_change_what_is_recorded() -> None:
    def v(*watched: str) -> bytes:
        sim = ns.Simulation(ns.Cell.cylinder(20.0, 20.0).insert(ns.mechanisms.HH(tables=False)).insert("Kv2like"))
        sim.stimulate("soma(0.5)", ns.Step(0.1, 5.0, 0.5))
        trace = sim.record("soma(0.5)", "v_mV")
        for variable in watched:
            sim.record("soma(0.5)", variable)
        sim.run(until_ms=5.0)
        return trace.values.tobytes()

    assert v() == v("hh.il", "hh.gna", "hh.minf", "hh.mtau", "hh.ina", "Kv2like.h1tau", "Kv2like.ik", "IClamp.i")


def test_a_mechanisms_own_ion_current_is_its_part_of_the_total() -> None:
    cell = ns.Cell.cylinder(20.0, 20.0).insert("hh").insert("Kv3_1", gbar=0.01)
    own, other, total = recorded(cell, "soma(0.5)", "hh.ik", "Kv3_1.ik", "ik_mA_per_cm2")
    np.testing.assert_allclose(own + other, total, rtol=ROUNDOFF)
    assert np.ptp(own) > 0.0
    assert np.ptp(other) > 0.0


# --- spikes ---------------------------------------------------------------------------------------------------------


def spiking(**options: Any) -> tuple[ns.Simulation, ns.Trace]:
    sim = ns.Simulation([stick(), stick()], **options)
    sim.stimulate("soma(0.5)", ns.Step(1.0, 30.0, 0.4), gid=1)
    return sim, sim.record("soma(0.5)", "v_mV", gid=1)


@pytest.mark.parametrize("threshold_mV", [-30.0, 10.0])
def test_a_spike_is_the_first_sample_above_the_threshold(threshold_mV: float) -> None:
    sim, v = spiking()
    sim.detect(threshold_mV=threshold_mV)
    sim.run(until_ms=30.0)
    above = v.values > threshold_mV
    crossings = np.flatnonzero(above[1:] & ~above[:-1]) + 1
    assert len(crossings) >= 2
    assert np.round(sim.spikes.times_ms / 0.025).astype(int).tolist() == crossings.tolist()
    np.testing.assert_allclose(sim.spikes.times_ms, crossings * 0.025 + 1e-10, rtol=0.0, atol=1e-11)
    assert (sim.spikes.gids == 1).all()
    assert sim.spikes.gids.dtype == np.uint64


def test_a_cell_that_starts_above_its_threshold_fires_at_once_and_once() -> None:
    sim, _ = spiking(v_init_mV=20.0)
    sim.run(until_ms=1.0)
    assert sim.spikes.times_ms.tolist() == [1e-10, 1e-10]
    assert sim.spikes.gids.tolist() == [0, 1]


def test_without_a_word_the_middle_of_the_first_section_is_watched_at_10_mV() -> None:
    quiet, _ = spiking()
    said, _ = spiking()
    said.detect("soma(0.5)", threshold_mV=10.0)
    for sim in (quiet, said):
        sim.run(until_ms=20.0)
    assert quiet.spikes.times_ms.tolist() == said.spikes.times_ms.tolist() != []


def test_a_detector_added_after_reset_replaces_the_unspoken_one() -> None:
    sim, _ = spiking()
    sim.run(until_ms=20.0)
    before = len(sim.spikes.times_ms)
    sim.reset()
    sim.detect(threshold_mV=0.0)
    sim.run(until_ms=20.0)
    assert len(sim.spikes.times_ms) == before > 0


def test_spikes_are_sorted_by_time_then_gid() -> None:
    sim = ns.Simulation([stick() for _ in range(10)])
    for gid in range(10):
        sim.stimulate("soma(0.5)", ns.Step(0.5 + 0.1 * (gid % 3), 5.0, 0.9), gid=gid)
    sim.run(until_ms=5.0)
    pairs = list(zip(sim.spikes.times_ms.tolist(), sim.spikes.gids.tolist(), strict=True))
    assert len(pairs) == 10
    assert pairs == sorted(pairs)


# --- cells ----------------------------------------------------------------------------------------------------------


def test_inserting_again_replaces_the_named_values_where_it_is_inserted() -> None:
    cell = ns.Cell([ns.Section.cylinder("soma[0]", 20.0, 20.0), ns.Section.cylinder("dend[0]", 90.0, 2.0, 0, 1.0)])
    cell.insert("hh", gnabar=0.2, gl=1e-4).insert("hh", "dend", gnabar=0.3)
    soma, dend = (recorded(cell, p, "hh.gnabar", "hh.gl", until_ms=0.025) for p in ("soma(0.5)", "dend[0](0.5)"))
    assert [x[0] for x in soma] == [0.2, 1e-4]
    assert [x[0] for x in dend] == [0.3, 1e-4]  # what is not named stays, as in NEURON


def test_two_variants_of_one_name_act_side_by_side() -> None:
    cell = ns.Cell([ns.Section.cylinder("soma[0]", 20.0, 20.0), ns.Section.cylinder("dend[0]", 90.0, 2.0, 0, 1.0)])
    cell.insert(ns.mechanisms.HH(tables=True), "soma").insert(ns.mechanisms.HH(tables=False), "dend")
    (soma,), (dend,) = (recorded(cell, p, "hh.m") for p in ("soma(0.5)", "dend[0](0.5)"))
    assert soma[0] == pytest.approx(dend[0], rel=1e-12)
    assert np.ptp(soma) > 0.0
    assert np.ptp(dend) > 0.0


def test_a_cell_changed_between_simulations_changes_only_the_later_one() -> None:
    cell = stick()
    first = recorded(cell, "soma(0.5)", "v_mV")[0]
    again = recorded(cell, "soma(0.5)", "v_mV")[0]
    changed = recorded(cell.set(cm_uF_per_cm2=2.0), "soma(0.5)", "v_mV")[0]
    assert first.tobytes() == again.tobytes()
    assert np.abs(changed - first).max() > 1.0
