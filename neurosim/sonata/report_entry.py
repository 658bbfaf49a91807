"""What all entries of ``reports`` have in common: which cells, which steps, which file.

Row k of a report is the value after step k + 1 (BMTK's convention): step number n, counted from 0, is written when
start/dt <= n < end/dt and n is a multiple of (report's dt)/dt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from neurosim.exchange import Exchange
from neurosim.model.connections import Connections
from neurosim.model.point import PointCell
from neurosim.sonata.config import Config
from neurosim.sonata.entry import Entry
from neurosim.sonata.node_sets import NodeSets
from neurosim.sonata.nodes import Population
from neurosim.sonata.outfile import output_path
from neurosim.sonata.recipe import Recipe

WHO = frozenset(("cells", "node_set", "gids"))
WHEN = frozenset(("dt", "start_time", "end_time"))


@dataclass(frozen=True, eq=False)
class Subjects:
    """What reports can be about.

    Parameters
    ----------
    config, node_sets : Config, NodeSets
        Of the circuit.
    populations : sequence of Population
        All populations.
    folder : Path
        Folder of the outputs.
    recipes : mapping
        gid -> recipe of the biophysical nodes.
    points : mapping
        gid -> point cell of the point nodes.
    connections : sequence of Connections
        All connections; cells are named by their number in the simulation.
    gids : int64 (n,)
        Number in the simulation -> gid.
    exchange : Exchange
        The processes of the run; ``connections`` are those onto cells of this one.
    """

    config: Config
    node_sets: NodeSets
    populations: Sequence[Population]
    folder: Path
    recipes: Mapping[int, Recipe]
    points: Mapping[int, PointCell]
    connections: Sequence[Connections]
    gids: npt.NDArray[np.int64]
    exchange: Exchange

    def who(self, entry: Entry, *, points: bool = False) -> tuple[int, ...]:
        """Return the gids an entry is about: biophysical nodes, and point nodes where they count."""
        given = [name for name in ("cells", "node_set", "gids") if entry.get(name, None) is not None]
        if len(given) > 1:
            entry.fail(given[1], f"given together with {given[0]}; keep one.")
        known = self.recipes.keys() | self.points.keys() if points else self.recipes.keys()
        if not given:
            return tuple(sorted(known))
        chosen = tuple(int(g) for g in self.node_sets.gids(entry.get(given[0]), entry, given[0]) if int(g) in known)
        if not chosen:
            kinds = "biophysical or point" if points else "biophysical"
            entry.fail(given[0], f"names no {kinds} node; the report would be empty.")
        return chosen

    def file_of(self, entry: Entry) -> Path:
        """Return where a report is written: ``file_name``, or the entry's name."""
        name = entry.key.rsplit(".", 1)[-1]
        default = name if name.endswith((".h5", ".hdf", ".hdf5")) else f"{name}.h5"
        return output_path(self.config, self.folder, str(entry.text("file_name", default)), entry, "file_name")


@dataclass(frozen=True)
class Rows:
    """Which steps are written: numbers n from 0 with ``first <= n < last`` and n a multiple of ``every``."""

    first: int
    last: int
    every: int

    def among(self, before: int, after: int) -> npt.NDArray[np.int64]:
        """Return the positions of wanted rows in a block that holds the values after steps before + 1 to after."""
        n = np.arange(before, after)
        return np.flatnonzero((n >= self.first) & (n < self.last) & (n % self.every == 0))


def rows_of(entry: Entry, config: Config) -> tuple[Rows, float, float, float]:
    """Return the steps of a report, its dt, start and end in ms."""
    run = config.run
    dt = entry.number("dt", run.dt_ms, positive=True, unit="ms")
    every = _multiple(entry, "dt", dt, run.dt_ms, "run.dt")
    start = entry.number("start_time", 0.0, low=0.0, unit="ms")
    end = entry.number("end_time", run.tstop_ms, positive=True, unit="ms")
    if end > run.tstop_ms * (1 + 1e-9):
        if "tstop_ms" not in config.overridden:
            entry.fail("end_time", f"{end:g} ms is after run.tstop, {run.tstop_ms:g} ms.")
        end = run.tstop_ms
    _multiple(entry, "start_time", start, dt, "the report's dt")
    _multiple(entry, "end_time", end, dt, "the report's dt") if "end_time" in entry else 0
    if start >= end:
        entry.fail("start_time", f"{start:g} ms is not before the end, {end:g} ms; the report would be empty.")
    first, last = round(start / run.dt_ms), round(end / run.dt_ms)
    return Rows(first, last, every), dt, start, end


def _multiple(entry: Entry, name: str, value: float, unit: float, of: str) -> int:
    ratio = value / unit
    if abs(ratio - round(ratio)) > 1e-6 * max(1.0, ratio):
        entry.fail(name, f"{value:g} ms is not a multiple of {of}, {unit:g} ms.")
    if name == "dt" and round(ratio) < 1:
        entry.fail(name, f"{value:g} ms is less than {of}, {unit:g} ms.")
    return round(ratio)


def variable_name(entry: Entry) -> str:
    """Return the one variable of a report."""
    value = entry.get("variable_name")
    names = value if isinstance(value, list) else [value]
    if len(names) != 1 or not isinstance(names[0], str) or not names[0]:
        entry.fail("variable_name", f"must be one name, got {value!r}; write one report a variable.")
    return names[0]
