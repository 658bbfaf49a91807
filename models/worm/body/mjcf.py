"""The body as MuJoCo's XML (MJCF), made from the same parameters as the chain. Units are mm, mg, s: forces are nN."""

from __future__ import annotations

import numpy as np

from neurosim.models.worm.body.body import QUADRANTS, ROWS
from neurosim.models.worm.body.chain import LINKS, radius_mm
from neurosim.models.worm.body.dynamics import Constants
from neurosim.models.worm.environment.arena import Arena, Cylinder
from neurosim.models.worm.parameters import Parameters
from neurosim.units import MS_PER_S

NN_PER_UN = 1e3
LOOKS = (
    '<visual><headlight ambient="0.35 0.35 0.35" diffuse="0.6 0.6 0.6"/><map znear="0.01" zfar="50"/>'
    '<rgba haze="0.93 0.92 0.88 1"/>'
    '<global offwidth="2048" offheight="2048"/></visual><statistic extent="1"/>'
    '<asset><texture name="sky" type="skybox" builtin="flat" rgb1="0.93 0.92 0.88" rgb2="0.93 0.92 0.88" '
    'width="8" height="8"/></asset>'
)
"""Light, depth and background of pictures."""
TALL_MM, THICK_MM = 0.1, 0.05
"""Half the height of obstacles and walls, half the thickness of walls."""


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
        f'<option timestep="{dt_ms / MS_PER_S:.9g}" gravity="0 0 0" integrator="implicitfast"/>{LOOKS}'
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
        (x, y), (width, height) = arena.centre_mm, arena.size_mm
        across, along = f"{THICK_MM} {0.5 * height + 2 * THICK_MM:.9g}", f"{0.5 * width + 2 * THICK_MM:.9g} {THICK_MM}"
        sides = (
            (left - THICK_MM, y, across),
            (right + THICK_MM, y, across),
            (x, bottom - THICK_MM, along),
            (x, top + THICK_MM, along),
        )
        parts += [
            f'<geom name="wall{k}" type="box" pos="{px:.9g} {py:.9g} 0" size="{size} {TALL_MM}" '
            f'rgba="0.6 0.6 0.58 1" {touch}/>'
            for k, (px, py, size) in enumerate(sides)
        ]
    return "".join(parts)
