"""``neurosim run``: simulate a SONATA configuration, or the worm in its world, and write the outputs."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from neurosim.cli import worm

if TYPE_CHECKING:
    from neurosim.sonata.circuit import Circuit
    from neurosim.sonata.session import Outcome

INTERRUPTED = 130
WORM = "worm"
"""What is written in place of a configuration for the closed loop."""


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the sub-command."""
    parser = subparsers.add_parser(
        "run",
        help="simulate a SONATA configuration, or the worm, and write its outputs",
        description="Simulate a SONATA configuration and write spikes and reports, or the worm in its world (run worm) "
        "and write its track, voltages and figures. Ctrl-C ends the run; the outputs then hold everything up to then.",
    )
    add_options(parser)
    parser.add_argument("--threads", type=_threads, default=1, metavar="N", help="threads (default 1)")
    parser.add_argument("--quiet", action="store_true", help="no progress bar, no notes")
    parser.add_argument("--view", action="store_true", help="show the run in a browser while it goes on")
    parser.add_argument("--port", type=int, default=0, metavar="N", help="port of --view (default: a free one)")
    worm.add_options(parser)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare what ``run`` and ``check`` have in common."""
    parser.add_argument("config", type=Path, help="SONATA configuration, such as config.json, or: worm")
    parser.add_argument("--output", type=Path, metavar="DIR", help="folder of the outputs instead of output.output_dir")
    parser.add_argument("--tstop-ms", type=float, metavar="T", help="end of the run instead of run.tstop")
    parser.add_argument("--dt-ms", type=float, metavar="DT", help="step instead of run.dt")
    parser.add_argument("--dl-um", type=float, metavar="DL", help="longest compartment instead of run.dL")


def run(args: argparse.Namespace) -> int:
    """Run the sub-command; return 0, or 130 when it was interrupted."""
    if args.config == Path(WORM):
        folder = args.output or Path(WORM)
        return worm.run_worm(args, folder, view=args.view, stay=args.view, plot=True, quiet=args.quiet)
    from neurosim.sonata.circuit import read
    from neurosim.sonata.session import Session

    begun = time.perf_counter()
    circuit = read(args.config, output_dir=args.output, tstop_ms=args.tstop_ms, dt_ms=args.dt_ms, dl_um=args.dl_um)
    if not args.quiet:
        for text in circuit.config.notices:
            print(f"neurosim: note: {text}", file=sys.stderr)
    session = Session(circuit, threads=args.threads)
    if not args.view:
        return _report(args, circuit, session.run(progress=False if args.quiet else None), begun)
    from neurosim.cli.showing import keep_showing, shown

    with shown(session, circuit, port=args.port, open_browser=True) as show:
        code = _report(args, circuit, session.run(progress=False if args.quiet else None), begun)
        keep_showing(show)
    return code


def _report(args: argparse.Namespace, circuit: Circuit, outcome: Outcome, begun: float) -> int:
    """Say what a run left behind; return the exit code."""
    if not args.quiet:
        spent = time.perf_counter() - begun
        print(f"{len(circuit.cells)} cells, {outcome.t_ms:g} ms, {outcome.spikes_n} spikes in {spent:.2f} s")
        for path in outcome.files:
            print(f"  {path}")
    if outcome.interrupted:
        print(f"neurosim: interrupted at {outcome.t_ms:g} ms; the outputs end there", file=sys.stderr)
        return INTERRUPTED
    return 0


def _threads(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number
