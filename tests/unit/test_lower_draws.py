"""Random numbers, WHILE and elements chosen at run time: in plain numbers, compiled for one number, and in lanes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numba import njit

from neurosim.errors import MechanismError, UnsupportedConstructError
from neurosim.kernels import plain, random, simd
from neurosim.mechanisms import loads
from neurosim.mechanisms.lower import lower
from neurosim.mechanisms.program import Program
from tests.lowering import Instance, call
from tests.tolerances import ROUNDOFF

HEAD = """
NEURON { POINT_PROCESS Probe NONSPECIFIC_CURRENT i RANDOM r RANGE a, b, n }
PARAMETER { n = 3 }
ASSIGNED { v (mV) i (nA) t (ms) dt a b slots[5] }
"""
AROUND: dict[str, Any] = {"t": 4.0, "v": -60.0, "dt": 0.025, "celsius": 20.0}
LANES = simd.LANES


def probe(code: str, **keep: Any) -> Instance:
    return Instance(loads(HEAD + code, "probe.mod"), **keep)


@njit
def lanes_of_row(x: Any, j: int) -> Any:
    out = simd.splat(0.0)
    for k in range(LANES):
        out = simd.with_lane(out, k, x[j, k])
    return out


@njit
def to_row(y: Any, out: Any, j: int) -> None:
    wide = y + simd.splat(0.0)
    for k in range(LANES):
        out[j, k] = simd.lane(wide, k)


def dialect() -> dict[str, Any]:
    names = {n: getattr(simd, n) for n in dir(simd) if not n.startswith("_")}
    return names | {n: getattr(random, n) for n in random.__all__} | {"lanes_of_row": lanes_of_row, "to_row": to_row}


def in_lanes(program: Program, values: dict[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """Run a program on eight lanes; arrays among the values are lanes, numbers stay numbers."""
    wide = [n for n in program.inputs if np.ndim(values[n])]
    arguments = [f"lanes_of_row(x, {wide.index(n)})" if n in wide else f"{n}_" for n in program.inputs]
    single = [n for n in program.inputs if n not in wide]
    text = [f"def run(x, out, {', '.join(f'{n}_' for n in single)}):", f"    y = f({', '.join(arguments)})"]
    text += [f"    to_row(y[{j}], out, {j})" for j in range(len(program.outputs))]
    space = dialect()
    exec(program.source, space)
    space["f"] = njit(error_model="numpy")(space[program.name])
    exec("\n".join(text), space)
    out = np.empty((len(program.outputs), LANES))
    rows = np.array([values[n] for n in wide])
    njit(error_model="numpy")(space["run"])(rows, out, *(float(values[n]) for n in single))
    return dict(zip(program.outputs, out, strict=True))


def single(program: Program) -> Any:
    """Return a program compiled for plain float64, as events are delivered."""
    space = dialect()
    exec(program.source, space)
    return njit(error_model="numpy")(space[program.name])


def compare_all_ways(program: Program, values: dict[str, Any]) -> dict[str, Any]:
    """Check that lanes, single numbers and plain numbers agree; return the plain ones."""
    expected, lanes, function = call(program, values), in_lanes(program, values), single(program)
    for k in range(LANES):
        alone = function(*(float(values[n][k] if np.ndim(values[n]) else values[n]) for n in program.inputs))
        assert alone == pytest.approx([float(row[k]) for row in lanes.values()], rel=ROUNDOFF, abs=0.0, nan_ok=True)
    for name, row in lanes.items():
        assert row == pytest.approx(np.broadcast_to(expected[name], LANES), rel=ROUNDOFF, nan_ok=True)
    return expected


def test_draws_count_and_only_where_a_branch_is_taken() -> None:
    code = "NET_RECEIVE(w) { if (w > 1) { a = random_uniform(r, 2, 4) } b = random_negexp(r) + a }"
    receive = probe(code, keep=("a", "b")).lowered.receive
    assert receive is not None
    w = np.linspace(0.0, 2.0, LANES)
    values = {"arg0": w, "draws": np.arange(LANES) * 1.0, "stream": np.arange(LANES) * 7.0, "a": np.zeros(LANES)}
    found = compare_all_ways(receive, values | {"random_key": 5.0})
    assert found["draws"].tolist() == [k + (2.0 if x > 1 else 1.0) for k, x in enumerate(w)]
    first = plain.uniform(5.0, values["stream"], values["draws"])
    assert found["a"] == pytest.approx(np.where(w > 1, 2.0 + 2.0 * first, 0.0), rel=ROUNDOFF)


def test_normal_numbers_use_as_many_as_the_polar_method_needs() -> None:
    advance = probe(
        "BREAKPOINT { SOLVE s i = a }\nPROCEDURE s() { a = random_normal(r, 1, 3) b = normrand(0, 1) }"
    ).lowered.advance
    draws = np.arange(LANES) * 3.0
    values = {"draws": draws, "stream": 2.0, "random_key": 9.0}
    found = compare_all_ways(advance, {**values, "stream": np.full(LANES, 2.0)})
    used = plain.gaussian_draws(9.0, 2.0, draws)
    assert found["a"] == pytest.approx(1.0 + 3.0 * plain.gaussian(9.0, 2.0, draws), rel=ROUNDOFF)
    assert (found["draws"] == draws + used + plain.gaussian_draws(9.0, 2.0, draws + used)).all()


def test_initial_starts_the_stream_anew_and_setseq_moves_in_it() -> None:
    code = (
        "INITIAL { a = scop_random() random_setseq(r, 6) b = scop_random() }\nBREAKPOINT { SOLVE s }\n"
        "PROCEDURE s() { a = scop_random() b = 0 }"
    )
    ours = probe(code, keep=("a", "b"))
    ours.draw_from(3.0, 0.0, 1.0)
    for _ in range(2):
        ours.run("initial", AROUND)
        assert ours.fields["draws"] == 7.0
        ours.run("advance", AROUND)
        assert ours.fields["draws"] == 8.0


def test_the_word_of_a_draw_is_whole() -> None:
    receive = probe("NET_RECEIVE(w) { w = random_ipick(r) }").lowered.receive
    assert receive is not None
    draws = np.arange(1000.0)
    words = call(receive, {"draws": draws, "stream": 0.0, "random_key": 0.0})["arg0"]
    assert words[0] == 0x6627E8D5
    assert (words == np.round(plain.uniform(0.0, 0.0, draws) * 4294967297.0 - 1.0)).all()


def test_seeds_are_dropped_with_a_note() -> None:
    mech = loads(HEAD + "INITIAL { set_seed(3) random_setids(r, 1, 2, 3) a = scop_random() }")
    assert [n.message.split()[0] for n in mech.notices] == ["set_seed", "random_setids"]


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("INITIAL { a = random_uniform(a) }", r"takes a RANDOM variable first; there are r"),
        ("INITIAL { a = random_uniform(r, 1) }", r"takes 0 or 2 more argument\(s\), got 1"),
        ("INITIAL { a = exprand() }", r"exprand\(\) takes 1 argument"),
        ("INITIAL { random_uniform(r) }", "draws a number that is not used"),
        ("INITIAL { a = random_setseq(r, 1) }", "has no value"),
        ("INITIAL { a = r }", "undefined name 'r'"),
        ("INITIAL { a = poisrand(3) }", "use a RANDOM variable"),
        ("NEURON { RANDOM a }", "'a' is declared already"),
    ],
)
def test_wrong_uses_of_random_numbers_are_refused(code: str, says: str) -> None:
    with pytest.raises(MechanismError, match=says):
        loads(HEAD + code)


@pytest.mark.parametrize(
    "code",
    [
        "BREAKPOINT { i = f(v) }\nFUNCTION f(x) { TABLE FROM 0 TO 1 WITH 5\n f = scop_random() }",
        "NET_RECEIVE(w) { WATCH (v > scop_random()) 2 }",
        "NEURON { RANDOM other }\nINITIAL { a = random_uniform(other) random_setseq(r, 1) }",
    ],
)
def test_random_numbers_where_they_cannot_be_are_refused(code: str) -> None:
    with pytest.raises(UnsupportedConstructError):
        lower(loads(HEAD + code))


def test_hidden_names_are_not_those_of_the_mechanism() -> None:
    text = "NEURON { SUFFIX s RANGE draws }\nASSIGNED { draws }\nINITIAL { draws = scop_random() }"
    with pytest.raises(MechanismError, match="'draws' is the name of a hidden variable"):
        lower(loads(text))
    assert lower(loads(text.replace("scop_random()", "3"))).fields == ()


# ---- WHILE and arrays


def test_lanes_leave_a_while_when_they_are_done() -> None:
    code = "BREAKPOINT { LOCAL x\n x = fabs(v) a = 0 while (x > 1) { x = x/2 a = a + 1 } i = a + x b = x }"
    current = probe(code, keep=("a", "b")).lowered.current
    v = np.array([0.5, 1.0, 3.0, -100.0, 1e6, 7.0, -2.0, 0.0])
    found = compare_all_ways(current, {"v": v})
    rounds = np.ceil(np.log2(np.maximum(np.abs(v), 1.0)))
    assert (found["a"] == rounds).all()
    assert (found["b"] == np.abs(v) / 2.0**rounds).all()


def test_a_while_in_a_branch_goes_round_only_where_that_is_taken() -> None:
    code = (
        "NET_RECEIVE(w) { if (w < 100) { while (a < w) { a = a + exp(-a) } } else { while (a < a + 1) { a = a + w } } }"
    )
    receive = probe(code.replace("a < a + 1", "a < 150"), keep=("a",)).lowered.receive
    assert receive is not None
    found = compare_all_ways(
        receive, {"v": np.zeros(LANES), "a": np.zeros(LANES), "arg0": np.array([1.0, 2.0, 3.0, 0.0] * 2)}
    )
    assert (found["a"] >= np.array([1.0, 2.0, 3.0, 0.0] * 2)).all()
    assert found["a"][3] == 0.0


def test_a_while_that_is_known_is_unrolled() -> None:
    lowered = probe("INITIAL { a = 1 while (a < 40) { a = a*3 } }\nBREAKPOINT { i = a }").lowered
    assert "for " not in lowered.initial.source
    assert call(lowered.initial, {})["a"] == 81.0


def test_a_while_without_end_is_not_a_number() -> None:
    lowered = probe("INITIAL { a = b while (a < n) { a = a/2 } }\nBREAKPOINT { i = a }").lowered
    source = lowered.initial.source.replace("range(1000000)", "range(50)")
    assert source != lowered.initial.source
    shorter = Program("initial", lowered.initial.inputs, lowered.initial.outputs, source)
    assert np.isnan(call(shorter, {"v": 0.0, "b": 1.0, "n": 3.0})["a"])
    assert call(shorter, {"v": 0.0, "b": 1.0, "n": -1.0})["a"] == 1.0


@pytest.mark.parametrize(
    "code",
    [
        "INITIAL { while (a < n) { a = a + 1 while (b < n) { b = b + 1 } } }",
        "INITIAL { while (1 > 0) { a = a + 1 } }",
        "INITIAL { while (n > a) { } }",
    ],
)
def test_loops_that_do_not_run_are_refused(code: str) -> None:
    with pytest.raises(UnsupportedConstructError) as caught:
        lower(loads(HEAD + code))
    assert caught.value.construct == "WHILE"


def test_elements_can_be_chosen_at_run_time() -> None:
    code = "NET_RECEIVE(w) { slots[w] = slots[w] + 1 a = slots[n] }"
    receive = probe(code, keep=("a", "slots")).lowered.receive
    assert receive is not None
    w = np.array([0.0, 1.9, 2.0, 4.0, 4.99, 3.0, -0.5, 2.5])
    values = {f"slots__{k}": np.full(LANES, 10.0 * k) for k in range(5)} | {"arg0": w, "n": np.full(LANES, 2.0)}
    found = compare_all_ways(receive, values)
    for lane, x in enumerate(w):
        expected = [10.0 * k + (k == int(x)) for k in range(5)]
        assert [found[f"slots__{k}"][lane] for k in range(5)] == expected
        assert found["a"][lane] == expected[2]


def test_an_element_outside_the_array_is_not_a_number_and_is_not_written() -> None:
    receive = probe("NET_RECEIVE(w) { a = slots[w] slots[w] = 7 }", keep=("a", "slots")).lowered.receive
    assert receive is not None
    for w in (-1.0, 5.0, float("nan")):
        found = call(receive, {f"slots__{k}": 1.0 * k for k in range(5)} | {"arg0": w})
        assert np.isnan(found["a"])
        assert [found[f"slots__{k}"] for k in range(5)] == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_a_long_array_needs_a_constant_index() -> None:
    with pytest.raises(UnsupportedConstructError, match="has 100 elements"):
        lower(loads(HEAD + "ASSIGNED { long[100] }\nINITIAL { a = long[n] }"))


def test_bounds_of_from_can_be_known_at_run_time() -> None:
    code = (
        "INITIAL { a = 0 FROM k = 1 TO n { a = a + k*b } FROM k = 3 TO n BY -1 { a = a + 100 } }\n"
        "BREAKPOINT { i = a + b }"
    )
    initial = probe(code).lowered.initial
    n = np.array([0.0, 1.0, 2.5, 3.0, -2.0, 4.0, 10.0, 0.5])
    found = compare_all_ways(initial, {"v": np.zeros(LANES), "b": np.full(LANES, 2.0), "n": n})
    whole = np.trunc(n)
    expected = np.where(whole > 0, whole * (whole + 1), 0.0) + 100.0 * np.maximum(4.0 - whole, 0.0)
    assert found["a"].tolist() == expected.tolist()
