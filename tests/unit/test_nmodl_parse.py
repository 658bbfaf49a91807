"""NMODL text to syntax: precedence, units, comments, line numbers, odd encodings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurosim.errors import MechanismError
from neurosim.mechanisms import load, loads
from neurosim.mechanisms.nmodl.clean import tokenise
from neurosim.mechanisms.nmodl.expressions import expression
from neurosim.mechanisms.syntax import (
    Assign,
    Binary,
    Call,
    Compartment,
    Conserve,
    Expr,
    Flux,
    For,
    If,
    Name,
    Num,
    Prime,
    Reaction,
    Sink,
    Solve,
    Table,
    Unary,
)
from neurosim.mechanisms.text import expression as printed

HEAD = "NEURON { SUFFIX probe NONSPECIFIC_CURRENT i RANGE g }\nPARAMETER { g = 0.5 (S/cm2) <0, 10> }\n"


LONG = (
    HEAD + "DEFINE N 3\nUNITS { (mA) = (milliamp) F = (faraday) (coulomb) }\nSTATE { m c[N] }\nASSIGNED { x[N] (mV) }\n"
    "INITIAL { m = F*0 FROM k = 0 TO N-1 { c[k] = 1 } }\n"
    "BREAKPOINT { SOLVE d METHOD cnexp SOLVE s METHOD sparse i = g }\n"
    "DERIVATIVE d { r(v)\n m' = -m/x[0] }\nKINETIC s { ~ c[0] <-> c[1] (1, 2) CONSERVE c[0] + c[1] = 1 }\n"
    "PROCEDURE r(u (mV)) { LOCAL a TABLE x DEPEND g FROM -1 TO 1 WITH 9\n"
    " if (u > 1) { x[0] = exp(-u) } else { x[0] = 1 } }\n"
)


def read(text: str) -> Expr:
    cur = tokenise(text, "x.mod")
    found = expression(cur)
    assert cur.token.kind == "end"
    return found


A, B, C = Name("a"), Name("b"), Name("c")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("-a^b", Unary("-", Binary("^", A, B))),
        ("a^-b", Binary("^", A, Unary("-", B))),
        ("a^b^c", Binary("^", A, Binary("^", B, C))),
        ("-a*b", Binary("*", Unary("-", A), B)),
        ("a*-b", Binary("*", A, Unary("-", B))),
        ("a - b - c", Binary("-", Binary("-", A, B), C)),
        ("a/b*c", Binary("*", Binary("/", A, B), C)),
        ("a%b", Binary("%", A, B)),
        ("a < b && b >= c || !c", Binary("||", Binary("&&", Binary("<", A, B), Binary(">=", B, C)), Unary("!", C))),
        ("2 (mV) * a", Binary("*", Num(2.0), A)),
        ("exp(a) (ms)", None),
        ("a[2]", Name("a", Num(2.0))),
        ("f(a, 1.5d-3)", Call("f", (A, Num(1.5e-3)))),
        ("(1.)*.5E1", Binary("*", Num(1.0), Num(5.0))),
        ("a - -30.0", Binary("-", A, Unary("-", Num(30.0)))),
    ],
)
def test_operators_bind_as_in_nmodl(text: str, tree: Expr | None) -> None:
    if tree is None:
        with pytest.raises(AssertionError):
            read(text)
    else:
        assert read(text) == tree


@pytest.mark.parametrize(
    "text", ["a - (b - c)", "a*(b*c)", "(a + b)^2", "(-a)^b", "a/(b/c)", "-(a + b)", "(a < b) - c"]
)
def test_printed_expressions_keep_the_parentheses_that_matter(text: str) -> None:
    assert printed(read(text)) == text


def test_comments_titles_strings_and_separators_leave_no_trace() -> None:
    mech = loads(
        '  TITLE a "title: with BREAKPOINT {\nCOMMENT\nit\'s "open\nENDCOMMENT\n'
        + HEAD
        + '? a question\nUNITSOFF\nBREAKPOINT { : a comment with "quote\n  i = g*v ; ; }\nUNITSON\n'
    )
    assert mech.code.breakpoint == (Assign(Name("i"), Binary("*", Name("g"), Name("v")), 10),)


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_line_ends_and_encodings_do_not_matter(tmp_path: Path, newline: str, encoding: str) -> None:
    path = tmp_path / "a.mod"
    text = HEAD + ": 20 °C, Müller\nBREAKPOINT {\n i = g*v\n}\n"
    path.write_bytes(text.replace("\n", newline).encode(encoding))
    (statement,) = load(path).code.breakpoint
    assert statement.line == 5


def test_a_kinetic_scheme_is_read_as_reactions() -> None:
    mech = loads(
        "DEFINE N 3\nNEURON { SUFFIX probe USEION ca READ ica WRITE cai }\nPARAMETER { k = 1 D[2] }\n"
        "ASSIGNED { vol[N] diam }\nSTATE { ca[N] buffer cai }\nBREAKPOINT { SOLVE s METHOD sparse }\n"
        "KINETIC s {\nCOMPARTMENT n, diam*vol[n] { ca }\nCOMPARTMENT 2*diam { buffer cai }\n"
        "~ 2 ca[0] + buffer <-> cai (k, 2*k)\n~ ca[1] << (ica/k)\n~ buffer -> (k)\n"
        "FROM n = 0 TO N-2 { ~ ca[n] <-> ca[n+1] (k, k) }\nCONSERVE ca[0] + buffer = 1\ncai = ca[0]\n}\n"
    )
    (block,) = mech.code.blocks
    k, ca0, buffer = Name("k"), Name("ca", Num(0.0)), Name("buffer")
    n = Name("n")
    assert block.body[:6] == (
        Compartment("n", Binary("*", Name("diam"), Name("vol", n)), ("ca",), 8),
        Compartment("", Binary("*", Num(2.0), Name("diam")), ("buffer", "cai"), 9),
        Reaction(((2.0, ca0), (1.0, buffer)), ((1.0, Name("cai")),), k, Binary("*", Num(2.0), k), 10),
        Flux(Name("ca", Num(1.0)), Binary("/", Name("ica"), k), 11),
        Sink(((1.0, buffer),), k, 12),
        For("n", Num(0.0), Binary("-", Num(3.0), Num(2.0)), Num(1.0), block.body[5].body, 13),  # type: ignore[attr-defined]
    )
    assert block.body[6] == Conserve(Binary("+", ca0, buffer), Num(1.0), 14)
    assert {s.name: s.length for s in mech.states} == {"ca": 3, "buffer": 0, "cai": 0}
    assert mech.parameter("D").length == 2


def test_solve_table_if_and_prime_are_read() -> None:
    mech = loads(
        HEAD + "ASSIGNED { inf tau celsius }\nSTATE { m }\nINITIAL { SOLVE s STEADYSTATE sparse }\n"
        "BREAKPOINT { SOLVE s METHOD sparse SOLVE d METHOD cnexp i = g*v }\nKINETIC s { ~ m << (0) }\n"
        "DERIVATIVE d { r(v)\n if (m > 1) { m = 1 } else if (m < 0) { m = 0 } else { m = m }\n m' = (inf - m)/tau }\n"
        "PROCEDURE r(u (mV)) { TABLE inf, tau DEPEND celsius, g FROM -100 TO 2*50 WITH 200\n inf = u tau = 1 }\n"
    )
    assert mech.code.initial == (Solve("s", "sparse", True, 5),)
    assert mech.code.breakpoint[:2] == (Solve("s", "sparse", False, 6), Solve("d", "cnexp", False, 6))
    branch, prime = mech.code.blocks[1].body[1:]
    assert isinstance(branch, If)
    assert isinstance(branch.orelse[0], If)
    assert isinstance(prime, Prime)
    assert mech.code.routines[0].body[0] == Table(
        ("inf", "tau"), ("celsius", "g"), Unary("-", Num(100.0)), Binary("*", Num(2.0), Num(50.0)), 200, 11
    )


def test_represents_is_read_as_an_item_and_after_useion() -> None:
    mech = loads(
        "NEURON {\nSUFFIX p\nREPRESENTS NCIT:C17145\nUSEION na READ ena WRITE ina REPRESENTS CHEBI:29101\n"
        "USEION x WRITE ix VALENCE -2\nRANGE gg\nTHREADSAFE\n}\nPARAMETER { gg = 1 }\n"
        "BREAKPOINT { ina = gg*(v-ena) ix = 0 }"
    )
    assert [(u.ion, u.reads, u.writes, u.valence) for u in mech.ions] == [
        ("na", ("ena",), ("ina",), None),
        ("x", (), ("ix",), -2.0),
    ]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("BREAKPOINT {\n i = g*\n}", 5, "expected a number, a name or a parenthesis, got '}'"),
        ("BREAKPOINT {\n i = g*v\n", 3, "no closing brace"),
        ("BREAKPOINT {\n i g*v\n}", 4, "expected '=' or '(' after 'i'"),
        ("BREAKPOINT {\n i = (g*v\n}", 5, "to close a parenthesis"),
        ("BREAKPOINT {\n i = g + + v\n}", 4, "'+' has nothing on its left"),
        ("COMMENT\nBREAKPOINT { i = g*v }", 3, "COMMENT has no end"),
        ("VERBATIM\nreturn 0;", 3, "VERBATIM has no end"),
        ("BREAKPONT { i = g*v }", 3, "got 'BREAKPONT'; did you mean BREAKPOINT?"),
        ("NEURON { USEON k READ ek }", 3, "did you mean USEION?"),
        ("STATE {\n m n' }", 4, "expected a name"),
        ("ASSIGNED { x (mV)\n (mA) }", 4, "a second unit"),
        ("BREAKPOINT { i = g*v }\nBREAKPOINT { i = 0 }", 4, "a second BREAKPOINT"),
        ("FUNCTION f(x) {\n f = x' }", 4, "x' cannot be used in an expression"),
        ("ASSIGNED { x[n] }", 3, "expected a whole number"),
    ],
)
def test_text_that_is_no_nmodl_is_refused_at_its_line(text: str, line: int, says: str) -> None:
    with pytest.raises(MechanismError) as error:
        loads(HEAD + text, "probe.mod")
    assert error.value.line == line
    assert says in str(error.value)
    assert str(error.value).startswith(f"probe.mod line {line}: ")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_text_raises_nothing_but_a_mechanism_error_with_a_line(data: st.DataObject) -> None:
    pieces = [w for w in re.split(r"(\W)", LONG) if w]
    at = data.draw(st.integers(0, len(pieces) - 1))
    pieces[at] = data.draw(
        st.sampled_from(["", "{", "}", "(", ")", "'", "~", "FROM", "SOLVE", "VERBATIM", "3", "q", "é"])
    )
    try:
        loads("".join(pieces), "x.mod")
    except MechanismError as error:
        assert error.line is not None


def test_the_text_that_gets_damaged_is_right() -> None:
    assert [s.name for s in loads(LONG).states] == ["m", "c"]


def test_nesting_without_end_is_refused() -> None:
    with pytest.raises(MechanismError, match="nested too deeply"):
        loads(HEAD + "BREAKPOINT { i = " + "(" * 20000 + "g" + ")" * 20000 + " }")


def test_a_missing_file_is_named() -> None:
    with pytest.raises(MechanismError, match=r"nowhere\.mod: cannot be read: No such file"):
        load("folder/nowhere.mod")
