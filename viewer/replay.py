"""``open_results``: the outputs of a run as a source - spikes, voltages, a body's track - with scrubbing.

Files are read where they lie, a piece at a time; those that a run is still writing (``*.partial``) are followed: the
end moves on with the time up to which they are complete.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ModelError
from neurosim.sonata.spike_files import UNITS
from neurosim.viewer.memory_use import memory_MB
from neurosim.viewer.open_file import OpenFile
from neurosim.viewer.playback import Clock, Recording
from neurosim.viewer.population_rates import PopulationRates, middles_ms
from neurosim.viewer.recorded_voltages import RecordedVoltages
from neurosim.viewer.result_files import Results, find_results, new_outputs
from neurosim.viewer.result_scene import ALONE, Trees, scene_of_results
from neurosim.viewer.safe_h5 import PARTIAL, open_safe, reading
from neurosim.viewer.source import Floats, Ranks, Status, TraceBlock
from neurosim.viewer.spike_series import SpikeSeries, series_of
from neurosim.viewer.voltage_report import VoltageReport, is_voltage
from neurosim.viewer.world_history import WorldRows
from neurosim.viewer.world_track import WorldTrack, is_track
from neurosim.world import World

LOOK_S = 0.2
"""Wall time between two looks at files that grow."""
MOST_NUMBERS = 2_000_000
"""Cells that are shown where only their numbers are known."""
MOST_ID = 1 << 28
"""Above all node ids that are shown without a circuit."""


def open_results(path: str | Path, *, allow: Sequence[str | Path] = (), clock: Clock = time.monotonic) -> ResultsSource:
    """Return a replay of results.

    Parameters
    ----------
    path : path-like
        A folder with the outputs of a run and the copy of its configuration, a ``config.json``, a scene file
        (``*.scene.h5``), or a file of spikes or voltages; also one that is being written.
    allow : sequence of path-like
        Folders that may be read beside the one that is opened, where the circuit lies elsewhere.
    clock : callable
        Wall time in s.

    Raises
    ------
    ModelError
        There is nothing to show, a file is damaged, or the circuit needs a scene file.
    UnsafeFileError
        A file refers to others, or lies outside.
    """
    return ResultsSource(find_results(path, allow), clock)


class ResultsSource(Recording):
    """A replay from files.

    Parameters
    ----------
    found : Results
        Where they are.
    clock : callable
        Wall time in s.
    """

    def __init__(self, found: Results, clock: Clock = time.monotonic) -> None:
        super().__init__(clock)
        self._found, self._lock = found, threading.RLock()
        self._folder = Path(tempfile.mkdtemp(prefix="neurosim-replay-"))
        self._files: list[OpenFile] = []
        self._series: list[SpikeSeries] = []
        self._reports: list[VoltageReport] = []
        self._track: WorldTrack | None = None
        self._refused: set[str] = set()
        try:
            for path in found.files:
                self._open(path, required=len(found.files) == 1)
            self.scene, self._who = scene_of_results(
                found, self._seen() if found.scene is None else {}, self._folder, empty=self._track is not None
            )
            strange = [s.population for s in self._series if not self._who.knows(s.population)]
            found.notices += [
                f"spikes of population {name!r} are not shown: it is not in the circuit" for name in strange
            ]
            self.scene.notices += found.notices
            if any(file.growing for file in self._files) and found.config is None and found.scene is None:
                self.scene.notices.append("cells that fire later for the first time are not shown; open it again")
            self._trees = Trees(self.scene, found.config)
            self._lay_out()
        except BaseException:
            self.close()
            raise
        self._rates = PopulationRates(self.scene)
        self._looked_s, self._growing = clock(), any(file.growing for file in self._files)
        self._stop_ms = self._end()
        # The run went on while the scene was made.
        self._refresh()

    # --- files ------------------------------------------------------------------------------------------------------

    def _open(self, path: Path, *, required: bool) -> None:
        """Open an output; one of many that cannot be read is passed over: with a notice, or for now while it grows."""
        growing = path.name.endswith(PARTIAL)
        file = None
        try:
            file = open_safe(path, self._found.roots)
            with reading(path):
                self._read_output(file, path)
        except ModelError as error:
            if file is not None:
                file.close()
            if required:
                raise
            if not growing:
                self._refused.add(path.name)
                self._note(f"passed over: {error}")
            return
        self._files.append(OpenFile(path, file, growing))

    def _read_output(self, file: h5py.File, path: Path) -> None:
        if isinstance(file.get("spikes"), h5py.Group):
            self._spikes_of(file["spikes"], path)
        if isinstance(file.get("report"), h5py.Group):
            for name, group in file["report"].items():
                if isinstance(group, h5py.Group) and is_voltage(group):
                    self._reports.append(VoltageReport(name, group, path))
        if is_track(file):
            if self._track is None:
                self._track = WorldTrack(file, path)
                for notice in self._track.notices:
                    self._note(notice)
            else:
                self._note(f"{path.name}: another track is shown already")

    def _note(self, text: str) -> None:
        """Say something to people."""
        self._found.notices.append(text)
        if hasattr(self, "scene"):
            self.scene.notices.append(text)

    def _find_more(self) -> None:
        """Open outputs that were not there before."""
        known = {file.path.name.removesuffix(PARTIAL) for file in self._files} | self._refused
        reports_n = len(self._reports)
        for path in new_outputs(self._found):
            if path.name.removesuffix(PARTIAL) not in known:
                self._open(path, required=False)
        if len(self._reports) > reports_n:
            self._lay_out()

    def _lay_out(self) -> None:
        """See which report has which cell."""
        self._voltages = RecordedVoltages(self.scene, self._reports, self._who, self._trees, whole=not self._series)
        self.traces_from = "recorded" if self._reports else "none"

    def _spikes_of(self, spikes: h5py.Group, path: Path) -> None:
        groups = {name: group for name, group in spikes.items() if isinstance(group, h5py.Group)}
        if "timestamps" in spikes:
            groups = {ALONE: spikes}
        for name, group in groups.items():
            ids = next((column for column in ("node_ids", "gids") if column in group), None)
            if "timestamps" not in group or ids is None:
                self._note(f"{path.name}: {group.name} has no timestamps or no node_ids")
                continue
            if any(series.population == name for series in self._series):
                self._note(f"{path.name}: spikes of {name!r} are shown from another file")
                continue
            unit = group["timestamps"].attrs.get("units", "ms")
            factor = UNITS.get((unit.decode() if isinstance(unit, bytes) else str(unit)).lower())
            if factor is None:
                raise ModelError(f"{group.name}: times in {unit!r}; allowed: {', '.join(sorted(UNITS))}", path=path)
            self._series.append(series_of(name, group, ids, factor, self._folder, path))

    def _seen(self) -> dict[str, NDArray[np.int64]]:
        """Return the node ids that occur, by population; only where there is no circuit."""
        if self._found.config is not None and not self._series and not self._reports:
            return {}
        seen: dict[str, NDArray[np.int64]] = {}
        for series in self._series:
            seen[series.population] = _ids_of(series)
        for report in self._reports:
            seen[report.population] = np.union1d(seen.get(report.population, np.empty(0, np.int64)), report.node_ids)
        return seen

    def _end(self) -> float:
        """Return up to when everything is known."""
        growing = [file.complete_ms for file in self._files if file.growing]
        if growing:
            return float(np.nanmin(growing)) if not np.isnan(growing).all() else self.start_ms
        known = [file.complete_ms for file in self._files]
        known += [series.last_ms for series in self._series] + [report.stop_ms for report in self._reports]
        known += [] if self._track is None else [self._track.stop_ms]
        finite = [t for t in known if np.isfinite(t)]
        config = self._found.config
        says = all(np.isnan(file.complete_ms) for file in self._files)
        if config is not None and says:
            finite.append(config.run.tstop_ms)
        return max([self.start_ms, *finite])

    def _look(self) -> None:
        """Look at files that grow, and for files that come, now and then."""
        now = self.clock()
        waiting = not self._series and not self._reports and self._found.config is not None
        if not (self._growing or waiting) or now - self._looked_s < LOOK_S:
            return
        with self._reading():
            self._looked_s = now
            self._find_more()
            # When it ends is asked before what it holds: what is known up to then is there.
            self._growing = any(file.written for file in self._files)
            stop = self._end()
            self._refresh()
            self._stop_ms = max(stop, self._stop_ms)

    def _refresh(self) -> None:
        for series in self._series:
            series.refresh()
        for report in self._reports:
            report.refresh()
        if self._track is not None:
            self._track.refresh()

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """One reader at a time; what HDF5 raises for damaged files, or closed ones, becomes an error of ours."""
        with self._lock, reading(self._found.folder):
            yield

    # --- time -------------------------------------------------------------------------------------------------------

    @property
    def start_ms(self) -> float:
        """Begin."""
        return 0.0

    @property
    def stop_ms(self) -> float:
        """End, as far as it is known now."""
        self._look()
        return self._stop_ms

    @property
    def growing(self) -> bool:
        """Whether a run is still writing."""
        return self._growing

    def status(self) -> Status:
        """Return where the files end."""
        stop, nan = self.stop_ms, float("nan")
        spikes_n = sum(series.n for series in self._series)
        nothing = "there are no results yet" if self._found.config is not None else "a scene file alone has no activity"
        warnings = () if self._series or self._reports or self._track is not None else (f"{nothing}: nothing moves",)
        return Status("replay", stop, self.start_ms, stop, nan, spikes_n, nan, memory_MB(), warnings)

    # --- what surrounds the cells -----------------------------------------------------------------------------------

    def world(self, t_ms: float) -> World | None:
        """Return the world of the track at a time."""
        if self._track is None:
            return None
        with self._reading():
            return self._track.at(t_ms)

    def world_rows(self, start_ms: float, stop_ms: float, most: int) -> WorldRows | None:
        """Return curves and tracks of a stretch."""
        if self._track is None:
            return None
        with self._reading():
            return self._track.between(start_ms, stop_ms, most)

    # --- spikes -----------------------------------------------------------------------------------------------------

    def _parts(self, start_ms: float, stop_ms: float, *, included: bool) -> list[tuple[SpikeSeries, int, int]]:
        """Return from where to where each series lies in a stretch; ``included``: start < t <= stop, not <= and <."""
        return [(s, s.before(start_ms, included=included), s.before(stop_ms, included=included)) for s in self._series]

    def between_n(self, start_ms: float, stop_ms: float) -> int:
        """Return the number of spikes with start < t <= stop, of all cells, shown or not."""
        with self._reading():
            return sum(max(0, end - first) for _, first, end in self._parts(start_ms, stop_ms, included=True))

    def _read(self, start_ms: float, stop_ms: float, every: int, *, included: bool) -> tuple[Ranks, Floats, int]:
        ranks, times, total = [np.empty(0, np.uint32)], [np.empty(0)], 0
        for series, first, end in self._parts(start_ms, stop_ms, included=included):
            for ids, when in series.pieces(first, end):
                rank = self._who.ranks(series.population, ids)
                shown = rank >= 0
                total += int(shown.sum())
                if every > 1:
                    shown &= rank % every == 0
                ranks.append(rank[shown].astype(np.uint32))
                times.append(when[shown])
        return np.concatenate(ranks), np.concatenate(times), total

    def between(self, start_ms: float, stop_ms: float) -> tuple[Ranks, Floats]:
        """Return the spikes with start < t <= stop."""
        with self._reading():
            return self._read(start_ms, stop_ms, 1, included=True)[:2]

    def counted(self, start_ms: float, stop_ms: float) -> NDArray[np.int64]:
        """Return the number of spikes with start < t <= stop of every cell."""
        counts = np.zeros(self.scene.n, np.int64)
        with self._reading():
            for series, first, end in self._parts(start_ms, stop_ms, included=True):
                for ids, _ in series.pieces(first, end):
                    rank = self._who.ranks(series.population, ids)
                    counts += np.bincount(rank[rank >= 0], minlength=self.scene.n)
        return counts

    def spikes(self, start_ms: float, stop_ms: float, *, every: int = 1) -> tuple[Ranks, Floats, int]:
        """Return the spikes with start <= t < stop in order of time, and the number of all."""
        self._look()
        with self._reading():
            ranks, times, total = self._read(start_ms, stop_ms, every, included=False)
        order = np.argsort(times, kind="stable")
        return ranks[order], times[order], total

    def spikes_n(self, start_ms: float, stop_ms: float) -> int:
        """Return the number of spikes with start <= t < stop."""
        with self._reading():
            return sum(max(0, end - first) for _, first, end in self._parts(start_ms, stop_ms, included=False))

    def rates(self, start_ms: float, stop_ms: float, bin_ms: float) -> tuple[Floats, dict[str, Floats]]:
        """Return middles of bins and the mean rate of each population: a search for each bin, nothing is read."""
        middles = middles_ms(start_ms, stop_ms, bin_ms)
        edges = start_ms + bin_ms * np.arange(len(middles) + 1)
        counts = np.zeros((len(self._rates.names), len(middles)))
        with self._reading():
            for series in self._series:
                if series.population in self._rates.names:
                    upto = [series.before(edge, included=False) for edge in edges.tolist()]
                    counts[self._rates.names.index(series.population)] += np.diff(upto)
        return middles, self._rates.rates(counts, bin_ms)

    # --- voltages ---------------------------------------------------------------------------------------------------

    def voltage_at(self, t_ms: float, ranks: Sequence[int]) -> NDArray[np.float32] | None:
        """Return the recorded voltage of all nodes of cells at or before a time; NaN where there is none."""
        if not self._reports:
            return None
        with self._reading():
            return self._voltages.at(t_ms, tuple(ranks))

    def trace(self, rank: int, node: int, start_ms: float, stop_ms: float) -> TraceBlock:
        """Return the recorded voltage of a compartment with start <= t < stop."""
        with self._reading():
            return self._voltages.trace(rank, node, start_ms, stop_ms)

    def want_trace(self, owner: object, places: Sequence[tuple[int, int]]) -> None:
        """Nothing to do: what was recorded is there."""

    def reduced(self) -> tuple[str, ...]:
        """Return what of the voltages was not recorded."""
        return self._voltages.reduced()

    def close(self) -> None:
        """Close the files."""
        with self._lock:
            for file in self._files:
                file.file.close()
            close = getattr(getattr(self, "scene", None), "close", None)
            if close is not None:
                close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _ids_of(series: SpikeSeries) -> NDArray[np.int64]:
    """Return the node ids that occur, ascending."""
    marks = np.zeros(1 << 16, np.bool_)
    for ids, _ in series.pieces(0, series.n):
        if int(ids.min()) < 0 or int(ids.max()) >= MOST_ID:
            raise ModelError(f"{series.population}: node ids must be from 0 to {MOST_ID - 1}")
        if int(ids.max()) >= len(marks):
            marks = np.concatenate([marks, np.zeros(max(len(marks), int(ids.max()) + 1 - len(marks)), np.bool_)])
        marks[ids] = True
    found = np.flatnonzero(marks)
    if len(found) > MOST_NUMBERS:
        raise ModelError(f"{series.population}: {len(found):,} cells fired; at most {MOST_NUMBERS:,} without a circuit")
    return found
