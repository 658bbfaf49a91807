"""Mechanisms from equations: the record they give, where states start, what is refused."""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
from dataclasses import fields, is_dataclass
from math import inf
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurosim.errors import MechanismError, UnsupportedConstructError
from neurosim.mechanisms import Channel, Kind, Mechanism, Synapse, loads
from neurosim.mechanisms.lower import lower
from neurosim.mechanisms.show import to_nmodl
from neurosim.mechanisms.syntax import (
    Assign,
    Binary,
    Expr,
    IonUse,
    Local,
    Name,
    NetReceive,
    Num,
    Prime,
    Reaction,
    Solve,
)
from neurosim.mechanisms.text import body as printed

KV3 = """
    m' = (minf - m)/mtau
    minf = 1/(1 + exp(-(v - 18.7)/9.7))
    mtau = 4/(1 + exp(-(v + 46.56)/44.14))
    ik = gbar*m*(v - ek)
    """


def lines(body: Any) -> list[str]:
    return printed(body, "")


def without_lines(x: Any) -> Any:
    if isinstance(x, tuple):
        return tuple(map(without_lines, x))
    if is_dataclass(x):
        return (type(x).__name__, *(without_lines(getattr(x, f.name)) for f in fields(x) if f.name != "line"))
    return x


def test_a_channel_is_read_from_its_equations() -> None:
    mech = Channel("Kv3", KV3, gbar=1e-5)
    assert (mech.name, mech.kind, mech.origin) == ("Kv3", Kind.DENSITY, "native")
    assert mech.ions == (IonUse("k", ("ek",), ("ik",)),)
    assert mech.defaults == {"gbar": 1e-5}
    assert [s.name for s in mech.states] == ["m"]
    assert lines(mech.code.breakpoint) == ["SOLVE states METHOD cnexp", "ik = gbar*m*(v - ek)"]
    assert lines(mech.code.initial) == ["minf = 1/(1 + exp(-(v - 18.7)/9.7))", "m = minf"]
    (block,) = mech.code.blocks
    assert (block.kind, [type(s) for s in block.body]) == ("derivative", [Assign, Assign, Prime])


def test_hh_in_both_forms_is_the_same_code() -> None:
    rates = "minf = a/(a + b)\n mtau = 1/(a + b)\n"
    native = Channel(
        "hh",
        "a = 0.1*exprel(-(v + 40)/10)\n b = 4*exp(-(v + 65)/18)\n minf = a/(a + b)\n mtau = 1/(a + b)\n"
        "m' = (minf - m)/mtau\n ina = gnabar*m^3*(v - ena)\n i = gl*(v - el)",
        gnabar=0.12,
        gl=3e-4,
        el=-54.3,
    )
    written = loads(
        "NEURON { SUFFIX hh USEION na READ ena WRITE ina NONSPECIFIC_CURRENT i\n"
        "RANGE gnabar, gl, el, a, b, minf, mtau }\n"
        "PARAMETER { gnabar = 0.12 gl = 3e-4 el = -54.3 }\nASSIGNED { a b minf mtau i (mA/cm2) }\nSTATE { m }\n"
        "INITIAL { a = 0.1*ex(-(v + 40)/10)\n b = 4*exp(-(v + 65)/18)\n minf = a/(a + b) m = minf }\n"
        "BREAKPOINT { SOLVE states METHOD cnexp ina = gnabar*m^3*(v - ena) i = gl*(v - el) }\n"
        f"DERIVATIVE states {{ a = 0.1*ex(-(v + 40)/10)\n b = 4*exp(-(v + 65)/18)\n {rates} m' = (minf - m)/mtau }}\n"
        "FUNCTION ex(x) { if (fabs(x) < 1e-4) { ex = 1 - 0.5*x } else { ex = x/(exp(x) - 1) } }"
    )
    printed_native = loads(to_nmodl(native).replace("exprel", "ex"))
    assert without_lines(printed_native.code) == without_lines(written.code)
    assert printed_native.parameters == written.parameters
    assert printed_native.ions == written.ions


