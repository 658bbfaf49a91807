"""The widget for Jupyter, its messages driven as the page would, without a notebook."""

from __future__ import annotations

import gc
import json
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import neurosim as ns
from neurosim.errors import MissingExtraError, ModelError, SimulationError
from neurosim.viewer import widget_link, wire
from neurosim.viewer.background import BackgroundRun
from neurosim.viewer.hub import Hub
from neurosim.viewer.live import LiveSource
from neurosim.viewer.memory_source import MemorySource
from neurosim.viewer.scene.circuit import scene_of
from neurosim.viewer.scene.memory import MemoryScene
from neurosim.viewer.widget_link import WidgetLink

WAIT_S = 60.0
VIEW = {"type": "view", "tag": 1, "eye": [0, 0, 900], "look": [0, 0, -1], "up": [0, 1, 0], "fov_deg": 45,
        "aspect": 1.6, "height_px": 400, "budget": 50000, "detail": "auto"}  # fmt: skip


def network() -> ns.Network:
    """Return a few branching cells that fire."""
    branches = [ns.Section.cylinder(f"dend[{k}]", length_um=80.0, diam_um=1.0, parent=0) for k in range(3)]
    cell = ns.Cell([ns.Section.cylinder("soma[0]", length_um=15.0, diam_um=15.0), *branches], name="star")
    cell.insert(ns.mechanisms.HH, where="soma").insert(ns.mechanisms.Pas, where="dend", g=1e-4, e=-65.0)
    net = ns.Network(seed=1)
    place = np.random.default_rng(1).uniform(-100.0, 100.0, (6, 3))
    cells = net.add("stars", 6, cell, positions_um=place)
    train = net.add_spikes("train", [np.arange(2.0, 500.0, 10.0)])
    net.connect(train, cells, ns.mechanisms.ExpSyn(tau=2.0), rule=ns.rules.AllToAll(), weight=0.05, at="soma(0.5)")
    return net


def simulation() -> ns.Simulation:
    sim = ns.Simulation(network(), dt_ms=0.025)
    sim.detect(threshold_mV=-20.0)
    return sim


class Page:
    """The page's side of a link: sends messages, keeps what comes."""

    def __init__(self, name: str = "page") -> None:
        self.name = name
        self.got: list[tuple[dict[str, Any], list[bytes]]] = []
        self.link: WidgetLink | None = None
        self._number = 0

    def take(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        """Receive; called by the link's threads."""
        json.dumps(content)  # what is sent is JSON
        self.got.append((content, buffers))

    def tell(self, **content: Any) -> None:
        assert self.link is not None
        self.link.hear({**content, "view": self.name})

    def say(self, message: dict[str, Any]) -> None:
        self.tell(kind="text", data=json.dumps(message))

    def ask(self, path: str, data: dict[str, Any] | None = None) -> tuple[int, bytes]:
        """Return status and body of the answer to a request."""
        self._number += 1
        number = self._number
        more = {"kind": "get"} if data is None else {"kind": "post", "data": json.dumps(data)}
        self.tell(id=number, path=path, **more)
        self.until(lambda: any(c.get("id") == number for c, _ in list(self.got)))
        content, buffers = next((c, b) for c, b in self.got if c.get("id") == number)
        return content["status"], buffers[0]

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(c["data"]) for c, _ in list(self.got) if c["kind"] == "text"]

    @property
    def frames(self) -> list[wire.WireFrame]:
        return [wire.decode(frame) for c, buffers in list(self.got) if c["kind"] == "frames" for frame in buffers]

    @property
    def closed(self) -> list[dict[str, Any]]:
        return [c for c, _ in list(self.got) if c["kind"] == "closed"]

    def until(self, happened: Callable[[], bool]) -> None:
        """Wait for something; fail when it does not come."""
        end = time.monotonic() + WAIT_S
        while not happened():
            assert time.monotonic() < end, f"did not come; got {[c for c, _ in self.got][-5:]}"
            time.sleep(0.01)


def threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("neurosim")]


@pytest.fixture
def sim() -> ns.Simulation:
    return simulation()


@pytest.fixture
def page(sim: ns.Simulation) -> Iterator[Page]:
    """A page that looks at a simulation over an open link."""
    before = threads()
    page = Page()
    page.link = WidgetLink(Hub(LiveSource(sim)), page.take)
    page.tell(kind="open")
    yield page
    page.link.close()
    page.until(lambda: threads() == before)


def test_scene_node_and_template_are_answered_as_the_server_would(page: Page) -> None:
    assert page.link is not None
    for path in ("/api/scene", "/api/node/0", "/api/template/0/0", "/api/cell/0", "/api/cells?ranks=1,2"):
        status, body = page.ask(path)
        parts = path.split("?")
        query = dict(pair.split("=") for pair in parts[1:])
        assert (status, body) == (200, page.link.hub.answer(parts[0], query).body), path
    status, body = page.ask("/api/select", {"population": "stars"})
    assert status == 200 and len(body) == 4 * 6


def test_a_wrong_request_gets_a_status_and_a_reason(page: Page) -> None:
    for path, expected in (("/api/nothing", 404), ("/api/node/99", 404), ("/etc/passwd", 404)):
        status, body = page.ask(path)
        assert status == expected and json.loads(body)["error"]
    page.tell(kind="get", id=77, path=5)
    page.until(lambda: any(c.get("id") == 77 and c["status"] == 400 for c, _ in list(page.got)))


def test_frames_of_a_run_arrive_and_hold_its_spikes(page: Page, sim: ns.Simulation) -> None:
    page.say({"type": "hello", "version": 1})
    page.say(VIEW)
    page.say({"type": "sub", "tag": 1, "spikes": True, "nodes": True, "voltage": [0, 1]})
    page.until(lambda: any(f.kind == wire.VIEW for f in page.frames))
    page.until(lambda: any(m["type"] == "voltage" for m in page.messages))
    assert {"welcome", "status"} <= {m["type"] for m in page.messages}
    run = BackgroundRun(sim, 100.0)
    while run.running:
        page.say({"type": "ack", "seq": max((f.seq for f in page.frames), default=0)})
        time.sleep(0.02)
    assert run.wait()

    def seen() -> int:
        page.say({"type": "ack", "seq": max(f.seq for f in page.frames)})
        return sum(f.count for f in page.frames if f.kind in (wire.SPIKES, wire.MASK))

    page.until(lambda: any(f.t_ms >= 99.9 for f in page.frames if f.kind in (wire.SPIKES, wire.MASK)))
    assert 0 < seen() <= len(sim.spikes), "a bit mask counts a cell once, however often it fired"
    nodes_n = 2 * len(sim.cells[0].tree)  # type: ignore[union-attr]
    assert {f.count for f in page.frames if f.kind == wire.VOLTAGE} == {nodes_n}


def test_frames_go_on_while_nothing_is_acknowledged(page: Page, sim: ns.Simulation) -> None:
    page.say({"type": "hello", "version": 1})
    page.say(VIEW)
    page.until(lambda: any(f.kind == wire.VIEW for f in page.frames))
    sim.run(until_ms=20.0)  # as a cell of the notebook would: nothing is heard meanwhile
    reached = [20.0]

    def more() -> bool:
        reached.append(reached[-1] + 20.0)
        sim.run(until_ms=reached[-1])
        return sum(f.kind in (wire.SPIKES, wire.MASK, wire.NODES) for f in page.frames) > 6

    page.until(more)


