"""From the files of ranks (``rank_files``) to the outputs of the run: ordinary SONATA files that stand alone.

    from neurosim.sonata.merge import merge
    merge("output")                # after a run that was killed: everything up to the last step that all ranks wrote

The outputs are those of a run of one process, value by value: spikes in the order asked for, columns of reports by node
id. Rows are read from the ranks block by block and written by the same writers, so that memory does not grow with the
length of the run. The ranks' files go when the outputs are there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.errors import OutputError
from neurosim.sonata.clamp_report import clamp_form
from neurosim.sonata.outfile import open_output, partial_of, reason_of
from neurosim.sonata.potential import ecp_form
from neurosim.sonata.rank_files import SPIKES, Leg, described, legs_of, remove, stretches
from neurosim.sonata.rank_values import ClampColumns, EcpTotal, Stretch, columns_of
from neurosim.sonata.report import ElementReport, Report
from neurosim.sonata.report_entry import Rows
from neurosim.sonata.spikes import MARKS, SpikesSpec, SpikeWriter
from neurosim.sonata.step_table import StepTable

BLOCK_BYTES = 2**26
"""Values that are held at once, about."""
SPIKES_AT_ONCE = 1 << 20

Longs = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Merged:
    """What was made: files, number of spikes, and the time up to which they are complete."""

    files: list[Path]
    spikes_n: int
    t_ms: float


@dataclass(frozen=True)
class _Named:
    name: str
    first_gid: int


@dataclass(frozen=True)
class _Spec:
    """A report as ``run.json`` has it; what a report's file says about itself."""

    path: Path
    variable: str
    unit: str
    rows: Rows
    dt_ms: float
    start_ms: float
    end_ms: float


def merge(output_dir: str | Path, *, until_step: int | None = None, keep: bool = False) -> Merged:
    """Make the outputs from the files of ranks.

    Parameters
    ----------
    output_dir : path-like
        Folder of the outputs.
    until_step : int, optional
        Last step; by default the last one that all ranks have written.
    keep : bool
        Leave the files of the ranks.

    Raises
    ------
    OutputError
        There are none, some are missing, or the outputs cannot be written.
    """
    folder = Path(output_dir).absolute()
    outputs = described(folder)
    legs = legs_of(folder)
    if not legs:
        raise OutputError(folder, "no process has begun to write; there is nothing to merge.")
    try:
        end = reached(legs[-1]) if until_step is None else until_step
        steps = [(leg, first, last) for leg, first, last in stretches(legs, end)]
        check_covered(steps, folder)
        files, spikes_n = _spikes(folder, outputs, steps)
        for report in outputs["reports"]:
            files += _report(folder, outputs, report, steps, end)
    except (OSError, KeyError) as error:
        raise OutputError(folder, f"a file of a rank cannot be read: {reason_of(error)}.") from None
    if not keep:
        remove(folder)
    return Merged(files, spikes_n, round(end * outputs["dt_ms"], 9))


def reached(leg: Leg) -> int:
    """Return the last step that all ranks of a leg have written."""
    ends = []
    for path in leg.files(SPIKES):
        if not (path.exists() or partial_of(path).exists()):
            return leg.first
        with open_output(path) as file:
            marks = file[MARKS][:, 0]
            ends.append(int(marks[-1]) if len(marks) else leg.first)
    return min(ends)


def check_covered(steps: Sequence[tuple[Leg, int, int]], folder: Path) -> None:
    """Refuse steps that the files do not have from 0 on without a gap.

    Raises
    ------
    OutputError
        A rank's file is missing or ends before.
    """
    if steps and steps[0][1] != 0:
        raise OutputError(folder, f"files of ranks begin at step {steps[0][1]}; those of the steps before are missing.")
    for leg, _, last in steps:
        for path in leg.files(SPIKES):
            if not (path.exists() or partial_of(path).exists()):
                raise OutputError(path, "is missing; without it the outputs have a gap.")
            with open_output(path) as file:
                if last > leg.first and last not in file[MARKS][:, 0]:
                    raise OutputError(path, f"has no step {last}, where it must be cut; it is of another run.")


