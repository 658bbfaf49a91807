"""The lines of one native mechanism, sorted by what they are, and how they depend on one another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from neurosim.mechanisms.equations import Line
from neurosim.mechanisms.mechanism import Kind
from neurosim.mechanisms.nmodl.check import Symbols
from neurosim.mechanisms.nmodl.names import ion_variables
from neurosim.mechanisms.nmodl.walking import expressions
from neurosim.mechanisms.syntax import Assign, Body, Flux, Local, Name, Prime, Reaction, Sink, Stmt, walk

#: Ions whose variables are recognised, and the valence to state (None: the simulator knows it).
IONS: dict[str, float | None] = {"na": None, "k": None, "ca": None, "cl": -1.0}
ION_VARIABLES = {name: ion for ion in IONS for name in ion_variables(ion)}


@dataclass
class Equations:
    """The lines of one mechanism by what they are, and the names they use."""

    name: str
    kind: Kind
    symbols: Symbols
    parameters: dict[str, float]
    connection: dict[str, float]
    method: str
    algebra: dict[str, Line] = field(default_factory=dict)
    primes: dict[str, Line] = field(default_factory=dict)
    scheme: list[Line] = field(default_factory=list)
    units: dict[str, str] = field(default_factory=dict)
    initial: dict[str, Line] = field(default_factory=dict)
    event: list[Line] = field(default_factory=list)

    @property
    def states(self) -> tuple[str, ...]:
        """Return the names of all states: of equations, of reactions, and those that only start and events set."""
        reacting = [x.id for line in self.scheme if line.statement for x in reactants(line.statement)]
        set_once = [n for n in self.initial if n not in self.algebra]
        return tuple(dict.fromkeys([*self.primes, *(n for n in reacting if n not in self.parameters), *set_once]))

    @property
    def currents(self) -> frozenset[str]:
        """Return the names on left sides that leave the mechanism: ``i`` and ion variables."""
        return frozenset(n for n in self.algebra if n == "i" or n in ION_VARIABLES)

    def needed(self, names: Iterable[str]) -> list[Line]:
        """Return the algebraic lines that ``names`` depend on, each after those it needs itself."""
        found: dict[str, Line] = {}

        def visit(name: str, path: tuple[str, ...]) -> None:
            if name in path:
                loop = " -> ".join((*path[path.index(name) :], name))
                self.symbols.fail(f"circular equations {loop}; make one of them a state.", self.algebra[name].line)
            if name in found or name not in self.algebra:
                return
            read = used(self.algebra[name])
            for other in [n for n in self.algebra if n in read]:
                visit(other, (*path, name))
            found[name] = self.algebra[name]

        wanted = set(names)
        for name in [n for n in self.algebra if n in wanted]:
            visit(name, ())
        return list(found.values())

    def depends(self, names: Iterable[str]) -> frozenset[str]:
        """Return ``names`` and everything their algebraic lines use."""
        names = set(names)
        return frozenset(names).union(*(used(line) for line in self.needed(names)))

    def with_needed(self, body: list[Stmt], *, keep_currents: bool = False) -> Body:
        """Return ``body`` after the algebraic lines it needs; currents become local unless they are kept."""
        before = self.needed(name for s in body for name in used_by(s))
        local = [] if keep_currents else [line.name for line in before if line.name in self.currents]
        head: list[Stmt] = [Local(tuple((name, 0) for name in local))] if local else []
        return (*head, *(line.statement for line in before if line.statement), *body)


def used_by(s: Stmt) -> frozenset[str]:
    """Return the names that a statement reads."""
    target = s.target if isinstance(s, Assign | Prime | Flux) else None
    read = [part for x in expressions(s) if x is not target for part in walk(x)]
    return frozenset(part.id for part in read if isinstance(part, Name))


def used(line: Line) -> frozenset[str]:
    """Return the names that a line reads."""
    return frozenset() if line.statement is None else used_by(line.statement)


def reactants(s: Stmt) -> list[Name]:
    """Return the states named by a line of a kinetic scheme."""
    match s:
        case Reaction(left, right):
            return [x for _, x in left + right]
        case Sink(left):
            return [x for _, x in left]
        case Flux(target):
            return [target]
        case _:
            return []
