"""Checkpoints: the state of a run in a folder, written together, taken up by any number of processes.

    FOLDER/ck-4000/manifest.json      written last: step, step length, seed, the model in numbers, SHA-256 of each part
    FOLDER/ck-4000/part-0.h5          the cells of process 0 (``part_file``), and so on

A checkpoint is made under another name and renamed when it is complete, so that one with its name is whole. Two are
kept: whatever happens while one is written, the one before is there. What is kept goes by gid; random numbers need
nothing, because their counter is the step.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

import neurosim
from neurosim.engine.bygid import merged
from neurosim.engine.engine import Engine
from neurosim.engine.state import state_of
from neurosim.errors import OutputError, SimulationError
from neurosim.hpc.fingerprint import Sums, differences, fingerprint, total
from neurosim.hpc.part_file import gids_in, read_part, reserve, sha256, size_of, write_part
from neurosim.simulation import Simulation
from neurosim.sonata.agreement import together
from neurosim.sonata.space import size_of as in_words

FORMAT = "neurosim checkpoint 1"
KEPT = 2
MANIFEST = "manifest.json"
_NAME = re.compile(r"ck-(\d+)")
_LEFT = re.compile(r"\.ck-\d+\.(partial|old)")

_Facts = dict[str, Any]


# --- writing ----------------------------------------------------------------------------------------------------------


def write(folder: str | Path, sim: Simulation, *, extra: Mapping[str, Any] | None = None) -> Path:
    """Write the state of a run; every process calls this at the same step.

    Older checkpoints of the folder are removed but for one, and those of later steps, which are of another run.

    Parameters
    ----------
    folder : path-like
        Where checkpoints are collected; made when missing. All processes see it.
    sim : Simulation
        The run.
    extra : mapping, optional
        Facts to be kept with it, as JSON has them; those of process 0 count.

    Returns
    -------
    Path
        The checkpoint.

    Raises
    ------
    OutputError
        It cannot be written; the one before is still there.
    SimulationError
        The state cannot be kept (``neurosim.engine.state``).
    """
    folder, exchange = Path(folder).absolute(), sim.exchange
    final = folder / f"ck-{sim.step}"
    partial = folder / f".{final.name}.partial"
    part = partial / f"part-{exchange.rank}.h5"
    state = together(exchange, lambda: state_of(sim.build()))
    size = size_of(state)
    try:
        together(exchange, lambda: _begin(folder, partial) if exchange.rank == 0 else None)
        together(exchange, lambda: _reserve(part, size))
        digest = together(exchange, lambda: _write(part, state, size))
        mine = {"sha256": digest, "bytes": part.stat().st_size, "cells": len(gids_in(state)), "model": _model(sim)}
        every = [json.loads(text) for text in exchange.gather(json.dumps(mine).encode())]
        together(exchange, lambda: _complete(final, partial, _manifest(sim, every, extra)) if every else None)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        if exchange.rank == 0:
            shutil.rmtree(partial, ignore_errors=True)
        raise
    return final


@contextmanager
def _said(path: Path, size: int) -> Iterator[None]:
    """Say what could not be written, with the room that there is."""
    try:
        yield
    except OSError as error:
        why = getattr(error, "strerror", None) or str(error)
        free = "?"
        with suppress(OSError):
            free = in_words(shutil.disk_usage(_there(path)).free)
        raise OutputError(
            path,
            f"this part of the checkpoint cannot be written: {why}; it needs {in_words(size)} and {free} are free. The "
            "checkpoint before is kept; make room, or choose another folder.",
        ) from None


def _there(path: Path) -> Path:
    """Return the nearest folder above a path that exists."""
    return next(above for above in path.parents if above.exists())


def _begin(folder: Path, partial: Path) -> None:
    """Make the folder of a new checkpoint, and remove what was left of those that were cut off."""
    with _said(partial, 0):
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.iterdir():
            if _LEFT.fullmatch(left.name):
                shutil.rmtree(left)
        partial.mkdir()


def _reserve(part: Path, size: int) -> None:
    with _said(part, size):
        reserve(part, size)


def _write(part: Path, state: dict[str, np.ndarray[Any, Any]], size: int) -> str:
    with _said(part, size):
        return write_part(part, state)


_models: WeakKeyDictionary[Engine, Sums] = WeakKeyDictionary()
"""The model of an engine in numbers, worked out once: it does not change."""


def _model(sim: Simulation) -> Sums:
    engine = sim.build()
    if engine not in _models:
        _models[engine] = fingerprint(engine.request, sim.exchange.rank)
    return _models[engine]


def _manifest(sim: Simulation, every: list[_Facts], extra: Mapping[str, Any] | None) -> _Facts:
    model = total([mine["model"] for mine in every])
    files = {
        f"part-{rank}.h5": {name: mine[name] for name in ("sha256", "bytes", "cells")}
        for rank, mine in enumerate(every)
    }
    return {
        "format": FORMAT,
        "version": neurosim.__version__,
        "step": sim.step,
        "time_ms": sim.build().t_ms,
        **_run_facts(sim),
        "model": {kind: [n, f"{word:016x}"] for kind, (n, word) in model.items()},
        "files": files,
        "extra": dict(extra or {}),
    }


def _run_facts(sim: Simulation) -> _Facts:
    names = ("dt_ms", "seed", "celsius_degC", "v_init_mV")
    return {"cells": len(sim.cells), **{name: getattr(sim, name) for name in names}}


def _complete(final: Path, partial: Path, manifest: _Facts) -> None:
    """Write the manifest, give the folder its name, and remove what is not needed any more."""
    text = json.dumps(manifest, indent=1).encode()
    with _said(final, len(text)):
        with (partial / MANIFEST).open("wb") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        _sync(partial)
        if final.exists():
            final.rename(final.with_name(f".{final.name}.old"))
        partial.rename(final)
        _sync(final.parent)
    _tidy(final)


def _sync(folder: Path) -> None:
    """Bring the names in a folder to the disk, where the file system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _tidy(newest_one: Path) -> None:
    """Keep the newest two; those of later steps are of another run."""
    steps = _steps(newest_one.parent)
    this = int(newest_one.name.removeprefix("ck-"))
    kept = [step for step in steps if step <= this][:KEPT]
    for step in {*steps} - {*kept}:
        # Renamed first: a folder with a checkpoint's name is whole.
        gone = newest_one.with_name(f".ck-{step}.old")
        with suppress(OSError):
            (newest_one.parent / f"ck-{step}").rename(gone)
    for left in newest_one.parent.iterdir():
        if _LEFT.fullmatch(left.name):
            shutil.rmtree(left, ignore_errors=True)


