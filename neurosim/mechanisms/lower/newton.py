"""Newton's method as NEURON does it for derivimplicit and NONLINEAR (nmodl.md 4.5), lane by lane.

Strategy: one loop of at most 50 rounds for all lanes. The Jacobian is a central difference with step max(2 % of |x|,
1e-6), taken over only in lanes whose last relative change exceeded 5 %. A lane is done when its relative change is <=
1e-6 and its residual <= 1e-8; then its states are frozen, so that it does not matter who its neighbours are. A lane
that is not done after 50 rounds returns NaN. Residuals that are linear by construction are solved at once.
"""

from __future__ import annotations

from collections.abc import Callable

from neurosim.mechanisms.lower.derive import NonlinearError
from neurosim.mechanisms.lower.execute import Executor, flat
from neurosim.mechanisms.lower.explicit import at, rates
from neurosim.mechanisms.lower.ir import Graph, Node, as_lanes
from neurosim.mechanisms.lower.linear import balances, eliminate, mentions, multilinear, pivoted
from neurosim.mechanisms.syntax import SolveBlock

ROUNDS = 50
REBUILD = 0.05
CHANGE = 1e-6
RESIDUAL = 1e-8
TINY = 1e-8
STEP = 0.02
LEAST_STEP = 1e-6

Residual = Callable[[list[Node]], list[Node]]


def derivimplicit(ex: Executor, block: SolveBlock, dt: Node | None = None) -> None:
    """Advance by backward Euler: f(x) - (x - x_old)/dt = 0, then run the block once more at the solution."""
    graph = ex.graph
    step = ex.read("dt") if dt is None else dt
    keys = list(at(ex, block, {}))
    old = [ex.read(k) for k in keys]
    per_step = graph.div(graph.num(1.0), step)

    def residual(x: list[Node]) -> list[Node]:
        f = at(ex, block, dict(zip(keys, x, strict=True)))
        return [graph.sub(f[k], graph.mul(per_step, graph.sub(a, b))) for k, a, b in zip(keys, x, old, strict=True)]

    for key, x in zip(keys, root(ex, residual, old), strict=True):
        ex.values[key] = x
    rates(ex, block)


def solve_block(ex: Executor, block: SolveBlock) -> None:
    """Solve a NONLINEAR block for its states from their present values, then assign them."""
    names = ex.context.names
    keys = [k for k in flat(names, tuple(names.states)) if mentions(block, k)]

    def residual(x: list[Node]) -> list[Node]:
        return balances(ex, block, dict(zip(keys, x, strict=True)))

    n = len(balances(ex, block, {}))
    if n != len(keys):
        ex.fail(f"{block.name} has {n} equations for {len(keys)} states ({', '.join(keys)}).")
    ex.values.update(zip(keys, root(ex, residual, [ex.read(k) for k in keys]), strict=True))


def root(ex: Executor, residual: Residual, start: list[Node]) -> list[Node]:
    """Return where the residual vanishes, from ``start``; directly if it is linear by construction."""
    graph = ex.graph
    symbols = [graph.make("in", data=f"'x{j}", rank=2) for j in range(len(start))]
    try:
        matrix, rhs = multilinear(graph, residual(symbols), symbols)
    except NonlinearError:
        return _iterate(graph, residual, start)
    return eliminate(ex, matrix, rhs)


def _iterate(graph: Graph, residual: Residual, start: list[Node]) -> list[Node]:
    n = len(start)
    nowhere = graph.make("none", graph.name(graph.lane))
    lane = [as_lanes(graph, x) for x in start]
    first = [as_lanes(graph, r) for r in residual(start)]
    loop = graph.loop(ROUNDS, [*lane, *first, *([lane[0]] * (n * n)), graph.negate(nowhere), nowhere])
    x, value = loop.carries[:n], loop.carries[n : 2 * n]
    held = loop.carries[2 * n : 2 * n + n * n]
    stale, done = loop.carries[-2], loop.carries[-1]
    fresh = _jacobian(graph, residual, x)
    jacobian = [[graph.where(stale, fresh[i][j], held[i * n + j]) for j in range(n)] for i in range(n)]
    delta = pivoted(graph, jacobian, [graph.neg(r) for r in value])
    new = [graph.add(a, d) for a, d in zip(x, delta, strict=True)]
    after = residual(new)
    moved, settled, broken = _judge(graph, x, delta, new, after)
    loop.results = [
        *(graph.where(done, a, b) for a, b in zip(x, new, strict=True)),
        *after,
        *(jacobian[i][j] for i in range(n) for j in range(n)),
        moved,
        graph.either(done, graph.either(settled, broken)),
    ]
    loop.done = done
    finished = graph.after(loop, len(loop.carries) - 1)
    return [graph.where(finished, graph.after(loop, k), graph.num(float("nan"))) for k in range(n)]


def _jacobian(graph: Graph, residual: Residual, x: list[Node]) -> list[list[Node]]:
    columns = []
    for j, xj in enumerate(x):
        step = graph.call("maximum", graph.mul(graph.num(STEP), graph.call("fabs", xj)), graph.num(LEAST_STEP))
        up, down = list(x), list(x)
        up[j], down[j] = graph.add(xj, step), graph.sub(xj, step)
        scale = graph.div(graph.num(0.5), step)
        columns.append([graph.mul(graph.sub(a, b), scale) for a, b in zip(residual(up), residual(down), strict=True)])
    return [[column[i] for column in columns] for i in range(len(x))]


def _judge(
    graph: Graph, x: list[Node], delta: list[Node], new: list[Node], residual: list[Node]
) -> tuple[Node, Node, Node]:
    """Return the masks: Jacobian to be rebuilt, converged, not a number."""
    moved, settled, broken = graph.mask(False), graph.mask(True), graph.mask(False)
    for a, d, b, r in zip(x, delta, new, residual, strict=True):
        size, change = graph.call("fabs", a), graph.call("fabs", d)
        counts = graph.compare(">", size, graph.num(TINY))
        much = graph.compare(">", change, graph.mul(graph.num(REBUILD), size))
        little = graph.compare("<=", change, graph.mul(graph.num(CHANGE), size))
        moved = graph.either(moved, graph.both(counts, much))
        settled = graph.both(settled, graph.either(graph.negate(counts), little))
        settled = graph.both(settled, graph.compare("<=", graph.call("fabs", r), graph.num(RESIDUAL)))
        broken = graph.either(broken, graph.compare("!=", b, b))
    return moved, settled, broken
