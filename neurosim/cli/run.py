"""``neurosim run``: simulate a SONATA configuration, or the worm in its world, and write the outputs."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from neurosim.cli import ranks, worm
from neurosim.errors import NeurosimError
from neurosim.exchange import Exchange

if TYPE_CHECKING:
    from neurosim.sonata.session import Outcome, Session

INTERRUPTED = 130
WORM = "worm"
"""What is written in place of a configuration for the closed loop."""


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the sub-command."""
    parser = subparsers.add_parser(
        "run",
        help="simulate a SONATA configuration, or the worm, and write its outputs",
        description="Simulate a SONATA configuration and write spikes and reports, or the worm in its world (run worm) "
        "and write its track, voltages and figures. Ctrl-C ends the run; the outputs then hold everything up to then. "
        "With several processes or checkpoints, SIGUSR1 and SIGTERM end it with a checkpoint and exit code 85.",
    )
    add_options(parser)
    parser.add_argument("--threads", type=_threads, default=1, metavar="N", help="threads (default 1)")
    parser.add_argument("--quiet", action="store_true", help="no progress bar, no notes")
    parser.add_argument("--view", action="store_true", help="show the run in a browser while it goes on")
    parser.add_argument("--port", type=int, default=0, metavar="N", help="port of --view (default: a free one)")
    ranks.add_options(parser)
    worm.add_options(parser)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare what ``run`` and ``check`` have in common."""
    parser.add_argument("config", type=Path, help="SONATA configuration, such as config.json, or: worm")
    parser.add_argument("--output", type=Path, metavar="DIR", help="folder of the outputs instead of output.output_dir")
    parser.add_argument("--tstop-ms", type=float, metavar="T", help="end of the run instead of run.tstop")
    parser.add_argument("--dt-ms", type=float, metavar="DT", help="step instead of run.dt")
    parser.add_argument("--dl-um", type=float, metavar="DL", help="longest compartment instead of run.dL")


def run(args: argparse.Namespace) -> int:
    """Run the sub-command; return 0, 130 when it was interrupted, or 85 when it is to be gone on with."""
    if args.config == Path(WORM):
        folder = args.output or Path(WORM)
        return worm.run_worm(args, folder, view=args.view, stay=args.view, plot=True, quiet=args.quiet)
    exchange = ranks.exchange_of(args)
    try:
        return _run(args, exchange)
    except NeurosimError as error:
        return ranks.failed(error, exchange)


def _run(args: argparse.Namespace, exchange: Exchange) -> int:
    from neurosim.sonata.circuit import read
    from neurosim.sonata.session import Session

    begun, changes = time.perf_counter(), {"tstop_ms": args.tstop_ms, "dt_ms": args.dt_ms, "dl_um": args.dl_um}
    circuit = read(args.config, output_dir=args.output, exchange=exchange, **changes)
    args.quiet = args.quiet or exchange.rank != 0
    if not args.quiet:
        for text in circuit.config.notices:
            print(f"neurosim: note: {text}", file=sys.stderr)
    session = Session(circuit, threads=args.threads, keeper=ranks.keeper_of(args, circuit))
    if args.view:
        # All at once: who shows the run makes it ready before the others begin.
        session.sim.build()
    if not args.view or exchange.rank:
        return _report(args, session, _outcome(args, session), begun)
    from neurosim.cli.showing import keep_showing, shown

    with shown(session, circuit, port=args.port, open_browser=True) as show:
        code = _report(args, session, _outcome(args, session), begun)
        keep_showing(show)
    return code


def _outcome(args: argparse.Namespace, session: Session) -> Outcome:
    return session.run(progress=False if args.quiet else None, resume=args.resume is not None)


def _report(args: argparse.Namespace, session: Session, outcome: Outcome, begun: float) -> int:
    """Say what a run left behind; return the exit code."""
    circuit, spent = session.circuit, time.perf_counter() - begun
    shared = ranks.summary(circuit, session, spent)
    if not args.quiet:
        spikes = f", {outcome.spikes_n} spikes" if outcome.checkpoint is None else ""
        print(f"{len(circuit.cells)} cells, {outcome.t_ms:g} ms{spikes} in {spent:.2f} s")
        for line in [*shared, *(f"  {path}" for path in outcome.files)]:
            print(line)
    if outcome.checkpoint is not None:
        if circuit.exchange.rank == 0:
            text = f"stopped at {outcome.t_ms:g} ms with checkpoint {outcome.checkpoint}; go on with --resume"
            print(f"neurosim: {text}", file=sys.stderr)
        return ranks.CUT
    if outcome.interrupted:
        if circuit.exchange.rank == 0:
            print(f"neurosim: interrupted at {outcome.t_ms:g} ms; the outputs end there", file=sys.stderr)
        return INTERRUPTED
    return 0


def _threads(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number
