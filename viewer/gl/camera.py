"""``Camera``: from places in µm to pixels, and how a mouse moves it.

Matrices are for column vectors (``clip = projection @ view @ place``). Everything is computed in float64 relative to
an origin near the cells, because graphics cards calculate in float32.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neurosim.viewer.gl.bounds import Bounds
from neurosim.viewer.gl.view_state import ViewState

Floats = NDArray[np.float64]

_MARGIN = 1.14
"""How much wider than the cells the first view is."""


@dataclass(frozen=True, eq=False)
class Camera:
    """Where the eye is.

    Parameters
    ----------
    eye_um : float64 (3,)
        Place.
    look, up : float64 (3,)
        Unit vectors at right angles.
    fov_deg : float
        Vertical angle of view.
    aspect : float
        Width over height of the picture.
    bounds : Bounds
        Of the scene: for depth, and for what turning goes around.
    """

    eye_um: Floats
    look: Floats
    up: Floats
    fov_deg: float
    aspect: float
    bounds: Bounds

    @property
    def right(self) -> Floats:
        """Return the unit vector to the right."""
        return np.asarray(np.cross(self.look, self.up), np.float64)

    @property
    def focus_um(self) -> Floats:
        """Return the place that turning goes around: on the line of sight, beside the middle of the cells."""
        return self.eye_um + self.look * self.distance_um

    @property
    def distance_um(self) -> float:
        """Return how far the focus is."""
        ahead = float(np.dot(self.bounds.middle_um - self.eye_um, self.look))
        return max(ahead, 0.05 * self.bounds.radius_um, 1.0)

    def depths_um(self) -> tuple[float, float]:
        """Return the nearest and farthest distance that is drawn."""
        far = float(np.linalg.norm(self.bounds.middle_um - self.eye_um)) + self.bounds.radius_um
        near = max(far - 2.0 * self.bounds.radius_um, far * 2e-4)
        return near * 0.95, far * 1.05

    def view(self, origin_um: Floats) -> Floats:
        """Return the matrix (4, 4) from places relative to ``origin_um`` to the eye's axes; it looks along -z."""
        turn = np.stack([self.right, self.up, -self.look])
        matrix = np.eye(4)
        matrix[:3, :3] = turn
        matrix[:3, 3] = -turn @ (self.eye_um - origin_um)
        return matrix

    def projection(self) -> Floats:
        """Return the matrix (4, 4) from the eye's axes to the clip space of OpenGL."""
        near, far = self.depths_um()
        scale = 1.0 / math.tan(math.radians(self.fov_deg) / 2.0)
        return np.array(
            [
                [scale / self.aspect, 0.0, 0.0, 0.0],
                [0.0, scale, 0.0, 0.0],
                [0.0, 0.0, (far + near) / (near - far), 2.0 * far * near / (near - far)],
                [0.0, 0.0, -1.0, 0.0],
            ]
        )

    def pixels(self, places_um: Floats, width: int, height: int) -> Floats:
        """Return x, y (from the top left) and depth in µm of places (n, 3), float64 (n, 3); NaN behind the eye."""
        relative = np.atleast_2d(places_um) - self.eye_um
        depth = relative @ self.look
        with np.errstate(divide="ignore", invalid="ignore"):
            scale = height / 2.0 / math.tan(math.radians(self.fov_deg) / 2.0) / np.where(depth > 0.0, depth, np.nan)
        x = width / 2.0 + relative @ self.right * scale
        y = height / 2.0 - relative @ self.up * scale
        return np.stack([x, y, depth], axis=1)

    def um_per_pixel(self, height: int, distance_um: float | None = None) -> float:
        """Return the length that one pixel spans at a distance, by default that of the focus."""
        distance = self.distance_um if distance_um is None else distance_um
        return 2.0 * distance * math.tan(math.radians(self.fov_deg) / 2.0) / height

    def turned(self, yaw_deg: float, pitch_deg: float = 0.0) -> Camera:
        """Return the camera moved on a ball around its focus: to the right, and up."""
        focus, distance = self.focus_um, self.distance_um
        turn = _about(self.up, math.radians(yaw_deg)) @ _about(self.right, math.radians(-pitch_deg))
        look, up = turn @ self.look, turn @ self.up
        return _squared(replace(self, eye_um=focus - look * distance, look=look, up=up))

    def moved(self, right_um: float, up_um: float) -> Camera:
        """Return the camera shifted across the line of sight."""
        return replace(self, eye_um=self.eye_um + self.right * right_um + self.up * up_um)

    def nearer(self, factor: float) -> Camera:
        """Return the camera with its distance to the focus times ``factor``."""
        return replace(self, eye_um=self.focus_um - self.look * self.distance_um * factor)


def _about(axis: Floats, angle: float) -> Floats:
    """Return the rotation (3, 3) about a unit vector (Rodrigues)."""
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    turn: Floats = np.eye(3) + math.sin(angle) * cross + (1.0 - math.cos(angle)) * (cross @ cross)
    return turn


def _squared(camera: Camera) -> Camera:
    """Return the camera with unit vectors at right angles."""
    look = camera.look / np.linalg.norm(camera.look)
    up = camera.up - look * np.dot(camera.up, look)
    return replace(camera, look=look, up=up / np.linalg.norm(up))


def fitting(bounds: Bounds, look: Floats, up: Floats, fov_deg: float, aspect: float) -> Camera:
    """Return a camera that looks along ``look`` and has the whole box in view."""
    first = _squared(Camera(bounds.middle_um, look, up, fov_deg, aspect, bounds))
    sides = np.stack([bounds.low_um, bounds.high_um])
    corners = np.array([[sides[i, 0], sides[j, 1], sides[k, 2]] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    relative = (corners - bounds.middle_um) * _MARGIN
    half = math.tan(math.radians(fov_deg) / 2.0)
    across = np.maximum(abs(relative @ first.right) / aspect, abs(relative @ first.up)) / half
    distance = float((across - relative @ first.look).max())
    return replace(first, eye_um=bounds.middle_um - first.look * distance)


def camera_of(state: ViewState, bounds: Bounds, aspect: float) -> Camera:
    """Return the camera of a view state; without one everything is in view, seen along -z with y up."""
    look = np.array(state.look if state.look is not None else (0.0, 0.0, -1.0), float)
    look /= np.linalg.norm(look)
    spare = (0.0, 1.0, 0.0) if abs(look[1]) < 0.99 else (0.0, 0.0, 1.0)
    up = np.array(state.up if state.up is not None else spare, float)
    if state.eye is None:
        return fitting(bounds, look, up, state.fov, aspect)
    return _squared(Camera(np.array(state.eye, float), look, up, state.fov, aspect, bounds))
