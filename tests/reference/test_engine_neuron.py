"""Whole cells against NEURON 9 at a fixed step: stored results of make_engine.py, and the built-in ones live.

Kind of evidence: other simulator.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

import neurosim as ns
from tests.reference.engine_cases import BUILT_IN_ONLY, CASES, THRESHOLD_MV, Case, Value
from tests.reference.make_engine import DATA, EVERY, in_neuron
from tests.tolerances import CROSS_SIM

UNITS = {"i": "_mA_per_cm2", "e": "_mV", "c": "_mM"}


def ours_of(given: Value) -> float | Callable[[float], float]:
    if isinstance(given, list):
        start, slope = given
        return lambda d: start + slope * d
    return given


def variable(theirs: str) -> str:
    if "." in theirs:
        return theirs
    if theirs == "il_hh":
        return "hh.il"
    return theirs + UNITS[theirs[0]]


def simulated(case: Case) -> dict[str, np.ndarray]:
    """Run a case here; the keys are those of the file."""
    sections = [ns.Section.cylinder(n, length, diam, p, x) for n, length, diam, p, x, *_ in case.sections]
    names = [s.name for s in sections]
    cell = ns.Cell(sections)
    for name, *_, nseg, ra, cm in case.sections:
        cell.set(name, nseg=nseg, ra_ohm_cm=ra, cm_uF_per_cm2=cm)
    for mechanism, where, values in case.insert:
        for s in where:
            cell.insert(mechanism, names[s], **{k: ours_of(v) for k, v in values.items()})
    for where, ions in case.ions:
        for s in where:
            cell.set(names[s], **{f"{k}_mV": v for k, v in ions.items()})
    for mechanism, s, x, parameters in case.place:
        cell.place(mechanism, f"{names[s]}({x})", **parameters)
    sim = ns.Simulation(cell, dt_ms=case.dt_ms, celsius_degC=case.celsius_degC, v_init_mV=case.v_init_mV)
    for s, x, times, amplitudes in case.play:
        sim.stimulate(f"{names[s]}({x})", ns.Waveform(times, amplitudes))
    sim.detect(threshold_mV=THRESHOLD_MV)
    v = [sim.record(name, "v_mV") for name in names]
    records = [sim.record(f"{names[s]}({x})", variable(theirs)) for s, x, theirs in case.record]
    sim.run(until_ms=case.until_ms)
    out = {"v": np.concatenate([t.values for t in v], axis=1), "spikes": sim.spikes.times_ms}
    if records:
        out["record"] = np.stack([t.values for t in records], axis=1)
    return out


def assert_equal(ours: np.ndarray, theirs: np.ndarray, columns: list[str]) -> None:
    scale = np.abs(theirs).max(axis=0)
    error = np.abs(ours - theirs).max(axis=0) / np.where(scale > 0.0, scale, 1.0)
    assert {c: f"{e:.1e}" for c, e in zip(columns, error, strict=True) if not e <= CROSS_SIM} == {}


def assert_case(case: Case, theirs: dict[str, np.ndarray], every: int) -> None:
    ours = simulated(case)
    nodes = [f"{name} {k}" for name, *_, nseg, _, _ in case.sections for k in range(nseg)]
    assert_equal(ours["v"][::every], theirs["v"], nodes)
    if case.record:
        assert_equal(ours["record"][::every], theirs["record"], [f"{s}({x}) {n}" for s, x, n in case.record])
    # As steps; both add 1e-10 ms.
    steps = [np.round(t["spikes"] / case.dt_ms).astype(int).tolist() for t in (ours, theirs)]
    assert steps[0] == steps[1]
    np.testing.assert_allclose(ours["spikes"], theirs["spikes"], rtol=0.0, atol=1e-11)


@pytest.fixture(scope="module")
def stored() -> Iterator[h5py.File]:
    with h5py.File(DATA) as file:
        yield file


def test_the_file_says_where_it_comes_from_and_its_runs_move(stored: h5py.File) -> None:
    assert re.match(r"NEURON 9\.", stored.attrs["tool"])
    assert set(stored) == set(CASES)
    for name, case in CASES.items():
        v = stored[name]["v"][:]
        assert len(v) == round(case.until_ms / case.dt_ms) // EVERY + 1
        assert np.isfinite(v).all()
        assert (np.ptp(v, axis=0) > 0.3).all()
    assert sum(len(stored[n]["spikes"]) for n in CASES) > 10


@pytest.mark.parametrize("name", CASES)
def test_a_cell_gives_neurons_voltages_currents_concentrations_and_spikes(name: str, stored: h5py.File) -> None:
    assert_case(CASES[name], {key: data[:] for key, data in stored[name].items()}, EVERY)


def test_neuron_as_installed_gives_the_same(tmp_path: Path) -> None:
    pytest.importorskip("neuron")
    found = in_neuron(BUILT_IN_ONLY, tmp_path)
    for name in BUILT_IN_ONLY:
        mine = {key.rpartition("/")[2]: data for key, data in found.items() if key.startswith(f"{name}/")}
        assert_case(CASES[name], mine, 1)
