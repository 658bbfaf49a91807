"""Lowered programs of the shipped channels against a literal interpreter of the same code."""

from __future__ import annotations

from importlib import resources

import numpy as np
import pytest

from neurosim.mechanisms.mechanism import Mechanism
from neurosim.mechanisms.nmodl import loads
from tests.interpreter import Interpreter
from tests.lowering import Instance
from tests.tolerances import ROUNDOFF

NOT_INTERPRETED = {"NaV": "KINETIC", "CaShell": "derivimplicit"}
AROUND = {"ena": 53.0, "ek": -107.0, "eca": 130.0, "cai": 3e-4, "cao": 2.0, "ica": -2e-3, "area": 300.0, "diam": 3.0}
SINGULAR = (-40.0, -55.0, -66.0, -69.0, -48.0, -27.0, -17.0, -64.4, -154.9)


def library() -> dict[str, Mechanism]:
    """Return every shipped mechanism that the interpreter can run, without tables."""
    folder = resources.files("neurosim.mechanisms.library")
    files = {f.name.removesuffix(".mod"): f for f in folder.iterdir() if f.name.endswith(".mod")}
    return {
        n: loads(f.read_text("utf-8"), f.name, tables=False)
        for n, f in sorted(files.items())
        if n not in NOT_INTERPRETED
    }


MECHANISMS = library()


def voltages() -> list[float]:
    """Return random voltages, and the places where rates are 0/0."""
    rng = np.random.default_rng(5)
    return [*SINGULAR, -500.0, -260.0, 150.0, 500.0, *rng.uniform(-130.0, 60.0, 36)]


@pytest.mark.parametrize("name", MECHANISMS)
def test_programs_equal_a_literal_interpreter(name: str) -> None:
    mech = MECHANISMS[name]
    rng = np.random.default_rng(11)
    states = [s.name for s in mech.states]
    ours = Instance(mech)
    for celsius, v in zip(rng.uniform(6.0, 37.0, 49), voltages(), strict=True):
        around = {**AROUND, "v": v, "t": float(rng.uniform(0, 300)), "dt": 0.025, "celsius": celsius}
        twin = Interpreter(mech, **around)
        ours.fields = dict(ours.lowered.defaults)
        ours.prepare(around)
        rest = ours.run("initial", around)
        twin.initial()
        around |= rest
        for s in states:
            start = float(rng.uniform(0.05, 0.9))
            if s in ours.fields:
                assert ours.fields[s] == pytest.approx(twin.values[s], rel=ROUNDOFF, abs=ROUNDOFF)
                ours.fields[s] = twin.values[s] = start
        around |= ours.run("advance", around)
        twin.advance()
        for s in states:
            mine = ours.fields.get(s, around.get(s))
            assert mine == pytest.approx(twin.values[s], rel=ROUNDOFF, abs=ROUNDOFF)
        i, g = twin.current()
        found = ours.run("current", around)
        if "i" in found:
            assert found["i"] == pytest.approx(i, rel=ROUNDOFF, abs=ROUNDOFF)
            assert found["g"] == pytest.approx(g, rel=1e-9, abs=1e-9 * max(1.0, abs(i)))
