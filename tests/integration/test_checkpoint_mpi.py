"""Checkpoints of real processes: a rank is killed after one was written; one process and two others go on.

Kind of evidence: invariance (restart), faults.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from neurosim.engine.bygid import digest, merged
from neurosim.hpc import checkpoint
from tests.integration.test_checkpoint import CUT, ROOT, ended, whole

MPIEXEC = Path(sys.executable).with_name("mpiexec")
pytestmark = pytest.mark.skipif(
    find_spec("mpi4py") is None or not MPIEXEC.exists(), reason="mpi4py and mpich are not installed: neurosim[mpi]"
)

KILLED = """
import os, signal, sys, time
from pathlib import Path
from neurosim.hpc import mpi_exchange
from tests.integration.test_checkpoint import begun
exchange = mpi_exchange()
found = begun(Path(sys.argv[1]), exchange)
Path(sys.argv[1], f"spikes-{exchange.rank}").write_text(repr(found), encoding="utf-8")
exchange.smallest(0.0)
if exchange.rank == 1:
    os.kill(os.getpid(), signal.SIGKILL)
time.sleep(60.0)
"""

RESUMED = """
import sys
from pathlib import Path
import numpy as np
from neurosim.hpc import mpi_exchange
from tests.integration.test_checkpoint import ended
exchange = mpi_exchange("neighbour")
found, state = ended(Path(sys.argv[1]), exchange)
Path(sys.argv[1], f"spikes-{exchange.rank}").write_text(repr(found), encoding="utf-8")
np.savez(Path(sys.argv[1], f"state-{exchange.rank}.npz"), **{name.replace("/", "|"): a for name, a in state.items()})
"""


def job(program: str, folder: Path) -> int:
    command = [str(MPIEXEC), "-n", "2", sys.executable, "-c", program, str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, env=os.environ, check=False)
    if done.returncode:
        print(done.stderr)
    return done.returncode


def heard(folder: Path) -> list[tuple[float, int]]:
    from ast import literal_eval

    return sorted(s for rank in (0, 1) for s in literal_eval((folder / f"spikes-{rank}").read_text(encoding="utf-8")))


def test_a_job_whose_rank_was_killed_is_gone_on_with(tmp_path: Path) -> None:
    assert job(KILLED, tmp_path) != 0
    before, after, final = whole()
    assert heard(tmp_path) == sorted(before)
    assert len(checkpoint.read_manifest(tmp_path / f"ck-{CUT}")["files"]) == 2
    alone, state = ended(tmp_path, threads=2)
    assert alone == after and digest(state) == final

    assert job(RESUMED, tmp_path) == 0
    assert heard(tmp_path) == sorted(after)
    parts = []
    for rank in (0, 1):
        with np.load(tmp_path / f"state-{rank}.npz") as found:
            parts.append({name.replace("|", "/"): found[name] for name in found})
    assert digest(merged(parts)) == final
