"""Which panels there are: the viewer's own and those of the entry point group ``neurosim.panels``.

A plug-in that cannot be loaded becomes a panel that says why: nothing another package does takes the page away.
"""

from __future__ import annotations

import logging
from importlib.metadata import EntryPoint, entry_points

from neurosim.errors import ModelError
from neurosim.viewer.web.panels.panel import NAME, Panel

GROUP = "neurosim.panels"

OWN = (
    Panel("raster", "Spikes", module="raster.mjs", order=10, place="bottom"),
    Panel("kymograph", "Kymograph", module="kymograph.mjs", order=15, place="bottom"),
    Panel("rates", "Rates", module="rates.mjs", order=20, place="bottom"),
    Panel("traces", "Voltage", module="traces.mjs", order=10, place="side"),
    Panel("histogram", "Histogram", module="histogram.mjs", order=20, place="side"),
)


def _complaint(entry: EntryPoint, why: str) -> Panel:
    """Return a panel that shows why a plug-in is not there."""
    # Only the page needs Dash.
    from dash import html

    name = entry.name if NAME.fullmatch(entry.name) else "plug-in"
    text = f"The panel {entry.name!r} of {entry.value!r} cannot be shown: {why}"
    logging.getLogger(__name__).warning("%s", text)
    return Panel(name, entry.name, lambda: html.P(text, className="np-panel-error", role="alert"))


def _loaded(entry: EntryPoint) -> Panel:
    """Return the panel of an entry point, or one that says what is wrong."""
    try:
        panel = entry.load()
    # Another package's import may fail in any way.
    except Exception as error:
        return _complaint(entry, f"{type(error).__name__}: {error}")
    if not isinstance(panel, Panel):
        return _complaint(entry, f"it is a {type(panel).__name__}; a neurosim.viewer.web.panels.panel.Panel is wanted")
    if panel.foreign:
        try:
            panel.module_text()
        except ModelError as error:
            return _complaint(entry, str(error))
    return panel


def found_panels() -> list[Panel]:
    """Return all panels in order; of two with one name the first, the viewer's own before others'."""
    panels: dict[str, Panel] = {panel.name: panel for panel in OWN}
    for entry in sorted(entry_points(group=GROUP), key=lambda e: (e.name, e.value)):
        panel = _loaded(entry)
        if panel.name in panels:
            panel = _complaint(entry, f"there is a panel {panel.name!r} already; give it another name")
            panel = Panel(f"{panel.name[:30]}-{len(panels)}", panel.title, panel.layout)
        panels[panel.name] = panel
    return sorted(panels.values(), key=lambda panel: panel.order)
