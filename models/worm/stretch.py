"""``Stretch``: from the bends of the body to currents into motor neurons that feel stretch.

    I = leak · s · tanh((x - slow) / s),  slow' = (x - slow) / adaptation
    x = gain · (mean of K over a field in front + local · mean of K over the own muscles)

K is the curvature in 1/mm, counted towards the side of the cell's muscles; ``leak`` is the resting conductance of the
cell, so that x is a shift of its potential, which saturates at s and adapts: a bend that lasts is not felt.
B cells feel the bend in front of them (Wen et al. 2012, doi:10.1016/j.neuron.2012.08.039), A cells the one behind;
motor neurons of the head that of the neck with the other sign, which is what makes the head swing (SMD: Yeon et al.
2018, doi:10.1371/journal.pbio.2004929). The last A cells feel the tail as the head's cells feel the neck. The sizes are
fitted: ``params/motor.toml``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from neurosim.models.worm import parameters
from neurosim.models.worm.body.body import ROWS
from neurosim.models.worm.model import WormModel
from neurosim.models.worm.motor import centre_row, leak_uS, roles
from neurosim.models.worm.parameters import Parameters

Floats = NDArray[np.float64]


class Stretch:
    """Currents of the motor neurons that feel the body's bends.

    Parameters
    ----------
    parameters : Parameters, optional
        Of ``params/motor.toml``, which is read when omitted.
    model : WormModel
        With its motor circuit (``motor.equipped``). Cells without muscles get no current.

    Attributes
    ----------
    gids : int32 (n,)
    largest_nA : float64 (n,)
        Currents at saturation.
    weights_mm : float64 (n, 24)
        Current of each cell over its largest one, by the curvature of each row, for small bends.
    """

    def __init__(self, parameters_given: Parameters | None, model: WormModel) -> None:
        p = parameters.load("motor") if parameters_given is None else parameters_given
        leak = leak_uS(model)
        gids, weights = [], []
        for cell, (role, side) in roles(model).items():
            centre = centre_row(model, cell)
            if role == "D" or np.isnan(centre):
                continue
            field = _field(role, centre, p)
            gids.append(cell)
            weights.append(side * field / p["saturation"])
        self.gids = np.array(gids, np.int32)
        self.largest_nA = np.asarray(p["saturation"] * leak[self.gids], np.float64)
        self.weights_mm = np.array(weights).reshape(len(gids), ROWS)

        self.adaptation_ms = float(p["adaptation"])
        self.reset()

    def reset(self) -> None:
        """Forget all bends: the next call finds cells that are adapted to a straight body."""
        self._slow = np.zeros(len(self.gids))

    def current_nA(self, curvature_per_mm: Floats, strain: Floats, elapsed_ms: float = 5.0) -> Floats:
        """Return the currents from now on, float64 (n,), and adapt to the bend of now for a while.

        Parameters
        ----------
        curvature_per_mm : float64 (24,)
            Dorsal is positive.
        strain : float64 (4, 24)
            Of the muscles; not used: in a body of constant radius it says the same.
        elapsed_ms : float
            Until the next call.
        """
        felt = self.weights_mm @ curvature_per_mm
        current = self.largest_nA * np.tanh(felt - self._slow)
        self._slow += -math.expm1(-elapsed_ms / self.adaptation_ms) * (felt - self._slow)
        return np.asarray(current, np.float64)

    def state(self) -> dict[str, Floats]:
        """Return all that is needed to go on bitwise the same."""
        return {"slow": self._slow.copy()}

    def set_state(self, state: Mapping[str, Floats]) -> None:
        """Go on from ``state()``."""
        self._slow = np.array(state["slow"], np.float64)


def _field(role: str, centre: float, p: Parameters) -> Floats:
    """Return the weights of a cell's rows in mV mm, counted towards its own side."""
    if role == "head":
        return np.asarray(-p["head.gain"] * window(p["head.centre"], p["head.half"]), np.float64)
    if role == "A" and centre > p["tail.from"]:
        return np.asarray(-p["tail.gain"] * window(p["tail.centre"], p["tail.half"]), np.float64)
    ahead = p[f"{role}.offset"]
    out = window(centre + ahead, p[f"{role}.half"]) + p[f"{role}.local"] * window(centre, 1.0)
    return np.asarray(p[f"{role}.gain"] * out)


def window(centre: float, half: float) -> Floats:
    """Return weights of the rows within ``half`` of a centre, falling to 0 over one row, of sum 1; float64 (24,)."""
    weights = np.clip(half + 0.5 - np.abs(np.arange(ROWS) - centre), 0.0, 1.0)
    if not weights.any():
        weights[int(np.clip(round(centre), 0, ROWS - 1))] = 1.0
    return np.asarray(weights / weights.sum())
