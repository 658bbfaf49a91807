"""The planar chain of links in a viscous medium, compiled: rates of movement, one step, many steps.

| symbol | meaning | unit |
|---|---|---|
| n | links, from head (0) to tail; joint i lies between links i and i + 1 | 1 |
| pose | x, y of the head's end, then the angle of each link, head to tail | mm, rad |
| rate | derivative of the pose | mm/s, rad/s |
| M | moment of a joint, bends dorsally when positive | uN mm |
| k, c | -dM/dcurvature, -dM/drate of curvature | uN mm^2, uN mm^2 s |
| W = A V - b | force and moment that move the rest of the chain, V velocity of its first point | uN, uN mm |

Without inertia the drag of every link balances the moments of its joints: D(pose) rate = Q(pose, rate), resistive-force
theory (Gray and Hancock 1955). `rates` solves this in O(n) as Featherstone's articulated bodies do for inertia (1983,
doi:10.1177/027836498300200102), with the joints' stiffness and damping taken implicitly. `step` is the second-order
SDIRK of Alexander 1977 (doi:10.1137/0714068), L-stable and stiffly accurate, so that water, where elasticity is a
million times faster than the step, is as stable as agar. Nothing allocates; the same input gives the same bits.

Numba's cache looks at this file only: after a change of ``muscle`` the folder's ``__pycache__`` has to go.

A loop around it compiles with its own code: ``advance(pose, rate, activation, constants, work, dt_s, steps)`` with
``chain.Chain.arrays()`` for the arguments.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from numba import njit

from neurosim.models.worm.body.muscle import Hill, tension

GAMMA = 1.0 - math.sqrt(0.5)
"""Of the SDIRK scheme."""
WORK_ROWS = 20
"""Rows of the scratch array, float64 (WORK_ROWS, n + 2)."""
SWEEPS = 3
"""Newton steps of a stage: with two, jumps of the activation leave an error of the first order."""


class Constants(NamedTuple):
    """What does not change while the chain moves; arrays are float64 (n - 1,), one value a joint.

    Parameters
    ----------
    link_mm : float
        Length of a link.
    tangential, normal : float
        Drag of one link, uN s/mm.
    stiffness, damping : array
        EI in uN mm^2 and its viscosity in uN mm^2 s.
    arm_mm : array
        Distance of the muscles from the midline in the plane.
    force_uN : array
        Isometric force of one muscle.
    hill : Hill
    """

    link_mm: float
    tangential: float
    normal: float
    stiffness: Any
    damping: Any
    arm_mm: Any
    force_uN: Any
    hill: Hill


@njit(error_model="numpy", cache=True)
def moment(dorsal, ventral, curvature, curving, joint, constants):  # type: ignore[no-untyped-def]
    """Return M, k and c of a joint.

    Parameters
    ----------
    dorsal, ventral : (float, float)
        Activations of the left and right muscles of a side.
    curvature, curving : float
        1/mm and 1/(mm s).
    """
    arm, force = constants.arm_mm[joint], constants.force_uN[joint]
    k, c = constants.stiffness[joint], constants.damping[joint]
    total = -k * curvature - c * curving
    up, up_e, up_u = tension(dorsal[0] + dorsal[1], -arm * curvature, -arm * curving, constants.hill)
    down, down_e, down_u = tension(ventral[0] + ventral[1], arm * curvature, arm * curving, constants.hill)
    total += force * arm * (up - down)
    k += force * arm * arm * (up_e + down_e)
    c += force * arm * arm * (up_u + down_u)
    return total, k, c


@njit(error_model="numpy", cache=True)
def rates(pose, rate, activation, constants, horizon_s, work, out):  # type: ignore[no-untyped-def]
    """Solve D(pose) rate = Q, linear in the moments around a given rate.

    Parameters
    ----------
    pose, rate : float64 (n + 2,)
        Where the moments are linear around.
    activation : float64 (4, n - 1)
        MDL, MDR, MVL, MVR, held.
    horizon_s : float
        The pose moves with the rate by this time: what makes elasticity implicit; 0 for the explicit rate.
    work : float64 (WORK_ROWS, n + 2)
        Scratch.
    out : float64 (n + 2,)
        The rate; may be ``rate``.
    """
    # Strategy: from the tail to the head, W = A V - b of the rest of the chain is moved to the next joint, whose
    # moment M - g dphi/dt removes one unknown; the head's free end asks for W = 0; then velocities follow backwards.
    n = pose.shape[0] - 2
    length, ct, cn = constants.link_mm, constants.tangential, constants.normal
    cosine, sine, known, given = work[0], work[1], work[2], work[3]
    a13s, a23s = work[4], work[5]
    a11 = a12 = a13 = a22 = a23 = a33 = b1 = b2 = b3 = 0.0
    half, turn = 0.5 * length, cn * length * length / 12.0
    for i in range(n - 1, -1, -1):
        x, y = math.cos(pose[i + 2]), math.sin(pose[i + 2])
        cosine[i], sine[i] = x, y
        if i < n - 1:
            m, g = _joint(pose, rate, activation, constants, horizon_s, i)
            under = 1.0 / (g + a33)
            a13s[i], a23s[i] = a13 * under, a23 * under
            given[i] = (m - b3) * under
            b1 += a13 * given[i]
            b2 += a23 * given[i]
            b3 += a33 * given[i]
            known[i] = a33 * under
            a11 -= a13 * a13s[i]
            a12 -= a13 * a23s[i]
            a22 -= a23 * a23s[i]
            a13 *= 1.0 - known[i]
            a23 *= 1.0 - known[i]
            a33 *= 1.0 - known[i]
            # From the link's far end to its near end: V_far = V_near + w * length * (-y, x).
            hx, hy = -length * y, length * x
            c1, c2 = a11 * hx + a12 * hy, a12 * hx + a22 * hy
            a33 += 2.0 * (a13 * hx + a23 * hy) + hx * c1 + hy * c2
            a13 += c1
            a23 += c2
            b3 += hx * b1 + hy * b2
        d11 = ct * x * x + cn * y * y
        d12 = (ct - cn) * x * y
        d22 = ct * y * y + cn * x * x
        # Drag of the link acts at its centre, half * (-y, x) away; across the link it is cn.
        a11 += d11
        a12 += d12
        a22 += d22
        a13 -= cn * half * y
        a23 += cn * half * x
        a33 += cn * half * half + turn
    _forward((a11, a12, a13, a22, a23, a33), (b1, b2, b3), length, work, out)


@njit(error_model="numpy", forceinline=True)
def _joint(pose, rate, activation, constants, horizon_s, i):  # type: ignore[no-untyped-def]
    """Return the moment of a joint at no bending, and by how much it falls with dphi/dt: M = m - g dphi/dt."""
    length = constants.link_mm
    per_length = 1.0 / length
    curvature = (pose[i + 2] - pose[i + 3]) * per_length
    curving = (rate[i + 2] - rate[i + 3]) * per_length
    up = (activation[0, i], activation[1, i])
    down = (activation[2, i], activation[3, i])
    total, k, c = moment(up, down, curvature, curving, i, constants)
    # d(curving) = dphi/dt / length, d(curvature) = horizon * d(curving)
    g = (c + horizon_s * k) * per_length
    return total + g * curving * length, g


@njit(error_model="numpy", forceinline=True)
def _forward(a, b, length, work, out):  # type: ignore[no-untyped-def]
    """Solve A V = b at the head and write the rates of all links, from there to the tail."""
    a11, a12, a13, a22, a23, a33 = a
    b1, b2, b3 = b
    cosine, sine, known, given = work[0], work[1], work[2], work[3]
    a13s, a23s = work[4], work[5]
    l21, l31 = a12 / a11, a13 / a11
    p22, p23, p33 = a22 - l21 * a12, a23 - l21 * a13, a33 - l31 * a13
    l32 = p23 / p22
    r2 = b2 - l21 * b1
    w = (b3 - l31 * b1 - l32 * r2) / (p33 - l32 * p23)
    vy = (r2 - p23 * w) / p22
    vx = (b1 - a12 * vy - a13 * w) / a11
    out[0], out[1], out[2] = vx, vy, w
    for i in range(out.shape[0] - 3):
        vx -= length * sine[i] * w
        vy += length * cosine[i] * w
        bend = a13s[i] * vx + a23s[i] * vy + known[i] * w + given[i]
        w -= bend
        out[i + 3] = w


@njit(error_model="numpy", cache=True)
def step(pose, rate, activation, constants, work, dt_s):  # type: ignore[no-untyped-def]
    """Move the chain on by one step; arguments as in ``advance``."""
    size = pose.shape[0]
    start, stage = work[8], work[9]
    reach = GAMMA * dt_s
    start[:size] = pose
    for part in range(2):
        for _ in range(SWEEPS):
            for j in range(size):
                stage[j] = start[j] + reach * rate[j]
            # The rate that moves start by reach: moments are linear around (stage, rate), so is the pose in the rate.
            rates(stage[:size], rate, activation, constants, reach, work, rate)
        if part == 0:
            for j in range(size):
                start[j] += (1.0 - GAMMA) * dt_s * rate[j]
    for j in range(size):
        pose[j] = start[j] + reach * rate[j]


@njit(error_model="numpy", cache=True, nogil=True)
def advance(pose, rate, activation, constants, work, dt_s, steps):  # type: ignore[no-untyped-def]
    """Move the chain on by some steps.

    Parameters
    ----------
    pose, rate : float64 (n + 2,)
        State; both are changed.
    activation : float64 (4, n - 1)
        MDL, MDR, MVL, MVR in 0 to 1, held.
    constants : Constants
    work : float64 (WORK_ROWS, n + 2)
        Scratch, nothing of it is kept.
    dt_s : float
        Step.
    steps : int
        How many.
    """
    for _ in range(steps):
        step(pose, rate, activation, constants, work, dt_s)


@njit(error_model="numpy", cache=True)
def bends(pose, rate, link_mm, curvature, curving):  # type: ignore[no-untyped-def]
    """Write curvature in 1/mm and its rate in 1/(mm s) of every joint, float64 (n - 1,)."""
    for i in range(pose.shape[0] - 3):
        curvature[i] = (pose[i + 2] - pose[i + 3]) / link_mm
        curving[i] = (rate[i + 2] - rate[i + 3]) / link_mm


@njit(error_model="numpy", cache=True)
def midline(pose, link_mm, points):  # type: ignore[no-untyped-def]
    """Write the ends of the links from head to tail, float64 (n + 1, 3) in mm."""
    x, y = pose[0], pose[1]
    points[0, 0], points[0, 1], points[0, 2] = x, y, 0.0
    for i in range(pose.shape[0] - 2):
        x += link_mm * math.cos(pose[i + 2])
        y += link_mm * math.sin(pose[i + 2])
        points[i + 1, 0], points[i + 1, 1], points[i + 1, 2] = x, y, 0.0