def test_results_are_the_same_with_a_widget_and_in_pieces(page: Page, sim: ns.Simulation) -> None:
    page.say({"type": "hello", "version": 1})
    page.say(VIEW)
    page.say({"type": "sub", "tag": 1, "spikes": True, "nodes": True, "voltage": [0, 1, 2]})
    run = BackgroundRun(sim, 60.0)
    assert run.wait()
    alone = simulation()
    alone.run(until_ms=60.0)
    assert len(alone.spikes) > 5
    assert np.array_equal(alone.spikes.times_ms, sim.spikes.times_ms)
    assert np.array_equal(alone.spikes.gids, sim.spikes.gids)


def test_a_malformed_message_closes_its_view_and_no_other(page: Page) -> None:
    other = Page("other")
    other.link = page.link
    assert page.link is not None
    other.tell(kind="open")
    page.until(lambda: page.link is not None and page.link.views_n == 2)
    for wrong in ("{", json.dumps({"type": "view"}), json.dumps({"type": "ack", "seq": 10**6})):
        count = len(page.closed)
        other.tell(kind="text", data=wrong)
        page.until(lambda count=count: len(page.closed) > count)  # type: ignore[misc]
        assert page.closed[-1]["view"] == "other" and page.closed[-1]["again"] is False
        other.tell(kind="open")
    page.say({"type": "hello", "version": 1})
    page.until(lambda: any(m["type"] == "welcome" for m in page.messages))
    page.link.hear("no object")
    page.link.hear({"kind": "open"})
    page.link.hear({"kind": "open", "view": "x" * 1000})
    assert page.ask("/api/scene")[0] == 200


def test_views_open_again_when_the_hub_shows_something_else(page: Page, sim: ns.Simulation) -> None:
    assert page.link is not None
    page.say({"type": "hello", "version": 1})
    page.until(lambda: bool(page.messages))
    key = json.loads(page.ask("/api/scene")[1])["key"]
    page.link.hub.replace(MemorySource(scene_of(sim), [0, 1], [1.0, 2.0], stop_ms=10.0))
    page.until(lambda: bool(page.closed))
    assert page.closed[-1]["again"] is True
    page.tell(kind="open")
    scene = json.loads(page.ask("/api/scene")[1])
    assert scene["live"] is False and scene["key"] != key


def test_a_view_that_is_gone_is_forgotten_when_another_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    page, gone = Page(), Page("gone")
    link = WidgetLink(Hub(LiveSource(simulation())), page.take, clock=lambda: now[0] + time.monotonic())
    page.link = gone.link = link
    gone.tell(kind="open")
    page.tell(kind="open")
    page.until(lambda: link.views_n == 2)
    now[0] = widget_link.QUIET_S + 1.0
    page.tell(kind="ping")
    page.until(lambda: link.views_n == 1)
    assert page.closed[-1]["view"] == "gone" and page.closed[-1]["again"] is True
    gone.say({"type": "hello", "version": 1})
    page.until(lambda: len(page.closed) == 2)
    link.close()


def test_a_view_too_many_takes_the_place_of_the_quietest() -> None:
    page = Page()
    link = WidgetLink(Hub(LiveSource(simulation())), page.take)
    page.link = link
    for k in range(widget_link.MOST_VIEWS + 1):
        link.hear({"kind": "open", "view": f"view {k}"})
    page.until(lambda: bool(page.closed))
    assert page.closed[0]["view"] == "view 0" and link.views_n == widget_link.MOST_VIEWS
    link.close()
    assert not link.running


def test_closing_ends_threads_and_lets_the_simulation_go() -> None:
    before = threads()
    page, sim = Page(), simulation()
    link = WidgetLink(Hub(LiveSource(sim)), page.take)
    page.link = link
    page.tell(kind="open")
    page.say({"type": "hello", "version": 1})
    page.until(lambda: bool(page.messages))
    sim.run(until_ms=5.0)
    link.close()
    link.close()
    link.hear({"kind": "open", "view": "late"})
    page.until(lambda: threads() == before)
    count = len(page.got)
    sim.run(until_ms=10.0)
    assert len(page.got) == count
    gone, hub = weakref.ref(link), weakref.ref(link.hub)
    del link
    page.link = None
    gc.collect()
    assert gone() is None and hub() is None


