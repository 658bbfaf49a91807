"""Write tests/data/events.json: the cases of event_cases.py in NEURON.

Run from the repository root: ``python -m tests.reference.make_events``. Needs NEURON and a C++ compiler; a minute.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from neurosim.mechanisms import library
from neurosim.mechanisms.compare import build
from tests.reference.event_cases import MODS, cases

DATA = Path(__file__).resolve().parents[1] / "data" / "events.json"
FOLDER = Path(__file__).resolve().parent
SIDE = "import synapse_neuron as side, sys; side.ARTIFICIAL += ('evrelay',); side.main(*sys.argv[1:])"


def main() -> None:
    """Build, run and write."""
    runs = cases()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build({**MODS, "VecStim": library.path("VecStim").read_text(encoding="utf-8")}, folder)
        job, out = folder / "job.json", folder / "out.npz"
        job.write_text(json.dumps({"cases": {n: {**asdict(c), "streams": []} for n, c in runs.items()}, "names": {}}))
        command = [sys.executable, "-c", SIDE, str(job), str(out)]
        environment = {**os.environ, "PYTHONPATH": str(FOLDER)}
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)
        if done.returncode:
            raise RuntimeError(done.stderr)
        with np.load(out) as data:
            found = {key: data[key] for key in data.files}
    record: dict[str, Any] = {
        "tool": f"NEURON {found.pop('version')}",
        "date": datetime.now(UTC).date().isoformat(),
        "script": "python -m tests.reference.make_events",
        "cases": {},
    }
    for key, x in found.items():
        case, what = key.split("/", 1)
        values = x if what in ("times", "gids") else x[:: runs[case].every]
        record["cases"].setdefault(case, {})[what] = values.tolist()
    DATA.write_text(json.dumps(record, indent=0) + "\n")
    print(f"{DATA.name}: {len(runs)} cases, {DATA.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
