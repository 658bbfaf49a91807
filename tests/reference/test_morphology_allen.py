"""The five Allen cells of the SONATA examples: every section and segment as in NEURON 9 (``structure.json``)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurosim.morphology import CompartmentTree, Section, discretise, nseg_by_length, read_swc
from tests.tolerances import EXACT, ROUNDOFF

FILES = {
    "Scnn1a": "Scnn1a_473845048_m.swc",
    "Rorb": "Rorb_325404214_m.swc",
    "Nr5a1": "Nr5a1_471087815_m.swc",
    "PV1": "Pvalb_470522102_m.swc",
    "PV2": "Pvalb_469628681_m.swc",
}
CASES = [("5_cells_iclamp", name) for name in FILES] + [("9_cells", name) for name in ("Scnn1a", "Rorb", "Nr5a1")]


@pytest.fixture(params=CASES, ids="-".join)
def case(request: pytest.FixtureRequest, shared_data: Path) -> tuple[CompartmentTree, list[dict[str, Any]]]:
    """The cell with its axon replaced by the stub of the perisomatic models, and NEURON's sections of it."""
    network, name = request.param
    reference = json.loads((shared_data / "sonata/reference_neuron9" / network / "structure.json").read_text())
    sections = reference[name]["sections"]
    bare = read_swc(shared_data / "sonata/shared_components/morphologies" / FILES[name]).without("axon")
    stub = [
        Section.cylinder("axon[0]", 30.0, 1.0, parent=0, parent_x=0.5),
        Section.cylinder("axon[1]", 30.0, 1.0, parent=len(bare.sections)),
    ]
    morphology = bare.appended(stub)
    tree = discretise(morphology, nseg_by_length(morphology, 20.0), [section["Ra"] for section in sections])
    return tree, sections


def test_sections_of_allen_cells_are_neurons(case: tuple[CompartmentTree, list[dict[str, Any]]]) -> None:
    tree, theirs = case
    ours = tree.morphology.sections
    assert [s.name for s in ours] == [s["name"] for s in theirs]
    assert [None if s.parent < 0 else ours[s.parent].name for s in ours] == [s["parent"] for s in theirs]
    assert [None if s.parent < 0 else s.parent_x for s in ours] == [s["parent_x"] for s in theirs]
    assert [s.length_um for s in ours] == [s["L"] for s in theirs]
    assert tree.nseg.tolist() == [s["nseg"] for s in theirs]


def test_segments_of_allen_cells_are_neurons(case: tuple[CompartmentTree, list[dict[str, Any]]]) -> None:
    tree, theirs = case
    for s, section in enumerate(theirs):
        nodes = tree.compartments(s)
        np.testing.assert_allclose(tree.area_um2[nodes], section["area"], rtol=EXACT)
        np.testing.assert_allclose(tree.diam_um[nodes], section["diam"], rtol=ROUNDOFF)
        np.testing.assert_allclose(tree.path_um[nodes], section["dist"], rtol=ROUNDOFF)
        if s > 0:  # the soma's first resistance leads to a node that nothing hangs on
            np.testing.assert_allclose(tree.ri_MOhm[nodes], section["ri"], rtol=ROUNDOFF)
        far = tree.node(s, 1.0)
        if tree.area_um2[far] == 0.0 and "ri_end" in section:
            np.testing.assert_allclose(tree.ri_MOhm[far], section["ri_end"], rtol=ROUNDOFF)
