"""Event programs: effects in order, self-events, WATCH, FOR_NETCONS, artificial cells, pointers."""

from __future__ import annotations

from typing import Any

import pytest

from neurosim.errors import MechanismError, UnsupportedConstructError
from neurosim.mechanisms import Kind, loads
from neurosim.mechanisms.lower import lower
from tests.lowering import Instance, call

HEAD = """
NEURON { POINT_PROCESS Probe NONSPECIFIC_CURRENT i RANGE tau, level POINTER far }
PARAMETER { tau = 10 (ms) level = 1 }
ASSIGNED { v (mV) i (nA) far (mV) m count }
BREAKPOINT { i = m*(v - far) }
"""
AROUND: dict[str, Any] = {"t": 4.0, "v": -60.0, "dt": 0.025, "celsius": 20.0}


def probe(code: str) -> Instance:
    """Return an instance of a point process with ``m``, ``count``, ``tau`` and ``level``."""
    return Instance(loads(HEAD + code, "probe.mod"))


def test_a_self_event_has_an_absolute_time_and_its_flag() -> None:
    ours = probe("NET_RECEIVE(w) { net_send(tau/4, 7) }")
    ours.receive([0.5], 0.0, AROUND)
    assert ours.effects == [("net_send", 6.5, 7.0)]


def test_effects_come_in_order_and_only_from_branches_taken() -> None:
    code = """
    NET_RECEIVE(w, last) {
      if (flag == 0) {
        if (w > level) { net_event(t) fire(2) } else { net_move(t + w) }
      } else if (flag == 3) { net_send(1, 4) net_event(t + 2) net_send(2, 5) }
      last = t
    }
    PROCEDURE fire(x) { net_send(x, 1) m = m + x }
    """
    ours = probe(code)
    assert ours.receive([2.0, 0.0], 0.0, AROUND) == [2.0, 4.0]
    assert ours.effects == [("net_event", 4.0), ("net_send", 6.0, 1.0)]
    assert ours.fields["m"] == 2.0
    ours.receive([0.5, 0.0], 0.0, AROUND)
    assert ours.effects == [("net_move", 4.5)]
    ours.receive([0.5, 0.0], 3.0, AROUND)
    assert ours.effects == [("net_send", 5.0, 4.0), ("net_event", 6.0), ("net_send", 6.0, 5.0)]
    ours.receive([0.5, 0.0], 2.0, AROUND)
    assert ours.effects == []


def test_initial_can_send_self_events() -> None:
    lowered = lower(loads(HEAD + "INITIAL { if (tau > 5) { net_send(3, 2) } }\nNET_RECEIVE(w) { }"))
    assert call(lowered.initial, {"tau": 10.0, "t": 0.0}) == {"send0_on": 1.0, "send0_t": 3.0, "send0_flag": 2.0}
    assert call(lowered.initial, {"tau": 1.0, "t": 0.0})["send0_on"] == 0.0


def test_loops_and_calls_give_one_effect_for_each_execution() -> None:
    ours = probe("NET_RECEIVE(w) { FROM k = 1 TO 3 { later(k) } }\nPROCEDURE later(k) { net_send(k, k*10) }")
    ours.receive([0.0], 0.0, AROUND)
    assert ours.effects == [("net_send", 4.0 + k, 10.0 * k) for k in (1, 2, 3)]


def test_a_time_is_added_without_fused_products() -> None:
    lowered = lower(loads(HEAD + "NET_RECEIVE(w) { net_send(w*tau, 1) m = m*w + tau*level }"))
    assert lowered.receive is not None
    assert "fma" not in lowered.receive.source


def test_watch_gives_distances_flags_and_activation() -> None:
    code = "NET_RECEIVE(w) { if (flag == 0) { WATCH (v > level) 2 WATCH (m < tau/2) 3 } else { WATCH (v > m) 4 } }"
    ours = probe(code)
    assert ours.lowered.watch is not None
    assert ours.lowered.watch_flags == (2.0, 3.0, 4.0)
    found = call(ours.lowered.watch, {"v": -60.0, "level": 1.0, "m": 2.0, "tau": 10.0})
    assert found == {"watch0": -61.0, "watch1": 3.0, "watch2": -62.0}
    ours.receive([1.0], 0.0, AROUND)
    assert ours.effects == [("watch", 2.0), ("watch", 3.0)]
    ours.receive([1.0], 2.0, AROUND)
    assert ours.effects == [("watch", 4.0)]


