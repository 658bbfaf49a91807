"""Slurm's commands: hand in a script, ask whether it would be taken, ask what waits and runs.

Programs get their arguments one by one, no shell reads them. Each call starts one short program and waits for it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from neurosim.errors import NeurosimError

PATIENCE_S: Final = 120.0
"""How long a busy controller may take to answer."""
ACTIVE: Final = {
    "PENDING", "RUNNING", "SUSPENDED", "COMPLETING", "CONFIGURING", "RESIZING", "REQUEUED", "REQUEUE_HOLD",
    "REQUEUE_FED", "SIGNALING", "STAGE_OUT", "STOPPED", "SPECIAL_EXIT",
}  # fmt: skip
"""States of jobs that still have something to do, as ``squeue`` names them."""
_ID: Final = re.compile(r"\d+")


def sbatch(script: Path, *, array: str = "") -> str:
    """Hand in a script; return the number of the job.

    Parameters
    ----------
    script : Path
        What is run.
    array : str
        Which of its runs, ``0,3-5``; those that the script names when empty.

    Raises
    ------
    NeurosimError
        There is no ``sbatch`` here, or it refuses; with its own words.
    """
    done = _asked(["sbatch", "--parsable", *([f"--array={array}"] if array else []), str(script)])
    found = _ID.match(done.stdout.strip())
    if done.returncode != 0 or found is None:
        raise NeurosimError(f"sbatch did not take {script}: {_words(done)}")
    return found.group()


def would_take(script: Path) -> str:
    """Return what Slurm says of when and where the job could start; hand nothing in.

    Raises
    ------
    NeurosimError
        Slurm would not take it.
    """
    done = _asked(["sbatch", "--test-only", str(script)])
    if done.returncode != 0:
        raise NeurosimError(f"sbatch would not take {script}: {_words(done)}")
    return _words(done)


def queue(jobs: Collection[str]) -> dict[tuple[str, int | None], str] | None:
    """Return the states of jobs that wait or run; None where Slurm does not tell.

    Parameters
    ----------
    jobs : collection of str
        Numbers of jobs; of an array the number that ``sbatch`` gave.

    Returns
    -------
    dict or None
        (job, index in its array or None) -> state, such as ``RUNNING``.
    """
    if not jobs:
        return {}
    try:
        done = _asked(["squeue", "--noheader", "--array", "--jobs", ",".join(sorted(jobs)), "--format", "%F %K %T"])
    except NeurosimError:
        return None
    if done.returncode != 0:
        return {} if "Invalid job id" in done.stderr else None
    found: dict[tuple[str, int | None], str] = {}
    for line in done.stdout.splitlines():
        words = line.split()
        if len(words) == 3 and words[2] in ACTIVE:
            found[words[0], int(words[1]) if words[1].isdecimal() else None] = words[2]
    return found


def _asked(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run one of Slurm's programs."""
    if shutil.which(command[0]) is None:
        raise NeurosimError(
            f"{command[0]}: no such program here; run this where the cluster is. submit --print prints the script."
        )
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        raise NeurosimError(f"{command[0]} has not answered for {PATIENCE_S:g} s; ask again later.") from None


def _words(done: subprocess.CompletedProcess[str]) -> str:
    text = " ".join((done.stderr + done.stdout).split())
    return text.replace("sbatch: error: ", "").replace("sbatch: ", "") or f"exit status {done.returncode}"
