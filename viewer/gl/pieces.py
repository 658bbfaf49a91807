"""``Pieces``: many small shapes - flat ones of four corners, or lines - in buffers of a graphics card, in chunks.

What the corners of a flat shape have in common is repeated four times, because OpenGL 2 draws no instances. Up to
``RESIDENT`` shapes stay on the card; more are sent again at each drawing through one chunk's buffers, so that memory
stays bounded. Only some may be drawn (``draw(..., rows)``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

CHUNK: Final = 131_072
"""Shapes in one set of buffers."""
RESIDENT: Final = 4 * CHUNK

Rows = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Shape:
    """What OpenGL draws for a row: its corners, and in which order they make triangles or a line."""

    mode: str
    corners_n: int
    order: tuple[int, ...]


FLAT: Final = Shape("triangles", 4, (0, 1, 2, 2, 1, 3))
LINE: Final = Shape("lines", 2, (0, 1))


def indices(shape: Shape, rows: NDArray[np.integer[Any]]) -> NDArray[np.uint32]:
    """Return the corners that are drawn for rows."""
    return (shape.corners_n * rows.astype(np.uint32)[:, None] + np.array(shape.order, np.uint32)).ravel()


def corners(shape: Shape, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return values for each corner: of rows (n, k) they are repeated, of rows (n, corners, k) each has its own."""
    if values.ndim == 3:
        return np.ascontiguousarray(values.reshape(-1, values.shape[2]), np.float32)
    return np.repeat(np.ascontiguousarray(values, np.float32), shape.corners_n, axis=0)


class Pieces:
    """Shapes of one kind.

    Parameters
    ----------
    rows : dict of float32 (n, k) or (n, corners, k)
        Attribute -> values, one row a shape. ``FLAT`` shapes get ``a_corner``, 0 to 3, as well.
    shape : Shape
        ``FLAT`` or ``LINE``.
    resident : bool
        Keep them on the card, unless they are too many.
    """

    def __init__(self, rows: Rows, shape: Shape = FLAT, *, resident: bool = True) -> None:
        from vispy import gloo

        self._gloo, self._rows, self._shape = gloo, rows, shape
        self._n = len(next(iter(rows.values())))
        self._resident = resident and self._n <= RESIDENT
        self._chunks: list[dict[str, Any]] = []
        self._index = gloo.IndexBuffer()
        self._corner: Any = None

    def __len__(self) -> int:
        return self._n

    def draw(self, program: Any, rows: NDArray[np.int64] | None = None) -> None:
        """Draw all shapes, or those of ``rows``, ascending."""
        if not self._n or (rows is not None and not len(rows)):
            return
        if self._resident:
            self._draw_resident(program, rows)
            return
        for start in range(0, self._n if rows is None else len(rows), CHUNK):
            part = slice(start, start + CHUNK)
            chosen = part if rows is None else rows[part]
            self._draw_chunk(program, {name: values[chosen] for name, values in self._rows.items()})

    def _draw_resident(self, program: Any, rows: NDArray[np.int64] | None) -> None:
        for number, start in enumerate(range(0, self._n, CHUNK)):
            end = min(start + CHUNK, self._n)
            if number == len(self._chunks):
                part = {name: corners(self._shape, values[start:end]) for name, values in self._rows.items()}
                self._chunks.append({name: self._gloo.VertexBuffer(values) for name, values in part.items()})
            here = np.arange(end - start) if rows is None else rows[slice(*np.searchsorted(rows, [start, end]))] - start
            if len(here):
                self._send(program, self._chunks[number], end - start, here)

    def _draw_chunk(self, program: Any, part: Rows) -> None:
        if not self._chunks:
            self._chunks.append({name: self._gloo.VertexBuffer() for name in part})
        for name, values in part.items():
            self._chunks[0][name].set_data(corners(self._shape, values))
        rows_n = len(next(iter(part.values())))
        self._send(program, self._chunks[0], rows_n, np.arange(rows_n))

    def _send(self, program: Any, buffers: dict[str, Any], rows_n: int, here: NDArray[np.int64]) -> None:
        for name, buffer in buffers.items():
            program[name] = buffer
        if self._shape is FLAT:
            if self._corner is None or self._corner.size != 4 * rows_n:
                if self._corner is not None:
                    self._corner.delete()
                self._corner = self._gloo.VertexBuffer(np.tile(np.arange(4, dtype=np.float32), rows_n))
            program["a_corner"] = self._corner
        self._index.set_data(indices(self._shape, here))
        program.draw(self._shape.mode, self._index)

    def close(self) -> None:
        """Free the memory."""
        held = [buffer for chunk in self._chunks for buffer in chunk.values()]
        for buffer in [*held, self._index, *([] if self._corner is None else [self._corner])]:
            buffer.delete()
        self._chunks = []
