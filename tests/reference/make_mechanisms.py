"""Make tests/data/mechanisms.h5: NEURON's results for every mechanism of the library.

Run ``python tests/reference/make_mechanisms.py`` in the project's environment (needs NEURON, BMTK and a C++ compiler);
``test_mechanisms.py`` compares neurosim with the file. One dataset a case, (samples, columns) float64, with the
attributes ``columns`` and ``every`` (steps between samples).
"""

from __future__ import annotations

import datetime
import importlib.resources
import re
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from neurosim.mechanisms import compare, library
from neurosim.mechanisms.protocols import drivers
from tests.reference.mechanism_cases import ALLEN, EVERY, MODS, OWN, cases, wild

OUT = Path(__file__).resolve().parents[1] / "data" / "mechanisms.h5"


def sources() -> dict[str, str]:
    """Return the .mod texts NEURON builds: BMTK's originals, and ours where there is none."""
    folder = importlib.resources.files("bmtk") / "utils/scripts/bionet/mechanisms/modfiles"
    texts = {name: (folder / f"{name}.mod").read_text(encoding="utf-8") for name in ALLEN}
    texts |= {name: library.path(name).read_text(encoding="utf-8") for name in OWN}
    texts["NaVsteady"] = re.sub(r"SUFFIX NaV\b", "SUFFIX NaVsteady", library.path("NaV").read_text(encoding="utf-8"))
    for name, mech in wild().items():
        if not compare.why_not(mech):
            texts |= {**drivers(mech), name: (MODS / f"{name}.mod").read_text(encoding="utf-8")}
    return texts


def main() -> int:
    """Write the file; return 1 if NEURON refused a run or a variable."""
    everything = cases()
    with tempfile.TemporaryDirectory() as folder:
        compare.build(sources(), Path(folder), timeout_s=1800.0)
        results = compare.in_neuron([c.neuron for c in everything], Path(folder))
    missing = 0
    with h5py.File(OUT, "w", track_order=True) as file:
        file.attrs["tool"] = f"NEURON {results['!version']}"
        file.attrs["date"] = datetime.datetime.now(datetime.UTC).date().isoformat()
        file.attrs["script"] = "tests/reference/make_mechanisms.py"
        for case in everything:
            found = results.get(case.name, "no result")
            if isinstance(found, str):
                print(f"{case.name}: {found}", file=sys.stderr)
                missing += 1
                continue
            names = [c for c in case.run.record if c in found]
            for absent in sorted(set(case.run.record) - set(names)):
                print(f"{case.name}: {absent} is not visible in NEURON", file=sys.stderr)
            data = np.stack([found[c][::EVERY] for c in names], axis=1)
            stored = file.create_dataset(case.name, data=data, compression="gzip", shuffle=True)
            stored.attrs["columns"], stored.attrs["every"] = names, EVERY
    print(f"{OUT.name}: {len(everything) - missing} cases, {OUT.stat().st_size / 1e3:.0f} kB")
    return int(missing > 0)


if __name__ == "__main__":
    raise SystemExit(main())
