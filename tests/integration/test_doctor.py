"""``neurosim doctor``: what it says of one process and of two, and the numbers that ``plan`` takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from neurosim.cli.doctor import lines, spans
from neurosim.hpc import machine
from neurosim.hpc.latency import BIG_B, Line, summary

MPIEXEC = Path(sys.executable).parent / "mpiexec"
needs_mpi = pytest.mark.skipif(
    find_spec("mpi4py") is None or not MPIEXEC.exists(),
    reason="mpi4py and an mpiexec in this environment are needed: pip install neurosim[mpi]",
)


def _doctor(*before: str, json_file: Path, **env: str) -> subprocess.CompletedProcess[str]:
    line = [*before, sys.executable, "-m", "neurosim", "doctor", "--json", str(json_file)]
    return subprocess.run(line, env=os.environ | env, capture_output=True, text=True, timeout=90, check=False)


@needs_mpi
def test_two_processes_are_examined_together(tmp_path: Path) -> None:
    done = _doctor(str(MPIEXEC), "-n", "2", json_file=tmp_path / "facts.json")
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "facts.json").read_text())
    assert (found["launcher"]["processes"], found["mpi"]["size"], len(found["ranks"])) == (2, 2, 2)
    assert found["ranks"][0]["pid"] != found["ranks"][1]["pid"]
    assert all(row["time_us"] > 0.0 for row in found["latency"])
    assert {row["call"] for row in found["latency"]} >= {"barrier", "gather at all", "all with all", "message"}
    assert set(found["machine"]) <= set(machine.UNITS)
    assert done.stdout.splitlines() == lines(found)


@needs_mpi
def test_a_launcher_that_mpi_does_not_know_is_trouble(tmp_path: Path) -> None:
    done = _doctor(json_file=tmp_path / "facts.json", SLURM_STEP_NUM_TASKS="3")
    assert done.returncode == 1
    assert "SLURM_STEP_NUM_TASKS=3 processes were started, but MPI_COMM_WORLD has 1" in done.stdout


def test_without_mpi_the_rest_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from neurosim.hpc import doctor, world

    monkeypatch.setattr(world, "find_spec", lambda name: None)
    found = doctor.examine()
    assert 'pip install "neurosim[mpi]"' in found["mpi"]["error"]
    text = "\n".join(lines(found))
    assert all(word in text for word in ("rank 0", "HDF5", "Numba", "CUDA", "threading layer"))


def test_latency_and_bandwidth_follow_from_the_table() -> None:
    table = [Line("gather at all", 8, 12.0), Line("message", BIG_B, BIG_B / 2e3)]
    assert summary(table, size=8, machines=1, crowded=False) == {"local_latency_us": 4.0, "local_GB_per_s": 2.0}
    assert summary(table, size=8, machines=2, crowded=False) == {"latency_us": 4.0, "network_GB_per_s": 2.0}
    assert summary(table, size=8, machines=1, crowded=True) == {"crowded_latency_us": 4.0}


def test_cores_are_told_as_spans() -> None:
    assert spans([0, 1, 2, 8, 10, 11]) == "0-2,8,10-11"
    assert spans([]) == ""
