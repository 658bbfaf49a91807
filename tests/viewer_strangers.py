"""What strangers try on the viewer's server, and how to look at what they get."""

from __future__ import annotations

import re
import socket
from html.parser import HTMLParser
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from neurosim.viewer.launch import Show
from tests.viewer_server import PATIENCE_s, Visitor

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


def said(show: Show, data: bytes) -> bytes:
    """Return what the server answers to bytes, until it closes."""
    with socket.create_connection(("127.0.0.1", show.server.port), PATIENCE_s) as tcp:
        tcp.sendall(data)
        answer = b""
        while part := tcp.recv(65536):
            answer += part
    return answer


def posts_of(show: Show) -> list[str]:
    """Return the paths that take a POST."""
    return [path for method, path in routes_of(show) if method == "POST"]


def policy_of(text: str) -> dict[str, list[str]]:
    """Return a Content-Security-Policy by directive."""
    return {words[0]: words[1:] for words in (part.split() for part in text.split(";")) if words}


class Scripts(HTMLParser):
    """The scripts of a page: their text, and where they come from."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = False
        self.text: list[str] = []
        self.sources: list[str] = []
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it."""
        given = dict(attrs)
        self.handlers += [name for name in given if name.startswith("on")]
        if tag == "script" and given.get("type") != "application/json":
            self.sources += [given["src"] or ""] if "src" in given else []
            self.inside = "src" not in given

    def handle_data(self, data: str) -> None:
        """Note it."""
        self.text += [data] if self.inside else []

    def handle_endtag(self, tag: str) -> None:
        """Note it."""
        self.inside = False


def get_head(visitor: Visitor, path: str) -> bytes:
    """Return a request whose path no client tidies up."""
    lines = [
        f"GET {path} HTTP/1.1", f"Host: {visitor.origin[7:]}", f"Cookie: {visitor.cookie}", "Connection: close", "", "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode()


def post_head(visitor: Visitor, length: str) -> bytes:
    """Return the head of a POST whose body is still to come."""
    lines = [
        "POST /api/select HTTP/1.1", f"Host: {visitor.origin[7:]}", f"Origin: {visitor.origin}", "X-Neurosim: 1",
        f"Cookie: {visitor.cookie}", "Content-Type: application/json", length, "", "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode()
