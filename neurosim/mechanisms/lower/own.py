"""A current that a mechanism writes and does not READ: inside, its name means the mechanism's own part.

NEURON keeps such a current in the mechanism (its value of the last BREAKPOINT) and adds it to the ion's total; only
with READ does the name mean the total. Here the own part becomes an assigned variable, copied to the ion's current at
the end of BREAKPOINT.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

from neurosim.mechanisms.mechanism import Mechanism
from neurosim.mechanisms.syntax import Assign, Code, Local, Name, Routine, Variable


def _nodes(x: Any) -> Iterator[Any]:
    """Yield every node of a piece of code, but not the plain target of an assignment."""
    if isinstance(x, tuple):
        for part in x:
            yield from _nodes(part)
    elif is_dataclass(x):
        yield x
        for f in fields(x):
            if not (isinstance(x, Assign) and f.name == "target"):
                yield from _nodes(getattr(x, f.name))


def _shadowed(x: Any, name: str) -> bool:
    return any(
        (isinstance(n, Local) and name in (m for m, _ in n.names)) or (isinstance(n, Routine) and name in n.parameters)
        for n in _nodes(x)
    )


def _renamed(x: Any, old: str, new: str) -> Any:
    if isinstance(x, tuple):
        return tuple(_renamed(part, old, new) for part in x)
    if isinstance(x, Name) and x.id == old:
        return Name(new, _renamed(x.index, old, new))
    if is_dataclass(x) and not isinstance(x, type):
        return replace(x, **{f.name: _renamed(getattr(x, f.name), old, new) for f in fields(x)})
    return x


def own_currents(mech: Mechanism) -> Mechanism:
    """Return a mechanism in which currents that are written, not READ, and used outside BREAKPOINT are its own."""
    written = [f"i{use.ion}" for use in mech.ions if f"i{use.ion}" in use.writes and f"i{use.ion}" not in use.reads]
    code = mech.code
    assigned = mech.assigned
    for name in written:
        outside = (code.initial, code.blocks, code.routines, code.net_receive, code.constructor, code.hooks)
        if not any(isinstance(n, Name) and n.id == name for n in _nodes(outside)) or _shadowed(code.routines, name):
            continue
        own = f"{name}_own"
        while any(own == a.name for a in assigned):
            own += "_"
        changed: Code = _renamed(code, name, own)
        code = replace(changed, breakpoint=(*changed.breakpoint, Assign(Name(name), Name(own))))
        assigned = (*assigned, Variable(own, "mA/cm2"))
    return mech if code is mech.code else replace(mech, code=code, assigned=assigned)
