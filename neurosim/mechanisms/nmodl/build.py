"""From ``Source`` to ``Mechanism``: which variable is what, and the checks of all code."""

from __future__ import annotations

import difflib
from dataclasses import replace

from neurosim.mechanisms.mechanism import Kind, Mechanism
from neurosim.mechanisms.nmodl.check import Checker, Symbols
from neurosim.mechanisms.nmodl.names import RESERVED, ion_variables
from neurosim.mechanisms.nmodl.refuse import unsupported
from neurosim.mechanisms.nmodl.source import Declared, Source
from neurosim.mechanisms.nmodl.walking import bodies, calls, expressions, statements
from neurosim.mechanisms.syntax import (
    Assign,
    Code,
    Expr,
    FunctionTable,
    IonUse,
    Name,
    NetReceive,
    Notice,
    Num,
    Parameter,
    Prime,
    Routine,
    Solve,
    SolveBlock,
    State,
    Stmt,
    Table,
    Unary,
    Variable,
    walk,
)
from neurosim.mechanisms.unittext import Measure, UnitTable, UnknownUnitError


def build(source: Source, *, tables: bool = True) -> Mechanism:
    """Return the mechanism that ``source`` declares.

    Parameters
    ----------
    source : Source
        What ``parse`` returned.
    tables : bool
        Honour TABLE statements.
    """
    symbols = Symbols(source.origin)
    if not source.name:
        symbols.fail("no SUFFIX, POINT_PROCESS or ARTIFICIAL_CELL in a NEURON block; name the mechanism there.", 1)
    symbols.notices = [Notice(text, line) for text, line in source.dropped]
    symbols.constants = _constants(source, symbols)
    ions = _ions(source, symbols)
    taken = {name for use in ions for name in use.reads + use.writes} | set(RESERVED)
    symbols.randoms = frozenset(name for name, _ in source.randoms)
    _no_duplicates(source, symbols)
    _pointers(source, symbols)
    if source.kind == "ARTIFICIAL_CELL":
        _artificial(source, symbols)
    public = {name for name, _ in source.ranges + source.globals}
    currents = [name for name, _ in source.nonspecific + source.electrode]
    parameters = _parameters(source, taken)
    states = _states(source, taken)
    assigned = _assigned(source, taken, public, currents)
    symbols.variables = {p.name: p.length for p in parameters}
    symbols.variables |= {a.name: a.length for a in assigned} | {s.name: s.length for s in states}
    symbols.variables.update(
        (name, 0) for use in ions for name in use.reads + use.writes if name not in symbols.variables
    )
    symbols.states = frozenset(s.name for s in states)
    _outside_names(source, symbols)
    made = _code(source, symbols)
    parameters, made = _constructed(parameters, made)
    read = _names_read(made)
    unread = [Notice(f"POINTER {name} is not used", line) for name, line in source.pointers if name not in read]
    symbols.notices += unread
    return Mechanism(
        name=source.name,
        kind=_KINDS[source.kind],
        parameters=parameters,
        states=states,
        assigned=assigned,
        ions=ions,
        nonspecific=tuple(name for name, _ in source.nonspecific),
        electrode=tuple(name for name, _ in source.electrode),
        code=made,
        notices=tuple(symbols.notices),
        origin=source.origin,
        use_tables=tables,
        pointers=tuple(name for name, _ in source.pointers if name in read),
        randoms=tuple(name for name, _ in source.randoms),
        functions=tuple(FunctionTable(name, parameter) for name, parameter, _ in source.functions),
    )


_KINDS = {"SUFFIX": Kind.DENSITY, "POINT_PROCESS": Kind.POINT, "ARTIFICIAL_CELL": Kind.ARTIFICIAL}


