"""Small cells of several kinds, and one function that runs them and returns everything worth comparing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

import neurosim as ns
from neurosim.mechanisms import Mechanism

Floats = NDArray[np.float64]
BLAST = """
NEURON { SUFFIX blast NONSPECIFIC_CURRENT i RANGE start }
PARAMETER { start = 1 (ms) }
ASSIGNED { v (mV) i (mA/cm2) }
BREAKPOINT {
    i = 0
    if (t > start) { i = sqrt(start - t) }
}
"""
"""A channel whose current is not a number from ``start`` on."""


@dataclass
class Subject:
    """A cell, what is done to it, and what is recorded: (place, variable)."""

    cell: ns.Cell
    stimuli: list[tuple[str, Any]] = field(default_factory=list)
    records: list[tuple[str, str]] = field(default_factory=lambda: [("all", "v_mV")])


def blast(start_ms: float) -> Mechanism:
    """Return a channel that is fine until ``start_ms``."""
    return ns.mechanisms.loads(BLAST)(start=start_ms)


def patch(*, tables: bool = True) -> Subject:
    """One compartment of hh."""
    cell = ns.Cell.cylinder(20.0, 20.0).insert(ns.mechanisms.HH(tables=tables))
    return Subject(cell, [("soma(0.5)", ns.Step(0.2, 5.0, 0.4))], [("all", "v_mV"), ("soma(0.5)", "hh.m")])


def branched(*, gbar: float = 2e-4, tables: bool = True) -> Subject:
    """Soma, forked dendrite and axon; spikes, calcium with a pool and SK, points one upon the other."""
    sections = [
        ns.Section.cylinder("soma[0]", 20.0, 18.0),
        ns.Section.cylinder("dend[0]", 90.0, 2.5, 0, 1.0),
        ns.Section.cylinder("dend[1]", 80.0, 1.5, 1, 1.0),
        ns.Section.cylinder("dend[2]", 60.0, 1.1, 1, 1.0),
        ns.Section.cylinder("axon[0]", 70.0, 1.0, 0, 0.0),
    ]
    cell = ns.Cell(sections).set(nseg=[1, 5, 3, 1, 3]).set("dend", ra_ohm_cm=120.0, cm_uF_per_cm2=1.6)
    cell.insert(ns.mechanisms.HH(tables=tables), "soma").insert(ns.mechanisms.HH(tables=tables), "axon", gnabar=0.3)
    cell.insert("pas", "dend", g=3e-4, e=-66.0)
    for where in ("soma", "dend[0]"):
        cell.insert("Ca_HVA", where, gbar=lambda d: gbar * (1.0 + d / 50.0)).insert("SK", where, gbar=2e-3)
    cell.insert("CaDynamics", "soma", decay=20.0).insert("CaDynamics", "dend[0]", gamma=0.2)
    stimuli = [
        ("soma(0.5)", ns.Step(0.2, 4.0, 0.9)),
        ("soma(0.5)", ns.Step(0.5, 1.0, 0.3)),
        ("dend[1](0.5)", ns.mechanisms.SEClamp(rs=20.0, dur1=1.0, amp1=-60.0, dur2=1.0, amp2=-80.0)),
        ("dend[1](0.5)", ns.Step(0.1, 3.0, 0.05)),
        ("dend[2](0.9)", ns.Waveform([0.0, 0.6, 1.3], [0.02, -0.03, 0.07])),
    ]
    records = [
        ("all", "v_mV"), ("soma", "cai_mM"), ("dend[0]", "cai_mM"), ("dend[0](0.5)", "ica_mA_per_cm2"),
        ("soma(0.5)", "eca_mV"), ("soma(0.5)", "SK.z"),
    ]  # fmt: skip
    return Subject(cell, stimuli, records)


def kinetic() -> Subject:
    """A ball and stick with the twelve-state sodium channel."""
    sections = [ns.Section.cylinder("soma[0]", 15.0, 15.0), ns.Section.cylinder("dend[0]", 60.0, 2.0, 0, 1.0)]
    cell = ns.Cell(sections).set("dend", nseg=3).insert("NaV", "soma", gbar=0.05).insert("pas", g=1e-4, e=-70.0)
    cell.insert("hh", "soma", gnabar=0.0)
    records = [("all", "v_mV"), ("soma(0.5)", "NaV.O"), ("soma(0.5)", "ina_mA_per_cm2")]
    return Subject(cell, [("soma(0.5)", ns.Step(0.3, 2.0, 0.4))], records)


def given() -> Subject:
    """Hodgkin-Huxley with its own reversal potentials, and a calcium concentration that SK and Nernst read."""
    cell = ns.Cell.cylinder(60.0, 12.0, nseg=3).insert("hh").insert("Ca_HVA", gbar=1e-3).insert("SK", gbar=1e-3)
    cell.set(ena_mV=[45.0, 50.0, 55.0], ek_mV=-80.0, cai_mM=2e-4)
    records = [("all", "v_mV"), ("all", "ena_mV"), ("soma(0.5)", "eca_mV")]
    return Subject(cell, [("soma(0.5)", ns.Step(0.2, 5.0, 0.6))], records)


def passive() -> Subject:
    """Only leak and a current."""
    sections = [
        ns.Section.cylinder("soma[0]", 15.0, 15.0),
        *(ns.Section.cylinder(f"dend[{k}]", 40.0 + k, 2.0, 0, 1.0) for k in range(3)),
    ]
    cell = ns.Cell(sections).set("dend", nseg=3).insert("pas", g=1e-4, e=-71.0)
    return Subject(cell, [("dend[2](0.5)", ns.Step(0.3, 2.0, 0.2))])


def noisy() -> Subject:
    """Hodgkin-Huxley driven by two noise currents."""
    one = patch()
    noise = [("soma(0.5)", ns.mechanisms.OUNoise(mean=0.3, sigma=s, tau=2.0)) for s in (0.2, 0.4)]
    return Subject(one.cell, [*noise, *one.stimuli], [("all", "v_mV"), ("soma(0.5)", "OUNoise.x")])


def mixed() -> list[Subject]:
    """Eleven cells: four kinds, so that wide, partly filled and narrow blocks occur."""
    return [
        branched(), patch(), kinetic(), branched(gbar=5e-4), passive(), branched(tables=False), patch(tables=False),
        branched(), branched(gbar=1e-4), kinetic(), passive(),
    ]  # fmt: skip


@dataclass
class Outcome:
    """Recorded arrays and spike times of each subject, in the order of the subjects."""

    values: list[list[Floats]]
    spikes: list[Floats]
    simulation: ns.Simulation


def observed(
    subjects: Sequence[Subject], *, until_ms: Sequence[float] = (3.0,), every_ms: float | None = None, **options: Any
) -> Outcome:
    """Simulate, stopping at the given times, and return what was seen of each subject."""
    sim = ns.Simulation([s.cell for s in subjects], **{"dt_ms": 0.025, "celsius_degC": 20.0, **options})
    traces: list[list[ns.Trace]] = []
    for gid, s in enumerate(subjects):
        for place, stimulus in s.stimuli:
            sim.stimulate(place, stimulus, gid=gid)
        traces.append([sim.record(place, variable, gid=gid, every_ms=every_ms) for place, variable in s.records])
    sim.detect(threshold_mV=-20.0)
    for t in until_ms:
        sim.run(until_ms=t)
    spikes = [sim.spikes.times_ms[sim.spikes.gids == gid] for gid in range(len(subjects))]
    return Outcome([[t.values for t in of_cell] for of_cell in traces], spikes, sim)


def assert_same(ours: Outcome, theirs: Outcome, pairs: Sequence[tuple[int, int]] | None = None) -> None:
    """Compare bit by bit; ``pairs`` maps subjects of one to subjects of the other."""
    for a, b in [(k, k) for k in range(len(ours.values))] if pairs is None else pairs:
        for x, y in zip(ours.values[a], theirs.values[b], strict=True):
            assert np.isfinite(x).all()
            assert x.shape == y.shape
            assert x.tobytes() == y.tobytes(), f"subject {a}: differs by {np.abs(x - y).max()}"
        assert ours.spikes[a].tobytes() == theirs.spikes[b].tobytes()