def test_the_order_of_algebraic_lines_is_free() -> None:
    forward = Channel("c", "a = v/2; b = a*a; d = b + a; m' = (d - m)/b; i = g*m", g=1)
    backward = Channel("c", "i = g*m; m' = (d - m)/b; d = b + a; b = a*a; a = v/2", g=1)
    assert lines(forward.code.blocks[0].body) == lines(backward.code.blocks[0].body)
    assert lines(forward.code.initial) == lines(backward.code.initial)


@pytest.mark.parametrize(
    ("equation", "start"),
    [
        ("m' = (0.5 - m)/tau", "0.5"),
        ("m' = -(m - 0.5)/tau", "0.5/tau/(1/tau)"),
        ("m' = 0.1*(1 - m) - tau*m", None),
        ("m' = -m/tau", None),
        ("m' = tau", None),
        ("m' = -m*m/tau", None),
    ],
)
def test_linear_states_start_where_they_stay(equation: str, start: str | None) -> None:
    mech = Channel("c", f"{equation}\n i = 0*m", tau=5)
    namespace = {"tau": 5.0}
    found = [s for s in mech.code.initial if isinstance(s, Assign)]
    if start is None and not found:
        assert equation in ("m' = -m/tau", "m' = tau", "m' = -m*m/tau")
        return
    (statement,) = found
    value = evaluate(statement.value, namespace)
    assert evaluate_rate(mech, {"m": value, **namespace}) == pytest.approx(0.0, abs=1e-15)


def evaluate(x: Expr, names: dict[str, float]) -> float:
    match x:
        case Num(value):
            return value
        case Name(id):
            return names[id]
        case Binary(op, a, b):
            left, right = evaluate(a, names), evaluate(b, names)
            return {"+": left + right, "-": left - right, "*": left * right}.get(op) or (
                left / right if op == "/" else 0.0
            )
        case _:
            return -evaluate(x.x, names)  # type: ignore[attr-defined]


def evaluate_rate(mech: Mechanism, names: dict[str, float]) -> float:
    (prime,) = [s for s in mech.code.blocks[0].body if isinstance(s, Prime)]
    return evaluate(prime.value, names)


def test_starts_may_use_one_another_and_be_overridden() -> None:
    mech = Channel(
        "c", "h' = (hinf - h)/3; hinf = m/2; m' = (v/100 - m)/2; n' = (1 - n)/5; i = h*m*n", initial="n = 2*h"
    )
    assert lines(mech.code.initial) == ["m = v/100", "hinf = m/2", "h = hinf", "n = 2*h"]


def test_circular_steady_states_start_at_zero_with_a_notice() -> None:
    mech = Channel("c", "a' = (b - a)/2; b' = (a - b)/3; i = a")
    assert mech.code.initial == ()
    assert "start at 0" in mech.notices[0].message


@pytest.mark.parametrize(
    ("equation", "method"),
    [
        ("m' = (1 - m)/2", "cnexp"),
        ("m' = v*m + where(v > 0, m, 2*m)", "cnexp"),
        ("m' = 3", "cnexp"),
        ("m' = -m*m", "derivimplicit"),
        ("m' = 1/m", "derivimplicit"),
        ("m' = exp(m)", "derivimplicit"),
        ("m' = q; q = -2*m", "derivimplicit"),
        ("m' = where(m > 0, -m, m)", "derivimplicit"),
    ],
)
def test_the_method_follows_from_the_equation(equation: str, method: str) -> None:
    mech = Channel("c", f"{equation}; i = m")
    assert mech.code.breakpoint[0] == Solve("states", method)


def test_a_method_can_be_forced() -> None:
    assert Channel("c", "m' = -m; i = m", method="euler").code.breakpoint[0] == Solve("states", "euler")
    forced = Channel("c", "m' = -m*m; i = m", method="cnexp")
    assert forced.code.breakpoint[0] == Solve("states", "cnexp")


