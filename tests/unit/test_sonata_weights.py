"""Weight functions: the built-in rules against the published formulas, edge by edge, and functions of others."""

from __future__ import annotations

import math
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from neurosim.errors import SonataError
from neurosim.sonata import weights
from neurosim.sonata.circuit import read
from neurosim.sonata.weights import Columns, Floats, find, weight_function
from tests.sonata_edges import with_edges
from tests.tolerances import ROUNDOFF

N = 400
RANDOM = np.random.RandomState(11)
EDGES: dict[str, Any] = {"syn_weight": RANDOM.uniform(1e-4, 1e-3, N), "weight_sigma": RANDOM.uniform(20, 90, N)}
SOURCES: dict[str, Any] = {"tuning_angle": RANDOM.uniform(0, 360, N)}
TARGETS: dict[str, Any] = {"tuning_angle": RANDOM.uniform(-90, 720, N)}
for _ends in (SOURCES, TARGETS):
    _ends.update({"x": RANDOM.uniform(-20, 20, N), "z": RANDOM.uniform(-20, 20, N)})


def orientation(edge: dict[str, float], source: dict[str, float], target: dict[str, float]) -> float:
    """sonata-v1.md B5, gaussianLL."""
    turn = abs(target["tuning_angle"] - source["tuning_angle"]) % 360.0
    difference = abs(abs(abs(180.0 - turn) - 90.0) - 90.0)
    return edge["syn_weight"] * math.exp(-((difference / edge["weight_sigma"]) ** 2))


def direction(edge: dict[str, float], source: dict[str, float], target: dict[str, float]) -> float:
    """sonata-v1.md D5, DirectionRule_others."""
    turn = abs(target["tuning_angle"] - source["tuning_angle"]) % 360.0
    return edge["syn_weight"] * math.exp(-((abs(abs(turn - 180.0) - 180.0) / edge["weight_sigma"]) ** 2))


def direction_ee(edge: dict[str, float], source: dict[str, float], target: dict[str, float]) -> float:
    """sonata-v1.md D5, DirectionRule_EE."""
    theta = math.radians(target["tuning_angle"])
    u = 0.07 * (target["x"] - source["x"]) * math.cos(theta) + 0.04 * (target["z"] - source["z"]) * math.sin(theta)
    folded = abs(abs(abs(180.0 - abs(target["tuning_angle"]) % 360.0) - 90.0) - 90.0)
    return direction(edge, source, target) * math.exp(-u * u / 2.0) * (5.5 / 4.0 - 11.0 / 1680.0 * folded)


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("wmax", lambda edge, source, target: edge["syn_weight"]),
        ("default", lambda edge, source, target: edge["syn_weight"]),
        ("gaussianLL", orientation),
        ("DirectionRule_others", direction),
        ("DirectionRule_EE", direction_ee),
    ],
)
def test_a_rule_is_its_formula(name: str, formula: Any) -> None:
    found = find(name, "k")(EDGES, SOURCES, TARGETS)
    for k in range(N):
        wanted = formula(*({n: float(v[k]) for n, v in columns.items()} for columns in (EDGES, SOURCES, TARGETS)))
        assert abs(found[k] - wanted) <= ROUNDOFF * EDGES["syn_weight"][k]


@pytest.fixture
def registry() -> Iterator[None]:
    before = dict(weights._FUNCTIONS)
    yield
    weights._FUNCTIONS.clear()
    weights._FUNCTIONS.update(before)


def use(folder: Path, name: str) -> Path:
    """Write the circuit with edges that have a weight function."""
    config = with_edges(folder)
    with h5py.File(folder / "network/edges.h5", "a") as file:
        file["edges/inputs_cells/0/weight_function"] = [name] * 3
        file["edges/inputs_cells/0/factor"] = [2.0, 3.0, 4.0]
    return config


@pytest.mark.usefixtures("registry")
def test_a_registered_function_sees_the_columns_of_edges_and_nodes(tmp_path: Path) -> None:
    @weight_function("mine")
    def mine(edges: Columns, sources: Columns, targets: Columns) -> Floats:
        assert "factor" in edges and "x" in targets and "tuning_angle" not in sources
        return edges["factor"] + targets["x"]

    found = read(use(tmp_path, "mine")).connections
    assert found[0].weight.tolist() == [2.0, 4.0]  # edges 0 and 2 onto node 0 at x = 0
    assert found[1].weight.tolist() == [103.0]  # edge 1 onto node 1 at x = 100


def doubled(edges: Columns, sources: Columns, targets: Columns) -> Floats:
    """Stand for the weight function of another package."""
    return 2.0 * edges["syn_weight"]


def test_an_installed_package_adds_a_function_by_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("theirs", f"{__name__}:doubled", weights.GROUP)
    monkeypatch.setattr(weights, "entry_points", lambda group: [point] if group == weights.GROUP else [])
    assert read(use(tmp_path, "theirs")).connections[1].weight.tolist() == [0.004]


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(
    ("value", "words"),
    [(1.0, r"shape \(\)"), (np.full(2, 1.0), "one an edge"), (np.array([1.0, np.nan, 1.0]), "no finite weight")],
)
def test_a_function_that_returns_no_weights_is_an_error(tmp_path: Path, value: Any, words: str) -> None:
    weight_function("mine")(lambda edges, sources, targets: value)
    with pytest.raises(SonataError, match=words):
        read(use(tmp_path, "mine"))


def test_a_node_without_the_property_that_a_rule_needs_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SonataError, match="of 'cells' has no tuning_angle") as caught:
        read(use(tmp_path, "gaussianLL"))
    assert caught.value.key == "networks.nodes[1].nodes_file"
