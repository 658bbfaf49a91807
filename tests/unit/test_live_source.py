"""A run that goes on, watched by several: its frames come from a broadcast that the test feeds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

import neurosim as ns
from neurosim.broadcast import Act, Broadcast, Frame, Place, Samples
from neurosim.viewer import wire
from neurosim.viewer.live import LiveSource
from neurosim.viewer.scene.memory import MemoryScene
from neurosim.viewer.source import Batch, Player
from tests.viewer_scenes import many_cells, straight_template, three_cells
from tests.viewer_watcher import WallClock, Watcher


def until(what: Callable[[], bool]) -> None:
    """Wait until something is so; a minute is a failure."""
    end = time.monotonic() + 60.0
    while not what():
        assert time.monotonic() < end, "waited for a minute"
        time.sleep(0.002)


@contextmanager
def running(scene: MemoryScene, cells_n: int | None = None) -> Iterator[tuple[LiveSource, Broadcast]]:
    broadcast = Broadcast(scene.n if cells_n is None else cells_n)
    broadcast.progress.running = True
    source = LiveSource(None, scene, broadcast)
    try:
        yield source, broadcast
    finally:
        source.close()


def put(source: LiveSource, broadcast: Broadcast, frame: Frame) -> None:
    """Put a frame and wait until it is passed on."""
    broadcast.progress.spikes_n += frame.spikes_n
    broadcast.progress.t_ms = frame.t_ms
    broadcast.put(frame)
    until(lambda: source._t_ms >= frame.t_ms)
    with source._lock:  # held until every player has it
        pass


def frames_of(cells_n: int, frames_n: int, per_frame: int) -> list[Frame]:
    rng = np.random.default_rng(2)
    return [
        Frame(float(k), k + 1.0, rng.integers(0, cells_n, per_frame), np.sort(k + 1.0 - rng.uniform(0, 1, per_frame)))
        for k in range(frames_n)
    ]


def counted(batches: list[Batch], n: int) -> np.ndarray:
    found = np.zeros(n, np.int64)
    for batch in batches:
        np.add.at(found, batch.ranks, 1)
        np.add.at(found, batch.counts_ranks, batch.counts)
    return found


def test_every_player_gets_every_spike_however_seldom_it_asks() -> None:
    scene = many_cells(300, 0)
    frames = frames_of(300, 40, 100)
    with running(scene) as (source, broadcast):
        every: list[Player] = [source.player() for _ in range(3)]
        got: list[list[Batch]] = [[], [], []]
        for k, frame in enumerate(frames):
            put(source, broadcast, frame)
            for player, found, pace in zip(every, got, (1, 7, 100), strict=True):
                batch = player.take() if k % pace == pace - 1 else None
                found += [] if batch is None else [batch]
        for player, found in zip(every, got, strict=True):
            batch = player.take()
            found += [] if batch is None else [batch]
        cells = np.concatenate([frame.cells for frame in frames])
        expected = np.bincount(scene.rank_of_index[cells], minlength=300)
        for found in got:
            assert np.array_equal(counted(found, 300), expected)
            assert found[0].jumped and not any(batch.jumped for batch in found[1:])
            assert all((np.diff(batch.ranks.astype(np.int64)) >= 0).all() for batch in found)
        assert [len(found) for found in got] == [40, 6, 1]


def test_what_a_stopped_player_holds_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = many_cells(300, 0)
    with running(scene) as (source, broadcast):
        player = source.player()
        player._pending._most = 1000
        sizes = []
        for frame in frames_of(300, 100, 200):
            put(source, broadcast, frame)
            sizes.append(player.bytes_n)
        assert max(sizes) < 20_000
        batch = player.take()
        assert batch is not None and batch.counts.sum() == 20_000


def test_cells_that_are_not_shown_are_counted_and_not_drawn() -> None:
    scene = MemoryScene.from_arrays("two of five", np.eye(3)[:2] * 100.0, index=[4, 1], cells_n=5)
    with running(scene, 5) as (source, broadcast):
        player = source.player()
        put(source, broadcast, Frame(0.0, 1.0, np.array([0, 1, 2, 4, 4]), np.linspace(0.1, 0.9, 5)))
        counts = np.array([10, 20, 30, 40, 50])
        put(source, broadcast, Frame(1.0, 2.0, np.empty(0, np.int64), np.empty(0), counts))
        batch = player.take()
        assert batch is not None
        found = counted([batch], 2)
        assert found[scene.rank_of_index[4]] == 52 and found[scene.rank_of_index[1]] == 21
        assert source.hidden_n == 2 + 80
        assert source.status().spikes_n == 155
        assert source.spikes(0.0, 9.0)[2] == 73


def test_a_page_that_comes_late_gets_what_still_glows_and_then_everything() -> None:
    scene = three_cells()
    with running(scene) as (source, broadcast):
        put(source, broadcast, Frame(0.0, 100.0, np.array([0, 1]), np.array([10.0, 90.0])))
        clock = WallClock()
        watcher = Watcher(source, clock)
        watcher.say("hello", version=1)
        watcher.look()
        (first, *_) = watcher.turn()
        assert first.flags & wire.JUMPED and first.body["ranks"].tolist() == [1]
        put(source, broadcast, Frame(100.0, 101.0, np.array([2]), np.array([100.5])))
        (second, *_) = watcher.turn()
        assert not second.flags & wire.JUMPED and second.body["ranks"].tolist() == [2]
        watcher.client.close()
        again = Watcher(source, clock)
        again.look()
        assert again.turn()[0].body["ranks"].tolist() == [1, 2]
        assert len(source._players) == 1


def test_the_end_is_said_once_to_everybody_and_to_those_who_come_later() -> None:
    with running(three_cells()) as (source, broadcast):
        player = source.player()
        put(source, broadcast, Frame(0.0, 1.0, np.array([0]), np.array([0.5])))
        broadcast.progress.finished = True
        broadcast.progress.running = False
        until(lambda: source._told_end)
        batch = player.take()
        assert batch is not None and batch.last and len(batch.ranks) == 1
        time.sleep(0.3)
        assert player.take() is None
        late = source.player().take()
        assert late is not None and late.last and late.jumped
        assert source.status().state == "finished"


def test_voltages_of_all_clients_are_asked_for_at_once_and_each_gets_its_own() -> None:
    scene = many_cells(20, 3, points_n=12)
    with running(scene) as (source, broadcast):
        first, second = source.player(), source.player()
        first.want_voltage([7, 3])
        second.want_voltage([3, 11])
        index = scene.index_of_rank
        cells = tuple(sorted(int(index[rank]) for rank in (3, 7, 11)))
        assert broadcast.wishes.voltage_cells == cells
        nodes = {rank: source._nodes.of([rank])[0] for rank in (3, 7, 11)}
        values = {rank: np.arange(nodes[rank], dtype=np.float32) + 1000 * rank for rank in nodes}
        voltage = np.concatenate([values[int(scene.rank_of_index[cell])] for cell in cells])
        none, never = np.empty(0, np.int64), np.empty(0)
        put(source, broadcast, Frame(0.0, 1.0, none, never, voltage_mV=voltage, voltage_cells=cells))
        for player, ranks in ((first, (7, 3)), (second, (3, 11))):
            batch = player.take()
            assert batch is not None and batch.voltage_mV is not None
            assert batch.voltage_ranks == ranks
            assert np.array_equal(batch.voltage_mV, np.concatenate([values[rank] for rank in ranks]))
        first.close()
        assert broadcast.wishes.voltage_cells == tuple(sorted(int(index[rank]) for rank in (3, 11)))
        second.want_voltage([3, 5])
        put(source, broadcast, Frame(1.0, 2.0, none, never, voltage_mV=voltage, voltage_cells=cells))
        batch = second.take()
        assert batch is not None and batch.voltage_mV is not None
        assert np.isnan(batch.voltage_mV[nodes[3] :]).all()
        assert np.array_equal(batch.voltage_mV[: nodes[3]], values[3])


def test_traces_are_recorded_from_when_they_are_wanted() -> None:
    scene = three_cells()
    with running(scene) as (source, broadcast):
        clock = WallClock()
        watcher = Watcher(source, clock)
        watcher.say("trace", places=[[2, 5, 40], [0, 0, 41]])
        places = tuple(broadcast.wishes.traces)
        assert places == (Place(int(scene.index_of_rank[2]), 5), Place(int(scene.index_of_rank[0]), 0))
        for k in range(4):
            steps = 0.025 * np.arange(10 * k + 1, 10 * k + 11, dtype=np.float64)
            values = np.stack([steps, -steps], axis=1).astype(np.float32)
            sample = Samples(places, steps, values)
            put(
                source,
                broadcast,
                Frame(0.25 * k, 0.25 * (k + 1), np.empty(0, np.int64), np.empty(0), samples=(sample,)),
            )
            clock.wait(0.2)
            watcher.turn()
        for tag, sign in ((40, 1.0), (41, -1.0)):
            frames = [f for f in watcher.frames if f.kind == wire.TRACE and f.tag == tag]
            got = np.concatenate([f.body["values_mV"] for f in frames])
            assert got == pytest.approx(sign * 0.025 * np.arange(1, 41))
            assert frames[0].body["start_ms"] == pytest.approx(0.025)
        block = source.trace(2, 5, 0.5, 0.75)
        assert block.values_mV == pytest.approx(0.025 * np.arange(20, 30))
        watcher.client.close()
        assert broadcast.wishes.traces == ()


def test_acts_reach_the_run_and_are_reported_to_everybody() -> None:
    scene = three_cells()
    with running(scene) as (source, broadcast):
        clock = WallClock()
        one, two = Watcher(source, clock), Watcher(source, clock)
        assert one.say("act", kind="inject", rank=2, node=4, amplitude_nA=0.5) == []
        (act,) = broadcast.asked()
        assert (act.kind, act.place, act.amplitude_nA) == ("inject", Place(int(scene.index_of_rank[2]), 4), 0.5)
        done = Act(act.kind, act.place, act.amplitude_nA, 3.25)
        put(source, broadcast, Frame(3.25, 4.0, np.empty(0, np.int64), np.empty(0), acts=(done,)))
        expected = {"type": "acted", "kind": "inject", "rank": 2, "node": 4, "amplitude_nA": 0.5, "t_ms": 3.25}
        expected["name"] = ""
        for watcher in (one, two):
            watcher.turn()
            watcher.turn()
            assert len(source.acts()) == 1
            assert [text for text in watcher.texts if text["type"] == "acted"] == [expected]


def test_a_simulation_that_is_put_back_begins_anew() -> None:
    with running(three_cells()) as (source, broadcast):
        player = source.player()
        put(source, broadcast, Frame(0.0, 50.0, np.array([0, 1]), np.array([10.0, 40.0])))
        player.take()
        broadcast.put(Frame(0.0, 5.0, np.array([2]), np.array([3.0])))
        until(lambda: source._t_ms == 5.0)
        with source._lock:
            pass
        batch = player.take()
        assert batch is not None and batch.jumped and batch.t_ms == 5.0
        assert source.spikes(0.0, 100.0)[2] == 1


def test_a_run_is_paused_and_goes_on() -> None:
    with running(three_cells()) as (source, broadcast):
        watcher = Watcher(source, WallClock())
        assert watcher.say("control", what="pause")[0]["state"] == "paused"
        assert not broadcast.wait_while_paused(0.0)
        assert source.status().state == "paused"
        assert watcher.say("control", what="resume")[0]["state"] == "running"
        assert broadcast.wait_while_paused(0.0)
        assert watcher.say("seek", t_ms=1.0)[0]["type"] == "error"
        assert watcher.say("play", rate=1.0, loop=False)[0]["type"] == "error"


def test_a_source_that_closes_leaves_the_run_free() -> None:
    scene = three_cells()
    broadcast = Broadcast(3)
    source = LiveSource(None, scene, broadcast)
    player = source.player()
    player.want_voltage([0])
    source.want_trace(player, [(1, 2)])
    source.control("pause")
    source.close()
    assert broadcast.wait_while_paused(0.0)
    assert broadcast.wishes.voltage_cells == () and broadcast.wishes.traces == ()
    assert not any(thread.name == "neurosim-live" for thread in threading.enumerate() if thread is source._thread)


def a_network() -> ns.Simulation:
    """Return ten cells with a dendrite, driven by spike trains that are not shown."""
    sections = [ns.Section.cylinder("soma", 20.0, 20.0), ns.Section.cylinder("dend[0]", 200.0, 2.0, parent=0)]
    cell = ns.Cell(sections).set(nseg=5)
    cell.insert(ns.mechanisms.HH(), "soma").insert(ns.mechanisms.pas, "dend", g=1e-4, e=-65.0)
    net = ns.Network(seed=3)
    cells = net.add("cells", 10, cell)
    drive = net.add_spikes("drive", ns.random.Poisson(rate_Hz=60.0, stop_ms=100.0), n=10)
    net.connect(drive, cells, ns.mechanisms.ExpSyn(tau=2.0), rule=ns.rules.OneToOne(), weight=0.03, at="soma(0.5)")
    return ns.Simulation(net, dt_ms=0.05)


def test_a_real_run_is_shown_as_it_is() -> None:
    sim = a_network()
    record = sim.record("dend[0](0.5)", "v_mV", gid=4)
    source = LiveSource(sim)
    clock = WallClock()
    watcher = Watcher(source, clock)
    watcher.look()
    rank = int(source.scene.rank_of_index[4])
    cell = sim.cells[4]
    assert isinstance(cell, ns.Cell)
    node = cell.node("dend[0](0.5)")
    watcher.say("trace", places=[[rank, node, 1]])
    watcher.say("sub", tag=2, spikes=True, nodes=True, voltage=[rank])
    sim.run(until_ms=40.0)
    until(lambda: source._told_end)
    for _ in range(3):
        clock.wait(0.2)
        watcher.turn()
    shown = source.scene.rank_of_index[sim.spikes.gids.astype(np.int64)]
    assert len(sim.spikes) > 10
    assert np.array_equal(watcher.fired, np.bincount(shown[shown >= 0], minlength=source.scene.n))
    frames = [frame for frame in watcher.frames if frame.kind == wire.TRACE]
    assert np.array_equal(np.concatenate([f.body["values_mV"] for f in frames]), record.values[1:].astype(np.float32))
    (voltage,) = [frame for frame in watcher.frames if frame.kind == wire.VOLTAGE][-1:]
    low, high = voltage.body["low_mV"], voltage.body["high_mV"]
    assert low + voltage.body["values"][node] / 255.0 * (high - low) == pytest.approx(record.values[-1], abs=0.3)
    assert any(frame.flags & wire.LAST for frame in watcher.frames)
    assert watcher.status()["state"] == "finished"
    source.close()
    assert sim.broadcast() is not source.broadcast


def test_the_status_says_how_long_it_takes() -> None:
    with running(three_cells()) as (source, broadcast):
        progress = broadcast.progress
        progress.t_ms, progress.until_ms, progress.times_real_time = 250.0, 1000.0, 0.5
        progress.warnings.append("careful")
        status = source.status()
        assert (status.state, status.t_ms, status.stop_ms, status.eta_s) == ("running", 250.0, 1000.0, 1.5)
        assert status.memory_MB > 10.0 and status.warnings == ("careful",)
        progress.running = False
        assert source.status().state == "waiting"
        broadcast.closed = True
        assert source.status().state == "lost"


def test_a_voltage_of_another_length_than_the_scene_s_is_not_shown() -> None:
    scene = MemoryScene.from_arrays("one", [[0.0, 0.0, 0.0]], templates=[straight_template()])
    with running(scene) as (source, broadcast):
        player = source.player()
        player.want_voltage([0])
        none = np.empty(0, np.int64)
        wrong = Frame(0.0, 1.0, none, np.empty(0), voltage_mV=np.zeros(30, np.float32), voltage_cells=(0,))
        put(source, broadcast, wrong)
        batch = player.take()
        assert batch is not None and batch.voltage_mV is None
