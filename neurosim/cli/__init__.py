"""The command ``neurosim``.

Each sub-command is a module of this package with ``add(subparsers)``, which declares its arguments, and ``run(args)``,
which returns the exit code. Only the module that is asked for is imported, so that ``neurosim --version`` is quick.

Exit codes: 0 done, 1 the command's own "no" (see its help), 2 a user's mistake, 130 interrupted by Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pkgutil import iter_modules
from typing import Final

from neurosim.errors import NeurosimError

COMMANDS: Final = {
    "run": "simulate a SONATA configuration and write its reports",
    "build": "write a model of the library as a SONATA circuit",
    "check": "say what a SONATA configuration would run, and what is wrong with it",
    "view": "watch a run or its results in 3-D, in a browser",
    "render": "draw a picture or a movie of a run's results",
    "scene": "prepare a large circuit for viewing",
    "report": "measure what the worm does, beside published values",
    "plan": "say what a network would take on a machine: time, memory, traffic, energy",
    "submit": "write a job script for Slurm and hand it in",
    "collect": "one table of the runs that were submitted",
    "mech": "show, check or compare a mechanism file",
    "doctor": "show what MPI, its launcher and this machine offer, with latencies",
    "info": "show versions, machine and cache folder",
    "demo": "run and show the worm, or a patch of a thousand cells",
}

_INTERRUPTED: Final = 130
_MISTAKE: Final = 2


def neurosim_version() -> str:
    """Return the version of the installed package."""
    try:
        return version("neurosim")
    except PackageNotFoundError:
        return "unknown (not installed)"


class _Version(argparse.Action):
    """Look the version up when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(f"neurosim {neurosim_version()}")
        parser.exit()


def _parser(chosen: str | None) -> argparse.ArgumentParser:
    """Return the parser, complete for one command and with a summary of the others."""
    parser = argparse.ArgumentParser(
        prog="neurosim",
        description="Simulate nervous systems cell by cell and branch by branch.",
        epilog="neurosim COMMAND --help tells more.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    present = {module.name for module in iter_modules(__path__)}
    for name, summary in COMMANDS.items():
        if name == chosen and name in present:
            import_module(f"{__name__}.{name}").add(subparsers)
        elif name in present:
            subparsers.add_parser(name, help=summary)
    return parser


def _end_all(error: NeurosimError) -> None:
    """End the other processes of the run as well, if there are any."""
    fate = sys.modules.get("neurosim.hpc.fate")
    if fate is not None:
        fate.confess(error)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; those of the process when omitted.

    Returns
    -------
    int
        Exit code.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    chosen = next((word for word in words if not word.startswith("-")), None)
    try:
        args = _parser(chosen).parse_args(words)
        code = import_module(f"{__name__}.{args.command}").run(args)
        sys.stdout.flush()
        return int(code)
    except NeurosimError as error:
        _end_all(error)
        print(f"neurosim: {error}", file=sys.stderr)
        return _MISTAKE
    except KeyboardInterrupt:
        print("neurosim: interrupted", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe (head, less) went away; point stdout elsewhere so that the flush at exit stays silent.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
