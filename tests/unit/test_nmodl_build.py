"""What the declarations of a .mod file mean, and which mistakes and constructs are refused."""

from __future__ import annotations

import pickle

import pytest

from neurosim.errors import MechanismError, UnsupportedConstructError
from neurosim.mechanisms import Kind, Mechanism, loads
from neurosim.mechanisms.syntax import Assign, Binary, Local, Name, Num, Parameter, State, Variable

HEAD = "NEURON { SUFFIX probe NONSPECIFIC_CURRENT i RANGE g }\nPARAMETER { g = 0.5 (S/cm2) <0, 10> }\n"


def code(text: str) -> Mechanism:
    return loads(HEAD + text, "probe.mod")


def test_declarations_become_a_record() -> None:
    mech = loads(
        """
NEURON {
    POINT_PROCESS Probe
    USEION ca READ eca, cai WRITE ica
    ELECTRODE_CURRENT ie
    RANGE g, y
    GLOBAL z
}
DEFINE N 4
PARAMETER { v (mV) celsius = 36 eca = 140 (mV) dt = 1 g = 2e-3 (uS) <0, 1> z = -3 (mM) m0 = 0.25 w[N] = 7 }
ASSIGNED { ica (nA) x[N] (ms) y (mV) ie (nA) area diam t }
STATE { m h START 0.5 (1) n FROM 0 TO 1 }
LOCAL shared
BREAKPOINT { ie = g ica = cai*z + shared + x[3] }
"""
    )
    assert (mech.name, mech.kind, mech.electrode, mech.nonspecific) == ("Probe", Kind.POINT, ("ie",), ())
    assert mech.parameters == (
        Parameter("g", 2e-3, "uS", "range", 0.0, 1.0),
        Parameter("z", -3.0, "mM", "global"),
        Parameter("m0", 0.25, "", "global"),
        Parameter("w", 7.0, "", "global", length=4),
    )
    assert mech.assigned == (
        Variable("x", "ms", False, 4),
        Variable("y", "mV", True),
        Variable("ie", "nA", True),
        Variable("shared", "", False),
    )
    assert mech.states == (State("m", "", "m0"), State("h", "1", 0.5), State("n", "", 0.0))


def test_an_undeclared_current_and_start_are_made() -> None:
    mech = loads(
        "NEURON { SUFFIX p NONSPECIFIC_CURRENT i GLOBAL m0 }\nSTATE { m }\nINITIAL { m = m0 }\nBREAKPOINT { i = m }"
    )
    assert mech.assigned == (Variable("i", "mA/cm2", True),)
    assert mech.parameters == (Parameter("m0", 0.0),)
    assert mech.states == (State("m", "", "m0"),)


def test_constants_are_folded_and_local_names_shadow_them() -> None:
    mech = code(
        "DEFINE TWO 2\nUNITS { FARADAY = (faraday) (coulomb) k = 3.5 (mV) }\nCONSTANT { c = 7 (ms) }\n"
        "BREAKPOINT { i = FARADAY*k*c*TWO*two(1) }\nFUNCTION two(k) { LOCAL c c = k two = c }\n"
    )
    (current,) = mech.code.breakpoint
    assert isinstance(current, Assign)
    product = current.value
    found = []
    while isinstance(product, Binary):
        found.append(product.b)
        product = product.a
    assert [product, *found[:0:-1]] == [Num(96485.33212331001), Num(3.5), Num(7.0), Num(2.0)]
    assert mech.code.routines[0].body == (
        Local((("c", 0),), 7),
        Assign(Name("c"), Name("k"), 7),
        Assign(Name("two"), Name("c"), 7),
    )


def test_net_receive_and_its_initial_are_apart() -> None:
    mech = loads(
        "NEURON { POINT_PROCESS p NONSPECIFIC_CURRENT i }\nSTATE { g }\nBREAKPOINT { SOLVE d METHOD cnexp i = g*v }\n"
        "DERIVATIVE d { g' = -g }\nNET_RECEIVE(w (uS), last (ms)) { INITIAL { last = t }\n"
        " g = g + w*(t - last)\n last = t\n state_discontinuity(g, g + 1) }"
    )
    receive = mech.code.net_receive
    assert receive is not None
    assert receive.parameters == ("w", "last")
    assert receive.initial == (Assign(Name("last"), Name("t"), 5),)
    assert receive.body[-1] == Assign(Name("g"), Binary("+", Name("g"), Num(1.0)), 8)


def test_what_has_no_effect_is_dropped_with_a_notice() -> None:
    mech = code(
        "VERBATIM\n#include <math.h>\n/* nothing */\nENDVERBATIM\nINITIAL { VERBATIM\nreturn 0;\nENDVERBATIM\n"
        'printf("%g", v) at_time(5) }\nBREAKPOINT { CONDUCTANCE g\n i = g*v + at_time(t) }'
    )
    assert mech.code.initial == ()
    assert [n.line for n in mech.notices] == [3, 7, 10, 11]
    (current,) = mech.code.breakpoint
    assert isinstance(current, Assign)
    assert current.value == Binary("+", Binary("*", Name("g"), Name("v")), Num(0.0))


