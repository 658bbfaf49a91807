"""Places of mechanism instances in rows of eight."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from neurosim.engine.rows import CROWDED, Grid, Rows, occurrence, rows_of
from neurosim.kernels.simd import LANES


def grid(widths: list[int], nodes: list[int]) -> Grid:
    sizes = [-(-(n + 1) * w // LANES) * LANES for w, n in zip(widths, nodes, strict=True)]
    base = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    idle = np.array([b + n * w for b, w, n in zip(base, widths, nodes, strict=False)])
    return Grid(base[:-1], np.array(widths), idle, int(base[-1]))


@st.composite
def instances(draw: st.DrawFn) -> tuple[Grid, np.ndarray]:
    blocks = draw(st.integers(1, 4))
    widths = draw(st.lists(st.sampled_from([1, LANES]), min_size=blocks, max_size=blocks))
    nodes = draw(st.lists(st.integers(1, 12), min_size=blocks, max_size=blocks))
    made = grid(widths, nodes)
    real = np.concatenate([b + np.arange(n * w) for b, n, w in zip(made.base, nodes, widths, strict=True)])
    picked = draw(st.lists(st.sampled_from(real.tolist()), min_size=1, max_size=60))
    if draw(st.booleans()):
        picked = sorted(set(picked))
    return made, np.array(picked, np.int64)


def element_of(rows: Rows, place: np.ndarray) -> np.ndarray:
    """Return the node element that a kernel takes for a place."""
    if rows.mode == "lanes":
        return np.asarray(rows.node[place // LANES] + place % LANES)
    return np.asarray(rows.node[place])


@settings(max_examples=200, deadline=None)
@given(instances())
def test_every_instance_has_its_own_place_at_its_own_element(given_: tuple[Grid, np.ndarray]) -> None:
    made, elements = given_
    found = rows_of(elements, made)
    assert sorted(np.concatenate([r.chosen for r in found]).tolist()) == list(range(len(elements)))
    for rows in found:
        assert (made.width[made.block_of(elements[rows.chosen])] == (LANES if rows.mode == "lanes" else 1)).all()
        assert len(set(rows.place.tolist())) == len(rows.place)
        assert rows.place.max() < rows.n * LANES
        np.testing.assert_array_equal(element_of(rows, rows.place), elements[rows.chosen])


@settings(max_examples=200, deadline=None)
@given(instances())
def test_instances_at_one_element_act_in_their_order_and_never_in_one_row_of_lanes(
    given_: tuple[Grid, np.ndarray],
) -> None:
    made, elements = given_
    for rows in rows_of(elements, made):
        at = elements[rows.chosen]
        for element in np.unique(at):
            places = rows.place[np.argsort(rows.chosen)][at[np.argsort(rows.chosen)] == element]
            assert (np.diff(places) > 0).all()


@settings(max_examples=200, deadline=None)
@given(instances())
def test_rows_of_a_block_are_the_range_given_and_empty_lanes_point_to_no_node(given_: tuple[Grid, np.ndarray]) -> None:
    made, elements = given_
    for rows in rows_of(elements, made):
        assert rows.first[0] == 0
        assert rows.first[-1] == rows.n
        block = made.block_of(elements[rows.chosen])
        row = rows.place // LANES
        assert (rows.first[block] <= row).all()
        assert (row < rows.first[block + 1]).all()
        if rows.mode == "gather":
            empty = np.setdiff1d(np.arange(rows.n * LANES), rows.place)
            owner = np.searchsorted(rows.first, empty // LANES, side="right") - 1
            np.testing.assert_array_equal(rows.node[empty], made.idle[owner])
            assert not np.isin(made.idle[owner], elements).any()


@settings(max_examples=200, deadline=None)
@given(instances(), st.floats(-1e3, 1e3))
def test_empty_lanes_repeat_a_value_of_their_row(given_: tuple[Grid, np.ndarray], number: float) -> None:
    made, elements = given_
    for rows in rows_of(elements, made):
        values = np.arange(len(rows.place), dtype=np.float64) + 0.5
        full = rows.fill(values)
        np.testing.assert_array_equal(full[rows.place], values)
        for k, row in enumerate(full.reshape(-1, LANES)):
            own = values[rows.place // LANES == k]
            assert set(row.tolist()) == set(own.tolist())
        np.testing.assert_array_equal(rows.fill(number), np.full(rows.n * LANES, number))
        assert rows.full == (len(values) == rows.n * LANES)
        assert rows.mask(2.0).sum() == 2.0 * len(values)
        assert (rows.mask(2.0)[rows.place] == 2.0).all()


@settings(max_examples=200, deadline=None)
@given(instances())
def test_packed_rows_hold_every_instance_once_and_lanes_are_crowded(given_: tuple[Grid, np.ndarray]) -> None:
    made, elements = given_
    found = rows_of(elements, made, packed=True)
    assert sorted(np.concatenate([r.chosen for r in found]).tolist()) == list(range(len(elements)))
    assert len({r.mode for r in found}) == len(found)
    for rows in found:
        assert len(set(rows.place.tolist())) == len(rows.place)
        np.testing.assert_array_equal(element_of(rows, rows.place), elements[rows.chosen])
        block = made.block_of(elements[rows.chosen])
        row = rows.place // LANES
        assert ((rows.first[block] <= row) & (row < rows.first[block + 1])).all()
        assert (rows.first[0], rows.first[-1]) == (0, rows.n)
        if rows.mode == "lanes":
            assert (made.width[block] == LANES).all()
            assert (np.bincount(row) >= CROWDED).all()
        else:
            empty = np.setdiff1d(np.arange(rows.n * LANES), rows.place)
            owner = np.searchsorted(rows.first, empty // LANES, side="right") - 1
            np.testing.assert_array_equal(rows.node[empty], made.idle[owner])
            assert not np.isin(made.idle[owner], elements).any()


@settings(max_examples=200, deadline=None)
@given(instances())
def test_packed_instances_at_one_element_act_in_their_order(given_: tuple[Grid, np.ndarray]) -> None:
    made, elements = given_
    found = rows_of(elements, made, packed=True)
    acting = np.empty((len(elements), 2), np.int64)
    for turn, rows in enumerate(found):
        acting[rows.chosen] = np.stack([np.full(len(rows.place), turn), rows.place], axis=1)
    for element in np.unique(elements):
        order = [tuple(x) for x in acting[elements == element].tolist()]
        assert order == sorted(order)


def test_synapses_at_random_places_of_wide_blocks_are_packed() -> None:
    made = grid([LANES], [100])
    rng = np.random.default_rng(1)
    elements = rng.permutation(100)[:64] * LANES + rng.integers(0, LANES, 64)
    (rows,) = rows_of(elements, made, packed=True)
    assert (rows.mode, rows.n) == ("gather", LANES)
    assert rows_of(elements, made)[0].n == 64
    (full,) = rows_of(np.arange(80), made, packed=True)
    assert (full.mode, full.n) == ("lanes", 10)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40))
def test_occurrence_counts_earlier_equal_entries(values: list[int]) -> None:
    expected = [values[:k].count(v) for k, v in enumerate(values)]
    assert occurrence(np.array(values)).tolist() == expected
