"""``neurosim check``: say what a SONATA configuration would run, and what is wrong with it."""

from __future__ import annotations

import argparse
import sys

from neurosim.errors import NeurosimError


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the sub-command."""
    from neurosim.cli.run import add_options

    parser = subparsers.add_parser(
        "check",
        help="say what a SONATA configuration would run, and what is wrong with it",
        description="Read a SONATA configuration and everything it names, build its cells, and print what would run. "
        "Nothing is simulated or written. The exit code is 0 when it can run and 1 when it cannot.",
    )
    add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Run the sub-command; return 0 when the configuration can be run, else 1."""
    from neurosim.sonata.check import summary
    from neurosim.sonata.circuit import read

    try:
        circuit = read(args.config, output_dir=args.output, tstop_ms=args.tstop_ms, dt_ms=args.dt_ms, dl_um=args.dl_um)
    except NeurosimError as error:
        print(f"neurosim: {error}", file=sys.stderr)
        return 1
    print(summary(circuit))
    return 0
