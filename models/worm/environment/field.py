"""Fields with a formula: a diffusing drop, an exponential or linear gradient, the same everywhere.

A field gives one number at points of the plate's plane and a time; its unit is its own (mM for salt, µM for odours, °C
for temperature). Fields are immutable. Gridded fields are in ``grid``.

| symbol | meaning | unit |
|---|---|---|
| D | diffusion constant | mm²/s |
| N | amount of substance in the drop | unit · mm³ |
| h | thickness of the agar | mm |
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.errors import ModelError
from neurosim.model.checks import above_zero, finite, not_negative
from neurosim.units import S_PER_MS

Floats = NDArray[np.float64]
Place = tuple[float, float]

ORIGIN: Place = (0.0, 0.0)


class Field(ABC):
    """A number at every point of the plane and every time."""

    @abstractmethod
    def values(self, x_mm: Floats, y_mm: Floats, t_ms: float) -> Floats:
        """Return the numbers at points, float64 of the shape of ``x_mm``."""

    def at(self, points_mm: ArrayLike, t_ms: float) -> Floats:
        """Return the numbers at points.

        Parameters
        ----------
        points_mm : float (n, 2) or (n, 3)
            The third coordinate is not used: fields are the same through the agar's thickness.
        t_ms : float

        Returns
        -------
        float64 (n,)
        """
        points = np.asarray(points_mm, float)
        if points.ndim != 2 or points.shape[1] not in (2, 3):
            raise ModelError(f"field: points_mm has shape {points.shape}; allowed: (n, 2) or (n, 3)")
        return self.values(points[:, 0], points[:, 1], t_ms)


@dataclass(frozen=True)
class Uniform(Field):
    """The same everywhere and always."""

    value: float

    def __post_init__(self) -> None:
        finite("Uniform field", value=self.value)

    def values(self, x_mm: Floats, y_mm: Floats, t_ms: float) -> Floats:
        """Return the one value."""
        return np.full(np.shape(x_mm), float(self.value))


@dataclass(frozen=True)
class Linear(Field):
    """``base`` at ``centre_mm``, changing by ``slope_per_mm`` along ``direction_rad``, within ``low`` to ``high``."""

    base: float
    slope_per_mm: float
    direction_rad: float = 0.0
    centre_mm: Place = ORIGIN
    low: float = 0.0
    high: float = np.inf

    def __post_init__(self) -> None:
        finite("Linear field", base=self.base, slope_per_mm=self.slope_per_mm, direction_rad=self.direction_rad)
        if not self.low < self.high:
            raise ModelError(f"Linear field: low={self.low} and high={self.high}; low must be below high")

    def values(self, x_mm: Floats, y_mm: Floats, t_ms: float) -> Floats:
        """Return base + slope · distance along the direction, within the limits."""
        along_mm = (x_mm - self.centre_mm[0]) * np.cos(self.direction_rad) + (y_mm - self.centre_mm[1]) * np.sin(
            self.direction_rad
        )
        return np.asarray(np.clip(self.base + self.slope_per_mm * along_mm, self.low, self.high))


@dataclass(frozen=True)
class Exponential(Field):
    """``peak`` at ``centre_mm``, falling with the distance r as exp(-r / ``length_mm``)."""

    peak: float
    length_mm: float
    centre_mm: Place = ORIGIN

    def __post_init__(self) -> None:
        not_negative("Exponential field", peak=self.peak)
        above_zero("Exponential field", length_mm=self.length_mm)

    def values(self, x_mm: Floats, y_mm: Floats, t_ms: float) -> Floats:
        """Return peak · exp(-r / length)."""
        r_mm = np.hypot(x_mm - self.centre_mm[0], y_mm - self.centre_mm[1])
        return np.asarray(self.peak * np.exp(-r_mm / self.length_mm))


@dataclass(frozen=True)
class Drop(Field):
    """A drop put on a wide plate some time ago, spreading through the agar.

    Parameters
    ----------
    amount : float
        Volume of the drop in mm³ (µl) times its concentration, so that the field has the concentration's unit.
    diffusion_mm2_per_s : float
        1.5e-3 for NaCl in water and agar; 1e-3 and less for odours dissolved in agar.
    thickness_mm : float
        Of the agar, through which the drop has already spread.
    age_s : float
        Time from the drop to t = 0; above 0.
    centre_mm : tuple of float
    background : float
        Concentration without the drop.

    Notes
    -----
    C = background + N / (4 π h D t) · exp(-r² / (4 D t)), the Green's function of diffusion in a plane; walls are far
    away. With a wall near use ``Grid``.
    """

    amount: float
    diffusion_mm2_per_s: float
    thickness_mm: float
    age_s: float
    centre_mm: Place = ORIGIN
    background: float = 0.0

    def __post_init__(self) -> None:
        not_negative("Drop", amount=self.amount, background=self.background)
        above_zero(
            "Drop",
            diffusion_mm2_per_s=self.diffusion_mm2_per_s,
            thickness_mm=self.thickness_mm,
            age_s=self.age_s,
        )

    def values(self, x_mm: Floats, y_mm: Floats, t_ms: float) -> Floats:
        """Return the concentrations."""
        spread_mm2 = 4.0 * self.diffusion_mm2_per_s * (self.age_s + t_ms * S_PER_MS)
        if spread_mm2 <= 0.0:
            raise ModelError(f"Drop: t_ms={t_ms:g} is before the drop fell, {self.age_s:g} s before t = 0")
        r2_mm2 = (x_mm - self.centre_mm[0]) ** 2 + (y_mm - self.centre_mm[1]) ** 2
        peak = self.amount / (np.pi * self.thickness_mm * spread_mm2)
        return np.asarray(self.background + peak * np.exp(-r2_mm2 / spread_mm2))
