"""``Grid``: a field on squares that diffuses between walls without flux; the compiled step.

Explicit differences in time, centred in space, on squares of one size; the border of the outer squares is wall. The
amount of substance is kept to round-off. Not for flow, and not for gases: a plume in air needs another model.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from neurosim.errors import ModelError
from neurosim.model.checks import above_zero, finite, not_negative
from neurosim.models.worm.environment.field import Field, Place
from neurosim.units import MS_PER_S

Floats = NDArray[np.float64]

_STABLE = 0.25
"""Largest D dt / side² of the explicit step in a plane."""


class Grid(Field):
    """A diffusing field on squares.

    Parameters
    ----------
    initial : float (ny, nx)
        Values at t = 0 at the middles of the squares.
    side_mm : float
        Of a square.
    corner_mm : tuple of float
        Lower left corner of the walls.
    diffusion_mm2_per_s : float
    decay_per_s : float
        Rate of loss (evaporation, degradation).
    step_s : float, optional
        By default 0.8 of the longest stable one, at most 1 s.

    Notes
    -----
    The value at a time between two steps is interpolated in time, between middles bilinearly, and beyond the outer
    middles the nearest holds. What is returned depends on place and time only: a time before the present one starts the
    diffusion again from ``initial``.
    """

    def __init__(
        self,
        initial: ArrayLike,
        *,
        side_mm: float,
        corner_mm: Place = (0.0, 0.0),
        diffusion_mm2_per_s: float,
        decay_per_s: float = 0.0,
        step_s: float | None = None,
    ) -> None:
        self.initial = np.array(initial, np.float64)
        if self.initial.ndim != 2 or min(self.initial.shape) < 2 or not np.isfinite(self.initial).all():
            raise ModelError(
                f"Grid: initial has shape {self.initial.shape}; give finite numbers (ny, nx), 2 × 2 or more"
            )
        above_zero("Grid", side_mm=side_mm)
        not_negative("Grid", diffusion_mm2_per_s=diffusion_mm2_per_s, decay_per_s=decay_per_s)
        finite("Grid", corner_x_mm=corner_mm[0], corner_y_mm=corner_mm[1])
        self.side_mm, self.corner_mm = float(side_mm), corner_mm
        self.diffusion_mm2_per_s, self.decay_per_s = float(diffusion_mm2_per_s), float(decay_per_s)
        longest_s = _STABLE * side_mm**2 / diffusion_mm2_per_s if diffusion_mm2_per_s > 0.0 else math.inf
        self.step_s = min(1.0, 0.8 * longest_s) if step_s is None else float(step_s)
        above_zero("Grid", step_s=self.step_s)
        if self.step_s > longest_s:
            raise ModelError(
                f"Grid: step_s={self.step_s:g} is not stable with squares of {side_mm:g} mm; at most {longest_s:g} s"
            )
        self._restart()

    def _restart(self) -> None:
        self._steps = 0
        self._now = self.initial.copy()
        self._next = np.empty_like(self._now)
        self._step(self._now, self._next)

    def _step(self, now: Floats, then: Floats) -> None:
        share = self.diffusion_mm2_per_s * self.step_s / self.side_mm**2
        diffused(now, then, share, math.exp(-self.decay_per_s * self.step_s))

    def snapshot(self, t_ms: float) -> Floats:
        """Return the squares at a time, float64 (ny, nx)."""
        if t_ms < 0.0:
            raise ModelError(f"Grid: t_ms={t_ms:g} is before the start; times are 0 or more")
        steps = t_ms / (self.step_s * MS_PER_S)
        whole = math.floor(steps)
        if whole < self._steps:
            self._restart()
        while self._steps < whole:
            self._now, self._next = self._next, self._now
            self._step(self._now, self._next)
            self._steps += 1
        part = steps - whole
        return np.asarray((1.0 - part) * self._now + part * self._next)

    def values(self, x_mm: Floats, y_mm: Floats, t_ms: float) -> Floats:
        """Return the interpolated values."""
        squares = self.snapshot(t_ms)
        ny, nx = squares.shape
        column = np.clip((x_mm - self.corner_mm[0]) / self.side_mm - 0.5, 0.0, nx - 1.0)
        row = np.clip((y_mm - self.corner_mm[1]) / self.side_mm - 0.5, 0.0, ny - 1.0)
        i, j = np.minimum(row.astype(int), ny - 2), np.minimum(column.astype(int), nx - 2)
        u, v = row - i, column - j
        low = (1.0 - v) * squares[i, j] + v * squares[i, j + 1]
        high = (1.0 - v) * squares[i + 1, j] + v * squares[i + 1, j + 1]
        return np.asarray((1.0 - u) * low + u * high)


@njit(cache=True, nogil=True)
def diffused(now: Floats, then: Floats, share: float, kept: float) -> None:
    """Write one explicit step of diffusion; nothing crosses the walls.

    Parameters
    ----------
    now, then : float64 (ny, nx)
        ``then`` is overwritten.
    share : float
        D dt / side², at most 1/4.
    kept : float
        Part of the substance that is left after the step.

    Notes
    -----
    Each square gains share · (neighbour - itself) from its neighbours; at a wall the missing one is itself. O(ny nx).
    """
    ny, nx = now.shape
    for i in range(ny):
        up, down = max(i - 1, 0), min(i + 1, ny - 1)
        for j in range(nx):
            left, right = max(j - 1, 0), min(j + 1, nx - 1)
            around = now[up, j] + now[down, j] + now[i, left] + now[i, right]
            then[i, j] = kept * (now[i, j] + share * (around - 4.0 * now[i, j]))
