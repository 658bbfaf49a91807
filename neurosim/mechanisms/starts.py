"""Where native states start, and what an event does: statements with the algebraic lines they need put before them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from neurosim.mechanisms.linear import steady_state
from neurosim.mechanisms.syntax import (
    Assign,
    Body,
    Conserve,
    Local,
    Name,
    Notice,
    Num,
    Prime,
    Solve,
    SolveBlock,
    Stmt,
    walk,
)
from neurosim.mechanisms.system import Equations


@dataclass
class _Emitter:
    """Writes statements in order; an algebraic line is written again when a state it depends on has changed."""

    eq: Equations
    body: list[Stmt] = field(default_factory=list)
    valid: set[str] = field(default_factory=set)
    local: dict[str, None] = field(default_factory=dict)

    def emit(self, statement: Stmt, reads: Iterable[str], changes: Iterable[str]) -> None:
        """Write ``statement`` after the lines it needs."""
        for line in self.eq.needed(reads):
            if line.name not in self.valid and line.statement is not None:
                self.body.append(line.statement)
                self.valid.add(line.name)
                if line.name in self.eq.currents:
                    self.local[line.name] = None
        self.body.append(statement)
        changed = frozenset(changes)
        self.valid = {name for name in self.valid if not self.eq.depends([name]) & changed}

    def finished(self) -> Body:
        """Return what was written, after the declaration of its local names."""
        names = tuple((name, 0) for name in self.local)
        return (Local(names), *self.body) if names else tuple(self.body)


def initial_body(eq: Equations, blocks: tuple[SolveBlock, ...]) -> Body:
    """Return INITIAL: starts given by the user and steady states, each after those it depends on."""
    jobs: dict[str, tuple[Stmt, frozenset[str]]] = {}
    for name, line in eq.initial.items():
        if isinstance(line.statement, Assign):
            jobs[name] = (line.statement, _names(line.statement))
    for name, line in eq.primes.items():
        if name not in jobs and isinstance(line.statement, Prime):
            target = steady_state(line.statement.value, name)
            hidden = name in eq.depends(_names(line.statement) - {name})
            if target is not None and not hidden and target != Num(0.0):
                start = Assign(Name(name), target, line.line)
                jobs[name] = (start, _names(start))
    emitter = _Emitter(eq)
    scheme = next((b for b in blocks if b.kind == "kinetic"), None)
    for name in _order(eq, jobs):
        statement, reads = jobs[name]
        emitter.emit(statement, reads, [name])
    if scheme is not None:
        _scheme_start(eq, emitter, scheme)
    return emitter.finished()


def _scheme_start(eq: Equations, emitter: _Emitter, scheme: SolveBlock) -> None:
    reacting = [n for n in eq.states if n not in eq.primes]
    if any(n in eq.initial for n in reacting):
        return
    if not any(isinstance(line.statement, Conserve) for line in eq.scheme):
        eq.symbols.fail(
            f"{eq.name}: the reactions leave the total open; add a conservation law such as "
            f"{' + '.join(reacting)} = 1, or give initial=.",
            eq.scheme[0].line,
        )
    emitter.emit(Solve(scheme.name, "sparse", True), (), reacting)


def _order(eq: Equations, jobs: dict[str, tuple[Stmt, frozenset[str]]]) -> list[str]:
    """Return the states so that each start comes after those it uses; circular steady states are dropped."""
    needs = {name: (eq.depends(reads) & jobs.keys()) - {name} for name, (_, reads) in jobs.items()}
    found: list[str] = []
    waiting = list(jobs)
    while waiting:
        ready = [n for n in waiting if not needs[n] - set(found)]
        if not ready:
            given = [n for n in waiting if n in eq.initial]
            if not given:
                text = f"{', '.join(waiting)} start at 0: their steady states depend on one another; give initial="
                eq.symbols.notices.append(Notice(text))
                return found
            ready = given
        found.append(ready[0])
        waiting.remove(ready[0])
    return found


def event_body(eq: Equations) -> Body:
    """Return what an event does: its lines in order; names that mean nothing else are local."""
    emitter = _Emitter(eq)
    known = set(eq.states) | eq.connection.keys()
    read = [_names(line.statement) for line in eq.event if line.statement]
    for k, line in enumerate(eq.event):
        if not isinstance(line.statement, Assign):
            continue
        if line.name not in known and line.name not in emitter.local:
            later = frozenset().union(*read[k + 1 :])
            if line.updates or line.name not in later:
                what = "is updated and nothing set it" if line.updates else "is set and never used"
                eq.symbols.fail(f"event: {line.name!r} {what}; {eq.symbols.suggest(line.name, known)}", line.line)
            emitter.local[line.name] = None
        emitter.emit(line.statement, read[k], [line.name])
    return emitter.finished()


def _names(s: Stmt) -> frozenset[str]:
    value = s.value if isinstance(s, Assign | Prime) else None
    return frozenset() if value is None else frozenset(part.id for part in walk(value) if isinstance(part, Name))
