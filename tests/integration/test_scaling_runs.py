"""The scaling runs and the ring against NEURON, small; their files are what a forecast reads. Times are not judged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from neurosim import cli
from neurosim.hpc.measured import read_runs

ROOT = Path(__file__).resolve().parents[2]
MPIEXEC = Path(sys.executable).parent / "mpiexec"

with_mpi = pytest.mark.skipif(
    find_spec("mpi4py") is None or not MPIEXEC.exists(), reason='no mpi4py or mpiexec; pip install "neurosim[mpi]"'
)


def script(shared_bench: Path, name: str, *options: str) -> str:
    env = {**os.environ, "NEUROSIM_BENCH_DIR": str(shared_bench)}
    command = [sys.executable, str(ROOT / "benchmarks" / name), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280.0, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@with_mpi
def test_scaling_runs_agree_and_are_taken_by_the_plan(
    shared_bench: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "runs.json"
    small = ("--networks", "ring", "--rounds", "1", "--ranks", "1", "2", "--extra", "--cells 20 --tstop 30")
    # The script refuses runs whose spikes differ between numbers of ranks.
    out = script(shared_bench, "scaling.py", *small, "--output", str(path))
    assert "| ring | 2 |" in out
    assert "Forecast within 25%" in out
    runs = read_runs(path)
    assert [(run.name, run.ranks) for run in runs] == [("ring", 1), ("ring", 2)]
    assert all(run.network["rate_Hz"] > 0.0 for run in runs)
    assert all(len(run.wait_s) == run.ranks and min(run.compute_s) > 0.0 for run in runs)
    assert all(0.0 <= w <= e for run in runs for w, e in zip(run.wait_s, run.exchange_s, strict=True))
    words = ["plan", "--network", "v1", "--machine", "laptop", "--nodes", "1", "--measured", str(path), "--json"]
    assert cli.main(words) == 0
    inputs = json.loads(capsys.readouterr().out)["machine"]["inputs"]
    assert {inputs[name]["status"] for name in ("compartment_ns", "local_latency_us", "jitter_frac")} == {"measured"}
    assert inputs["compartment_ns"]["source"] == str(path)


@with_mpi
def test_the_ring_fires_alike_on_ranks_and_in_neuron(shared_bench: Path, tmp_path: Path) -> None:
    pytest.importorskip("neuron")
    path = tmp_path / "rows.json"
    cases = ("neurosim, 1 rank", "neurosim, 2 ranks", "NEURON, 2 ranks")
    small = ("--rounds", "1", "--cells", "20", "--tstop", "20", "--cases", *cases)
    out = script(shared_bench, "mpi.py", *small, "--output", str(path))
    runs: dict[str, list[dict[str, Any]]] = json.loads(path.read_text())["runs"]
    assert list(runs) == list(cases)
    assert {run["spikes"] for tries in runs.values() for run in tries} == {6}
    assert "times as fast as NEURON with MPI on 2 ranks (asked 8" in out
    assert "times one rank (asked 1.7" in out


@pytest.fixture
def meter(shared_bench: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    from importlib import import_module

    monkeypatch.setenv("NEUROSIM_BENCH_DIR", str(shared_bench))
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return import_module("rank_meter")


def test_waiting_is_told_from_exchange(meter: ModuleType) -> None:
    early = {"came": [1.0, 5.0], "left": [3.5, 5.2], "run_s": 10.0}
    late = {"came": [3.0, 5.0], "left": [3.4, 5.3], "run_s": 10.0}
    compute_s, exchange_s, wait_s = meter.parts_of([early, late])
    assert exchange_s == pytest.approx([2.7, 0.7])
    assert wait_s == pytest.approx([2.0, 0.0])
    assert compute_s == pytest.approx([7.3, 9.3])
