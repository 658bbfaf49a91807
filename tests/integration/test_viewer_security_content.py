"""Attacks on the viewer's server, by the list in its design: what is asked and told, items 6 to 15 without 12.

The viewer has no upload, no archives, no jobs and compiles nothing: for those items the tests show that there is no
such route, and attack what comes nearest - the folder that is opened, and the movies that are drawn.
"""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from neurosim.errors import ModelError
from neurosim.viewer.answers import Answer
from neurosim.viewer.hub import Hub
from neurosim.viewer.launch import Show, serve
from neurosim.viewer.memory_source import MemorySource
from neurosim.viewer.scene.memory import MemoryScene
from neurosim.viewer.scene.scene import KindOfCell
from neurosim.viewer.web.access import Access
from neurosim.viewer.web.limits import Limits
from tests.viewer_server import PATIENCE_s, Visitor, hello, replay, showing
from tests.viewer_strangers import (
    Scripts,
    get_head,
    policy_of,
    post_head,
    posts_of,
    refused_socket,
    said,
)


@pytest.fixture(scope="module")
def show() -> Iterator[Show]:
    with showing(limits=Limits(sockets_n=3)) as served:
        yield served


# --- 6. what answers say to the browser -----------------------------------------------------------------------------


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


# --- 10. and 11. programs -------------------------------------------------------------------------------------------


def test_10_a_query_is_data_and_never_an_expression(visitor: Visitor) -> None:
    for value in ("__import__('os').getpid()", "1 or 1", "' OR '1'='1", "*", ".*", {"$gt": ""}, [["0"]], {"row": "0"}):
        answer = visitor.post("/api/select", json.dumps({"row": value}))
        assert answer.status_code == 422 or answer.content == b"", value


def test_10_and_11_the_viewer_compiles_evaluates_and_starts_nothing(root: Path) -> None:
    words = (
        r"\b(eval|exec|compile)\(|\bsubprocess\b|os\.(system|popen|exec|spawn)|\bpickle\b|allow_pickle=True|\byaml\b"
    )
    found = [
        f"{path.name}: {line.strip()[:80]}"
        for path in sorted((root / "viewer").rglob("*.py"))
        for line in path.read_text("utf-8").splitlines()
        if re.search(words, line) and "re.compile(" not in line and not line.lstrip().startswith("#")
    ]
    assert found == []


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
    assert access.knows("192.0.2.7:8050", "192.0.2.7")
    assert access.knows("[2001:db8::1]:8050", "2001:db8::1")
    assert not access.knows("192.0.2.7:8050", "192.0.2.8")
    assert not access.knows("192.0.2.7:8051", "192.0.2.7")
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
