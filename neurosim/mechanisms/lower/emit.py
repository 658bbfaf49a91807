"""Printing of values as a Python function of the dialect, one operation a line.

Products that feed one sum only become ``fma``: the compiler never contracts by itself, so results are the same on
every machine. Values that depend on ``celsius`` and ``dt`` only are not computed here but read as ``k0``, ``k1`` …
"""

from __future__ import annotations

from dataclasses import dataclass, field

from neurosim.mechanisms.lower.ir import Graph, Loop, Node, operands, reachable
from neurosim.mechanisms.program import Program

INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
COMPARE = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}


@dataclass
class Constants:
    """Values of a run, by node, in order of first use."""

    nodes: list[Node] = field(default_factory=list)

    def name(self, n: Node) -> str:
        """Return ``k<j>`` of a node."""
        if n not in self.nodes:
            self.nodes.append(n)
        return f"k{self.nodes.index(n)}"


def literal(x: float | str, real: str) -> str:
    """Return a number as source."""
    text = "(1e308*10.0-1e308*10.0)" if isinstance(x, str) else repr(float(x)).replace("inf", "1e999")
    return f"float32({text})" if real == "float32" else text


@dataclass
class Printer:
    """Writes one program."""

    graph: Graph
    real: str
    constants: Constants | None
    fuses: bool = True
    lines: list[str] = field(default_factory=list)
    inputs: dict[str, None] = field(default_factory=dict)
    _names: dict[int, str] = field(default_factory=dict)
    _uses: dict[int, int] = field(default_factory=dict)
    _fused: dict[int, Node] = field(default_factory=dict)
    _inner: set[int] = field(default_factory=set)
    _apart: set[int] = field(default_factory=set)
    _inside: dict[int, int] = field(default_factory=dict)
    _count: int = 0

    def write(
        self,
        name: str,
        outputs: list[tuple[str, Node]],
        first: tuple[str, ...] = (),
        watched: list[tuple[str, Node]] | None = None,
    ) -> Program:
        """Return the program ``name`` that computes ``outputs``.

        ``watched`` are more outputs, which leave the arithmetic of the others as it is.
        """
        roots = [n for _, n in outputs]
        order = self._live(roots)
        self._count_uses(order, roots)
        inside = self._loop_of(order)
        if self.fuses:
            self._fuse(order, inside)
        outputs = [*outputs, *(watched or [])]
        if not outputs:
            return Program(name, first, (), f"def {name}({', '.join(first)}):\n    return ()\n")
        known = {n.uid for n in order}
        more = [n for _, n in watched or []]
        later = [n for n in self._live(more) if n.uid not in known]
        self._apart = {a.uid for n in later for a in operands(n, self.graph)} | {n.uid for n in more}
        for n in (*order, *later):
            self._print(n, "    ")
        results = ", ".join(self._ref(n) for _, n in outputs)
        inputs = (*first, *sorted((i for i in self.inputs if i not in first), key=_order))
        text = "\n".join([f"def {name}({', '.join(inputs)}):", *self.lines, f"    return ({results},)", ""])
        return Program(name, inputs, tuple(o for o, _ in outputs), text)

    # ---- analysis

    def _leaf(self, n: Node) -> bool:
        """Whether a node is named without a line of its own."""
        if n.op in ("num", "mask", "in", "carry"):
            return True
        return self._hoisted(n)

    def _hoisted(self, n: Node) -> bool:
        return self.constants is not None and n.rank == 1 and not n.is_mask

    def _live(self, roots: list[Node]) -> list[Node]:
        order: list[Node] = []
        seen: set[int] = set()
        stack = [(r, False) for r in reversed(roots)]
        while stack:
            n, ready = stack.pop()
            if ready:
                order.append(n)
            elif n.uid not in seen and not self._leaf(n):
                seen.add(n.uid)
                stack.append((n, True))
                stack.extend((a, False) for a in reversed(operands(n, self.graph)))
        return order

    def _count_uses(self, order: list[Node], roots: list[Node]) -> None:
        loops: set[int] = set()
        for n in order:
            if n.op == "out" and isinstance(n.data, tuple):
                if int(str(n.data[0])) in loops:
                    continue
                loops.add(int(str(n.data[0])))
            for a in operands(n, self.graph):
                self._uses[a.uid] = self._uses.get(a.uid, 0) + 1
        for r in roots:
            self._uses[r.uid] = self._uses.get(r.uid, 0) + 1

    def _fuse(self, order: list[Node], inside: dict[int, int]) -> None:
        """Choose the products that are computed inside a sum."""
        for n in order:
            if n.op not in ("add", "sub"):
                continue
            for a in reversed(n.args):
                product = a.op == "mul" and not self._leaf(a) and self._uses[a.uid] == 1
                if product and inside.get(a.uid) == inside.get(n.uid):
                    self._fused[n.uid] = a
                    self._inner.add(a.uid)
                    break

    def _loop_of(self, order: list[Node]) -> dict[int, int]:
        """Return node -> loop for the nodes that depend on a loop's carried values."""
        inside: dict[int, int] = {}
        for n in order:
            if n.op == "out":
                continue
            for a in n.args:
                if a.op == "carry" and isinstance(a.data, tuple):
                    inside[n.uid] = int(str(a.data[0]))
                elif a.uid in inside:
                    inside[n.uid] = inside[a.uid]
        self._inside = inside
        return inside

    # ---- printing

    def _fresh(self) -> str:
        self._count += 1
        return f"_{self._count}"

    def _ref(self, n: Node) -> str:
        if n.op == "num":
            return literal(n.data if isinstance(n.data, str) else float(n.value or 0.0), self.real)
        if n.op == "mask":
            return str(bool(n.data))
        if n.op == "in":
            self.inputs.setdefault(str(n.data))
            return str(n.data)
        if self.constants is not None and self._hoisted(n):
            name = self.constants.name(n)
            self.inputs.setdefault(name)
            return name
        return self._names[n.uid]

    def _print(self, n: Node, indent: str) -> None:
        if n.uid in self._names or n.uid in self._inside or self._is_fused(n):
            return
        if n.op == "out" and isinstance(n.data, tuple):
            self._print_loop(self.graph.loops[int(str(n.data[0]))])
            return
        self._line(n, indent)

    def _is_fused(self, n: Node) -> bool:
        return n.uid in self._inner and n.uid not in self._apart

    def _line(self, n: Node, indent: str) -> None:
        text = self._text(n)
        self._names[n.uid] = self._fresh()
        self.lines.append(f"{indent}{self._names[n.uid]} = {text}")

    def _text(self, n: Node) -> str:
        product = self._fused.get(n.uid)
        if product is not None:
            return self._fma(n, product)
        refs = [self._ref(a) for a in n.args]
        if n.op in INFIX:
            return f"{refs[0]} {INFIX[n.op]} {refs[1]}"
        if n.op in COMPARE:
            return f"{refs[0]} {COMPARE[n.op]} {refs[1]}"
        match n.op:
            case "neg":
                return f"-{refs[0]}"
            case "call":
                return f"{n.data}({', '.join(refs)})"
            case "none":
                return f"no_lane({refs[0]})"
            case "lookup":
                assert isinstance(n.data, tuple)
                table, column, columns, count = n.data
                self.inputs.setdefault(str(table))
                return f"lookup({table}, {column}, {columns}, {', '.join(refs)}, {count})"
            case _:
                return f"{n.op}({', '.join(refs)})"

    def _fma(self, n: Node, product: Node) -> str:
        a, b = (self._ref(x) for x in product.args)
        other = n.args[0] if n.args[1] is product else n.args[1]
        c = self._ref(other)
        if n.op == "sub":
            if n.args[0] is product:
                c = _negative(c)
            else:
                a = _negative(a)
        return f"fma({a}, {b}, {c})"

    def _print_loop(self, loop: Loop) -> None:
        for k, (carry, start) in enumerate(zip(loop.carries, loop.starts, strict=True)):
            self._names[carry.uid] = f"_c{loop.uid}_{k}"
            self.lines.append(f"    {self._names[carry.uid]} = {self._ref(start)}")
        self.lines.append(f"    for _ in range({loop.limit}):")
        assert loop.done is not None
        body = [n for n in reachable([*loop.results, loop.done], self.graph) if self._inside.get(n.uid) == loop.uid]
        self.lines.append(f"        if every({self._names[loop.done.uid]}):")
        self.lines.append("            break")
        for n in body:
            if not self._is_fused(n):
                self._line(n, " " * 8)
        moves = [(c, r) for c, r in zip(loop.carries, loop.results, strict=True) if c is not r]
        for c, r in moves:
            self.lines.append(f"        {self._names[c.uid]} = {self._ref(r)}")
        for k, carry in enumerate(loop.carries):
            self._names[self.graph.after(loop, k).uid] = self._names[carry.uid]


def _negative(text: str) -> str:
    return text[1:] if text.startswith("-") else f"-{text}"


def _order(name: str) -> tuple[int, str, int]:
    """Sort inputs: v, t, dt, celsius, geometry, ions and fields by name, then constants and tables."""
    surroundings = ["v", "t", "dt", "celsius", "area", "diam"]
    if name in surroundings:
        return 0, "", surroundings.index(name)
    if name[0] == "k" and name[1:].isdigit():
        return 2, "", int(name[1:])
    return (3 if name.startswith("table") else 1), name, 0