def _steps(folder: Path) -> list[int]:
    """Return the steps of a folder's checkpoints, newest first."""
    if not folder.is_dir():
        return []
    found = [match for path in folder.iterdir() if (match := _NAME.fullmatch(path.name)) and path.is_dir()]
    return sorted((int(match[1]) for match in found), reverse=True)


# --- reading ----------------------------------------------------------------------------------------------------------


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr)


def newest(folder: str | Path, tell: Callable[[str], None] = _to_stderr) -> Path | None:
    """Return the newest checkpoint that is whole; None when there is none.

    Parameters
    ----------
    folder : path-like
        As given to ``write``, or one checkpoint.
    tell : callable
        Gets a line about each checkpoint that is damaged and passed over; standard error when omitted.
    """
    folder = Path(folder).absolute()
    one = [folder] if (folder / MANIFEST).is_file() else [folder / f"ck-{step}" for step in _steps(folder)]
    for path in one:
        wrong = damage(path)
        if wrong is None:
            return path
        tell(f"checkpoint {path.name} is passed over: {wrong}")
    return None


def damage(path: Path) -> str | None:
    """Return what is wrong with a checkpoint, None when nothing is; all of its files are read."""
    try:
        manifest = read_manifest(path)
        for name, facts in manifest["files"].items():
            part = path / name
            if not part.is_file():
                return f"{name} is missing"
            if part.stat().st_size != facts["bytes"]:
                return f"{name} has {part.stat().st_size} bytes in place of {facts['bytes']}"
            if sha256(part) != facts["sha256"]:
                return f"{name} has another SHA-256 than {MANIFEST} says"
    except (OSError, SimulationError, KeyError, TypeError, AttributeError) as error:
        return str(error)
    return None


def read_manifest(path: Path) -> _Facts:
    """Return the facts of a checkpoint.

    Raises
    ------
    SimulationError
        There is none, or it is of another version.
    """
    try:
        found = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SimulationError(
            f"{path / MANIFEST}: cannot be read ({error}); give the folder of a checkpoint, or begin anew"
        ) from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise SimulationError(
            f"{path / MANIFEST}: it is of another version than this neurosim reads ({FORMAT}); begin anew"
        )
    return found


def load(path: str | Path, sim: Simulation) -> dict[str, Any]:
    """Go on from a checkpoint; every process calls this, and their number may be another than that which wrote.

    Spikes and recordings of the time before are not part of it.

    Parameters
    ----------
    path : path-like
        A checkpoint (``newest``).
    sim : Simulation
        The same model, with the same step, seed and temperature.

    Returns
    -------
    dict
        The facts kept with it.

    Raises
    ------
    SimulationError
        It is of another model, and the message says in what; or it is damaged.
    """
    path, exchange = Path(path).absolute(), sim.exchange
    manifest = together(exchange, lambda: read_manifest(path))
    parts = [json.loads(text) for text in exchange.gather(json.dumps(_model(sim)).encode())]
    together(exchange, lambda: _check(path, manifest, sim, parts) if parts else None)
    state = together(exchange, lambda: _read(path, manifest, sim))
    sim.set_state(state)
    found: dict[str, Any] = manifest["extra"]
    return found


def _check(path: Path, manifest: _Facts, sim: Simulation, parts: list[dict[str, list[int]]]) -> None:
    """Refuse a checkpoint of another model."""
    odd = [
        f"{name} is {manifest.get(name)!r} there and {value!r} here"
        for name, value in _run_facts(sim).items()
        if manifest.get(name) != value
    ]
    there = {kind: (n, int(word, 16)) for kind, (n, word) in manifest["model"].items()}
    odd += differences(there, total(parts))
    if odd:
        raise SimulationError(f"{path}: it is of another model; {'; '.join(odd)}. Go on with the same, or begin anew")


def _read(path: Path, manifest: _Facts, sim: Simulation) -> dict[str, np.ndarray[Any, Any]]:
    """Return the state of this process's cells, with the recent spikes that act on them."""
    where = sim.build().whereabouts
    own, heard = where.gids, np.union1d(where.gids, where.sources)
    parts = []
    for name in manifest["files"]:
        try:
            parts.append(read_part(path / name, lambda table: heard if table == "recent" else own))
        except (OSError, KeyError) as error:
            raise SimulationError(f"{path / name}: it is damaged ({error}); go on from another checkpoint") from None
    return merged(parts)
