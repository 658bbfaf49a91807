"""The wire: every kind of frame comes out as it went in, and what is no frame is refused."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from neurosim.viewer import wire
from neurosim.viewer.scene.scene import Cells
from neurosim.viewer.wire import WireError, WireFrame, decode
from tests.tolerances import SINGLE
from tests.viewer_scenes import many_cells

RANK = st.integers(0, 2**32 - 1)
TIME_ms = st.floats(-1e9, 1e9)
U16, U32 = st.integers(0, 2**16 - 1), st.integers(0, 2**32 - 1)


def u32s(least: int = 0, most: int = 40) -> st.SearchStrategy[NDArray[np.uint32]]:
    return hnp.arrays(np.uint32, st.integers(least, most), elements=RANK)


@st.composite
def any_frame(draw: st.DrawFn) -> bytes:
    """A frame of any kind with any contents."""
    n, seq, tag, t_ms = draw(st.integers(0, 20)), draw(U32), draw(U16), draw(TIME_ms)
    kind = draw(st.sampled_from(["spikes", "mask", "nodes", "voltage", "view", "trace"]))
    ranks = np.array(draw(st.lists(RANK, min_size=n, max_size=n)), np.uint32)
    values = np.array(draw(st.lists(st.floats(0.0, 1e4), min_size=n, max_size=n)))
    if kind == "spikes":
        return wire.spikes_frame(t_ms, 10.0, ranks, t_ms - values, seq=seq)
    if kind == "mask":
        return wire.mask_frame(t_ms, 100, 8 * n + 1, 100 + np.arange(0, 8 * n, 3), seq=seq)
    if kind == "nodes":
        return wire.nodes_frame(t_ms, values, view=tag, seq=seq)
    if kind == "voltage":
        return wire.voltage_frame(t_ms, values, -90.0, 20.0, tag=tag, seq=seq)
    if kind == "view":
        return wire.view_frame(t_ms, ranks, ranks[: n // 2], values[: n // 2].astype(int) % 5, view=tag, seq=seq)
    return wire.trace_frame(t_ms, 0.025, values, tag=tag, seq=seq)


def put(data: bytes, at: int, layout: str, value: Any) -> bytes:
    """The bytes with one field replaced."""
    whole = bytearray(data)
    struct.pack_into(layout, whole, at, value)
    return bytes(whole)


def same(frame: WireFrame, kind: int, t_ms: float, count: int, seq: int, flags: int, tag: int) -> bool:
    return (frame.kind, frame.t_ms, frame.count, frame.seq, frame.flags, frame.tag) == (
        kind,
        t_ms,
        count,
        seq,
        flags,
        tag,
    )


# --- kinds ----------------------------------------------------------------------------------------------------------


@given(u32s(), TIME_ms, st.floats(0.125, 1e4, width=32), U32, st.integers(0, 7), st.data())
def test_spikes_keep_their_ranks_and_their_times_to_a_step(
    ranks: NDArray[np.uint32], t_ms: float, span_ms: float, seq: int, flags: int, data: st.DataObject
) -> None:
    share = data.draw(hnp.arrays(np.float64, len(ranks), elements=st.floats(0.0, 1.0)))
    times = t_ms - span_ms * share
    frame = decode(wire.spikes_frame(t_ms, span_ms, ranks, times, seq=seq, flags=flags))
    assert same(frame, wire.SPIKES, t_ms, len(ranks), seq, flags, 0)
    assert (frame.body["ranks"] == ranks).all()
    assert frame.body["span_ms"] == span_ms
    found = t_ms - span_ms * (frame.body["age"] / 65535)
    assert found == pytest.approx(times, abs=0.51 * span_ms / 65535 + 1e-15 * abs(t_ms) * 8)


@given(st.integers(0, 2**31), st.integers(1, 500), st.data())
def test_a_mask_keeps_each_rank_once(first: int, n: int, data: st.DataObject) -> None:
    ranks = first + np.array(data.draw(st.lists(st.integers(0, n - 1), max_size=60)), np.int64)
    frame = decode(wire.mask_frame(3.5, first, n, ranks, seq=9, flags=1))
    assert same(frame, wire.MASK, 3.5, len(set(ranks.tolist())), 9, 1, 0)
    assert frame.body["ranks"].tolist() == sorted(set(ranks.tolist()))
    assert (frame.body["first"], frame.body["n"]) == (first, n)


@pytest.mark.parametrize("rank", [4, 15, -1])
def test_a_mask_does_not_hold_ranks_beyond_its_range(rank: int) -> None:
    with pytest.raises(WireError, match="beyond"):
        wire.mask_frame(0.0, 5, 10, np.array([7, rank]))


def test_bits_of_a_mask_are_numbered_from_the_least() -> None:
    data = wire.mask_frame(0.0, 0, 10, np.array([0, 3, 9]))
    assert data[24 + 8 : 24 + 10] == bytes([0b00001001, 0b00000010])


@given(hnp.arrays(np.float64, st.integers(0, 40), elements=st.floats(0.0, 1e9)), U16)
def test_activity_is_the_logarithm_of_the_rate(rates: NDArray[np.float64], view: int) -> None:
    frame = decode(wire.nodes_frame(1.0, rates, view=view, seq=2))
    assert same(frame, wire.NODES, 1.0, len(rates), 2, 0, view)
    activity = frame.body["activity"].astype(float)
    cut = np.minimum(16.0 * np.log2(1.0 + rates), 255.0)
    assert (np.abs(activity - cut) <= 0.5 + 1e-9).all()


def test_no_activity_is_0_and_the_highest_is_255() -> None:
    frame = decode(wire.nodes_frame(1.0, np.array([0.0, 1.0, 1e30]), view=0))
    assert frame.body["activity"].tolist() == [0, 16, 255]


@given(
    hnp.arrays(np.float32, st.integers(0, 40), elements=st.floats(-90.0, 20.0, width=32)),
    st.sampled_from([(-90.0, 20.0), (-100.0, 40.0)]),
    U16,
)
def test_voltage_is_kept_to_half_a_step(values: NDArray[np.float32], ends: tuple[float, float], tag: int) -> None:
    frame = decode(wire.voltage_frame(2.0, values, *ends, tag=tag, seq=1, flags=4))
    assert same(frame, wire.VOLTAGE, 2.0, len(values), 1, 4, tag)
    low, high = frame.body["low_mV"], frame.body["high_mV"]
    assert (low, high) == ends
    found = low + frame.body["values"] / 255.0 * (high - low)
    assert found == pytest.approx(values, abs=0.501 * (high - low) / 255.0)


def test_voltage_beyond_the_ends_is_cut_and_what_is_no_number_is_0() -> None:
    values = np.array([-500.0, 500.0, np.inf, -np.inf, np.nan, -90.0, 20.0])
    frame = decode(wire.voltage_frame(0.0, values, -90.0, 20.0, tag=0))
    assert frame.body["values"].tolist() == [0, 255, 255, 0, 0, 0, 255]


@given(u32s(), u32s(), U16, U32)
def test_a_view_keeps_its_nodes_and_cells(
    nodes: NDArray[np.uint32], ranks: NDArray[np.uint32], view: int, seq: int
) -> None:
    levels = (np.arange(len(ranks)) % 4).astype(np.uint8)
    frame = decode(wire.view_frame(0.0, nodes, ranks, levels, view=view, seq=seq))
    assert same(frame, wire.VIEW, 0.0, len(nodes), seq, 0, view)
    assert (frame.body["nodes"] == nodes).all()
    assert (frame.body["ranks"] == ranks).all()
    assert (frame.body["levels"] == levels).all()


@given(hnp.arrays(np.float32, st.integers(0, 40), elements=st.floats(width=32)), TIME_ms, U16)
def test_a_trace_keeps_every_value_also_those_that_are_no_numbers(
    values: NDArray[np.float32], start_ms: float, tag: int
) -> None:
    frame = decode(wire.trace_frame(start_ms, 0.125, values, tag=tag))
    assert same(frame, wire.TRACE, start_ms + 0.125 * max(0, len(values) - 1), len(values), 0, 0, tag)
    assert (frame.body["start_ms"], frame.body["step_ms"]) == (start_ms, 0.125)
    assert np.array_equal(frame.body["values_mV"], values, equal_nan=True)


# --- frames ---------------------------------------------------------------------------------------------------------


@given(any_frame())
def test_a_frame_is_whole_words_long(data: bytes) -> None:
    assert len(data) % 4 == 0
    assert data[:4] == b"NVF1"


@given(any_frame(), st.data())
def test_a_frame_cut_short_is_refused(data: bytes, draw: st.DataObject) -> None:
    with pytest.raises(WireError):
        decode(data[: draw.draw(st.integers(0, len(data) - 1))])


@given(any_frame(), st.binary(min_size=1, max_size=9))
def test_a_frame_with_something_after_it_is_refused(data: bytes, more: bytes) -> None:
    with pytest.raises(WireError):
        decode(data + more)


@given(any_frame(), st.integers(1, 2**32 - 1))
def test_a_frame_with_a_wrong_count_is_refused_or_of_the_same_length(data: bytes, more: int) -> None:
    count = struct.unpack_from("<I", data, 16)[0]
    wrong = (count + more) % 2**32
    try:
        frame = decode(put(data, 16, "<I", wrong))
    except WireError:
        return
    # Up to three values more fit into the zeros at the end; a mask counts its bits.
    assert frame.kind in (wire.NODES, wire.VOLTAGE)
    assert -(-wrong // 4) == -(-count // 4)


@given(any_frame(), st.integers(0, 255))
def test_an_unknown_kind_is_refused(data: bytes, kind: int) -> None:
    if kind not in (wire.SPIKES, wire.MASK, wire.NODES, wire.VOLTAGE, wire.VIEW, wire.TRACE):
        with pytest.raises(WireError, match=f"unknown kind {kind}"):
            decode(put(data, 4, "<B", kind))


@given(any_frame(), st.binary(min_size=4, max_size=4))
def test_another_mark_is_refused(data: bytes, mark: bytes) -> None:
    if mark != b"NVF1":
        with pytest.raises(WireError, match="begins with NVF1"):
            decode(mark + data[4:])


@given(st.integers(0, 9), st.binary(max_size=80), U32)
def test_bytes_by_chance_are_a_frame_or_refused(kind: int, body: bytes, count: int) -> None:
    head = wire.HEADER.pack(wire.FRAME, kind, 0, 0, 0.0, count % 32, 0)
    try:
        frame = decode(head + body)
    except WireError:
        return
    assert frame.count == count % 32


@given(st.binary(max_size=60))
def test_bytes_without_a_header_are_refused(data: bytes) -> None:
    if data[:4] != b"NVF1":
        with pytest.raises(WireError):
            decode(data)


def test_numbers_of_frames_and_tags_wrap_round() -> None:
    frame = decode(wire.nodes_frame(0.0, np.zeros(1), view=2**16 + 3, seq=2**32 + 7))
    assert (frame.tag, frame.seq) == (3, 7)


def test_a_time_that_is_no_number_is_kept() -> None:
    assert np.isnan(decode(wire.nodes_frame(float("nan"), np.zeros(1), view=0)).t_ms)


# --- resources ------------------------------------------------------------------------------------------------------


def arrays_of(data: bytes, words: int, *types: tuple[str, int]) -> list[NDArray[Any]]:
    """Arrays of a resource after its head of u32; each fills whole words."""
    at, found = 4 * words, []
    for name, count in types:
        found.append(np.frombuffer(data, name, count, at))
        at += -(-found[-1].nbytes // 4) * 4
    assert at == len(data)
    return found


@pytest.mark.parametrize("n", [0, 1, 2, 37])
def test_cells_come_out_as_they_went_in(n: int) -> None:
    scene = many_cells(60)
    cells = scene.cells(np.arange(n, dtype=np.uint32))
    data = wire.cells_bytes(5, cells)
    assert data[:4] == b"NVC1"
    assert np.frombuffer(data, "<u4", 3, 4).tolist() == [5, n, 0]
    types = (("<u4", n), ("<u2", 3 * n), ("<u4", n), ("<u2", n), ("<u2", n), ("<i2", 4 * n))
    rank, position, gid, kind, template, turn = arrays_of(data, 4, *types)
    found = Cells(rank, position.reshape(n, 3), gid, kind, template, turn.reshape(n, 4))
    for name, column in vars(cells).items():
        assert (getattr(found, name) == column).all(), name


@pytest.mark.parametrize("level", range(4))
def test_a_skeleton_comes_out_as_it_went_in(level: int) -> None:
    template = many_cells(10).template(3)
    skeleton = template.levels[level]
    n = len(skeleton)
    data = wire.skeleton_bytes(3, level, skeleton, template.nodes_n, template.soma_radius_um)
    assert data[:4] == b"NVT1"
    assert np.frombuffer(data, "<u4", 4, 4).tolist() == [3, level, n, template.nodes_n]
    types = (("<f4", 3 * n), ("<i4", n), ("<f4", n), ("<f4", n), ("<i4", n), ("u1", n), ("<f4", 1))
    position, parent, path, radius, node, region, soma = arrays_of(data, 5, *types)
    assert (position.reshape(n, 3) == skeleton.position_um).all()
    for found, name in (
        (parent, "parent"),
        (path, "path_um"),
        (radius, "radius_um"),
        (node, "node"),
        (region, "region"),
    ):
        assert (found == getattr(skeleton, name)).all(), name
    assert soma[0] == pytest.approx(template.soma_radius_um, rel=SINGLE)


@given(u32s(), U32, st.integers(1, 1000))
def test_history_comes_out_as_it_went_in(ranks: NDArray[np.uint32], total_n: int, every: int) -> None:
    times = np.linspace(0.0, 1.0, len(ranks)) / 3.0
    data = wire.spikes_bytes(ranks, times, total_n=total_n, every=every)
    assert data[:4] == b"NVS1"
    assert np.frombuffer(data, "<u4", 3, 4).tolist() == [len(ranks), total_n, every]
    found_times, found_ranks = arrays_of(data, 4, ("<f8", len(ranks)), ("<u4", len(ranks)))
    assert (found_times == times).all()
    assert (found_ranks == ranks).all()
