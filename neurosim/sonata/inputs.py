"""Currents and voltages that electrodes apply.

    module   input_type                what
    IClamp   current_clamp             steps: amp (nA), delay, duration (ms), numbers or lists of equal length
    IClamp   csv, file                 a table of times (ms) and amplitudes (nA), each held until the next
    IClamp   nwb, allen                a sweep of an Allen cell types file
    SEClamp  voltage_clamp             amp (mV) through resistance (MOhm) from delay for duration (ms)

All go to ``section_name``[``section_index``](``section_dist``), by default soma[0](0.5), of every biophysical node of
``node_set``. ``section_index`` may be a range of path distances [d0, d1] in um: then one segment is drawn with the
cell's own generator, RandomState(gid), by length (sonata-v1.md B6). Inputs of spikes are in ``spike_inputs``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.model.cell import Cell
from neurosim.sonata.config import Config
from neurosim.sonata.entry import Entry
from neurosim.sonata.node_sets import NodeSets
from neurosim.sonata.waveform import Waveform, from_csv, from_nwb

COMMON = {"module", "input_type", "node_set", "enabled"}
PLACE = {"section_name", "section_index", "section_dist"}
STEPS = {"amp", "delay", "duration"}
KEYS = {
    "IClamp/current_clamp": STEPS,
    "IClamp/csv": {"file", "input_file", "separator", "timestamps_column", "amplitudes_column"},
    "IClamp/nwb": {"file", "input_file", "sweep_id", "downsample", "sweep_window", "delay"},
    "SEClamp": {*STEPS, "resistance", "vc"},
}
ALIASES = {"file": "csv", "allen": "nwb"}
LATER = {
    "extracellular": "extracellular stimulation is not run yet",
    "xstim": "extracellular stimulation is not run yet",
    "lfp": "extracellular stimulation is not run yet",
    "comsol": "extracellular stimulation is not run yet",
    "ecephys_probe": "probe recordings are not mapped to nodes yet; write the spikes of each node into a file",
    "function": "Python functions in a configuration are not run",
}
SPIKES = {"spikes", "syn_activity", "replay", "replay_spikes"}
"""Words of inputs that are not electrodes."""

REGIONS = {
    "soma": "soma", "somatic": "soma", "axon": "axon", "axonal": "axon", "dend": "dend", "basal": "dend",
    "apic": "apic", "apical": "apic",
}  # fmt: skip


@dataclass(frozen=True)
class CurrentStep:
    """A current step: ``amp_nA`` while delay <= t < delay + duration, t the middle of a time step."""

    gid: int
    place: str
    delay_ms: float
    duration_ms: float
    amp_nA: float
    key: str


@dataclass(frozen=True)
class CurrentWave:
    """A sampled current."""

    gid: int
    place: str
    wave: Waveform
    key: str


@dataclass(frozen=True)
class VoltageStep:
    """A voltage clamp through a series resistance, on while delay <= t < delay + duration."""

    gid: int
    place: str
    delay_ms: float
    duration_ms: float
    v_mV: float
    rs_MOhm: float
    key: str


Electrode = CurrentStep | CurrentWave | VoltageStep


def read_inputs(config: Config, node_sets: NodeSets, cells: Mapping[int, Cell]) -> list[Electrode]:
    """Return every enabled electrode of a configuration.

    Parameters
    ----------
    config : Config
        Has ``inputs``.
    node_sets : NodeSets
        Node sets of the circuit.
    cells : mapping
        gid -> cell, the biophysical nodes.

    Raises
    ------
    SonataError
        An input that is unknown, cannot be run, or reaches no biophysical cell.
    """
    draws: dict[int, np.random.RandomState] = {}
    electrodes: list[Electrode] = []
    for entry in config.section("inputs").members():
        if not entry.flag("enabled", True):
            config.notice(f"{entry.key}: disabled")
            continue
        if {str(entry.get("module", "")), str(entry.get("input_type", ""))} & SPIKES:
            continue
        kind = _kind(entry)
        entry.check_keys(COMMON | PLACE | KEYS[kind])
        chosen = node_sets.gids(entry.get("node_set", "all"), entry, "node_set")
        gids = [int(g) for g in chosen if int(g) in cells]
        if not gids:
            entry.fail("node_set", "names no biophysical node; an electrode needs one.")
        make = _maker(kind, entry, config)
        for gid in gids:
            electrodes.extend(make(gid, _place(entry, gid, cells[gid], draws)))
    return electrodes


def _kind(entry: Entry) -> str:
    module, kind = str(entry.text("module")), str(entry.text("input_type"))
    for word in (kind, module):
        if word in LATER:
            entry.fail("input_type" if word == kind else "module", f"{word!r}: {LATER[word]}; set enabled to false.")
    if module == "SEClamp":
        entry.choice("input_type", ("voltage_clamp", "SEClamp", "current_clamp"))
        return "SEClamp"
    if module in ("csv", "file", "nwb", "allen") and kind == "current_clamp":
        module, kind = "IClamp", module
    if module != "IClamp":
        entry.choice("module", ("IClamp", "SEClamp"))
    entry.choice("input_type", ("current_clamp", "csv", "file", "nwb", "allen")) if kind == entry.get(
        "input_type"
    ) else 0
    return f"IClamp/{ALIASES.get(kind, kind)}"


def _maker(kind: str, entry: Entry, config: Config) -> Callable[[int, str], list[Electrode]]:
    """Read the numbers of an input once; return what makes the electrodes of one cell."""
    if kind == "IClamp/current_clamp":
        steps = _steps(entry, "nA")
        return lambda gid, place: [CurrentStep(gid, place, *step, entry.key) for step in _warned(steps, entry, config)]
    if kind == "SEClamp":
        levels = _steps(entry, "mV")
        rs = entry.number("resistance", 1.0, positive=True, unit="MOhm")
        return lambda gid, place: [VoltageStep(gid, place, *level, rs, entry.key) for level in levels]
    wave = (from_csv if kind == "IClamp/csv" else from_nwb)(entry, config)
    return lambda gid, place: [CurrentWave(gid, place, wave, entry.key)]


def _steps(entry: Entry, unit: str) -> list[tuple[float, float, float]]:
    """Return (delay, duration, amplitude) of every step."""
    amps = entry.numbers("amp", unit=unit)
    delays = entry.numbers("delay", unit="ms")
    durations = entry.numbers("duration", unit="ms")
    if not len(amps) == len(delays) == len(durations):
        lengths = f"{len(amps)}, {len(delays)} and {len(durations)}"
        entry.fail("amp", f"amp, delay and duration must have the same length, got {lengths}.")
    for duration in durations:
        if duration <= 0:
            entry.fail("duration", f"must be greater than 0 ms, got {duration:g}; nothing would happen.")
    return list(zip(delays, durations, amps, strict=True))


def _warned(steps: list[tuple[float, float, float]], entry: Entry, config: Config) -> list[tuple[float, float, float]]:
    for delay, duration, _ in steps:
        if delay >= config.run.tstop_ms or delay + duration <= 0:
            config.notice(f"{entry.key}: the step at {delay:g} ms lies outside the run of {config.run.tstop_ms:g} ms")
    return steps


def _place(entry: Entry, gid: int, cell: Cell, draws: dict[int, np.random.RandomState]) -> str:
    names = entry.get("section_name", "soma")
    index = entry.get("section_index", 0)
    if isinstance(index, list):
        return _drawn(entry, names, index, cell, draws.setdefault(gid, np.random.RandomState(gid)), gid)
    if not isinstance(names, str):
        entry.fail("section_name", "must be one name unless section_index is a range of distances.")
    if names not in REGIONS:
        entry.choice("section_name", sorted(REGIONS))
    x = entry.number("section_dist", 0.5, low=0.0, high=1.0)
    section = f"{REGIONS[names]}[{entry.integer('section_index', 0)}]"
    if section not in cell.morphology.names:
        count = len(cell.morphology.regions.get(REGIONS[names], ()))
        entry.fail("section_index", f"gid {gid} has no section {section}; it has {count} of {REGIONS[names]}.")
    return f"{section}({x!r})"


def _drawn(entry: Entry, names: Any, bounds: list[Any], cell: Cell, draw: np.random.RandomState, gid: int) -> str:
    """Return a segment drawn by length among those that overlap a range of path distances."""
    words = names if isinstance(names, list) else [names]
    for word in words:
        if not isinstance(word, str) or word not in REGIONS:
            entry.fail("section_name", f"got {word!r}; allowed: {', '.join(sorted(REGIONS))}.")
    if len(bounds) != 2:
        entry.fail("section_index", f"a range of distances is [d0, d1] in um, got {bounds}.")
    low, high = (entry.as_number(f"section_index[{i}]", b, unit="um") for i, b in enumerate(bounds))
    tree, nodes = cell.tree, cell.nodes("all")
    sections = tree.section_idx[nodes]
    regions = np.array([s.name[:4] for s in cell.morphology.sections])[sections]
    count = np.bincount(sections, minlength=len(cell.morphology.sections))
    length = np.array([s.length_um for s in cell.morphology.sections])[sections] / count[sections]
    middle: npt.NDArray[np.float64] = tree.path_um[nodes]
    overlap = np.minimum(middle + length / 2.0, high) - np.maximum(middle - length / 2.0, low)
    part = np.maximum(0.0, overlap) / length
    wanted = np.isin(regions, [REGIONS[str(w)] for w in words])
    candidates = np.flatnonzero((part > 0) & wanted)
    if len(candidates) == 0:
        entry.fail("section_index", f"gid {gid} has no segment of {words} from {low:g} to {high:g} um.")
    weight = length[candidates] * part[candidates]
    pick = int(draw.choice(candidates, 1, p=weight / np.sum(weight))[0])
    return cell.label(int(nodes[pick]))
