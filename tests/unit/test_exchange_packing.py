"""Spikes as words: all bits of their times come back, and few words are needed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from neurosim.hpc.capacity import Capacity
from neurosim.hpc.launcher import hinted, launched, promised
from neurosim.hpc.packing import Inbox, Outbox, Places

CELLS = 30


def _packed(
    times: list[float], gids: list[int], capacity: int
) -> tuple[Outbox, Places, NDArray[np.float64], NDArray[np.int64]]:
    """Pack spikes of the cells of group 1 of two, over one edge."""
    group = (np.arange(CELLS) % 2).astype(np.int32)
    places = Places(group, 2)
    own = places.gids(1)
    outbox = Outbox(own, np.arange(len(own) + 1), np.zeros(len(own), np.int32), np.array([capacity]))
    t, g = np.array(times, np.float64), np.array(gids, np.int64)
    order = np.lexsort((g, t))
    outbox.pack(t[order], g[order])
    return outbox, places, t[order], g[order]


spikes = st.lists(
    st.tuples(
        st.one_of(st.sampled_from([1.0, 1.025, 1.05]), st.floats(0.0, 1e6, allow_nan=False)),
        st.integers(0, CELLS // 2 - 1).map(lambda k: 2 * k + 1),
    ),
    max_size=40,
)


@settings(max_examples=60)
@given(spikes, st.sampled_from([2, 16, 200]))
def test_spikes_come_back_bit_by_bit(found: list[tuple[float, int]], capacity: int) -> None:
    outbox, places, times, gids = _packed([t for t, _ in found], [g for _, g in found], capacity)
    words, at = (outbox.more, outbox.more_at) if outbox.long[0] else (outbox.words, outbox.at)
    assert outbox.words[outbox.at[0]] == outbox.lengths[0]
    inbox = Inbox(places.order, places.first, np.ones(CELLS, np.bool_))
    back, who, count = inbox.read((words, at, np.array([1])))
    assert (back.tobytes(), who.tobytes(), count) == (times.tobytes(), gids.tobytes(), len(found))


@given(spikes)
def test_a_spike_takes_four_bytes_and_a_time_twelve_but_never_more_than_twelve(found: list[tuple[float, int]]) -> None:
    outbox, _, times, _ = _packed([t for t, _ in found], [g for _, g in found], 200)
    spikes_B = 4 * (int(outbox.lengths[0]) - 2)
    assert spikes_B == min(12 * len(found), 4 * len(found) + 12 * len(np.unique(times)))


def test_spikes_that_nobody_wants_are_passed_over() -> None:
    outbox, places, _, _ = _packed([1.0, 2.0, 2.0, 3.0], [1, 3, 5, 3], 200)
    wanted = np.zeros(CELLS, np.bool_)
    wanted[3] = True
    times, gids, count = Inbox(places.order, places.first, wanted).read((outbox.words, outbox.at, np.array([1])))
    assert (times.tolist(), gids.tolist(), count) == ([2.0, 3.0], [3, 3], 4)


def test_places_number_the_cells_of_each_group() -> None:
    group = np.array([2, 0, 2, 1, 0, 3], np.int32)
    places = Places(group, 3)
    assert [places.gids(g).tolist() for g in range(3)] == [[1, 4], [3], [0, 2]]
    assert places.of(np.array([4, 0, 3, 2])).tolist() == [1, 0, 0, 1]


def test_room_follows_what_was_needed_lately() -> None:
    room = Capacity(2, most=512)
    lengths = np.array([100, 5])
    changes = [room.note(lengths if k == 3 else np.array([2, 2])) for k in range(128)]
    assert [k for k, changed in enumerate(changes) if changed] == [63, 127]
    assert room.words.tolist() == [16, 16]
    for _ in range(64):
        room.note(np.array([129, 100_000]))
    assert room.words.tolist() == [256, 512]


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({}, None),
        ({"PMI_SIZE": "4", "SLURM_STEP_NUM_TASKS": "2"}, ("PMI_SIZE", 4)),
        ({"OMPI_COMM_WORLD_SIZE": "3"}, ("OMPI_COMM_WORLD_SIZE", 3)),
        ({"SLURM_STEP_NUM_TASKS": "8", "SLURM_NTASKS": "8"}, ("SLURM_STEP_NUM_TASKS", 8)),
        ({"SLURM_NTASKS": "8", "SLURM_JOB_ID": "1"}, None),
        ({"PMI_SIZE": "", "OMPI_COMM_WORLD_SIZE": "0"}, None),
    ],
)
def test_launchers_tell_the_number_of_processes(environ: dict[str, str], told: tuple[str, int] | None) -> None:
    assert promised(environ) == told
    assert launched(environ) == (None if told is None else told[1])


def test_launchers_that_tell_a_rank_only_are_asked_through_mpi() -> None:
    assert hinted({"PMIX_RANK": "0"})
    assert not hinted({"PMIX_RANK": "0", "OMPI_COMM_WORLD_SIZE": "2"})
    assert not hinted({})