def test_a_reservoir_may_stand_in_a_reaction() -> None:
    mech = code(
        "PARAMETER { out = 2 }\nSTATE { c }\nBREAKPOINT { SOLVE k METHOD sparse i = c }\n"
        "KINETIC k { ~ c <-> out (1, 1) }"
    )
    assert mech.code.blocks[0].body


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("BREAKPOINT { i = gbar*v }", 3, "undefined name 'gbar'; declare it"),
        ("BREAKPOINT {\n i = gg*v }", 4, "undefined name 'gg'; did you mean g?"),
        ("BREAKPOINT { j = g*v }", 3, "assignment to undeclared 'j'"),
        ("BREAKPOINT { i = exp(v, 2) }", 3, r"exp\(\) takes 1 argument\(s\), got 2"),
        ("BREAKPOINT { i = f(v) }\nFUNCTION f(a, b) { f = a + b }", 3, r"f\(\) takes 2 argument\(s\), got 1"),
        ("BREAKPOINT { i = expp(v) }", 3, "unknown function 'expp'; did you mean exp?"),
        ("BREAKPOINT { i = g*f }\nFUNCTION f(a) { f = a }", 3, r"'f' is a FUNCTION; write f\(...\) to call it"),
        ("BREAKPOINT { i = g*p(v) }\nPROCEDURE p(a) { }", 3, "the PROCEDURE 'p' has no value"),
        ("BREAKPOINT { i = g\n exp(v) }", 4, "is not used; is an operator missing before it?"),
        (
            "BREAKPOINT { SOLVE stat METHOD cnexp i = g }\nSTATE { m }\nDERIVATIVE states { m' = -m }",
            3,
            "did you mean states?",
        ),
        (
            "STATE { m }\nBREAKPOINT { SOLVE s METHOD sparse i = g }\nDERIVATIVE s { m' = -m }",
            4,
            "METHOD sparse cannot solve",
        ),
        ("STATE { m }\nBREAKPOINT { SOLVE s METHOD cnxp i = g }\nDERIVATIVE s { m' = -m }", 4, "allowed: cnexp"),
        (
            "STATE { m }\nBREAKPOINT { SOLVE s SOLVE s i = g }\nDERIVATIVE s { m' = -m }",
            4,
            "'s' is solved already in line 4",
        ),
        ("STATE { mm }\nDERIVATIVE s { m' = -mm }", 4, "'m' is not a STATE; did you mean mm?"),
        ("STATE { m }\nBREAKPOINT { m' = -m }", 4, "m' = belongs into a DERIVATIVE block"),
        ("STATE { m }\nDERIVATIVE s { m = -m }", 4, "has no equation such as m' ="),
        ("ASSIGNED { g }", 3, "'g' is declared already in line 2"),
        ("FUNCTION g(x) { g = x }", 3, "is a variable .line 2. and a block"),
        ("FUNCTION f(x) { f = x }\nPROCEDURE f() { }", 4, "a block 'f' exists already in line 3"),
        ("ASSIGNED { x[3] }\nBREAKPOINT { i = x }", 4, "'x' is an array of 3 and needs an index"),
        ("ASSIGNED { x[3] }\nBREAKPOINT { i = x[3] }", 4, r"x\[3\] is outside 0 to 2"),
        ("BREAKPOINT { i = g[0] }", 3, "'g' is not an array"),
        ("BREAKPOINT { t = 3 }", 3, "'t' belongs to the simulator"),
        ("UNITS { k = 3 (mV) }\nBREAKPOINT { k = 3 }", 4, "'k' is a constant and cannot be assigned"),
        ("UNITS {\n k = (faradey) (coulomb) }", 4, "unknown unit 'faradey'; did you mean faraday"),
        ("UNITS { (mM) = (milli/liter)\n (mM) = (micro/liter) }", 4, "two meanings"),
        ("NET_RECEIVE(w) { }", 3, "NET_RECEIVE needs a POINT_PROCESS"),
        ("PROCEDURE p(a, b) { TABLE g FROM 0 TO 1 WITH 5\n g = a }", 3, "TABLE needs a block with one argument"),
        ("PROCEDURE p(a) { TABLE q FROM 0 TO 1 WITH 5\n g = a }", 3, "TABLE names unknown 'q'"),
        ("FUNCTION f(a) { TABLE g FROM 0 TO 1 WITH 5\n f = a }", 3, "a FUNCTION names no variables"),
        ("NEURON { GLOBAL gx }", 3, "GLOBAL names undeclared 'gx'; did you mean g?"),
        ("NEURON { USEION ca READ ek }", 3, "'ek' is no variable of it; allowed: eca, ica, cai, cao; did you mean eca"),
        ("NEURON { USEION ca READ eca\n USEION ca WRITE ica }", 4, "a second USEION ca"),
        ("NEURON { SUFFIX again }", 3, "a second name 'again'"),
        ("NEURON { RANGE g, }", 3, "expected a name in the list"),
        ("BREAKPOINT { net_send(3, 1) }", 3, "net_send belongs into INITIAL or NET_RECEIVE"),
        ("INITIAL { net_event(t) }", 3, "net_event belongs into NET_RECEIVE"),
        ("INITIAL { WATCH (v > 3) 2 }", 3, "WATCH belongs into NET_RECEIVE"),
        ("INITIAL { FOR_NETCONS(w) { } }", 3, "FOR_NETCONS belongs into NET_RECEIVE"),
        ("BEFORE SOLVE { }", 3, "expected BREAKPOINT or INITIAL or STEP after BEFORE, got 'SOLVE'"),
        ("NEURON { POINTER p }\nASSIGNED { p[3] }", 3, "the POINTER 'p' is an array"),
        ("NEURON { BBCOREPOINTER p }\nASSIGNED { p }\nBREAKPOINT { p = 3 }", 5, "assignment to a POINTER"),
    ],
)
def test_mistakes_are_refused_at_their_line_with_advice(text: str, line: int, says: str) -> None:
    with pytest.raises(MechanismError, match=says) as error:
        code(text)
    assert error.value.line == line
    assert not isinstance(error.value, UnsupportedConstructError) or "POINTER" in says


