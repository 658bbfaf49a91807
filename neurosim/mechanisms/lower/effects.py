"""What event programs do besides changing values: net_send, net_event, net_move, WATCH, FOR_NETCONS.

Each statement becomes a few numbers of the execution (``send0_on%`` and so on, see ``Lowered``): 1 where it is
executed, and its time and flag. Where it stands under ``if``, the merging of branches makes the mask; a time is needed
only where the effect is on, so it is not masked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from neurosim.mechanisms.lower.ir import Node
from neurosim.mechanisms.syntax import Call, ForNetcons, Stmt, Watch

if TYPE_CHECKING:
    from neurosim.mechanisms.lower.execute import Executor, Values

STATEMENTS = {"net_send": "send", "net_event": "event", "net_move": "move"}


@dataclass
class Netcons:
    """One FOR_NETCONS: what its body makes of the values of a connection."""

    changed: list[tuple[str, Node]]


@dataclass
class Effects:
    """The effects of one execution; ``allowed`` are the kinds that its program may have."""

    allowed: frozenset[str]
    arguments_n: int = 0
    keys: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    watches: list[tuple[Node, float]] = field(default_factory=list)
    netcons: list[Netcons] = field(default_factory=list)

    def open(self, kind: str) -> str:
        """Return the name of the next effect of a kind, such as ``send0``."""
        k = self.counts.get(kind, 0)
        self.counts[kind] = k + 1
        return f"{kind}{k}"

    def outputs(self, values: Values) -> list[tuple[str, Node]]:
        """Return the effects as outputs of a program."""
        return [(key.removesuffix("%"), values[key]) for key in self.keys]


def put(ex: Executor, name: str, **parts: Node) -> None:
    """Note that an effect is executed here."""
    assert ex.effects is not None
    for part, node in {"on": ex.graph.num(1.0), **parts}.items():
        key = f"{name}_{part}%"
        ex.effects.keys.append(key)
        ex.values[key] = node


def unmasked(key: str) -> bool:
    """Whether a value is a time or flag of an effect, which nobody reads where the effect is off."""
    return key.endswith(("_t%", "_flag%"))


def _open(ex: Executor, kind: str, word: str) -> str:
    if ex.effects is None or kind not in ex.effects.allowed:
        ex.refuse(word, f"{word} is not possible here; only NET_RECEIVE (and net_send in INITIAL) can do it.")
    if ex.looping:
        ex.refuse(word, f"{word} is not possible inside WHILE; use FROM.")
    return ex.effects.open(kind)


def call(ex: Executor, called: Call) -> None:
    """Execute net_send, net_event or net_move."""
    kind = STATEMENTS[called.fn]
    name = _open(ex, kind, called.fn)
    values = [ex.value(a) for a in called.args]
    if kind == "send":
        put(ex, name, t=ex.graph.add(ex.read("t"), values[0]), flag=values[1])
    else:
        put(ex, name, t=values[0])


def statement(ex: Executor, s: Stmt) -> bool:
    """Execute WATCH and FOR_NETCONS; return False for other statements."""
    match s:
        case Watch():
            _watch(ex, s)
        case ForNetcons():
            _for_netcons(ex, s)
        case _:
            return False
    return True


def _watch(ex: Executor, s: Watch) -> None:
    put(ex, _open(ex, "watch", "WATCH"))
    assert ex.effects is not None
    outside = ex.outside("WATCH")
    a, b = outside.value(s.condition.a), outside.value(s.condition.b)
    flag = outside.value(s.flag).value
    if flag is None:
        ex.fail("the flag of WATCH must be a number.")
    high, low = (a, b) if s.condition.op == ">" else (b, a)
    ex.effects.watches.append((ex.graph.sub(high, low), flag))


def _for_netcons(ex: Executor, s: ForNetcons) -> None:
    put(ex, _open(ex, "netcons", "FOR_NETCONS"))
    assert ex.effects is not None
    others = [ex.graph.name(f"other{k}") for k in range(len(s.parameters))]
    before, effects = dict(ex.values), ex.effects
    ex.effects = None
    after = ex.routine(s.parameters, others, s.body)
    ex.effects = effects
    changed = [k for k, n in ex.values.items() if before.get(k) is not n and "%" not in k and n is not ex.unset(k)]
    if changed:
        ex.refuse(
            "FOR_NETCONS",
            f"{changed[0]} is assigned inside FOR_NETCONS; only the values of the connection can change there.",
        )
    effects.netcons.append(Netcons([(str(a.data), b) for a, b in zip(others, after, strict=True) if a is not b]))
    ex.values = before
