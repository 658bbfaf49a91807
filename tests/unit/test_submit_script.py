"""Job scripts: their text, what bash makes of it, and that nothing given by a user becomes a command."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from neurosim.errors import NeurosimError
from neurosim.hpc.job import Job, seconds_of
from neurosim.hpc.script import script_of

BASH = shutil.which("bash")
needs_bash = pytest.mark.skipif(BASH is None, reason="there is no bash to run job scripts with")
DATA = Path(__file__).resolve().parent.parent / "data" / "sbatch"


def job(**changes: Any) -> Job:
    values: dict[str, Any] = {
        "config": Path("/home/me/v1/config.json"),
        "folder": Path("/scratch/me/v1"),
        "time": "02:00:00",
        "python": Path("/home/me/env/bin/python"),
        "workdir": Path("/home/me"),
    }
    return Job(**values | changes)


@pytest.mark.parametrize(
    ("name", "asked", "indices", "at_once"),
    [
        (
            "one-run.sh",
            {
                "nodes": 8, "tasks_per_node": 2, "threads": 16, "account": "m1234", "partition": "batch,long",
                "qos": "regular", "mem": "64G", "name": "v1", "modules": ("gcc/12.3", "cray-mpich-abi"),
                "env": (("NEUROSIM_CACHE_DIR", "/scratch/me/kernels of mine"),), "options": ("constraint=cpu",),
                "checkpoint_every": "500",
            },
            "", 0,
        ),
        ("many-runs.sh", {"launcher": "mpiexec", "time": "30", "requeue": False, "signal_s": 60}, "0-19", 4),
    ],
)  # fmt: skip
def test_the_script_is_the_one_that_was_read_and_approved(
    name: str, asked: dict[str, Any], indices: str, at_once: int
) -> None:
    assert script_of(job(**asked), indices, at_once) == (DATA / name).read_text(encoding="utf-8")


def test_a_run_that_is_watched_says_where() -> None:
    assert "--threads 1 --view --port 8050 --resume" in script_of(job(threads=1, view_port=8050))
    assert "--view" not in script_of(job())


def stub(folder: Path, name: str, body: str) -> None:
    """Put a program of a cluster on the path that notes its arguments down, one a line."""
    path = folder / name
    path.write_text(f'#!/bin/bash\n{{ echo "{name}"; printf "%s\\n" "$@"; }} >>"$CALLS"\n{body}\n', encoding="utf-8")
    path.chmod(0o755)


def calls_of(script: str, folder: Path, *, status: int, **variables: str) -> tuple[int, list[str]]:
    """Run a script with stubs of Slurm; return its exit status and the lines that they noted."""
    programs = folder / "programs"
    programs.mkdir(exist_ok=True)
    stub(programs, "srun", f"exit {status}")
    stub(programs, "scontrol", "exit 0")
    stub(programs, "sleep", "exit 0")
    path, calls = folder / "script.sh", folder / "calls"
    path.write_text(script, encoding="utf-8")
    slurm = {"SLURM_JOB_ID": "7", "SLURM_JOB_NODELIST": "n0", "SLURM_NTASKS": "1", "CALLS": str(calls)}
    env = os.environ | slurm | {"PATH": f"{programs}:/usr/bin:/bin"} | variables
    done = subprocess.run([str(BASH), str(path)], env=env, capture_output=True, text=True, timeout=30, cwd=folder)
    assert done.stderr == ""
    return done.returncode, calls.read_text(encoding="utf-8").splitlines()


@pytest.fixture
def asked(tmp_path: Path) -> Job:
    """A job whose interpreter's folder has the stubs, as the script puts it first on the path."""
    return job(
        folder=tmp_path / "out",
        config=tmp_path / "config.json",
        python=tmp_path / "programs" / "python",
        workdir=tmp_path,
    )


@needs_bash
@pytest.mark.parametrize(
    ("status", "tries", "requeued"), [(0, "0", False), (85, "0", True), (85, "100", False), (7, "0", False)]
)
def test_only_a_run_that_wrote_a_checkpoint_goes_back_to_the_queue(
    asked: Job, tmp_path: Path, status: int, tries: str, requeued: bool
) -> None:
    code, calls = calls_of(script_of(asked), tmp_path, status=status, SLURM_RESTART_COUNT=tries)
    assert code == status
    assert ("scontrol" in calls) == requeued
    if requeued:
        assert calls[calls.index("scontrol") + 1 :][:2] == ["requeue", "7"]
    lines = (asked.folder / "slurm.txt").read_text(encoding="utf-8").splitlines()
    assert [line.split()[0] for line in lines] == ["begin", "end"]
    assert lines[1].endswith(f"try={tries} nodes=n0 status={status}")


