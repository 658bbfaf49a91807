"""``World``: what is around the cells of a run and moves - bodies, muscles, fields, tracks - as arrays, no graphics.

Whoever steps a body makes a new ``World`` each time and hands it to ``Broadcast.put_world``; a world that was made does
not change. A ``Field`` that stayed the same is given again as the same object, so that it is sent once. Lengths in mm,
the ground is the plane z = 0 seen from above, +z.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.errors import ModelError

Floats = NDArray[Any]
"""Given as any numbers, kept as float32."""

MOST_POINTS, MOST_ROWS, MOST_PARTS = 4096, 32, 64
"""Points of a midline, rows of muscles of a body, things of one kind in a world."""
MOST_GRID = 1 << 20
"""Values of a field."""


def _array(place: str, values: ArrayLike, shape: tuple[int | None, ...]) -> Floats:
    """Return a copy that cannot be written, float32, of a shape in which None is any length above 0."""
    array = np.array(values, np.float32)
    fits = array.ndim == len(shape) and all(
        n > 0 and want in (None, n) for n, want in zip(array.shape, shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("n" if n is None else str(n) for n in shape)
        raise ModelError(f"{place}: has shape {array.shape}; allowed: ({wanted}), n above 0")
    array.setflags(write=False)
    return array


def _set(part: object, **values: object) -> None:
    for name, value in values.items():
        object.__setattr__(part, name, value)


@dataclass(frozen=True, eq=False)
class MuscleRow:
    """A row of muscles along a body.

    Parameters
    ----------
    name : str
        For people.
    activation : float32 (n,)
        Of each muscle, the first at the body's first point; 0 to 1.
    angle_rad : float
        Where the row lies around the body: 0 is at the left of the midline's direction (from the first point to the
        last) as seen from above, a quarter turn is up.
    """

    name: str
    activation: Floats
    angle_rad: float = 0.0

    def __post_init__(self) -> None:
        _set(self, activation=_array(f"muscles {self.name!r}", self.activation, (None,)))


@dataclass(frozen=True, eq=False)
class BodyShape:
    """A body at one time.

    Parameters
    ----------
    name : str
        For people.
    points_mm : float32 (n, 3)
        Midline; the first point is the head.
    radius_mm : float32 (n,)
        Profile.
    muscles : tuple of MuscleRow
        Rows; each lights up by its activation.
    """

    name: str
    points_mm: Floats
    radius_mm: Floats
    muscles: tuple[MuscleRow, ...] = ()

    def __post_init__(self) -> None:
        points = _array(f"body {self.name!r}: points_mm", self.points_mm, (None, 3))
        if not 2 <= len(points) <= MOST_POINTS or len(self.muscles) > MOST_ROWS:
            raise ModelError(
                f"body {self.name!r}: {len(points)} points and {len(self.muscles)} rows of muscles; allowed: "
                f"2 to {MOST_POINTS} points, at most {MOST_ROWS} rows"
            )
        radius = _array(f"body {self.name!r}: radius_mm", self.radius_mm, (len(points),))
        _set(self, points_mm=points, radius_mm=radius, muscles=tuple(self.muscles))


@dataclass(frozen=True, eq=False)
class Field:
    """A quantity on the ground: odour, temperature.

    Parameters
    ----------
    name, unit : str
        For people.
    values : float32 (ny, nx)
        At ``origin_mm + (column, row) * spacing_mm``.
    origin_mm : tuple of float
        Place x, y of the first value.
    spacing_mm : float
        Between values.
    """

    name: str
    unit: str
    values: Floats
    origin_mm: tuple[float, float]
    spacing_mm: float

    def __post_init__(self) -> None:
        values = _array(f"field {self.name!r}", self.values, (None, None))
        if values.size > MOST_GRID or not self.spacing_mm > 0.0:
            raise ModelError(
                f"field {self.name!r}: {values.size} values, spacing_mm={self.spacing_mm}; allowed: at most "
                f"{MOST_GRID} values, a spacing above 0"
            )
        _set(self, values=values)


@dataclass(frozen=True, eq=False)
class Curve:
    """A quantity along a body now, such as its curvature; over time it is a kymograph.

    Parameters
    ----------
    name, unit : str
        For people.
    values : float32 (n,)
        From the head (first) to the tail.
    limit : float
        Ends of the colour map, - and +; 0: from what is seen.
    """

    name: str
    unit: str
    values: Floats
    limit: float = 0.0

    def __post_init__(self) -> None:
        _set(self, values=_array(f"curve {self.name!r}", self.values, (None,)))


@dataclass(frozen=True, eq=False)
class Track:
    """The next point of a line that grows: ``point_mm`` float32 (3,)."""

    name: str
    point_mm: Floats

    def __post_init__(self) -> None:
        _set(self, point_mm=_array(f"track {self.name!r}", self.point_mm, (3,)))


@dataclass(frozen=True)
class Scalar:
    """A number with its unit, such as a speed."""

    name: str
    unit: str
    value: float


@dataclass(frozen=True, eq=False)
class World:
    """What surrounds the cells at one time.

    Parameters
    ----------
    t_ms : float
        Simulated time.
    bodies, fields, curves, tracks, scalars : tuples
        Parts; any may be empty. A body's track is best named as the body.
    medium : str
        What the bodies move in, for people.
    """

    t_ms: float
    bodies: tuple[BodyShape, ...] = ()
    fields: tuple[Field, ...] = ()
    curves: tuple[Curve, ...] = ()
    tracks: tuple[Track, ...] = ()
    scalars: tuple[Scalar, ...] = ()
    medium: str = ""

    def __post_init__(self) -> None:
        for name in ("bodies", "fields", "curves", "tracks", "scalars"):
            parts = tuple(getattr(self, name))
            if len(parts) > MOST_PARTS:
                raise ModelError(f"world: {len(parts)} {name}; allowed: at most {MOST_PARTS}")
            _set(self, **{name: parts})

    def numbers(self) -> Floats:
        """Return all that changes from world to world, float32 (n,).

        In this order: for each body its points, then its rows' activations; curves; tracks; scalars.
        """
        parts: list[NDArray[np.float32]] = []
        for body in self.bodies:
            parts += [body.points_mm.ravel(), *(row.activation for row in body.muscles)]
        parts += [curve.values for curve in self.curves]
        parts += [track.point_mm for track in self.tracks]
        parts.append(np.array([scalar.value for scalar in self.scalars], np.float32))
        return np.concatenate(parts)

    def moved(self, t_ms: float, numbers: Floats) -> World:
        """Return a world of the same parts at another time, with other ``numbers()``."""
        if len(numbers) != len(self.numbers()):
            raise ModelError(f"world: {len(numbers)} numbers; allowed: {len(self.numbers())}")
        at = 0

        def taken(n: int) -> Floats:
            nonlocal at
            at += n
            return numbers[at - n : at]

        bodies = tuple(
            replace(
                body,
                points_mm=taken(body.points_mm.size).reshape(-1, 3),
                muscles=tuple(replace(row, activation=taken(len(row.activation))) for row in body.muscles),
            )
            for body in self.bodies
        )
        curves = tuple(replace(curve, values=taken(len(curve.values))) for curve in self.curves)
        tracks = tuple(replace(track, point_mm=taken(3)) for track in self.tracks)
        scalars = tuple(replace(scalar, value=float(taken(1)[0])) for scalar in self.scalars)
        return replace(self, t_ms=t_ms, bodies=bodies, curves=curves, tracks=tracks, scalars=scalars)


def thinned(worlds: Sequence[World], most: int) -> list[World]:
    """Return at most ``most`` of worlds in order of time: every second is left out until they fit, the last stays."""
    kept = list(worlds)
    while len(kept) > most:
        kept = kept[(len(kept) - 1) % 2 :: 2]
    return kept
