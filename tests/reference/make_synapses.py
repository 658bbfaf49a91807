"""Write tests/data/synapses.h5: the cases of synapse_cases.py in NEURON.

Run from the repository root: ``python -m tests.reference.make_synapses``. Needs NEURON and a C++ compiler; a minute.
What NEURON has built in is what it runs; the others are our files. It also checks that our files of the built-in
mechanisms give NEURON's own numbers when NEURON runs them, and says so.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import h5py
import numpy as np

from neurosim.mechanisms import library
from neurosim.mechanisms.compare import TAKEN, build
from tests.reference.synapse_cases import STREAMS, Case, cases, stream_ids
from tests.tolerances import CROSS_SIM

DATA = Path(__file__).resolve().parents[1] / "data" / "synapses.h5"
SIDE = Path(__file__).with_name("synapse_neuron.py")


def used() -> list[str]:
    """Return the mechanisms of the cases."""
    return sorted({t.mechanism for c in cases().values() for t in c.targets} - {""})


def sources() -> dict[str, str]:
    """Return our files, those of taken names under others."""
    made = {}
    for name in used():
        text = library.path(name).read_text(encoding="utf-8")
        made[name] = re.sub(rf"(POINT_PROCESS|ARTIFICIAL_CELL) {name}\b", rf"\1 {_ours(name)}", text)
    return made


def _ours(name: str) -> str:
    return f"our{name}" if name in TAKEN else name


def streams(case: Case) -> list[tuple[str, int, int, int, int]]:
    """Return for each cell its RANDOM variable and what to set there, empty where nothing is drawn."""
    if case.seed is None:
        return []
    return [(STREAMS[t.mechanism], *stream_ids(case.seed, t.mechanism, k)) for k, t in enumerate(case.targets)]


def in_neuron(runs: dict[str, Case], names: dict[str, str], folder: Path) -> dict[str, np.ndarray]:
    """Run cases in NEURON with what is compiled in ``folder``; returns "case/what" -> array."""
    job, out = folder / "job.json", folder / "out.npz"
    told = {n: {**asdict(c), "streams": streams(c)} for n, c in runs.items()}
    job.write_text(json.dumps({"cases": told, "names": names}))
    done = subprocess.run([sys.executable, str(SIDE), str(job), str(out)], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    with np.load(out) as data:
        return {key: data[key] for key in data.files}


def check_builtin(found: dict[str, np.ndarray], folder: Path) -> int:
    """Compare our files of NEURON's built-in mechanisms, run by NEURON, with those; return how many columns differ."""
    taken = [n for n in used() if n in TAKEN]
    runs = {n: c for n, c in cases().items() if c.seed is None and any(t.mechanism in taken for t in c.targets)}
    ours = in_neuron(runs, {n: _ours(n) for n in taken}, folder)
    wrong = 0
    for key in sorted(set(ours) & set(found) - {"version"}):
        a, b = ours[key], found[key]
        scale = max(float(np.abs(b).max(initial=0.0)), 1e-300)
        error = float("inf") if a.shape != b.shape else float(np.abs(a - b).max(initial=0.0)) / scale
        if not error <= CROSS_SIM:
            print(f"our file differs from NEURON's: {key} {error:.1e}", file=sys.stderr)
            wrong += 1
    equal = len(set(ours) & set(found)) - 1 - wrong
    print(f"{', '.join(taken)}: our files in NEURON give NEURON's numbers in {equal} columns")
    return wrong


def main() -> int:
    """Write the file; return 1 where our file of a built-in mechanism is not that mechanism."""
    runs = cases()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build(sources(), folder)
        found = in_neuron(runs, {}, folder)
        wrong = check_builtin(found, folder)
    with h5py.File(DATA, "w", libver="latest") as file:
        file.attrs["tool"] = f"NEURON {found.pop('version')}"
        file.attrs["date"] = datetime.now(UTC).date().isoformat()
        file.attrs["script"] = "python -m tests.reference.make_synapses"
        for case_name, case in runs.items():
            group = file.create_group(case_name)
            mine = {k.removeprefix(f"{case_name}/"): x for k, x in found.items() if k.startswith(f"{case_name}/")}
            group["times_ms"], group["gids"] = mine.pop("times"), mine.pop("gids").astype(np.int32)
            if mine:
                data = np.stack([x[:: case.every] for x in mine.values()], axis=1)
                stored = group.create_dataset("values", data=data, compression="gzip", shuffle=True)
                stored.attrs["columns"] = list(mine)
    print(f"{DATA.name}: {len(runs)} cases, {DATA.stat().st_size / 1e3:.0f} kB")
    return int(wrong > 0)


if __name__ == "__main__":
    raise SystemExit(main())
