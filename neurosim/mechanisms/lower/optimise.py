"""Rewriting of finished programs: merged exponentials and shared reciprocals.

Values may change by rounding only (a merged exponential of degree n by about n ulp).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from neurosim.mechanisms.lower.ir import Graph, Node, reachable
from neurosim.mechanisms.lower.opposites import share_differences, share_exponentials
from neurosim.mechanisms.lower.rewrite import Affine, affine, rewrite

MAX_DEGREE = 32
# Merging must be safe from overflow up to the first number, mV, with arguments up to the second: exp clips at 700, in
# float32 at 80.
SAFE = {"float64": (500.0, 600.0), "float32": (200.0, 75.0)}
SAME_RATIO = 1e-12

# ---- exponentials


@dataclass(frozen=True)
class _Exponential:
    node: Node
    direction: tuple[tuple[int, float], ...]
    slope: float
    form: Affine


def _exponentials(graph: Graph, roots: list[Node], bounded: Callable[[Node], bool], real: str) -> list[_Exponential]:
    v_bound, safe_argument = SAFE[real]
    found = []
    for n in reachable(roots, graph):
        if n.op != "call" or n.data != "exp" or n.rank < 2:
            continue
        form = affine(graph, n.args[0])
        if not form.terms or not all(bounded(atom) for atom, _ in form.terms):
            continue
        terms = sorted(form.terms, key=lambda p: p[0].uid)
        slope = terms[0][1]
        if abs(slope) * v_bound * len(terms) + abs(form.offset) > safe_argument:
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


def merge_exponentials(
    graph: Graph, roots: list[Node], bounded: Callable[[Node], bool], real: str = "float64"
) -> list[Node]:
    """Write exps of commensurable affine arguments as powers of one where that needs fewer exps.

    Strategy: exponentials with proportional linear parts and the same sign form a group; a base slope is chosen that
    makes all slopes whole multiples n <= 32; exp(n*s*u + c) = exp(s*u)**n * exp(c) with exp(c) a literal. Only
    arguments that stay below 600 for |v| <= 500 mV take part (float32: 75 for 200 mV), so no power overflows where
    the exps would not.
    """
    groups: dict[tuple[object, ...], list[_Exponential]] = {}
    for e in _exponentials(graph, roots, bounded, real):
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
    """Replace several quotients of one denominator by products with its reciprocal.

    The reciprocal of a product of denominators is the product of their reciprocals.
    """
    counts: dict[int, int] = {}
    nodes: dict[int, Node] = {}
    for n in reachable(roots, graph):
        if n.op == "div" and n.rank == 2:
            counts[n.args[1].uid] = counts.get(n.args[1].uid, 0) + 1
            nodes[n.args[1].uid] = n.args[1]
    products = {u for u, d in nodes.items() if d.op == "mul" and all(a.uid in nodes for a in d.args)}
    for u in products:
        for a in nodes[u].args:
            counts[a.uid] += 1

    def reciprocal(old: Node, new: Node) -> Node:
        if old.uid in products and new.op == "mul":
            a, b = (reciprocal(o, n) for o, n in zip(old.args, new.args, strict=True))
            return graph.make("mul", a, b)
        return graph.make("div", graph.num(1.0), new)

    def replace(n: Node, args: tuple[Node, ...]) -> Node | None:
        if n.op != "div" or n.rank < 2 or (counts[n.args[1].uid] < 2 and n.args[1].uid not in products):
            return None
        one = reciprocal(n.args[1], args[1])
        return one if args[0].value == 1.0 else graph.make("mul", args[0], one)

    return rewrite(graph, roots, replace)


def optimise(graph: Graph, roots: list[Node], bounded: Callable[[Node], bool], real: str = "float64") -> list[Node]:
    """Run all rewritings over the outputs of one program."""
    roots = share_differences(graph, roots)
    roots = share_exponentials(graph, roots, real)
    roots = merge_exponentials(graph, roots, bounded, real)
    roots = share_differences(graph, roots)
    roots = flatten_arguments(graph, roots)
    return share_reciprocals(graph, roots)
