"""Is an expression linear in one variable? If so, its slope and intercept, as syntax."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from neurosim.mechanisms.syntax import Binary, Call, Expr, Name, Num, Unary, walk


@dataclass(frozen=True, slots=True)
class Linear:
    """``slope * x + intercept``; None stands for 0."""

    slope: Expr | None
    intercept: Expr | None


def mentions(x: Expr, names: frozenset[str] | set[str]) -> bool:
    """Return whether ``x`` contains one of ``names``."""
    return any(isinstance(part, Name) and part.id in names for part in walk(x))


def linear(x: Expr, name: str) -> Linear | None:
    """Return slope and intercept of ``x`` in the variable ``name``, None if it is not linear."""
    if not mentions(x, {name}):
        return Linear(None, x)
    match x:
        case Name():
            return Linear(Num(1.0), None)
        case Unary("-", a):
            inner = linear(a, name)
            return None if inner is None else Linear(_negate(inner.slope), _negate(inner.intercept))
        case Binary("+" | "-" as op, a, b):
            left, right = linear(a, name), linear(b, name)
            if left is None or right is None:
                return None
            return Linear(_join(op, left.slope, right.slope), _join(op, left.intercept, right.intercept))
        case Binary("*", a, b) if not mentions(a, {name}):
            return _scaled(linear(b, name), lambda part: _product(a, part))
        case Binary("*", a, b) if not mentions(b, {name}):
            return _scaled(linear(a, name), lambda part: _product(part, b))
        case Binary("/", a, b) if not mentions(b, {name}):
            return _scaled(linear(a, name), lambda part: Binary("/", part, b))
        case Call("where", (condition, a, b)) if not mentions(condition, {name}):
            return _choice(condition, linear(a, name), linear(b, name))
        case _:
            return None


def steady_state(x: Expr, name: str) -> Expr | None:
    """Return the value of ``name`` where its derivative ``x`` is 0; None if not linear or if it has no own decay.

    The common form (target - name)/tau gives ``target`` itself, without rounding.
    """
    match x:
        case Binary("/", Binary("-", target, Name(id=other)), tau) if other == name:
            if not mentions(target, {name}) and not mentions(tau, {name}):
                return target
        case _:
            pass
    found = linear(x, name)
    if found is None or found.slope is None:
        return None
    return Num(0.0) if found.intercept is None else Binary("/", Unary("-", found.intercept), found.slope)


def _negate(x: Expr | None) -> Expr | None:
    if isinstance(x, Unary) and x.op == "-":
        return x.x
    return None if x is None else Unary("-", x)


def _product(a: Expr, b: Expr) -> Expr:
    minus = Unary("-", Num(1.0))
    if b in (Num(1.0), minus):
        return a if b == Num(1.0) else Unary("-", a)
    if a in (Num(1.0), minus):
        return b if a == Num(1.0) else Unary("-", b)
    return Binary("*", a, b)


def _join(op: str, a: Expr | None, b: Expr | None) -> Expr | None:
    if b is None:
        return a
    if a is None:
        return b if op == "+" else _negate(b)
    return Binary(op, a, b)


def _scaled(inner: Linear | None, scale: Callable[[Expr], Expr]) -> Linear | None:
    if inner is None:
        return None
    slope = None if inner.slope is None else scale(inner.slope)
    return Linear(slope, None if inner.intercept is None else scale(inner.intercept))


def _choice(condition: Expr, a: Linear | None, b: Linear | None) -> Linear | None:
    if a is None or b is None:
        return None

    def select(x: Expr | None, y: Expr | None) -> Expr | None:
        return None if x is None and y is None else Call("where", (condition, x or Num(0.0), y or Num(0.0)))

    return Linear(select(a.slope, b.slope), select(a.intercept, b.intercept))
