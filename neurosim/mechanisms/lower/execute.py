"""Symbolic execution of mechanism code: statements in, values of a ``Graph`` out.

Routines are inlined (arguments by value), FROM loops unrolled, arrays flattened, and both branches of an ``if`` are
executed and merged by ``where``. Equations of solve blocks are not executed here but handed to a handler.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NoReturn

from neurosim.errors import MechanismError, UnsupportedConstructError
from neurosim.mechanisms.lower import arrays, builtin, loops
from neurosim.mechanisms.lower.effects import Effects, unmasked
from neurosim.mechanisms.lower.effects import statement as effect
from neurosim.mechanisms.lower.ir import Graph, Node
from neurosim.mechanisms.lower.names import SURROUNDINGS, Names, symbol
from neurosim.mechanisms.syntax import (
    Assign,
    Binary,
    Body,
    Call,
    CallStmt,
    Expr,
    For,
    If,
    Local,
    Name,
    Num,
    Routine,
    Stmt,
    Table,
    Text,
    Unary,
    While,
)

FLUXES = frozenset({"f_flux", "b_flux"})
MAX_ROUNDS = 10_000

Handler = Callable[["Executor", Stmt], bool]
Values = dict[str, Node]


@dataclass
class Context:
    """What the executions of all programs of a mechanism share."""

    names: Names
    graph: Graph
    real: str
    tabulated: Callable[[Context, Routine, Table, Node], dict[str, Node]]

    @property
    def where(self) -> str:
        """The mechanism's file, for messages."""
        return self.names.mech.origin


