"""The invented cells of the demonstration."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from neurosim.models.demo.circuit import write_circuit
from neurosim.models.demo.trees import APICAL, AXON, BASAL, BASKET, PYRAMID, SOMA, CellShape, grow, to_swc

SHAPES = pytest.mark.parametrize("shape", [PYRAMID, BASKET], ids=["pyramid", "basket"])


@SHAPES
@pytest.mark.parametrize("seed", range(20))
def test_every_tree_is_a_valid_neuron(shape: CellShape, seed: int) -> None:
    points = grow(shape, seed)
    assert (points[0].kind, points[0].parent) == (SOMA, -1)
    assert all(0 <= p.parent < k for k, p in enumerate(points[1:], 1))
    assert all(p.radius_um > 0.0 for p in points)
    children = Counter(p.parent for p in points[1:])
    assert max(n for parent, n in children.items() if parent) == 2, "branches fork in two"


@SHAPES
def test_branches_get_thinner_away_from_the_soma(shape: CellShape) -> None:
    points = grow(shape, 4)
    assert all(p.radius_um <= points[p.parent].radius_um for p in points[1:])


def test_only_pyramids_have_an_apical_tree() -> None:
    assert {p.kind for p in grow(PYRAMID, 1)} == {SOMA, BASAL, APICAL, AXON}
    assert {p.kind for p in grow(BASKET, 1)} == {SOMA, BASAL, AXON}


def test_a_seed_names_a_cell() -> None:
    assert to_swc(grow(PYRAMID, 3)) == to_swc(grow(PYRAMID, 3))
    assert to_swc(grow(PYRAMID, 3)) != to_swc(grow(PYRAMID, 4))


def test_swc_text_reads_back_as_the_points() -> None:
    points = grow(BASKET, 2)
    rows = np.loadtxt(to_swc(points).splitlines())
    assert rows[:, 1].astype(int).tolist() == [p.kind for p in points]
    assert np.allclose(rows[:, 2:5], [p[1:4] for p in points], rtol=0.0, atol=5.1e-4)  # three decimals
    assert (rows[1:, 6] - 1).astype(int).tolist() == [p.parent for p in points[1:]]


def test_the_same_seed_writes_the_same_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_circuit(tmp_path / name)
    files = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*") if p.is_file())
    assert len(files) == 20
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes(), file
