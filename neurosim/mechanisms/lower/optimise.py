"""Rewriting of finished programs: merged exponentials and shared reciprocals.

Values may change by rounding only (a merged exponential of degree n by about n ulp).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from neurosim.mechanisms.lower.ir import Graph, Node, reachable

MAX_DEGREE = 32
V_BOUND = 500.0  # mV; merging must be safe from overflow up to here
SAFE_ARGUMENT = 600.0
SAME_RATIO = 1e-12

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


# ---- exponentials


@dataclass(frozen=True)
class Affine:
    """Sum of numeric factors times atoms, plus a number."""

    terms: tuple[tuple[Node, float], ...]
    offset: float


def affine(graph: Graph, n: Node) -> Affine:
    """Return ``n`` as an affine form with numeric coefficients."""
    if n.value is not None:
        return Affine((), n.value)
    if n.op in ("add", "sub"):
        a, b = affine(graph, n.args[0]), affine(graph, n.args[1])
        sign = 1.0 if n.op == "add" else -1.0
        terms = dict(a.terms)
        for atom, k in b.terms:
            terms[atom] = terms.get(atom, 0.0) + sign * k
        return Affine(tuple((x, k) for x, k in terms.items() if k), a.offset + sign * b.offset)
    if n.op == "neg":
        a = affine(graph, n.args[0])
        return Affine(tuple((x, -k) for x, k in a.terms), -a.offset)
    if n.op == "mul" and n.args[0].value is not None:
        c, a = n.args[0].value, affine(graph, n.args[1])
        return Affine(tuple((x, c * k) for x, k in a.terms), c * a.offset)
    return Affine(((n, 1.0),), 0.0)


@dataclass(frozen=True)
class _Exponential:
    node: Node
    direction: tuple[tuple[int, float], ...]
    slope: float
    form: Affine


def _exponentials(graph: Graph, roots: list[Node], bounded: Callable[[Node], bool]) -> list[_Exponential]:
    found = []
    for n in reachable(roots, graph):
        if n.op != "call" or n.data != "exp" or n.rank < 2:
            continue
        form = affine(graph, n.args[0])
        if not form.terms or not all(bounded(atom) for atom, _ in form.terms):
            continue
        terms = sorted(form.terms, key=lambda p: p[0].uid)
        slope = terms[0][1]
        if abs(slope) * V_BOUND * len(terms) + abs(form.offset) > SAFE_ARGUMENT:
            continue
        direction = tuple((atom.uid, round(k / slope, 13)) for atom, k in terms)
        found.append(_Exponential(n, direction, slope, form))
    return found


def _multiple(slope: float, base: float) -> int | None:
    """Return n with slope = n*base, 1 <= n <= MAX_DEGREE, or None."""
    ratio = slope / base
    n = round(ratio)
    return n if 1 <= n <= MAX_DEGREE and abs(ratio - n) <= SAME_RATIO * n else None


def _bases(slopes: list[float]) -> list[tuple[float, dict[float, int]]]:
    """Cover slopes of one sign by as few bases as possible, greedily; each base lists its slopes and degrees."""
    left = sorted(set(slopes), key=abs)
    chosen = []
    while left:
        best: tuple[tuple[int, int], float, dict[float, int]] | None = None
        ratios = [(s, Fraction(s / r).limit_denominator(MAX_DEGREE).numerator) for s in left for r in left]
        candidates = {s / n for s, n in ratios if n}
        for base in sorted(candidates, key=lambda c: (-abs(c), c)):
            members = {s: n for s in left if (n := _multiple(s, base)) is not None}
            score = (len(members), -max(members.values(), default=0))
            if members and (best is None or score > best[0]):
                best = (score, base, members)
        if best is None:
            break
        chosen.append((best[1], best[2]))
        left = [s for s in left if s not in best[2]]
    return chosen


def merge_exponentials(graph: Graph, roots: list[Node], bounded: Callable[[Node], bool]) -> list[Node]:
    """Write exps of commensurable affine arguments as powers of one where that needs fewer exps.

    Strategy: exponentials with proportional linear parts and the same sign form a group; a base slope is chosen that
    makes all slopes whole multiples n <= 32; exp(n*s*u + c) = exp(s*u)**n * exp(c) with exp(c) a literal. Only
    arguments that stay below 600 for |v| <= 500 mV take part, so no power overflows where the exps would not.
    """
    groups: dict[tuple[object, ...], list[_Exponential]] = {}
    for e in _exponentials(graph, roots, bounded):
        groups.setdefault((e.direction, e.slope > 0), []).append(e)
    powers: dict[int, Node] = {}
    for members in groups.values():
        for base, degrees in _bases([e.slope for e in members]):
            taken = [e for e in members if e.slope in degrees]
            if len(taken) < 2:
                continue
            argument = _argument(
                graph, Affine(tuple((x, k / taken[0].slope * base) for x, k in taken[0].form.terms), 0.0)
            )
            root = graph.call("exp", argument)
            for e in taken:
                power = graph.power(root, degrees[e.slope])
                factor = graph.call("exp", graph.num(e.form.offset))
                powers[e.node.uid] = graph.mul(factor, power)
    if not powers:
        return roots
    return rewrite(graph, roots, lambda n, _: powers.get(n.uid))


def _argument(graph: Graph, form: Affine) -> Node:
    out: Node | None = None
    for atom, k in form.terms:
        term = graph.mul(graph.num(k), atom)
        out = term if out is None else graph.add(out, term)
    total = out if out is not None else graph.num(0.0)
    return total if form.offset == 0.0 else graph.make("add", graph.num(form.offset), total)


def flatten_arguments(graph: Graph, roots: list[Node]) -> list[Node]:
    """Write the arguments of single exps that are affine in one atom as slope*atom + offset: one fma."""

    def replace(n: Node, args: tuple[Node, ...]) -> Node | None:
        if n.op != "call" or n.data != "exp" or args[0].rank < 2:
            return None
        form = affine(graph, args[0])
        if len(form.terms) != 1 or args[0].op in ("in", "neg"):
            return None
        return graph.call("exp", _argument(graph, form))

    return rewrite(graph, roots, replace)


# ---- divisions


def share_reciprocals(graph: Graph, roots: list[Node]) -> list[Node]:
    """Replace several quotients of one denominator by products with its reciprocal."""
    counts: dict[int, int] = {}
    for n in reachable(roots, graph):
        if n.op == "div" and n.rank == 2:
            counts[n.args[1].uid] = counts.get(n.args[1].uid, 0) + 1

    def replace(n: Node, args: tuple[Node, ...]) -> Node | None:
        if n.op != "div" or n.rank < 2 or counts.get(n.args[1].uid, 0) < 2:
            return None
        one = graph.make("div", graph.num(1.0), args[1])
        return one if args[0].value == 1.0 else graph.make("mul", args[0], one)

    return rewrite(graph, roots, replace)


def optimise(graph: Graph, roots: list[Node], bounded: Callable[[Node], bool]) -> list[Node]:
    """Run all rewritings over the outputs of one program."""
    roots = merge_exponentials(graph, roots, bounded)
    roots = flatten_arguments(graph, roots)
    return share_reciprocals(graph, roots)
