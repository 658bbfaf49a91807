"""What a client may say, checked: JSON text to plain values, or ``WireError``.

A message that is too long, malformed, out of range or not finite is never acted on; the connection is to be closed.
"""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from neurosim.viewer.wire import WireError

MOST_BYTES = 64 * 1024
TYPES = ("hello", "view", "sub", "trace", "ack", "seek", "play", "control", "act")
ACTS = ("inject", "silence", "release")
MOST_TRACES = 64
FARTHEST_um = 1e9
MOST_nA = 1e3
MOST_RATE = 1e6
"""Speed of a replay in ms a second."""


def refuse(text: str) -> NoReturn:
    """Raise ``WireError``."""
    raise WireError(text)


def _constant(name: str) -> NoReturn:
    refuse(f"message: {name} is not JSON; give finite numbers")


def parsed(text: str, most_bytes: int = MOST_BYTES) -> dict[str, Any]:
    """Return the object that a text is.

    Raises
    ------
    WireError
        Too long, no JSON, or no object.
    """
    if len(text) > most_bytes or len(text.encode("utf-8", "surrogatepass")) > most_bytes:
        refuse(f"message: {len(text)} characters; at most {most_bytes} bytes")
    try:
        value = json.loads(text, parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        raise WireError(f"message: no JSON that can be read ({type(error).__name__})") from error
    if not isinstance(value, dict):
        refuse(f"message: must be an object, got {type(value).__name__}")
    return value


def whole(message: dict[str, Any], name: str, low: int, high: int) -> int:
    """Return a whole number of a message."""
    value = message.get(name)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        refuse(f"{name}: must be a whole number from {low} to {high}, got {_shown(value)}")
    return value


def number(message: dict[str, Any], name: str, low: float, high: float, default: float | None = None) -> float:
    """Return a finite number of a message."""
    value = message.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        refuse(f"{name}: must be a number, got {_shown(value)}")
    if not low <= value <= high or not math.isfinite(value):
        refuse(f"{name}: must be from {low:g} to {high:g}, got {_shown(value)}")
    return float(value)


def flag(message: dict[str, Any], name: str, default: bool = False) -> bool:
    """Return a truth value of a message."""
    value = message.get(name, default)
    if not isinstance(value, bool):
        refuse(f"{name}: must be true or false, got {_shown(value)}")
    return value


def word(message: dict[str, Any], name: str, allowed: tuple[str, ...]) -> str:
    """Return one of some words."""
    value = message.get(name)
    if not isinstance(value, str) or value not in allowed:
        refuse(f"{name}: allowed: {', '.join(allowed)}; got {_shown(value)}")
    return value


def vector(message: dict[str, Any], name: str) -> tuple[float, float, float]:
    """Return three finite numbers."""
    value = message.get(name)
    if not isinstance(value, list) or len(value) != 3:
        refuse(f"{name}: must be three numbers, got {_shown(value)}")
    x, y, z = (number({name: v}, name, -FARTHEST_um, FARTHEST_um) for v in value)
    return x, y, z


def ranks(message: dict[str, Any], name: str, cells_n: int, most: int = MOST_BYTES) -> list[int]:
    """Return cells, each once, in the order given."""
    value = message.get(name, [])
    if not isinstance(value, list) or len(value) > most:
        refuse(f"{name}: must be a list of at most {most} cells, got {_shown(value)}")
    return list(dict.fromkeys(whole({name: v}, name, 0, cells_n - 1) for v in value))


def places(message: dict[str, Any], cells_n: int) -> list[tuple[int, int, int]]:
    """Return rank, node and tag of the places to trace."""
    value = message.get("places", [])
    if not isinstance(value, list) or len(value) > MOST_TRACES:
        refuse(f"places: must be a list of at most {MOST_TRACES} places, got {_shown(value)}")
    found = []
    for place in value:
        if not isinstance(place, list) or len(place) != 3:
            refuse(f"places: each is [rank, node, tag], got {_shown(place)}")
        row = dict(zip(("rank", "node", "tag"), place, strict=True))
        found.append(
            (whole(row, "rank", 0, cells_n - 1), whole(row, "node", 0, 2**31 - 1), whole(row, "tag", 0, 65535))
        )
    return found


def _shown(value: Any) -> str:
    if isinstance(value, int) and abs(value) > 10**30:
        return "a very large number"
    text = repr(value)
    return text if len(text) <= 40 else text[:40] + "..."
