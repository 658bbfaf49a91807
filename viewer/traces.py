"""``Traces``: voltages of traced compartments of a live run, the latest of each, bounded."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from neurosim.viewer.source import Floats, TraceBlock

MOST_VALUES = 400_000
"""Values that are kept of one compartment."""

Key = tuple[int, int]


class Trace:
    """The latest values of one compartment, in equal steps.

    Parameters
    ----------
    step_ms : float
        Step.
    most : int
        Values that are kept; between this number and twice as many are held.
    """

    def __init__(self, step_ms: float, most: int) -> None:
        self._step, self._most = step_ms, most
        self._start = 0.0
        self._parts: list[NDArray[np.float32]] = []
        self._n = 0

    def add(self, start_ms: float, values_mV: NDArray[np.float32]) -> None:
        """Append values; begins anew where there is a gap."""
        expected = self._start + self._step * self._n
        if self._n and abs(start_ms - expected) > 0.5 * self._step:
            self._parts, self._n = [], 0
        if not self._n:
            self._start = start_ms
        self._parts.append(values_mV)
        self._n += len(values_mV)
        if self._n > 2 * self._most:
            kept = np.concatenate(self._parts)[-self._most :].copy()
            self._start += self._step * (self._n - len(kept))
            self._parts, self._n = [kept], len(kept)

    def between(self, start_ms: float, stop_ms: float) -> TraceBlock:
        """Return the values with start <= t < stop."""
        if len(self._parts) > 1:
            self._parts = [np.concatenate(self._parts)]
        held = self._parts[0] if self._parts else np.empty(0, np.float32)
        first = min(max(0, int(np.ceil((start_ms - self._start) / self._step - 1e-6))), len(held))
        end = min(max(first, int(np.ceil((stop_ms - self._start) / self._step - 1e-6))), len(held))
        return TraceBlock(self._start + self._step * first, self._step, held[first:end].copy())


class Traces:
    """Traces by rank and node.

    Parameters
    ----------
    step_ms : float
        Step of the run.
    most : int
        Values that are kept of one compartment.
    """

    def __init__(self, step_ms: float, most: int = MOST_VALUES) -> None:
        self._step, self._most = step_ms, most
        self._known: dict[Key, Trace] = {}

    def keep(self, wanted: Iterable[Key]) -> None:
        """Forget all others."""
        self._known = {key: self._known.get(key) or Trace(self._step, self._most) for key in wanted}

    def add(self, keys: Iterable[Key], time_ms: Floats, values_mV: NDArray[np.float32]) -> None:
        """Append ``values_mV`` (times, keys) to those that are kept."""
        if not len(time_ms):
            return
        for column, key in enumerate(keys):
            if key in self._known:
                self._known[key].add(float(time_ms[0]), np.ascontiguousarray(values_mV[:, column]))

    def between(self, key: Key, start_ms: float, stop_ms: float) -> TraceBlock:
        """Return what is kept of start <= t < stop; empty when nothing is."""
        if key not in self._known:
            return TraceBlock(start_ms, self._step, np.empty(0, np.float32))
        return self._known[key].between(start_ms, stop_ms)
