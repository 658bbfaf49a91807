"""The page's transport against the real server: it opens, it comes back by itself after the server was gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from neurosim.viewer.launch import serve
from neurosim.viewer.memory_source import MemorySource
from tests.viewer_scenes import three_cells

PATIENCE_ms = 60_000

OPEN = """
async () => {
  const { WebTransport } = await import("/assets/transport.mjs");
  const seen = { states: [], messages: [], frames: 0 };
  const transport = new WebTransport("");
  transport.onstate = (state) => {
    seen.states.push(state);
    if (state === "open") transport.send({ type: "hello", version: 1 });
  };
  transport.onmessage = (message) => seen.messages.push(message.type);
  transport.onframe = () => { seen.frames += 1; };
  Object.assign(globalThis, { seen, transport });
}
"""


def replay() -> MemorySource:
    """Return three cells of which one fires."""
    return MemorySource(three_cells(), [1], [50.0], stop_ms=100.0)


def test_the_transport_opens_and_fetches_and_posts(show_of: Callable[..., Any], page_of: Callable[..., Any]) -> None:
    page = page_of(show_of(replay()), ready=False).page
    page.evaluate(OPEN)
    page.wait_for_function("() => seen.messages.includes('welcome') && seen.frames > 0", timeout=PATIENCE_ms)
    assert page.evaluate("() => seen.states") == ["connecting", "open"]
    assert page.evaluate("async () => (await transport.getJSON('/api/scene')).n") == 3
    query = "async () => [...new Uint32Array(await transport.post('/api/select', { row: '2' }))]"
    assert page.evaluate(query) == [2]
    refused = page.evaluate("async () => transport.get('/api/node/99').catch((error) => error.message)")
    assert "404" in refused


def test_the_transport_comes_back_after_the_server_was_gone(page_of: Callable[..., Any]) -> None:
    token = "a-token-that-both-servers-have-in-common-0123456789"
    with serve(replay(), token=token) as show:
        port = urlsplit(show.address).port or 0
        page = page_of(show, ready=False).page
        # Somewhere on the server where our page is not: it would open itself again when another server answers.
        page.goto(f"{show.address}/assets/wire.mjs")
        page.evaluate(OPEN)
        page.wait_for_function("() => seen.states.at(-1) === 'open'", timeout=PATIENCE_ms)
    page.wait_for_function("() => seen.states.includes('lost')", timeout=PATIENCE_ms)
    assert page.evaluate("() => transport.send({ type: 'hello', version: 1 })") is False
    with serve(replay(), token=token, port=port) as show:
        # The cookie was of the server before: the page logs in again with the same token.
        page.evaluate("async (url) => { await fetch(url); }", show.url)
        page.evaluate("() => { seen.messages = []; }")
        page.wait_for_function("() => seen.messages.includes('welcome')", timeout=PATIENCE_ms)
        assert page.evaluate("() => seen.states.at(-1)") == "open"
