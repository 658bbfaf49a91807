"""Sections, morphologies and places."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

from neurosim.errors import LocationError, MorphologyError
from neurosim.morphology import Morphology, Section, parse_location

SOMA = Section.cylinder("soma[0]", 20.0, 20.0)
CELL = Morphology(
    (
        SOMA,
        Section.cylinder("dend[0]", 100.0, 2.0, parent=0),
        Section.cylinder("dend[1]", 50.0, 1.0, parent=1),
        Section.cylinder("axon[0]", 30.0, 1.0, parent=0, parent_x=0.5),
    ),
    "test cell",
)


def test_length_and_diameter_of_points_are_derived() -> None:
    section = Section("dend[0]", np.array([[0, 0, 0, 1], [3, 4, 0, 1], [3, 4, 5, 3]], np.float32))
    assert section.length_um == 10.0
    assert section.diam_um == pytest.approx(1.5)
    assert section.region == "dend"


def test_points_are_copied_and_read_only() -> None:
    points = np.ones((2, 4), np.float32)
    points[1, 0] = 2.0
    section = Section("dend[0]", points)
    points[:] = 0.0
    assert section.points is not None and section.points[1, 0] == 2.0
    with pytest.raises(ValueError, match="read-only"):
        section.points[0, 0] = 5.0


def test_differences_of_points_are_taken_in_float32() -> None:
    far, near = np.float32(1000.1), np.float32(3.3)
    section = Section("dend[0]", np.array([[near, 0, 0, 1], [far, 0, 0, 1]], np.float32))
    assert section.length_um == float(far - near) != float(far) - float(near)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"name": "den d", "length_um": 1.0, "diam_um": 1.0}, "section name 'den d' is not allowed"),
        ({"name": "d[1", "length_um": 1.0, "diam_um": 1.0}, "section name 'd[1' is not allowed"),
        ({"name": "d", "length_um": 0.0, "diam_um": 1.0}, "length_um=0.0 is not allowed"),
        ({"name": "d", "length_um": float("inf"), "diam_um": 1.0}, "length_um=inf is not allowed"),
        ({"name": "d", "length_um": 1.0, "diam_um": -1.0}, "diam_um=-1.0 is not allowed"),
        ({"name": "d", "length_um": 1.0}, "diam_um=nan is not allowed"),
        ({"name": "d", "length_um": 1.0, "diam_um": 1.0, "parent_x": 1.5}, "parent_x=1.5 is not allowed"),
        ({"name": "d", "points": [[0, 0, 0, 1]]}, "shape (1, 4)"),
        ({"name": "d", "points": [[0, 0, 0], [1, 0, 0]]}, "shape (2, 3)"),
        ({"name": "d", "points": [[0, 0, 0, 1], [1, 0, 0, 0]]}, "diameter 0.0 is not allowed"),
        ({"name": "d", "points": [[0, 0, 0, 1], [1e60, 0, 0, 1]]}, "not finite in float32"),
        ({"name": "d", "points": [[0, 0, 0, 1], [0, 0, 0, 2]]}, "length of the points=0.0 is not allowed"),
    ],
)
def test_a_wrong_section_says_what_is_wrong(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(MorphologyError) as caught:
        Section(**arguments)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("sections", "says"),
    [
        ((), "no section"),
        ((SOMA, Section.cylinder("soma[0]", 1, 1, parent=0)), "'soma[0]' is there twice"),
        ((SOMA, Section.cylinder("dend[0]", 1, 1)), "2 roots (soma[0], dend[0])"),
        ((SOMA, Section.cylinder("dend[0]", 1, 1, parent=2)), "has parent 2; allowed are -1 (root) and 0 to 1"),
        ((SOMA, Section.cylinder("dend[0]", 1, 1, parent=1)), "'dend[0]' is its own ancestor"),
        (
            (Section.cylinder("a", 1, 1, parent=1), Section.cylinder("b", 1, 1, parent=0)),
            "is its own ancestor",
        ),
    ],
)
def test_sections_that_are_not_a_tree_are_refused(sections: tuple[Section, ...], says: str) -> None:
    with pytest.raises(MorphologyError) as caught:
        Morphology(sections)
    assert says in str(caught.value)


def test_select_finds_all_regions_and_names() -> None:
    assert CELL.select("all") == (0, 1, 2, 3)
    assert CELL.select("dend") == (1, 2)
    assert CELL.select("dend[1]") == (2,)
    with pytest.raises(LocationError, match=r"test cell has no .*'dent'; did you mean dend.*regions here: all, soma"):
        CELL.select("dent")


def test_locate_finds_places_with_and_without_index() -> None:
    assert CELL.locate("dend[1](0.25)") == (2, 0.25)
    assert CELL.locate("soma(0.5)") == (0, 0.5)
    with pytest.raises(LocationError, match=r"no section or region 'dend\[7\]'; did you mean"):
        CELL.locate("dend[7](0.5)")
    with pytest.raises(LocationError, match="names no point"):
        CELL.locate("dend[0]")


def test_parse_location_splits_name_and_position() -> None:
    assert parse_location("dend[3](0.5)") == ("dend[3]", 0.5)
    assert parse_location(" apic ( 1 ) ") == ("apic", 1.0)
    assert parse_location("axon") == ("axon", None)


@pytest.mark.parametrize(
    "text", ["", "dend[3", "dend(0.5", "dend[3](x)", "dend[3](1.5)", "dend(-0.1)", "a b", "d(nan)"]
)
def test_a_wrong_place_is_refused(text: str) -> None:
    with pytest.raises(LocationError):
        parse_location(text)


def test_without_and_appended_keep_the_tree() -> None:
    bare = CELL.without("axon")
    assert bare.names == ["soma[0]", "dend[0]", "dend[1]"]
    stub = bare.appended([Section.cylinder("axon[0]", 30, 1, parent=0, parent_x=0.5)])
    assert stub.names == CELL.names
    assert [s.parent for s in stub.sections] == [s.parent for s in CELL.sections]
    with pytest.raises(MorphologyError, match=r"'dend\[0\]' hangs on 'soma\[0\]'"):
        CELL.without("soma")


def test_without_moves_the_parents_of_later_sections() -> None:
    cell = Morphology(
        (
            SOMA,
            Section.cylinder("axon[0]", 10, 1, parent=0),
            Section.cylinder("dend[0]", 10, 1, parent=0),
            Section("dend[1]", np.array([[0, 0, 0, 1], [1, 0, 0, 1]], np.float32), parent=2),
        )
    )
    bare = cell.without("axon")
    assert [s.parent for s in bare.sections] == [-1, 0, 1]
    assert bare.sections[2].points is cell.sections[3].points


def test_morphologies_can_be_copied_and_pickled() -> None:
    for again in (copy.deepcopy(CELL), pickle.loads(pickle.dumps(CELL))):
        assert again.names == CELL.names
