"""METHOD euler and runge, and what all methods need: the right-hand sides of a DERIVATIVE block at given states."""

from __future__ import annotations

from neurosim.mechanisms.lower.execute import Executor, Values
from neurosim.mechanisms.lower.ir import Node
from neurosim.mechanisms.syntax import Prime, SolveBlock, Stmt

RATE = "'rate"


def rates(ex: Executor, block: SolveBlock) -> dict[str, Node]:
    """Execute a DERIVATIVE block and return state -> derivative; assignments of the block stay in ``ex``."""
    found: dict[str, None] = {}

    def keep(ex: Executor, s: Stmt) -> bool:
        if not isinstance(s, Prime):
            return False
        key = ex.key(s.target)
        found.setdefault(key)
        ex.values[f"{key}{RATE}%"] = ex.value(s.value)
        return True

    handler, ex.handler = ex.handler, keep
    ex.run(block.body)
    ex.handler = handler
    return {key: ex.values.pop(f"{key}{RATE}%") for key in found}


def at(ex: Executor, block: SolveBlock, states: Values) -> dict[str, Node]:
    """Return the derivatives at other states, leaving ``ex`` as it is."""
    before = ex.values
    ex.values = {**before, **states}
    try:
        return rates(ex, block)
    finally:
        ex.values = before


def euler(ex: Executor, block: SolveBlock) -> None:
    """Advance by x + dt x', all derivatives first."""
    graph, dt = ex.graph, ex.read("dt")
    slopes = rates(ex, block)
    for key, slope in slopes.items():
        ex.values[key] = graph.add(ex.read(key), graph.mul(dt, slope))


def runge(ex: Executor, block: SolveBlock) -> None:
    """Advance by the classical method of order 4.

    As in NEURON, ``t`` starts from the end of the step and the block runs once more at the new states.
    """
    graph, dt, t = ex.graph, ex.read("dt"), ex.read("t")
    half, sixth = graph.mul(graph.num(0.5), dt), graph.mul(graph.num(1.0 / 6.0), dt)
    stages = [rates(ex, block)]
    start = {key: ex.read(key) for key in stages[0]}
    for step in (half, half, dt):
        for key, x in start.items():
            ex.values[key] = graph.add(x, graph.mul(step, stages[-1][key]))
        ex.values["t"] = graph.add(t, step)
        stages.append(rates(ex, block))
    ex.values["t"] = t
    for key, x in start.items():
        middle = graph.add(stages[1][key], stages[2][key])
        total = graph.add(graph.add(stages[0][key], graph.mul(graph.num(2.0), middle)), stages[3][key])
        ex.values[key] = graph.add(x, graph.mul(sixth, total))
    rates(ex, block)
