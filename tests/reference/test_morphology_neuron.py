"""Sections and compartments are NEURON's: random SWC files and random trees, asked in one process of NEURON's own."""

from __future__ import annotations

import json
import math
import random
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurosim.morphology import (
    CompartmentTree,
    Morphology,
    Section,
    discretise,
    nseg_by_d_lambda,
    read_swc,
)
from neurosim.morphology.shape import section_lines
from tests.tolerances import CROSS_SIM, EXACT, ROUNDOFF

pytest.importorskip("neuron")

SWC_N = 400
TREE_N = 120
SCRIPT = Path(__file__).with_name("neuron_morphology.py")

Point = tuple[int, float, float, float, float, int]  # type, x, y, z, radius, parent index


def random_swc(seed: int) -> str:
    """Random points with a soma of none, one, three or more points, wires, type changes and sections of no length."""
    draw = random.Random(seed)
    soma = ("none", "one", "sphere", "two or more", "fork")[seed % 5]
    soma_n = {"none": 0, "one": 1, "sphere": 3, "two or more": draw.randint(2, 6), "fork": 3}[soma]
    radius = round(draw.uniform(3, 8), 3)
    points: list[Point] = []
    for i in range(soma_n + draw.randint(1, 25)):
        x, y, z = (round(draw.uniform(-100, 100), draw.choice([1, 4, 7])) for _ in range(3))
        size = round(draw.uniform(0.1, 3), draw.choice([2, 4, 9]))
        parent, kind = i - 1, 1
        if i >= soma_n and i > 0:
            parent = i - 1 if draw.random() < 0.6 else draw.randrange(i)
            if soma == "sphere" and parent in (1, 2) and draw.random() < 0.8:
                parent = 0
            own = points[parent][0]
            kind = own if own != 1 and draw.random() < 0.85 else draw.choice([2, 3, 4, 3, 5, 1, 0])
            if draw.random() < 0.05:
                x, y, z = points[parent][1:4]
        elif i > 0:
            size = radius
            if soma == "sphere":
                off = radius * draw.choice([1.0, 1.0, 1.004, 0.98, 1.3])  # a sphere if both are within 1 %
                parent, x, y, z = 0, points[0][1], points[0][2] + (off if i == 2 else -off), points[0][3]
            elif soma == "fork" or draw.random() < 0.3:
                parent = draw.randrange(i)
        elif soma_n == 0:
            kind = 3
        else:
            size = radius
        points.append((kind, x, y, z, size, parent))
    if draw.random() < 0.7:
        points = depth_first(points)
    ids = np.cumsum([draw.choice([1, 1, 1, 3]) for _ in points]).tolist()
    return "".join(
        f"{ids[i]} {kind} {x} {y} {z} {size} {ids[parent] if parent >= 0 else -1}\n"
        for i, (kind, x, y, z, size, parent) in enumerate(points)
    )


def depth_first(points: list[Point]) -> list[Point]:
    children: dict[int, list[int]] = {}
    for i, point in enumerate(points):
        children.setdefault(point[5], []).append(i)
    order: list[int] = []
    stack = [0]
    while stack:
        order.append(stack.pop())
        stack.extend(reversed(children.get(order[-1], [])))
    rank = {old: new for new, old in enumerate(order)} | {-1: -1}
    return [(*points[old][:5], rank[points[old][5]]) for old in order]


