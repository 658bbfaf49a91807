"""What the processes of a run must agree on: that all went well, how many there are, in which order kinds come.

Everything here rests on ``Exchange.smallest``, and is collective: every process calls it in the same order. With one
process nothing is exchanged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

from neurosim.errors import NeurosimError, SimulationError
from neurosim.exchange import Exchange

T = TypeVar("T")
Key = TypeVar("Key", bound=Hashable)

DIGITS = 13
"""Hexadecimal digits of a name that are compared: 52 bits, which a float64 holds exactly."""


class ElsewhereError(SimulationError):
    """Another process of the run failed and says why; this one ends with it."""

    def __init__(self) -> None:
        super().__init__("another process of this run failed; its message says why.")


def together(exchange: Exchange, action: Callable[[], T]) -> T:
    """Do something in every process, and go on only if it went well in all.

    Parameters
    ----------
    exchange : Exchange
        The processes.
    action : callable
        What is done; it must not exchange anything itself.

    Raises
    ------
    NeurosimError
        The error of ``action`` here, when this is the first process in which it failed.
    ElsewhereError
        It failed in another process, maybe here as well.
    """
    error: NeurosimError | None = None
    found: T | None = None
    try:
        found = action()
    except NeurosimError as raised:
        error = raised
    nobody = float(exchange.size)
    failed = exchange.smallest(nobody if error is None else float(exchange.rank))
    if failed == nobody:
        return found  # type: ignore[return-value]
    if error is None or failed != exchange.rank:
        raise ElsewhereError from error
    error.agreed = True  # type: ignore[attr-defined]
    raise error


def is_agreed(error: NeurosimError) -> bool:
    """Return whether all processes know of an error."""
    return bool(getattr(error, "agreed", False))


def largest(exchange: Exchange, value: float) -> float:
    """Return the largest of all processes' values."""
    return -exchange.smallest(-value)


def agreed_order(exchange: Exchange, firsts: Mapping[Key, tuple[float, str]]) -> list[Key]:
    """Return this process's keys in an order in which all processes have theirs: by first place anywhere.

    Parameters
    ----------
    exchange : Exchange
        The processes.
    firsts : mapping
        Key -> (where it comes first here, its name), in the order in which they come here. The same place is never in
        two processes; the same key has the same name in all.

    Notes
    -----
    Two exchanges for every key that is anywhere.
    """
    left = dict(firsts)
    if exchange.alone:
        return sorted(left, key=lambda key: left[key][0])
    order: list[Key] = []
    nowhere = float("inf")
    while True:
        key = min(left, key=lambda k: left[k][0], default=None)
        mine = nowhere if key is None else left[key][0]
        first = exchange.smallest(mine)
        if first == nowhere:
            return order
        name = exchange.smallest(nowhere if key is None or mine != first else _number(left[key][1]))
        for same in [k for k, (_, text) in left.items() if _number(text) == name]:
            order.append(same)
            del left[same]


def _number(name: str) -> float:
    return float(int(hashlib.sha256(name.encode()).hexdigest()[:DIGITS], 16))
