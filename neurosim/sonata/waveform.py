"""Sampled currents: tables (CSV) and sweeps of Allen cell types files (NWB 1).

A waveform holds each amplitude from its time until the next, as NEURON's Vector.play does with a step, and is zero
before the first and after the last time. Units: ms, nA.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from neurosim.sonata.config import Config
from neurosim.sonata.entry import Entry
from neurosim.sonata.h5read import opened
from neurosim.units import MS_PER_S

NA_PER_A = 1e9

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Waveform:
    """A current that is constant between times.

    Parameters
    ----------
    edges_ms : float64 (n + 1,)
        Ascending times; value k holds for edges[k] <= t < edges[k + 1].
    amps_nA : float64 (n,)
        Amplitudes.
    """

    edges_ms: Floats
    amps_nA: Floats

    def at(self, times_ms: Floats) -> Floats:
        """Return the current at times, float64 (m,) in nA."""
        place = np.searchsorted(self.edges_ms, times_ms, side="right") - 1
        inside = (place >= 0) & (place < len(self.amps_nA))
        values: Floats = np.where(inside, self.amps_nA[np.clip(place, 0, len(self.amps_nA) - 1)], 0.0)
        return values

    def steps(self) -> list[tuple[float, float, float]]:
        """Return (start, duration, amplitude) of every stretch of equal amplitude that is not zero."""
        change = np.flatnonzero(np.diff(self.amps_nA) != 0) + 1
        first = np.concatenate([[0], change])
        last = np.concatenate([change, [len(self.amps_nA)]])
        return [
            (float(self.edges_ms[a]), float(self.edges_ms[b] - self.edges_ms[a]), float(self.amps_nA[a]))
            for a, b in zip(first, last, strict=True)
            if self.amps_nA[a] != 0
        ]


def _file(entry: Entry, config: Config) -> Path:
    return config.located(entry, "file" if "file" in entry else "input_file")


def from_csv(entry: Entry, config: Config) -> Waveform:
    """Return the waveform of a table with a column of times (ms) and one of amplitudes (nA)."""
    path = _file(entry, config)
    key = "file" if "file" in entry else "input_file"
    separator = str(entry.get("separator", " "))
    if len(separator) != 1:
        entry.fail("separator", f"must be one character, got {separator!r}.")
    names = [
        str(entry.text("timestamps_column", "timestamps")),
        str(entry.text("amplitudes_column", "amps")),
    ]
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = [row for row in csv.reader(stream, delimiter=separator) if any(cell.strip() for cell in row)]
    except (UnicodeDecodeError, csv.Error) as error:
        entry.fail(key, f"{path.name} is not a table: {error}.")
    header = [cell.strip() for cell in rows[0]] if rows else []
    for option, name in zip(("timestamps_column", "amplitudes_column"), names, strict=True):
        if name not in header:
            entry.fail(option, f"{path.name} has no column {name!r}; it has {', '.join(header) or 'none'}.")
    columns = [header.index(name) for name in names]
    try:
        values = np.array([[float(row[c]) for c in columns] for row in rows[1:]], dtype=np.float64)
    except (ValueError, IndexError) as error:
        entry.fail(key, f"{path.name}: {error}; times and amplitudes must be numbers.")
    if len(values) < 2:
        entry.fail(key, f"{path.name} has {len(values)} rows; at least two are needed.")
    times, amps = values[:, 0], values[:, 1]
    if not np.isfinite(values).all() or times[0] < 0 or (np.diff(times) <= 0).any():
        entry.fail(key, f"{path.name}: times must ascend from 0 or later, and all values must be finite.")
    if amps[-1] == 0:
        return Waveform(times, amps[:-1].copy())
    end = times[-1] + (times[1] - times[0])
    config.notice(f"{entry.key}: {path.name} does not end with 0 nA; its last value is held until {end:g} ms")
    return Waveform(np.append(times, end), amps.copy())


def from_nwb(entry: Entry, config: Config) -> Waveform:
    """Return the stimulus of one sweep of an Allen cell types file (NWB 1: A, s)."""
    path = _file(entry, config)
    key = "file" if "file" in entry else "input_file"
    sweep = _sweep_name(entry.get("sweep_id"))
    try:
        with opened(path) as file:
            epochs = file.get("epochs")
            if not isinstance(epochs, h5py.Group) or sweep not in epochs:
                have = ", ".join(list(epochs)[:10]) if isinstance(epochs, h5py.Group) else "no /epochs"
                entry.fail("sweep_id", f"{path.name} has no {sweep}; it has {have}.")
            series = file.get(f"epochs/{sweep}/stimulus/timeseries")
            if not isinstance(series, h5py.Group) or "data" not in series or "starting_time" not in series:
                entry.fail("sweep_id", f"{path.name}: {sweep} has no stimulus/timeseries with data and starting_time.")
            rate_Hz = float(series["starting_time"].attrs["rate"])
            amps = np.asarray(series["data"][()], dtype=np.float64) * NA_PER_A
    except (OSError, KeyError) as error:
        entry.fail(key, f"{path.name} is not an NWB 1 file that can be read: {error}.")
    step = MS_PER_S / rate_Hz
    times: Floats = np.arange(len(amps), dtype=np.float64) * step
    coarser = entry.number("downsample", None, positive=True, unit="ms")
    if coarser is not None and coarser > step:
        stride = round(coarser / step)
        amps, times, step = amps[::stride], times[::stride], coarser
    amps, times = _window(entry, amps, times)
    if len(amps) == 0 or not np.isfinite(amps).all():
        entry.fail(key, f"{path.name}: {sweep} holds no finite samples.")
    start = entry.number("delay", 0.0, low=0.0, unit="ms")
    return Waveform(start + np.arange(len(amps) + 1) * step, amps)


def _window(entry: Entry, amps: Floats, times: Floats) -> tuple[Floats, Floats]:
    window = entry.get("sweep_window", None)
    if window is None:
        return amps, times
    bounds = entry.numbers("sweep_window", unit="ms")
    if len(bounds) != 2 or not 0 <= bounds[0] < bounds[1]:
        entry.fail("sweep_window", f"must be [start, stop] in ms with 0 <= start < stop, got {window}.")
    inside = (times >= bounds[0]) & (times <= bounds[1])
    if not inside.any():
        entry.fail("sweep_window", f"holds no sample; the sweep ends at {times[-1] if len(times) else 0:g} ms.")
    return amps[inside], times[inside]


def _sweep_name(sweep: Any) -> str:
    try:
        return f"Sweep_{int(sweep)}"
    except (TypeError, ValueError):
        return str(sweep)