def _artificial(source: Source, symbols: Symbols) -> None:
    """Check that an ARTIFICIAL_CELL uses nothing that only a place in a cell has."""
    used = [(f"ion ({x.ion})", x.line) for x in source.ions]
    used += [(f"current ({name})", line) for name, line in source.nonspecific + source.electrode]
    own = [x for x in source.states if x.name in RESERVED]
    for state in own:
        symbols.fail(f"{state.name!r} cannot be a STATE of an ARTIFICIAL_CELL; give it another name.", state.line)
    for what, line in used:
        symbols.fail(f"an ARTIFICIAL_CELL has no {what}: it is nowhere in a cell; make it a POINT_PROCESS.", line)
    symbols.reserved = frozenset({"t", "dt", "celsius"})


def _pointers(source: Source, symbols: Symbols) -> None:
    """Make POINTER variables assigned ones, whatever block declares them."""
    symbols.pointers = frozenset(name for name, _ in source.pointers)
    for name, line in source.pointers:
        declared = next((x for x in (*source.assigned, *source.parameters) if x.name == name), None)
        if declared is None:
            symbols.fail(f"the POINTER {name!r} is not declared; put it into ASSIGNED.", line)
        if declared.length:
            symbols.fail(f"the POINTER {name!r} is an array; a POINTER is one voltage.", line)
        source.parameters = [x for x in source.parameters if x.name != name]
        if all(x.name != name for x in source.assigned):
            source.assigned.append(declared)


# ---- declarations ----------------------------------------------------------------------------------------------------


def _constants(source: Source, symbols: Symbols) -> dict[str, float]:
    table, found = UnitTable(), {}
    aliases: dict[str, Measure] = {}
    for one in source.units:
        try:
            if one.is_alias:
                before = aliases.get(one.name)
                table.alias(one.name, one.units[0])
                aliases[one.name] = table.words[one.name]
                if before is not None and before != table.words[one.name]:
                    symbols.fail(f"the unit ({one.name}) has two meanings; remove one of them.", one.line)
            elif one.value is not None:
                found[one.name] = one.value
            else:
                found[one.name], agree = table.factor(*one.units)
                if not agree:
                    text = f"{one.name}: the units ({one.units[0]}) and ({one.units[1]}) differ in dimension"
                    symbols.notices.append(Notice(text, one.line))
        except UnknownUnitError as error:
            near = difflib.get_close_matches(error.word, table.words, 2)
            hint = f"did you mean {' or '.join(near)}?" if near else f"define it: ({error.word}) = (...)."
            symbols.fail(f"unknown unit {error.word!r}; {hint}", one.line)
    found.update((one.name, one.value or 0.0) for one in source.constants)
    return found


def _ions(source: Source, symbols: Symbols) -> tuple[IonUse, ...]:
    uses: dict[str, IonUse] = {}
    for one in source.ions:
        allowed = ion_variables(one.ion)
        for name in one.reads + one.writes:
            if name not in allowed:
                near = difflib.get_close_matches(name, allowed, 1, 0.0)[0]
                symbols.fail(
                    f"USEION {one.ion}: {name!r} is no variable of it; allowed: {', '.join(allowed)}; "
                    f"did you mean {near}?",
                    one.line,
                )
        if one.ion in uses:
            symbols.fail(f"a second USEION {one.ion}; put both into one line.", one.line)
        uses[one.ion] = IonUse(one.ion, one.reads, one.writes, one.valence)
    return tuple(uses.values())


def _no_duplicates(source: Source, symbols: Symbols) -> None:
    seen: dict[str, int] = {}
    declared = source.parameters + source.constants + source.assigned + source.states + source.locals
    units = [Declared(one.name, one.line) for one in source.units if not one.is_alias]
    units += [Declared(name, line) for name, line in source.randoms]
    for one in declared + units:
        if one.name in seen and one.name not in RESERVED:
            symbols.fail(f"{one.name!r} is declared already in line {seen[one.name]}; remove one of them.", one.line)
        seen[one.name] = one.line
    blocks: dict[str, int] = {}
    places = [(b.name, b.line) for b in source.blocks] + [(r.name, r.line) for r in source.routines]
    places += [(name, line) for name, _, line in source.functions]
    for name, line in places:
        if name in blocks:
            symbols.fail(f"a block {name!r} exists already in line {blocks[name]}; rename one.", line)
        if name in seen:
            symbols.fail(f"{name!r} is a variable (line {seen[name]}) and a block; rename one.", line)
        blocks[name] = line
    symbols.blocks = {block.name: block.kind for block in source.blocks}
    symbols.routines = {routine.name: routine for routine in source.routines}
    symbols.functions = {**symbols.functions, **{name: 1 for name, _, _ in source.functions}}


