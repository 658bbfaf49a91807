"""``MujocoBody``: the body in MuJoCo, for contact with obstacles and walls, and for rendering (extra ``worm``).

The same 25 links, stiffness, muscles and drag as ``chain``, from the same parameters. MuJoCo's own fluid pushes the
same in all directions and cannot propel a worm; drag is therefore ours, resistive-force theory as external forces on
the links. The muscles are 96 tendons of fixed arms, as muscles that are attached to the wall all along; each pulls with
``muscle.tension`` of its length and velocity, made linear in the velocity so that MuJoCo's integrator damps it
implicitly.

External forces are explicit, so that the mass has to be large enough for the step: it is inflated until drag slows a
link within some steps (at least the true mass). A worm on agar has no inertia that matters; ``mass_factor`` says what
was taken. Units are mm, mg, s, so forces are nN.
"""

from __future__ import annotations

import math
from importlib import import_module
from typing import Any

import numpy as np
from numba import njit

from neurosim.errors import MissingExtraError, ModelError, SimulationError
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
from neurosim.models.worm.body.mjcf import NN_PER_UN, mjcf
from neurosim.models.worm.body.muscle import tension
from neurosim.models.worm.environment.arena import Arena
from neurosim.models.worm.parameters import Parameters, load
from neurosim.units import MS_PER_S

DENSITY_MG_PER_MM3 = 1.06
SLOWING_STEPS = 4.0
"""Steps in which drag slows a link: below 0.5 explicit forces diverge, far above inertia changes the movement."""


@njit(error_model="numpy", cache=True)
def drag_forces(cvel, centre, origin, frame, constants, roll, out):  # type: ignore[no-untyped-def]
    """Write force and torque of the medium on each link's centre, nN and nN mm, float64 (n, 6).

    Parameters
    ----------
    cvel : float64 (n, 6)
        MuJoCo's spin and velocity of each link, referred to ``origin``.
    centre, origin : float64 (n, 3), float64 (3,)
    frame : float64 (n, 9)
        Axes of the links by rows of the matrix; the first column points to the tail.
    constants : Constants
    roll : float64 (n,)
        Drag against turning about the own axis, uN mm s.
    out : float64 (n, 6)
    """
    ct, cn = NN_PER_UN * constants.tangential, NN_PER_UN * constants.normal
    turn = cn * constants.link_mm * constants.link_mm / 12.0
    for i in range(out.shape[0]):
        rx, ry, rz = centre[i, 0] - origin[0], centre[i, 1] - origin[1], centre[i, 2] - origin[2]
        wx, wy, wz = cvel[i, 0], cvel[i, 1], cvel[i, 2]
        vx = cvel[i, 3] + wy * rz - wz * ry
        vy = cvel[i, 4] + wz * rx - wx * rz
        vz = cvel[i, 5] + wx * ry - wy * rx
        tx, ty, tz = frame[i, 0], frame[i, 3], frame[i, 6]
        along = (cn - ct) * (vx * tx + vy * ty + vz * tz)
        out[i, 0], out[i, 1], out[i, 2] = along * tx - cn * vx, along * ty - cn * vy, along * tz - cn * vz
        spin = (turn - NN_PER_UN * roll[i]) * (wx * tx + wy * ty + wz * tz)
        out[i, 3], out[i, 4], out[i, 5] = spin * tx - turn * wx, spin * ty - turn * wy, spin * tz - turn * wz


@njit(error_model="numpy", cache=True)
def pulls(activation, length, velocity, constants, control, slope):  # type: ignore[no-untyped-def]
    """Write each tendon's force as control + slope * velocity, nN; a pull is negative.

    Parameters
    ----------
    activation : float64 (4, rows)
    length, velocity : float64 (4 rows,)
        Of the tendons less their rest length, quadrant by quadrant, mm and mm/s.
    constants : Constants
    control, slope : float64 (4 rows,)
    """
    rows = activation.shape[1]
    for q in range(4):
        for i in range(rows):
            k = q * rows + i
            strain = length[k] / constants.link_mm
            rate = velocity[k] / constants.link_mm
            pull, _, by_rate = tension(activation[q, i], strain, rate, constants.hill)
            force = NN_PER_UN * constants.force_uN[i]
            slope[k] = -force * by_rate / constants.link_mm
            control[k] = -force * pull - slope[k] * velocity[k]


