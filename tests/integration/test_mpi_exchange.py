"""Processes of MPI: the same spikes by every way, and an end for all when one of them fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.mpi_ranks import STORM, WAYS
from tests.unit.test_processes import digest, part

MPIEXEC = Path(sys.executable).parent / "mpiexec"
needs_mpi = pytest.mark.skipif(
    find_spec("mpi4py") is None or not MPIEXEC.exists(),
    reason="mpi4py and an mpiexec in this environment are needed: pip install neurosim[mpi]",
)


def _ranks(n: int, *words: str, root: Path) -> subprocess.CompletedProcess[str]:
    """Run a program in ``n`` processes; more of them than cores yield. Those that wait for ever fail."""
    env = os.environ | {"MPIR_CVAR_ENABLE_HEAVY_YIELD": "1"}
    line = [str(MPIEXEC), "-n", str(n), sys.executable, "-m", *words]
    return subprocess.run(line, cwd=root, env=env, capture_output=True, text=True, timeout=90, check=False)


@needs_mpi
@pytest.mark.parametrize("ranks_n", [2, 3])
def test_cells_hear_the_same_spikes_over_mpi(ranks_n: int, root: Path) -> None:
    done = _ranks(ranks_n, "tests.mpi_ranks", "spikes", root=root)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    expected = {str(gid): digest for gid, digest in STORM.heard_by_all().items()}
    assert len(found) == len(WAYS)
    for way, told in found.items():
        assert told["size"] == ranks_n
        assert told["heard"] == expected, way
        assert told["linked"], way
        for sent, received in told["sums"]:
            assert sent == received > 0, way


@needs_mpi
def test_a_simulation_with_gap_junctions_between_ranks_is_that_of_one_process(root: Path) -> None:
    alone = digest([part(None)])
    done = _ranks(2, "tests.mpi_ranks", "simulation", "neighbour", "2", root=root)
    assert (done.returncode, done.stdout) == (0, alone), done.stderr


@needs_mpi
@pytest.mark.parametrize(
    ("how", "code", "said"),
    [
        ("model", 2, "neurosim: rank 1 of 2: cell 7: too small"),
        ("thread", 1, "neurosim: rank 1 of 2: IndexError: list index out of range"),
        ("leave", 3, "neurosim: rank 1 of 2: ended with code 3, the others go on"),
        ("kill", 9, ""),
    ],
)
def test_one_that_fails_ends_all(how: str, code: int, said: str, root: Path) -> None:
    done = _ranks(2, "tests.mpi_ranks", how, root=root)
    assert done.returncode == code
    told = done.stdout + done.stderr
    assert said in told
    if how == "kill":
        assert "Killed (signal 9)" in told


@needs_mpi
def test_a_mistake_of_all_is_told_once(root: Path) -> None:
    done = _ranks(2, "tests.mpi_ranks", "all", root=root)
    assert done.returncode == 2
    assert done.stderr.count("cell 7: too small") == 1
    assert "neurosim: rank 0 of 2: cell 7: too small" in done.stderr


@needs_mpi
def test_all_may_leave_with_the_code_of_a_checkpoint(root: Path) -> None:
    done = _ranks(2, "tests.mpi_ranks", "code", root=root)
    assert (done.returncode, "go on" in done.stderr) == (85, False)


def _python(program: str, root: Path, **env: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-c", program]
    return subprocess.run(
        line, cwd=root, env=os.environ | env, capture_output=True, text=True, timeout=200, check=False
    )


@needs_mpi
def test_a_launcher_that_mpi_does_not_know_is_told_before_anything_runs(root: Path) -> None:
    program = "from neurosim.hpc import mpi_exchange; mpi_exchange(); print('computed')"
    done = _python(program, root, SLURM_STEP_NUM_TASKS="4")
    assert done.returncode != 0
    assert "SLURM_STEP_NUM_TASKS=4 processes were started, but MPI_COMM_WORLD has 1" in done.stderr
    assert "computed" not in done.stdout


def test_without_a_launcher_one_process_is_alone(root: Path) -> None:
    done = _python("from neurosim.hpc import mpi_exchange; e = mpi_exchange(); print(e.alone, e.size)", root)
    assert done.stdout == "True 1\n", done.stderr


def test_a_missing_mpi4py_is_told_with_its_extra(root: Path) -> None:
    program = (
        "import neurosim.hpc.world as w; w.find_spec = lambda name: None\n"
        "import os; print(w.mpi_exchange().alone)\n"
        "os.environ['PMI_SIZE'] = '2'; w.mpi_exchange()"
    )
    done = _python(program, root)
    assert done.stdout == "True\n"
    assert 'a run of 2 processes (PMI_SIZE) needs mpi4py: pip install "neurosim[mpi]"' in done.stderr


def test_mpi_is_not_loaded_by_a_run_of_one(root: Path) -> None:
    program = (
        "import sys, neurosim as ns, neurosim.hpc.parallel\n"
        "ns.Simulation(ns.Cell.cylinder(length_um=9.0, diam_um=9.0)).run(until_ms=0.1)\n"
        "print(any(name.partition('.')[0] == 'mpi4py' for name in sys.modules))"
    )
    assert _python(program, root).stdout == "False\n"
