"""The files that the processes of a run write, each its own, until they are made into the outputs.

    <output_dir>/.ranks/
      run.json                     what the outputs are to be: names, order of spikes, steps of reports
      leg-001-from-1000/           what was computed from step 1000 on, when the run began or went on there
        leg.json                   its first step and its number of processes
        rank-00003/spikes.h5       spikes of process 3, ``/spikes/<population>/{timestamps, node_ids}``
        rank-00003/00-v.h5         report 0 of process 3, with the cells of that process

A file is ``….partial`` until its process ends; ``outfile.open_output`` opens it either way, during the run as well as
after a kill. A run that goes on from a checkpoint begins a new leg, with any number of processes; a later leg cuts the
earlier ones off at its first step. ``merge`` makes the outputs.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from neurosim.errors import OutputError
from neurosim.sonata.outfile import reason_of, write_text

FOLDER = ".ranks"
RUN, LEG, SPIKES = "run.json", "leg.json", "spikes.h5"


@dataclass(frozen=True)
class Leg:
    """Files of a run from one step on.

    Parameters
    ----------
    path : Path
        Their folder.
    first : int
        Step at which it begins.
    ranks_n : int
        Number of processes.
    number : int
        Its place among the legs in the order in which they were begun.
    """

    path: Path
    first: int
    ranks_n: int
    number: int

    def of(self, rank: int) -> Path:
        """Return the folder of a process."""
        return self.path / f"rank-{rank:05d}"

    def files(self, name: str) -> list[Path]:
        """Return the files of one name, by rank."""
        return [self.of(rank) / name for rank in range(self.ranks_n)]


def report_name(number: int, path: Path) -> str:
    """Return the name of a report's rank files."""
    return f"{number:02d}-{path.name}"


def begin_run(output_dir: Path, outputs: dict[str, Any]) -> None:
    """Remove the rank files of an earlier run and say what the outputs of this one are; one process calls this."""
    remove(output_dir)
    write_text(output_dir / FOLDER / RUN, json.dumps(outputs, indent=1) + "\n")


def described(output_dir: Path) -> dict[str, Any]:
    """Return what ``begin_run`` wrote.

    Raises
    ------
    OutputError
        There are no rank files.
    """
    path = output_dir / FOLDER / RUN
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise OutputError(path, f"there are no files of ranks to go on from or to merge: {reason_of(error)}.") from None
    return found


def go_on(output_dir: Path, outputs: dict[str, Any], step: int) -> None:
    """Say what the outputs are from ``step`` on: the same as before, but that reports may end later.

    Parameters
    ----------
    output_dir : Path
        Folder of the outputs.
    outputs : dict
        As for ``begin_run``.
    step : int
        Where the run goes on.

    Raises
    ------
    OutputError
        Something else differs.
    """
    before, now = described(output_dir), json.loads(json.dumps(outputs))
    nothing: dict[str, Any] = {}
    pairs = zip_longest(before["reports"], now["reports"], fillvalue=nothing)
    same = {name: before[name] == now[name] for name in ("dt_ms", "spikes")}
    same["reports"] = all(_goes_on(a, b, step) for a, b in pairs)
    for name in (name for name, fits in same.items() if not fits):
        raise OutputError(
            output_dir, f"output, {name}: differs from the run that wrote the checkpoint; go on with the same outputs, "
            "or begin anew."
        )  # fmt: skip
    write_text(output_dir / FOLDER / RUN, json.dumps({**before, **now}, indent=1) + "\n")


def _goes_on(before: dict[str, Any], now: dict[str, Any], step: int) -> bool:
    """Return whether a report is the same, or ends elsewhere but not before ``step``."""
    if before == now or {before.get("kind"), now.get("kind")} != {"elements"}:
        return before == now
    ends = [report["rows"][1] for report in (before, now)]
    plain = [
        {**report, "rows": [report["rows"][0], report["rows"][2]], "times": report["times"][:2]}
        for report in (before, now)
    ]
    return plain[0] == plain[1] and min(ends) >= step


def begin_leg(output_dir: Path, first: int, ranks_n: int) -> Leg:
    """Make the folders of a new leg; one process calls this."""
    number = len(legs_of(output_dir))
    path = output_dir / FOLDER / f"leg-{number:03d}-from-{first}"
    leg = Leg(path, first, ranks_n, number)
    try:
        for rank in range(ranks_n):
            leg.of(rank).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(path, f"cannot be made: {reason_of(error)}.") from None
    write_text(path / LEG, json.dumps({"number": number, "first_step": first, "ranks": ranks_n}) + "\n")
    return leg


def legs_of(output_dir: Path) -> list[Leg]:
    """Return all legs in the order in which they were begun."""
    found = []
    for path in (output_dir / FOLDER).glob(f"leg-*/{LEG}"):
        values = json.loads(path.read_text(encoding="utf-8"))
        found.append(Leg(path.parent, values["first_step"], values["ranks"], values["number"]))
    return sorted(found, key=lambda leg: leg.number)


def stretches(legs: Sequence[Leg], end: int) -> list[tuple[Leg, int, int]]:
    """Return which steps are taken from which leg: (leg, first, last), the latest leg that has a step counts.

    Parameters
    ----------
    legs : sequence of Leg
        In the order in which they were begun; at least one.
    end : int
        Last step. When it is the first one, the last leg is returned with no steps.
    """
    found: list[tuple[Leg, int, int]] = []
    stop = end
    for leg in reversed(legs):
        if leg.first < stop:
            found.append((leg, leg.first, stop))
            stop = leg.first
    return found[::-1] or [(legs[-1], legs[-1].first, legs[-1].first)]


def remove(output_dir: Path) -> None:
    """Remove all rank files."""
    place = output_dir / FOLDER
    try:
        if place.exists():
            shutil.rmtree(place)
    except OSError as error:
        raise OutputError(place, f"cannot be removed: {reason_of(error)}.") from None
