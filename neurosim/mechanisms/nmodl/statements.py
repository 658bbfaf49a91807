"""NMODL statements: tokens to ``neurosim.mechanisms.syntax`` statements."""

from __future__ import annotations

from collections.abc import Callable

from neurosim.mechanisms.nmodl.clean import Cursor
from neurosim.mechanisms.nmodl.expressions import arguments, expression, index, integer, number, unit
from neurosim.mechanisms.nmodl.refuse import refuse
from neurosim.mechanisms.nmodl.verbatim import Verbatim, c_code
from neurosim.mechanisms.syntax import (
    Assign,
    Binary,
    Body,
    Call,
    CallStmt,
    Compartment,
    Conserve,
    Equation,
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
    Watch,
    While,
)

Side = tuple[tuple[float, Name], ...]
_UNSUPPORTED = ("LAG", "FORALL", "LONGITUDINAL_DIFFUSION")
_TIGHTEST = 6
_MUTEX = ("MUTEXLOCK", "MUTEXUNLOCK")


def body(cur: Cursor, where: str) -> Body:
    """Take ``{ statements }``."""
    opening = cur.expect("{", where)
    found: list[Stmt] = []
    while not cur.take("}"):
        if cur.token.kind == "end":
            cur.fail(f"the block {where} has no closing brace.", opening.line)
        if cur.sees("{"):
            found.append(If(Num(1.0), body(cur, "of a nested block"), (), opening.line))
            continue
        one = statement(cur)
        if one is not None:
            found.append(one)
    return tuple(found)


def statement(cur: Cursor) -> Stmt | None:
    """Take one statement; None if it has no effect."""
    token = cur.token
    if token.kind == "verbatim":
        cur.next()
        return Verbatim(c_code(token.text), token.line)
    if token.text in _READERS and token.kind in ("name", "op"):
        return _READERS[token.text](cur)
    if token.text in _UNSUPPORTED:
        refuse(cur, token.text)
    if token.text in _MUTEX:
        cur.next()
        return None
    if cur.take("PROTECT"):
        return statement(cur)
    if token.kind != "name":
        cur.fail(f"expected a statement, got {cur.shown()}.")
    return _assignment_or_call(cur)


def _assignment_or_call(cur: Cursor) -> Stmt | None:
    line = cur.line
    name = cur.next().text
    if cur.sees("("):
        return _call(cur, name, line)
    place = index(cur)
    primes = 0
    while cur.take("'"):
        primes += 1
    place = place or (index(cur) if primes else None)
    if primes > 1:
        refuse(cur, "PRIME2", line)
    if not cur.sees("="):
        cur.fail(f"expected '=' or '(' after {name!r}, got {cur.shown()}.", line if cur.line > line else None)
    cur.next()
    if name in cur.defines:
        cur.fail(f"{name!r} is a DEFINE and cannot be assigned.", line)
    target = Name(name, place)
    value = expression(cur)
    return Prime(target, value, line) if primes else Assign(target, value, line)


def _call(cur: Cursor, name: str, line: int) -> Stmt | None:
    args = arguments(cur)
    if name == "printf":
        cur.dropped.append(("printf dropped", line))
        return None
    if name == "state_discontinuity" and len(args) == 2 and isinstance(args[0], Name):
        return Assign(args[0], args[1], line)
    return CallStmt(Call(name, args), line)


def _local(cur: Cursor) -> Stmt:
    line = cur.next().line
    return Local(local_names(cur), line)


def local_names(cur: Cursor) -> tuple[tuple[str, int], ...]:
    """Take the list of a LOCAL declaration."""
    names = []
    while True:
        name = cur.name("in LOCAL")
        length = 0
        if cur.take("["):
            length = integer(cur, "as the length of an array")
            cur.expect("]", "after the length of an array")
        unit(cur)
        names.append((name, length))
        if not cur.take(","):
            return tuple(names)


def _if(cur: Cursor) -> Stmt:
    line = cur.next().line
    cur.expect("(", "after if")
    condition = expression(cur)
    cur.expect(")", "after the condition of if")
    then = body(cur, "of if")
    orelse: Body = ()
    if cur.take("else") or cur.take("ELSE"):
        orelse = (_if(cur),) if cur.sees("if", "IF") else body(cur, "of else")
    return If(condition, then, orelse, line)


def _while(cur: Cursor) -> Stmt:
    line = cur.next().line
    cur.expect("(", "after WHILE")
    condition = expression(cur)
    cur.expect(")", "after the condition of WHILE")
    return While(condition, body(cur, "of WHILE"), line)


def _watch(cur: Cursor) -> Stmt:
    line = cur.next().line
    found: list[Stmt] = []
    while True:
        cur.expect("(", "after WATCH")
        condition = expression(cur)
        cur.expect(")", "after the condition of WATCH")
        if not isinstance(condition, Binary) or condition.op not in ("<", ">"):
            cur.fail("the condition of WATCH must be one comparison, a > b or a < b.", line)
        found.append(Watch(condition, expression(cur, _TIGHTEST), line))
        if not cur.take(","):
            return found[0] if len(found) == 1 else If(Num(1.0), tuple(found), (), line)


