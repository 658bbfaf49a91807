"""Every mechanism of the library against NEURON 9: stored results of make_mechanisms.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from neurosim.mechanisms import library, protocols
from neurosim.mechanisms.lower import lower
from neurosim.mechanisms.nmodl import loads
from tests.reference.mechanism_cases import EVERY, Case, cases, wild
from tests.tolerances import CROSS_SIM

DATA = Path(__file__).resolve().parents[1] / "data" / "mechanisms.h5"
CASES = {c.name: c for c in cases()}

# Driven by events, other cells or random numbers, or with a time of their own: compared elsewhere (test_synapses.py).
NOT_HERE = {"AlphaSynapse", "OUNoise"} | {
    name for name in library.names() if library.get(name).code.net_receive is not None or library.get(name).pointers
}


@pytest.fixture(scope="module")
def stored() -> Iterator[h5py.File]:
    with h5py.File(DATA) as file:
        yield file


@pytest.fixture(scope="module")
def drive_clamp() -> dict[str, object]:
    name, text = protocols.clamp_driver()
    return {name: loads(text, origin=f"{name}.mod")}


def test_every_mechanism_of_the_library_has_a_case() -> None:
    assert {name.split()[0] for name in CASES} - {"NaVsteady", *wild()} | NOT_HERE == set(library.names())


def test_the_stored_file_has_exactly_the_cases_and_says_where_it_comes_from(stored: h5py.File) -> None:
    assert set(stored) == set(CASES)
    assert stored.attrs["tool"].startswith("NEURON 9.")
    assert all(tuple(stored[n].attrs["columns"]) == c.run.record for n, c in CASES.items())


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_mechanism_gives_neurons_numbers(case: Case, stored: h5py.File, drive_clamp: dict) -> None:
    reference = stored[case.name][:]
    found = protocols.perform(case.run, {**drive_clamp, **case.variants})

    ours = np.stack([found[c][::EVERY] for c in case.run.record], axis=1)
    scale = np.abs(reference).max(axis=0)
    error = np.abs(ours - reference).max(axis=0) / np.where(scale > 0.0, scale, 1.0)
    wrong = {c: f"{e:.1e}" for c, e in zip(case.run.record, error, strict=True) if not e <= CROSS_SIM}
    assert not wrong


@pytest.mark.parametrize("name", wild())
def test_a_file_with_habits_of_published_models_lowers(name: str) -> None:
    assert lower(wild()[name]).current.source


@pytest.mark.parametrize("name", sorted({*library.names()} - NOT_HERE | {n for n in wild() if f"{n} clamp" in CASES}))
def test_the_stored_runs_move_every_state_and_current_of_a_mechanism(name: str, stored: h5py.File) -> None:
    span: dict[str, float] = {}
    for case in CASES.values():
        if case.name.split()[0] == name:
            values = stored[case.name][:]
            relative = np.ptp(values, axis=0) / np.maximum(np.abs(values).max(axis=0), 1e-300)
            for column, moved in zip(case.run.record, relative, strict=True):
                span[column] = max(moved, span.get(column, 0.0))
    fixed = {"ena", "ek", "eca", "CaShell.width", "exchanger.ex", "ramp_clamp.area_here"}
    assert {c for c, moved in span.items() if moved < 1e-4} <= fixed
