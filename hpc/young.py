"""How often to write a checkpoint: the time lost to writing against the time lost to what must be done again.

Young's first order: the best interval is sqrt(2 d M), with d the time that a checkpoint takes and M the mean time
between two failures (Young 1974, doi:10.1145/361147.361115). It is good while d is much smaller than M.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from neurosim.errors import SimulationError
from neurosim.exchange import Exchange

DAY_S = 86400.0
"""Mean time between failures when nothing is known of the machine."""

FIRST_S = 60.0
"""When the first checkpoint is due: it shows how long one takes."""


def interval_s(write_s: float, failure_s: float = DAY_S) -> float:
    """Return the best time between the ends of two checkpoints.

    Parameters
    ----------
    write_s : float
        Time that one takes.
    failure_s : float
        Mean time between two failures of the job; with many nodes, that of one node by their number.

    Raises
    ------
    SimulationError
        A time is not above 0.
    """
    for name, value in (("write_s", write_s), ("failure_s", failure_s)):
        if not (math.isfinite(value) and value > 0.0):
            raise SimulationError(f"checkpoints: {name}={value} is not allowed; it must be finite and above 0")
    return max(write_s, math.sqrt(2.0 * write_s * failure_s))


def interval_ms(write_s: float, wall_s_per_ms: float, failure_s: float = DAY_S) -> float:
    """Return the best simulated time between two checkpoints.

    Parameters
    ----------
    write_s, failure_s : float
        As in ``interval_s``.
    wall_s_per_ms : float
        Time that a millisecond of the model takes.
    """
    if not (math.isfinite(wall_s_per_ms) and wall_s_per_ms > 0.0):
        raise SimulationError(f"checkpoints: wall_s_per_ms={wall_s_per_ms} is not allowed; it must be above 0")
    return interval_s(write_s, failure_s) / wall_s_per_ms


def lost_frac(every_s: float, write_s: float, failure_s: float = DAY_S) -> float:
    """Return the part of a job's time that is lost with checkpoints every ``every_s``: writing, and doing again."""
    return write_s / every_s + 0.5 * every_s / failure_s


class Pace:
    """Says when the next checkpoint is due, by what the last one took and the clock of process 0.

    Results of a run do not depend on when its checkpoints are written.

    Parameters
    ----------
    exchange : Exchange
        The processes of the run.
    failure_s : float
        Mean time between two failures.
    clock : callable
        Seconds.
    """

    def __init__(
        self, exchange: Exchange, failure_s: float = DAY_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._exchange, self._failure_s, self._clock = exchange, failure_s, clock
        self.every_s = FIRST_S
        self._last = clock()

    def due(self) -> bool:
        """Return whether one is due now, the same in all processes; every process calls this."""
        late_s = self._clock() - self._last - self.every_s if self._exchange.rank == 0 else math.inf
        return self._exchange.smallest(late_s) >= 0.0

    def wrote(self, write_s: float) -> None:
        """Take note that one was written now, and how long that took; what process 0 says counts."""
        self.every_s = interval_s(max(write_s, 1e-3), self._failure_s)
        self._last = self._clock()
