"""Sweeps: which runs there are, their table, their configurations, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurosim.errors import NeurosimError
from neurosim.hpc.sweep import (
    SEED,
    Run,
    read_table,
    runs_of,
    seeds_from,
    table_of,
    values_from,
    values_of,
    write_configs,
)
from neurosim.sonata.circuit import read
from neurosim.sonata.config import Config, load
from tests.sonata_circuit import change, write_circuit

CONFIG = Path("/home/me/config.json")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """A configuration of two files, with paths that start at its folder."""
    return load(write_circuit(tmp_path_factory.mktemp("circuit")))


def test_all_combinations_are_run_seeds_counting_fastest() -> None:
    runs = runs_of(CONFIG, [4, 5], {"a.b": [1, 2], "c": ["x"]})
    assert [run.index for run in runs] == [0, 1, 2, 3]
    assert [(run.seed, run.parameters["a.b"], run.parameters["c"]) for run in runs] == [
        (4, 1, "x"), (5, 1, "x"), (4, 2, "x"), (5, 2, "x"),
    ]  # fmt: skip
    assert (runs[3].output, runs[3].config) == ("0003", "configs/0003.json")


def test_one_run_is_that_of_the_configuration_itself() -> None:
    assert runs_of(CONFIG, [], {}) == [Run(0, ".", str(CONFIG))]


VALUES = st.one_of(
    st.integers(),
    st.booleans(),
    st.none(),
    st.text(max_size=8),
    st.floats(allow_nan=False, allow_infinity=False),
    st.lists(st.integers(), max_size=2),
)


@settings(max_examples=50)
@given(
    st.lists(VALUES, min_size=1, max_size=4, unique_by=lambda v: json.dumps(v)),
    st.lists(st.integers(0, 9), unique=True),
)
def test_the_table_gives_back_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, values: list[Any], seeds: list[int]
) -> None:
    values = [value for k, value in enumerate(values) if value not in values[:k]]
    runs = runs_of(CONFIG, seeds, {"some.key": values})
    path = tmp_path_factory.mktemp("table") / "runs.csv"
    path.write_text(table_of(runs), encoding="utf-8", newline="")
    back = read_table(path)
    assert back == runs
    assert [type(run.parameters["some.key"]) for run in back] == [type(run.parameters["some.key"]) for run in runs]


@pytest.mark.parametrize(
    ("text", "line"),
    [("", 1), ("a,b,c\n", 1), ("index,output,config,seed\n0,.,c\n", 2), ("index,output,config,seed\nx,.,c,\n", 2)],
)
def test_a_file_that_is_no_table_is_refused_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    (tmp_path / "runs.csv").write_text(text)
    with pytest.raises(NeurosimError, match=f"line {line}: "):
        read_table(tmp_path / "runs.csv")


def test_each_run_has_a_configuration_that_can_stand_anywhere(config: Config, tmp_path: Path) -> None:
    runs = runs_of(config.path, [11, 12], {"inputs.step.amp": [0.1, 0.2], "run.tstop": [20]})
    paths = write_configs(config, runs, tmp_path / "configs", tmp_path)
    assert [path.name for path in paths] == ["0000.json", "0001.json", "0002.json", "0003.json"]
    for run, path in zip(runs, paths, strict=True):
        found = load(path)
        assert found.run.seed == run.seed
        assert found.run.tstop_ms == 20.0
        assert found.section("inputs").values["step"]["amp"] == run.parameters["inputs.step.amp"]
        assert found.output_dir == tmp_path / run.output
    circuit = read(paths[2])
    assert len(circuit.cells) == 6
    assert circuit.simulation().seed == 11


def test_a_path_that_is_varied_starts_at_the_configuration(tmp_path: Path) -> None:
    path = write_circuit(tmp_path)
    (path.parent / "other.csv").write_text((path.parent / "probe.csv").read_text())
    [run] = runs_of(path, [], {"reports.potential.electrode_positions": ["other.csv"]})
    values = values_of(load(path), run, tmp_path / "job")
    assert values["reports"]["potential"]["electrode_positions"] == str(path.parent / "other.csv")


def test_the_configuration_itself_is_left_as_it_is(config: Config) -> None:
    before = json.dumps(config.root.values)
    [run] = runs_of(config.path, [3], {"conditions.celsius": [20.0], "networks.nodes.1.node_types_file": ["x"]})
    values = values_of(config, run, Path("/job"))
    assert values["networks"]["nodes"][1]["node_types_file"] == "x"
    assert json.dumps(config.root.values) == before


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("inputs.step.ampp", "inputs.step there are: amp"),
        ("inputs.stepp.amp", "inputs there are: step"),
        ("input.step.amp", "config.json there are: inputs"),
        ("networks.nodes.7.x", "networks.nodes there are: 0, 1"),
        ("inputs.step.amp.x", "inputs.step.amp holds a single value"),
    ],
)
def test_a_key_that_is_not_there_is_refused_with_those_that_are(config: Config, key: str, hint: str) -> None:
    [run] = runs_of(config.path, [], {key: [1]})
    with pytest.raises(NeurosimError, match=f"--set {key}: ") as caught:
        values_of(config, run, Path("/job"))
    assert hint in str(caught.value)


@pytest.mark.parametrize(("key", "value"), [("run.tstpo", 5), ("run.dt", 0.3), ("conditions.celsius", "warm")])
def test_a_value_that_cannot_be_run_is_refused_before_anything_is_handed_in(
    config: Config, tmp_path: Path, key: str, value: Any
) -> None:
    runs = runs_of(config.path, [], {key: [value]})
    with pytest.raises(NeurosimError, match=r"0000\.json"):
        write_configs(config, runs, tmp_path, tmp_path)


def test_lists_of_seeds_and_values_are_read_as_they_are_meant() -> None:
    assert seeds_from("0-3") == [0, 1, 2, 3]
    assert seeds_from("7, 1,3-4") == [7, 1, 3, 4]
    assert values_from("1,2.5,true") == [1, 2.5, True]
    assert values_from("a.h5, b.h5,3") == ["a.h5", "b.h5", 3]
    assert values_from("[1,2],[3]") == [[1, 2], [3]]


@pytest.mark.parametrize("text", ["", "a", "3-1", "1,,2", "-1", "1-", "0-99999"])
def test_seeds_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(NeurosimError, match="--seeds"):
        seeds_from(text)


def test_what_would_be_run_twice_is_refused() -> None:
    with pytest.raises(NeurosimError, match="--seeds has 1 twice"):
        runs_of(CONFIG, [1, 2, 1], {})
    with pytest.raises(NeurosimError, match="--set a has 5 twice"):
        runs_of(CONFIG, [], {"a": [5, 5]})
    with pytest.raises(NeurosimError, match="--seeds sets"):
        runs_of(CONFIG, [1], {SEED: [5]})
    with pytest.raises(NeurosimError, match="more than 10000 runs"):
        runs_of(CONFIG, list(range(101)), {"a": list(range(100))})


def test_the_seed_of_a_configuration_reaches_the_run(tmp_path: Path) -> None:
    path = change(write_circuit(tmp_path), "run.random_seed", 77)
    assert read(path).simulation().seed == 77
    with pytest.raises(NeurosimError, match=r"run\.random_seed: must be a whole number"):
        load(change(path, "run.random_seed", 0.5))
