"""Synapses, sources and point cells of the library against NEURON 9: stored results of make_synapses.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import neurosim as ns
from neurosim.mechanisms import library
from neurosim.mechanisms.mechanism import Kind
from neurosim.model.connections import Connections, Couplings
from neurosim.model.point import PointCell, SpikeTrain
from tests.reference.synapse_cases import Case, Target, cases
from tests.tolerances import CROSS_SIM

DATA = Path(__file__).resolve().parents[1] / "data" / "synapses.h5"
CASES = cases()
POINTERS = {"Gap": "vgap", "GradedSyn": "vpre"}


@pytest.fixture(scope="module")
def stored() -> Iterator[h5py.File]:
    with h5py.File(DATA) as file:
        yield file


def cell(target: Target) -> ns.Cell:
    """Return the soma of a target, with its pulses and what is placed rather than connected."""
    made = ns.Cell.cylinder(length_um=20.0, diam_um=20.0)
    made = made.insert("hh") if target.hh else made.insert("pas", g=1e-4, e=-65.0)
    for start, duration, amplitude in target.pulses:
        pulse: dict[str, Any] = {"del": start, "dur": duration, "amp": amplitude}
        made.place("IClamp", at="soma(0.5)", **pulse)
    if target.mechanism and not target.trains and not target.heard and target.seen < 0:
        made.place(target.mechanism, at="soma(0.5)", **target.values)
    return made


def point(target: Target) -> PointCell:
    """Return a target that is a point cell."""
    values: dict[str, Any] = dict(target.values)
    return PointCell(library.get(target.mechanism)(**values))


def gids(x: int) -> np.ndarray:
    """Return a column of one cell or node."""
    return np.array([x], np.int32)


def build(case: Case, threads: int = 1) -> tuple[ns.Simulation, dict[str, ns.Trace]]:
    """Return the simulation of a case and what it records, "cell/column" -> trace."""
    targets = case.targets
    cells: list[ns.Cell | PointCell | SpikeTrain] = [point(t) if case.point else cell(t) for t in targets]
    tables: list[Connections | Couplings] = []
    for gid, target in enumerate(targets):
        mech = None if case.point or not target.mechanism else library.get(target.mechanism)
        rows = list(target.heard)
        for train in target.trains:
            rows.append((len(cells), train.weight, train.delay_ms))
            cells.append(SpikeTrain(train.times_ms))
        for source, weight, delay in rows:
            values: dict[str, Any] = {} if mech is None else dict(target.values)
            tables.append(
                Connections(mech, gids(source), gids(gid), gids(0), np.array([weight]), np.array([delay]), values)
            )
        if mech is not None and target.seen >= 0:
            sides = gids(target.seen), gids(0), gids(gid), gids(0)
            tables.append(Couplings(mech, POINTERS[mech.name], *sides, values=dict(target.values)))
    sim = ns.Simulation(
        cells, dt_ms=case.dt_ms, celsius_degC=6.3, v_init_mV=-65.0, threads=threads, seed=case.seed or 0
    )
    for table in tables:
        sim.add(table)
    traces = {}
    for gid, target in enumerate(targets):
        for column in case.record:
            if column == "v":
                traces[f"{gid}/v"] = sim.record("soma(0.5)", "v_mV", gid=gid)
            elif column.split(".")[0] == target.mechanism:
                traces[f"{gid}/{column}"] = sim.record("" if case.point else "soma(0.5)", column, gid=gid)
    return sim, traces


def spikes(sim: ns.Simulation) -> tuple[np.ndarray, np.ndarray]:
    """Return times and cells, in order of time and then of cell."""
    times, cells = np.asarray(sim.spikes.times_ms), np.asarray(sim.spikes.gids)
    order = np.lexsort((cells, times))
    return times[order], cells[order]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_synapse_or_point_cell_gives_neurons_numbers(case: Case, stored: h5py.File) -> None:
    reference = stored[case.name]
    sim, traces = build(case)
    sim.run(until_ms=case.steps * case.dt_ms, progress=False)

    times, fired = reference["times_ms"][:], reference["gids"][:]
    order = np.lexsort((fired, times))
    our_times, our_gids = spikes(sim)
    assert our_gids.tolist() == fired[order].tolist()
    assert np.abs(our_times - times[order]).max(initial=0.0) <= CROSS_SIM * max(times.max(initial=0.0), 1.0)
    wrong = {}
    for k, column in enumerate(reference["values"].attrs["columns"] if "values" in reference else ()):
        theirs = reference["values"][:, k]
        ours = np.asarray(traces[column].values)[:: case.every]
        scale = max(np.abs(theirs).max(), 1e-12)
        error = np.abs(ours - theirs).max() / scale
        if not error <= CROSS_SIM:
            wrong[column] = f"{error:.1e} at sample {int(np.argmax(np.abs(ours - theirs)))}"
    assert not wrong


def test_every_mechanism_that_events_or_other_cells_drive_has_a_case() -> None:
    used = {t.mechanism for c in CASES.values() for t in c.targets} - {""}
    driven = {
        n
        for n in library.names()
        if (m := library.get(n)).code.net_receive is not None or m.pointers or m.kind is Kind.ARTIFICIAL
    }
    assert used == driven | {"AlphaSynapse"}


def test_the_stored_file_has_exactly_the_cases_and_says_where_it_comes_from(stored: h5py.File) -> None:
    assert set(stored) == set(CASES)
    assert stored.attrs["tool"].startswith("NEURON 9.")


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_stored_runs_are_finite_and_move(case: Case, stored: h5py.File) -> None:
    group = stored[case.name]
    assert len(group["times_ms"]) or "values" in group
    if "values" in group:
        values = group["values"][:]
        assert np.isfinite(values).all()
        moved: dict[str, float] = {}
        for k, column in enumerate(group["values"].attrs["columns"]):
            span = float(np.ptp(values[:, k])) / max(float(np.abs(values[:, k]).max()), 1e-300)
            name = column.partition("/")[2]
            moved[name] = max(moved.get(name, 0.0), span)
        assert {name for name, span in moved.items() if span < 1e-6} <= {"stp4.p"}
    if case.point:
        assert len(set(group["gids"][:])) >= 2


@pytest.mark.parametrize("name", ["ExpSyn 0", "sum of Exp2Syn", "LIF 1", "AMPANMDA 1", "STDP 1", "cell to cell 0"])
def test_threads_do_not_change_a_bit(name: str) -> None:
    results = []
    for threads in (1, 2):
        sim, traces = build(CASES[name], threads)
        sim.run(until_ms=CASES[name].steps * CASES[name].dt_ms, progress=False)
        results.append((*spikes(sim), *(np.asarray(x.values) for x in traces.values())))
    assert all(np.array_equal(a, b) for a, b in zip(*results, strict=True))
