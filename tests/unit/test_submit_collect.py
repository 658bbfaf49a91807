"""Handing in and collecting, with programs in place of Slurm's: what is written, what is said, what is refused."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from neurosim.cli import main
from neurosim.hpc.collect import collect, ranges, spikes_in
from neurosim.sonata.rank_files import begin_leg
from neurosim.sonata.spikes import MARKS
from tests.sonata_circuit import write_circuit

SBATCH = """#!/bin/bash
[ -e "$STUBS/refuse" ] && { echo "sbatch: error: invalid partition specified: x" >&2; exit 1; }
echo "$@" >>"$STUBS/calls"
case " $* " in *" --test-only "*) echo "sbatch: Job 3 to start at 2026-11-28T12:00:00" >&2; exit 0;; esac
n=$(cat "$STUBS/number" 2>/dev/null || echo 40); echo $((n + 1)) >"$STUBS/number"; echo "$((n + 1));local"
"""
SQUEUE = """#!/bin/bash
[ -s "$STUBS/queue" ] && { cat "$STUBS/queue"; exit 0; }
echo "slurm_load_jobs error: Invalid job id specified" >&2; exit 1
"""


@pytest.fixture
def stubs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of programs in place of Slurm's; ``queue`` there is what squeue prints, ``calls`` what sbatch was told."""
    folder = tmp_path / "stubs"
    folder.mkdir()
    for name, text in (("sbatch", SBATCH), ("squeue", SQUEUE)):
        (folder / name).write_text(text, encoding="utf-8")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("STUBS", str(folder))
    return folder


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_circuit(tmp_path / "circuit")


def submit(config: Path, *words: str) -> int:
    return main(["submit", str(config), "--time", "30", *words])


def leave(output: Path, *tries: tuple[int, int, int | None], t_ms: float | None = None, spikes: int = 0) -> None:
    """Leave what a run leaves: tries as (job, seconds, status), a spikes file up to ``t_ms``."""
    output.mkdir(parents=True, exist_ok=True)
    lines, at = [], 1_764_331_200
    for k, (job, seconds, status) in enumerate(tries):
        lines.append(f"begin at={at} job={job} try={k} nodes=n[0-1] ")
        at += seconds
        if status is not None:
            lines.append(f"end at={at} job={job} try={k} nodes=n[0-1] status={status}")
    (output / "slurm.txt").write_text("a word from someone else\n" + "".join(f"{line}\n" for line in lines))
    if t_ms is not None:
        done = bool(tries) and tries[-1][2] == 0
        with h5py.File(output / ("spikes.h5" if done else "spikes.h5.partial"), "w", libver="latest") as file:
            file["spikes/cells/timestamps"] = np.arange(spikes) * 0.5
            file["spikes/cells/node_ids"] = np.arange(spikes, dtype=np.uint64) % 4
            file["progress/t_ms"] = [t_ms]


def states(folder: Path) -> list[str]:
    return [row.state for row in collect(folder)]


