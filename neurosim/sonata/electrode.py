"""The currents that electrodes inject, step by step.

Needed where the membrane current of a compartment is asked for: what an electrode injects leaves through the membrane
and has to be counted there. Follows the rules of the point processes that the simulation uses (times at the middle of a
step; a voltage clamp's current belongs to the voltage after the step).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from neurosim.model.cell import Cell
from neurosim.sonata.inputs import CurrentStep, CurrentWave, Electrode

Floats = npt.NDArray[np.float64]


class HalfSteps:
    """Middles of time steps, accumulated in half steps as the engine does.

    Parameters
    ----------
    dt_ms : float
        Step.
    """

    def __init__(self, dt_ms: float) -> None:
        self.dt_ms, self._t, self._step = dt_ms, 0.0, 0

    def middles(self, before: int, after: int) -> Floats:
        """Return the middle of steps before + 1 to after, float64 (after - before,), not before those of the last."""
        if before > self._step:
            self.middles(self._step, before)
        if before != self._step:
            raise ValueError(f"steps {before} to {after} do not follow {self._step}")
        times = np.cumsum(np.concatenate([[self._t], np.full(2 * (after - before), 0.5 * self.dt_ms)]))
        self._t, self._step = float(times[-1]), after
        middles: Floats = times[1::2]
        return middles


class Injection:
    """Electrode currents of one cell, by compartment.

    Parameters
    ----------
    cell : Cell
        The cell.
    electrodes : iterable of Electrode
        Its electrodes.
    """

    def __init__(self, cell: Cell, electrodes: Iterable[Electrode]) -> None:
        nodes = cell.nodes("all")
        column_of = {int(node): column for column, node in enumerate(nodes)}
        self.items: list[tuple[int, Electrode]] = []
        for electrode in electrodes:
            section, x = cell.morphology.locate(electrode.place)
            self.items.append((column_of[cell.tree.compartment(section, x)], electrode))

    def currents(self, middles_ms: Floats, v_mV: Floats, dt_ms: float) -> list[tuple[int, Floats]]:
        """Return (column, current in nA, float64 (k,)) of each electrode for k steps.

        Parameters
        ----------
        middles_ms : float64 (k,)
            Middles of the steps.
        v_mV : float64 (k, n)
            Voltages of all compartments after the steps.
        dt_ms : float
            Step.
        """
        return [(column, current_nA(e, middles_ms, v_mV[:, column], dt_ms)) for column, e in self.items]


def current_nA(electrode: Electrode, middles_ms: Floats, v_mV: Floats, dt_ms: float) -> Floats:
    """Return the current of one electrode, float64 (k,); ``v_mV`` (k,) is the voltage where it is, after the steps."""
    if isinstance(electrode, CurrentWave):
        played: Floats = electrode.wave.at(middles_ms + 1e-9 * dt_ms)
        return played
    on = (middles_ms >= electrode.delay_ms) & (middles_ms < electrode.delay_ms + electrode.duration_ms)
    if isinstance(electrode, CurrentStep):
        return np.where(on, electrode.amp_nA, 0.0)
    return np.where(on, (electrode.v_mV - v_mV) / electrode.rs_MOhm, 0.0)
