"""The page's server: what it serves, how it starts, and that it always ends."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from neurosim import cli, viewer
from neurosim.errors import MissingExtraError, ModelError, SimulationError
from neurosim.viewer import wire
from neurosim.viewer.client import Client
from neurosim.viewer.hub import Hub
from neurosim.viewer.launch import Show, serve
from neurosim.viewer.web.limits import Limits
from neurosim.viewer.web.panels.panel import Panel
from tests.viewer_server import PATIENCE_s, Visitor, end_of, eventually, hello, replay, showing, tasks_n


@pytest.fixture(scope="module")
def show() -> Iterator[Show]:
    with showing() as served:
        yield served


@pytest.fixture
def visitor(show: Show) -> Iterator[Visitor]:
    with Visitor(show) as somebody:
        yield somebody


# --- what is served -------------------------------------------------------------------------------------------------


def test_the_page_loads_one_module_and_the_styles_and_nothing_from_elsewhere(visitor: Visitor) -> None:
    page = visitor.get("/").text
    addresses = re.findall(r"""(?:src|href)=["']([^"']+)""", page)
    assert {a.split("?")[0] for a in addresses if ".mjs" in a} <= {"/assets/shell.mjs"}
    assert all(address.startswith("/") and not address.startswith("//") for address in addresses)
    assert {a.split("?")[0] for a in addresses if a.endswith(".css") or ".css?" in a}


def test_every_module_of_the_page_is_served_as_javascript(visitor: Visitor) -> None:
    from neurosim.viewer.web.app import ASSETS

    modules = sorted(path.name for path in ASSETS.glob("*.mjs"))
    assert "wire.mjs" in modules
    for name in modules:
        answer = visitor.get(f"/assets/{name}")
        assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, "text/javascript"), name


def test_the_layout_holds_the_element_the_viewer_draws_in(visitor: Visitor) -> None:
    assert '"id":"neurosim-viewer"' in visitor.get("/_dash-layout").text.replace(" ", "")


def test_answers_are_the_hubs_bytes(visitor: Visitor, show: Show) -> None:
    for path in ("/api/node/0", "/api/template/0/1", "/api/cell/1", "/api/members/ends", "/api/spikes"):
        got, expected = visitor.get(path), show.hub.answer(path, {})
        assert (got.status_code, got.content) == (expected.status, expected.body), path
        assert got.headers["content-type"].split(";")[0] == expected.media_type, path


def test_a_query_is_answered_by_post(visitor: Visitor, show: Show) -> None:
    answer = visitor.post("/api/select", json.dumps({"row": "2"}))
    assert answer.status_code == 200
    assert answer.content == show.hub.answer("/api/select", {}, b'{"row": "2"}').body


def test_what_cannot_change_is_kept_by_the_browser_for_this_login_only(visitor: Visitor, show: Show) -> None:
    path = f"/api/node/0?v={show.hub.key}"
    first = visitor.get(path)
    assert "immutable" in first.headers["cache-control"]
    assert "private" in first.headers["cache-control"]
    assert first.headers["vary"] == "Cookie"
    assert visitor.get(path, if_none_match=first.headers["etag"]).status_code == 304


def test_what_can_change_is_not_kept(visitor: Visitor) -> None:
    for path in ("/", "/api/scene", "/api/spikes", "/_dash-layout"):
        assert visitor.get(path).headers["cache-control"] == "no-store", path


def test_an_unknown_address_is_a_404(visitor: Visitor) -> None:
    for path in ("/nothing", "/api/nothing", "/api/", "/panels/nothing.mjs", "/assets/nothing.mjs"):
        assert visitor.get(path).status_code == 404, path


def test_a_slow_answer_does_not_hold_up_others(monkeypatch: pytest.MonkeyPatch) -> None:
    go = threading.Event()

    def slow(self: Hub, path: str, query: Any, body: Any = None, *, answer: Any = Hub.answer) -> Any:
        if path == "/api/rates":
            assert go.wait(PATIENCE_s)
        return answer(self, path, query, body)

    monkeypatch.setattr(Hub, "answer", slow)
    with showing() as served, Visitor(served) as visitor, Visitor(served) as other:
        thread = threading.Thread(target=lambda: visitor.get("/api/rates"))
        thread.start()
        try:
            assert other.get("/api/scene").status_code == 200
            assert thread.is_alive()
        finally:
            go.set()
            thread.join(PATIENCE_s)


