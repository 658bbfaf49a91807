"""``Tickets``: who is logged in.

A login begins when a token is accepted and belongs to the browser that has its cookie. The cookie holds a random
ticket, never the token. A client that sends the token in ``Authorization`` with each request shares one login with all
such clients. Logins live in memory: a new server knows none.
"""

from __future__ import annotations

import hmac
import secrets
import threading
from collections import deque
from collections.abc import Callable
from time import monotonic

from neurosim.viewer.web.limits import Bucket, Limits

_MOVIES = 64


class Login:
    """One accepted token, until its cookie is forgotten.

    Attributes
    ----------
    name : str
        For the audit log; no secret.
    sockets_n : int
        Open sockets.
    """

    def __init__(self, limits: Limits, now_s: float) -> None:
        self.name = secrets.token_hex(4)
        self.sockets_n = 0
        self._movies: deque[str] = deque(maxlen=_MOVIES)
        self.seen_s = now_s
        self.requests = Bucket(limits.requests_per_s, limits.requests_burst, now_s)
        self.posts = Bucket(limits.posts_per_s, limits.posts_burst, now_s)

    def own(self, movie: str) -> None:
        """Remember a movie that this login asked for; the oldest of many is forgotten."""
        self._movies.append(movie)

    def owns(self, movie: str) -> bool:
        """Return whether this login asked for a movie."""
        return movie in self._movies


class Tickets:
    """The logins of one server, by ticket.

    Parameters
    ----------
    token : str
        What opens the door.
    limits : Limits
    clock : callable
        A monotonic clock in s; tests give their own.
    """

    def __init__(self, token: str, limits: Limits, clock: Callable[[], float] = monotonic) -> None:
        if len(token) < 16:
            raise ValueError("a token has at least 16 characters")
        self._token, self._limits, self._clock = token.encode(), limits, clock
        self._logins: dict[str, Login] = {}
        self._by_header: Login | None = None
        self._lock = threading.Lock()

    def accepts(self, token: str) -> bool:
        """Return whether this is the token, in a time that does not depend on where it differs."""
        return hmac.compare_digest(token.encode("utf-8", "surrogateescape"), self._token)

    def issue(self) -> tuple[str, Login]:
        """Return a new ticket and its login; the one not used for longest goes when there are too many."""
        now_s = self._clock()
        with self._lock:
            self._forget(now_s)
            while len(self._logins) >= self._limits.logins_n:
                del self._logins[min(self._logins, key=self._use)]
            ticket, login = secrets.token_urlsafe(32), Login(self._limits, now_s)
            self._logins[ticket] = login
        return ticket, login

    def find(self, ticket: str) -> Login | None:
        """Return the login of a ticket, or None; a login with an open socket does not run out."""
        now_s = self._clock()
        with self._lock:
            self._forget(now_s)
            login = self._logins.get(ticket)
            if login is not None:
                login.seen_s = now_s
        return login

    def by_header(self) -> Login:
        """Return the login of the clients that send the token with each request."""
        with self._lock:
            if self._by_header is None:
                self._by_header = Login(self._limits, self._clock())
            return self._by_header

    def seen(self, login: Login) -> None:
        """Note that a login was used until now: a socket of it ended."""
        login.seen_s = self._clock()

    def _use(self, ticket: str) -> tuple[bool, float]:
        login = self._logins[ticket]
        return login.sockets_n > 0, login.seen_s

    def _forget(self, now_s: float) -> None:
        old = now_s - self._limits.login_idle_s
        for ticket in [t for t, login in self._logins.items() if login.seen_s < old and not login.sockets_n]:
            del self._logins[ticket]
