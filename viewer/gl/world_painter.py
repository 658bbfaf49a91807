"""``WorldPainter``: draws the ground with a field, tracks and bodies with OpenGL (GLSL 1.20).

One painter belongs to one context and is used in its thread only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from neurosim.viewer.gl.camera import Camera
from neurosim.viewer.gl.painter import Frame
from neurosim.viewer.gl.world_mesh import Mesh, WorldTheme

_GROUND_VERTEX: Final = """
uniform mat4 u_view;
uniform mat4 u_projection;
uniform vec3 u_middle;
uniform vec2 u_origin;
uniform float u_reach;
attribute vec2 a_corner;
varying vec2 v_place;
void main() {
    vec3 place = u_middle + vec3(a_corner * u_reach, 0.0);
    v_place = place.xy + u_origin;
    gl_Position = u_projection * u_view * vec4(place, 1.0);
}
"""
_GROUND_FRAGMENT: Final = """
uniform vec2 u_eye;
uniform float u_far;
uniform float u_grid;
uniform vec3 u_background;
uniform vec3 u_line;
uniform sampler2D u_field;
uniform vec4 u_box;
uniform vec2 u_cells;
varying vec2 v_place;

float line_at(vec2 at, float spacing) {
    vec2 cell = at / spacing;
    vec2 wide = fwidth(cell);
    vec2 off = abs(fract(cell - 0.5) - 0.5) / max(wide, vec2(1e-6));
    vec2 seen = (1.0 - smoothstep(0.6, 2.2, off)) * (1.0 - smoothstep(0.12, 0.4, wide));
    return max(seen.x, seen.y);
}

