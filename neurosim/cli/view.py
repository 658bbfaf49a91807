"""``neurosim view``: watch a run or its results in a browser."""

from __future__ import annotations

import argparse
import gc
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from neurosim.errors import ModelError, SimulationError

_BROWSER_S = 3.0
TOO_LARGE = 1
_WHAT = "folder of results, config.json, spikes .h5, a scene file (.scene.h5), or http://…"


def add(subparsers: Any) -> None:
    """Declare the arguments."""
    parser = subparsers.add_parser(
        "view",
        help="watch a run or its results in 3-D, in a browser",
        description="Serve the page that shows a run's results, print its address and serve until Ctrl-C. Files that "
        "a run is still writing are followed. An http address of another neurosim is opened in the browser.",
    )
    parser.add_argument("what", metavar="PATH|URL", help=_WHAT)
    parser.add_argument("--port", type=_port, default=0, metavar="N", help="port (default: a free one)")
    parser.add_argument("--host", default="127.0.0.1", metavar="H", help="address to listen at (default: 127.0.0.1)")
    parser.add_argument("--allow-remote", action="store_true", help="listen where other machines reach it")
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="answer to this name, as a reverse proxy passes it on; may be given several times",
    )
    parser.add_argument("--root-path", default="", metavar="P", help="what a reverse proxy puts before the paths")
    parser.add_argument(
        "--allow",
        action="append",
        default=[],
        type=Path,
        metavar="DIR",
        help="folder that may be read as well, where the circuit lies elsewhere; may be given several times",
    )
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.add_argument("--quiet", action="store_true", help="print the address and nothing else")


def run(args: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM; return 0, or 1 when what was asked for is too large and the page says so."""
    if "://" in args.what:
        return _elsewhere(args)
    from neurosim.viewer.launch import serve
    from neurosim.viewer.opening import source_of
    from neurosim.viewer.scene.shortage import TooLargeError
    from neurosim.viewer.shortage_source import ShortageSource
    from neurosim.viewer.web.access import is_loopback

    if not args.allow_remote and not is_loopback(args.host):
        raise ModelError(
            f"--host {args.host}: other machines would reach this address; allowed without a flag: 127.0.0.1; add "
            "--allow-remote if that is meant, best behind a proxy that speaks TLS"
        )
    code = 0
    try:
        source = source_of(args.what, allow=args.allow)
    except TooLargeError as error:
        # The page says so as well: whoever looks at the browser does not see the terminal.
        print(f"neurosim: {error}", file=sys.stderr, flush=True)
        source, code = ShortageSource(error.shortage, Path(args.what).name), TOO_LARGE
    try:
        show = serve(
            source,
            host=args.host,
            port=args.port,
            allow_remote=args.allow_remote,
            allowed_hosts=args.allow_host,
            root_path=args.root_path,
        )
    except BaseException:
        source.close()
        raise
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        if not args.quiet:
            print(f"showing   {args.what}")
        print(show.url if args.quiet else f"watch     {show.url}", flush=True)
        if show.remote_url is not None:
            print(show.remote_url if args.quiet else f"elsewhere {show.remote_url}", flush=True)
        if not args.quiet:
            print(
                "Ctrl-C ends it. Whoever has this address can watch; it is forgotten when the program ends.", flush=True
            )
        if not args.no_browser:
            show.open_browser()
        show.wait()
    finally:
        show.close()
        signal.signal(signal.SIGTERM, before)
    # Python's last look through all that is loaded takes longer than everything above.
    gc.freeze()
    return code


def _stop(_: int, __: FrameType | None) -> None:
    """End as Ctrl-C does."""
    raise KeyboardInterrupt


class _NoRedirect(HTTPRedirectHandler):
    """Say where the address leads, do not go there: a token must not travel on."""

    def redirect_request(self, *_: Any) -> None:
        """Follow nothing."""


def _elsewhere(args: argparse.Namespace) -> int:
    """Open another server's page, once it answers."""
    parts = urlsplit(args.what)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ModelError(f"view {args.what!r}: allowed addresses begin with http:// or https://")
    bare = f"{parts.scheme}://{parts.netloc}{parts.path or '/'}"
    try:
        with build_opener(_NoRedirect).open(Request(bare, method="GET"), timeout=10):
            pass
    except HTTPError as error:
        # 401: it is there and wants the token, which the browser brings.
        if error.code not in (301, 302, 303, 307, 308, 401, 403):
            raise SimulationError(f"{bare}: the server answers {error.code}, not with a page") from error
    except (URLError, OSError, ValueError) as error:
        raise SimulationError(f"{bare}: nothing answers there ({error}); is the run still going on?") from error
    if args.no_browser:
        print(args.what)
        return 0
    from neurosim.viewer.browser import Opening

    opening = Opening(args.what)
    try:
        if opening.open():
            # The browser reads the file after it was told its name.
            time.sleep(_BROWSER_S)
        elif not args.quiet:
            print(f"there is no browser here; open {args.what}", file=sys.stderr)
    finally:
        opening.close()
    return 0


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError("must be from 0 to 65535")
    return number
