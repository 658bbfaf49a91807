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
from neurosim.viewer.gl.colours import THEMES, colour_map
from neurosim.viewer.gl.drawing import Drawing
from neurosim.viewer.gl.modes import SPIKES
from neurosim.viewer.gl.moment import Moment, shining
from neurosim.viewer.gl.pieces import LINE, Pieces, Rows
from neurosim.viewer.gl.view_state import ViewState

_LEAST_px: Final = 0.5
"""Least radius of a branch in pixels of the final picture."""
_EVERYTHING: Final = (0.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True)
class Frame:
    """Where a picture is drawn: its size in pixels, and how many of them make one of the final picture."""

    width: int
    height: int
    finer: int = 1


@dataclass(frozen=True, eq=False)
class Lens:
    """From where, and how large, segments were divided into thin and wide ones."""

    camera: Camera
    height: int

    def serves(self, camera: Camera, height: int) -> bool:
        """Return whether the division is still good: the eye has not moved far."""
        moved = float(np.linalg.norm(camera.eye_um - self.camera.eye_um))
        near = self.camera.depths_um()[0]
        return height == self.height and camera.fov_deg == self.camera.fov_deg and moved <= 0.1 * near

    def thin(self, drawing: Drawing, least_px: float) -> NDArray[np.bool_]:
        """Return which segments are seen as thin as a line can be, bool (segments,)."""
        s, eye = drawing.segments, self.camera.eye_um - drawing.origin_um
        depth = ((s.ends_um - eye.astype(np.float32)) @ self.camera.look.astype(np.float32)).min(axis=1)
        # Where a segment is near the eye, or partly behind it, only a flat piece is drawn rightly.
        far = depth > 0.02 * self.camera.distance_um
        per_um = np.float32(1.0 / self.camera.um_per_pixel(self.height, 1.0)) / np.where(far, depth, 1.0)
        thin: NDArray[np.bool_] = far & (s.radius_um.max(axis=1) * per_um <= least_px)
        return thin


def _as_lines(rows: Rows, chosen: NDArray[np.int64]) -> Rows:
    """Return the segments ``chosen`` as lines, with values for each end: radius, path, slot and texel."""
    size, names = rows["a_size"][chosen], rows["a_names"][chosen]
    facts = [np.stack([size[:, end], size[:, 2 + end], names[:, 0], names[:, 1]], axis=1) for end in (0, 1)]
    ends = np.stack([rows["a_from"][chosen], rows["a_to"][chosen]], axis=1)
    return {"a_end": ends, "a_facts": np.stack(facts, axis=1)}


