"""Simulating the report's runs in several processes, and keeping each as the HDF5 track it writes.

A run that is there is not made again: its file is named by what the run says and by the model's parameters and
mechanisms. Changed code of the simulator is not seen; give another folder, or empty it, after one.
"""

from __future__ import annotations

import hashlib
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from neurosim.errors import ModelError, NeurosimError
from neurosim.models.worm import track
from neurosim.models.worm.parameters import FOLDER
from neurosim.models.worm.report.protocols import Run
from neurosim.models.worm.track import Recorder, Track
from neurosim.progress import Progress

EVERY_MS = 50.0
"""Time between two kept postures."""

MakeLoop = Callable[..., Any]


@dataclass(frozen=True)
class Outcome:
    """What there is of the runs.

    Parameters
    ----------
    tracks : dict of str to Track
        By ``Run.key``.
    failed : dict of str to str
        Runs that could not be simulated, with the error.
    """

    tracks: dict[str, Track]
    failed: dict[str, str]


def closed_loop(**options: Any) -> Any:
    """Make the worm's loop."""
    from neurosim.models.worm.loop import ClosedLoop

    return ClosedLoop(**options)


@cache
def model_digest() -> str:
    """Return eight digits of a hash of all parameters and mechanisms."""
    digest = hashlib.sha256()
    for path in sorted([*FOLDER.glob("*.toml"), *(FOLDER.parent / "mechanisms").glob("*.mod")]):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:8]


def path_of(run: Run, folder: Path) -> Path:
    """Return where a run is kept."""
    return folder / run.protocol / f"{run.name}-{run.digest}-{model_digest()}.h5"


def simulate(run: Run, loop: Any, path: Path) -> None:
    """Run one animal and write its track.

    Parameters
    ----------
    run : Run
    loop : ClosedLoop
        With the run's medium and ablations; it is reset.
    path : Path
    """
    from neurosim.models.worm.environment.environment import UNITS

    world = run.environment()
    loop.reset(run.seed)
    loop.environment = world  # after reset, which puts back the loop's own touches
    fields = tuple(name for name in UNITS if name in world.fields)
    steps, stride = round(run.duration_ms / loop.control_ms), round(EVERY_MS / loop.control_ms)
    if stride < 1 or abs(stride * loop.control_ms - EVERY_MS) > 1e-9:
        raise ModelError(f"report: control_ms={loop.control_ms:g} does not divide {EVERY_MS:g} ms; use 5")
    with Recorder(path, fields=fields) as recorder:
        for step in range(steps + 1):
            now_ms = step * loop.control_ms
            if step % stride == 0:
                nose = loop.body.points_mm[:1]
                smelled = {name: float(world.concentration(nose, now_ms, name)[0]) for name in fields}
                recorder.add(loop.body, loop.activation, smelled)
            for pulse in run.pulses:
                for edge_ms, amplitude_nA in ((pulse.start_ms, pulse.amplitude_nA), (pulse.stop_ms, 0.0)):
                    if abs(now_ms - edge_ms) < 0.5 * loop.control_ms:
                        for cell in pulse.cells:
                            loop.stimulate(cell, amplitude_nA)
            if step < steps:
                loop.step()


_held: dict[tuple[MakeLoop, tuple[str, ...], float, str], Any] = {}


def _kind(run: Run) -> tuple[tuple[str, ...], float, str]:
    """Return what runs that one loop can make after another have in common."""
    return run.ablate, run.medium, run.detail


def make(run: Run, path: Path, make_loop: MakeLoop = closed_loop) -> str | None:
    """Simulate a run unless its file is there; return the error when it cannot be simulated.

    The last loop of the process is used again for runs of the same ablations and medium.
    """
    if path.is_file():
        return None
    kind = (make_loop, *_kind(run))
    try:
        if kind not in _held:
            _held.clear()
            _held[kind] = make_loop(seed=run.seed, medium=run.medium, ablate=run.ablate, detail=run.detail)
        path.parent.mkdir(parents=True, exist_ok=True)
        simulate(run, _held[kind], path)
    except NeurosimError as error:
        _held.clear()
        return f"{type(error).__name__}: {error}"
    return None


def make_all(
    runs: Sequence[Run],
    folder: Path,
    *,
    processes: int = 2,
    make_loop: MakeLoop = closed_loop,
    progress: bool | None = None,
) -> Outcome:
    """Make all runs that are missing and read all.

    Parameters
    ----------
    runs : sequence of Run
    folder : Path
        Where they are kept.
    processes : int
        How many at once; 1 is this process. Results do not depend on it.
    make_loop : function
        Returns the loop for ``seed``, ``medium``, ``ablate``; at a module's top level with several processes.
    progress : bool, optional
        A bar of simulated time; by default on a terminal.
    """
    if len({run.key for run in runs}) != len(runs):
        raise ModelError("report: two runs have the same protocol and name; names must differ")
    missing = [run for run in runs if not path_of(run, folder).is_file()]
    # Runs that can share a loop are neighbours.
    missing.sort(key=lambda run: (run.ablate, run.medium, run.detail, run.protocol, run.name))
    failed: dict[str, str] = {}
    with Progress(sum(run.duration_ms for run in missing), label="report", enabled=progress) as bar:
        for run, error in _made(missing, folder, processes, make_loop):
            bar.update(bar.t_ms + run.duration_ms)
            if error is not None:
                failed[run.key] = error
    kept = {run.key: track.read(path_of(run, folder)) for run in runs if run.key not in failed}
    return Outcome(kept, failed)


def _made(missing: list[Run], folder: Path, processes: int, make_loop: MakeLoop) -> Any:
    """Yield runs as they end, with their errors."""
    if processes == 1 or len(missing) < 2:
        for run in missing:
            yield run, make(run, path_of(run, folder), make_loop)
        return
    # Each process takes blocks of neighbours, so that a loop is built once for several runs.
    blocks = _blocks(missing, processes)
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting = [
            pool.submit(_make_block, block, [path_of(run, folder) for run in block], make_loop) for block in blocks
        ]
        try:
            for done in as_completed(waiting):
                yield from done.result()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _make_block(block: list[Run], paths: list[Path], make_loop: MakeLoop) -> list[tuple[Run, str | None]]:
    return [(run, make(run, path, make_loop)) for run, path in zip(block, paths, strict=True)]


def _blocks(runs: list[Run], processes: int) -> list[list[Run]]:
    """Return runs of one loop together, at most five of them, so that all processes stay busy to the end."""
    blocks: list[list[Run]] = []
    most = max(1, min(5, -(-len(runs) // processes)))
    for run in runs:
        last = blocks[-1] if blocks else []
        if last and len(last) < most and _kind(last[0]) == _kind(run):
            last.append(run)
        else:
            blocks.append([run])
    return blocks
