"""Meshes of a world for the graphics card: tubes of bodies with the colours of their muscles, ribbons of tracks.

The same shapes as the page's (``web/assets/world_tube.mjs``). Places in µm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from neurosim.units import UM_PER_MM
from neurosim.viewer.gl.colours import colour_map as named_map
from neurosim.viewer.gl.colours import rgb
from neurosim.world import BodyShape, Field

Floats = NDArray[Any]

RINGS_PER_POINT, AROUND = 16, 96
"""Rings between two points of a midline, and points of a ring, the last on the first: a muscle has many."""
_CAP: Final = ((0.5, 0.85), (0.85, 0.5), (1.0, 0.0))
"""Rounded ends: how far beyond, and the radius, in radii."""


@dataclass(frozen=True)
class WorldTheme:
    """Colours of a world: RGB from 0 to 1; ``low`` is how dark the side away from the light is."""

    background: tuple[float, float, float]
    line: tuple[float, float, float]
    skin: tuple[float, float, float]
    rest: tuple[float, float, float]
    hot: tuple[float, float, float]
    hottest: tuple[float, float, float]
    track: tuple[float, float, float]
    low: float


# The page's themes (web/assets/world_looks.mjs), but for the white of paper.
WORLD_THEMES: Final = {
    "dark": WorldTheme(
        background=rgb("05070d"),
        line=rgb("8ea3c4"),
        skin=rgb("9fa8b8"),
        rest=rgb("6d5560"),
        hot=rgb("ff8a2b"),
        hottest=rgb("fff0c9"),
        track=rgb("7fd0ff"),
        low=0.34,
    ),
    "light": WorldTheme(
        background=rgb("ffffff"),
        line=rgb("5b6880"),
        skin=rgb("c9ced8"),
        rest=rgb("b08a92"),
        hot=rgb("e0530a"),
        hottest=rgb("b3001b"),
        track=rgb("0b5ca3"),
        low=0.55,
    ),
}


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles: ``place_um`` (n, 3), ``normal`` (n, 3), ``colour`` (n, 4; the last: how it shines), ``corners``."""

    place_um: Floats
    normal: Floats
    colour: Floats
    corners: NDArray[np.uint32]


def _smooth(values: Floats, share: Floats) -> Floats:
    """Return Catmull-Rom values (m, k) at shares 0 to 1 of rows of values (n, k)."""
    n = len(values)
    at = share * (n - 1)
    i = np.minimum(at.astype(int), n - 2)
    t = (at - i)[:, None]
    a, b, c, d = (values[np.clip(i + k, 0, n - 1)] for k in (-1, 0, 1, 2))
    smooth: Floats = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    return smooth


def _unit(vectors: Floats) -> Floats:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: Floats = vectors / np.maximum(length, 1e-12)
    return unit


def _rings(body: BodyShape) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Return place, tangent, radius, share and lean of each ring, from beyond the head to beyond the tail."""
    share = np.linspace(0.0, 1.0, RINGS_PER_POINT * (len(body.points_mm) - 1) + 1)
    place = _smooth(body.points_mm.astype(float) * UM_PER_MM, share)
    radius = np.maximum(0.0, _smooth(body.radius_mm.astype(float)[:, None] * UM_PER_MM, share)[:, 0])
    tangent = _unit(np.gradient(place, axis=0))
    parts = [[place], [tangent], [radius], [share], [np.zeros(len(share))]]
    for far, wide in _CAP:
        for end, sign in ((0, -1.0), (-1, 1.0)):
            more = (
                (place[end] + sign * far * radius[end] * tangent[end])[None],
                tangent[end][None],
                np.array([wide * radius[end]]),
                share[end : end + 1 or None],
                np.array([sign * far]),
            )
            for part, row in zip(parts, more, strict=True):
                part.insert(0, row) if end == 0 else part.append(row)
    place, tangent, radius, share, lean = (np.concatenate(part) for part in parts)
    return place, tangent, radius, share, lean


def _muscle_colours(body: BodyShape, share: Floats, angle: Floats, theme: WorldTheme) -> Floats:
    """Return the colour of each place of a body's surface and how much it shines, (n, 4): a muscle is a spindle."""
    colour = np.tile(np.array(theme.skin), (len(share), 1))
    shining = np.zeros(len(share))
    hot, hottest, rest = (np.array(c) for c in (theme.hot, theme.hottest, theme.rest))
    half = 0.86 * np.pi / max(1, len(body.muscles))
    for row in body.muscles:
        n = len(row.activation)
        cell = np.clip((share * n).astype(int), 0, n - 1)
        along = share * n - cell - 0.5
        around = np.abs((angle - row.angle_rad + np.pi) % (2.0 * np.pi) - np.pi) / half
        off = around - 0.96 * np.sqrt(np.maximum(0.0, 1.0 - 3.4 * along**2))
        inside = np.clip(0.5 - off / 0.08, 0.0, 1.0)[:, None]
        power = np.clip(np.nan_to_num(row.activation[cell].astype(float)), 0.0, 1.0)[:, None]
        much = np.clip((power - 0.02) / 0.83, 0.0, 1.0)
        much = much * much * (3.0 - 2.0 * much)
        muscle = rest + much * (hot + 0.55 * power**2 * (hottest - hot) - rest)
        colour += 0.92 * inside * (muscle - colour)
        shining = np.maximum(shining, (power * inside)[:, 0])
    return np.concatenate([colour, shining[:, None]], axis=1)


