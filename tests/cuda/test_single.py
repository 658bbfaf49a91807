"""Programs lowered for float32 stay near those for float64; on plain numbers, so that nothing has to be installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neurosim.mechanisms import loads
from neurosim.mechanisms.lower import lower
from neurosim.mechanisms.program import Program
from tests.cuda.build import Built, for_build, names, numbers
from tests.lowering import compiled

VOLTAGES_mV = np.linspace(-149.7, 149.6, 16)  # not at the steps of floor and ceil
# Largest error relative to the largest value over the voltages. A rounding in float32 is 6e-8; small states are
# differences of larger numbers (3e-4 seen); the clamp's conductance is a difference quotient at a gain of 1e5.
NEAR = 1e-3
LESS_NEAR = {"VClamp": 0.1}


def _call(program: Program, known: dict[str, Any]) -> np.ndarray[Any, Any]:
    with np.errstate(all="ignore"):
        return np.array(compiled(program)(*(known[n] for n in program.inputs)), float)


@pytest.mark.parametrize("mechanism", names())
def test_float32_programs_stay_near_float64(mechanism: str) -> None:
    single, double = Built(mechanism, "float32"), Built(mechanism, "float64")
    (known,) = numbers(mechanism, 1, seed=5)
    at = [dict(known, v=np.float64(v)) for v in VOLTAGES_mV]
    for ours, reference in zip(single.programs, double.programs, strict=True):
        assert ours.outputs == reference.outputs
        expected = np.array([_call(reference, for_build(k, double)) for k in at])
        got = np.array([_call(ours, for_build(k, single)) for k in at])
        scale = np.abs(expected).max(axis=0)
        assert np.all(np.abs(got - expected) <= LESS_NEAR.get(mechanism, NEAR) * scale), ours.name


def test_merged_exponentials_do_not_overflow_in_float32() -> None:
    text = """
    NEURON { SUFFIX steep NONSPECIFIC_CURRENT i }
    BREAKPOINT { i = 1/(1 + exp(v + 90)) + 1/(1 + exp(v/2 + 3)) }
    """
    current = lower(loads(text), real="float32").current
    for v in (-200.0, -150.0, -92.0, 200.0):
        expected = 1 / (1 + np.exp(v + 90)) + 1 / (1 + np.exp(v / 2 + 3))
        got = _call(current, {"v": np.float32(v)})[0]
        assert got == pytest.approx(expected, rel=1e-5, abs=1e-30)