# --- the socket -----------------------------------------------------------------------------------------------------


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
    with showing(limits=Limits(hello_s=0.2, idle_s=0.3)) as served, Visitor(served) as visitor:
        with visitor.socket() as ws:
            assert end_of(ws) == (1008, "no message came")
        with visitor.socket() as ws:
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
        eventually(lambda: all(login.sockets_n == 0 for login in _logins(served)), "sockets are counted down")
    assert Limits().sockets_n == 8


def _logins(show: Show) -> list[Any]:
    return list(show.server.tickets._logins.values())


def test_closing_the_tab_stops_the_sender_and_20_reconnects_leak_nothing(show: Show, visitor: Visitor) -> None:
    before = eventually(lambda: tasks_n(show), "the server runs")
    for _ in range(20):
        with visitor.socket() as ws:
            hello(ws)
    eventually(lambda: tasks_n(show) <= before, "coroutines end")
    eventually(lambda: not _clients(show), "clients are forgotten")
    assert all(login.sockets_n == 0 for login in _logins(show))


def _clients(show: Show) -> list[Client]:
    gc.collect()
    return [thing for thing in gc.get_objects() if isinstance(thing, Client) and thing.source is show.hub.source]


class Talker(Client):
    """A client that sends 256 kB each turn, whoever reads."""

    turns_n = 0

    def turn(self, now_s: float) -> list[str | bytes]:
        """Return a lot."""
        self.turns_n += 1
        return [bytes(1 << 18)]


class TalkingHub(Hub):
    """A hub of talkers."""

    def client(self, *, patient_s: float | None = None) -> Client:
        """Return a talker."""
        self.talker = Talker(self.source)
        return self.talker


def test_a_client_that_does_not_read_holds_no_memory_and_is_cut() -> None:
    hub, impatient = TalkingHub(replay()), Limits(stall_s=1.0, turns_per_s=200.0)
    with showing(hub, limits=impatient) as served, Visitor(served) as visitor, _connection(served) as tcp:
        tcp.sendall(_handshake(visitor))
        eventually(lambda: hasattr(hub, "talker") and hub.talker.turns_n > 1, "frames are made")
        eventually(lambda: not _open_sockets(served), "the socket is cut")
        # What was made went into the system's buffers, or waited one at a time.
        assert hub.talker.turns_n < 60
        eventually(lambda: not _upgraded(served), "the connection is gone")


def _open_sockets(show: Show) -> int:
    return sum(login.sockets_n for login in _logins(show))


def _upgraded(show: Show) -> list[Any]:
    """Return the connections that are WebSockets."""
    return [c for c in show.server._server.server_state.connections if hasattr(c, "handshake_complete")]


def _connection(show: Show) -> socket.socket:
    """Return a connection with a small buffer, on which nothing is said yet."""
    tcp = socket.create_connection(("127.0.0.1", show.server.port), PATIENCE_s)
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    return tcp


def _handshake(visitor: Visitor) -> bytes:
    lines = [
        "GET /ws/v1/stream HTTP/1.1", f"Host: {visitor.origin[7:]}", "Upgrade: websocket", "Connection: Upgrade",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Protocol: nv1",
        f"Origin: {visitor.origin}", f"Cookie: {visitor.cookie}",
    ]  # fmt: skip
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


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


# --- starting and ending --------------------------------------------------------------------------------------------


def test_serving_prints_nothing_and_takes_a_free_port(capfd: pytest.CaptureFixture[str]) -> None:
    with showing() as one, showing() as two:
        assert one.server.port != two.server.port
        assert one.token != two.token
        assert one.url == f"http://127.0.0.1:{one.server.port}/?token={one.token}"
        with Visitor(one) as visitor:
            assert visitor.get("/").status_code == 200
    assert capfd.readouterr() == ("", "")


def test_two_servers_of_one_process_both_run_panels_callbacks() -> None:
    import dash
    from dash import html

    @dash.callback(dash.Output("echo", "children"), dash.Input("press", "n_clicks"))
    def echo(n_clicks: int) -> str:
        return f"{n_clicks} of {threading.current_thread().name.rsplit('-', 1)[0]}"

    panel = Panel("echo", "Echo", lambda: [html.Button("x", id="press"), html.P(id="echo")])
    pressed = {"id": "press", "property": "n_clicks", "value": 3}
    output = {"id": "echo", "property": "children"}
    body = {"output": "echo.children", "outputs": output, "inputs": [pressed], "changedPropIds": ["press.n_clicks"]}
    for _ in range(2):
        with showing(panels=[panel]) as served, Visitor(served) as visitor:
            answer = visitor.post("/_dash-update-component", json.dumps(body))
            assert answer.json()["response"]["echo"]["children"] == "3 of neurosim-worker"


