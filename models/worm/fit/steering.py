"""The sizes of the steering circuit: how much the worm curves without odour, and that rising odour straightens it.

    python -m neurosim.models.worm.fit.steering

Two numbers are sought by halving, each against one measure, in the closed loop at the detail ``"point"``:

| number | measure | aim |
|---|---|---|
| ``trim.SMB`` | turning without odour | ``STANDING_RAD_PER_S`` |
| ``from.AIZ.SMBVL`` and ``SMBVR`` | turning in odour that rises by ``RISE_PER_S`` of itself each second | 0 |

The aim is from a worm that is a point and turns by its odour's change only: with a standing curve of 0.2 rad/s it
hardly climbs, with 0.3 to 0.6 it does. Budget: ``2 * HALVINGS`` runs of 12 s with one seed, about a minute of one core.
All else in ``params/steering.toml`` and the thresholds of AWA and AIZ are chosen by hand from the potentials in such
runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.models.worm import measures, parameters
from neurosim.models.worm.build import published
from neurosim.models.worm.environment import Environment, Field
from neurosim.models.worm.loop import ClosedLoop
from neurosim.models.worm.model import WormModel
from neurosim.models.worm.motor import equipped
from neurosim.models.worm.parameters import Parameters
from neurosim.models.worm.steering import steered
from neurosim.models.worm.track import Recorder
from neurosim.units import MS_PER_S, S_PER_MS

Floats = NDArray[np.float64]

STANDING_RAD_PER_S = 0.45
RISE_PER_S = 0.08
"""What a worm at 0.2 mm/s meets on the way up in a gradient of 0.4 per mm."""
SEED, HALVINGS = 1, 5
RUN_MS, SETTLE_MS = 12_000.0, 4_000.0


@dataclass(frozen=True)
class Rising(Field):
    """The same everywhere, changing by a constant part of itself."""

    rate_per_s: float
    start: float = 1.0

    def values(self, x_mm: Floats, y_mm: Floats, t_ms: float) -> Floats:
        """Return the numbers at points."""
        return np.full(np.shape(x_mm), self.start * np.exp(self.rate_per_s * S_PER_MS * t_ms))


def turning_rad_per_s(model: WormModel, rate_per_s: float, *, seed: int = SEED, detail: str = "point") -> float:
    """Return how fast a worm turns, to its left counted positive, in odour that changes at a rate.

    Parameters
    ----------
    model : WormModel
    rate_per_s : float
        Of the logarithm of the concentration.
    """
    world = Environment({"odour": Rising(rate_per_s)})
    loop = ClosedLoop(seed=seed, model=model, detail=detail, environment=world)
    recorder = Recorder()
    for step in range(round(RUN_MS / loop.control_ms)):
        loop.step()
        if step % 4 == 0:
            recorder.add(loop.body, loop.activation)
    heading = np.unwrap(measures.heading_rad(recorder.track().between(SETTLE_MS)))
    return float(heading[-1] - heading[0]) * MS_PER_S / (RUN_MS - SETTLE_MS)


def halved(measure: Callable[[float], float], low: float, high: float, aim: float, *, rises: bool) -> float:
    """Return where a measure that rises, or falls, meets an aim between two values: the middle of the last interval."""
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        if (measure(middle) < aim) == rises:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def fitted(model: WormModel, given: Parameters) -> dict[str, float]:
    """Return the sizes found.

    Parameters
    ----------
    model : WormModel
        With its motor circuit.
    given : Parameters
        Of ``params/steering.toml``; what is not sought is taken from there.
    """

    def with_sizes(trim_mV: float, onto_SMBV: float) -> WormModel:
        return steered(
            model,
            given.replaced(trim__SMB=trim_mV, from__AIZ__SMBVL=onto_SMBV, from__AIZ__SMBVR=onto_SMBV),
        )

    def standing(trim_mV: float) -> float:
        return turning_rad_per_s(with_sizes(trim_mV, given["from.AIZ.SMBVL"]), 0.0)

    trim_mV = halved(standing, 10.0, 40.0, STANDING_RAD_PER_S, rises=True)

    def rising(onto_SMBV: float) -> float:
        return turning_rad_per_s(with_sizes(trim_mV, onto_SMBV), RISE_PER_S)

    onto_SMBV = halved(rising, 1.0, 4.0, 0.0, rises=False)
    return {"trim.SMB": trim_mV, "from.AIZ.SMBVL": onto_SMBV, "from.AIZ.SMBVR": onto_SMBV}


def main() -> None:
    """Print the sizes found."""
    for key, value in fitted(equipped(published()), parameters.load("steering")).items():
        print(f"{key} = {value:.3g}", flush=True)


if __name__ == "__main__":
    main()
