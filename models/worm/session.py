"""A run of the closed loop with its files: track, voltages, what was done by hand, facts of the run."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from neurosim.models.worm.environment.environment import UNITS
from neurosim.models.worm.loop import ClosedLoop
from neurosim.models.worm.track import Ground, Recorder
from neurosim.models.worm.voltages import VoltageReport
from neurosim.sonata.outfile import write_text

TRACK, VOLTAGES, FACTS = "track.h5", "voltages.h5", "run.json"
TRACK_MS = 20.0
"""Interval of the track."""
FLUSH_S = 1.0
"""Wall time between two writes; a killed run loses no more."""


@dataclass(frozen=True)
class Outcome:
    """What a run left behind: time reached, wall time, files."""

    t_ms: float
    wall_s: float
    files: tuple[Path, ...]
    interrupted: bool


def run(loop: ClosedLoop, folder: Path, duration_ms: float, *, progress: bool | None = None) -> Outcome:
    """Advance a loop and write its files into a folder.

    Parameters
    ----------
    loop : ClosedLoop
        At time 0.
    folder : Path
        Made when missing.
    duration_ms : float
        A multiple of the loop's ``control_ms``.
    progress : bool, optional
        Whether to show a bar.

    Notes
    -----
    ``track.h5``: the body every 20 ms (``track``). ``voltages.h5``: somata every control step, a SONATA soma report.
    ``run.json``: what was simulated, and what was done by hand. After Ctrl-C the files hold everything up to that time.
    """
    folder.mkdir(parents=True, exist_ok=True)
    begun = flushed = time.perf_counter()
    interrupted = False
    every = max(1, round(TRACK_MS / loop.control_ms))
    cells_n, steps = len(loop.model.names), round(duration_ms / loop.control_ms)
    with (
        _recorder(loop, folder / TRACK) as track,
        VoltageReport(folder / VOLTAGES, cells_n, loop.control_ms, steps) as voltages,
    ):

        def locate(now: ClosedLoop) -> None:
            if round(now.time_ms / now.control_ms) % every == 0:
                track.add(now.body, now.activation, now.concentration)

        def keep(now: ClosedLoop) -> None:
            nonlocal flushed
            voltages.add(now.cell_voltage_mV)
            locate(now)
            if time.perf_counter() - flushed > FLUSH_S:
                track.flush()
                voltages.flush()
                flushed = time.perf_counter()

        locate(loop)
        loop.watchers.append(keep)
        try:
            loop.run(duration_ms, progress=progress)
        except KeyboardInterrupt:
            interrupted = True
        finally:
            loop.watchers.remove(keep)
    wall_s = time.perf_counter() - begun
    write_text(folder / FACTS, json.dumps(_facts(loop, wall_s), indent=2) + "\n")
    files = tuple(folder / name for name in (TRACK, VOLTAGES, FACTS))
    return Outcome(loop.time_ms, wall_s, files, interrupted)


def _recorder(loop: ClosedLoop, path: Path) -> Recorder:
    """Return a recorder that knows the medium and the fields as they lie on the plate at the beginning."""
    world = loop.environment
    seen = [(name, world.sampled(name, 0.0)) for name in world.fields]
    ground = {name: Ground(on.values, on.origin_mm, on.spacing_mm, UNITS[name]) for name, on in seen}
    return Recorder(path, fields=tuple(world.fields), units=UNITS, medium=str(loop.medium), ground=ground)


def _facts(loop: ClosedLoop, wall_s: float) -> dict[str, object]:
    return {
        "seed": loop.seed,
        "medium": str(loop.medium),
        "dt_ms": loop.dt_ms,
        "control_ms": loop.control_ms,
        "ablated": list(loop.ablated),
        "t_ms": loop.time_ms,
        "wall_s": round(wall_s, 3),
        "acts": [asdict(act) for act in loop.simulation.acts],
    }