void main() {
    vec3 colour = u_background;
    float fade = 1.0 - smoothstep(0.45 * u_far, u_far, distance(v_place, u_eye));
    vec2 at = (v_place - u_box.xy) / u_box.z;
    if (u_box.w > 0.5 && at.x > -0.5 && at.y > -0.5 && at.x < u_cells.x - 0.5 && at.y < u_cells.y - 0.5) {
        vec4 value = texture2D(u_field, (at + 0.5) / u_cells);
        if (value.a >= 0.0) {
            float level = value.a * 8.0;
            float off = abs(fract(level - 0.5) - 0.5) / max(fwidth(level), 1e-6);
            colour = mix(value.rgb, u_line, 0.35 * (1.0 - smoothstep(1.0, 3.0, off)) * step(0.5, level));
        }
    }
    colour = mix(colour, u_line, fade * max(0.20 * line_at(v_place, u_grid), 0.45 * line_at(v_place, 10.0 * u_grid)));
    gl_FragColor = vec4(colour, 1.0);
}
"""
_MESH_VERTEX: Final = """
uniform mat4 u_view;
uniform mat4 u_projection;
attribute vec3 a_place;
attribute vec3 a_normal;
attribute vec4 a_colour;
varying vec3 v_normal;
varying vec3 v_place;
varying vec4 v_colour;
void main() {
    v_normal = a_normal;
    v_place = a_place;
    v_colour = a_colour;
    gl_Position = u_projection * u_view * vec4(a_place, 1.0);
}
"""
_BODY_FRAGMENT: Final = """
uniform vec3 u_eye;
uniform vec3 u_light;
uniform float u_low;
varying vec3 v_normal;
varying vec3 v_place;
varying vec4 v_colour;
void main() {
    vec3 normal = normalize(v_normal);
    vec3 eye = normalize(u_eye - v_place);
    float shade = mix(u_low, 1.0, 0.5 + 0.5 * dot(normal, u_light));
    float rim = pow(1.0 - clamp(dot(normal, eye), 0.0, 1.0), 3.0);
    float shine = 0.18 * pow(max(0.0, dot(normal, normalize(u_light + eye))), 40.0);
    vec3 shaded = v_colour.rgb * shade + vec3(0.10 * rim + shine);
    gl_FragColor = vec4(mix(shaded, v_colour.rgb, 0.72 * v_colour.a), 1.0);
}
"""
_TRACK_FRAGMENT: Final = """
uniform vec3 u_colour;
varying vec3 v_normal;
varying vec3 v_place;
varying vec4 v_colour;
void main() {
    gl_FragColor = vec4(u_colour * v_colour.a, v_colour.a);
}
"""
_LIGHT: Final = (-0.35, 0.45, 0.82)


@dataclass(frozen=True, eq=False)
class Ground:
    """The plane under the bodies.

    Parameters
    ----------
    z_um : float
        Height.
    reach_um, grid_um : float
        Where it has faded, and between its lines.
    field : float32 (ny, nx, 4) or None
        Colours and shares of the range (``world_mesh.field_picture``).
    origin_um, spacing_um : tuple, float
        Where its values lie.
    """

    z_um: float
    reach_um: float
    grid_um: float
    field: NDArray[np.float32] | None = None
    origin_um: tuple[float, float] = (0.0, 0.0)
    spacing_um: float = 1.0


class WorldPainter:
    """Programs of one context."""

    def __init__(self) -> None:
        from vispy import gloo

        self._gloo = gloo
        self._ground = gloo.Program(_GROUND_VERTEX, _GROUND_FRAGMENT)
        self._ground["a_corner"] = np.array([[-1, -1], [1, -1], [-1, 1], [1, 1]], np.float32)
        self._body = gloo.Program(_MESH_VERTEX, _BODY_FRAGMENT)
        self._track = gloo.Program(_MESH_VERTEX, _TRACK_FRAGMENT)
        self._field: tuple[Any, Any] = (None, None)

    def paint(
        self,
        ground: Ground,
        tracks: Sequence[Mesh],
        bodies: Sequence[Mesh],
        camera: Camera,
        theme: WorldTheme,
        frame: Frame,
    ) -> None:
        """Draw onto what is current."""
        gloo = self._gloo
        origin = camera.focus_um
        gloo.set_viewport(0, 0, frame.width, frame.height)
        gloo.set_state(depth_test=False, blend=False, cull_face=False)
        gloo.set_depth_mask(True)
        gloo.clear(color=(*theme.background, 1.0), depth=True)
        common = {
            "u_view": camera.view(origin).T.astype(np.float32),
            "u_projection": camera.projection().T.astype(np.float32),
        }
        self._draw_ground(ground, camera, theme, common)
        gloo.set_state(depth_test=False, blend=True, blend_func=("one", "one_minus_src_alpha"))
        for mesh in tracks:
            self._draw_mesh(self._track, mesh, origin, {**common, "u_colour": theme.track})
        gloo.set_state(depth_test=True, blend=False)
        light = np.array(_LIGHT) / np.linalg.norm(_LIGHT)
        lit = {"u_eye": tuple(camera.eye_um - origin), "u_light": tuple(light), "u_low": theme.low}
        for mesh in bodies:
            self._draw_mesh(self._body, mesh, origin, {**common, **lit})

    def _draw_ground(self, ground: Ground, camera: Camera, theme: WorldTheme, common: dict[str, Any]) -> None:
        origin, program = camera.focus_um, self._ground
        values: dict[str, Any] = {
            **common,
            "u_middle": (0.0, 0.0, ground.z_um - float(origin[2])),
            "u_origin": tuple(origin[:2]),
            "u_reach": 1.2 * ground.reach_um,
            "u_eye": tuple(origin[:2]),
            "u_far": ground.reach_um,
            "u_grid": ground.grid_um,
            "u_background": theme.background,
            "u_line": theme.line,
            "u_field": self._texture(ground.field),
            "u_box": (*ground.origin_um, ground.spacing_um, 0.0 if ground.field is None else 1.0),
            "u_cells": (1.0, 1.0) if ground.field is None else (ground.field.shape[1], ground.field.shape[0]),
        }
        for name, value in values.items():
            program[name] = value
        program.draw("triangle_strip")

    def _texture(self, field: NDArray[np.float32] | None) -> Any:
        """Return the texture of a field; that of before for the same one."""
        shown, texture = self._field
        if texture is None or shown is not field:
            if texture is not None:
                texture.delete()
            picture = np.zeros((1, 1, 4), np.float32) if field is None else field
            texture = self._gloo.Texture2D(
                picture, format="rgba", internalformat="rgba32f", interpolation="linear", wrapping="clamp_to_edge"
            )
            self._field = (field, texture)
        return texture

    def _draw_mesh(self, program: Any, mesh: Mesh, origin: NDArray[np.float64], values: dict[str, Any]) -> None:
        gloo = self._gloo
        if not len(mesh.corners):
            return
        known = {variable for _, _, variable in program.variables}
        data = {"a_place": mesh.place_um - origin, "a_normal": mesh.normal, "a_colour": mesh.colour}
        buffers = {k: gloo.VertexBuffer(np.ascontiguousarray(v, np.float32)) for k, v in data.items() if k in known}
        for name, value in {**values, **buffers}.items():
            if name in known:
                program[name] = value
        corners = gloo.IndexBuffer(mesh.corners)
        program.draw("triangles", corners)
        for buffer in (*buffers.values(), corners):
            buffer.delete()
