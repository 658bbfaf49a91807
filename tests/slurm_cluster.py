"""A private Slurm of several emulated nodes on this machine, for tests of real jobs."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from neurosim.hpc import slurm
from neurosim.hpc.submit import jobs_of

PROGRAMS: Final = ("sbatch", "srun", "squeue", "scontrol", "scancel", "slurmctld", "slurmd", "munged")
SBIN: Final = "/usr/local/sbin:/usr/sbin:/sbin"


class Cluster:
    """A cluster that is up between ``start`` and ``stop``.

    Parameters
    ----------
    script : Path
        ``slurm-local.sh`` of the shared folder.
    folder : Path
        Where everything of it lies; a short path, for it holds sockets.
    nodes, cpus : int
        Emulated nodes, and what each offers.
    """

    def __init__(self, script: Path, folder: Path, *, nodes: int, cpus: int) -> None:
        self.script = script
        settings = {"DIR": folder, "NODES": nodes, "CPUS": cpus, "PORT": _free_ports(nodes + 1), "KEEP": 0}
        self.env = os.environ | {f"SLURM_LOCAL_{name}": str(value) for name, value in settings.items()}
        self.conf = folder / "etc" / "slurm.conf"

    def start(self) -> None:
        """Start it, or skip the test and say why it cannot be had."""
        path = f"{os.environ.get('PATH', '')}:{SBIN}"
        missing = [name for name in PROGRAMS if shutil.which(name, path=path) is None]
        if missing:
            pytest.skip(f"Slurm is not installed (no {', '.join(missing)}); run: {self.script} install")
        done = self._asked("up")
        if done.returncode != 0:
            self.stop()
            pytest.skip(f"Slurm does not start here: {done.stderr.strip()[-300:]}")

    def stop(self) -> None:
        """Take it down with all its jobs."""
        self._asked("down")

    def _asked(self, word: str) -> subprocess.CompletedProcess[str]:
        command = ["bash", str(self.script), word]
        return subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=120, check=False)


def _free_ports(n: int) -> int:
    """Return the first of ``n`` ports in a row that nobody has."""
    for first in range(36817 + os.getpid() % 200 * 20, 64000, n):
        try:
            for port in range(first, first + n):
                with socket.socket() as found:
                    found.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
    raise RuntimeError("no free ports")


def wait_for(folder: Path, what: str, found: Callable[[], Any], *, seconds: float, step_s: float = 0.1) -> None:
    """Wait until something is true of a job; after too long the test fails with all that is known."""
    last = time.monotonic() + seconds
    while not found():
        if time.monotonic() > last:
            queue = subprocess.run(["squeue", "--long"], capture_output=True, text=True, timeout=60, check=False)
            pytest.fail(f"{folder.name}: not {what} within {seconds:g} s\n{queue.stdout}{queue.stderr}{said(folder)}")
        time.sleep(step_s)


def finished(folder: Path) -> bool:
    """Return whether no job of a folder waits or runs."""
    return slurm.queue(jobs_of(folder)) == {}


def scancel(folder: Path, words: Sequence[str]) -> None:
    """Signal the last job of a folder, if it runs; end it without words."""
    subprocess.run(["scancel", "--quiet", *words, jobs_of(folder)[-1]], check=False, timeout=60)


def give_time(folder: Path) -> None:
    """Raise the limit of the last job of a folder, so that its next try is not cut off."""
    subprocess.run(["scontrol", "update", f"JobId={jobs_of(folder)[-1]}", "TimeLimit=30"], check=False, timeout=60)


def said(folder: Path) -> str:
    """Return what the runs of a job said, for the message of a failed test."""
    logs = [folder / "job.out", *sorted((folder / "logs").glob("*.out"))]
    return "\n".join(path.read_text(encoding="utf-8", errors="replace")[-3000:] for path in logs if path.is_file())
