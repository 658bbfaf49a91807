"""``Environment``: the fields of one world by substance, its arena, and touches in their order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.errors import ModelError
from neurosim.model.checks import finite
from neurosim.models.worm.environment.arena import Arena
from neurosim.models.worm.environment.field import Field

Floats = NDArray[np.float64]

SALT, ODOUR, TEMPERATURE = "salt", "odour", "temperature"
UNITS: Mapping[str, str] = {SALT: "mM", ODOUR: "µM", TEMPERATURE: "°C"}
"""What the senses know, with the unit of its field."""

PLACES = ("head", "tail", "harsh head", "harsh tail", "nose")
"""Gentle touch of the anterior or posterior body, harsh touch there, and the nose."""


@dataclass(frozen=True)
class Touch:
    """A stroke.

    Parameters
    ----------
    where : str
        One of ``PLACES``.
    t_ms : float
        When it begins.
    strength : float
        0 to 1; 1 is the stroke that nearly every animal answers.
    """

    where: str
    t_ms: float
    strength: float = 1.0

    def __post_init__(self) -> None:
        if self.where not in PLACES:
            raise ModelError(f"touch: no place {self.where!r}; allowed: {', '.join(PLACES)}")
        finite("touch", t_ms=self.t_ms)
        if not 0.0 <= self.strength <= 1.0:
            raise ModelError(f"touch: strength={self.strength!r} is not allowed; it is 0 to 1")


@dataclass(frozen=True, eq=False)
class Sampled:
    """A field on a grid: ``values`` float64 (ny, nx), the place of ``values[0, 0]``, the distance of neighbours."""

    values: Floats
    origin_mm: tuple[float, float]
    spacing_mm: float


@dataclass(eq=False)
class Environment:
    """Fields, arena and touches.

    Parameters
    ----------
    fields : mapping of str to Field
        By substance: ``"salt"`` (mM), ``"odour"`` (µM), ``"temperature"`` (°C); none is a plate without anything.
    arena : Arena
    touches : list of Touch
        Planned beforehand; ``touch`` adds to them.
    """

    fields: Mapping[str, Field] = field(default_factory=dict)
    arena: Arena = field(default_factory=Arena)
    touches: list[Touch] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in self.fields:
            if name not in UNITS:
                raise ModelError(f"environment: no sense for {name!r}; allowed: {', '.join(UNITS)}")
        self.touches = list(self.touches)

    def concentration(self, points_mm: ArrayLike, t_ms: float, substance: str = ODOUR) -> Floats:
        """Return a substance's values at points, float64 (n,); 0 where the world has none of it.

        Parameters
        ----------
        points_mm : float (n, 2) or (n, 3)
        t_ms : float
        substance : str
            Key of ``UNITS``.
        """
        if substance not in UNITS:
            raise ModelError(f"environment: no substance {substance!r}; allowed: {', '.join(UNITS)}")
        if substance not in self.fields:
            return np.zeros(len(np.asarray(points_mm)))
        return self.fields[substance].at(points_mm, t_ms)

    def map(self, substance: str, t_ms: float, shape: tuple[int, int] = (64, 64)) -> Floats:
        """Return a substance in the arena, float64 (ny, nx), at the middles of equal squares, row 0 at the bottom."""
        left, right, bottom, top = self.arena.limits_mm
        ny, nx = shape
        x = left + (np.arange(nx) + 0.5) * (right - left) / nx
        y = bottom + (np.arange(ny) + 0.5) * (top - bottom) / ny
        points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        return self.concentration(points, t_ms, substance).reshape(ny, nx)

    def sampled(self, substance: str, t_ms: float) -> Sampled:
        """Return a substance over the arena as numbers on a grid, for pictures."""
        values = self.map(substance, t_ms)
        left, right, bottom, _top = self.arena.limits_mm
        spacing_mm = (right - left) / values.shape[1]
        return Sampled(values, (left + 0.5 * spacing_mm, bottom + 0.5 * spacing_mm), spacing_mm)

    def touch(self, where: str, t_ms: float, strength: float = 1.0) -> Touch:
        """Stroke the animal: at one of ``PLACES``, from ``t_ms`` on, with a strength of 0 to 1."""
        made = Touch(where, float(t_ms), float(strength))
        self.touches.append(made)
        return made

    def state(self) -> dict[str, Floats]:
        """Return the touches as arrays, to go on later."""
        return {
            "touch_place": np.array([PLACES.index(touch.where) for touch in self.touches], np.float64),
            "touch_t_ms": np.array([touch.t_ms for touch in self.touches], np.float64),
            "touch_strength": np.array([touch.strength for touch in self.touches], np.float64),
        }

    def set_state(self, state: Mapping[str, Floats]) -> None:
        """Take over the touches of ``state()``."""
        rows: Iterable[tuple[float, float, float]] = zip(
            state["touch_place"], state["touch_t_ms"], state["touch_strength"], strict=True
        )
        self.touches = [Touch(PLACES[int(place)], float(t_ms), float(much)) for place, t_ms, much in rows]
