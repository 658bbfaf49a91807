"""Is an event only an addition? Then many connections can share one instance, or be summed before they arrive.

A mechanism is additive if NET_RECEIVE does nothing for an event of a connection (flag 0) but ``state = state +
weight*coefficient`` with a coefficient that stays the same during a run. It is joinable if, besides, it has no other
events, its states start at 0, one step multiplies them by factors of parameters only, and its currents are sums of
states times something of the voltage: then the sum of the states of two instances with equal parameters is the state of
one instance that receives both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from neurosim.mechanisms.lower.derive import NonlinearError, linear_form
from neurosim.mechanisms.lower.execute import Values
from neurosim.mechanisms.lower.ir import Graph, Node, reachable
from neurosim.mechanisms.lower.linear import multilinear
from neurosim.mechanisms.lower.names import Names, symbol
from neurosim.mechanisms.lower.rewrite import rewrite
from neurosim.mechanisms.program import Additive

Outputs = list[tuple[str, Node]]
SAME_IN_A_COMPARTMENT = frozenset({"v", "t", "dt", "celsius", "area", "diam"})
SAME_IN_A_RUN = frozenset({"dt", "celsius"})
EFFECT = re.compile(r"(?:send|event|move|watch|netcons)\d+_(on|t|flag)")


@dataclass(frozen=True)
class Jumps:
    """What an event adds: state -> coefficient of the weight, in values of the graph."""

    coefficients: dict[str, Node]
    joinable: bool


def jumps(graph: Graph, names: Names, outs: dict[str, Outputs], start: Values) -> Jumps | None:
    """Return what an event adds to which states, None if it does anything else.

    Parameters
    ----------
    graph : Graph
        Where the values live.
    names : Names
        Symbol table.
    outs : dict
        Program name -> its outputs, without variables that are only recorded.
    start : dict
        Variables after INITIAL.
    """
    receive = names.mech.code.net_receive
    if receive is None or len(receive.parameters) != 1 or not outs["receive"]:
        return None
    fields = {symbol(e): e for n in (*names.parameters, *names.states, *names.assigned) for e in names.elements(n)}
    changing = {n for program, out in outs.items() if program != "initial" for n, _ in out}
    constant = set(fields) - changing - set(names.mech.pointers) - set(names.ion_names)
    if any(n in fields for n, _ in outs.get("connect", [])):
        return None
    weight, found = graph.name("arg0"), {}
    values = [node for _, node in outs["receive"]]
    # rewrite would change the loops of NET_RECEIVE itself.
    if any(n.op == "out" for n in reachable(values, graph)):
        return None
    connected = _without_flag(graph, values)
    for (name, _), node in zip(outs["receive"], connected, strict=True):
        effect = EFFECT.fullmatch(name) if name not in fields else None
        if effect is not None and (effect[1] != "on" or node.value == 0.0):
            continue
        if name in fields and node is graph.name(name):
            continue
        slope = _addition(graph, node, weight, graph.name(name)) if name in fields else None
        if slope is None or not _inputs([slope], graph) <= constant | SAME_IN_A_RUN:
            return None
        found[name] = slope
    if not found:
        return None
    joinable = (
        len(found) == len(outs["receive"])
        and not any(n not in names.ion_names and n.startswith("send") for n, _ in outs["initial"])
        and _starts_at_zero([fields[n] for n in found], start)
        and _homogeneous(graph, outs["advance"], set(found), constant | SAME_IN_A_RUN, only=set(found))
        and any(n == "i" for n, _ in outs["current"])
        and _homogeneous(graph, outs["current"], set(found), constant | SAME_IN_A_COMPARTMENT | set(names.ion_reads))
        and not any(n in fields for n, _ in outs["current"][2:])
    )
    return Jumps({fields[n]: slope for n, slope in found.items()}, joinable)


def additive(graph: Graph, names: Names, found: Jumps | None, start: Values) -> tuple[Additive | None, Outputs]:
    """Return the record for the engine, and the hidden fields with their values at the end of INITIAL.

    A coefficient that is neither 1 nor a field becomes the field ``<state>_jump``.
    """
    if found is None:
        return None, []
    coefficients: list[str | float] = []
    hidden: Outputs = []
    fields = {symbol(e): e for n in (*names.parameters, *names.assigned) for e in names.elements(n)}
    for state, node in found.coefficients.items():
        if node.value == 1.0:
            coefficients.append(1.0)
        elif node.op == "in" and str(node.data) in fields:
            coefficients.append(fields[str(node.data)])
        else:
            name = f"{symbol(state)}_jump"
            if names.known(name):
                return None, []
            hidden.append((name, at_start(graph, names, node, start)))
            coefficients.append(name)
    return Additive(tuple(found.coefficients), tuple(coefficients), found.joinable), hidden


def _without_flag(graph: Graph, nodes: list[Node]) -> list[Node]:
    """Return values as they are for an event of a connection."""
    zero = graph.num(0.0)
    return rewrite(graph, nodes, lambda n, _: zero if n.op == "in" and n.data == "flag" else None)


def _addition(graph: Graph, node: Node, weight: Node, state: Node) -> Node | None:
    """Return c if ``node`` is state + weight*c, else None."""
    try:
        finder, form = linear_form(graph, node, weight)
    except NonlinearError:
        return None
    slope, offset = finder.expanded(form)
    looped = slope is not None and any(n.op == "out" for n in reachable([slope], graph))
    return slope if offset is state and not looped else None


def _inputs(roots: Iterable[Node], graph: Graph) -> set[str]:
    found = {str(n.data) for n in reachable(list(roots), graph) if n.op == "in"}
    return {n for n in found if not n.startswith("table")}  # tables are the mechanism's, not an instance's


def _starts_at_zero(states: list[str], start: Values) -> bool:
    return all(s in start and start[s].value == 0.0 for s in states)


def _homogeneous(
    graph: Graph, outputs: Outputs, states: set[str], allowed: set[str] | frozenset[str], only: set[str] | None = None
) -> bool:
    """Whether each output is a sum of states times factors of ``allowed`` inputs; ``only`` these may be outputs."""
    if only is not None and {n for n, _ in outputs} - only:
        return False
    unknowns = [graph.name(s) for s in sorted(states)]
    try:
        matrix, rest = multilinear(graph, [node for _, node in outputs], unknowns)
    except NonlinearError:
        return False
    slopes = [slope for row in matrix for slope in row.values()]
    return all(r is None or r.value == 0.0 for r in rest) and _inputs(slopes, graph) <= set(allowed)


def at_start(graph: Graph, names: Names, node: Node, start: Values) -> Node:
    """Return a value of fields as INITIAL leaves them."""
    known = {symbol(key): n for key, n in start.items() if names.stored(key)}
    return rewrite(graph, [node], lambda n, _: known.get(str(n.data)) if n.op == "in" else None)[0]