def _for_netcons(cur: Cursor) -> Stmt:
    line = cur.next().line
    cur.expect("(", "after FOR_NETCONS")
    values = []
    while not cur.take(")"):
        values.append(cur.name("of a value of the connection"))
        unit(cur)
        if not cur.take(",") and not cur.sees(")"):
            cur.fail(f"expected ',' or ')' after a value of the connection, got {cur.shown()}.")
    return ForNetcons(tuple(values), body(cur, "of FOR_NETCONS"), line)


def _from(cur: Cursor) -> Stmt:
    line = cur.next().line
    var = cur.name("after FROM")
    cur.expect("=", "after the variable of FROM")
    low = expression(cur)
    cur.expect("TO", "after the first value of FROM")
    high = expression(cur)
    step = expression(cur) if cur.take("BY") else Num(1.0)
    return For(var, low, high, step, body(cur, "of FROM"), line)


def _solve(cur: Cursor) -> Stmt:
    line = cur.next().line
    block = cur.name("after SOLVE")
    method, steady = "", False
    while cur.sees("METHOD", "STEADYSTATE", "USING"):
        steady = cur.next().text == "STEADYSTATE"
        method = cur.name("of a method")
    if cur.sees("IFERROR"):
        refuse(cur, "IFERROR")
    return Solve(block, method, steady, line)


def names(cur: Cursor, where: str) -> tuple[str, ...]:
    """Take ``name, name, ...``; array brackets are read over."""
    found = []
    while True:
        found.append(cur.name(where))
        index(cur)
        if not cur.take(","):
            return tuple(found)


def _table(cur: Cursor) -> Stmt:
    line = cur.next().line
    sets = () if cur.sees("DEPEND", "FROM") else names(cur, "in TABLE")
    depend = names(cur, "after DEPEND") if cur.take("DEPEND") else ()
    cur.expect("FROM", "in TABLE")
    low = expression(cur)
    cur.expect("TO", "in TABLE")
    high = expression(cur)
    cur.expect("WITH", "in TABLE")
    return Table(sets, depend, low, high, integer(cur, "of table intervals"), line)


def equation(cur: Cursor) -> Stmt:
    """Take a line with ``~``: a reaction, or an equation of a LINEAR block."""
    line = cur.next().line
    arrow = _arrow(cur)
    if arrow == "=":
        left = expression(cur)
        cur.expect("=", "in an equation")
        return Equation(left, expression(cur), line)
    side = _side(cur)
    cur.expect(arrow, "in a reaction")
    if arrow == "<->":
        right = _side(cur)
        cur.expect("(", "before the rates of a reaction")
        forward = expression(cur)
        cur.expect(",", "between the rates of a reaction")
        backward = expression(cur)
        cur.expect(")", "after the rates of a reaction")
        return Reaction(side, right, forward, backward, line)
    cur.expect("(", "before the rate of a reaction")
    rate = expression(cur)
    cur.expect(")", "after the rate of a reaction")
    if arrow == "->":
        return Sink(side, rate, line)
    if len(side) != 1 or side[0][0] != 1.0:
        cur.fail("the left side of << must be one state.", line)
    return Flux(side[0][1], rate, line)


def _arrow(cur: Cursor) -> str:
    depth = 0
    for token in cur.tokens[cur.at :]:
        if token.text in ("(", "["):
            depth += 1
        elif token.text in (")", "]"):
            depth -= 1
        elif depth == 0 and token.text in ("<->", "->", "<<", "="):
            return token.text
        elif token.text in ("~", "{", "}"):
            break
    return cur.fail("a line with ~ needs '<->', '->', '<<' or '='.")


def _side(cur: Cursor) -> Side:
    terms = []
    while True:
        factor = 1.0
        if cur.token.kind == "number" or cur.token.text in cur.defines:
            factor = number(cur.token.text) if cur.token.kind == "number" else float(cur.defines[cur.token.text])
            cur.next()
            cur.take("*")
        name = cur.name("of a state in a reaction")
        terms.append((factor, Name(name, index(cur))))
        if not cur.take("+"):
            return tuple(terms)


def _conserve(cur: Cursor) -> Stmt:
    line = cur.next().line
    left = expression(cur)
    cur.expect("=", "in CONSERVE")
    return Conserve(left, expression(cur), line)


def _compartment(cur: Cursor) -> Stmt:
    line = cur.next().line
    var = ""
    if cur.token.kind == "name" and cur.tokens[cur.at + 1].text == ",":
        var = cur.next().text
        cur.next()
    volume = expression(cur)
    cur.expect("{", "before the states of COMPARTMENT")
    states = []
    while not cur.take("}"):
        states.append(cur.name("of a state in COMPARTMENT"))
        index(cur)
        cur.take(",")
    return Compartment(var, volume, tuple(states), line)


def _conductance(cur: Cursor) -> Stmt | None:
    line = cur.next().line
    cur.name("after CONDUCTANCE")
    if cur.take("USEION"):
        cur.name("after USEION")
    cur.dropped.append(("CONDUCTANCE hint dropped (conductances are found from the currents)", line))
    return None


_READERS: dict[str, Callable[[Cursor], Stmt | None]] = {
    "LOCAL": _local,
    "if": _if,
    "IF": _if,
    "while": _while,
    "WHILE": _while,
    "FROM": _from,
    "WATCH": _watch,
    "FOR_NETCONS": _for_netcons,
    "SOLVE": _solve,
    "TABLE": _table,
    "~": equation,
    "CONSERVE": _conserve,
    "COMPARTMENT": _compartment,
    "CONDUCTANCE": _conductance,
}
