"""Somatic voltages of a closed loop as a SONATA soma report that grows while the loop runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from neurosim.models.worm.model import NEURONS
from neurosim.sonata.report import ElementReport
from neurosim.sonata.report_entry import Rows
from neurosim.sonata.source import Elements, Source

Floats = NDArray[np.float64]

BLOCK_ROWS = 200
"""Rows that are kept in memory between two writes, at most."""
POPULATIONS = {"neurons": slice(0, NEURONS), "muscles": slice(NEURONS, None)}


@dataclass(frozen=True)
class _Spec:
    path: Path
    rows: Rows
    dt_ms: float
    end_ms: float
    variable: str = "v"
    unit: str = "mV"
    start_ms: float = 0.0


class _Columns:
    """Some columns of the rows that were added."""

    def __init__(self, added: list[Floats], part: slice, width: int) -> None:
        self._added, self._part = added, part
        self.width = self.held = width

    def take(self, before: int, after: int, rows: NDArray[np.int64]) -> Floats:
        return np.array(self._added)[rows, self._part]


class VoltageReport:
    """Writes a row after every control step.

    Parameters
    ----------
    path : Path
        The HDF5 file; populations ``neurons`` and ``muscles``.
    cells_n : int
        Neurons and muscles.
    every_ms : float
        Interval of the rows.
    steps : int
        Rows of a whole run.
    """

    def __init__(self, path: Path, cells_n: int, every_ms: float, steps: int) -> None:
        self._added: list[Floats] = []
        self._written = 0
        parts: dict[str, tuple[Elements, Source]] = {}
        for name, part in POPULATIONS.items():
            n = len(range(*part.indices(cells_n)))
            elements = Elements(range(n), range(n + 1), np.zeros(n, np.int64), np.full(n, 0.5))
            parts[name] = elements, _Columns(self._added, part, n)
        spec = _Spec(path, Rows(0, steps, 1), every_ms, steps * every_ms)
        self._report = ElementReport(spec, parts, every_ms)
        self._report.open(BLOCK_ROWS)

    def add(self, voltage_mV: Floats) -> None:
        """Write a row, float64 (cells,)."""
        self._added.append(voltage_mV)
        if len(self._added) >= BLOCK_ROWS:
            self.flush()

    def flush(self) -> None:
        """Hand what is there to the system; after a kill the file is complete up to here."""
        after = self._written + len(self._added)
        if after > self._written:
            self._report.reserve(self._written, after)
            self._report.take(self._written, after)
            self._written = after
            self._added.clear()

    def __enter__(self) -> VoltageReport:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.flush()
        if kind is None:
            self._report.finish(self._written)
        elif self._report.out is not None:
            self._report.out.abandon()
