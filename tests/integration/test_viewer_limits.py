"""Attacks on the viewer's server by too much, too fast, too slow and out of range: item 12 of the list."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from neurosim.viewer.launch import Show
from neurosim.viewer.web.limits import Bucket, Limits
from tests.viewer_server import PATIENCE_s, Visitor, hello, showing


@pytest.fixture(scope="module")
def show() -> Iterator[Show]:
    with showing(limits=Limits(sockets_n=3)) as served:
        yield served


def test_12_sockets_of_a_login_are_counted_also_by_header(show: Show, visitor: Visitor) -> None:
    from tests.viewer_server import end_of

    key = {"Authorization": f"token {show.token}"}
    with visitor.socket(headers=key), visitor.socket(headers=key), visitor.socket(headers=key):
        with visitor.socket(headers=key) as ws:
            assert end_of(ws)[0] == 1013
        with visitor.socket() as ws:
            assert hello(ws)["version"] == 1


OUT_OF_RANGE: list[dict[str, Any]] = [
    {"type": "act", "kind": "inject", "rank": 3, "node": 0, "amplitude_nA": 1.0},
    {"type": "act", "kind": "inject", "rank": -1, "node": 0, "amplitude_nA": 1.0},
    {"type": "act", "kind": "inject", "rank": 0, "node": 31, "amplitude_nA": 1.0},
    {"type": "act", "kind": "inject", "rank": 0, "node": 0, "amplitude_nA": 1e300},
    {"type": "act", "kind": "kill", "rank": 0, "node": 0, "amplitude_nA": 1.0},
    {"type": "sub", "tag": 1, "spikes": True, "nodes": True, "voltage": [3]},
    {"type": "trace", "places": [[0, 99, 1]]},
    {"type": "trace", "places": [[0, 0, 1]] * 1000},
    {"type": "view", "tag": 1, "eye": [0, 0, float("nan")], "look": [0, 0, -1], "up": [0, 1, 0], "fov_deg": 45},
    {"type": "view", "tag": 1, "budget": 10**12},
    {"type": "ack", "seq": 10**9},
    {"type": "hello", "version": 2},
    {"type": "__init__"},
    {"type": "close"},
]


@pytest.mark.parametrize("message", OUT_OF_RANGE, ids=lambda m: json.dumps(m)[:40])
def test_12_a_message_out_of_range_closes_the_socket(visitor: Visitor, message: dict[str, Any]) -> None:
    from tests.viewer_server import end_of

    with visitor.socket() as ws:
        hello(ws)
        ws.send(json.dumps(message))
        assert end_of(ws)[0] == 1008


@pytest.mark.parametrize("begun", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: "])
def test_12_a_connection_that_asks_nothing_is_cut_and_one_that_is_used_is_not(begun: bytes) -> None:
    with showing(limits=Limits(head_s=1.0)) as show, Visitor(show) as visitor, visitor.socket() as ws:
        hello(ws)
        with socket.create_connection(("127.0.0.1", show.server.port), PATIENCE_s) as tcp:
            tcp.sendall(begun)
            with contextlib.suppress(ConnectionResetError):
                assert tcp.recv(1000) == b""
        assert hello(ws)["version"] == 1


def test_12_a_connection_that_goes_on_asking_is_kept() -> None:
    with showing(limits=Limits(head_s=1.0)) as show:
        line = http.client.HTTPConnection("127.0.0.1", show.server.port, PATIENCE_s)
        line.connect()
        begun = line.sock
        for _ in range(12):
            line.request("GET", "/api/scene", headers={"Authorization": f"token {show.token}"})
            assert line.getresponse().read()
            threading.Event().wait(0.25)
        assert line.sock is begun
        line.close()


def test_12_requests_of_a_login_are_limited_and_others_go_on() -> None:
    few = Limits(requests_per_s=0.001, requests_burst=3.0, posts_per_s=0.001, posts_burst=1.0)
    with showing(limits=few) as show, Visitor(show) as visitor, Visitor(show) as other:
        assert [visitor.get("/api/scene").status_code for _ in range(5)] == [200, 200, 200, 429, 429]
        assert [other.post("/api/select").status_code == 429 for _ in range(2)] == [False, True]
        assert visitor.get("/api/scene").headers["retry-after"] == "1"


def test_12_a_bucket_gives_a_burst_and_then_its_rate() -> None:
    bucket = Bucket(2.0, 3.0, 0.0)
    assert [bucket.take(0.0) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(1.0) for _ in range(3)] == [True, True, False]
