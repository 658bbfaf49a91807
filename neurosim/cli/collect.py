"""``neurosim collect``: one table of the runs of a job, what is missing, and how to run only that."""

from __future__ import annotations

import argparse
from pathlib import Path


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the sub-command."""
    parser = subparsers.add_parser(
        "collect",
        help="one table of the runs that were submitted",
        description="Say how the runs of a job stand, and write it into a table (collected.csv). "
        "The exit code is 0 when all are done, else 1.",
    )
    parser.add_argument("folder", type=Path, help="folder of the job: --output of neurosim submit")
    parser.add_argument(
        "--ranks", action="store_true", help="folder is that of the outputs of one run that was killed: make them from "
        "the files of its processes, up to the last step that all have written",
    )  # fmt: skip
    parser.add_argument("--resubmit", action="store_true", help="hand in what is neither done nor in the queue")
    parser.add_argument("--table", type=Path, metavar="FILE", help="the table (default: collected.csv in that folder)")


def run(args: argparse.Namespace) -> int:
    """Run the sub-command; return 0 when all runs are done, else 1."""
    from neurosim.hpc import collect
    from neurosim.sonata.outfile import write_text

    folder = args.folder.absolute()
    if args.ranks:
        return _merge(folder)
    rows = collect.collect(folder)
    table = args.table or folder / collect.RESULT
    write_text(table, collect.csv_of(rows))
    print(collect.text_of(rows, folder))
    print(f"table: {table}")
    if args.resubmit:
        print(f"job {collect.resubmit(folder, rows)}: runs {collect.ranges(collect.left(rows))}")
    return 0 if all(row.state == "done" for row in rows) else 1


def _merge(folder: Path) -> int:
    """Make the outputs of a killed run from the files of its processes."""
    from neurosim.sonata.merge import merge

    made = merge(folder)
    print(f"{made.spikes_n} spikes up to {made.t_ms:g} ms")
    for path in made.files:
        print(f"  {path}")
    return 0
