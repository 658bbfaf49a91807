"""What the lowering hands over: names, fields, outputs, optimised operations, refusals."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from neurosim.errors import MechanismError, UnsupportedConstructError
from neurosim.kernels import plain
from neurosim.mechanisms.lower import lower, symbol
from neurosim.mechanisms.nmodl import loads
from neurosim.mechanisms.program import Lowered, Program
from tests.lowering import Instance, call, compiled
from tests.lowering_mods import MODS
from tests.tolerances import EXACT, ROUNDOFF
from tests.unit.test_lower_library import AROUND, MECHANISMS


def channel(body: str, *, declare: str = "", head: str = "NONSPECIFIC_CURRENT i") -> str:
    """Return a .mod text around a BREAKPOINT or other blocks; ``g``, ``e`` and ``i`` are declared."""
    return (
        f"NEURON {{ SUFFIX probe {head} }}\nPARAMETER {{ g = 0.5 e = -60 }}\n"
        f"ASSIGNED {{ v i dt t celsius {declare} }}\n{body}\n"
    )


def counts(*programs: Program) -> tuple[int, int]:
    """Return the numbers of exponentials and divisions."""
    text = "".join(p.source for p in programs)
    return len(re.findall(r"\bexp\(", text)), text.count(" / ")


def operations(lowered: Lowered) -> tuple[int, int]:
    """Return exponentials and divisions of one step."""
    return counts(lowered.current, lowered.advance)


# ---- names, fields, outputs


@pytest.mark.parametrize(
    ("field", "spelled"),
    [
        ("gbar", "gbar"),
        ("i", "i__"),
        ("g", "g__"),
        ("x", "x__"),
        ("c[2]", "c__2"),
        ("del", "del__"),
        ("where", "where__"),
    ],
)
def test_fields_are_spelled_as_python_names_that_mean_nothing_else(field: str, spelled: str) -> None:
    assert symbol(field) == spelled
    assert spelled.isidentifier()


def test_temporaries_need_no_field() -> None:
    text = channel("BREAKPOINT { w = g*2 i = w*(v - e) }", declare="w")
    assert lower(loads(text)).fields == ("g", "e")


def test_keep_stores_a_temporary() -> None:
    text = channel("BREAKPOINT { w = g*2 i = w*(v - e) }", declare="w")
    lowered = lower(loads(text), keep=["w"])
    assert lowered.fields == ("g", "e", "w")
    assert lowered.current.outputs == ("i", "g", "w")
    assert call(lowered.current, {"g__": 0.25, "e": -50.0, "v": -40.0}) == {"i": 5.0, "g": 0.5, "w": 0.5}


def test_a_variable_read_before_it_is_written_is_stored() -> None:
    text = channel("INITIAL { w = 3*g }\nBREAKPOINT { i = w*(v - e) }", declare="w")
    lowered = lower(loads(text))
    assert lowered.initial.outputs == ("w",)
    assert "w" in lowered.current.inputs


def test_what_a_variable_needs_is_stored_as_well() -> None:
    body = "INITIAL { u = 0 w = 0 }\nBREAKPOINT { i = w*(v - e) w = u + 1 u = v }"
    lowered = lower(loads(channel(body, declare="u w")))
    assert {"u", "w"} <= set(lowered.fields)
    assert {"u", "w"} <= set(lowered.current.outputs)


def test_conductance_of_a_linear_current_is_exact_and_costs_one_evaluation() -> None:
    lowered = lower(loads(channel("BREAKPOINT { i = g*(v - e) + 2*v }")))
    assert lowered.current.source.count("\n") < 7
    assert call(lowered.current, {"g__": 0.5, "e": -60.0, "v": -40.0}) == {"i": -70.0, "g": 2.5}


def test_conductance_of_another_current_is_neurons_difference() -> None:
    lowered = lower(loads(channel("BREAKPOINT { i = g*v*v }")))
    out = call(lowered.current, {"g__": 0.5, "v": -40.0})
    assert out["g"] == pytest.approx((0.5 * 39.999**2 - 0.5 * 1600.0) / 0.001, rel=1e-9)
    assert out["g"] != pytest.approx(-40.0, rel=1e-6)


def test_single_precision_differentiates() -> None:
    lowered = lower(loads(channel("BREAKPOINT { i = g*v*v*exp(v/20) }")), real="float32")
    assert "float32(0.05)" in lowered.current.source
    out = call(lowered.current, {"g__": 0.5, "v": -40.0})
    assert out["g"] == pytest.approx(0.5 * (-80.0 + 80.0) * np.exp(-2.0), abs=1e-5)


def test_electrode_currents_count_inwards() -> None:
    lowered = lower(loads(channel("BREAKPOINT { i = g*(e - v) }", head="ELECTRODE_CURRENT i")))
    assert call(lowered.current, {"g__": 0.5, "e": -60.0, "v": -40.0}) == {"i": 10.0, "g": 0.5}


def test_an_electrode_current_turns_the_sign_of_its_mechanisms_other_currents() -> None:
    """NEURON 9.0.2 adds all currents of such a mechanism inwards."""
    head = "NONSPECIFIC_CURRENT i ELECTRODE_CURRENT ie RANGE ie"
    lowered = lower(loads(channel("BREAKPOINT { i = g*(v - e) ie = 2 }", declare="ie (mA/cm2)", head=head)))
    assert call(lowered.current, {"g__": 0.5, "e": -60.0, "v": -40.0}) == {"i": -12.0, "g": -0.5}


def test_a_steady_state_that_never_settles_stays_where_neuron_leaves_it() -> None:
    """``a << ((1 - a)/5)`` is explicit in a and swings; NEURON 9.0.2 ends at 0, 0 after its 22 rounds and goes on."""
    text = channel(
        "STATE { a b }\nINITIAL { a = 0.3 b = 0.1 SOLVE k STEADYSTATE sparse }\n"
        "BREAKPOINT { SOLVE k METHOD sparse i = g*a*(v - e) }\n"
        "KINETIC k { ~ a <-> b (0.2/(1 + exp(-(v + 40)/10)), 0.1) ~ a << ((1 - a)/5) }"
    )
    assert call(lower(loads(text)).initial, {"v": -65.0, "dt": 0.025}) == {"a": 0.0, "b": 0.0}


def test_a_mechanism_without_currents_runs_its_breakpoint_once_a_step() -> None:
    text = "NEURON { SUFFIX p RANGE a }\nASSIGNED { v a }\nBREAKPOINT { a = v }"
    assert lower(loads(text)).current.outputs == ()
    assert lower(loads(text)).advance.outputs == ()
    assert lower(loads(text), keep=["a"]).current.outputs == ()
    assert lower(loads(text), keep=["a"]).advance.outputs == ("a",)


def test_states_start_at_their_start() -> None:
    text = channel("STATE { m n }\nINITIAL { n = 2*m }\nBREAKPOINT { i = m*n*v }").replace(
        "g = 0.5", "g = 0.5 m0 = 0.25"
    )
    lowered = lower(loads(text))
    values = {symbol(f): x for f, x in lowered.defaults.items()}
    assert call(lowered.initial, values) == {"m": 0.25, "n": 0.5}


def test_an_event_changes_states_and_the_connections_own_values() -> None:
    body = (
        "STATE { m }\nINITIAL { m = 0 w = 2 }\nBREAKPOINT { i = m*v }\n"
        "NET_RECEIVE(weight, count, last) { INITIAL { last = t }\n"
        "count = count + 1 m = m + w*weight*exp(-(t - last)/e) last = t }"
    )
    lowered = lower(loads(channel(body, declare="w").replace("SUFFIX", "POINT_PROCESS")))
    assert lowered.receive is not None
    assert lowered.connect is not None
    assert "w" in lowered.fields
    assert call(lowered.connect, {"t": 3.0}) == {"arg2": 3.0}
    around = {"arg0": 0.5, "arg1": 4.0, "arg2": 1.0, "t": 1.0, "m": 0.25, "w": 2.0, "e": -60.0}
    assert call(lowered.receive, around) == {"arg1": 5.0, "arg2": 1.0, "m": 1.25}
    assert call(lowered.receive, {**around, "t": 61.0})["m"] == pytest.approx(0.25 + np.e, rel=ROUNDOFF)


def test_without_net_receive_there_is_no_event_program() -> None:
    assert lower(loads(channel("BREAKPOINT { i = v }"))).receive is None


# ---- operations


def test_hh_takes_five_exponentials() -> None:
    exps, divisions = operations(lower(MECHANISMS["hh"]))
    assert exps == 5
    assert divisions <= 6


def test_powers_need_no_pow() -> None:
    lowered = lower(loads(channel("BREAKPOINT { i = g*v^4*sqrt(e^2) + e^0.5 + e^(-2) }")))
    assert "pow_" not in lowered.current.source


def test_several_quotients_of_one_denominator_take_one_division() -> None:
    lowered = lower(loads(channel("BREAKPOINT { i = v/(g + e) + e*e/(g + e) + sin(g)/(g + e) }")))
    assert counts(lowered.current)[1] == 1


def test_opposite_exponentials_in_denominators_share_one() -> None:
    body = "BREAKPOINT { i = (v - e)/(1 - exp((e - v)/g)) + (e - v)/(1 - exp((v - e)/g)) }"
    lowered = lower(loads(channel(body)))
    assert counts(lowered.current)[0] == 2  # at v and at v + 0.001
    v = np.linspace(-80.0, -40.3, 57)
    out = call(lowered.current, {"v": v, "e": -60.0, "g__": 7.0})
    u = (v + 60.0) / 7.0
    assert out["i"] == pytest.approx(7.0 * (u / (1 - np.exp(-u)) - u / (1 - np.exp(u))), rel=ROUNDOFF)


def test_exponentials_of_commensurable_slopes_become_powers_of_one() -> None:
    lowered = lower(loads(channel("BREAKPOINT { i = exp(-(v+40)/10) + exp(-(v+65)/20) + 2*exp(-v/80) + exp(v/18) }")))
    assert counts(lowered.current)[0] == 2  # also those at v + 0.001
    v = np.linspace(-100.0, 60.0, 101)
    expected = np.exp(-(v + 40) / 10) + np.exp(-(v + 65) / 20) + 2 * np.exp(-v / 80) + np.exp(v / 18)
    assert call(lowered.current, {"v": v})["i"] == pytest.approx(expected, rel=40 * 2.0**-53)


def test_exponentials_that_might_overflow_are_not_merged() -> None:
    lowered = lower(loads(channel("BREAKPOINT { i = exp(v/0.5) + exp(v/0.25) }")))
    assert counts(lowered.current)[0] == 4
    assert call(lowered.current, {"v": -400.0})["i"] == EXACT


def test_what_depends_on_temperature_and_step_only_is_computed_once_per_run() -> None:
    body = (
        "STATE { m }\nBREAKPOINT { SOLVE s METHOD cnexp i = m }\nDERIVATIVE s { m' = (e - m)*3^((celsius - 6.3)/10) }"
    )
    lowered = lower(loads(channel(body)))
    assert lowered.constants is not None
    assert "pow_" in lowered.constants.source
    assert "pow_" not in lowered.advance.source
    assert "celsius" not in lowered.advance.inputs


def test_a_product_that_feeds_a_sum_is_fused() -> None:
    lowered = lower(loads(channel("BREAKPOINT { i = g*v + e }")))
    assert "fma(" in lowered.current.source


@pytest.mark.parametrize("where", ["v", "m"])
def test_nan_stays_nan(where: str) -> None:
    for mech in MECHANISMS.values():
        if where not in [s.name for s in mech.states] and where == "m":
            continue
        channel_ = Instance(mech)
        around = {**AROUND, "v": -60.0, "t": 1.0, "dt": 0.025, "celsius": 20.0}
        channel_.prepare(around)
        channel_.run("initial", around)
        around["v"] = np.nan if where == "v" else -60.0
        if where == "m":
            channel_.fields["m"] = np.nan
        channel_.run("advance", around)
        found = channel_.run("current", around)
        if "v" in channel_.lowered.advance.inputs and "m" in channel_.fields:
            assert np.isnan(channel_.fields["m"]), mech.name
        if "v" in channel_.lowered.current.inputs and "i" in found and mech.name not in ("SEClamp", "VClamp"):
            assert np.isnan(found["i"]), mech.name


def test_lanes_of_newton_do_not_depend_on_their_neighbours() -> None:
    lowered = lower(loads(MODS["lwimplicit"]))
    rng = np.random.default_rng(3)
    around: dict[str, Any] = {
        "a": rng.uniform(0, 2, 16),
        "b": rng.uniform(0, 3, 16),
        "c": rng.uniform(0, 1, 16),
        "dt": 0.5,
    }
    around["v"] = rng.uniform(-100, 50, 16)
    around |= call(lowered.constants, {"celsius": 6.3, "dt": 0.5}) if lowered.constants else {}
    together = call(lowered.advance, around)
    for k in range(16):
        alone = call(lowered.advance, {n: x[k] if np.ndim(x) else x for n, x in around.items()})
        assert {n: x[k] for n, x in together.items()} == alone


def test_newton_that_does_not_converge_returns_nan() -> None:
    body = "STATE { m }\nBREAKPOINT { SOLVE s METHOD derivimplicit i = m }\nDERIVATIVE s { m' = 1e6*(1 + m*m) }"
    lowered = lower(loads(channel(body)))
    values = {"m": np.array([0.0, 0.3]), "v": np.zeros(2), "dt": 1.0, "celsius": 6.3}
    values |= call(lowered.constants, values) if lowered.constants else {}
    assert np.isnan(call(lowered.advance, values)["m"]).all()


# ---- refusals


@pytest.mark.parametrize(
    ("body", "construct", "line"),
    [
        ("FUNCTION f(x) {\n f = f(x - 1)\n}\nBREAKPOINT { i = f(v) }", "recursion", 4),
        ("BREAKPOINT {\n LOCAL k\n k = 0\n WHILE (k < 3) { k = k - 1 }\n i = k }", "WHILE", 7),
        ("BREAKPOINT { i = 0\n FROM k = 0 TO 3 BY v { i = i + k }\n }", "FROM", 5),
    ],
)
def test_refusals_name_construct_and_line(body: str, construct: str, line: int) -> None:
    with pytest.raises(UnsupportedConstructError) as caught:
        lower(loads(channel(body), "probe.mod"))
    assert caught.value.construct == construct
    assert caught.value.line == line
    assert "probe.mod" in str(caught.value)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("ASSIGNED { w[3] }\nBREAKPOINT { w[4] = v i = w[4] }", r"w.* outside 0 to 2"),
        ("STATE { m }\nBREAKPOINT { SOLVE s i = m }\nLINEAR s { ~ m*m = v }", "not linear in m"),
        ("STATE { m n }\nBREAKPOINT { SOLVE s i = m }\nLINEAR s { ~ m + n = v }", "1 equations for 2 states"),
    ],
)
def test_errors_say_what_is_wrong(body: str, reason: str) -> None:
    with pytest.raises(MechanismError, match=reason):
        lower(loads(channel(body)))


# ---- the plain dialect


def test_fma_rounds_once() -> None:
    a, b = 1.0 + 2.0**-30, 1.0 - 2.0**-30
    assert plain.fma(a, b, -1.0) == -(2.0**-60)
    assert a * b - 1.0 == 0.0


def test_exp_is_clipped_as_in_nmodl() -> None:
    assert plain.exp(np.float64(-701.0)) == 0.0
    assert plain.exp(np.float64(5000.0)) == plain.exp(np.float64(700.0)) == np.exp(700.0)
    assert np.isnan(plain.exp(np.float64("nan")))


def test_table_ends_and_nan() -> None:
    table = np.array([[1.0, 10.0], [2.0, 30.0], [4.0, 70.0]]).ravel()
    x = np.array([-9.0, 0.0, 0.5, 1.5, 2.0, 9.0, np.nan])
    found = plain.lookup(table, 1, 2, x, 0.0, 1.0, 2)
    np.testing.assert_array_equal(found, [10.0, 10.0, 20.0, 50.0, 70.0, 70.0, np.nan])


def test_programs_are_straight_lines_of_the_dialect() -> None:
    lowered = lower(loads(channel("BREAKPOINT { if (v < e) { i = g } else { i = -g } }")))
    assert "if " not in lowered.current.source
    assert compiled(lowered.current)(e=np.float64(0.0), g__=np.float64(2.0), v=np.float64(1.0))[0] == -2.0
