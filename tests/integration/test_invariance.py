"""What must not change a single bit: threads, neighbours, order, blocks, windows, what is recorded.

Kind of evidence: invariance.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neurosim as ns
from neurosim.engine import blocks
from neurosim.kernels.simd import LANES
from tests.engine_cells import (
    Outcome,
    Subject,
    assert_same,
    branched,
    given,
    kinetic,
    mixed,
    noisy,
    observed,
    passive,
    patch,
)
from tests.tolerances import ROUNDOFF

KINDS = {"branched": branched, "patch": patch, "kinetic": kinetic, "passive": passive, "noisy": noisy, "given": given}


@pytest.fixture(scope="module")
def reference() -> Outcome:
    return observed(mixed())


def widths(outcome: Outcome) -> set[int]:
    return {b.width for b in outcome.simulation.build().layout.blocks}


def test_the_reference_has_spikes_wide_and_narrow_blocks_and_moves(reference: Outcome) -> None:
    assert widths(reference) == {1, LANES}
    assert sum(len(s) for s in reference.spikes) >= 6
    assert all(np.ptp(v) > 0.0 for of_cell in reference.values for v in of_cell)


@pytest.mark.parametrize("threads", [2, 3, 16])
def test_results_do_not_depend_on_the_number_of_threads(threads: int, reference: Outcome) -> None:
    assert_same(observed(mixed(), threads=threads), reference)


def test_results_do_not_depend_on_the_order_of_cells(reference: Outcome) -> None:
    subjects = mixed()
    order = [7, 3, 10, 0, 9, 6, 1, 5, 8, 2, 4]
    assert_same(observed([subjects[k] for k in order]), reference, list(enumerate(order)))


@pytest.mark.parametrize("forced", ["all wide", "all narrow"])
def test_results_do_not_depend_on_the_blocks(forced: str, reference: Outcome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "NODE_ALONE", 1e9 if forced == "all wide" else 0.0)
    monkeypatch.setattr(blocks, "INSTANCE", blocks.INSTANCE if forced == "all wide" else 0.0)
    outcome = observed(mixed())
    assert widths(outcome) == {LANES if forced == "all wide" else 1}
    assert_same(outcome, reference)


@pytest.mark.parametrize("kind", KINDS)
def test_a_cell_alone_equals_it_among_equal_cells(kind: str) -> None:
    alone = observed([KINDS[kind]()])
    # Only the first, because noise belongs to the gid.
    assert_same(observed([KINDS[kind]() for _ in range(9)]), alone, [(0, 0)])


@pytest.mark.parametrize("kind", KINDS)
def test_a_cell_alone_equals_it_among_others(kind: str) -> None:
    alone = observed([KINDS[kind]()])
    assert_same(observed([KINDS[kind](), *mixed(), noisy(), given()]), alone, [(0, 0)])


def test_one_cell_object_for_many_equals_equal_objects(reference: Outcome) -> None:
    shared = branched()
    assert_same(observed([shared] * 9), reference, [(k, 0) for k in range(9)])


@pytest.mark.parametrize("until_ms", [(0.025, 0.05, 1.0, 3.0), (1.5, 1.5, 2.975, 3.0)])
def test_a_run_in_pieces_equals_a_run_at_once(until_ms: tuple[float, ...], reference: Outcome) -> None:
    assert_same(observed(mixed(), until_ms=until_ms), reference)


@pytest.mark.parametrize("steps", [1, 7])
def test_results_do_not_depend_on_the_window(steps: int, reference: Outcome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ns.Simulation, "_first_window", lambda self, engine: steps)
    monkeypatch.setattr(ns.Simulation, "_most_steps", lambda self, engine: steps)
    assert_same(observed(mixed()), reference)


@pytest.mark.parametrize("every", [1, 3, 40, 1000])
def test_sparse_samples_are_samples_of_the_dense_recording(every: int, reference: Outcome) -> None:
    sparse = observed(mixed(), every_ms=every * 0.025, until_ms=(1.0, 1.1, 3.0))
    for a, b in zip(sparse.values, reference.values, strict=True):
        for x, y in zip(a, b, strict=True):
            np.testing.assert_array_equal(x, y[::every], strict=True)


def test_recording_changes_nothing(reference: Outcome) -> None:
    subjects = mixed()
    for s in subjects:
        s.records = [("all", "v_mV")]
        if "pas" in {m.name for m in s.cell.mechanisms()}:
            s.records += [("dend", f"pas.{x}") for x in "gei"]
        if "hh" in {m.name for m in s.cell.mechanisms()}:
            s.records += [("soma(0.5)", f"hh.{x}") for x in ("gna", "minf", "gnabar")]
            s.records += [("soma", "ina_mA_per_cm2"), ("soma", "ik_mA_per_cm2"), ("soma", "ek_mV")]
    outcome = observed(subjects)
    for a, b in zip(outcome.values, reference.values, strict=True):
        np.testing.assert_array_equal(a[0], b[0], strict=True)


def test_recording_a_term_of_a_sum_changes_rounding_only() -> None:
    # il = gl (v - el) is a product of its own then, and else one fused operation with the sum.
    plain, recorded = branched(tables=False), branched(tables=False)
    recorded.records = [("all", "v_mV"), ("soma(0.5)", "hh.il")]
    a, b = observed([plain]).values[0][0], observed([recorded]).values[0][0]
    np.testing.assert_allclose(b, a, rtol=0.0, atol=ROUNDOFF * np.abs(a).max())


def test_reset_and_the_same_again_are_equal(reference: Outcome) -> None:
    outcome = observed(mixed())
    sim = outcome.simulation
    traces = [r.trace for r in sim._recordings]
    before = [t.values.copy() for t in traces]
    spikes = sim.spikes.times_ms.copy()
    sim.reset()
    assert sim.t_ms == 0.0
    assert all(len(t.values) == 0 for t in traces)
    sim.run(until_ms=3.0)
    assert [t.values.tobytes() for t in traces] == [b.tobytes() for b in before]
    assert sim.spikes.times_ms.tobytes() == spikes.tobytes()


# --- noise ------------------------------------------------------------------------------------------------------


def noise(subjects: list[Subject], gid: int = 0, **options: Any) -> bytes:
    return observed(subjects, **options).values[gid][1].tobytes()


def test_noise_depends_on_the_seed_the_gid_and_the_instance_only() -> None:
    base = noise([noisy(), noisy()])
    assert noise([noisy(), patch()]) == base
    assert noise([noisy(), noisy()], gid=1) != base
    assert noise([noisy(), noisy()], seed=1) != base
    assert noise([noisy()], threads=2) == base

    other = noisy()
    other.stimuli.append(("soma(0.5)", ns.mechanisms.OUNoise(sigma=1.0)))
    other.stimuli.append(("soma(0.5)", ns.mechanisms.OUNoise(sigma=0.0)))
    assert noise([other]) == base


def test_two_noises_of_one_cell_are_different_and_placed_or_attached_alike() -> None:
    def x(*, placed: bool) -> np.ndarray:
        cell = ns.Cell.cylinder(20.0, 20.0, nseg=3).insert("pas")
        places = ["soma(0.1)", "soma(0.9)"]
        if placed:
            for at in places:
                cell.place("OUNoise", at, sigma=1.0)
        sim = ns.Simulation([ns.Cell.cylinder(10.0, 10.0), cell], seed=7)
        if not placed:
            for at in places:
                sim.stimulate(at, ns.mechanisms.OUNoise(sigma=1.0), gid=1)
        traces = [sim.record(at, "OUNoise.x", gid=1) for at in places]
        sim.run(until_ms=1.0)
        return np.array([t.values for t in traces])

    values = x(placed=True)
    assert (values[0] != values[1]).all()
    np.testing.assert_array_equal(x(placed=False), values)


def test_noise_of_another_name_is_independent() -> None:
    def x(name: str) -> np.ndarray:
        sim = ns.Simulation(ns.Cell.cylinder(20.0, 20.0))
        sim.stimulate("soma(0.5)", ns.mechanisms.OUNoise.variant(name, sigma=1.0))
        trace = sim.record("soma(0.5)", f"{name}.x")
        sim.run(until_ms=1.0)
        return np.asarray(trace)

    assert (x("OUNoise") != x("second")).all()
