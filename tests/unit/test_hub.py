"""What can be asked under /api: right answers, and refusals of everything else."""

from __future__ import annotations

import json
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurosim.errors import MissingExtraError, ModelError
from neurosim.viewer import answers, wire
from neurosim.viewer.hub import Hub
from neurosim.viewer.memory_source import MemorySource, Voltages
from neurosim.viewer.studio import KEPT, MOVIES, Studio
from tests.viewer_scenes import many_cells, three_cells
from tests.viewer_watcher import WallClock


def a_hub() -> Hub:
    rows = np.arange(20 * 31, dtype=np.float32).reshape(20, 31)
    voltage = Voltages(0.0, 1.0, {1: rows})
    return Hub(
        MemorySource(
            three_cells(), [2, 0, 1, 0], [1.0, 2.0, 3.0, 20.0], stop_ms=20.0, voltage=voltage, clock=WallClock()
        )
    )


@pytest.fixture(scope="module")
def same_hub() -> Iterator[Hub]:
    """One hub for questions that change nothing."""
    hub = a_hub()
    hub.studio = Studio(hub.source, lambda *values: b"PNG", lambda *values, **options: None)
    yield hub
    hub.close()


def asked(hub: Hub, address: str, body: Any = None) -> answers.Answer:
    path, _, rest = address.partition("?")
    query = dict(pair.split("=") for pair in rest.split("&") if pair)
    return hub.answer(path, query, None if body is None else json.dumps(body).encode())


def as_json(answer: answers.Answer) -> Any:
    assert (answer.status, answer.media_type) == (200, "application/json"), answer.body
    return json.loads(answer.body)


def history_of(body: bytes) -> tuple[list[float], list[int], int, int]:
    mark, n, total, every = struct.unpack_from("<4sIII", body)
    assert mark == b"NVS1"
    return np.frombuffer(body, "<f8", n, 16).tolist(), np.frombuffer(body, "<u4", n, 16 + 8 * n).tolist(), total, every


def test_the_scene_says_what_there_is() -> None:
    scene = as_json(asked(a_hub(), "/api/scene"))
    assert (scene["title"], scene["n"], scene["templates_n"]) == ("three cells", 3, 1)
    assert scene["kinds"][1] == {"population": "cells", "facts": {"row": "1"}}
    assert (scene["start_ms"], scene["stop_ms"], scene["live"], scene["traces_from"]) == (0.0, 20.0, False, "recorded")
    assert scene["node_sets"] == ["ends"]
    assert scene["limits"]["voltage_nodes"] == 100_000


def test_an_answer_with_many_templates_ends_before_it_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = a_hub()
    one = len(asked(hub, "/api/template/0/0").body)
    for room, n in ((3 * one, 3), (3 * one - 1, 2), (1, 1)):
        monkeypatch.setattr("neurosim.viewer.hub.MOST_TOGETHER_BYTES", room)
        body = asked(hub, "/api/templates/" + "-".join(["0.0"] * 5)).body
        assert struct.unpack_from("<4sI", body) == (b"NVM1", n)


@pytest.mark.parametrize(
    ("what", "status"),
    [("", 404), ("0.0-", 400), ("0", 400), ("0.x", 400), ("-1.0", 400), ("0.9", 404), ("7.0", 404), ("0.0-9.0", 404)],
)
def test_templates_that_are_not_there_are_refused(same_hub: Hub, what: str, status: int) -> None:
    assert asked(same_hub, f"/api/templates/{what}").status == status
    assert asked(same_hub, "/api/templates/" + "-".join(["0.0"] * 65)).status == 413


