"""``Guard``: stands in front of every page, route and socket, and lets through what names the token's owner.

Nothing is open by default: who adds a route need not think of it. In order: the Host must be ours (DNS rebinding), the
page that asks must be ours (Origin, Sec-Fetch-Site), the login must be known (cookie, or token), requests that change
something need a header that no foreign page can send, then come limits on rate and size. The token is taken from the
address once, answered with a cookie that holds a random ticket, and is in no log.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any

from neurosim.viewer.web.access import Access
from neurosim.viewer.web.headers import REFUSAL_POLICY, Headers, page_policy, with_security
from neurosim.viewer.web.limits import Limits
from neurosim.viewer.web.request import Asked, Scope, asked
from neurosim.viewer.web.tickets import Login, Tickets

AUDIT = logging.getLogger("neurosim.viewer.audit")
"""Logins, refusals and acts; at INFO, so that nothing is printed unless somebody asks for it."""

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_DRAIN_S, _DRAIN_PARTS = 1.0, 256

NEEDS_TOKEN = (
    "This address needs its token. The program that shows this simulation printed an address that ends in ?token= and "
    "a long word: open that address. A token that was used in this browser before is forgotten when the program ends."
)
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<meta name="viewport" content="width=device-width">{more}<title>neurosim: {title}</title></head>
<body><main><h1>{title}</h1><p>{text}</p></main></body></html>
"""


class Refusal(Exception):  # noqa: N818 - no mistake of the program
    """Why something is not answered; ``text`` is ours, never the client's."""

    def __init__(self, status: int, title: str, text: str) -> None:
        super().__init__(title)
        self.status, self.title, self.text = status, title, text


def _refuse_token() -> Refusal:
    return Refusal(403, "Wrong token", NEEDS_TOKEN)


class Guard:
    """An ASGI application in front of another one.

    Parameters
    ----------
    app : ASGI application
    access : Access
    tickets : Tickets
    script_hashes : callable
        Returns the hashes of scripts in pages; asked once, when the first page is.
    limits : Limits
    """

    def __init__(
        self, app: App, access: Access, tickets: Tickets, script_hashes: Callable[[], list[str]], limits: Limits
    ) -> None:
        self._app, self._access, self._tickets, self._limits = app, access, tickets, limits
        self._script_hashes = script_hashes
        self._hashes: list[str] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, pass on or refuse."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        else:
            raise RuntimeError(f"a connection of type {scope['type']!r}; allowed: http, websocket")

    # --- HTTP -------------------------------------------------------------------------------------------------------

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = asked(scope, self._access.cookie)
        path = self._access.inner(request.path)
        try:
            host = self._named(scope, request)
            self._from_us(request, host)
            if request.token is not None:
                await self._log_in(scope, request, send)
                return
            login = self._login(scope, request)
            self._meant(request, path)
            now_s = monotonic()
            if not login.requests.take(now_s) or not (request.method != "POST" or login.posts.take(now_s)):
                raise Refusal(429, "Too many requests", "Wait a moment, then try again.")
            body = await self._body(request, receive)
        except Refusal as refusal:
            _audit(scope, f"refused {refusal.status} ({refusal.title.lower()})")
            await _answer_refusal(request, path, refusal, send)
            return
        scope = dict(scope)
        scope["path"] = path
        scope["raw_path"] = self._access.inner(scope.get("raw_path", b"").decode("latin-1")).encode("latin-1")
        scope["state"] = {**scope.get("state", {}), "login": login}
        await self._app(scope, _replayed(body, receive), self._secured(send, host, path))

    def _secured(self, send: Send, host: str, path: str) -> Send:
        """Return a ``send`` that adds our headers."""
        if self._hashes is None:
            self._hashes = self._script_hashes()
        policy = page_policy(host, self._hashes)
        cache = "no-cache" if path.startswith("/assets/") else "no-store"

        async def sending(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": with_security(list(message.get("headers", [])), policy, cache)}
            await send(message)

        return sending

    def _named(self, scope: Scope, request: Asked) -> str:
        """Return the Host, which must be ours."""
        local = (scope.get("server") or (None,))[0]
        if request.host is None or not self._access.knows(request.host, local):
            raise Refusal(
                403,
                "Unknown address",
                "This server does not answer to the name and port in the address. Use the address that was printed. "
                "Through a tunnel use the same port on both sides; or name what stands in the address with "
                "--allow-host, in Python allowed_hosts.",
            )
        return request.host

    def _from_us(self, request: Asked, host: str) -> None:
        """Let only our own pages ask; anybody may link to the page itself."""
        if request.origin is not None and not self._access.ours(request.origin, host):
            raise Refusal(403, "Foreign page", "The page that asks is not from this server.")
        opened = request.method == "GET" and request.mode == "navigate" and request.dest == "document"
        if request.site in ("cross-site", "same-site") and not opened:
            raise Refusal(403, "Foreign page", "The page that asks is not from this server.")

    def _login(self, scope: Scope, request: Asked) -> Login:
        """Return who asks."""
        if request.key is not None:
            if not self._tickets.accepts(request.key):
                raise _refuse_token()
            return self._tickets.by_header()
        for ticket in request.tickets:
            login = self._tickets.find(ticket)
            if login is not None:
                return login
        raise Refusal(401, "This address needs its token", NEEDS_TOKEN)

    def _meant(self, request: Asked, path: str) -> None:
        """Refuse methods that there are not, and changes that our page did not ask for."""
        if request.method in ("GET", "HEAD"):
            return
        if request.method != "POST":
            raise Refusal(405, "Not allowed", "GET and POST are answered.")
        if request.key is not None:
            return
        if request.origin is None and request.site != "same-origin":
            raise Refusal(403, "Foreign page", "A request that changes something must say which page it is from.")
        if path.startswith("/api/") and not request.marked:
            raise Refusal(403, "Header missing", "Requests to /api that are not GET need the header x-neurosim: 1.")

    async def _log_in(self, scope: Scope, request: Asked, send: Send) -> None:
        """Take the token out of the address: answer with a cookie and the address without it."""
        if request.method != "GET" or not self._tickets.accepts(request.token or ""):
            raise _refuse_token()
        ticket, login = self._tickets.issue()
        _audit(scope, f"login {login.name}")
        home = self._access.root_path + "/"
        secure = "; Secure" if request.secure else ""
        cookie = f"{self._access.cookie}={ticket}; Path={home}; HttpOnly; SameSite=Strict{secure}"
        headers: Headers = [(b"set-cookie", cookie.encode("latin-1"))]
        if request.site in ("cross-site", "same-site"):
            # A SameSite=Strict cookie does not follow a redirect that began on another site; a page of ours that goes
            # on by itself does.
            more = f'<meta http-equiv="refresh" content="0;url={home}">'
            await _answer(send, 200, _PAGE.format(title="Opening", text="The page opens.", more=more), headers)
        else:
            await _answer(send, 303, "", [*headers, (b"location", home.encode("latin-1"))])

    async def _body(self, request: Asked, receive: Receive) -> bytes:
        """Return the whole body; it is small, so whoever reads it later need not mind how it came."""
        large = Refusal(413, "Too large", f"A request has at most {self._limits.body_bytes} bytes.")
        if request.length is not None and request.length < 0:
            raise Refusal(400, "Bad length", "Content-Length is not a number.")
        if request.length is not None and request.length > self._limits.body_bytes:
            await _drained(receive)
            raise large
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._limits.body_s):
                while True:
                    message = await receive()
                    if message["type"] != "http.request":
                        raise Refusal(400, "Gone", "The client went away.")
                    size += len(message.get("body", b""))
                    if size > self._limits.body_bytes:
                        await _drained(receive)
                        raise large
                    parts.append(message.get("body", b""))
                    if not message.get("more_body", False):
                        return b"".join(parts)
        except TimeoutError:
            raise Refusal(408, "Too slow", "The request did not arrive in time.") from None

    # --- sockets ----------------------------------------------------------------------------------------------------

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = asked(scope, self._access.cookie)
        try:
            host = self._named(scope, request)
            if request.origin is None or not self._access.ours(request.origin, host):
                raise Refusal(403, "Foreign page", "The page that asks is not from this server.")
            login = self._login(scope, request)
        except Refusal as refusal:
            _audit(scope, f"refused socket ({refusal.title.lower()})")
            await send({"type": "websocket.close", "code": 1008})
            return
        if login.sockets_n >= self._limits.sockets_n:
            _audit(scope, f"refused socket of {login.name} (too many)")
            await receive()
            offered = scope.get("subprotocols") or [None]
            await send({"type": "websocket.accept", "subprotocol": offered[0]})
            reason = f"at most {self._limits.sockets_n} views at a time; close one"
            await send({"type": "websocket.close", "code": 1013, "reason": reason})
            return
        scope = dict(scope)
        scope["path"] = self._access.inner(request.path)
        scope["state"] = {**scope.get("state", {}), "login": login}
        login.sockets_n += 1
        try:
            await self._app(scope, receive, send)
        finally:
            login.sockets_n -= 1
            self._tickets.seen(login)