@pytest.mark.parametrize(
    ("text", "line", "construct"),
    [
        ("NEURON { EXTERNAL x }", 3, "EXTERNAL"),
        ("INITIAL { VERBATIM\ndouble x = 3;\nENDVERBATIM }", 3, "VERBATIM"),
        ("BREAKPOINT { i = poisrand(3) }", 3, "RANDOM"),
        ("DISCRETE d { }", 3, "DISCRETE"),
        ("STATE { c }\nKINETIC k {\n LONGITUDINAL_DIFFUSION 3 { c } }", 5, "LONGITUDINAL_DIFFUSION"),
        ("STATE { c }\nDERIVATIVE d { c'' = -c }", 4, "PRIME2"),
        ("STATE { c }\nBREAKPOINT { SOLVE d METHOD adams }\nDERIVATIVE d { c' = -c }", 4, "METHOD adams"),
        ("STATE { c }\nBREAKPOINT { SOLVE d METHOD euler IFERROR { } }\nDERIVATIVE d { c' = -c }", 4, "IFERROR"),
        ("FUNCTION f(x) { f = h(x) }\nFUNCTION h(x) { h = f(x) }", 3, "recursion"),
    ],
)
def test_constructs_that_do_not_run_are_refused_by_name(text: str, line: int, construct: str) -> None:
    with pytest.raises(UnsupportedConstructError) as error:
        code(text)
    assert (error.value.construct, error.value.line) == (construct, line)
    assert "is not supported; " in str(error.value)


def test_suffix_nothing_is_a_mechanism_that_does_nothing() -> None:
    mech = loads("NEURON { SUFFIX nothing }\nFUNCTION twice(x) { twice = 2*x }")
    assert (mech.name, mech.parameters, mech.states, mech.code.breakpoint) == ("nothing", (), (), ())


def test_flag_has_a_meaning_in_net_receive_only() -> None:
    head = "NEURON { POINT_PROCESS p NONSPECIFIC_CURRENT i }\nBREAKPOINT { i = 0 }\n"
    assert loads(head + "NET_RECEIVE(w) { if (flag == 0) { w = 1 } }").code.net_receive is not None
    with pytest.raises(MechanismError, match="undefined name 'flag'"):
        loads(head + "NET_RECEIVE(w) { f() }\nPROCEDURE f() { LOCAL a\n a = flag }")
    assert loads(head + "ASSIGNED { flag }\nINITIAL { flag = 1 }").assigned[0].name == "flag"


def test_a_mechanism_is_a_value() -> None:
    a, b = code("BREAKPOINT { i = g*v }"), code("BREAKPOINT { i = g*v }")
    assert a == b
    assert hash(a) == hash(b)
    assert pickle.loads(pickle.dumps(a)) == a
    assert a.variant("other", g=1.0).defaults == {"g": 1.0}
    assert a.variant("other", g=1.0).digest == a.digest
    assert code("BREAKPOINT { i = g*v*2 }").digest != a.digest


def test_tables_can_be_switched_off_at_loading() -> None:
    assert loads(HEAD + "BREAKPOINT { i = g }", tables=False).use_tables is False
    assert loads(HEAD + "BREAKPOINT { i = g }").use_tables is True