def _parameters(source: Source, taken: set[str]) -> tuple[Parameter, ...]:
    ranged = {name for name, _ in source.ranges}
    found = []
    for p in source.parameters:
        if p.name not in taken:
            scope = "range" if p.name in ranged else "global"
            found.append(Parameter(p.name, p.value or 0.0, p.unit, scope, p.low, p.high, p.length))
    return (*found, *(Parameter(name, 0.0) for name in _implicit_starts(source)))


def _implicit_starts(source: Source) -> list[str]:
    """Return the names such as ``m0`` that a file uses without declaring them: NMODL makes one for each STATE."""
    declared = {
        x.name for x in (*source.parameters, *source.assigned, *source.states, *source.constants, *source.locals)
    }
    blocks = {r.name for r in source.routines} | {b.name for b in source.blocks}
    names = [f"{s.name}0" for s in source.states]
    return [name for name in names if name in source.words and name not in declared | blocks]


def _states(source: Source, taken: set[str]) -> tuple[State, ...]:
    parameters = {p.name for p in source.parameters} | set(_implicit_starts(source))
    found = []
    for s in source.states:
        start: float | str = s.start if s.start is not None else s.value or 0.0
        if f"{s.name}0" in parameters and f"{s.name}0" not in taken and s.start is None:
            start = f"{s.name}0"
        found.append(State(s.name, s.unit, start, s.length))
    return tuple(found)


def _assigned(source: Source, taken: set[str], public: set[str], currents: list[str]) -> tuple[Variable, ...]:
    found = [
        Variable(x.name, x.unit, x.name in public or x.name in currents, x.length)
        for x in source.assigned
        if x.name not in taken
    ]
    found += [Variable(x.name, x.unit, False, x.length) for x in source.locals if x.name not in taken]
    known = {x.name for x in (*source.parameters, *source.states, *source.assigned, *source.locals)}
    unit = "mA/cm2" if source.kind == "SUFFIX" else "nA"
    return (*found, *(Variable(name, unit, True) for name in currents if name not in known))


def _outside_names(source: Source, symbols: Symbols) -> None:
    for name, line in source.ranges + source.globals:
        if name in symbols.variables or name in RESERVED:
            continue
        if name in symbols.constants or name in symbols.routines:
            symbols.fail(f"{name!r} is a constant or a block and cannot be RANGE or GLOBAL.", line)
        near = difflib.get_close_matches(name, symbols.variables, 1)
        hint = f"did you mean {near[0]}?" if near else "declare it in PARAMETER, ASSIGNED or STATE."
        if (name, line) in source.globals:
            symbols.fail(f"GLOBAL names undeclared {name!r}; {hint}", line)
        symbols.notices.append(Notice(f"RANGE names undeclared {name!r}, which is ignored; {hint}", line))


# ---- code ------------------------------------------------------------------------------------------------------------


def _names_read(code: Code) -> set[str]:
    """Return the names of variables that the code mentions."""
    found = (x for b in bodies(code) for s in statements(b) for e in expressions(s) for x in walk(e))
    return {x.id for x in found if isinstance(x, Name)}


