"""The chain in three dimensions, compiled: each joint bends dorsoventrally and laterally.

| symbol | meaning | unit |
|---|---|---|
| n | links, from head (0) to tail | 1 |
| t, d, l | a link's axes: to the tail, to the dorsal side, to the animal's left; columns of its frame | 1 |
| pose | head's end (3), quaternion of link 0's frame (4), dorsal, then left angles of the joints | mm, rad |
| rate | velocity of the head's end (3), spin of link 0 (3), rates of the angles | mm/s, rad/s |
| W = A V - b | force and moment about a link's near end that move the rest of the chain | uN, uN mm |
| V | velocity of the near end and spin | mm/s, rad/s |

The joint between links i and i + 1 is two hinges: first about l (the dorsal angle), then about -d. Method and scheme
are those of ``dynamics``; turns of the whole body are composed as rotations, which keeps the second order.

Numba's cache looks at this file only: after a change of ``dynamics`` or ``muscle`` the folder's ``__pycache__`` has to
go.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from numba import njit

from neurosim.models.worm.body.dynamics import GAMMA, SWEEPS
from neurosim.models.worm.body.muscle import tension


class Scratch(NamedTuple):
    """Arrays that the kernels write into; nothing of them is kept.

    Parameters
    ----------
    frame : float64 (n, 3, 3)
    axis : float64 (n, 2, 3)
        Hinges of the joint after the link, in space.
    gain : float64 (n, 2, 6)
        What the velocity of a link contributes to the rates of the joint after it.
    given : float64 (n, 2)
        Their part that does not depend on it.
    whole : float64 (6, 6)
    load : float64 (6,)
    start, stage : float64 (2 n + 5,)
    """

    frame: Any
    axis: Any
    gain: Any
    given: Any
    whole: Any
    load: Any
    start: Any
    stage: Any


@njit(error_model="numpy", cache=True)
def frames(pose, scratch):  # type: ignore[no-untyped-def]
    """Write each link's frame and each joint's axes."""
    frame, axis = scratch.frame, scratch.axis
    n = frame.shape[0]
    w, x, y, z = pose[3], pose[4], pose[5], pose[6]
    first = frame[0]
    first[0, 0], first[0, 1], first[0, 2] = 1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - w * z), 2.0 * (x * z + w * y)
    first[1, 0], first[1, 1], first[1, 2] = 2.0 * (x * y + w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - w * x)
    first[2, 0], first[2, 1], first[2, 2] = 2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)
    for i in range(n - 1):
        up, left = pose[7 + i], pose[6 + n + i]
        cu, su, cl, sl = math.cos(up), math.sin(up), math.cos(left), math.sin(left)
        for r in range(3):
            t, d, side = frame[i, r, 0], frame[i, r, 1], frame[i, r, 2]
            t1, d1 = cu * t + su * d, cu * d - su * t
            axis[i, 0, r], axis[i, 1, r] = side, -d1
            frame[i + 1, r, 0] = cl * t1 + sl * side
            frame[i + 1, r, 1] = d1
            frame[i + 1, r, 2] = cl * side - sl * t1


@njit(error_model="numpy", cache=True)
def moments(up, left, upping, lefting, activation, joint, constants, horizon_s):  # type: ignore[no-untyped-def]
    """Return the two moments and the three numbers of their implicit damping matrix, per rate of the angle.

    Angles in rad and rad/s; moments in uN mm; damping in uN mm s.
    """
    length = constants.link_mm
    arm, force = constants.arm_mm[joint], constants.force_uN[joint]
    k, c = constants.stiffness[joint] / length, constants.damping[joint] / length
    m1, m2 = -k * up - c * upping, -k * left - c * lefting
    g11 = g22 = c + horizon_s * k
    g12 = 0.0
    for q in range(4):
        dorsal = arm if q < 2 else -arm
        lateral = arm if q % 2 == 0 else -arm
        strain = -(dorsal * up + lateral * left) / length
        rate = -(dorsal * upping + lateral * lefting) / length
        pull, by_strain, by_rate = tension(activation[q, joint], strain, rate, constants.hill)
        m1 += force * dorsal * pull
        m2 += force * lateral * pull
        stiff = force * (by_rate + horizon_s * by_strain) / length
        g11 += stiff * dorsal * dorsal
        g12 += stiff * dorsal * lateral
        g22 += stiff * lateral * lateral
    return m1, m2, g11, g12, g22


@njit(error_model="numpy", cache=True)
def _cross_columns(whole, hx, hy, hz, load):  # type: ignore[no-untyped-def]
    """Refer A and b to a point that lies h before: V_there = V_here + spin x h."""
    # The columns of the spin take -P [h]x, then the rows [h]x of what is above them.
    for r in range(6):
        p, q, s = whole[r, 0], whole[r, 1], whole[r, 2]
        whole[r, 3] += hy * s - hz * q
        whole[r, 4] += hz * p - hx * s
        whole[r, 5] += hx * q - hy * p
    for c in range(6):
        p, q, s = whole[0, c], whole[1, c], whole[2, c]
        whole[3, c] += hy * s - hz * q
        whole[4, c] += hz * p - hx * s
        whole[5, c] += hx * q - hy * p
    p, q, s = load[0], load[1], load[2]
    load[3] += hy * s - hz * q
    load[4] += hz * p - hx * s
    load[5] += hx * q - hy * p


@njit(error_model="numpy", cache=True)
def _add_drag(whole, t, constants, roll):  # type: ignore[no-untyped-def]
    """Add a link's own drag, referred to its near end."""
    half = 0.5 * constants.link_mm
    ct, cn = constants.tangential, constants.normal
    turn = cn * half * half * (4.0 / 3.0)
    for r in range(3):
        for c in range(3):
            along = t[r] * t[c]
            same = 1.0 if r == c else 0.0
            whole[r, c] += cn * same + (ct - cn) * along
            whole[3 + r, 3 + c] += turn * (same - along) + roll * along
    # Force of the centre's velocity spin x (half t) is across the link: cn half (spin x t).
    x, y, z = cn * half * t[0], cn * half * t[1], cn * half * t[2]
    for first, second, value in ((0, 4, z), (0, 5, -y), (1, 3, -z), (1, 5, x), (2, 3, y), (2, 4, -x)):
        whole[first, second] += value
        whole[second, first] += value


