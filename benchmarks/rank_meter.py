"""What a process of a run spends on exchanging: computing, exchange and waiting apart.

The clock is that of the machine (``CLOCK_MONOTONIC``), which all processes of one machine share: a process waits from
when it comes to an exchange until the last one comes. So this is for runs on one machine.
"""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from common import ROOT, commit

MET = ("start", "finish", "smallest", "tell", "gather")
"""Calls in which the processes of a running simulation meet."""


class Meter:
    """An exchange that notes when each of its calls began and ended.

    Parameters
    ----------
    inner : Exchange
        What does the work.
    """

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.came: list[float] = []
        self.left: list[float] = []

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        return partial(self._timed, found) if name in MET else found

    def _timed(self, call: Callable[..., Any], *args: Any) -> Any:
        self.came.append(time.monotonic())
        out = call(*args)
        self.left.append(time.monotonic())
        return out


def parts_of(ranks: Sequence[dict[str, Any]]) -> tuple[list[float], list[float], list[float]]:
    """Return compute, exchange (waiting included) and wait of each rank in s, from what each noted.

    A call waits until the last of the ranks has come to it, but not longer than it takes: with overlap a call that
    starts a transfer waits for nobody.
    """
    came = np.array([rank["came"] for rank in ranks])
    left = np.array([rank["left"] for rank in ranks])
    inside = left - came
    wait = np.minimum(came.max(axis=0) - came, inside) if came.size else inside
    exchange_s = inside.sum(axis=1)
    compute_s = np.array([rank["run_s"] for rank in ranks]) - exchange_s
    return compute_s.tolist(), exchange_s.tolist(), wait.sum(axis=1).tolist()


def launch(
    ranks: int, script: str, options: Sequence[str], folder: Path, limit_s: float = 600.0
) -> list[dict[str, Any]]:
    """Run a script of this folder on so many ranks; return what each left in ``folder``.

    Parameters
    ----------
    ranks : int
        1: a plain process, without MPI.
    script : str
        Its process K writes ``folder/K.json``.
    options : sequence of str
        Command line; ``--folder`` is added.
    folder : Path
        Emptied before.
    limit_s : float
        It is ended after this time.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.json"):
        path.unlink()
    words = [sys.executable, str(ROOT / "benchmarks" / script), *options, "--folder", str(folder)]
    env = dict(os.environ)
    mpi = Path(sys.prefix) / "lib" / "libmpi.so.12"
    if mpi.exists():
        env.setdefault("MPI_LIB_NRN_PATH", str(mpi))
    if ranks > 1:
        words = [str(Path(sys.executable).parent / "mpiexec"), "-n", str(ranks), *words]
        if ranks > (os.cpu_count() or 1):
            env["MPIR_CVAR_ENABLE_HEAVY_YIELD"] = "1"
    done = subprocess.run(words, capture_output=True, text=True, timeout=limit_s, env=env)
    if done.returncode:
        raise SystemExit(
            f"{' '.join(words)}\nexit code {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        )
    found = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"), key=lambda p: int(p.stem))]
    if len(found) != ranks:
        raise SystemExit(f"{' '.join(words)}: {len(found)} ranks have written their numbers instead of {ranks}")
    return found


def leave(folder: str, rank: int, found: dict[str, Any]) -> None:
    """Write the numbers of a rank where ``launch`` looks for them."""
    Path(folder, f"{rank}.json").write_text(json.dumps(found))


def head() -> dict[str, Any]:
    """Return what a figure comes with: date, commit, machine, load, versions."""
    from neurosim.cli.info import facts

    return {
        "date": datetime.date.today().isoformat(),
        "commit": commit(),
        "machine": {name: value for name, value in facts().items() if not name.startswith("cache")},
        "load_before": os.getloadavg()[0],
        "versions": {name: _version(name) for name in ("neurosim", "numpy", "numba", "mpi4py", "mpich", "neuron")},
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
