"""A small circuit with every kind of report, its runs by several processes, and what their files hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from neurosim.sonata.circuit import read
from neurosim.sonata.keeper import Keeper
from neurosim.sonata.session import Outcome, Session
from tests.sonata_circuit import change
from tests.sonata_edges import with_edges

REPORTS: dict[str, dict[str, Any]] = {
    "clamp": {"module": "clamp_report", "variable_name": "ic"},
    "current": {"module": "membrane_report", "cells": "cells", "variable_name": "i_membrane"},
    "late": {
        "module": "membrane_report", "cells": "layer4", "variable_name": "v", "sections": "soma",
        "start_time": 3.0, "end_time": 15.0, "dt": 0.5,
    },
    "g": {"module": "netcon_report", "cells": "cells", "variable_name": "g", "syn_type": "Exp"},
}  # fmt: skip


def circuit(folder: Path, *, tstop_ms: float = 20.0, block: int = 45) -> Path:
    """Write the circuit; return its ``config.json``."""
    rng, n = np.random.default_rng(5), 60
    place = {
        "afferent_section_id": rng.integers(0, 4, n).astype(float),
        "afferent_section_pos": rng.uniform(0.1, 0.9, n),
    }
    config = with_edges(
        folder, source=("cells", rng.integers(0, 4, n)), target=("cells", rng.integers(0, 4, n)),
        types=rng.integers(1, 3, n).tolist(), groups={0: place},
    )  # fmt: skip
    types = folder / "network/edge_types.csv"
    types.write_text(types.read_text().replace("0.002 wmax", "0.002 NULL"))
    for name, report in REPORTS.items():
        change(config, f"reports.{name}", report)
    changes = {"run.tstop": tstop_ms, "run.nsteps_block": block, "output.spikes_file_csv": "spikes.csv"}
    for key, value in {**changes, "inputs.step.duration": tstop_ms}.items():
        change(config, key, value)
    return config


def run(config: Path, output: Path, exchange: Any = None, keeper: Keeper | None = None, **options: Any) -> Outcome:
    """Run the circuit, or the part of one process."""
    part = read(config, output_dir=output, exchange=exchange)
    return Session(part, keeper=keeper).run(progress=False, **options)


def content(path: Path) -> dict[str, Any]:
    """Return all that a file holds: name -> attributes, type, shape, bytes; without the time of the last write."""
    found: dict[str, Any] = {}

    def note(name: str, item: Any) -> None:
        attributes = {key: np.asarray(value).tolist() for key, value in item.attrs.items()}
        data = None if isinstance(item, h5py.Group) else (item.dtype.str, item.shape, item[()].tobytes())
        found[name] = attributes, data

    with h5py.File(path) as file:
        found["/"] = {key: np.asarray(value).tolist() for key, value in file.attrs.items()}
        file.visititems(note)
    return found


def differing(one: Path, other: Path) -> list[str]:
    """Return which files and data sets of two folders of outputs differ."""
    out = []
    names = {p.relative_to(folder) for folder in (one, other) for p in folder.rglob("*") if p.is_file()}
    for name in sorted(names):
        if not ((one / name).exists() and (other / name).exists()):
            out.append(f"{name} in one only")
        elif name.suffix == ".h5":
            a, b = content(one / name), content(other / name)
            out += [f"{name}: {key}" for key in sorted({*a, *b}) if a.get(key) != b.get(key)]
        elif name.suffix == ".csv" and (one / name).read_bytes() != (other / name).read_bytes():
            out.append(str(name))
    return out
