"""``VoltageReport``: membrane voltages of one population in a SONATA report, read in tiles that are kept for a while.

Columns of a cell are compartments, named by section and position. ``nodes_of`` says which column colours each node
of the cell's tree; nodes without one (of a report of somata) are NaN.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ModelError
from neurosim.viewer.source import TraceBlock

KEPT_BYTES = 128 << 20
"""Tiles that are kept."""
TILE = (128, 1024)
"""Rows and columns of a tile where the file is not in chunks."""
MOST_ROWS = 2_000_001
"""Rows of one trace."""
MOST_CELLS = 50_000_000

Columns = NDArray[np.int64]


class VoltageReport:
    """Voltages of a population.

    Parameters
    ----------
    population : str
    group : h5py.Group
        ``/report/<population>``.
    path : Path
        For messages.

    Attributes
    ----------
    node_ids : int64 (cells,)
        Cells of the report.
    start_ms, step_ms : float
        Time of the first row, and between rows.
    """

    def __init__(self, population: str, group: h5py.Group, path: Path) -> None:
        self.population, self._path = population, path
        mapping = group["mapping"]
        pointers = next((n for n in ("index_pointer", "index_pointers") if n in mapping), "index_pointer")
        self._data = group["data"]
        self.node_ids = _list(mapping, "node_ids", path)
        self._pointers = _list(mapping, pointers, path)
        self._sections = _list(mapping, "element_ids", path)
        self._positions = _numbers(mapping, "element_pos", path)
        times = _numbers(mapping, "time", path)
        columns = self._data.shape[1] if self._data.ndim == 2 else -1
        fits = len(self._pointers) == len(self.node_ids) + 1 and len(self._sections) == len(self._positions) == columns
        ordered = not len(self._pointers) or (
            self._pointers[0] == 0 and self._pointers[-1] == columns and (np.diff(self._pointers) >= 0).all()
        )
        if self._data.dtype.kind != "f" or not fits or not ordered:
            raise ModelError(f"{group.name}: mapping and data do not fit.", path=path)
        if times.shape != (3,) or not np.isfinite(times).all() or times[2] <= 0.0:
            raise ModelError(f"{group.name}: time must be start, stop and step, got {times.tolist()}.", path=path)
        self.start_ms, self.step_ms = float(times[0]), float(times[2])
        self._row_of = {int(node): row for row, node in enumerate(self.node_ids.tolist())}
        chunks = self._data.chunks or TILE
        self._tile = (min(chunks[0], 1024), max(1, min(chunks[1], 8192)))
        self._tiles: OrderedDict[tuple[int, int], NDArray[np.float32]] = OrderedDict()
        self._kept_bytes = 0

    @property
    def rows_n(self) -> int:
        """Rows that are there."""
        return int(self._data.shape[0])

    @property
    def stop_ms(self) -> float:
        """Time of the last row."""
        return self.start_ms + self.step_ms * max(0, self.rows_n - 1)

    @property
    def columns_n(self) -> NDArray[np.int64]:
        """Number of columns of each cell, int64 (cells,)."""
        return np.diff(self._pointers)

    @property
    def most_columns(self) -> int:
        """Columns of the cell that has most."""
        return int(self.columns_n.max(initial=0))

    def refresh(self) -> None:
        """See what a running simulation has added; the last tiles are read again."""
        before = self.rows_n
        self._data.refresh()
        if self.rows_n != before:
            last = max(0, before - 1) // self._tile[0]
            for key in [key for key in self._tiles if key[0] >= last]:
                self._kept_bytes -= self._tiles.pop(key).nbytes

    def holds(self, node_id: int) -> bool:
        """Return whether a cell is in the report."""
        return node_id in self._row_of

    def elements(self, node_id: int) -> tuple[slice, NDArray[np.int64], NDArray[np.float64]]:
        """Return the columns of a cell, their sections and positions."""
        row = self._row_of[node_id]
        part = slice(int(self._pointers[row]), int(self._pointers[row + 1]))
        return part, self._sections[part], self._positions[part]

    def row_at(self, t_ms: float) -> int:
        """Return the row at or before a time; -1 before the first."""
        row = math.floor((t_ms - self.start_ms) / self.step_ms + 1e-6)
        return min(row, self.rows_n - 1) if row >= 0 else -1

    def tiles_of(self, columns: Columns) -> list[tuple[int, Columns, Columns]]:
        """Return tile, columns within it, and where they are in ``columns`` (k,), for ``gather``."""
        wide = self._tile[1]
        tile = columns // wide
        order = np.argsort(tile, kind="stable")
        numbers, starts = np.unique(tile[order], return_index=True)
        parts = np.split(order, starts[1:])
        return [(int(k), columns[rows] - k * wide, rows) for k, rows in zip(numbers, parts, strict=True) if len(rows)]

    def gather(self, row: int, tiles: list[tuple[int, Columns, Columns]], out: NDArray[np.float32]) -> None:
        """Write the voltages of one row to where ``tiles`` says."""
        tall = self._tile[0]
        for number, columns, rows in tiles:
            out[rows] = self._read(row // tall, number)[row % tall, columns]

    def _read(self, row: int, column: int) -> NDArray[np.float32]:
        key = (row, column)
        if key in self._tiles:
            self._tiles.move_to_end(key)
            return self._tiles[key]
        tall, wide = self._tile
        data = self._data[row * tall : (row + 1) * tall, column * wide : (column + 1) * wide]
        tile = self._tiles[key] = _single(data)
        self._kept_bytes += tile.nbytes
        while self._kept_bytes > KEPT_BYTES and len(self._tiles) > 1:
            self._kept_bytes -= self._tiles.popitem(last=False)[1].nbytes
        return tile

    def trace(self, column: int, start_ms: float, stop_ms: float) -> TraceBlock:
        """Return a column with start <= t < stop."""
        first = max(0, math.ceil((start_ms - self.start_ms) / self.step_ms - 1e-6))
        end = min(
            self.rows_n, max(first, math.ceil((stop_ms - self.start_ms) / self.step_ms - 1e-6)), first + MOST_ROWS
        )
        values = _single(self._data[first:end, column]) if end > first else np.empty(0, np.float32)
        return TraceBlock(self.start_ms + first * self.step_ms, self.step_ms, values)


def _single(values: NDArray[Any]) -> NDArray[np.float32]:
    """Return float32; what is too large becomes infinite."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(values, np.float32)


