"""What the names of a mechanism stand for, and how they are spelled in programs."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass, field

from neurosim.errors import MechanismError
from neurosim.kernels import plain
from neurosim.mechanisms.lower.draws import HIDDEN, draws_in
from neurosim.mechanisms.mechanism import Mechanism
from neurosim.mechanisms.nmodl.walking import bodies, calls
from neurosim.mechanisms.syntax import Parameter, Routine, SolveBlock, State, Variable

SURROUNDINGS = frozenset({"v", "t", "dt", "celsius", "area", "diam"})
_MEANT = {"i", "g", "x", "low", "high", "range", "float32", "float64", "break", "flag", "random_key"}
_WORDS = {"V", "R", "D", "AREA", "DIAM", "NODE", "SCALE", "SCALE_AT", "UNIFORM", "NORMAL"}  # of the engine's contexts
RESERVED = frozenset({*_MEANT, *_WORDS, *(n for n in vars(plain) if not n.startswith("_"))})
TEMPORARY = re.compile(
    r"_?[kc]?\d+|_.*|table\d+\w*|(?:arg|k|other|watch)\d+|(?:send|event|move|watch|netcons)\d+_\w+|.*__|.*__\d+"
)
ELEMENT = re.compile(r"(.+)\[(\d+)\]$")


def symbol(name: str) -> str:
    """Return how a field is spelled in a program's inputs and outputs.

    ``name[3]`` becomes ``name__3``; names that mean something else in programs (``i``, ``g``, Python's words, the
    dialect's functions) get two underscores at the end; all others stay.
    """
    element = ELEMENT.match(name)
    if element:
        return f"{element[1]}__{element[2]}"
    if keyword.iskeyword(name) or name in RESERVED or TEMPORARY.fullmatch(name):
        return f"{name}__"
    return name


@dataclass(frozen=True)
class Names:
    """The symbol table of one mechanism."""

    mech: Mechanism
    lengths: dict[str, int]
    parameters: frozenset[str]
    states: dict[str, State]
    assigned: frozenset[str]
    ion_reads: tuple[str, ...]
    ion_writes: tuple[str, ...]
    routines: dict[str, Routine]
    blocks: dict[str, SolveBlock]
    constants: dict[str, float]
    hidden: tuple[str, ...] = ()
    ion_names: frozenset[str] = field(default=frozenset())

    def elements(self, name: str) -> list[str]:
        """Return the scalars of a variable: itself, or ``name[0]``, ``name[1]`` and so on."""
        n = self.lengths.get(name, 0)
        return [f"{name}[{k}]" for k in range(n)] if n else [name]

    def stored(self, name: str) -> bool:
        """Whether a scalar may be a field."""
        base = name.split("[")[0]
        return (base in self.parameters or base in self.states or base in self.assigned) and base not in self.ion_names

    def known(self, name: str) -> bool:
        """Whether a variable exists outside of routines."""
        return (
            name in SURROUNDINGS or name in self.parameters or name in self.states or name in self.assigned
        ) or name in self.ion_names


def names_of(mech: Mechanism) -> Names:
    """Collect the names of a mechanism.

    Raises
    ------
    MechanismError
        A name is declared as two things.
    """
    ion_reads = tuple(dict.fromkeys(n for use in mech.ions for n in use.reads))
    ion_writes = tuple(dict.fromkeys(n for use in mech.ions for n in use.writes))
    ion_names = frozenset(ion_reads) | frozenset(ion_writes)
    outside = SURROUNDINGS | ion_names
    parameters = [p for p in mech.parameters if p.name not in outside]
    states = [s for s in mech.states if s.name not in SURROUNDINGS]
    currents = (*mech.nonspecific, *mech.electrode)
    assigned = [a for a in mech.assigned if a.name not in outside]
    seen: set[str] = set()
    declared: list[Parameter | State | Variable] = [*parameters, *states]
    for d in declared:
        if d.name in seen:
            raise MechanismError(f"{mech.name}: {d.name} is declared twice; rename one.", path=mech.origin)
        seen.add(d.name)
    hidden = HIDDEN if draws_in(_called(mech)) else ()
    for name in hidden:
        if name in seen or name in {a.name for a in assigned}:
            raise MechanismError(
                f"{mech.name}: {name!r} is the name of a hidden variable where random numbers are drawn; rename yours.",
                path=mech.origin,
            )
    lengths = {d.name: d.length for d in [*declared, *assigned] if d.length}
    return Names(
        mech=mech,
        lengths=lengths,
        parameters=frozenset(p.name for p in parameters),
        states={s.name: s for s in states},
        assigned=(frozenset(a.name for a in assigned) | frozenset(currents) | frozenset(hidden)) - seen,
        ion_reads=ion_reads,
        ion_writes=ion_writes,
        routines={r.name: r for r in mech.code.routines},
        blocks={b.name: b for b in mech.code.blocks},
        constants=dict(mech.code.constants),
        hidden=hidden,
        ion_names=ion_names,
    )


def _called(mech: Mechanism) -> set[str]:
    """Return the built-in functions that the code calls."""
    found: set[str] = set().union(*(calls(b) for b in bodies(mech.code)))
    return found - {r.name for r in mech.code.routines}
