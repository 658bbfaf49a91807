"""The timing scripts run, agree on the model, and print the line that the tables read. Times are not looked at."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
CASES = {"hh_dense": ["hh_dense"], "mixed": ["hh_dense", "--mixed"], "passive": ["passive"]}
# Small networks, and how many spikes they have.
NETWORKS = {
    "ring": (["--cells", "10", "--tstop", "20"], 3),
    # Of these the input alone makes 9.
    "busy": (["--cells", "10", "--synapses", "60", "--tstop", "60", "--weight", "3e-3", "--rate", "20"], 19),
}


def line(shared_bench: Path, script: str, *options: str, python: str = sys.executable) -> dict[str, Any]:
    command = [python, str(ROOT / "benchmarks" / script), *options]
    env = {**os.environ, "NEUROSIM_BENCH_DIR": str(shared_bench)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=280.0, env=env)
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


@pytest.mark.parametrize("case", NETWORKS)
def test_a_network_fires_in_neurosim_as_in_neuron(shared_bench: Path, case: str, tmp_path: Path) -> None:
    pytest.importorskip("neuron")
    options, spikes = NETWORKS[case]
    theirs = shared_bench / "ring_neuron.py" if case == "ring" else ROOT / "benchmarks" / f"{case}_neuron.py"
    lines, dumps = {}, {}
    for engine, script in (("neurosim", f"{case}_neurosim.py"), ("neuron", str(theirs))):
        dump = tmp_path / engine
        lines[engine] = line(shared_bench, script, *options, "--dump-spikes", str(dump))
        dumps[engine] = dump.read_text()
    assert lines["neuron"]["spikes"] == spikes
    assert dumps["neurosim"] == dumps["neuron"]
    assert lines["neurosim"]["ncomp_total"] == lines["neuron"]["ncomp_total"]
    assert lines["neurosim"].get("events") == lines["neuron"].get("events")


def test_arbor_fires_in_the_busy_network(shared_bench: Path) -> None:
    pytest.importorskip("arbor")
    options, spikes = NETWORKS["busy"]
    assert line(shared_bench, "busy_arbor.py", *options)["spikes"] == spikes


def test_the_cost_of_an_event_is_measured(shared_bench: Path) -> None:
    options, _ = NETWORKS["busy"]
    found = line(shared_bench, "busy_neurosim.py", *options, "--event-cost", "200")
    assert found["events_for_cost"] > found["events"]
    assert found["event_ns_lowest"] <= found["event_ns"] <= found["event_ns_highest"]


BRUNEL = ("--cells", "1000", "--tstop", "200")
# So small a network has, by the draw of its connections, 55 to 73 Hz in each of the simulators.
BRUNEL_HZ = pytest.approx(64.0, abs=12.0)


def test_the_balanced_network_has_its_rate(shared_bench: Path) -> None:
    assert line(shared_bench, "brunel_neurosim.py", *BRUNEL)["rate_Hz"] == BRUNEL_HZ


@pytest.mark.parametrize(("name", "options"), [("nest", ()), ("brian", ("--codegen", "numpy"))])
def test_a_peer_has_the_rate_of_the_balanced_network(
    shared_bench: Path, matrix: ModuleType, name: str, options: tuple[str, ...]
) -> None:
    python = (matrix.NEST if name == "nest" else matrix.BRIAN) / "bin" / "python"
    if not python.exists():
        pytest.skip(f"no {python}; `make bench-peers` makes it")
    found = line(shared_bench, f"brunel_{name}.py", *BRUNEL, *options, python=str(python))
    assert found["rate_Hz"] == BRUNEL_HZ


@pytest.mark.parametrize("options", [("--without-ecp",), ("--example", "9_cells")])
def test_the_sonata_command_is_timed(shared_bench: Path, shared_data: Path, options: tuple[str, ...]) -> None:
    found = line(shared_bench, "sonata_command.py", "--tstop", "5", *options)
    assert found["wall_s"] > 0.0
    assert found["spikes"] == 0


def test_reading_synapses_is_timed(shared_bench: Path, shared_data: Path) -> None:
    few = ("--cells", "6", "--virtual", "10", "--synapses", "3000", "--read-only")
    found = line(shared_bench, "load_synapses.py", *few)
    assert found["read_s"] > 0.0
    assert 16.0 < found["bytes_per_synapse"] < 60.0


@pytest.mark.parametrize("engine", ["neurosim", pytest.param("neuron", marks=pytest.mark.slow)])
def test_the_worms_network_is_timed(shared_data: Path, engine: str) -> None:
    """NEURON needs geometry, which is made up to fit the arrays: its voltages are near."""
    if engine == "neuron":
        pytest.importorskip("neuron")
    command = [sys.executable, str(ROOT / "benchmarks/worm.py"), "--file", str(shared_data / "baaiworm/reference.h5")]
    command += ["--engine", engine, "--dt", "0.5", "--tstop", "20"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280.0)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["cpu"] > 0.0
    assert found["off"] < (1e-4 if engine == "neurosim" else 5.0)


def test_the_import_is_timed(shared_bench: Path) -> None:
    assert line(shared_bench, "import_time.py", "--repeat", "1")["case"] == "import"


@pytest.fixture
def scripts(shared_bench: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """Import a module of the benchmarks by name; its folder is on the path for this test only."""
    monkeypatch.setenv("NEUROSIM_BENCH_DIR", str(shared_bench))
    monkeypatch.setattr(sys, "path", [str(ROOT / "benchmarks"), *sys.path])
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if name in ("common", "matrix", "model", "run", "tables"):
            del sys.modules[name]


@pytest.fixture
def tables(scripts: Callable[[str], ModuleType]) -> ModuleType:
    return scripts("tables")


@pytest.fixture
def matrix(scripts: Callable[[str], ModuleType]) -> ModuleType:
    return scripts("matrix")


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


def test_events_and_loading_have_tables(tables: ModuleType) -> None:
    event = {"events": 10**9, "synapses": 2**20, "ncells": 64, "tstop_ms": 1000.0, "event_ns": 12.5}
    loaded = {"key": "load", "variant": "neurosim/1t", "synapses": 10**6, "read_s": 11.0, "bytes_per_synapse": 28.0}
    loaded |= {"peak_bytes_per_synapse": 90.0, "built_bytes_per_synapse": 100.0}
    text = tables.report(result(timed("busy1000", "neurosim/1t", 30.0, **event), loaded))
    assert "| busy1000 | neurosim/1t | 1.00 | 1,000,000,000 | 30 (30 to 30) | 12.5 (12.5 to 12.5) | 20 |" in text
    assert "1,000,000 synapses are read from SONATA in 11.00 (11.00 to 11.00) s (asked under 10)" in text
    assert "missed" in text


def test_a_matrix_that_was_cut_off_goes_on(
    scripts: Callable[[str], ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = scripts("run")
    ran: list[str] = []

    def one(case: Any, variant: Any, extra: list[str]) -> dict[str, Any]:
        ran.append(variant.name)
        return {"engine": variant.name, "ns_per_comp_step": 1.0}

    monkeypatch.setattr(run, "run_variant", one)
    path = tmp_path / "lines.jsonl"
    args = argparse.Namespace(rounds=1, only=["mixed64"], variants=["neurosim/1t"], extra="", lines=path)
    run.run_matrix(args)
    args.variants = ["neurosim/1t", "arbor/1t"]
    lines = run.run_matrix(args)
    assert ran == ["neurosim/1t", "arbor/1t"]
    assert [line["variant"] for line in lines] == ran
