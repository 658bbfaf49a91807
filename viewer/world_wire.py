"""A world as a message and bytes: what stays is said in words once, what moves is a frame of numbers.

The message is ``{"type": "world", "tag": k, ...description(world)}``; frames ``WORLD`` of tag k hold
``World.numbers()`` in its order. Resources: ``field_bytes`` (``NVG1``), ``rows_bytes`` (``NVW1``). Little-endian all.
"""

from __future__ import annotations

import itertools
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from neurosim.viewer.wire import joined
from neurosim.viewer.world_history import WorldRows
from neurosim.world import Field, World

FIELD, ROWS = (int.from_bytes(m, "little") for m in (b"NVG1", b"NVW1"))

_numbers = itertools.count(1)
_said: WeakKeyDictionary[Field, dict[str, Any]] = WeakKeyDictionary()


def description(world: World) -> dict[str, Any]:
    """Return what a page is told of a world beside the numbers that change."""
    return {
        "medium": world.medium,
        "bodies": [
            {
                "name": body.name,
                "points_n": len(body.points_mm),
                "radius_mm": [round(float(r), 6) for r in body.radius_mm],
                "muscles": [
                    {"name": row.name, "n": len(row.activation), "angle_rad": float(row.angle_rad)}
                    for row in body.muscles
                ],
            }
            for body in world.bodies
        ],
        "curves": [{"name": c.name, "unit": c.unit, "n": len(c.values), "limit": float(c.limit)} for c in world.curves],
        "tracks": [{"name": track.name} for track in world.tracks],
        "scalars": [{"name": scalar.name, "unit": scalar.unit} for scalar in world.scalars],
        "fields": [_field(field) for field in world.fields],
    }


def _field(field: Field) -> dict[str, Any]:
    """Return what is said of a field; ``key`` is a number that no other field of this process has."""
    if field not in _said:
        finite = field.values[np.isfinite(field.values)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
        rows, columns = field.values.shape
        _said[field] = {
            "name": field.name, "unit": field.unit, "key": next(_numbers), "columns": columns, "rows": rows,
            "origin_mm": [float(v) for v in field.origin_mm], "spacing_mm": float(field.spacing_mm),
            "low": low, "high": high,
        }  # fmt: skip
    return _said[field]


def key_of(field: Field) -> int:
    """Return the number that no other field of this process has."""
    key: int = _field(field)["key"]
    return key


def field_bytes(field: Field) -> bytes:
    """Return ``NVG1``, u32 columns, u32 rows, u32 0, then f32 value[rows * columns]."""
    rows, columns = field.values.shape
    return joined([FIELD, columns, rows, 0], [field.values])


def rows_bytes(rows: WorldRows) -> bytes:
    """Return ``NVW1``, u32 n, u32 curves, u32 tracks, then f64 time_ms[n].

    Then for each curve u32 k, f32 value[n * k]; for each track f32 point_mm[3 n].
    """
    n = len(rows.time_ms)
    arrays: list[NDArray[Any]] = [np.asarray(rows.time_ms, np.float64)]
    for curve in rows.curves:
        arrays += [np.array([curve.shape[1]], np.uint32), curve]
    arrays += list(rows.tracks)
    return joined([ROWS, n, len(rows.curves), len(rows.tracks)], arrays)
