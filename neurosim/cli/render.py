"""``neurosim render``: draw a picture or a movie of a run's results, without a window or an X server."""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from neurosim.errors import ModelError, OutputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from neurosim.viewer.gl.view_state import ViewState
    from neurosim.viewer.source import Source

_PICTURE: Final = ".png"
_OF_MOVIES: Final = ("start_ms", "stop_ms", "fps", "rate", "turn_deg")


def add(subparsers: Any) -> None:
    """Declare the arguments."""
    parser = subparsers.add_parser(
        "render",
        help="draw a picture or a movie of a run's results",
        description="Draw the cells of a run, and its body where it has one: a picture (.png) at one time, or a movie "
        "(.mp4, .gif) of a stretch of time. Voltage where it was recorded, else spikes. Needs no display. The view is "
        "that of a page's address (--state 'http://…#v=…'), or everything.",
    )
    parser.add_argument("results", metavar="RESULTS", help="folder of results, config.json or spikes .h5")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("picture.png"), metavar="FILE", help=".png, .mp4 or .gif"
    )
    parser.add_argument("--size", type=_size, default=(1920, 1080), metavar="WxH", help="pixels (default 1920x1080)")
    parser.add_argument("--state", metavar="S", help="view: JSON, or a page's address")
    parser.add_argument("--colour", metavar="C", help="voltage, spikes, population, layer, rate or fact:NAME")
    parser.add_argument("--range", type=_number, nargs=2, metavar=("LOW", "HIGH"), help="mV at the map's ends")
    parser.add_argument("--map", choices=("magma", "viridis", "cividis"), help="colour map (default magma)")
    parser.add_argument("--theme", choices=("dark", "light"), help="background (default dark)")
    parser.add_argument(
        "--show", choices=("both", "body", "cells"), help="where there is a body's track (default both)"
    )
    parser.add_argument("--no-words", action="store_true", help="no title, time, legend, scale bar and axes")
    parser.add_argument("--budget", type=int, default=2_000_000, metavar="N", help="most points and segments drawn")
    picture = parser.add_argument_group("pictures")
    picture.add_argument("--t-ms", type=_number, metavar="T", help="time shown (default: the end)")
    picture.add_argument("--transparent", action="store_true", help="no background")
    movie = parser.add_argument_group("movies")
    movie.add_argument("--start-ms", type=_number, metavar="T", help="first time (default: the begin)")
    movie.add_argument("--stop-ms", type=_number, metavar="T", help="last time (default: the end)")
    movie.add_argument("--rate", type=_number, metavar="R", help="ms of simulated time shown in a second (default 20)")
    movie.add_argument("--fps", type=_number, metavar="N", help="pictures a second (default 30)")
    movie.add_argument("--turn-deg", type=_number, metavar="A", help="the camera goes around by this angle")
    parser.add_argument("--quiet", action="store_true", help="no progress bar, do not print the name")


def run(args: argparse.Namespace) -> int:
    """Draw; return 0."""
    from neurosim.viewer.gl.movie import KINDS
    from neurosim.viewer.opening import source_of

    kind = args.output.suffix.lower()
    if kind not in (_PICTURE, *KINDS):
        allowed = ", ".join((_PICTURE, *KINDS))
        raise ModelError(f"--output: {args.output.name!r} ends in {kind or 'nothing'!r}; allowed: {allowed}")
    _refuse_others(args, kind)
    state = _state(args)
    source = source_of(args.results)
    try:
        if kind == _PICTURE:
            _draw_picture(source, state, args)
        else:
            _draw_movie(source, state, args)
    finally:
        source.close()
    if not args.quiet:
        print(args.output)
    return 0


def _refuse_others(args: argparse.Namespace, kind: str) -> None:
    """Refuse options that mean nothing for this kind of file."""
    if kind == _PICTURE:
        given = [name for name in _OF_MOVIES if getattr(args, name) is not None]
        if given:
            raise ModelError(f"--{given[0].replace('_', '-')} is for movies; --output {args.output.name} is a picture")
    elif args.t_ms is not None or args.transparent:
        name = "--t-ms" if args.t_ms is not None else "--transparent"
        raise ModelError(f"{name} is for pictures; --output {args.output.name} is a movie")


def _state(args: argparse.Namespace) -> ViewState:
    """Return the view that the options describe."""
    from neurosim.viewer.gl.view_state import read_state

    state = read_state(args.state)
    if state.unknown:
        raise ModelError(f"--state: {state.unknown[0]!r} is not known; allowed: {', '.join(state.names())}")
    given = {"colour": args.colour, "range": args.range, "map": args.map, "theme": args.theme, "show": args.show}
    asked = read_state({name: value for name, value in given.items() if value is not None})
    return replace(state, **{name: getattr(asked, name) for name, value in given.items() if value is not None})


def _draw_picture(source: Source, state: ViewState, args: argparse.Namespace) -> None:
    from neurosim.viewer.gl.still import still

    width, height = args.size
    stop_ms = source.status().stop_ms
    t_ms = args.t_ms if args.t_ms is not None else stop_ms if state.t_ms is None else state.t_ms
    data = still(
        source, state, width, height, t_ms, transparent=args.transparent, words=not args.no_words, budget=args.budget
    )
    try:
        args.output.write_bytes(data)
    except OSError as error:
        raise OutputError(args.output, f"cannot be written: {error.strerror or error}") from error


def _draw_movie(source: Source, state: ViewState, args: argparse.Namespace) -> None:
    from neurosim.viewer.gl.movie import movie

    width, height = args.size
    options = {name: getattr(args, name) for name in _OF_MOVIES if getattr(args, name) is not None}
    bar = _Bar(quiet=args.quiet or not sys.stderr.isatty())
    try:
        movie(
            source,
            state,
            args.output,
            width=width,
            height=height,
            budget=args.budget,
            words=not args.no_words,
            progress=bar.update,
            **options,
        )
    finally:
        bar.close()


class _Bar:
    """Pictures done, on stderr."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._bar: Any = None

    def update(self, done: int, total: int) -> None:
        if self._quiet:
            return
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(total=total, unit=" pictures", file=sys.stderr, dynamic_ncols=True)
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


def _checked(convert: Callable[[str], Any], text: str, allowed: str) -> Any:
    try:
        return convert(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"got {text!r}; allowed: {allowed}") from None


def _number(text: str) -> float:
    value = float(_checked(float, text, "a number"))
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"got {text!r}; allowed: a finite number")
    return value


def _size(text: str) -> tuple[int, int]:
    sides = text.lower().split("x")
    allowed = "width x height in pixels, such as 1920x1080"
    if len(sides) != 2:
        raise argparse.ArgumentTypeError(f"got {text!r}; allowed: {allowed}")
    width, height = (int(_checked(int, side, allowed)) for side in sides)
    return width, height
