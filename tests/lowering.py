"""Running lowered mechanisms on plain numbers, and the same text in NEURON: helpers of the lowering's tests.

``Point`` is one compartment with backward Euler in delta form, as nmodl.md 4.1 has it: currents with t in the middle of
the step, v, then the states with the new v at the end of the step. ``in_neuron`` builds .mod texts with NEURON in a
folder of its own and runs the same protocol there, in a process of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from neurosim.kernels import plain
from neurosim.mechanisms.lower import lower, symbol
from neurosim.mechanisms.mechanism import Kind, Mechanism
from neurosim.mechanisms.program import Program

FARADAY = 96485.33212331001
GAS_CONSTANT = 8.31446261815324


def compiled(program: Program) -> Callable[..., tuple[Any, ...]]:
    """Return a program as a Python function on plain numbers."""
    space: dict[str, Any] = {n: getattr(plain, n) for n in dir(plain) if not n.startswith("_")}
    exec(compile(program.source, program.name, "exec"), space)
    function: Callable[..., tuple[Any, ...]] = space[program.name]
    return function


def call(program: Program, values: Mapping[str, Any]) -> dict[str, Any]:
    """Evaluate a program with its inputs taken from ``values``."""
    wrapped = {
        n: values[n] if n.startswith("table") and n[5:].isdigit() else np.asarray(values[n], dtype=np.float64)[()]
        for n in program.inputs
    }
    with np.errstate(all="ignore"):
        result = compiled(program)(**wrapped)
    return dict(zip(program.outputs, result, strict=True))


class Instance:
    """One instance of a mechanism with its fields."""

    def __init__(self, mech: Mechanism, *, keep: tuple[str, ...] = (), **parameters: float) -> None:
        self.mech = mech
        self.lowered = lower(mech, keep=keep)
        self.fields = dict(self.lowered.defaults)
        for name, value in parameters.items():
            assert name in self.fields
            self.fields[name] = value
        low = self.lowered
        programs = (low.initial, low.current, low.advance, low.receive, low.connect, low.watch, *low.netcons)
        self.functions = {p.name: compiled(p) for p in programs if p is not None}
        self.effects: list[tuple[Any, ...]] = []
        self.extra: dict[str, Any] = {"random_key": 0.0}

    def draw_from(self, id1: float, id2: float, id3: float) -> None:
        """Choose the stream of random numbers as NEURON's ``set_ids`` does."""
        self.extra["random_key"] = id3
        if "stream" in self.fields:
            self.fields["stream"] = id1 + id2 * 2.0**32

    def prepare(self, around: Mapping[str, Any]) -> None:
        """Compute the run's constants and tables."""
        if self.lowered.constants is not None:
            self.extra.update(call(self.lowered.constants, around))
        for k, spec in enumerate(self.lowered.tables):
            known = {**around, **self.symbols(), **self.extra}
            bounds = call(spec.bounds, known)
            low, high = float(bounds["low"]), float(bounds["high"])
            x = plain.sample_points(low, high, spec.count)
            row = call(spec.row, {**known, "x": x})
            table = np.stack([np.broadcast_to(c, x.shape) for c in row.values()], axis=1)
            step = (high - low) / spec.count
            self.extra |= {f"table{k}": table.ravel(), f"table{k}_low": low, f"table{k}_per_step": 1.0 / step}

    def symbols(self) -> dict[str, Any]:
        """Return the fields as programs spell them."""
        return {symbol(f): x for f, x in self.fields.items()}

    def run(self, which: str, around: Mapping[str, Any]) -> dict[str, float]:
        """Evaluate a program, store the fields it returns, and return everything else."""
        program: Program = getattr(self.lowered, which)
        if not program.outputs:
            return {}
        values = {**around, **self.symbols(), **self.extra}
        with np.errstate(all="ignore"):
            result = self.functions[which](
                *(
                    values[n] if n.startswith("table") and n[5:].isdigit() else np.float64(values[n])
                    for n in program.inputs
                )
            )
        by_symbol = {symbol(f): f for f in self.fields}
        rest = {}
        for k, (name, x) in enumerate(zip(program.outputs, result, strict=True)):
            if name in by_symbol and not (which == "current" and k < 2 and name in ("i", "g")):
                self.fields[by_symbol[name]] = float(x)
            else:
                rest[name] = float(x)
        return rest

    def receive(
        self, arguments: list[float], flag: float, around: Mapping[str, Any], others: list[list[float]] | None = None
    ) -> list[float]:
        """Deliver an event: store fields, note the effects in order, and return the connection's values.

        ``others`` are the values of all connections, which FOR_NETCONS changes in place.
        """
        given = {f"arg{k}": x for k, x in enumerate(arguments)} | {"flag": flag}
        before = {**around, **self.symbols(), **self.extra, **given}
        out = self.run("receive", {**around, **given})
        self.effects = []
        for name in [n.removesuffix("_on") for n in out if n.endswith("_on") and out[n] == 1.0]:
            kind = name.rstrip("0123456789")
            number = int(name.removeprefix(kind))
            if kind == "watch":
                self.effects.append(("watch", self.lowered.watch_flags[number]))
                continue
            self.effects.append(
                (
                    kind if kind == "netcons" else f"net_{kind}",
                    *(out[k] for k in (f"{name}_t", f"{name}_flag") if k in out),
                )
            )
            for other in others if kind == "netcons" and others is not None else []:
                values = before | {f"other{k}": x for k, x in enumerate(other)}
                found = call(self.lowered.netcons[number], values)
                other[:] = [float(found.get(f"other{k}", x)) for k, x in enumerate(other)]
        return [out.get(f"arg{k}", x) for k, x in enumerate(arguments)]


