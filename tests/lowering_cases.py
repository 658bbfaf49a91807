"""What the lowering is compared with NEURON on: one case for each rule of nmodl.md section 4, and NEURON's numbers.

``python -m tests.lowering_cases`` builds the mechanisms with the installed NEURON (a minute), runs all cases and writes
``tests/data/lowering_neuron.json``: every tenth step of every recorded column, with NEURON's version and the date.
"""

from __future__ import annotations

import datetime
import json
import platform
import sys
import tempfile
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from neurosim.mechanisms.nmodl import loads
from tests.lowering import Instance, Point, in_neuron
from tests.lowering_mods import MODS

NA_K = {"ena": 53.0, "ek": -90.0}
STEPS = 160
STORED = 10
REFERENCE = Path(__file__).parent / "data" / "lowering_neuron.json"


@dataclass
class Case:
    """One run: mechanisms (writers first), what is recorded, and the surroundings."""

    mechs: tuple[str, ...]
    record: tuple[str, ...]
    parameters: dict[str, dict[str, float]] = field(default_factory=dict)
    celsius: float = 6.3
    untabled: tuple[str, ...] = ()
    calcium: bool = False
    stimulus: tuple[float, float, float] = (0.5, 2.0, 0.5)
    stream: tuple[float, float, float] = (0.0, 0.0, 0.0)


CASES = {
    "TABLE": Case(("lwtab",), ("n", "ninf", "ntau"), celsius=11.0),
    "TABLE off": Case(("lwtab",), ("n", "ninf", "ntau"), {"lwtab": {"shift": -5.0}}, untabled=("lwtab",)),
    "cnexp": Case(("lwcnexp",), ("p", "q", "r", "s", "w", "aux")),
    "cnexp not linear": Case(("lwnonlin",), ("p", "q", "rate")),
    "derivimplicit": Case(("lwimplicit",), ("a", "b", "c", "seen")),
    "derivimplicit linear": Case(("lwlinimp",), ("a", "b")),
    "euler": Case(("lweuler",), ("a", "b")),
    "runge": Case(("lwrunge",), ("a", "b")),
    "KINETIC and STEADYSTATE": Case(("lwkin",), ("c1", "c2", "o", "z", "flux", "back")),
    "KINETIC with COMPARTMENT, sink, source": Case(("lwkin2",), ("c", "o", "z")),
    "CONSERVE of states that do not add up": Case(("lwcons",), ("c", "o", "z")),
    "CONSERVE with COMPARTMENT": Case(("lwconsvol",), ("c", "o", "z")),
    "KINETIC not linear": Case(("lwdimer",), ("m1", "m2")),
    "KINETIC buffer": Case(("lwbuffer", "lwchan"), ("buf", "cab", "pump", "pumpca", "m_lwchan", "cai"), calcium=True),
    "GHK and calcium pool": Case(("lwpool", "lwchan"), ("m_lwchan", "nest_lwchan", "cai"), calcium=True, celsius=30.0),
    "SOLVE of a PROCEDURE": Case(("lwproc",), ("m", "h", "inf", "count")),
    "arrays": Case(("lwarray",), ("total",)),
    "branches and memory": Case(("lwbranch",), ("m", "tau", "last", "calls")),
    "branches, other mode": Case(("lwbranch",), ("m", "tau", "last"), {"lwbranch": {"mode": 2.0}}),
    "LINEAR": Case(("lwlinear",), ("a", "b", "c", "d", "p", "q")),
    "NONLINEAR": Case(("lwnonlinear",), ("p", "q")),
    "ELECTRODE_CURRENT": Case(("lwclamp",), ("@i",)),
    "synapse": Case(("lwsyn",), ("@A", "@g", "@i")),
    "functions": Case(("lwfun",), ("m", "h", "y", "r3"), celsius=34.0),
    "WHILE": Case(("lwwhile",), ("m", "halvings", "twice", "steps")),
    "BEFORE and AFTER": Case(("lwhooks",), ("m", "gain", "shown", "seen", "start", "rounds", "late")),
    "elements known at run time": Case(("lwindex",), ("total", "picked", "m"), {"lwindex": {"n": 4.0}}),
    "CONSTRUCTOR and PROTECT": Case(("lwmade",), ("@m", "@k"), {"lwmade": {"k": 2.0}}),
    "BREAKPOINT without a current": Case(("lwquiet",), ("m", "seen", "count", "place", "above")),
    "RANDOM": Case(
        ("lwrandom",),
        ("@flat", "@wide", "@wait", "@bell", "@broad", "@word", "@early", "@m"),
        stream=(11.0, 3.0, 5.0),
    ),
}


