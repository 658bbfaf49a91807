"""A literal interpreter of mechanism code on ``np.float64``: the independent twin of the lowering.

It executes statements one by one as they are written, takes only the branch that applies, and shares no code with
``neurosim.mechanisms.lower``. Methods: cnexp (coefficients by evaluating the right-hand side at 0 and 1), euler and
solved PROCEDUREs. No TABLE: use mechanisms with ``use_tables=False``. Events append what they do to ``effects``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from neurosim.kernels import plain
from neurosim.mechanisms.mechanism import Mechanism
from neurosim.mechanisms.syntax import (
    Assign,
    Binary,
    Body,
    Call,
    CallStmt,
    Expr,
    For,
    ForNetcons,
    If,
    Local,
    Name,
    Num,
    Prime,
    Solve,
    Stmt,
    Table,
    Unary,
    Watch,
    While,
)


def _exp(x: float) -> np.float64:
    return np.float64(0.0 if x < -700 else math.exp(min(x, 700.0)))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "exp": _exp,
    "fabs": abs,
    "pow": lambda x, y: np.float64(x) ** y,
    "sqrt": np.sqrt,
    "log": np.log,
    "log10": np.log10,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "tanh": np.tanh,
    "floor": np.floor,
    "at_time": lambda x: 0.0,
}
OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: np.float64(a) / b,
    "^": lambda a, b: np.float64(a) ** b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "&&": lambda a, b: bool(a) and bool(b),
    "||": lambda a, b: bool(a) or bool(b),
}


class Interpreter:
    """One instance: ``values`` holds every variable, arrays as ``name[k]``."""

    def __init__(self, mech: Mechanism, **values: float) -> None:
        self.mech = mech
        self.values: dict[str, Any] = {**dict(mech.code.constants), **mech.defaults, **values}
        self.scopes: list[dict[str, Any]] = []
        self.routines = {r.name: r for r in mech.code.routines}
        self.blocks = {b.name: b for b in mech.code.blocks}
        self.solving = ""
        self.effects: list[tuple[Any, ...]] = []
        self.others: list[list[float]] = []
        self.random_key = self.stream = self.draws = 0.0

    # ---- names

    def place(self, name: Name) -> tuple[dict[str, Any], str]:
        key = name.id if name.index is None else f"{name.id}[{int(self.value(name.index))}]"
        for scope in reversed(self.scopes):
            if key in scope:
                return scope, key
        return self.values, key

    def value(self, x: Expr) -> Any:
        match x:
            case Num(value):
                return np.float64(value)
            case Name():
                scope, key = self.place(x)
                return np.float64(scope.get(key, 0.0))
            case Unary("-", a):
                return -self.value(a)
            case Unary("!", a):
                return not self.value(a)
            case Binary(op, a, b):
                return OPERATORS[op](self.value(a), self.value(b))
            case Call(fn, args):
                numbers = args[1:] if fn.startswith("random_") and fn not in self.routines else args
                return self.call(fn, [self.value(a) for a in numbers])
            case _:
                raise NotImplementedError(type(x).__name__)

    def call(self, fn: str, args: list[Any]) -> Any:
        if fn not in self.routines:
            drawn = self.draw(fn, args)
            return FUNCTIONS[fn](*args) if drawn is None else drawn
        routine = self.routines[fn]
        outer, self.scopes = self.scopes, [dict(zip(routine.parameters, args, strict=True)) | {fn: 0.0}]
        self.run(routine.body)
        result = self.scopes[0][fn]
        self.scopes = outer
        return result

    def draw(self, fn: str, args: list[Any]) -> Any:
        """Return a random number, None if ``fn`` draws none."""
        where = (self.random_key, self.stream, self.draws)
        match fn.removeprefix("random_"), args:
            case ("scop_random" | "uniform" | "dpick", []):
                self.draws += 1
                return plain.uniform(*where)
            case "uniform", [low, high]:
                self.draws += 1
                return low + (high - low) * plain.uniform(*where)
            case ("exprand" | "negexp", [*mean]):
                self.draws += 1
                return -np.log(plain.uniform(*where)) * (mean[0] if mean else 1.0)
            case ("normrand" | "normal", [*scale]):
                self.draws += plain.gaussian_draws(*where)
                centre, deviation = scale or (0.0, 1.0)
                return centre + deviation * plain.gaussian(*where)
            case "setseq", [place]:
                self.draws = float(place)
                return 0.0
        return None

    # ---- statements

    def run(self, body: Body) -> None:
        self.scopes.append({})
        for s in body:
            self.statement(s)
        self.scopes.pop()

    def statement(self, s: Stmt) -> None:
        match s:
            case Assign(target, value):
                new = self.value(value)
                scope, key = self.place(target)
                scope[key] = new
            case Local(names):
                self.scopes[-1].update({n: 0.0 for n, _ in names})
            case If(condition, then, orelse):
                self.run(then if self.value(condition) else orelse)
            case For(var, low, high, step, body):
                for k in range(int(self.value(low)), int(self.value(high)) + 1, int(self.value(step))):
                    self.scopes.append({var: k})
                    self.run(body)
                    self.scopes.pop()
            case CallStmt(call):
                if call.fn.startswith("net_"):
                    self.effects.append((call.fn, *(float(self.value(a)) for a in call.args)))
                elif call.fn != "printf":
                    self.value(call)
            case While(condition, body):
                while self.value(condition):
                    self.run(body)
            case Watch(condition, flag):
                self.effects.append(("watch", float(self.value(flag))))
            case ForNetcons(parameters, body):
                self.effects.append(("netcons",))
                for other in self.others:
                    self.scopes.append(dict(zip(parameters, other, strict=True)))
                    self.run(body)
                    other[:] = [float(self.scopes[-1][p]) for p in parameters]
                    self.scopes.pop()
            case Prime():
                self.prime(s)
            case Solve():
                if self.solving:
                    self.solve(s)
            case Table():
                pass
            case _:
                raise NotImplementedError(type(s).__name__)

    def prime(self, s: Prime) -> None:
        """Take one exact step of a linear equation."""
        scope, key = self.place(s.target)
        x, dt = np.float64(scope[key]), self.values["dt"]
        scope[key] = np.float64(0.0)
        b = self.value(s.value)
        scope[key] = np.float64(1.0)
        a = self.value(s.value) - b
        scope[key] = x + (dt * b if a == 0 else (1 - _exp(dt * a)) * (-b / a - x))

    def solve(self, s: Solve) -> None:
        if s.block in self.routines:
            self.call(s.block, [])
        else:
            assert s.method == "cnexp"
            self.run(self.blocks[s.block].body)

    # ---- programs

    def receive(self, arguments: list[float], flag: float) -> list[float]:
        """Execute NET_RECEIVE and return the connection's values; ``effects`` has what it did."""
        block = self.mech.code.net_receive
        assert block is not None
        self.effects = []
        scope = dict(zip(block.parameters, map(np.float64, arguments), strict=True)) | {"flag": flag}
        self.scopes.append(scope)
        self.run(block.body)
        self.scopes.pop()
        return [float(scope[p]) for p in block.parameters]

    def initial(self) -> None:
        """Execute INITIAL."""
        for state in self.mech.states:
            self.values.setdefault(state.name, 0.0)
        self.run(self.mech.code.initial)

    def total(self) -> float:
        """Execute the body of BREAKPOINT and return the current outwards."""
        self.run(self.mech.code.breakpoint)
        ions = [w for use in self.mech.ions for w in use.writes if w == f"i{use.ion}"]
        outward = sum(self.values[n] for n in (*self.mech.nonspecific, *ions))
        return float(outward - sum(self.values[n] for n in self.mech.electrode))

    def current(self) -> tuple[float, float]:
        """Return current and conductance as NEURON computes them."""
        v = self.values["v"]
        self.values["v"] = v + 0.001
        shifted = self.total()
        self.values["v"] = v
        total = self.total()
        return total, (shifted - total) / 0.001

    def advance(self) -> None:
        """Execute the SOLVEs of BREAKPOINT."""
        self.solving = "yes"
        for s in self.mech.code.breakpoint:
            if isinstance(s, Solve):
                self.solve(s)
        self.solving = ""
