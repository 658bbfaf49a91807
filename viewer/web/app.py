"""``build_app``: the page and its routes as one ASGI application, without the guard that must stand before it.

Dash gives the document and runs the callbacks of panels; it never runs itself (``app.run`` would start a second
process, without the simulation). Nothing is fetched from other servers.
"""

from __future__ import annotations

import asyncio
import html
import mimetypes
from collections.abc import Sequence
from contextvars import copy_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurosim.errors import MissingExtraError
from neurosim.viewer.web.limits import Limits
from neurosim.viewer.web.workers import Workers

if TYPE_CHECKING:
    from neurosim.viewer.hub import Hub
    from neurosim.viewer.web.panels.panel import Panel

ASSETS = Path(__file__).parent / "assets"

_INLINE: list[str] = []
"""Scripts of panels that declared clientside callbacks as text; Dash gives them to the first application only."""


def _backend(workers: Workers) -> type:
    """Return Dash's FastAPI server with what the viewer does not need left out, and callbacks in threads."""
    from dash.backends._fastapi import FastAPIDashServer
    from fastapi import FastAPI

    class Backend(FastAPIDashServer):  # type: ignore[misc]
        """Dash on FastAPI."""

        # Dash's pages would open a second socket; the viewer has its own.
        websocket_capability = False

        @staticmethod
        def create_app(name: str = "neurosim", config: dict[str, Any] | None = None) -> Any:
            """Return FastAPI without pages about itself."""
            return FastAPI(title=name, docs_url=None, redoc_url=None, openapi_url=None)

        def serve_callback(self, dash_app: Any) -> Any:
            """Return Dash's endpoint, run in a thread: a panel that computes must not stop the stream."""
            inner = super().serve_callback(dash_app)

            async def dispatch(request: Any) -> Any:
                context = copy_context()
                return await workers.run(context.run, asyncio.run, inner(request))

            # FastAPI reads the hints of an endpoint; text would be looked up among this module's names.
            from fastapi import Request, Response

            dispatch.__annotations__ = {"request": Request, "return": Response}
            return dispatch

    return Backend


def _plain(text: str) -> str:
    """Return text for ``<title>``, which Dash takes as it is."""
    return html.escape(text).replace("{%", "{ %")


def _set_up(app: Any) -> None:
    """Let Dash collect what ``dash.callback`` declared, and leave it for the next application, ours or the user's."""
    from dash import _callback

    listed, by_name = list(_callback.GLOBAL_CALLBACK_LIST), dict(_callback.GLOBAL_CALLBACK_MAP)
    _INLINE.extend(script for script in _callback.GLOBAL_INLINE_SCRIPTS if script not in _INLINE)
    _callback.GLOBAL_INLINE_SCRIPTS[:] = _INLINE
    app._setup_server()
    _callback.GLOBAL_CALLBACK_LIST[:] = listed
    _callback.GLOBAL_CALLBACK_MAP.update(by_name)


def build_app(
    hub: Hub,
    workers: Workers,
    streamers: Workers,
    *,
    root_path: str = "",
    panels: Sequence[Panel] | None = None,
    limits: Limits | None = None,
) -> Any:
    """Return a Dash application; its ASGI application is ``.server``.

    Parameters
    ----------
    hub : Hub
        What is shown.
    workers, streamers : Workers
        For requests, and for sockets.
    root_path : str
        What a reverse proxy puts before our paths.
    panels : sequence of Panel, optional
        Default: all that are found.
    limits : Limits, optional

    Raises
    ------
    MissingExtraError
        Dash or FastAPI is not installed.
    """
    try:
        import dash
        import fastapi  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("the page", error.name or "dash", "viewer") from error
    from neurosim.viewer.web import page
    from neurosim.viewer.web.panels.found import found_panels
    from neurosim.viewer.web.routes import viewer_routes

    # Some systems know no .mjs; a browser refuses modules of another type.
    mimetypes.add_type("text/javascript", ".mjs")
    shown = found_panels() if panels is None else list(panels)
    app = dash.Dash(
        "neurosim",
        backend=_backend(workers),
        assets_folder=str(ASSETS),
        assets_ignore=page.ASSETS_IGNORE,
        index_string=page.index_html(f"{root_path}/assets/page.mjs?v={page.page_module()[1]}"),
        requests_pathname_prefix=f"{root_path}/",
        routes_pathname_prefix="/",
        serve_locally=True,
        compress=False,
        suppress_callback_exceptions=True,
        title=_plain(f"{hub.source.scene.title} – neurosim"),
        update_title=None,
        add_log_handler=False,
        enable_mcp=False,
    )
    app.enable_dev_tools(debug=False)
    app.layout = lambda: page.layout(hub, shown)
    page.connect(app)
    _set_up(app)
    app.server.router.routes[:0] = viewer_routes(hub, shown, workers, streamers, limits or Limits())
    return app