def full_name(case: Case, name: str) -> tuple[str, str]:
    """Return mechanism and variable of a recorded name."""
    for mech in case.mechs:
        if name.endswith(f"_{mech}"):
            return mech, name.removesuffix(f"_{mech}")
    return case.mechs[0], name.removeprefix("@")


def job(case: Case) -> dict[str, Any]:
    point = [m for m in case.mechs if "POINT_PROCESS" in MODS[m]]
    names = []
    for name in case.record:
        mech, variable = full_name(case, name)
        names.append(name if name.startswith("@") or name == "cai" else f"{variable}_{mech}")
    return {
        "density": [(m, case.parameters.get(m, {})) for m in (*case.mechs, "pas") if m not in point],
        "point": [(m, case.parameters.get(m, {})) for m in point],
        "untabled": case.untabled,
        "stream": case.stream,
        "ions": NA_K,
        "stimulus": case.stimulus,
        "celsius": case.celsius,
        "dt": 0.025,
        "v": -65.0,
        "steps": STEPS,
        "record": ["v", *names],
    }


PAS = """
NEURON { SUFFIX leak NONSPECIFIC_CURRENT i RANGE g, e }
PARAMETER { g = 0.001 e = -70 }
ASSIGNED { v i }
BREAKPOINT { i = g*(v - e) }
"""


def ours(case: Case) -> np.ndarray[Any, Any]:
    """Run a case on plain numbers."""
    parts = []
    for name in case.mechs:
        mech = loads(MODS[name], f"{name}.mod", tables=name not in case.untabled)
        keep = tuple(full_name(case, r)[1] for r in case.record if full_name(case, r)[0] == name)
        part = Instance(mech, keep=keep, **case.parameters.get(name, {}))
        part.draw_from(*case.stream)
        parts.append(part)
    by_name = dict(zip(case.mechs, parts, strict=True))
    point = Point([*parts[:-1], Instance(loads(PAS)), parts[-1]], celsius=case.celsius, stimulus=case.stimulus)
    point.ions = dict(NA_K)
    if case.calcium:
        point.ions |= {"cai": 5e-5, "cao": 2.0, "eca": 132.4579341637009, "ica": 0.0}
        point.nernst = {"ca": 2.0}
    point.start()
    rows = []
    for k in range(STEPS + 1):
        if k:
            point.step()
        row = [point.v]
        for name in case.record:
            owner, variable = full_name(case, name)
            row.append(point.ions["cai"] if name == "cai" else by_name[owner].fields[variable])
        rows.append(row)
    return np.array(rows)[::STORED]


def main() -> None:
    """Write the reference."""
    with tempfile.TemporaryDirectory() as folder:
        runs = in_neuron(Path(folder), MODS, [job(c) for c in CASES.values()])
    record = {
        "made_by": "python -m tests.lowering_cases",
        "neuron": version("neuron"),
        "date": datetime.date.today().isoformat(),
        "machine": f"{platform.system()} {platform.machine()}",
        "columns": {name: rows[::STORED].T.tolist() for name, rows in zip(CASES, runs, strict=True)},
    }
    REFERENCE.write_text(json.dumps(record, indent=0) + "\n")
    sys.stdout.write(f"{REFERENCE}: {len(runs)} cases, NEURON {record['neuron']}\n")


if __name__ == "__main__":
    main()
