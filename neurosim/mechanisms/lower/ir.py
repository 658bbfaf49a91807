"""Values of a program under construction: a directed acyclic graph without duplicates.

Every value is built through a method of ``Graph``, which folds constants, applies exact or nearly exact identities
(rounding may differ by an ulp, never the treatment of NaN) and returns the same node for the same operation. So
common subexpressions never exist twice, and two values are equal by construction exactly if they are one node.

A node's rank says what it depends on: 0 literals only, 1 also ``celsius`` and ``dt`` (constant during a run), 2 more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from neurosim.kernels import plain

COMPARISONS = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "ne"}
MASK_OPS = frozenset({"lt", "le", "gt", "ge", "eq", "ne", "both", "either", "negate", "mask", "none"})
RUN_CONSTANTS = frozenset({"celsius", "dt"})
SCALARS = RUN_CONSTANTS | {"t", "random_key", "flag"}
MAX_POWER = 64

Data = float | str | bool | tuple[object, ...] | None


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One value.

    ``op``: num, mask (literals), in (``data`` its name), add, sub, mul, div, neg, comparisons, both, either, negate,
    none (a mask that holds nowhere), where, call (``data`` the function), lookup, carry and out (of loops).
    """

    uid: int
    op: str
    args: tuple[Node, ...]
    data: Data
    rank: int

    @property
    def is_mask(self) -> bool:
        """Whether this is a truth value."""
        return self.op in MASK_OPS or (
            self.op in ("carry", "out") and isinstance(self.data, tuple) and self.data[2] == "m"
        )

    @property
    def value(self) -> float | None:
        """The number of a literal, else None."""
        return float(self.data) if self.op == "num" and isinstance(self.data, float | int) else None


@dataclass(eq=False)
class Loop:
    """A loop of at most ``limit`` rounds that ends when ``done`` holds in all lanes.

    ``carries`` are the values of the last round, ``starts`` those before the first, ``results`` those after a round.
    """

    uid: int
    limit: int
    carries: list[Node] = field(default_factory=list)
    starts: list[Node] = field(default_factory=list)
    results: list[Node] = field(default_factory=list)
    done: Node | None = None