# --- runs in a thread -------------------------------------------------------------------------------------------------


def test_a_run_in_a_thread_can_be_stopped_and_goes_on() -> None:
    sim = simulation()
    run = BackgroundRun(sim, 100_000.0)
    run.stop()
    assert not run.running and 0.0 <= sim.t_ms < 100_000.0
    until = sim.t_ms + 5.0
    assert BackgroundRun(sim, until).wait()
    assert sim.t_ms == pytest.approx(until)


def test_a_paused_run_can_be_stopped() -> None:
    sim = simulation()
    sim.broadcast().pause()
    run = BackgroundRun(sim, 1000.0)
    run.stop()
    assert not run.running and sim.t_ms < 1000.0


def test_what_goes_wrong_in_a_thread_is_raised_where_it_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    sim = simulation()
    monkeypatch.setattr(sim, "run", lambda **_: (_ for _ in ()).throw(SimulationError("it broke")))
    run = BackgroundRun(sim, 10.0)
    with pytest.raises(SimulationError, match="it broke"):
        run.wait()
    assert any("it broke" in text for text in sim.broadcast().progress.warnings)


@pytest.mark.parametrize("until_ms", [0.013, float("nan")])
def test_a_time_that_is_no_step_is_refused_at_once(until_ms: float) -> None:
    with pytest.raises(SimulationError, match="until_ms"):
        BackgroundRun(simulation(), until_ms)


# --- the widget -------------------------------------------------------------------------------------------------------


@pytest.fixture
def opened(sim: ns.Simulation) -> Iterator[Any]:
    pytest.importorskip("anywidget")
    from neurosim.viewer.jupyter import widget

    shown = widget(sim, height_px=300)
    yield shown
    shown.close()


def test_a_widget_runs_its_simulation_and_answers(
    opened: Any, sim: ns.Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = Page()
    monkeypatch.setattr(opened, "send", page.take)
    page.link = opened._link
    page.tell(kind="open")
    assert page.ask("/api/scene")[0] == 200
    opened.run(until_ms=30.0)
    assert opened.wait() and not opened.running
    assert sim.t_ms == pytest.approx(30.0)
    before = threads()
    opened.close()
    page.until(lambda: len(threads()) < len(before))


def test_a_selection_set_in_python_is_of_gids_and_reaches_the_page_as_ranks(opened: Any) -> None:
    scene = opened.hub.source.scene
    opened.select([3, 1])
    assert sorted(opened.hub.source.scene.cells(np.array(opened.ranks, np.uint32)).gid.tolist()) == [1, 3]
    opened.ranks = [0, 2]
    assert opened.selection == scene.cells(np.array([0, 2], np.uint32)).gid.tolist()


def test_results_cannot_be_run(sim: ns.Simulation) -> None:
    pytest.importorskip("anywidget")
    from neurosim.viewer.jupyter import widget

    scene = scene_of(sim)
    assert isinstance(scene, MemoryScene)
    shown = widget(MemorySource(scene, [0, 1], [1.0, 2.0], stop_ms=10.0))
    with pytest.raises(ModelError, match="nothing to run"):
        shown.run(until_ms=5.0)
    assert shown.wait()
    shown.close()


def test_options_that_are_not_allowed_are_refused(sim: ns.Simulation) -> None:
    pytest.importorskip("anywidget")
    from neurosim.viewer.jupyter import widget

    for options in ({"theme": "pink"}, {"height_px": 5}):
        with pytest.raises(ModelError, match="not allowed"):
            widget(sim, **options)


def test_without_anywidget_the_extra_is_named(sim: ns.Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from neurosim.viewer import jupyter

    monkeypatch.setitem(sys.modules, "anywidget", None)
    jupyter._widget_class.cache_clear()
    with pytest.raises(MissingExtraError, match="anywidget"):
        jupyter.widget(sim)
    jupyter._widget_class.cache_clear()