@njit(error_model="numpy", cache=True)
def _solve_six(a, b):  # type: ignore[no-untyped-def]
    """Solve a symmetric positive definite system of six in place; the result is in b."""
    for k in range(6):
        for r in range(k + 1, 6):
            part = a[r, k] / a[k, k]
            for c in range(k, 6):
                a[r, c] -= part * a[k, c]
            b[r] -= part * b[k]
    for k in range(5, -1, -1):
        for c in range(k + 1, 6):
            b[k] -= a[k, c] * b[c]
        b[k] /= a[k, k]


@njit(error_model="numpy", cache=True)
def _remove_joint(i, scratch, m1, m2, g11, g12, g22):  # type: ignore[no-untyped-def]
    """Take the joint after link i out of A and b; its rates become functions of the link's velocity."""
    whole, load, axis = scratch.whole, scratch.load, scratch.axis
    gain, given = scratch.gain[i], scratch.given[i]
    for j in range(2):
        x, y, z = axis[i, j, 0], axis[i, j, 1], axis[i, j, 2]
        for r in range(6):
            gain[j, r] = whole[r, 3] * x + whole[r, 4] * y + whole[r, 5] * z
        push = load[3] * x + load[4] * y + load[5] * z
        if j == 0:
            m1 += push
        else:
            m2 += push
    for r in range(3):
        g11 += axis[i, 0, r] * gain[0, 3 + r]
        g12 += axis[i, 0, r] * gain[1, 3 + r]
        g22 += axis[i, 1, r] * gain[1, 3 + r]
    under = 1.0 / (g11 * g22 - g12 * g12)
    e11, e12, e22 = g22 * under, -g12 * under, g11 * under
    given[0], given[1] = e11 * m1 + e12 * m2, e12 * m1 + e22 * m2
    for r in range(6):
        u1, u2 = gain[0, r], gain[1, r]
        load[r] -= u1 * given[0] + u2 * given[1]
        w1, w2 = e11 * u1 + e12 * u2, e12 * u1 + e22 * u2
        for c in range(6):
            whole[r, c] -= w1 * gain[0, c] + w2 * gain[1, c]
    for r in range(6):
        u1, u2 = gain[0, r], gain[1, r]
        gain[0, r], gain[1, r] = -(e11 * u1 + e12 * u2), -(e12 * u1 + e22 * u2)