class Graph:
    """Builder of nodes; one for all programs of a mechanism."""

    def __init__(self, lane: str = "v") -> None:
        self.lane = lane  # an input that is a vector of lanes
        self._known: dict[tuple[object, ...], Node] = {}
        self._count = 0
        self.loops: list[Loop] = []

    def make(self, op: str, *args: Node, data: Data = None, rank: int | None = None) -> Node:
        """Return the node of this operation, without simplification."""
        key = (op, tuple(a.uid for a in args), data, math.copysign(1.0, data) if isinstance(data, float) else 0)
        node = self._known.get(key)
        if node is None:
            if rank is None:
                rank = max((a.rank for a in args), default=0)
            node = Node(self._count, op, args, data, rank)
            self._count += 1
            self._known[key] = node
        return node

    def num(self, x: float) -> Node:
        """Return a literal."""
        x = float(x)
        return self.make("num", data="nan") if math.isnan(x) else self.make("num", data=x)

    def mask(self, x: bool) -> Node:
        """Return a literal truth value."""
        return self.make("mask", data=bool(x))

    def name(self, x: str) -> Node:
        """Return an input of the program."""
        return self.make("in", data=x, rank=1 if x in RUN_CONSTANTS else 2)

    # ---- arithmetic

    def add(self, a: Node, b: Node) -> Node:
        """Return a + b."""
        if a.value is not None and b.value is not None:
            return self.num(a.value + b.value)
        if b.rank < a.rank or (b.rank == a.rank and b.uid < a.uid):
            a, b = b, a
        if a.value == 0.0:
            return b
        if b.op == "neg":
            return self.sub(a, b.args[0])
        if a.op == "neg":
            return self.sub(b, a.args[0])
        if a is b:
            return self.mul(self.num(2.0), a)
        if a.rank < 2 and b.op == "add" and b.args[0].rank < 2:
            return self.add(self.add(a, b.args[0]), b.args[1])
        if a.rank < 2 and b.op == "sub" and b.args[0].rank < 2:
            return self.sub(self.add(a, b.args[0]), b.args[1])
        return self.make("add", a, b)

    def sub(self, a: Node, b: Node) -> Node:
        """Return a - b."""
        if a.value is not None and b.value is not None:
            return self.num(a.value - b.value)
        if b.value is not None:
            return self.add(self.num(-b.value), a)
        if a.value == 0.0:
            return self.neg(b)
        if b.op == "neg":
            return self.add(a, b.args[0])
        if a.op == "neg":
            return self.neg(self.add(a.args[0], b))
        if b.rank < 2 <= a.rank and (a.op in ("add", "sub")) and a.args[0].rank < 2:
            first = self.sub(a.args[0], b)
            return self.add(first, a.args[1]) if a.op == "add" else self.sub(first, a.args[1])
        if a.rank < 2 and b.op in ("add", "sub") and b.args[0].rank < 2:
            first = self.sub(a, b.args[0])
            return self.sub(first, b.args[1]) if b.op == "add" else self.add(first, b.args[1])
        return self.make("sub", a, b)

    def neg(self, a: Node) -> Node:
        """Return -a."""
        if a.value is not None:
            return self.num(-a.value)
        if a.op == "neg":
            return a.args[0]
        if a.op == "sub":
            return self.sub(a.args[1], a.args[0])
        if a.op == "add" and a.args[0].rank < 2 <= a.args[1].rank:
            return self.sub(self.neg(a.args[0]), a.args[1])
        if a.op in ("mul", "div") and (a.args[0].rank == 0 or a.args[0].rank < 2 == a.args[1].rank):
            first = self.neg(a.args[0])  # the sign of a product belongs to its constant factor
            return self.mul(first, a.args[1]) if a.op == "mul" else self.div(first, a.args[1])
        return self.make("neg", a)

    def mul(self, a: Node, b: Node) -> Node:
        """Return a * b; factors that are constant during a run are gathered in front."""
        if a.value is not None and b.value is not None:
            return self.num(a.value * b.value)
        if b.rank < a.rank or (b.rank == a.rank and b.uid < a.uid):
            a, b = b, a
        if a.value == 1.0:
            return b
        if a.value == -1.0:
            return self.neg(b)
        if b.op == "neg":
            return self.neg(self.mul(a, b.args[0]))
        if a.op == "neg" and a.rank == b.rank:
            return self.neg(self.mul(a.args[0], b))
        for x, y in ((a, b), (b, a)):  # a constant factor inside a product moves out
            if y.op == "mul" and y.args[0].rank < y.rank and (x.rank < 2 <= y.rank or x.value is not None):
                return self.mul(self.mul(x, y.args[0]), y.args[1])
            if y.op == "mul" and y.rank == 2 and y.args[0].rank < 2 and x.rank == 2:
                return self.mul(y.args[0], self.mul(x, y.args[1]))
            if x.rank < 2 and y.op == "div" and y.args[0].rank < 2 <= y.args[1].rank:
                return self.div(self.mul(x, y.args[0]), y.args[1])
            if y.op == "div" and y.args[0].rank < 2 <= y.args[1].rank and x.rank == 2:
                return self.div(self.mul(y.args[0], x), y.args[1])  # x*(1/y) is one division
        return self.make("mul", a, b)

    def div(self, a: Node, b: Node) -> Node:
        """Return a / b; divisions by constants become multiplications, 1/(1/x) vanishes."""
        if a.value is not None and b.value is not None:
            return self.num(float(np.float64(a.value) / b.value) if b.value else math.nan)
        if b.value == 1.0:
            return a
        if b.op == "neg":
            return self.neg(self.div(a, b.args[0]))
        if a.op == "neg" and a.rank == b.rank:
            return self.neg(self.div(a.args[0], b))
        if b.value is not None and b.value and 1e-290 < abs(b.value) < 1e290:
            return self.mul(self.num(1.0 / b.value), a)
        if b.rank < 2 <= a.rank:
            return self.mul(self.div(self.num(1.0), b), a)
        if b.op == "div" and b.args[0].rank < 2:
            return self.mul(self.div(a, b.args[0]), b.args[1])
        if a.rank < 2 and b.op == "mul" and b.args[0].rank < 2 <= b.rank:
            return self.div(self.div(a, b.args[0]), b.args[1])
        return self.make("div", a, b)

    def power(self, a: Node, n: int) -> Node:
        """Return a to a whole power by repeated multiplication."""
        if n < 0:
            return self.div(self.num(1.0), self.power(a, -n))
        if n == 0:
            return self.num(1.0)
        half = self.power(a, n // 2)
        if n == 1:
            return a
        square = self.mul(half, half)
        return self.mul(square, a) if n % 2 else square

    # ---- functions and masks

    def call(self, fn: str, *args: Node) -> Node:
        """Return fn(args) for a function of the dialect."""
        values = [a.value for a in args]
        if fn == "pow_":
            special = self._pow(args[0], args[1])
            if special is not None:
                return special
        if all(x is not None for x in values):
            with np.errstate(all="ignore"):
                return self.num(float(getattr(plain, fn)(*(np.float64(x) for x in values if x is not None))))
        if fn == "fabs" and args[0].op == "neg":
            return self.call("fabs", args[0].args[0])
        return self.make("call", *args, data=fn)

    def _pow(self, x: Node, y: Node) -> Node | None:
        n = y.value
        if n is None:
            return None
        if n == int(n) and abs(n) <= MAX_POWER and x.value is None:
            return self.power(x, int(n))
        if n == 0.5:
            return self.call("sqrt", x)
        return None

    def compare(self, op: str, a: Node, b: Node) -> Node:
        """Return the mask ``a op b``; op is one of ``< <= > >= == !=``."""
        if a.value is not None and b.value is not None:
            x, y = a.value, b.value
            return self.mask({"<": x < y, "<=": x <= y, ">": x > y, ">=": x >= y, "==": x == y, "!=": x != y}[op])
        return self.make(COMPARISONS[op], a, b)

    def both(self, m: Node, n: Node) -> Node:
        """Return m and n."""
        for a, b in ((m, n), (n, m)):
            if a.op == "mask":
                return b if a.data else a
        return m if m is n else self.make("both", m, n)

    def either(self, m: Node, n: Node) -> Node:
        """Return m or n."""
        for a, b in ((m, n), (n, m)):
            if a.op == "mask":
                return a if a.data else b
        return m if m is n else self.make("either", m, n)

    def negate(self, m: Node) -> Node:
        """Return not m."""
        if m.op == "mask":
            return self.mask(not m.data)
        return m.args[0] if m.op == "negate" else self.make("negate", m)

    def where(self, m: Node, a: Node, b: Node) -> Node:
        """Return a where m holds, else b (numbers or masks)."""
        if m.op == "mask":
            return a if m.data else b
        if a is b:
            return a
        if a.is_mask or b.is_mask:
            return self.either(self.both(m, a), self.both(self.negate(m), b))
        if m.op == "negate":
            return self.where(m.args[0], b, a)
        return self.make("where", m, a, b)

    def truth(self, a: Node) -> Node:
        """Return a number as a truth value: not zero."""
        return a if a.is_mask else self.compare("!=", a, self.num(0.0))

    def number(self, a: Node) -> Node:
        """Return a truth value as a number, 1 or 0."""
        if not a.is_mask:
            return a
        if a.op == "mask":
            return self.num(1.0 if a.data else 0.0)
        return self.where(a, self.num(1.0), self.num(0.0))

    # ---- loops

    def loop(self, limit: int, starts: list[Node]) -> Loop:
        """Open a loop; set ``results`` and ``done`` of what comes back, then take values with ``after``."""
        made = Loop(len(self.loops), limit, starts=starts)
        for k, s in enumerate(starts):
            made.carries.append(self.make("carry", data=(made.uid, k, "m" if s.is_mask else "x"), rank=2))
        self.loops.append(made)
        return made

    def after(self, loop: Loop, k: int) -> Node:
        """Return carry ``k`` after the loop."""
        return self.make("out", data=(loop.uid, k, "m" if loop.starts[k].is_mask else "x"), rank=2)


def as_lanes(graph: Graph, x: Node) -> Node:
    """Return ``x`` as a vector of lanes if it might be a scalar: what a loop carries must keep its type."""
    if any(n.op in ("carry", "out") or (n.op == "in" and n.data not in SCALARS) for n in reachable([x], graph)):
        return x
    lane = graph.name(graph.lane)
    return graph.make("where", graph.make("none", lane), lane, x)


def reachable(roots: list[Node], graph: Graph) -> list[Node]:
    """Return every node the roots need, operands first; a loop's nodes come before its results."""
    seen: set[int] = set()
    order: list[Node] = []
    stack: list[tuple[Node, bool]] = [(r, False) for r in reversed(roots)]
    while stack:
        node, ready = stack.pop()
        if ready:
            order.append(node)
            continue
        if node.uid in seen:
            continue
        seen.add(node.uid)
        stack.append((node, True))
        stack.extend((a, False) for a in reversed(operands(node, graph)))
    return order


def operands(node: Node, graph: Graph) -> tuple[Node, ...]:
    """Return what must be computed before ``node``."""
    if node.op == "out" and isinstance(node.data, tuple):
        loop = graph.loops[int(str(node.data[0]))]
        done = () if loop.done is None else (loop.done,)
        return (*loop.starts, *loop.results, *done)
    return node.args