def _as_balls(drawing: Drawing, offset: NDArray[np.int64]) -> Rows:
    texel = np.where(offset >= 0, offset + drawing.soma_node, -1)
    ball = np.stack([drawing.radius_um, np.arange(len(drawing.ranks)), texel], axis=1)
    return {"a_centre": drawing.centre_um, "a_ball": ball.astype(np.float32)}


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
        self._overlay = gloo.Program(shaders.OVERLAY_VERTEX, shaders.OVERLAY_FRAGMENT)
        self._overlay["a_place"] = np.array([[-1, -1], [1, -1], [-1, 1], [1, 1]], np.float32)
        self._drawing: Drawing | None = None
        self._offset: NDArray[np.int64] | None = None
        self._lens: Lens | None = None
        self._pieces: dict[str, Pieces] = {}
        self._programs: dict[tuple[str, int], Any] = {}
        self._textures: dict[str, Any] = {}

    # --- what is drawn ----------------------------------------------------------------------------------------------

    def load(self, drawing: Drawing, offset: NDArray[np.int64], camera: Camera, frame: Frame) -> None:
        """Send a drawing to the graphics card, unless it is there; ``offset`` (cells,) as in ``Moment``."""
        same = drawing is self._drawing and self._offset is not None and np.array_equal(offset, self._offset)
        if same and self._lens is not None and self._lens.serves(camera, frame.height):
            return
        self.unload()
        s, lens = drawing.segments, Lens(camera, frame.height)
        texel = np.where(offset[s.slot] >= 0, offset[s.slot] + s.node, -1)
        rows = {
            "a_from": s.ends_um[:, 0],
            "a_to": s.ends_um[:, 1],
            "a_size": np.concatenate([s.radius_um, s.path_um], axis=1),
            "a_names": np.stack([s.slot, texel], axis=1).astype(np.float32),
        }
        thin = lens.thin(drawing, _LEAST_px * frame.finer)
        wide = np.flatnonzero(~thin)
        self._pieces = {
            "segment": Pieces({name: values[wide] for name, values in rows.items()} if thin.any() else rows),
            "line": Pieces(_as_lines(rows, np.flatnonzero(thin)), LINE),
            "glow": Pieces(rows, resident=False),
            "ball": Pieces(_as_balls(drawing, offset)),
        }
        self._drawing, self._offset, self._lens = drawing, offset.copy(), lens

    def unload(self, drawing: Drawing | None = None) -> None:
        """Free the memory of what was loaded, if that is ``drawing``."""
        if drawing is not None and drawing is not self._drawing:
            return
        for pieces in self._pieces.values():
            pieces.close()
        self._pieces, self._drawing = {}, None

    # --- drawing ----------------------------------------------------------------------------------------------------

    def paint(self, drawing: Drawing, moment: Moment, camera: Camera, state: ViewState, frame: Frame) -> None:
        """Draw onto what is current: the frame buffer of a ``Target``, or a window."""
        gloo, theme = self._gloo, THEMES[state.theme]
        self.load(drawing, moment.offset, camera, frame)
        gloo.set_viewport(0, 0, frame.width, frame.height)
        gloo.set_state(depth_test=True, blend=False, cull_face=False)
        gloo.set_depth_mask(True)
        gloo.clear(color=(*theme.background, 0.0), depth=True)
        if not len(drawing.ranks):
            return
        common = self._common(moment, camera, state, frame)
        gloo.set_line_width(float(frame.finer))
        for name, more in (("segment", {"u_wider": 0.0}), ("line", {}), ("ball", {"u_halo": 1.0, "u_wider": 0.0})):
            self._pieces[name].draw(self._program(name, moment.mode, common | more))
        if moment.mode == SPIKES:
            self._shine(drawing, moment, state, frame, common)

    def _shine(self, drawing: Drawing, moment: Moment, state: ViewState, frame: Frame, common: dict[str, Any]) -> None:
        """Draw the light around what fires; it is seen faintly through what is in front of it."""
        gloo, theme = self._gloo, THEMES[state.theme]
        rest = "one" if theme.adds else "one_minus_src_alpha"
        gloo.set_state(depth_test=False, blend=True, blend_func=("one", rest, "one", "one_minus_src_alpha"))
        gloo.set_depth_mask(False)
        rows, slots = shining(drawing, moment, state)
        wider = {"u_wider": 1.75 * frame.finer, "u_strength": 0.6 * theme.halo}
        self._pieces["glow"].draw(self._program("glow", SPIKES, common | wider), rows)
        around = {"u_halo": 2.2, "u_wider": 5.0 * frame.finer, "u_strength": theme.halo}
        self._pieces["ball"].draw(self._program("halo", SPIKES, common | around), slots)
        gloo.set_depth_mask(True)
        gloo.set_state(depth_test=True, blend=False)

    def _program(self, name: str, mode: int, values: dict[str, Any]) -> Any:
        """Return a program with its uniforms; it is compiled when first asked for."""
        key = (name, mode)
        if key not in self._programs:
            vertex, fragment = (shaders.with_constants(text, mode) for text in shaders.PROGRAMS[name])
            self._programs[key] = self._gloo.Program(vertex, fragment)
        program = self._programs[key]
        known = {variable for _, _, variable in program.variables}
        for variable, value in values.items():
            if variable in known:
                program[variable] = value
        return program

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
            "u_least": _LEAST_px * frame.finer,
            "u_least_ball": 1.0 * frame.finer,
            "u_background": theme.background,
            "u_unknown": theme.unknown,
            "u_warm": theme.warm,
            "u_hot": theme.hot,
            "u_fog": (max(near, camera.distance_um), far),
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
