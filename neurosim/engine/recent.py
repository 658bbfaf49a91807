"""Own spikes that may still act somewhere: those of the time of the longest delay.

They are what a state keeps of events under way (``neurosim.engine.state``): which events remain follows from them, on
any number of processes and threads. In the bins and rings events stand in the order of their spikes (time, then gid),
so that those put back stand as those that were there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.build import compiled
from neurosim.engine.events import RangeState

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Flags = NDArray[np.bool_]
Spikes = tuple[Floats, Longs]
"""Times in ms, and gids, or -1 - gid of a spike that is only recorded."""

NOTHING: Spikes = (np.zeros(0), np.zeros(0, np.int64))

_FEW = 1024


@dataclass(frozen=True)
class Past:
    """Spikes before a moment, in order of time, then of gid.

    ``waiting``, bool (n,), are those that did not become events yet; they do with the next window.
    """

    times_ms: Floats
    gids: Longs
    waiting: Flags

    def of(self, which: Flags) -> Past:
        """Return some of them."""
        return Past(self.times_ms[which], self.gids[which], self.waiting[which])


NO_PAST = Past(*NOTHING, np.zeros(0, np.bool_))


class Recent:
    """Keeps the spikes of the last ``span_ms``.

    Parameters
    ----------
    span_ms : float
        Time after which a spike cannot act any more.
    """

    def __init__(self, span_ms: float) -> None:
        self.span_ms = span_ms
        self.restart(*NOTHING)

    def restart(self, times_ms: Floats, gids: Longs, waiting_n: int = 0) -> None:
        """Forget all and keep these, of which the last ``waiting_n`` did not become events yet."""
        self._parts: list[Spikes] = [(times_ms.copy(), gids.astype(np.int64))]
        self._n, self._most, self._waiting_n = len(gids), max(_FEW, 2 * len(gids)), waiting_n

    def add(self, times_ms: Floats, sources: Longs, waiting_n: int) -> None:
        """Keep more, fired after those before; those that are only recorded do not act."""
        self._waiting_n = waiting_n
        fired = sources >= 0
        if not fired.any():
            return
        self._parts.append((times_ms[fired], sources[fired]))
        self._n += len(self._parts[-1][0])
        if self._n > self._most:
            times, gids = self._all()
            # Twice the time: what a state keeps must not depend on when this happens.
            kept = times > float(times.max()) - 2.0 * self.span_ms
            kept[len(kept) - waiting_n :] = True
            self.restart(times[kept], gids[kept], waiting_n)

    def _all(self) -> Spikes:
        times, gids = (np.concatenate(column) for column in zip(*self._parts, strict=True))
        return times, gids

    def until(self, t_ms: float) -> Past:
        """Return those that may act after a time."""
        times, gids = self._all()
        waiting = np.arange(len(times)) >= len(times) - self._waiting_n
        order = np.lexsort((gids, times))
        past = Past(times[order], gids[order], waiting[order])
        return past.of(past.times_ms > t_ms - self.span_ms)

    def refill(self, to: RangeState, t_ms: float, past: Past, given: Spikes) -> None:
        """Give a range the events after ``t_ms`` of past spikes of cells and of trains; its queues are empty."""
        kernel = compiled("neurosim.engine.refill").refill
        for live, those in enumerate((Past(*given, np.zeros(len(given[0]), np.bool_)), past)):
            kept = those.of(those.times_ms > t_ms - self.span_ms)
            if len(kept.gids):
                kernel(to.m, kept.times_ms, kept.gids, kept.waiting, live)
