"""Which synapses only add the weight to their states, and which may be summed: a decision from the code."""

from __future__ import annotations

import pytest

from neurosim.mechanisms import library, loads
from neurosim.mechanisms.lower import lower
from neurosim.mechanisms.program import Additive
from tests.lowering import call


def synapse(
    receive: str,
    *,
    declare: str = "",
    initial: str = "g = 0",
    advance: str = "g' = -g/tau",
    current: str = "i = g*(v - e)",
    head: str = "",
) -> Additive | None:
    """Return the record of a synapse with state ``g``, parameters ``tau``, ``e`` and ``k``."""
    text = (
        f"NEURON {{ POINT_PROCESS P NONSPECIFIC_CURRENT i RANGE tau, e {head} }}\nPARAMETER {{ tau = 2 e = 0 k = 3 }}\n"
        f"ASSIGNED {{ v i celsius dt {declare} }}\nSTATE {{ g }}\nINITIAL {{ {initial} }}\n"
        f"BREAKPOINT {{ SOLVE s METHOD cnexp {current} }}\nDERIVATIVE s {{ {advance} }}\nNET_RECEIVE(w) {{ {receive} }}"
    )
    return lower(loads(text)).additive


@pytest.mark.parametrize(
    ("name", "states", "coefficients"), [("ExpSyn", ("g",), (1.0,)), ("Exp2Syn", ("A", "B"), ("factor", "factor"))]
)
def test_the_usual_synapses_are_joinable(
    name: str, states: tuple[str, ...], coefficients: tuple[str | float, ...]
) -> None:
    assert lower(library.get(name)).additive == Additive(states, coefficients, True)


def test_another_coefficient_becomes_a_hidden_field_that_initial_computes() -> None:
    text = (
        "NEURON { POINT_PROCESS P NONSPECIFIC_CURRENT i }\nPARAMETER { tau = 4 k = 3 }\nASSIGNED { v i q }\n"
        "STATE { s }\nINITIAL { s = 0 q = 2*k }\nBREAKPOINT { SOLVE d METHOD cnexp i = s*v }\n"
        "DERIVATIVE d { s' = -s/tau }\nNET_RECEIVE(w) { s = s + w*q*k/tau }"
    )
    lowered = lower(loads(text))
    assert lowered.additive == Additive(("s",), ("s_jump",), True)
    assert "s_jump" in lowered.fields
    assert call(lowered.initial, {"k": 3.0, "tau": 4.0, "k0": -0.025})["s_jump"] == 4.5


@pytest.mark.parametrize(
    "receive",
    [
        "g = g + w*v",
        "g = g + w*t",
        "g = g + w*w",
        "g = 2*g + w",
        "g = g + 1",
        "g = w",
        "if (w > 0) { g = g + w }",
        "g = g + w*(1 - flag) net_event(t + flag)",
        "g = g + w net_event(t)",
        "g = g + w w = w/2",
        "g = g + w*g",
    ],
)
def test_what_is_more_than_an_addition_is_not_additive(receive: str) -> None:
    assert synapse(receive) is None


def test_a_coefficient_that_changes_during_a_run_is_not_additive() -> None:
    assert synapse("g = g + w*q", declare="q", current="i = g q = q + 1", initial="g = 0 q = k") is None
    assert synapse("g = g + w*q", declare="q", initial="g = 0 q = k") == Additive(("g",), ("q",), True)


def test_only_events_of_connections_must_add() -> None:
    found = synapse("if (flag == 0) { g = g + w } else { g = 0 net_event(t) }", initial="g = 0 net_send(1, 1)")
    assert found == Additive(("g",), (1.0,), False)


def test_an_instance_that_sends_itself_events_is_not_joinable() -> None:
    assert synapse("g = g + w", initial="g = 0 net_send(1, 1)") == Additive(("g",), (1.0,), False)


@pytest.mark.parametrize(
    "changed",
    [
        {"advance": "g' = -g/tau + 1"},
        {"advance": "g' = -g*v/tau"},
        {"advance": "g' = -g*g"},
        {"current": "i = g*g*(v - e)"},
        {"current": "i = (g + 1)*(v - e)"},
        {"initial": "g = k"},
        {"declare": "vg", "current": "i = g*(v - vg)", "head": "POINTER vg"},
    ],
)
def test_what_does_not_add_up_is_not_joinable(changed: dict[str, str]) -> None:
    assert synapse("g = g + w", **changed) == Additive(("g",), (1.0,), False)


def test_a_conductance_that_depends_on_voltage_is_joinable() -> None:
    found = synapse("g = g + w", current="i = g/(1 + exp(-v/10))*(v - e)")
    assert found == Additive(("g",), (1.0,), True)


def test_an_accumulator_of_input_is_additive_and_not_joinable() -> None:
    found = synapse("q = q + w", declare="q", advance="g' = -g + q*v q = 0", initial="g = 0 q = 0")
    assert found == Additive(("q",), (1.0,), False)


def test_a_recorded_variable_that_an_event_changes_is_seen() -> None:
    text = (
        "NEURON { POINT_PROCESS P NONSPECIFIC_CURRENT i RANGE count }\nPARAMETER { tau = 2 }\nASSIGNED { v i count }\n"
        "STATE { s }\nINITIAL { s = 0 }\nBREAKPOINT { SOLVE d METHOD cnexp i = s*v }\nDERIVATIVE d { s' = -s/tau }\n"
        "NET_RECEIVE(w) { s = s + w count = count + 1 }"
    )
    assert lower(loads(text)).additive == Additive(("s",), (1.0,), True)
    assert lower(loads(text), keep=["count"]).additive is None
