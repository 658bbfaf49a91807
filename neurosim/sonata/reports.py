"""The ``reports`` of a configuration: what is written, of which cells, when.

    module             what
    membrane_report    any range variable of a cell: v, cai, ina, ena, m_NaTs, gbar_NaTs, i_membrane, …; or a variable
                       of point cells: m
    multimeter_report  the same
    netcon_report      a variable of synapses (``synapse_report.py``)
    clamp_report       currents of electrodes (``clamp_report.py``)
    extracellular      potential at electrode sites (line source)

What no chosen cell has is an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from neurosim.errors import SonataError
from neurosim.sonata.clamp_report import ClampSpec, read_clamps
from neurosim.sonata.ecp import read_sites
from neurosim.sonata.entry import Entry
from neurosim.sonata.inputs import REGIONS, Electrode
from neurosim.sonata.outfile import view_of
from neurosim.sonata.recipe import Recipe
from neurosim.sonata.report_entry import WHO, Rows, Subjects, rows_of, variable_name
from neurosim.sonata.synapse_report import SynapseSpec, read_synapses
from neurosim.sonata.variable import Variable, find_point_variable, find_variable

MEMBRANE = {
    "module", "enabled", "file_name", "variable_name", "sections", "dt", "start_time", "end_time", "unit", "units",
    "transform", "type", "compartments",
} | WHO  # fmt: skip
MEMBRANE_HARMLESS = {"buffer", "buffer_data"}
ECP = {
    "module", "enabled", "file_name", "variable_name", "electrode_positions", "electrode_channels",
    "minimum_distance", "contributions_dir", "file_name_nwb", "cell_bounds",
} | WHO  # fmt: skip
NOT_RUN = ("save_synapses", "SaveSynapses", "syn_report", "weight_recorder")


MODULES = ("membrane_report", "netcon_report", "clamp_report", "extracellular")


@dataclass(frozen=True)
class MembraneSpec:
    """A membrane report as asked for.

    ``pieces``: gid -> the regions (or the soma's middle) that have the variable; one empty place for a point cell.
    """

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


Spec = MembraneSpec | SynapseSpec | ClampSpec | EcpSpec


def read_reports(subjects: Subjects, electrodes: Sequence[Electrode]) -> list[Spec]:
    """Return every enabled report.

    Parameters
    ----------
    subjects : Subjects
        The circuit.
    electrodes : sequence of Electrode
        Its electrodes.
    """
    specs: list[Spec] = []
    for entry in subjects.config.section("reports").members():
        if not entry.flag("enabled", True):
            subjects.config.notice(f"{entry.key}: disabled")
            continue
        module = str(entry.text("module", "membrane_report"))
        if module in NOT_RUN:
            entry.fail("module", f"{module!r} is not written; neurosim.sonata writes a network; set enabled to false.")
        if module in ("extracellular", "ecp"):
            specs.append(_ecp(entry, subjects))
        elif module == "netcon_report":
            specs.append(read_synapses(entry, subjects))
        elif module == "clamp_report":
            specs.append(read_clamps(entry, subjects, electrodes))
        elif module in ("membrane_report", "multimeter_report", "multimeter"):
            specs.append(_membrane(entry, subjects))
        else:
            entry.choice("module", MODULES)
    paths = [path for spec in specs for path in (spec.path, view_of(spec.path))]
    for spec in specs:
        if paths.count(spec.path) > 1:
            raise SonataError(f"writes to {spec.path.name}, as another report does.", key=f"{spec.key}.file_name")
    return specs


def _membrane(entry: Entry, subjects: Subjects) -> MembraneSpec:
    entry.check_keys(MEMBRANE, MEMBRANE_HARMLESS)
    if entry.get("type", "compartment") != "compartment":
        entry.fail("type", f"got {entry.get('type')!r}; allowed: compartment.")
    if entry.get("transform", None):
        entry.fail("transform", "is not run; leave it out.")
    if entry.get("compartments", "all") != "all":
        entry.fail("compartments", f"got {entry.get('compartments')!r}; allowed: all.")
    variable = variable_name(entry)
    wanted = _sections(entry)
    pieces = _found(entry, variable, wanted, subjects)
    unit = next(iter(pieces.values()))[0][1].unit
    for name in ("unit", "units"):
        if entry.get(name, unit) not in (unit, ""):
            entry.fail(name, f"got {entry.get(name)!r}; {variable} is written in {unit or 'a number without unit'}.")
    rows, dt, start, end = rows_of(entry, subjects.config)
    return MembraneSpec(entry.key, subjects.file_of(entry), variable, unit, pieces, rows, dt, start, end)


def _found(
    entry: Entry, variable: str, wanted: list[str], subjects: Subjects
) -> dict[int, tuple[tuple[str, Variable], ...]]:
    """Return gid -> the places that have the variable; those of one unit, point cells if no other cell has it."""
    gids = subjects.who(entry, points=True)
    recipes, points = subjects.recipes, subjects.points
    found = {r: _pieces(variable, wanted, r) for r in dict.fromkeys(recipes[gid] for gid in gids if gid in recipes)}
    own = {p: find_point_variable(variable, p.mechanism) for p in dict.fromkeys(points[g] for g in gids if g in points)}
    pieces = {gid: found[recipes[gid]] for gid in gids if gid in recipes and found[recipes[gid]]}
    candidates = [gid for gid in gids if gid in recipes]
    if not pieces:
        pieces = {gid: (("", what),) for gid in gids if gid in points and (what := own[points[gid]]) is not None}
        candidates = [gid for gid in gids if gid in points]
    if not pieces:
        names = sorted({name for recipe in found for name in recipe.mechanisms} | {p.mechanism.name for p in own})
        entry.fail(
            "variable_name",
            f"no chosen cell has {variable!r} in {', '.join(wanted)}; mechanisms there: {', '.join(names) or 'none'}.",
        )
    if len(pieces) < len(candidates):
        lacking = len(candidates) - len(pieces)
        subjects.config.notice(
            f"{entry.key}: {lacking} of {len(candidates)} cells have no {variable} there and are left out"
        )
    return pieces


def _pieces(variable: str, wanted: list[str], recipe: Recipe) -> tuple[tuple[str, Variable], ...]:
    """Return the places of a cell that have a variable, with what it is called there."""
    places = [place for where in wanted for place in _places(where, recipe)]
    known = [(place, find_variable(variable, recipe, place)) for place in places]
    return tuple((place, what) for place, what in known if what is not None)


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


def _ecp(entry: Entry, subjects: Subjects) -> EcpSpec:
    entry.check_keys(ECP)
    for name in ("contributions_dir", "file_name_nwb", "cell_bounds"):
        if entry.get(name, None) is not None:
            entry.fail(name, "is not written; leave it out.")
    key = entry.path_of("electrode_positions")
    channels, sites = read_sites(subjects.config.located(entry, "electrode_positions"), key)
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
    gids = subjects.who(entry)
    return EcpSpec(entry.key, subjects.file_of(entry), gids, channels, sites, distance, entry)
