"""Memory of a rank: what building takes at the most, and that a rank holds its own synapses only."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import pytest

import neurosim as ns
from neurosim.hpc.dry import DryExchange
from neurosim.hpc.memory import Bytes, Footprint, footprint, forget_peak, resident_B, traced
from neurosim.mechanisms import library
from neurosim.model.connections import Connections

CELLS, SYNAPSES, NSEG = 150, 1000, 3
PEAK = 1.5
"""Of the final size, at the most: issue 6."""


def build(name: str, exchange: DryExchange | None = None, scale: int = 1) -> Callable[[], Footprint]:
    """Return what builds an engine; what it counts includes the rows of the description."""
    rng = np.random.default_rng(1)
    cells, n = CELLS, CELLS * SYNAPSES // scale
    cell = ns.Cell.cylinder(length_um=60.0, diam_um=20.0)
    cell.set(nseg=NSEG)
    cell.insert(library.get("HH"))
    table = Connections(
        library.get(name),
        rng.integers(0, cells, n, dtype=np.int32),
        np.arange(n, dtype=np.int32) % cells,
        rng.integers(0, NSEG, n, dtype=np.int32),
        rng.random(n) * 1e-4,
        np.full(n, 1.5),
    )
    sim = ns.Simulation([cell] * cells, connections=[table], exchange=exchange)
    return lambda: footprint(sim.build())


@pytest.mark.parametrize("name", ["ExpSyn", "tmgsyn"])
def test_building_takes_at_most_half_as_much_again_as_what_is_kept(name: str) -> None:
    build(name, scale=100)()
    made = build(name)

    # The engine lives in the simulation that ``made`` holds.
    found, took = traced(made)

    assert found.engine < took.final_B + 2**20
    assert (took.peak_B + found.description) / (took.final_B + found.description) < PEAK


def test_a_rank_holds_its_share_of_the_synapses() -> None:
    whole = build("ExpSyn", scale=10)()
    parts = [build("ExpSyn", DryExchange(3, rank), scale=10)() for rank in range(3)]

    assert sum(part.synapses_n for part in parts) == whole.synapses_n
    per_synapse = whole.wires / whole.synapses_n
    for part in parts:
        # Where each gid's connections begin is listed by every rank.
        assert part.wires < part.synapses_n * per_synapse + 8 * (CELLS + 1) + 1000
        assert part.synapses_n < 0.4 * whole.synapses_n


def test_the_formula_adds_up_what_a_rank_holds() -> None:
    each = Bytes(compartment=200.0, synapse=10.0, source=16.0, cell=2.0, rank=1.0)

    found = each.of_rank(np.array([10.0, 20.0]), np.array([100.0, 0.0]), np.array([5.0, 0.0]), 1000, 64)

    assert found.tolist() == [2000 + 1000 + 80 + 2000 + 64, 4000 + 2000 + 64]


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="the system does not tell a process's memory")
def test_the_peak_of_the_process_is_counted_anew() -> None:
    if not forget_peak():
        pytest.skip("this process may not reset its peak")
    _, before = resident_B()
    block = np.ones(20_000_000)
    del block

    now, peak = resident_B()

    assert peak - before > 100e6 and peak >= now
    assert forget_peak() and resident_B()[1] < peak
