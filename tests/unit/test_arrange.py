"""Places for cells without one: no overlap, blocks side by side, the same places every time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from neurosim.viewer.scene.arrange import arrange

Floats = NDArray[np.float64]


@st.composite
def crowds(draw: st.DrawFn) -> tuple[Floats, NDArray[np.int64]]:
    """Reaches and groups of cells; sizes differ by up to a factor of 200."""
    n = draw(st.integers(1, 60))
    reach = draw(st.lists(st.sampled_from([5.0, 10.0, 33.3, 400.0, 1000.0]), min_size=n, max_size=n))
    group = draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))
    return np.array(reach), np.array(group, np.int64)


def gaps_um(place: Floats, reach: Floats) -> Floats:
    """What is free between each pair of cells."""
    a, b = np.triu_indices(len(place), 1)
    distance: Floats = np.linalg.norm(place[a] - place[b], axis=1)
    return distance - reach[a] - reach[b]


@given(crowds())
def test_no_cell_reaches_another(crowd: tuple[Floats, NDArray[np.int64]]) -> None:
    reach, group = crowd
    assert (gaps_um(arrange(reach, group), reach) > 0.0).all()


@given(crowds())
def test_populations_lie_side_by_side(crowd: tuple[Floats, NDArray[np.int64]]) -> None:
    reach, group = crowd
    place = arrange(reach, group)
    right = -np.inf
    for number in np.unique(group):
        own = group == number
        assert (place[own, 0] - reach[own]).min() > right
        right = float((place[own, 0] + reach[own]).max())


@given(crowds())
def test_the_arrangement_keeps_clear_of_cells_that_have_places(crowd: tuple[Floats, NDArray[np.int64]]) -> None:
    reach, group = crowd
    box = np.array([[-100.0, -50.0, 10.0], [200.0, 150.0, 30.0]])
    place = arrange(reach, group, box)
    assert (place[:, 0] - reach).min() > 200.0
    assert (place[:, 2] == 20.0).all()
    blocks = [place[group == number] for number in np.unique(group)]
    sides = [reach[group == number] for number in np.unique(group)]
    for block, side in zip(blocks, sides, strict=True):
        assert (block[:, 1] - side).min() < 50.0 < (block[:, 1] + side).max()


@given(crowds())
def test_the_places_do_not_depend_on_other_groups_coming_later(crowd: tuple[Floats, NDArray[np.int64]]) -> None:
    reach, group = crowd
    first = group == group.min()
    later = reach.copy()
    later[~first] = reach.min()
    assert (arrange(reach, group)[first] == arrange(later, group)[first]).all()


def test_equal_cells_make_a_square_grid_in_their_order() -> None:
    place = arrange(np.full(9, 10.0), np.zeros(9, np.int64))
    x, y = place[:, 0].reshape(3, 3), place[:, 1].reshape(3, 3)
    assert np.diff(x, axis=1) == pytest.approx(22.0)
    assert np.diff(y, axis=0) == pytest.approx(-22.0)
    assert y[1] == pytest.approx(0.0, abs=1e-9)


def test_one_cell_lies_in_the_middle() -> None:
    assert arrange(np.array([50.0]), np.zeros(1, np.int64))[0, 1:].tolist() == [0.0, 0.0]


def test_many_equal_cells_fill_about_a_square() -> None:
    place = arrange(np.full(10_000, 10.0), np.zeros(10_000, np.int64))
    width, height = np.ptp(place[:, 0]), np.ptp(place[:, 1])
    assert 0.9 < width / height < 1.1
