"""The published network of 136 neurons against what NEURON 9.0.2 computed from the same arrays.

Kind of evidence: other simulator. The traces are float32, and some voltages are beyond -1,000 mV, where that alone is
6e-5 mV.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

import neurosim as ns
from neurosim.models.worm import reference
from neurosim.models.worm.channels import CHANNELS

AGREE_MV, AGREE_CA = 1e-4, 1e-8
GROUPS = {0.025: "dt_0p025ms", 0.5: "dt_0p5ms", 5.0 / 3.0: "dt_1p6667ms"}

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Outcome:
    """What we and NEURON have, and the cells' voltages at the end, one array a cell."""

    v_mV: Floats
    cai: Floats
    end: list[Floats]
    theirs: dict[str, Any]


@pytest.fixture(scope="module")
def path(shared_data: Path) -> Path:
    return shared_data / "baaiworm/reference.h5"


@pytest.fixture(scope="module")
def circuit(path: Path) -> reference.Circuit:
    return reference.read(path)


@pytest.fixture(scope="module", params=GROUPS, ids=lambda dt: f"{dt:.3g}ms")
def outcome(request: pytest.FixtureRequest, path: Path, circuit: reference.Circuit) -> Outcome:
    with h5py.File(path) as file:
        group = file["traces"][GROUPS[request.param]]
        theirs = {**{k: group[k][:] for k in group}, **{k: float(v) for k, v in group.attrs.items()}}
    sim = reference.simulation(circuit, theirs["dt_ms"])
    traces: dict[str, list[ns.Trace]] = {"v_mV": [], "cai_mM": []}
    for variable, recorded in traces.items():
        for gid in range(len(circuit.names)):
            recorded.append(sim.record("soma(0.5)", variable, gid=gid, every_ms=theirs["sample_every_ms"]))
    sim.run(until_ms=theirs["tstop_ms"], progress=False)
    layout = sim.build().layout
    end = [
        layout.arrays["V"][layout.elements(gid)][cell.tree.section_order]
        for gid, cell in enumerate(sim.cells)
        if isinstance(cell, ns.Cell)
    ]
    v, cai = (np.stack([t.values.reshape(-1) for t in recorded], axis=1) for recorded in traces.values())
    return Outcome(v, cai, end, theirs)


def test_every_soma_has_neurons_voltage_over_the_whole_trace(outcome: Outcome) -> None:
    assert outcome.v_mV.shape == (1001, 136)
    assert np.ptp(outcome.v_mV) > 100.0
    np.testing.assert_allclose(outcome.v_mV, outcome.theirs["v_soma_mV"], rtol=0.0, atol=AGREE_MV)


def test_every_soma_has_neurons_calcium(outcome: Outcome) -> None:
    np.testing.assert_allclose(outcome.cai, outcome.theirs["cai"], rtol=0.0, atol=AGREE_CA)


def test_every_segment_has_neurons_voltage_at_the_end(outcome: Outcome, circuit: reference.Circuit) -> None:
    """Thirteen cells stand in another order in the file, and are compared sorted."""
    theirs = np.split(outcome.theirs["v_all_segments_end_mV"], np.cumsum([len(v) for v in outcome.end])[:-1])
    unlike = []
    for name, mine, other in zip(circuit.names, outcome.end, theirs, strict=True):
        np.testing.assert_allclose(np.sort(mine), np.sort(other), rtol=0.0, atol=AGREE_MV)
        if np.abs(mine - other).max() > AGREE_MV:
            unlike.append(name)
    known = {"PLML", "SAADL", "SAADR", "SABD", "DA01", "DA02", *(f"DD0{k}" for k in range(1, 7)), "VA01"}
    assert set(unlike) <= known


def test_the_network_has_every_channel(circuit: reference.Circuit) -> None:
    assert all(circuit.soma_values[f"gb{name}"].any() for name in CHANNELS)


def test_two_threads_give_the_same_bits(circuit: reference.Circuit) -> None:
    def run(threads: int) -> bytes:
        sim = reference.simulation(circuit, 0.5, threads=threads)
        sim.run(until_ms=20.0, progress=False)
        return sim.build().layout.arrays["V"].tobytes()

    assert run(1) == run(2)