@njit(error_model="numpy", cache=True)
def rates(pose, rate, activation, constants, roll, horizon_s, scratch, out):  # type: ignore[no-untyped-def]
    """Solve D(pose) rate = Q, linear in the moments around a given rate; see ``dynamics.rates``."""
    frames(pose, scratch)
    frame, axis, whole, load = scratch.frame, scratch.axis, scratch.whole, scratch.load
    gain, given = scratch.gain, scratch.given
    n, length = frame.shape[0], constants.link_mm
    whole[:, :] = 0.0
    load[:] = 0.0
    for i in range(n - 1, -1, -1):
        if i < n - 1:
            up, left, upping, lefting = pose[7 + i], pose[6 + n + i], rate[6 + i], rate[5 + n + i]
            m1, m2, g11, g12, g22 = moments(up, left, upping, lefting, activation, i, constants, horizon_s)
            m1 += g11 * upping + g12 * lefting
            m2 += g12 * upping + g22 * lefting
            _remove_joint(i, scratch, m1, m2, g11, g12, g22)
            _cross_columns(whole, length * frame[i, 0, 0], length * frame[i, 1, 0], length * frame[i, 2, 0], load)
        _add_drag(whole, frame[i, :, 0], constants, roll[i])
    _solve_six(whole, load)
    for r in range(6):
        out[r] = load[r]
    for i in range(n - 1):
        hx, hy, hz = length * frame[i, 0, 0], length * frame[i, 1, 0], length * frame[i, 2, 0]
        sx, sy, sz = load[3], load[4], load[5]
        load[0] += sy * hz - sz * hy
        load[1] += sz * hx - sx * hz
        load[2] += sx * hy - sy * hx
        for j in range(2):
            total = given[i, j]
            for r in range(6):
                total += gain[i, j, r] * load[r]
            out[6 + j * (n - 1) + i] = total
        for r in range(3):
            load[3 + r] += axis[i, 0, r] * out[6 + i] + axis[i, 1, r] * out[5 + n + i]


@njit(error_model="numpy", cache=True)
def _moved(start, rate, time_s, out):  # type: ignore[no-untyped-def]
    """Write the pose that a rate leads to in a time; out may be start."""
    for r in range(3):
        out[r] = start[r] + time_s * rate[r]
    x, y, z = 0.5 * time_s * rate[3], 0.5 * time_s * rate[4], 0.5 * time_s * rate[5]
    half = math.sqrt(x * x + y * y + z * z)
    scale = math.sin(half) / half if half > 1e-12 else 1.0
    a, b, c, d = math.cos(half), scale * x, scale * y, scale * z
    w, p, q, s = start[3], start[4], start[5], start[6]
    nw, np_, nq, ns = (
        a * w - b * p - c * q - d * s,
        a * p + b * w + c * s - d * q,
        a * q - b * s + c * w + d * p,
        a * s + b * q - c * p + d * w,
    )
    size = 1.0 / math.sqrt(nw * nw + np_ * np_ + nq * nq + ns * ns)
    out[3], out[4], out[5], out[6] = nw * size, np_ * size, nq * size, ns * size
    for j in range(7, start.shape[0]):
        out[j] = start[j] + time_s * rate[j - 1]


@njit(error_model="numpy", cache=True, nogil=True)
def advance(pose, rate, activation, constants, roll, scratch, dt_s, steps):  # type: ignore[no-untyped-def]
    """Move the chain on by some steps.

    Parameters
    ----------
    pose, rate : float64 (2 n + 5,), float64 (2 n + 4,)
        State; both are changed.
    activation : float64 (4, n - 1)
        MDL, MDR, MVL, MVR in 0 to 1, held.
    constants : Constants
    roll : float64 (n,)
        Drag of a link against turning about its own axis, uN mm s.
    scratch : Scratch
    dt_s : float
    steps : int
    """
    start, stage = scratch.start, scratch.stage
    reach = GAMMA * dt_s
    for _ in range(steps):
        start[:] = pose
        for part in range(2):
            for _sweep in range(SWEEPS):
                _moved(start, rate, reach, stage)
                rates(stage, rate, activation, constants, roll, reach, scratch, rate)
            if part == 0:
                _moved(start, rate, (1.0 - GAMMA) * dt_s, start)
        _moved(start, rate, reach, pose)