def test_a_list_of_watches_is_several() -> None:
    lowered = lower(loads(HEAD + "NET_RECEIVE(w) { WATCH (v > level) 2, (v < -level) 3 }"))
    assert lowered.watch_flags == (2.0, 3.0)


def test_for_netcons_changes_every_connection_and_sees_the_event() -> None:
    code = """
    NET_RECEIVE(w, pre, post) {
      INITIAL { pre = 0 post = 0 }
      m = m + w
      if (flag == 0) { pre = pre + 1 } else { FOR_NETCONS(w1, pre1, post1) { w1 = w1 + pre1*m post1 = t } }
    }
    """
    ours = probe(code)
    connections = [[0.5, 2.0, 0.0], [1.0, 0.0, 9.0]]
    ours.receive([0.25, 0.0, 0.0], 1.0, AROUND, connections)
    assert ours.effects == [("netcons",)]
    assert connections == [[1.0, 2.0, 4.0], [1.0, 0.0, 4.0]]
    assert ours.receive([0.25, 0.0, 0.0], 0.0, AROUND, connections) == [0.25, 1.0, 0.0]
    assert ours.effects == []


def test_a_connection_starts_at_zeros_or_as_its_initial_says() -> None:
    assert probe("NET_RECEIVE(w, a) { a = w }").lowered.connect is None
    without_effect = probe("NET_RECEIVE(w, a) { INITIAL { } a = w }").lowered.connect
    assert without_effect is not None  # the values stay as the user set them
    assert without_effect.outputs == ()
    connect = probe("NET_RECEIVE(w, a) { INITIAL { a = t - level } m = m + w }").lowered.connect
    assert connect is not None
    assert call(connect, {"t": 5.0, "level": 2.0}) == {"arg1": 3.0}
    assert probe("NET_RECEIVE(w, a, b) { }").lowered.arguments_n == 3


def test_a_pointer_is_a_field_of_its_own_kind() -> None:
    mech = loads(HEAD)
    assert mech.pointers == ("far",)
    lowered = lower(mech)
    assert lowered.pointers == ("far",)
    assert "far" in lowered.fields
    assert call(lowered.current, {"v": -60.0, "far": -50.0, "m": 0.5}) == {"i": -5.0, "g": 0.5}
    unused = loads("NEURON { SUFFIX s POINTER p }\nASSIGNED { p }")
    assert unused.pointers == ()
    assert [n.message for n in unused.notices] == ["POINTER p is not used"]


ARTIFICIAL = """
NEURON { ARTIFICIAL_CELL Fire RANGE tau, m }
PARAMETER { tau = 10 (ms) }
ASSIGNED { m last (ms) }
INITIAL { m = 0 last = t }
NET_RECEIVE(w) { m = m*exp(-(t - last)/tau) + w last = t if (m > 1) { net_event(t) m = 0 } }
"""


def test_an_artificial_cell_receives_and_fires() -> None:
    mech = loads(ARTIFICIAL)
    assert mech.kind is Kind.ARTIFICIAL
    ours = Instance(mech)
    assert not ours.lowered.current.outputs
    assert not ours.lowered.advance.outputs
    for t, fires in ((1.0, False), (2.0, True), (30.0, False)):
        ours.receive([0.8], 0.0, {**AROUND, "t": t})
        assert ours.effects == ([("net_event", t)] if fires else [])


def test_an_artificial_cell_with_a_breakpoint_is_stepped_and_needs_no_voltage() -> None:
    text = (
        "NEURON { ARTIFICIAL_CELL Osc RANGE a }\nPARAMETER { a = 0.3 }\nSTATE { x y }\nINITIAL { x = 1 y = 0.2 }\n"
        "BREAKPOINT { SOLVE s METHOD derivimplicit }\nDERIVATIVE s { x' = a*x - x*x*y y' = x*y - y }\n"
        "NET_RECEIVE(w) { }"
    )
    lowered = lower(loads(text))
    assert lowered.current.outputs == ()
    assert "v" not in lowered.advance.inputs
    assert set(lowered.advance.outputs) == {"x__", "y"}


