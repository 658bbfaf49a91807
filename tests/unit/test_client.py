"""One connection: every spike counted, few bytes, bounded memory, nothing malformed."""

from __future__ import annotations

import json
import math
import time
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurosim.viewer import messages, wire
from neurosim.viewer.client import BURST, CREDITS, Client, VOLTAGE_mV
from neurosim.viewer.flow import Flow
from neurosim.viewer.hub import Hub
from neurosim.viewer.memory_source import MemorySource, Voltages
from neurosim.viewer.scene.memory import MemoryScene
from neurosim.viewer.wire import WireError
from tests.viewer_scenes import many_cells, three_cells
from tests.viewer_watcher import WallClock, Watcher


def firing(n: int, spikes_n: int, clock: WallClock, *, stop_ms: float = 1000.0, templates_n: int = 0) -> MemorySource:
    """Return invented cells that fire at random."""
    rng = np.random.default_rng(3)
    scene = many_cells(n, templates_n)
    times = rng.uniform(0.0, stop_ms, spikes_n)
    return MemorySource(scene, rng.integers(0, n, spikes_n), times, stop_ms=stop_ms, clock=clock)


def watching(source: MemorySource, clock: WallClock, **options: Any) -> Watcher:
    watcher = Watcher(source, clock, **options)
    watcher.say("hello", version=1)
    watcher.look()
    return watcher


def everything(source: MemorySource) -> np.ndarray:
    return np.bincount(source.spikes(-1.0, math.inf)[0], minlength=source.scene.n)


def play(watcher: Watcher, seconds: float, *, turns_per_s: float = 30.0, acknowledge_every: int = 1) -> None:
    for k in range(math.ceil(seconds * turns_per_s)):
        watcher.clock.wait(1.0 / turns_per_s)
        watcher.turn(acknowledge=k % acknowledge_every == acknowledge_every - 1)


@pytest.mark.parametrize("acknowledge_every", [1, 2, 7, 100])
def test_every_spike_arrives_at_its_cell_however_slow_the_page_is(acknowledge_every: int) -> None:
    clock = WallClock()
    source = firing(500, 5000, clock)
    watcher = watching(source, clock)
    play(watcher, 11.0, acknowledge_every=acknowledge_every)
    watcher.turn()
    clock.wait(0.1)
    watcher.turn()
    assert np.array_equal(watcher.fired, everything(source))
    assert watcher.status()["counted_n"] == 5000


def test_a_page_that_stops_and_comes_back_gets_all_spikes() -> None:
    clock = WallClock()
    source = firing(500, 5000, clock)
    watcher = watching(source, clock)
    play(watcher, 2.0)
    play(watcher, 6.0, acknowledge_every=10**9)
    frames_n = len(watcher.frames)
    play(watcher, 4.0)
    assert len(watcher.frames) > frames_n
    assert np.array_equal(watcher.fired, everything(source))


def test_a_slow_page_is_told_so_and_a_quick_one_is_not() -> None:
    clock = WallClock()
    source = firing(500, 5000, clock, stop_ms=10_000.0)
    quick, slow = watching(source, clock), watching(source, clock)
    for k in range(300):
        clock.wait(1.0 / 30.0)
        quick.turn()
        slow.turn(acknowledge=k % 30 == 29)
    assert quick.status()["reduced"] == [] and quick.status()["skipped"] == 0
    assert any("slower than the run" in text for text in slow.status()["reduced"])


def test_spikes_that_are_merged_into_numbers_are_still_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neurosim.viewer.pending.MOST_LISTED", 100)
    clock = WallClock()
    source = firing(500, 5000, clock)
    watcher = Watcher(source, clock)
    watcher.client._pending._most = 100
    watcher.look()
    play(watcher, 11.0, acknowledge_every=30)
    watcher.turn()
    status = watcher.status()
    assert status["counted_n"] == 5000
    assert watcher.fired.sum() == status["shown_n"] < 5000
    assert np.array_equal(watcher.fired > 0, everything(source) > 0)
    assert status["skipped"] > 100


