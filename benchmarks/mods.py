"""Compile .mod files nobody here wrote, and compare those that NEURON can build alone with NEURON.

``python benchmarks/mods.py`` downloads the wheels of neuron, bmtk and snudda into ``mods/`` (not committed), compiles
every .mod file in them with neurosim, builds the comparable ones with NEURON package by package, runs the two protocols
of ``neurosim mech --against-neuron`` in both, and prints the shares, the refusals and what differs. The figures go to
``benchmarks/results/mods.json``.
"""

from __future__ import annotations

import argparse
import collections
import datetime
import hashlib
import json
import re
import shutil
import subprocess
import sys
import time
import traceback
import zipfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

import neurosim as ns
from neurosim.errors import MechanismError, NeurosimError, UnsupportedConstructError
from neurosim.mechanisms import Kind, Mechanism, compare, protocols
from neurosim.mechanisms.lower import lower

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("neuron", "bmtk", "snudda")
WITHIN = compare.TOLERANCE
GOAL = 0.95


@dataclass
class File:
    """One .mod file and what became of it.

    ``status`` is ``refused`` (an unsupported construct), ``wrong`` (an error in the file, says neurosim), ``broken`` (a
    defect of neurosim), ``compiles``. ``compared`` is ``""`` where NEURON was not asked, or its reason.
    """

    package: str
    path: str
    text: str = field(repr=False)
    mech: Mechanism | None = field(default=None, repr=False)
    status: str = ""
    construct: str = ""
    reason: str = ""
    compared: str = ""
    worst: float | None = None
    column: str = ""
    still: list[str] = field(default_factory=list)


# --- files ------------------------------------------------------------------------------------------------------------


