"""How a mechanism looks: as equations, as an HTML table, as NMODL."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from pathlib import Path

from neurosim.mechanisms.mechanism import Kind, Mechanism
from neurosim.mechanisms.nmodl.include import place
from neurosim.mechanisms.nmodl.names import RESERVED, ion_variables
from neurosim.mechanisms.nmodl.walking import bodies, expressions, statements
from neurosim.mechanisms.syntax import Body, Call, Expr, IonUse, Name, Parameter, walk
from neurosim.mechanisms.text import body, number
from neurosim.mechanisms.unittext import FARADAY_C_PER_MOL, GAS_CONSTANT_J_PER_K_MOL, NATIVE

_KINDS = {Kind.DENSITY: "density mechanism", Kind.POINT: "point process", Kind.ARTIFICIAL: "artificial cell"}


_RATIO = GAS_CONSTANT_J_PER_K_MOL / FARADAY_C_PER_MOL


def _two_way(head: str, condition: str, yes: str, no: str) -> str:
    name = head.split("(")[0]
    lines = [f"FUNCTION {head} {{", f"    if ({condition}) {{", f"        {name} = {yes}", "    } else {"]
    return "\n".join([*lines, f"        {name} = {no}", "    }", "}"])


_NATIVE_FUNCTIONS = {
    "where": _two_way("where(condition, a, b)", "condition", "a", "b"),
    "exprel": _two_way("exprel(x)", "fabs(x) < 1e-4", "1 - 0.5*x", "x/(exp(x) - 1)"),
    "min": _two_way("min(a, b)", "a < b", "a", "b"),
    "max": _two_way("max(a, b)", "a > b", "a", "b"),
    "nernst": f"""FUNCTION nernst(inside, outside, z) {{
    if (z == 0) {{
        nernst = 0
    }} else if (inside <= 0) {{
        nernst = 1e6
    }} else if (outside <= 0) {{
        nernst = -1e6
    }} else {{
        nernst = {1e3 * _RATIO!r}*(celsius + 273.15)/z*log(outside/inside)
    }}
}}""",
    "ghk": f"""FUNCTION ghk(potential, inside, outside, z) {{
    LOCAL u
    u = {1e-3 / _RATIO!r}*z*potential/(celsius + 273.15)
    ghk = {1e-3 * FARADAY_C_PER_MOL!r}*z*(inside*exprel(-u) - outside*exprel(u))
}}""",
}
#: Functions that need another one.
_NEEDS = {"ghk": "exprel"}


# ---- equations -------------------------------------------------------------------------------------------------------


def equations(mech: Mechanism) -> str:
    """Return a mechanism as readable text: interface, parameters with units and defaults, and all equations.

    Parameters
    ----------
    mech : Mechanism
        What to show.

    Returns
    -------
    str
        Several lines, without a line end at the last.
    """
    out = [f"{mech.name}: {_KINDS[mech.kind]} ({mech.origin})"]
    out += [f"    {line}" for line in interface(mech)]
    if mech.parameters:
        width = max(len(p.name) for p in mech.parameters)
        out += ["parameters"]
        out += [f"    {p.name:<{width}} = {number(p.default)} {p.unit}{_limits(p)}".rstrip() for p in mech.parameters]
    if mech.states:
        out += ["states", "    " + ", ".join(_with_unit(s.name, s.unit, s.length) for s in mech.states)]
    code = mech.code
    sections: list[tuple[str, Body]] = [("at the start", code.initial), ("currents", code.breakpoint)]
    sections += [(f"{block.kind} {block.name}", block.body) for block in code.blocks]
    for r in code.routines:
        sections.append((f"{'function' if r.is_function else 'procedure'} {r.name}({', '.join(r.parameters)})", r.body))
    sections += [("when made", code.constructor), *((h.when.lower(), h.body) for h in code.hooks)]
    if code.net_receive is not None:
        sections.append((f"event ({', '.join(code.net_receive.parameters)})", code.net_receive.body))
        sections.append(("connection at the start", code.net_receive.initial or ()))
    for title, statements_ in sections:
        if statements_:
            out += [title, *body(statements_)]
    out += [f"note: {notice.message}{_place(mech, notice.line)}" for notice in mech.notices]
    return "\n".join(out)


def _place(mech: Mechanism, line: int) -> str:
    path, number_ = place(line, mech.origin, mech.included)
    file = "" if path == mech.origin else f" of {Path(path).name}"
    return f" (line {number_}{file})" if line else ""


def interface(mech: Mechanism) -> list[str]:
    """Return what a mechanism shares with the cell: ions and currents, one line each."""
    lines = []
    for use in mech.ions:
        valence = "" if use.valence is None else f" (valence {number(use.valence)})"
        parts = [f"reads {', '.join(use.reads)}"] if use.reads else []
        parts += [f"writes {', '.join(use.writes)}"] if use.writes else []
        lines.append(f"ion {use.ion}{valence}: {'; '.join(parts) or 'not used'}")
    if mech.nonspecific:
        lines.append(f"current of no ion: {', '.join(mech.nonspecific)}")
    if mech.electrode:
        lines.append(f"electrode current: {', '.join(mech.electrode)}")
    if mech.pointers:
        lines.append(f"voltages of other cells: {', '.join(mech.pointers)}")
    lines += [f"function {f.name}({f.parameter}): {len(f.y) or 'no'} values given" for f in mech.functions]
    if mech.code.net_receive is not None:
        lines.append(f"receives events ({', '.join(mech.code.net_receive.parameters)})")
    return lines


def _limits(p: Parameter) -> str:
    if p.low is None and p.high is None:
        return ""
    low = "-inf" if p.low is None else number(p.low)
    return f"  [{low}, {'inf' if p.high is None else number(p.high)}]"


def _with_unit(name: str, unit: str, length: int = 0) -> str:
    array = f"[{length}]" if length else ""
    return f"{name}{array} ({unit})" if unit else f"{name}{array}"


# ---- HTML ------------------------------------------------------------------------------------------------------------


def html(mech: Mechanism) -> str:
    """Return a mechanism as an HTML fragment: heading, interface, tables of parameters and states, equations."""
    rows = [(p.name, number(p.default), p.unit, p.scope, _limits(p).strip()) for p in mech.parameters]
    parts = [f"<div><b>{escape(mech.name)}</b> {escape(_KINDS[mech.kind])}"]
    parts += [f"<div>{escape(line)}</div>" for line in interface(mech)]
    if rows:
        parts.append(_table(("parameter", "default", "unit", "scope", "limits"), rows))
    if mech.states:
        starts = [(s.name, s.start if isinstance(s.start, str) else number(s.start), s.unit) for s in mech.states]
        parts.append(_table(("state", "start", "unit"), starts))
    parts += [f"<details><summary>equations</summary><pre>{escape(equations(mech))}</pre></details>", "</div>"]
    return "".join(parts)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    cells = "".join(f"<th>{escape(x)}</th>" for x in head)
    lines = "".join("<tr>" + "".join(f"<td>{escape(x)}</td>" for x in row) + "</tr>" for row in rows)
    return f"<table><tr>{cells}</tr>{lines}</table>"


# ---- NMODL -----------------------------------------------------------------------------------------------------------


def to_nmodl(mech: Mechanism) -> str:
    """Return a mechanism as a .mod file.

    Reading it gives the same code again; functions that only the native form has are written out as FUNCTIONs.
    """
    own = {r.name for r in mech.code.routines}
    called = _called(mech) - own
    called |= {_NEEDS[name] for name in called if name in _NEEDS}
    names = _names(mech) | ({"celsius"} if called & {"nernst", "ghk"} else set())
    parts = [_neuron(mech), _units(mech), _parameters(mech), _assigned(mech, names), _states(mech)]
    parts += [_block("INITIAL", mech.code.initial), _block("BREAKPOINT", mech.code.breakpoint)]
    parts += [_block(f"{b.kind.upper()} {b.name}", b.body) for b in mech.code.blocks]
    for r in mech.code.routines:
        word = "FUNCTION" if r.is_function else "PROCEDURE"
        parts.append(_block(f"{word} {r.name}({', '.join(r.parameters)})", r.body, empty=True))
    parts += [text for name, text in _NATIVE_FUNCTIONS.items() if name in called]
    parts += [_block("CONSTRUCTOR", mech.code.constructor), *(_block(h.when, h.body) for h in mech.code.hooks)]
    parts += [f"FUNCTION_TABLE {f.name}({f.parameter})" for f in mech.functions]
    if mech.code.net_receive is not None:
        parts.append(_net_receive(mech))
    return "\n\n".join(part for part in parts if part) + "\n"


def _block(head: str, code: Body, *, empty: bool = False) -> str:
    return "\n".join([f"{head} {{", *body(code), "}"]) if code or empty else ""


def _neuron(mech: Mechanism) -> str:
    word = _WORDS[mech.kind]
    lines = [f"{word} {re.sub(r'[^A-Za-z0-9_]', '_', mech.name)}"]
    lines += [_useion(use) for use in mech.ions]
    lines += [f"NONSPECIFIC_CURRENT {', '.join(mech.nonspecific)}"] if mech.nonspecific else []
    lines += [f"ELECTRODE_CURRENT {', '.join(mech.electrode)}"] if mech.electrode else []
    lines += [f"POINTER {', '.join(mech.pointers)}"] if mech.pointers else []
    lines += [f"RANDOM {', '.join(mech.randoms)}"] if mech.randoms else []
    ranged = [p.name for p in mech.parameters if p.scope == "range"] + [a.name for a in mech.assigned if a.public]
    shared = [p.name for p in mech.parameters if p.scope != "range"]
    lines += [f"RANGE {', '.join(ranged)}"] if ranged else []
    lines += [f"GLOBAL {', '.join(shared)}"] if shared else []
    return "\n".join(["NEURON {", *(f"    {line}" for line in lines), "}"])


_WORDS = {Kind.DENSITY: "SUFFIX", Kind.POINT: "POINT_PROCESS", Kind.ARTIFICIAL: "ARTIFICIAL_CELL"}


def _useion(use: IonUse) -> str:
    reads = f" READ {', '.join(use.reads)}" if use.reads else ""
    writes = f" WRITE {', '.join(use.writes)}" if use.writes else ""
    return f"USEION {use.ion}{reads}{writes}" + ("" if use.valence is None else f" VALENCE {number(use.valence)}")


def _units(mech: Mechanism) -> str:
    declared = [p.unit for p in mech.parameters] + [a.unit for a in mech.assigned] + [s.unit for s in mech.states]
    words = {word for unit in [*declared, "mV", "mA", "mM"] for word in re.findall(r"[A-Za-z]+", unit)}
    lines = [f"    ({name}) = ({_alias(name)})" for name in NATIVE if name in words]
    return "\n".join(["UNITS {", *lines, "}"])


def _alias(name: str) -> str:
    return {"mol": "1"}.get(name, NATIVE[name].replace("mole/", "/"))


def _parameters(mech: Mechanism) -> str:
    lines = []
    for p in mech.parameters:
        array = f"[{p.length}]" if p.length else ""
        unit = f" ({p.unit})" if p.unit else ""
        low = -1e9 if p.low is None else p.low
        high = 1e9 if p.high is None else p.high
        limits = "" if p.low is None and p.high is None else f" <{number(low)}, {number(high)}>"
        lines.append(f"    {p.name}{array} = {number(p.default)}{unit}{limits}")
    return "\n".join(["PARAMETER {", *lines, "}"]) if lines else ""


def _assigned(mech: Mechanism, names: set[str]) -> str:
    always = set() if mech.kind is Kind.ARTIFICIAL else {"v"}
    lines = [f"    {name} ({unit})" for name, unit in RESERVED.items() if name in names | always and name != "t"]
    states = {s.name for s in mech.states}
    for use in mech.ions:
        units = dict(zip(ion_variables(use.ion), ("mV", "mA/cm2", "mM", "mM"), strict=True))
        used = [name for name in dict.fromkeys(use.reads + use.writes) if name not in states]
        lines += [f"    {name} ({units[name]})" for name in used]
    lines += [f"    {_with_unit(a.name, a.unit, a.length)}" for a in mech.assigned]
    return "\n".join(["ASSIGNED {", *lines, "}"])


def _states(mech: Mechanism) -> str:
    lines = []
    for s in mech.states:
        start = f" START {number(s.start)}" if isinstance(s.start, float) and s.start else ""
        array = f"[{s.length}]" if s.length else ""
        lines.append(f"    {s.name}{array}{start}" + (f" ({s.unit})" if s.unit else ""))
    return "\n".join(["STATE {", *lines, "}"]) if lines else ""


def _net_receive(mech: Mechanism) -> str:
    receive = mech.code.net_receive
    if receive is None:
        return ""
    first = [] if receive.initial is None else ["    INITIAL {", *body(receive.initial, " " * 8), "    }"]
    head = f"NET_RECEIVE({', '.join(receive.parameters)}) {{"
    local = [s for s in receive.body[:1] if type(s).__name__ == "Local"]
    rest = receive.body[len(local) :]
    return "\n".join([head, *body(tuple(local)), *first, *body(rest), "}"])


def _expressions(mech: Mechanism) -> Iterable[Expr]:
    code = mech.code
    for one in bodies(code):
        for s in statements(one):
            yield from expressions(s)


def _names(mech: Mechanism) -> set[str]:
    return {part.id for x in _expressions(mech) for part in walk(x) if isinstance(part, Name)}


def _called(mech: Mechanism) -> set[str]:
    return {part.fn for x in _expressions(mech) for part in walk(x) if isinstance(part, Call)}
