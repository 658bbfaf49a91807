"""What every answer says to the browser: nothing from elsewhere, no frames elsewhere, no guessing of types."""

from __future__ import annotations

from collections.abc import Iterable

Headers = list[tuple[bytes, bytes]]

ALWAYS: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
]


def page_policy(host: str, script_hashes: Iterable[str]) -> str:
    """Return the Content-Security-Policy of the pages.

    Parameters
    ----------
    host : str
        Host and port the page came from; not every browser counts ``ws:`` of it as ``'self'``.
    script_hashes : iterable of str
        Hashes of the scripts that stand in the page itself.

    Notes
    -----
    Styles in the page are allowed: Dash's components make ``<style>`` elements and Plotly sets ``style`` attributes
    while they run. With ``style-src 'self'``, or with ``style-src-attr 'none'``, Chromium refuses dozens of them.
    """
    scripts = " ".join(["'self'", *script_hashes])
    return (
        f"default-src 'self'; script-src {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        f"media-src 'self' blob:; font-src 'self' data:; connect-src 'self' ws://{host} wss://{host}; "
        "worker-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'self'; object-src 'none'"
    )


REFUSAL_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""Of pages that only say no."""


def with_security(headers: Headers, policy: str, cache: str) -> Headers:
    """Return an answer's headers with ours; ``cache`` is Cache-Control where the answer has none of its own."""
    ours = {name for name, _ in ALWAYS} | {b"content-security-policy", b"server", b"access-control-allow-origin"}
    kept = [(name.lower(), value) for name, value in headers if name.lower() not in ours]
    # What a login may see is not for caches that several people share.
    kept = [(n, v.replace(b"public", b"private") if n == b"cache-control" else v) for n, v in kept]
    if not any(name == b"cache-control" for name, _ in kept):
        kept.append((b"cache-control", cache.encode()))
    return [*kept, *ALWAYS, (b"content-security-policy", policy.encode("latin-1"))]