def random_tree(seed: int) -> list[dict[str, Any]]:
    """Random sections: cylinders, 3-D points with jumps and slivers, connections anywhere, any nseg, in any order."""
    draw = random.Random(10_000 + seed)
    only_cylinders = seed % 4 == 0
    n = draw.randint(1, 12)
    sections = []
    for i in range(n):
        one: dict[str, Any] = {
            "parent": draw.randrange(i) if i else -1,
            "parent_x": draw.choice([0.0, 0.5, 1.0, 1.0, 1.0, round(draw.random(), 3)]) if i else 1.0,
            "nseg": draw.choice([1, 1, 2, 3, 5, 7, 20]),
            "ra_ohm_cm": draw.uniform(30.0, 300.0),
            "e_pas_mV": -65.0 + draw.uniform(-20.0, 20.0),
        }
        if only_cylinders or draw.random() < 0.4:
            one |= {"length_um": draw.uniform(1.0, 300.0), "diam_um": draw.uniform(0.2, 20.0)}
        else:
            one["points"] = random_points(draw)
        sections.append(one)
    if draw.random() < 0.3:
        order = draw.sample(range(n), n)
        rank = {old: new for new, old in enumerate(order)} | {-1: -1}
        sections = [sections[old] | {"parent": rank[sections[old]["parent"]]} for old in order]
    for i, one in enumerate(sections):
        one["name"] = f"s{i}"
    return sections


def random_points(draw: random.Random) -> list[list[float]]:
    points = [[draw.uniform(-500.0, 500.0) for _ in range(3)] + [draw.uniform(0.2, 10.0)]]
    for _ in range(draw.randint(1, 15)):
        *place, diam = points[-1]
        scale = draw.choice([0.0, 1e-6, 1.0, 10.0, 50.0])
        points.append(
            [c + scale * draw.uniform(-1.0, 1.0) for c in place] + [draw.choice([diam, draw.uniform(0.2, 10)])]
        )
    points.append([c + draw.uniform(1.0, 20.0) for c in points[-1][:3]] + [draw.uniform(0.2, 10.0)])
    return [[float(np.float32(value)) for value in point] for point in points]


def morphology_of(description: list[dict[str, Any]]) -> Morphology:
    return Morphology(
        tuple(
            Section(one["name"], np.array(one["points"]), parent=one["parent"], parent_x=one["parent_x"])
            if one.get("points")
            else Section.cylinder(one["name"], one["length_um"], one["diam_um"], one["parent"], one["parent_x"])
            for one in description
        )
    )


def tree_of(description: list[dict[str, Any]]) -> CompartmentTree:
    nseg = [one["nseg"] for one in description]
    return discretise(morphology_of(description), nseg, [one["ra_ohm_cm"] for one in description])


@pytest.fixture(scope="module")
def swc_texts() -> list[str]:
    return [random_swc(seed) for seed in range(SWC_N)]


@pytest.fixture(scope="module")
def trees() -> list[list[dict[str, Any]]]:
    return [random_tree(seed) for seed in range(TREE_N)]


@pytest.fixture(scope="module")
def answers(swc_texts: list[str], trees: list[list[dict[str, Any]]]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(SCRIPT)],
        input=json.dumps({"swc": swc_texts, "trees": trees}),
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert "ANSWERS" in done.stdout, done.stderr[-2000:]
    out: dict[str, Any] = json.loads(done.stdout.split("ANSWERS", 1)[1])
    return out


def largest_error(ours: Any, theirs: Any) -> float:
    ours, theirs = np.asarray(ours, float), np.asarray(theirs, float)
    assert ours.shape == theirs.shape
    return float(np.max(np.abs(ours - theirs) / np.maximum(np.abs(theirs), 1e-300), initial=0.0))


