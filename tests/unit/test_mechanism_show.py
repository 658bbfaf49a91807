"""How mechanisms look: text, HTML, NMODL; and the names of the package."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from neurosim import mechanisms
from neurosim.mechanisms import Channel, load, loads
from neurosim.mechanisms.show import equations, html, to_nmodl
from neurosim.mechanisms.text import number

TEXT = """
NEURON { SUFFIX probe USEION ca READ cao WRITE ica VALENCE 2 NONSPECIFIC_CURRENT i RANGE g GLOBAL k }
PARAMETER { g = 1e-3 (S/cm2) <0, 10> k = 1e9 (/ms) }
STATE { m START 0.25 c[3] (mM) }
ASSIGNED { x[3] }
INITIAL { m = 1 }
BREAKPOINT { SOLVE s METHOD cnexp SOLVE kin METHOD sparse i = g*m*v ica = -(v - 3)^2/cao }
DERIVATIVE s { LOCAL a a = p(v)  if (a > 1 && v < 0) { x[0] = a - (1 - v) } else { x[1] = 0 } m' = -m*a }
KINETIC kin { COMPARTMENT j, x[j] { c } FROM j = 0 TO 1 { ~ 2 c[j] <-> c[j+1] (k, k/2) } ~ c[0] << (1) ~ c[2] -> (k)
 CONSERVE c[0] + c[1] = 3 }
FUNCTION p(u (mV)) (1) { TABLE DEPEND celsius FROM -100 TO 100 WITH 20
 p = exp(-u/25)*celsius }
"""


def bare(x: Any) -> Any:
    """Return a record without what a printed file cannot repeat: lines, folded names, notices, the file's name."""
    if isinstance(x, tuple):
        return tuple(map(bare, x))
    if is_dataclass(x):
        skipped = ("line", "constants", "notices", "origin")
        return (type(x).__name__, *(bare(getattr(x, f.name)) for f in fields(x) if f.name not in skipped))
    return x


def test_printed_nmodl_reads_back_as_the_same_record() -> None:
    mech = loads(TEXT)
    assert bare(loads(to_nmodl(mech))) == bare(mech)


EVENTS = """
NEURON { POINT_PROCESS Probe NONSPECIFIC_CURRENT i POINTER far RANDOM r RANGE m }
PARAMETER { level = 2 (mV) }
ASSIGNED { v (mV) i (nA) far (mV) m slots[3] }
CONSTRUCTOR { m = level + 1 }
INITIAL { net_send(1, 1) }
BREAKPOINT { i = m*(v - far) }
BEFORE STEP { m = m + 1 }
NET_RECEIVE(w, a) {
    INITIAL { a = 1 }
    if (flag == 1) {
        WATCH (v > level) 2
        FOR_NETCONS (w1, a1) { a1 = a1 + w }
        while (m > w) { m = m/2 }
        slots[w] = random_normal(r, 1, 2) + scop_random()
    } else {
        net_event(t)
        net_move(t + a)
    }
}
"""


def test_events_read_back_and_are_shown() -> None:
    mech = loads(EVENTS)
    assert bare(loads(to_nmodl(mech))) == bare(mech)
    shown = equations(mech)
    for line in ("voltages of other cells: far", "receives events (w, a)", "before step", "WATCH (v > level) 2"):
        assert line in shown
    cell = loads("NEURON { ARTIFICIAL_CELL Fire }\nNET_RECEIVE(w) { net_event(t + w) }")
    assert bare(loads(to_nmodl(cell))) == bare(cell)
    assert equations(cell).startswith("Fire: artificial cell")


def test_every_library_file_reads_back_as_the_same_record(root: Path) -> None:
    paths = sorted((root / "neurosim" / "mechanisms" / "library").glob("*.mod"))
    assert paths
    for path in paths:
        mech = load(path)
        assert bare(loads(to_nmodl(mech))) == bare(mech), path.name


def test_equations_show_interface_parameters_and_code() -> None:
    text = equations(loads(TEXT, "probe.mod"))
    assert text.splitlines()[0] == "probe: density mechanism (probe.mod)"
    for line in (
        "    ion ca (valence 2): reads cao; writes ica",
        "    current of no ion: i",
        "    g = 0.001 S/cm2  [0, 10]",
        "    k = 1e+09 /ms",
        "    m, c[3] (mM)",
        "    ica = -(v - 3)^2/cao",
        "        x[0] = a - (1 - v)",
        "        ~ 2 c[j] <-> c[j + 1] (k, k/2)",
    ):
        assert line in text.splitlines()
    assert str(loads(TEXT)) == equations(loads(TEXT))


def test_html_has_the_defaults_and_is_escaped() -> None:
    text = html(Channel("a<b>", "i = where(v < 0, g, 0)*v\n g : S/cm2", g=0.25))
    assert "<td>g</td><td>0.25</td><td>S/cm2</td>" in text
    assert "a&lt;b&gt;" in text
    assert "v &lt; 0" in text
    assert "<b>a<b>" not in text
    assert Channel("c", "i = 2*v")._repr_html_().startswith("<div>")


def test_functions_of_the_native_form_are_written_out() -> None:
    mech = Channel("c", "i = ghk(v, cai, cao, 2) + nernst(cai, cao, 2)*where(v > 0, 1, min(v, 2))")
    printed = to_nmodl(mech)
    assert [w for w in ("where", "exprel", "min", "max", "nernst", "ghk") if f"FUNCTION {w}(" in printed] == [
        *("where", "exprel", "min", "nernst", "ghk")
    ]
    assert "celsius (degC)" in printed
    assert {r.name for r in loads(printed).code.routines} == {"where", "exprel", "min", "nernst", "ghk"}


def test_goldmans_equation_of_nmodl_is_the_native_one() -> None:
    mech = loads("NEURON { SUFFIX c USEION ca READ cai, cao WRITE ica }\nBREAKPOINT { ica = nrn_ghk(v, cai, cao, 2) }")
    assert bare(mech.code.breakpoint) == bare(Channel("c", "ica = ghk(v, cai, cao, 2)").code.breakpoint)


@pytest.mark.parametrize(
    ("value", "text"), [(0.1, "0.1"), (1e9, "1e+09"), (96485.33212331001, "96485.33212331001"), (-3.0, "-3")]
)
def test_numbers_are_short_and_exact(value: float, text: str) -> None:
    assert number(value) == text
    assert float(text) == value


def test_mechanisms_of_the_library_are_names_of_the_package() -> None:
    assert mechanisms.HH is mechanisms.hh
    assert mechanisms.HH.name == "hh"
    assert "NaTs" in dir(mechanisms)
    with pytest.raises(AttributeError, match="did you mean NaTs"):
        _ = mechanisms.nats
