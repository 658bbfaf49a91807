"""``Chain``: the body as an overdamped planar chain, the default."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from neurosim.errors import ModelError
from neurosim.models.worm.body.body import ROWS, Floats
from neurosim.models.worm.body.dynamics import WORK_ROWS, Constants, advance, bends, midline
from neurosim.models.worm.body.medium import Medium, medium_of
from neurosim.models.worm.body.muscle import Hill, all_in_range
from neurosim.models.worm.parameters import Parameters, load
from neurosim.units import MS_PER_S

LINKS = ROWS + 1


def radius_mm(place: Floats, parameters: Parameters) -> Floats:
    """Return the body's radius at places from 0 (head) to 1 (tail), in mm."""
    inside = 1.0 - ((np.asarray(place) - 0.5) / parameters["taper"]) ** 2
    return np.asarray(parameters["radius"] * np.sqrt(np.maximum(inside, 0.0)))


def constants_of(parameters: Parameters, medium: Medium) -> Constants:
    """Return what the kernels need: drag of a link, and arm, force, stiffness and damping of each joint."""
    slender = radius_mm(np.arange(1, LINKS) / LINKS, parameters) / parameters["radius"]
    stiffness = parameters["bending.stiffness"] * slender ** parameters["bending.taper"]
    return Constants(
        link_mm=float(parameters["length"]) / LINKS,
        tangential=medium.tangential / LINKS,
        normal=medium.normal / LINKS,
        stiffness=stiffness,
        damping=stiffness * parameters["bending.relaxation"],
        arm_mm=parameters["radius"] * slender * math.cos(math.radians(parameters["muscle.angle"])),
        force_uN=parameters["muscle.force"] * slender ** parameters["muscle.taper"],
        hill=Hill(*(float(parameters[f"muscle.{name}"]) for name in Hill._fields)),
    )


def checked_activation(activation: Floats, into: Floats) -> None:
    """Copy activations, float64 (4, ROWS); MVL23 serves the last row as well, where the animal has no MVL24.

    Raises
    ------
    ModelError
        Another shape, or a value that is not in 0 to 1.
    """
    if np.shape(activation) != into.shape:
        raise ModelError(f"activation: shape {np.shape(activation)}; it is {into.shape}: MDL, MDR, MVL, MVR by rows")
    into[:] = activation
    into[2, -1] = into[2, -2]
    if not all_in_range(into):
        raise ModelError(f"activation: {into.min():g} to {into.max():g}; allowed: 0 to 1")


def checked_bend(curvature_per_mm: Floats | None) -> Floats:
    """Return the bend to lie in, float64 (ROWS,), finite; straight where none is given."""
    bent = np.zeros(ROWS) if curvature_per_mm is None else np.asarray(curvature_per_mm, dtype=np.float64)
    if bent.shape != (ROWS,) or not np.isfinite(bent).all():
        raise ModelError(f"curvature_per_mm: shape {bent.shape}; it is ({ROWS},), finite, in 1/mm")
    return bent


def checked_step(dt_ms: float) -> float:
    """Return a body's step, above 0 ms."""
    if not (math.isfinite(dt_ms) and dt_ms > 0.0):
        raise ModelError(f"dt_ms={dt_ms!r}; the body's step is above 0 ms")
    return dt_ms


def steps_in(duration_ms: float, dt_ms: float) -> int:
    """Return into how many equal steps of at most ``dt_ms`` a duration is cut."""
    if not (math.isfinite(duration_ms) and duration_ms >= 0.0):
        raise ModelError(f"duration_ms={duration_ms!r}; a body moves on by a finite time from 0 ms")
    return math.ceil(duration_ms / dt_ms * (1.0 - 1e-12))


