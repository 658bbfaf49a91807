"""What else a .mod file holds: other files, and C code that is recognised, obeyed or refused but never executed."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from neurosim.errors import MechanismError, UnsupportedConstructError
from neurosim.mechanisms import Mechanism, load, loads
from neurosim.mechanisms.lower import lower
from neurosim.mechanisms.show import equations
from tests.lowering import Instance, call
from tests.tolerances import ROUNDOFF

MAIN = """NEURON { SUFFIX probe NONSPECIFIC_CURRENT i }
PARAMETER { g = 0.5 }
ASSIGNED { v i }
INCLUDE "parts/rates.inc"
BREAKPOINT { i = g*rate(v) }
"""


def written(folder: Path, **files: str) -> Path:
    """Write ``probe.mod`` and the given parts; return the path of the mechanism."""
    (folder / "parts").mkdir(parents=True, exist_ok=True)
    path = folder / "probe.mod"
    path.write_text(files.pop("main", MAIN))
    for name, text in files.items():
        (folder / "parts" / f"{name}.inc").write_text(text)
    return path


# ---- INCLUDE


def test_included_text_stands_where_it_is_included(tmp_path: Path) -> None:
    path = written(tmp_path, rates="DEFINE TWO 2\nFUNCTION rate(u (mV)) (/ms) { rate = u/TWO }\n")
    mech = load(path)
    assert [r.name for r in mech.code.routines] == ["rate"]
    assert lower(mech).current.outputs == ("i", "g")
    assert mech.included == (str(tmp_path / "parts" / "rates.inc"),)


def test_files_may_include_files_and_stand_inside_blocks(tmp_path: Path) -> None:
    main = MAIN.replace("PARAMETER { g = 0.5 }", 'PARAMETER { INCLUDE "parts/values.inc" }')
    path = written(
        tmp_path, main=main, rates='INCLUDE "parts/deep.inc"', deep="FUNCTION rate(u) { rate = u }", values="g = 3"
    )
    assert load(path).defaults == {"g": 3.0}


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("\nFUNCTION rate(u) { rate = u + gg }", 2, "undefined name 'gg'"),
        ("FUNCTION rate(u) { rate = u }\n\nFUNCTION (x) { }", 3, "expected a name"),
        ("FUNCTION rate(u) {\n VERBATIM\n x = 3;\n ENDVERBATIM }", 2, "VERBATIM"),
        ("FUNCTION rate(u) {\n LOCAL a[2]\n a[5] = 1\n rate = a[0] }", 3, r"a\[5\] is outside"),
        ("FUNCTION rate(u) {\n LOCAL a[2], k\n k = 7\n a[k] = 1\n rate = a[0] }", 4, "index 7 of a is outside"),
    ],
)
def test_messages_name_the_included_file_and_its_line(tmp_path: Path, text: str, line: int, says: str) -> None:
    path = written(tmp_path, rates=text)
    with pytest.raises(MechanismError, match=says) as caught:
        lower(load(path))
    assert caught.value.path == tmp_path / "parts" / "rates.inc"
    assert caught.value.line == line
    assert str(caught.value).startswith(f"rates.inc line {line}: ")
    assert isinstance(caught.value, UnsupportedConstructError) == (says == "VERBATIM")


def test_an_error_after_an_include_keeps_its_line(tmp_path: Path) -> None:
    path = written(tmp_path, main=MAIN.replace("g*rate", "gx*rate"), rates="FUNCTION rate(u) { rate = u }\n\n\n\n")
    with pytest.raises(MechanismError, match="undefined name 'gx'") as caught:
        load(path)
    assert (caught.value.path, caught.value.line) == (path, 5)


def test_notes_name_the_included_file(tmp_path: Path) -> None:
    path = written(tmp_path, rates='\nFUNCTION rate(u) { printf("x") rate = u }\n')
    assert "note: printf dropped (line 2 of rates.inc)" in equations(load(path))


@pytest.mark.parametrize(
    ("main", "says"),
    [
        ('INCLUDE "parts/none.inc"', "'none.inc' cannot be read: No such file"),
        ('INCLUDE "../outside.inc"', "outside the folder"),
        ('INCLUDE "/etc/passwd"', "outside the folder"),
        ('INCLUDE "parts/link.inc"', "outside the folder"),
        ('INCLUDE "parts/loop.inc"', "goes in circles: loop.inc -> again.inc -> loop.inc"),
        ('INCLUDE "probe.mod"', "goes in circles: probe.mod -> probe.mod"),
        ('INCLUDE "parts/deep0.inc"', "nested more than 8 deep"),
        ('INCLUDE "parts"', "cannot be read"),
    ],
)
def test_files_that_cannot_be_included_are_refused_at_the_line(tmp_path: Path, main: str, says: str) -> None:
    (tmp_path / "outside.inc").write_text("PARAMETER { secret = 1 }")
    parts = {f"deep{k}": f'INCLUDE "parts/deep{k + 1}.inc"' for k in range(12)}
    path = written(
        tmp_path / "inner",
        main=f"\n{main}\n",
        loop='INCLUDE "parts/again.inc"',
        again='INCLUDE "parts/loop.inc"',
        **parts,
    )
    os.symlink(tmp_path / "outside.inc", tmp_path / "inner" / "parts" / "link.inc")
    with pytest.raises(MechanismError, match=says) as caught:
        load(path)
    assert caught.value.line is not None


def test_a_text_without_a_folder_includes_nothing() -> None:
    with pytest.raises(MechanismError, match="load the mechanism from a file"):
        loads(MAIN)


# ---- C code

HEAD = """
NEURON { POINT_PROCESS Probe NONSPECIFIC_CURRENT i BBCOREPOINTER rng RANGE m }
VERBATIM
#include <stdio.h>
static double helper(double x) { return 2*x; }
ENDVERBATIM
ASSIGNED { v i rng m seen }
BREAKPOINT { i = m*v }
"""


def probe(code: str) -> Mechanism:
    return loads(HEAD + code, "probe.mod")


def c(code: str) -> str:
    return f"\nVERBATIM\n{code}\nENDVERBATIM\n"


def messages(mech: Mechanism) -> list[str]:
    return [n.message for n in mech.notices]


@pytest.mark.parametrize(
    ("name", "pick", "replaced"),
    [
        ("toss", "nrnran123_dblpick((nrnran123_State*)_p_rng)", "scop_random()"),
        ("wait", "nrnran123_negexp((nrnran123_State*)_p_rng)", "exprand(1)"),
        ("bell", "nrnran123_normal((nrnran123_State*)_p_rng)", "normrand(0, 1)"),
        ("urand", "nrn_random_pick(RANDCAST _p_rng)", "scop_random()"),
        ("erand", "nrn_random_pick(RANDCAST _p_rng)", "exprand(1)"),
        ("toss", "erand48(state)", "scop_random()"),
    ],
)
def test_a_function_that_picks_a_random_number_in_c_draws_ours(name: str, pick: str, replaced: str) -> None:
    mech = probe(
        f"FUNCTION {name}() {{ {c(f'if (_p_rng) {{ _l{name} = {pick}; }}')} }}\nNET_RECEIVE(w) {{ m = {name}() }}"
    )
    assert f"C code of {name} replaced by {replaced}" in messages(mech)
    ours = Instance(mech)
    ours.receive([1.0], 0.0, {"v": 0.0, "t": 0.0})
    assert ours.fields["draws"] == (2.0 if name == "bell" else 1.0)
    assert ours.fields["m"] != 0.0


def test_routines_that_only_hoc_calls_are_dropped() -> None:
    mech = probe(
        f"PROCEDURE setRNG() {{ {c('_p_rng = something(*getarg(1));')} }}\nFUNCTION twice(x) {{ twice = 2*x }}"
    )
    assert [r.name for r in mech.code.routines] == ["twice"]
    assert "setRNG dropped: nothing here calls it and it holds C code" in messages(mech)


def test_resetting_a_stream_is_dropped() -> None:
    reset = c("if (_p_rng) { nrnran123_setseq((nrnran123_State*)_p_rng, 0, 0); }")
    assert any("resets a random stream" in m for m in messages(probe(f"INITIAL {{ {reset} m = 1 }}")))


def test_memory_of_a_constructor_is_dropped() -> None:
    mech = probe(
        f"CONSTRUCTOR {{ {c('if (ifarg(2)) { _p_thing = create(); }')} m = 3 }}\nDESTRUCTOR {{ {c('m = 3;')} }}"
    )
    assert any("VERBATIM of CONSTRUCTOR dropped" in m for m in messages(mech))
    assert any("DESTRUCTOR dropped" in m for m in messages(mech))


def test_an_early_return_ends_the_block() -> None:
    code = f"NET_RECEIVE(w) {{ seen = seen + 1 if (w > 0) {{ m = m + w {c('return;')} m = 100 }} m = m - 1 }}"
    ours = Instance(probe(code), keep=("seen",))
    ours.receive([2.0], 0.0, {"v": 0.0, "t": 0.0})
    assert (ours.fields["m"], ours.fields["seen"]) == (2.0, 1.0)
    ours.receive([-2.0], 0.0, {"v": 0.0, "t": 0.0})
    assert (ours.fields["m"], ours.fields["seen"]) == (1.0, 2.0)


@pytest.mark.parametrize(
    ("code", "line"),
    [
        (f"INITIAL {{ {c('m = 3;')} }}", 10),
        (f"NET_RECEIVE(w) {{ toss(w) }}\nFUNCTION toss(p) {{ {c('_ltoss = erand48(p);')} }}", 11),
        (f"CONSTRUCTOR {{ {c('m = 3;')} }}", 10),
        (f"NET_RECEIVE(w) {{ FROM k = 0 TO 3 {{ {c('return;')} }} }}", 9),
        (f"INITIAL {{ {c('nrnran123_setseq(_p_rng, 0, 0); m = 3;')} }}", 10),
    ],
)
def test_c_code_that_does_something_else_is_refused(code: str, line: int) -> None:
    with pytest.raises(UnsupportedConstructError) as caught:
        probe(code)
    assert (caught.value.construct, caught.value.line) == ("VERBATIM", line)


# ---- FUNCTION_TABLE

TABLE = """
NEURON { SUFFIX probe NONSPECIFIC_CURRENT i }
ASSIGNED { v i }
FUNCTION_TABLE tab(u (mV)) (mA/cm2)
BREAKPOINT { i = 2*tab(v) }
"""


def test_a_function_table_takes_its_values_from_python() -> None:
    mech = loads(TABLE, "probe.mod").with_functions(tab=([-60.0, -50.0, 0.0], [1.0, 3.0, -2.0]))
    v = np.array([-80.0, -60.0, -55.0, -50.0, -25.0, 0.0, 30.0])
    expected = 2.0 * np.interp(v, [-60.0, -50.0, 0.0], [1.0, 3.0, -2.0])
    assert call(lower(mech).current, {"v": v})["i"] == pytest.approx(expected, rel=ROUNDOFF)
    assert call(lower(mech.with_functions(tab=4.0)).current, {"v": 1.0})["i"] == 8.0
    assert mech.digest != mech.with_functions(tab=4.0).digest


def test_a_function_table_without_values_is_refused_where_it_is_called() -> None:
    with pytest.raises(MechanismError, match=r"FUNCTION_TABLE tab has no values.*with_functions") as caught:
        lower(loads(TABLE, "probe.mod"))
    assert caught.value.line == 5


@pytest.mark.parametrize(
    "points", [([1.0], [2.0]), ([1.0, 1.0], [2.0, 3.0]), ([1.0, 2.0], [3.0]), ([1.0, 2.0], [3.0, np.nan])]
)
def test_wrong_points_are_refused(points: tuple[list[float], list[float]]) -> None:
    with pytest.raises(MechanismError, match="two or more finite points"):
        loads(TABLE).with_functions(tab=points)


def test_unknown_function_tables_and_several_arguments_are_refused() -> None:
    with pytest.raises(MechanismError, match="no FUNCTION_TABLE 'tap'; it has tab"):
        loads(TABLE).with_functions(tap=1.0)
    with pytest.raises(UnsupportedConstructError, match="FUNCTION_TABLE of several arguments"):
        loads(TABLE.replace("(u (mV))", "(u, w)"))
