"""Every rule of nmodl.md section 4: the lowered programs on plain numbers against NEURON, step by step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.lowering import distance, in_neuron
from tests.lowering_cases import CASES, REFERENCE, STORED, job, ours
from tests.lowering_mods import MODS
from tests.tolerances import CROSS_SIM, EXACT


@pytest.fixture(scope="module")
def reference() -> dict[str, Any]:
    """Return NEURON's numbers as stored, case by case."""
    columns: dict[str, Any] = json.loads(REFERENCE.read_text())["columns"]
    return columns


@pytest.mark.parametrize("name", CASES)
def test_every_variable_equals_neuron(name: str, reference: dict[str, Any]) -> None:
    names = ("v", *CASES[name].record)
    theirs = np.array(reference[name]).T
    assert np.isfinite(theirs).all()
    assert np.ptp(theirs[:, 0]) > 1.0, "the run must move"
    assert np.count_nonzero(np.ptp(theirs, axis=0)) >= min(2, len(names)), "its variables must move"
    found = dict(zip(names, distance(ours(CASES[name]), theirs), strict=True))
    assert found == pytest.approx(dict.fromkeys(names, 0.0), abs=CROSS_SIM)


def test_stored_reference_is_what_neuron_computes(reference: dict[str, Any], tmp_path: Path) -> None:
    pytest.importorskip("neuron")
    name = "KINETIC and STEADYSTATE"
    case = CASES[name]
    (rows,) = in_neuron(tmp_path, {m: MODS[m] for m in case.mechs}, [job(case)])
    stored = np.array(reference[name])
    np.testing.assert_allclose(rows[::STORED].T, stored, rtol=1e-13, atol=EXACT)
