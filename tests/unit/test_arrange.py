"""Places for cells without one: no overlap, blocks side by side, the same places every time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from neurosim.viewer.scene.arrange import WIDE, arrange

Floats = NDArray[np.float64]
Crowd = tuple[Floats, Floats, NDArray[np.int64]]


@st.composite
def crowds(draw: st.DrawFn) -> Crowd:
    """Boxes and groups of cells; sides differ by up to a factor of 200."""
    n = draw(st.integers(1, 60))
    sides = st.lists(st.sampled_from([5.0, 10.0, 33.3, 400.0, 1000.0]), min_size=4 * n, max_size=4 * n)
    reach = np.array(draw(sides)).reshape(2, n, 2)
    group = draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))
    return -reach[0], reach[1], np.array(group, np.int64)


@given(crowds())
def test_no_cell_reaches_into_the_box_of_another(crowd: Crowd) -> None:
    low, high, _ = crowd
    place = arrange(*crowd)[:, :2]
    low, high = place + low, place + high
    a, b = np.triu_indices(len(place), 1)
    apart = (high[a] < low[b]) | (high[b] < low[a])
    assert apart.any(axis=1).all()


@given(crowds())
def test_populations_lie_side_by_side(crowd: Crowd) -> None:
    low, high, group = crowd
    place = arrange(*crowd)
    right = -np.inf
    for number in np.unique(group):
        own = group == number
        assert (place[own, 0] + low[own, 0]).min() > right
        right = float((place[own, 0] + high[own, 0]).max())


@given(crowds())
def test_the_arrangement_keeps_clear_of_cells_that_have_places(crowd: Crowd) -> None:
    low, high, group = crowd
    box = np.array([[-100.0, -50.0, 10.0], [200.0, 150.0, 30.0]])
    place = arrange(*crowd, box)
    assert (place[:, 0] + low[:, 0]).min() > 200.0
    assert (place[:, 2] == 20.0).all()
    for number in np.unique(group):
        own = group == number
        assert (place[own, 1] + low[own, 1]).min() < 50.0 < (place[own, 1] + high[own, 1]).max()


@given(crowds())
def test_the_first_block_depends_on_its_own_cells_only(crowd: Crowd) -> None:
    low, high, group = crowd
    first = group == group.min()
    alone = arrange(low[first], high[first], group[first])
    assert (arrange(*crowd)[first] == alone).all()


def squares(n: int, half_um: float) -> Crowd:
    return np.full((n, 2), -half_um), np.full((n, 2), half_um), np.zeros(n, np.int64)


def test_equal_cells_make_a_grid_in_their_order() -> None:
    place = arrange(*squares(6, 10.0))
    x, y = place[:, 0].reshape(2, 3), place[:, 1].reshape(2, 3)
    assert np.diff(x, axis=1) == pytest.approx(22.0)
    assert np.diff(y, axis=0) == pytest.approx(-22.0)
    assert y.mean() == pytest.approx(0.0, abs=1e-9)


def test_the_box_of_one_cell_has_its_middle_at_0_in_y() -> None:
    place = arrange(np.array([[-10.0, -100.0]]), np.array([[10.0, 300.0]]), np.zeros(1, np.int64))
    assert place[0, 1:].tolist() == [-100.0, 0.0]


def test_many_equal_cells_fill_a_block_of_the_width_of_a_screen() -> None:
    place = arrange(*squares(10_000, 10.0))
    width, height = np.ptp(place[:, 0]), np.ptp(place[:, 1])
    assert width / height == pytest.approx(WIDE, rel=0.05)


def test_without_cells_there_are_no_places() -> None:
    assert arrange(*squares(0, 1.0)).shape == (0, 3)
