"""Reading SWC text: what it becomes, and that whatever is wrong is said with file and line."""

from __future__ import annotations

import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurosim.errors import MorphologyError
from neurosim.morphology import Morphology, discretise, read_swc

GOOD = """# a soma and a branching dendrite
1 1 0 0 0 5 -1
2 3 5 0 0 1 1
3 3 15 0 0 1 2
4 3 25 5 0 0.5 3
5 3 25 -5 0 0.5 3
"""
Read = Callable[[str | bytes], Morphology]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def of_text(text: str | bytes) -> Morphology:
        path = tmp_path / "cell.swc"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return read_swc(path)

    return of_text


def test_one_point_soma_is_a_sphere_and_dendrites_hang_on_its_middle_by_a_wire(read: Read) -> None:
    morphology = read(GOOD)
    assert [(s.name, s.parent, s.parent_x) for s in morphology.sections] == [
        ("soma[0]", -1, 1.0),
        ("dend[0]", 0, 0.5),
        ("dend[1]", 1, 1.0),
        ("dend[2]", 1, 1.0),
    ]
    soma, dend, branch, _ = (s.points for s in morphology.sections)
    assert soma is not None and dend is not None and branch is not None
    assert soma.tolist() == [[-5, 0, 0, 10], [0, 0, 0, 10], [5, 0, 0, 10]]
    assert dend.tolist() == [[5, 0, 0, 2], [15, 0, 0, 2]]
    assert branch.tolist() == [[15, 0, 0, 2], [25, 5, 0, 1]]  # begins at the parent's diameter


def test_three_points_of_neuromorpho_are_the_same_sphere(read: Read) -> None:
    three = read("1 1 0 0 0 5 -1\n2 1 0 -5 0 5 1\n3 1 0 5 0 5 1\n4 3 5 0 0 1 1\n5 3 15 0 0 1 4\n")
    assert three.names == ["soma[0]", "dend[0]"]
    assert three.sections[0].length_um == three.sections[0].diam_um == 10.0
    assert three.sections[1].parent_x == 0.5


def test_three_soma_points_in_a_row_are_one_cylinder_with_a_dendrite_at_its_end(read: Read) -> None:
    row = read("1 1 0 -5 0 5 -1\n2 1 0 0 0 6 1\n3 1 0 5 0 5 2\n4 3 0 15 0 1 3\n5 3 0 25 0 1 4\n")
    assert row.names == ["soma[0]", "dend[0]"]
    assert row.sections[0].length_um == 10.0
    assert row.sections[1].parent_x == 1.0


def test_a_change_of_type_starts_a_section(read: Read) -> None:
    morphology = read("1 1 0 0 0 5 -1\n2 3 5 0 0 1 1\n3 3 15 0 0 1 2\n4 4 25 0 0 1 3\n5 7 35 0 0 1 4\n6 7 45 0 0 1 5\n")
    assert morphology.names == ["soma[0]", "dend[0]", "apic[0]", "dend_7[0]"]
    assert morphology.sections[3].parent == 2


def test_sections_are_in_order_of_types_then_of_the_file(read: Read) -> None:
    morphology = read("1 1 0 0 0 5 -1\n2 4 5 0 0 1 1\n3 4 15 0 0 1 2\n4 3 0 5 0 1 1\n5 3 0 15 0 1 4\n6 2 0 -5 0 1 1\n")
    assert morphology.names == ["soma[0]", "axon[0]", "dend[0]", "apic[0]"]


def test_parents_may_be_named_by_ids_in_any_numbering(read: Read) -> None:
    other = GOOD.replace("5 3 25 -5 0 0.5 3", "4000 3 25 -5 0 0.5 3")
    assert read(other).names == read(GOOD).names


def test_comments_blank_lines_windows_ends_and_more_columns_change_nothing(read: Read) -> None:
    text = "\ufeff" + GOOD.replace("\n", "\r\n").replace("0.5 3", "0.5 3 label # note") + "\r\n   # end\r\n\r\n"
    again = read(text)
    for one, two in zip(again.sections, read(GOOD).sections, strict=True):
        assert one.points is not None and two.points is not None
        np.testing.assert_array_equal(one.points, two.points)


def test_a_file_that_is_not_sorted_depth_first_warns_where_sections_are_joined(read: Read) -> None:
    breadth_first = "1 1 0 0 0 5 -1\n2 3 5 0 0 1 1\n3 3 -5 0 0 1 1\n4 3 15 0 0 1 2\n5 3 -15 0 0 1 3\n"
    with pytest.warns(UserWarning, match=r"cell.swc line 4: joined .* sort the file"):
        read(breadth_first)


