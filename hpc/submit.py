"""Put a job together in its folder and hand it in.

FOLDER/job.sh        the script            FOLDER/runs.csv       what each run is
FOLDER/job.out       what one run says     FOLDER/logs/0.out …   what those of an array say
FOLDER/jobs.txt      numbers that Slurm gave, one a line
FOLDER/configs/0000.json …, FOLDER/0000 …   of an array: configurations and outputs
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from neurosim.errors import MissingExtraError, NeurosimError, OutputError
from neurosim.hpc import slurm
from neurosim.hpc.job import Job
from neurosim.hpc.script import LOGS, SCRIPT, script_of
from neurosim.hpc.sweep import CONFIGS, Run, table_of, write_configs
from neurosim.sonata.config import Config
from neurosim.sonata.outfile import reason_of, write_text

TABLE: Final = "runs.csv"
JOBS: Final = "jobs.txt"


def text_of(job: Job, runs: Sequence[Run], at_once: int = 0) -> str:
    """Return the script for these runs."""
    return script_of(job, "" if runs[0].output == "." else f"0-{len(runs) - 1}", at_once)


def check(job: Job, runs: Sequence[Run], config: Config) -> None:
    """Make the configurations of all runs somewhere else and read them, so that a mistake is seen before anything is.

    Raises
    ------
    NeurosimError
        A key or value that is not allowed.
    """
    if runs[0].output != ".":
        with tempfile.TemporaryDirectory() as folder:
            write_configs(config, runs, Path(folder), job.folder)


def write(job: Job, runs: Sequence[Run], config: Config, at_once: int = 0) -> Path:
    """Write script, table and configurations into the folder of the job; return the script.

    Every file appears complete under its name or not at all, the script last.

    Raises
    ------
    MissingExtraError
        Several processes, and the interpreter of the job has no mpi4py.
    NeurosimError
        The folder holds other runs, or some of these wait or run now.
    OutputError
        It cannot be written.
    """
    if job.nodes * job.tasks_per_node > 1 and find_spec("mpi4py") is None:
        raise MissingExtraError("a job of several processes", "mpi4py", "mpi")
    table, script = job.folder / TABLE, job.folder / SCRIPT
    text = table_of(runs)
    if table.exists() and table.read_text(encoding="utf-8") != text:
        raise NeurosimError(f"submit: {table} has other runs; give another --output, or remove that folder.")
    busy = slurm.queue(jobs_of(job.folder)) or {}
    if busy:
        name = next(iter(busy))[0]
        raise NeurosimError(f"submit: job {name} on {job.folder} waits or runs; wait for it, or scancel {name}.")
    check(job, runs, config)
    try:
        for part in (LOGS, CONFIGS) if runs[0].output != "." else ():
            (job.folder / part).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(job.folder, f"cannot be written: {reason_of(error)}.") from None
    if runs[0].output != ".":
        write_configs(config, runs, job.folder / CONFIGS, job.folder)
    write_text(table, text)
    write_text(script, text_of(job, runs, at_once))
    return script


def hand_in(job: Job, script: Path) -> str:
    """Give a written script to Slurm; return the number of the job, which is noted down."""
    number = slurm.sbatch(script)
    note_job(job.folder, number)
    return number


def note_job(folder: Path, number: str) -> None:
    """Remember the number of a job."""
    with (folder / JOBS).open("a", encoding="utf-8") as stream:
        stream.write(f"{number}\n")


def test(job: Job, runs: Sequence[Run], at_once: int = 0) -> str:
    """Return what Slurm would do with the job; neither hand it in nor write into its folder."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / SCRIPT
        path.write_text(text_of(job, runs, at_once), encoding="utf-8")
        return slurm.would_take(path)


def jobs_of(folder: Path) -> list[str]:
    """Return the numbers of the jobs that were handed in from a folder."""
    path = folder / JOBS
    if not path.is_file():
        return []
    return [line for line in path.read_text(encoding="utf-8").split() if line.isdecimal()]
