"""What stays the same during a run is computed once: exponentials of parameters become hidden fields.

The decay of a synapse over one step, exp(-dt/tau), differs between instances and not between steps. Such expressions
are taken out of the programs that run in every step and become outputs of ``initial``.
"""

from __future__ import annotations

from neurosim.mechanisms.lower.additive import SAME_IN_A_RUN, at_start
from neurosim.mechanisms.lower.execute import Values
from neurosim.mechanisms.lower.ir import Graph, Node, reachable
from neurosim.mechanisms.lower.names import Names, symbol
from neurosim.mechanisms.lower.rewrite import rewrite

Outputs = list[tuple[str, Node]]

HOISTED = "hoisted"
"""Beginning of the names of hidden fields."""

COSTLY = frozenset({"exp", "log", "log10", "pow_", "sin", "cos", "tan", "sinh", "cosh", "tanh"})
"""Functions worth a field; a division costs less than reading one."""

DRAWN = frozenset({"normal"})
"""Variables that the engine draws anew in every step."""

MOST = 8
"""Hidden fields of one mechanism; with more, computing is as quick as reading."""


def constant_fields(names: Names, outs: list[Outputs]) -> frozenset[str]:
    """Return the fields that no program but ``initial`` (the first of ``outs``) changes."""
    fields = {symbol(e) for n in (*names.parameters, *names.states, *names.assigned) for e in names.elements(n)}
    changing = {n for out in outs[1:] for n, _ in out}
    return frozenset(fields - changing - set(names.mech.pointers) - set(names.ion_names) - DRAWN)


def hoist(
    graph: Graph, names: Names, outs: list[Outputs], roots: list[Node], start: Values
) -> tuple[dict[int, Node], Outputs]:
    """Return what to put for which nodes (by ``uid``), and the hidden fields with their values at the end of INITIAL.

    Parameters
    ----------
    graph, names : Graph, Names
        The mechanism.
    outs : list
        Outputs of all programs, ``initial`` first, without variables that are only recorded.
    roots : list of Node
        Results of the programs that run in every step.
    start : dict
        Variables after INITIAL.
    """
    constant = constant_fields(names, outs)
    order = reachable(roots, graph)
    if any(n.op in ("out", "carry", "lookup") for n in order):
        return {}, []
    same: dict[int, bool] = {}
    costly: dict[int, bool] = {}
    found: dict[int, Node] = {}
    for n in order:
        if n.op in ("num", "mask"):
            same[n.uid], costly[n.uid] = True, False
        elif n.op == "in":
            same[n.uid], costly[n.uid] = str(n.data) in constant | SAME_IN_A_RUN, False
        else:
            same[n.uid] = all(same[a.uid] for a in n.args)
            costly[n.uid] = (n.op == "call" and n.data in COSTLY) or any(costly[a.uid] for a in n.args)
            if not same[n.uid]:
                found.update({a.uid: a for a in n.args if same[a.uid] and costly[a.uid] and not a.is_mask})
    marked = [n for n in found.values() if _reads_field(graph, n)]
    hidden = [(f"{HOISTED}{k}", at_start(graph, names, n, start)) for k, n in enumerate(marked)]
    if len(hidden) > MOST or any(names.known(name) for name, _ in hidden):
        return {}, []
    return {n.uid: graph.name(name) for n, (name, _) in zip(marked, hidden, strict=True)}, hidden


def replaced(graph: Graph, nodes: list[Node], places: dict[int, Node]) -> list[Node]:
    """Return nodes with the hidden fields put in."""
    return rewrite(graph, nodes, lambda n, _: places.get(n.uid)) if places else nodes


def _reads_field(graph: Graph, n: Node) -> bool:
    return any(x.op == "in" and x.data not in SAME_IN_A_RUN for x in reachable([n], graph))
