"""NMODL expressions: tokens to ``neurosim.mechanisms.syntax`` expressions.

Precedence, loosest first: ``||``, ``&&``, comparisons, ``+ -``, ``* / %``, unary ``- !``, ``^`` (right associative).
A parenthesis after a number is a unit, after a name a call.
"""

from __future__ import annotations

from neurosim.mechanisms.nmodl.clean import Cursor
from neurosim.mechanisms.syntax import Binary, Call, Expr, Name, Num, Text, Unary

_LEVELS: dict[str, int] = {
    **dict.fromkeys(("||",), 1),
    **dict.fromkeys(("&&",), 2),
    **dict.fromkeys(("<", ">", "<=", ">=", "==", "!="), 3),
    **dict.fromkeys(("+", "-"), 4),
    **dict.fromkeys(("*", "/", "%"), 5),
}


def number(text: str) -> float:
    """Return the value of an NMODL number; Fortran's ``d`` exponent is allowed."""
    return float(text.replace("d", "e").replace("D", "e"))


def unit(cur: Cursor) -> str:
    """Take a unit ``(...)`` if one comes next and return its text, else ""."""
    if not cur.units or not cur.sees("("):
        return ""
    opening = cur.next()
    while not cur.sees(")", "(", "{", "}") and cur.token.kind != "end" and cur.line == opening.line:
        cur.next()
    closing = cur.expect(")", "after a unit")
    return " ".join(cur.text[opening.stop : closing.pos].split())


def expression(cur: Cursor, level: int = 1) -> Expr:
    """Take an expression whose operators bind at least as tightly as ``level``."""
    left = _unary(cur)
    while True:
        operator = cur.token.text
        strength = _LEVELS.get(operator, 0) if cur.token.kind == "op" else 0
        if strength < level:
            return left
        cur.next()
        left = Binary(operator, left, expression(cur, strength + 1))


def _unary(cur: Cursor) -> Expr:
    if cur.take("-"):
        return Unary("-", _unary(cur))
    if cur.sees("+"):
        cur.fail("'+' has nothing on its left; NMODL has no plus sign, remove it or write the missing term.")
    if cur.take("!"):
        return Unary("!", _unary(cur))
    base = _atom(cur)
    if cur.take("^"):
        return Binary("^", base, _unary(cur))
    return base


def _atom(cur: Cursor) -> Expr:
    token = cur.token
    if token.kind == "number":
        cur.next()
        unit(cur)
        return Num(number(token.text))
    if token.kind == "string":
        cur.next()
        return Text(token.text[1:-1])
    if cur.take("("):
        inner = expression(cur)
        cur.expect(")", "to close a parenthesis")
        return inner
    if token.kind != "name":
        cur.fail(f"expected a number, a name or a parenthesis, got {cur.shown()}.")
    cur.next()
    if cur.sees("("):
        return Call(token.text, arguments(cur))
    if token.text in cur.defines:
        unit(cur)
        return Num(float(cur.defines[token.text]))
    result = Name(token.text, index(cur))
    if cur.sees("'"):
        cur.fail(f"{token.text}' cannot be used in an expression; use the right-hand side of its equation.")
    return result


def arguments(cur: Cursor) -> tuple[Expr, ...]:
    """Take ``( expression, ... )``."""
    cur.expect("(", "before arguments")
    if cur.take(")"):
        return ()
    args = [expression(cur)]
    while cur.take(","):
        args.append(expression(cur))
    cur.expect(")", "after arguments")
    return tuple(args)


def index(cur: Cursor) -> Expr | None:
    """Take ``[expression]`` if one comes next."""
    if not cur.take("["):
        return None
    inner = expression(cur)
    cur.expect("]", "after an index")
    return inner


def integer(cur: Cursor, where: str) -> int:
    """Take a whole number or a name given by DEFINE."""
    token = cur.token
    if token.text in cur.defines:
        cur.next()
        return cur.defines[token.text]
    if token.kind != "number" or number(token.text) != int(number(token.text)):
        cur.fail(f"expected a whole number {where}, got {cur.shown()}; use a number or a name set by DEFINE.")
    cur.next()
    return int(number(token.text))


def signed(cur: Cursor, where: str) -> float:
    """Take a number with an optional sign, or a name given by DEFINE."""
    sign = -1.0 if cur.take("-") else 1.0
    cur.take("+")
    token = cur.token
    if token.text in cur.defines:
        cur.next()
        return sign * cur.defines[token.text]
    if token.kind != "number":
        cur.fail(f"expected a number {where}, got {cur.shown()}.")
    cur.next()
    return sign * number(token.text)
