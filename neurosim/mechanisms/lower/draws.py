"""Random numbers of mechanism code: which number of the instance's stream each call draws.

``draws`` counts what an instance has drawn. It is a variable like any other, so a draw in one branch of an ``if``
happens only where that branch is taken. All RANDOM variables and the older functions draw from the one stream.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from neurosim.mechanisms.lower.ir import Node
from neurosim.mechanisms.syntax import Call, Expr

if TYPE_CHECKING:
    from neurosim.mechanisms.lower.execute import Executor

STREAM = "stream"
DRAWS = "draws"
HIDDEN = (STREAM, DRAWS)
WORDS_PLUS_1 = 4294967297.0


def _draw(ex: Executor, fn: str) -> Node:
    if ex.pure:
        ex.refuse("random numbers", f"{ex.pure} draws random numbers; draw before and keep the number in a variable.")
    return ex.graph.call(fn, ex.graph.name("random_key"), ex.read(STREAM), ex.read(DRAWS))


def uniform(ex: Executor) -> Node:
    """Return the next number, uniform in (0, 1)."""
    number = _draw(ex, "uniform")
    ex.values[DRAWS] = ex.graph.add(ex.read(DRAWS), ex.graph.num(1.0))
    return number


def gaussian(ex: Executor) -> Node:
    """Return the next standard normal number."""
    number = _draw(ex, "gaussian")
    used = _draw(ex, "gaussian_draws")
    ex.values[DRAWS] = ex.graph.add(ex.read(DRAWS), used)
    return number


def _uniform_between(ex: Executor, args: list[Node]) -> Node:
    if len(args) < 2:  # scop_random once took a seed
        return uniform(ex)
    low, high = args
    return ex.graph.add(low, ex.graph.mul(uniform(ex), ex.graph.sub(high, low)))


def _exponential(ex: Executor, args: list[Node]) -> Node:
    number = ex.graph.neg(ex.graph.call("log", uniform(ex)))
    return ex.graph.mul(args[0], number) if args else number


def _normal(ex: Executor, args: list[Node]) -> Node:
    if not args:
        return gaussian(ex)
    mean, deviation = args
    return ex.graph.add(mean, ex.graph.mul(deviation, gaussian(ex)))


def _word(ex: Executor, args: list[Node]) -> Node:
    """Return the 32-bit word that a uniform number is made of."""
    graph = ex.graph
    scaled = graph.mul(graph.num(WORDS_PLUS_1), uniform(ex))
    return graph.call("floor", graph.sub(scaled, graph.num(0.5)))


_KINDS: dict[str, Callable[[Executor, list[Node]], Node]] = {
    "scop_random": _uniform_between,
    "exprand": _exponential,
    "normrand": _normal,
    "random_dpick": _uniform_between,
    "random_ipick": _word,
    "random_uniform": _uniform_between,
    "random_negexp": _exponential,
    "random_normal": _normal,
}


def draws_in(calls: set[str]) -> bool:
    """Whether one of these functions needs the hidden fields."""
    return bool(calls & (_KINDS.keys() | {"random_setseq"}))


def call(ex: Executor, fn: str, args: tuple[Expr, ...]) -> Node | None:
    """Return the value of a function that draws, None if ``fn`` is another."""
    kind = _KINDS.get(fn)
    if kind is None:
        return None
    numbers = args[1:] if fn.startswith("random_") else args
    return kind(ex, [ex.value(a) for a in numbers])


def statement(ex: Executor, called: Call) -> bool:
    """Execute random_setseq: the next number drawn is the one of that number."""
    if called.fn != "random_setseq":
        return False
    if len(ex.context.names.mech.randoms) > 1:
        ex.refuse(
            "random_setseq",
            "random_setseq with several RANDOM variables, which share one stream; keep one of them.",
        )
    graph = ex.graph
    place = graph.call("floor", ex.value(called.args[1]))
    ex.values[DRAWS] = graph.call("maximum", place, graph.num(0.0))
    return True
