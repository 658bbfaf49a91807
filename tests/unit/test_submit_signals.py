"""Slurm's signal at moments when no run listens to it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sonata_circuit import change, write_circuit

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="this system has no SIGUSR1")

PROGRAM = """
import atexit, os, signal, sys
import neurosim.sonata.circuit as circuit
from neurosim.cli import main

tell = lambda: os.kill(os.getpid(), signal.SIGUSR1)
read = circuit.read
circuit.read = lambda *words, **more: (tell(), read(*words, **more))[1]
atexit.register(tell)
sys.exit(main(["run", sys.argv[1], "--output", sys.argv[2], "--quiet", "--resume"]))
"""

CUT_EARLY = """
import os, signal, sys
from neurosim.cli import main
from neurosim.sonata.session import Session

before = Session._open
Session._open = lambda *words: (before(*words), os.kill(os.getpid(), signal.SIGUSR1))[0]
sys.exit(main(["run", sys.argv[1], "--output", sys.argv[2], "--quiet", "--resume"]))
"""


def started(program: str, config: Path, output: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program, str(config), str(output)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


def test_a_signal_before_the_first_block_leaves_a_checkpoint_that_is_further_on(tmp_path: Path) -> None:
    config = change(change(write_circuit(tmp_path), "run.tstop", 6.0), "run.nsteps_block", 25)
    for k in (1, 2):
        done = started(CUT_EARLY, config, tmp_path / "output")
        assert done.returncode == 85, done.stderr
        assert f"stopped at {2.5 * k:g} ms with checkpoint" in done.stderr
    assert started(CUT_EARLY, config, tmp_path / "output").returncode == 0
    assert (tmp_path / "output/spikes.h5").is_file()


def test_a_signal_while_the_circuit_is_read_or_after_the_end_does_not_fail_the_run(tmp_path: Path) -> None:
    config = change(write_circuit(tmp_path), "run.tstop", 2.0)
    done = started(PROGRAM, config, tmp_path / "output")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "output/spikes.h5").is_file()
