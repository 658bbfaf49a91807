"""From equation lines to ``Mechanism``: what the native forms ``Channel`` and ``Synapse`` do.

Algebraic lines are sorted by dependence and put into each block that needs them, so that every block computes from the
states and the voltage of its moment.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import cast

from neurosim.mechanisms.dimensions import check_units
from neurosim.mechanisms.equations import Line, lines
from neurosim.mechanisms.linear import linear
from neurosim.mechanisms.mechanism import Kind, Mechanism
from neurosim.mechanisms.nmodl.check import Checker, Symbols
from neurosim.mechanisms.nmodl.names import METHODS, NATIVE_FUNCTIONS, RESERVED, ion_variables
from neurosim.mechanisms.starts import event_body, initial_body
from neurosim.mechanisms.syntax import (
    Assign,
    Code,
    Conserve,
    Expr,
    IonUse,
    Name,
    NetReceive,
    Num,
    Parameter,
    Solve,
    SolveBlock,
    State,
    Stmt,
    Variable,
)
from neurosim.mechanisms.system import ION_VARIABLES, IONS, Equations, reactants, used
from neurosim.mechanisms.unittext import FARADAY_C_PER_MOL, GAS_CONSTANT_J_PER_K_MOL

ORIGIN = "native"
CONSTANTS = {"F": FARADAY_C_PER_MOL, "R": GAS_CONSTANT_J_PER_K_MOL}
LONG_AGO = 1e300
_NAME = re.compile(r"[A-Za-z_]\w*")


def compose(
    name: str,
    kind: Kind,
    text: str,
    parameters: Mapping[str, float],
    *,
    initial: str | None = None,
    method: str | None = None,
    event: str | None = None,
    connection: Mapping[str, float] | None = None,
) -> Mechanism:
    """Return the mechanism of an equation text; see ``native.Channel`` for the arguments."""
    symbols = Symbols(ORIGIN, functions=NATIVE_FUNCTIONS)
    if not name:
        symbols.fail("a mechanism needs a name, got ''; give one.", 0)
    eq = Equations(name, kind, symbols, dict(parameters), dict(connection or {}), method or "")
    _collect(eq, lines(text, f"{name} equations"))
    _collect_extra(eq, initial, event)
    _check_names(eq)
    ions = _ions(eq)
    _declare(eq, ions)
    code = _code(eq, event is not None)
    _check_use(eq)
    check_units(eq.algebra, eq.primes, _known_units(eq), eq.kind, symbols)
    return _mechanism(eq, ions, code)


# ---- collecting ------------------------------------------------------------------------------------------------------


def _collect(eq: Equations, found: list[Line]) -> None:
    if not found:
        eq.symbols.fail(f"{eq.name}: no equations; write at least one line such as i = g*(v - e).", 0)
    for line in found:
        if line.updates:
            eq.symbols.fail(
                f"{line.name!r} cannot be updated here; only events can, write it as an equation.", line.line
            )
        if line.statement is None:
            eq.units[line.name] = line.unit
            continue
        if not line.name:
            eq.scheme.append(line)
            continue
        if line.name in eq.algebra or line.name in eq.primes:
            eq.symbols.fail(f"{line.name!r} has two equations; remove one.", line.line)
        if line.unit:
            eq.units[line.name] = line.unit
        (eq.algebra if isinstance(line.statement, Assign) else eq.primes)[line.name] = line
    laws = [line for line in eq.scheme if isinstance(line.statement, Conserve)]
    if laws and len(laws) == len(eq.scheme):
        eq.symbols.fail("the left side of an equation must be one name.", laws[0].line)


def _collect_extra(eq: Equations, initial: str | None, event: str | None) -> None:
    for line in lines(initial or "", f"{eq.name} initial"):
        if not line.name or not isinstance(line.statement, Assign) or line.name in eq.initial:
            eq.symbols.fail("initial: lines must be 'state = ...', one for each state.", line.line)
        if line.name in eq.algebra or line.name in eq.parameters:
            eq.symbols.fail(f"initial: {line.name!r} is no state; only states have a start.", line.line)
        eq.initial[line.name] = line
    for line in lines(event or "", f"{eq.name} event"):
        if not line.name or not isinstance(line.statement, Assign):
            eq.symbols.fail("event: lines must be 'x = ...' or 'x += ...'.", line.line)
        if line.name in eq.algebra or line.name in eq.parameters or line.name in RESERVED or line.name == "w":
            what = "has an equation" if line.name in eq.algebra else "cannot change"
            eq.symbols.fail(f"event: {line.name!r} {what}; set a state or a variable of the connection.", line.line)
        eq.event.append(line)


def _check_names(eq: Equations) -> None:
    fail = eq.symbols.fail
    states = set(eq.states)
    for kind, names in (("parameter", eq.parameters), ("connection", eq.connection)):
        for name, value in cast("dict[str, object]", names).items():
            if not _NAME.fullmatch(name) or name in RESERVED or name in NATIVE_FUNCTIONS:
                fail(f"{eq.name}: {kind} {name!r} has a name that is taken or no name; choose another.", 0)
            if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
                fail(f"{eq.name}: {kind} {name}={value!r} is not a number; give one.", 0)
            if kind == "parameter" and math.isinf(value):
                fail(f"{eq.name}: parameter {name}={value!r} must be finite.", 0)
            if name in states or name in eq.algebra:
                fail(f"{eq.name}: {name!r} is a {kind} and has an equation; remove one of them.", 0)
    for name, line in (*eq.algebra.items(), *eq.primes.items(), *eq.initial.items()):
        if name in RESERVED or name in NATIVE_FUNCTIONS:
            fail(f"{name!r} belongs to the simulator; choose another name.", line.line)
    clash = (eq.parameters.keys() & eq.connection.keys()) | (
        {"w"} & (eq.parameters.keys() | eq.connection.keys() | states)
    )
    if clash and (eq.connection or eq.event):
        fail(f"{eq.name}: {min(clash)!r} has two meanings; rename one (w is the weight of an event).", 0)


def _ions(eq: Equations) -> tuple[IonUse, ...]:
    texts = [*eq.algebra.values(), *eq.primes.values(), *eq.scheme, *eq.initial.values(), *eq.event]
    reads: dict[str, list[str]] = {}
    writes: dict[str, list[str]] = {}
    own = eq.parameters.keys() | eq.connection.keys()
    for name in dict.fromkeys([*eq.algebra, *eq.states]):
        if name in ION_VARIABLES and name not in own:
            writes.setdefault(ION_VARIABLES[name], []).append(name)
    for name in dict.fromkeys(n for line in texts for n in sorted(used(line))):
        if name in ION_VARIABLES and name not in own and name not in eq.algebra and name not in eq.states:
            reads.setdefault(ION_VARIABLES[name], []).append(name)
    found = [ion for ion in IONS if ion in reads or ion in writes]
    return tuple(IonUse(i, tuple(reads.get(i, ())), tuple(writes.get(i, ())), IONS[i]) for i in found)


def _declare(eq: Equations, ions: tuple[IonUse, ...]) -> None:
    symbols = eq.symbols
    names = [*eq.parameters, *eq.states, *eq.algebra, *(n for use in ions for n in use.reads + use.writes)]
    symbols.variables = dict.fromkeys(names, 0)
    symbols.states = frozenset(eq.states)
    symbols.constants = {n: x for n, x in CONSTANTS.items() if n not in symbols.variables}
    symbols.vocabulary = tuple(ION_VARIABLES)
    symbols.advice = "give it a value (name=...) or an equation."
    for name in eq.units:
        if name not in symbols.variables and name not in RESERVED and name not in eq.connection:
            symbols.fail(f"{eq.name}: a unit is given for unknown {name!r}; {symbols.suggest(name)}", 0)


# ---- code ------------------------------------------------------------------------------------------------------------


def _code(eq: Equations, has_event: bool) -> Code:
    blocks = _blocks(eq)
    solves: list[Stmt] = [Solve(block.name, _method(eq, block)) for block in blocks]
    read = {n for line in (*eq.algebra.values(), *eq.primes.values(), *eq.scheme) for n in used(line)}
    shown = [line for n, line in eq.algebra.items() if n in eq.currents or n not in read]
    outward: list[Stmt] = [line.statement for line in eq.needed(line.name for line in shown) if line.statement]
    raw = Code(
        initial=initial_body(eq, blocks),
        breakpoint=(*solves, *outward),
        blocks=blocks,
        net_receive=_net_receive(eq) if has_event or eq.connection else None,
    )
    return _checked(eq, raw)


def _checked(eq: Equations, raw: Code) -> Code:
    """Return the code with every name checked and constants folded."""
    symbols, receive = eq.symbols, raw.net_receive
    if receive is not None:
        scope = dict.fromkeys(receive.parameters, 0)
        checker = Checker(symbols, "net_receive")
        first = None if receive.initial is None else checker.body(receive.initial, scope)
        receive = NetReceive(receive.parameters, checker.body(receive.body, scope), first)
    symbols.blocks = {b.name: b.kind for b in raw.blocks}
    blocks = tuple(SolveBlock(b.kind, b.name, Checker(symbols, b.kind).body(b.body, {})) for b in raw.blocks)
    return Code(
        initial=Checker(symbols, "initial").body(raw.initial, {}),
        breakpoint=Checker(symbols, "breakpoint").body(raw.breakpoint, {}),
        blocks=blocks,
        net_receive=receive,
    )


def _blocks(eq: Equations) -> tuple[SolveBlock, ...]:
    allowed = dict.fromkeys(m for kind in ("derivative", "kinetic") for m in METHODS[kind])
    if eq.method not in allowed:
        eq.symbols.fail(f"{eq.name}: method={eq.method!r}; allowed: {', '.join(filter(None, allowed))}.", 0)
    if eq.method == "sparse" and not eq.scheme:
        eq.symbols.fail(f"{eq.name}: method='sparse' is for reactions A <-> B (f, b); leave it out.", 0)
    taken = eq.symbols.variables.keys() | NATIVE_FUNCTIONS.keys() | {eq.name}
    found = []
    if eq.primes:
        primes = [line.statement for line in eq.primes.values() if line.statement]
        found.append(SolveBlock("derivative", _free("states", taken), eq.with_needed(primes)))
    if eq.scheme:
        scheme = [line.statement for line in eq.scheme if line.statement]
        found.append(SolveBlock("kinetic", _free("scheme", taken), eq.with_needed(scheme)))
    return tuple(found)


def _exponential(eq: Equations, name: str, line: Line) -> bool:
    """Return whether an equation is linear in its own state, which no algebraic line hides."""
    if line.statement is None or not hasattr(line.statement, "value"):
        return False
    value: Expr = line.statement.value
    hidden = any(name in used(other) for other in eq.needed(used(line)))
    return not hidden and linear(value, name) is not None


def _method(eq: Equations, block: SolveBlock) -> str:
    if block.kind == "kinetic":
        return "sparse"
    if eq.method in METHODS["derivative"][:-1]:
        return eq.method
    exact = all(_exponential(eq, name, line) for name, line in eq.primes.items())
    return "cnexp" if exact else "derivimplicit"


def _free(name: str, taken: Iterable[str]) -> str:
    return _free(f"{name}_", taken) if name in taken else name


def _net_receive(eq: Equations) -> NetReceive:
    first = tuple(Assign(Name(n), _start(x)) for n, x in eq.connection.items())
    return NetReceive(("w", *eq.connection), event_body(eq), first or None)


def _start(value: float) -> Expr:
    """Return a number; an infinity (an event long ago) becomes a large finite one."""
    return Num(math.copysign(LONG_AGO, value) if math.isinf(value) else float(value))


# ---- the record ------------------------------------------------------------------------------------------------------


def _check_use(eq: Equations) -> None:
    texts = [*eq.algebra.values(), *eq.primes.values(), *eq.scheme, *eq.initial.values(), *eq.event]
    read = frozenset().union(*(used(line) for line in texts))
    read |= {x.id for line in eq.scheme if line.statement for x in reactants(line.statement)}
    for name in (*eq.parameters, *eq.connection):
        if name not in read:
            eq.symbols.fail(f"{eq.name}: {name!r} is used in no equation; remove it or correct the name.", 0)
    for name, line in eq.algebra.items():
        if re.fullmatch(r"i[A-Z_]?[a-z]{0,3}\d?", name) and name not in read and name not in eq.currents:
            eq.symbols.fail(
                f"{name!r} looks like a current and nothing uses it; the current of no ion is called i, "
                f"known ions are {', '.join(IONS)}.",
                line.line,
            )


def _known_units(eq: Equations) -> dict[str, str]:
    """Return the units of all names that have one: given by the user, or by the simulator."""
    fixed = dict(RESERVED)
    density = "mA/cm2" if eq.kind is Kind.DENSITY else "nA"
    for ion in IONS:
        e, i, inside, outside = ion_variables(ion)
        fixed |= {e: "mV", i: "mA/cm2" if i not in eq.algebra else density, inside: "mM", outside: "mM"}
    fixed |= {"i": density, "F": "coulomb/mole", "R": "joule/degC-mole"}
    own = {n for n in (*eq.parameters, *eq.connection) if n in fixed}
    own |= {n for n in ("F", "R", "i") if n in eq.symbols.variables and n not in eq.currents}
    known = {name: unit for name, unit in fixed.items() if name not in own}
    for name, unit in eq.units.items():
        if name in known and known[name] != unit:
            place = eq.algebra.get(name) or eq.primes.get(name)
            eq.symbols.fail(f"{name} is in {known[name]}, got {unit!r}; convert it.", place.line if place else 0)
    return known | eq.units


def _mechanism(eq: Equations, ions: tuple[IonUse, ...], code: Code) -> Mechanism:
    unit = "mA/cm2" if eq.kind is Kind.DENSITY else "nA"
    written = {name for use in ions for name in use.writes}
    assigned = [Variable(n, eq.units.get(n, unit if n == "i" else ""), True) for n in eq.algebra if n not in written]
    return Mechanism(
        name=eq.name,
        kind=eq.kind,
        parameters=tuple(Parameter(n, float(x), eq.units.get(n, ""), "range") for n, x in eq.parameters.items()),
        states=tuple(State(n, eq.units.get(n, "mM" if n in written else "")) for n in eq.states),
        assigned=tuple(assigned),
        ions=ions,
        nonspecific=("i",) if "i" in eq.algebra else (),
        code=code,
        notices=tuple(eq.symbols.notices),
        origin=ORIGIN,
    )
