"""Whatever stands in a configuration, the answer is a circuit or a SonataError, never another exception."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurosim.errors import NeurosimError, SonataError
from neurosim.sonata.circuit import read
from neurosim.sonata.config import load
from neurosim.sonata.manifest import builtin_variables, parse_json, resolve, variables_of
from tests.sonata_circuit import CIRCUIT, FIT, NML, SIMULATION, TYPES, write_circuit

WORDS = ["run", "dt", "soma", "cells", "v", "$OUT", "${OUT}", "$A", "", " ", "..", "nml:", "\x00", "é", "all", "IClamp"]
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from([10**400, -1e308, 0.1, 1e-9]), st.sampled_from(WORDS)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(WORDS), inner, max_size=3)),
    max_leaves=6,
)
FEW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def paths(value: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every member of a JSON value."""
    found = [above] if above else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in items:
        found += paths(inner, (*above, name))
    return found


def spoiled(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """Return a copy with one member replaced."""
    copy = json.loads(json.dumps(value))
    inner = copy
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = new
    return copy


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_circuit(tmp_path_factory.mktemp("fuzz")).parent


@FEW
@given(path=st.sampled_from(paths(SIMULATION)), new=VALUES)
def test_any_value_anywhere_in_the_simulation_file(folder: Path, path: tuple[Any, ...], new: Any) -> None:
    (folder / "simulation.json").write_text(json.dumps(spoiled(SIMULATION, path, new)))
    try:
        read(folder / "config.json")
    except SonataError as error:
        assert str(error)


@FEW
@given(path=st.sampled_from(paths(CIRCUIT)), new=VALUES)
def test_any_value_anywhere_in_the_circuit_file(folder: Path, path: tuple[Any, ...], new: Any) -> None:
    (folder / "simulation.json").write_text(json.dumps(SIMULATION))
    (folder / "circuit.json").write_text(json.dumps(spoiled(CIRCUIT, path, new)))
    try:
        read(folder / "config.json")
    except SonataError as error:
        assert error.key is not None or error.path is not None
    finally:
        (folder / "circuit.json").write_text(json.dumps(CIRCUIT))


@FEW
@given(path=st.sampled_from(paths(FIT)), new=VALUES)
def test_any_value_anywhere_in_a_fit_file(folder: Path, path: tuple[Any, ...], new: Any) -> None:
    (folder / "simulation.json").write_text(json.dumps(SIMULATION))
    (folder / "components/models/fit.json").write_text(json.dumps(spoiled(FIT, path, new)))
    try:
        read(folder / "config.json")
    except SonataError as error:
        assert error.path is not None
    finally:
        (folder / "components/models/fit.json").write_text(json.dumps(FIT))


@FEW
@given(
    where=st.integers(0, len(NML)),
    cut=st.integers(0, 30),
    new=st.sampled_from(["", "<", '"', "&x;", "1e999", "\n", "ü"]),
)
def test_any_damage_to_a_neuroml_file(folder: Path, where: int, cut: int, new: str) -> None:
    (folder / "simulation.json").write_text(json.dumps(SIMULATION))
    (folder / "components/models/cell.nml").write_text(NML[:where] + new + NML[where + cut :])
    try:
        read(folder / "config.json")
    except NeurosimError as error:
        assert isinstance(error, SonataError)
    finally:
        (folder / "components/models/cell.nml").write_text(NML)


@FEW
@given(
    where=st.integers(0, len(TYPES)),
    cut=st.integers(0, 12),
    new=st.sampled_from(["", '"', " ", "\n", "NULL", "9" * 25, "\x00"]),
)
def test_any_damage_to_a_types_table(folder: Path, where: int, cut: int, new: str) -> None:
    (folder / "simulation.json").write_text(json.dumps(SIMULATION))
    (folder / "network/cells_types.csv").write_text(TYPES[:where] + new + TYPES[where + cut :])
    try:
        read(folder / "config.json")
    except NeurosimError as error:
        assert isinstance(error, SonataError)
    finally:
        (folder / "network/cells_types.csv").write_text(TYPES)


@FEW
@given(value=VALUES)
def test_any_json_as_the_whole_configuration(tmp_path: Path, value: Any) -> None:
    (tmp_path / "config.json").write_text(json.dumps(value))
    with pytest.raises(SonataError):
        load(tmp_path / "config.json")


@FEW
@given(text=st.text(max_size=40))
def test_any_text_as_json(text: str) -> None:
    with suppress(SonataError):
        parse_json(text, Path("config.json"))


@FEW
@given(
    manifest=st.dictionaries(st.sampled_from(["$A", "$B", "C", "${D}", "$", "A B"]), SCALARS, max_size=4),
    text=st.text("$AB{}CD/", max_size=12),
)
def test_resolving_ends_and_leaves_no_known_variable(manifest: dict[str, Any], text: str) -> None:
    try:
        variables = variables_of(manifest, builtin_variables(Path("/a/config.json")), Path("/a/config.json"))
    except SonataError:
        return
    assert isinstance(resolve({"k": text}, variables), dict)
