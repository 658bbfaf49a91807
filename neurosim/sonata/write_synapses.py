"""Synapse models as edge types: a template, a JSON file of parameters, and what differs from edge to edge.

Names are BMTK's where it has the synapse (``exp2syn``: erev, tau1, tau2; ``expsyn``: erev, tau1), the mechanism's
elsewhere. A few sets of parameters become one edge type each; many go edge by edge into ``dynamics_params`` of the H5
group.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from neurosim.errors import SonataError
from neurosim.mechanisms.mechanism import Mechanism
from neurosim.model.connections import Connections
from neurosim.sonata.write_mechanisms import MechanismFiles

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int32]

TYPES_AT_MOST = 200
"""Sets of parameters of one mechanism that become edge types."""

FIRST_TYPE = 100
FOLDER = "components/synaptic_models"
TEMPLATES = {"Exp2Syn": "exp2syn", "ExpSyn": "expsyn"}
RENAMED = {"Exp2Syn": {"e": "erev"}, "ExpSyn": {"e": "erev", "tau": "tau1"}}


@dataclass(frozen=True)
class Kind:
    """An edge type: synapses of one template and file, or (both None) events to point cells."""

    number: int
    template: str | None
    file: str | None


Kinds = tuple[list[Kind], Codes, dict[str, Floats]]
"""Edge types, the type of each row, and parameters that go edge by edge."""


@dataclass
class SynapseFiles:
    """Writes synapse models, each once.

    Parameters
    ----------
    folder : Path
        Folder of the circuit in the making.
    mechanisms : MechanismFiles
        Gets the mechanisms.
    notes : list of str
        Gets what the user should know.
    """

    folder: Path
    mechanisms: MechanismFiles
    notes: list[str]
    _files: dict[str, str] = field(default_factory=dict)

    def kinds_of(self, connections: Sequence[Connections], which: Codes, row: npt.NDArray[np.int64]) -> Kinds:
        """Return the edge types of some rows, the type of each, and parameters that go edge by edge.

        Parameters
        ----------
        connections : sequence of Connections
        which : int32 (n,)
            The connections of each row.
        row : int64 (n,)
            The row there.
        """
        kinds: list[Kind] = []
        known: dict[tuple[str | None, str | None], int] = {}
        kind_of = np.empty(len(row), np.int32)
        own: dict[str, Floats] = {}

        def code_of(template: str | None, file: str | None) -> int:
            if (template, file) not in known:
                known[template, file] = len(kinds)
                kinds.append(Kind(FIRST_TYPE + len(kinds), template, file))
            return known[template, file]

        for i in np.unique(which).tolist():
            c, mine, who = connections[i], np.flatnonzero(which == i), f"connections[{i}]"
            if c.mechanism is None:
                kind_of[mine] = code_of(None, None)
                continue
            fixed = {name: float(value) for name, value in c.values.items() if not np.ndim(value)}
            names = [name for name in c.values if name not in fixed]
            columns = [np.asarray(c.values[name])[row[mine]] for name in names]
            sets, code = np.unique(np.column_stack([np.zeros(len(mine)), *columns]), axis=0, return_inverse=True)
            if len(sets) > TYPES_AT_MOST:
                for name, column in zip(names, columns, strict=True):
                    self.mechanisms.values(c.mechanism, {name: float(column[0])}, who)
                    own.setdefault(name, np.full(len(row), np.nan))[mine] = column
                sets, code = sets[:1], np.zeros(len(mine), int)
                self._note(f"{who}: {', '.join(names)} stand edge by edge in dynamics_params, which BMTK does not read")
            found = [
                code_of(*self.model(c.mechanism, {**fixed, **dict(zip(names, one[1:], strict=True))}, who))
                for one in sets.tolist()
            ]
            kind_of[mine] = np.array(found, np.int32)[code.reshape(-1)]
        return kinds, kind_of, own

    def model(self, mechanism: Mechanism, values: dict[str, float], who: str) -> tuple[str, str]:
        """Write a synapse model; return its template and file."""
        self.mechanisms.values(mechanism, values, who)
        template = TEMPLATES.get(mechanism.name, mechanism.name)
        if mechanism.name not in TEMPLATES and not mechanism.pointers:
            self._note(f"{who}: BMTK needs a synapse function registered for {template!r}")
        ranged = [p for p in mechanism.parameters if p.scope == "range" and not p.length]
        written = {_title(mechanism, p.name): values.get(p.name, p.default) for p in ranged}
        try:
            text = json.dumps(written, indent=1, allow_nan=False) + "\n"
        except ValueError:
            raise SonataError(
                f"{who}: a parameter of {mechanism.name} is not finite, which JSON cannot hold."
            ) from None
        key = f"{template} {text}"
        if key not in self._files:
            count = sum(name.startswith(f"{template}_") for name in self._files.values())
            self._files[key] = f"{template}_{count + 1}.json"
            (self.folder / FOLDER).mkdir(parents=True, exist_ok=True)
            (self.folder / FOLDER / self._files[key]).write_text(text, encoding="utf-8", newline="\n")
        return template, self._files[key]

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)


def _title(mechanism: Mechanism, parameter: str) -> str:
    """Return the name of a parameter in a synapse file."""
    return RENAMED.get(mechanism.name, {}).get(parameter, parameter)
