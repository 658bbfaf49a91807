"""Numbers for values of a graph without printing a program: for choosing pivots and bounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neurosim.kernels import plain
from neurosim.mechanisms.lower.ir import Graph, Node, reachable

UNKNOWN = 0.5


def evaluate(graph: Graph, roots: list[Node], inputs: Mapping[str, Any]) -> list[Any]:
    """Return the roots' numbers; inputs that are not given, tables and loops count as 0.5."""
    known: dict[int, Any] = {}
    with np.errstate(all="ignore"):
        for n in reachable(roots, graph):
            known[n.uid] = _value(n, [known[a.uid] for a in n.args if a.uid in known], inputs)
    return [known[r.uid] for r in roots]


def _value(n: Node, a: list[Any], inputs: Mapping[str, Any]) -> Any:
    match n.op:
        case "num":
            return np.float64("nan") if n.value is None else np.float64(n.value)
        case "mask":
            return bool(n.data)
        case "in":
            return np.asarray(inputs.get(str(n.data), UNKNOWN), dtype=np.float64)
        case "add":
            return a[0] + a[1]
        case "sub":
            return a[0] - a[1]
        case "mul":
            return a[0] * a[1]
        case "div":
            return np.divide(a[0], a[1])
        case "neg":
            return -a[0]
        case "lt" | "le" | "gt" | "ge" | "eq" | "ne":
            name = {"lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal"}.get(n.op)
            name = name or {"eq": "equal", "ne": "not_equal"}[n.op]
            return getattr(np, name)(a[0], a[1])
        case "where" | "both" | "either" | "negate":
            return getattr(plain, n.op)(*a)
        case "none":
            return plain.no_lane(a[0])
        case "call":
            return getattr(plain, str(n.data))(*a)
        case _:
            return np.float64(UNKNOWN)