def test_ages_give_the_times_of_spikes_back() -> None:
    clock = WallClock()
    source = MemorySource(three_cells(), [2, 0, 1], [1.25, 2.5, 3.125], stop_ms=10.0, clock=clock)
    watcher = watching(source, clock)
    play(watcher, 0.2)
    found: dict[int, float] = {}
    for frame in watcher.frames:
        if frame.kind == wire.SPIKES:
            times = frame.t_ms - frame.body["span_ms"] * frame.body["age"] / 65535.0
            found |= dict(zip(frame.body["ranks"].tolist(), times.tolist(), strict=True))
    assert found == pytest.approx({2: 1.25, 0: 2.5, 1: 3.125}, abs=1e-3)


def test_many_spikes_at_once_come_as_one_bit_each() -> None:
    clock = WallClock()
    scene = many_cells(20_000, 0)
    source = MemorySource(scene, np.arange(20_000), np.full(20_000, 1.0), stop_ms=10.0, clock=clock)
    watcher = watching(source, clock)
    play(watcher, 0.1)
    masks = [frame for frame in watcher.frames if frame.kind == wire.MASK]
    assert [frame.count for frame in masks] == [20_000]
    assert watcher.fired.tolist() == [1] * 20_000


def test_only_cells_that_are_drawn_are_sent() -> None:
    clock = WallClock()
    source = firing(5000, 20_000, clock)
    watcher = Watcher(source, clock)
    view = watcher.look(budget=3000)
    drawn = np.zeros(5000, np.bool_)
    for node in view.body["nodes"].tolist():
        drawn[source.scene.octree.ranks(node)] = True
    play(watcher, 11.0)
    assert 0 < drawn.sum() < 5000
    assert not watcher.fired[~drawn].any()
    assert np.array_equal(watcher.fired[drawn], everything(source)[drawn])
    assert any("stands for its neighbours" in text for text in watcher.status()["reduced"])


def test_rates_of_nodes_hold_all_spikes_whoever_is_drawn() -> None:
    clock = WallClock()
    source = firing(5000, 100_000, clock)
    watcher = Watcher(source, clock)
    watcher.say("sub", tag=1, spikes=False, nodes=True, voltage=[])
    watcher.look(budget=3000)
    play(watcher, 5.0)
    frames = [frame for frame in watcher.frames if frame.kind == wire.NODES][1:]
    assert all(frame.kind == wire.NODES for frame in watcher.frames)
    rates = [2.0 ** (frame.body["activity"] / 16.0) - 1.0 for frame in frames]
    assert np.mean(rates) == pytest.approx(20.0, rel=0.03)


def test_node_frames_have_the_same_size_for_ten_thousand_and_a_million_cells() -> None:
    sizes = []
    for n in (10_000, 1_000_000):
        clock = WallClock()
        source = firing(n, 50_000, clock)
        watcher = Watcher(source, clock)
        watcher.say("sub", tag=1, spikes=False, nodes=True, voltage=[])
        watcher.look(height_px=30)
        play(watcher, 1.0)
        sizes.append(watcher.bytes_n)
    assert sizes[0] == sizes[1]


@pytest.mark.parametrize("rate_Hz", [0.5, 100.0])
def test_activity_stays_below_its_limit_in_any_second_at_any_rate(rate_Hz: float) -> None:
    clock = WallClock()
    n, stop_ms = 50_000, 50.0
    source = firing(n, int(n * rate_Hz * stop_ms / 1000.0), clock, stop_ms=stop_ms)
    watcher = watching(source, clock, bytes_per_s=100_000.0)
    watcher.say("play", rate=200.0, loop=True)
    play(watcher, 5.0)
    assert max(np.convolve(watcher.bytes_of_turns, np.ones(30), "valid")) < 1.25 * 100_000
    assert sum(frame.kind == wire.NODES for frame in watcher.frames) > 100
    status = watcher.status()
    assert any("single spikes" in text for text in status["reduced"]) == (rate_Hz > 10.0)


