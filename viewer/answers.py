"""Answers to requests, and the checks of what is asked."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurosim.viewer import messages
from neurosim.viewer.source import Ranks, Status
from neurosim.viewer.wire import WireError

MOST_CELLS = 200_000
"""Cells that one answer lists."""
MOST_SPIKES = 500_000
JUST_AFTER_ms = 1e-6
"""So that what happens at the last time is in a stretch without its end."""
MOST_VALUES = 2_000_000
"""Values of one trace."""


@dataclass(frozen=True)
class Answer:
    """What goes back.

    Parameters
    ----------
    status : int
        As in HTTP.
    media_type : str
        Of the body.
    body : bytes
        Content.
    immutable : bool
        May be kept for ever under its address.
    """

    status: int
    media_type: str
    body: bytes
    immutable: bool = False


class Refusal(Exception):  # noqa: N818 - no mistake of the program
    """A request that is refused; ``status`` is 400, 404, 413, 422, 429 or 503."""

    def __init__(self, status: int, text: str) -> None:
        self.status = status
        super().__init__(text)


def as_json(value: Any, status: int = 200) -> Answer:
    """Return JSON; numbers that are not finite are null."""
    return Answer(status, "application/json", json.dumps(finite(value), allow_nan=False).encode())


def finite(value: Any) -> Any:
    """Return a value with None for numbers that are not finite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(k): finite(v) for k, v in value.items()}
    return [finite(v) for v in value] if isinstance(value, list | tuple) else value


def binary(data: bytes, *, immutable: bool = False) -> Answer:
    """Return bytes."""
    return Answer(200, "application/octet-stream", data, immutable)


def body_of(body: bytes | None) -> dict[str, Any]:
    """Return the JSON object of a POST."""
    if body is None:
        raise Refusal(400, "this address wants a POST with a JSON object")
    if len(body) > messages.MOST_BYTES:
        raise Refusal(413, f"{len(body):,} bytes; at most {messages.MOST_BYTES:,}")
    try:
        return messages.parsed(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Refusal(400, "the body is no UTF-8 text") from error
    except WireError as error:
        raise Refusal(400, str(error)) from error


class Query:
    """Parameters of an address, checked.

    Parameters
    ----------
    values : mapping
        Name -> text.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def get(self, name: str) -> str | None:
        """Return a parameter as text."""
        return self._values.get(name)

    @staticmethod
    def parts(rest: list[str], n: int) -> None:
        """Refuse an address with another number of parts."""
        if len(rest) != n:
            raise Refusal(404, f"this address has {n} part{'s' * (n != 1)} after its name, got {len(rest)}")

    @staticmethod
    def place(text: str, n: int, what: str) -> int:
        """Return a number from 0 to n - 1 that is part of an address; 404 beyond."""
        if not (text.isascii() and text.isdigit()) or len(text) > 12:
            raise Refusal(400, f"{what}: must be a whole number, got {text[:40]!r}")
        if int(text) >= n:
            raise Refusal(404, f"{what} {int(text)}: there are {n}, numbered from 0")
        return int(text)

    def whole(self, name: str, low: int, high: int, default: int | None = None) -> int:
        """Return a whole number."""
        text = self._values.get(name)
        if text is None and default is not None:
            return default
        if text is None or not (text.isascii() and text.isdigit()) or len(text) > 12:
            raise Refusal(400, f"{name}: must be a whole number from {low} to {high}, got {str(text)[:40]!r}")
        if not low <= int(text) <= high:
            raise Refusal(422, f"{name}: must be from {low} to {high}, got {int(text)}")
        return int(text)

    def number(self, name: str, default: float) -> float:
        """Return a finite number."""
        text = self._values.get(name)
        if text is None:
            return default
        try:
            value = float(text) if len(text) <= 40 else math.nan
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise Refusal(400, f"{name}: must be a finite number, got {text[:40]!r}")
        return value

    def stretch(self, status: Status) -> tuple[float, float]:
        """Return start and stop in ms, cut to what has happened; all of it when not given."""
        first, last = status.start_ms, max(status.start_ms, status.t_ms) + JUST_AFTER_ms
        start, stop = self.number("start_ms", first), self.number("stop_ms", last)
        if stop < start:
            raise Refusal(422, f"stop_ms={stop:g} is before start_ms={start:g}")
        return min(max(start, first), last), min(max(stop, first), last)

    def ranks(self, name: str, cells_n: int) -> Ranks:
        """Return cells listed with commas."""
        words = [w for w in (self._values.get(name) or "").split(",") if w]
        if len(words) > MOST_CELLS:
            raise Refusal(413, f"{name}: {len(words):,} cells; at most {MOST_CELLS:,}")
        return np.array([self.place(w, cells_n, "cell") for w in words], np.uint32)
