"""``neurosim demo``: write a small SONATA circuit of invented cells, run it as ``neurosim run`` does, and plot it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from neurosim.errors import MissingExtraError


def add(subparsers: Any) -> None:
    """Declare the arguments."""
    parser = subparsers.add_parser("demo", help="build, simulate and plot a small circuit", description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("demo"), metavar="DIR", help="folder (default: demo)")
    parser.add_argument("--cells", type=int, default=12, metavar="N", help="number of cells (default: 12)")
    parser.add_argument("--seed", type=int, default=1, help="names the circuit (default: 1)")
    parser.add_argument("--tstop-ms", type=float, default=600.0, metavar="MS", help="simulated time (default: 600)")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="threads (default: 1)")
    parser.add_argument("--no-plot", action="store_true", help="do not draw the picture")


def run(args: argparse.Namespace) -> int:
    """Write, run, draw."""
    from neurosim.cli import main
    from neurosim.models.demo import write_circuit

    circuit = write_circuit(args.output, cells_n=args.cells, seed=args.seed, tstop_ms=args.tstop_ms)
    print(f"circuit   {circuit.config}  ({len(circuit.kinds)} cells)")
    print(f"running   neurosim run {circuit.config}", flush=True)
    code = main(["run", str(circuit.config), "--threads", str(args.threads)])
    if code:
        return code
    print(f"results   {circuit.output}")
    if not args.no_plot:
        from neurosim.models.demo.plot import save_plot

        try:
            print(f"picture   {save_plot(circuit, args.output / 'demo.png')}")
        except MissingExtraError as error:
            print(f"no picture: {error}")
    return 0
