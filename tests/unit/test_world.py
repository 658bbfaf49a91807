"""Worlds: checked when they are made, bounded while nobody takes them, and the same numbers at the other end."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import h5py
import numpy as np
import pytest

import neurosim as ns
from neurosim.broadcast import MOST_WORLDS, NOWHERE, Act, Broadcast, Frame
from neurosim.errors import ModelError
from neurosim.viewer import wire
from neurosim.viewer.client import Client
from neurosim.viewer.hub import Hub
from neurosim.viewer.live import LiveSource
from neurosim.viewer.replay import open_results
from neurosim.viewer.scene.facts import kinds_of
from neurosim.viewer.world_feed import OUTSTANDING
from neurosim.viewer.world_history import WorldHistory
from neurosim.viewer.world_wire import description, field_bytes, key_of
from neurosim.world import BodyShape, Curve, Field, MuscleRow, Track, World, thinned
from tests.sine_worm import ODOUR, PLACES, world_at
from tests.viewer_scenes import three_cells
from tests.viewer_server import eventually


def test_a_world_does_not_change_with_the_arrays_it_was_made_of() -> None:
    points = np.zeros((3, 3))
    body = BodyShape("b", points, np.ones(3))
    points[0, 0] = 5.0
    assert body.points_mm[0, 0] == 0.0
    with pytest.raises(ValueError, match="read-only"):
        body.points_mm[0, 0] = 1.0


@pytest.mark.parametrize(
    "make",
    [
        lambda: BodyShape("b", np.zeros((3, 2)), np.ones(3)),
        lambda: BodyShape("b", np.zeros((3, 3)), np.ones(2)),
        lambda: BodyShape("b", np.zeros((1, 3)), np.ones(1)),
        lambda: MuscleRow("m", np.zeros((2, 2))),
        lambda: Field("f", "", np.zeros((3, 3)), (0.0, 0.0), 0.0),
        lambda: Curve("c", "", np.zeros(0)),
        lambda: Track("t", np.zeros(2)),
    ],
)
def test_a_part_of_another_shape_is_refused(make: object) -> None:
    with pytest.raises(ModelError, match="allowed"):
        make()  # type: ignore[operator]


def test_worlds_that_nobody_takes_are_thinned_and_the_last_stays() -> None:
    broadcast = Broadcast(1)
    for k in range(5 * MOST_WORLDS):
        broadcast.put_world(World(float(k)))
    held = broadcast.take_worlds()
    assert len(held) <= MOST_WORLDS
    assert held[-1].t_ms == 5 * MOST_WORLDS - 1
    times = [w.t_ms for w in held]
    assert times == sorted(times)
    assert times[0] < MOST_WORLDS
    assert broadcast.take_worlds() == []


@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 100])
def test_thinning_keeps_the_last(n: int) -> None:
    worlds = [World(float(k)) for k in range(n)]
    kept = thinned(worlds, 4)
    assert kept[-1] is worlds[-1]
    assert len(kept) <= 4


def test_a_history_of_any_length_is_bounded_and_begins_at_the_begin() -> None:
    history = WorldHistory(most=100)
    for k in range(1234):
        history.add(
            World(float(k), curves=(Curve("c", "", np.array([k, -k])),), tracks=(Track("t", np.array([k, 0, 0])),))
        )
    rows = history.between(0.0, 1e9, 1000)
    assert len(rows.time_ms) <= 100
    assert rows.time_ms[0] == 0.0
    assert len(set(np.diff(rows.time_ms))) == 1
    np.testing.assert_array_equal(rows.curves[0][:, 1], -rows.time_ms)
    np.testing.assert_array_equal(rows.tracks[0][:, 0], rows.time_ms)
    few = history.between(100.0, 500.0, 5)
    assert len(few.time_ms) <= 5
    assert few.time_ms[0] >= 100.0
    assert few.time_ms[-1] < 500.0


def test_a_run_that_was_put_back_has_a_new_history() -> None:
    history = WorldHistory()
    for t_ms in (0.0, 5.0, 10.0, 0.0, 5.0):
        history.add(World(t_ms, curves=(Curve("c", "", np.array([t_ms])),)))
    assert history.between(0.0, 1e9, 10).time_ms.tolist() == [0.0, 5.0]


def test_a_world_of_the_past_is_made_again_from_its_numbers() -> None:
    history = WorldHistory()
    for k in range(10):
        history.add(world_at(40.0 * k))
    then, meant = history.at(250.0), world_at(240.0)
    assert then is not None
    assert then.t_ms == 240.0
    np.testing.assert_array_equal(then.numbers(), meant.numbers())
    assert description(then) == description(meant)
    assert history.at(1e9) is history.last
    with pytest.raises(ModelError, match="numbers"):
        meant.moved(0.0, np.zeros(3))


class Watching:
    """A client of a live run of three cells, its clock by hand."""

    def __init__(self, broadcast: Broadcast) -> None:
        self.broadcast, self.now_s = broadcast, 0.0
        self.source = LiveSource(None, three_cells(), broadcast)
        self.client = Client(self.source)

    def say(self, **message: object) -> list[str | bytes]:
        return self.client.receive(json.dumps(message))

    def turn(self) -> list[str | bytes]:
        self.now_s += 0.05
        return self.client.turn(self.now_s)

    def put(self, world: World) -> None:
        self.broadcast.put_world(world)
        eventually(lambda: self.source.world(0.0) is world, "the world")

    def worlds(self) -> list[wire.WireFrame]:
        frames = [wire.decode(m) for m in self.turn() if isinstance(m, bytes)]
        return [f for f in frames if f.kind == wire.WORLD]

    def close(self) -> None:
        self.client.close()
        self.source.close()


@pytest.fixture
def watching() -> object:
    held = Watching(Broadcast(3))
    yield held
    held.close()


def test_a_client_that_wants_no_world_gets_none(watching: Watching) -> None:
    watching.put(world_at(0.0))
    assert watching.worlds() == []


def test_words_are_sent_once_and_numbers_as_it_moves(watching: Watching) -> None:
    watching.say(type="sub", tag=1, world=True)
    watching.put(world_at(0.0))
    first = [json.loads(m) for m in watching.turn() if isinstance(m, str)]
    (said,) = [m for m in first if m["type"] == "world"]
    assert {k: said[k] for k in ("medium", "bodies", "fields")} == {
        k: v for k, v in description(world_at(0.0)).items() if k in ("medium", "bodies", "fields")
    }
    watching.say(type="ack", seq=watching.client._seq)
    later = world_at(100.0)
    watching.put(later)
    (frame,) = watching.worlds()
    assert (frame.tag, frame.t_ms) == (said["tag"], 100.0)
    np.testing.assert_array_equal(frame.body["numbers"], later.numbers())
    assert watching.worlds() == []


def test_a_page_that_acknowledges_nothing_is_sent_a_few_and_then_the_newest(watching: Watching) -> None:
    watching.say(type="sub", tag=1, world=True)
    sent = []
    for k in range(10):
        watching.put(world_at(50.0 * k))
        sent += watching.worlds()
    assert len(sent) == OUTSTANDING
    watching.say(type="ack", seq=sent[-1].seq)
    (newest,) = watching.worlds()
    assert newest.t_ms == 450.0


def test_fields_and_rows_are_answered(watching: Watching) -> None:
    hub = Hub(watching.source)
    assert hub.answer("/api/world/rows", {}).status == 404
    for k in range(20):
        watching.put(world_at(50.0 * k))
    answer = hub.answer("/api/world/rows", {"most": "10", "start_ms": "0"})
    mark, n, curves, tracks = struct.unpack_from("<4I", answer.body)
    assert (mark, curves, tracks) == (int.from_bytes(b"NVW1", "little"), 1, 1)
    assert 5 <= n <= 10
    assert hub.answer(f"/api/world/field/{key_of(ODOUR)}", {}).body == field_bytes(ODOUR)
    assert hub.answer("/api/world/field/999999999", {}).status == 404
    assert hub.answer("/api/world/other", {}).status == 404


def test_an_act_that_the_run_brings_along_reaches_its_handler_by_name(watching: Watching) -> None:
    heard: list[Act] = []
    watching.broadcast.handle("touch", heard.append, names=PLACES)
    assert json.loads(watching.client._status())["offers"] == {"touch": list(PLACES)}
    watching.say(type="act", kind="touch", name="head")
    (asked,) = watching.broadcast.asked()
    assert (asked.kind, asked.place, asked.name) == ("touch", NOWHERE, "head")
    watching.broadcast.put(Frame(0.0, 1.0, np.empty(0, np.int64), np.empty(0), acts=(asked,)))
    eventually(lambda: watching.source.acts(), "the act")
    assert watching.source.acts()[0].rank == -1
    with pytest.raises(wire.WireError, match="allowed: head, tail"):
        watching.say(type="act", kind="touch", name="middle")


def written(path: Path, *, rows: int = 200) -> Path:
    """Write a track of the sine worm, one row each 25 ms."""
    worlds = [world_at(25.0 * k) for k in range(rows)]
    with h5py.File(path, "w") as file:
        file["time_ms"] = np.array([w.t_ms for w in worlds])
        file["points_mm"] = np.stack([w.bodies[0].points_mm for w in worlds])
        file["points_mm"].attrs["medium"] = "agar"
        file["activation"] = np.stack([[row.activation for row in w.bodies[0].muscles] for w in worlds])
        file["curvature_per_mm"] = np.stack([w.curves[0].values for w in worlds])
        file["fields/odour"] = np.array([w.scalars[1].value for w in worlds])
        file["ground/odour"] = ODOUR.values
        file["ground/odour"].attrs.update(units="µM", origin_mm=ODOUR.origin_mm, spacing_mm=ODOUR.spacing_mm)
    return path


def test_a_track_file_is_replayed_as_the_worlds_it_was_made_of(tmp_path: Path) -> None:
    source = open_results(written(tmp_path / "track.h5"))
    assert (source.scene.n, source.status().stop_ms) == (0, 199 * 25.0)
    seen, meant = source.world(2510.0), world_at(2500.0)
    assert seen is not None
    assert seen is source.world(2520.0)
    assert (seen.t_ms, seen.medium, seen.curves[0].name) == (2500.0, "agar", "curvature")
    np.testing.assert_array_equal(seen.bodies[0].points_mm, meant.bodies[0].points_mm)
    for row, other in zip(seen.bodies[0].muscles, meant.bodies[0].muscles, strict=True):
        np.testing.assert_array_equal(row.activation, other.activation)
        assert row.angle_rad == pytest.approx(other.angle_rad)
    np.testing.assert_array_equal(seen.fields[0].values, ODOUR.values)
    assert (seen.scalars[0].name, round(seen.scalars[0].value, 2)) == ("speed", 0.2)
    rows = source.world_rows(1000.0, 2000.0, 10)
    assert rows is not None
    assert rows.time_ms.tolist() == [1000.0 + 100.0 * k for k in range(10)]
    source.close()


def test_a_folder_with_a_track_beside_spikes_has_both(tmp_path: Path) -> None:
    written(tmp_path / "track.h5")
    with h5py.File(tmp_path / "spikes.h5", "w") as file:
        file["spikes/a/timestamps"], file["spikes/a/node_ids"] = [1.0, 2.0], np.array([0, 1])
    source = open_results(tmp_path)
    assert source.scene.n == 2
    assert source.world(0.0) is not None
    source.close()


def test_an_act_on_the_run_itself_is_logged_by_name(tmp_path: Path) -> None:
    cell = ns.Cell.cylinder(length_um=20.0, diam_um=20.0)
    sim = ns.Simulation(cell, dt_ms=0.025)
    heard: list[str] = []
    broadcast = sim.broadcast()
    broadcast.handle("touch", lambda act: heard.append(act.name), names=PLACES)
    broadcast.ask(Act("touch", NOWHERE, name="tail"))
    broadcast.ask(Act("touch", NOWHERE, name="nose"))
    broadcast.ask(Act("sing", NOWHERE))
    sim.run(until_ms=1.0)
    assert heard == ["tail"]
    assert [(act.kind, act.name, act.t_ms) for act in sim.acts] == [("touch", "tail", 0.0)]
    assert [w[:14] for w in broadcast.progress.warnings] == ["touch 'nose': ", "sing: cell -1 "]


@pytest.mark.parametrize("kind", ["inject", "silence", "two words", ""])
def test_a_handler_for_what_every_run_knows_is_refused(kind: str) -> None:
    with pytest.raises(ModelError, match="handle"):
        Broadcast(1).handle(kind, lambda act: None)


def test_a_loop_that_announces_no_run_is_running_while_its_frames_come(watching: Watching) -> None:
    assert watching.source.status().state == "waiting"
    watching.broadcast.put(Frame(0.0, 5.0, np.empty(0, np.int64), np.empty(0)))
    eventually(lambda: watching.source.status().state == "running", "the frame")


def test_names_of_cells_are_facts_and_measurements_are_not() -> None:
    n = 302
    columns = {"cell_name": np.array([f"N{k}" for k in range(n)], object), "size": np.linspace(0.0, 1.0, n)}
    kinds, kind, left_out = kinds_of([("neurons", n, columns)])
    assert (len(kinds), left_out) == (n, [])
    assert kinds[kind[17]].facts == {"cell_name": "N17"}
