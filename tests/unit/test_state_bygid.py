"""Tables by cell: parts and wholes, and the spikes that a state keeps. Kind of evidence: invariance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from neurosim.engine.bygid import Arrays, ByGid, differences, digest, flat, merged, runs, tables
from neurosim.engine.recent import Recent
from neurosim.errors import SimulationError

SCALARS: Arrays = {"step": np.array([4]), "time_ms": np.array([0.1]), "cells": np.array([50])}
Gids = st.lists(st.integers(0, 49), max_size=60)


def state(gids: list[int], order: int = 0) -> Arrays:
    gid = np.sort(np.array(gids, np.int64))
    values = np.arange(len(gid)) * 1.5
    columns = {"v": values, "pair": np.stack([values, -values], axis=1), "order": np.arange(len(gid)) + order}
    return {**SCALARS, **flat({"cell": ByGid.of(gid, columns), "seen/i": ByGid.of(gid, {"i": values + order})})}


@settings(deadline=None, max_examples=60)
@given(Gids, st.sets(st.integers(0, 49)))
def test_rows_of_some_cells_are_those_with_their_gids(gids: list[int], some: set[int]) -> None:
    for table in tables(state(gids)).values():
        wanted = np.array(sorted(some), np.int64)
        part = table.only(wanted)
        mask = np.isin(table.gid, wanted)
        assert np.array_equal(part.gid, table.gid[mask])
        assert all(np.array_equal(part.columns[name], column[mask]) for name, column in table.columns.items())


@settings(deadline=None, max_examples=60)
@given(Gids, st.integers(1, 5))
def test_parts_make_the_whole_in_any_order(gids: list[int], processes: int) -> None:
    whole = state(gids)
    owned = [np.array([g for g in range(50) if g % processes == k], np.int64) for k in range(processes)]
    parts = [{**SCALARS, **flat({n: t.only(own) for n, t in tables(whole).items()})} for own in owned]
    for given_parts in (parts, parts[::-1]):
        assert differences(merged(given_parts), whole) == []
        assert digest(merged(given_parts)) == digest(whole)


def test_a_digest_sees_values_and_gids_but_not_what_is_only_looked_at() -> None:
    assert digest(state([1, 1, 7])) == digest(state([1, 1, 7], order=9))
    assert digest(state([1, 1, 7])) != digest(state([1, 2, 7]))
    changed = state([1, 1, 7])
    changed["cell/v"][1] = np.nextafter(changed["cell/v"][1], 9.0)
    assert differences(changed, state([1, 1, 7])) == ["cell/v"] and digest(changed) != digest(state([1, 1, 7]))


def test_parts_that_do_not_fit_are_refused() -> None:
    with pytest.raises(SimulationError, match="gid 7 in two parts"):
        merged([state([1, 7]), state([7, 9])])
    with pytest.raises(SimulationError, match="step is"):
        merged([state([1]), {**state([2]), "step": np.array([5])}])
    with pytest.raises(SimulationError, match="older version"):
        tables({"node/V": np.zeros(3)})


def test_runs_count_up() -> None:
    assert runs(np.array([5, 0, 9]), np.array([2, 0, 3])).tolist() == [5, 6, 9, 10, 11]
    assert runs(np.zeros(0, np.int64), np.zeros(0, np.int64)).tolist() == []


# --- recent spikes ----------------------------------------------------------------------------------------------------


def longs(values: list[int]) -> NDArray[np.int64]:
    return np.array(values, np.int64)


def test_spikes_are_kept_for_their_time_and_in_order() -> None:
    recent = Recent(2.0)
    recent.add(np.array([1.0, 1.0]), longs([4, 3]), 2)
    recent.add(np.array([2.5, 2.6, 2.7]), longs([5, -1 - 8, 2]), 1)
    past = recent.until(2.9)
    assert past.times_ms.tolist() == [1.0, 1.0, 2.5, 2.7] and past.gids.tolist() == [3, 4, 5, 2]
    assert past.waiting.tolist() == [False, False, False, True]
    recent.add(np.zeros(0), longs([]), 0)
    assert recent.until(3.0).gids.tolist() == [5, 2] and not recent.until(3.0).waiting.any()


def test_what_is_kept_does_not_depend_on_when_old_spikes_are_dropped() -> None:
    rng = np.random.default_rng(0)
    often, once = Recent(1.5), Recent(1.5)
    times = np.sort(rng.uniform(0.0, 40.0, 20_000))
    gids = rng.integers(0, 99, len(times))
    for k in range(0, len(times), 50):
        often.add(times[k : k + 50], gids[k : k + 50], 50)
    once.restart(times, gids, 50)
    for t in (40.0, 40.0001):
        a, b = often.until(t), once.until(t)
        assert a.times_ms.tolist() == b.times_ms.tolist() and a.gids.tolist() == b.gids.tolist()
        assert a.waiting.tolist() == b.waiting.tolist()
    assert often._n < 4000
