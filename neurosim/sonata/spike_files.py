"""Files of recorded spikes.

    h5, sonata   /spikes/<population>/{timestamps, node_ids}, or the old /spikes/{timestamps, gids}
    csv          columns timestamps, node_ids and, optionally, population; the old "gid spike-times" with commas
    nwb          NWB 1: /processing/<trial>/spike_train/<node id>/data, in ms;  NWB 2: /units, in s

Each reader returns node ids and times in ms, in the order of the file. Units that a file or input names are honoured.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from neurosim.sonata.config import Config
from neurosim.sonata.entry import Entry
from neurosim.sonata.h5read import opened
from neurosim.units import MS_PER_S

Spikes = tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]
"""Node ids, int64 (n,), and times in ms, float64 (n,)."""

UNITS = {
    "ms": 1.0, "millisecond": 1.0, "milliseconds": 1.0, "msec": 1.0,
    "s": MS_PER_S, "sec": MS_PER_S, "second": MS_PER_S, "seconds": MS_PER_S,
}  # fmt: skip
MODULES = {"h5": "h5", "hdf5": "h5", "sonata": "h5", "csv": "csv", "nwb": "nwb"}
KEYS = {"trial", "population", "populations", "default_population", "units", "sep", "csv_sep"}
"""Members of an input that say how its file is read."""


def read_spikes_of(config: Config, entry: Entry, name: str, module: str, population: str) -> Spikes:
    """Return the spikes that a file holds for a population of nodes.

    Parameters
    ----------
    config : Config
        Gets the notices.
    entry : Entry
        The input.
    name : str
        Member of ``entry`` with the path.
    module : str
        ``h5``, ``csv`` or ``nwb``.
    population : str
        Name of the nodes.
    """
    path = config.located(entry, name)
    if module == "csv":
        return _csv(config, entry, name, path, population)
    try:
        with opened(path) as file:
            if module == "nwb":
                return _nwb(config, entry, name, path, file)
            return _h5(config, entry, name, path, file, population)
    except OSError as error:
        entry.fail(name, f"{path.name} is not an HDF5 file that can be read: {error}.")


def _h5(config: Config, entry: Entry, name: str, path: Path, file: h5py.File, population: str) -> Spikes:
    spikes = file.get("spikes")
    if not isinstance(spikes, h5py.Group):
        entry.fail(name, f"{path.name} has no group /spikes; is it a SONATA spikes file?")
    if isinstance(spikes.get("timestamps"), h5py.Dataset):
        ids = next((n for n in ("gids", "node_ids") if n in spikes), None)
        if ids is None:
            entry.fail(name, f"{path.name}: /spikes has timestamps but neither gids nor node_ids.")
        return _columns(entry, name, path, spikes["timestamps"], spikes[ids])
    groups = {n: g for n, g in spikes.items() if isinstance(g, h5py.Group)}
    if not groups:
        return np.zeros(0, dtype=np.int64), np.zeros(0)  # a run without spikes leaves such a file
    group = groups[_group(config, entry, name, path, groups, population)]
    for column in ("timestamps", "node_ids"):
        if not isinstance(group.get(column), h5py.Dataset):
            entry.fail(name, f"{path.name}: {group.name} has no {column}.")
    return _columns(entry, name, path, group["timestamps"], group["node_ids"])


def _group(config: Config, entry: Entry, name: str, path: Path, groups: Mapping[str, Any], population: str) -> str:
    """Return which group of a file belongs to a population."""
    asked = next(
        (n for n in ("population", "populations", "default_population") if entry.get(n, None) is not None), None
    )
    if asked is not None:
        value = entry.get(asked)
        words = value if isinstance(value, list) else [value]
        chosen = population if population in words else words[0] if words else None
        if chosen not in groups:
            entry.fail(asked, f"{path.name} has no population {chosen!r}; it has {', '.join(groups)}.")
        return str(chosen)
    if population in groups:
        return population
    if len(groups) > 1:
        entry.fail(
            name, f"{path.name} has no population {population!r}; it has {', '.join(groups)}. Give 'population'."
        )
    only = next(iter(groups))
    config.notice(f"{entry.key}: population {only!r} of {path.name} is played by {population!r}")
    return only


def _columns(entry: Entry, name: str, path: Path, times: h5py.Dataset, ids: h5py.Dataset) -> Spikes:
    if times.ndim != 1 or times.shape != ids.shape or times.dtype.kind not in "iuf" or ids.dtype.kind not in "iu":
        entry.fail(name, f"{path.name}: timestamps and node ids must be lists of numbers of one length.")
    unit = times.attrs.get("units", entry.get("units", "ms"))
    factor = _factor(entry, unit.decode() if isinstance(unit, bytes) else unit)
    return ids[()].astype(np.int64), times[()].astype(np.float64) * factor


def _factor(entry: Entry, unit: Any) -> float:
    if str(unit).lower() not in UNITS:
        entry.fail("units", f"times in {unit!r}; allowed: {', '.join(sorted(UNITS))}.")
    return UNITS[str(unit).lower()]


def _nwb(config: Config, entry: Entry, name: str, path: Path, file: h5py.File) -> Spikes:
    units = file.get("units")
    if isinstance(units, h5py.Group) and "spike_times" in units and "trial" not in entry:
        return _units(config, entry, name, path, file, units)
    trials = file.get("processing")
    known = [n for n in trials if f"{n}/spike_train" in trials] if isinstance(trials, h5py.Group) else []
    if not known:
        entry.fail(name, f"{path.name} has neither /processing/<trial>/spike_train (NWB 1) nor /units (NWB 2).")
    trial = entry.get("trial", known[0] if len(known) == 1 else None)
    if trial is None or str(trial) not in known:
        what = "is missing" if trial is None else f"{trial!r} is not in {path.name}"
        entry.fail("trial", f"{what}; it has {', '.join(sorted(known)[:20])}.")
    group, ids, times = trials[f"{trial}/spike_train"], [], []
    for label, inner in group.items():
        data = inner.get("data") if isinstance(inner, h5py.Group) else inner
        if not label.isdigit() or not isinstance(data, h5py.Dataset) or data.dtype.kind not in "iuf":
            entry.fail(name, f"{path.name}: {group.name}/{label} is no train of a node id.")
        values = np.asarray(data[()], dtype=np.float64).reshape(-1)
        ids.append(np.full(len(values), int(label), dtype=np.int64))
        times.append(values)
    factor = _factor(entry, entry.get("units", "ms"))
    none = np.zeros(0)
    return np.concatenate([none.astype(np.int64), *ids]), np.concatenate([none, *times]) * factor


def _units(config: Config, entry: Entry, name: str, path: Path, file: h5py.File, units: h5py.Group) -> Spikes:
    """Return the table of units of NWB 2: times in s, but in ms where BMTK wrote them."""
    names = ("spike_times_index", "node_id" if "node_id" in units else "id", "spike_times")
    for column, kinds in zip(names, ("iu", "iu", "iuf"), strict=True):
        data = units.get(column)
        if not isinstance(data, h5py.Dataset) or data.ndim != 1 or data.dtype.kind not in kinds:
            entry.fail(name, f"{path.name}: /units/{column} must be a list of {'whole ' * (kinds == 'iu')}numbers.")
    ends, ids, times = (units[column][()] for column in names)
    ends, ids, times = ends.astype(np.int64), ids.astype(np.int64), times.astype(np.float64)
    if len(ends) != len(ids) or (np.diff(ends) < 0).any() or (len(ends) and (ends[0] < 0 or ends[-1] != len(times))):
        entry.fail(name, f"{path.name}: spike_times_index of /units does not fit its {len(ids)} units.")
    said = file.get("session_description")
    text = said.asstr()[()] if isinstance(said, h5py.Dataset) and h5py.check_string_dtype(said.dtype) else ""
    unit = entry.get("units", "ms" if str(text).startswith("BMTK") else "s")
    config.notice(f"{entry.key}: times of {path.name} are read in {unit}; give 'units' if they are others")
    return np.repeat(ids, np.diff(ends, prepend=0)), times * _factor(entry, unit)


def _csv(config: Config, entry: Entry, name: str, path: Path, population: str) -> Spikes:
    separator = str(entry.get("sep", entry.get("csv_sep", " ")))
    if len(separator) != 1:
        entry.fail("sep", f"must be one character, got {separator!r}.")
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = [(n, row) for n, row in _rows(stream, separator)]
    except (UnicodeDecodeError, csv.Error) as error:
        entry.fail(name, f"{path.name} is not a table: {error}.")
    header = rows[0][1] if rows else []
    if header[:2] == ["gid", "spike-times"]:
        pairs = [(n, row[0], t) for n, row in rows[1:] for t in ",".join(row[1:]).split(",") if t]
        return _parsed(entry, name, path, pairs)
    if "timestamps" not in header:
        header, body = (
            ["timestamps", "node_ids"] if len(header) == 2 else ["timestamps", "population", "node_ids"],
            rows,
        )
    else:
        body = rows[1:]
    if "node_ids" not in header:
        entry.fail(name, f"{path.name} has no column node_ids; it has {', '.join(header)}.")
    width, time, node = len(header), header.index("timestamps"), header.index("node_ids")
    for line, row in body:
        if len(row) != width:
            entry.fail(name, f"{path.name} line {line}: {len(row)} values under {width} columns.")
    if "population" in header:
        at = header.index("population")
        groups: dict[str, list[tuple[int, list[str]]]] = {}
        for line, row in body:
            groups.setdefault(row[at], []).append((line, row))
        body = groups[_group(config, entry, name, path, groups, population)] if groups else []
    return _parsed(entry, name, path, [(line, row[node], row[time]) for line, row in body])


def _rows(stream: Any, separator: str) -> Any:
    reader = csv.reader(stream, delimiter=separator)
    for row in reader:
        cells = [cell.strip() for cell in row if separator != " " or cell.strip()]
        if cells and any(cells):
            yield reader.line_num, cells


def _parsed(entry: Entry, name: str, path: Path, pairs: list[tuple[int, str, str]]) -> Spikes:
    ids, times = np.empty(len(pairs), dtype=np.int64), np.empty(len(pairs))
    for k, (line, node, time) in enumerate(pairs):
        try:
            ids[k], times[k] = int(node), float(time)
        except (ValueError, OverflowError):
            entry.fail(name, f"{path.name} line {line}: {time!r} and {node!r} are not a time and a node id.")
    return ids, times * _factor(entry, entry.get("units", "ms"))
