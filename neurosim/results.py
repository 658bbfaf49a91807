"""What a run gives back: `Trace` (values over time at labelled places) and `SpikeTable` (which cell fired when).

Both are filled by the engine in blocks and read by the user as NumPy arrays. They hold the data once, and no reference
to the simulation. Plots need matplotlib and data frames pandas (extra ``plot``); both are imported when asked for.
Not for files: writing SONATA reports is ``neurosim.sonata``.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.activity import isi_cv, raster, rates_Hz
from neurosim.column import Column
from neurosim.errors import MissingExtraError
from neurosim.units import S_PER_MS

__all__ = ["SpikeTable", "Trace"]

Floats = npt.NDArray[np.float64]
Gids = npt.NDArray[np.uint64]


def optional(what: str, module: str) -> Any:
    """Import a package of the extra ``plot``, or say which extra is missing."""
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtraError(what, module.split(".")[0], "plot") from error


class Trace:
    """Values of one variable over time, at one place or several.

    Parameters
    ----------
    name : str
        The variable, for instance ``"v_mV"`` or ``"hh.m"``.
    unit : str
        Its unit as text, ``""`` for a number without one.
    gid : int
        The cell; -1 for what belongs to none.
    locations : sequence of str
        One label per column, for instance ``"soma(0.5)"``.
    columns : bool
        True: ``values`` is (n, k), also for k = 1. False: one location, ``values`` is (n,).
    time_ms, values : array, optional
        Data to start with, float64 (n,) in ms and float64 (n,) or (n, k).

    Notes
    -----
    ``numpy.asarray(trace)`` is ``trace.values``. ``trace[10:20]`` takes rows, ``trace["dend[3](0.5)"]`` a place.
    """

    def __init__(
        self,
        name: str,
        unit: str = "",
        *,
        gid: int = 0,
        locations: Iterable[str] = ("soma(0.5)",),
        columns: bool | None = None,
        time_ms: npt.ArrayLike | None = None,
        values: npt.ArrayLike | None = None,
    ) -> None:
        self.name, self.unit, self.gid = name, unit, int(gid)
        self.locations = tuple(locations)
        self._columns = len(self.locations) != 1 if columns is None else columns
        if not self._columns and len(self.locations) != 1:
            raise ValueError(f"{name}: one column needs one location, got {len(self.locations)}")
        self._times = Column(None, np.float64)
        self._values = Column(len(self.locations) if self._columns else None, np.float64)
        if time_ms is not None and values is not None:
            self.append(np.asarray(time_ms, np.float64), np.asarray(values, np.float64))

    @property
    def time_ms(self) -> Floats:
        """Times, float64 (n,), in ms."""
        return self._times.array()

    @property
    def values(self) -> Floats:
        """Values, float64 (n,) for one place or (n, k), in ``unit``."""
        return self._values.array()

    def append(self, times_ms: npt.NDArray[Any], block: npt.NDArray[Any]) -> None:
        """Add rows at the end; the arrays are copied.

        Parameters
        ----------
        times_ms : float64 (m,)
            Later than what is there.
        block : float64 (m,) or (m, k)
            One row per time. A trace of one column takes (m, 1) as well, and the other way round.
        """
        expected = (len(times_ms), len(self.locations)) if self._columns else (len(times_ms),)
        if block.shape != expected:
            if block.size != np.prod(expected):
                raise ValueError(f"{self.name}: a block of shape {block.shape} came for {expected}")
            block = block.reshape(expected)
        self._times.append(times_ms)
        self._values.append(block)

    def reserve(self, rows: int) -> None:
        """Make room for ``rows`` more, so that the memory is that of the data."""
        self._times.reserve(rows)
        self._values.reserve(rows)

    def drain(self) -> Trace:
        """Return the rows so far as a trace of their own and forget them here."""
        rows = self._like(self.time_ms, self.values)
        self.clear()
        return rows

    def clear(self) -> None:
        """Forget all rows."""
        self._times.clear()
        self._values.clear()

    def _like(self, time_ms: Floats, values: Floats, locations: tuple[str, ...] | None = None) -> Trace:
        places = self.locations if locations is None else locations
        new = Trace(self.name, self.unit, gid=self.gid, locations=places, columns=values.ndim == 2)
        new.append(time_ms, values)
        return new

    def __len__(self) -> int:
        return self._times.rows

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.array(self.values, dtype=dtype, copy=copy)

    def __getitem__(self, key: Any) -> Any:
        """Take rows (slice or mask), one value (integer), or a place (label)."""
        if isinstance(key, str):
            if key not in self.locations:
                raise KeyError(f"{key!r} is not recorded; places: {', '.join(self.locations)}")
            column = self.locations.index(key)
            return self._like(self.time_ms, self.values[:, column] if self._columns else self.values, (key,))
        if isinstance(key, tuple):
            return self.values[key]
        rows = self.values[key]
        if isinstance(key, (int, np.integer)):
            return rows
        return self._like(self.time_ms[key], rows)

    def between(self, start_ms: float, stop_ms: float) -> Trace:
        """Return the rows with ``start_ms <= t < stop_ms``."""
        first, last = np.searchsorted(self.time_ms, [start_ms, stop_ms], side="left")
        return self._like(self.time_ms[first:last], self.values[first:last])

    @property
    def label(self) -> str:
        """Name and unit for an axis: ``v (mV)``."""
        suffix = "_" + self.unit.replace("/", "_per_").replace("µ", "u")
        short = self.name.removesuffix(suffix) if self.unit else self.name
        return f"{short} ({self.unit})" if self.unit else short

    def plot(self, ax: Any = None, **style: Any) -> Any:
        """Draw the values over time.

        Parameters
        ----------
        ax : matplotlib axes, optional
            Where; a new figure when omitted.
        **style
            Passed on to ``ax.plot``.

        Returns
        -------
        matplotlib axes
        """
        if ax is None:
            ax = optional("Trace.plot", "matplotlib.pyplot").subplots()[1]
        lines = ax.plot(self.time_ms, self.values, **style)
        if "label" not in style:
            for line, place in zip(lines, self.locations, strict=True):
                line.set_label(place)
        ax.set_xlabel("time (ms)")
        ax.set_ylabel(self.label)
        if 1 < len(self.locations) <= 10:
            ax.legend(frameon=False)
        return ax

    def to_dataframe(self) -> Any:
        """Return a pandas data frame: index ``time_ms``, one column per place."""
        pandas = optional("Trace.to_dataframe", "pandas")
        index = pandas.Index(self.time_ms, name="time_ms")
        columns = list(self.locations) if self._columns else [self.name]
        return pandas.DataFrame(self.values.reshape(len(self), -1), index=index, columns=columns)

    def _facts(self) -> list[tuple[str, str]]:
        places = ", ".join(self.locations[:3]) + (f", … ({len(self.locations)})" if len(self.locations) > 3 else "")
        facts = [("variable", self.label), ("place", places), ("rows", str(len(self)))]
        facts[1:1] = [("cell", f"gid {self.gid}")] if self.gid >= 0 else []
        if len(self):
            low, high = float(self.values.min()), float(self.values.max())
            facts.append(("time", f"{self.time_ms[0]:g} to {self.time_ms[-1]:g} ms"))
            facts.append(("range", f"{low:.6g} to {high:.6g} {self.unit}".rstrip()))
        return facts

    def __repr__(self) -> str:
        return f"<Trace {'; '.join(f'{key} {value}' for key, value in self._facts())}>"

    def _repr_html_(self) -> str:
        return _table("Trace", self._facts())


class SpikeTable:
    """Which cell fired when, in order of time, then of gid, within each block the engine adds.

    Parameters
    ----------
    gids : array_like of uint64 (n,)
        Cells.
    times_ms : array_like of float64 (n,)
        Times in ms.
    """

    def __init__(self, gids: npt.ArrayLike = (), times_ms: npt.ArrayLike = ()) -> None:
        self._gids = Column(None, np.uint64)
        self._times = Column(None, np.float64)
        self.append(np.asarray(gids, np.uint64), np.asarray(times_ms, np.float64))

    @property
    def gids(self) -> Gids:
        """Cells, uint64 (n,)."""
        return self._gids.array()

    @property
    def times_ms(self) -> Floats:
        """Times, float64 (n,), in ms."""
        return self._times.array()

    def append(self, gids: npt.NDArray[Any], times_ms: npt.NDArray[Any]) -> None:
        """Add spikes at the end; the arrays are copied."""
        if gids.shape != times_ms.shape or gids.ndim != 1:
            raise ValueError(f"spikes: {gids.shape} gids came with {times_ms.shape} times")
        self._gids.append(gids)
        self._times.append(times_ms)

    def drain(self) -> SpikeTable:
        """Return the spikes so far as a table of their own and forget them here."""
        rows = SpikeTable(self.gids, self.times_ms)
        self.clear()
        return rows

    def clear(self) -> None:
        """Forget all spikes."""
        self._gids.clear()
        self._times.clear()

    def __len__(self) -> int:
        return self._gids.rows

    def __getitem__(self, key: Any) -> SpikeTable:
        return SpikeTable(np.atleast_1d(self.gids[key]), np.atleast_1d(self.times_ms[key]))

    def of(self, gid: int) -> Floats:
        """Return the times of one cell, float64 (m,), in ms."""
        times_ms: Floats = self.times_ms[self.gids == np.uint64(gid)]
        return times_ms

    def by_gid(self) -> dict[int, Floats]:
        """Return cell -> its times in ms, for the cells that fired."""
        cells, start = np.unique(self.gids, return_index=False, return_inverse=True)
        order = np.argsort(start, kind="stable")
        parts = np.split(self.times_ms[order], np.cumsum(np.bincount(start, minlength=len(cells)))[:-1])
        return {int(cell): part for cell, part in zip(cells, parts, strict=False)}

    def counts(self) -> dict[int, int]:
        """Return cell -> number of spikes, for the cells that fired."""
        cells, number = np.unique(self.gids, return_counts=True)
        return {int(cell): int(n) for cell, n in zip(cells, number, strict=True)}

    def rate_Hz(self, duration_ms: float, *, cells_n: int | None = None) -> float:
        """Return the mean rate of a cell in Hz.

        Parameters
        ----------
        duration_ms : float
            Simulated time.
        cells_n : int, optional
            Number of cells, silent ones included; by default those that fired.
        """
        number = len(np.unique(self.gids)) if cells_n is None else cells_n
        return len(self) / (number * duration_ms * S_PER_MS) if number and duration_ms > 0.0 else 0.0

    def sorted(self) -> SpikeTable:
        """Return the spikes in order of time, then of gid."""
        order = np.lexsort((self.gids, self.times_ms))
        return SpikeTable(self.gids[order], self.times_ms[order])

    def rates(
        self, populations: Any, *, bin_ms: float = 5.0, start_ms: float = 0.0, stop_ms: float | None = None
    ) -> Trace:
        """Return the mean rate of each population over time, in Hz: one column a population, at the middles of bins.

        Parameters
        ----------
        populations : Population, array of gids, list or dict of them
            For instance ``net.populations``; silent cells count.
        bin_ms : float
            Width of a bin.
        start_ms, stop_ms : float
            Whole bins between these; up to the last spike when ``stop_ms`` is omitted.
        """
        time_ms, values, names = rates_Hz(self.gids, self.times_ms, populations, bin_ms, start_ms, stop_ms)
        return Trace("rate_Hz", "Hz", gid=-1, locations=names, columns=True, time_ms=time_ms, values=values)

    def isi_cv(self, *, least_n: int = 3) -> dict[int, float]:
        """Return cell -> coefficient of variation of its interspike intervals, for cells with ``least_n`` spikes."""
        return isi_cv(self.by_gid(), least_n)

    def plot(self, ax: Any = None, *, populations: Any = None, **style: Any) -> Any:
        """Draw a raster: one mark per spike, one row per cell; returns the matplotlib axes.

        With ``populations`` (as in ``rates``) only their cells are drawn, each population in its own colour.
        """
        if ax is None:
            ax = optional("SpikeTable.plot", "matplotlib.pyplot").subplots()[1]
        raster(ax, self.gids, self.times_ms, populations, style)
        return ax

    def plot_rates(self, populations: Any, ax: Any = None, *, bin_ms: float = 5.0, **style: Any) -> Any:
        """Draw the rate of each population over time up to the last spike; returns the matplotlib axes."""
        return self.rates(populations, bin_ms=bin_ms).plot(ax, **style)

    def to_dataframe(self) -> Any:
        """Return a pandas data frame with the columns ``gid`` and ``time_ms``."""
        return optional("SpikeTable.to_dataframe", "pandas").DataFrame({"gid": self.gids, "time_ms": self.times_ms})

    def _facts(self) -> list[tuple[str, str]]:
        facts = [("spikes", str(len(self))), ("cells that fired", str(len(np.unique(self.gids))))]
        if len(self):
            facts.append(("time", f"{self.times_ms.min():g} to {self.times_ms.max():g} ms"))
        return facts

    def __repr__(self) -> str:
        return f"<SpikeTable {'; '.join(f'{key} {value}' for key, value in self._facts())}>"

    def _repr_html_(self) -> str:
        return _table("SpikeTable", self._facts())


def _table(title: str, facts: list[tuple[str, str]]) -> str:
    rows = "".join(f"<tr><th>{escape(key)}</th><td>{escape(value)}</td></tr>" for key, value in facts)
    return f"<table><caption>{title}</caption>{rows}</table>"