def _spikes(folder: Path, outputs: dict[str, Any], steps: Sequence[tuple[Leg, int, int]]) -> tuple[list[Path], int]:
    said = outputs["spikes"]
    populations = [_Named(name, first) for name, first in said["populations"]]
    csv = None if said["csv"] is None else folder / said["csv"]
    writer = SpikeWriter(SpikesSpec(folder / said["path"], said["order"], csv), populations)
    total = 0
    try:
        for leg, first, last in steps:
            for gids, times_ms, step in _blocks(leg, first, last, populations):
                writer.reserve(len(gids))
                writer.add(gids, times_ms, round(step * outputs["dt_ms"], 9))
                total += len(gids)
        return writer.finish(), total
    except BaseException:
        writer.abandon()
        raise


def _blocks(
    leg: Leg, first: int, last: int, populations: Sequence[_Named]
) -> Iterator[tuple[Longs, npt.NDArray[np.float64], int]]:
    """Yield gids, times and last step of some spikes of all ranks after another."""
    files = [open_output(path) for path in leg.files(SPIKES)]
    try:
        marks = [file[MARKS][()].astype(np.int64) for file in files]
        common = sorted(set.intersection(*(set(m[:, 0].tolist()) for m in marks)))
        counts = [np.zeros(len(populations), np.int64) for _ in files]
        ends = [step for step in common if step <= last]
        for number, step in enumerate(ends):
            rows = [m[np.searchsorted(m[:, 0], step), 1:] for m in marks]
            waiting = sum(int((row - done).sum()) for row, done in zip(rows, counts, strict=True))
            if waiting < SPIKES_AT_ONCE and number + 1 < len(ends):
                continue
            gids, times = [np.zeros(0, np.int64)], [np.zeros(0)]
            for k, file in enumerate(files):
                for p, population in enumerate(populations):
                    part = slice(int(counts[k][p]), int(rows[k][p]))
                    group = file[f"spikes/{population.name}"]
                    gids.append(group["node_ids"][part].astype(np.int64) + population.first_gid)
                    times.append(group["timestamps"][part])
                counts[k] = rows[k]
            yield np.concatenate(gids), np.concatenate(times), step
    finally:
        for file in files:
            file.close()


def _report(
    folder: Path, outputs: dict[str, Any], said: dict[str, Any], steps: Sequence[tuple[Leg, int, int]], end: int
) -> list[Path]:
    pieces = [Stretch(leg.files(said["file"]), first, last) for leg, first, last in steps]
    path, dt_ms = folder / said["path"], outputs["dt_ms"]
    report: Report
    width: int
    if said["kind"] == "elements":
        rows = Rows(*said["rows"])
        parts, variable, unit = columns_of(pieces, rows, said["populations"])
        spec = _Spec(path, variable, unit, rows, *said["times"])
        report = ElementReport(spec, parts, dt_ms)
        width = report.width
    elif said["kind"] == "clamps":
        report = StepTable(
            path, clamp_form(said["variable"], said["gids"]), ClampColumns(pieces, len(said["gids"])), dt_ms
        )
        width = len(said["gids"])
    else:
        channels = np.array(said["channels"], np.int64)
        report = StepTable(path, ecp_form(channels), EcpTotal(pieces, 2 * len(channels)), dt_ms)
        width = 2 * len(channels)
    block = max(1, min(outputs["block_steps"], BLOCK_BYTES // (8 * max(1, width))))
    report.open(block)
    try:
        for before in range(0, end, block):
            after = min(before + block, end)
            report.reserve(before, after)
            report.take(before, after)
        return report.finish(end)
    except BaseException:
        if report.out is not None:
            report.out.abandon()
        raise
