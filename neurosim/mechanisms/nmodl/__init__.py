"""NMODL: text of a .mod file to ``Mechanism``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from neurosim.errors import MechanismError
from neurosim.mechanisms.mechanism import Mechanism
from neurosim.mechanisms.nmodl.build import build
from neurosim.mechanisms.nmodl.clean import decode
from neurosim.mechanisms.nmodl.include import at_its_place
from neurosim.mechanisms.nmodl.parse import parse


def load(path: str | Path, *, tables: bool = True) -> Mechanism:
    """Read a mechanism from a .mod file.

    Parameters
    ----------
    path : path-like
        NMODL file, UTF-8 or Latin-1.
    tables : bool
        Honour TABLE statements, as NEURON does; False computes directly.

    Returns
    -------
    Mechanism
        Immutable record; nothing is compiled yet.

    Raises
    ------
    MechanismError
        The file cannot be read or is wrong; file and line are given.
    UnsupportedConstructError
        It uses a construct that neurosim does not run.
    """
    place = Path(path)
    try:
        data = place.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise MechanismError(f"cannot be read: {reason}; give the path of a .mod file.", path=place) from error
    return loads(decode(data), str(place), tables=tables, folder=place.parent)


def loads(text: str, origin: str = "<text>", *, tables: bool = True, folder: Path | None = None) -> Mechanism:
    """Read a mechanism from NMODL text; ``origin`` names it in messages, ``folder`` is where INCLUDE looks."""
    included: list[str] = []
    try:
        mech = build(parse(text, origin, folder, included), tables=tables)
        return replace(mech, included=tuple(included)) if included else mech
    except MechanismError as error:
        raise at_its_place(error, included) from None
    except RecursionError:
        raise MechanismError("nested too deeply; split long expressions and blocks.", path=origin) from None
