"""Where the worm was: a recorder of the body to HDF5, and what it recorded.

The file grows under a temporary name and can be read meanwhile and after a kill (``sonata.outfile``); ``progress/t_ms``
says up to when it is complete. One row is one moment; numbers are float32, times float64:

| dataset | shape | unit |
|---|---|---|
| ``time_ms`` | (n,) | ms |
| ``points_mm`` | (n, 26, 3) | mm, midline from head to tail |
| ``curvature_per_mm`` | (n, 24) | 1/mm, dorsal is positive |
| ``activation`` | (n, 4, 24) | MDL, MDR, MVL, MVR by rows, 0 to 1 |
| ``fields/NAME`` | (n,) | attribute ``units``; of the environment at the head, as the run gives them |
| ``ground/NAME`` | (ny, nx) | attribute ``units``; a field on the plate, at ``origin_mm`` with ``spacing_mm`` |

For the viewer ``points_mm`` has the attributes ``radius_mm`` (26,) and ``medium``, ``activation`` has ``names`` and
``angles_rad`` of its four rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np

from neurosim.errors import ModelError
from neurosim.models.worm.body.body import AROUND_RAD, QUADRANTS, ROWS, Body, Floats
from neurosim.models.worm.body.chain import radius_mm
from neurosim.models.worm.parameters import load
from neurosim.sonata.outfile import PROGRESS, GrowingFile, open_output

SHAPES: dict[str, tuple[int, ...]] = {
    "points_mm": (ROWS + 2, 3),
    "curvature_per_mm": (ROWS,),
    "activation": (4, ROWS),
}
BLOCK_ROWS = 256
"""Rows of a chunk of the file; nothing stays in memory longer."""


@dataclass(frozen=True, eq=False)
class Track:
    """The body over time.

    Parameters
    ----------
    time_ms : float64 (n,)
    points_mm : floats (n, 26, 3)
    curvature_per_mm : floats (n, 24)
    activation : floats (n, 4, 24)
    fields : dict
        Name -> float64 (n,): of the environment at the head.
    """

    time_ms: Floats
    points_mm: Floats
    curvature_per_mm: Floats
    activation: Floats
    fields: dict[str, Floats] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.time_ms)

    @property
    def every_ms(self) -> float:
        """Time between two rows."""
        if len(self) < 2:
            raise ModelError(f"track: {len(self)} row(s); two are needed to know the time between them")
        return float((self.time_ms[-1] - self.time_ms[0]) / (len(self) - 1))

    def between(self, start_ms: float = -np.inf, stop_ms: float = np.inf) -> Track:
        """Return the rows of start <= time < stop."""
        rows = (self.time_ms >= start_ms) & (self.time_ms < stop_ms)
        parts = {name: value[rows] for name, value in vars(self).items() if name != "fields"}
        return Track(**parts, fields={name: value[rows] for name, value in self.fields.items()})


@dataclass(frozen=True, eq=False)
class Ground:
    """A field on the plate, for pictures.

    Parameters
    ----------
    values : floats (ny, nx)
    origin_mm : (float, float)
        Place of ``values[0, 0]``.
    spacing_mm : float
    units : str
    """

    values: Floats
    origin_mm: tuple[float, float]
    spacing_mm: float
    units: str = "1"


class Recorder:
    """Writes the body down, to a file or to memory only.

    Parameters
    ----------
    path : path-like or None
        The HDF5 file; None keeps the rows in memory.
    fields : tuple of str
        Names of what is given with each row.
    units : mapping of str to str, optional
        Of the fields.
    medium : str
        What the body lies in, for people.
    ground : mapping of str to Ground, optional
        Fields on the plate.
    """

    def __init__(
        self,
        path: str | Path | None = None,
        *,
        fields: tuple[str, ...] = (),
        units: Mapping[str, str] | None = None,
        medium: str = "",
        ground: Mapping[str, Ground] | None = None,
    ) -> None:
        self.fields = fields
        self._rows: list[dict[str, Any]] = []
        self._file = None if path is None else GrowingFile(Path(path))
        if self._file is not None:
            self._datasets = _prepare(self._file, fields, units or {}, medium)
            for name, field_on in (ground or {}).items():
                facts = {"units": field_on.units, "origin_mm": field_on.origin_mm, "spacing_mm": field_on.spacing_mm}
                self._file.put(f"ground/{name}", np.asarray(field_on.values, np.float32), **facts)
            self._file.begin()

    def add(self, body: Body, activation: Floats, fields: Mapping[str, float] | None = None) -> None:
        """Write down the present moment.

        Parameters
        ----------
        body : Body
        activation : float64 (4, 24)
            What drives the muscles now.
        fields : mapping of str to float
            A value for each of the recorder's ``fields``.
        """
        given = {} if fields is None else fields
        if set(given) != set(self.fields):
            raise ModelError(f"track: fields {sorted(given)}; the recorder was made for {sorted(self.fields)}")
        row: dict[str, Any] = {
            "time_ms": body.time_ms,
            "points_mm": body.points_mm,
            "curvature_per_mm": body.curvature_per_mm,
            "activation": np.array(activation),
        }
        self._rows.append(row | {f"fields/{name}": float(value) for name, value in given.items()})
        if self._file is not None and len(self._rows) == BLOCK_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write all rows to the file; after a kill it is complete up to here."""
        if self._file is None or not self._rows:
            return
        block = {name: np.array([row[name] for row in self._rows], dataset.dtype)
                 for name, dataset in self._datasets.items()}  # fmt: skip
        self._file.reserve(sum(values.nbytes for values in block.values()))
        for name, values in block.items():
            self._file.append(self._datasets[name], values)
        self._file.commit(float(self._rows[-1]["time_ms"]))
        self._rows.clear()

    def finish(self) -> Path | None:
        """Close the file, give it its name and return that."""
        if self._file is None:
            return None
        self.flush()
        return self._file.finish()

    def track(self) -> Track:
        """Return what a recorder without a file has seen."""
        if self._file is not None:
            raise ModelError("track: the recorder writes to a file; read that")
        names = ("time_ms", *SHAPES)
        shapes = {"time_ms": (), **SHAPES}
        arrays = {name: np.array([row[name] for row in self._rows]).reshape(-1, *shapes[name]) for name in names}
        values = {name: np.array([row[f"fields/{name}"] for row in self._rows]) for name in self.fields}
        return Track(**arrays, fields=values)

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None or self._file is None:
            self.finish()
            return
        self.flush()
        self._file.abandon()


