"""KINETIC blocks, METHOD sparse: backward Euler on mass action (nmodl.md 4.6).

For every state: volume (x - x_old)/dt = sum of its fluxes; CONSERVE replaces the equation of one state. A scheme in
which every side of every reaction is one state is linear and solved at once, with one order of elimination for all
lanes: such matrices are diagonally dominant and need no pivoting. Else Newton with the analytic Jacobian, rates
held fixed within a round, negative states set to 0, lane by lane as in ``newton``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from neurosim.mechanisms.lower.derive import NonlinearError
from neurosim.mechanisms.lower.execute import Executor, flat
from neurosim.mechanisms.lower.ir import Graph, Node, as_lanes
from neurosim.mechanisms.lower.linear import Row, eliminate_in_order, multilinear
from neurosim.mechanisms.syntax import Binary, Compartment, Conserve, Expr, Flux, Name, Reaction, Sink, SolveBlock, Stmt

ROUNDS = 22
SUM_OF_CHANGES = 1e-6
SINGLE_SOLVES = 7
NEGATIVE = -1e-6
STEADY_DT = 1e9

Side = tuple[tuple[float, Name], ...]


@dataclass
class Scheme:
    """The equations of one execution: fluxes and their derivatives at the states it was executed with."""

    graph: Graph
    keys: list[str]
    x: list[Node]
    flux: list[Node | None]
    slope: list[Row]
    volume: list[Node | None]
    sources: list[Node | None]
    conserved: dict[int, tuple[Row, Node]] = field(default_factory=dict)
    linear: bool = True

    def gain(self, j: int, factor: float, value: Node, slopes: Row) -> None:
        """Add ``factor*value`` to the fluxes into state ``j``, with its derivatives."""
        graph = self.graph
        scaled = graph.mul(graph.num(factor), value)
        self.flux[j] = _plus(graph, self.flux[j], scaled)
        if not slopes:
            self.sources[j] = _plus(graph, self.sources[j], scaled)
        for i, slope in slopes.items():
            term = graph.mul(graph.num(factor), slope)
            self.slope[j][i] = _plus(graph, self.slope[j].get(i), term)


def _plus(graph: Graph, a: Node | None, b: Node) -> Node:
    return b if a is None else graph.add(a, b)


class Reader:
    """Handler that collects the statements of a KINETIC block into a ``Scheme``."""

    def __init__(self, ex: Executor, keys: list[str]) -> None:
        n = len(keys)
        self.ex = ex
        x = [ex.read(k) for k in keys]
        self.scheme = Scheme(ex.graph, keys, x, [None] * n, [{} for _ in range(n)], [None] * n, [None] * n)

    def __call__(self, ex: Executor, s: Stmt) -> bool:
        """Take one statement of the block."""
        if isinstance(s, Reaction | Sink | Flux | Conserve | Compartment) and ex.conditional:
            ex.refuse("reaction under if", "a reaction cannot stand under if; put the condition into its rates.")
        match s:
            case Reaction():
                self._reaction(s)
            case Sink(left, rate):
                value, slopes = self._product(left, ex.value(rate))
                self._move(left, -1.0, value, slopes)
                self._report(value, ex.graph.num(0.0))
            case Flux(target, rate):
                value = ex.value(rate)
                self.scheme.gain(self._state(target), 1.0, value, {})
                self._report(ex.graph.num(0.0), value)
            case Conserve():
                self._conserve(s)
            case Compartment():
                self._compartment(s)
            case _:
                return False
        return True

    def _state(self, name: Name) -> int:
        key = self.ex.key(name)
        if key not in self.scheme.keys:
            self.ex.fail(f"{key} is not a STATE; only states react.")
        return self.scheme.keys.index(key)

    def _reaction(self, s: Reaction) -> None:
        graph = self.ex.graph
        forward, slopes = self._product(s.left, self.ex.value(s.forward))
        backward, back_slopes = self._product(s.right, self.ex.value(s.backward))
        self._move(s.left, -1.0, forward, slopes)
        self._move(s.right, 1.0, forward, slopes)
        negative = {i: graph.neg(n) for i, n in back_slopes.items()}
        self._move(s.left, -1.0, graph.neg(backward), negative)
        self._move(s.right, 1.0, graph.neg(backward), negative)
        self._report(forward, backward)

    def _move(self, side: Side, sign: float, value: Node, slopes: Row) -> None:
        for factor, name in side:
            if self.ex.key(name) in self.scheme.keys:
                self.scheme.gain(self._state(name), sign * factor, value, slopes)

    def _product(self, side: Side, rate: Node) -> tuple[Node, Row]:
        """Return rate * product of the side's states, and its derivatives with the rate held fixed."""
        graph, scheme = self.ex.graph, self.scheme
        orders: dict[int, int] = {}
        for factor, name in side:
            if self.ex.key(name) in scheme.keys:
                j = self._state(name)
                orders[j] = orders.get(j, 0) + int(factor)
            else:  # a known concentration
                rate = graph.mul(rate, graph.power(self.ex.read(self.ex.key(name)), int(factor)))
        if sum(orders.values()) > 1:
            scheme.linear = False
        slopes: Row = {}
        for j, order in orders.items():
            slope = graph.mul(rate, graph.mul(graph.num(order), graph.power(scheme.x[j], order - 1)))
            for i, other in orders.items():
                if i != j:
                    slope = graph.mul(slope, graph.power(scheme.x[i], other))
            slopes[j] = slope
        value = rate
        for j, order in orders.items():
            value = graph.mul(value, graph.power(scheme.x[j], order))
        return value, slopes

    def _report(self, forward: Node, backward: Node) -> None:
        self.ex.values["f_flux%"] = forward
        self.ex.values["b_flux%"] = backward

    def _conserve(self, s: Conserve) -> None:
        graph, scheme = self.ex.graph, self.scheme
        symbols = [graph.make("in", data=f"'{k}", rank=2) for k in scheme.keys]
        before = self.ex.values
        self.ex.values = {**before, **dict(zip(scheme.keys, symbols, strict=True))}
        difference = graph.sub(self.ex.value(s.left), self.ex.value(s.right))
        self.ex.values = before
        try:
            (row,), (total,) = multilinear(graph, [difference], symbols)
        except NonlinearError:
            self.ex.fail("CONSERVE must be a sum of states with constant factors.")
        row = {j: n if scheme.volume[j] is None else graph.mul(n, scheme.volume[j] or n) for j, n in row.items()}
        free = [j for j in _order_of_mention(self.ex, s.left, scheme.keys) if j in row and j not in scheme.conserved]
        if not free:
            self.ex.fail("CONSERVE names no state, or only states that other CONSERVE statements have taken.")
        scheme.conserved[free[-1]] = (row, total if total is not None else graph.num(0.0))

    def _compartment(self, s: Compartment) -> None:
        ex, scheme = self.ex, self.scheme
        for name in s.states:
            elements = ex.context.names.elements(name)
            for k, key in enumerate(elements):
                if key not in scheme.keys:
                    continue
                if s.var:
                    volume = ex.with_local(s.var, ex.graph.num(k), s.volume)
                else:
                    volume = ex.value(s.volume)
                scheme.volume[scheme.keys.index(key)] = volume


