"""C code in a .mod file: what it is for is recognised, and nothing of it is ever executed.

Dropped: declarations outside of blocks (C names mean nothing in NMODL code); blocks without effect; routines that
nothing in the mechanism calls (they serve hoc); resetting a random stream (streams start anew in each run). Replaced: a
FUNCTION that picks a random number, by ours. Obeyed: an early ``return``. Everything else is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from neurosim.mechanisms.nmodl.refuse import unsupported
from neurosim.mechanisms.nmodl.source import Source
from neurosim.mechanisms.syntax import (
    Assign,
    Body,
    Call,
    CallStmt,
    Expr,
    For,
    ForNetcons,
    If,
    Name,
    Num,
    Routine,
    Solve,
    Stmt,
    While,
    walk,
)

_RETURN = r"return\s*\(?\s*[01]?\.?0?\s*\)?\s*;"
_TRIVIAL_PART = re.compile(rf"(\s*#[^\n]*|\s*{_RETURN}|\s*;)")
_IDENTIFIER = re.compile(r"\b[A-Za-z_]\w*")
_RESETS = frozenset({"nrnran123_setseq", "nrnran123_State", "if", "void", "int", "NULL", "usingR123", "RANDCAST"})

#: C functions that pick a random number, and the NMODL that replaces them.
_PICKS: tuple[tuple[str, str, tuple[float, ...]], ...] = (
    ("nrnran123_negexp", "exprand", (1.0,)),
    ("nrnran123_normal", "normrand", (0.0, 1.0)),
    ("nrnran123_dblpick", "scop_random", ()),
    ("nrn_random_pick", "scop_random", ()),
    ("erand48", "scop_random", ()),
    ("drand48", "scop_random", ()),
)


@dataclass(frozen=True, slots=True)
class Verbatim(Stmt):
    """A VERBATIM block inside code; ``text`` is the C code without comments."""

    text: str
    line: int = 0


def c_code(text: str) -> str:
    """Return the C code of a VERBATIM block, without its comments."""
    inner = text[len("VERBATIM") : -len("ENDVERBATIM")]
    return re.sub(r"/\*.*?\*/|//[^\n]*", " ", inner, flags=re.DOTALL)


def harmless(text: str) -> bool:
    """Return whether C code holds nothing but preprocessor lines and ``return``."""
    return not _TRIVIAL_PART.sub("", text).strip()


def resolve(source: Source) -> None:
    """Replace the VERBATIM blocks of a file by what they mean.

    Raises
    ------
    UnsupportedConstructError
        C code that means something else.
    """
    source.routines = [_picking(r, source) for r in source.routines]
    needed = _needed(source)
    for r in [r for r in source.routines if r.name not in needed and _foreign(r.body)]:
        source.routines.remove(r)
        source.dropped.append((f"{r.name} dropped: nothing here calls it and it holds C code", r.line))
    source.routines = [replace(r, body=_clean(r.body, source)) for r in source.routines]
    source.blocks = [replace(b, body=_clean(b.body, source)) for b in source.blocks]
    source.hooks = [replace(h, body=_clean(h.body, source)) for h in source.hooks]
    source.constructor = _clean(_own_memory(source), source)
    for name in ("initial", "breakpoint"):
        body: Body | None = getattr(source, name)
        setattr(source, name, None if body is None else _clean(body, source))
    receive = source.net_receive
    if receive is not None:
        initial = None if receive.initial is None else _clean(receive.initial, source)
        source.net_receive = replace(receive, body=_clean(receive.body, source), initial=initial)
    source.dropped.sort(key=lambda item: item[1])


# ---- what a block is


def _statements(body: Body) -> list[Stmt]:
    found: list[Stmt] = []
    for s in body:
        found.append(s)
        for part in ("then", "orelse", "body"):
            found += _statements(getattr(s, part, ()))
    return found


def _foreign(body: Body) -> bool:
    return any(isinstance(s, Verbatim) and not harmless(s.text) for s in _statements(body))


def _own_memory(source: Source) -> Body:
    """Return CONSTRUCTOR without C code that names no variable of the mechanism: it can only get memory for C code."""
    declared = (*source.parameters, *source.assigned, *source.states, *source.locals)
    ours = {d.name for d in declared} | {"return"}
    kept: list[Stmt] = []
    for s in source.constructor:
        if isinstance(s, Verbatim) and not harmless(s.text):
            words = set(_IDENTIFIER.findall(s.text))
            if not words & ours and not any(w.startswith("_l") for w in words):
                _note(source, "VERBATIM of CONSTRUCTOR dropped: it names no variable", s.line)
                continue
        kept.append(s)
    return tuple(kept)


def _picking(routine: Routine, source: Source) -> Routine:
    """Return a FUNCTION that picks a random number in C as one that draws one of ours."""
    if not routine.is_function or routine.parameters:
        return routine
    code = " ".join(s.text for s in _statements(routine.body) if isinstance(s, Verbatim))
    words = set(_IDENTIFIER.findall(code))
    pick = next((p for p in _PICKS if p[0] in words), None)
    if pick is None:
        return routine
    c_name, fn, args = pick
    if c_name == "nrn_random_pick":
        if re.search(r"exp|erand", routine.name, re.IGNORECASE):
            fn, args = "exprand", (1.0,)
        elif re.search(r"norm|gauss", routine.name, re.IGNORECASE):
            fn, args = "normrand", (0.0, 1.0)
    call = Call(fn, tuple(Num(x) for x in args))
    shown = ", ".join(f"{x:g}" for x in args)
    source.dropped.append((f"C code of {routine.name} replaced by {fn}({shown})", routine.line))
    return replace(routine, body=(Assign(Name(routine.name), call, routine.line),))


def _needed(source: Source) -> set[str]:
    """Return the routines that the blocks of the mechanism reach."""
    bodies = [source.initial or (), source.breakpoint or (), source.constructor]
    bodies += [b.body for b in source.blocks] + [h.body for h in source.hooks]
    if source.net_receive is not None:
        bodies += [source.net_receive.body, source.net_receive.initial or ()]
    routines = {r.name: r for r in source.routines}
    found: set[str] = set()
    waiting = [name for body in bodies for name in _called(body)]
    while waiting:
        name = waiting.pop()
        if name in routines and name not in found:
            found.add(name)
            waiting += _called(routines[name].body)
    return found


def _called(body: Body) -> list[str]:
    found: list[str] = []
    for s in _statements(body):
        if isinstance(s, Solve):
            found.append(s.block)
        elif isinstance(s, CallStmt):
            found += _functions(s.call)
        else:
            for name in s.__dataclass_fields__:  # type: ignore[attr-defined]
                value = getattr(s, name)
                if isinstance(value, Expr):
                    found += _functions(value)
    return found


def _functions(x: Expr) -> list[str]:
    return [part.fn for part in walk(x) if isinstance(part, Call)]


# ---- code without VERBATIM


def _clean(body: Body, source: Source) -> Body:
    """Return a body without VERBATIM blocks; early returns become branches."""
    return _flow(body, source, ())


def _flow(body: Body, source: Source, rest: Body) -> Body:
    """Return ``body`` and then ``rest``, where a ``return`` ends both."""
    out: list[Stmt] = []
    for k, s in enumerate(body):
        after = (*body[k + 1 :], *rest)
        if isinstance(s, Verbatim):
            returns = _dropped(s, source)
            if returns:
                return tuple(out)
        elif isinstance(s, If) and _returns(s):
            then, orelse = _flow(s.then, source, after), _flow(s.orelse, source, after)
            return (*out, replace(s, then=then, orelse=orelse))
        elif isinstance(s, If):
            out.append(replace(s, then=_flow(s.then, source, ()), orelse=_flow(s.orelse, source, ())))
        elif isinstance(s, For | ForNetcons | While):
            if _returns(s):
                raise unsupported("VERBATIM", source.origin, s.line, "a return inside a loop")
            out.append(replace(s, body=_flow(s.body, source, ())))
        else:
            out.append(s)
    return (*out, *(_flow(rest, source, ()) if rest else ()))


def _returns(s: Stmt) -> bool:
    return any(isinstance(x, Verbatim) and _is_return(x.text) for x in _statements((s,)))


def _is_return(text: str) -> bool:
    return harmless(text) and re.search(_RETURN, text) is not None


def _dropped(s: Verbatim, source: Source) -> bool:
    """Take note of a block that needs nothing; return whether it is a ``return``."""
    if harmless(s.text):
        _note(source, "VERBATIM without effect dropped", s.line)
        return _is_return(s.text)
    words = set(_IDENTIFIER.findall(re.sub(r"^\s*#.*$", "", s.text, flags=re.MULTILINE)))
    ours = {f"_p_{name}" for name, _ in source.pointers}
    if "nrnran123_setseq" in words and words <= _RESETS | ours and not re.search(r"(?<![=!<>])=(?!=)", s.text):
        _note(source, "VERBATIM that resets a random stream dropped: streams start anew in each run", s.line)
        return False
    first = next((part.strip() for part in s.text.split("\n") if part.strip()), "")
    if words & {"vector_vec", "vector_capacity", "vector_arg"}:
        raise unsupported("VERBATIM with a hoc Vector", source.origin, s.line)
    raise unsupported("VERBATIM", source.origin, s.line, f"it holds C code such as {first[:60]!r}")


def _note(source: Source, text: str, line: int) -> None:
    if (text, line) not in source.dropped:
        source.dropped.append((text, line))
