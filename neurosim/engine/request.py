"""What the engine is asked to simulate: plain records, no arrays of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.layout import AnyCell
from neurosim.engine.observe import Gate, Probe
from neurosim.errors import InstabilityError
from neurosim.model.cell import Point
from neurosim.model.connections import Connections, Couplings

Floats = NDArray[np.float64]


@dataclass
class Request:
    """A model, its step, and what to observe.

    ``points`` are point processes attached by the simulation: (cell, point). ``varying`` are (mechanism, parameter)
    that will be changed during the run. ``separate`` keeps point processes apart that could be joined.
    ``sensed`` are values that are read between windows. ``owner`` tells which process computes each cell, int32
    (cells,), None with one process; ``cells`` then has ``Elsewhere`` for those of others, and all else is about own
    cells only. ``recorded`` are variables that are recorded here or in another process: results do not depend on where.
    """

    cells: Sequence[AnyCell]
    points: Sequence[tuple[int, Point]]
    gates: Sequence[Gate]
    probes: Sequence[Probe]
    dt_ms: float
    celsius_degC: float
    v_init_mV: float
    threads: int = 1
    seed: int = 0
    varying: frozenset[tuple[str, str]] = frozenset()
    connections: Sequence[Connections] = ()
    couplings: Sequence[Couplings] = ()
    separate: bool = False
    sensed: Sequence[Probe] = ()
    owner: NDArray[np.int32] | None = None
    recorded: frozenset[str] = frozenset()


@dataclass
class Window:
    """Results of an advance: spikes in order of time and gid, and samples, one float64 array a probe.

    With ``error`` it ends before the first step in which a cell became unstable.
    """

    gids: NDArray[np.int64]
    times_ms: Floats
    samples: list[Floats]
    error: InstabilityError | None = None
