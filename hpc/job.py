"""What a job asks of a cluster, every value checked where the user gave it.

Values end in a shell script, in lines for ``sbatch`` (which quotes in its own way) and in lines for bash. What goes to
``sbatch`` must match a narrow pattern; paths and variables of the environment are quoted for bash as they are.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from neurosim.errors import NeurosimError

LAUNCHERS: Final = ("srun", "mpiexec")
_PATTERNS: Final = {
    "name": (r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}", "letters, digits, _ . + -"),
    "account": (r"[A-Za-z0-9][A-Za-z0-9_.@:+-]*", "letters, digits, _ . @ : + -"),
    "partition": (r"[A-Za-z0-9][A-Za-z0-9_.,+-]*", "names of partitions, with commas between"),
    "qos": (r"[A-Za-z0-9][A-Za-z0-9_.+-]*", "letters, digits, _ . + -"),
    "mem": (r"[1-9][0-9]*[KMGT]?", "memory of a node, such as 16G"),
    "mpi": (r"[a-z][a-z0-9_]*", "a word of srun --mpi=list, such as pmi2, pmix, cray_shasta"),
    "checkpoint_every": (r"auto|(?=.*[1-9])[0-9]*\.?[0-9]+", "a time in ms, above 0, or auto"),
}
_MODULE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+/:@-]*")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPTION: Final = re.compile(r"[a-z][a-z0-9-]*(=[A-Za-z0-9_.,:@%+/*&|()\[\]-]+)?")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_TIME: Final = re.compile(
    r"((?P<d>\d+)-)?(?P<a>\d+)(:(?P<b>\d{1,2}))?(:(?P<c>\d{1,2}))?"
)  # with days: hours, minutes, seconds; without: minutes | minutes:seconds | hours:minutes:seconds
_FIXED: Final = {
    "array", "chdir", "error", "job-name", "nodes", "ntasks", "ntasks-per-node", "cpus-per-task", "open-mode", "output",
    "requeue", "no-requeue", "signal", "time", "wrap", "parsable", "test-only", "wait", "account", "partition", "qos",
    "mem",
}  # fmt: skip
"""Options of sbatch that have a place of their own here."""


@dataclass(frozen=True)
class Job:
    """A job for Slurm.

    Parameters
    ----------
    config : Path
        SONATA configuration; of a sweep the one that its runs were made from.
    folder : Path
        Where everything of the job goes: outputs, log, script. Absolute.
    time : str
        Limit, as Slurm writes it: ``minutes``, ``hours:minutes:seconds``, ``days-hours`` …
    nodes, tasks_per_node, threads : int
        Nodes, processes on each, threads of each process.
    account, partition, qos, mem, name : str, optional
        As ``sbatch`` has them; ``mem`` is a node's. The name is the configuration's when omitted.
    modules : tuple of str
        Environment modules to load, in order.
    env : tuple of (str, str)
        Variables to set.
    options : tuple of str
        Further options of ``sbatch``, without the dashes: ``constraint=cpu``.
    signal_s : int
        How long before the limit the processes are told to write a checkpoint.
    requeue : bool
        Whether the job goes back to the queue when it was cut off.
    restarts : int
        How often at most.
    checkpoint_every : str
        Model time between checkpoints in ms, ``auto``, or empty: only when the signal comes.
    view_port : int
        Port on the first node where the run can be watched; 0: nowhere.
    launcher : str
        ``srun`` for MPICH and its kin, ``mpiexec`` for the MPI's own starter (Open MPI).
    mpi : str
        What ``srun --mpi`` is.
    python : Path
        Interpreter.
    workdir : Path
        Where it was asked for: paths that are not found beside the configuration are looked for there.
    """

    config: Path
    folder: Path
    time: str
    nodes: int = 1
    tasks_per_node: int = 1
    threads: int = 1
    account: str = ""
    partition: str = ""
    qos: str = ""
    mem: str = ""
    name: str = ""
    modules: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    options: tuple[str, ...] = ()
    signal_s: int = 120
    requeue: bool = True
    restarts: int = 100
    checkpoint_every: str = ""
    view_port: int = 0
    launcher: str = "srun"
    mpi: str = "pmi2"
    python: Path = Path(sys.executable)
    workdir: Path = field(default_factory=Path.cwd)

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", _plain(self.config.stem))
        self._check_words()
        for name, least in (("nodes", 1), ("tasks_per_node", 1), ("threads", 1), ("signal_s", 1), ("restarts", 0)):
            if getattr(self, name) < least:
                raise _wrong(name, getattr(self, name), f"a whole number of at least {least}")
        if self.view_port and not 1024 <= self.view_port < 65536:
            raise _wrong("view_port", self.view_port, "a port from 1024 to 65535")
        limit_s = seconds_of(self.time)
        if self.signal_s >= limit_s:
            raise _wrong("signal_s", self.signal_s, f"less than the limit of {limit_s} s")
        for name in ("config", "folder", "python", "workdir"):
            path: Path = getattr(self, name)
            if not path.is_absolute() or _CONTROL.search(str(path)):
                raise _wrong(name, repr(str(path)), "an absolute path without control characters")
        if re.search(r'["\\%]', str(self.folder)):
            raise _wrong("folder", repr(str(self.folder)), 'a path without " \\ and %, which sbatch would read')

    def _check_words(self) -> None:
        for name, (pattern, allowed) in _PATTERNS.items():
            value = getattr(self, name)
            if value and not re.fullmatch(pattern, value):
                raise _wrong(name, repr(value), allowed)
        if self.launcher not in LAUNCHERS:
            raise _wrong("launcher", repr(self.launcher), " or ".join(LAUNCHERS))
        for module in self.modules:
            if not _MODULE.fullmatch(module):
                raise _wrong("module", repr(module), "a name such as gcc/12.3")
        for name, value in self.env:
            if not _VARIABLE.fullmatch(name) or _CONTROL.search(value):
                raise _wrong("env", repr(f"{name}={value}"), "NAME=VALUE in one line, NAME of letters, digits and _")
        for option in self.options:
            word = option.partition("=")[0]
            if not _OPTION.fullmatch(option):
                raise _wrong("option", repr(option), "an option of sbatch without its dashes, such as constraint=cpu")
            if word in _FIXED:
                raise _wrong("option", repr(option), f"no {word}; it is set here, see --help")


def seconds_of(time: str) -> int:
    """Return a limit of time in s, from the way Slurm writes it.

    Raises
    ------
    NeurosimError
        Not one of Slurm's ways, or nothing.
    """
    found = _TIME.fullmatch(time)
    seconds = 0
    if found is not None:
        a, b, c = (None if found[name] is None else int(found[name]) for name in "abc")
        if found["d"] is not None:
            seconds = 86400 * int(found["d"]) + 3600 * (a or 0) + 60 * (b or 0) + (c or 0)
        elif c is not None:
            seconds = 3600 * (a or 0) + 60 * (b or 0) + c
        else:
            seconds = 60 * (a or 0) + (b or 0)
    if seconds < 1:
        raise _wrong("time", repr(time), "such as 30 (minutes), 02:00:00 or 1-12 (days-hours)")
    return seconds


def _plain(name: str) -> str:
    """Return a name for a job that resembles any text."""
    return re.sub(r"[^A-Za-z0-9_.+-]+", "-", name).strip("-.+_")[:64] or "neurosim"


def _wrong(name: str, value: object, allowed: str) -> NeurosimError:
    return NeurosimError(f"submit: {name}={value} is not allowed; give {allowed}.")
