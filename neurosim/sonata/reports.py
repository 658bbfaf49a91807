"""The ``reports`` of a configuration: what is written, of which cells, when.

    module            what
    membrane_report   any range variable of a cell: v, cai, ina, ena, m_NaTs, gbar_NaTs, i_membrane, …
    extracellular     potential at electrode sites (line source)

Row k of a membrane report is the value after step k + 1 (BMTK's convention): step number n, counted from 0, is written
when start/dt <= n < end/dt and n is a multiple of (report's dt)/dt. What no chosen cell has is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from neurosim.errors import SonataError
from neurosim.sonata.config import Config
from neurosim.sonata.ecp import read_sites
from neurosim.sonata.entry import Entry
from neurosim.sonata.inputs import REGIONS
from neurosim.sonata.node_sets import NodeSets
from neurosim.sonata.outfile import output_path, view_of
from neurosim.sonata.recipe import Recipe
from neurosim.sonata.variable import Variable, find_variable

WHO = {"cells", "node_set", "gids"}
MEMBRANE = {
    "module", "enabled", "file_name", "variable_name", "sections", "dt", "start_time", "end_time", "unit", "units",
    "transform", "type", "compartments",
} | WHO  # fmt: skip
MEMBRANE_HARMLESS = {"buffer", "buffer_data"}
ECP = {
    "module", "enabled", "file_name", "variable_name", "electrode_positions", "electrode_channels",
    "minimum_distance", "contributions_dir", "file_name_nwb", "cell_bounds",
} | WHO  # fmt: skip
LATER = ("netcon_report", "save_synapses", "SaveSynapses", "clamp_report", "syn_report", "multimeter_report")


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


@dataclass(frozen=True)
class MembraneSpec:
    """A membrane report as asked for; ``pieces``: gid -> the regions (or the soma's middle) that have the variable."""

    key: str
    path: Path
    variable: str
    unit: str
    pieces: dict[int, tuple[tuple[str, Variable], ...]]
    rows: Rows
    dt_ms: float
    start_ms: float
    end_ms: float


@dataclass(frozen=True, eq=False)
class EcpSpec:
    """An extracellular report as asked for."""

    key: str
    path: Path
    gids: tuple[int, ...]
    channels: npt.NDArray[np.int64]
    sites_um: npt.NDArray[np.float64]
    least_um: float | None  # None: the radius of each compartment
    entry: Entry


Spec = MembraneSpec | EcpSpec


def read_reports(config: Config, node_sets: NodeSets, recipes: Mapping[int, Recipe], folder: Path) -> list[Spec]:
    """Return every enabled report.

    Parameters
    ----------
    config : Config
        Has ``reports``.
    node_sets : NodeSets
        Node sets of the circuit.
    recipes : mapping
        gid -> recipe of the biophysical nodes.
    folder : Path
        Folder of the outputs.
    """
    specs: list[Spec] = []
    for entry in config.section("reports").members():
        if not entry.flag("enabled", True):
            config.notice(f"{entry.key}: disabled")
            continue
        module = str(entry.text("module", "membrane_report"))
        if module in LATER:
            entry.fail("module", f"{module!r} arrives with networks; set enabled to false.")
        if module in ("extracellular", "ecp"):
            specs.append(_ecp(entry, config, node_sets, recipes, folder))
        elif module == "membrane_report":
            specs.append(_membrane(entry, config, node_sets, recipes, folder))
        else:
            entry.choice("module", ("membrane_report", "extracellular"))
    paths = [path for spec in specs for path in (spec.path, view_of(spec.path))]
    for spec in specs:
        if paths.count(spec.path) > 1:
            raise SonataError(f"writes to {spec.path.name}, as another report does.", key=f"{spec.key}.file_name")
    return specs


def _who(entry: Entry, node_sets: NodeSets, recipes: Mapping[int, Recipe]) -> tuple[int, ...]:
    given = [name for name in ("cells", "node_set", "gids") if entry.get(name, None) is not None]
    if len(given) > 1:
        entry.fail(given[1], f"given together with {given[0]}; keep one.")
    if not given:
        return tuple(sorted(recipes))
    chosen = tuple(int(g) for g in node_sets.gids(entry.get(given[0]), entry, given[0]) if int(g) in recipes)
    if not chosen:
        entry.fail(given[0], "names no biophysical node; the report would be empty.")
    return chosen


def _file(entry: Entry, config: Config, folder: Path) -> Path:
    name = entry.key.rsplit(".", 1)[-1]
    default = name if name.endswith((".h5", ".hdf", ".hdf5")) else f"{name}.h5"
    return output_path(config, folder, str(entry.text("file_name", default)), entry, "file_name")


def _membrane(
    entry: Entry, config: Config, node_sets: NodeSets, recipes: Mapping[int, Recipe], folder: Path
) -> MembraneSpec:
    entry.check_keys(MEMBRANE, MEMBRANE_HARMLESS)
    if entry.get("type", "compartment") != "compartment":
        entry.fail("type", f"got {entry.get('type')!r}; allowed: compartment.")
    if entry.get("transform", None):
        entry.fail("transform", "is not run; leave it out.")
    if entry.get("compartments", "all") != "all":
        entry.fail("compartments", f"got {entry.get('compartments')!r}; allowed: all.")
    variable = _variable_name(entry)
    wanted = _sections(entry)
    gids = _who(entry, node_sets, recipes)
    found = {r: _pieces(variable, wanted, r) for r in dict.fromkeys(recipes[gid] for gid in gids)}
    pieces = {gid: found[recipes[gid]] for gid in gids if found[recipes[gid]]}
    if not pieces:
        names = sorted({name for recipe in found for name in recipe.mechanisms})
        entry.fail(
            "variable_name",
            f"no chosen cell has {variable!r} in {', '.join(wanted)}; mechanisms there: {', '.join(names) or 'none'}.",
        )
    unit = next(iter(pieces.values()))[0][1].unit
    if len(pieces) < len(gids):
        lacking = len(gids) - len(pieces)
        config.notice(f"{entry.key}: {lacking} of {len(gids)} cells have no {variable} there and are left out")
    for name in ("unit", "units"):
        if entry.get(name, unit) not in (unit, ""):
            entry.fail(name, f"got {entry.get(name)!r}; {variable} is written in {unit or 'a number without unit'}.")
    rows, dt, start, end = _rows(entry, config)
    return MembraneSpec(entry.key, _file(entry, config, folder), variable, unit, pieces, rows, dt, start, end)


def _pieces(variable: str, wanted: list[str], recipe: Recipe) -> tuple[tuple[str, Variable], ...]:
    """Return the places of a cell that have a variable, with what it is called there."""
    places = [place for where in wanted for place in _places(where, recipe)]
    known = [(place, find_variable(variable, recipe, place)) for place in places]
    return tuple((place, what) for place, what in known if what is not None)


def _variable_name(entry: Entry) -> str:
    value = entry.get("variable_name")
    names = value if isinstance(value, list) else [value]
    if len(names) != 1 or not isinstance(names[0], str) or not names[0]:
        entry.fail("variable_name", f"must be one name, got {value!r}; write one report a variable.")
    return names[0]


def _sections(entry: Entry) -> list[str]:
    value = entry.get("sections", "all")
    words = value if isinstance(value, list) else [value]
    for word in words:
        if not isinstance(word, str) or (word != "all" and word not in REGIONS):
            entry.fail("sections", f"got {word!r}; allowed: all, {', '.join(sorted(REGIONS))}.")
    if not words:
        entry.fail("sections", "is an empty list; the report would be empty.")
    return list(dict.fromkeys("all" if w == "all" else REGIONS[w] for w in words))


def _places(where: str, recipe: Recipe) -> list[str]:
    """Return the soma's middle, or the regions of the cell in the order of its sections."""
    if where == "soma" and "soma" in recipe.morphology.regions:
        return ["soma[0](0.5)"]
    order = list(recipe.morphology.regions)
    return order if where == "all" else [r for r in order if r[:4] == where]


def _rows(entry: Entry, config: Config) -> tuple[Rows, float, float, float]:
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


def _ecp(entry: Entry, config: Config, node_sets: NodeSets, recipes: Mapping[int, Recipe], folder: Path) -> EcpSpec:
    entry.check_keys(ECP)
    for name in ("contributions_dir", "file_name_nwb", "cell_bounds"):
        if entry.get(name, None) is not None:
            entry.fail(name, "is not written; leave it out.")
    key = entry.path_of("electrode_positions")
    channels, sites = read_sites(config.located(entry, "electrode_positions"), key)
    chosen = entry.get("electrode_channels", "all")
    if chosen != "all":
        wanted = [int(v) for v in entry.numbers("electrode_channels")]
        for channel in wanted:
            if channel not in channels:
                entry.fail("electrode_channels", f"no channel {channel} in the electrode file.")
        keep = np.isin(channels, wanted)
        channels, sites = channels[keep], sites[keep]
    least = entry.get("minimum_distance", 0.0)
    distance = None if least == "auto" else entry.as_number("minimum_distance", least, low=0.0, unit="um")
    gids = _who(entry, node_sets, recipes)
    return EcpSpec(entry.key, _file(entry, config, folder), gids, channels, sites, distance, entry)
