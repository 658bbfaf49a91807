"""The guard as a real browser meets it: what the policy lets our page do, and what it keeps other pages from."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from neurosim.viewer.answers import Answer
from neurosim.viewer.client import Client
from neurosim.viewer.hub import Hub
from neurosim.viewer.launch import Show
from neurosim.viewer.web.panels.panel import Panel
from tests.viewer_server import eventually, replay

PATIENCE_ms = 60_000


class Foreign(BaseHTTPRequestHandler):
    """An empty page of somebody else, without any rules."""

    def do_GET(self) -> None:
        """Answer everything with it."""
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!DOCTYPE html><title>foreign</title><body></body>")

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def foreign() -> Iterator[int]:
    """Return the port of another server on this machine: another origin, but the same site."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Foreign)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield int(server.server_address[1])
    server.shutdown()
    server.server_close()
    thread.join(10)


class Counting(Hub):
    """A hub that notes what it is asked."""

    def __init__(self, source: Any) -> None:
        super().__init__(source)
        self.asked: list[str] = []

    def answer(self, path: str, query: Any, body: bytes | None = None) -> Answer:
        """Note the path, then answer."""
        self.asked.append(path)
        return super().answer(path, query, body)

    def client(self, *, patient_s: float | None = None) -> Client:
        """Note a socket, then return its client."""
        self.asked.append("socket")
        return super().client(patient_s=patient_s)


def _open_sockets(show: Show) -> int:
    return sum(login.sockets_n for login in show.server.tickets._logins.values())


def _plotted() -> Any:
    from dash import dcc, html

    title = {"text": "rate <b>of</b> <span style='color:red'>all</span>"}
    traces = [{"x": [1, 2, 3], "y": [2, 1, 3], "type": "scatter"}, {"z": [[1, 2], [3, 4]], "type": "heatmap"}]
    return [dcc.Graph(figure={"data": traces, "layout": {"title": title}}), html.P("coloured", style={"color": "red"})]


def test_a_panel_with_a_plot_works_under_the_policy(page_of: Callable[..., Any], show_of: Callable[..., Show]) -> None:
    visit = page_of(show_of(replay(), panels=[Panel("plotted", "Plotted", _plotted)]), ready=False)
    visit.page.wait_for_selector("#panel-plotted .main-svg", timeout=PATIENCE_ms)
    assert visit.page.evaluate("getComputedStyle(document.querySelector('#panel-plotted p')).color") == "rgb(255, 0, 0)"
    visit.quiet()


def test_a_script_that_gets_into_the_page_does_not_run(
    page_of: Callable[..., Any], show_of: Callable[..., Show]
) -> None:
    visit = page_of(show_of(replay()), ready=False)
    visit.page.wait_for_selector("#neurosim-viewer", timeout=PATIENCE_ms)
    visit.page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "globalThis.broken = 1";
          document.body.append(script);
          document.body.insertAdjacentHTML("beforeend", '<img src="nothing:" onerror="globalThis.broken = 2">');
        }"""
    )
    for _ in range(PATIENCE_ms // 50):
        if any("Content Security Policy" in error for error in visit.errors):
            break
        visit.page.wait_for_timeout(50)
    else:
        raise AssertionError(f"no word of the policy: {visit.errors}")
    visit.page.wait_for_timeout(300)
    assert visit.page.evaluate("globalThis.broken") is None


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_link_with_the_token_opens_from_another_site_and_leaves_no_token(
    page_of: Callable[..., Any], show_of: Callable[..., Show], foreign: int, name: str
) -> None:
    show = show_of(replay())
    page = page_of(f"http://{name}:{foreign}/", ready=False).page
    page.evaluate("url => { const a = document.createElement('a'); a.href = url; a.id = 'a'; a.text = 'x'; "
                  "document.body.append(a); }", show.url)  # fmt: skip
    page.click("#a")
    page.wait_for_selector("#neurosim-viewer", timeout=PATIENCE_ms)
    # Once it draws, the page notes its view behind a #.
    assert page.url.split("#")[0] == show.address
    assert show.token not in page.url
    assert page.evaluate("document.cookie + document.referrer") == ""


TRIES = """async ([port, path]) => {
  const at = `http://127.0.0.1:${port}`;
  const tried = async (how) => { try { return String(await how()); } catch (error) { return "refused"; } };
  const socket = () => new Promise((done, fail) => {
    const ws = new WebSocket(`ws://127.0.0.1:${port}/ws/v1/stream`, ["nv1"]);
    ws.onopen = () => done("open");
    ws.onerror = () => fail(new Error("closed"));
  });
  const element = (kind, more) => new Promise((done, fail) => {
    const made = Object.assign(document.createElement(kind), { src: at + path }, more);
    made.onload = () => done("loaded");
    made.onerror = () => fail(new Error("failed"));
    document.body.append(made);
  });
  const headers = { "x-neurosim": "1" };
  const post = { method: "POST", body: "{}", credentials: "include" };
  return {
    read: await tried(async () => (await fetch(`${at}/api/scene`, { credentials: "include" })).text()),
    marked: await tried(async () => (await fetch(`${at}/api/select`, { ...post, headers })).status),
    plain: await tried(async () => (await fetch(`${at}/api/select`, post)).status),
    script: await tried(() => element("script", { type: "module" })),
    classic: await tried(() => element("script", {})),
    image: await tried(() => element("img", {})),
    socket: await tried(socket),
  };
}"""


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_foreign_page_reads_posts_and_opens_nothing_though_the_user_is_logged_in(
    page_of: Callable[..., Any], show_of: Callable[..., Show], foreign: int, name: str
) -> None:
    hub = Counting(replay())
    show = show_of(hub)
    visit = page_of(show, ready=False)
    visit.page.wait_for_selector("#neurosim-viewer", timeout=PATIENCE_ms)
    other = visit.page.context.new_page()
    visit.page.goto("about:blank")
    eventually(lambda: not _open_sockets(show), "the user's own page is gone")
    hub.asked.clear()
    other.goto(f"http://{name}:{foreign}/")
    got = other.evaluate(TRIES, [show.server.port, "/assets/wire.mjs"])
    assert got == dict.fromkeys(["read", "marked", "plain", "script", "classic", "image", "socket"], "refused")
    # A browser hides answers that did come: the hub must not even have been asked.
    assert hub.asked == []
    # Opened as a page of its own it is the user's to see; inside another it is not.
    other.evaluate(
        "url => { const f = document.createElement('iframe'); f.src = url; document.body.append(f); }", show.address
    )
    other.wait_for_timeout(500)
    assert not [frame for frame in other.frames if frame != other.main_frame and "three cells" in frame.title()]


def test_an_address_without_its_token_says_so(page_of: Callable[..., Any], show_of: Callable[..., Show]) -> None:
    visit = page_of(show_of(replay()).address, ready=False)
    assert "This address needs its token" in visit.page.text_content("main")
    assert visit.foreign == []