def test_one_nonlinear_equation_makes_all_implicit_as_in_nmodl() -> None:
    mech = Channel("c", "m' = -m; n' = -n*n; i = m*n")
    assert mech.code.breakpoint[0] == Solve("states", "derivimplicit")
    assert len(mech.code.blocks[0].body) == 2


def test_reactions_become_a_kinetic_scheme_at_its_steady_state() -> None:
    mech = Channel("k", "C <-> O (a, b)\n C + O = 1\n a = exp(v/20); b = exp(-v/20)\n ik = g*O*(v - ek)", g=1e-3)
    (block,) = mech.code.blocks
    assert block.kind == "kinetic"
    assert isinstance(block.body[2], Reaction)
    assert mech.code.initial == (Solve("scheme", "sparse", True),)
    assert mech.code.breakpoint[0] == Solve("scheme", "sparse")


def test_a_pool_writes_its_concentration() -> None:
    mech = Channel(
        "pool", "cai' = -1e4*ica*gamma/(2*F*depth) - (cai - cmin)/tau", gamma=0.05, tau=80, depth=0.1, cmin=1e-4
    )
    assert mech.ions == (IonUse("ca", ("ica",), ("cai",)),)
    assert "2*96485.33212331001*depth" in lines(mech.code.blocks[0].body)[0]


def test_a_current_that_drives_its_own_pool_stays_local_in_the_state_block() -> None:
    mech = Channel("c", "ica = p*(cai - cao); cai' = -ica - cai/tau", p=1e-4, tau=20)
    assert mech.code.blocks[0].body[0] == Local((("ica", 0),))
    assert [s.target.id for s in mech.code.breakpoint if isinstance(s, Assign)] == ["ica"]


def test_a_synapse_has_events_and_variables_of_the_connection() -> None:
    mech = Synapse(
        "TM",
        "g' = -g/tau;  i = g*(v - e)",
        event="R = 1 - (1 - R*(1 - U))*exp(-(t - last)/tau_rec);  g += w*U*R;  last = t",
        connection={"R": 1, "last": -inf},
        tau=2,
        tau_rec=800,
        U=0.5,
        e=0,
    )
    assert (mech.kind, mech.nonspecific) == (Kind.POINT, ("i",))
    receive = mech.code.net_receive
    assert isinstance(receive, NetReceive)
    assert receive.parameters == ("w", "R", "last")
    assert lines(receive.body)[1:] == ["g = g + w*U*R", "last = t"]
    assert lines(receive.initial) == ["R = 1", "last = -1e+300"]


def test_an_event_sees_algebraic_values_of_its_moment() -> None:
    mech = Synapse("s", "g' = -g/tau; left = 1 - g; i = g*v", event="x = 2*left; g += w*x; g += w*left", tau=3)
    assert mech.code.net_receive is not None
    assert lines(mech.code.net_receive.body) == [
        "LOCAL x",
        "left = 1 - g",
        "x = 2*left",
        "g = g + w*x",
        "left = 1 - g",
        "g = g + w*left",
    ]


def test_local_names_shadow_ions_and_constants() -> None:
    mech = Channel("c", "i = R*(v - ek)*F; F = 2", R=3.0, ek=-77.0)
    assert mech.ions == ()
    assert lines(mech.code.breakpoint) == ["F = 2", "i = R*(v - ek)*F"]