def _order_of_mention(ex: Executor, x: Expr, keys: list[str]) -> list[int]:
    """Return the states of a sum in the order they are written."""
    match x:
        case Binary(_, a, b):
            return [*_order_of_mention(ex, a, keys), *_order_of_mention(ex, b, keys)]
        case Name() if ex.key(x) in keys:
            return [keys.index(ex.key(x))]
        case _:
            return []


def read(ex: Executor, block: SolveBlock, keys: list[str]) -> Scheme:
    """Execute a KINETIC block at the states ``ex`` holds; its assignments stay in ``ex``."""
    reader = Reader(ex, keys)
    handler, ex.handler = ex.handler, reader
    ex.run(block.body)
    ex.handler = handler
    return reader.scheme


def advance(ex: Executor, block: SolveBlock, *, steady: bool = False) -> None:
    """Advance a KINETIC block by dt, or bring it to its steady state, then run it once more at the new states."""
    graph, before = ex.graph, ex.read("dt")
    if steady:
        ex.values["dt"] = graph.num(STEADY_DT)
    keys = _reacting(ex, block)
    saved = dict(ex.values)
    scheme = read(ex, block, keys)
    ex.values = saved
    if scheme.linear and not steady:
        new = _step(scheme, ex.read("dt"))
    else:
        if not scheme.linear and steady:
            ex.values.update(zip(keys, _single_solves(ex, block, keys, ex.read("dt")), strict=True))
        new = _iterate(ex, block, keys, ex.read("dt"), steady=steady)
    ex.values.update(zip(keys, new, strict=True))
    read(ex, block, keys)
    ex.values["dt"] = before


