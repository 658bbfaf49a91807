"""Checks the code of a mechanism against its declarations and folds constants into it.

Both front ends use it. Every name must be known, every call must have the right number of arguments, every assignment
must have a target that may change; the first error is raised with its line and a suggestion.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import NoReturn

from neurosim.errors import MechanismError
from neurosim.mechanisms.nmodl.names import (
    BUILTINS,
    DRAWING,
    EVENTS,
    METHODS,
    REFUSED_FUNCTIONS,
    REFUSED_METHODS,
    RESERVED,
)
from neurosim.mechanisms.nmodl.refuse import unsupported
from neurosim.mechanisms.syntax import (
    Assign,
    Binary,
    Body,
    Call,
    CallStmt,
    Compartment,
    Conserve,
    Equation,
    Expr,
    Flux,
    For,
    ForNetcons,
    If,
    Local,
    Name,
    Notice,
    Num,
    Prime,
    Reaction,
    Routine,
    Sink,
    Solve,
    Stmt,
    Table,
    Text,
    Unary,
    Watch,
    While,
)

Scope = dict[str, int]
_SEEDING = ("set_seed", "setseed", "random_setids")
_KINETIC = (Reaction, Sink, Flux, Conserve, Compartment)


@dataclass
class Symbols:
    """What the code of one mechanism may refer to; lengths are 0 for scalars."""

    origin: str
    variables: dict[str, int] = field(default_factory=dict)
    states: frozenset[str] = frozenset()
    pointers: frozenset[str] = frozenset()
    randoms: frozenset[str] = frozenset()
    reserved: frozenset[str] = frozenset(RESERVED)
    constants: dict[str, float] = field(default_factory=dict)
    routines: dict[str, Routine] = field(default_factory=dict)
    receives: int = 0
    blocks: dict[str, str] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    functions: dict[str, int] = field(default_factory=lambda: BUILTINS)
    vocabulary: tuple[str, ...] = ()
    advice: str = "declare it."

    def fail(self, message: str, line: int) -> NoReturn:
        """Raise a ``MechanismError`` at ``line`` (0: no line is known)."""
        raise MechanismError(message, path=self.origin, line=line or None)

    def suggest(self, name: str, extra: Iterable[str] = ()) -> str:
        """Return ``"did you mean ...?"`` or advice to declare ``name``."""
        known = [*self.vocabulary, *self.variables, *self.constants, *self.routines, *RESERVED, *self.functions, *extra]
        near = difflib.get_close_matches(name, known, 3, 0.6)
        return f"did you mean {' or '.join(dict.fromkeys(near))}?" if near else self.advice


@dataclass
class Checker:
    """Checks one block.

    ``where`` is ``initial breakpoint net_receive constructor hook function procedure`` or the kind of a solved block.
    """

    symbols: Symbols
    where: str
    line: int = 0

    def body(self, body: Body, scope: Scope) -> Body:
        """Return ``body`` with constants folded; names declared in it end with it."""
        inner = dict(scope)
        found = []
        for statement in body:
            self.line = statement.line or self.line
            one = self.statement(statement, inner)
            if one is not None:
                found.append(one)
        return tuple(found)

    # ---- statements --------------------------------------------------------------------------------------------------

    def statement(self, s: Stmt, scope: Scope) -> Stmt | None:
        """Return one statement checked and folded; None if it has no effect."""
        match s:
            case Local(names):
                scope.update(names)
                return s
            case Assign(target, value):
                return replace(s, value=self.expression(value, scope), target=self.target(target, scope))
            case If(condition, then, orelse):
                folded = self.expression(condition, scope)
                return replace(s, condition=folded, then=self.body(then, scope), orelse=self.body(orelse, scope))
            case For(var, low, high, step, inner):
                bounds = [self.expression(x, scope) for x in (low, high, step)]
                code = self.body(inner, {**scope, var: 0})
                return replace(s, low=bounds[0], high=bounds[1], step=bounds[2], body=code)
            case While(condition, inner):
                return replace(s, condition=self.expression(condition, scope), body=self.body(inner, scope))
            case CallStmt(call):
                return self._call_statement(s, call, scope)
            case _:
                return self._block_statement(s, scope)

    def _call_statement(self, s: CallStmt, call: Call, scope: Scope) -> Stmt | None:
        if call.fn == "at_time":
            return None
        if call.fn in _SEEDING and call.fn not in self.symbols.routines:
            note = f"{call.fn} dropped: streams follow from the seed of the simulation and the place of the instance"
            self.symbols.notices.append(Notice(note, self.line))
            return None
        if call.fn in EVENTS and call.fn not in self.symbols.routines:
            return self._event(s, call, scope)
        if call.fn in self.symbols.functions and call.fn not in self.symbols.routines:
            self.symbols.fail(f"the value of {call.fn}(...) is not used; is an operator missing before it?", self.line)
        checked = self.expression(call, scope, statement=True)
        return replace(s, call=checked) if isinstance(checked, Call) else None

    def _event(self, s: CallStmt, call: Call, scope: Scope) -> CallStmt:
        wanted, symbols = EVENTS[call.fn], self.symbols
        if len(call.args) != wanted:
            symbols.fail(f"{call.fn}() takes {wanted} argument(s), got {len(call.args)}.", self.line)
        allowed = ("net_receive", "procedure", "initial") if call.fn == "net_send" else ("net_receive", "procedure")
        self._events_allowed(call.fn, allowed)
        return replace(s, call=Call(call.fn, tuple(self.expression(a, scope) for a in call.args)))

    def _events_allowed(self, what: str, allowed: tuple[str, ...] = ("net_receive", "procedure")) -> None:
        if self.where not in allowed or not self.symbols.receives:
            places = "INITIAL or NET_RECEIVE" if "initial" in allowed else "NET_RECEIVE"
            self.symbols.fail(f"{what} belongs into {places} of a mechanism that has NET_RECEIVE.", self.line)

    def _watch(self, s: Watch, scope: Scope) -> Watch:
        self._events_allowed("WATCH")
        condition, flag = self.expression(s.condition, {}), self.expression(s.flag, {})
        if not isinstance(condition, Binary) or not isinstance(flag, Num):
            self.symbols.fail("the flag of WATCH must be a number.", self.line)
        return replace(s, condition=condition, flag=flag)

    def _for_netcons(self, s: ForNetcons, scope: Scope) -> ForNetcons:
        self._events_allowed("FOR_NETCONS", ("net_receive",))
        wanted = self.symbols.receives
        if len(s.parameters) != wanted:
            self.symbols.fail(
                f"FOR_NETCONS names {len(s.parameters)} values, NET_RECEIVE {wanted}; name all of them.", self.line
            )
        return replace(s, body=self.body(s.body, {**scope, **dict.fromkeys(s.parameters, 0)}))

    def _block_statement(self, s: Stmt, scope: Scope) -> Stmt:
        match s:
            case Watch():
                return self._watch(s, scope)
            case ForNetcons():
                return self._for_netcons(s, scope)
            case Prime(target, value):
                self._only("derivative", f"{target.id}' =")
                return replace(s, target=self.state(target, scope), value=self.expression(value, scope))
            case Solve():
                return self._solve(s)
            case Table():
                return self._table(s, scope)
            case Equation(left, right):
                self._only("linear", "an equation with ~")
                return replace(s, left=self.expression(left, scope), right=self.expression(right, scope))
            case _ if isinstance(s, _KINETIC):
                self._only(
                    "kinetic", type(s).__name__.upper() if isinstance(s, Conserve | Compartment) else "a reaction"
                )
                return self._kinetic(s, scope)
            case _:
                raise TypeError(type(s).__name__)

    def _kinetic(self, s: Stmt, scope: Scope) -> Stmt:
        match s:
            case Reaction(left, right, forward, backward):
                return replace(
                    s,
                    left=tuple((n, self.reactant(x, scope)) for n, x in left),
                    right=tuple((n, self.reactant(x, scope)) for n, x in right),
                    forward=self.expression(forward, scope),
                    backward=self.expression(backward, scope),
                )
            case Sink(left, rate):
                sides = tuple((n, self.reactant(x, scope)) for n, x in left)
                return replace(s, left=sides, rate=self.expression(rate, scope))
            case Flux(target, rate):
                return replace(s, target=self.state(target, scope), rate=self.expression(rate, scope))
            case Conserve(left, right):
                return replace(s, left=self.expression(left, scope), right=self.expression(right, scope))
            case Compartment(var, volume, states):
                for name in states:
                    if name not in self.symbols.variables:
                        self.symbols.fail(f"COMPARTMENT of unknown {name!r}; {self.symbols.suggest(name)}", self.line)
                inner = {**scope, var: 0} if var else scope
                return replace(s, volume=self.expression(volume, inner))
            case _:
                raise TypeError(type(s).__name__)

    def _only(self, block: str, what: str) -> None:
        if self.where != block and not (block == "linear" and self.where == "nonlinear"):
            self.symbols.fail(f"{what} belongs into a {block.upper()} block, not into {self.where.upper()}.", self.line)

    def _solve(self, s: Solve) -> Solve:
        symbols = self.symbols
        if self.where in ("function", "procedure"):
            raise unsupported("SOLVE in a FUNCTION", symbols.origin, s.line)
        if self.where not in ("breakpoint", "initial"):
            symbols.fail(f"SOLVE belongs into BREAKPOINT or INITIAL, not into {self.where.upper()}.", s.line)
        routine = symbols.routines.get(s.block)
        kind = symbols.blocks.get(s.block, "procedure" if routine and not routine.is_function else "")
        if not kind:
            near = difflib.get_close_matches(s.block, [*symbols.blocks, *symbols.routines], 1)
            hint = f"did you mean {near[0]}?" if near else "write it or correct the name."
            symbols.fail(f"SOLVE of {s.block!r}, and there is no such block; {hint}", s.line)
        if s.method in REFUSED_METHODS and s.method not in METHODS[kind]:
            construct = f"METHOD {s.method}"
            raise unsupported(construct, symbols.origin, s.line, f"use one of {', '.join(filter(None, METHODS[kind]))}")
        if s.method not in METHODS[kind]:
            allowed = ", ".join(m or "none" for m in METHODS[kind])
            symbols.fail(f"METHOD {s.method} cannot solve the {kind.upper()} {s.block!r}; allowed: {allowed}.", s.line)
        return s

    def _table(self, s: Table, scope: Scope) -> Table:
        if self.where not in ("function", "procedure"):
            self.symbols.fail("TABLE belongs into a FUNCTION or PROCEDURE.", s.line)
        for name in s.names + s.depend:
            if name not in self.symbols.variables and name not in RESERVED and name not in scope:
                if name in self.symbols.constants:
                    continue
                self.symbols.fail(f"TABLE names unknown {name!r}; {self.symbols.suggest(name)}", s.line)
        if s.count < 1:
            self.symbols.fail(f"TABLE WITH {s.count}; at least 1 interval is needed.", s.line)
        depend = tuple(name for name in s.depend if name not in self.symbols.constants)
        return replace(s, depend=depend, low=self.expression(s.low, {}), high=self.expression(s.high, {}))

    # ---- names -------------------------------------------------------------------------------------------------------

    def target(self, x: Name, scope: Scope) -> Name:
        """Return the target of an assignment, which must be able to change."""
        symbols = self.symbols
        if x.id not in scope and x.id in symbols.pointers:
            raise unsupported("assignment to a POINTER", symbols.origin, self.line, x.id)
        if x.id not in scope and x.id not in symbols.variables:
            self._not_of_an_artificial_cell(x.id)
            if x.id == "v" and x.index is None:
                symbols.notices.append(Notice("v is assigned: it changes for the rest of this evaluation", self.line))
                return x
            if x.id in RESERVED:
                symbols.fail(f"{x.id!r} belongs to the simulator and cannot be assigned; use another name.", self.line)
            if x.id in symbols.constants:
                symbols.fail(f"{x.id!r} is a constant and cannot be assigned; make it ASSIGNED.", self.line)
            symbols.fail(f"assignment to undeclared {x.id!r}; {symbols.suggest(x.id, scope)}", self.line)
        return self._indexed(x, scope)

    def state(self, x: Name, scope: Scope) -> Name:
        """Return a name that must be a STATE."""
        if x.id not in self.symbols.states:
            near = difflib.get_close_matches(x.id, self.symbols.states, 1)
            hint = f"did you mean {near[0]}?" if near else "declare it in STATE."
            self.symbols.fail(f"{x.id!r} is not a STATE; {hint}", self.line)
        return self._indexed(x, scope)

    def reactant(self, x: Name, scope: Scope) -> Name:
        """Return a name in a reaction: a STATE, or another variable, whose amount does not change."""
        if x.id in self.symbols.variables and x.id not in self.symbols.states:
            return self._indexed(x, scope)
        return self.state(x, scope)

    def _not_of_an_artificial_cell(self, name: str) -> None:
        if name in RESERVED and name not in self.symbols.reserved:
            self.symbols.fail(
                f"an ARTIFICIAL_CELL has no {name!r}: it is nowhere in a cell; make it a POINT_PROCESS or use a "
                "variable of its own.",
                self.line,
            )

    def _indexed(self, x: Name, scope: Scope) -> Name:
        length = scope.get(x.id, self.symbols.variables.get(x.id, 0))
        if x.index is None:
            if length:
                self.symbols.fail(f"{x.id!r} is an array of {length} and needs an index.", self.line)
            return x
        if not length:
            self.symbols.fail(f"{x.id!r} is not an array and takes no index.", self.line)
        index = self.expression(x.index, scope)
        if isinstance(index, Num) and not 0 <= index.value < length:
            self.symbols.fail(f"{x.id}[{index.value:g}] is outside 0 to {length - 1}.", self.line)
        return Name(x.id, index)

    # ---- expressions -------------------------------------------------------------------------------------------------

    def expression(self, x: Expr, scope: Scope, *, statement: bool = False) -> Expr:
        """Return ``x`` checked, with constants as numbers."""
        match x:
            case Num() | Text():
                return x
            case Unary(op, a):
                return Unary(op, self.expression(a, scope))
            case Binary(op, a, b):
                return Binary(op, self.expression(a, scope), self.expression(b, scope))
            case Name():
                return self._name(x, scope)
            case Call():
                return self._call(x, scope, statement)
            case _:
                raise TypeError(type(x).__name__)

    def _name(self, x: Name, scope: Scope) -> Expr:
        symbols = self.symbols
        if x.id in scope or x.id in symbols.variables:
            return self._indexed(x, scope)
        if x.id in symbols.constants and x.index is None:
            return Num(symbols.constants[x.id])
        self._not_of_an_artificial_cell(x.id)
        if x.id in RESERVED and x.index is None:
            return x
        if x.id in ("f_flux", "b_flux") and self.where in ("kinetic", "breakpoint"):
            return x
        if x.id == "flag" and self.where == "net_receive" and x.index is None:
            return x
        if x.id in symbols.routines:
            kind = "FUNCTION" if symbols.routines[x.id].is_function else "PROCEDURE"
            symbols.fail(f"{x.id!r} is a {kind}; write {x.id}(...) to call it.", self.line)
        symbols.fail(f"undefined name {x.id!r}; {symbols.suggest(x.id, scope)}", self.line)

    def _call(self, x: Call, scope: Scope, statement: bool) -> Expr:
        symbols = self.symbols
        routine = symbols.routines.get(x.fn)
        if routine is None and x.fn == "at_time":
            return Num(0.0)
        if routine is None and x.fn in DRAWING:
            return self._drawing(x, scope, statement)
        if routine is None and x.fn == "nrn_pointing":
            return Num(1.0)
        if routine is None and x.fn in EVENTS:
            symbols.fail(f"{x.fn}(...) has no value; write it in a line of its own.", self.line)
        if routine is None and x.fn in REFUSED_FUNCTIONS:
            raise unsupported(REFUSED_FUNCTIONS[x.fn] or x.fn, symbols.origin, self.line, f"{x.fn}(...)")
        if routine is None and x.fn not in symbols.functions:
            near = difflib.get_close_matches(x.fn, [*symbols.routines, *symbols.functions], 2)
            hint = f"did you mean {' or '.join(near)}?" if near else "write it as a FUNCTION."
            symbols.fail(f"unknown function {x.fn!r}; {hint}", self.line)
        wanted = len(routine.parameters) if routine else symbols.functions[x.fn]
        if len(x.args) != wanted:
            symbols.fail(f"{x.fn}() takes {wanted} argument(s), got {len(x.args)}.", self.line)
        if routine and not routine.is_function and not statement:
            symbols.fail(f"the PROCEDURE {x.fn!r} has no value; call it in a line of its own.", self.line)
        fn = "ghk" if x.fn == "nrn_ghk" and routine is None else x.fn
        return Call(fn, tuple(self.expression(a, scope) for a in x.args))

    def _drawing(self, x: Call, scope: Scope, statement: bool) -> Call:
        """Return a call that draws a random number; its first argument may be a RANDOM variable."""
        symbols, args = self.symbols, x.args
        if (x.fn == "random_setseq") != statement:
            text = "has no value" if x.fn == "random_setseq" else "draws a number that is not used"
            symbols.fail(f"{x.fn}(...) {text}.", self.line)
        head: tuple[Expr, ...] = ()
        if x.fn.startswith("random_"):
            head, args = args[:1], args[1:]
            if not (head and isinstance(head[0], Name) and head[0].id in symbols.randoms):
                known = ", ".join(sorted(symbols.randoms)) or "none; declare one: NEURON { RANDOM name }"
                symbols.fail(f"{x.fn}() takes a RANDOM variable first; there are {known}.", self.line)
        wanted = DRAWING[x.fn]
        if len(args) not in wanted:
            numbers = " or ".join(map(str, wanted))
            more = "more " if head else ""
            symbols.fail(f"{x.fn}() takes {numbers} {more}argument(s), got {len(args)}.", self.line)
        return Call(x.fn, (*head, *(self.expression(a, scope) for a in args)))
