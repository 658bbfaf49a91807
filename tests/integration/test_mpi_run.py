"""``mpiexec -n 2 neurosim run``: the outputs of one process, one voice, and every way to stop it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from urllib.request import Request, urlopen

import h5py
import numpy as np
import pytest

from neurosim.cli import main
from neurosim.sonata.outfile import open_output
from neurosim.sonata.rank_files import FOLDER, SPIKES, legs_of
from tests.parallel_outputs import circuit, differing, run

BIN = Path(sys.executable).parent
pytestmark = [
    pytest.mark.skipif(
        find_spec("mpi4py") is None or not (BIN / "mpiexec").exists(),
        reason="mpi4py and an mpiexec in this environment are needed: pip install neurosim[mpi]",
    ),
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are found in /proc"),
]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return circuit(tmp_path_factory.mktemp("circuit"), tstop_ms=60.0, block=50)


@pytest.fixture(scope="module")
def one(config: Path) -> Path:
    """Outputs of one process, which also compiles the mechanisms."""
    run(config, config.parent / "one")
    return config.parent / "one"


class Job:
    """Two processes that run the configuration."""

    def __init__(self, config: Path, output: Path, *options: str) -> None:
        self.output = output
        words = [str(BIN / "mpiexec"), "-n", "2", sys.executable, "-m", "neurosim", "run", str(config)]
        self.process = subprocess.Popen(
            [*words, "--output", str(output), *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip

    def end(self) -> tuple[int, str, str]:
        """Wait for the end; return code, output and errors."""
        try:
            out, err = self.process.communicate(timeout=120)
        finally:
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)
        return self.process.returncode, out, err

    def reach(self, t_ms: float) -> None:
        """Wait until the files of both ranks state a time."""
        until = time.monotonic() + 120.0
        while time.monotonic() < until and self.process.poll() is None:
            if min(self._times_ms(), default=0.0) >= t_ms:
                return
            time.sleep(0.05)
        raise AssertionError(f"the run did not come to {t_ms:g} ms: {self.end()}")

    def _times_ms(self) -> list[float]:
        times = []
        for path in [path for leg in legs_of(self.output)[-1:] for path in leg.files(SPIKES)]:
            try:
                with open_output(path) as file:
                    times.append(float(file["progress/t_ms"][0]))
            except (OSError, KeyError):
                times.append(0.0)
        return times

    def ranks(self) -> list[int]:
        """Return the processes that compute: grandchildren of mpiexec."""
        above: dict[int, int] = {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                above[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
        return sorted(pid for pid, parent in above.items() if above.get(parent) == self.process.pid)


def test_two_processes_write_the_outputs_of_one_and_speak_with_one_voice(config: Path, one: Path) -> None:
    code, out, err = Job(config, config.parent / "two").end()
    assert (code, differing(one, config.parent / "two")) == (0, []), err
    assert out.count("6 cells, 60 ms") == 1
    assert out.count("2 processes: 3 cells, load") == 1
    assert "B each" in out
    assert err.count("genome[0]") == 1


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGTERM])
def test_a_signal_to_one_process_ends_all_with_a_checkpoint_to_go_on_from(
    config: Path, one: Path, number: signal.Signals
) -> None:
    folder = config.parent / number.name
    job = Job(config, folder)
    job.reach(5.0)
    os.kill(job.ranks()[-1], number)
    code, _, err = job.end()
    assert code == 85, err
    assert err.count("go on with --resume") == 1
    assert not (folder / "spikes.h5").exists()
    assert main(["run", str(config), "--output", str(folder), "--resume", "--quiet"]) == 0
    assert [text for text in differing(one, folder) if not text.startswith("checkpoints")] == []


def test_ctrl_c_closes_the_outputs(config: Path) -> None:
    folder = config.parent / "ctrl_c"
    job = Job(config, folder, "--tstop-ms", "60000")
    job.reach(5.0)
    os.kill(job.process.pid, signal.SIGINT)
    code, out, err = job.end()
    assert code == 130, err
    assert err.count("neurosim: interrupted at") == 1
    assert not (folder / FOLDER).exists()
    with h5py.File(folder / "soma_v.h5") as file:
        reached_ms = file["report/cells/mapping/time"][1]
        assert file["report/cells/data"].shape[0] == round(reached_ms / 0.1) >= 50
    assert f"{reached_ms:g} ms" in out


def test_files_of_a_killed_job_can_still_be_merged(config: Path, one: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = config.parent / "killed"
    job = Job(config, folder, "--tstop-ms", "60000")
    job.reach(5.0)
    os.kill(job.ranks()[0], signal.SIGKILL)
    code, _, _ = job.end()
    assert code != 0
    capsys.readouterr()
    assert main(["collect", "--ranks", str(folder)]) == 0
    t_ms = float(capsys.readouterr().out.split(" ms\n")[0].split()[-1])
    assert t_ms >= 5.0
    with h5py.File(folder / "all_v.h5") as file, h5py.File(one / "all_v.h5") as whole:
        values, expected = file["report/cells/data"][()], whole["report/cells/data"][()]
        n = min(len(values), len(expected))
        assert len(values) == round(t_ms / 0.1)
        assert np.array_equal(values[:n], expected[:n])


def test_a_mistake_is_told_once(config: Path) -> None:
    code, _, err = Job(config.with_name("missing.json"), config.parent / "none").end()
    assert code == 2
    assert err.count("missing.json") == 1


def test_a_run_of_two_processes_is_watched_in_the_first(config: Path, one: Path, tmp_path: Path) -> None:
    pytest.importorskip("uvicorn")
    job = Job(config, tmp_path / "out", "--view")
    said, found = "", None
    while found is None:
        line = job.process.stdout.readline() if job.process.stdout else ""
        assert line, said
        said += line
        found = re.search(r"(http://127\.0\.0\.1:\d+/)\?token=([\w-]+)", said)
    asked = Request(found[1] + "api/scene", headers={"Authorization": f"token {found[2]}"})
    with urlopen(asked, timeout=60) as answer:
        scene = json.load(answer)
    assert scene["live"]
    code, out, err = job.end()
    assert code == 0, out + err
    assert "watch" not in out, "one address, said by one process"
    assert not differing(one, tmp_path / "out")