def test_one_run_is_written_and_handed_in(
    config: Path, stubs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = tmp_path / "job"
    assert submit(config, "--output", str(job)) == 0
    assert sorted(path.name for path in job.iterdir()) == ["job.sh", "jobs.txt", "runs.csv"]
    assert (stubs / "calls").read_text() == f"--parsable {job / 'job.sh'}\n"
    assert (job / "jobs.txt").read_text() == "41\n"
    said = capsys.readouterr().out
    for text in ("job 41", "squeue --jobs 41", f"tail -f {job / 'job.out'}", f"neurosim collect {job}"):
        assert text in said


def test_printing_and_asking_write_nothing(
    config: Path, stubs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--output", str(tmp_path / "job"), "--seeds", "0-3", "--set", "inputs.step.amp=0.1,0.2")
    assert submit(config, *words, "--print") == 0
    assert "#SBATCH --array=0-7\n" in capsys.readouterr().out
    assert not (stubs / "calls").exists()
    assert submit(config, *words, "--test") == 0
    assert "to start at 2026" in capsys.readouterr().out
    assert (stubs / "calls").read_text().startswith("--test-only ")
    assert not (tmp_path / "job").exists()


def test_a_refusal_is_given_in_slurms_words(
    config: Path, stubs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (stubs / "refuse").touch()
    assert submit(config, "--output", str(tmp_path / "job"), "--partition", "x") == 2
    assert capsys.readouterr().err.endswith("job.sh: invalid partition specified: x\n")


def test_without_slurm_the_script_is_there_and_the_message_says_what_to_do(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert submit(config, "--output", str(tmp_path / "job")) == 2
    assert "sbatch: no such program here" in capsys.readouterr().err
    assert (tmp_path / "job/job.sh").is_file()


def test_another_set_of_runs_and_a_job_that_goes_on_are_not_overwritten(
    config: Path, stubs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--output", str(tmp_path / "job"), "--seeds")
    assert submit(config, *words, "0-3") == 0
    assert submit(config, *words, "0-4") == 2
    assert "has other runs" in capsys.readouterr().err
    (stubs / "queue").write_text("41 2 RUNNING\n")
    assert submit(config, *words, "0-3") == 2
    assert "job 41 on" in capsys.readouterr().err
    (stubs / "queue").write_text("41 2 COMPLETED\n")
    assert submit(config, *words, "0-3") == 0


def test_several_processes_need_mpi4py_before_they_wait_in_a_queue(
    config: Path, stubs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("neurosim.hpc.submit.find_spec", lambda name: None)
    assert submit(config, "--output", str(tmp_path / "job"), "--tasks-per-node", "2") == 2
    assert 'needs mpi4py: pip install "neurosim[mpi]"' in capsys.readouterr().err
    assert not (tmp_path / "job").exists()


def test_a_mistake_in_a_sweep_leaves_nothing_behind(config: Path, stubs: Path, tmp_path: Path) -> None:
    assert submit(config, "--output", str(tmp_path / "job"), "--set", "run.dt=0.1,0.3") == 2
    assert not (tmp_path / "job").exists()


@pytest.mark.parametrize("words", [("--set", "a"), ("--set", "run.dt=0.1", "--set", "run.dt=0.2"), ("--env", "A")])
def test_a_word_without_its_value_is_refused(config: Path, words: tuple[str, ...]) -> None:
    assert submit(config, *words, "--print") == 2


def test_the_table_says_how_every_run_stands(
    config: Path, stubs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = tmp_path / "my job"
    assert submit(config, "--output", str(job), "--seeds", "5-12") == 0
    (stubs / "queue").write_text("41 1 RUNNING\n41 2 PENDING\n41 6 PENDING\n")
    leave(job / "0000", (41, 30, 85), (41, 12, 0), t_ms=40.0, spikes=16)
    leave(job / "0001", (41, 30, None), t_ms=20.0, spikes=3)
    leave(job / "0002", (41, 30, 85), t_ms=10.0)
    leave(job / "0003", (41, 3, 2))
    leave(job / "0004", (41, 3, None))
    leave(job / "0005", (41, 30, 85), t_ms=10.0)
    assert states(job) == ["done", "running", "waiting", "failed (2)", "cut off", "stopped", "waiting", "missing"]
    capsys.readouterr()
    assert main(["collect", str(job)]) == 1
    said = capsys.readouterr().out
    assert "8 runs: 1 done, 1 running, 2 waiting, 1 failed, 1 cut off, 1 stopped, 1 missing" in said
    assert f"hand in what is left (runs 3-5,7):  neurosim collect '{job}' --resubmit" in said
    rows = list(csv.DictReader((job / "collected.csv").read_text().splitlines()))
    assert [row["seed"] for row in rows] == [str(seed) for seed in range(5, 13)]
    first = rows[0]
    assert (first["t_ms"], first["spikes_n"], first["wall_s"], first["tries_n"]) == ("40", "16", "42", "2")
    assert float(first["rate_Hz"]) == 16 / 4 / 0.040  # four cells fire, two nodes are virtual
    assert first["files"] == "spikes.h5"
    assert rows[7]["t_ms"] == rows[7]["spikes_n"] == rows[7]["wall_s"] == ""


def test_only_what_is_left_is_handed_in_again(
    config: Path, stubs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = tmp_path / "job"
    assert submit(config, "--output", str(job), "--seeds", "0-4") == 0
    for k in (0, 2):
        leave(job / f"{k:04d}", (41, 1, 0), t_ms=40.0)
    assert main(["collect", str(job), "--resubmit"]) == 1
    assert (stubs / "calls").read_text().splitlines()[1] == f"--parsable --array=1,3-4 {job / 'job.sh'}"
    assert (job / "jobs.txt").read_text() == "41\n42\n"
    (stubs / "queue").write_text("42 1 RUNNING\n42 3 PENDING\n42 4 PENDING\n")
    assert states(job) == ["done", "running", "done", "waiting", "waiting"]
    assert main(["collect", str(job), "--resubmit"]) == 2
    assert "nothing to hand in" in capsys.readouterr().err


def test_one_run_is_collected_by_its_configuration(config: Path, stubs: Path, tmp_path: Path) -> None:
    job = tmp_path / "job"
    assert submit(config, "--output", str(job)) == 0
    assert states(job) == ["missing"]
    (stubs / "queue").write_text("41 N/A PENDING\n")
    assert states(job) == ["waiting"]
    leave(job, (41, 30, None), t_ms=4.0, spikes=2)
    (stubs / "queue").write_text("41 N/A RUNNING\n")
    assert states(job) == ["running"]
    (stubs / "queue").write_text("")
    assert states(job) == ["cut off"]
    leave(job, (41, 30, 0), t_ms=40.0, spikes=2)
    (job / "spikes.h5.partial").unlink()
    [row] = collect(job)
    assert row.state == "done"
    assert row.rate_Hz == pytest.approx(2 / 4 / 0.040)


def test_a_run_of_several_processes_is_as_far_as_the_slowest_of_them(config: Path, stubs: Path, tmp_path: Path) -> None:
    job = tmp_path / "job"
    assert submit(config, "--output", str(job)) == 0
    leave(job, (41, 30, 0), t_ms=40.0, spikes=2)  # of an earlier run
    leave(job, (41, 30, None))
    (stubs / "queue").write_text("41 N/A RUNNING\n")
    begin_leg(job, 0, 1)
    leg = begin_leg(job, 50, 2)
    [row] = collect(job)
    assert (row.state, row.t_ms, row.spikes) == ("running", 5.0, None)
    for path, step in zip(leg.files("spikes.h5"), (120, 90), strict=True):
        with h5py.File(path, "w", libver="latest") as file:
            file[MARKS] = np.array([[60, 0], [step, 0]])
    [row] = collect(job)
    assert (row.t_ms, row.spikes) == (9.0, None)


def test_where_slurm_does_not_tell_an_open_run_is_called_unfinished(
    config: Path, stubs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    job = tmp_path / "job"
    assert submit(config, "--output", str(job)) == 0
    leave(job, (41, 30, None))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert states(job) == ["unfinished"]
    assert main(["collect", str(job), "--resubmit"]) == 2
    assert "squeue does not say" in capsys.readouterr().err


def test_the_digest_is_that_of_times_and_nodes(tmp_path: Path) -> None:
    leave(tmp_path, (1, 1, 0), t_ms=40.0, spikes=9)
    found = spikes_in(tmp_path / "spikes.h5")
    assert found is not None
    times, nodes = np.arange(9) * 0.5, np.arange(9, dtype="<u8") % 4
    assert found.sha256 == hashlib.sha256(times.astype("<f8").tobytes() + nodes.tobytes()).hexdigest()
    assert (found.t_ms, found.spikes_n, found.finished) == (40.0, 9, True)


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_bytes(b"not HDF5")])
def test_a_spikes_file_that_cannot_be_read_is_no_result(tmp_path: Path, spoil: Callable[[Path], object]) -> None:
    leave(tmp_path, (1, 1, 0), t_ms=40.0)
    spoil(tmp_path / "spikes.h5")
    assert spikes_in(tmp_path / "spikes.h5") is None


def test_a_folder_without_a_job_is_an_error_that_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["collect", str(tmp_path)]) == 2
    assert "neurosim submit writes it" in capsys.readouterr().err


def test_numbers_are_written_as_slurm_reads_them() -> None:
    assert [ranges(n) for n in ([3], [0, 1, 2], [0, 2, 3, 7])] == ["3", "0-2", "0,2-3,7"]
