"""``neurosim mech``: show, check or compare mechanisms.

Shows parameters, ions, states and equations of .mod files or of mechanisms of the library; ``--source`` prints the
generated functions, ``--against-neuron`` compares with NEURON, if that is installed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from neurosim.errors import MechanismError
from neurosim.mechanisms import Mechanism, load

_REFUSED = 2


def add(subparsers: Any) -> None:
    """Declare the sub-command's arguments."""
    parser = subparsers.add_parser("mech", help="show, check or compare a mechanism file", description=__doc__)
    parser.add_argument(
        "files", nargs="+", metavar="FILE.mod", help=".mod file, or the name of a mechanism of the library"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--source", action="store_true", help="print the generated functions")
    form.add_argument("--nmodl", action="store_true", help="print the mechanism as NMODL")
    form.add_argument("--quiet", action="store_true", help="print a line for each file only")
    form.add_argument(
        "--against-neuron", action="store_true", help="run both in clamp protocols and print the largest errors"
    )
    parser.add_argument("--no-tables", action="store_true", help="compute what TABLE would interpolate")


def run(args: argparse.Namespace) -> int:
    """Show or compare all files.

    Parameters
    ----------
    args : argparse.Namespace
        What ``add`` declared.

    Returns
    -------
    int
        0 if all are well; 1 if a comparison found a difference; 2 if a file is wrong or refused.
    """
    if args.against_neuron:
        from neurosim.mechanisms import compare

        return compare.main(args.files, tables=not args.no_tables)
    worst = 0
    for number, name in enumerate(args.files):
        try:
            text = _shown(_mechanism(name, tables=not args.no_tables), args)
        except MechanismError as error:
            print(f"neurosim: {error}", file=sys.stderr)
            worst = _REFUSED
            continue
        print(("\n" if number and not args.quiet else "") + text)
    return worst


def _mechanism(name: str, *, tables: bool) -> Mechanism:
    """Return the mechanism of a file, or of the library if no such file exists and the name is known there."""
    if not Path(name).exists() and not name.endswith(".mod"):
        from neurosim.mechanisms import library

        found: Mechanism = library.get(name)
        return found.variant(tables=tables)
    return load(name, tables=tables)


def _shown(mech: Mechanism, args: argparse.Namespace) -> str:
    if args.nmodl:
        from neurosim.mechanisms.show import to_nmodl

        return to_nmodl(mech).rstrip()
    if args.source:
        return _source(mech)
    if args.quiet:
        from neurosim.mechanisms.lower import lower

        lower(mech)
        return f"{mech.name}: {len(mech.parameters)} parameters, {len(mech.states)} states ({mech.origin})"
    return str(mech)


def _source(mech: Mechanism) -> str:
    from neurosim.mechanisms.lower import lower

    lowered = lower(mech)
    programs = [lowered.initial, lowered.current, lowered.advance]
    programs += [p for p in (lowered.receive, lowered.connect, lowered.watch, *lowered.netcons) if p is not None]
    programs += [p for table in lowered.tables for p in (table.bounds, table.row)]
    parts = [p.source.rstrip() for p in programs if p.outputs]
    return f"# {mech.name} ({mech.origin})\n# stored: {', '.join(lowered.fields)}\n\n" + "\n\n\n".join(parts)
