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


def test_a_signal_while_the_circuit_is_read_or_after_the_end_does_not_fail_the_run(tmp_path: Path) -> None:
    config = change(write_circuit(tmp_path), "run.tstop", 2.0)
    command = [sys.executable, "-c", PROGRAM, str(config), str(tmp_path / "output")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "output/spikes.h5").is_file()
