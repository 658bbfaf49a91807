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


RECEIVERS = [n for n, m in MECHANISMS.items() if m.code.net_receive is not None]


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


@pytest.mark.parametrize("name", RECEIVERS)
def test_events_do_what_a_literal_interpreter_does(name: str) -> None:
    """States, values of connections, and effects in order, after each of 60 events of all flags."""
    mech = MECHANISMS[name]
    rng = np.random.default_rng(7)
    ours, receive = Instance(mech), mech.code.net_receive
    assert receive is not None
    around = {**AROUND, "v": -61.0, "t": 0.0, "dt": 0.025, "celsius": 34.0}
    twin = Interpreter(mech, **around)
    ours.prepare(around)
    ours.run("initial", around)
    twin.initial()
    connections = [[float(rng.uniform(0.1, 2.0)), *([0.0] * (len(receive.parameters) - 1))] for _ in range(3)]
    theirs = [list(c) for c in connections]
    twin.others = theirs
    for _ in range(60):
        around["t"] = twin.values["t"] = around["t"] + float(rng.exponential(5.0))
        k, flag = int(rng.integers(3)), float(rng.choice([0, 0, 0, 1, 2, 3]))
        connections[k] = ours.receive(connections[k], flag, around, connections)
        theirs[k] = twin.receive(theirs[k], flag)
        assert np.array(connections) == pytest.approx(np.array(theirs), rel=ROUNDOFF, abs=ROUNDOFF)
        for field, x in ours.fields.items():
            if field not in ("stream", "draws") and "_jump" not in field and not field.startswith("hoisted"):
                assert x == pytest.approx(float(twin.values.get(field, 0.0)), rel=1e-9, abs=ROUNDOFF), field
        assert [e[0] for e in ours.effects] == [e[0] for e in twin.effects]
        for mine, other in zip(ours.effects, twin.effects, strict=True):
            wanted = list(other[1:])
            if other[0] == "net_send":
                wanted[0] += around["t"]
            assert list(mine[1:]) == pytest.approx(wanted, rel=ROUNDOFF)
