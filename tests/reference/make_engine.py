"""Write tests/data/engine_neuron9.h5: the cases of engine_cases.py in NEURON.

Run from the repository root: ``python -m tests.reference.make_engine``.
Needs NEURON and a C++ compiler; half a minute.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import h5py
import numpy as np

from neurosim.mechanisms import library
from neurosim.mechanisms.compare import build
from tests.reference.engine_cases import CASES, NOT_BUILT_IN, THRESHOLD_MV

DATA = Path(__file__).resolve().parents[1] / "data" / "engine_neuron9.h5"
SIDE = Path(__file__).with_name("engine_neuron.py")
EVERY = 10
"""One step in so many is stored."""


def in_neuron(names: list[str], folder: Path) -> dict[str, np.ndarray]:
    """Run cases in NEURON with what is compiled in ``folder``; returns "case/what" -> array."""
    job, out = folder / "job.json", folder / "out.npz"
    job.write_text(json.dumps({n: {**asdict(CASES[n]), "threshold_mV": THRESHOLD_MV} for n in names}))
    done = subprocess.run([sys.executable, str(SIDE), str(job), str(out)], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    with np.load(out) as data:
        return {key: data[key] for key in data.files}


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build({m: library.path(m).read_text() for m in NOT_BUILT_IN}, folder)
        found = in_neuron(list(CASES), folder)
    with h5py.File(DATA, "w") as file:
        file.attrs["tool"] = f"NEURON {found.pop('version')}"
        file.attrs["date"] = datetime.now(UTC).date().isoformat()
        file.attrs["made_by"] = "python -m tests.reference.make_engine"
        for key, array in found.items():
            kept = array if key.endswith("spikes") else array[::EVERY]
            file.create_dataset(key, data=kept, compression="gzip", shuffle=True)


if __name__ == "__main__":
    main()