def test_close_ends_everything_while_sockets_are_open() -> None:
    show = serve(replay())
    with Visitor(show) as visitor, visitor.socket() as ws:
        hello(ws)
        show.close()
        assert not show.server._thread.is_alive()
        assert end_of(ws)[0] in (1001, 1012)
    show.close()
    assert (show.running, repr(show)) == (False, f"Show({show.address!r}, closed)")
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", show.server.port), 5)


def test_close_ends_everything_while_a_client_does_not_read() -> None:
    hub = TalkingHub(replay())
    show = serve(hub)
    with Visitor(show) as visitor, _connection(show) as tcp:
        tcp.sendall(_handshake(visitor))
        eventually(lambda: hasattr(hub, "talker") and hub.talker.turns_n > 3, "frames are made")
        show.close()
        assert not show.server._thread.is_alive()


def test_wait_returns_when_another_thread_closes() -> None:
    show = serve(replay())
    threading.Timer(0.2, show.close).start()
    show.wait()
    assert not show.running


def test_a_port_that_is_taken_is_said_so() -> None:
    with showing() as show, pytest.raises(SimulationError, match=rf"port={show.server.port}\): cannot listen"):
        serve(replay(), port=show.server.port)


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("uvicorn", "dash", "websockets"):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, package, None)
            with pytest.raises(MissingExtraError, match=rf'needs {package}: pip install "neurosim\[viewer\]"'):
                serve(replay())


def test_a_notebook_shows_a_link_and_not_the_bare_token() -> None:
    with showing() as show:
        text = show._repr_html_()
        assert f'href="{show.url}"' in text
        assert f">{show.address}</a>" in text
    assert "closed" in show._repr_html_()


def test_importing_the_viewer_loads_no_graphics_and_no_server() -> None:
    code = "import sys, neurosim.viewer as v; v.open, v.publish\n"
    code += "print(sorted({'dash', 'fastapi', 'uvicorn', 'vispy', 'numba', 'h5py', 'numpy'} & set(sys.modules)))\n"
    code += "print(v.serve.__name__, v.Show.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.splitlines() == ["[]", "serve Show"]


