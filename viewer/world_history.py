"""``WorldHistory``: what is kept of the worlds of a run - their numbers over time, a bounded number of rows.

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


def stretch(time_ms: NDArray[np.float64], start_ms: float, stop_ms: float, most: int) -> slice:
    """Return which of times in order have start <= t < stop, evenly thinned to at most ``most``."""
    first, last = (int(i) for i in np.searchsorted(time_ms, [start_ms, stop_ms]))
    every = max(1, -(-(last - first) // max(1, most)))
    # The same rows whatever the stretch: what is drawn does not flicker while it grows.
    return slice(first + (-first) % every, last, every)


def _shape(world: World) -> tuple[tuple[str, int], ...]:
    """Return names and lengths of the parts of a world's numbers, in their order."""
    parts: list[tuple[str, int]] = []
    for body in world.bodies:
        parts += [(body.name, body.points_mm.size), *((row.name, len(row.activation)) for row in body.muscles)]
    parts += [(curve.name, len(curve.values)) for curve in world.curves]
    return (*parts, *((track.name, 3) for track in world.tracks), *((scalar.name, 1) for scalar in world.scalars))


class WorldHistory:
    """The numbers of worlds, in arrays that grow.

    Parameters
    ----------
    most : int
        Rows that are kept.

    Attributes
    ----------
    last : World or None
        The newest.
    """

    def __init__(self, most: int = MOST_ROWS) -> None:
        self._most = most
        self._forget(())

    def _forget(self, shape: tuple[tuple[str, int], ...]) -> None:
        self._shape, self._n, self._stride, self._seen = shape, 0, 1, 0
        self._time = np.empty(64)
        self._rows = np.empty((64, sum(k for _, k in shape)), np.float32)
        self.last: World | None = None

    def add(self, world: World) -> None:
        """Append a world; one that is earlier than the last, or of other parts, begins anew."""
        shape = _shape(world)
        if shape != self._shape or (self.last is not None and world.t_ms < self.last.t_ms):
            self._forget(shape)
        self.last = world
        self._seen += 1
        if (self._seen - 1) % self._stride:
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
        self._time[self._n], self._rows[self._n] = world.t_ms, world.numbers()
        self._n += 1

    def at(self, t_ms: float) -> World | None:
        """Return the world of the last row at or before a time, with the fields of now; before the first, the first."""
        if self.last is None or not self._n or t_ms >= self.last.t_ms:
            return self.last
        row = max(0, int(np.searchsorted(self._time[: self._n], t_ms, side="right")) - 1)
        return self.last.moved(float(self._time[row]), self._rows[row])

    def between(self, start_ms: float, stop_ms: float, most: int) -> WorldRows:
        """Return curves and tracks with start <= t < stop, evenly thinned to at most ``most`` rows."""
        time = self._time[: self._n]
        part = stretch(time, start_ms, stop_ms, most)
        if self.last is None:
            return WorldRows(time[part].copy(), (), ())
        edges = np.cumsum([0, *(k for _, k in self._shape)]).tolist()
        parts = [self._rows[part, a:b].copy() for a, b in pairwise(edges)]
        curves_n, tracks_n = len(self.last.curves), len(self.last.tracks)
        tracks_at = len(parts) - len(self.last.scalars) - tracks_n
        curves = parts[tracks_at - curves_n : tracks_at]
        return WorldRows(time[part].copy(), tuple(curves), tuple(parts[tracks_at : tracks_at + tracks_n]))
