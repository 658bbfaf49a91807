"""``serve``: show a source in a browser. Starts the server in a thread of this process and returns a ``Show``.

Nothing is printed: the address with its token is ``Show.url``, for whoever started it.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from neurosim.interrupts import interrupts
from neurosim.viewer.browser import Opening

if TYPE_CHECKING:
    from neurosim.viewer.hub import Hub
    from neurosim.viewer.source import Source
    from neurosim.viewer.web.limits import Limits
    from neurosim.viewer.web.panels.panel import Panel
    from neurosim.viewer.web.server import Server

_CLOSE_S = 0.5


class Show:
    """A page that is being served.

    Parameters
    ----------
    server : Server
    hub : Hub
        Closed with the show.
    """

    def __init__(self, server: Server, hub: Hub) -> None:
        self._server, self._hub = server, hub
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._opening = Opening(self.url)

    @property
    def token(self) -> str:
        """The secret in ``url``."""
        return self._server.token

    @property
    def address(self) -> str:
        """Where the page is, without the token."""
        host = "127.0.0.1" if self._server.host in ("0.0.0.0", "localhost") else self._server.host
        host = "[::1]" if host == "::" else f"[{host}]" if ":" in host else host
        return f"http://{host}:{self._server.port}/"

    @property
    def url(self) -> str:
        """Where the page is, with the token: open it in a browser; whoever has it can watch and act."""
        return f"{self.address}?token={self.token}"

    @property
    def remote_url(self) -> str | None:
        """The same for other machines, by this one's name; None when it is not for them."""
        if self._server.host not in ("0.0.0.0", "::"):
            return None
        return f"http://{socket.gethostname()}:{self._server.port}/?token={self.token}"

    @property
    def hub(self) -> Hub:
        """What is shown."""
        return self._hub

    @property
    def server(self) -> Server:
        """The server."""
        return self._server

    @property
    def running(self) -> bool:
        """Whether the page is still there."""
        return not self._ended.is_set() and self._server.running

    def open_browser(self) -> bool:
        """Open the page in a browser; return whether there was one."""
        return self._opening.open()

    def wait(self, notice: str = "") -> None:
        """Print a notice, wait until ``close`` is called, then return; after Ctrl-C too, from the notice on."""
        try:
            # An exception could be lost in a callback that is just running; a wait without an end hears no signal.
            with interrupts() as stopped:
                if notice:
                    print(notice, flush=True)
                while not (self._ended.wait(0.2) or stopped) and self._server.running:
                    pass
        except KeyboardInterrupt:
            pass
        finally:
            self.close()

    def close(self) -> None:
        """End the server and its connections, within 3 s, and let the source go."""
        with self._lock:
            if self._ended.is_set():
                return
            self._ended.set()
        self._opening.close()
        self._server.close()
        # A movie that is being drawn is given up at its next picture; that is not waited for.
        closing = threading.Thread(target=self._hub.close, name="neurosim-closing", daemon=True)
        closing.start()
        closing.join(_CLOSE_S)

    def __enter__(self) -> Show:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Show({self.address!r}, {'running' if self.running else 'closed'})"

    def _repr_html_(self) -> str:
        if not self.running:
            return "<p>This page was closed.</p>"
        link = f'<a href="{escape(self.url)}" target="_blank" rel="noopener noreferrer">{escape(self.address)}</a>'
        return f"<p>Watch at {link}</p>"


def serve(
    source: Source | Hub,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    token: str | None = None,
    open_browser: bool = False,
    allow_remote: bool = False,
    allowed_hosts: Sequence[str] = (),
    root_path: str = "",
    panels: Sequence[Panel] | None = None,
    limits: Limits | None = None,
) -> Show:
    """Serve the page of a source from a thread of this process.

    Parameters
    ----------
    source : Source or Hub
        What is shown; closed with the show.
    host, port : str, int
        Where to listen; port 0 takes a free one. Another host than this machine's own needs ``allow_remote``.
    token : str, optional
        The secret that opens the page, at least 16 characters; default: a new one.
    open_browser : bool
        Open the page.
    allow_remote : bool
        Listen where other machines reach it. There is no TLS: use a proxy that speaks it.
    allowed_hosts : sequence of str
        Names in Host, as a reverse proxy passes them on: ``"lab.example.org"``, ``"localhost:8888"``.
    root_path : str
        What a reverse proxy puts before the paths: ``"/user/ann/proxy/8050"``.
    panels : sequence of Panel, optional
        Default: all that are found.
    limits : Limits, optional
        Rates and sizes.

    Returns
    -------
    Show
        Its ``url``, ``wait()`` and ``close()``; also a context manager.

    Raises
    ------
    MissingExtraError
        The extra ``viewer`` is not installed.
    ModelError
        The host, token or path is not allowed.
    SimulationError
        The port is taken.
    """
    from neurosim.viewer.hub import Hub
    from neurosim.viewer.web.server import Server

    hub = source if isinstance(source, Hub) else Hub(source)
    options: dict[str, Any] = {"allowed_hosts": allowed_hosts, "root_path": root_path, "panels": panels}
    server = Server(hub, host=host, port=port, token=token, allow_remote=allow_remote, limits=limits, **options)
    show = Show(server, hub)
    if open_browser:
        show.open_browser()
    return show