def test_the_limit_leaves_half_a_megabyte_a_second() -> None:
    flow = Flow()
    sent, now_s = [], 0.0
    for _ in range(3000):
        now_s += 0.01
        sent.append(20_000 if flow.ready(now_s) else 0)
        flow.spend(sent[-1])
    seconds = np.convolve(sent, np.ones(100), "valid")
    assert 400_000 < seconds.mean() < seconds.max() <= 500_000


def test_a_page_that_never_answers_gets_four_frames_and_holds_little_memory() -> None:
    clock = WallClock()
    source = firing(2000, 3_000_000, clock, stop_ms=3000.0)
    watcher = watching(source, clock)
    play(watcher, 5.0, acknowledge_every=10**9)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    play(watcher, 20.0, acknowledge_every=10**9)
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert len(watcher.frames) == CREDITS
    assert after - before < 5_000_000
    assert watcher.client._pending.bytes_n < 4_000_000


def test_a_patient_client_goes_on_slowly_without_acknowledgements() -> None:
    clock = WallClock()
    source = firing(500, 5000, clock)
    watcher = watching(source, clock, patient_s=0.1)
    play(watcher, 12.0, acknowledge_every=10**9)
    spikes = [frame for frame in watcher.frames if frame.kind == wire.SPIKES]
    assert 60 <= len(spikes) <= 130
    assert np.array_equal(watcher.fired, everything(source))


def test_two_clients_see_what_each_asked_for() -> None:
    clock = WallClock()
    source = firing(500, 5000, clock)
    first, second = watching(source, clock), watching(source, clock)
    first.say("sub", tag=1, spikes=True, nodes=False, voltage=[])
    second.say("sub", tag=2, spikes=False, nodes=True, voltage=[])
    second.say("seek", t_ms=500.0)
    for _ in range(120):
        clock.wait(1.0 / 30.0)
        first.turn()
        second.turn()
    assert {frame.kind for frame in first.frames} == {wire.SPIKES}
    assert {frame.kind for frame in second.frames} == {wire.NODES}
    assert first.frames[-1].t_ms == pytest.approx(400.0)
    assert second.frames[-1].t_ms == pytest.approx(900.0)


def recorded(clock: WallClock) -> MemorySource:
    scene = three_cells()
    values = np.linspace(-80.0, 20.0, 31, dtype=np.float32)
    rows = np.stack([values + step for step in range(20)])
    voltage = Voltages(0.0, 1.0, {1: rows, 2: rows - 10.0})
    return MemorySource(scene, [0], [1.0], stop_ms=20.0, voltage=voltage, clock=clock)


def test_voltages_come_in_the_order_of_the_subscription() -> None:
    clock = WallClock()
    watcher = watching(recorded(clock), clock)
    watcher.say("play", rate=0.0, loop=False)
    watcher.say("seek", t_ms=5.0)
    assert watcher.say("sub", tag=9, spikes=True, nodes=False, voltage=[2, 1]) == [
        {"type": "voltage", "tag": 9, "ranks": [2, 1]}
    ]
    (frame,) = [frame for frame in watcher.turn() if frame.kind == wire.VOLTAGE]
    low, high = frame.body["low_mV"], frame.body["high_mV"]
    got = low + frame.body["values"] / 255.0 * (high - low)
    row = np.linspace(-80.0, 20.0, 31) + 5.0
    step = (VOLTAGE_mV[1] - VOLTAGE_mV[0]) / 255.0
    assert frame.tag == 9
    assert got == pytest.approx(np.concatenate([row - 10.0, row]), abs=0.51 * step)


def test_voltages_beyond_the_limit_are_cut_and_it_is_said() -> None:
    clock = WallClock()
    scene = many_cells(2000, 2)
    source = MemorySource(scene, [0], [1.0], stop_ms=20.0, clock=clock)
    watcher = watching(source, clock)
    asked = list(range(1999, 0, -1))
    (answer,) = watcher.say("sub", tag=3, spikes=True, nodes=True, voltage=asked)
    accepted = answer["ranks"]
    assert accepted == asked[: len(accepted)] and 900 < len(accepted) < 1100
    assert any("voltage of" in text for text in watcher.status()["reduced"])


