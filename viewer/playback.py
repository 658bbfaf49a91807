"""``Recording``, activity that is known already, and ``ReplayPlayer``, one client's clock over it.

Every client has its own time, speed and loop. A batch holds the spikes with start < t <= end of its stretch; after a
jump the stretch reaches back ``GLOW_ms``, so that what would still glow is there. More than ``MOST_SPIKES`` in one
stretch (a slow client, a high speed) become numbers of spikes by cell.
"""

from __future__ import annotations

import math
import threading
import time
from abc import abstractmethod
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from neurosim.viewer.source import Batch, Floats, Player, Ranks, Source

GLOW_ms = 50.0
RATE_ms_per_s = 100.0
"""Speed at first: one second of simulated time takes ten."""
MOST_SPIKES = 1_000_000

Clock = Callable[[], float]


class Recording(Source):
    """A source that can be sought.

    Parameters
    ----------
    clock : callable
        Wall time in s; tests give their own.
    """

    live = False

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self.clock = clock

    @property
    @abstractmethod
    def start_ms(self) -> float:
        """Begin."""

    @property
    @abstractmethod
    def stop_ms(self) -> float:
        """End, as far as it is known now."""

    @property
    def growing(self) -> bool:
        """Whether ``stop_ms`` may still become later."""
        return False

    @abstractmethod
    def between_n(self, start_ms: float, stop_ms: float) -> int:
        """Return the number of spikes with start < t <= stop."""

    @abstractmethod
    def between(self, start_ms: float, stop_ms: float) -> tuple[Ranks, Floats]:
        """Return the spikes with start < t <= stop, in any order."""

    @abstractmethod
    def counted(self, start_ms: float, stop_ms: float) -> NDArray[np.int64]:
        """Return the number of spikes with start < t <= stop of every cell, int64 (cells,)."""

    @abstractmethod
    def voltage_at(self, t_ms: float, ranks: Sequence[int]) -> NDArray[np.float32] | None:
        """Return the voltage of all nodes of cells in mV, NaN where it is not known, or None."""

    def player(self) -> ReplayPlayer:
        """Return a player that begins at the start and plays."""
        return ReplayPlayer(self)


class ReplayPlayer(Player):
    """One client's clock over a recording.

    Parameters
    ----------
    recording : Recording
        What is played.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._lock = threading.Lock()
        self._rate, self._loop = RATE_ms_per_s, False
        self._given = recording.start_ms
        self._anchor = (recording.clock(), recording.start_ms)
        self._jumped, self._fresh, self._ended = True, True, False
        self._voltage: tuple[int, ...] = ()

    @property
    def rate(self) -> float:
        """Speed in ms of simulated time a second."""
        return self._rate

    def _now_ms(self) -> float:
        """Return the time of the clock, which waits at the end of what is known."""
        since, from_ms = self._anchor
        now = self._recording.clock()
        t_ms = from_ms + self._rate * (now - since)
        if t_ms >= self._recording.stop_ms:
            t_ms = self._recording.stop_ms
            self._anchor = (now, t_ms)
        return t_ms

    def take(self) -> Batch | None:
        """Return what happened since the last call; None when the clock stands."""
        with self._lock:
            t_ms = max(self._given, self._now_ms())
            if t_ms == self._given and not self._jumped and not self._fresh:
                return self._at_end(t_ms)
            batch = self._batch(t_ms)
            self._given, self._jumped, self._fresh = t_ms, False, False
            return batch

    def _at_end(self, t_ms: float) -> Batch | None:
        """Go on from the start, or say once that nothing follows."""
        record = self._recording
        if t_ms < record.stop_ms or record.growing or self._rate == 0.0 or self._ended:
            return None
        if self._loop and record.stop_ms > record.start_ms:
            self._go(record.start_ms)
            return None
        self._ended = True
        none = np.empty(0, np.uint32)
        return Batch(t_ms, t_ms, none, np.empty(0), last=True)

    def _batch(self, t_ms: float) -> Batch:
        record, start = self._recording, self._given
        if self._jumped:
            start = max(math.nextafter(record.start_ms, -math.inf), start - GLOW_ms)
        ranks, times = np.empty(0, np.uint32), np.empty(0)
        of, counts = np.empty(0, np.uint32), np.empty(0, np.uint32)
        if record.between_n(start, t_ms) > MOST_SPIKES:
            every = record.counted(start, t_ms)
            of = np.flatnonzero(every).astype(np.uint32)
            counts = every[of].astype(np.uint32)
        else:
            ranks, times = record.between(start, t_ms)
            order = np.argsort(ranks, kind="stable")
            ranks, times = ranks[order], times[order]
        voltage = record.voltage_at(t_ms, self._voltage) if self._voltage else None
        return Batch(
            start_ms=start,
            t_ms=t_ms,
            ranks=ranks,
            times_ms=times,
            counts_ranks=of,
            counts=counts,
            voltage_mV=voltage,
            voltage_ranks=self._voltage if voltage is not None else (),
            jumped=self._jumped,
        )

    def _go(self, t_ms: float) -> None:
        self._given = t_ms
        self._anchor = (self._recording.clock(), t_ms)
        self._jumped, self._ended = True, False

    def want_voltage(self, ranks: Sequence[int]) -> None:
        """Say which cells' voltage the batches are to hold; the next batch comes at once."""
        with self._lock:
            self._voltage, self._fresh = tuple(ranks), True

    def seek(self, t_ms: float) -> None:
        """Go to a time within the recording."""
        with self._lock:
            self._go(min(max(t_ms, self._recording.start_ms), self._recording.stop_ms))

    def play(self, rate: float, loop: bool = False) -> None:
        """Play ``rate`` ms a second from where the clock is; at the end, from the start again."""
        with self._lock:
            t_ms = self._now_ms()
            ended = t_ms >= self._recording.stop_ms and not self._recording.growing
            if ended and rate > 0.0 and self._rate == 0.0:
                self._go(self._recording.start_ms)
            else:
                self._anchor = (self._recording.clock(), t_ms)
            self._rate, self._loop, self._ended = rate, loop, False

    def close(self) -> None:
        """Nothing is held."""