@dataclass
class Point:
    """One cylinder of one compartment carrying mechanisms, the writers of concentrations first."""

    parts: list[Instance]
    area: float = 400 * np.pi
    dt: float = 0.025
    celsius: float = 6.3
    v: float = -65.0
    stimulus: tuple[float, float, float] = (0.0, 0.0, 0.0)  # delay ms, duration ms, nA
    ions: dict[str, float] = field(default_factory=dict)
    nernst: dict[str, float] = field(default_factory=dict)  # ion -> valence: its e follows from its concentrations
    t: float = 0.0

    def around(self) -> dict[str, float]:
        """Return everything that surrounds a mechanism."""
        diam = 20.0
        names = {"v": self.v, "t": self.t, "dt": self.dt, "celsius": self.celsius, "area": self.area, "diam": diam}
        return {**names, **self.ions}

    def start(self) -> None:
        """Initialise all mechanisms and evaluate currents once."""
        self.t = 0.0
        for p in self.parts:
            p.prepare(self.around())
            self.ions.update(p.run("initial", self.around()))
        self._currents()

    def _currents(self) -> tuple[float, float]:
        for name in [n for n in self.ions if n.startswith("i")]:
            self.ions[name] = 0.0
        for ion, z in self.nernst.items():
            kelvin = self.celsius + 273.15
            ratio = self.ions[f"{ion}o"] / self.ions[f"{ion}i"]
            self.ions[f"e{ion}"] = 1e3 * GAS_CONSTANT * kelvin / FARADAY / z * float(np.log(ratio))
        i = g = 0.0
        for p in self.parts:
            out = p.run("current", self.around())
            unit = 1.0 if p.mech.kind is Kind.DENSITY else 100.0 / self.area
            i += out.pop("i", 0.0) * unit
            g += out.pop("g", 0.0) * unit
            for name, x in out.items():
                self.ions[name] = self.ions.get(name, 0.0) + x * unit if name.startswith("i") else x
        return i, g

    def step(self) -> None:
        """Advance by dt."""
        self.t += self.dt / 2
        i, g = self._currents()
        delay, duration, amplitude = self.stimulus
        if delay <= self.t < delay + duration:
            i -= amplitude * 100.0 / self.area
        self.v += -i / (1e-3 / self.dt + g)
        self.t += self.dt / 2
        for p in self.parts:
            self.ions.update(p.run("advance", self.around()))


RUNNER = """
import json, sys
from neuron import h
jobs = json.load(open(sys.argv[1]))
h.load_file("stdrun.hoc")
results = []
for job in jobs:
    soma = h.Section(name="soma")
    soma.L = soma.diam = 20.0
    soma.nseg = 1
    soma.cm = 1.0
    h.celsius = job["celsius"]
    h.dt = job["dt"]
    holders = []
    for name, parameters in job["density"]:
        soma.insert(name)
    for name, parameters in job["point"]:
        p = getattr(h, name)(soma(0.5))
        holders.append(p)
        for key, value in parameters.items():
            setattr(p, key, value)
        if hasattr(p, "r") and hasattr(p.r, "set_ids"):
            p.r.set_ids(*map(int, job["stream"]))
            p.r.set_seq(0)  # else the first four numbers are those of the former ids
    for name, parameters in job["density"]:
        for key, value in parameters.items():
            if hasattr(soma(0.5), key + "_" + name):
                setattr(soma(0.5), key + "_" + name, value)
            else:
                setattr(h, key + "_" + name, value)
    for name in job["untabled"]:
        setattr(h, "usetable_" + name, 0)
    for key, value in job["ions"].items():
        if hasattr(soma(0.5), key): setattr(soma(0.5), key, value)
    clamp = h.IClamp(soma(0.5))
    clamp.delay, clamp.dur, clamp.amp = job["stimulus"]
    h.finitialize(job["v"])
    def take():
        row = []
        for name in job["record"]:
            if name.startswith("@"):
                row.append(getattr(holders[0], name[1:]))
            else:
                row.append(getattr(soma(0.5), name))
        return row
    rows = [take()]
    for k in range(job["steps"]):
        h.fadvance()
        rows.append(take())
    results.append(rows)
    clamp = None
    holders = None
    p = None
    soma = None
json.dump(results, open(sys.argv[2], "w"))
"""


def in_neuron(folder: Path, texts: Mapping[str, str], jobs: list[dict[str, Any]]) -> list[np.ndarray[Any, Any]]:
    """Build .mod texts with NEURON and run the jobs; return the recorded columns of each, a row a step."""
    for name, text in texts.items():
        (folder / f"{name}.mod").write_text(text)
    script = Path(sys.executable).parent / "nrnivmodl"
    built = subprocess.run([script, "."], cwd=folder, capture_output=True, text=True, check=False)
    errors = [x for x in (built.stdout + built.stderr).splitlines() if "rror" in x or "^" in x]
    assert built.returncode == 0, "\n".join(errors)
    (folder / "jobs.json").write_text(json.dumps(jobs))
    (folder / "runner.py").write_text(RUNNER)
    done = subprocess.run(
        [sys.executable, "runner.py", "jobs.json", "out.json"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return [np.array(rows) for rows in json.loads((folder / "out.json").read_text())]


def distance(ours: np.ndarray[Any, Any], theirs: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the largest difference of each column, relative to the column's magnitude."""
    scale = np.abs(theirs).max(axis=0)
    difference: np.ndarray[Any, Any] = np.abs(ours - theirs).max(axis=0) / np.where(scale > 0, scale, 1.0)
    return difference
