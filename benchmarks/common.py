"""What the timing scripts share: the models' module, the command line, trees, version and commit.

The models (trees, clamps, constants) and the JSON line come from ``model.py`` of the shared benchmark folder, so that
every simulator gets the same numbers. It is looked for in ``$NEUROSIM_BENCH_DIR``, then in ``../shared/bench`` beside
this repository.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BENCH_DIR = Path(os.environ.get("NEUROSIM_BENCH_DIR", ROOT.parent / "shared" / "bench"))

# Greatest number of forks of the random trees, as in the ring of the shared benchmarks.
DEPTH = 4


def shared_model() -> ModuleType:
    """Return the module that holds the models."""
    if not (BENCH_DIR / "model.py").is_file():
        raise SystemExit(f"{BENCH_DIR}: no model.py there; set NEUROSIM_BENCH_DIR to the shared benchmark folder.")
    sys.path.insert(0, str(BENCH_DIR))
    import model

    return model


model: Any = shared_model()


def arguments(case: str, cells: int, tstop_ms: float) -> argparse.Namespace:
    """Read the command line that all scripts take."""
    parser = model.parser(case, cells, tstop_ms)
    parser.add_argument("--label", default="", help="name put in the engine field")
    if case == "hh_dense":
        parser.add_argument("--mixed", action="store_true", help="each cell its own random tree")
    parser.add_argument("--hh-table", choices=["on", "off"], default="on", help="NEURON and neurosim: rates by table")
    return parser.parse_args()


def trees(args: argparse.Namespace) -> list[list[Any]]:
    """Return the sections of every cell: one object for all, or a random tree each."""
    if args.case == "hh_dense":
        return [model.dense_tree()] * args.cells
    depth = getattr(args, "depth", DEPTH)
    return [model.ring_tree(gid, depth) for gid in range(args.cells)]


def dendrite(case: str) -> str:
    """Return the mechanism of the dendrites; the soma has hh in every case."""
    return "hh" if case in ("hh_dense", "mixed") else "pas"


def run_case(case: str, engine: Callable[[argparse.Namespace], None], cells: int = 64, tstop_ms: float = 25.0) -> None:
    """Read the command line and run one engine on one case (``hh_dense``, ``mixed``, ``passive`` or ``ring``)."""
    args = arguments(case, cells, tstop_ms)
    args.case = "mixed" if getattr(args, "mixed", False) else case
    engine(args)


def commit() -> str:
    """Return the commit of the working tree, with ``+`` when tracked files differ from it."""
    try:
        git = ["git", "-C", str(ROOT)]
        name = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True)
        changed = subprocess.run([*git, "status", "--porcelain", "-uno"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return name.stdout.strip() + ("+" if changed.stdout.strip() else "")