def test_swc_sections_points_names_order_and_connections_are_neurons(
    swc_texts: list[str], answers: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "cell.swc"
    compared = 0
    for text, theirs in zip(swc_texts, answers["swc"], strict=True):
        if any(section["length_um"] <= 1e-9 for section in theirs):
            continue  # NEURON has sections without length; we refuse them
        path.write_text(text)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # files that are not sorted depth first
            morphology = read_swc(path)
        ours = [
            {
                "name": section.name,
                "parent": None if section.parent < 0 else morphology.sections[section.parent].name,
                "parent_x": None if section.parent < 0 else section.parent_x,
                "length_um": section.length_um,
                "points": [] if section.points is None else section.points.astype(float).tolist(),
            }
            for section in morphology.sections
        ]
        assert ours == theirs, text
        compared += 1
    assert compared > 0.95 * SWC_N


def test_areas_and_lengths_are_neurons_to_the_bit(trees: list[Any], answers: dict[str, Any]) -> None:
    for description, theirs in zip(trees, answers["trees"], strict=True):
        tree = tree_of(description)
        for s, section in enumerate(theirs["sections"]):
            assert largest_error(tree.area_um2[tree.compartments(s)], section["area"]) == EXACT
            assert tree.morphology.sections[s].length_um == section["length_um"]


def test_diameters_resistances_and_paths_are_neurons(trees: list[Any], answers: dict[str, Any]) -> None:
    for description, theirs in zip(trees, answers["trees"], strict=True):
        tree = tree_of(description)
        for s, section in enumerate(theirs["sections"]):
            nodes = tree.compartments(s)
            assert largest_error(tree.diam_um[nodes], section["diam"]) <= ROUNDOFF
            assert largest_error(tree.path_um[nodes], section["path"]) <= ROUNDOFF
            first = 1 if nodes[0] == 0 else 0  # the root node has no parent here; in NEURON a node without area
            assert largest_error(tree.ri_MOhm[nodes][first:], section["ri"][first:]) <= ROUNDOFF
            far = tree.node(s, 1.0)
            if tree.area_um2[far] == 0.0:
                assert largest_error([tree.ri_MOhm[far]], [section["ri_end"]]) <= ROUNDOFF


def test_nseg_by_d_lambda_uses_neurons_length_constant(trees: list[Any], answers: dict[str, Any]) -> None:
    for description, theirs in zip(trees, answers["trees"], strict=True):
        morphology = morphology_of(description)
        ours = nseg_by_d_lambda(morphology, 0.1, [one["ra_ohm_cm"] for one in description])
        lengths = [section.length_um for section in morphology.sections]
        expected = [
            int((length / (0.1 * lam) + 0.9) / 2) * 2 + 1
            for length, lam in zip(lengths, theirs["lambda_um"], strict=True)
        ]
        assert ours.tolist() == expected


def test_three_passive_steps_on_our_tree_are_neurons(trees: list[Any], answers: dict[str, Any]) -> None:
    # The whole of it: areas, resistances and what hangs where, by a dense solve of backward Euler.
    for description, theirs in zip(trees, answers["trees"], strict=True):
        tree = tree_of(description)
        n = len(tree)
        e_mV = np.array([one["e_pas_mV"] for one in description])[tree.section_idx]
        matrix = np.diag(tree.area_um2 * (1e-3 * 1.0 / 0.1 + 1e-3))
        for i in range(1, n):
            p, u = tree.parent_idx[i], 100.0 / tree.ri_MOhm[i]
            matrix[[i, p], [i, p]] += u
            matrix[i, p] -= u
            matrix[p, i] -= u
        v = np.full(n, -65.0)
        for _ in range(3):
            v = np.linalg.solve(matrix, tree.area_um2 * (1e-3 / 0.1 * v + 1e-3 * e_mV))
        for s, section in enumerate(theirs["sections"]):
            nodes = [tree.node(s, 0.0), *tree.compartments(s), tree.node(s, 1.0)]
            inside = slice(None)
            if tree.area_um2[nodes[0]] > 0.0 and nodes[0] == nodes[1]:
                inside = slice(1, None)
            np.testing.assert_allclose(v[nodes][inside], np.array(section["v"])[inside], rtol=CROSS_SIM)


def test_cylinders_lie_where_define_shape_puts_them(trees: list[Any], answers: dict[str, Any]) -> None:
    compared = 0
    for description, theirs in zip(trees, answers["trees"], strict=True):
        if any(one.get("points") for one in description):
            continue
        lines = section_lines(morphology_of(description))
        extent = max(math.dist(line[0], line[-1]) for line in lines) * len(lines)
        for line, section in zip(lines, theirs["sections"], strict=True):
            np.testing.assert_allclose(line[[0, -1]], section["ends"], atol=1e-6 * extent)
        compared += 1
    assert compared >= TREE_N // 4
