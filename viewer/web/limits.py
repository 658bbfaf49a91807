"""``Limits``: how much one client may ask of the server. Others keep them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds on what a client can make the server hold or do.

    Parameters
    ----------
    body_bytes, body_s : int, float
        Size of a request's body and the time it may take to arrive.
    head_s : float
        Time between two looks at a connection; one without a request from one to the next is cut.
    message_bytes : int
        Size of a WebSocket message from the client.
    logins_n, login_idle_s : int, float
        Logins that are remembered, and for how long without a request.
    sockets_n : int
        Open sockets of one login.
    requests_per_s, requests_burst : float
        Requests of one login.
    posts_per_s, posts_burst : float
        Those of them that are not GET.
    messages_per_s, messages_burst : float
        Messages on one socket.
    hello_s : float
        Time a new socket has for its first message.
    idle_s : float
        A socket without a message for so long is closed.
    stall_s : float
        A socket that takes no bytes for so long is cut.
    turns_per_s : float
        How often a socket is asked for frames.
    """

    body_bytes: int = 1 << 20
    body_s: float = 20.0
    head_s: float = 15.0
    message_bytes: int = 1 << 16
    logins_n: int = 64
    login_idle_s: float = 12 * 3600.0
    sockets_n: int = 8
    requests_per_s: float = 200.0
    requests_burst: float = 2000.0
    posts_per_s: float = 20.0
    posts_burst: float = 60.0
    messages_per_s: float = 200.0
    messages_burst: float = 600.0
    hello_s: float = 10.0
    idle_s: float = 3600.0
    stall_s: float = 20.0
    turns_per_s: float = 30.0


class Bucket:
    """A rate limit: ``burst`` at once, ``per_s`` in the long run.

    Parameters
    ----------
    per_s, burst : float
        How many.
    now_s : float
        A monotonic clock.
    """

    def __init__(self, per_s: float, burst: float, now_s: float) -> None:
        self._per_s, self._burst, self._left, self._then_s = per_s, burst, burst, now_s

    def take(self, now_s: float) -> bool:
        """Return whether one more is allowed now, and count it."""
        self._left = min(self._burst, self._left + (now_s - self._then_s) * self._per_s)
        self._then_s = now_s
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True
