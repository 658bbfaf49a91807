"""The page's server: what it serves, how it starts, and that it always ends."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from neurosim import viewer
from neurosim.errors import MissingExtraError, ModelError, SimulationError
from neurosim.viewer.hub import Hub
from neurosim.viewer.launch import Show, serve
from neurosim.viewer.web.panels.panel import Panel
from tests.viewer_server import (
    PATIENCE_s,
    TalkingHub,
    Visitor,
    connection_to,
    end_of,
    eventually,
    handshake,
    hello,
    replay,
    showing,
)


@pytest.fixture(scope="module")
def show() -> Iterator[Show]:
    with showing() as served:
        yield served


# --- what is served -------------------------------------------------------------------------------------------------


def test_the_page_loads_one_module_and_the_styles_and_nothing_from_elsewhere(visitor: Visitor) -> None:
    page = visitor.get("/").text
    addresses = re.findall(r"""(?:src|href)=["']([^"']+)""", page)
    assert {a.split("?")[0] for a in addresses if ".mjs" in a} == {"/assets/page.mjs"}
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


def test_answers_are_sent_at_once_and_not_held_for_an_acknowledgement(visitor: Visitor, show: Show) -> None:
    assert visitor.get("/api/scene").status_code == 200
    sockets = [c.transport.get_extra_info("socket") for c in show.server._server.server_state.connections]
    assert sockets
    assert all(s.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for s in sockets)


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
    from dash import _callback, html

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
    # A Dash application of the user's in this process still gets what was declared for it.
    assert "echo.children" in _callback.GLOBAL_CALLBACK_MAP
    del _callback.GLOBAL_CALLBACK_MAP["echo.children"]
    _callback.GLOBAL_CALLBACK_LIST[:] = [c for c in _callback.GLOBAL_CALLBACK_LIST if c["output"] != "echo.children"]


def test_close_ends_everything_while_sockets_are_open() -> None:
    show = serve(replay())
    with Visitor(show) as visitor, visitor.socket() as ws:
        hello(ws)
        show.close()
        eventually(lambda: not show.server._thread.is_alive(), "the server ends")
        assert end_of(ws)[0] in (1001, 1012)
    show.close()
    assert (show.running, repr(show)) == (False, f"Show({show.address!r}, closed)")
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", show.server.port), 5)


def test_close_ends_everything_while_a_client_does_not_read() -> None:
    hub = TalkingHub(replay())
    show = serve(hub)
    with Visitor(show) as visitor, connection_to(show) as tcp:
        tcp.sendall(handshake(visitor))
        eventually(lambda: hasattr(hub, "talker") and hub.talker.turns_n > 3, "frames are made")
        show.close()
        eventually(lambda: not show.server._thread.is_alive(), "the server ends")


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
