"""The socket of the page: frames, limits, and that nobody who stops reading or leaves costs anything."""

from __future__ import annotations

import contextlib
import gc
import json
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from neurosim.viewer import wire
from neurosim.viewer.client import Client
from neurosim.viewer.launch import Show
from neurosim.viewer.web.limits import Limits
from tests.viewer_server import (
    PATIENCE_s,
    TalkingHub,
    Visitor,
    connection_to,
    end_of,
    eventually,
    handshake,
    hello,
    logins_of,
    replay,
    showing,
    tasks_n,
)


@pytest.fixture(scope="module")
def show() -> Iterator[Show]:
    with showing() as served:
        yield served


def test_spikes_come_as_frames(visitor: Visitor) -> None:
    with visitor.socket() as ws:
        assert hello(ws)["live"] is False
        view = {"eye": [0, 400, 3000], "look": [0, 0, -1], "up": [0, 1, 0], "fov_deg": 45, "aspect": 1.5}
        ws.send(json.dumps({"type": "view", "tag": 1, "height_px": 600, "budget": 5000, "detail": "auto", **view}))
        ws.send(json.dumps({"type": "sub", "tag": 1, "spikes": True, "nodes": True, "voltage": []}))
        ws.send(json.dumps({"type": "play", "rate": 50.0, "loop": True}))
        fired: set[int] = set()
        for _ in range(1000):
            message = ws.recv(timeout=PATIENCE_s)
            if isinstance(message, str):
                continue
            frame = wire.decode(message)
            if frame.kind in (wire.SPIKES, wire.MASK):
                fired |= set(frame.body["ranks"].tolist())
            ws.send(json.dumps({"type": "ack", "seq": frame.seq}))
            if len(fired) == 3:
                break
        assert fired == {0, 1, 2}


def test_a_socket_speaks_nv1_and_is_not_compressed(visitor: Visitor) -> None:
    with visitor.socket(compression="deflate") as ws:
        assert (ws.subprotocol, ws.protocol.extensions) == ("nv1", [])
    with pytest.raises(Exception, match="403"), visitor.socket(subprotocols=["other"]):
        pass


@pytest.mark.parametrize(
    "text", ["", "x", "[]", "1", '{"type":"nothing"}', '{"type":"ack"}', '{"type":"seek","t_ms":"x"}', "[" * 5000]
)
def test_a_malformed_message_closes_with_1007_or_1008(visitor: Visitor, text: str) -> None:
    with visitor.socket() as ws:
        hello(ws)
        ws.send(text)
        assert end_of(ws)[0] in (1007, 1008)


def test_bytes_from_a_page_close_the_socket(visitor: Visitor) -> None:
    with visitor.socket() as ws:
        ws.send(b"bytes")
        assert end_of(ws)[0] == 1003


def test_a_message_of_1_MB_is_refused(visitor: Visitor) -> None:
    with visitor.socket() as ws:
        hello(ws)
        with contextlib.suppress(ConnectionClosed):
            ws.send("x" * 1_000_000)
        assert end_of(ws)[0] == 1009


def test_too_many_messages_close_the_socket() -> None:
    few = Limits(messages_per_s=1.0, messages_burst=5.0)
    with showing(limits=few) as served, Visitor(served) as visitor, visitor.socket() as ws:
        for _ in range(20):
            ws.send('{"type":"ack","seq":0}')
        assert end_of(ws) == (1008, "too many messages")


def test_a_socket_that_says_nothing_is_closed() -> None:
    with showing(limits=Limits(hello_s=0.2)) as served, Visitor(served) as visitor, visitor.socket() as ws:
        assert end_of(ws) == (1008, "no message came")
    with showing(limits=Limits(idle_s=0.3)) as served, Visitor(served) as visitor, visitor.socket() as ws:
        hello(ws)
        assert end_of(ws) == (1001, "idle")


def test_the_ninth_socket_of_a_login_is_told_why_it_is_closed() -> None:
    with showing(limits=Limits(sockets_n=2)) as served, Visitor(served) as visitor, Visitor(served) as other:
        with visitor.socket() as one, visitor.socket() as two:
            hello(one), hello(two)
            with visitor.socket() as three:
                code, reason = end_of(three)
            assert (code, reason) == (1013, "at most 2 views at a time; close one")
            with other.socket() as ws:
                assert hello(ws)["type"] == "welcome"
        eventually(lambda: all(login.sockets_n == 0 for login in logins_of(served)), "sockets are counted down")
    assert Limits().sockets_n == 8


def test_closing_the_tab_stops_the_sender_and_20_reconnects_leak_nothing(show: Show, visitor: Visitor) -> None:
    before = eventually(lambda: tasks_n(show), "the server runs")
    for _ in range(20):
        with visitor.socket() as ws:
            hello(ws)
    eventually(lambda: tasks_n(show) <= before, "coroutines end")
    eventually(lambda: not _clients(show), "clients are forgotten")
    assert all(login.sockets_n == 0 for login in logins_of(show))


def _clients(show: Show) -> list[Client]:
    gc.collect()
    # The type and not isinstance: some of all objects are proxies of what is gone.
    clients = [thing for thing in gc.get_objects() if type(thing) is Client]
    return [client for client in clients if client.source is show.hub.source]


def test_a_client_that_does_not_read_holds_no_memory_and_is_cut() -> None:
    hub, impatient = TalkingHub(replay()), Limits(stall_s=1.0, turns_per_s=200.0)
    with showing(hub, limits=impatient) as served, Visitor(served) as visitor, connection_to(served) as tcp:
        tcp.sendall(handshake(visitor))
        eventually(lambda: hasattr(hub, "talker") and hub.talker.turns_n > 1, "frames are made")
        eventually(lambda: not _open_sockets(served), "the socket is cut")
        # What was made went into the system's buffers, or waited one at a time.
        assert hub.talker.turns_n < 60
        eventually(lambda: not _upgraded(served), "the connection is gone")


def _open_sockets(show: Show) -> int:
    return sum(login.sockets_n for login in logins_of(show))


def _upgraded(show: Show) -> list[Any]:
    """Return the connections that are WebSockets."""
    return [c for c in show.server._server.server_state.connections if hasattr(c, "handshake_complete")]


def test_a_client_that_fails_is_closed_with_1011_and_the_server_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(self: Client, now_s: float) -> list[str | bytes]:
        raise ZeroDivisionError

    monkeypatch.setattr(Client, "turn", broken)
    with showing() as served, Visitor(served) as visitor:
        with visitor.socket() as ws:
            assert end_of(ws)[0] == 1011
        assert visitor.get("/api/scene").status_code == 200
    assert "ZeroDivisionError" in caplog.text