def _reacting(ex: Executor, block: SolveBlock) -> list[str]:
    """Return the states that the block's reactions change."""
    names = ex.context.names
    candidates = flat(names, tuple(names.states))
    before = dict(ex.values)
    scheme = read(ex, block, candidates)
    ex.values = before
    return [k for k, flux in zip(candidates, scheme.flux, strict=True) if flux is not None]


def _matrix(scheme: Scheme, dt: Node) -> tuple[list[Row], list[tuple[int, int]]]:
    """Return volume - dt*d(flux)/dx with the conservation rows put in, and the order of pivots."""
    graph = scheme.graph
    rows: list[Row] = []
    for j in range(len(scheme.keys)):
        if j in scheme.conserved:
            rows.append(dict(scheme.conserved[j][0]))
            continue
        row = {i: graph.neg(graph.mul(dt, slope)) for i, slope in scheme.slope[j].items()}
        volume = scheme.volume[j] or graph.num(1.0)
        row[j] = graph.add(volume, row[j]) if j in row else volume
        rows.append(row)
    return rows, _order(rows, list(scheme.conserved))


def _order(rows: list[Row], last: list[int]) -> list[tuple[int, int]]:
    """Return diagonal pivots: least fill-in first, conservation rows at the end.

    Sharing one division between two pivots that do not meet saves 4 of NaV's 15 divisions and was no faster.
    """
    pattern = {j: set(row) for j, row in enumerate(rows)}
    order = []

    def cost(j: int) -> tuple[bool, int, int]:
        return j in last, (len(pattern[j]) - 1) * (sum(j in q for q in pattern.values()) - 1), j

    while pattern:
        j = min(pattern, key=cost)
        order.append((j, j))
        own = pattern.pop(j)
        for p in pattern.values():
            if j in p:
                p |= own
            p.discard(j)
    return order


def _step(scheme: Scheme, dt: Node) -> list[Node]:
    """Solve a linear scheme: volume x - dt*flux(x) = volume x_old + dt*sources."""
    graph = scheme.graph
    rows, order = _matrix(scheme, dt)
    rhs: list[Node | None] = []
    for j, old in enumerate(scheme.x):
        if j in scheme.conserved:
            rhs.append(scheme.conserved[j][1])
            continue
        volume = scheme.volume[j]
        rhs.append(old if volume is None else graph.mul(volume, old))
        source = scheme.sources[j]
        if source is not None:
            rhs[-1] = _plus(graph, rhs[-1], graph.mul(dt, source))
    return eliminate_in_order(graph, rows, rhs, order)