class Chain:
    """A planar chain of 25 links with 24 joints and 96 muscles, without inertia (see ``Body``).

    Parameters
    ----------
    medium : "agar", "water", float or Medium
        A number is between water (0) and agar (1). May be set later.
    dt_ms : float
        Largest step: a duration is cut into equal steps that are no longer. With 2.5 ms, speeds are within 0.01 % on
        agar and 0.2 % in water of those with vanishing steps.
    parameters : Parameters, optional
        Of ``params/body.toml``.
    """

    contact = False
    """Whether the body feels obstacles and walls."""

    def __init__(
        self, medium: Medium | str | float = "agar", *, dt_ms: float = 2.5, parameters: Parameters | None = None
    ) -> None:
        self.parameters = load("body") if parameters is None else parameters
        self.dt_ms = checked_step(dt_ms)
        self.medium = medium
        self._pose, self._rate = np.zeros(LINKS + 2), np.zeros(LINKS + 2)
        self._activation = np.zeros((4, ROWS))
        self._work = np.zeros((WORK_ROWS, LINKS + 2))
        self._curvature, self._curving = np.zeros(ROWS), np.zeros(ROWS)
        self.reset()

    @property
    def medium(self) -> Medium:
        """The medium; give any of what the constructor takes to change it."""
        return self._medium

    @medium.setter
    def medium(self, medium: Medium | str | float) -> None:
        self._medium = medium_of(medium, self.parameters)
        self.constants = constants_of(self.parameters, self._medium)

    def reset(
        self,
        *,
        head_mm: tuple[float, float] = (0.0, 0.0),
        heading_rad: float = 0.0,
        curvature_per_mm: Floats | None = None,
    ) -> None:
        """Lie straight, or bent by float64 (ROWS,), at a place, without moving."""
        bent = checked_bend(curvature_per_mm)
        self._pose[:2] = head_mm
        self._pose[2] = heading_rad + math.pi
        self._pose[3:] = self._pose[2] - np.cumsum(bent) * self.constants.link_mm
        self._rate[:] = 0.0
        self.time_ms = 0.0
        self._bend()

    def advance(self, activation: Floats, duration_ms: float) -> None:
        """Move on under activations, float64 (4, ROWS), held for the duration."""
        steps = steps_in(duration_ms, self.dt_ms)
        checked_activation(activation, self._activation)
        advance(*self.arrays(), duration_ms / max(steps, 1) / MS_PER_S, steps)
        self.time_ms += duration_ms
        self._bend()

    def arrays(self) -> tuple[Floats, Floats, Floats, Constants, Floats]:
        """Return pose, rate, activation, constants and scratch: the first arguments of ``dynamics.advance``.

        They are the body's own: whoever moves them on by a compiled loop calls ``moved`` afterwards.
        """
        return self._pose, self._rate, self._activation, self.constants, self._work

    def moved(self, duration_ms: float) -> None:
        """Take note that a compiled loop has moved the arrays on by a duration."""
        self.time_ms += duration_ms
        self._bend()

    def _bend(self) -> None:
        bends(self._pose, self._rate, self.constants.link_mm, self._curvature, self._curving)

    @property
    def points_mm(self) -> Floats:
        """Midline from head to tail, float64 (ROWS + 2, 3)."""
        points = np.empty((LINKS + 1, 3))
        midline(self._pose, self.constants.link_mm, points)
        return points

    @property
    def curvature_per_mm(self) -> Floats:
        """Dorsoventral curvature at each row, float64 (ROWS,)."""
        return self._curvature.copy()

    @property
    def muscle_strain(self) -> Floats:
        """Strain of every muscle, float64 (4, ROWS)."""
        return self._of_muscles(self._curvature)

    @property
    def muscle_velocity_per_s(self) -> Floats:
        """Rate of the strain, float64 (4, ROWS)."""
        return self._of_muscles(self._curving)

    def _of_muscles(self, bend: Floats) -> Floats:
        strain = np.empty((4, ROWS))
        strain[2:] = self.constants.arm_mm * bend
        np.negative(strain[2:], out=strain[:2])
        return strain

    def state(self) -> dict[str, Any]:
        """Return all that is needed to go on bitwise the same."""
        return {"pose": self._pose.copy(), "rate": self._rate.copy(), "time_ms": np.array(self.time_ms)}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from ``state()``."""
        self._pose[:], self._rate[:] = state["pose"], state["rate"]
        self.time_ms = float(state["time_ms"])
        self._bend()
