"""A served scene of three cells, and visitors of it: with a cookie, with a token, or with neither."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
from websockets.sync.client import ClientConnection, connect

from neurosim.viewer.client import Client
from neurosim.viewer.hub import Hub
from neurosim.viewer.launch import Show, serve
from neurosim.viewer.memory_source import MemorySource
from tests.viewer_scenes import three_cells

PATIENCE_s = 60.0
"""How long a test waits for what must happen soon, on a machine that is busy."""


def replay(stop_ms: float = 100.0) -> MemorySource:
    """Return a source in which the three cells fire in turn, each ms."""
    times = [t + 0.5 for t in range(int(stop_ms))]
    return MemorySource(three_cells(), [k % 3 for k in range(len(times))], times, stop_ms=stop_ms)


@contextmanager
def showing(source: Any = None, **options: Any) -> Iterator[Show]:
    """Serve a source, and end it."""
    with serve(replay() if source is None else source, **options) as show:
        yield show


class Visitor:
    """Somebody with a browser.

    Parameters
    ----------
    show : Show
    login : bool
        Opens the address with the token first.
    """

    def __init__(self, show: Show, *, login: bool = True) -> None:
        self.show = show
        self.http = httpx2.Client(base_url=show.address, timeout=PATIENCE_s, trust_env=False)
        if login:
            assert self.http.get(f"/?token={show.token}").status_code == 303

    def __enter__(self) -> Visitor:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    @property
    def origin(self) -> str:
        """Where our page is from."""
        return self.show.address.rstrip("/")

    @property
    def cookie(self) -> str:
        """The Cookie header."""
        return "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())

    def get(self, path: str, **headers: str) -> httpx2.Response:
        """Return the answer to a GET; underscores in names of headers stand for hyphens."""
        return self.http.get(path, headers=_named(headers))

    def post(self, path: str, body: bytes | str = b"{}", **headers: str) -> httpx2.Response:
        """Return the answer to a POST as our page sends it."""
        ours = {"origin": self.origin, "x-neurosim": "1", "content-type": "application/json", **_named(headers)}
        return self.http.post(path, content=body, headers={k: v for k, v in ours.items() if v})

    @contextmanager
    def socket(
        self,
        path: str = "ws/v1/stream",
        *,
        origin: str | None = "",
        headers: dict[str, str] | None = None,
        host: str = "",
        **more: Any,
    ) -> Iterator[ClientConnection]:
        """Open a socket as our page does; ``host`` stands in Host and is not where it leads."""
        sent = {"Cookie": self.cookie} if headers is None else headers
        where = self.show.address.replace("http", "ws") + path
        if host:
            where = f"ws://{host}/{path}"
            more["sock"] = socket.create_connection(("127.0.0.1", self.show.server.port), PATIENCE_s)
        options = {"subprotocols": ["nv1"], "proxy": None, "compression": None, "open_timeout": PATIENCE_s, **more}
        options["origin"] = self.origin if origin == "" else origin
        with connect(where, additional_headers=sent, **options) as opened:
            yield opened


def logins_of(show: Show) -> list[Any]:
    """Return the logins of browsers."""
    return list(show.server.tickets._logins.values())


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


def connection_to(show: Show) -> socket.socket:
    """Return a connection with a small buffer, on which nothing is said yet."""
    tcp = socket.create_connection(("127.0.0.1", show.server.port), PATIENCE_s)
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    return tcp


def handshake(visitor: Visitor) -> bytes:
    """Return the bytes that open a socket."""
    lines = [
        "GET /ws/v1/stream HTTP/1.1", f"Host: {visitor.origin[7:]}", "Upgrade: websocket", "Connection: Upgrade",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Protocol: nv1",
        f"Origin: {visitor.origin}", f"Cookie: {visitor.cookie}",
    ]  # fmt: skip
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def hello(ws: ClientConnection) -> dict[str, Any]:
    """Begin a conversation and return the welcome."""
    ws.send(json.dumps({"type": "hello", "version": 1}))
    for _ in range(100):
        message = ws.recv(timeout=PATIENCE_s)
        if isinstance(message, str) and json.loads(message)["type"] == "welcome":
            welcome: dict[str, Any] = json.loads(message)
            return welcome
    raise AssertionError("no welcome among 100 messages")


def eventually(holds: Callable[[], Any], what: str) -> Any:
    """Wait until something holds; fail with ``what`` when it never does."""
    end = time.monotonic() + PATIENCE_s
    while time.monotonic() < end:
        found = holds()
        if found:
            return found
        threading.Event().wait(0.02)
    raise AssertionError(f"{what}: not within {PATIENCE_s:g} s")


def tasks_n(show: Show) -> int:
    """Return the number of coroutines that the server runs."""

    async def count() -> int:
        return len(asyncio.all_tasks())

    return asyncio.run_coroutine_threadsafe(count(), show.server.loop).result(PATIENCE_s)


def end_of(ws: ClientConnection) -> tuple[int, str]:
    """Read until the other side closes; return the code and reason."""
    from websockets.exceptions import ConnectionClosed

    try:
        for _ in range(1000):
            ws.recv(timeout=PATIENCE_s)
    except ConnectionClosed as closed:
        return (0, "") if closed.rcvd is None else (closed.rcvd.code, closed.rcvd.reason)
    raise AssertionError("1000 messages, and no end")