def tube(body: BodyShape, theme: WorldTheme) -> Mesh:
    """Return the surface of a body with its muscles."""
    place, tangent, radius, share, lean = _rings(body)
    side = np.cross([0.0, 0.0, 1.0], tangent)
    upright = np.linalg.norm(side, axis=1) < 1e-9
    side[upright] = [0.0, 1.0, 0.0]
    side = _unit(side)
    up = np.cross(tangent, side)
    angle = np.linspace(-np.pi, np.pi, AROUND)
    outwards = np.cos(angle)[None, :, None] * side[:, None] + np.sin(angle)[None, :, None] * up[:, None]
    places = place[:, None] + radius[:, None, None] * outwards
    normals = _unit(outwards + lean[:, None, None] * tangent[:, None])
    shares, angles = (np.broadcast_to(v, (len(place), AROUND)).ravel() for v in (share[:, None], angle[None]))
    ring, k = np.meshgrid(np.arange(len(place) - 1), np.arange(AROUND - 1), indexing="ij")
    a = (ring * AROUND + k).ravel()
    corners = np.stack([a, a + AROUND, a + 1, a + 1, a + AROUND, a + AROUND + 1], axis=1)
    return Mesh(
        places.reshape(-1, 3),
        normals.reshape(-1, 3),
        _muscle_colours(body, shares, angles, theme),
        corners.ravel().astype(np.uint32),
    )


def ribbon(points_mm: Floats, width_um: float, z_um: float) -> Mesh:
    """Return a line on the ground as a flat ribbon; the older, the paler (the last colour: how much is seen)."""
    place = np.asarray(points_mm, float) * UM_PER_MM
    place[:, 2] = z_um
    along = np.gradient(place, axis=0) if len(place) > 1 else np.zeros_like(place)
    across = 0.5 * width_um * _unit(np.stack([-along[:, 1], along[:, 0], np.zeros(len(place))], axis=1))
    both = np.stack([place - across, place + across], axis=1).reshape(-1, 3)
    seen = np.repeat(np.linspace(0.35, 0.9, len(place)), 2)
    colour = np.concatenate([np.zeros((len(both), 3)), seen[:, None]], axis=1)
    a = 2 * np.arange(max(0, len(place) - 1))
    corners = np.stack([a, a + 1, a + 2, a + 2, a + 1, a + 3], axis=1)
    return Mesh(both, np.tile([0.0, 0.0, 1.0], (len(both), 1)), colour, corners.ravel().astype(np.uint32))


def field_table(theme: str) -> Floats:
    """Return the colours of a field from its lowest to its highest value, float (256, 3); see the page's."""
    back = np.array(WORLD_THEMES[theme].background)
    x = np.linspace(0.0, 1.0, 256)
    hues = named_map("viridis")
    at = 1.0 - 0.75 * x if theme == "light" else 0.1 + 0.55 * x
    hue = hues[np.rint(255 * at).astype(int)].astype(float)
    much = (0.6 if theme == "light" else 0.62) * np.minimum(1.0, 1.6 * x) ** 0.8
    table: Floats = back + much[:, None] * (hue - back)
    return table


def field_picture(field: Field, theme: str) -> tuple[Floats, float, float]:
    """Return colours of a field's values and where they lie in its range, float32 (ny, nx, 4), and the range.

    The last number is -1 where nothing is known.
    """
    known = np.isfinite(field.values)
    low, high = (float(f(field.values[known])) if known.any() else 0.0 for f in (np.min, np.max))
    share = np.where(known, (field.values - low) / max(high - low, 1e-30), 0.0)
    colour = field_table(theme)[np.clip(np.rint(255 * share), 0, 255).astype(int)]
    return np.concatenate([colour, np.where(known, share, -1.0)[..., None]], axis=2).astype(np.float32), low, high