def test_open_says_what_it_can_show(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nowhere: is not there"):
        viewer.open(tmp_path / "nowhere", web=True)
    with pytest.raises(ModelError, match="a dict cannot be shown"):
        viewer.open({}, web=True)  # type: ignore[arg-type]


def test_open_on_the_web_is_a_show(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def opening(url: str) -> bool:
        opened.append(url)
        return True

    monkeypatch.setenv("BROWSER", "none")
    monkeypatch.setattr("webbrowser.open", opening)
    with viewer.open(replay(), web=True) as show, Visitor(show) as visitor:
        assert visitor.get("/api/scene").json()["n"] == 3
        page = Path(opened[0].removeprefix("file://"))
        assert (page.stat().st_mode & 0o777, show.token in opened[0]) == (0o600, False)
        assert f"url={show.url}" in page.read_text("utf-8")
    assert not page.exists()


# --- behind a proxy -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strips", [True, False])
def test_a_proxy_with_a_path_and_a_name_of_its_own_works(strips: bool) -> None:
    root = "/user/ann/proxy/8050"
    with showing(root_path=root, allowed_hosts=["lab.example.org"]) as show, Visitor(show, login=False) as visitor:
        before = "" if strips else root
        proxied = {"host": "lab.example.org", "x_forwarded_proto": "https"}
        login = visitor.get(f"{before}/?token={show.token}", **proxied)
        assert (login.status_code, login.headers["location"]) == (303, f"{root}/")
        assert f"Path={root}/; HttpOnly; SameSite=Strict; Secure" in login.headers["set-cookie"]
        cookie = login.headers["set-cookie"].split(";")[0]
        page = visitor.get(f"{before}/", cookie=cookie, **proxied)
        assert f'href="{root}/assets/' in page.text
        assert "wss://lab.example.org" in page.headers["content-security-policy"]
        assert visitor.get(f"{before}/api/scene", cookie=cookie, **proxied).json()["n"] == 3
        where, page_at = f"{before}/ws/v1/stream".lstrip("/"), "https://lab.example.org"
        with visitor.socket(where, origin=page_at, headers={"Cookie": cookie}, host="lab.example.org") as ws:
            assert hello(ws)["version"] == 1


# --- neurosim view --------------------------------------------------------------------------------------------------


def view(*words: str, **env: str) -> subprocess.Popen[str]:
    clean = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")}
    command = [sys.executable, "-m", "neurosim", "view", *words]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, text=True, env={**clean, **env}, stdout=pipe, stderr=pipe)


def test_view_wants_something_to_view(tmp_path: Path) -> None:
    done = view(str(tmp_path / "nowhere"))
    assert "nowhere" in done.communicate(timeout=60)[1]
    assert done.returncode == 2


@pytest.mark.parametrize("address", ["ftp://127.0.0.1/", "file:///etc/passwd", "javascript://x", "http://"])
def test_view_opens_web_addresses_only(address: str) -> None:
    done = view(address)
    assert "begin with http://" in done.communicate(timeout=60)[1]
    assert done.returncode == 2


def test_view_of_a_server_says_whether_it_answers() -> None:
    with showing() as show:
        there = view(show.url, "--no-browser")
        assert there.communicate(timeout=60) == (f"{show.url}\n", "")
        assert there.returncode == 0
    gone = view(show.url, "--no-browser")
    out = gone.communicate(timeout=60)[1]
    assert "nothing answers there" in out
    assert show.token not in out
    assert gone.returncode == 2


@pytest.fixture
def spikes(tmp_path: Path) -> Path:
    """Return a file of three spikes."""
    with h5py.File(tmp_path / "spikes.h5", "w") as file:
        group = file.create_group("spikes/cells")
        group["node_ids"] = np.array([0, 1, 2], np.uint64)
        group["timestamps"] = np.array([1.0, 2.0, 3.0])
        group["timestamps"].attrs["units"] = "ms"
    return tmp_path / "spikes.h5"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_view_serves_until_it_is_told_and_ends_within_3_s_with_an_open_socket(number: int, spikes: Path) -> None:
    serving = view(str(spikes), "--quiet")
    try:
        assert serving.stdout is not None
        address, token = re.fullmatch(r"(http://127\.0\.0\.1:\d+/)\?token=(\S+)\n", serving.stdout.readline()).groups()  # type: ignore[union-attr]
        where = {"uri": f"{address.replace('http', 'ws')}ws/v1/stream", "origin": address.rstrip("/")}
        key = {"Authorization": f"token {token}"}
        with connect(**where, additional_headers=key, subprotocols=["nv1"], proxy=None) as ws:
            assert hello(ws)["version"] == 1
            with socket.create_connection(("127.0.0.1", int(address.split(":")[2][:-1])), PATIENCE_s) as tcp:
                tcp.sendall(b"\x16\x03\x01 nonsense\r\n\r\n")
                assert tcp.recv(100).startswith(b"HTTP/1.1 400")
            serving.send_signal(number)
            assert serving.wait(3.0) == 0
            assert end_of(ws)[0] in (1001, 1012)
        assert serving.communicate(timeout=10) == ("", "")
    finally:
        serving.kill()
        serving.communicate()


def test_view_says_what_it_shows_and_how_it_ends(spikes: Path) -> None:
    serving = view(str(spikes))
    try:
        assert serving.stdout is not None
        lines = [serving.stdout.readline() for _ in range(3)]
        assert lines[0] == f"showing   {spikes}\n"
        assert re.fullmatch(r"watch     http://127\.0\.0\.1:\d+/\?token=\S{43}\n", lines[1])
        assert lines[2].startswith("Ctrl-C ends it.")
    finally:
        serving.terminate()
        assert serving.communicate(timeout=30)[1] == ""


def test_view_refuses_another_host_and_a_taken_port_in_one_line(
    spikes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with showing() as show:
        port = str(show.server.port)
        for words, told in ((["--host", "0.0.0.0"], "--allow-remote"), (["--port", port], "cannot listen")):
            assert cli.main(["view", str(spikes), "--no-browser", *words]) == 2
            error = capsys.readouterr().err
            assert error.count("\n") == 1
            assert told in error


def test_a_browser_is_told_a_file_and_not_the_token(tmp_path: Path) -> None:
    script = tmp_path / "browser"
    script.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/argv\ncp "${{1#file://}}" {tmp_path}/page.html\n')
    script.chmod(0o700)
    with showing() as show:
        done = view(show.url, BROWSER=f"{script} %s")
        assert done.communicate(timeout=60)[1] == ""
        assert show.token not in (tmp_path / "argv").read_text()
        assert show.url in (tmp_path / "page.html").read_text()
