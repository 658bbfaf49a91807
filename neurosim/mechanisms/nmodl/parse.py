"""The blocks of a .mod file: tokens to ``Source``.

Recursive descent, one function a block. There is no table to build at start, so the first file costs what the
hundredth costs.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from neurosim.mechanisms.nmodl.clean import Cursor, tokenise
from neurosim.mechanisms.nmodl.expressions import integer, signed, unit
from neurosim.mechanisms.nmodl.include import expand
from neurosim.mechanisms.nmodl.refuse import refuse
from neurosim.mechanisms.nmodl.source import Declared, IonLine, Source, UnitLine
from neurosim.mechanisms.nmodl.statements import body, local_names, statement
from neurosim.mechanisms.nmodl.verbatim import c_code, harmless, resolve
from neurosim.mechanisms.syntax import Body, Hook, If, NetReceive, Num, Routine, SolveBlock, Stmt

_REFUSED_BLOCKS = ("DISCRETE", "PARTIAL", "TERMINAL", "STEPPED")
_SOLVED = ("DERIVATIVE", "KINETIC", "LINEAR", "NONLINEAR")
_KINDS = ("SUFFIX", "POINT_PROCESS", "ARTIFICIAL_CELL")
_REFUSED_ITEMS = ("EXTERNAL",)
_HOOKS = {"BEFORE": ("BREAKPOINT", "INITIAL", "STEP"), "AFTER": ("SOLVE", "INITIAL")}


def parse(text: str, origin: str, folder: Path | None = None, included: list[str] | None = None) -> Source:
    """Return the declarations and blocks of an NMODL text.

    Parameters
    ----------
    text : str
        NMODL source.
    origin : str
        File name, for messages.
    folder : Path, optional
        Where INCLUDE looks for files; without it there are none.
    included : list of str, optional
        Receives the files that were included; lines of theirs are numbered as ``nmodl.include`` says.

    Raises
    ------
    MechanismError
        The text is not NMODL; the line is given.
    UnsupportedConstructError
        It is NMODL that neurosim does not run.
    """
    cur = tokenise(text, origin)
    expand(cur, folder, [] if included is None else included)
    source = Source(origin)
    while cur.token.kind != "end":
        _block(cur, source)
    source.dropped = cur.dropped
    resolve(source)
    source.words = frozenset(token.text for token in cur.tokens if token.kind == "name")
    return source


def _drop_verbatim(cur: Cursor) -> None:
    """Take C code outside of code blocks: it can only declare names for other C code."""
    token = cur.next()
    what = "VERBATIM without effect dropped" if harmless(c_code(token.text)) else "C declarations dropped"
    cur.dropped.append((what, token.line))


def _block(cur: Cursor, source: Source) -> None:
    token = cur.token
    if token.kind == "verbatim":
        _drop_verbatim(cur)
    elif token.text in _BLOCKS:
        cur.next()
        _BLOCKS[token.text](cur, source)
    elif token.text in _SOLVED:
        cur.next()
        _solved(cur, source, token.text)
    elif token.text in ("FUNCTION", "PROCEDURE"):
        cur.next()
        _routine(cur, source, token.text == "FUNCTION", token.line)
    elif token.text in _REFUSED_BLOCKS:
        refuse(cur, token.text)
    else:
        near = cur.near([*_BLOCKS, *_SOLVED, *_REFUSED_BLOCKS, "FUNCTION", "PROCEDURE"])
        cur.fail(f"expected a block such as NEURON, PARAMETER or BREAKPOINT, got {cur.shown()}{near}")


# ---- interface -------------------------------------------------------------------------------------------------------


def _neuron(cur: Cursor, source: Source) -> None:
    cur.expect("{", "after NEURON")
    while not cur.take("}"):
        token = cur.token
        if token.kind == "verbatim":
            _drop_verbatim(cur)
        elif token.text in _KINDS:
            cur.next()
            name = cur.name(f"after {token.text}")
            if source.name:
                cur.fail(f"a second name {name!r}; the mechanism is called {source.name!r} already.", token.line)
            source.name, source.kind = name, token.text
        elif token.text == "USEION":
            source.ions.append(_useion(cur))
        elif token.text in _REFUSED_ITEMS:
            refuse(cur, token.text)
        elif token.text in _LISTS:
            cur.next()
            kept: list[tuple[str, int]] | None = getattr(source, _LISTS[token.text], None)
            for name in _comma_names(cur, optional=token.text == "THREADSAFE"):
                if kept is not None:
                    kept.append((name, token.line))
        elif token.text == "REPRESENTS":
            _represents(cur)
        else:
            cur.fail(f"expected an item of NEURON such as SUFFIX, USEION or RANGE, got {cur.shown()}{cur.near(_ITEMS)}")


_LISTS = {
    "NONSPECIFIC_CURRENT": "nonspecific",
    "ELECTRODE_CURRENT": "electrode",
    "POINTER": "pointers",
    "BBCOREPOINTER": "pointers",
    "RANDOM": "randoms",
    "RANGE": "ranges",
    "GLOBAL": "globals",
    "SECTION": "",
    "THREADSAFE": "",
}


def _comma_names(cur: Cursor, *, optional: bool = False) -> list[str]:
    if optional and (cur.token.kind != "name" or cur.sees(*_ITEMS)):
        return []
    found = [cur.name("in the list")]
    while cur.take(","):
        if cur.sees(*_ITEMS):
            cur.fail("the list ends with a comma; remove it or write the missing name.")
        found.append(cur.name("in the list"))
    return found


_ITEMS = (*_KINDS, "USEION", "REPRESENTS", *_LISTS, *_REFUSED_ITEMS)


def _useion(cur: Cursor) -> IonLine:
    line = cur.next().line
    ion = cur.name("of an ion after USEION")
    reads: list[str] = []
    writes: list[str] = []
    valence = None
    while True:
        if cur.take("READ"):
            reads += _comma_names(cur)
        elif cur.take("WRITE"):
            writes += _comma_names(cur)
        elif cur.take("VALENCE"):
            valence = signed(cur, "after VALENCE")
        elif cur.sees("REPRESENTS"):
            _represents(cur)
        else:
            return IonLine(ion, line, tuple(reads), tuple(writes), valence)


def _represents(cur: Cursor) -> None:
    line = cur.next().line
    while cur.line == line and not cur.sees("}", *_ITEMS) and cur.token.kind != "end":
        cur.next()


# ---- declarations ----------------------------------------------------------------------------------------------------


def _units(cur: Cursor, source: Source) -> None:
    cur.expect("{", "after UNITS")
    while not cur.take("}"):
        line = cur.line
        if cur.sees("("):
            alias = unit(cur)
            cur.expect("=", "after a unit")
            if not cur.sees("("):
                cur.fail(f"expected a unit in parentheses, got {cur.shown()}.")
            source.units.append(UnitLine(alias, line, True, None, (unit(cur),)))
            continue
        name = cur.name("or a unit in UNITS")
        cur.expect("=", "after a name in UNITS")
        value = None if cur.sees("(") else signed(cur, "or a unit")
        units = [unit(cur)] if cur.sees("(") else []
        if value is None:
            if not cur.sees("("):
                cur.fail(f"{name!r} needs two units, such as (faraday) (coulomb), or a number.", line)
            units.append(unit(cur))
        source.units.append(UnitLine(name, line, False, value, tuple(units)))


def _declarations(kept: str) -> Callable[[Cursor, Source], None]:
    def read(cur: Cursor, source: Source) -> None:
        opening = cur.expect("{", f"after {kept.upper()}")
        while not cur.take("}"):
            if cur.token.kind == "verbatim":
                _drop_verbatim(cur)
            elif cur.token.kind == "end":
                cur.fail("the block has no closing brace.", opening.line)
            elif not cur.take(","):
                getattr(source, kept).append(_declaration(cur))

    return read


def _declaration(cur: Cursor) -> Declared:
    cur.take("SWEEP")
    line, name = cur.line, cur.name("of a variable")
    if name in cur.defines:
        cur.fail(f"{name!r} is a DEFINE already and cannot be declared.", line)
    length = 0
    value: float | None = None
    low = high = None
    start: float | str | None = None
    text = ""
    if cur.take("["):
        length = integer(cur, "as the length of an array")
        cur.expect("]", "after the length of an array")
    qualified = False
    while True:
        qualified = qualified or cur.sees("FROM", "START", "<")
        if cur.take("="):
            value = signed(cur, f"as the value of {name!r}")
        elif cur.take("FROM"):
            _bound(cur)
            cur.expect("TO", "in FROM ... TO")
            _bound(cur)
        elif cur.take("WITH"):
            _bound(cur)
        elif cur.take("START"):
            start = cur.next().text if cur.token.kind == "name" and not cur.sees(*cur.defines) else _bound(cur)
        elif cur.take("<"):
            low = signed(cur, "as a limit")
            cur.take(",")
            if cur.sees(">"):  # one number is the tolerance of a state, which only variable steps use
                low = None
            else:
                high = signed(cur, "as a limit")
            cur.expect(">", "after the limits")
        elif cur.sees("("):
            if text and not qualified:
                cur.fail(f"{name!r} has a second unit; is a name missing before it?")
            text, qualified = unit(cur) or text, False
        else:
            return Declared(name, line, value, text, low, high, length, start)


def _bound(cur: Cursor) -> float:
    if cur.token.kind == "name" and not cur.sees(*cur.defines):
        cur.next()
        return 0.0
    return signed(cur, "as a bound")


def _independent(cur: Cursor, source: Source) -> None:
    cur.expect("{", "after INDEPENDENT")
    while not cur.take("}"):
        if cur.next().kind == "end":
            cur.fail("INDEPENDENT has no closing brace.")


def _define(cur: Cursor, source: Source) -> None:
    name = cur.name("after DEFINE")
    cur.defines[name] = integer(cur, "after DEFINE")


def _file_local(cur: Cursor, source: Source) -> None:
    line = cur.line
    source.locals += [Declared(name, line, length=length) for name, length in local_names(cur)]


# ---- code ------------------------------------------------------------------------------------------------------------


def _initial(cur: Cursor, source: Source) -> None:
    if source.initial is not None:
        cur.fail("a second INITIAL block; put both into one.")
    source.initial = body(cur, "after INITIAL")


def _breakpoint(cur: Cursor, source: Source) -> None:
    if source.breakpoint is not None:
        cur.fail("a second BREAKPOINT block; put both into one.")
    source.breakpoint = body(cur, "after BREAKPOINT")


def _constructor(cur: Cursor, source: Source) -> None:
    source.constructor = (*source.constructor, *body(cur, "after CONSTRUCTOR"))


def _destructor(cur: Cursor, source: Source) -> None:
    line = cur.line
    opening, depth = cur.expect("{", "after DESTRUCTOR"), 1
    while depth:
        token = cur.next()
        if token.kind == "end":
            cur.fail("DESTRUCTOR has no closing brace.", opening.line)
        depth += (token.text == "{") - (token.text == "}")
    cur.dropped.append(("DESTRUCTOR dropped: there is nothing to free", line))


def _hook(word: str) -> Callable[[Cursor, Source], None]:
    def read(cur: Cursor, source: Source) -> None:
        line, allowed = cur.line, _HOOKS[word]
        if not cur.sees(*allowed):
            cur.fail(f"expected {' or '.join(allowed)} after {word}, got {cur.shown()}.")
        when = f"{word} {cur.next().text}"
        source.hooks.append(Hook(when, body(cur, f"after {when}"), line))

    return read


def _solved(cur: Cursor, source: Source, word: str) -> None:
    line = cur.line
    name = cur.name(f"after {word}")
    if cur.sees("SOLVEFOR"):
        refuse(cur, "SOLVEFOR")
    source.blocks.append(SolveBlock(word.lower(), name, body(cur, f"of {word} {name}"), line))


def _parameters(cur: Cursor) -> tuple[str, ...]:
    cur.expect("(", "before the arguments of a block")
    found = []
    while not cur.take(")"):
        found.append(cur.name("of an argument"))
        unit(cur)
        if not cur.take(",") and not cur.sees(")"):
            cur.fail(f"expected ',' or ')' after an argument, got {cur.shown()}.")
    unit(cur)
    return tuple(found)


def _routine(cur: Cursor, source: Source, is_function: bool, line: int) -> None:
    name = cur.name("of a FUNCTION or PROCEDURE")
    parameters = _parameters(cur)
    source.routines.append(Routine(name, parameters, body(cur, f"of {name}"), is_function, line))


def _function_table(cur: Cursor, source: Source) -> None:
    line = cur.line
    name = cur.name("after FUNCTION_TABLE")
    parameters = _parameters(cur)
    if len(parameters) != 1:
        refuse(cur, "FUNCTION_TABLE of several arguments", line)
    source.functions.append((name, parameters[0], line))


def _net_receive(cur: Cursor, source: Source) -> None:
    line = cur.line
    if source.net_receive is not None:
        cur.fail("a second NET_RECEIVE block; put both into one.")
    parameters = _parameters(cur)
    cur.expect("{", "after NET_RECEIVE")
    initial: Body | None = None
    found: list[Stmt] = []
    while not cur.take("}"):
        if cur.take("INITIAL"):
            initial = body(cur, "after INITIAL")
        elif cur.sees("{"):
            found.append(If(Num(1.0), body(cur, "of a nested block"), (), cur.line))
        elif cur.token.kind == "end":
            cur.fail("NET_RECEIVE has no closing brace.", line)
        else:
            one = statement(cur)
            found += [] if one is None else [one]
    source.net_receive = NetReceive(parameters, tuple(found), initial, line)


_BLOCKS: dict[str, Callable[[Cursor, Source], None]] = {
    "NEURON": _neuron,
    "UNITS": _units,
    "PARAMETER": _declarations("parameters"),
    "CONSTANT": _declarations("constants"),
    "ASSIGNED": _declarations("assigned"),
    "STATE": _declarations("states"),
    "INDEPENDENT": _independent,
    "DEFINE": _define,
    "LOCAL": _file_local,
    "INITIAL": _initial,
    "BREAKPOINT": _breakpoint,
    "NET_RECEIVE": _net_receive,
    "CONSTRUCTOR": _constructor,
    "FUNCTION_TABLE": _function_table,
    "DESTRUCTOR": _destructor,
    "BEFORE": _hook("BEFORE"),
    "AFTER": _hook("AFTER"),
}
