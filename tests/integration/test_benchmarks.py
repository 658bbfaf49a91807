"""The timing scripts run, agree on the model, and print the line that the tables read. Times are not looked at."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
CASES = {"hh_dense": ["hh_dense"], "mixed": ["hh_dense", "--mixed"], "passive": ["passive"]}


def line(shared_bench: Path, script: str, *options: str, timeout_s: float = 280.0) -> dict[str, Any]:
    command = [sys.executable, str(ROOT / "benchmarks" / script), *options]
    env = {**os.environ, "NEUROSIM_BENCH_DIR": str(shared_bench)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, env=env)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(next(x for x in done.stdout.splitlines() if x.startswith('{"engine"')))
    return found


@pytest.mark.parametrize("case", CASES)
def test_neurosim_and_neuron_time_the_same_model(shared_bench: Path, case: str, tmp_path: Path) -> None:
    pytest.importorskip("neuron")
    script, *options = CASES[case]
    options += ["--cells", "3", "--tstop", "5"]
    lines, spikes = {}, {}
    for engine in ("neurosim", "neuron"):
        dump = tmp_path / engine
        lines[engine] = line(shared_bench, f"{script}_{engine}.py", *options, "--dump-spikes", str(dump))
        spikes[engine] = dump.read_text()
    assert lines["neurosim"]["ncomp_total"] == lines["neuron"]["ncomp_total"]
    assert lines["neurosim"]["spikes"] == 3
    assert spikes["neurosim"] == spikes["neuron"]
    assert {"build_s", "run_s", "compile_s", "max_rss_mb", "commit", "version"} <= lines["neurosim"].keys()


@pytest.mark.parametrize("case", CASES)
def test_arbor_times_the_same_model(shared_bench: Path, case: str) -> None:
    pytest.importorskip("arbor")
    script, *options = CASES[case]
    found = line(shared_bench, f"{script}_arbor.py", *options, "--cells", "3", "--tstop", "5")
    assert (found["case"], found["spikes"]) == (case, 3)


def test_the_sonata_command_is_timed(shared_bench: Path, shared_data: Path) -> None:
    found = line(shared_bench, "sonata_5_cells.py", "--tstop", "5", "--without-ecp")
    assert found["wall_s"] > 0.0
    assert found["spikes"] == 0


def test_the_import_is_timed(shared_bench: Path) -> None:
    assert line(shared_bench, "import_time.py", "--repeat", "1")["case"] == "import"


@pytest.fixture
def tables(shared_bench: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Import the module of the tables; its folder is on the path for this test only."""
    monkeypatch.setenv("NEUROSIM_BENCH_DIR", str(shared_bench))
    monkeypatch.setattr(sys, "path", [str(ROOT / "benchmarks"), *sys.path])
    before = set(sys.modules)
    spec = importlib.util.spec_from_file_location("tables", ROOT / "benchmarks" / "tables.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    for name in set(sys.modules) - before:
        if name in ("common", "matrix", "model", "tables"):
            del sys.modules[name]


def timed(key: str, variant: str, ns: float, **more: Any) -> dict[str, Any]:
    fields = {"spikes": 64, "cpu_ns_per_comp_step": ns, "max_rss_mb": 60.0, "rss_base_mb": 40.0, "build_s": 0.1}
    return {"key": key, "variant": variant, "ns_per_comp_step": ns, "ncomp_total": 2**20, "run_s": ns, **fields, **more}


def result(*lines: dict[str, Any]) -> dict[str, Any]:
    machine = {"cpu": "c", "llvm_cpu": "l", "cores": 2, "system": "s"}
    head = {"date": "d", "commit": "c", "rounds": 3, "load_before": 0.0, "machine": machine, "versions": {"numpy": "2"}}
    return {**head, "lines": list(lines)}


def test_ratios_are_of_medians_and_say_what_was_missed(tables: ModuleType) -> None:
    lines = [timed("dense64", "neurosim/1t", ns) for ns in (10.0, 99.0, 11.0)]
    lines += [timed("dense64", "arbor/1t", ns) for ns in (22.0, 20.0, 50.0)]
    lines += [timed("dense64", "neuron/1t", 77.0)]
    text = tables.report(result(*lines))
    assert "2.00× arbor (asked 2.2, missed)" in text
    assert "7.00× neuron (asked 6)" in text
    assert "| 11.0 (10.0 to 99.0) |" in text
    assert "| dense64 | arbor/1t | 20 |" in text  # 20 MB over 2**20 compartments


def test_a_disagreement_about_spikes_is_shown(tables: ModuleType) -> None:
    agreed = tables.report(result(timed("dense64", "neurosim/1t", 1.0), timed("dense64", "arbor/1t", 1.0, spikes=65)))
    assert "differ" not in agreed
    differing = tables.report(
        result(timed("dense64", "neurosim/1t", 1.0), timed("dense64", "arbor/1t", 1.0, spikes=70))
    )
    assert "**Spike counts differ:** dense64: neurosim/1t 64, arbor/1t 70" in differing