@pytest.mark.parametrize(
    ("code", "line", "says"),
    [
        ("NET_RECEIVE(w) {\n m = v }", 7, "an ARTIFICIAL_CELL has no 'v'"),
        ("NET_RECEIVE(w) {\n m = area }", 7, "an ARTIFICIAL_CELL has no 'area'"),
        ("NET_RECEIVE(w) {\n v = 3 }", 7, "an ARTIFICIAL_CELL has no 'v'"),
        ("NEURON { USEION ca READ cai }\nNET_RECEIVE(w) { }", 6, "no ion .ca."),
        ("NEURON { NONSPECIFIC_CURRENT i }\nNET_RECEIVE(w) { }", 6, "no current .i."),
    ],
)
def test_what_only_a_place_in_a_cell_has_is_no_part_of_an_artificial_cell(code: str, line: int, says: str) -> None:
    head = ARTIFICIAL[: ARTIFICIAL.index("NET_RECEIVE")]
    with pytest.raises(MechanismError, match=says) as caught:
        loads(head + code)
    assert caught.value.line == line


@pytest.mark.parametrize(
    ("code", "line", "says"),
    [
        ("BREAKPOINT {\n net_send(1, 1) }\nNET_RECEIVE(w) { }", 7, "net_send belongs into INITIAL or NET_RECEIVE"),
        ("NET_RECEIVE(w) {\n net_send(1) }", 7, r"net_send\(\) takes 2 argument\(s\), got 1"),
        ("NET_RECEIVE(w) {\n m = net_event(t) }", 7, r"net_event\(...\) has no value"),
        ("NET_RECEIVE(w) {\n far = 3 }", 7, "assignment to a POINTER"),
        ("NET_RECEIVE(w) {\n WATCH (v) 2 }", 7, "must be one comparison"),
        ("NET_RECEIVE(w) {\n WATCH (v > w) 2 }", 7, "undefined name 'w'"),
        ("NET_RECEIVE(w) {\n WATCH (v > 0) m }", 7, "the flag of WATCH must be a number"),
        ("NET_RECEIVE(w, a) {\n FOR_NETCONS(x) { } }", 7, "FOR_NETCONS names 1 values, NET_RECEIVE 2"),
        ("NET_RECEIVE() { }", 6, "needs the weight"),
    ],
)
def test_mistakes_in_events_are_refused_at_their_line(code: str, line: int, says: str) -> None:
    with pytest.raises(MechanismError, match=says) as caught:
        loads(
            HEAD.replace("BREAKPOINT { i = m*(v - far) }\n", "\n" if "BREAKPOINT" in code else "INITIAL { }\n") + code
        )
    assert caught.value.line == line


@pytest.mark.parametrize(
    ("code", "construct"),
    [
        ("NET_RECEIVE(w) { }\nPROCEDURE p() { net_send(1, 1) }\nAFTER SOLVE { p() }", "net_send"),
        ("NET_RECEIVE(w) {\n FOR_NETCONS(x) { m = m + x } }", "FOR_NETCONS"),
        ("NET_RECEIVE(w) {\n FOR_NETCONS(x) { net_send(1, 1) } }", "net_send"),
        ("NET_RECEIVE(w) { INITIAL { p() } }\nPROCEDURE p() { net_send(1, 1) }", "net_send"),
        ("NET_RECEIVE(w) {\n while (m > w) { m = m - 1 net_send(1, 1) } }", "net_send"),
    ],
)
def test_events_where_they_cannot_be_are_refused(code: str, construct: str) -> None:
    with pytest.raises(UnsupportedConstructError) as caught:
        lower(loads(HEAD + code))
    assert caught.value.construct == construct


def test_events_cannot_change_an_ion() -> None:
    text = (
        "NEURON { POINT_PROCESS P USEION ca READ cai WRITE cai }\nASSIGNED { cai v }\nBREAKPOINT { }\n"
        "NET_RECEIVE(w) {\n cai = cai + w }"
    )
    with pytest.raises(UnsupportedConstructError, match="cai is assigned in NET_RECEIVE"):
        lower(loads(text))


def test_names_of_effects_and_inputs_can_be_variables() -> None:
    text = (
        "NEURON { POINT_PROCESS P NONSPECIFIC_CURRENT i }\nPARAMETER { send0_on = 2 other1 = 3 random_key = 4 D = 5 }\n"
        "ASSIGNED { v i m }\nBREAKPOINT { i = m*send0_on*other1*random_key*D }\n"
        "NET_RECEIVE(w) { m = m + w*send0_on net_send(1, 1) }"
    )
    ours = Instance(loads(text))
    ours.receive([1.5], 0.0, AROUND)
    assert (ours.fields["m"], ours.effects) == (3.0, [("net_send", 5.0, 1.0)])
    assert ours.run("current", AROUND)["i"] == 360.0
