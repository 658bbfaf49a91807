from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad

from neurosim.errors import SonataError
from neurosim.model.cell import Cell
from neurosim.morphology.section import Section
from neurosim.sonata.ecp import SIGMA_S_PER_M, Axial, ends_um, read_sites, rotation, transfer
from tests.tolerances import CROSS_SIM, ROUNDOFF


def test_transfer_is_the_integral_of_point_sources_along_the_line() -> None:
    start, end = np.array([[0.0, 0.0, 0.0], [5.0, -3.0, 2.0]]), np.array([[10.0, 0.0, 0.0], [5.0, 8.0, 20.0]])
    sites = np.array([[3.0, 4.0, 0.0], [40.0, 0.5, -6.0], [-30.0, 2.0, 1.0]])
    found = transfer(sites, start, end)
    for i, site in enumerate(sites):
        for j in range(2):
            line = lambda s, a=start[j], b=end[j], r=site: 1.0 / np.linalg.norm(r - a - s * (b - a))  # noqa: E731
            mean = quad(line, 0.0, 1.0, epsabs=1e-14, epsrel=1e-13, limit=200)[0]
            assert abs(found[i, j] * 4 * math.pi * SIGMA_S_PER_M / mean - 1.0) < CROSS_SIM


def test_far_away_a_line_is_a_point() -> None:
    far = transfer(np.array([[0.0, 1e6, 0.0]]), np.array([[-1.0, 0, 0]]), np.array([[1.0, 0, 0]]))[0, 0]
    assert abs(far * 4 * math.pi * SIGMA_S_PER_M * 1e6 - 1.0) < CROSS_SIM


def test_a_site_on_the_line_beyond_the_end_is_finite_and_inside_is_not() -> None:
    start, end = np.array([[0.0, 0, 0]]), np.array([[10.0, 0, 0]])
    sites = np.array([[20.0, 0, 0], [5.0, 0, 0]])
    found = transfer(sites, start, end)[:, 0]
    assert abs(found[0] * 4 * math.pi * SIGMA_S_PER_M * 10.0 / math.log(2.0) - 1.0) < ROUNDOFF
    assert math.isinf(found[1])
    floored = transfer(sites, start, end, 2.0)[:, 0]
    assert np.isfinite(floored).all() and floored[0] == found[0]


def test_rotation_turns_about_z_first() -> None:
    turn = rotation(math.pi / 2, 0.0, math.pi / 2)
    assert np.allclose(turn @ [1.0, 0.0, 0.0], [0.0, 0.0, 1.0])
    assert np.allclose(turn @ turn.T, np.eye(3))


def branching() -> Cell:
    points = [
        [[0, 0, 0, 10], [10, 0, 0, 10]],
        [[10, 0, 0, 2], [60, 0, 0, 1]],
        [[60, 0, 0, 1], [90, 40, 0, 0.5]],
        [[60, 0, 0, 1], [90, -50, 5, 0.7]],
        [[5, 0, 0, 1], [5, 30, 0, 1]],
    ]
    parents = [(-1, 1.0), (0, 1.0), (1, 1.0), (1, 1.0), (0, 0.5)]
    sections = [
        Section("soma[0]" if i == 0 else f"dend[{i - 1}]", np.array(p, np.float32), parent=parents[i][0],
                parent_x=parents[i][1])
        for i, p in enumerate(points)
    ]  # fmt: skip
    return Cell(sections).discretise(max_length_um=7.0)


def test_axial_currents_equal_those_of_the_whole_network_of_resistors() -> None:
    cell = branching()
    tree, nodes = cell.tree, cell.nodes("all")
    n = len(tree)
    assert n > len(nodes), "the tree has a branch point without membrane"
    laplace = np.zeros((n, n))
    for child, parent in enumerate(tree.parent_idx):
        if parent >= 0:
            g = 1.0 / tree.ri_MOhm[child]
            laplace[[child, parent], [child, parent]] += g
            laplace[[child, parent], [parent, child]] -= g
    bare = np.setdiff1d(np.arange(n), nodes)
    v = np.random.default_rng(1).normal(-70.0, 5.0, (4, len(nodes)))
    whole = np.zeros((4, n))
    whole[:, nodes] = v
    whole[:, bare] = np.linalg.solve(laplace[np.ix_(bare, bare)], -laplace[np.ix_(bare, nodes)] @ v.T).T
    expected = -(whole @ laplace)[:, nodes]
    found = Axial(tree, nodes).currents(v)
    scale = np.abs(expected).max()
    assert np.abs(found - expected).max() < ROUNDOFF * scale
    assert np.abs(found.sum(axis=1)).max() < ROUNDOFF * scale, "charge is conserved"


def test_the_soma_moves_to_its_place_and_the_cell_turns_about_it() -> None:
    cell = branching()
    start, end = ends_um(cell, np.array([100.0, 200.0, 300.0]), (0.0, 0.0, math.pi / 2))
    assert np.allclose(0.5 * (start[0] + end[0]), [100.0, 200.0, 300.0])
    assert np.allclose(start[1] - 0.5 * (start[0] + end[0]), [0.0, 5.0, 0.0], atol=1e-5)


@pytest.mark.parametrize(
    ("text", "words"),
    [("channel x_pos y_pos z_pos\n", "no channels"), ("channel x y z\n", "x_pos"), ("", "none"),
     ("channel x_pos y_pos z_pos\n0 1 2\n", "three numbers"), ("channel x_pos y_pos z_pos\n0 1 2 nan\n", "finite")],
)  # fmt: skip
def test_a_wrong_electrode_table_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(SonataError, match=words) as caught:
        read_sites(tmp_path / "p.csv", "reports.ecp.electrode_positions")
    assert caught.value.key == "reports.ecp.electrode_positions"