def download(packages: Iterable[str], folder: Path) -> list[Path]:
    """Return one wheel for each package, downloaded where it is not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for package in packages:
        have = sorted(folder.glob(f"{package}-*.whl"))
        if not have:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", package]
            subprocess.run([*command, "--dest", str(folder)], check=True)
            have = sorted(folder.glob(f"{package}-*.whl"))
        found.append(have[-1])
    return found


def collect(wheels: Iterable[Path]) -> tuple[list[File], int]:
    """Return the distinct .mod files of wheels, and how many there are with repetitions."""
    seen: set[str] = set()
    files, total = [], 0
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            for name in sorted(n for n in archive.namelist() if n.endswith(".mod")):
                total += 1
                data = archive.read(name)
                digest = hashlib.sha256(data).hexdigest()
                if digest not in seen:
                    seen.add(digest)
                    try:
                        text = data.decode("utf-8")
                    except UnicodeDecodeError:
                        text = data.decode("latin-1")
                    files.append(File(wheel.name.split("-")[0], name, text))
    return files, total


# --- compilation ------------------------------------------------------------------------------------------------------


def compile_file(file: File) -> None:
    """Load, lower and build one file; set its status."""
    try:
        mech = ns.mechanisms.loads(file.text, origin=Path(file.path).name)
        lower(mech)
        if mech.kind is not Kind.ARTIFICIAL:
            one_step(mech)
    except UnsupportedConstructError as error:
        file.status, file.construct, file.reason = "refused", error.construct, str(error)
    except MechanismError as error:
        file.status, file.reason = "wrong", str(error)
    except NeurosimError as error:  # it runs, and is unstable as it stands
        file.status, file.reason, file.mech = "compiles", str(error), mech
    except Exception as error:  # a defect of ours, to be seen in the table
        place = traceback.extract_tb(error.__traceback__)[-1]
        file.status, file.reason = "broken", f"{type(error).__name__}: {error} ({Path(place.filename).name})"
    else:
        file.status, file.mech = "compiles", mech


def one_step(mech: Mechanism) -> None:
    """Run one step of a cell with the mechanism, which compiles its kernels."""
    cell = ns.Cell.cylinder(length_um=20.0, diam_um=20.0).insert("pas")
    if mech.kind is Kind.POINT:
        cell.place(mech, at="soma(0.5)")
    else:
        cell.insert(mech)
    ns.Simulation(cell, dt_ms=0.025).run(until_ms=0.025, progress=False)


# --- comparison -------------------------------------------------------------------------------------------------------


def name_apart(files: Iterable[File]) -> dict[str, File]:
    """Give mechanisms of one package different names; return name -> file of those that can be compared."""
    chosen: dict[str, File] = {}
    for file in files:
        if file.mech is None:
            continue
        file.compared = compare.why_not(file.mech)
        if not file.compared:
            file.mech, file.text = compare.rename(file.mech, file.text, compare.TAKEN | chosen.keys())
            chosen[file.mech.name] = file
    return chosen


def build_all(chosen: dict[str, File], made: dict[str, str], folder: Path) -> None:
    """Build all files with NEURON; those that it refuses leave ``chosen``."""
    while chosen:
        try:
            compare.build({**made, **{n: f.text for n, f in chosen.items()}}, folder, timeout_s=1800.0)
            return
        except MechanismError as error:
            log = (folder / "build.log").read_text(encoding="utf-8")
            culprits = set(re.findall(r"\b(\w+)\.(?:mod|cpp|o)\b", "\n".join(_complaints(log)))) & chosen.keys()
            if not culprits:
                raise
            for name in culprits:
                file = chosen.pop(name)
                file.compared = f"NEURON cannot build it: {error.reason.rpartition(': ')[2][:150]}"
                for old in folder.rglob(f"{name}.*"):
                    old.unlink()


def _complaints(log: str) -> list[str]:
    return [line for line in log.splitlines() if re.search(r"\*\*\*|rror", line)]


def compare_package(files: list[File], folder: Path, deadline: float) -> None:
    """Compare the comparable files of one package with NEURON."""
    chosen = name_apart(files)
    if not chosen:
        return
    made: dict[str, str] = {}
    for file in chosen.values():
        made.update(protocols.drivers(_mech(file)))
    build_all(chosen, made, folder)
    runs = {
        name: [replace(r, name=f"{name} {r.name}") for r in protocols.standard_runs(_mech(file))]
        for name, file in chosen.items()
    }
    theirs = compare.in_neuron([r for some in runs.values() for r in some], folder)
    if any("NEURON ended" in str(x) for x in theirs.values()):
        # One of them ends the process: each in its own.
        theirs = {k: v for some in runs.values() for k, v in compare.in_neuron(some, folder, timeout_s=120.0).items()}
    for name, file in chosen.items():
        if time.monotonic() > deadline:
            file.compared = "out of time"
            continue
        needed = protocols.drivers(_mech(file))
        try:
            result = compare.judge(name, _mech(file), needed, runs[name], theirs)
        except NeurosimError as error:
            file.worst, file.compared = float("inf"), f"neurosim: {error}"
            continue
        if result.skipped:
            file.compared = result.skipped
            continue
        row = max(result.rows, key=lambda r: r.error)
        file.worst, file.column = row.error, f"{row.run.removeprefix(name).strip()} {row.column}"
        file.compared, file.still = "; ".join(result.notes), list(result.still)


def _mech(file: File) -> Mechanism:
    if file.mech is None:
        raise ValueError(f"{file.path} did not compile")
    return file.mech


# --- report -----------------------------------------------------------------------------------------------------------


def report(files: list[File], total: int) -> dict[str, object]:
    """Print the tables; return the figures."""
    counts = {p: collections.Counter(f.status for f in files if f.package == p) for p in PACKAGES}
    print(f"{total} files, {len(files)} of them different.\n")
    print(
        f"{'package':<10}{'files':>7}{'compiles':>10}{'refused':>9}{'wrong':>7}{'broken':>8}{'compared':>10}{'<=1e-9':>8}"
    )
    for package in PACKAGES:
        done = [f for f in files if f.package == package and f.worst is not None]
        near = sum(f.worst <= WITHIN for f in done if f.worst is not None)
        c = counts[package]
        print(
            f"{package:<10}{sum(c.values()):>7}{c['compiles']:>10}{c['refused']:>9}{c['wrong']:>7}{c['broken']:>8}"
            f"{len(done):>10}{near:>8}"
        )
    supported = [f for f in files if f.status != "refused"]
    compiled = [f for f in files if f.status == "compiles"]
    errors = np.array([f.worst for f in files if f.worst is not None])
    figures: dict[str, object] = {
        "files": total,
        "distinct": len(files),
        "compile_frac": len(compiled) / max(1, len(supported)),
        "compared_n": len(errors),
        "within_1e-9_frac": float(np.mean(errors <= 1e-9)) if len(errors) else None,
        "within_1e-6_frac": float(np.mean(errors <= 1e-6)) if len(errors) else None,
    }
    print(f"\ncompile, of those within supported constructs: {len(compiled)}/{len(supported)}")
    print(
        f"within 1e-9, of those compared: {int((errors <= 1e-9).sum())}/{len(errors)}, "
        f"within 1e-6: {int((errors <= 1e-6).sum())}"
    )
    _list("refused", [f"{f.package}: {f.reason}" for f in files if f.status == "refused"])
    _list("wrong or broken", [f"{f.package}: {f.path}: {f.reason}" for f in files if f.status in ("wrong", "broken")])
    _list(
        "beyond 1e-9",
        [
            f"{f.path}: {f.worst:.1e} {f.column} {f.compared}"
            for f in files
            if f.worst is not None and not f.worst <= WITHIN
        ],
    )
    reasons = collections.Counter(f.compared for f in compiled if f.worst is None)
    _list("not compared", [f"{n} x {reason or 'no membrane'}" for reason, n in reasons.most_common()])
    constructs = collections.Counter(f.construct for f in files if f.status == "refused")
    _list("refused by construct", [f"{n} x {construct}" for construct, n in constructs.most_common()])
    return figures


def _list(title: str, lines: list[str]) -> None:
    print(f"\n{title} ({len(lines)}):")
    for line in lines:
        print(f"  {line}")


def write(figures: dict[str, object], files: list[File]) -> None:
    """Write the figures of a complete run, and what became of each file."""
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    told = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    commit = told.stdout.strip()
    out = ROOT / "benchmarks" / "results"
    out.mkdir(exist_ok=True)
    rows = [
        {
            k: v
            for k, v in asdict(replace(f, mech=None)).items()
            if k not in ("text", "mech") and v not in ("", [], None)
        }
        for f in files
    ]
    (out / "mods.json").write_text(
        json.dumps({"date": today, "commit": commit, **figures, "each": rows}, indent=1), encoding="utf-8"
    )


def main() -> int:
    """Run everything; the exit code is 1 if a goal (95 % compile, 95 % within 1e-9) is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=ROOT / "mods", help="where downloads and builds go")
    parser.add_argument("--packages", nargs="+", default=list(PACKAGES), choices=PACKAGES)
    parser.add_argument("--limit-s", type=float, default=3600.0, help="start no further comparison after this time")
    parser.add_argument("--no-neuron", action="store_true", help="compile only")
    args = parser.parse_args()
    deadline = time.monotonic() + args.limit_s
    files, total = collect(download(args.packages, args.folder / "wheels"))
    for number, file in enumerate(files):
        compile_file(file)
        print(f"\r{number + 1}/{len(files)} compiled", end="", file=sys.stderr)
    print(f"\n{dict(collections.Counter(f.status for f in files))}", file=sys.stderr)
    for file in files:
        if file.status == "broken":
            print(f"{file.path}: {file.reason}", file=sys.stderr)
    if not args.no_neuron:
        for package in args.packages:
            folder = args.folder / "neuron" / package
            shutil.rmtree(folder, ignore_errors=True)
            compare_package([f for f in files if f.package == package], folder, deadline)
            print(f"{package} compared", file=sys.stderr)
    figures = report(files, total)
    if not args.no_neuron and set(args.packages) == set(PACKAGES):
        write(figures, files)
    shares = (figures["compile_frac"], figures["within_1e-9_frac"])
    return int(any(isinstance(share, float) and share < GOAL for share in shares))


if __name__ == "__main__":
    raise SystemExit(main())
