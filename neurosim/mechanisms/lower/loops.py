"""WHILE: unrolled while its condition is known, else a loop of the program in which lanes that are done stand still."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurosim.mechanisms.lower.ir import Node, as_lanes
from neurosim.mechanisms.syntax import Assign, Binary, For, If, Name, Num, While

if TYPE_CHECKING:
    from neurosim.mechanisms.lower.execute import Executor, Values

LAST = "'last"
UNROLLED = 10_000
ROUNDS = 1_000_000  # of a loop; what has not ended by then is NaN


def run(ex: Executor, s: While) -> None:
    """Execute a WHILE statement."""
    for _ in range(UNROLLED):
        condition = ex.graph.truth(ex.any(s.condition))
        if condition.op != "mask":
            _loop(ex, s, condition)
            return
        if not condition.data:
            return
        ex.run(s.body)
    ex.refuse("WHILE", f"WHILE has not ended after {UNROLLED} rounds; its condition must become false.")


def count(ex: Executor, s: For, step: float) -> None:
    """Execute a FROM whose bounds are known only while the program runs; they are cut to whole numbers, as in C."""
    low, high = (_whole(ex, ex.value(x)) for x in (s.low, s.high))
    with ex.local(s.var, low), ex.local(LAST, high):
        sign = "<=" if step > 0 else ">="
        further = Assign(Name(s.var), Binary("+", Name(s.var), Num(float(int(step)))), s.line)
        inner = If(Num(1.0), s.body, (), s.line)
        run(ex, While(Binary(sign, Name(s.var), Name(LAST)), (inner, further), s.line))


def _whole(ex: Executor, x: Node) -> Node:
    graph = ex.graph
    below = graph.compare("<", x, graph.num(0.0))
    return graph.where(below, graph.call("ceil", x), graph.call("floor", x))


def _loop(ex: Executor, s: While, condition: Node) -> None:
    """Open a loop whose carried values are the variables that its body changes."""
    graph, before = ex.graph, dict(ex.values)
    keys: list[str] = []
    nowhere = graph.make("none", graph.name(graph.lane))
    done_at_start = graph.either(nowhere, graph.negate(condition))
    for taken in ex.path:  # a branch that is not taken must not go round
        done_at_start = graph.either(done_at_start, graph.negate(taken))
    while True:
        starts = [as_lanes(graph, _read(ex, before, key)) for key in keys]
        made = graph.loop(ROUNDS, [*starts, done_at_start])
        *carries, done = made.carries
        new, again = _round(ex, s, {**before, **dict(zip(keys, carries, strict=True))})
        more = [key for key in _changed(ex, before, new) if key not in keys]
        if not more:
            break
        keys += more
    ex.values = before
    if not keys:
        ex.refuse("WHILE", "WHILE changes no variable, so it never ends once it begins; change what it tests.")
    made.results = [graph.where(done, a, _read(ex, new, key)) for key, a in zip(keys, carries, strict=True)]
    made.results.append(graph.either(done, graph.negate(again)))
    made.done = done
    ended = graph.after(made, len(keys))
    for k, key in enumerate(keys):
        ex.values[key] = graph.where(ended, graph.after(made, k), graph.num(float("nan")))


def _round(ex: Executor, s: While, values: Values) -> tuple[Values, Node]:
    """Return the values after one round from ``values``, and whether there is another."""
    loops, fresh_path = len(ex.graph.loops), ex.path
    ex.values, ex.path = values, []
    ex.looping += 1
    ex.run(s.body)
    again = ex.graph.truth(ex.any(s.condition))
    ex.looping -= 1
    ex.path = fresh_path
    if len(ex.graph.loops) > loops:
        ex.refuse("WHILE", "a loop inside WHILE (another WHILE, or a SOLVE that iterates) is not supported; use FROM.")
    return ex.values, again


def _read(ex: Executor, values: Values, key: str) -> Node:
    ex.values = values
    return ex.read(key)


def _changed(ex: Executor, before: Values, after: Values) -> list[str]:
    """Return the variables that a round changed and that exist outside of it."""
    outer = ex.locals()
    return [
        key
        for key, node in after.items()
        if node is not _read(ex, before, key) and ("%" not in key or key.split("[")[0] in outer)
    ]