def test_the_code_does_not_depend_on_the_hash_seed() -> None:
    text = "import neurosim as ns; print(ns.Channel('c', 'q = a*b*d; a = v; b = v+1; d = v+2; i = q').digest)"
    runs = [
        subprocess.run(
            [sys.executable, "-c", text], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2", "3")
    ]
    assert len(set(runs)) == 1


def test_a_native_mechanism_is_a_value_with_variants() -> None:
    mech = Channel("Kv3", KV3, gbar=1e-5)
    assert mech == Channel("Kv3", KV3, gbar=1e-5)
    assert pickle.loads(pickle.dumps(mech)) == mech
    fast = mech.variant("Kv3/fast", gbar=0.02)
    assert (fast.name, fast.defaults, fast.digest) == ("Kv3/fast", {"gbar": 0.02}, mech.digest)
    with pytest.raises(MechanismError, match="did you mean gbar"):
        mech.variant(gbr=1.0)


@pytest.mark.parametrize(
    "mech",
    [
        Channel("Kv3", KV3, gbar=1e-5),
        Channel("p", "ica = p*ghk(v, cai, cao, 2)*where(v > 0, 1, 0.5)*exprel(v/10)*max(min(v, 3), 0)", p=1e-4),
        Channel("n", "i = g*(v - nernst(cai, cao, 2))", g=1e-4),
        Channel("k", "C <-> O (1, 2); C + O = 1; i = g*O*v", g=1.0),
        Synapse("s", "g' = -g/tau; i = g*v", event="g += w", tau=3),
    ],
    ids=lambda m: m.name,
)
def test_native_mechanisms_lower_and_print_as_nmodl_that_reads_back(mech: Mechanism) -> None:
    assert "i" in lower(mech).current.outputs
    again = loads(to_nmodl(mech))
    assert without_lines(again.code.breakpoint) == without_lines(mech.code.breakpoint)
    assert without_lines(again.code.blocks) == without_lines(mech.code.blocks)
    assert [p.name for p in again.parameters] == [p.name for p in mech.parameters]


@pytest.mark.parametrize(
    ("equations", "parameters", "says"),
    [
        ("ik = gbar*(v - ekk)", {"gbar": 1.0}, "undefined name 'ekk'; did you mean .*ek"),
        ("i = gbar*v", {"gbarr": 1.0}, "undefined name 'gbar'; did you mean gbarr"),
        ("i = g*v", {"g": 1.0, "tau": 3.0}, "'tau' is used in no equation"),
        ("i = g*v; i = 2*g", {"g": 1.0}, "'i' has two equations"),
        ("i = a; a = b; b = a", {}, "circular equations a -> b -> a"),
        ("m' = -m; m = 3; i = m", {}, "'m' has two equations"),
        ("m'' = -m", {}, "second derivative"),
        ("i = 3(v)", {}, "expected an operator or the end of the line, got '\\('"),
        ("i = g*(v - e", {"g": 1.0, "e": 0.0}, "a parenthesis is open"),
        ("i = g v", {"g": 1.0}, "expected an operator or the end of the line, got 'v'"),
        ("g*v", {"g": 1.0}, "expected|is no equation"),
        ("", {}, "no equations"),
        ("i = g*v; g = 2", {"g": 1.0}, "'g' is a parameter and has an equation"),
        ("v = 3; i = v", {}, "'v' belongs to the simulator"),
        ("i = v*celsius", {"celsius": 3.0}, "'celsius' has a name that is taken"),
        ("i = g*v", {"g": float("nan")}, "is not a number"),
        ("i = g*v", {"g": inf}, "must be finite"),
        ("i = g*v", {"g": "0.1"}, "is not a number; give one"),
        ("i = g*exp(v, 1)", {"g": 1.0}, r"exp\(\) takes 1 argument"),
        ("i = g*expo(v)", {"g": 1.0}, "unknown function 'expo'; did you mean exp"),
        ("il = g*v", {"g": 1.0}, "'il' looks like a current and nothing uses it"),
        ("A <-> B (1, 2); i = A", {}, "conservation law such as A \\+ B = 1"),
        ("a + b = 3; i = v", {}, "the left side of an equation must be one name"),
        ("i += v", {}, "only events can"),
        ("i = g*v :", {"g": 1.0}, "without a unit"),
    ],
)
def test_wrong_equations_are_refused_with_advice(equations: str, parameters: dict[str, Any], says: str) -> None:
    with pytest.raises(MechanismError, match=says):
        Channel("c", equations, **parameters)


def test_the_line_of_a_wrong_equation_is_given() -> None:
    with pytest.raises(MechanismError) as error:
        Channel("c", "m' = -m\n\n i = g*m\n", gg=1)
    assert error.value.line == 3


@pytest.mark.parametrize(
    ("event", "says"),
    [
        ("gg += w", "'gg' is updated and nothing set it; did you mean g"),
        ("gg = w", "'gg' is set and never used; did you mean g"),
        ("tau = 3", "'tau' cannot change"),
        ("i = 3", "'i' has an equation"),
        ("g += ww", "undefined name 'ww'"),
        ("g' = 3", "lines must be 'x = ...' or"),
    ],
)
def test_wrong_events_are_refused_with_advice(event: str, says: str) -> None:
    with pytest.raises(MechanismError, match=says):
        Synapse("s", "g' = -g/tau; i = g*v", event=event, tau=3)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_equations_raise_nothing_but_a_mechanism_error(data: st.DataObject) -> None:
    text = "m' = (minf - m)/q : 1\nminf = 1/(1 + exp(-v/9)) ; A <-> B (a, 2*a)\n A + B = 1\n a = v^2\nik = m*A*(v - ek)"
    pieces = [w for w in re.split(r"(\W)", text) if w]
    at = data.draw(st.integers(0, len(pieces) - 1))
    pieces[at] = data.draw(
        st.sampled_from(["", "(", ")", "'", "~", ":", ";", "=", "<->", "\n", "3", "v", "cai", "é", "+="])
    )
    try:
        mech = Channel("c", "".join(pieces), q=2.0)
    except MechanismError:
        return
    assert loads(to_nmodl(mech)).name == "c"


def test_unknown_methods_and_random_numbers_are_refused() -> None:
    with pytest.raises(MechanismError, match="method='exact'; allowed: cnexp"):
        Channel("c", "m' = -m; i = m", method="exact")
    with pytest.raises(MechanismError, match="is for reactions"):
        Channel("c", "m' = -m; i = m", method="sparse")
    with pytest.raises(UnsupportedConstructError, match=r"RANDOM .rand"):
        Channel("c", "i = rand()")


@pytest.mark.parametrize(
    "text",
    [
        "ik = g*m*(v - ek) : mA/cm2\n m' = (1 - m)/tau : 1\n tau = 3 : ms\n g : S/cm2",
        "m' = (minf - m)/tau\n m : 1\n minf = 1/(1 + exp(-(v + 40)/10)) : 1\n tau = 2 : ms\n"
        "ik = g*m*(v - ek)\n g : S/cm2",
        "ik = 1e-3*g*(v - ek)\n g : mS/cm2",
        "cai' = -ica/(z*F*d) - cai/tau\n z = 2 : 1\n d = 1e-5 : cm\n tau = 5 : ms\n i = g*v\n g : S/cm2",
    ],
)
def test_units_that_agree_pass(text: str) -> None:
    mech = Channel("c", text, g=1.0)
    assert mech.parameter("g").unit in ("S/cm2", "mS/cm2")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ik = g*(v - ek)\n g : mS/cm2", "units: ik is in mA/cm2"),
        ("ik = g*(v - ek) : nA\n g : S/cm2", "ik is in mA/cm2, got 'nA'; convert it"),
        ("cai' = -ica/(z*F*d)\n z = 2 : 1\n d = 0.1 : um\n i = g", "10000 times"),
        ("i = g*(v + t)", "'[+]' joins"),
        ("i = g*exp(v)", r"exp\(\) needs a pure number"),
        ("i = g*v\n g : simens/cm2", "unknown unit 'simens/cm2'; did you mean .*siemens"),
        ("i = g*v\n gg : S/cm2", "a unit is given for unknown 'gg'; did you mean g"),
        ("m' = g*m\n m : 1\n g : S\n i = 0.1*m", "units: m is in 1/ms"),
    ],
)
def test_units_that_disagree_are_refused(text: str, says: str) -> None:
    with pytest.raises(MechanismError, match=says):
        Channel("c", text, g=1.0)