def test_nodes_templates_and_cells_are_the_scene_s_bytes() -> None:
    hub = a_hub()
    scene = hub.source.scene
    assert asked(hub, "/api/node/0").body == wire.cells_bytes(0, scene.cells(scene.octree.ranks(0)))
    template = scene.template(0)
    assert asked(hub, "/api/template/0/2").body == wire.skeleton_bytes(
        0, 2, template.levels[2], template.nodes_n, template.soma_radius_um
    )
    several = [asked(hub, f"/api/template/0/{level}").body for level in (2, 0, 3)]
    assert asked(hub, "/api/templates/0.2-0.0-0.3").body == wire.many_bytes(several)
    assert asked(hub, "/api/cells?ranks=2,0").body == wire.cells_bytes(0, scene.cells(np.array([2, 0], np.uint32)))
    cell = as_json(asked(hub, "/api/cell/1"))
    assert (cell["gid"], cell["population"], cell["nodes_n"]) == (1, "cells", 31)
    assert cell["position_um"] == pytest.approx([0.0, 400.0, 0.0], abs=0.02)


def test_only_an_address_with_the_key_may_be_kept_for_ever() -> None:
    hub = a_hub()
    assert asked(hub, f"/api/node/0?v={hub.key}").immutable
    assert asked(hub, f"/api/template/0/0?v={hub.key}").immutable
    assert not asked(hub, "/api/node/0").immutable
    assert not asked(hub, f"/api/node/0?v={a_hub().key}").immutable
    assert not asked(hub, f"/api/scene?v={hub.key}").immutable


def test_members_and_queries_are_ranks() -> None:
    hub = a_hub()
    assert np.frombuffer(asked(hub, "/api/members/ends").body, "<u4").tolist() == [0, 2]
    chosen = asked(hub, "/api/select", {"row": ["0", "1"]})
    assert np.frombuffer(chosen.body, "<u4").tolist() == [0, 1]
    assert asked(hub, "/api/select", {"nose": "red"}).status == 422
    assert asked(hub, "/api/select").status == 400


def test_spikes_of_a_stretch_are_in_order_of_time_and_the_last_is_in() -> None:
    hub = a_hub()
    assert history_of(asked(hub, "/api/spikes").body) == ([1.0, 2.0, 3.0, 20.0], [2, 0, 1, 0], 4, 1)
    assert history_of(asked(hub, "/api/spikes?start_ms=2&stop_ms=3").body) == ([2.0], [0], 1, 1)


def test_too_many_spikes_are_those_of_every_kth_cell_and_all_are_counted() -> None:
    n = 1000
    times = np.linspace(0.0, 9.0, 30_000)
    hub = Hub(MemorySource(many_cells(n, 0), np.arange(30_000) % n, times, stop_ms=10.0))
    found, ranks, total, every = history_of(asked(hub, "/api/spikes?limit=1000").body)
    assert total == 30_000 and every >= 30 and 0 < len(found) <= 1000
    assert all(rank % every == 0 for rank in ranks)


def test_rates_are_spikes_per_cell_and_second() -> None:
    rates = as_json(asked(a_hub(), "/api/rates?start_ms=0&stop_ms=20&bins=2"))
    assert rates["time_ms"] == [5.0, 15.0]
    assert rates["rates"] == {"cells": pytest.approx([100.0, 0.0])}


def test_a_trace_is_what_was_recorded() -> None:
    frame = wire.decode(asked(a_hub(), "/api/trace?rank=1&node=3&start_ms=2&stop_ms=5").body)
    assert (frame.body["start_ms"], frame.body["step_ms"]) == (2.0, 1.0)
    assert frame.body["values_mV"].tolist() == [3 + 31 * k for k in (2, 3, 4)]
    assert wire.decode(asked(a_hub(), "/api/trace?rank=0").body).count == 0


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/api", 404), ("/", 404), ("/api/", 404), ("/api/nothing", 404), ("/api/../scene", 404),
        ("/api/scene/1", 404), ("/api/node", 404), ("/api/node/1/2", 404), ("/api/node/7", 404),
        ("/api/node/-1", 400), ("/api/node/x", 400), ("/api/node/1e3", 400), ("/api/node/²", 400),
        ("/api/node/99999999999999999999", 400), ("/api/template/1/0", 404), ("/api/template/0/4", 404),
        ("/api/cell/3", 404), ("/api/cells?ranks=0,3", 404), ("/api/cells?ranks=0;1", 400),
        ("/api/members/nobody", 404), ("/api/spikes?start_ms=nan", 400), ("/api/spikes?stop_ms=inf", 400),
        ("/api/spikes?start_ms=5&stop_ms=1", 422), ("/api/spikes?limit=0", 422), ("/api/spikes?limit=x", 400),
        ("/api/spikes?limit=999999999", 422), ("/api/rates?bins=0", 422), ("/api/rates?bins=100000", 422),
        ("/api/trace?node=1", 400), ("/api/trace?rank=3", 422), ("/api/trace?rank=1&node=31", 422),
        ("/api/still", 400), ("/api/movie", 400), ("/api/movie/unknown", 404),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_refused_as_json(same_hub: Hub, address: str, status: int) -> None:
    answer = asked(same_hub, address)
    assert answer.status == status
    assert set(json.loads(answer.body)) == {"error"}


