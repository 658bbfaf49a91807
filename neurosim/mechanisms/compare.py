"""Compare a .mod file with NEURON: build it there and here, run the same protocols, report the largest differences.

NEURON runs in a process of its own (``neuron_side.py``), so that neurosim never imports it. ``compare`` returns the
relative error of each variable, ``main`` prints them as a table and returns an exit code.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from neurosim.errors import InstabilityError, MechanismError, MissingExtraError
from neurosim.mechanisms import protocols
from neurosim.mechanisms.mechanism import Kind, Mechanism
from neurosim.mechanisms.nmodl.names import DRAWING
from neurosim.mechanisms.nmodl.walking import bodies, calls
from neurosim.mechanisms.protocols import Columns, Run

TOLERANCE = 1e-9
_WHAT = "the comparison with NEURON"
_SIDE = Path(__file__).with_name("neuron_side.py")

# Names that NEURON has already.
TAKEN: Final = frozenset({
    "hh", "pas", "extracellular", "capacitance", "morphology", "fastpas", "IClamp", "AlphaSynapse", "ExpSyn", "Exp2Syn",
    "SEClamp", "VClamp", "OClamp", "APCount", "NetStim", "IntFire1", "IntFire2", "IntFire4", "PatternStim",
    "PointProcessMark",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One variable in one run.

    ``error`` is the largest absolute difference over ``magnitude``, the largest absolute value in NEURON (or the
    difference itself where that is 0); ``span`` is how much the variable moved.
    """

    run: str
    column: str
    error: float
    magnitude: float
    span: float


@dataclass(frozen=True, slots=True)
class Report:
    """Outcome for one file: rows, or the reason why there are none."""

    name: str
    rows: tuple[Row, ...] = ()
    skipped: str = ""
    notes: tuple[str, ...] = ()

    @property
    def worst(self) -> float:
        """Largest relative error; infinite where one side could not do the run."""
        return max((r.error for r in self.rows), default=float("nan"))

    @property
    def still(self) -> tuple[str, ...]:
        """Variables that moved in no run."""
        moved = {r.column for r in self.rows if r.span > 1e-9 * r.magnitude}
        return tuple(dict.fromkeys(r.column for r in self.rows if r.column not in moved))


# --- NEURON -----------------------------------------------------------------------------------------------------------


def nrnivmodl() -> str:
    """Return the path of NEURON's compiler of .mod files.

    Raises
    ------
    MissingExtraError
        NEURON or a C++ compiler is not installed.
    """
    beside = Path(sys.executable).with_name("nrnivmodl")
    tool = str(beside) if beside.exists() else shutil.which("nrnivmodl")
    if importlib.util.find_spec("neuron") is None or tool is None:
        raise MissingExtraError(_WHAT, "NEURON", "bench")
    if not any(shutil.which(c) for c in (os.environ.get("CXX", "g++"), "c++", "clang++")):
        raise MissingExtraError(_WHAT, "a C++ compiler (g++ or clang++ of the system) beside NEURON", "bench")
    return tool


