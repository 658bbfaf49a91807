"""One table of all runs of a job: how far each is, what it fired, how long it took, which files it left.

States: ``done``; ``running`` and ``waiting``, as Slurm says; ``failed`` with an exit status; ``cut off``, begun, but
neither ended nor in the queue (``unfinished`` where Slurm does not tell); ``stopped``, at its limit with a checkpoint
and not in the queue; ``missing``, never begun.
"""

from __future__ import annotations

import csv
import hashlib
import io
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from neurosim.errors import NeurosimError, SonataError
from neurosim.hpc import journal, slurm
from neurosim.hpc.script import SCRIPT
from neurosim.hpc.submit import JOBS, TABLE, jobs_of, note_job
from neurosim.hpc.sweep import Run, read_table, written
from neurosim.sonata.config import Config, load
from neurosim.sonata.merge import reached
from neurosim.sonata.nodes import read_populations
from neurosim.sonata.outfile import open_output, partial_of
from neurosim.sonata.rank_files import legs_of
from neurosim.sonata.roster import Roster
from neurosim.sonata.spikes import read_spikes
from neurosim.units import MS_PER_S

RESULT: Final = "collected.csv"
CHECKPOINT_STATUS: Final = 85
"""What a run ends with that has written a checkpoint because its time is nearly over."""
_CHUNK: Final = 2**20


@dataclass(frozen=True)
class Spikes:
    """What a spikes file holds: time it is complete up to, spikes, digest of all (SHA-256), whether it is finished."""

    t_ms: float
    spikes_n: int
    sha256: str
    finished: bool


@dataclass(frozen=True)
class Row:
    """One run as it stands.

    Parameters
    ----------
    run : Run
        Number, seed, parameters, folder.
    state : str
        See the module.
    tries_n : int
        How often it was begun.
    wall_s : float or None
        Time of all tries that have ended; None where nothing was noted.
    t_ms : float or None
        Model time reached; None where nothing tells.
    spikes : Spikes or None
        None without a readable file, and while each process of the run still has its own.
    rate_Hz : float or None
        Mean over the cells that can fire.
    files : tuple of str
        Names of the outputs.
    """

    run: Run
    state: str
    tries_n: int
    wall_s: float | None
    t_ms: float | None
    spikes: Spikes | None
    rate_Hz: float | None
    files: tuple[str, ...]


def collect(folder: Path) -> list[Row]:
    """Return how the runs of a job stand.

    Parameters
    ----------
    folder : Path
        Folder of the job.

    Raises
    ------
    NeurosimError
        No job was put there.
    """
    runs = read_table(folder / TABLE)
    tries = [journal.read(folder / run.output) for run in runs]
    begun = {each[-1].job for each in tries if each and each[-1].status != 0}
    active = slurm.queue({*jobs_of(folder), *begun})
    cells: dict[str, int] = {}
    return [_row(folder, run, each, active, cells) for run, each in zip(runs, tries, strict=True)]


def left(rows: Sequence[Row]) -> list[int]:
    """Return the indices of runs that are neither done nor in the queue."""
    return [row.run.index for row in rows if row.state not in ("done", "running", "waiting")]


def resubmit(folder: Path, rows: Sequence[Row]) -> str:
    """Hand in the script again for what is left; return the number of the job.

    Raises
    ------
    NeurosimError
        Nothing is left, or nobody knows what of it runs at this moment.
    """
    again = left(rows)
    if not again:
        raise NeurosimError(f"collect: every run of {folder} is done or in the queue; nothing to hand in.")
    if any(row.state == "unfinished" for row in rows):
        raise NeurosimError("collect: squeue does not say whether unfinished runs go on; hand in on the cluster.")
    number = slurm.sbatch(folder / SCRIPT, array="" if rows[0].run.output == "." else ranges(again))
    note_job(folder, number)
    return number


def _row(
    folder: Path,
    run: Run,
    tries: Sequence[journal.Try],
    active: Mapping[tuple[str, int | None], str] | None,
    cells: dict[str, int],
) -> Row:
    output = folder / run.output
    config = _config_of(folder, run)
    apart_ms = None if config is None else _apart_ms(config, output)
    spikes = None if config is None or apart_ms is not None else spikes_in(read_spikes(config, output, ()).path)
    t_ms, rate = apart_ms if spikes is None else spikes.t_ms, None
    if config is not None and spikes is not None and spikes.t_ms > 0:
        key = str(config.section("networks").get("nodes"))
        if key not in cells:
            cells[key] = _firing(config)
        rate = spikes.spikes_n / max(1, cells[key]) / (spikes.t_ms / MS_PER_S)
    ended = [each.end_s - each.begin_s for each in tries if each.end_s is not None]
    state = _state(run, tries, active, spikes)
    return Row(run, state, len(tries), float(sum(ended)) if ended else None, t_ms, spikes, rate, _files(output))


def _apart_ms(config: Config, output: Path) -> float | None:
    """Return the time up to which all processes of a run have written; None when its outputs are in one place."""
    legs = legs_of(output)
    if not legs:
        return None
    try:
        return round(max(legs[-1].first, reached(legs[-1])) * config.run.dt_ms, 9)
    except (OSError, KeyError, RuntimeError):
        return round(legs[-1].first * config.run.dt_ms, 9)


