"""Rotations of cells as SONATA writes them, as whole-number quaternions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from neurosim.viewer.scene.circuit import product
from neurosim.viewer.scene.scene import TURN

ANGLES = tuple(f"rotation_angle_{axis}axis" for axis in "xyz")
ORIENTATION = tuple(f"orientation_{part}" for part in "xyzw")
TURN_COLUMNS = frozenset((*ANGLES, *ORIENTATION))


def whole_turns(n: int, numbers: Callable[[str], NDArray[np.float64] | None]) -> NDArray[np.int16]:
    """Return rotations as in ``Cells``, int16 (n, 4): ``orientation_*``, or Rx Ry Rz of the angles (z turns first).

    Parameters
    ----------
    n : int
        Number of cells.
    numbers : callable
        Name of a column -> float64 (n,) in rad, NaN where missing; None where nobody has it.
    """
    turn = np.zeros((n, 4))
    turn[:, 3] = 1.0
    for axis, name in enumerate(ANGLES):
        angle = numbers(name)
        if angle is not None:
            half = 0.5 * np.nan_to_num(angle)
            about = np.zeros((n, 4))
            about[:, axis], about[:, 3] = np.sin(half), np.cos(half)
            turn = product(turn, about)
    given = [numbers(name) for name in ORIENTATION]
    columns = [column for column in given if column is not None]
    if len(columns) == len(ORIENTATION):
        whole = np.stack(columns, axis=1)
        there = np.isfinite(whole).all(axis=1) & (np.abs(whole) > 0.0).any(axis=1)
        turn[there] = whole[there]
    turn /= np.linalg.norm(turn, axis=1, keepdims=True)
    out: NDArray[np.int16] = np.rint(turn * TURN).astype(np.int16)
    return out
