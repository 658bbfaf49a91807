"""Mechanisms as ``.mod`` files: each name once, with the defaults that all its users share.

NEURON's own mechanisms (``hh``, ``pas``, ``Exp2Syn`` …) need no file. Mechanisms of neurosim's library are written as
they are in the library, any other as NMODL made from its equations; what does not read back as the same code is
refused. Values of RANGE parameters go where the mechanism is used; a GLOBAL one has its value in the file, and all
users must agree.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from neurosim.errors import MechanismError, SonataError
from neurosim.mechanisms import library, loads
from neurosim.mechanisms.mechanism import Mechanism
from neurosim.mechanisms.show import to_nmodl

BUILT_IN = frozenset((
    "pas", "hh", "ExpSyn", "Exp2Syn", "AlphaSynapse", "IClamp", "SEClamp", "VClamp", "OClamp", "APCount", "NetStim",
    "IntFire1", "IntFire2", "IntFire4", "PatternStim", "fastpas", "extracellular", "capacitance", "morphology",
))  # fmt: skip
"""Names that NEURON has by itself."""


def plain(x: Any) -> Any:
    """Return a mechanism without what a printed file cannot repeat: lines, folded names, notices, the file's name."""
    if isinstance(x, tuple):
        return tuple(map(plain, x))
    if is_dataclass(x):
        skipped = ("line", "constants", "notices", "origin")
        return (type(x).__name__, *(plain(getattr(x, f.name)) for f in fields(x) if f.name not in skipped))
    return x


@dataclass
class MechanismFiles:
    """The ``.mod`` files of a circuit in the making."""

    _base: dict[str, Mechanism] = field(default_factory=dict)
    _texts: dict[str, str] = field(default_factory=dict)

    @property
    def texts(self) -> dict[str, str]:
        """Return name -> text of every file."""
        return dict(self._texts)

    def values(self, mechanism: Mechanism, given: dict[str, float], who: str) -> dict[str, float]:
        """Return the RANGE parameters that have to be said where a mechanism is used: those that its file does not.

        Parameters
        ----------
        mechanism : Mechanism
            What is used.
        given : dict
            Parameter -> value; others have the mechanism's defaults.
        who : str
            Where it is used, for messages.
        """
        base = self._same(mechanism, who)
        values = {}
        for p in mechanism.parameters:
            value, default = given.get(p.name, p.default), base.defaults[p.name]
            if value == default:
                continue
            if p.scope != "range":
                raise SonataError(
                    f"{who}: {mechanism.name}.{p.name}={value:g} {p.unit}, but {default:g} in the .mod file; it is a "
                    "GLOBAL parameter, one value for all: declare it RANGE or give one value."
                )
            if p.length:
                raise SonataError(f"{who}: {mechanism.name}.{p.name} is an array, which SONATA has no place for.")
            values[p.name] = value
        return values

    def _same(self, mechanism: Mechanism, who: str) -> Mechanism:
        """Return the mechanism whose file is written under this name; write it on first use."""
        name = mechanism.name
        if name not in self._base:
            self._base[name] = self._first(mechanism, who)
        elif self._base[name].digest != mechanism.digest:
            raise SonataError(f"{who}: another mechanism is called {name!r} too; rename one (mechanism.variant(name)).")
        return self._base[name]

    def _first(self, mechanism: Mechanism, who: str) -> Mechanism:
        name = mechanism.name
        if not re.fullmatch(r"[A-Za-z]\w*", name):
            raise SonataError(f"{who}: mechanism name {name!r}; NMODL names are letters, digits and _.")
        own = library.get(name) if name in library.names() else None
        if name in BUILT_IN:
            if own is None or own.digest != mechanism.digest:
                raise SonataError(f"{who}: {name!r} is a mechanism of NEURON with other code; rename yours.")
            return own
        shared = [p.name for p in mechanism.parameters if p.scope != "range" or p.length]
        same = own is not None and own.digest == mechanism.digest
        if own is not None and same and all(own.defaults[p] == mechanism.defaults[p] for p in shared):
            self._texts[name] = library.path(name).read_text(encoding="utf-8")
            return own
        text = to_nmodl(mechanism)
        try:
            again = loads(text, f"{name}.mod")
        except MechanismError as error:
            raise SonataError(f"{who}: {name} cannot be written as NMODL: {error}") from None
        if plain(again) != plain(mechanism):
            raise SonataError(
                f"{who}: {name} would not be the same when read from a .mod file (variants with tables=False, for "
                "instance); keep the circuit in Python or change the mechanism."
            )
        self._texts[name] = text
        return mechanism