@needs_bash
def test_a_run_that_must_not_go_back_to_the_queue_says_what_to_do(asked: Job, tmp_path: Path) -> None:
    plain = replace(asked, requeue=False)
    code, calls = calls_of(script_of(plain), tmp_path, status=85)
    assert (code, "scontrol" in calls) == (85, False)


@needs_bash
def test_every_run_of_an_array_has_its_own_configuration_and_folder(asked: Job, tmp_path: Path) -> None:
    ids = {"SLURM_ARRAY_TASK_ID": "12", "SLURM_ARRAY_JOB_ID": "5"}
    _, calls = calls_of(script_of(asked, "0-19"), tmp_path, status=0, **ids)
    words = calls[calls.index("run") :]
    assert words[1:4] == [str(asked.folder / "configs/0012.json"), "--output", str(asked.folder / "0012")]
    assert "job=5 " in (asked.folder / "0012/slurm.txt").read_text(encoding="utf-8")


NASTY = "a b'c\"; touch pwned; $(touch pwned) `touch pwned` {{script}} #"


@needs_bash
def test_paths_and_variables_reach_the_program_as_they_are(tmp_path: Path) -> None:
    folder = tmp_path / NASTY.replace('"', "").replace("/", "")
    config = tmp_path / f"{NASTY}.json"
    nasty = job(
        folder=folder, config=config, python=tmp_path / "programs/python", workdir=tmp_path,
        env=(("MINE", NASTY), ("OTHER", "$HOME")),
    )  # fmt: skip
    stub_line = 'printf "%s\\n" "$MINE" "$OTHER"'
    script = script_of(nasty).replace("note begin", f'{stub_line} >>"$CALLS"\nnote begin')
    code, calls = calls_of(script, tmp_path, status=0)
    assert code == 0
    assert calls[:2] == [NASTY, "$HOME"]
    words = calls[calls.index("run") :]
    assert words[1:4] == [str(config), "--output", str(folder)]
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", "a\n#SBATCH --wrap=x"), ("name", "a b"), ("name", "-x"), ("account", "x y"), ("account", "x\n"),
        ("partition", "a;b"), ("qos", "$(x)"), ("mem", "16 G"), ("mem", "0"), ("mpi", "pmi2 --wrap"),
        ("checkpoint_every", "5; x"), ("checkpoint_every", "0.0"), ("checkpoint_every", "auto 5"),
        ("launcher", "sh"), ("view_port", 80), ("view_port", 70000), ("modules", ("gcc; x",)), ("modules", ("-x",)),
        ("env", (("A B", "x"),)), ("env", (("A", "x\ny"),)), ("options", ("wrap=x",)), ("options", ("time=5",)),
        ("options", ("constraint=a b",)), ("options", ("constraint=$(x)",)), ("options", ("-x",)),
        ("config", Path("/a\nb")), ("config", Path("a.json")), ("folder", Path("/a%b")), ("folder", Path('/a"b')),
        ("nodes", 0), ("tasks_per_node", 0), ("threads", -1), ("signal_s", 0), ("signal_s", 7200), ("restarts", -1),
        ("time", "tomorrow"), ("time", "0"), ("time", "-5"), ("time", "1:2:3:4"), ("time", "10\n"),
    ],
)  # fmt: skip
def test_what_cannot_stand_in_a_script_is_refused_by_its_name(name: str, value: Any) -> None:
    with pytest.raises(NeurosimError) as caught:
        job(**{name: value})
    text = str(caught.value)
    assert "submit: " in text and "is not allowed; give " in text
    assert name.rstrip("s") in text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30", 1800), ("1:30", 90), ("02:00:00", 7200), ("1-12", 129600), ("1-00:30", 88200), ("0-0:0:5", 5)],
)
def test_limits_are_read_as_slurm_reads_them(text: str, seconds: int) -> None:
    assert seconds_of(text) == seconds


def test_a_name_is_made_from_the_configuration() -> None:
    assert job(config=Path("/x/my network (2).json")).name == "my-network-2"
    assert job(config=Path("/x/--.json")).name == "neurosim"


def test_a_folder_with_spaces_is_quoted_for_sbatch() -> None:
    lines = script_of(job(folder=Path("/scratch/my runs"))).splitlines()
    assert '#SBATCH --output="/scratch/my runs/job.out"' in lines
    assert f"output={shlex.quote('/scratch/my runs')}" in lines
