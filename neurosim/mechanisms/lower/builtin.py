"""The built-in functions of mechanism code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurosim.mechanisms.lower import arrays, draws, effects, functions
from neurosim.mechanisms.lower.ir import Graph, Node
from neurosim.mechanisms.syntax import Call, Expr, Name

if TYPE_CHECKING:
    from neurosim.mechanisms.lower.execute import Executor

FARADAY = 96485.33212331001  # C/mol, CODATA 2018
GAS_CONSTANT = 8.31446261815324  # J/(mol K), CODATA 2018
ZERO_CELSIUS = 273.15  # K

DIRECT = {
    "exp": 1,
    "log": 1,
    "log10": 1,
    "sqrt": 1,
    "sin": 1,
    "cos": 1,
    "tan": 1,
    "asin": 1,
    "acos": 1,
    "atan": 1,
    "atan2": 2,
    "sinh": 1,
    "cosh": 1,
    "tanh": 1,
    "fabs": 1,
    "floor": 1,
    "ceil": 1,
}
RENAMED = {"pow": ("pow_", 2), "fmod": ("fmod_", 2), "abs": ("fabs", 1), "min": ("minimum", 2), "max": ("maximum", 2)}
DROPPED = frozenset({"printf", "fprintf", "at_time", "verbatim", "prterr"})


def call(ex: Executor, fn: str, args: tuple[Expr, ...]) -> Node:
    """Return the value of built-in ``fn``."""
    graph = ex.graph
    if fn == "at_time":
        return graph.num(0.0)
    found = draws.call(ex, fn, args) or functions.call(ex, fn, args)
    if found is not None:
        return found
    if fn == "where" and len(args) == 3:
        return graph.where(graph.truth(ex.any(args[0])), ex.value(args[1]), ex.value(args[2]))
    values = [ex.value(a) for a in args]
    known = DIRECT.get(fn)
    name = fn
    if fn in RENAMED:
        name, known = RENAMED[fn]
    if known is not None:
        if len(values) != known:
            ex.fail(f"{fn} takes {known} arguments, got {len(values)}.")
        return graph.call(name, *values)
    if fn == "exprel" and len(values) == 1:
        return exprel(graph, values[0])
    if fn == "nernst" and len(values) == 3:
        return nernst(graph, *values)
    if fn == "ghk" and len(values) == 4:
        return ghk(graph, *values)
    ex.fail(f"unknown function {fn}; define it as FUNCTION or use one of {', '.join(sorted((*DIRECT, *RENAMED)))}.")


def statement(ex: Executor, call_: Call) -> bool:
    """Execute a built-in used as a statement; return False if it is none."""
    if call_.fn in DROPPED:
        return True
    if draws.statement(ex, call_):
        return True
    if call_.fn in effects.STATEMENTS:
        effects.call(ex, call_)
        return True
    if call_.fn == "state_discontinuity" and len(call_.args) == 2 and isinstance(call_.args[0], Name):
        arrays.assign(ex, call_.args[0], ex.value(call_.args[1]))
        return True
    return False


def exprel(graph: Graph, x: Node) -> Node:
    """Return x/(exp(x) - 1), 1 - x/2 near 0."""
    small = graph.compare("<", graph.call("fabs", x), graph.num(1e-4))
    near = graph.sub(graph.num(1.0), graph.mul(graph.num(0.5), x))
    return graph.where(small, near, graph.div(x, graph.sub(graph.call("exp", x), graph.num(1.0))))


def nernst(graph: Graph, inside: Node, outside: Node, valence: Node) -> Node:
    """Return the reversal potential in mV, 1000 R T/(z F) ln(outside/inside), with NEURON's limits."""
    zero = graph.num(0.0)
    kelvin = graph.add(graph.name("celsius"), graph.num(ZERO_CELSIUS))
    factor = graph.div(graph.mul(graph.num(1e3 * GAS_CONSTANT / FARADAY), kelvin), valence)
    e = graph.mul(factor, graph.call("log", graph.div(outside, inside)))
    e = graph.where(graph.compare("<=", outside, zero), graph.num(-1e6), e)
    e = graph.where(graph.compare("<=", inside, zero), graph.num(1e6), e)
    return graph.where(graph.compare("==", valence, zero), zero, e)


def ghk(graph: Graph, v: Node, inside: Node, outside: Node, valence: Node) -> Node:
    """Return Goldman, Hodgkin and Katz's flux factor, 1e-3 z F (ci e(-u) - co e(u)), u = z v F/(1000 R T)."""
    kelvin = graph.add(graph.name("celsius"), graph.num(ZERO_CELSIUS))
    u = graph.div(graph.mul(graph.mul(graph.num(1e-3 * FARADAY / GAS_CONSTANT), valence), v), kelvin)
    flux = graph.sub(
        graph.mul(inside, exprel(graph, graph.neg(u))),
        graph.mul(outside, exprel(graph, u)),
    )
    return graph.mul(graph.mul(graph.num(1e-3 * FARADAY), valence), flux)
