"""``Pieces``: many flat shapes of four corners - segments, balls - in buffers of a graphics card, drawn in chunks.

What every corner of a shape has in common is repeated four times, because OpenGL 2 draws no instances. Up to
``RESIDENT`` shapes stay on the card; more are sent again at each drawing through one chunk's buffers, so that memory
stays bounded. Only some may be drawn (``draw(..., rows)``).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

CHUNK: Final = 131_072
"""Shapes in one set of buffers."""
RESIDENT: Final = 4 * CHUNK

Rows = dict[str, NDArray[np.float32]]
_TRIANGLES: Final = np.array([0, 1, 2, 2, 1, 3], np.uint32)


def triangles(rows: NDArray[np.integer[Any]]) -> NDArray[np.uint32]:
    """Return the corners of the triangles that shapes are made of."""
    return (4 * rows.astype(np.uint32)[:, None] + _TRIANGLES).ravel()


def corners(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return values of shapes (n, k) for each of their corners, float32 (4 n, k)."""
    return np.repeat(np.ascontiguousarray(values, np.float32), 4, axis=0)


class Pieces:
    """Shapes of one kind.

    Parameters
    ----------
    rows : dict of float32 (n, k)
        Attribute -> values, one row a shape. ``a_corner`` is added: 0 to 3.
    """

    def __init__(self, rows: Rows) -> None:
        from vispy import gloo

        self._gloo, self._rows = gloo, rows
        self._n = len(next(iter(rows.values())))
        self._resident = self._n <= RESIDENT
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
        chosen = self._rows if rows is None else {name: values[rows] for name, values in self._rows.items()}
        for start in range(0, self._n if rows is None else len(rows), CHUNK):
            self._draw_chunk(program, {name: values[start : start + CHUNK] for name, values in chosen.items()})

    def _draw_resident(self, program: Any, rows: NDArray[np.int64] | None) -> None:
        for number, start in enumerate(range(0, self._n, CHUNK)):
            end = min(start + CHUNK, self._n)
            if number == len(self._chunks):
                part = {name: corners(values[start:end]) for name, values in self._rows.items()}
                self._chunks.append({name: self._gloo.VertexBuffer(values) for name, values in part.items()})
            here = np.arange(end - start) if rows is None else rows[slice(*np.searchsorted(rows, [start, end]))] - start
            if len(here):
                self._send(program, self._chunks[number], end - start, here)

    def _draw_chunk(self, program: Any, part: Rows) -> None:
        if not self._chunks:
            self._chunks.append({name: self._gloo.VertexBuffer() for name in part})
        for name, values in part.items():
            self._chunks[0][name].set_data(corners(values))
        rows_n = len(next(iter(part.values())))
        self._send(program, self._chunks[0], rows_n, np.arange(rows_n))

    def _send(self, program: Any, buffers: dict[str, Any], rows_n: int, here: NDArray[np.int64]) -> None:
        for name, buffer in buffers.items():
            program[name] = buffer
        if self._corner is None or self._corner.size != 4 * rows_n:
            if self._corner is not None:
                self._corner.delete()
            self._corner = self._gloo.VertexBuffer(np.tile(np.arange(4, dtype=np.float32), rows_n))
        program["a_corner"] = self._corner
        self._index.set_data(triangles(here))
        program.draw("triangles", self._index)

    def close(self) -> None:
        """Free the memory."""
        held = [buffer for chunk in self._chunks for buffer in chunk.values()]
        for buffer in [*held, self._index, *([] if self._corner is None else [self._corner])]:
            buffer.delete()
        self._chunks = []
