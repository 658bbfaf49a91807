"""Runs that are killed: what is on disk is what an undisturbed run wrote, up to the time that each file states.

The runs are children of a process that has loaded neurosim and its kernels once, so that twenty of them take seconds.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt
import pytest

from neurosim.sonata.outfile import open_output, partial_of
from tests.sonata_circuit import change, write_circuit

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="children are made by fork")

KILLS = 20
NURSERY = """
import os, signal, sys
from neurosim.cli import main
import neurosim.sonata.session
def run(folder):
    code = main(["run", sys.argv[1], "--quiet", "--output", folder])
    sys.stdout.flush()
    return code
run(sys.argv[2])
print("ready", flush=True)
for line in iter(sys.stdin.readline, ''):
    child = os.fork()
    if child == 0:
        os._exit(run(line.strip()))
    print("child", child, flush=True)
    sys.stdin.readline()
    print("code", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Nursery:
    """Runs the configuration in children; the first run, to the end, is the reference."""

    def __init__(self, folder: Path) -> None:
        config = write_circuit(folder)
        for key, value in {
            "run.tstop": 200.0, "run.nsteps_block": 40, "inputs.step.duration": 200.0,
            "output.spikes_file_csv": "spikes.csv",
            "reports.current": {"cells": "two", "variable_name": "i_membrane_"},
            "reports.late": {"cells": "two", "variable_name": "v", "sections": "soma", "start_time": 50.0, "dt": 0.5},
            "reports.clamp": {"module": "clamp_report", "variable_name": "ic"},
        }.items():  # fmt: skip
            change(config, key, value)
        self.folder, self.reference = folder, folder / "reference"
        command = [sys.executable, "-c", NURSERY, str(config), str(self.reference)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
        )
        assert self.process.stdin is not None and self.process.stdout is not None
        self.into, self.out = self.process.stdin, self.process.stdout
        assert self.out.readline() == "ready\n", self.process.stderr.read() if self.process.stderr else ""

    def run(self, name: str, sent: signal.Signals | None = None, at_ms: float = 0.0) -> tuple[Path, int]:
        """Start a run, send it a signal when its files state a time, and return its folder and its exit code."""
        folder = self.folder / name
        self.into.write(f"{folder}\n")
        child = self._answer("child")
        if sent is not None:
            wait_for(folder, at_ms)
            os.kill(child, sent)  # it is not reaped before the next line, so that the number is still its own
        self.into.write("reap\n")
        return folder, self._answer("code")

    def _answer(self, word: str) -> int:
        found, number = self.out.readline().split()
        assert found == word
        return int(number)

    def close(self) -> None:
        self.process.communicate()


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    made = Nursery(tmp_path_factory.mktemp("faults"))
    yield made
    made.close()


FILES = {
    "soma_v": "report/cells/data", "all_v": "report/cells/data", "calcium": "report/cells/data",
    "current": "report/cells/data", "late": "report/cells/data", "potential": "ecp/data", "clamp": "data",
}  # fmt: skip
SPIKES = "spikes/cells"


def rows_at(name: str, t_ms: float) -> int:
    """Return how many rows a file has at a time."""
    return round(max(0.0, t_ms - 50.0) / 0.5) if name == "late" else round(t_ms / 0.1)


def values(path: Path, dataset: str) -> npt.NDArray[np.float64]:
    with h5py.File(path, "r") as file:
        found: npt.NDArray[np.float64] = file[dataset][()]
    return found


def reached_ms(folder: Path, name: str) -> float:
    """Return the time that a file states, 0 where there is none yet."""
    path = folder / f"{name}.h5"
    if not path.exists() and not partial_of(path).exists():
        return 0.0
    try:
        with open_output(path) as file:
            return float(file["progress/t_ms"][0])
    except (OSError, KeyError):
        return 0.0  # killed while the file was being set up; the test below sees that no other has begun either


def wait_for(folder: Path, at_ms: float) -> None:
    """Return when a run has begun to write and its files state a time, or when it has ended; not later than in 60 s."""
    spikes, end = folder / "spikes.h5", time.monotonic() + 60.0
    while time.monotonic() < end and not spikes.exists():
        if partial_of(spikes).exists() and reached_ms(folder, "spikes") >= at_ms:
            return
        time.sleep(0.001)


def check_folder(folder: Path, reference: Path) -> float:
    """Compare every output with the reference up to its time; return the earliest of the times."""
    times = {name: reached_ms(folder, name) for name in [*FILES, "spikes"]}
    assert max(times.values()) - min(times.values()) <= 4.0 + 1e-9, f"one block apart at most: {times}"
    for name, dataset in FILES.items():
        if times[name]:
            n = rows_at(name, times[name])
            with open_output(folder / f"{name}.h5") as file:
                assert np.array_equal(file[dataset][:n], values(reference / f"{name}.h5", dataset)[:n]), name
    if times["spikes"]:
        with open_output(folder / "spikes.h5") as file, h5py.File(reference / "spikes.h5") as whole:
            n = int((whole[f"{SPIKES}/timestamps"][()] < times["spikes"]).sum())
            for column in ("timestamps", "node_ids"):
                assert np.array_equal(file[f"{SPIKES}/{column}"][:n], whole[f"{SPIKES}/{column}"][:n]), column
        table = folder / "spikes.csv"
        lines = (table if table.exists() else partial_of(table)).read_text().splitlines()
        assert lines[: n + 1] == (reference / "spikes.csv").read_text().splitlines()[: n + 1]
    return min(times.values())


def test_outputs_of_killed_runs_equal_those_of_an_undisturbed_one(nursery: Nursery) -> None:
    random = np.random.default_rng(3)
    _, code = nursery.run("whole")
    assert code == 0 and check_folder(nursery.folder / "whole", nursery.reference) == 200.0
    with h5py.File(nursery.reference / "spikes.h5") as file:
        assert len(file[f"{SPIKES}/timestamps"]) > 20
    reached = []
    for k, moment in enumerate(random.permutation(KILLS)):
        sent = signal.SIGINT if k % 4 == 3 else signal.SIGKILL
        # The first while the files are set up, the last about when the run ends; the others spread over its time.
        at_ms = 200.0 * max(0.0, moment - 1 + random.random()) / (KILLS - 1)
        folder, code = nursery.run(f"killed{k}", sent, 0.0 if moment == 0 else at_ms)
        assert code in ((130, 0) if sent is signal.SIGINT else (-signal.SIGKILL, 0))
        reached.append(check_folder(folder, nursery.reference))
        if sent is signal.SIGINT and reached[-1]:
            assert not list(folder.rglob("*.partial"))
            for name, dataset in FILES.items():
                assert len(values(folder / f"{name}.h5", dataset)) == rows_at(name, reached[-1]), name
    assert sum(0.0 < t < 200.0 for t in reached) >= KILLS // 2, f"most were killed under way: {reached}"


def test_a_run_over_a_killed_one_is_as_if_nothing_had_been(nursery: Nursery) -> None:
    nursery.run("again", signal.SIGKILL, 50.0)
    assert check_folder(nursery.folder / "again", nursery.reference) > 0.0
    folder, code = nursery.run("again")
    assert code == 0 and check_folder(folder, nursery.reference) == 200.0
    assert not list(folder.rglob("*.partial"))


def test_a_disk_that_fills_up_stops_the_run_with_what_is_safe(nursery: Nursery) -> None:
    code = (
        "import resource, signal, sys\n"
        "from neurosim.cli import main\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))\n"
        "sys.exit(main(['run', sys.argv[1], '--quiet', '--output', sys.argv[2]]))\n"
    )
    folder = nursery.folder / "full"
    command = [sys.executable, "-c", code, str(nursery.folder / "config.json"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    t_ms = check_folder(folder, nursery.reference)
    assert 0.0 < t_ms < 200.0
    assert f"t={t_ms:g} ms are safe" in done.stderr
    with h5py.File(folder / "all_v.h5.partial", "r") as file:
        assert len(file["report/cells/data"]) == rows_at("all_v", t_ms), "stopped between two blocks"