class MujocoBody:
    """The body in MuJoCo (see ``Body``).

    Parameters
    ----------
    medium : "agar", "water", float or Medium
    dt_ms : float
        Step; every duration is a multiple of it.
    planar : bool
        Keep to the plane; else joints bend laterally as well and the worm may leave it.
    arena : Arena, optional
        Obstacles, and walls if it has them; an open plate when omitted.
    parameters : Parameters, optional
        Of ``params/body.toml``.

    Notes
    -----
    ``model`` and ``data`` are MuJoCo's own, for rendering and for what this class does not ask. On agar a step of 1 to
    5 ms gives the chain's speed; in water MuJoCo's first-order steps lose 9 % of it at 1 ms, so take 0.2 ms there.
    """

    contact = True
    """Whether the body feels obstacles and walls."""

    def __init__(
        self,
        medium: Medium | str | float = "agar",
        *,
        dt_ms: float = 1.0,
        planar: bool = True,
        arena: Arena | None = None,
        parameters: Parameters | None = None,
    ) -> None:
        try:
            self._mujoco: Any = import_module("mujoco")
        except ImportError as error:
            raise MissingExtraError("a body with contact", "mujoco", "worm") from error
        self.parameters = load("body") if parameters is None else parameters
        self.dt_ms, self.planar = checked_step(dt_ms), planar
        self._medium = medium_of(medium, self.parameters)
        self.constants = constants_of(self.parameters, self._medium)
        thick = radius_mm((np.arange(LINKS) + 0.5) / LINKS, self.parameters)
        true_mg = DENSITY_MG_PER_MM3 * math.pi * self.constants.link_mm * float((thick**2).sum())
        mass_mg = max(true_mg, SLOWING_STEPS * dt_ms / MS_PER_S * NN_PER_UN * self._medium.normal)
        self.mass_factor = mass_mg / true_mg
        self.xml = mjcf(
            self.parameters,
            self.constants,
            dt_ms=dt_ms,
            mass_mg=mass_mg,
            planar=planar,
            arena=arena,
        )
        self.model: Any = self._mujoco.MjModel.from_xml_string(self.xml)
        self.data: Any = self._mujoco.MjData(self.model)
        self._roll = self.constants.normal * thick**2
        self._activation = np.zeros((4, ROWS))
        self._control, self._slope, self._drag = np.zeros(4 * ROWS), np.zeros(4 * ROWS), np.zeros((LINKS, 6))
        self._first = self.model.body("link0").id
        self.reset()

    def reset(
        self,
        *,
        head_mm: tuple[float, float] = (0.0, 0.0),
        heading_rad: float = 0.0,
        curvature_per_mm: Floats | None = None,
    ) -> None:
        """Lie in the plane, straight or bent by float64 (ROWS,), without moving."""
        bent = checked_bend(curvature_per_mm)
        self._mujoco.mj_resetData(self.model, self.data)
        place = self.data.qpos
        place[:2] = head_mm
        if self.planar:
            place[2] = heading_rad + math.pi
            place[3:] = bent * self.constants.link_mm
        else:
            tail = 0.5 * (heading_rad + math.pi)
            place[2:7] = 0.0, 0.0, math.cos(tail), math.sin(tail), 0.0
            place[7::2] = bent * self.constants.link_mm
        self._mujoco.mj_step1(self.model, self.data)
        self.time_ms = 0.0

    def advance(self, activation: Floats, duration_ms: float) -> None:
        """Move on under activations, float64 (4, ROWS), held for the duration."""
        steps = steps_in(duration_ms, self.dt_ms)
        if not math.isclose(steps * self.dt_ms, duration_ms, rel_tol=1e-9, abs_tol=1e-9):
            raise ModelError(f"duration_ms={duration_ms!r} is no multiple of the body's dt_ms={self.dt_ms!r}")
        checked_activation(activation, self._activation)
        model, data, links = self.model, self.data, slice(self._first, self._first + LINKS)
        for _ in range(steps):
            drag_forces(
                data.cvel[links],
                data.xipos[links],
                data.subtree_com[self._first],
                data.xmat[links],
                self.constants,
                self._roll,
                self._drag,
            )
            pulls(self._activation, data.ten_length, data.ten_velocity, self.constants, self._control, self._slope)
            data.xfrc_applied[links] = self._drag
            data.ctrl[:] = self._control
            model.actuator_biasprm[:, 2] = self._slope
            self._mujoco.mj_step2(model, data)
            self._mujoco.mj_step1(model, data)
        self.time_ms += duration_ms
        if data.warning[self._mujoco.mjtWarning.mjWARN_BADQACC].number or not np.isfinite(data.qpos).all():
            raise SimulationError(
                f"the body in MuJoCo diverged before t={self.time_ms:g} ms; take a smaller dt_ms (now {self.dt_ms:g})"
            )

    @property
    def medium(self) -> Medium:
        """The medium; the mass depends on it, so another one needs another body."""
        return self._medium

    @property
    def points_mm(self) -> Floats:
        """Midline from head to tail, float64 (ROWS + 2, 3)."""
        links = slice(self._first, self._first + LINKS)
        points = np.empty((LINKS + 1, 3))
        points[:-1] = self.data.xpos[links]
        points[-1] = points[-2] + self.constants.link_mm * self.data.xmat[links][-1].reshape(3, 3)[:, 0]
        return points

    @property
    def curvature_per_mm(self) -> Floats:
        """Dorsoventral curvature at each row, float64 (ROWS,)."""
        angles = self.data.qpos[3:] if self.planar else self.data.qpos[7::2]
        return np.asarray(angles / self.constants.link_mm)

    @property
    def muscle_strain(self) -> Floats:
        """Strain of every muscle, float64 (4, ROWS)."""
        return np.asarray(self.data.ten_length.reshape(4, ROWS) / self.constants.link_mm)

    @property
    def muscle_velocity_per_s(self) -> Floats:
        """Rate of the strain, float64 (4, ROWS)."""
        return np.asarray(self.data.ten_velocity.reshape(4, ROWS) / self.constants.link_mm)

    def picture(
        self, width_px: int = 640, height_px: int = 480, *, wide_mm: float = 1.6, steep_deg: float = 60.0
    ) -> Any:
        """Return the body from above as it is now, uint8 (height, width, 3).

        Parameters
        ----------
        width_px, height_px : int
            At most 2048.
        wide_mm : float
            How far the camera is from the body's middle.
        steep_deg : float
            Of its view: 90 is straight down.

        Raises
        ------
        SimulationError
            MuJoCo finds no OpenGL; without a display the environment variable ``MUJOCO_GL`` has to be ``egl``.
        """
        try:
            renderer = self._mujoco.Renderer(self.model, height_px, width_px)
        except Exception as error:  # MuJoCo's and OpenGL's loaders raise whatever went wrong
            raise SimulationError(f"no picture: {error}; without a display start with MUJOCO_GL=egl") from error
        camera = self._mujoco.MjvCamera()
        camera.lookat[:] = self.points_mm.mean(axis=0)
        camera.distance, camera.elevation, camera.azimuth = wide_mm, -steep_deg, 90.0
        try:
            renderer.update_scene(self.data, camera)
            return renderer.render()
        finally:
            renderer.close()

    @property
    def contacts(self) -> int:
        """How many places of the body touch a post or a wall now."""
        return int(self.data.ncon)

    def state(self) -> dict[str, Any]:
        """Return all that is needed to go on bitwise the same."""
        kind = self._mujoco.mjtState.mjSTATE_INTEGRATION
        values = np.empty(self._mujoco.mj_stateSize(self.model, kind))
        self._mujoco.mj_getState(self.model, self.data, values, kind)
        return {"mujoco": values, "time_ms": np.array(self.time_ms)}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from ``state()``."""
        kind = self._mujoco.mjtState.mjSTATE_INTEGRATION
        self._mujoco.mj_setState(self.model, self.data, state["mujoco"], kind)
        self._mujoco.mj_step1(self.model, self.data)
        self.time_ms = float(state["time_ms"])
