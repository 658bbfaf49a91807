"""Elements of arrays chosen while the program runs: every element is a candidate.

As in C the index is cut to a whole number. An element outside the array reads as NaN, and is not written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurosim.mechanisms.lower.ir import Graph, Node
from neurosim.mechanisms.syntax import Name

if TYPE_CHECKING:
    from neurosim.mechanisms.lower.execute import Executor

LONGEST = 64


def read(ex: Executor, name: Name) -> Node:
    """Return the value of a variable or of an element of an array."""
    found = _candidates(ex, name)
    if found is None:
        return ex.read(ex.key(name))
    keys, index = found
    graph = ex.graph
    value = graph.num(float("nan"))
    for k in reversed(range(len(keys))):
        value = graph.where(graph.compare("<", index, graph.num(k + 1)), ex.read(keys[k]), value)
    return graph.where(graph.compare(">", index, graph.num(-1.0)), value, graph.num(float("nan")))


def assign(ex: Executor, name: Name, value: Node) -> None:
    """Give a variable or an element of an array a value."""
    found = _candidates(ex, name)
    if found is None:
        ex.values[ex.key(name)] = value
        return
    keys, index = found
    for k, key in enumerate(keys):
        ex.values[key] = ex.graph.where(_hits(ex.graph, index, k), value, ex.read(key))


def _hits(graph: Graph, index: Node, k: int) -> Node:
    low = graph.compare(">=", index, graph.num(k)) if k else graph.compare(">", index, graph.num(-1.0))
    return graph.both(low, graph.compare("<", index, graph.num(k + 1)))


def _candidates(ex: Executor, name: Name) -> tuple[list[str], Node] | None:
    """Return the elements and the index of an array whose index is not known, else None."""
    if name.index is None:
        return None
    unique, length = ex.place(name)
    index = ex.value(name.index)
    if not length or index.value is not None:
        return None
    if length > LONGEST:
        ex.refuse("array index", f"{name.id} has {length} elements and its index is not constant; at most {LONGEST}.")
    return [f"{unique}[{k}]" for k in range(length)], index


def is_element(ex: Executor, name: Name, key: str) -> bool:
    """Whether a name certainly means the scalar ``key``."""
    return _candidates(ex, name) is None and ex.key(name) == key
