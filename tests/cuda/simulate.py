"""Run kernels in Numba's CUDA simulator and beside them the plain and the compiled dialect of the CPU; print JSON.

    NUMBA_ENABLE_CUDASIM=1 python -m tests.cuda.simulate FOLDER [MECHANISM …]

One entry per mechanism, precision and program: name of output -> its values in each of ``simulator``, ``plain`` (same
precision) and, in float64, ``compiled``. A process of its own, because Numba chooses the simulator when it is imported.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numba import cuda, njit

from neurosim.kernels import simd
from neurosim.mechanisms import library
from neurosim.mechanisms.program import Program
from tests.cuda.build import DT_MS, T_MS, Built, for_build, numbers
from tests.lowering import compiled

BLOCKS, THREADS = 2, 4
INSTANCES = BLOCKS * THREADS - 1  # the last thread has nothing to do
Known = list[dict[str, Any]]


def in_simulator(built: Built, program: Program, known: Known, folder: Path) -> np.ndarray[Any, Any]:
    """Return the columns after the kernel has run, (names, instances + 1); the spare last one must stay NaN."""
    where = built.columns
    columns = np.full((len(where.instances), INSTANCES + 1), np.nan, built.real)
    for j, name in enumerate(where.instances):
        columns[j, :INSTANCES] = [k.get(name, np.nan) for k in known]
    uniforms = np.array([known[0][n] for n in where.uniforms], built.real)
    kind = np.dtype(built.real).type
    kernel = cuda.jit(getattr(built.module(folder), f"{program.name}_kernel"))
    arguments = (columns, uniforms, *(known[0][n] for n in where.tables))
    with np.errstate(all="ignore"):
        kernel[BLOCKS, THREADS](*arguments, np.uint64(INSTANCES), kind(T_MS), kind(DT_MS))
    return columns


def by_hand(function: Callable[..., Any], program: Program, known: Known) -> dict[str, list[float]]:
    """Return the outputs of calling a program instance by instance."""
    with np.errstate(all="ignore"):
        rows = [function(*(k[n] for n in program.inputs)) for k in known]
    return {n: [float(row[j]) for row in rows] for j, n in enumerate(program.outputs)}


def on_cpu(program: Program) -> Callable[..., Any]:
    """Return a program compiled in the dialect of the CPU engine, one lane."""
    space: dict[str, Any] = {n: getattr(simd, n) for n in dir(simd) if not n.startswith("_")}
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
        columns = in_simulator(built, program, known, folder)
        rows = {n: columns[built.columns.instances.index(n)] for n in program.outputs}
        entry: dict[str, Any] = {"mechanism": name, "real": real, "program": program.name}
        entry["simulator"] = {n: [float(x) for x in row[:-1]] for n, row in rows.items()}
        entry["untouched"] = bool(np.isnan(columns[:, -1]).all())
        entry["plain"] = by_hand(compiled(program), program, known)
        if real == "float64":
            entry["compiled"] = by_hand(on_cpu(program), program, known)
        entries.append(entry)
    return entries


def main(folder: Path, names: list[str]) -> None:
    """Print the entries of the named mechanisms, or of the whole library."""
    found = [e for n in names or library.names() for real in ("float64", "float32") for e in compare(n, real, folder)]
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
