from __future__ import annotations

import json
from pathlib import Path

import pytest

from neurosim.errors import SonataError
from neurosim.sonata.config import load
from tests.sonata_circuit import change, write_circuit


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_circuit(tmp_path)


def test_root_with_two_files_and_one_flat_file_mean_the_same(config: Path, tmp_path: Path) -> None:
    parts = [json.loads((tmp_path / name).read_text()) for name in ("circuit.json", "simulation.json")]
    flat = {**parts[0], **parts[1], "manifest": {**parts[0]["manifest"], **parts[1]["manifest"]}}
    (tmp_path / "flat.json").write_text(json.dumps(flat))
    one, two = load(config), load(tmp_path / "flat.json")
    assert one.run == two.run
    for name in ("networks", "components", "inputs", "reports", "output"):
        assert one.section(name).values == two.section(name).values


def test_the_simulation_file_may_name_the_circuit_itself(config: Path, tmp_path: Path) -> None:
    change(config, "network", "$OUT/../circuit.json")
    (tmp_path / "output").mkdir()
    found = load(tmp_path / "simulation.json")
    assert len(found.section("networks").entries("nodes")) == 2


def test_children_are_laid_over_the_root_and_simulation_wins(config: Path) -> None:
    root = {"network": "circuit.json", "simulation": "simulation.json", "run": {"tstop": 1.0}, "inputs": {}}
    config.write_text(json.dumps(root))
    assert load(config).run.tstop_ms == 40.0


def test_defaults_of_run(config: Path) -> None:
    change(config, "run", {"tstop": 10})
    run = load(config).run
    assert (run.dt_ms, run.dl_um, run.spike_threshold_mV, run.block_steps, run.steps_n) == (0.1, 20.0, -15.0, 0, 100)


def test_relative_paths_start_at_the_file_and_then_at_the_working_directory(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "probe.csv").rename(elsewhere / "probe.csv")
    monkeypatch.chdir(elsewhere)
    found = load(config)
    entry = found.section("reports").entry("potential")
    assert found.located(entry, "electrode_positions") == elsewhere / "probe.csv"
    assert any("working directory" in text for text in found.notices)


def test_the_folder_of_the_file_comes_first(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "probe.csv").write_text("another")
    monkeypatch.chdir(elsewhere)
    found = load(config)
    assert found.located(found.section("reports").entry("potential"), "electrode_positions") == tmp_path / "probe.csv"
    assert not found.notices


def test_comments_and_harmless_keys_are_accepted(config: Path) -> None:
    run = load(config).run
    for key in ("_remark", "comment", "metadata", "version"):
        change(config, key, "anything")
    change(config, "output.log_level", "DEBUG")
    change(config, "run.overwrite_output_dir", True)
    assert load(config).run == run


def test_command_line_values_replace_those_of_the_file(config: Path) -> None:
    found = load(config).changed(tstop_ms=3.0, dt_ms=0.05)
    assert (found.run.steps_n, found.run.dl_um) == (60, 20.0)
    with pytest.raises(SonataError, match="does not divide"):
        load(config).changed(dt_ms=0.07)


def test_a_file_that_includes_itself_is_refused(config: Path) -> None:
    config.write_text(json.dumps({"network": "config.json", "simulation": "simulation.json"}))
    with pytest.raises(SonataError, match="includes itself"):
        load(config)


def test_a_variable_reaches_every_string(config: Path) -> None:
    change(config, "manifest.$STEP", 0.2)
    change(config, "run.dt", "${STEP}")
    assert load(config).run.dt_ms == 0.2
