"""Mechanism code as text: syntax nodes printed so that they read back as the same tree."""

from __future__ import annotations

from collections.abc import Iterable

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
    Num,
    Prime,
    Reaction,
    Sink,
    Solve,
    Stmt,
    Table,
    Text,
    Unary,
    Watch,
    While,
)

_STRENGTH = {
    **dict.fromkeys(("||",), 1),
    **dict.fromkeys(("&&",), 2),
    **dict.fromkeys(("<", ">", "<=", ">=", "==", "!="), 3),
    **dict.fromkeys(("+", "-"), 4),
    **dict.fromkeys(("*", "/", "%"), 5),
    "^": 7,
}
_UNARY = 6
_ATOM = 8
_SPACED = 4


def number(x: float) -> str:
    """Return the shortest text of a number that reads back as the same float64."""
    short = f"{x:g}"
    if float(short) == x:
        return short
    return str(int(x)) if x == int(x) and abs(x) < 1e15 else repr(x)


def expression(x: Expr) -> str:
    """Return an expression with as few parentheses as its order of operations needs."""
    return _text(x)[0]


def _text(x: Expr) -> tuple[str, int]:
    match x:
        case Num(value):
            return number(value), _ATOM if value >= 0 else _UNARY
        case Text(value):
            return f'"{value}"', _ATOM
        case Name(id, index):
            return id if index is None else f"{id}[{expression(index)}]", _ATOM
        case Call(fn, args):
            return f"{fn}({', '.join(map(expression, args))})", _ATOM
        case Unary(op, a):
            return f"{op}{_inside(a, _UNARY)}", _UNARY
        case Binary("^", a, b):
            return f"{_inside(a, _ATOM)}^{_inside(b, _UNARY)}", _STRENGTH["^"]
        case Binary(op, a, b):
            strength = _STRENGTH[op]
            joint = f" {op} " if strength <= _SPACED else op
            return f"{_inside(a, strength)}{joint}{_inside(b, strength + 1)}", strength
        case _:
            raise TypeError(type(x).__name__)


def _inside(x: Expr, least: int) -> str:
    text, strength = _text(x)
    return text if strength >= least else f"({text})"


def body(code: Body, indent: str = "    ") -> list[str]:
    """Return statements as lines."""
    return [indent + line for s in code for line in statement(s)]


def statement(s: Stmt) -> list[str]:
    """Return one statement as lines of NMODL."""
    match s:
        case Assign(target, value):
            return [f"{expression(target)} = {expression(value)}"]
        case Prime(target, value):
            place = "" if target.index is None else f"[{expression(target.index)}]"
            return [f"{target.id}'{place} = {expression(value)}"]
        case Local(names):
            return ["LOCAL " + ", ".join(f"{n}[{length}]" if length else n for n, length in names)]
        case CallStmt(call):
            return [expression(call)]
        case If(condition, then, orelse):
            tail = [] if not orelse else ["} else {", *body(orelse)]
            return [f"if ({expression(condition)}) {{", *body(then), *tail, "}"]
        case For(var, low, high, step, inner):
            by = "" if step == Num(1.0) else f" BY {expression(step)}"
            return [f"FROM {var} = {expression(low)} TO {expression(high)}{by} {{", *body(inner), "}"]
        case While(condition, inner):
            return [f"WHILE ({expression(condition)}) {{", *body(inner), "}"]
        case Watch(condition, flag):
            return [f"WATCH ({expression(condition)}) {expression(flag)}"]
        case ForNetcons(parameters, inner):
            return [f"FOR_NETCONS ({', '.join(parameters)}) {{", *body(inner), "}"]
        case Solve(block, method, steady):
            word = "STEADYSTATE" if steady else "METHOD"
            return [f"SOLVE {block} {word} {method}" if method else f"SOLVE {block}"]
        case Table(names, depend, low, high, count):
            sets = f" {', '.join(names)}" if names else ""
            on = f" DEPEND {', '.join(depend)}" if depend else ""
            return [f"TABLE{sets}{on} FROM {expression(low)} TO {expression(high)} WITH {count}"]
        case _:
            return [_scheme(s)]


def _scheme(s: Stmt) -> str:
    match s:
        case Reaction(left, right, forward, backward):
            return f"~ {_side(left)} <-> {_side(right)} ({expression(forward)}, {expression(backward)})"
        case Sink(left, rate):
            return f"~ {_side(left)} -> ({expression(rate)})"
        case Flux(target, rate):
            return f"~ {expression(target)} << ({expression(rate)})"
        case Conserve(left, right):
            return f"CONSERVE {expression(left)} = {expression(right)}"
        case Compartment(var, volume, states):
            head = f"{var}, " if var else ""
            return f"COMPARTMENT {head}{expression(volume)} {{ {' '.join(states)} }}"
        case Equation(left, right):
            return f"~ {expression(left)} = {expression(right)}"
        case _:
            raise TypeError(type(s).__name__)


def _side(terms: Iterable[tuple[float, Name]]) -> str:
    return " + ".join(expression(x) if n == 1.0 else f"{number(n)} {expression(x)}" for n, x in terms)
