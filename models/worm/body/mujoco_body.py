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
from neurosim.models.worm.body.body import QUADRANTS, ROWS, Floats
from neurosim.models.worm.body.chain import LINKS, checked_activation, constants_of, radius_mm, steps_in
from neurosim.models.worm.body.dynamics import Constants
from neurosim.models.worm.body.medium import Medium, medium_of
from neurosim.models.worm.body.muscle import tension
from neurosim.models.worm.environment.arena import Arena, Cylinder
from neurosim.models.worm.parameters import Parameters, load
from neurosim.units import MS_PER_S

NN_PER_UN = 1e3
DENSITY_MG_PER_MM3 = 1.06
TALL_MM = 0.1
"""Half the height of obstacles and walls."""
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


def mjcf(
    parameters: Parameters,
    constants: Constants,
    *,
    dt_ms: float,
    mass_mg: float,
    planar: bool = True,
    arena: Arena | None = None,
) -> str:
    """Return the model as MuJoCo's XML.

    Link i is the body ``link{i}``, x to the tail, y dorsal, z to the left; its hinges are ``dorsal{i}``, ``left{i}``.
    Muscle ``MDL05`` is a tendon and an actuator of that name.
    """
    thick = radius_mm((np.arange(LINKS) + 0.5) / LINKS, parameters)
    links = [_link(i, constants, mass_mg / LINKS, float(thick[i]), planar) for i in range(LINKS)]
    names = [f"{name}{row + 1:02d}" for name in QUADRANTS for row in range(ROWS)]
    tendons = [_tendon(name, row, constants, planar) for name in QUADRANTS for row in range(ROWS)]
    actuators = [f'<general name="{m}" tendon="{m}" biastype="affine" biasprm="0 0 0"/>' for m in names]
    return (
        '<mujoco model="worm"><compiler angle="radian" boundmass="1e-12" boundinertia="1e-15"/>'
        f'<option timestep="{dt_ms / MS_PER_S:.9g}" gravity="0 0 0" integrator="implicitfast"/>'
        f"<worldbody>{_surroundings(arena or Arena(), dt_ms)}{''.join(links)}{'</body>' * LINKS}</worldbody>"
        f"<tendon>{''.join(tendons)}</tendon><actuator>{''.join(actuators)}</actuator></mujoco>"
    )


def _link(i: int, constants: Constants, mass_mg: float, thick_mm: float, planar: bool) -> str:
    """Return the start of a link's body: place, joints, mass, shape."""
    length = constants.link_mm
    along = 0.5 * mass_mg * thick_mm * thick_mm
    across = mass_mg * length * length / 12.0 + 0.5 * along
    where = f'pos="{length:.9g} 0 0"' if i else 'quat="0 1 0 0"'
    return (
        f'<body name="link{i}" {where}>{_joints(i, constants, planar)}'
        f'<inertial pos="{0.5 * length:.9g} 0 0" mass="{mass_mg:.9g}" '
        f'diaginertia="{along:.9g} {across:.9g} {across:.9g}"/>'
        f'<geom name="link{i}" type="capsule" fromto="0 0 0 {length:.9g} 0 0" size="{thick_mm:.9g}" '
        'contype="1" conaffinity="2" rgba="0.78 0.66 0.5 1"/>'
    )


def _joints(i: int, constants: Constants, planar: bool) -> str:
    """Return the hinges between links i - 1 and i, or how the first link moves in space (its z axis points down)."""
    if i == 0 and planar:
        return (
            '<joint name="x" type="slide" axis="1 0 0"/><joint name="y" type="slide" axis="0 -1 0"/>'
            '<joint name="turn" type="hinge" axis="0 0 -1"/>'
        )
    if i == 0:
        return '<freejoint name="head"/>'
    stiffness = NN_PER_UN * constants.stiffness[i - 1] / constants.link_mm
    damping = NN_PER_UN * constants.damping[i - 1] / constants.link_mm
    hinges = (("dorsal", "0 0 1"), ("left", "0 -1 0"))[: 1 if planar else 2]
    return "".join(
        f'<joint name="{way}{i}" type="hinge" axis="{axis}" stiffness="{stiffness:.9g}" damping="{damping:.9g}"/>'
        for way, axis in hinges
    )


def _tendon(quadrant: str, row: int, constants: Constants, planar: bool) -> str:
    """Return a muscle: its length less the rest length falls with the bend to its side."""
    arm = float(constants.arm_mm[row])
    signs = {"dorsal": -1 if quadrant[1] == "D" else 1, "left": -1 if quadrant[2] == "L" else 1}
    bends = "".join(
        f'<joint joint="{way}{row + 1}" coef="{sign * arm:.9g}"/>'
        for way, sign in signs.items()
        if way == "dorsal" or not planar
    )
    return f'<fixed name="{quadrant}{row + 1:02d}">{bends}</fixed>'


def _surroundings(arena: Arena, dt_ms: float) -> str:
    """Return the obstacles and, if they stop the animal, the four walls."""
    touch = f'contype="2" conaffinity="1" friction="0.1" solref="{4.0 * dt_ms / MS_PER_S:.9g} 1"'
    parts = []
    for k, thing in enumerate(arena.obstacles):
        x, y = thing.centre_mm
        if isinstance(thing, Cylinder):
            shape = f'type="cylinder" size="{thing.radius_mm:.9g} {TALL_MM}"'
        else:
            width, height = thing.size_mm
            shape = (
                f'type="box" size="{0.5 * width:.9g} {0.5 * height:.9g} {TALL_MM}" euler="0 0 {thing.angle_rad:.9g}"'
            )
        parts.append(f'<geom name="obstacle{k}" pos="{x:.9g} {y:.9g} 0" {shape} rgba="0.4 0.5 0.6 1" {touch}/>')
    if arena.walls:
        left, right, bottom, top = arena.limits_mm
        x, y = arena.centre_mm
        sides = ((left, y, "1 0 0"), (right, y, "-1 0 0"), (x, bottom, "0 1 0"), (x, top, "0 -1 0"))
        parts += [
            f'<geom name="wall{k}" type="plane" pos="{px:.9g} {py:.9g} 0" zaxis="{inwards}" '
            f'size="{TALL_MM} {max(arena.size_mm):.9g} 0.1" {touch}/>'
            for k, (px, py, inwards) in enumerate(sides)
        ]
    return "".join(parts)


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
        if not (math.isfinite(dt_ms) and dt_ms > 0.0):
            raise ModelError(f"dt_ms={dt_ms!r}; the body's step is above 0 ms")
        try:
            self._mujoco: Any = import_module("mujoco")
        except ImportError as error:
            raise MissingExtraError("a body with contact", "mujoco", "worm") from error
        self.parameters = load("body") if parameters is None else parameters
        self.dt_ms, self.planar = dt_ms, planar
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
        bent = np.zeros(ROWS) if curvature_per_mm is None else np.asarray(curvature_per_mm, dtype=np.float64)
        if bent.shape != (ROWS,) or not np.isfinite(bent).all():
            raise ModelError(f"curvature_per_mm: shape {bent.shape}; it is ({ROWS},), finite, in 1/mm")
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
