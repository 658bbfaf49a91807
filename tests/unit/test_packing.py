"""Packed blocks: every node has one place, branches come first, and voltages have the bits they have in other blocks.

Kind of evidence: invariance.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import neurosim as ns
from neurosim.engine import layout
from neurosim.engine.packing import pack
from neurosim.errors import InstabilityError
from neurosim.kernels.simd import LANES
from neurosim.mechanisms import library
from neurosim.model.connections import Couplings
from tests.engine_cells import blast

Ints = NDArray[np.int32]


def tree(seed: int) -> Ints:
    """Return a random depth-first tree."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 60))
    cell = ns.Cell([ns.Section.cylinder("a[0]", 9.0, 9.0)])
    sections = [ns.Section.cylinder("a[0]", 9.0, 9.0)]
    for k in range(1, n):
        sections.append(ns.Section.cylinder(f"a[{k}]", 9.0, 1.0, max(0, k - int(rng.integers(1, 4))), 0.5))
    return cell.tree.parent_idx if n == 1 else ns.Cell(sections).tree.parent_idx


TREES = [tree(seed) for seed in range(30)]


def test_every_node_has_a_place_of_its_own() -> None:
    packing = pack(TREES)
    places = np.concatenate(packing.maps)
    assert len(np.unique(places)) == sum(map(len, TREES))
    assert 0 <= places.min() <= places.max() < packing.places_n
    assert {*np.concatenate(packing.tops).tolist()}.isdisjoint(places.tolist())


def test_runs_follow_their_lane_and_have_a_free_place_above() -> None:
    packing = pack(TREES)
    taken = {*np.concatenate(packing.maps).tolist()}
    for run in packing.runs:
        mine = packing.maps[run.cell][run.start : run.end]
        assert (np.diff(mine) == LANES).all()
        assert int(mine[0]) - LANES not in taken
        assert int(mine[0]) >= LANES


def test_branches_stand_in_earlier_batches() -> None:
    packing = pack(TREES)
    batch_of = {r: k for k, batch in enumerate(packing.batches) for r in batch.runs}
    assert sorted(batch_of) == list(range(len(packing.runs)))
    pairs = [(batch_of[child], batch_of[r]) for r, run in enumerate(packing.runs) for child in run.below]
    assert len(pairs) > 50
    assert all(child < above for child, above in pairs)


def fork(k: int) -> ns.Cell:
    """Return a cell whose shape, leak and channels depend on ``k``."""
    sections = [
        ns.Section.cylinder("soma[0]", 18.0, 18.0),
        ns.Section.cylinder("dend[0]", 90.0, 2.0, 0, 1.0),
        ns.Section.cylinder("dend[1]", 40.0 + 20.0 * k, 1.0, 1, 1.0),
        ns.Section.cylinder("dend[2]", 30.0, 1.0, 1, 0.5),
        ns.Section.cylinder("axon[0]", 70.0, 1.0, 0, 0.0),
    ]
    cell = ns.Cell(sections[: 5 - k % 3]).set(nseg=[1, 5, 3 + 2 * k, 3, 4][: 5 - k % 3])
    cell.insert("pas", "dend", g=1e-4, e=-65.0 - k)
    if k % 3 != 2:
        cell.insert("hh", "soma").insert("Ca_HVA", "soma").insert("CaDynamics", "soma").insert("SK", "soma")
    if k % 4 == 3:
        cell.insert("pas", "soma", g=1e-4, e=-50.0)
    return cell


def coupled(n: int = 11) -> ns.Simulation:
    gids = np.arange(n, dtype=np.int32)
    near, far = gids, np.roll(gids, 1)
    ones = np.ones(n, np.int32)
    gap, graded = library.get("Gap"), library.get("GradedSyn")
    tables = [
        Couplings(gap, "vgap", far, ones, near, ones, {"g": 2e-3}),
        Couplings(gap, "vgap", near, ones, far, ones, {"g": 2e-3}),
        Couplings(graded, "vpre", near, 0 * ones, far, 3 * ones, {"gmax": 1e-3, "vth": -50.0}),
    ]
    sim = ns.Simulation([fork(k) for k in range(n)], couplings=tables)
    for gid in range(n):
        sim.stimulate("soma(0.5)", ns.Step(0.5, 4.0, 0.05 * (1 + gid % 5)), gid=gid)
    return sim


def outcome(sim: ns.Simulation) -> tuple[list[bytes], bool]:
    traces = [sim.record("all", "v_mV", gid=g) for g in range(len(sim.cells))]
    sim.run(until_ms=8.0, progress=False)
    assert max(np.ptp(t.values) for t in traces) > 50.0
    return [t.values.tobytes() for t in traces], sim.build().layout.blocks[0].packing is not None


@pytest.mark.parametrize("others", [0, 3])
def test_packing_changes_no_bit(others: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(packed: bool) -> Any:
        monkeypatch.setattr(layout, "packing_pays", lambda *_: packed)
        return outcome(coupled(11 - others))

    (apart, no), (together, yes) = run(False), run(True)
    assert (no, yes) == (False, True)
    assert apart == together


def test_an_unstable_cell_of_a_packed_block_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "packing_pays", lambda *_: True)
    sim = coupled()
    bad = sim.cells[7]
    assert isinstance(bad, ns.Cell)
    bad.insert(blast(2.0), "dend")
    with pytest.raises(InstabilityError, match=r"gid 7, .*blast"):
        sim.run(until_ms=8.0, progress=False)
