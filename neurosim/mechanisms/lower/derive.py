"""Linear forms and derivatives of values."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field

from neurosim.mechanisms.lower.ir import Graph, Node, reachable


class NotDifferentiableError(Exception):
    """A value whose derivative we cannot form (a table, a loop)."""


class NonlinearError(Exception):
    """A value that is not linear in the variable asked for."""


def dependents(graph: Graph, root: Node, x: Node) -> frozenset[int]:
    """Return the uids of the nodes below ``root`` (itself included) that depend on ``x``."""
    found = {x.uid}
    for n in reachable([root], graph):
        if n.op == "out":
            if any(o.uid in found for o in _loop_nodes(graph, n)):
                found.add(n.uid)
        elif any(a.uid in found for a in n.args):
            found.add(n.uid)
    return frozenset(found)


def _loop_nodes(graph: Graph, out: Node) -> list[Node]:
    assert isinstance(out.data, tuple)
    loop = graph.loops[int(str(out.data[0]))]
    return [*loop.starts, *loop.results]


@dataclass(frozen=True)
class Line:
    """scale * (slope*x + offset)/divisor; None stands for 0 in slope and offset, for 1 in scale and divisor."""

    slope: Node | None
    offset: Node | None
    scale: Node | None = None
    divisor: Node | None = None


@dataclass
class Linear:
    """Finds the linear form of values in ``x``, keeping common factors apart so that they cancel in offset/slope."""

    graph: Graph
    x: Node
    deps: frozenset[int]
    known: dict[int, Line | None] = field(default_factory=dict)

    def times(self, a: Node | None, b: Node | None) -> Node | None:
        """Return a*b where None is 1."""
        if a is None or b is None:
            return b if a is None else a
        return self.graph.mul(a, b)

    def expanded(self, form: Line) -> tuple[Node | None, Node | None]:
        """Return slope and offset with all factors multiplied in."""
        out: list[Node | None] = []
        for part in (form.slope, form.offset):
            if part is None:
                out.append(None)
                continue
            if form.scale is not None:
                part = self.graph.mul(form.scale, part)
            out.append(part if form.divisor is None else self.graph.div(part, form.divisor))
        return out[0], out[1]

    def form(self, n: Node) -> Line:
        """Return the linear form of ``n``.

        Raises
        ------
        NonlinearError
            ``n`` is not linear in ``x`` by its construction.
        """
        if n.uid not in self.deps:
            return Line(None, n)
        if n.uid in self.known:
            found = self.known[n.uid]
            if found is None:
                raise NonlinearError
            return found
        self.known[n.uid] = None
        self.known[n.uid] = found = self._form(n)
        return found

    def _form(self, n: Node) -> Line:
        if n is self.x:
            return Line(self.graph.num(1.0), None)
        match n.op:
            case "neg":
                f = self.form(n.args[0])
                return Line(self._neg(f.slope), self._neg(f.offset), f.scale, f.divisor)
            case "add":
                return self._sum(self.form(n.args[0]), self.form(n.args[1]), minus=False)
            case "sub":
                return self._sum(self.form(n.args[0]), self.form(n.args[1]), minus=True)
            case "mul":
                a, b = n.args
                if a.uid in self.deps:
                    a, b = b, a
                if a.uid in self.deps:
                    raise NonlinearError
                f = self.form(b)
                return Line(f.slope, f.offset, self.times(f.scale, a), f.divisor)
            case "div" if n.args[1].uid not in self.deps:
                f = self.form(n.args[0])
                return Line(f.slope, f.offset, f.scale, self.times(f.divisor, n.args[1]))
            case "where" if n.args[0].uid not in self.deps:
                return self._where(n)
        raise NonlinearError

    def _neg(self, a: Node | None) -> Node | None:
        return None if a is None else self.graph.neg(a)

    def _sum(self, f: Line, g: Line, *, minus: bool) -> Line:
        if f.scale is g.scale and f.divisor is g.divisor:
            slope = self._plus(f.slope, g.slope, minus)
            return Line(slope, self._plus(f.offset, g.offset, minus), f.scale, f.divisor)
        (a, b), (c, d) = self.expanded(f), self.expanded(g)
        return Line(self._plus(a, c, minus), self._plus(b, d, minus))

    def _plus(self, a: Node | None, b: Node | None, minus: bool) -> Node | None:
        if b is None:
            return a
        if a is None:
            return self.graph.neg(b) if minus else b
        return self.graph.sub(a, b) if minus else self.graph.add(a, b)

    def _where(self, n: Node) -> Line:
        (a, b), (c, d) = self.expanded(self.form(n.args[1])), self.expanded(self.form(n.args[2]))
        if a is None or c is None:
            raise NonlinearError
        zero = self.graph.num(0.0)
        return Line(self.graph.where(n.args[0], a, c), self.graph.where(n.args[0], b or zero, d or zero))


def linear_form(graph: Graph, n: Node, x: Node) -> tuple[Linear, Line]:
    """Return the finder and the linear form of ``n`` in ``x``."""
    finder = Linear(graph, x, dependents(graph, n, x))
    for below in reachable([n], graph):  # operands first, so that long sums need no deep recursion
        if below.uid in finder.deps:
            with contextlib.suppress(NonlinearError):
                finder.form(below)
    return finder, finder.form(n)


def slope_in(graph: Graph, n: Node, x: Node) -> Node | None:
    """Return dn/dx if n is linear in x with coefficients that do not depend on x (0 included), else None."""
    try:
        finder, form = linear_form(graph, n, x)
    except NonlinearError:
        return None
    return finder.expanded(form)[0] or graph.num(0.0)


def derivative(graph: Graph, root: Node, x: Node) -> Node | None:
    """Return droot/dx, None where it is 0 by construction.

    Raises
    ------
    NotDifferentiableError
        Tables and loops have no derivative here.
    """
    deps = dependents(graph, root, x)
    known: dict[int, Node | None] = {}
    for n in reachable([root], graph):
        if n is x:
            known[n.uid] = graph.num(1.0)
        elif n.uid not in deps or n.is_mask:
            known[n.uid] = None
        else:
            known[n.uid] = _rule(graph, n, [known[a.uid] for a in n.args])
    return known.get(root.uid)


def _rule(graph: Graph, n: Node, d: list[Node | None]) -> Node | None:
    """Apply the differentiation rule of one operation; ``d`` are the operands' derivatives."""

    def times(a: Node | None, b: Node) -> Node | None:
        return None if a is None else graph.mul(a, b)

    def plus(a: Node | None, b: Node | None) -> Node | None:
        return (a or b) if a is None or b is None else graph.add(a, b)

    def minus(a: Node | None, b: Node | None) -> Node | None:
        return plus(a, None if b is None else graph.neg(b))

    a = n.args
    match n.op:
        case "neg":
            return minus(None, d[0])
        case "add":
            return plus(d[0], d[1])
        case "sub":
            return minus(d[0], d[1])
        case "mul":
            return plus(times(d[0], a[1]), times(d[1], a[0]))
        case "div":
            top = minus(d[0], times(d[1], n))
            return None if top is None else graph.div(top, a[1])
        case "where":
            zero = graph.num(0.0)
            if d[1] is None and d[2] is None:
                return None
            return graph.where(a[0], d[1] or zero, d[2] or zero)
        case "call":
            return _function_rule(graph, n, d)
    raise NotDifferentiableError(n.op)


