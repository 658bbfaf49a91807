"""``neurosim demo``: the worm in its world, live; or a patch of a thousand branching cells, written, run, watched."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurosim.cli import worm
from neurosim.errors import MissingExtraError, NeurosimError

if TYPE_CHECKING:
    from neurosim.models.demo.circuit import DemoCircuit
    from neurosim.models.demo.patch import Patch
    from neurosim.sonata.circuit import Circuit
    from neurosim.sonata.session import Session

INTERRUPTED = 130
CELLS, SMALL_CELLS = 1000, 12
SMALL_TSTOP_MS = 600.0


def add(subparsers: Any) -> None:
    """Declare the arguments."""
    parser = subparsers.add_parser(
        "demo", help="run and show the worm, or a patch of a thousand cells", description=__doc__
    )
    parser.add_argument("--output", type=Path, default=Path("demo"), metavar="DIR", help="folder (default: demo)")
    parser.add_argument("--patch", action="store_true", help="instead of the worm: a patch of connected cells")
    parser.add_argument("--cells", type=_count, metavar="N", help=f"cells of the patch (default: {CELLS})")
    parser.add_argument("--tstop-ms", type=float, metavar="MS", help="simulated time of the patch (default: 3000)")
    parser.add_argument("--threads", type=_count, default=1, metavar="N", help="threads (default: 1)")
    parser.add_argument("--no-view", action="store_true", help="no page in the browser; end when the files are written")
    parser.add_argument("--port", type=int, default=0, metavar="N", help="port of the page (default: a free one)")
    parser.add_argument("--no-plot", action="store_true", help="do not draw the picture")
    parser.add_argument(
        "--small",
        action="store_true",
        help=f"instead: {SMALL_CELLS} cells that are not connected, under steps of current",
    )
    worm.add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Write, show, run, draw; return 0, or 130 when it was interrupted."""
    if not (args.patch or args.small):
        args.odour = True
        return worm.run_worm(args, args.output, view=not args.no_view, stay=True, plot=not args.no_plot)
    from neurosim.cli.showing import keep_showing, somebody
    from neurosim.sonata.circuit import read
    from neurosim.sonata.session import Session

    begun = time.perf_counter()
    made = _write(args)
    circuit = read(made.config)
    print(f"circuit   {made.config}  ({made.cells_n} cells, {made.tstop_ms:g} ms)", flush=True)
    session = Session(circuit, threads=args.threads)
    with _watched(args, session, circuit) as show:
        print(f"running   neurosim run {made.config}", flush=True)
        outcome = session.run()
        spent_s = time.perf_counter() - begun
        print(f"results   {made.output}  ({outcome.spikes_n} spikes, {outcome.t_ms:g} ms in {spent_s:.0f} s)")
        for path in outcome.files:
            print(f"          {path}")
        if outcome.interrupted:
            return INTERRUPTED
        if not args.no_plot:
            _draw(made, args.output / "demo.png")
        if show is not None and somebody():
            _replay(show, made)
            keep_showing(show)
    return 0


def _write(args: argparse.Namespace) -> DemoCircuit | Patch:
    """Write the files of the circuit."""
    if args.small:
        from neurosim.models.demo import write_circuit

        tstop_ms = SMALL_TSTOP_MS if args.tstop_ms is None else args.tstop_ms
        return write_circuit(args.output, cells_n=args.cells or SMALL_CELLS, seed=args.seed, tstop_ms=tstop_ms)
    from neurosim.models.demo.patch import write_patch

    return write_patch(args.output, cells_n=args.cells or CELLS, seed=args.seed, tstop_ms=args.tstop_ms)


@contextmanager
def _watched(args: argparse.Namespace, session: Session, circuit: Circuit) -> Iterator[Any]:
    """Serve the page of the run, if that is wanted and can be had; yield what is shown, or None."""
    from neurosim.cli.showing import shown, somebody

    with ExitStack() as stack:
        show = None
        if not args.no_view:
            try:
                show = stack.enter_context(shown(session, circuit, port=args.port, open_browser=somebody()))
            except (NeurosimError, OSError) as error:
                print(f"no page: {error}", flush=True)
        yield show


def _replay(show: Any, made: DemoCircuit | Patch) -> None:
    """Show the results at the same address: who looks in later sees the run again instead of its last moment."""
    from neurosim.viewer.replay import open_results

    try:
        show.hub.replace(open_results(made.output, allow=[made.folder]))
    except NeurosimError as error:
        print(f"no replay: {error}", flush=True)


def _draw(made: DemoCircuit | Patch, path: Path) -> None:
    """Draw the picture, or say why there is none."""
    from neurosim.models.demo.circuit import DemoCircuit
    from neurosim.models.demo.patch_plot import save_patch_plot
    from neurosim.models.demo.plot import save_plot

    try:
        save = save_plot(made, path) if isinstance(made, DemoCircuit) else save_patch_plot(made, path)
    except MissingExtraError as error:
        print(f"no picture: {error}")
    else:
        print(f"picture   {save}", flush=True)


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number
