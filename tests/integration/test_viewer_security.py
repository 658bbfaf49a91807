"""Attacks on the viewer's server, by the list in its design; each test names the item it belongs to.

The viewer has no upload, no archives, no jobs and compiles nothing: for those items the tests show that there is no
such route, and attack what comes nearest - the folder that is opened, and the movies that are drawn.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import logging
import re
import socket
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from neurosim.errors import ModelError
from neurosim.viewer.answers import Answer
from neurosim.viewer.hub import Hub
from neurosim.viewer.launch import Show, serve
from neurosim.viewer.memory_source import MemorySource
from neurosim.viewer.scene.memory import MemoryScene
from neurosim.viewer.scene.scene import KindOfCell
from neurosim.viewer.web.access import Access
from neurosim.viewer.web.limits import Bucket, Limits
from neurosim.viewer.web.tickets import Tickets
from tests.viewer_server import PATIENCE_s, Visitor, hello, replay, showing


@pytest.fixture(scope="module")
def show() -> Iterator[Show]:
    with showing(limits=Limits(sockets_n=3)) as served:
        yield served


@pytest.fixture
def visitor(show: Show) -> Iterator[Visitor]:
    with Visitor(show) as somebody:
        yield somebody


@pytest.fixture
def stranger(show: Show) -> Iterator[Visitor]:
    with Visitor(show, login=False) as somebody:
        yield somebody


def routes_of(show: Show) -> list[tuple[str, str]]:
    """Return (method, path) of everything the application serves, found in the application itself."""
    found: list[tuple[str, str]] = []
    for route in show.server.app.server.routes:
        path = re.sub(r"\{[^}]*\}", "x", route.path)
        kind = type(route).__name__
        if kind == "Mount":
            found.append(("GET", f"{path}/wire.mjs"))
        elif "WebSocket" in kind:
            found.append(("WEBSOCKET", path))
        else:
            found += [(method, path) for method in route.methods]
    return found


def refused_socket(visitor: Visitor, path: str = "ws/v1/stream", **how: Any) -> int:
    """Return the status with which a socket is refused before it is accepted."""
    with pytest.raises(InvalidStatus) as refused, visitor.socket(path, **how):
        pass
    status: int = refused.value.response.status_code
    return status


# --- 1. where it listens --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_1_another_address_than_the_loopback_needs_a_flag(host: str) -> None:
    with pytest.raises(ModelError, match="allow_remote=True"):
        serve(replay(), host=host)


def test_1_with_the_flag_the_token_is_still_needed() -> None:
    with showing(host="0.0.0.0", allow_remote=True) as show, Visitor(show, login=False) as stranger:
        assert stranger.get("/").status_code == 401
        assert stranger.get("/api/scene", authorization=f"token {show.token}").status_code == 200


def test_1_by_default_only_this_machine_reaches_it(show: Show) -> None:
    assert show.server._listening.getsockname()[0] == "127.0.0.1"


# --- 2. the token ---------------------------------------------------------------------------------------------------


def test_2_a_token_is_long_and_new_each_time(show: Show) -> None:
    with showing() as other:
        assert show.token != other.token
        assert len(show.token) >= 43
    with pytest.raises(ModelError, match="at least 16"):
        serve(replay(), token="short")
    with pytest.raises(ModelError, match="at least 16"):
        serve(replay(), token="")


def test_2_the_token_leaves_the_address_for_a_cookie_that_does_not_hold_it(show: Show, stranger: Visitor) -> None:
    answer = stranger.get(f"/?token={show.token}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert show.token not in cookie
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert cookie.startswith(f"neurosim-{show.server.port}=")
    assert stranger.get("/").status_code == 200


def test_2_a_link_on_another_site_logs_in_too(show: Show, stranger: Visitor) -> None:
    # A SameSite=Strict cookie is not sent after a redirect that another site began; a page that goes on by itself is.
    by_link = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    answer = stranger.get(f"/?token={show.token}", **by_link)
    assert answer.status_code == 200
    assert 'http-equiv="refresh" content="0;url=/"' in answer.text
    assert show.token not in answer.text
    assert "set-cookie" in answer.headers


@pytest.mark.parametrize("wrong", ["", "x", "é", "token", "%00", "../", "a" * 5000])
def test_2_a_wrong_token_gives_nothing(stranger: Visitor, wrong: str) -> None:
    answer = stranger.http.get("/", params={"token": wrong})
    assert answer.status_code in (401, 403)
    assert "set-cookie" not in answer.headers
    assert stranger.get("/", authorization=f"token x{wrong.encode().hex()}").status_code == 403


def test_2_part_of_a_token_or_one_in_other_letters_gives_nothing(show: Show, stranger: Visitor) -> None:
    for wrong in (show.token[:-1], show.token + "x", show.token.swapcase(), f" {show.token}x"):
        assert stranger.http.get("/", params={"token": wrong}).status_code == 403
        assert stranger.get("/", authorization=f"token {wrong}").status_code == 403


def test_2_tokens_are_compared_in_a_time_that_tells_nothing(monkeypatch: pytest.MonkeyPatch, stranger: Visitor) -> None:
    compared: list[tuple[bytes, bytes]] = []
    compare = hmac.compare_digest

    def noted(a: Any, b: Any) -> bool:
        compared.append((a, b))
        return compare(a, b)

    monkeypatch.setattr("neurosim.viewer.web.tickets.hmac.compare_digest", noted)
    stranger.get("/?token=wrong-by-address")
    stranger.get("/", authorization="token wrong-by-header")
    assert [a for a, _ in compared] == [b"wrong-by-address", b"wrong-by-header"]


def test_2_programs_may_send_the_token_in_a_header(show: Show, stranger: Visitor) -> None:
    key = f"token {show.token}"
    assert stranger.get("/api/scene", authorization=key).status_code == 200
    assert "set-cookie" not in stranger.get("/api/scene", authorization=key).headers
    for other in (f"Bearer {show.token}", f"Basic {show.token}", show.token, "token"):
        assert stranger.get("/api/scene", authorization=other).status_code in (401, 403)


def test_2_the_token_opens_no_socket_and_no_post_by_the_address(show: Show, stranger: Visitor) -> None:
    assert refused_socket(stranger, f"ws/v1/stream?token={show.token}", headers={}) == 403
    assert stranger.post(f"/api/select?token={show.token}").status_code == 403


def test_2_the_token_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), showing() as show:
        with Visitor(show) as visitor:
            visitor.get("/"), visitor.get(f"/api/scene?token={show.token}")
            visitor.get("/", authorization=f"token {show.token}")
            visitor.post(f"/api/select?token={show.token}")
            refused_socket(visitor, f"ws/v1/stream?token={show.token}", headers={})
            with visitor.socket() as ws:
                hello(ws)
            tickets = list(visitor.http.cookies.values())
        show.close()
        ours = [r for r in caplog.records if not r.name.startswith(("httpx", "httpcore", "websockets"))]
        text = "\n".join(logging.Formatter().format(record) for record in ours)
        assert "login" in text
        for secret in (show.token, *tickets):
            assert secret not in text


def test_2_a_stale_or_invented_cookie_gives_nothing(show: Show, stranger: Visitor) -> None:
    for value in ("x", show.token, "", '"', "a" * 4000):
        assert stranger.get("/", cookie=f"neurosim-{show.server.port}={value}").status_code == 401


def test_2_a_login_ends_when_it_is_not_used_and_the_oldest_of_too_many_goes() -> None:
    now = [0.0]
    tickets = Tickets("t" * 16, Limits(logins_n=2, login_idle_s=10.0), lambda: now[0])
    first, second = tickets.issue()[0], tickets.issue()[0]
    now[0] = 5.0
    assert tickets.find(first) is not None
    third = tickets.issue()[0]
    assert [tickets.find(t) is not None for t in (first, second, third)] == [True, False, True]
    now[0] = 20.0
    assert tickets.find(first) is None


# --- 3. one guard before everything ---------------------------------------------------------------------------------


def test_3_without_a_token_every_route_and_socket_is_refused(show: Show, stranger: Visitor) -> None:
    routes = routes_of(show)
    assert {"/", "/api/x", "/assets/wire.mjs", "/_dash-layout", "/_dash-update-component"} <= {p for _, p in routes}
    assert ("WEBSOCKET", "/ws/v1/stream") in routes
    for method, path in routes:
        if method == "WEBSOCKET":
            assert refused_socket(stranger, path[1:], headers={}) == 403, path
            continue
        answer = stranger.http.request(method, path, headers={"origin": stranger.origin, "x-neurosim": "1"})
        assert answer.status_code in (401, 403), (method, path)
        assert "neurosim-viewer" not in answer.text


def test_3_what_is_no_route_is_refused_as_well(stranger: Visitor) -> None:
    for path in (
        "/docs",
        "/redoc",
        "/openapi.json",
        "/_dash-ws-callback",
        "/_mcp",
        "/favicon.ico",
        "/no/such/page",
        "//",
    ):
        assert stranger.get(path).status_code in (401, 403), path
    for path in ("_dash-ws-callback", "ws", "", "ws/v2/stream"):
        assert refused_socket(stranger, path, headers={}) == 403, path
        assert refused_socket(stranger, path) == 403, path


def test_3_pages_about_the_program_and_debuggers_are_not_there(show: Show, visitor: Visitor) -> None:
    for path in ("/docs", "/redoc", "/openapi.json", "/_mcp", "/_reload", "/_alive", "/console"):
        assert visitor.get(path).status_code == 404, path
    assert refused_socket(visitor, "_dash-ws-callback") in (403, 404)
    config = json.loads(re.search(r'id="_dash-config"[^>]*>(.*?)</script>', visitor.get("/").text).group(1))  # type: ignore[union-attr]
    assert not config.get("ui")
    assert "hot_reload" not in config
    assert show.server.app._dev_tools["ui"] is False


def test_3_an_unknown_kind_of_connection_is_refused() -> None:
    from neurosim.viewer.web.security import Guard

    async def reached(*_: Any) -> None:
        raise AssertionError("the application was reached")

    guard = Guard(reached, Access(1), Tickets("t" * 16, Limits()), list, Limits())
    # Nothing is awaited before the refusal, so no event loop is needed.
    with pytest.raises(RuntimeError, match="'webtransport'"):
        guard({"type": "webtransport", "headers": [], "path": "/"}, reached, reached).send(None)  # type: ignore[arg-type]


def test_3_the_refusal_says_what_to_do(stranger: Visitor) -> None:
    answer = stranger.get("/")
    assert answer.status_code == 401
    assert "This address needs its token" in answer.text
    assert stranger.get("/api/scene").json()["error"].startswith("This address needs its token")


# --- 4. Host and Origin ---------------------------------------------------------------------------------------------


FOREIGN_HOSTS = [
    "evil.example",
    "127.0.0.1",
    "127.0.0.1:1",
    "localhost.evil.example:{port}",
    "127.0.0.1:{port}.evil.example",
    "[::1",
    "127.0.0.1:{port}@evil.example",
    "0.0.0.0:{port}",
    "127.1:{port}",
    "",
]


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_4_a_foreign_name_is_refused_even_with_a_cookie(show: Show, visitor: Visitor, host: str) -> None:
    name = host.format(port=show.server.port)
    for path in ("/", "/api/scene", "/assets/wire.mjs", f"/?token={show.token}"):
        answer = visitor.get(path, host=name)
        assert answer.status_code in (400, 403), path
        assert "three cells" not in answer.text


def test_4_a_socket_under_a_foreign_name_is_refused(show: Show, visitor: Visitor) -> None:
    name = f"evil.example:{show.server.port}"
    assert refused_socket(visitor, host=name, origin=f"http://{name}") == 403


def test_4_this_machine_has_three_names(show: Show, visitor: Visitor) -> None:
    port = show.server.port
    for name in ("127.0.0.1", "localhost", "[::1]", "LOCALHOST"):
        assert visitor.get("/api/scene", host=f"{name}:{port}", cookie=visitor.cookie).status_code == 200, name


def test_4_two_hosts_or_none_are_refused(show: Show, visitor: Visitor) -> None:
    ours = f"Host: {visitor.origin[7:]}"
    for lines in ([], [ours, "Host: evil.example"], [ours, ours]):
        head = "\r\n".join(["GET / HTTP/1.1", *lines, f"Cookie: {visitor.cookie}", "Connection: close", "", ""])
        status = said(show, head.encode()).split(b" ", 2)[1]
        assert status in (b"400", b"403"), lines


def said(show: Show, data: bytes) -> bytes:
    """Return what the server answers to bytes, until it closes."""
    with socket.create_connection(("127.0.0.1", show.server.port), PATIENCE_s) as tcp:
        tcp.sendall(data)
        answer = b""
        while part := tcp.recv(65536):
            answer += part
    return answer


FOREIGN_ORIGINS = [
    "http://evil.example",
    "http://127.0.0.1:1",
    "http://127.0.0.1",
    "null",
    "http://localhost:{port}",
    "file://",
    "http://127.0.0.1:{port}.evil.example",
    "http://evil.example#127.0.0.1:{port}",
    "ftp://127.0.0.1:{port}",
    "http://a@127.0.0.1:{port}",
    "http://127.0.0.1:{port}/x",
    "",
    "http://[",
    "chrome-extension://x",
]


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
def test_4_a_socket_of_a_foreign_page_is_refused_before_it_is_accepted(
    show: Show, visitor: Visitor, origin: str
) -> None:
    headers = {"Cookie": visitor.cookie, "Origin": origin.format(port=show.server.port)}
    assert refused_socket(visitor, origin=None, headers=headers) == 403


def test_4_a_socket_without_an_origin_is_refused_whoever_opens_it(show: Show, visitor: Visitor) -> None:
    assert refused_socket(visitor, origin=None) == 403
    assert refused_socket(visitor, origin=None, headers={"Authorization": f"token {show.token}"}) == 403


def test_4_our_own_page_and_programs_that_say_so_may_open_one(show: Show, visitor: Visitor) -> None:
    with visitor.socket() as ws:
        assert hello(ws)["version"] == 1
    with visitor.socket(headers={"Authorization": f"token {show.token}"}) as ws:
        assert hello(ws)["version"] == 1


# --- 5. requests that other pages make ------------------------------------------------------------------------------


def posts_of(show: Show) -> list[str]:
    return [path for method, path in routes_of(show) if method == "POST"]


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
def test_5_a_foreign_page_can_post_nothing(show: Show, visitor: Visitor, origin: str) -> None:
    for path in posts_of(show):
        headers = {"origin": origin.format(port=show.server.port), "x-neurosim": "1"}
        assert visitor.http.post(path, content=b"{}", headers=headers).status_code == 403, path


def test_5_a_post_that_does_not_say_where_it_is_from_is_refused(show: Show, visitor: Visitor) -> None:
    for path in posts_of(show):
        assert visitor.http.post(path, content=b"{}", headers={"x-neurosim": "1"}).status_code == 403, path


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_5_a_page_of_another_port_is_foreign_though_its_cookies_are_not(
    visitor: Visitor, show: Show, site: str
) -> None:
    for mode in ("cors", "no-cors"):
        assert visitor.get("/api/scene", sec_fetch_site=site, sec_fetch_mode=mode).status_code == 403
    framed = {"sec_fetch_site": site, "sec_fetch_mode": "navigate", "sec_fetch_dest": "iframe"}
    assert visitor.get("/", **framed).status_code == 403
    for path in posts_of(show):
        assert visitor.post(path, origin="", sec_fetch_site=site).status_code == 403, path


def test_5_a_form_of_our_own_page_cannot_reach_the_api(visitor: Visitor) -> None:
    assert visitor.post("/api/select", x_neurosim="").status_code == 403
    assert visitor.post("/api/select", '{"row": "1"}').status_code == 200


def test_5_a_get_changes_nothing(visitor: Visitor) -> None:
    for path in ("/api/select", "/api/still", "/api/movie"):
        assert visitor.get(path).status_code in (400, 404, 405), path


def test_5_nobody_is_invited_by_cors(visitor: Visitor) -> None:
    answer = visitor.http.request("OPTIONS", "/api/scene", headers={"origin": visitor.origin})
    assert answer.status_code == 405
    for path in ("/", "/api/scene", "/assets/wire.mjs"):
        assert not [name for name in visitor.get(path).headers if name.startswith("access-control-")]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "PROPFIND", "X"])
def test_5_other_methods_are_not_there(visitor: Visitor, method: str) -> None:
    answer = visitor.http.request(method, "/api/scene", headers={"origin": visitor.origin, "x-neurosim": "1"})
    assert answer.status_code in (400, 405)


# --- 6. what answers say to the browser -----------------------------------------------------------------------------


def policy_of(text: str) -> dict[str, list[str]]:
    return {words[0]: words[1:] for words in (part.split() for part in text.split(";")) if words}


def test_6_pages_may_load_nothing_from_elsewhere(show: Show, visitor: Visitor) -> None:
    policy = policy_of(visitor.get("/").headers["content-security-policy"])
    assert policy["default-src"] == ["'self'"]
    assert all(word == "'self'" or word.startswith("'sha256-") for word in policy["script-src"])
    own = f"127.0.0.1:{show.server.port}"
    assert policy["connect-src"] == ["'self'", f"ws://{own}", f"wss://{own}"]
    assert policy["img-src"] == ["'self'", "data:", "blob:"]
    assert (policy["frame-ancestors"], policy["base-uri"], policy["object-src"]) == (["'self'"], ["'none'"], ["'none'"])
    assert policy["form-action"] == ["'self'"]


def test_6_every_answer_has_the_headers_also_when_it_says_no(show: Show, visitor: Visitor, stranger: Visitor) -> None:
    for path in ("/", "/api/scene", "/api/node/0", "/assets/wire.mjs", "/nothing", "/api/nothing", "/_dash-layout"):
        for who in (visitor, stranger):
            headers = who.get(path).headers
            assert headers["x-content-type-options"] == "nosniff", path
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["cross-origin-opener-policy"] == "same-origin"
            assert headers["cross-origin-resource-policy"] == "same-origin"
            assert headers.get_list("content-security-policy")
            assert "public" not in headers["cache-control"]
            assert "server" not in headers
    refused = policy_of(stranger.get("/").headers["content-security-policy"])
    assert refused["default-src"] == ["'none'"]


class Scripts(HTMLParser):
    """The scripts of a page: their text, and where they come from."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = False
        self.text: list[str] = []
        self.sources: list[str] = []
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.handlers += [name for name in given if name.startswith("on")]
        if tag == "script" and given.get("type") != "application/json":
            self.sources += [given["src"] or ""] if "src" in given else []
            self.inside = "src" not in given

    def handle_data(self, data: str) -> None:
        self.text += [data] if self.inside else []

    def handle_endtag(self, tag: str) -> None:
        self.inside = False


