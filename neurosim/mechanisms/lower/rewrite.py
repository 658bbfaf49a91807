"""Passing every node of finished programs through a function, and affine forms: tools of the optimisations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from neurosim.mechanisms.lower.ir import Graph, Node, reachable

Replace = Callable[[Node, tuple[Node, ...]], Node | None]


def rebuild(graph: Graph, n: Node, args: tuple[Node, ...]) -> Node:
    """Return the operation of ``n`` on other operands, simplified."""
    if args == n.args:
        return n
    match n.op:
        case "add" | "sub" | "mul" | "div" | "neg" | "both" | "either" | "negate" | "where":
            made: Node = getattr(graph, n.op)(*args)
            return made
        case "call":
            return graph.call(str(n.data), *args)
        case "lt" | "le" | "gt" | "ge" | "eq" | "ne":
            sign = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}[n.op]
            return graph.compare(sign, *args)
        case _:
            return graph.make(n.op, *args, data=n.data)


def rewrite(graph: Graph, roots: list[Node], replace: Replace) -> list[Node]:
    """Return the roots with every node passed through ``replace`` (None keeps it); loops are changed in place."""
    new: dict[int, Node] = {}
    for n in reachable(roots, graph):
        if n.op == "out" and isinstance(n.data, tuple):
            loop = graph.loops[int(str(n.data[0]))]
            loop.starts = [new[x.uid] for x in loop.starts]
            loop.results = [new[x.uid] for x in loop.results]
            loop.done = None if loop.done is None else new[loop.done.uid]
            for changed in (*loop.starts, *loop.results, *(() if loop.done is None else (loop.done,))):
                new.setdefault(changed.uid, changed)
            new[n.uid] = n
            continue
        args = tuple(new[a.uid] for a in n.args)
        new[n.uid] = replace(n, args) or rebuild(graph, n, args)
    return [new[r.uid] for r in roots]


@dataclass(frozen=True)
class Affine:
    """Sum of numeric factors times atoms, plus a number."""

    terms: tuple[tuple[Node, float], ...]
    offset: float


def affine(graph: Graph, root: Node) -> Affine:
    """Return ``root`` as an affine form with numeric coefficients."""
    known: dict[int, Affine] = {}
    for n in reachable([root], graph):
        known[n.uid] = _affine(n, [known[a.uid] for a in n.args if a.uid in known])
    return known[root.uid]


def _affine(n: Node, args: list[Affine]) -> Affine:
    if n.value is not None:
        return Affine((), n.value)
    if n.op in ("add", "sub"):
        a, b = args
        sign = 1.0 if n.op == "add" else -1.0
        terms = dict(a.terms)
        for atom, k in b.terms:
            terms[atom] = terms.get(atom, 0.0) + sign * k
        return Affine(tuple((x, k) for x, k in terms.items() if k), a.offset + sign * b.offset)
    if n.op == "neg":
        return Affine(tuple((x, -k) for x, k in args[0].terms), -args[0].offset)
    if n.op == "mul" and n.args[0].value is not None:
        c = n.args[0].value
        return Affine(tuple((x, c * k) for x, k in args[1].terms), c * args[1].offset)
    return Affine(((n, 1.0),), 0.0)
