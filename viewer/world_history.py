"""``WorldHistory``: what is kept of the worlds of a run - curves and tracks over time, a bounded number of rows.

When there are too many rows every second one is forgotten, so that a run of any length is known from its begin, less
finely the longer it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from neurosim.world import World

MOST_ROWS = 20_000


@dataclass(frozen=True, eq=False)
class WorldRows:
    """Worlds in order of time.

    Parameters
    ----------
    time_ms : float64 (n,)
        When.
    curves : tuple of float32 (n, k)
        Each curve over time.
    tracks : tuple of float32 (n, 3)
        Each track's points in mm.
    """

    time_ms: NDArray[np.float64]
    curves: tuple[NDArray[np.float32], ...]
    tracks: tuple[NDArray[np.float32], ...]

    def between(self, start_ms: float, stop_ms: float, most: int) -> WorldRows:
        """Return the rows with start <= t < stop, evenly thinned to at most ``most``."""
        first, last = np.searchsorted(self.time_ms, [start_ms, stop_ms])
        every = max(1, -(-(last - first) // max(1, most)))
        # The same rows whatever the stretch: what is drawn does not flicker while it grows.
        begin = first + (-first) % every
        part = slice(begin, last, every)
        return WorldRows(self.time_ms[part], tuple(c[part] for c in self.curves), tuple(t[part] for t in self.tracks))


def _widths(world: World) -> tuple[tuple[str, int], ...]:
    """Return names and lengths of what is kept of a world."""
    return (*((c.name, len(c.values)) for c in world.curves), *((t.name, 3) for t in world.tracks))


class WorldHistory:
    """Rows of worlds, in arrays that grow.

    Parameters
    ----------
    most : int
        Rows that are kept.
    """

    def __init__(self, most: int = MOST_ROWS) -> None:
        self._most = most
        self._forget(())

    def _forget(self, widths: tuple[tuple[str, int], ...]) -> None:
        self._widths, self._n, self._stride, self._seen = widths, 0, 1, 0
        self._time = np.empty(64)
        self._rows = np.empty((64, sum(k for _, k in widths)), np.float32)
        self._curves_n = 0
        self.last: World | None = None

    def add(self, world: World) -> None:
        """Append a world; one that is earlier than the last, or of other parts, begins anew."""
        widths = _widths(world)
        if widths != self._widths or (self.last is not None and world.t_ms < self.last.t_ms):
            self._forget(widths)
        self.last, self._curves_n = world, len(world.curves)
        self._seen += 1
        if (self._seen - 1) % self._stride or not widths:
            return
        if self._n == self._most:
            half = slice(0, self._n, 2)
            self._n = len(self._time[half])
            self._time[: self._n], self._rows[: self._n] = self._time[half].copy(), self._rows[half].copy()
            self._stride *= 2
            if (self._seen - 1) % self._stride:
                return
        if self._n == len(self._time):
            more = min(self._n, self._most - self._n)
            self._time = np.concatenate([self._time, np.empty(more)])
            self._rows = np.concatenate([self._rows, np.empty((more, self._rows.shape[1]), np.float32)])
        self._time[self._n] = world.t_ms
        parts = [*(c.values for c in world.curves), *(t.point_mm for t in world.tracks)]
        self._rows[self._n] = np.concatenate(parts)
        self._n += 1

    def rows(self) -> WorldRows:
        """Return all that is kept; the arrays are copies."""
        time, rows = self._time[: self._n].copy(), self._rows[: self._n].copy()
        edges = np.cumsum([0, *(k for _, k in self._widths)])
        parts = [rows[:, a:b] for a, b in pairwise(edges.tolist())]
        return WorldRows(time, tuple(parts[: self._curves_n]), tuple(parts[self._curves_n :]))
