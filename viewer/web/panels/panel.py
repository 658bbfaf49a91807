"""``Panel``: a part of the page beside the 3-D view. The raster is one, and yours can be one.

A panel is found by the entry point group ``neurosim.panels``. In the ``pyproject.toml`` of your package::

    [project.entry-points."neurosim.panels"]
    coherence = "my_package.coherence:PANEL"

and in ``my_package/coherence.py``::

    import dash
    from dash import html
    from neurosim.viewer.web.panels.panel import Panel

    def layout():
        return html.P("Nothing is selected.", id="coherence-text")

    @dash.callback(dash.Output("coherence-text", "children"), dash.Input("neurosim-selection", "data"))
    def show(selection):
        return f"{len(selection['ranks'])} cells are selected."

    PANEL = Panel("coherence", "Coherence", layout)

Stores that Python may listen to: ``neurosim-selection`` (``{"ranks": [...], "n": ..., "from": ...}``, at most 1000
ranks), ``neurosim-time`` (``{"t_ms": ...}``, about twice a second) and ``neurosim-status``. To select cells write
``{"ranks": [...]}`` to ``neurosim-wish``; to go to a time write ``{"t_ms": ...}``.

A panel that draws by itself names a module, ``Panel(..., module="my_package:coherence.mjs")``, a file beside the
package's others. It exports ``mount(element, context)``; ``context`` is documented in ``assets/panels.mjs``, and what
it returns may have ``update()``, called three times a second while somebody looks, and ``dispose()``. It may import
``../assets/plot.mjs``. A panel that cannot be loaded says so in its place and harms no other.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from typing import Any

from neurosim.errors import ModelError

NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
PLACES = ("bottom", "side")


def nothing() -> list[Any]:
    """Return the layout of a panel that its module fills."""
    return []


@dataclass(frozen=True)
class Panel:
    """A part of the page.

    Parameters
    ----------
    name : str
        Small letters, digits and ``-``; its element is ``panel-NAME``.
    title : str
        For people.
    layout : callable
        Returns Dash components; called for each page that is opened.
    module : str, optional
        ``"file.mjs"`` of the viewer's own, ``"package:file.mjs"`` of another.
    order : int
        Panels are shown in this order.
    place : str
        ``"bottom"`` (below the view, wide) or ``"side"``.
    """

    name: str
    title: str
    layout: Callable[[], Any] = nothing
    module: str | None = None
    order: int = 100
    place: str = "side"

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ModelError(
                f"Panel.name={self.name!r}: allowed are small letters, digits and -, beginning with a letter"
            )
        if self.place not in PLACES:
            raise ModelError(f"Panel.place={self.place!r} of {self.name!r}; allowed: {', '.join(PLACES)}")

    @property
    def foreign(self) -> bool:
        """Whether the module is another package's."""
        return self.module is not None and ":" in self.module

    @property
    def module_path(self) -> str:
        """Where the page finds the module, relative to its own address; empty when there is none."""
        if self.module is None:
            return ""
        return f"panels/{self.name}.mjs" if self.foreign else f"assets/{self.module}"

    def module_text(self) -> str:
        """Return the text of another package's module.

        Raises
        ------
        ModelError
            There is no such file.
        """
        package, _, file = (self.module or "").partition(":")
        if not file.endswith(".mjs") or "/" in file or "\\" in file:
            raise ModelError(f"Panel.module={self.module!r} of {self.name!r}; allowed: 'package:file.mjs'")
        try:
            return resources.files(package).joinpath(file).read_text("utf-8")
        except (ImportError, OSError) as error:
            raise ModelError(f"Panel.module={self.module!r} of {self.name!r}: it cannot be read ({error})") from error