def test_6_each_script_in_the_page_is_one_the_policy_names(visitor: Visitor) -> None:
    import base64
    import hashlib

    answer = visitor.get("/")
    scripts = Scripts()
    scripts.feed(answer.text)
    named = policy_of(answer.headers["content-security-policy"])["script-src"]
    for text in scripts.text:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in named
    assert scripts.text
    assert all(source.startswith("/") and not source.startswith("//") for source in scripts.sources)
    assert scripts.handlers == []


# --- 7. uploads -----------------------------------------------------------------------------------------------------


def test_7_there_is_nothing_to_upload_to(show: Show) -> None:
    assert sorted(posts_of(show)) == ["/_dash-update-component", "/api/x"]
    assert not [path for path in show.hub._routes if path in ("upload", "jobs", "run", "files", "build")]


def test_7_a_body_that_is_too_large_is_refused_before_it_is_read(show: Show, visitor: Visitor) -> None:
    for path in posts_of(show):
        assert visitor.post(path, b"x" * (Limits().body_bytes + 1)).status_code == 413, path
    head = post_head(visitor, "Content-Length: 99999999999")
    assert said(show, head).split(b" ", 2)[1] == b"413"


def test_7_a_body_in_pieces_without_a_length_is_counted(show: Show, visitor: Visitor) -> None:
    head = post_head(visitor, "Transfer-Encoding: chunked")
    piece = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    assert said(show, head + piece * 17).split(b" ", 2)[1] == b"413"