@dataclass
class Executor:
    """State of one execution: values by scalar name, open scopes, current line.

    ``effects`` receives those of events (None: there can be none), ``pure`` names what must not draw random numbers,
    ``path`` are the conditions of the branches it is in.
    """

    context: Context
    values: Values = field(default_factory=dict)
    handler: Handler | None = None
    effects: Effects | None = None
    conditional: int = 0
    looping: int = 0
    pure: str = ""
    path: list[Node] = field(default_factory=list)
    line: int = 0
    _scopes: list[dict[str, tuple[str, int]]] = field(default_factory=list)
    _stack: list[str] = field(default_factory=list)
    _fresh: int = 0

    @property
    def graph(self) -> Graph:
        """The graph values are made in."""
        return self.context.graph

    def fail(self, message: str) -> NoReturn:
        """Raise a MechanismError at the current line."""
        raise MechanismError(message, path=self.context.where, line=self.line or None)

    def refuse(self, construct: str, message: str) -> NoReturn:
        """Raise an UnsupportedConstructError at the current line."""
        raise UnsupportedConstructError(message, construct=construct, path=self.context.where, line=self.line or None)

    # ---- variables

    def place(self, name: Name) -> tuple[str, int]:
        """Return the variable a name means here, and its length (0: a scalar)."""
        for scope in reversed(self._scopes):
            if name.id in scope:
                return scope[name.id]
        if name.id in FLUXES:
            return f"{name.id}%", 0
        if not self.context.names.known(name.id):
            self.fail(f"{name.id} is not declared; declare it in PARAMETER, ASSIGNED, STATE or LOCAL.")
        return name.id, self.context.names.lengths.get(name.id, 0)

    def key(self, name: Name) -> str:
        """Return the scalar a name means here; the index of an array must be known."""
        unique, length = self.place(name)
        if name.index is None:
            if length:
                self.fail(f"{name.id} is an array of {length}; give an index.")
            return unique
        if not length:
            self.fail(f"{name.id} is not an array; remove the index.")
        place = self.value(name.index).value
        if place is None:
            self.refuse(
                "array index",
                f"the index of {name.id} is not constant; here only numbers and FROM variables can index.",
            )
        if not 0 <= int(place) < length:
            self.fail(f"index {place:g} of {name.id} is outside 0 to {length - 1}.")
        return f"{unique}[{int(place)}]"

    def read(self, key: str) -> Node:
        """Return the value of a scalar; a global one not yet assigned is an input of the program."""
        node = self.values.get(key)
        if node is not None:
            return node
        if "%" in key:
            return self.graph.num(0.0)
        return self.unset(key)

    def unset(self, key: str) -> Node:
        """Return the value of a global scalar that the program has not assigned."""
        return self.graph.name(key if key in SURROUNDINGS or key in self.context.names.ion_names else symbol(key))

    def outside(self, pure: str) -> Executor:
        """Return an executor at this line that sees global variables only, as they are before the program."""
        return Executor(self.context, line=self.line, pure=pure)

    def locals(self) -> set[str]:
        """Return the unique names of the local variables in sight."""
        return {unique for scope in self._scopes for unique, _ in scope.values()}

    def declare(self, names: tuple[tuple[str, int], ...]) -> None:
        """Open local variables in the innermost scope."""
        for name, length in names:
            self._fresh += 1
            unique = f"{name}%{self._fresh}"
            self._scopes[-1][name] = (unique, length)
            for key in [f"{unique}[{k}]" for k in range(length)] if length else [unique]:
                self.values.pop(key, None)

    @contextmanager
    def local(self, name: str, node: Node) -> Iterator[None]:
        """Open a local variable with a value for some statements."""
        self._scopes.append({})
        self.declare(((name, 0),))
        self.values[self._scopes[-1][name][0]] = node
        yield
        self._scopes.pop()

    def with_local(self, name: str, node: Node, x: Expr) -> Node:
        """Return the value of ``x`` where ``name`` stands for ``node``."""
        unique = f"{name}%0"
        self._scopes.append({name: (unique, 0)})
        self.values[unique] = node
        result = self.value(x)
        del self.values[unique]
        self._scopes.pop()
        return result

    # ---- expressions

    def value(self, x: Expr) -> Node:
        """Return an expression's value as a number."""
        return self.graph.number(self.any(x))

    def any(self, x: Expr) -> Node:
        """Return an expression's value, number or mask."""
        match x:
            case Num(value):
                return self.graph.num(value)
            case Name(id) if self._constant(id) is not None:
                return self.graph.num(self.context.names.constants[id])
            case Name():
                return arrays.read(self, x)
            case Unary("-", a):
                return self.graph.neg(self.value(a))
            case Unary("!", a):
                return self.graph.negate(self.graph.truth(self.any(a)))
            case Binary(op, a, b):
                return self._binary(op, a, b)
            case Call(fn, args):
                return self.call(fn, args)
            case Text():
                self.fail("a string has no value here; only printf takes one.")
            case _:
                self.fail(f"cannot evaluate {type(x).__name__}.")

    def _constant(self, name: str) -> float | None:
        if any(name in scope for scope in self._scopes) or self.context.names.known(name):
            return None
        return self.context.names.constants.get(name)

    def _binary(self, op: str, a: Expr, b: Expr) -> Node:
        graph = self.graph
        if op == "&&":
            return graph.both(graph.truth(self.any(a)), graph.truth(self.any(b)))
        if op == "||":
            return graph.either(graph.truth(self.any(a)), graph.truth(self.any(b)))
        x, y = self.value(a), self.value(b)
        match op:
            case "+":
                return graph.add(x, y)
            case "-":
                return graph.sub(x, y)
            case "*":
                return graph.mul(x, y)
            case "/":
                return graph.div(x, y)
            case "^":
                return graph.call("pow_", x, y)
            case "%":
                return graph.call("fmod_", x, y)
            case "<" | ">" | "<=" | ">=" | "==" | "!=":
                return graph.compare(op, x, y)
            case _:
                self.fail(f"unknown operator {op!r}.")

    def call(self, fn: str, args: tuple[Expr, ...]) -> Node:
        """Return the value of a routine or built-in function."""
        routine = self.context.names.routines.get(fn)
        if routine is not None:
            return self.inline(routine, [self.value(a) for a in args])
        return builtin.call(self, fn, args)

    def inline(self, routine: Routine, args: list[Node]) -> Node:
        """Execute a routine at this place and return its value (0 for procedures)."""
        name = routine.name
        if name in self._stack:
            self.line = routine.line or self.line
            self.refuse("recursion", f"{name} calls itself ({' -> '.join([*self._stack, name])}); write it as a loop.")
        if len(args) != len(routine.parameters):
            self.fail(f"{name} takes {len(routine.parameters)} arguments, got {len(args)}.")
        table = next((s for s in routine.body if isinstance(s, Table)), None)
        if table is not None and self.context.names.mech.use_tables:
            if len(args) != 1:
                self.fail(f"TABLE needs a routine of one argument, {name} has {len(args)}.")
            self.line = table.line or self.line
            columns = self.context.tabulated(self.context, routine, table, args[0])
            self.values.update({k: n for k, n in columns.items() if k != name or k in table.names})
            return columns.get(name, self.graph.num(0.0))
        line, scopes, handler = self.line, self._scopes, self.handler
        self._scopes, self.handler = [{}], None
        self._stack.append(name)
        self.declare(tuple((p, 0) for p in routine.parameters))
        for p, a in zip(routine.parameters, args, strict=True):
            self.values[self._scopes[0][p][0]] = a
        if routine.is_function and name not in self._scopes[0]:
            self.declare(((name, 0),))
        self.run(routine.body)
        result = self.read(self._scopes[0][name][0]) if routine.is_function else self.graph.num(0.0)
        self._stack.pop()
        self.line, self._scopes, self.handler = line, scopes, handler
        return result

    def routine(self, parameters: tuple[str, ...], args: list[Node], body: Body) -> list[Node]:
        """Execute a body that may change its arguments; return them as they are at its end."""
        self._scopes.append({})
        self.declare(tuple((p, 0) for p in parameters))
        keys = [self._scopes[-1][p][0] for p in parameters]
        self.values.update(zip(keys, args, strict=True))
        self.run(body)
        self._scopes.pop()
        return [self.values.pop(key) for key in keys]

    # ---- statements

    def run(self, body: Body) -> None:
        """Execute statements in a scope of their own."""
        self._scopes.append({})
        for s in body:
            self.line = s.line or self.line
            self.statement(s)
        self._scopes.pop()

    def statement(self, s: Stmt) -> None:
        """Execute one statement."""
        if self.handler is not None and self.handler(self, s):
            return
        match s:
            case Assign(target, value):
                new = self.value(value)
                arrays.assign(self, target, new)
            case Local(names):
                self.declare(names)
            case If():
                self._if(s)
            case For():
                self._for(s)
            case CallStmt(call):
                if not builtin.statement(self, call):
                    self.call(call.fn, call.args)
            case Table():
                pass
            case While():
                loops.run(self, s)
            case _ if effect(self, s):
                pass
            case _:
                construct = type(s).__name__.upper()
                self.refuse(construct, f"{construct} is not possible here.")

    def _if(self, s: If) -> None:
        condition = self.graph.truth(self.any(s.condition))
        if condition.op == "mask":
            self.run(s.then if condition.data else s.orelse)
            return
        before = self.values
        self.conditional += 1
        self.values = dict(before)
        self.path.append(condition)
        self.run(s.then)
        yes = self.values
        self.values = dict(before)
        self.path[-1] = self.graph.negate(condition)
        self.run(s.orelse)
        self.path.pop()
        no = self.values
        self.conditional -= 1
        self.values = dict(before)
        for key in [*yes, *(k for k in no if k not in yes)]:
            a, b = yes.get(key), no.get(key)
            if a is b and a is not None:
                self.values[key] = a
                continue
            only = a or b
            if unmasked(key) and (a is None or b is None) and only is not None:
                self.values[key] = only
                continue
            self.values[key] = self.graph.where(
                condition, self.read(key) if a is None else a, self.read(key) if b is None else b
            )

    def _for(self, s: For) -> None:
        bounds = [self.value(x).value for x in (s.low, s.high, s.step)]
        low, high, step = bounds
        if step is None:
            self.refuse("FROM", f"the step of FROM {s.var} is not constant; use a number or a DEFINEd name.")
        if (low is None or high is None) and int(step) != 0:
            loops.count(self, s, step)
            return
        if low is None or high is None:
            self.refuse("FROM", f"the bounds of FROM {s.var} are not constant; use numbers or DEFINEd names.")
        if int(step) == 0:
            self.fail(f"FROM {s.var}: the step is 0.")
        rounds = range(int(low), int(high) + (1 if step > 0 else -1), int(step))
        if len(rounds) > MAX_ROUNDS:
            self.refuse("FROM", f"FROM {s.var} has {len(rounds)} rounds; at most {MAX_ROUNDS}.")
        self._scopes.append({})
        self.declare(((s.var, 0),))
        key = self._scopes[-1][s.var][0]
        for k in rounds:
            self.values[key] = self.graph.num(k)
            self.run(s.body)
        self._scopes.pop()


def flat(names: Names, variables: tuple[str, ...]) -> list[str]:
    """Return the scalars of several variables."""
    return [e for name in variables for e in names.elements(name)]
