"""The route that costs least, found by trying all with the run's own spikes.

All routes deliver the same, so that trying does not change a run. Processes agree on the times first, thus also on the
choice. Trials come again later, less and less often, because a network may begin quietly.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

import numpy as np

from neurosim.hpc.comm import Comm, Floats, Longs
from neurosim.hpc.route import Route, Spikes

TRIAL: Final = 16
"""Windows in which a route is tried."""
_FIRST: Final = 512
_LATER: Final = 8


class Chosen:
    """Tries routes, and takes the one in which processes spend the least time.

    Parameters
    ----------
    comm : Comm
        The processes.
    routes : sequence of Route
        What to try; the first is taken where two cost the same.
    """

    def __init__(self, comm: Comm, routes: Sequence[Route]) -> None:
        self._comm, self._routes = comm, routes
        self._best = 0
        self._window, self._trial_at = 0, 0
        self._spent_ns = np.zeros((len(routes), TRIAL), np.int64)
        self._now = routes[0]

    @property
    def name(self) -> str:
        """Name of the route in use."""
        return f"auto: {self._now.name}"

    @property
    def meets(self) -> bool:
        """Whether the route in use meets anybody."""
        return self._now.meets

    def start(self, times_ms: Floats, gids: Longs) -> None:
        """Send by the route that is tried or was chosen."""
        k, window = divmod(self._window - self._trial_at, TRIAL)
        tries = 0 <= k < len(self._routes)
        self._now = self._routes[k if tries else self._best]
        self._place = (k, window) if tries else None
        self._begun_ns = -time.perf_counter_ns()
        self._now.start(times_ms, gids)
        self._begun_ns += time.perf_counter_ns()

    def finish(self) -> Spikes:
        """Return what came; settle a trial that is over."""
        begun = time.perf_counter_ns()
        spikes = self._now.finish()
        if self._place is not None:
            self._spent_ns[self._place] = self._begun_ns + time.perf_counter_ns() - begun
        self._window += 1
        if self._window == self._trial_at + TRIAL * len(self._routes):
            self._settle()
        return spikes

    def _settle(self) -> None:
        spent = self._comm.total(self._spent_ns.reshape(-1)).reshape(self._spent_ns.shape)
        self._best = int(np.argmin(np.median(spent, axis=1)))
        self._trial_at = _FIRST if self._trial_at == 0 else _LATER * self._trial_at

    def close(self) -> None:
        """Give up all routes."""
        for route in self._routes:
            route.close()