def _audit(scope: Scope, what: str) -> None:
    client = scope.get("client") or ("unknown", 0)
    AUDIT.info("%s from %s", what, client[0])


async def _drained(receive: Receive) -> None:
    """Read and forget some of what still comes: a client that is cut while it sends does not see why."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_DRAIN_S):
            for _ in range(_DRAIN_PARTS):
                message = await receive()
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Return a ``receive`` that hands over the body at once, then waits for the client to go."""
    left = [{"type": "http.request", "body": body, "more_body": False}]

    async def receiving() -> dict[str, Any]:
        return left.pop() if left else await receive()

    return receiving


async def _answer(
    send: Send, status: int, text: str, headers: Headers | None = None, *, media_type: str = "text/html; charset=utf-8"
) -> None:
    body = text.encode()
    plain: Headers = [(b"content-type", media_type.encode()), (b"content-length", str(len(body)).encode())]
    start = {"type": "http.response.start", "status": status}
    await send({**start, "headers": with_security([*plain, *(headers or [])], REFUSAL_POLICY, "no-store")})
    await send({"type": "http.response.body", "body": body})


async def _answer_refusal(request: Asked, path: str, refusal: Refusal, send: Send) -> None:
    """Say no: to a person as a page, to a program as JSON."""
    headers: Headers = [(b"connection", b"close")] if refusal.status in (408, 413) else []
    if refusal.status == 401:
        headers.append((b"www-authenticate", b"token"))
    if refusal.status == 429:
        headers.append((b"retry-after", b"1"))
    if path.startswith("/api/"):
        text = json.dumps({"error": f"{refusal.title}: {refusal.text}"})
        await _answer(send, refusal.status, text, headers, media_type="application/json")
    else:
        page = _PAGE.format(title=refusal.title, text=refusal.text, more="")
        await _answer(send, refusal.status, page, headers)