def _prepare(
    file: GrowingFile, fields: tuple[str, ...], units: Mapping[str, str], medium: str
) -> dict[str, h5py.Dataset]:
    """Make the datasets, in the order in which a block is written."""
    made = {name: _grow(file, name, shape, np.float32) for name, shape in SHAPES.items()}
    made |= {f"fields/{name}": _grow(file, f"fields/{name}", (), np.float64) for name in fields}
    made["time_ms"] = _grow(file, "time_ms", (), np.float64)
    for name, unit in {"points_mm": "mm", "curvature_per_mm": "1/mm", "activation": "1", "time_ms": "ms"}.items():
        file.describe(made[name], units=unit)
    for name in fields:
        file.describe(made[f"fields/{name}"], units=units.get(name, "1"))
    profile = radius_mm(np.linspace(0.0, 1.0, ROWS + 2), load("body"))
    file.describe(made["points_mm"], radius_mm=profile.astype(np.float32), medium=medium)
    file.describe(made["activation"], names=list(QUADRANTS), angles_rad=np.array(AROUND_RAD))
    return made


def _grow(file: GrowingFile, name: str, shape: tuple[int, ...], dtype: Any) -> h5py.Dataset:
    """Return a dataset without rows; a chunk is a block."""
    return file.file.create_dataset(
        name, (0, *shape), dtype, maxshape=(None, *shape), chunks=(BLOCK_ROWS, *shape), fillvalue=np.nan
    )


def read(path: str | Path) -> Track:
    """Read a track: finished, being written, or left by a run that was killed (then up to its last flush)."""
    try:
        file = open_output(path)
    except OSError as error:
        raise ModelError(f"no track can be read: {error}", path=path) from None
    with file:
        if any(name not in file for name in ("time_ms", *SHAPES)):
            raise ModelError(f"no track: it needs time_ms, {', '.join(SHAPES)}", path=path)
        rows = int(np.searchsorted(file["time_ms"][:], file[PROGRESS][0], side="right"))
        parts = {name: np.asarray(file[name][:rows], dtype=np.float64) for name in ("time_ms", *SHAPES)}
        values = {name: np.asarray(data[:rows]) for name, data in file["fields"].items()} if "fields" in file else {}
    return Track(**parts, fields=values)
