"""Systems of linear equations in straight-line code.

Three ways: ``eliminate`` for systems whose coefficients are known as values of the graph (LINEAR blocks, linear
derivimplicit): up to 3 equations with row pivoting by masks, more with one order of pivots for all lanes, chosen
by evaluating the coefficients at the parameters' defaults and several voltages; ``pivoted`` with masks at any size;
``eliminate_in_order`` for given pivots (kinetic schemes, whose matrices need no pivoting).
"""

from __future__ import annotations

import numpy as np

from neurosim.mechanisms.lower.derive import NonlinearError, dependents, linear_form
from neurosim.mechanisms.lower.evaluate import evaluate
from neurosim.mechanisms.lower.execute import Executor, flat
from neurosim.mechanisms.lower.ir import Graph, Node
from neurosim.mechanisms.lower.names import symbol
from neurosim.mechanisms.syntax import Equation, Name, SolveBlock, Stmt, walk

Row = dict[int, Node]
MASKED = 3
SAMPLES_MV = (-120.0, -90.0, -65.0, -40.0, -10.0, 30.0)
WEAKEST = 0.1  # a pivot may be this much smaller than the largest of its column
IONS = {"e": -65.0, "i": 1e-3, "o": 2.0}


def multilinear(graph: Graph, values: list[Node], unknowns: list[Node]) -> tuple[list[Row], list[Node | None]]:
    """Return matrix and right-hand side of ``values = 0``, as A x = b.

    Raises
    ------
    NonlinearError
        A value is not linear in all unknowns together by its construction.
    """
    matrix: list[Row] = []
    rhs: list[Node | None] = []
    for value in values:
        row: Row = {}
        rest: Node | None = value
        for j, x in enumerate(unknowns):
            if rest is None:
                break
            finder, form = linear_form(graph, rest, x)
            slope, rest = finder.expanded(form)
            if slope is not None:
                row[j] = slope
        for slope in row.values():
            for x in unknowns:
                if slope.uid in dependents(graph, slope, x):
                    raise NonlinearError
        matrix.append(row)
        rhs.append(None if rest is None else graph.neg(rest))
    return matrix, rhs


def solve_block(ex: Executor, block: SolveBlock) -> None:
    """Solve a LINEAR block for its states and assign them."""
    graph, names = ex.graph, ex.context.names
    keys = [k for k in flat(names, tuple(names.states)) if mentions(block, k)]
    symbols = [graph.make("in", data=f"'{k}", rank=2) for k in keys]
    values = balances(ex, block, dict(zip(keys, symbols, strict=True)))
    if len(values) != len(keys):
        ex.fail(f"{block.name} has {len(values)} equations for {len(keys)} states ({', '.join(keys)}).")
    try:
        matrix, rhs = multilinear(graph, values, symbols)
    except NonlinearError:
        ex.fail(f"the equations of {block.name} are not linear in {', '.join(keys)}; use NONLINEAR.")
    ex.values.update(zip(keys, eliminate(ex, matrix, rhs), strict=True))


def balances(ex: Executor, block: SolveBlock, states: dict[str, Node]) -> list[Node]:
    """Return left - right of the block's equations at given states, leaving ``ex`` as it is."""
    values: list[Node] = []

    def collect(ex: Executor, s: Stmt) -> bool:
        if not isinstance(s, Equation):
            return False
        if ex.conditional:
            ex.refuse("equation under if", "an equation cannot stand under if; put the condition into its terms.")
        values.append(ex.graph.sub(ex.value(s.left), ex.value(s.right)))
        return True

    before, handler = ex.values, ex.handler
    ex.values, ex.handler = {**before, **states}, collect
    ex.run(block.body)
    ex.values, ex.handler = before, handler
    return values


def mentions(block: SolveBlock, key: str) -> bool:
    """Whether an equation of the block names a state."""
    name = key.split("[")[0]
    return any(
        isinstance(x, Name) and x.id == name
        for s in equations(block.body)
        for side in (s.left, s.right)
        for x in walk(side)
    )


def equations(body: tuple[Stmt, ...]) -> list[Equation]:
    """Return the equations of a block, also those inside FROM."""
    found: list[Equation] = []
    for s in body:
        if isinstance(s, Equation):
            found.append(s)
        for part in ("body", "then", "orelse"):
            found.extend(equations(getattr(s, part, ())))
    return found


def eliminate(ex: Executor, matrix: list[Row], rhs: list[Node | None]) -> list[Node]:
    """Return x with A x = b."""
    graph, n = ex.graph, len(matrix)
    zero = graph.num(0.0)
    if n <= MASKED:
        dense = [[row.get(j, zero) for j in range(n)] for row in matrix]
        return pivoted(graph, dense, [b if b is not None else zero for b in rhs])
    return eliminate_in_order(graph, matrix, rhs, _pivots(ex, matrix))


