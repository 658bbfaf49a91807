"""SWC files with marked sections: nothing is lost, others read them, damage is reported with its line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurosim.errors import MorphologyError, SonataError
from neurosim.model.cell import Cell
from neurosim.morphology.section import Morphology, Section
from neurosim.morphology.swc import read_swc
from neurosim.sonata.swc_sections import MARK, is_marked, read_marked, text_of

SOMA = [[0.1, -2.0, 0.3, 4.1], [0.1, 2.2, 0.3, 4.1]]


def forked() -> Cell:
    """Return a cell that NEURON's reading would change: two sections without a branch, another diameter at a fork."""
    sections = (
        Section("soma[0]", np.array(SOMA)),
        Section("dend[0]", np.array([[0.1, 0.1, 0.3, 0.7], [9.0, 0.1, 1 / 3, 0.6], [30.0, 7.0, 0.3, 0.4]]), parent=0,
                parent_x=0.5),
        Section("dend[1]", np.array([[30.0, 7.0, 0.3, 1.9], [41.0, 8.0, 0.1, 0.3]]), parent=1),
        Section("axon[0]", np.array([[0.1, -2.0, 0.3, 0.2], [0.1, -22.0, 0.3, 0.2]]), parent=0, parent_x=0.0),
    )  # fmt: skip
    return Cell(Morphology(sections, "forked")).set(nseg=[1, 4, 3, 2])


def test_sections_come_back_to_the_last_bit(tmp_path: Path) -> None:
    cell, path = forked(), tmp_path / "a.swc"
    path.write_text(str(text_of(cell)))
    shape, nseg = read_marked(path, "key")
    assert is_marked(path) and nseg == (1, 4, 3, 2)
    for ours, theirs in zip(cell.morphology.sections, shape.sections, strict=True):
        assert (ours.name, ours.parent, ours.parent_x) == (theirs.name, theirs.parent, theirs.parent_x)
        assert np.array_equal(np.asarray(ours.points), np.asarray(theirs.points))


def test_other_programs_read_the_same_points_as_swc(tmp_path: Path) -> None:
    cell, path = forked(), tmp_path / "a.swc"
    path.write_text(str(text_of(cell)))
    theirs = np.vstack([s.points for s in read_swc(path).sections if s.points is not None])
    for section in cell.morphology.sections:
        for point in np.asarray(section.points):
            assert (theirs[:, :3] == point[:3]).all(axis=1).any(), (section.name, point)


def test_shapes_without_points_or_with_parents_behind_are_left_to_json() -> None:
    assert text_of(Cell.cylinder(10.0, 10.0)) is None
    behind = (
        Section("dend[0]", np.array([[0.1, 2.2, 0.3, 1.0], [0.0, 9.0, 0.0, 1.0]]), parent=1),
        Section("soma[0]", np.array(SOMA)),
    )
    assert text_of(Cell(Morphology(behind))) is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("# section dend[1]", "# dend[1]", r"line 9: .*no remark"),
        ("nseg 4", "nseg 0", r"line 5: .*nseg 0"),
        ("points 3", "points 2", r"line 8: .*no remark"),
        ("points 3", "points 9", r"line 5: .*section dend\[0\]"),
        ("parent 1 at 1.0", "parent 7 at 1.0", "parent 7"),
        ("at 0.5", "at 2.5", "line 5: .*parent_x"),
        ("dend[1]", "dend[0]", "there twice"),
        (" 0.35 ", " nan ", "line 5: .*finite"),
    ],
)
def test_damage_is_reported_with_its_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = str(text_of(forked()))
    assert old in text
    path = tmp_path / "a.swc"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(SonataError, match=message):
        read_marked(path, "key")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 400), junk=st.binary(max_size=6), cut=st.integers(0, 30))
def test_whatever_a_damaged_file_holds_the_error_is_ours(tmp_path: Path, at: int, junk: bytes, cut: int) -> None:
    whole = str(text_of(forked())).encode()
    path = tmp_path / "a.swc"
    path.write_bytes(MARK.encode() + b"\n" + (whole[len(MARK) + 1 :][:at] + junk + whole[len(MARK) + 1 + at + cut :]))
    try:
        shape, nseg = read_marked(path, "key")
    except (SonataError, MorphologyError):
        return
    assert len(shape.sections) == len(nseg)
