"""``neurosim build worm --out DIR``: write a model of the library as a SONATA circuit."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

MODELS = ("worm",)
TAKEN = {
    "c302": "shapes of the 302 neurons",
    "cect": "connectome of Cook 2019, transmitters of Wang 2024",
    "wormneuroatlas": "signs of Fenyves 2020",
}
"""Package -> what the model takes from it."""


def add(subparsers: Any) -> None:
    """Declare the arguments."""
    parser = subparsers.add_parser(
        "build",
        help="write a model of the library as a SONATA circuit",
        description="Make a model from published data and write it as a SONATA circuit that 'neurosim run' simulates.",
    )
    parser.add_argument("model", choices=MODELS, help="which model")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder of the circuit; made when missing"
    )
    parser.add_argument(
        "--published", action="store_true", help="the published data alone, without the sizes of our motor circuit"
    )
    parser.add_argument("--detail", default="adaptive", choices=("adaptive", "full"), help="compartments")
    parser.add_argument("--pieces-um", type=float, metavar="UM", help="longest piece of --detail full (default: 2)")
    parser.add_argument("--tstop-ms", type=float, default=1000.0, metavar="T", help="end of the run (default: 1000)")
    parser.add_argument("--dt-ms", type=float, default=0.5, metavar="DT", help="step (default: 0.5)")
    parser.add_argument("--overwrite", action="store_true", help="replace files that are there")


def run(args: argparse.Namespace) -> int:
    """Make the model, write it, and say what was done."""
    from neurosim.engine.build import cache_folder
    from neurosim.models.worm import build as published
    from neurosim.models.worm import loop, packages, store, summary

    begun = time.perf_counter()
    for name, version in packages.versions().items():
        print(f"{'package':<15}{name} {version}: {TAKEN[name]}")
    print(f"model          made from them once, then kept in {cache_folder()}", flush=True)
    model = published.published() if args.published else loop.published_model()
    made = time.perf_counter()
    print(f"model          ready in {made - begun:.1f} s", flush=True)
    for line in summary.lines(summary.facts(model)):
        print(line)
    written = store.write(
        model,
        args.out,
        detail=args.detail,
        pieces_um=args.pieces_um,
        run={"tstop_ms": args.tstop_ms, "dt_ms": args.dt_ms},
        overwrite=args.overwrite,
    )
    for folder, n, size in _sizes(args.out):
        print(f"written        {folder}: {n} files, {size / 1e6:.2f} MB")
    print(f"written        {written.config} in {time.perf_counter() - made:.1f} s")
    print(f"note           {'; '.join(written.notes)}")
    return 0


def _sizes(folder: Path) -> list[tuple[str, int, int]]:
    """Return (folder, files, bytes) of every folder with files."""
    found = []
    for place in sorted({path.parent for path in folder.rglob("*") if path.is_file()}):
        files = [path for path in place.iterdir() if path.is_file()]
        found.append((str(place.relative_to(folder)), len(files), sum(path.stat().st_size for path in files)))
    return found
