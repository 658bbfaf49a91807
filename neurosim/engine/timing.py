"""Windows of steps and the clock of events: how far cells may run ahead of one another, and which half step is when.

A spike at time s acts at s + delay. The cells may advance ``window`` steps without hearing of each other when no spike
of those steps can act within them: spikes of branching cells happen just after a step's end, those of point cells
anywhere in it. Given trains are known beforehand and restrict nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.request import Request
from neurosim.errors import SimulationError
from neurosim.exchange import Exchange
from neurosim.kernels.queue import CLASSES
from neurosim.model.point import Elsewhere, PointCell, SpikeTrain

MOST_STEPS = 400
"""Longest window; longer ones win nothing and cost memory for sorting."""

MOST_RING_HALVES = 1024
"""Half steps a ring of sums may have; with longer delays events are listed."""

ON_GRID = 1e-9
"""A delay this close (in steps) to a whole number of steps counts as one."""


@dataclass(frozen=True)
class Clock:
    """Half steps of the time ahead.

    Parameters
    ----------
    time_ms : float64 (n,)
        Accumulated time after each half step.
    start : int
        Number of the first half step (0: t = 0).
    bin, key : int32 (n,)
        Bin of the events that act at each, and the first of their keys there.
    per_ms : float
        Half steps in a ms.
    """

    time_ms: NDArray[np.float64]
    start: int
    bin: NDArray[np.int32]
    key: NDArray[np.int32]
    per_ms: float


@dataclass(frozen=True)
class Timing:
    """The time line of a run.

    Parameters
    ----------
    dt_ms : float
        Step.
    window : int
        Steps of a window.
    longest : int
        Longest delay in steps, rounded up.
    immediate : bool
        Point cells reach others within a step: all cells form one group, as in one queue.
    late : bool
        Spikes travel between processes while the next window is computed, and become events after it.
    """

    dt_ms: float
    window: int
    longest: int
    immediate: bool
    late: bool = False

    @property
    def bins(self) -> int:
        """Windows that events may lie ahead, and one that is being made."""
        return (self.longest + 2) // self.window + 4

    @property
    def rings(self) -> bool:
        """Whether delays are short enough for rings of sums."""
        return self.ring_halves <= MOST_RING_HALVES

    @property
    def ring_halves(self) -> int:
        """Half steps of a ring: a power of 2."""
        return 1 << math.ceil(math.log2(2 * (self.longest + self.window + 2) + 4))

    def clock(self, step: int, t_ms: float, steps: int, *, events: bool = True) -> Clock:
        """Return the table of half steps from step ``step`` on, at time ``t_ms``, for the next ``steps`` steps.

        With ``events`` it reaches as far as their spikes act.
        """
        count = 2 * (steps + 3 + (self.longest + self.window if events else 0))
        time = np.full(count + 1, 0.5 * self.dt_ms)
        time[0] = t_ms
        np.add.accumulate(time, out=time)
        half = 2 * step - 1 + np.arange(count + 1)
        window = (half // 2) // self.window
        return Clock(
            time,
            2 * step,
            (window % self.bins).astype(np.int32),
            ((half - 2 * self.window * window) * CLASSES).astype(np.int32),
            2.0 / self.dt_ms,
        )


def timing_of(request: Request, exchange: Exchange) -> Timing:
    """Return windows for the delays of a request, in which all processes agree.

    Parameters
    ----------
    request : Request
        The model.
    exchange : Exchange
        Who else takes part.
    """
    within = (isinstance(c, PointCell) or (isinstance(c, Elsewhere) and c.within) for c in request.cells)
    point = np.fromiter(within, np.bool_, len(request.cells))
    given = np.array([isinstance(c, SpikeTrain) for c in request.cells], np.bool_)
    ahead, longest, immediate = float(MOST_STEPS), 0, False
    for table in request.connections:
        if not len(table):
            continue
        steps = table.delay_ms / request.dt_ms
        longest = max(longest, math.ceil(float(steps.max()) + ON_GRID))
        inside = (table.source_gid >= 0) & (table.source_gid < len(request.cells))
        sources = table.source_gid[inside]
        from_cells = steps[inside][~(point | given)[sources]]
        from_points = steps[inside][point[sources]]
        if len(from_cells):
            ahead = min(ahead, math.floor(float(from_cells.min()) + ON_GRID) + 1)
        if len(from_points):
            shortest = math.floor(float(from_points.min()) + ON_GRID)
            immediate = immediate or shortest < 1
            ahead = min(ahead, max(1, shortest))
    if immediate and not exchange.alone:
        raise SimulationError(
            f"a delay between point cells is below dt_ms={request.dt_ms:g}; with several processes it must be at least "
            "one step: use longer delays, a smaller dt_ms, or one process"
        )
    window = int(exchange.smallest(ahead))
    longest = -int(exchange.smallest(-longest))
    late = exchange.overlap and window > 1
    return Timing(request.dt_ms, window // 2 if late else window, longest, immediate, late)
