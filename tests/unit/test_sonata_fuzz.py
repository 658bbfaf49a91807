"""Whatever stands in a configuration or its files, the answer is a run that is ready or a NeurosimError at its place.

More than a thousand broken inputs: configurations, tables, HDF5 files (what is in them, and their bytes), the same ones
in every run. ``NEUROSIM_FUZZ=10 pytest tests/unit/test_sonata_fuzz.py`` tries ten times as many, other ones.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurosim.errors import NeurosimError, SonataError
from neurosim.sonata.circuit import read
from neurosim.sonata.config import load
from neurosim.sonata.manifest import builtin_variables, parse_json, resolve, variables_of
from neurosim.sonata.session import Session
from tests.sonata_circuit import FIT, NML, TYPES, change, write_nodes
from tests.sonata_edges import TYPES as EDGE_TYPES
from tests.sonata_edges import with_edges

WORDS = ["run", "dt", "soma", "cells", "v", "$OUT", "${OUT}", "$A", "", " ", "..", "nml:", "\x00", "é", "all", "IClamp"]
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from([10**400, -1e308, 0.1, 1e-9]), st.sampled_from(WORDS)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(WORDS), inner, max_size=3)),
    max_leaves=6,
)
MORE = int(os.environ.get("NEUROSIM_FUZZ", "0"))
REPORTS: dict[str, Any] = {
    "synapses": {"module": "netcon_report", "cells": "cells", "variable_name": "g", "syn_type": "Exp"},
    "clamps": {"module": "clamp_report", "variable_name": "ic"},
    "points": {"module": "membrane_report", "cells": "points", "variable_name": "m", "dt": 0.2, "end_time": 20.0},
    "late": {"module": "membrane_report", "variable_name": ["v"], "sections": ["dend", "soma"], "start_time": 1.0},
    "density": {"module": "membrane_report", "cells": [2, 3], "variable_name": "i_membrane", "file_name": "d.h5"},
}


def examples(number: int) -> settings:
    """Return the settings of a test with a number of examples."""
    return settings(
        max_examples=number * max(MORE, 1),
        deadline=None,
        derandomize=not MORE,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


FEW = examples(50)


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
    """Folder of a network of cells, point cells and spike sources, with reports of every kind."""
    config = with_edges(tmp_path_factory.mktemp("fuzz"))
    folder = config.parent
    write_nodes(folder / "network/points_nodes.h5", "points", [9, 9])
    columns = "node_type_id model_type model_template dynamics_params"
    (folder / "network/points_types.csv").write_text(f"{columns}\n9 point_neuron nrn:IntFire1 point.json\n")
    (folder / "synapses/point.json").write_text(json.dumps({"tau": 0.02, "refrac": 0.003}))
    (folder / "spikes.csv").write_text(SPIKES)
    nodes = json.loads((folder / "circuit.json").read_text())["networks"]["nodes"]
    more = {"nodes_file": "$NETWORK/points_nodes.h5", "node_types_file": "$NETWORK/points_types.csv"}
    change(config, "networks.nodes", [*nodes, more])
    for name, report in REPORTS.items():
        change(config, f"reports.{name}", report)
    Session(read(config))
    return folder


SPIKES = "timestamps population node_ids\n1.0 inputs 0\n2.5 inputs 1\n"


@contextmanager
def replaced(path: Path) -> Iterator[None]:
    """Put a file back afterwards."""
    before = path.read_bytes()
    try:
        yield
    finally:
        path.write_bytes(before)


def attempt(folder: Path, *, attach: bool = False) -> NeurosimError | None:
    """Read the circuit, and attach the reports where asked; return the error, which says something."""
    try:
        circuit = read(folder / "config.json")
        if attach:
            Session(circuit)
    except NeurosimError as error:
        assert str(error)
        return error
    return None


def members(path: Path) -> list[tuple[Any, ...]]:
    return paths(json.loads(path.read_text()))


def spoil_json(folder: Path, name: str, data: st.DataObject) -> None:
    path = folder / name
    with replaced(path):
        content = json.loads(path.read_text())
        where = data.draw(st.sampled_from(paths(content)))
        path.write_text(json.dumps(spoiled(content, where, data.draw(VALUES))))
        attempt(folder)


@examples(170)
@given(data=st.data())
def test_any_value_anywhere_in_the_simulation_file(folder: Path, data: st.DataObject) -> None:
    spoil_json(folder, "simulation.json", data)


@examples(100)
@given(data=st.data())
def test_any_value_anywhere_in_the_circuit_file(folder: Path, data: st.DataObject) -> None:
    spoil_json(folder, "circuit.json", data)


@examples(60)
@given(name=st.sampled_from(["exc", "one", "point"]), data=st.data())
def test_any_value_anywhere_in_a_file_of_synapses_or_point_cells(folder: Path, name: str, data: st.DataObject) -> None:
    spoil_json(folder, f"synapses/{name}.json", data)


SETTINGS: dict[str, list[Any]] = {
    "module": ["membrane_report", "netcon_report", "clamp_report", "extracellular", "save_synapses", "multimeter"],
    "variable_name": [
        "v",
        "cai",
        "m",
        "IntFire1.m",
        "g",
        "i",
        "i_membrane",
        "ic",
        "se",
        "f_ic",
        "nothing",
        [],
        ["v", "m"],
    ],
    "cells": [
        "cells",
        "points",
        "inputs",
        "all",
        "two",
        [2],
        [],
        [99],
        {"population": "cells"},
        {"x": {"$gt": 1}},
        None,
    ],
    "gids": [[2], "cells"],
    "sections": ["soma", "all", "dend", ["axon"], [], "somatic", "nowhere", 3],
    "dt": [0.1, 0.25, 1e-9, -1, 0, 1e9, "0.1", True],
    "start_time": [0, 5.0, 40.0, -1.0, 0.05],
    "end_time": [40.0, 41.0, 0, 1e-30, 12.3],
    "file_name": ["a.h5", "../a.h5", "", ".", "soma_v.h5", "/etc/a.h5", "sub/a.h5", "spikes.h5", "a\x00b", 7],
    "syn_type": ["Exp", "Exp2Syn", "", "netcon", None],
    "electrode_positions": ["probe.csv", "nowhere.csv", "network"],
    "electrode_channels": ["all", [0], [9], [], "0"],
    "minimum_distance": ["auto", 0.0, -1, "far"],
    "enabled": [True, False, "no"],
    "unit": ["mV", "V", 1],
}


@examples(150)
@given(report=st.fixed_dictionaries({}, optional={name: st.sampled_from(v) for name, v in SETTINGS.items()}))
def test_any_report(folder: Path, report: dict[str, Any]) -> None:
    path = folder / "simulation.json"
    with replaced(path):
        change(folder / "config.json", "reports", {"any": {"variable_name": "v", **report}})
        attempt(folder, attach=True)


TEXT = st.sampled_from(["", '"', " ", "\n", "NULL", "9" * 25, "\x00", "-1", "nan", "1e999", ",", "ü", "['basal']"])


@examples(140)
@given(
    table=st.sampled_from([("network/cells_types.csv", TYPES), ("network/edge_types.csv", EDGE_TYPES),
                           ("spikes.csv", SPIKES)]),
    place=st.floats(0, 1), cut=st.integers(0, 12), new=TEXT,
)  # fmt: skip
def test_any_damage_to_a_table(folder: Path, table: tuple[str, str], place: float, cut: int, new: str) -> None:
    name, text = table
    where = int(place * len(text))
    with replaced(folder / name), replaced(folder / "simulation.json"):
        if name == "spikes.csv":
            change(folder / "config.json", "inputs.play", {
                "input_type": "spikes", "module": "csv", "input_file": name, "node_set": "inputs",
            })  # fmt: skip
        (folder / name).write_text(text[:where] + new + text[where + cut :])
        attempt(folder)


FILES = ["network/cells_nodes.h5", "network/points_nodes.h5", "network/edges.h5", "spikes.h5"]
DEEDS = ["replace", "remove", "group", "attribute", "add"]
ARRAYS = st.one_of(
    st.sampled_from([
        np.zeros(0), np.array(1.0), np.array(["a", "b"], "S1"), np.full((4, 2), 2), np.array([np.nan] * 4),
        np.array([-1, 0, 1, 2]), np.array([2**63] * 4, np.uint64), np.array([0.5, 1.5]), np.zeros(3, np.bool_),
        np.array([(1, 2.0)], [("a", "i4"), ("b", "f8")]), np.array([np.inf]), np.arange(3, dtype=np.uint16),
    ]),
    st.lists(st.integers(-2, 9), max_size=5).map(lambda v: np.array(v, np.int64)),
    st.lists(st.floats(width=32), max_size=5).map(lambda v: np.array(v, np.float64)),
)  # fmt: skip


def names_in(path: Path) -> list[str]:
    found: list[str] = []
    with h5py.File(path, "r") as file:
        file.visit(found.append)
    return found


@examples(170)
@given(
    data=st.data(),
    name=st.sampled_from(FILES),
    deed=st.sampled_from(["replace", "remove", "group", "attribute", "add"]),
)
def test_any_damage_to_what_is_in_an_hdf5_file(folder: Path, data: st.DataObject, name: str, deed: str) -> None:
    path = folder / name
    where = data.draw(st.sampled_from(names_in(path)))
    with replaced(path):
        with h5py.File(path, "a") as file:
            if deed == "attribute":
                key = data.draw(st.sampled_from(["node_population", "units", "sorting", "magic"]))
                file[where].attrs[key] = data.draw(ARRAYS)
            elif deed == "add":
                parent = file[where] if isinstance(file[where], h5py.Group) else file[where].parent
                key = data.draw(st.sampled_from(["0", "1", "node_id", "indices", "nsyns", "sec_id", "sec_x", "x",
                                                 "syn_weight", "edge_group_id", "edge_group_index", "dynamics_params",
                                                 "is_gap_junction", "@library", "model_template"]))  # fmt: skip
                if key not in parent:
                    parent[key] = data.draw(ARRAYS)
            else:
                del file[where]
                if deed == "replace":
                    file[where] = data.draw(ARRAYS)
                elif deed == "group":
                    file.create_group(where)
        attempt(folder)


@examples(100)
@given(name=st.sampled_from(FILES), place=st.floats(0, 1), new=st.binary(max_size=8), keep=st.booleans())
def test_any_damage_to_the_bytes_of_an_hdf5_file(folder: Path, name: str, place: float, new: bytes, keep: bool) -> None:
    path = folder / name
    with replaced(path):
        content = path.read_bytes()
        where = int(place * len(content))
        path.write_bytes(content[:where] + new + (content[where + len(new) :] if keep else b""))
        attempt(folder)


@FEW
@given(path=st.sampled_from(paths(FIT)), new=VALUES)
def test_any_value_anywhere_in_a_fit_file(folder: Path, path: tuple[Any, ...], new: Any) -> None:
    with replaced(folder / "components/models/fit.json"):
        (folder / "components/models/fit.json").write_text(json.dumps(spoiled(FIT, path, new)))
        error = attempt(folder)
    assert error is None or getattr(error, "path", None) is not None


@FEW
@given(
    where=st.integers(0, len(NML)),
    cut=st.integers(0, 30),
    new=st.sampled_from(["", "<", '"', "&x;", "1e999", "\n", "ü"]),
)
def test_any_damage_to_a_neuroml_file(folder: Path, where: int, cut: int, new: str) -> None:
    with replaced(folder / "components/models/cell.nml"):
        (folder / "components/models/cell.nml").write_text(NML[:where] + new + NML[where + cut :])
        attempt(folder)


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
