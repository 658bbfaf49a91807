"""Run kernels in Numba's CUDA simulator and beside them the plain and the compiled dialect of the CPU; print JSON.

    NUMBA_ENABLE_CUDASIM=1 python -m tests.cuda.simulate FOLDER [MECHANISM …]

``entries``: for every mechanism, precision and program, name of output -> values, in each of ``simulator``, ``plain``
(same precision) and, in float64, ``compiled``. ``functions``: values of the dialect's own functions at ``points``. A
process of its own, because Numba chooses the simulator when it is imported.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numba import cuda, njit

from neurosim.kernels import access, simd
from neurosim.kernels import cuda as kernels
from neurosim.mechanisms.program import Program
from tests.cuda.build import DT_MS, T_MS, Built, for_build, names, numbers
from tests.lowering import compiled

BLOCKS, THREADS = 2, 4
INSTANCES = BLOCKS * THREADS - 1  # the last thread has nothing to do
Known = list[dict[str, Any]]

TURNS = [float(x) for x in np.random.default_rng(3).uniform(-1e5, 1e5, 400).astype("float32")]
TURNS += [float(x) for x in np.linspace(-7, 7, 401, dtype="float32")]
ENDS = [float("-inf"), float("inf"), float("nan")]
POINTS = {
    "sin": TURNS,
    "cos": TURNS,
    "tan": TURNS,
    "exp": [*np.linspace(-80, 80, 33), -1000.0, -699.9, -700.1, 79.9, 80.1, 699.9, 700.1, 1000.0, *ENDS],
    **{name: [float(k) for k in range(200)] for name in ("uniform", "gaussian", "gaussian_draws")},
    "lookup": [*np.linspace(-3.0, 15.0, 37), -4.0, 16.0, *ENDS],
}
APPLY: dict[str, Callable[..., None]] = {}


def in_simulator(
    built: Built, program: Program, known: Known, folder: Path
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the columns before and after the kernel has run, (names, instances + 1); it must leave the last alone."""
    where = built.columns
    columns = np.full((len(where.instances), INSTANCES + 1), np.nan, built.real)
    for j, name in enumerate(where.instances):
        columns[j] = [k.get(name, np.nan) for k in (*known, known[0])]
    before = columns.copy()
    uniforms = np.array([known[0][n] for n in where.uniforms], built.real)
    kind = np.dtype(built.real).type
    kernel = cuda.jit(getattr(built.module(folder), f"{program.name}_kernel"))
    arguments = (columns, uniforms, *(known[0][n] for n in where.tables))
    with np.errstate(all="ignore"):
        kernel[BLOCKS, THREADS](*arguments, np.uint64(INSTANCES), kind(T_MS), kind(DT_MS))
    return before, columns


def by_hand(function: Callable[..., Any], program: Program, known: Known) -> dict[str, list[float]]:
    """Return the outputs of calling a program instance by instance."""
    with np.errstate(all="ignore"):
        rows = [function(*(k[n] for n in program.inputs)) for k in known]
    return {n: [float(row[j]) for row in rows] for j, n in enumerate(program.outputs)}


def on_cpu(program: Program) -> Callable[..., Any]:
    """Return a program compiled in the dialect of the CPU engine, one lane."""
    space: dict[str, Any] = {n: getattr(m, n) for m in (simd, access) for n in dir(m) if not n.startswith("_")}
    exec(compile(program.source, program.name, "exec"), space)
    function = njit(error_model="numpy")(space[program.name])

    def call(*values: Any) -> Any:
        return function(*(x.ctypes.data if np.ndim(x) else float(x) for x in values))

    return call


def compare(name: str, real: str, folder: Path) -> list[dict[str, Any]]:
    """Return the entries of one mechanism in one precision."""
    built = Built(name, real)
    exact = numbers(name, INSTANCES, seed=sum(map(ord, name)))
    known = [for_build(k, built) for k in exact]
    entries = []
    for program in built.programs:
        before, columns = in_simulator(built, program, known, folder)
        rows = {n: columns[built.columns.instances.index(n)] for n in program.outputs}
        entry: dict[str, Any] = {"mechanism": name, "real": real, "program": program.name}
        entry["simulator"] = {n: [float(x) for x in row[:-1]] for n, row in rows.items()}
        entry["untouched"] = bool(np.array_equal(before[:, -1], columns[:, -1], equal_nan=True))
        entry["plain"] = by_hand(compiled(program), program, known)
        if real == "float64":
            entry["compiled"] = by_hand(on_cpu(program), program, known)
        entries.append(entry)
    return entries


def functions() -> dict[str, dict[str, list[float]]]:
    """Return name -> precision -> values of the dialect's functions that are our own, at the points of ``POINTS``."""
    out: dict[str, dict[str, list[float]]] = {}
    for name, points in POINTS.items():
        for real in ("float32", "float64"):
            function = getattr(kernels, f"{name}_{real}", None) or getattr(kernels, name)
            x = np.array(points, real)
            y = np.zeros_like(x)
            with np.errstate(all="ignore"):
                cuda.jit(APPLY[name])[1, 1](function, x, y, np.arange(20, dtype=real), np.dtype(real).type)
            out.setdefault(name, {})[real] = [float(v) for v in y]
    return out


def _one(function: Any, x: Any, y: Any, table: Any, kind: Any) -> None:
    for k in range(len(x)):
        y[k] = function(x[k])


def _lookup(function: Any, x: Any, y: Any, table: Any, kind: Any) -> None:
    for k in range(len(x)):
        y[k] = function(table, 1, 2, x[k], kind(-3.0), kind(0.5), 9)


def _random(function: Any, x: Any, y: Any, table: Any, kind: Any) -> None:
    for k in range(len(x)):
        y[k] = function(kind(3.0), kind(7.0), x[k])


APPLY |= {n: _one for n in POINTS} | {"lookup": _lookup}
APPLY |= dict.fromkeys(("uniform", "gaussian", "gaussian_draws"), _random)


def main(folder: Path, wanted: list[str]) -> None:
    """Print the entries of the wanted mechanisms, or of all, and the functions."""
    found = [e for n in wanted or names() for real in ("float64", "float32") for e in compare(n, real, folder)]
    json.dump({"entries": found, "functions": functions(), "points": POINTS}, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
