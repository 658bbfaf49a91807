"""``Senses``: from the world at the animal's head, and from touches, to currents into sensory neurons.

Each chemosensor sees the concentration C at the nose and nothing else: no direction, no distance, no clock of its own.

    u = ln((C + floor) / floor)                     fold changes of C are steps of u
    fast' = (u - fast) / tau_fast,  slow' = (u - slow) / tau_slow
    r = tanh((fast - slow) / step)                  adapts: a constant C gives 0
    current = rise · max(r, 0) + fall · max(-r, 0)

ASEL and AWA are ON cells, ASER and AWC OFF cells. AFD does the same with the temperature above a threshold
as u. A touch gives its receptor cells a current that holds through the stroke and decays. Left and right cells of a
pair get the same, ASE excepted, whose sides differ in the animal. Numbers and sources are in ``params/senses.toml``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ModelError
from neurosim.models.worm.environment.environment import ODOUR, SALT, TEMPERATURE, Environment, Touch
from neurosim.models.worm.model import WormModel
from neurosim.models.worm.parameters import Parameters, load
from neurosim.units import PA_PER_NA, S_PER_MS

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Chemosensor:
    """Cells of one answer: which substance, where its sizes and where its filters are kept in the parameters."""

    cells: tuple[str, ...]
    substance: str
    sizes: str
    filters: str


CHEMOSENSORS = (
    _Chemosensor(("ASEL",), SALT, "ASEL", "ASE"),
    _Chemosensor(("ASER",), SALT, "ASER", "ASE"),
    _Chemosensor(("AWAL", "AWAR"), ODOUR, "AWA", "AWA"),
    _Chemosensor(("AWCL", "AWCR"), ODOUR, "AWC", "AWC"),
    _Chemosensor(("AFDL", "AFDR"), TEMPERATURE, "AFD", "AFD"),
)

TOUCH_CELLS: Mapping[str, tuple[str, ...]] = {
    "ALM": ("ALML", "ALMR"),
    "AVM": ("AVM",),
    "PLM": ("PLML", "PLMR"),
    "PVM": ("PVM",),
    "FLP": ("FLPL", "FLPR"),
    "PVD": ("PVDL", "PVDR"),
    "ASH": ("ASHL", "ASHR"),
}

FELT: Mapping[str, tuple[str, ...]] = {
    "head": ("ALM", "AVM"),
    "tail": ("PLM", "PVM"),
    "harsh head": ("ALM", "AVM", "FLP"),
    "harsh tail": ("PLM", "PVM", "PVD"),
    "nose": ("FLP", "ASH"),
}
"""Which receptor cells answer a touch of each place."""


class Posed(Protocol):
    """What the senses ask of a body: where its midline is."""

    @property
    def points_mm(self) -> Floats:
        """Midline from head to tail, float64 (n, 3)."""


class Senses:
    """Currents of the sensory neurons that chemicals, temperature and touch reach.

    Parameters
    ----------
    parameters : Parameters, optional
        Of ``params/senses.toml``, which is read when omitted.
    model : WormModel
        Whose cells these are; those it does not have get nothing.

    Attributes
    ----------
    names : tuple of str (n,)
    gids : int32 (n,)
        Their numbers in the model, in the order of the currents.
    """

    def __init__(self, parameters: Parameters | None, model: WormModel) -> None:
        self._parameters = load("senses") if parameters is None else parameters
        wanted = [cell for sensor in CHEMOSENSORS for cell in sensor.cells]
        wanted += [cell for cells in TOUCH_CELLS.values() for cell in cells]
        self.names = tuple(name for name in wanted if name in model.names)
        self.gids = np.array([model.number(name) for name in self.names], np.int32)
        self._row = {name: row for row, name in enumerate(self.names)}
        self.reset()

    def reset(self) -> None:
        """Forget all that was smelled: the next call finds the cells adapted to what there is."""
        self._filters = np.full((len(CHEMOSENSORS), 2), np.nan)
        self._t_ms = np.nan

    def current_nA(self, environment: Environment, body: Posed, t_ms: float) -> Floats:
        """Move the filters to ``t_ms`` and return the currents from now on, float64 (n,).

        Parameters
        ----------
        environment : Environment
        body : Posed
            Its first point is the nose.
        t_ms : float
            Not before the last call's.
        """
        if t_ms < self._t_ms:
            raise ModelError(f"senses: t_ms={t_ms:g} is before the last call's {self._t_ms:g}; call reset() first")
        elapsed_s = 0.0 if math.isnan(self._t_ms) else (t_ms - self._t_ms) * S_PER_MS
        self._t_ms = float(t_ms)
        out_pA = np.zeros(len(self.names))
        nose_mm = np.asarray(body.points_mm, float)[:1]
        for number, sensor in enumerate(CHEMOSENSORS):
            current_pA = self._answer(number, sensor, environment, nose_mm, t_ms, elapsed_s)
            self._give(out_pA, sensor.cells, current_pA)
        for touch in environment.touches:
            for receptor in FELT[touch.where]:
                self._give(out_pA, TOUCH_CELLS[receptor], self._felt(receptor, touch, t_ms))
        return out_pA / PA_PER_NA

    def _give(self, out_pA: Floats, cells: tuple[str, ...], current_pA: float) -> None:
        for cell in cells:
            if cell in self._row:
                out_pA[self._row[cell]] += current_pA

    def _answer(
        self, number: int, sensor: _Chemosensor, world: Environment, nose_mm: Floats, t_ms: float, elapsed_s: float
    ) -> float:
        """Return a chemosensor's current in pA and move its two filters."""
        if sensor.substance not in world.fields:
            return 0.0
        value = float(world.concentration(nose_mm, t_ms, sensor.substance)[0])
        p, filters = self._parameters, self._filters[number]
        if sensor.substance == TEMPERATURE:
            u = max(value - p[f"{sensor.filters}.threshold"], 0.0)
        else:
            u = math.log1p(max(value, 0.0) / p[f"chemo.{sensor.substance}.floor"])
        if math.isnan(filters[0]):
            filters[:] = u
        for k, name in enumerate(("fast_s", "slow_s")):
            filters[k] += -math.expm1(-elapsed_s / p[f"{sensor.filters}.{name}"]) * (u - filters[k])
        r = math.tanh((filters[0] - filters[1]) / p[f"{sensor.filters}.step"])
        return float(p[f"{sensor.sizes}.rise"] * max(r, 0.0) + p[f"{sensor.sizes}.fall"] * max(-r, 0.0))

    def _felt(self, receptor: str, touch: Touch, t_ms: float) -> float:
        """Return the current in pA of one receptor cell from one touch."""
        since_ms = t_ms - touch.t_ms
        if since_ms < 0.0 or touch.strength == 0.0:
            return 0.0
        p = self._parameters
        after_ms = max(since_ms - p["touch.stroke_ms"], 0.0)
        part = touch.strength / (touch.strength + p["touch.half"])
        return float(p[f"touch.{receptor}"] * part * math.exp(-after_ms / p["touch.decay_ms"]))

    def state(self) -> dict[str, Floats]:
        """Return all that is needed to go on bitwise the same."""
        return {"filters": self._filters.copy(), "t_ms": np.array([self._t_ms])}

    def set_state(self, state: Mapping[str, Floats]) -> None:
        """Go on from ``state()``."""
        self._filters = np.array(state["filters"], np.float64)
        self._t_ms = float(state["t_ms"][0])