def _round(ex: Executor, block: SolveBlock, keys: list[str], x: list[Node], old: list[Node], dt: Node) -> list[Node]:
    """Return the changes of one round of Newton's method at ``x``."""
    before = ex.values
    ex.values = {**before, **dict(zip(keys, x, strict=True))}
    scheme = read(ex, block, keys)
    ex.values = before
    rows, order = _matrix(scheme, dt)
    return eliminate_in_order(ex.graph, rows, _residual(scheme, old, dt), order)


def _single_solves(ex: Executor, block: SolveBlock, keys: list[str], dt: Node) -> list[Node]:
    """Single rounds, each from where the last one ended, until no state is below the bound: NEURON's way to a start."""
    graph, n = ex.graph, len(keys)
    nowhere = graph.make("none", graph.name(graph.lane))
    loop = graph.loop(SINGLE_SOLVES, [*(as_lanes(graph, ex.read(k)) for k in keys), nowhere])
    x, done = loop.carries[:n], loop.carries[n]
    bound, zero, any_below = graph.num(NEGATIVE), graph.num(0.0), graph.mask(False)
    new = []
    for a, d in zip(x, _round(ex, block, keys, x, x, dt), strict=True):
        moved = graph.add(a, d)
        below = graph.compare("<", moved, bound)
        new.append(graph.where(below, zero, moved))
        any_below = graph.either(any_below, below)
    loop.results = [
        *(graph.where(done, a, b) for a, b in zip(x, new, strict=True)),
        graph.either(done, graph.negate(any_below)),
    ]
    loop.done = done
    return [graph.after(loop, k) for k in range(n)]


def _iterate(ex: Executor, block: SolveBlock, keys: list[str], dt: Node, *, steady: bool) -> list[Node]:
    """Newton's rounds for nonlinear schemes and steady states.

    What has not settled after the last round is NaN; in a steady state it stays as it is, as in NEURON: a flux ``<<``
    that depends on its own state is explicit there and may never settle.
    """
    graph, n = ex.graph, len(keys)
    old = [ex.read(k) for k in keys]
    nowhere = graph.make("none", graph.name(graph.lane))
    loop = graph.loop(ROUNDS, [*(as_lanes(graph, x) for x in old), nowhere])
    x, done = loop.carries[:n], loop.carries[n]
    delta = _round(ex, block, keys, x, old, dt)
    zero, total, broken = graph.num(0.0), graph.num(0.0), graph.mask(False)
    new = []
    for a, d in zip(x, delta, strict=True):
        moved = graph.add(a, d)
        new.append(graph.where(graph.compare("<", moved, zero), zero, moved))
        total = graph.add(total, graph.call("fabs", d))
        broken = graph.either(broken, graph.compare("!=", moved, moved))
    settled = graph.compare("<=", total, graph.num(SUM_OF_CHANGES))
    loop.results = [
        *(graph.where(done, a, b) for a, b in zip(x, new, strict=True)),
        graph.either(done, graph.either(settled, broken)),
    ]
    loop.done = done
    if steady:
        return [graph.after(loop, k) for k in range(n)]
    finished = graph.after(loop, n)
    return [graph.where(finished, graph.after(loop, k), graph.num(float("nan"))) for k in range(n)]


def _residual(scheme: Scheme, old: list[Node], dt: Node) -> list[Node | None]:
    """Return what is missing at the present states: dt*flux - volume (x - x_old), or total - sum."""
    graph = scheme.graph
    out: list[Node | None] = []
    for j, x in enumerate(scheme.x):
        if j in scheme.conserved:
            row, rest = scheme.conserved[j]
            for i, factor in row.items():
                rest = graph.sub(rest, graph.mul(factor, scheme.x[i]))
            out.append(rest)
            continue
        change = graph.sub(old[j], x)
        volume = scheme.volume[j]
        change = change if volume is None else graph.mul(volume, change)
        flux = scheme.flux[j]
        out.append(change if flux is None else graph.add(change, graph.mul(dt, flux)))
    return out
