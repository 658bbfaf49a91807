"""uvicorn's two protocols, changed where a stranger could use them: no addresses in logs, no connection for ever."""

from __future__ import annotations

import logging
from typing import Any

SOCKETS = logging.getLogger("neurosim.viewer.server.sockets")
# Below, it would hold whole requests with cookies and tokens, and a line for whatever a stranger sends.
SOCKETS.setLevel(logging.ERROR)


def http_protocol(head_s: float) -> type:
    """Return uvicorn's protocol for HTTP, which gives up on a client that takes long to ask.

    Parameters
    ----------
    head_s : float
        Time for the first line and the headers; bodies have their own limit.
    """
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Http(H11Protocol):  # type: ignore[misc]
        """One connection."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.logger = SOCKETS
            self._last: Any = self

        def connection_made(self, transport: Any) -> None:
            """Begin, and look at it now and then."""
            super().connection_made(transport)
            self.loop.call_later(head_s, self._look)

        def _look(self) -> None:
            """End the connection when no request was begun or in hand since the last look."""
            if self.transport.is_closing() or self.transport.get_protocol() is not self:
                return
            waits = self.cycle is None or self.cycle.response_complete
            if waits and self._last is self.cycle:
                self.transport.abort()
                return
            self._last = self.cycle
            self.loop.call_later(head_s, self._look)

    return Http


def socket_protocol() -> type:
    """Return uvicorn's protocol for WebSockets, which can be cut off and ends soon."""
    from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

    class Socket(WebSocketsSansIOProtocol):  # type: ignore[misc]
        """One connection."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.logger = self.conn.logger = SOCKETS
            self.close_timeout = 1.0

        async def run_asgi(self) -> None:
            """Give the application a way to end what does not read."""
            self.scope["state"]["abort"] = self.transport.abort
            await super().run_asgi()

        def shutdown(self) -> None:
            """Say goodbye, and go soon even if nobody listens."""
            super().shutdown()
            self.loop.call_later(0.3, self.transport.abort)

    return Socket
