"""FUNCTION_TABLE: a function of one argument given by points, straight between them and level beyond their ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurosim.mechanisms.lower.ir import Node
from neurosim.mechanisms.syntax import Expr

if TYPE_CHECKING:
    from neurosim.mechanisms.lower.execute import Executor


def call(ex: Executor, fn: str, args: tuple[Expr, ...]) -> Node | None:
    """Return the value of a FUNCTION_TABLE, None if ``fn`` is none."""
    found = next((f for f in ex.context.names.mech.functions if f.name == fn), None)
    if found is None:
        return None
    graph = ex.graph
    if not found.y:
        ex.fail(f"FUNCTION_TABLE {fn} has no values; give them: .with_functions({fn}=(x, y)).")
    (x,) = (ex.value(a) for a in args)
    value = graph.num(found.y[0])
    for k, (left, right) in enumerate(zip(found.x, found.x[1:], strict=False)):
        slope = graph.num((found.y[k + 1] - found.y[k]) / (right - left))
        line = graph.add(graph.num(found.y[k]), graph.mul(slope, graph.sub(x, graph.num(left))))
        value = graph.where(graph.compare(">", x, graph.num(left)), line, value)
    if found.x:
        value = graph.where(graph.compare(">=", x, graph.num(found.x[-1])), graph.num(found.y[-1]), value)
    return value
