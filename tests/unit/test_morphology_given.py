"""Trees and cells from given arrays. Kind of evidence: invariance."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

import neurosim as ns
from neurosim.errors import ModelError
from neurosim.morphology.given import tree_of_arrays

FORK = ([-1, 0, 1, 2, 2], [300.0, 40.0, 0.0, 20.0, 10.0], [0.0, 5.0, 6.0, 20.0, 30.0])


def forked() -> ns.Cell:
    sections = [
        ns.Section.cylinder("soma[0]", 20.0, 18.0),
        ns.Section.cylinder("dend[0]", 90.0, 2.5, 0, 1.0),
        ns.Section.cylinder("dend[1]", 80.0, 1.5, 1, 1.0),
        ns.Section.cylinder("dend[2]", 60.0, 1.1, 1, 1.0),
    ]
    return ns.Cell(sections).set(nseg=[1, 5, 3, 2])


def run(cell: ns.Cell, root: str) -> NDArray[np.float64]:
    cell.insert("pas", g=1e-4, e=-70.0).insert("hh", root)
    sim = ns.Simulation(cell)
    sim.stimulate(f"{root}(0.5)", ns.Step(0.2, 5.0, 0.9))
    sim.run(until_ms=8.0, progress=False)
    layout = sim.build().layout
    return layout.arrays["V"][layout.elements(0)]


def test_a_cell_of_a_trees_arrays_runs_as_the_cell_itself() -> None:
    own = forked()
    tree = own.tree
    given = tree_of_arrays(tree.parent_idx, tree.area_um2, tree.ri_MOhm)
    np.testing.assert_array_equal(given.parent_idx, tree.parent_idx)
    a, b = run(own, "soma"), run(ns.Cell.from_tree(given), "node[0]")
    assert np.ptp(a) > 0.01
    np.testing.assert_array_equal(a, b)


def test_nodes_are_put_in_canonical_order_and_can_be_found_again() -> None:
    tree = tree_of_arrays([-1, 0, 0, 2, 3], [9.0, 1.0, 2.0, 3.0, 4.0], [0.0, 1.0, 2.0, 3.0, 4.0])
    assert tree.parent_idx.tolist() == [-1, 0, 1, 2, 0]
    assert tree.area_um2[tree.section_order].tolist() == [9.0, 1.0, 2.0, 3.0, 4.0]
    assert tree.ri_MOhm[tree.section_order].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_a_node_without_area_is_the_far_end_of_the_one_it_hangs_on() -> None:
    tree = tree_of_arrays(*FORK)
    assert (len(tree), tree.comp_n) == (5, 4)
    assert tree.node(1, 1.0) == int(np.flatnonzero(tree.area_um2 == 0.0)[0])
    assert tree.morphology.sections[2].parent == 1


def test_a_node_without_area_and_branches_is_left_out() -> None:
    tree = tree_of_arrays([-1, 0, 1, 2], [5.0, 1.0, 0.0, 0.0], [0.0, 1.0, 1.0, 1.0])
    assert len(tree) == 2


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (([-1, 2, 1], [1.0] * 3, [1.0] * 3), "node 1 has parent 2"),
        (([0, 0], [1.0] * 2, [1.0] * 2), "node 0 has parent 0"),
        (([-1, 0], [0.0, 1.0], [1.0] * 2), "that of the root above 0"),
        (([-1, 0], [1.0, -1.0], [1.0] * 2), "areas must be finite and not negative"),
        (([-1, 0], [1.0] * 2, [0.0, 0.0]), "axial resistances must be finite and above 0"),
        (([-1, 0], [1.0] * 3, [0.0] * 2), "arrays of one length"),
    ],
)
def test_arrays_that_are_no_tree_are_refused(columns: tuple[list[float], ...], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        tree_of_arrays(*columns)


def test_names_must_fit() -> None:
    with pytest.raises(ModelError, match="2 names for 4 nodes with area"):
        tree_of_arrays(*FORK, names=["a", "b"])


def test_given_compartments_are_not_cut_again() -> None:
    cell = ns.Cell.from_tree(tree_of_arrays(*FORK), name="x")
    with pytest.raises(ModelError, match="x: discretise is not allowed"):
        cell.discretise(max_length_um=5.0)
    with pytest.raises(ModelError, match="compartments of this cell are given"):
        cell.set(ra_ohm_cm=100.0)
    assert cell.set(cm_uF_per_cm2=2.0).record.cm_uF_per_cm2.tolist() == [2.0] * 5