@pytest.mark.parametrize(
    ("line", "replacement", "where", "says"),
    [
        (4, "3 3 15 0 0 1 6", 4, "parent 6 of point 3 is missing"),
        (4, "3 3 15 0 0 1 4", 4, "points 3 and 4 lie on a cycle"),
        (3, "2 3 5 0 0 1 5", 3, "points 2 and 5 lie on a cycle"),
        (4, "3 3 15 0 0 1 3", 4, "point 3 is its own parent, a cycle"),
        (4, "3 3 15 0 0 1 -1", 4, "second root (parent -1), the first is in line 2"),
        (4, "2 3 15 0 0 1 1", 4, "id 2 is there twice, first in line 3"),
        (4, "3 3 15 0 0 0 2", 4, "radius 0 um is not allowed"),
        (4, "3 3 15 0 0 -1 2", 4, "radius -1 um is not allowed"),
        (4, "3 3 15 0 0 1e-40 2", 4, "radius 1e-40 um is not allowed"),
        (4, "3 3 15 0 0 nan 2", 4, "radius 'nan' is not a finite number"),
        (4, "3 3 15 0 0 inf 2", 4, "radius 'inf' is not a finite number"),
        (4, "3 3 15 0 1e999 1 2", 4, "z '1e999' is not a finite number"),
        (4, "3 3 1e35 0 0 1 2", 4, "coordinates must be below"),
        (4, "3 3 15,5 0 0 1 2", 4, "x '15,5' is not a finite number"),
        (4, "3 3 1_5 0 0 1 2", 4, "x '1_5' is not a finite number"),
        (4, "3 3 15 0 0 2", 4, "6 columns; an SWC line has seven"),
        (4, "3 100 15 0 0 1 2", 4, "unknown type 100; allowed: 1 soma, 2 axon, 3 dend, 4 apic"),
        (4, "3 -3 15 0 0 1 2", 4, "unknown type -3"),
        (4, "3 3.5 15 0 0 1 2", 4, "type 3.5 is not allowed; it must be a whole number"),
        (4, "3.5 3 15 0 0 1 2", 4, "id 3.5 is not allowed"),
        (4, "-3 3 15 0 0 1 2", 4, "id -3 is not allowed"),
        (4, "3e12 3 15 0 0 1 2", 4, "id 3e+12 is not allowed"),
        (4, "3 3 15 0 0 1 2\r9 3 1 1 1 1 3", 4, "carriage return inside the line"),
        (4, "3 3 15 0 \udcff 1 2", 4, "is not a finite number"),
    ],
)
def test_a_wrong_line_is_named(read: Read, line: int, replacement: str, where: int, says: str) -> None:
    lines = GOOD.splitlines()
    lines[line - 1] = replacement
    with pytest.raises(MorphologyError) as caught:
        read("\n".join(lines).encode(errors="surrogateescape"))
    assert caught.value.line == where
    assert str(caught.value).startswith(f"cell.swc line {where}: ")
    assert says in str(caught.value)


def test_a_parent_after_its_child_is_named(read: Read) -> None:
    with pytest.raises(MorphologyError, match=r"cell\.swc line 3: parent 3 comes after its child 2; .*must come first"):
        read("# x\n1 1 0 0 0 5 -1\n2 3 5 0 0 1 3\n3 3 15 0 0 1 1\n")


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n"])
def test_an_empty_file_is_refused(read: Read, text: str) -> None:
    with pytest.raises(MorphologyError, match="no point in the file"):
        read(text)


def test_a_section_without_length_is_refused_with_its_line(read: Read) -> None:
    with pytest.raises(MorphologyError, match=r"cell\.swc line 2: section 'dend\[0\]'.*length"):
        read("1 1 0 0 0 5 -1\n2 3 5 0 0 1 1\n3 3 5 0 0 1 2\n4 3 5 0 0 2 3\n")


def test_a_line_of_100_megabytes_is_refused_without_reading_it(tmp_path: Path) -> None:
    path = tmp_path / "long.swc"
    with open(path, "wb") as file:
        file.write(b"1 1 0 0 0 5 -1\n")
        file.truncate(100_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(MorphologyError, match="line 2: line is longer than 65536 bytes"):
            read_swc(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000


@pytest.mark.parametrize("name", ["missing.swc", "."])
def test_a_file_that_cannot_be_read_is_a_morphology_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(MorphologyError, match="cannot be read"):
        read_swc(tmp_path / name)


NUMBER = st.one_of(
    st.integers(-3, 12).map(str),
    st.floats(-1e3, 1e3).map(repr),
    st.sampled_from(["nan", "-inf", "1e400", "0", "-0.0", "x", "0x10", "1e-50", "1_0", "٣", "1e39", "99", "3.5", ""]),
)
LINE = st.one_of(
    st.lists(NUMBER, min_size=5, max_size=9).map(" ".join),
    st.tuples(st.integers(0, 9), st.integers(0, 8), st.integers(-2, 9)).map(
        lambda p: f"{p[0]} {p[1]} {p[0]} {p[2]} 0 1.5 {p[2]}"
    ),
    st.text(max_size=30),
)


def _builds_or_raises_morphology_error(text: bytes, path: Path) -> None:
    path.write_bytes(text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            morphology = read_swc(path)
        except MorphologyError:
            return
    tree = discretise(morphology, 3)
    assert (tree.parent_idx[1:] < np.arange(1, len(tree))).all()
    assert np.isfinite(tree.area_um2).all() and (tree.ri_MOhm[1:] > 0.0).all()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(LINE, max_size=12))
def test_broken_text_raises_morphology_error_only(tmp_path: Path, lines: list[str]) -> None:
    _builds_or_raises_morphology_error("\n".join(lines).encode(), tmp_path / "broken.swc")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_any_bytes_raise_morphology_error_only(tmp_path: Path, data: bytes) -> None:
    _builds_or_raises_morphology_error(data, tmp_path / "bytes.swc")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_one_changed_byte_raises_morphology_error_only(tmp_path: Path, place: int, byte: int) -> None:
    data = bytearray(GOOD.encode())
    data[place] = byte
    _builds_or_raises_morphology_error(bytes(data), tmp_path / "byte.swc")
