"""A page with nothing but the 3-D view, and a small server for it: for tests of the view alone, and to look at it.

The stream is not a WebSocket here: the page posts each message and gets the client's answers back, and frames of
activity come only when the page asks for a turn or a test feeds them. So a test decides what happens when.
``python -m tests.browser.bare_page [cells]`` serves an invented scene on a free port and prints the address.
"""

from __future__ import annotations

import base64
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from neurosim.viewer.hub import Hub
from neurosim.viewer.source import Source

ASSETS = Path(__file__).resolve().parents[2] / "viewer" / "web" / "assets"
PAGE = Path(__file__).with_name("bare_page.html")


class BareServer:
    """Serves the bare page and one source on a free port of the loopback until it is closed."""

    def __init__(self, source: Source) -> None:
        self.hub = Hub(source)
        self.clients = {}  # type: ignore[var-annotated]
        self.lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"bare": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}/"

    def close(self) -> None:
        """End the server and the source."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)
        self.hub.close()

    def talk(self, name: str, text: str | None, now_s: float) -> list[dict[str, str]]:
        """Return a client's answers to a message, or its turn."""
        with self.lock:
            client = self.clients.setdefault(name, self.hub.client())
            out = client.turn(now_s) if text is None else client.receive(text)
        return [said(item) for item in out]


def said(item: str | bytes) -> dict[str, str]:
    """Return something the server sends as JSON for the bare page."""
    if isinstance(item, str):
        return {"text": item}
    return {"bytes": base64.b64encode(item).decode()}


class _Handler(BaseHTTPRequestHandler):
    bare: BareServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        if address.path == "/":
            self._answer(200, "text/html; charset=utf-8", PAGE.read_bytes())
        elif address.path.startswith("/api/"):
            self._api(address.path, dict(parse_qsl(address.query)), None)
        else:
            name = address.path.strip("/")
            file = (PAGE.parent if name.startswith("bare_page.") else ASSETS) / name
            found = "/" not in name and file.is_file()
            kind = "text/css" if name.endswith(".css") else "text/javascript"
            self._answer(200 if found else 404, kind, file.read_bytes() if found else b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        address = urlsplit(self.path)
        if address.path != "/talk":
            self._api(address.path, {}, body)
            return
        message: dict[str, Any] = json.loads(body)
        answers = self.bare.talk(message["name"], message.get("text"), message.get("now_s", 0.0))
        self._answer(200, "application/json", json.dumps(answers).encode())

    def _api(self, path: str, query: dict[str, str], body: bytes | None) -> None:
        answer = self.bare.hub.answer(path, query, body)
        self._answer(answer.status, answer.media_type, answer.body)

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", "default-src 'self'; img-src 'self' data: blob:")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def main() -> None:
    """Serve an invented scene until the keyboard interrupts."""
    from tests.viewer_scenes import many_cells, three_cells
    from tests.viewer_sources import invented_source

    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    scene = three_cells() if n == 3 else many_cells(n)
    server = BareServer(invented_source(scene, stop_ms=2000.0, rate_Hz=8.0, traced=min(n, 300)))
    print(server.address, flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        server.close()


if __name__ == "__main__":
    main()