def _config_of(folder: Path, run: Run) -> Config | None:
    """Return the configuration of a run; None where it cannot be read any more."""
    try:
        return load(folder / run.config)
    except SonataError:
        return None


def _state(
    run: Run, tries: Sequence[journal.Try], active: Mapping[tuple[str, int | None], str] | None, spikes: Spikes | None
) -> str:
    index = None if run.output == "." else run.index
    queued = [state for (_, place), state in (active or {}).items() if place == index]
    if tries and tries[-1].status == 0:
        return "done"
    if queued:
        return "waiting" if queued[0] == "PENDING" else "running"
    if not tries:
        return "missing" if spikes is None else "done" if spikes.finished else "cut off"
    status = tries[-1].status
    if status is None:
        return "cut off" if active is not None else "unfinished"
    return "stopped" if status == CHECKPOINT_STATUS else f"failed ({status})"


def spikes_in(path: Path) -> Spikes | None:
    """Return what a spikes file holds, finished or not; None where there is none that can be read.

    The digest is that of times (float64) and node ids (uint64), little-endian, population by population in the order
    of their names, so that it tells whether two runs fired the same.
    """
    digest, spikes_n = hashlib.sha256(), 0
    try:
        with open_output(path) as file:
            for name in sorted(file["spikes"]):
                group = file["spikes"][name]
                n = min(len(group["timestamps"]), len(group["node_ids"]))
                spikes_n += n
                for column, kind in (("timestamps", "<f8"), ("node_ids", "<u8")):
                    for first in range(0, n, _CHUNK):
                        values = group[column][first : min(n, first + _CHUNK)]
                        digest.update(np.ascontiguousarray(values, kind).tobytes())
            t_ms = float(file["progress/t_ms"][0]) if "progress/t_ms" in file else 0.0
    except (OSError, KeyError, RuntimeError, ValueError):
        return None
    return Spikes(t_ms, spikes_n, digest.hexdigest(), not partial_of(path).exists())


def _firing(config: Config) -> int:
    """Return the number of cells that can fire."""
    members = Roster(read_populations(config)).members.values()
    return sum(len(member.simulated_ids) for member in members)


def _files(output: Path) -> tuple[str, ...]:
    """Return the outputs of a run: what is not the job's own."""
    own = {journal.JOURNAL, TABLE, SCRIPT, RESULT, JOBS, "job.out"}
    if not output.is_dir():
        return ()
    return tuple(sorted(path.name for path in output.iterdir() if path.is_file() and path.name not in own))


def csv_of(rows: Sequence[Row]) -> str:
    """Return the table as CSV, a row for each run; what is not known is empty."""
    keys = list(rows[0].run.parameters) if rows else []
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    measured = ["t_ms", "spikes_n", "rate_Hz", "wall_s", "tries_n", "spikes_sha256", "files"]
    writer.writerow(["index", "output", "seed", *keys, "state", *measured])
    for row in rows:
        run, found = row.run, row.spikes
        writer.writerow([
            run.index, run.output, "" if run.seed is None else run.seed, *(written(run.parameters[k]) for k in keys),
            row.state,
            "" if row.t_ms is None else f"{row.t_ms:.12g}", "" if found is None else found.spikes_n,
            "" if row.rate_Hz is None else f"{row.rate_Hz:.6g}", "" if row.wall_s is None else f"{row.wall_s:g}",
            row.tries_n, "" if found is None else found.sha256, " ".join(row.files),
        ])  # fmt: skip
    return out.getvalue()


def text_of(rows: Sequence[Row], folder: Path) -> str:
    """Return the table for people, what is missing, and how to hand in only that."""
    keys = list(rows[0].run.parameters) if rows else []
    seeds = any(row.run.seed is not None for row in rows)
    head = [
        "run",
        *(["seed"] if seeds else []),
        *keys,
        "state",
        "t/ms",
        "spikes",
        "rate/Hz",
        "wall/s",
        "tries",
        "digest",
    ]
    lines = [head]
    for row in rows:
        found = row.spikes
        lines.append([
            str(row.run.index), *([str(row.run.seed)] if seeds else []),
            *(written(row.run.parameters[k]) for k in keys), row.state,
            "-" if row.t_ms is None else f"{row.t_ms:g}", "-" if found is None else str(found.spikes_n),
            "-" if row.rate_Hz is None else f"{row.rate_Hz:.3g}", "-" if row.wall_s is None else f"{row.wall_s:g}",
            str(row.tries_n), "-" if found is None else found.sha256[:12],
        ])  # fmt: skip
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    shown = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    return "\n".join([*shown, *_closing(rows, folder)])


def _closing(rows: Sequence[Row], folder: Path) -> list[str]:
    states: dict[str, int] = {}
    for row in rows:
        word = row.state.partition(" (")[0]
        states[word] = states.get(word, 0) + 1
    lines = [
        f"{len(rows)} run{'' if len(rows) == 1 else 's'}: " + ", ".join(f"{n} {word}" for word, n in states.items())
    ]
    again = left(rows)
    if again:
        which = "" if rows[0].run.output == "." else f" (runs {ranges(again)})"
        lines.append(f"hand in what is left{which}:  neurosim collect {shlex.quote(str(folder))} --resubmit")
    return lines


def ranges(numbers: Sequence[int]) -> str:
    """Return ascending numbers as Slurm writes them: ``0,3-5``."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in parts)
