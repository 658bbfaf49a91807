"""The file of a report with one row a step: ``/data`` [steps x columns], what the columns are, and ``/time``.

Potentials and currents of electrodes are such reports. Only the file is here; ``Values`` computes what is in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from neurosim.sonata.outfile import GrowingFile


class Values(Protocol):
    """Where the rows come from.

    ``held`` is the number of values kept for every step until they are taken.
    """

    held: int

    def take(self, before: int, after: int) -> npt.NDArray[Any]:
        """Return the rows of steps before + 1 to after, (after - before, columns), and forget the block."""


@dataclass(frozen=True, eq=False)
class TableForm:
    """What such a file is like.

    Parameters
    ----------
    data, time : str
        Names of the datasets.
    columns : dict
        Name -> values of each dataset that tells what the columns are.
    width : int
        Number of columns.
    attributes : dict
        Of ``data``.
    dtype : type
        Of ``data``.
    """

    data: str
    time: str
    columns: Mapping[str, npt.NDArray[Any]]
    width: int
    attributes: Mapping[str, str] = field(default_factory=dict)
    dtype: type = np.float64


class StepTable:
    """A report with one row a step.

    Parameters
    ----------
    path : Path
        Final name of the file.
    form : TableForm
        What it is like.
    values : Values
        The rows.
    dt_ms : float
        Step.
    """

    def __init__(self, path: Path, form: TableForm, values: Values, dt_ms: float) -> None:
        self.path, self.form, self.values, self.dt_ms = path, form, values, dt_ms
        self.held, self.start_ms = values.held, 0.0
        self.out: GrowingFile | None = None

    def move(self, path: Path, first: int) -> None:
        """Write to another file, and begin after step ``first``; before ``open``."""
        self.path, self.start_ms = path, round(first * self.dt_ms, 9)

    def disk_bytes(self, steps: int) -> int:
        """Return the size of the values of a run of so many steps."""
        return 8 * steps * self.form.width

    def open(self, block_steps: int) -> None:
        """Make the file and let readers in."""
        form = self.form
        self.out = GrowingFile(self.path)
        self._data = self.out.grow(form.data, form.width, form.dtype, rows=block_steps)
        self.out.describe(self._data, **form.attributes)
        for name, values in form.columns.items():
            self.out.put(name, values)
        self._times = self.out.put(form.time, np.array([self.start_ms, self.start_ms, self.dt_ms]), units="ms")
        self.out.begin()

    def reserve(self, before: int, after: int) -> None:
        """Make sure that the block of steps before + 1 to after fits on the disk."""
        assert self.out is not None
        self.out.reserve(self.disk_bytes(after - before))

    def take(self, before: int, after: int) -> None:
        """Write the block of steps before + 1 to after."""
        assert self.out is not None
        self.out.append(self._data, self.values.take(before, after))
        reached = round(after * self.dt_ms, 9)
        self.out.assign(self._times, 1, reached)
        self.out.commit(reached)

    def finish(self, steps: int) -> list[Path]:
        """Close after a number of steps; return the file."""
        assert self.out is not None
        return [self.out.finish()]
