"""The page: its regions as Dash components, filled by ``assets/shell.mjs`` and what it imports.

Dash gives the document, the stores that plug-ins listen to and the panels' layouts; what moves thirty times a second
is drawn by the modules in ``assets/``. Nothing here serves or checks anything: that is ``app.py``.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from html import escape
from typing import TYPE_CHECKING, Any

from dash import ClientsideFunction, Input, Output, dcc, html

from neurosim.viewer.web.bundle import bundle
from neurosim.viewer.web.panels.found import found_panels
from neurosim.viewer.web.panels.panel import Panel

if TYPE_CHECKING:
    from neurosim.viewer.hub import Hub

ASSETS_IGNORE = r"\.mjs$"
"""For ``Dash(assets_ignore=...)``: the page loads one text with all modules, ``page_module``."""

ENTRY = "shell"
"""Module with which the page begins."""

INDEX_HTML = """<!DOCTYPE html>
<html lang="en">
  <head>
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="dark light">
    {%metas%}
    <title>{%title%}</title>
    {%favicon%}
    <script type="module" async src="{%module%}"></script>
    {%css%}
  </head>
  <body>
    <noscript><p class="np-noscript">This page draws with JavaScript and WebGL2. Allow scripts of this address, or use
    <code>neurosim render</code> for pictures without a browser.</p></noscript>
    {%app_entry%}
    <footer hidden>
      {%config%}
      {%scripts%}
      {%renderer%}
    </footer>
  </body>
</html>
"""
"""For ``Dash(index_string=...)``, by ``index_html``; holds no script of its own. The module does not wait for Dash."""

VIEW_HINT = (
    "3-D view of the cells. Arrow keys turn, plus and minus zoom, square brackets step in time, "
    "Space pauses or plays, Enter inspects the cell nearest to the middle, question mark lists all keys."
)


def _panel(panel: Panel) -> Any:
    """Return a panel in its frame; a layout that fails says so in its place."""
    try:
        body = panel.layout()
    # Another package's layout may fail in any way.
    except Exception as error:
        logging.getLogger(__name__).warning("panel %r: %s: %s", panel.name, type(error).__name__, error)
        text = f"This panel cannot be shown: {type(error).__name__}: {error}"
        body = html.P(text, className="np-panel-error", role="alert")
    head = html.Div(
        [html.H2(panel.title, id=f"panel-{panel.name}-title"), html.Div(className="np-panel-tools")],
        className="np-panel-head",
    )
    return html.Section(
        [head, html.Div(body, className="np-panel-body", id=f"panel-{panel.name}-body")],
        id=f"panel-{panel.name}",
        className="np-panel",
        **{
            "aria-labelledby": f"panel-{panel.name}-title",
            "data-panel": panel.name,
            "data-module": panel.module_path,
        },
    )


def _header(title: str) -> Any:
    """Return the line at the top; its figures are filled by the page."""
    return html.Header(
        [
            html.Button(
                html.Span("Controls"),
                id="np-drawer-button",
                type="button",
                className="np-button np-only-narrow",
                **{"aria-expanded": "false", "aria-controls": "np-controls"},
            ),
            html.H1(title, id="np-title", title=title),
            html.Div(id="np-status", className="np-status"),
            html.Div(id="np-actions", className="np-actions", role="toolbar", **{"aria-label": "Page"}),
        ],
        id="np-header",
    )


def _view() -> Any:
    """Return the 3-D view and what lies over it."""
    loading = html.Div(
        [html.Div(className="np-pulse", **{"aria-hidden": "true"}), html.P("Opening the scene")],
        className="np-card",
    )
    return html.Div(
        [
            html.Div(
                id="neurosim-viewer",
                role="application",
                tabIndex=0,
                **{"aria-label": VIEW_HINT, "aria-roledescription": "3-D view"},
            ),
            html.Div(loading, id="np-overlay", className="np-overlay", role="status"),
            html.Div(id="np-notes", className="np-notes"),
        ],
        id="np-view",
    )


def _stores() -> list[Any]:
    """Return what plug-ins in Python listen to, and the one they write to."""
    return [
        dcc.Store(id="neurosim-selection", data={"ranks": [], "n": 0, "from": ""}),
        dcc.Store(id="neurosim-time", data={"t_ms": None}),
        dcc.Store(id="neurosim-status", data={}),
        dcc.Store(id="neurosim-wish", data={}),
    ]


def layout(hub: Hub, panels: Sequence[Panel] | None = None) -> Any:
    """Return the page's Dash components.

    Parameters
    ----------
    hub : Hub
        Its scene gives the title.
    panels : sequence of Panel, optional
        Default: all that are found.
    """
    shown = found_panels() if panels is None else list(panels)
    below = [_panel(panel) for panel in shown if panel.place == "bottom"]
    beside = [_panel(panel) for panel in shown if panel.place == "side"]
    return html.Div(
        [
            html.A("Skip to the 3-D view", href="#neurosim-viewer", className="np-skip"),
            html.A("Skip to the panels", href="#np-bottom", className="np-skip"),
            _header(hub.source.scene.title),
            html.Div(id="np-banner", role="alert"),
            html.Aside(id="np-controls", **{"aria-label": "Controls"}),
            html.Main(
                [_view(), html.Div(id="np-transport", role="group", **{"aria-label": "Time"})],
                id="np-main",
            ),
            html.Aside(
                [html.Section(id="np-inspector", className="np-panel", **{"aria-label": "Picked cell"}), *beside],
                id="np-side",
                **{"aria-label": "Cell and measurements"},
            ),
            html.Section(below, id="np-bottom", tabIndex=-1, **{"aria-label": "Activity over time"}),
            html.Div(id="np-live", className="np-sr", role="status", **{"aria-live": "polite"}),
            *_stores(),
            # A clientside callback hands wishes on; it is named, so that the page needs no inline script.
            html.Div(id="np-wish-done", hidden=True),
        ],
        id="np-app",
        className="np-app",
    )


def connect(app: Any) -> None:
    """Let plug-ins' wishes reach the page: add the one callback of ``layout`` to a Dash ``app``."""
    app.clientside_callback(
        ClientsideFunction(namespace="neurosim", function_name="wish"),
        Output("np-wish-done", "title"),
        Input("neurosim-wish", "data"),
        prevent_initial_call=True,
    )


def index_html(module_address: str) -> str:
    """Return the page's text for Dash; ``module_address`` leads to ``page_module``."""
    return INDEX_HTML.replace("{%module%}", escape(module_address, quote=True))


@cache
def page_module() -> tuple[str, str]:
    """Return all modules of the page as one text, and a name for it that changes with it."""
    text = bundle(ENTRY)
    return text, sha256(text.encode()).hexdigest()[:16]


def module_of(panels: Sequence[Panel], name: str) -> str | None:
    """Return the text for ``GET panels/NAME.mjs``: another package's module, or None when there is no such panel."""
    for panel in panels:
        if panel.name == name and panel.foreign:
            return panel.module_text()
    return None
