"""``Drive``, ``Sensor``, ``Varied``: currents into a running simulation, values from it, parameters that change.

What closes a loop through a body, a dynamic clamp or an optimiser is many small numbers every few steps; these move
them between windows of steps without a stimulus or a recording each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.engine.engine import Engine
from neurosim.engine.observe import Probe
from neurosim.engine.steering import Driven
from neurosim.errors import ModelError
from neurosim.model.connections import Couplings

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
        self._amplitude_nA = _checked("drive: amplitude_nA", amplitude_nA, len(self))
        if self._driven is not None:
            self._driven.set(self._amplitude_nA)

    def reset(self) -> None:
        """Put nothing in any more."""
        self._driven = None
        self.set(0.0)

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


class Varied:
    """A parameter of couplings that changes during a run; made by ``Simulation.vary``.

    Parameters
    ----------
    table : Couplings
        The rows.
    parameter : str
        Its name.
    """

    def __init__(self, table: Couplings, parameter: str) -> None:
        self.table, self.parameter = table, parameter
        default = table.mechanism.defaults[parameter]
        given = np.asarray(table.values.get(parameter, default), float)
        self._start = np.broadcast_to(given, (len(table),)).copy()
        self._values = self._start.copy()
        self._engine: Engine | None = None

    @property
    def start(self) -> Floats:
        """The values of the description, float64 (rows,)."""
        return self._start.copy()

    @property
    def values(self) -> Floats:
        """The values now, float64 (rows,)."""
        return self._values.copy()

    def set(self, values: ArrayLike) -> None:
        """Take these values from the next step on, float64 (rows,) or one number for all."""
        self._values = _checked(f"vary: {self.parameter}", values, len(self.table))
        if self._engine is not None:
            self._engine.set_coupled(self.table, self.parameter, self._values)

    def touches(self, gid: int) -> NDArray[np.bool_]:
        """Return which rows begin or end at a cell, bool (rows,)."""
        return np.asarray((self.table.source_gid == gid) | (self.table.target_gid == gid))

    def reset(self) -> None:
        """Go back to the values of the description."""
        self._engine = None
        self.set(self._start)

    def attach(self, engine: Engine) -> None:
        """Act on this engine from now on."""
        self._engine = engine
        if not np.array_equal(self._values, self._start):
            self.set(self._values)


def _checked(place: str, values: ArrayLike, n: int) -> Floats:
    """Return n finite numbers."""
    given = np.asarray(values, float)
    if given.shape not in ((), (n,)):
        raise ModelError(f"{place}: {given.shape} values for {n} places; give one number, or one for each")
    if not np.isfinite(given).all():
        k = int(np.flatnonzero(~np.isfinite(np.atleast_1d(given)))[0])
        raise ModelError(f"{place}[{k}]={np.atleast_1d(given)[k]} is not allowed; it must be finite")
    return np.broadcast_to(given, (n,)).copy()
