"""The mechanisms neurosim ships: channels, pools, synapses, point cells and electrodes, as .mod files in our own words.

``names()`` lists them, ``get("NaTs")`` loads one (once a process), ``neurosim.mechanisms.NaTs`` is the same. Each file
names the source of its equations and can be read with ``path("NaTs")``.
"""

from __future__ import annotations

import difflib
from functools import cache
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

from neurosim.errors import MechanismError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable

    from neurosim.mechanisms.mechanism import Mechanism

# Names as classes are written in Python, and those of the Allen Institute's files of its short-term plasticity.
ALIASES: Mapping[str, str] = {
    "HH": "hh",
    "Pas": "pas",
    "Leak": "leak",
    **{f"stp{k}syn": f"stp{k}" for k in range(1, 6)},
}

# What makes a mechanism equal to the Allen Institute's file, where ours is different by default.
ALLEN: Mapping[str, Mapping[str, float]] = {"NaV": {"allen_init": 1.0}}


@cache
def names() -> tuple[str, ...]:
    """Return the names of all mechanisms, sorted without regard to case."""
    found = (item.name.removesuffix(".mod") for item in files(__name__).iterdir() if item.name.endswith(".mod"))
    return tuple(sorted(found, key=str.lower))


def path(name: str) -> Traversable:
    """Return the .mod file of the mechanism ``name``.

    Raises
    ------
    MechanismError
        There is none; near names are suggested.
    """
    known = ALIASES.get(name, name)
    if known not in names():
        # Someone who writes "nats" or "ihcn" wants to see "NaTs" and "Ih".
        lower = {n.lower(): n for n in (*names(), *ALIASES)}
        near = [lower[n] for n in difflib.get_close_matches(name.lower(), lower, 3, 0.5)]
        hint = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(names())}."
        raise MechanismError(f"no mechanism {name!r} in the library; {hint}")
    return files(__name__).joinpath(f"{known}.mod")


@cache
def get(name: str) -> Mechanism:
    """Return the mechanism ``name`` of the library.

    Parameters
    ----------
    name : str
        One of ``names()``, or an alias (``ALIASES``).

    Raises
    ------
    MechanismError
        There is none; near names are suggested.
    """
    from neurosim.mechanisms.nmodl import load

    if name in ALIASES:
        return get(ALIASES[name])
    with as_file(path(name)) as file:
        return load(file)


@cache
def allen(name: str) -> Mechanism:
    """Return ``get(name)`` with the defaults that repeat the Allen Institute's file to the rounding.

    Only ``NaV`` differs: its states start as that file's faulty system for the start says (``allen_init=1``).
    """
    return get(name).variant(None, tables=None, **ALLEN.get(name, {}))