def test_traces_follow_the_clock_without_gaps_or_repeats() -> None:
    clock = WallClock()
    watcher = watching(recorded(clock), clock)
    watcher.say("trace", places=[[1, 3, 77]])
    watcher.say("play", rate=20.0, loop=False)
    play(watcher, 1.5)
    frames = [frame for frame in watcher.frames if frame.kind == wire.TRACE]
    assert {frame.tag for frame in frames} == {77} and len(frames) > 3
    values = np.concatenate([frame.body["values_mV"] for frame in frames])
    assert values == pytest.approx(np.linspace(-80.0, 20.0, 31)[3] + np.arange(20.0), abs=1e-4)


def test_a_loop_begins_again_with_the_flag_that_says_so() -> None:
    clock = WallClock()
    source = MemorySource(three_cells(), [0, 1], [1.0, 9.0], stop_ms=10.0, clock=clock)
    watcher = watching(source, clock)
    watcher.say("play", rate=10.0, loop=True)
    play(watcher, 3.5)
    jumps = [frame for frame in watcher.frames if frame.kind == wire.SPIKES and frame.flags & wire.JUMPED]
    assert len(jumps) == 4
    assert watcher.fired[0] == 4 and watcher.fired[1] == 3


def test_the_end_of_a_replay_is_said_once() -> None:
    clock = WallClock()
    source = MemorySource(three_cells(), [0], [1.0], stop_ms=10.0, clock=clock)
    watcher = watching(source, clock)
    play(watcher, 2.0)
    assert sum(frame.kind == wire.SPIKES and bool(frame.flags & wire.LAST) for frame in watcher.frames) == 1


def test_a_jump_brings_what_would_still_glow() -> None:
    clock = WallClock()
    source = MemorySource(three_cells(), [0, 1, 2], [100.0, 480.0, 510.0], stop_ms=1000.0, clock=clock)
    watcher = watching(source, clock)
    watcher.say("play", rate=0.0, loop=False)
    watcher.turn()
    watcher.say("seek", t_ms=500.0)
    (spikes, *_) = watcher.turn()
    assert spikes.flags & wire.JUMPED
    assert spikes.body["ranks"].tolist() == [1]


def test_what_a_replay_cannot_do_is_an_error_message() -> None:
    clock = WallClock()
    watcher = watching(recorded(clock), clock)
    assert watcher.say("control", what="pause")[0]["type"] == "error"
    assert watcher.say("act", kind="silence", rank=0)[0]["type"] == "error"


