"""A body that crawls as a sine does, with muscles, a field, a track: a world for tests and demonstrations."""

from __future__ import annotations

import numpy as np

from neurosim.world import BodyShape, Curve, Field, MuscleRow, Scalar, Track, World

POINTS, ROWS = 26, 24
LENGTH_mm, SPEED_mm_per_s, FREQUENCY_Hz, WAVELENGTH_mm = 1.0, 0.2, 0.5, 0.65
TURN_per_mm = 6.0
"""Largest curvature."""
PLACES = ("head", "tail")


def odour(columns: int = 96, rows: int = 72) -> Field:
    """Return a Gaussian of odour around x = 3 mm, y = 1 mm on 12 by 9 mm."""
    x = -4.0 + 0.125 * np.arange(columns)
    y = -4.5 + 0.125 * np.arange(rows)
    values = 10.0 * np.exp(-((x[None] - 3.0) ** 2 + (y[:, None] - 1.0) ** 2) / (2 * 2.0**2))
    return Field("odour", "µM", values.astype(np.float32), (-4.0, -4.5), 0.125)


ODOUR = odour()


def world_at(t_ms: float) -> World:
    """Return the world at a time: the body goes along +x, bent as a wave that runs backwards."""
    t_s = t_ms / 1000.0
    place = np.linspace(0.0, LENGTH_mm, POINTS)
    phase = 2.0 * np.pi * (place / WAVELENGTH_mm - FREQUENCY_Hz * t_s)
    angle = TURN_per_mm * WAVELENGTH_mm / (2.0 * np.pi) * np.cos(phase)
    step = LENGTH_mm / (POINTS - 1)
    # From the head backwards: the body lies behind it.
    points = np.zeros((POINTS, 3))
    points[1:, 0] = -np.cumsum(step * np.cos(angle[:-1]))
    points[1:, 1] = np.cumsum(step * np.sin(angle[:-1]))
    points[:, :2] -= points[:, :2].mean(axis=0) - [SPEED_mm_per_s * t_s, 0.15 * np.sin(0.2 * t_s)]
    bend = np.sin(2.0 * np.pi * (np.linspace(0.0, LENGTH_mm, ROWS) / WAVELENGTH_mm - FREQUENCY_Hz * t_s))
    left, right = np.clip(bend, 0.0, 1.0), np.clip(-bend, 0.0, 1.0)
    quarter = np.pi / 4.0
    muscles = tuple(
        MuscleRow(name, activation, angle_rad)
        for name, activation, angle_rad in (
            ("dorsal left", left, quarter), ("dorsal right", left, -quarter),
            ("ventral left", right, 3.0 * quarter), ("ventral right", right, -3.0 * quarter),
        )
    )  # fmt: skip
    radius = 0.04 * np.sqrt(np.clip(1.0 - (2.0 * np.linspace(0.0, 1.0, POINTS) - 1.0) ** 4, 0.02, 1.0))
    head = points[0]
    here = 10.0 * float(np.exp(-((head[0] - 3.0) ** 2 + (head[1] - 1.0) ** 2) / 8.0))
    return World(
        t_ms,
        bodies=(BodyShape("body", points, radius, muscles),),
        fields=(ODOUR,),
        curves=(Curve("curvature", "1/mm", TURN_per_mm * bend, 10.0),),
        tracks=(Track("body", points.mean(axis=0)),),
        scalars=(Scalar("speed", "mm/s", SPEED_mm_per_s), Scalar("odour at the head", "µM", here)),
        medium="agar",
    )