def test_bodies_that_are_no_small_json_objects_are_refused() -> None:
    hub = a_hub()
    for body, status in ((b"", 400), (b"[]", 400), (b"\xff", 400), (b"{", 400), (b'{"a":' + b"[" * 30_000, 400)):
        assert hub.answer("/api/select", {}, body).status == status
    assert hub.answer("/api/select", {}, b" " * 70_000).status == 413


def test_more_cells_than_an_answer_holds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neurosim.viewer.hub.MOST_CELLS", 1)
    monkeypatch.setattr("neurosim.viewer.answers.MOST_CELLS", 1)
    assert asked(a_hub(), "/api/members/ends").status == 413
    assert asked(a_hub(), "/api/cells?ranks=0,1").status == 413


ROUTES = (
    "scene",
    "node",
    "template",
    "cell",
    "cells",
    "members",
    "select",
    "spikes",
    "rates",
    "trace",
    "still",
    "movie",
)
WORDS = st.sampled_from(["0", "1", "-1", "2.5", "nan", "ends", "", "\x00", "../..", "1e9"]) | st.text(max_size=6)
NAMES = st.sampled_from(["rank", "node", "ranks", "start_ms", "stop_ms", "limit", "bins", "v"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(
    route=st.sampled_from(ROUTES),
    rest=st.lists(WORDS, max_size=3),
    query=st.dictionaries(NAMES, WORDS, max_size=4),
    body=st.none() | st.dictionaries(st.sampled_from(["row", "population", "gid", "x"]), JSON, max_size=2),
)
def test_whatever_is_asked_is_answered(
    same_hub: Hub, route: str, rest: list[str], query: dict[str, str], body: Any
) -> None:
    data = None if body is None else json.dumps(body).encode()
    answer = same_hub.answer("/".join(["/api", route, *rest]), query, data)
    assert answer.status in (200, 202, 400, 404, 413, 422, 429)


def test_a_still_is_drawn_with_what_was_asked() -> None:
    seen: list[Any] = []

    def draw(*values: Any) -> bytes:
        seen.append(values)
        return b"PNG"

    hub = a_hub()
    hub.studio = Studio(hub.source, draw)
    answer = asked(hub, "/api/still", {"state": {"theme": "dark"}, "width": 320, "height": 200})
    assert (answer.status, answer.media_type, answer.body) == (200, "image/png", b"PNG")
    assert seen == [(hub.source, {"theme": "dark"}, 320, 200)]
    wrong: list[dict[str, Any]] = [{"width": 10**6}, {"width": 1}, {"height": None}, {"state": []}]
    for bad in wrong:
        assert asked(hub, "/api/still", {"width": 320, "height": 200, **bad}).status == 422
    hub.close()


def test_a_package_that_is_missing_is_said() -> None:
    def draw(*values: Any) -> bytes:
        raise MissingExtraError("a still", "VisPy", "viewer")

    hub = a_hub()
    hub.studio = Studio(hub.source, draw)
    answer = asked(hub, "/api/still", {})
    assert answer.status == 501 and b"pip install" in answer.body
    hub.close()


class SlowMovies:
    """Movies that wait for a sign."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.begun = threading.Semaphore(0)
        self.paths: list[Path] = []

    def __call__(self, source: Any, state: Any, path: Path, *, progress: Any, cancelled: Any, **options: Any) -> None:
        self.paths.append(path)
        path.write_bytes(b"half")
        progress(1, 2)
        self.begun.release()
        assert self.go.wait(60.0)
        if cancelled():
            raise ModelError("not wanted any more")
        path.write_bytes(b"movie")


def test_a_movie_is_ordered_waited_for_and_fetched_and_goes_with_the_hub() -> None:
    hub, movies = a_hub(), SlowMovies()
    hub.studio = Studio(hub.source, movie=movies)
    first = asked(hub, "/api/movie", {"stop_ms": 10.0})
    assert first.status == 202
    job = json.loads(first.body)["job"]
    assert len(job) >= 20
    movies.begun.acquire()
    assert as_json(asked(hub, f"/api/movie/{job}")) == {"job": job, "state": "running", "done": 0.5, "error": None}
    assert movies.paths[0].parent.stat().st_mode & 0o777 == 0o700
    movies.go.set()
    hub.studio._movies.submit(lambda: None).result()
    answer = asked(hub, f"/api/movie/{job}")
    assert (answer.media_type, answer.body) == ("video/mp4", b"movie")
    hub.close()
    assert not movies.paths[0].parent.exists()


def test_only_a_few_movies_are_made_or_kept() -> None:
    hub, movies = a_hub(), SlowMovies()
    hub.studio = Studio(hub.source, movie=movies)
    jobs = [json.loads(asked(hub, "/api/movie", {}).body)["job"] for _ in range(MOVIES)]
    assert asked(hub, "/api/movie", {}).status == 429
    movies.go.set()
    hub.studio._movies.submit(lambda: None).result()
    for _ in range(KEPT):
        jobs.append(json.loads(asked(hub, "/api/movie", {}).body)["job"])
        hub.studio._movies.submit(lambda: None).result()
    assert [asked(hub, f"/api/movie/{job}").status for job in jobs] == [404] * MOVIES + [200] * KEPT
    assert sum(path.exists() for path in movies.paths) == KEPT
    hub.close()


def test_a_hub_that_closes_stops_its_movie() -> None:
    hub, movies = a_hub(), SlowMovies()
    hub.studio = Studio(hub.source, movie=movies)
    asked(hub, "/api/movie", {})
    movies.begun.acquire()
    closing = threading.Thread(target=hub.close)
    closing.start()
    while not hub.studio._closed:
        time.sleep(0.001)
    movies.go.set()
    closing.join(30.0)
    assert not closing.is_alive() and not movies.paths[0].exists()
    assert [job.state for job in hub.studio._jobs.values()] == ["failed"]
    assert asked(hub, "/api/movie", {}).status == 429


@pytest.mark.parametrize(
    "wrong", [{"start_ms": 5, "stop_ms": 5}, {"fps": 0}, {"fps": 1000}, {"rate": 0}, {"rate": 1e-3}, {"stop_ms": "x"}]
)
def test_a_movie_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    hub = a_hub()
    assert asked(hub, "/api/movie", {"stop_ms": 20.0, **wrong}).status == 422
    hub.close()


def test_a_movie_that_fails_says_why() -> None:
    def fail(*values: Any, **options: Any) -> None:
        raise MissingExtraError("a movie", "PyAV", "viewer")

    hub = a_hub()
    hub.studio = Studio(hub.source, movie=fail)
    job = json.loads(asked(hub, "/api/movie", {}).body)["job"]
    hub.studio._movies.submit(lambda: None).result()
    told = as_json(asked(hub, f"/api/movie/{job}"))
    assert told["state"] == "failed" and "PyAV" in told["error"]
    hub.close()
