"""``SpatialChain``: the overdamped chain in three dimensions, for worms off the plane."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from neurosim.models.worm.body.body import ROWS, Floats
from neurosim.models.worm.body.chain import (
    LINKS,
    checked_activation,
    checked_bend,
    checked_step,
    constants_of,
    radius_mm,
    steps_in,
)
from neurosim.models.worm.body.medium import Medium, medium_of
from neurosim.models.worm.body.spatial_dynamics import Scratch, advance, frames
from neurosim.models.worm.parameters import Parameters, load
from neurosim.units import MS_PER_S


class SpatialChain:
    """A chain of 25 links whose joints bend dorsoventrally and laterally, without inertia (see ``Body``).

    Drag is the same in all directions across a link: bulk fluid or gel, not the surface of a plate. With left and right
    muscles alike it moves as ``Chain`` does.

    Parameters
    ----------
    medium : "agar", "water", float or Medium
        A number is between water (0) and agar (1). May be set later.
    dt_ms : float
        Largest step: a duration is cut into equal steps that are no longer.
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
        self._pose, self._rate = np.zeros(2 * LINKS + 5), np.zeros(2 * LINKS + 4)
        self._activation = np.zeros((4, ROWS))
        self._scratch = Scratch(
            frame=np.zeros((LINKS, 3, 3)),
            axis=np.zeros((LINKS, 2, 3)),
            gain=np.zeros((LINKS, 2, 6)),
            given=np.zeros((LINKS, 2)),
            whole=np.zeros((6, 6)),
            load=np.zeros(6),
            start=np.zeros(2 * LINKS + 5),
            stage=np.zeros(2 * LINKS + 5),
        )
        self.reset()

    @property
    def medium(self) -> Medium:
        """The medium; give any of what the constructor takes to change it."""
        return self._medium

    @medium.setter
    def medium(self, medium: Medium | str | float) -> None:
        self._medium = medium_of(medium, self.parameters)
        self.constants = constants_of(self.parameters, self._medium)
        self._roll = self.constants.normal * radius_mm((np.arange(LINKS) + 0.5) / LINKS, self.parameters) ** 2

    def reset(
        self,
        *,
        head_mm: tuple[float, float] = (0.0, 0.0),
        heading_rad: float = 0.0,
        curvature_per_mm: Floats | None = None,
    ) -> None:
        """Lie in the plane z = 0, straight or bent by float64 (ROWS,), with the left side down, without moving."""
        bent = checked_bend(curvature_per_mm)
        self._pose[:] = self._rate[:] = 0.0
        self._pose[:2] = head_mm
        # Left is -z: half a turn about x, then the angle from x to the tail about z.
        tail = 0.5 * (heading_rad + math.pi)
        self._pose[4:6] = math.cos(tail), math.sin(tail)
        self._pose[7 : 7 + ROWS] = bent * self.constants.link_mm
        self.time_ms = 0.0

    def advance(self, activation: Floats, duration_ms: float) -> None:
        """Move on under activations, float64 (4, ROWS), held for the duration."""
        steps = steps_in(duration_ms, self.dt_ms)
        checked_activation(activation, self._activation)
        advance(
            self._pose,
            self._rate,
            self._activation,
            self.constants,
            self._roll,
            self._scratch,
            duration_ms / max(steps, 1) / MS_PER_S,
            steps,
        )
        self.time_ms += duration_ms

    @property
    def points_mm(self) -> Floats:
        """Midline from head to tail, float64 (ROWS + 2, 3)."""
        frames(self._pose, self._scratch)
        points = np.empty((LINKS + 1, 3))
        points[0] = self._pose[:3]
        points[1:] = self._pose[:3] + self.constants.link_mm * np.cumsum(self._scratch.frame[:, :, 0], axis=0)
        return points

    @property
    def curvature_per_mm(self) -> Floats:
        """Dorsoventral curvature at each row, float64 (ROWS,)."""
        return np.asarray(self._pose[7 : 7 + ROWS] / self.constants.link_mm)

    @property
    def lateral_curvature_per_mm(self) -> Floats:
        """Curvature towards the animal's left at each row, float64 (ROWS,)."""
        return np.asarray(self._pose[7 + ROWS :] / self.constants.link_mm)

    @property
    def muscle_strain(self) -> Floats:
        """Strain of every muscle, float64 (4, ROWS)."""
        return self._of_muscles(self._pose[7:])

    @property
    def muscle_velocity_per_s(self) -> Floats:
        """Rate of the strain, float64 (4, ROWS)."""
        return self._of_muscles(self._rate[6:])

    def _of_muscles(self, angles: Floats) -> Floats:
        scale = self.constants.arm_mm / self.constants.link_mm
        up, left = scale * angles[:ROWS], scale * angles[ROWS:]
        return np.stack([-up - left, -up + left, up - left, up + left])

    def state(self) -> dict[str, Any]:
        """Return all that is needed to go on bitwise the same."""
        return {"pose": self._pose.copy(), "rate": self._rate.copy(), "time_ms": np.array(self.time_ms)}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from ``state()``."""
        self._pose[:], self._rate[:] = state["pose"], state["rate"]
        self.time_ms = float(state["time_ms"])
