"""ten_cells_spikes_nrn of the SONATA examples: IntFire1 driven by a flat spikes file, against NEURON 9.0.2."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from neurosim.model.point import PointCell, SpikeTrain
from neurosim.sonata.circuit import Circuit, read

DATA = Path(__file__).parents[3] / "shared/data/sonata"
REFERENCE = DATA / "reference_neuron9/ten_cells_spikes_nrn/spikes.h5"
TIME_MS = 1e-9  # what the issue asks for
pytestmark = pytest.mark.skipif(not REFERENCE.is_file(), reason="needs ../shared/data/sonata")


@pytest.fixture(scope="module")
def circuit(tmp_path_factory: pytest.TempPathFactory) -> Circuit:
    config = DATA / "sim_tests/intfire/ten_cells_spikes_nrn/input/config.json"
    return read(config, output_dir=tmp_path_factory.mktemp("output"))


def test_the_circuit_is_point_cells_driven_by_virtual_ones(circuit: Circuit) -> None:
    kinds = [type(cell) for cell in circuit.cells.values()]
    assert kinds == [SpikeTrain] * 5 + [PointCell] * 5
    (events,) = circuit.connections
    assert events.mechanism is None and set(events.delay_ms) == {0.0}
    cell = circuit.cells[5]
    assert isinstance(cell, PointCell)
    assert cell.mechanism.name == "IntFire1"
    assert (cell.mechanism.defaults["tau"], cell.mechanism.defaults["refrac"]) == (24.0, 3.0)


def test_all_spikes_are_neurons(circuit: Circuit) -> None:
    sim = circuit.simulation()
    sim.run(until_ms=circuit.config.run.tstop_ms)
    spikes = sim.spikes
    with h5py.File(REFERENCE) as file:
        times, ids = file["spikes/post/timestamps"][()], file["spikes/post/node_ids"][()]
    gids = circuit.gids[spikes.gids] - circuit.populations[1].first_gid
    mine, theirs = np.lexsort((spikes.times_ms, gids)), np.lexsort((times, ids))
    assert len(spikes) == len(times) == 191
    assert np.array_equal(gids[mine], ids[theirs])
    assert np.abs(spikes.times_ms[mine] - times[theirs]).max() <= TIME_MS
