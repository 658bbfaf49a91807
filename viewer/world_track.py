"""``WorldTrack``: the worlds of a run as its track file has them (``docs/format.md``), for replays and films.

A track file is HDF5 with one row a moment: ``time_ms`` (n,) and ``points_mm`` (n, k, 3); and, where the run has them,
``activation`` (n, rows, m) of muscles, ``curvature_per_mm`` (n, m) or other quantities ``NAME_per_mm``, ``fields/NAME``
(n,) numbers over time, and ``ground/NAME`` (ny, nx) fields. Attributes: ``radius_mm`` (k,) of ``points_mm``, ``names``
and ``angles_rad`` (rows,) of ``activation``, ``medium`` of ``points_mm``, ``units``, ``origin_mm``, ``spacing_mm`` of a
field.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ModelError
from neurosim.units import S_PER_MS
from neurosim.viewer.world_history import WorldRows, stretch
from neurosim.world import MOST_POINTS, MOST_ROWS, BodyShape, Curve, Field, MuscleRow, Scalar, Track, World

SPEED_ms = 1000.0
"""Time over which the speed is taken."""
RADIUS = 0.04
"""Of a body's thickest place, as a part of its length, where the file does not say it."""
QUADRANTS_rad = (0.25 * np.pi, -0.25 * np.pi, 0.75 * np.pi, -0.75 * np.pi)
"""Of four rows of muscles where the file does not say it."""
PER_MM, PER_MM_UNIT = "_per_mm", "1/mm"
CURVATURE_per_mm = 10.0
"""End of the colour map of curvatures of a body of 1 mm."""


def is_track(file: h5py.File) -> bool:
    """Return whether a file is a track."""
    time, points = file.get("time_ms"), file.get("points_mm")
    if not isinstance(time, h5py.Dataset) or not isinstance(points, h5py.Dataset):
        return False
    return bool(time.ndim == 1 and points.ndim == 3 and points.shape[2] == 3 and 2 <= points.shape[1] <= MOST_POINTS)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


