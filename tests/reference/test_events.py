"""WATCH, net_move, FOR_NETCONS and other constructs of events against NEURON 9: stored results of make_events.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurosim as ns
from neurosim.mechanisms import Mechanism, loads
from neurosim.model.connections import Connections
from neurosim.model.point import PointCell, SpikeTrain
from tests.reference.event_cases import MODS, cases
from tests.reference.synapse_cases import Case
from tests.tolerances import CROSS_SIM

DATA = Path(__file__).resolve().parents[1] / "data" / "events.json"
CASES = cases()


@pytest.fixture(scope="module")
def stored() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(DATA.read_text())
    return found


def mechanism(name: str) -> Mechanism:
    return loads(MODS[name], f"{name}.mod")


def build(case: Case) -> tuple[ns.Simulation, dict[str, ns.Trace]]:
    """Return the simulation of a case and its traces by "cell/column"."""
    cells: list[ns.Cell | PointCell | SpikeTrain] = []
    tables = []
    made = {t.mechanism: mechanism(t.mechanism) for t in case.targets}
    for target in case.targets:
        if case.point:
            given: dict[str, Any] = dict(target.values)
            cells.append(PointCell(made[target.mechanism](**given)))
            continue
        soma = ns.Cell.cylinder(length_um=20.0, diam_um=20.0)
        soma = soma.insert("hh") if target.hh else soma.insert("pas", g=1e-4, e=-65.0)
        for start, duration, amplitude in target.pulses:
            pulse: dict[str, Any] = {"del": start, "dur": duration, "amp": amplitude}
            soma.place("IClamp", at="soma(0.5)", **pulse)
        cells.append(soma)
    for gid, target in enumerate(case.targets):
        for train in target.trains:
            source = np.array([len(cells)], np.int32)
            cells.append(SpikeTrain(train.times_ms))
            at = np.array([gid], np.int32)
            values: dict[str, Any] = {} if case.point else dict(target.values)
            synapse = None if case.point else made[target.mechanism]
            weight, delay = np.array([train.weight]), np.array([train.delay_ms])
            tables.append(Connections(synapse, source, at, np.array([0], np.int32), weight, delay, values))
    sim = ns.Simulation(cells, dt_ms=case.dt_ms, celsius_degC=6.3, v_init_mV=-65.0)
    for table in tables:
        sim.add(table)
    traces = {}
    for gid in range(len(case.targets)):
        for column in case.record:
            place = "" if case.point else "soma(0.5)"
            traces[f"{gid}/{column}"] = sim.record(place, "v_mV" if column == "v" else column, gid=gid)
    return sim, traces


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_events_give_neurons_numbers(case: Case, stored: dict[str, Any]) -> None:
    reference = stored["cases"][case.name]
    sim, traces = build(case)
    sim.run(until_ms=case.steps * case.dt_ms, progress=False)
    if case.point:
        times, fired = np.array(reference["times"]), np.array(reference["gids"])
        due = times <= case.steps * case.dt_ms  # NEURON notes a net_event of later at once
        times, fired = times[due], fired[due]
        ours_t, ours_gid = np.asarray(sim.spikes.times_ms), np.asarray(sim.spikes.gids)
        order, mine = np.lexsort((fired, times)), np.lexsort((ours_gid, ours_t))
        assert ours_gid[mine].tolist() == fired[order].tolist()
        assert np.abs(ours_t[mine] - times[order]).max(initial=0.0) <= CROSS_SIM * 50.0
    wrong = {}
    for column, trace in traces.items():
        theirs = np.array(reference[column])
        ours = np.asarray(trace.values)[:: case.every]
        error = np.abs(ours - theirs).max() / max(np.abs(theirs).max(), 1e-12)
        if not error <= CROSS_SIM:
            wrong[column] = f"{error:.1e} at sample {int(np.argmax(np.abs(ours - theirs)))}"
    assert not wrong


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_stored_runs_move(case: Case, stored: dict[str, Any]) -> None:
    reference = stored["cases"][case.name]
    for column in case.record:
        spans = [float(np.ptp(reference[f"{gid}/{column}"])) for gid in range(len(case.targets))]
        assert max(spans) > 0.0, column
    assert len(reference["times"]) > 0 or not case.point


def test_the_stored_file_has_exactly_the_cases(stored: dict[str, Any]) -> None:
    assert set(stored["cases"]) == set(CASES)
    assert stored["tool"].startswith("NEURON 9.")
