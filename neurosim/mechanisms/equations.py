"""The text of native mechanisms, line by line.

One line is ``x = ...``, ``x' = ...``, ``A <-> B (forward, backward)``, a conservation law such as ``A + B = 1``, or
``x : unit``; ``: unit`` may follow each. ``;`` separates lines, ``#`` starts a comment, an open parenthesis goes on in
the next line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from neurosim.errors import MechanismError
from neurosim.mechanisms.nmodl.clean import Cursor, tokenise
from neurosim.mechanisms.nmodl.expressions import expression
from neurosim.mechanisms.nmodl.statements import equation
from neurosim.mechanisms.syntax import Assign, Binary, Conserve, Name, Prime, Stmt


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its statement (None for a mere unit), the name it defines ("" for reactions) and its unit."""

    name: str
    statement: Stmt | None
    unit: str
    line: int
    updates: bool = False


def lines(text: str, origin: str) -> list[Line]:
    """Return the lines of an equation text.

    Parameters
    ----------
    text : str
        Equations.
    origin : str
        Name for messages.
    """
    return [_line(number, part, origin) for number, part in _split(text, origin)]


def _split(text: str, origin: str) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    pending, start, depth = "", 0, 0
    for number, raw in enumerate(text.splitlines(), 1):
        for part in re.split(r"(;)", raw.split("#")[0]):
            if part == ";" or not part.strip():
                if part == ";" and depth > 0:
                    raise MechanismError(
                        f"a parenthesis is open in {pending.strip()!r}; close it.", path=origin, line=start
                    )
                continue
            start = start if pending else number
            pending += " " + part
            depth = pending.count("(") - pending.count(")")
            if depth <= 0:
                found.append((start, pending.strip()))
                pending, depth = "", 0
    if pending:
        raise MechanismError(f"a parenthesis is open in {pending.strip()!r}; close it.", path=origin, line=start)
    return found


def _line(number: int, text: str, origin: str) -> Line:
    code, _, unit = text.partition(":")
    unit = unit.strip().strip("()").strip()
    if ":" in text and not unit:
        raise MechanismError(
            f"':' without a unit in {text!r}; write the unit or leave ':' out.", path=origin, line=number
        )
    reaction = any(arrow in code for arrow in ("<->", "->", "<<"))
    cur = tokenise(("~ " if reaction else "") + code.replace("**", "^"), origin)
    cur.units = False
    cur.tokens = [token._replace(line=number) for token in cur.tokens]
    if reaction:
        found = Line("", equation(cur), unit, number)
    elif "=" not in code:
        found = Line(cur.name("to declare"), None, unit, number)
        if not unit:
            cur.fail(f"{text!r} is no equation; write 'x = ...', \"x' = ...\" or 'x : unit'.", number)
    else:
        found = _definition(cur, unit, number)
    if cur.token.kind != "end":
        cur.fail(f"expected an operator or the end of the line, got {cur.shown()} in {text!r}.")
    return found


def _definition(cur: Cursor, unit: str, number: int) -> Line:
    single = cur.token.kind == "name" and cur.tokens[cur.at + 1].text in ("=", "'", "+", "-", "*", "/")
    if single and cur.tokens[cur.at + 1].text in "+-*/" and cur.tokens[cur.at + 2].text != "=":
        single = False
    if not single:
        left = expression(cur)
        cur.expect("=", "in an equation")
        return Line("", Conserve(left, expression(cur), number), unit, number)
    name = cur.next().text
    operator = cur.next().text
    if operator == "'":
        if cur.sees("'"):
            cur.fail(f"{name}'' is a second derivative; write two first-order equations.")
        cur.expect("=", f"after {name}'")
        return Line(name, Prime(Name(name), expression(cur), number), unit, number)
    if operator == "=":
        return Line(name, Assign(Name(name), expression(cur), number), unit, number)
    cur.expect("=", f"after {operator!r}")
    value = Binary(operator, Name(name), expression(cur))
    return Line(name, Assign(Name(name), value, number), unit, number, updates=True)
