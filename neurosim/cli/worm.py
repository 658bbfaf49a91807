"""``neurosim run worm`` and the worm of ``neurosim demo``: the closed loop, watched or not, its files and figures."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurosim.errors import MissingExtraError, NeurosimError

if TYPE_CHECKING:
    from neurosim.models.worm.loop import ClosedLoop

INTERRUPTED = 130
ODOUR_UM, ODOUR_LENGTH_MM, ODOUR_MM = 10.0, 1.5, (3.0, 1.0)
"""The odour of the demonstration: concentration and place of its peak, length over which it falls."""
SECONDS = 10.0
LIVE_SECONDS = 600.0
"""How long a worm that is watched lives, unless --seconds says otherwise."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare what the worm can be given."""
    group = parser.add_argument_group("the worm")
    group.add_argument("--seconds", type=float, metavar="S", help=f"simulated time (default: {SECONDS:g})")
    group.add_argument("--medium", default="agar", help="agar, water, or 0 (water) to 1 (agar); default: agar")
    group.add_argument("--seed", type=int, default=1, help="of posture and noise (default: 1)")
    group.add_argument("--ablate", action="append", default=[], metavar="WHAT", help="AVAL, class:AVB, gene:unc-25 …")
    group.add_argument("--odour", action="store_true", help="an odour whose peak lies 3 mm before the head")
    group.add_argument("--detail", default="adaptive", choices=("adaptive", "full", "point"), help="compartments")


def loop_of(args: argparse.Namespace) -> ClosedLoop:
    """Make the loop that the options describe."""
    from neurosim.models.worm.environment.environment import ODOUR, Environment
    from neurosim.models.worm.environment.field import Exponential
    from neurosim.models.worm.loop import ClosedLoop

    fields = {ODOUR: Exponential(ODOUR_UM, ODOUR_LENGTH_MM, ODOUR_MM)} if args.odour else {}
    return ClosedLoop(
        seed=args.seed,
        medium=_medium(args.medium),
        ablate=args.ablate,
        detail=args.detail,
        environment=Environment(fields),
        threads=args.threads,
    )


def _medium(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text


def run_worm(args: argparse.Namespace, folder: Path, *, view: bool, stay: bool, plot: bool, quiet: bool = False) -> int:
    """Run the loop and write its files; return 0, or 130 when it was interrupted.

    Parameters
    ----------
    args : argparse.Namespace
        Of ``add_options``, and ``threads``, ``port``.
    folder : Path
        Of the outputs.
    view : bool
        Serve the page meanwhile.
    stay : bool
        Serve it until Ctrl-C afterwards, when somebody sits at the terminal.
    plot : bool
        Draw the figures.
    quiet : bool
        Show no bar.
    """
    from neurosim.cli.showing import somebody
    from neurosim.models.worm.session import run

    begun = time.perf_counter()
    loop = loop_of(args)
    counts = f"{len(loop.model.names)} cells, {len(loop.body.points_mm) - 1} links"
    print(f"worm      {counts}, built in {time.perf_counter() - begun:.1f} s", flush=True)
    watched = view and somebody()
    seconds = args.seconds or (LIVE_SECONDS if watched and stay else SECONDS)
    scene = _scene(loop, folder)
    with _shown(loop, args, seconds) if view else nullcontext() as show:
        outcome = run(loop, folder, 1000.0 * seconds, progress=False if quiet else None)
        speed = outcome.t_ms / 1000.0 / outcome.wall_s
        print(f"ran       {outcome.t_ms / 1000.0:g} s in {outcome.wall_s:.1f} s ({speed:.2f} x real time)", flush=True)
        for path in (*outcome.files, scene, *(_figures(folder, _title(loop)) if plot else ())):
            print(f"          {path}", flush=True)
        if show is not None and watched and stay and not outcome.interrupted:
            from neurosim.cli.showing import keep_showing

            keep_showing(show)
    return INTERRUPTED if outcome.interrupted else 0


@contextmanager
def _shown(loop: ClosedLoop, args: argparse.Namespace, seconds: float) -> Iterator[Any]:
    """Serve the page of a loop, if it can be had; yield what is shown, or None."""
    from neurosim.cli.showing import served, somebody

    try:
        made = loop.publish(port=args.port)
    except (NeurosimError, OSError) as error:
        print(f"no page: {error}", flush=True)
        yield None
        return
    loop.simulation.broadcast().progress.until_ms = 1000.0 * seconds
    with served(made, loop.simulation, open_browser=somebody()) as show:
        yield show


def _title(loop: ClosedLoop) -> str:
    without = f", without {', '.join(loop.ablated)}" if loop.ablated else ""
    return f"{loop.medium}, seed {loop.seed}{without}"


def _scene(loop: ClosedLoop, folder: Path) -> Path:
    """Write what the cells look like beside the results: ``neurosim view`` and ``render`` of the folder show them."""
    from importlib import import_module

    scene = import_module("neurosim.viewer.scene.memory").scene_of(loop.simulation)
    scene.title = "worm"
    folder.mkdir(parents=True, exist_ok=True)
    path: Path = import_module("neurosim.viewer.scene.write_scene").write_scene(folder / "worm.scene.h5", scene)
    return path


def _figures(folder: Path, title: str) -> list[Path]:
    """Draw what the track shows, or say why there is no picture."""
    from neurosim.models.worm.plots import save_figure
    from neurosim.models.worm.session import TRACK
    from neurosim.models.worm.track import read

    track = read(folder / TRACK)
    if len(track) < 2:
        return []
    try:
        return [save_figure(track, folder / "worm.png", title=title)]
    except MissingExtraError as error:
        print(f"no picture: {error}")
        return []