VIEW = {"type": "view", "tag": 1, "eye": [0, 0, 9], "look": [0, 0, -1], "up": [0, 1, 0], "budget": 10}
BAD = [
    "", "[]", "null", "1e999", "{", '{"type":"hello","version":NaN}', "[" * 50_000,
    '{"type":"ack","seq":' + "9" * 5000 + "}",
    *(
        json.dumps(message)
        for message in (
            {}, {"type": "eval"}, {"type": ["ack"]}, {"type": "hello"}, {"type": "hello", "version": 2},
            {"type": "hello", "version": True}, {"type": "ack", "seq": -1}, {"type": "ack", "seq": 10**9},
            {"type": "ack", "seq": 1.5}, {"type": "seek"}, {"type": "seek", "t_ms": "1"},
            {"type": "seek", "t_ms": 1e300},
            {"type": "play", "rate": -1.0}, {"type": "play", "rate": 1.0, "loop": 1},
            {"type": "control", "what": "stop"},
            {"type": "sub", "tag": 70_000, "spikes": True, "nodes": True}, {"type": "sub", "tag": 1, "spikes": 1},
            {"type": "sub", "tag": 1, "spikes": True, "nodes": True, "voltage": [3]},
            {"type": "sub", "tag": 1, "spikes": True, "nodes": True, "voltage": [-1]},
            {"type": "sub", "tag": 1, "spikes": True, "nodes": True, "voltage": "0"},
            {"type": "trace", "places": [[0, 31, 1]]}, {"type": "trace", "places": [[3, 0, 1]]},
            {"type": "trace", "places": [[0, 0]]}, {"type": "trace", "places": [[0, 0, 1]] * 100},
            {"type": "act", "kind": "kill", "rank": 0},
            {"type": "act", "kind": "inject", "rank": 0, "amplitude_nA": 1e9},
            {"type": "act", "kind": "inject", "rank": 9, "amplitude_nA": 1},
            {"type": "act", "kind": "inject", "rank": None},
            {"type": "act", "kind": "inject", "rank": 0, "node": 31, "amplitude_nA": 1},
            {**VIEW, "eye": [0, 0]}, {**VIEW, "eye": [0, 0, None]}, {**VIEW, "look": [0, 0, 0]}, {**VIEW, "budget": 0},
            {**VIEW, "budget": 10**12}, {**VIEW, "fov_deg": 0}, {**VIEW, "fov_deg": 200}, {**VIEW, "aspect": -1},
            {**VIEW, "detail": 5}, {**VIEW, "detail": "all"}, {**VIEW, "detail": True}, {**VIEW, "tag": None},
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize("text", BAD, ids=lambda text: text[:40])
def test_a_message_that_is_not_allowed_is_refused(text: str) -> None:
    client = Client(recorded(WallClock()))
    with pytest.raises(WireError):
        client.receive(text)


def test_a_message_of_more_than_64_kB_is_refused() -> None:
    client = Client(recorded(WallClock()))
    padded = json.dumps({"type": "hello", "version": 1, "x": "y" * (messages.MOST_BYTES)})
    with pytest.raises(WireError, match="at most 65536 bytes"):
        client.receive(padded)
    with pytest.raises(WireError, match="at most 65536 bytes"):
        client.receive('{"x":"' + "é" * 40_000 + '"}')


def test_too_many_messages_are_refused_and_a_steady_stream_is_not() -> None:
    clock = WallClock()
    client = Client(recorded(clock), clock=clock)
    for _ in range(1000):
        clock.wait(1.0 / 150.0)
        client.receive('{"type":"hello","version":1}')
    with pytest.raises(WireError, match="messages a second"):
        for _ in range(int(BURST) + 10):
            client.receive('{"type":"hello","version":1}')


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
NAMES = (
    "type", "version", "tag", "eye", "look", "up", "fov_deg", "aspect", "height_px", "budget", "detail", "spikes",
    "nodes", "voltage", "places", "seq", "t_ms", "rate", "loop", "what", "kind", "rank", "node", "amplitude_nA",
)  # fmt: skip
MESSAGES = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(kind=st.sampled_from(messages.TYPES) | st.text(max_size=5), message=MESSAGES, based=st.booleans())
def test_whatever_comes_is_answered_or_refused(kind: str, message: dict[str, Any], based: bool) -> None:
    client = Client(recorded(WallClock()))
    text = json.dumps((VIEW if based else {}) | message | {"type": kind})
    try:
        answers = client.receive(text)
    except WireError:
        return
    for answer in answers:
        assert json.loads(answer) if isinstance(answer, str) else wire.decode(answer)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_whatever_text_comes_is_answered_or_refused(text: str) -> None:
    client = Client(recorded(WallClock()))
    try:
        client.receive(text)
    except WireError:
        return
    assert json.loads(text)["type"] in messages.TYPES


def test_a_scene_without_cells_has_frames_without_cells() -> None:
    scene = MemoryScene.from_arrays("nothing", np.zeros((0, 3)))
    client = Hub(MemorySource(scene, [], [], stop_ms=400.0)).client()
    view = {"type": "view", "tag": 1, "eye": [0, 0, 1], "look": [0, 0, -1], "up": [0, 1, 0], "fov_deg": 45}
    client.receive('{"type":"hello","version":1}')
    client.receive(json.dumps({**view, "aspect": 1.6, "height_px": 800, "budget": 50000, "detail": "auto"}))
    frames = []
    for _ in range(40):
        time.sleep(0.01)
        frames += [wire.decode(out) for out in client.turn(time.monotonic()) if isinstance(out, bytes)]
    assert frames
    assert all(frame.body["activity"].tolist() == [0] for frame in frames if frame.kind == wire.NODES)
