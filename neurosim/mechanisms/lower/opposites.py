"""Differences and exponentials that occur with both signs: a - b beside b - a, exp(u) beside exp(-u)."""

from __future__ import annotations

from neurosim.mechanisms.lower.derive import NonlinearError, dependents, linear_form
from neurosim.mechanisms.lower.ir import Graph, Node, reachable
from neurosim.mechanisms.lower.rewrite import affine, rewrite

# What exp(offset) may be at most as a factor, in the precision of the build.
MOST_OFFSET = {"float64": 300.0, "float32": 40.0}


def share_differences(graph: Graph, roots: list[Node]) -> list[Node]:
    """Write b - a as -(a - b) where a - b is computed anyway, so that what follows from them is shared, too."""
    kept: dict[tuple[object, ...], Node] = {}
    opposite: dict[int, Node] = {}
    for n in reachable(roots, graph):
        if n.rank < 2 or n.op not in ("add", "sub"):
            continue
        a, b = n.args
        if n.op == "add" and a.value is None:
            continue
        left: object = a.value if a.value is not None else a.uid
        reverse: tuple[object, ...] = ("sub", b.uid, left)
        if a.value is not None:
            reverse = ("sub", -a.value, b.uid) if n.op == "add" else ("add", -a.value, b.uid)
        if reverse in kept:
            opposite[n.uid] = kept[reverse]
        else:
            kept[(n.op, left, b.uid)] = n
    if not opposite:
        return roots
    made: dict[int, Node] = {}

    def replace(n: Node, args: tuple[Node, ...]) -> Node | None:
        other = opposite.get(n.uid)
        if other is None:
            return None
        if other.args == tuple(reversed(args)) or other.args[1] is args[1]:
            return made.setdefault(n.uid, graph.make("neg", other))
        return None

    return rewrite(graph, roots, replace)


def share_exponentials(graph: Graph, roots: list[Node], real: str = "float64") -> list[Node]:
    """Compute X/(s exp(-u) + o) from E = exp(u), where that is there, as X (E/(s + o E)).

    Safe wherever the original is: E lies between exp(-700) and exp(700) (float32: exp(80)) or is 0, so the quotient is
    bounded by 1/o and the result differs by rounding only. An exponential is replaced only if all its uses are in
    denominators.
    """
    forms = []
    for n in reachable(roots, graph):
        if n.op == "call" and n.data == "exp" and n.rank == 2:
            form = affine(graph, n.args[0])
            if form.terms:
                forms.append((n, frozenset((x.uid, k) for x, k in form.terms), form.offset))
    kept: set[int] = set()
    quotients: dict[int, Node] = {}
    gone: set[int] = set()
    for index, (f, terms, offset) in enumerate(forms):
        negative = frozenset((uid, -k) for uid, k in terms)
        for e, others, other_offset in (*forms[:index], *forms[index + 1 :]):
            if others != negative or e.uid in gone or f.uid in kept or abs(offset + other_offset) > MOST_OFFSET[real]:
                continue
            found = _as_quotients(graph, roots, f, e, graph.call("exp", graph.num(offset + other_offset)))
            if found is not None and not found.keys() & quotients.keys():
                quotients.update(found)
                gone.add(f.uid)
                kept.add(e.uid)
            break
    if not quotients:
        return roots

    def replace(n: Node, args: tuple[Node, ...]) -> Node | None:
        factor = quotients.get(n.uid)
        return None if factor is None else graph.mul(args[0], factor)

    return rewrite(graph, roots, replace)


def _as_quotients(graph: Graph, roots: list[Node], f: Node, e: Node, product: Node) -> dict[int, Node] | None:
    """Return division -> the factor that replaces 1/denominator, or None if ``f`` has other uses."""
    found: dict[int, Node] = {}
    tainted = {f.uid}
    for n in reachable(roots, graph):
        if n.op == "out" or not any(a.uid in tainted for a in n.args):
            continue
        if n.op == "div" and n.args[1].uid in tainted and n.args[0].uid not in tainted:
            try:
                finder, form = linear_form(graph, n.args[1], f)
            except NonlinearError:
                return None
            slope, offset = finder.expanded(form)
            if slope is None or slope.uid in dependents(graph, slope, f) or slope.value is None:
                return None
            bottom = graph.mul(slope, product)
            if offset is not None:
                bottom = graph.add(bottom, graph.mul(offset, e))
            found[n.uid] = graph.div(e, bottom)
        else:
            tainted.add(n.uid)
    if any(r.uid in tainted for r in roots):
        return None
    ends = [n for n in reachable(roots, graph) if n.uid in tainted]
    used_elsewhere = any(n.op not in ("add", "sub", "mul", "neg") for n in ends if n is not f)
    return None if used_elsewhere or not found else found
