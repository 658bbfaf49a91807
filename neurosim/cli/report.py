"""``neurosim report worm``: rerun the worm's behaviours, compare them with published values, write and draw."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurosim.models.worm.report.comparison import Comparison
    from neurosim.models.worm.report.protocols import Run, Size

PARTS = ("crawl", "gait", "taxis", "touch", "ablations", "atlas")


def add(subparsers: Any) -> None:
    """Declare the arguments."""
    parser = subparsers.add_parser("report", help="rerun a model's behaviours and write them down", description=__doc__)
    parser.add_argument("model", choices=("worm",), help="which model")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("docs/worm-report.md"), metavar="FILE",
        help="the report (default: docs/worm-report.md); figures go to img/worm beside it",
    )  # fmt: skip
    parser.add_argument(
        "--runs", type=Path, default=Path("worm-runs"), metavar="DIR",
        help="where finished runs are kept; what is there is not run again (default: worm-runs)",
    )  # fmt: skip
    parser.add_argument("--parts", type=_parts, default=PARTS, metavar="A,B", help=f"some of: {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="few and short runs: a look, not a judgement")
    parser.add_argument("--processes", type=_count, default=2, metavar="N", help="runs at once (default: 2)")
    parser.add_argument("--list", action="store_true", help="only say which runs there are and which are missing")


def run(args: argparse.Namespace) -> int:
    """Simulate what is missing, write report and figures; return 0, or 1 when a judged row is not reached."""
    from neurosim.models.worm.report import document, figures, protocols, runs

    size = protocols.QUICK if args.quick else protocols.FULL
    wanted = _wanted(args.parts, size)
    missing = [each for each in wanted if not runs.path_of(each, args.runs).is_file()]
    seconds = sum(each.duration_ms for each in missing) / 1e3
    print(f"runs      {len(wanted)}, {len(missing)} to simulate ({seconds:.0f} s of the worm's time)", flush=True)
    if args.list:
        for each in wanted:
            print(f"{'missing' if each in missing else 'there':<8}  {each.key}")
        return 0
    outcome = runs.make_all(wanted, args.runs, processes=args.processes)
    compared = _compared(args) if "atlas" in args.parts else None
    found = document.Findings(size, outcome.tracks, outcome.failed, compared)
    pictures = figures.all_of(outcome.tracks, size, compared, args.output.parent / "img" / "worm")
    document.write(found, pictures, args.output)
    rows = found.rows()
    for row in rows:
        verdict = {True: "reached", False: "NOT reached", None: "not judged"}[row.reached]
        print(f"{verdict:<11}  {row.what}: {row.found} ({row.asked})")
    for key, why in outcome.failed.items():
        print(f"failed       {key}: {why}")
    print(f"report    {args.output}")
    return 0 if all(row.reached is not False for row in rows) and not outcome.failed else 1


def _wanted(parts: tuple[str, ...], size: Size) -> list[Run]:
    from neurosim.models.worm.report import cases, protocols

    made = {
        "crawl": lambda: protocols.crawl(size),
        "gait": lambda: protocols.gait(size),
        "taxis": lambda: protocols.taxis(size),
        "touch": lambda: protocols.exam(size),
        "ablations": lambda: [*protocols.exam(size), *cases.ablations(size), *protocols.sensors(size)],
    }
    found = {each.key: each for part in parts if part in made for each in made[part]()}
    return list(found.values())


def _compared(args: argparse.Namespace) -> Comparison:
    from neurosim.models.worm.build import published
    from neurosim.models.worm.report import comparison

    shuffles = 1 if args.quick else comparison.SHUFFLES
    return comparison.kept(published(), args.runs, shuffles=shuffles, processes=args.processes)


def _parts(text: str) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in text.split(",") if part.strip())
    unknown = [part for part in parts if part not in PARTS]
    if unknown or not parts:
        raise argparse.ArgumentTypeError(f"{text!r}: allowed are {', '.join(PARTS)}, with commas between")
    return parts


def _count(text: str) -> int:
    try:
        count = int(text)
    except ValueError:
        count = 0
    if count < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of 1 or more")
    return count
