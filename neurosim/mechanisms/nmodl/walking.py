"""Walks through mechanism code: bodies, statements, expressions, calls."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields

from neurosim.mechanisms.syntax import Body, Call, CallStmt, Code, Expr, For, ForNetcons, If, Stmt, While, walk


def bodies(code: Code) -> list[Body]:
    """Return all pieces of code of a mechanism."""
    found = [code.initial, code.breakpoint, code.constructor, *(h.body for h in code.hooks)]
    found += [*(b.body for b in code.blocks), *(r.body for r in code.routines)]
    if code.net_receive is not None:
        found += [code.net_receive.body, code.net_receive.initial or ()]
    return found


def statements(body: Body) -> Iterable[Stmt]:
    """Yield all statements of ``body`` and of the bodies inside it."""
    for s in body:
        yield s
        if isinstance(s, If):
            yield from statements(s.then)
            yield from statements(s.orelse)
        elif isinstance(s, For | ForNetcons | While):
            yield from statements(s.body)


def expressions(s: Stmt) -> Iterable[Expr]:
    """Yield the expressions of one statement, not of the bodies inside it."""
    for f in fields(s):  # type: ignore[arg-type]  # every statement is a dataclass
        value = getattr(s, f.name)
        if isinstance(value, Expr):
            yield value


def calls(body: Body) -> set[str]:
    """Return the names of all functions and procedures that ``body`` calls."""
    found: set[str] = set()
    for s in statements(body):
        if isinstance(s, CallStmt):
            found.add(s.call.fn)
        for x in expressions(s):
            found.update(part.fn for part in walk(x) if isinstance(part, Call))
    return found
