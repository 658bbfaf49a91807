"""Our verdict on NMODL against that of NEURON's own translator (test dependency only)."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from neurosim.errors import MechanismError
from neurosim.mechanisms import loads
from neurosim.mechanisms.show import to_nmodl

HEAD = "NEURON { SUFFIX probe NONSPECIFIC_CURRENT i RANGE g }\nPARAMETER { g = 1 }\nASSIGNED { v i }\n"


@pytest.fixture(scope="module")
def translate(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], bool]:
    spec = find_spec("neuron")
    data = Path(spec.origin).parent / ".data" if spec and spec.origin else Path("absent")
    program = shutil.which("nocmodl", path=str(data / "bin"))
    if program is None:
        pytest.skip("NEURON's translator is not installed")
    folder = tmp_path_factory.mktemp("nocmodl")
    environment = {**os.environ, "NMODLHOME": str(data), "NRNHOME": str(data)}

    def accepts(text: str) -> bool:
        path = folder / "probe.mod"
        path.write_text(text)
        done = subprocess.run(
            [program, path.name],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=60,
        )
        said = done.stdout + done.stderr
        return done.returncode == 0 and "rror" not in said and "undefined" not in said

    return accepts


TEXTS = [
    "BREAKPOINT { i = g*v }",
    "BREAKPOINT { i = -g^2*v }",
    "BREAKPOINT { i = g*v*q }",
    "BREAKPOINT { i = g v }",
    "BREAKPOINT { i = g + + v }",
    "BREAKPOINT { i = g*v",
    "STATE { m }\nBREAKPOINT { SOLVE s METHOD cnexp i = m }\nDERIVATIVE s { m' = -m }",
    "STATE { m }\nBREAKPOINT { SOLVE s METHOD cnexp i = m }\nDERIVATIVE s { m = -m }",
    "STATE { m }\nBREAKPOINT { SOLVE s METHOD sparse i = m }\nDERIVATIVE s { m' = -m }",
    "STATE { m }\nBREAKPOINT { SOLVE s METHOD sparse i = m }\nKINETIC s { ~ m << (1) }",
    "STATE { m }\nBREAKPOINT { SOLVE s METHOD cnexp SOLVE s METHOD cnexp i = m }\nDERIVATIVE s { m' = -m }",
    "ASSIGNED { x[3] }\nBREAKPOINT { i = x[1] }",
    "ASSIGNED { x[3] }\nBREAKPOINT { i = x }",
    "ASSIGNED { x }\nBREAKPOINT { i = x[1] }",
    "ASSIGNED { g }\nBREAKPOINT { i = g }",
    "NEURON { GLOBAL nowhere }\nBREAKPOINT { i = g }",
    "NEURON { RANGE g, }\nBREAKPOINT { i = g }",
    "FUNCTION f(x) { f = x }\nBREAKPOINT { i = f(v) }",
    "FUNCTION f(x) { f = x }\nBREAKPOINT { i = f }",
    "UNITS { F = (faraday) (coulomb) }\nBREAKPOINT { i = F }",
    "UNITS { F = (nonsense) (coulomb) }\nBREAKPOINT { i = F }",
    "PROCEDURE p(x) { LOCAL a, b\n a = x b = a }\nBREAKPOINT { p(v) i = g }",
    "BREAKPOINT { if (v > 0) { i = 1 } else if (v < -50) { i = 2 } else { i = 0 } }",
    "BREAKPOINT { FROM k = 0 TO 3 { i = i + k } }",
]


POINT = "NEURON { POINT_PROCESS P NONSPECIFIC_CURRENT i RANGE m }\nASSIGNED { v i m }\nBREAKPOINT { i = m }\n"
CELL = "NEURON { ARTIFICIAL_CELL A RANGE m }\nASSIGNED { m }\n"
EVENTS = [
    CELL + "NET_RECEIVE(w) { net_send(1, 1) net_event(t) net_move(t + 1) }",
    CELL + "BREAKPOINT { m = 3 }\nNET_RECEIVE(w) { }",
    CELL + "INITIAL { net_send(1, 1) }\nNET_RECEIVE(w) { }",
    CELL + "STATE { v }\nNET_RECEIVE(w) { v = m }",
    POINT + "NET_RECEIVE(w) { WATCH (v > 3) 2 }",
    POINT + "NET_RECEIVE(w) { WATCH (v > 3) 2, (v < 1) 3 }",
    POINT + "NET_RECEIVE(w) { WATCH (v >= 3) 2 }",
    POINT + "NET_RECEIVE(w) { WATCH (v > 3) m }",
    POINT + "INITIAL { WATCH (v > 3) 2 }\nNET_RECEIVE(w) { }",
    POINT + "NET_RECEIVE(w) { FOR_NETCONS(x) { x = x + w } }",
    POINT + "NET_RECEIVE(w, a) { FOR_NETCONS(x) { x = x + w } }",
    POINT + "INITIAL { net_event(t) }\nNET_RECEIVE(w) { }",
    POINT + "NET_RECEIVE(w) { m = flag }",
    POINT + "PROCEDURE p() { m = flag }\nNET_RECEIVE(w) { }",
    POINT + "NEURON { POINTER p }\nASSIGNED { p }\nNET_RECEIVE(w) { m = p }",
    POINT + "NEURON { POINTER p }\nNET_RECEIVE(w) { m = p }",
    POINT + "NEURON { RANDOM r }\nNET_RECEIVE(w) { m = random_uniform(r) random_setseq(r, 3) }",
    POINT + "NEURON { RANDOM r }\nNET_RECEIVE(w) { m = r }",
    POINT + "NET_RECEIVE(w) { m = random_uniform(m) }",
    POINT + "BEFORE BREAKPOINT { m = 3 }\nAFTER SOLVE { m = 4 }\nBEFORE STEP { m = 5 }",
    POINT + "BEFORE INITIAL { m = 3 }\nAFTER INITIAL { m = 4 }",
    POINT + "CONSTRUCTOR { m = 3 }\nDESTRUCTOR { m = 3 }",
    POINT + "INITIAL { PROTECT m = 3 MUTEXLOCK m = 3 MUTEXUNLOCK while (m < 3) { m = m + 1 } }",
    POINT + "ASSIGNED { a[3] }\nINITIAL { FROM k = 0 TO m { a[k] = a[m] } }",
    "NEURON { SUFFIX nothing }\nFUNCTION f(x) { f = x }",
]


@pytest.mark.parametrize("text", EVENTS)
def test_our_verdict_on_events_is_the_translators(translate: Callable[[str], bool], text: str) -> None:
    try:
        loads(text)
        ours = True
    except MechanismError:
        ours = False
    assert ours == translate(text)


@pytest.mark.parametrize("text", TEXTS)
def test_our_verdict_is_the_translators(translate: Callable[[str], bool], text: str) -> None:
    try:
        loads(HEAD + text)
        ours = True
    except MechanismError:
        ours = False
    assert ours == translate(HEAD + text)


def test_printed_library_mechanisms_are_accepted_by_the_translator(
    translate: Callable[[str], bool], root: Path
) -> None:
    paths = sorted((root / "neurosim" / "mechanisms" / "library").glob("*.mod"))
    refused = [p.name for p in paths if not translate(to_nmodl(loads(p.read_text(), p.name)))]
    assert paths
    assert refused == []