def _function_rule(graph: Graph, n: Node, d: list[Node | None]) -> Node | None:
    a, one, fn = n.args, graph.num(1.0), str(n.data)
    if fn == "pow_":
        return _power_rule(graph, n, d)
    if fn in ("floor", "ceil"):
        return None
    if fn in ("atan2", "fmod_", "minimum", "maximum"):
        return _binary_rule(graph, n, d)
    x = a[0]
    square = graph.mul(x, x)
    inner = {
        "exp": lambda: n,
        "log": lambda: graph.div(one, x),
        "log10": lambda: graph.div(graph.num(0.4342944819032518), x),
        "sqrt": lambda: graph.div(graph.num(0.5), n),
        "sin": lambda: graph.call("cos", x),
        "cos": lambda: graph.neg(graph.call("sin", x)),
        "tan": lambda: graph.add(one, graph.mul(n, n)),
        "asin": lambda: graph.div(one, graph.call("sqrt", graph.sub(one, square))),
        "acos": lambda: graph.neg(graph.div(one, graph.call("sqrt", graph.sub(one, square)))),
        "atan": lambda: graph.div(one, graph.add(one, square)),
        "sinh": lambda: graph.call("cosh", x),
        "cosh": lambda: graph.call("sinh", x),
        "tanh": lambda: graph.sub(one, graph.mul(n, n)),
        "fabs": lambda: graph.where(graph.compare("<", x, graph.num(0.0)), graph.num(-1.0), one),
    }.get(fn)
    if inner is None or d[0] is None:
        raise NotDifferentiableError(fn)
    return graph.mul(d[0], inner())


def _power_rule(graph: Graph, n: Node, d: list[Node | None]) -> Node | None:
    x, y = n.args
    out: Node | None = None
    if d[0] is not None:
        lower = graph.call("pow_", x, graph.sub(y, graph.num(1.0)))
        out = graph.mul(graph.mul(y, lower), d[0])
    if d[1] is not None:
        second = graph.mul(graph.mul(n, graph.call("log", x)), d[1])
        out = second if out is None else graph.add(out, second)
    return out


def _binary_rule(graph: Graph, n: Node, d: list[Node | None]) -> Node | None:
    a, b = n.args
    zero = graph.num(0.0)
    da, db = d[0] or zero, d[1] or zero
    if n.data == "fmod_":
        return da
    if n.data == "atan2":
        square = graph.add(graph.mul(a, a), graph.mul(b, b))
        return graph.div(graph.sub(graph.mul(b, da), graph.mul(a, db)), square)
    return graph.where(graph.compare("<" if n.data == "minimum" else ">", a, b), da, db)