def test_7_a_body_that_never_ends_is_given_up() -> None:
    with showing(limits=Limits(body_s=0.3)) as show, Visitor(show) as visitor:
        head = post_head(visitor, "Content-Length: 100")
        assert said(show, head + b"{").split(b" ", 2)[1] == b"408"


def get_head(visitor: Visitor, path: str) -> bytes:
    """Return a request whose path no client tidies up."""
    lines = [
        f"GET {path} HTTP/1.1", f"Host: {visitor.origin[7:]}", f"Cookie: {visitor.cookie}", "Connection: close", "", "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode()


def post_head(visitor: Visitor, length: str) -> bytes:
    lines = [
        "POST /api/select HTTP/1.1", f"Host: {visitor.origin[7:]}", f"Origin: {visitor.origin}", "X-Neurosim: 1",
        f"Cookie: {visitor.cookie}", "Content-Type: application/json", length, "", "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode()


@pytest.mark.parametrize("length", ["-1", "1e3", "0x10", "5, 6", "abc"])
def test_7_a_length_that_is_no_number_is_refused(show: Show, visitor: Visitor, length: str) -> None:
    assert said(show, post_head(visitor, f"Content-Length: {length}")).split(b" ", 2)[1] in (b"400", b"403")


@pytest.mark.parametrize(
    "body", [b"", b"\x80\x02}q\x00.", b"!!python/object:os.system", b"[" * 100_000, b"\xff\xfe", b"null", b"1e999"]
)
def test_7_what_is_no_json_object_is_refused(visitor: Visitor, body: bytes) -> None:
    answer = visitor.post("/api/select", body)
    assert answer.status_code in (400, 413, 422)
    assert "error" in answer.json()


# --- 8. names of files ----------------------------------------------------------------------------------------------


TRAVERSALS = [
    "../page.py",
    "..%2fpage.py",
    "%2e%2e/page.py",
    "....//page.py",
    "..%5cpage.py",
    "%252e%252e%252fpage.py",
    "/etc/passwd",
    "wire.mjs/../../page.py",
    "wire.mjs%00.css",
    "%c0%ae%c0%ae/page.py",
    "//etc/passwd",
]


@pytest.mark.parametrize("name", TRAVERSALS)
def test_8_no_path_leads_out_of_the_assets(show: Show, visitor: Visitor, name: str) -> None:
    for folder in ("/assets/", "/panels/", "/_dash-component-suites/dash/", "/api/members/", "/api/movie/"):
        answer = said(show, get_head(visitor, f"{folder}{name}"))
        assert answer.split(b" ", 2)[1] in (b"400", b"404", b"500"), folder
        assert b"root:" not in answer
        assert b"INDEX_HTML" not in answer


def test_8_a_link_in_the_assets_that_leads_out_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret, assets = tmp_path / "secret.txt", tmp_path / "assets"
    secret.write_text("secret")
    assets.mkdir()
    (assets / "shell.mjs").write_text("export {};")
    (assets / "out.txt").symlink_to(secret)
    monkeypatch.setattr("neurosim.viewer.web.app.ASSETS", assets)
    with showing() as show, Visitor(show) as visitor:
        assert visitor.get("/assets/shell.mjs").status_code == 200
        assert visitor.get("/assets/out.txt").status_code == 404


# --- 12. sockets ----------------------------------------------------------------------------------------------------


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
    with showing(limits=Limits(head_s=0.3)) as show, Visitor(show) as visitor, visitor.socket() as ws:
        hello(ws)
        with socket.create_connection(("127.0.0.1", show.server.port), PATIENCE_s) as tcp:
            tcp.sendall(begun)
            with contextlib.suppress(ConnectionResetError):
                assert tcp.recv(1000) == b""
        assert hello(ws)["version"] == 1


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


# --- 13. whose movie it is ------------------------------------------------------------------------------------------


class Cinema(Hub):
    """A hub whose movies are ready at once."""

    def answer(self, path: str, query: Any, body: bytes | None = None) -> Answer:
        """Announce or show a movie."""
        if path == "/api/movie":
            return Answer(202, "application/json", b'{"job": "4fc1"}')
        if path.startswith("/api/movie/"):
            return Answer(200, "video/mp4", b"pictures")
        return super().answer(path, query, body)


def test_13_a_movie_belongs_to_the_login_that_asked_for_it() -> None:
    with showing(Cinema(replay())) as show, Visitor(show) as owner, Visitor(show) as other:
        assert owner.post("/api/movie").json() == {"job": "4fc1"}
        movie = owner.get("/api/movie/4fc1")
        assert (movie.status_code, movie.content) == (200, b"pictures")
        assert movie.headers["content-disposition"] == 'attachment; filename="neurosim.mp4"'
        assert other.get("/api/movie/4fc1").status_code == 404
        assert owner.get("/api/movie/4fc2").status_code == 404
        # A program with the token is another login.
        assert other.get("/api/movie/4fc1", cookie="", authorization=f"token {show.token}").status_code == 404


def test_13_dash_is_one_in_which_nobody_can_end_processes() -> None:
    from importlib.metadata import version

    assert tuple(int(part) for part in version("dash").split(".")[:3]) >= (4, 4, 1)


# --- 14. text from models -------------------------------------------------------------------------------------------


EVIL = "</title></script><script>alert(1)</script><img src=x onerror=alert(1)>{%renderer%}{{7*7}}"


def test_14_names_in_models_are_text_and_never_markup() -> None:
    scene = MemoryScene.from_arrays(
        EVIL, [[0.0, 0.0, 0.0]], kind=[0], kinds=[KindOfCell(EVIL, {EVIL: EVIL})], node_sets={EVIL: [0]}
    )
    with showing(MemorySource(scene, [0], [1.0], stop_ms=2.0)) as show, Visitor(show) as visitor:
        page = visitor.get("/").text
        assert EVIL not in page
        scripts = Scripts()
        scripts.feed(page)
        assert not [text for text in scripts.text if "alert" in text]
        assert len(scripts.text) == 1
        assert scripts.handlers == []
        assert "49" not in re.search("<title>(.*?)</title>", page).group(1)  # type: ignore[union-attr]
        # As JSON it is exact: the page's modules put it into the document as text.
        assert visitor.get("/api/scene").json()["kinds"][0]["population"] == EVIL
        for path in ("/api/scene", "/_dash-layout", f"/api/members/{EVIL[:9]}"):
            assert visitor.get(path).headers["content-type"].startswith("application/json"), path


def test_14_an_error_repeats_a_name_as_json_only(visitor: Visitor) -> None:
    for path in ("/api/<script>x", "/api/node/<script>", "/api/cell/<script>"):
        answer = visitor.get(path)
        assert answer.headers["content-type"].startswith("application/json"), path
    for path in ("/<script>x", "/panels/<script>.mjs"):
        assert "<script>" not in visitor.get(path).text


def test_14_refusals_repeat_nothing_that_was_sent(stranger: Visitor) -> None:
    for answer in (stranger.get("/<script>x"), stranger.get("/", host="<script>x"), stranger.get("/?token=<script>x")):
        assert "<script>" not in answer.text


def test_14_our_modules_never_turn_text_into_markup(root: Path) -> None:
    made = re.compile(r"\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval)\b|new Function\b")
    found = [
        f"{path.name}: {line.strip()[:80]}"
        for path in sorted((root / "viewer" / "web" / "assets").glob("*.mjs"))
        for line in path.read_text("utf-8").splitlines()
        if made.search(line) and not line.strip().startswith(("*", "//"))
    ]
    assert found == []
    layouts = [p for p in (root / "viewer" / "web").rglob("*.py") if "dangerously_allow_html" in p.read_text("utf-8")]
    assert layouts == []


# --- 15. operation --------------------------------------------------------------------------------------------------


def test_15_logins_refusals_and_acts_are_in_the_audit_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "neurosim.viewer.audit"), showing() as show, Visitor(show) as visitor:
        visitor.get("/", cookie="")
        visitor.get("/", host="evil.example")
        with visitor.socket() as ws:
            hello(ws)
            ws.send(json.dumps({"type": "act", "kind": "inject", "rank": 1, "node": 2, "amplitude_nA": 0.5}))
            message = ""
            while "error" not in message:
                got = ws.recv(timeout=PATIENCE_s)
                message = got if isinstance(got, str) and json.loads(got)["type"] == "error" else ""
        said = [record.getMessage() for record in caplog.records if record.name == "neurosim.viewer.audit"]
    assert any(re.fullmatch(r"login [0-9a-f]{8} from 127\.0\.0\.1", text) for text in said)
    assert "refused 401 (this address needs its token) from 127.0.0.1" in said
    assert "refused 403 (unknown address) from 127.0.0.1" in said
    assert any(re.fullmatch(r"act by [0-9a-f]{8}: inject 1 2 0\.5", text) for text in said)


def test_15_nothing_is_printed_about_attacks(show: Show, stranger: Visitor, capfd: pytest.CaptureFixture[str]) -> None:
    stranger.get("/"), stranger.get("/", host="evil.example"), refused_socket(stranger, headers={})
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "root_path", ["x", "//evil.example", "/a b", "/a\r\nSet-Cookie: x=1", "/<script>", "/a//b", "/a;b"]
)
def test_15_a_root_path_that_is_no_path_is_refused(root_path: str) -> None:
    with pytest.raises(ModelError, match="root_path"):
        serve(replay(), root_path=root_path)


def test_15_behind_a_proxy_only_the_names_given_are_known(show: Show) -> None:
    access = Access(8050, allowed_hosts=("lab.example.org",), root_path="/p")
    assert access.knows("lab.example.org")
    assert not access.knows("lab.example.org:8051")
    assert not access.knows("other.lab.example.org")
    assert access.ours("lab.example.org", "127.0.0.1:8050")
    assert not access.ours("evil.example", "127.0.0.1:8050")
    assert (access.inner("/p/api/x"), access.inner("/api/x"), access.inner("/pq/x")) == ("/api/x", "/api/x", "/pq/x")


def test_15_many_strangers_do_not_keep_the_owner_out(show: Show, visitor: Visitor) -> None:
    def knock() -> None:
        with Visitor(show, login=False) as stranger:
            for _ in range(50):
                stranger.get("/?token=wrong-wrong-wrong")

    threads = [threading.Thread(target=knock) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert visitor.get("/api/scene").status_code == 200
    for thread in threads:
        thread.join(PATIENCE_s)
    with Visitor(show) as again:
        assert again.get("/api/scene").status_code == 200
