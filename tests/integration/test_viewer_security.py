"""Attacks on the viewer's server, by the list in its design: who may ask, items 1 to 5. Each test names its item."""

from __future__ import annotations

import hmac
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest

from neurosim.errors import ModelError
from neurosim.viewer.launch import Show, serve
from neurosim.viewer.web.access import Access
from neurosim.viewer.web.limits import Limits
from neurosim.viewer.web.tickets import Tickets
from tests.viewer_server import Visitor, hello, replay, showing
from tests.viewer_strangers import (
    FOREIGN_ORIGINS,
    posts_of,
    refused_socket,
    routes_of,
    said,
)


@pytest.fixture(scope="module")
def show() -> Iterator[Show]:
    with showing(limits=Limits(sockets_n=3)) as served:
        yield served


# --- 1. where it listens --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_1_another_address_than_the_loopback_needs_a_flag(host: str) -> None:
    with pytest.raises(ModelError, match="allow_remote=True"):
        serve(replay(), host=host)


def test_1_with_the_flag_the_token_is_still_needed() -> None:
    with showing(host="0.0.0.0", allow_remote=True) as show, Visitor(show, login=False) as stranger:
        assert stranger.get("/").status_code == 401
        assert show.remote_url is not None
        assert show.remote_url.endswith(f":{show.server.port}/?token={show.token}")
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
