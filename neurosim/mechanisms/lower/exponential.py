"""METHOD cnexp: the exact step of equations that are linear in their own state (nmodl.md 4.4)."""

from __future__ import annotations

from neurosim.mechanisms.lower.arrays import is_element
from neurosim.mechanisms.lower.derive import NonlinearError, linear_form
from neurosim.mechanisms.lower.execute import Executor
from neurosim.mechanisms.lower.ir import Node
from neurosim.mechanisms.syntax import Binary, Call, Expr, Name, Prime, SolveBlock, Stmt, Unary, walk

OWN = "'own"


def advance(ex: Executor, block: SolveBlock) -> None:
    """Execute a DERIVATIVE block, replacing each equation x' = a x + b by its exact step over dt.

    x becomes inf + exp(dt a) (x - inf) with inf = -b/a, one equation after the other, each already seeing the new
    values of the former. Only x as written in the equation itself counts; what routines and earlier statements made
    of it is held fixed.

    Raises
    ------
    NonlinearError
        An equation is not linear; nothing of ``ex`` has been changed.
    """
    before, handler = ex.values, ex.handler
    ex.values, ex.handler = dict(before), _step
    try:
        ex.run(block.body)
    except NonlinearError:
        ex.values = before
        raise
    finally:
        ex.handler = handler


def _step(ex: Executor, s: Stmt) -> bool:
    if not isinstance(s, Prime):
        return False
    key = ex.key(s.target)
    graph = ex.graph
    x = ex.read(key)
    own = graph.make("in", data=f"'{key}", rank=2)
    rate = ex.with_local(OWN, own, _own(ex, s.value, key))
    finder, form = linear_form(graph, rate, own)
    dt = ex.read("dt")
    if form.slope is None:
        offset = finder.expanded(form)[1]
        ex.values[key] = x if offset is None else graph.add(x, graph.mul(dt, offset))
        return True
    exponent = graph.mul(graph.mul(dt, form.scale or graph.num(1.0)), form.slope)
    if form.divisor is not None:
        exponent = graph.div(exponent, form.divisor)
    decay = graph.call("exp", exponent)
    ex.values[key] = _relaxed(ex, x, decay, form.slope, form.offset)
    return True


def _relaxed(ex: Executor, x: Node, decay: Node, slope: Node, offset: Node | None) -> Node:
    graph = ex.graph
    if offset is None:
        return graph.mul(decay, x)
    end = graph.div(graph.neg(offset), slope)
    return graph.add(end, graph.mul(decay, graph.sub(x, end)))


def _own(ex: Executor, x: Expr, key: str) -> Expr:
    """Return ``x`` with the state replaced by the name ``OWN``; a routine that takes it is not linear."""
    match x:
        case Name() if x.id not in ex.context.names.constants and is_element(ex, x, key):
            return Name(OWN)
        case Unary(op, a):
            return Unary(op, _own(ex, a, key))
        case Binary(op, a, b):
            return Binary(op, _own(ex, a, key), _own(ex, b, key))
        case Call(fn, args):
            new = tuple(_own(ex, a, key) for a in args)
            if fn in ex.context.names.routines and any(n == Name(OWN) for a in new for n in walk(a)):
                raise NonlinearError
            return Call(fn, new)
        case _:
            return x