def pivoted(graph: Graph, matrix: list[list[Node]], rhs: list[Node]) -> list[Node]:
    """Solve a small dense system with row pivoting by masks."""
    a, b, n = [list(row) for row in matrix], list(rhs), len(matrix)
    inverse: list[Node] = []
    for k in range(n):
        for i in range(k + 1, n):
            if a[i][k].value == 0.0:
                continue
            larger = graph.compare(">", graph.call("fabs", a[i][k]), graph.call("fabs", a[k][k]))
            for row_k, row_i in ((a[k], a[i]),):
                for j in range(k, n):
                    row_k[j], row_i[j] = (
                        graph.where(larger, row_i[j], row_k[j]),
                        graph.where(larger, row_k[j], row_i[j]),
                    )
            b[k], b[i] = graph.where(larger, b[i], b[k]), graph.where(larger, b[k], b[i])
        inverse.append(graph.div(graph.num(1.0), a[k][k]))
        for i in range(k + 1, n):
            if a[i][k].value == 0.0:
                continue
            factor = graph.mul(a[i][k], inverse[k])
            for j in range(k + 1, n):
                a[i][j] = graph.sub(a[i][j], graph.mul(factor, a[k][j]))
            b[i] = graph.sub(b[i], graph.mul(factor, b[k]))
    x: list[Node] = [graph.num(0.0)] * n
    for k in reversed(range(n)):
        rest = b[k]
        for j in range(k + 1, n):
            rest = graph.sub(rest, graph.mul(a[k][j], x[j])) if a[k][j].value != 0.0 else rest
        x[k] = graph.mul(rest, inverse[k])
    return x


def eliminate_in_order(
    graph: Graph, matrix: list[Row], rhs: list[Node | None], pivots: list[tuple[int, int]]
) -> list[Node]:
    """Solve a sparse system by elimination with the given (row, column) pivots; zeros by construction cost nothing."""
    rows, b = [dict(r) for r in matrix], list(rhs)
    open_rows = [r for r, _ in pivots]
    inverse: dict[int, Node] = {}
    for row, column in pivots:
        inverse[column] = graph.div(graph.num(1.0), rows[row][column])
        open_rows.remove(row)
        _clear_column(graph, rows, b, (row, column), open_rows, inverse[column])
    x: dict[int, Node] = {}
    for row, column in reversed(pivots):
        rest = b[row]
        for j, value in rows[row].items():
            if j != column:
                product = graph.mul(value, x[j])
                rest = graph.neg(product) if rest is None else graph.sub(rest, product)
        x[column] = graph.num(0.0) if rest is None else graph.mul(rest, inverse[column])
    return [x[j] for j in range(len(matrix))]


def _clear_column(
    graph: Graph, rows: list[Row], b: list[Node | None], pivot: tuple[int, int], below: list[int], inverse: Node
) -> None:
    row, column = pivot
    right = b[row]
    for i in below:
        if column not in rows[i]:
            continue
        factor = graph.mul(rows[i].pop(column), inverse)
        for j, value in rows[row].items():
            if j != column:
                product = graph.mul(factor, value)
                rows[i][j] = graph.sub(rows[i][j], product) if j in rows[i] else graph.neg(product)
        if right is not None:
            product, kept = graph.mul(factor, right), b[i]
            b[i] = graph.neg(product) if kept is None else graph.sub(kept, product)


def _pivots(ex: Executor, matrix: list[Row]) -> list[tuple[int, int]]:
    """Choose an order of pivots for all lanes: little fill-in, no weak pivot at any of the sampled voltages."""
    n = len(matrix)
    flat_values = [v for row in matrix for v in row.values()]
    sampled = iter(evaluate(ex.graph, flat_values, _samples(ex)))
    a = np.zeros((n, n, len(SAMPLES_MV)))
    for i, row in enumerate(matrix):
        for j in row:
            a[i, j] = next(sampled)
    pattern = [set(row) for row in matrix]
    rows, columns = list(range(n)), list(range(n))
    order = []
    while rows:
        with np.errstate(all="ignore"):
            largest = np.abs(a[np.ix_(rows, columns)]).max(axis=0)
            strength = {
                (i, j): float(np.min(np.abs(a[i, j]) / largest[columns.index(j)]))
                for i in rows
                for j in columns
                if j in pattern[i]
            }
        strength = {p: s if np.isfinite(s) else 0.0 for p, s in strength.items()}
        if not strength or max(strength.values()) == 0.0:
            ex.fail(
                "the equations of a LINEAR block are singular; there must be one independent equation for each state."
            )
        strong = [p for p, s in strength.items() if s >= min(WEAKEST, max(strength.values()))]
        i, j = min(strong, key=lambda p: (_fill(pattern, rows, p), -strength[p], p))
        order.append((i, j))
        rows.remove(i)
        columns.remove(j)
        with np.errstate(all="ignore"):
            for k in rows:
                if j in pattern[k]:
                    a[k] -= a[k, j] / a[i, j] * a[i]
                    pattern[k] |= pattern[i]
                pattern[k].discard(j)
    return order


def _fill(pattern: list[set[int]], rows: list[int], pivot: tuple[int, int]) -> int:
    """Return Markowitz's count of a pivot."""
    i, j = pivot
    return (len(pattern[i]) - 1) * (sum(j in pattern[k] for k in rows) - 1)


def _samples(ex: Executor) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float64]] | float]:
    names = ex.context.names
    values: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float64]] | float] = {
        symbol(e): p.default for p in names.mech.parameters for e in names.elements(p.name)
    }
    values |= {n: IONS.get("i" if n.endswith("i") else "o" if n.endswith("o") else "e", 1.0) for n in names.ion_names}
    values |= {"celsius": 25.0, "dt": 0.025, "t": 1.0, "area": 100.0, "diam": 1.0}
    values["v"] = np.array(SAMPLES_MV)
    return values
