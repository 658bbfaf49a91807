"""The worm's membrane mechanisms by name: ``mechanism("egl19")``.

The equations are in ``mechanisms/*.mod``, each with its source; the conductances in ``params/channels.toml``.
"""

from __future__ import annotations

import difflib
from functools import cache
from importlib.resources import as_file, files

from neurosim.errors import MechanismError
from neurosim.mechanisms.mechanism import Mechanism

_PACKAGE = "neurosim.models.worm.mechanisms"

CHANNELS = (
    "shl1", "shk1", "kvs1", "egl2", "egl36", "kqt3", "irk", "egl19", "unc2", "cca1", "nca", "kcnl",
    "slo1_egl19", "slo1_unc2", "slo2_egl19", "slo2_unc2",
)  # fmt: skip
"""The channels, in the order of ``params/channels.toml``; each has the parameter ``gbar`` (S/cm2)."""

CALCIUM = ("egl19", "unc2", "cca1")
"""Those that carry calcium."""


@cache
def names() -> tuple[str, ...]:
    """Return the names of all mechanisms of the worm, sorted without regard to case."""
    found = (f.name.removesuffix(".mod") for f in files(_PACKAGE).iterdir() if f.name.endswith(".mod"))
    return tuple(sorted(found, key=str.lower))


@cache
def mechanism(name: str) -> Mechanism:
    """Return a mechanism of the worm, read once a process.

    Parameters
    ----------
    name : str
        One of ``names()``.

    Raises
    ------
    MechanismError
        There is none; near names are suggested.
    """
    from neurosim.mechanisms.nmodl import load

    if name not in names():
        near = difflib.get_close_matches(name.lower(), names(), 3, 0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(names())}."
        raise MechanismError(f"the worm has no mechanism {name!r}; {hint}")
    with as_file(files(_PACKAGE).joinpath(f"{name}.mod")) as file:
        return load(file)