def build(sources: Mapping[str, str], folder: Path, *, timeout_s: float = 600.0) -> None:
    """Build .mod texts with nrnivmodl in ``folder``.

    Parameters
    ----------
    sources : mapping
        File name without ``.mod`` -> text.
    folder : Path
        An empty folder.
    timeout_s : float
        Time allowed.

    Raises
    ------
    MechanismError
        NEURON cannot build them; its last words are quoted.
    """
    tool = nrnivmodl()
    mods = folder / "mods"
    mods.mkdir(parents=True)
    for name, text in sources.items():
        (mods / f"{name}.mod").write_text(text, encoding="utf-8")
    # Through its own folder, so that it finds the interpreter it was installed with.
    environment = {**os.environ, "PATH": f"{Path(tool).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    try:
        done = subprocess.run(
            [tool, "mods"], cwd=folder, env=environment, capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        raise MechanismError(f"NEURON did not build {', '.join(sources)} within {timeout_s:g} s") from None
    if done.returncode:
        log = done.stdout + done.stderr
        (folder / "build.log").write_text(log, encoding="utf-8")
        lines = [line.strip() for line in log.splitlines() if not re.match("NOTE|make| *raise|subprocess|  File", line)]
        words = [line for line in lines if re.search(r"rror: *\w|at line|undefined|not declared|not translated", line)]
        raise MechanismError(f"NEURON cannot build {', '.join(sources)}: {' | '.join(words[:3]) or log[-300:]}")


def in_neuron(runs: Sequence[Run], folder: Path, *, timeout_s: float = 600.0) -> dict[str, Columns | str]:
    """Do runs in NEURON with the mechanisms built in ``folder``.

    Returns
    -------
    dict
        Run -> columns, float64 (steps + 1,) each, or the reason why NEURON refused. ``"!version"`` -> NEURON's version.
    """
    job, out = folder / "job.json", folder / "out.npz"
    out.unlink(missing_ok=True)
    job.write_text(json.dumps([asdict(r) for r in runs]), encoding="utf-8")
    try:
        done = subprocess.run(
            [sys.executable, str(_SIDE), str(job), str(out)],
            cwd=folder, capture_output=True, text=True, timeout=timeout_s, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return {r.name: f"no end within {timeout_s:g} s" for r in runs}
    if done.returncode or not out.exists():
        words = done.stderr.strip().splitlines() or ["no message"]
        return {r.name: f"NEURON ended with code {done.returncode}: {words[-1]}" for r in runs}
    results: dict[str, Columns | str] = {}
    with np.load(out) as data:
        for key in data.files:
            run, _, column = key.partition("/")
            if not column or column == "!":
                results[run] = str(data[key])
                continue
            columns = results.setdefault(run, {})
            if isinstance(columns, dict):
                columns[column] = data[key]
    return results


# --- comparison -------------------------------------------------------------------------------------------------------


def difference(run: str, column: str, ours: Columns | None, theirs: Columns) -> Row:
    """Compare one column up to NEURON's first value that is not finite; without ours the error is infinite."""
    b = theirs[column]
    end = len(b) if np.isfinite(b).all() else int(np.argmin(np.isfinite(b)))
    b = b[:end]
    magnitude = float(np.abs(b).max(initial=0.0))
    span = float(np.ptp(b)) if end else 0.0
    if ours is None:
        return Row(run, column, float("inf"), magnitude, span)
    with np.errstate(invalid="ignore"):
        gap = float(np.abs(ours[column][:end] - b).max(initial=0.0))
    error = gap / magnitude if magnitude > 0.0 else gap
    return Row(run, column, error if np.isfinite(error) else float("inf"), magnitude, span)


def why_not(mech: Mechanism) -> str:
    """Return why the two protocols cannot drive a mechanism; empty if they can."""
    if mech.kind is Kind.ARTIFICIAL:
        return "an artificial cell has no membrane"
    if mech.code.net_receive is not None:
        return "NET_RECEIVE needs events, which these protocols do not send"
    if mech.pointers:
        return f"the POINTER {mech.pointers[0]} needs another cell"
    if any(calls(b) & DRAWING.keys() for b in bodies(mech.code)):
        return "its random numbers depend on a stream that these protocols do not set"
    return ""


def compare_mechanism(
    mech: Mechanism, text: str, folder: Path, *, parameters: Mapping[str, float] | None = None
) -> Report:
    """Compare a loaded mechanism with its .mod text, built by NEURON in the empty folder ``folder``."""
    reason = why_not(mech)
    if reason:
        return Report(mech.name, skipped=reason)
    renamed, text = rename(mech, text)
    made = protocols.drivers(renamed)
    try:
        build({**made, renamed.name: text}, folder)
    except MechanismError as error:
        return Report(mech.name, skipped=str(error))
    runs = protocols.standard_runs(renamed, parameters)
    return judge(mech.name, renamed, made, runs, in_neuron(runs, folder))


def judge(
    name: str, mech: Mechanism, made: Mapping[str, str], runs: Sequence[Run], theirs: Mapping[str, Columns | str]
) -> Report:
    """Do the runs in neurosim and compare them with NEURON's results."""
    from neurosim.mechanisms.nmodl import loads

    known = {mech.name: mech, **{n: loads(t, origin=f"{n}.mod") for n, t in made.items()}}
    rows: list[Row] = []
    notes: list[str] = []
    for run in runs:
        reference = theirs.get(run.name, "no result")
        if isinstance(reference, str):
            notes.append(f"{run.name}: NEURON: {reference}")
            continue
        missing = [c for c in run.record if c not in reference]
        run = replace(run, record=tuple(c for c in run.record if c in reference))
        if missing:
            notes.append(f"{run.name}: not visible in NEURON: {', '.join(missing)}")
        ours: Columns | None = None
        try:
            ours = protocols.perform(run, known)
        except InstabilityError as error:
            # Where NEURON ends in nan or inf as well, nothing is left to compare.
            if all(np.isfinite(x).all() for x in reference.values()):
                notes.append(f"{run.name}: {error}")
            else:
                notes.append(f"{run.name}: unstable in both")
                continue
        rows += [difference(run.name, c, ours, reference) for c in run.record]
    rows = [replace(r, column=r.column.replace(f"{mech.name}.", f"{name}.")) for r in rows]
    return Report(name, tuple(rows), notes=tuple(notes), skipped="" if rows else "; ".join(notes))


def rename(mech: Mechanism, text: str, taken: Collection[str] = TAKEN) -> tuple[Mechanism, str]:
    """Give a mechanism whose name is taken (by NEURON, if nothing else is said) another one, in record and text."""
    if mech.name not in taken:
        return mech, text
    new = f"file{mech.name}"
    while new in taken:
        new += "x"
    pattern = rf"\b(SUFFIX|POINT_PROCESS|ARTIFICIAL_CELL)(\s+){re.escape(mech.name)}\b"
    return mech.variant(new), re.sub(pattern, rf"\1\g<2>{new}", text)


def read(path: str | Path) -> str:
    """Read a .mod file, which may be utf-8 or latin-1."""
    data = Path(path).read_bytes()
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def report(path: str | Path, *, tables: bool = True, parameters: Mapping[str, float] | None = None) -> Report:
    """Compare one file with NEURON.

    Parameters
    ----------
    path : path-like
        A .mod file, or the name of a mechanism of the library.
    tables : bool
        Honour TABLE, as NEURON does. Without it the difference shows what the tables cost.
    parameters : mapping, optional
        Parameter -> value for both; conductances and amplitudes of 0 are raised otherwise.

    Raises
    ------
    MissingExtraError
        NEURON or a C++ compiler is not installed.
    MechanismError
        neurosim refuses the file, or a parameter does not exist.
    """
    from neurosim.mechanisms import library
    from neurosim.mechanisms.nmodl import load

    if not Path(path).exists() and not str(path).endswith(".mod"):
        mech, text = library.get(str(path)), library.path(str(path)).read_text(encoding="utf-8")
    else:
        mech, text = load(path), read(path)
    for name in parameters or {}:
        mech.parameter(name)
    nrnivmodl()
    with tempfile.TemporaryDirectory(prefix="neurosim-") as folder:
        return compare_mechanism(mech.variant(tables=tables), text, Path(folder), parameters=parameters)


def compare(
    path: str | Path, *, tables: bool = True, parameters: Mapping[str, float] | None = None
) -> dict[str, float]:
    """Return variable -> largest relative error against NEURON over both protocols; see ``report``."""
    found: dict[str, float] = {}
    for row in report(path, tables=tables, parameters=parameters).rows:
        found[row.column] = max(row.error, found.get(row.column, 0.0))
    return found


def table(result: Report) -> str:
    """Return the report as text, one line a variable."""
    names = list(dict.fromkeys(r.run for r in result.rows))
    errors = {(r.run, r.column): r.error for r in result.rows}
    still = set(result.still)
    lines = [f"{'variable':<28}" + "".join(f"{n:>12}" for n in names)]
    for column in dict.fromkeys(r.column for r in result.rows):
        cells = "".join(f"{errors[n, column]:>12.1e}" if (n, column) in errors else f"{'-':>12}" for n in names)
        lines.append(f"{column:<28}{cells}{'   does not move' if column in still else ''}")
    return "\n".join(lines)


def main(
    paths: str | Path | Sequence[str | Path],
    *,
    tables: bool = True,
    parameters: Mapping[str, float] | None = None,
    tolerance: float = TOLERANCE,
) -> int:
    """Print the comparison of files with NEURON.

    Parameters
    ----------
    paths : path-like or sequence of path-like
        Files, or names of mechanisms of the library.
    tables, parameters
        As for ``report``.
    tolerance : float
        Largest relative error allowed.

    Returns
    -------
    int
        0: all variables of all files within ``tolerance``; 1: some are not; 2: a file was not compared, the reason is
        printed.
    """
    files = [paths] if isinstance(paths, str | Path) else list(paths)
    return max((_print(p, tables, parameters, tolerance) for p in files), default=0)


def _print(path: str | Path, tables: bool, parameters: Mapping[str, float] | None, tolerance: float) -> int:
    try:
        result = report(path, tables=tables, parameters=parameters)
    except MechanismError as error:
        print(error, file=sys.stderr)
        return 2
    for note in result.notes:
        print(f"note: {note}")
    if result.skipped:
        print(f"{result.name}: not compared: {result.skipped}")
        return 2
    print(f"{result.name}: largest difference from NEURON, relative to the variable's magnitude\n{table(result)}")
    good = result.worst <= tolerance
    print(f"largest {result.worst:.1e}: {'within' if good else 'NOT within'} {tolerance:g}")
    return 0 if good else 1
