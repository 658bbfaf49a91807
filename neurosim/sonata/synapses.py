"""Synapse models: ``model_template`` and ``dynamics_params`` of an edge become a mechanism with values.

A template is the name of a point process, without regard to case, from the user's ``.mod`` files first, then from
neurosim's library. ``dynamics_params`` names a JSON file in ``components.synaptic_models_dir`` whose members are
parameters of the mechanism. The templates of BMTK have other names for some of them:

    template                 mechanism    erev -> e, and
    Exp2Syn, exp2syn         Exp2Syn      tau1, tau2
    expsyn                   ExpSyn       tau1 -> tau
    exp1syn, exp1isyn        the same     tau_1 -> tau
    stp1syn … stp5syn        the same     names of the mechanism

Rules: sonata-v1.md B5.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.errors import SonataError
from neurosim.mechanisms.mechanism import Kind, Mechanism
from neurosim.sonata.config import Config
from neurosim.sonata.edges import EdgeBlock
from neurosim.sonata.entry import Entry
from neurosim.sonata.library import MechanismFolder
from neurosim.sonata.manifest import read_json

HARMLESS = frozenset(("level_of_detail", "sign", "type", "name", "receptor"))
"""Members of a synapse file that say something to others."""

RENAMED: Mapping[str, Mapping[str, str]] = {
    "exp2syn": {"erev": "e"},
    "expsyn": {"erev": "e", "tau1": "tau", "tau_1": "tau"},
    "exp1syn": {"erev": "e", "tau_1": "tau", "tau1": "tau"},
    "exp1isyn": {"erev": "e", "tau_1": "tau", "tau1": "tau"},
}
NEEDED: Mapping[str, tuple[str, ...]] = {
    "exp2syn": ("e", "tau1", "tau2"),
    "expsyn": ("e", "tau"),
    "exp1syn": ("e", "tau"),
    "exp1isyn": ("e", "tau"),
    "stp2syn": ("e", "p0", "tau_r0", "tau_FDR", "tau_1"),
    "stp5syn": ("e", "tau_1", "tau_r0", "tau_FDR", "a_FDR", "a_D", "a_i", "a_f", "pbtilde"),
    "stp5isyn": ("e", "tau_1", "tau_r0", "tau_FDR", "a_FDR", "a_D", "a_i", "a_f", "pbtilde"),
    "tmgsyn": ("e", "tau_1", "tau_rec", "tau_facil", "U", "u0"),
}
GIVEN: Mapping[str, Mapping[str, float]] = {
    "stp1syn": {"p0": 0.5, "tau_r": 200.0, "tau_1": 5.0},
    "stp3syn": {"p0": 0.6, "tau_r0": 200.0, "tau_FDR": 2000.0, "tau_D": 500.0, "tau_1": 5.0},
    "stp4syn": {"p0": 0.6, "tau_r": 200.0, "tau_1": 5.0},
}
"""Constants that BMTK gives to these, for files that do not have them."""


@dataclass(frozen=True)
class SynapseKind:
    """A synapse model: a mechanism with values.

    Parameters
    ----------
    mechanism : Mechanism
        Point process.
    values : tuple of (str, float)
        Parameter and value, sorted; others have the mechanism's defaults.
    """

    mechanism: Mechanism
    values: tuple[tuple[str, float], ...]

    @property
    def text(self) -> str:
        """Return what it is, for people."""
        values = " ".join(f"{name}={value:g}" for name, value in self.values)
        return f"{self.mechanism.name} {values}".strip()


@dataclass
class SynapseModels:
    """Makes synapse kinds, each once.

    Parameters
    ----------
    config : Config
        Gives the component folders; gets the notices.
    folder : MechanismFolder
        Where mechanisms come from.
    """

    config: Config
    folder: MechanismFolder
    _kinds: dict[tuple[Any, ...], SynapseKind] = field(default_factory=dict)
    _files: dict[str, Entry] = field(default_factory=dict)

    def kind(self, template: Any, dynamics: Any, place: SonataError) -> SynapseKind:
        """Return the kind of an edge.

        Parameters
        ----------
        template, dynamics : str or None
            ``model_template`` and ``dynamics_params``.
        place : SonataError
            An edge that has them, as an error without a message; gives key and path.
        """
        facts = (template, dynamics)
        if facts not in self._kinds:
            if not isinstance(template, str):
                raise _at(place, "has no model_template; name a point process such as Exp2Syn.")
            name, mechanism = self._mechanism(template, place)
            if mechanism.kind is not Kind.POINT:
                raise _at(place, f"model_template {template!r} is a {mechanism.kind.value} mechanism and no synapse.")
            values = self._values(name, mechanism, self.parameters(dynamics, place), place)
            self._kinds[facts] = SynapseKind(mechanism, tuple(sorted(values.items())))
        return self._kinds[facts]

    def kinds_of(self, block: EdgeBlock) -> list[tuple[SynapseKind, npt.NDArray[np.int64]]]:
        """Return the synapse models of a block and the edges of each, by first edge: blocks do not change the order."""
        codes, labels = block.labels("model_template", "dynamics_params")
        used, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
        places: dict[SynapseKind, int] = {}
        number = np.empty(len(used), dtype=np.int64)
        for k in np.argsort(first):
            template, dynamics = labels[used[k]]
            kind = self.kind(template, dynamics, block.error(int(first[k]), ""))
            number[k] = places.setdefault(kind, len(places))
        of_edge = number[inverse]
        return [(kind, np.flatnonzero(of_edge == place)) for kind, place in places.items()]

    def parameters(self, dynamics: Any, place: SonataError) -> Entry:
        """Return the JSON object of ``dynamics_params``; an empty one when there is none."""
        if dynamics is None:
            return Entry({}, "", None)
        written = str(dynamics)
        if written not in self._files:
            entry = Entry({}, place.key or "", place.path)
            folder = self.config.component("synaptic_models_dir", entry, "")
            path = entry.find("", written, base=folder)
            self.config.opened.add(path.resolve())
            content = read_json(path, place.key)
            if not isinstance(content, dict):
                raise SonataError("must hold a JSON object.", key=place.key, path=path)
            self._files[written] = Entry(content, "", path)
        return self._files[written]

    def _mechanism(self, template: str, place: SonataError) -> tuple[str, Mechanism]:
        """Return the name that the tables above use, and the mechanism."""
        from neurosim.mechanisms import library

        plain = template.split(":", 1)[-1].removesuffix(".mod")
        names = [*self.folder.files, *library.names()]
        lower = plain.lower()
        table = lower if lower in {*RENAMED, *NEEDED, *GIVEN} else f"{lower}syn"
        if plain in names:
            return table, self.folder.get(plain, place.key or "", place.path)
        for attempt in (lower, f"{lower}syn", lower.removesuffix("syn")):
            for name in names:
                if name.lower() == attempt:
                    return table, self.folder.get(name, place.key or "", place.path)
        near = difflib.get_close_matches(lower, [n.lower() for n in names], 3)
        hint = f"did you mean {' or '.join(n for n in names if n.lower() in near)}?" if near else ""
        points = ", ".join(n for n in names if "syn" in n.lower() or n.lower().startswith("stp"))
        raise _at(
            place, f"model_template {template!r}: no such point process; {hint or f'there are {points}'}. "
            "Put other .mod files into components.mechanisms_dir.",
        )  # fmt: skip

    def _values(self, name: str, mechanism: Mechanism, given: Entry, place: SonataError) -> dict[str, float]:
        known = {p.name for p in mechanism.parameters}
        renamed = {"erev": "e", **RENAMED.get(name, {})} if "erev" not in known else RENAMED.get(name, {})
        values: dict[str, float] = {n: v for n, v in GIVEN.get(name, {}).items() if n in known}
        for written in given.values:
            target = written if written in known else renamed.get(written, written)
            if target in known:
                values[target] = self.checked(mechanism, target, given.number(written), given, written)
            elif written not in HARMLESS and not written.startswith(("_", "#")):
                if name not in NEEDED and name not in GIVEN:
                    given.fail(written, f"{mechanism.name} has no such parameter; it has {', '.join(sorted(known))}.")
                self.config.notice(f"{_file(given)}: {written} is no parameter of {mechanism.name} and is not used")
        for parameter in NEEDED.get(name, ()):
            if parameter not in values and parameter in known:
                if given.file is None:
                    raise _at(place, f"has no dynamics_params, but {mechanism.name} needs {parameter}; name a file.")
                other = next((old for old, new in renamed.items() if new == parameter), parameter)
                given.fail(other, f"is missing; {mechanism.name} needs it.")
        return values

    @staticmethod
    def checked(mechanism: Mechanism, name: str, value: float, entry: Entry, written: str) -> float:
        """Return a value that is within the limits of a parameter."""
        p = mechanism.parameter(name)
        low, high = (-math.inf if p.low is None else p.low), (math.inf if p.high is None else p.high)
        if not low <= value <= high:
            entry.fail(written, f"must be from {low:g} to {high:g} {p.unit}, got {value:g}.")
        return value


def _file(entry: Entry) -> str:
    return Path(entry.file).name if entry.file is not None else "dynamics_params"


def _at(place: SonataError, message: str) -> SonataError:
    return SonataError(f"{place.reason.rstrip('.')} {message}", key=place.key, path=place.path)