class WorldTrack:
    """Worlds from a file that is open; the caller sees to it that one thread reads at a time.

    Parameters
    ----------
    file : h5py.File
        A track, also one that is being written.
    path : Path
        For messages.

    Attributes
    ----------
    notices : list of str
        What of it is not shown, for people.
    """

    def __init__(self, file: h5py.File, path: Path) -> None:
        self._file, self._path = file, path
        self.notices: list[str] = []
        self._points: h5py.Dataset = file["points_mm"]
        self._muscles = self._of_rows("activation", 3)
        curves = [n for n, d in file.items() if n.endswith(PER_MM) and isinstance(d, h5py.Dataset) and d.ndim == 2]
        self._curves = {name: file[name] for name in sorted(curves)}
        fields = file.get("fields")
        named = fields.items() if isinstance(fields, h5py.Group) else ()
        self._scalars = {name: d for name, d in named if isinstance(d, h5py.Dataset) and d.ndim == 1}
        self._ground = self._fields()
        self.medium = _text(self._points.attrs.get("medium", ""))
        self._radius_mm: NDArray[np.float32] | None = None
        self.time_ms: NDArray[np.float64] = np.empty(0)
        self.refresh()
        self._read = lru_cache(64)(self._world)

    def _of_rows(self, name: str, ndim: int) -> h5py.Dataset | None:
        data = self._file.get(name)
        if not isinstance(data, h5py.Dataset) or data.ndim != ndim or data.shape[1] > MOST_ROWS:
            return None
        return data

    def _fields(self) -> tuple[Field, ...]:
        """Return the fields on the ground."""
        ground = self._file.get("ground")
        if not isinstance(ground, h5py.Group):
            return ()
        found = []
        for name, data in ground.items():
            if not isinstance(data, h5py.Dataset) or data.ndim != 2:
                continue
            at = np.ravel(data.attrs.get("origin_mm", (0.0, 0.0)))
            spacing, unit = np.ravel(data.attrs.get("spacing_mm", 1.0)), _text(data.attrs.get("units", ""))
            try:
                found.append(Field(name, unit, data[:], (float(at[0]), float(at[1])), float(spacing[0])))
            except (ModelError, ValueError, IndexError) as error:
                self.notices.append(f"{self._path.name}: the field {name!r} is not shown: {error}")
        return tuple(found)

    def refresh(self) -> None:
        """Look how far a file that grows is."""
        data = self._file["time_ms"]
        if self._file.swmr_mode:
            for grown in (data, self._points, self._muscles, *self._curves.values(), *self._scalars.values()):
                if grown is not None:
                    grown.refresh()
        n = min(d.shape[0] for d in (data, self._points, *self._curves.values(), *self._scalars.values()))
        if n == len(self.time_ms):
            return
        time = np.asarray(data[:n], np.float64)
        # Rows of a block that is under way are NaN; a track is in order of time.
        good = np.isfinite(time)
        good[1:] &= np.diff(time) > 0.0
        self.time_ms = time if good.all() else time[: int(np.argmin(good))]

    @property
    def stop_ms(self) -> float:
        """Time of the last row; NaN without any."""
        return float(self.time_ms[-1]) if len(self.time_ms) else float("nan")

    def at(self, t_ms: float) -> World | None:
        """Return the world of the last row at or before a time (before the first: the first); None without rows."""
        if not len(self.time_ms):
            return None
        row = int(np.searchsorted(self.time_ms, t_ms, side="right")) - 1
        return self._read(min(max(row, 0), len(self.time_ms) - 1))

    def between(self, start_ms: float, stop_ms: float, most: int) -> WorldRows:
        """Return curves and tracks with start <= t < stop, at most ``most`` rows."""
        part = stretch(self.time_ms, start_ms, stop_ms, most)
        curves = tuple(np.asarray(data[part], np.float32) for data in self._curves.values())
        middle = np.asarray(self._points[part], np.float32).mean(axis=1)
        return WorldRows(self.time_ms[part], curves, (middle,))

    def _radius(self, points_mm: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the profile: as the file says, else that of a spindle."""
        if self._radius_mm is None:
            given = np.ravel(self._points.attrs.get("radius_mm", ()))
            if len(given) != len(points_mm):
                length = float(np.linalg.norm(np.diff(points_mm, axis=0), axis=1).sum())
                place = 2.0 * np.linspace(0.0, 1.0, len(points_mm)) - 1.0
                given = RADIUS * length * np.sqrt(np.clip(1.0 - place**4, 0.02, 1.0))
            self._radius_mm = np.asarray(given, np.float32)
        return self._radius_mm

    def _rows(self, row: int) -> tuple[MuscleRow, ...]:
        if self._muscles is None:
            return ()
        values, attrs = np.nan_to_num(self._muscles[row]), self._muscles.attrs
        n = len(values)
        names = [_text(v) for v in np.ravel(attrs.get("names", ()))]
        angles = np.ravel(attrs.get("angles_rad", QUADRANTS_rad if n == 4 else 2.0 * np.pi * np.arange(n) / n))
        if len(names) != n:
            names = [f"row {k + 1}" for k in range(n)]
        if len(angles) != n:
            raise ModelError(f"activation: {n} rows and {len(angles)} angles_rad", path=self._path)
        return tuple(MuscleRow(names[k], values[k], float(angles[k])) for k in range(n))

    def _speed(self, row: int) -> float:
        """Return the speed of the body's middle over the last second in mm/s."""
        since = int(np.searchsorted(self.time_ms, self.time_ms[row] - SPEED_ms))
        if since == row:
            return float("nan")
        there, here = (np.asarray(self._points[k], float).mean(axis=0) for k in (since, row))
        return float(np.linalg.norm(here - there) / ((self.time_ms[row] - self.time_ms[since]) * S_PER_MS))

    def _world(self, row: int) -> World:
        points = np.asarray(self._points[row], np.float32)
        curves = tuple(
            Curve(
                name.removesuffix(PER_MM),
                PER_MM_UNIT,
                data[row],
                CURVATURE_per_mm if name.startswith("curvature") else 0.0,
            )
            for name, data in self._curves.items()
        )
        scalars = [Scalar("speed", "mm/s", self._speed(row))]
        for name, data in self._scalars.items():
            scalars.append(Scalar(name, _text(data.attrs.get("units", "")), float(data[row])))
        return World(
            float(self.time_ms[row]),
            (BodyShape("body", points, self._radius(points), self._rows(row)),),
            self._ground,
            curves,
            (Track("body", points.mean(axis=0)),),
            tuple(scalars),
            self.medium,
        )
