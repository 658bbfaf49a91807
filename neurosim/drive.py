"""``Drive`` and ``Sensor``: currents put into a running simulation and values read from it, between windows of steps.

What closes a loop through a body, a dynamic clamp or an optimiser is many small numbers every few steps; these two move
them without a stimulus or a recording each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.engine.engine import Engine
from neurosim.engine.observe import Probe
from neurosim.engine.steering import Driven
from neurosim.errors import ModelError

Floats = NDArray[np.float64]


class Drive:
    """Currents into places of cells; made by ``Simulation.drive``.

    Parameters
    ----------
    gids, nodes : sequence of int (n,)
        Cells and nodes of their trees. A place may occur several times; currents add up.
    """

    def __init__(self, gids: Sequence[int], nodes: Sequence[int]) -> None:
        self.gids, self.nodes = tuple(gids), tuple(nodes)
        self._amplitude_nA = np.zeros(len(self.gids))
        self._driven: Driven | None = None

    def __len__(self) -> int:
        return len(self.gids)

    @property
    def amplitude_nA(self) -> Floats:
        """The currents now, float64 (n,)."""
        return self._amplitude_nA.copy()

    def set(self, amplitude_nA: ArrayLike) -> None:
        """Put these currents in from the next step on, float64 (n,) or one number for all; depolarising is positive.

        Raises
        ------
        ModelError
            Wrong number of values, or one that is not finite.
        """
        try:
            self._amplitude_nA[:] = amplitude_nA
        except ValueError as error:
            raise ModelError(
                f"drive: {np.shape(amplitude_nA)} values for {len(self)} places; give one number, or one for each"
            ) from error
        if not np.isfinite(self._amplitude_nA).all():
            k = int(np.flatnonzero(~np.isfinite(self._amplitude_nA))[0])
            wrong, self._amplitude_nA[k] = float(self._amplitude_nA[k]), 0.0
            raise ModelError(f"drive: amplitude_nA[{k}]={wrong} is not allowed; it must be finite")
        if self._driven is not None:
            self._driven.set(self._amplitude_nA)

    def attach(self, engine: Engine) -> None:
        """Act on this engine from now on."""
        self._driven = engine.steering.drive(self.gids, self.nodes)
        self._driven.set(self._amplitude_nA)


class Sensor:
    """Values read between two windows of steps; made by ``Simulation.sense``.

    Parameters
    ----------
    probes : sequence of Probe
        What is read.
    read : function
        Returns the values now.
    """

    def __init__(self, probes: Sequence[Probe], read: Callable[[Sensor], Floats]) -> None:
        self.probes = tuple(probes)
        self._read = read

    def __len__(self) -> int:
        return len(self.probes)

    def values(self) -> Floats:
        """Return the values now, float64 (n,)."""
        return self._read(self)
