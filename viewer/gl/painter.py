"""``Painter``: draws a drawing at a moment, seen by a camera, with OpenGL.

One painter belongs to one context (``Target``, or a window) and is used in its thread only. Buffers are made once for
a drawing; a moment changes textures, a camera changes uniforms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from neurosim.viewer.gl import shaders
from neurosim.viewer.gl.camera import Camera
from neurosim.viewer.gl.colours import THEMES, Theme, colour_map
from neurosim.viewer.gl.drawing import Drawing
from neurosim.viewer.gl.moment import Moment
from neurosim.viewer.gl.view_state import ViewState

CHUNK: Final = 131_072
"""Segments or balls in one buffer."""
_EVERYTHING: Final = (0.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True)
class Frame:
    """Where a picture is drawn: its size in pixels, and how many of them make one of the final picture."""

    width: int
    height: int
    finer: int = 1


def _corners(rows_n: int) -> tuple[NDArray[np.float32], NDArray[np.uint32]]:
    """Return the corner numbers and the triangles of ``rows_n`` flat pieces with four corners each."""
    corner = np.tile(np.arange(4, dtype=np.float32), rows_n)
    first = (4 * np.arange(rows_n, dtype=np.uint32))[:, None]
    return corner, (first + np.array([0, 1, 2, 2, 1, 3], np.uint32)).ravel()


def _table(values: NDArray[np.float32]) -> tuple[NDArray[np.float32], int]:
    """Return values (n, channels) as a picture ``WIDTH`` texels wide, and its rows."""
    rows = max(1, -(-len(values) // shaders.WIDTH))
    table = np.zeros((rows * shaders.WIDTH, values.shape[1]), np.float32)
    table[: len(values)] = values
    return table.reshape(rows, shaders.WIDTH, -1), rows


class Painter:
    """Programs and buffers of one context."""

    def __init__(self) -> None:
        from vispy import gloo

        self._gloo = gloo
        made = [
            (shaders.SEGMENT_VERTEX, shaders.SEGMENT_FRAGMENT),
            (shaders.BALL_VERTEX, shaders.BALL_FRAGMENT),
            (shaders.SEGMENT_VERTEX, shaders.GLOW_FRAGMENT),
            (shaders.BALL_VERTEX, shaders.HALO_FRAGMENT),
        ]
        self._segment, self._ball, self._glow, self._halo = (
            gloo.Program(shaders.with_constants(vertex), shaders.with_constants(fragment)) for vertex, fragment in made
        )
        self._overlay = gloo.Program(shaders.OVERLAY_VERTEX, shaders.OVERLAY_FRAGMENT)
        self._overlay["a_place"] = np.array([[-1, -1], [1, -1], [-1, 1], [1, 1]], np.float32)
        self._drawing: Drawing | None = None
        self._offset: NDArray[np.int64] | None = None
        self._segments: list[tuple[dict[str, Any], Any]] = []
        self._balls: list[tuple[dict[str, Any], Any]] = []
        self._textures: dict[str, Any] = {}

    # --- what is drawn ----------------------------------------------------------------------------------------------

    def load(self, drawing: Drawing, offset: NDArray[np.int64]) -> None:
        """Send a drawing to the graphics card, unless it is there; ``offset`` (cells,) as in ``Moment``."""
        if drawing is self._drawing and self._offset is not None and np.array_equal(offset, self._offset):
            return
        self._drop()
        s, known = drawing.segments, offset[drawing.segments.slot] >= 0
        texel = np.where(known, offset[s.slot] + s.node, -1)
        rows = {
            "a_from": s.ends_um[:, 0],
            "a_to": s.ends_um[:, 1],
            "a_size": np.concatenate([s.radius_um, s.path_um], axis=1),
            "a_names": np.stack([s.slot, texel], axis=1),
        }
        self._segments = self._chunks(rows, len(s))
        texel = np.where(offset >= 0, offset + drawing.soma_node, -1)
        ball = np.stack([drawing.radius_um, np.arange(len(drawing.ranks)), texel], axis=1)
        self._balls = self._chunks({"a_centre": drawing.centre_um, "a_ball": ball}, len(drawing.ranks))
        self._drawing, self._offset = drawing, offset.copy()

    def _chunks(self, rows: dict[str, NDArray[Any]], rows_n: int) -> list[tuple[dict[str, Any], Any]]:
        chunks = []
        for start in range(0, rows_n, CHUNK):
            part = slice(start, min(start + CHUNK, rows_n))
            corner, triangles = _corners(part.stop - part.start)
            buffers = {
                name: self._gloo.VertexBuffer(np.repeat(np.ascontiguousarray(values[part], np.float32), 4, axis=0))
                for name, values in rows.items()
            }
            buffers["a_corner"] = self._gloo.VertexBuffer(corner)
            chunks.append((buffers, self._gloo.IndexBuffer(triangles)))
        return chunks

    def _drop(self) -> None:
        for buffers, index in self._segments + self._balls:
            for buffer in [*buffers.values(), index]:
                buffer.delete()
        self._segments, self._balls, self._drawing = [], [], None

    # --- drawing ----------------------------------------------------------------------------------------------------

    def paint(self, drawing: Drawing, moment: Moment, camera: Camera, state: ViewState, frame: Frame) -> None:
        """Draw onto what is current: the frame buffer of a ``Target``, or a window."""
        gloo, theme = self._gloo, THEMES[state.theme]
        self.load(drawing, moment.offset)
        gloo.set_viewport(0, 0, frame.width, frame.height)
        gloo.set_state(depth_test=True, blend=False, cull_face=False)
        gloo.set_depth_mask(True)
        gloo.clear(color=(*theme.background, 0.0), depth=True)
        if not len(drawing.ranks):
            return
        common = self._common(moment, camera, state, frame)
        self._draw(self._segment, self._segments, common | {"u_wider": 0.0})
        self._draw(self._ball, self._balls, common | {"u_halo": 1.0})
        if moment.mode == 0:
            self._shine(common, theme, frame)

    def _shine(self, common: dict[str, Any], theme: Theme, frame: Frame) -> None:
        """Draw the light around what fires; it is seen faintly through what is in front of it."""
        gloo = self._gloo
        rest = "one" if theme.adds else "one_minus_src_alpha"
        gloo.set_state(depth_test=False, blend=True, blend_func=("one", rest, "one", "one_minus_src_alpha"))
        gloo.set_depth_mask(False)
        wider = {"u_wider": 1.75 * frame.finer, "u_strength": 0.6 * theme.halo}
        self._draw(self._glow, self._segments, common | wider)
        self._draw(self._halo, self._balls, common | {"u_halo": 3.5, "u_strength": theme.halo})
        gloo.set_depth_mask(True)
        gloo.set_state(depth_test=True, blend=False)

    def _common(self, moment: Moment, camera: Camera, state: ViewState, frame: Frame) -> dict[str, Any]:
        """Return the values every program takes."""
        assert self._drawing is not None
        theme, origin = THEMES[state.theme], self._drawing.origin_um
        near, far = camera.depths_um()
        plane = np.array(_EVERYTHING if state.clip is None else state.clip.plane)
        plane[3] += plane[:3] @ origin
        values: dict[str, Any] = {
            # VisPy sends matrices column by column.
            "u_view": camera.view(origin).T.astype(np.float32),
            "u_projection": camera.projection().T.astype(np.float32),
            "u_size": (float(frame.width), float(frame.height)),
            "u_plane": tuple(plane),
            "u_near": near,
            "u_least": 0.5 * frame.finer,
            "u_least_ball": 1.0 * frame.finer,
            "u_background": theme.background,
            "u_unknown": theme.unknown,
            "u_warm": theme.warm,
            "u_hot": theme.hot,
            "u_fog": (max(near, camera.distance_um), far),
            "u_mode": float(moment.mode),
            "u_glow": moment.glow,
            "u_tau": state.tau_ms,
            "u_velocity": state.velocity_um_per_ms,
        }
        tables = {"u_cell": moment.cell, "u_age": moment.age_ms, "u_voltage": moment.voltage[:, None]}
        rows = []
        for name, table in tables.items():
            picture, rows_n = _table(table)
            values[name] = self._texture(name, picture)
            rows.append(float(rows_n))
        values["u_rows"] = tuple(rows)
        values["u_map"] = self._texture("u_map", colour_map(state.map)[None])
        return values

    def _texture(self, name: str, picture: NDArray[np.float32]) -> Any:
        """Return a texture that holds a picture (rows, columns, channels); the one of before when it fits."""
        held = self._textures.get(name)
        if held is not None and held.shape == picture.shape:
            held.set_data(picture)
            return held
        if held is not None:
            held.delete()
        channels = picture.shape[2]
        made = self._gloo.Texture2D(
            picture,
            format={1: "red", 3: "rgb", 4: "rgba"}[channels],
            internalformat={1: "r32f", 3: "rgb32f", 4: "rgba32f"}[channels],
            interpolation="nearest",
            wrapping="clamp_to_edge",
        )
        self._textures[name] = made
        return made

    @staticmethod
    def _draw(program: Any, chunks: list[tuple[dict[str, Any], Any]], values: dict[str, Any]) -> None:
        known = {name for _, _, name in program.variables}
        for name, value in values.items():
            if name in known:
                program[name] = value
        for buffers, index in chunks:
            for name, buffer in buffers.items():
                program[name] = buffer
            program.draw("triangles", index)

    def lay_over(self, picture: NDArray[np.uint8]) -> None:
        """Draw an RGBA picture (height, width, 4) with straight alpha over what is there."""
        gloo = self._gloo
        premultiplied = picture.copy()
        premultiplied[..., :3] = (picture[..., :3].astype(np.uint16) * picture[..., 3:] // 255).astype(np.uint8)
        held = self._textures.get("overlay")
        if held is None or held.shape != picture.shape:
            if held is not None:
                held.delete()
            held = self._textures["overlay"] = gloo.Texture2D(premultiplied, interpolation="linear")
        else:
            held.set_data(premultiplied)
        self._overlay["u_picture"] = held
        gloo.set_state(depth_test=False, blend=True, blend_func=("one", "one_minus_src_alpha"))
        self._overlay.draw("triangle_strip")
        gloo.set_state(depth_test=True, blend=False)


class Target:
    """A frame buffer of one size, and how to read it."""

    def __init__(self, frame: Frame) -> None:
        from vispy import gloo

        self._gloo, self.frame = gloo, frame
        shape = (frame.height, frame.width)
        self._colour = gloo.RenderBuffer(shape, "color")
        self._depth = gloo.RenderBuffer(shape, "depth")
        self._buffer = gloo.FrameBuffer(self._colour, self._depth)

    def draw(self, paint: Callable[[], None]) -> NDArray[np.uint8]:
        """Return what ``paint`` draws, uint8 (height, width, 4), the top row first."""
        with self._buffer:
            paint()
            held: NDArray[np.uint8] = self._gloo.read_pixels((0, 0, self.frame.width, self.frame.height), alpha=True)
        return held

    def close(self) -> None:
        """Free its memory."""
        for what in (self._buffer, self._colour, self._depth):
            what.delete()
