"""``Server``: uvicorn in a thread of this process, with one hub, one token and the guard before everything.

The simulation runs in the main thread; the server has its own thread and event loop and ends when asked, whoever is
connected. Nothing is printed and no address with a token is logged.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from neurosim.errors import MissingExtraError, ModelError, SimulationError
from neurosim.viewer.web.access import Access, is_loopback
from neurosim.viewer.web.limits import Limits
from neurosim.viewer.web.protocols import http_protocol, socket_protocol
from neurosim.viewer.web.security import Guard
from neurosim.viewer.web.tickets import Tickets
from neurosim.viewer.web.workers import Workers

if TYPE_CHECKING:
    from neurosim.viewer.hub import Hub
    from neurosim.viewer.web.panels.panel import Panel

LOG = logging.getLogger("neurosim.viewer.server")
START_S, STOP_S = 20.0, 2.5
_REQUESTS, _STREAMS = 6, 4
"""Threads."""


def _listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With its protocol named, asyncio sends at once what is written; without, answers wait 40 ms to be acknowledged.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(128)
    except (OSError, OverflowError) as error:
        listening.close()
        raise SimulationError(
            f"serve(host={host!r}, port={port}): cannot listen there ({error}); another program may use the port: "
            "port=0 takes a free one"
        ) from error
    return listening


def _names(host: str) -> tuple[str, ...]:
    """Return what may stand in Host when we listen at an address."""
    if host in ("0.0.0.0", "::"):
        own = socket.gethostname()
        found = {own, socket.getfqdn(), "localhost", "127.0.0.1", "[::1]"}
        try:
            found |= {str(entry[4][0]) for entry in socket.getaddrinfo(own, None)}
        except OSError:
            LOG.info("the addresses of %s are not known; name them in allowed_hosts", own)
        return tuple(sorted(f"[{name}]" if ":" in name and name[0] != "[" else name for name in found))
    if is_loopback(host):
        return ("127.0.0.1", "localhost", "[::1]")
    return (f"[{host}]" if ":" in host else host,)


def _checked_root(root_path: str) -> str:
    root = root_path.rstrip("/")
    if root and (not root.startswith("/") or "//" in root or not all(c.isalnum() or c in "/-_.~@" for c in root)):
        raise ModelError(f"serve(root_path={root_path!r}): a path such as '/user/ann/proxy/8050' is wanted")
    return root


class Server:
    """A running server.

    Parameters
    ----------
    hub : Hub
        What is shown; not closed with the server.
    host, port : str, int
        Where to listen; port 0 takes a free one.
    token : str, optional
        Default: a new one.
    allow_remote : bool
        Listen at an address that others reach.
    allowed_hosts : sequence of str
        Names in Host beside our own, as a reverse proxy passes them on.
    root_path : str
        What a reverse proxy puts before our paths.
    panels : sequence of Panel, optional
    limits : Limits, optional

    Attributes
    ----------
    app : Dash
        The application behind the guard.
    loop : asyncio.AbstractEventLoop
        Where it runs.
    """

    def __init__(
        self,
        hub: Hub,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str | None = None,
        allow_remote: bool = False,
        allowed_hosts: Sequence[str] = (),
        root_path: str = "",
        panels: Sequence[Panel] | None = None,
        limits: Limits | None = None,
    ) -> None:
        if not is_loopback(host) and not allow_remote:
            raise ModelError(
                f"serve(host={host!r}): other machines would reach this address; allowed without a flag: 127.0.0.1; "
                "say allow_remote=True if that is meant, best behind a proxy that speaks TLS"
            )
        if token is not None and len(token) < 16:
            raise ModelError(f"serve(token=...): it has {len(token)} characters; at least 16 are wanted")
        root, limits = _checked_root(root_path), limits or Limits()
        uvicorn = _uvicorn()
        # Dash is the slow part; what it cannot do is known before anything listens.
        from neurosim.viewer.web.app import build_app

        # Pictures are waited for by requests; the streams go on meanwhile.
        self._workers = (Workers(_REQUESTS), Workers(_STREAMS))
        self.app = build_app(hub, *self._workers, root_path=root, panels=panels, limits=limits)
        listening = _listen("127.0.0.1" if host == "localhost" else host, port)
        self.host, self.port, self.root_path = host, int(listening.getsockname()[1]), root
        self.token = secrets.token_urlsafe(32) if token is None else token
        self.access = Access(self.port, _names(host), tuple(allowed_hosts), root)
        self.tickets = Tickets(self.token, limits)
        guard = Guard(self.app.server, self.access, self.tickets, lambda: list(self.app.csp_hashes()), limits)
        config = uvicorn.Config(
            guard,
            http=http_protocol(limits.head_s),
            ws=socket_protocol(),
            ws_max_size=limits.message_bytes,
            ws_per_message_deflate=False,
            loop="asyncio",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._listening = listening
        self.loop: asyncio.AbstractEventLoop
        self._thread = threading.Thread(target=self._run, name="neurosim-server", daemon=True)
        self._thread.start()
        self._await_start()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception:
            LOG.exception("the server ended")

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        await self._server.serve(sockets=[self._listening])

    def _await_start(self) -> None:
        waiting = threading.Event()
        for _ in range(int(START_S / 0.01)):
            if self._server.started or not self._thread.is_alive():
                break
            waiting.wait(0.01)
        if not self._server.started:
            self.close()
            raise SimulationError(f"serve(host={self.host!r}, port={self.port}): the server did not start")

    @property
    def running(self) -> bool:
        """Whether it answers."""
        return self._thread.is_alive() and not self._server.should_exit

    def close(self) -> None:
        """End it, with whatever is connected; at most 3 s."""
        self._server.should_exit = True
        self._thread.join(STOP_S)
        if self._thread.is_alive():
            LOG.warning("connections did not end in time; they end with the process")
        self._listening.close()
        for workers in self._workers:
            workers.close()


def _uvicorn() -> Any:
    """Return the package, which is optional."""
    try:
        import uvicorn
        import websockets  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("the page", error.name or "uvicorn", "viewer") from error
    return uvicorn
