"""Own spikes that may still act somewhere: those of the time of the longest delay.

They are what a state keeps of events under way (``neurosim.engine.state``): which events remain follows from them, on
any number of processes and threads. In the bins and rings events stand in the order of their spikes (time, then gid),
so that those put back stand as those that were there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.build import compiled
from neurosim.engine.events import RangeState

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Spikes = tuple[Floats, Longs]
"""Times in ms, and gids, or -1 - gid of a spike that is only recorded."""

NOTHING: Spikes = (np.zeros(0), np.zeros(0, np.int64))

_FEW = 1024


class Recent:
    """Keeps the spikes of the last ``span_ms``.

    Parameters
    ----------
    span_ms : float
        Time after which a spike cannot act any more.
    """

    def __init__(self, span_ms: float) -> None:
        self.span_ms = span_ms
        self._parts: list[Spikes] = []
        self._n, self._most = 0, _FEW

    def restart(self, times_ms: Floats, gids: Longs) -> None:
        """Forget all and keep these."""
        self._parts = [(times_ms.copy(), gids.astype(np.int64))]
        self._n, self._most = len(gids), max(_FEW, 2 * len(gids))

    def add(self, times_ms: Floats, sources: Longs) -> None:
        """Keep more, of later times than those before; those that are only recorded do not act."""
        fired = sources >= 0
        if not fired.any():
            return
        self._parts.append((times_ms[fired], sources[fired]))
        self._n += len(self._parts[-1][0])
        if self._n > self._most:
            # Twice the time: what a state keeps must not depend on when this happens.
            self.restart(*self.until(float(self._parts[-1][0].max()) - self.span_ms))

    def until(self, t_ms: float) -> Spikes:
        """Return those that may act after a time, in order of time, then of gid."""
        times, gids = (np.concatenate(column) for column in zip(NOTHING, *self._parts, strict=True))
        kept = np.flatnonzero(times > t_ms - self.span_ms)
        order = kept[np.lexsort((gids[kept], times[kept]))]
        return times[order], gids[order]

    def refill(self, to: RangeState, t_ms: float, past: Spikes, given: Spikes) -> None:
        """Give a range the events after ``t_ms`` of past spikes of cells and of trains; its queues are empty."""
        kernel = compiled("neurosim.engine.refill").refill
        for live, (times, gids) in enumerate((given, past)):
            kept = times > t_ms - self.span_ms
            if kept.any():
                kernel(to.m, times[kept], gids[kept], live)