def _list(mapping: h5py.Group, name: str, path: Path) -> NDArray[np.int64]:
    data = mapping[name]
    if not isinstance(data, h5py.Dataset) or data.ndim != 1 or data.dtype.kind not in "iu" or len(data) > MOST_CELLS:
        raise ModelError(f"{mapping.name}/{name} must be a list of whole numbers.", path=path)
    return np.asarray(data[()]).astype(np.int64)


def _numbers(mapping: h5py.Group, name: str, path: Path) -> NDArray[np.float64]:
    data = mapping[name]
    if not isinstance(data, h5py.Dataset) or data.ndim != 1 or data.dtype.kind not in "iuf" or len(data) > MOST_CELLS:
        raise ModelError(f"{mapping.name}/{name} must be a list of numbers.", path=path)
    return np.asarray(data[()], np.float64)


def is_voltage(group: h5py.Group) -> bool:
    """Return whether a group of a report holds membrane voltages."""
    data, mapping = group.get("data"), group.get("mapping")
    if not isinstance(data, h5py.Dataset) or not isinstance(mapping, h5py.Group):
        return False
    if not {"node_ids", "element_ids", "element_pos", "time"} <= set(mapping):
        return False
    variable, unit = (_text(data.attrs.get(name, "")) for name in ("variable", "units"))
    return variable in ("v", "v_mV") or (variable == "" and unit.lower() == "mv")


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def column_of_nodes(
    tree_sections: NDArray[Any], tree_x: NDArray[Any], sections: NDArray[np.int64], positions: NDArray[np.float64]
) -> Columns:
    """Return the column of each node of a tree, int64 (nodes,); -1 where its section is not in the report.

    Parameters
    ----------
    tree_sections, tree_x : (nodes,)
        Section and position of the tree's nodes.
    sections, positions : (columns,)
        Section and position of the report's columns.
    """
    found = np.full(len(tree_sections), -1, np.int64)
    for section in np.unique(sections).tolist():
        columns = np.flatnonzero(sections == section)
        nodes = np.flatnonzero(tree_sections == section)
        away = np.abs(tree_x[nodes][:, None] - positions[columns][None, :])
        found[nodes] = columns[np.argmin(away, axis=1)]
    return found
