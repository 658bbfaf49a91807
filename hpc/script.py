"""The script of a job: templates of ``sbatch/`` filled in. A template holds ``{{names}}`` and bash, nothing else."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

from neurosim.hpc.job import Job
from neurosim.hpc.sweep import CONFIGS

SCRIPT: Final = "job.sh"
LOGS: Final = "logs"
_HOLE: Final = re.compile(r"\{\{(\w+)\}\}")


def script_of(job: Job, indices: str = "", at_once: int = 0) -> str:
    """Return the bash script of a job.

    Parameters
    ----------
    job : Job
        What is asked for.
    indices : str
        Of an array, such as ``0-19``: run k takes ``configs/000k.json`` and writes into ``000k``. Empty: one run.
    at_once : int
        How many of the array may run at a time; 0: as many as the cluster gives.
    """
    threads = f"{job.threads} thread{'' if job.threads == 1 else 's'}"
    more = f"--checkpoint-every {job.checkpoint_every} " if job.checkpoint_every else ""
    more += f"--view --port {job.view_port} " if job.view_port else ""
    launch = {"mpi": job.mpi, "threads_n": str(job.threads), "more": more}
    after = {"restarts": str(job.restarts)} if job.requeue else {}
    return _filled(
        "job.sh",
        {
            "title": f"neurosim, {job.name}: {job.nodes} x {job.tasks_per_node} processes of {threads}",
            "script": shlex.quote(str(job.folder / SCRIPT)),
            "directives": "\n".join(f"#SBATCH --{line}" for line in _directives(job, indices, at_once)),
            "modules": "".join(f"module load {name}\n" for name in job.modules),
            "python": shlex.quote(str(job.python)),
            "bin": shlex.quote(str(job.python.parent)),
            "threads": threads,
            "env": "".join(f"export {name}={shlex.quote(value)}\n" for name, value in job.env),
            "run": _array(job) if indices else _single(job),
            "launch": _filled(f"{job.launcher}.sh", launch, spare=("mpi",)).rstrip("\n"),
            "after": _filled("requeue.sh" if job.requeue else "stay.sh", after).rstrip("\n"),
        },
    )


def _directives(job: Job, indices: str, at_once: int) -> list[str]:
    """Return the options of ``sbatch``, one a line."""
    log = job.folder / (f"{LOGS}/%a.out" if indices else "job.out")
    to_script = "B:" if job.launcher == "mpiexec" else ""
    lines = [f"job-name={job.name}"]
    if indices:
        lines.append(f"array={indices}{f'%{at_once}' if at_once else ''}")
    lines += [f"nodes={job.nodes}", f"ntasks-per-node={job.tasks_per_node}", f"cpus-per-task={job.threads}"]
    lines.append(f"time={job.time}")
    for name in ("account", "partition", "qos", "mem"):
        if getattr(job, name):
            lines.append(f"{name}={getattr(job, name)}")
    lines += job.options
    lines += [f"signal={to_script}USR1@{job.signal_s}", "requeue" if job.requeue else "no-requeue", "open-mode=append"]
    return [*lines, f'output="{log}"' if re.search(r"[^\w./%+@:=,-]", str(log)) else f"output={log}"]


def _single(job: Job) -> str:
    config, output, here = (shlex.quote(str(path)) for path in (job.config, job.folder, job.workdir))
    return f"cd {here} || exit 1\nconfig={config}\noutput={output}"


def _array(job: Job) -> str:
    folder = shlex.quote(str(job.folder))
    return (
        f"folder={folder}    # runs.csv there says what each run is\n"
        'run=$(printf %04d "$SLURM_ARRAY_TASK_ID")\n'
        f"config=$folder/{CONFIGS}/$run.json\n"
        "output=$folder/$run"
    )


def _filled(name: str, values: Mapping[str, str], spare: tuple[str, ...] = ()) -> str:
    """Return a template with its holes filled, each once from ``values``, so that nothing put in is filled again.

    Every hole needs a value and every value, but those of ``spare``, a hole.
    """
    text = _template(name)
    holes = set(_HOLE.findall(text))
    if holes != values.keys() - set(spare) and holes != values.keys():
        raise ValueError(f"{name} has holes {sorted(holes)}, got values for {sorted(values)}")
    return _HOLE.sub(lambda found: values[found.group(1)], text)


@cache
def _template(name: str) -> str:
    return (files("neurosim.hpc") / "sbatch" / name).read_text(encoding="utf-8")
