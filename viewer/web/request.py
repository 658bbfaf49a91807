"""``Asked``: the facts of a request or socket that decide whether it is answered. It decides nothing."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

Scope = MutableMapping[str, Any]


@dataclass(frozen=True)
class Asked:
    """What a client sent.

    Parameters
    ----------
    method, path : str
        ``"WEBSOCKET"`` for a socket; the path as the browser wrote it, decoded.
    host : str or None
        The one Host header, in lower case; None when there is none or several.
    origin : str or None
        Host and port of the Origin header, ``""`` when it is no web address; None without the header.
    site, mode, dest : str
        The Sec-Fetch headers, empty where the browser sends none.
    token : str or None
        Of ``?token=``.
    key : str or None
        Of ``Authorization: token ...``.
    tickets : tuple of str
        Values of the cookie that is ours.
    marked : bool
        Has the header ``x-neurosim: 1``, which no foreign page can send.
    secure : bool
        The browser sees https.
    length : int or None
        Content-Length; -1 when it is no number.
    """

    method: str
    path: str
    host: str | None
    origin: str | None
    site: str
    mode: str
    dest: str
    token: str | None
    key: str | None
    tickets: tuple[str, ...]
    marked: bool
    secure: bool
    length: int | None


def _origin(text: str) -> str:
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    plain = parts.scheme in ("http", "https") and not (
        parts.path or parts.query or parts.fragment or "@" in parts.netloc
    )
    return parts.netloc.lower() if plain else ""


def _cookies(headers: list[str], name: str) -> tuple[str, ...]:
    pairs = (part.strip().partition("=") for header in headers for part in header.split(";"))
    return tuple(value for key, _, value in pairs if key == name)


def asked(scope: Scope, cookie: str) -> Asked:
    """Return the facts of an ASGI scope; ``cookie`` is the name of ours."""
    found: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))

    def only(name: str) -> str | None:
        values = found.get(name, [])
        return values[0].strip() if len(values) == 1 else None

    hosts, origins = found.get("host", []), found.get("origin", [])
    words = (only("authorization") or "").split(None, 1)
    length = only("content-length")
    tokens = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [])
    return Asked(
        method=scope.get("method", "WEBSOCKET").upper(),
        path=scope["path"],
        host=hosts[0].strip().lower() if len(hosts) == 1 else None,
        origin=None if not origins else _origin(origins[0].strip()) if len(origins) == 1 else "",
        site=only("sec-fetch-site") or "",
        mode=only("sec-fetch-mode") or "",
        dest=only("sec-fetch-dest") or "",
        token=tokens[0] if tokens else None,
        key=words[1] if len(words) == 2 and words[0].lower() == "token" else None,
        tickets=_cookies(found.get("cookie", []), cookie),
        marked=only("x-neurosim") == "1",
        secure=scope.get("scheme") in ("https", "wss") or only("x-forwarded-proto") == "https",
        length=None if "content-length" not in found else int(length) if length and length.isdecimal() else -1,
    )
