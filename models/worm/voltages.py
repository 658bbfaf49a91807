"""Somatic voltages of a closed loop as a SONATA soma report that grows while the loop runs."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from neurosim.models.worm.model import NEURONS
from neurosim.sonata.outfile import GrowingFile

BLOCK_ROWS = 200
"""Rows that are kept in memory between two writes, at most."""


class VoltageReport:
    """Writes one value a cell and control step.

    Parameters
    ----------
    path : Path
        The HDF5 file; populations ``neurons`` and ``muscles``.
    cells_n : int
        Neurons and muscles.
    every_ms : float
        Interval of the rows; the first is t = 0.
    until_ms : float
        Time of the last row.
    """

    def __init__(self, path: Path, cells_n: int, every_ms: float, until_ms: float) -> None:
        self._out = GrowingFile(path)
        self._rows: list[NDArray[np.float64]] = []
        self._every_ms, self._written = every_ms, 0
        self._parts = {"neurons": slice(0, NEURONS), "muscles": slice(NEURONS, cells_n)}
        self._data = {}
        for name, part in self._parts.items():
            group, n = f"report/{name}", part.stop - part.start
            data = self._out.grow(f"{group}/data", n, rows=BLOCK_ROWS)
            self._out.describe(data, variable="v", units="mV")
            self._data[name] = data
            self._out.put(f"{group}/mapping/node_ids", np.arange(n, dtype=np.uint64), sorted=np.uint8(1))
            pointers = self._out.put(f"{group}/mapping/index_pointer", np.arange(n + 1, dtype=np.uint64))
            self._out.file[f"{group}/mapping/index_pointers"] = pointers
            self._out.put(f"{group}/mapping/element_ids", np.zeros(n, np.uint32))
            self._out.put(f"{group}/mapping/element_pos", np.full(n, 0.5))
            times = np.array([0.0, until_ms + every_ms, every_ms])
            self._out.put(f"{group}/mapping/time", times, units="ms")
        self._out.begin()

    def add(self, voltage_mV: NDArray[np.float64]) -> None:
        """Write a row, float64 (cells,)."""
        self._rows.append(voltage_mV)
        if len(self._rows) >= BLOCK_ROWS:
            self.flush()

    def flush(self) -> None:
        """Hand what is there to the system; after a kill the file is complete up to here."""
        if not self._rows:
            return
        block = np.array(self._rows)
        self._out.reserve(block.nbytes)
        for name, part in self._parts.items():
            self._out.append(self._data[name], np.ascontiguousarray(block[:, part]))
        self._written += len(block)
        self._out.commit((self._written - 1) * self._every_ms)
        self._rows.clear()

    def __enter__(self) -> VoltageReport:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.flush()
        if kind is None or issubclass(kind, KeyboardInterrupt):
            self._out.finish()
        else:
            self._out.abandon()