def _code(source: Source, symbols: Symbols) -> Code:
    if source.net_receive is not None and source.kind == "SUFFIX":
        symbols.fail(
            "NET_RECEIVE needs a POINT_PROCESS; a density mechanism receives no events.", source.net_receive.line
        )
    symbols.receives = 0 if source.net_receive is None else len(source.net_receive.parameters)
    routines = tuple(_routine(r, symbols) for r in source.routines)
    _no_recursion(routines, symbols)
    blocks = tuple(_solve_block(b, symbols) for b in source.blocks)
    code = Code(
        initial=Checker(symbols, "initial").body(source.initial or (), {}),
        breakpoint=Checker(symbols, "breakpoint").body(source.breakpoint or (), {}),
        blocks=blocks,
        routines=routines,
        net_receive=_net_receive(source.net_receive, symbols),
        constants=tuple(symbols.constants.items()),
        constructor=Checker(symbols, "constructor").body(source.constructor, {}),
        hooks=tuple(replace(h, body=Checker(symbols, "hook", h.line).body(h.body, {})) for h in source.hooks),
    )
    solved: dict[str, int] = {}
    for s in statements(code.breakpoint):
        if isinstance(s, Solve):
            if s.block in solved:
                symbols.fail(f"{s.block!r} is solved already in line {solved[s.block]}; remove one SOLVE.", s.line)
            solved[s.block] = s.line
    solved.update((s.block, s.line) for s in statements(code.initial) if isinstance(s, Solve))
    for block in blocks:
        if block.name not in solved:
            symbols.notices.append(Notice(f"{block.kind.upper()} {block.name} is never solved", block.line))
    return code


def _constructed(parameters: tuple[Parameter, ...], code: Code) -> tuple[tuple[Parameter, ...], Code]:
    """Return the parameters with the values that CONSTRUCTOR gives them, which the user may then change."""
    given: dict[str, float] = {}
    rest: list[Stmt] = []
    for s in code.constructor:
        value = _number(s.value) if isinstance(s, Assign) else None
        if (
            isinstance(s, Assign)
            and value is not None
            and any(p.name == s.target.id and not p.length for p in parameters)
        ):
            given[s.target.id] = value
        else:
            rest.append(s)
    made = tuple(replace(p, default=given.get(p.name, p.default)) for p in parameters)
    return made, replace(code, constructor=tuple(rest))


def _number(x: Expr) -> float | None:
    match x:
        case Num(value):
            return value
        case Unary("-", Num(value)):
            return -value
        case _:
            return None


def _routine(routine: Routine, symbols: Symbols) -> Routine:
    kind = "function" if routine.is_function else "procedure"
    scope = dict.fromkeys(routine.parameters, 0)
    if routine.is_function:
        scope[routine.name] = 0
    body = Checker(symbols, kind, routine.line).body(routine.body, scope)
    tables = [s for s in body if isinstance(s, Table)]
    if tables and len(routine.parameters) != 1:
        symbols.fail(
            f"TABLE needs a block with one argument; {routine.name!r} has {len(routine.parameters)}.", tables[0].line
        )
    if tables and routine.is_function == bool(tables[0].names):
        what = "a FUNCTION names no variables" if routine.is_function else "a PROCEDURE must name its variables"
        symbols.fail(f"TABLE in {what}.", tables[0].line)
    return replace(routine, body=body)


def _solve_block(block: SolveBlock, symbols: Symbols) -> SolveBlock:
    body = Checker(symbols, block.kind, block.line).body(block.body, {})
    if block.kind == "derivative" and not any(isinstance(s, Prime) for s in statements(body)):
        symbols.fail(f"DERIVATIVE {block.name} has no equation such as m' = ...", block.line)
    return replace(block, body=body)


def _net_receive(receive: NetReceive | None, symbols: Symbols) -> NetReceive | None:
    if receive is None:
        return None
    if not receive.parameters:
        symbols.fail("NET_RECEIVE needs the weight as its first argument.", receive.line)
    scope = dict.fromkeys(receive.parameters, 0)
    checker = Checker(symbols, "net_receive", receive.line)
    initial = None if receive.initial is None else checker.body(receive.initial, scope)
    return replace(receive, body=checker.body(receive.body, scope), initial=initial)


def _no_recursion(routines: tuple[Routine, ...], symbols: Symbols) -> None:
    graph = {r.name: calls(r.body) & symbols.routines.keys() for r in routines}

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            loop = " -> ".join((*path[path.index(name) :], name))
            raise unsupported("recursion", symbols.origin, symbols.routines[name].line, loop)
        for other in sorted(graph[name]):
            visit(other, (*path, name))

    for name in graph:
        visit(name, ())
