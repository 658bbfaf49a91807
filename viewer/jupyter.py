"""``widget``: the 3-D view in a Jupyter notebook, as an anywidget. The same page modules as the browser's, as one text.

Everything travels in the notebook's own messages: no port, no token, and it works wherever the notebook does. While a
cell runs, the kernel hears nothing from the page: what was subscribed to goes on arriving, but turning far into what
was not loaded, clicks and pause wait for the end of the cell. ``Widget.run`` runs the simulation in a thread instead,
and the notebook stays free.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module, resources
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from neurosim.errors import MissingExtraError, ModelError
from neurosim.simulation import Simulation
from neurosim.viewer.background import BackgroundRun
from neurosim.viewer.hub import Hub
from neurosim.viewer.opening import source_of
from neurosim.viewer.widget_link import WidgetLink

if TYPE_CHECKING:
    from neurosim.viewer.source import Source

HEIGHT_px = 480
ENTRY = "widget"
"""Module of the page that draws the widget."""


def widget(
    what: Simulation | Source | Hub | str | PathLike[str],
    *,
    height_px: int = HEIGHT_px,
    theme: str = "dark",
    simulation: Simulation | None = None,
) -> Any:
    """Return a widget that shows a simulation or results.

    Parameters
    ----------
    what : Simulation, Source, Hub, or path of results
        What is shown.
    height_px : int
        Height of the picture.
    theme : str
        ``"dark"`` or ``"light"``.
    simulation : Simulation, optional
        What ``run`` is to run where ``what`` is its source.

    Returns
    -------
    Widget
        An ``anywidget.AnyWidget`` with ``run(until_ms)``, ``stop()``, ``wait()``, ``close()``; ``selection``, the gids
        of the cells that are selected in the picture, and ``select(gids)``; ``picked``, the place clicked last.

    Raises
    ------
    MissingExtraError
        anywidget is not installed.
    ModelError
        What is given cannot be shown, or an option is not allowed.

    Examples
    --------
    >>> from neurosim.viewer.jupyter import widget
    >>> view = widget(sim)  # doctest: +SKIP
    >>> view.run(until_ms=200.0)  # doctest: +SKIP
    """
    if theme not in ("dark", "light"):
        raise ModelError(f"widget: theme={theme!r} is not allowed; allowed: dark, light")
    if not 100 <= height_px <= 10_000:
        raise ModelError(f"widget: height_px={height_px} is not allowed; allowed: 100 to 10000")
    kind = _widget_class()
    hub = what if isinstance(what, Hub) else Hub(source_of(what))
    if isinstance(what, Simulation):
        simulation = what
    return kind(hub, simulation, height_px=height_px, theme=theme)


@cache
def _widget_class() -> type:
    """Return the class; anywidget is imported here, when a widget is first wanted."""
    try:
        base: Any = import_module("anywidget").AnyWidget
        traits = import_module("traitlets")
    except ImportError as error:
        raise MissingExtraError("the widget in Jupyter", "anywidget", "viewer") from error

    class Widget(base):  # type: ignore[misc]
        """The picture of one source in a notebook."""

        _esm = module_text()
        _css = style_text()
        height_px = traits.Int(HEIGHT_px).tag(sync=True)
        theme = traits.Unicode("dark").tag(sync=True)
        ranks = traits.List(traits.Int()).tag(sync=True)
        picked = traits.Dict().tag(sync=True)

        def __init__(self, hub: Hub, simulation: Simulation | None = None, **options: Any) -> None:
            super().__init__(**options)
            self.simulation = simulation
            self._link = WidgetLink(hub, lambda content, buffers: self.send(content, buffers))
            self._run: BackgroundRun | None = None
            self.on_msg(lambda _, content, buffers: self._link.hear(content))

        def __repr__(self) -> str:
            return f"<Widget of {self.hub.source.scene.title!r}; {self.hub.source.scene.n} cells>"

        @property
        def hub(self) -> Hub:
            """What is shown, and the answers to what can be asked of it."""
            return self._link.hub

        @property
        def selection(self) -> list[int]:
            """Gids of the cells that are selected in the picture."""
            scene = self.hub.source.scene
            gids: list[int] = scene.cells(np.array(self.ranks, np.uint32)).gid.tolist()
            return gids

        def select(self, gids: ArrayLike) -> None:
            """Select cells in the picture."""
            wanted = np.atleast_1d(np.asarray(gids, int)).tolist()
            self.ranks = self.hub.source.scene.select({"gid": wanted}).tolist() if wanted else []

        @property
        def running(self) -> bool:
            """Whether a run that ``run`` began is under way."""
            return self._run is not None and self._run.running

        def run(self, until_ms: float) -> None:
            """Run the simulation to a time, in a thread; the notebook stays free. ``wait`` for it or ``stop`` it."""
            if self.simulation is None:
                raise ModelError("widget: there is nothing to run; make it of a Simulation")
            if self.running:
                raise ModelError("widget: a run is under way; wait() for it or stop() it first")
            self._run = BackgroundRun(self.simulation, until_ms)

        def wait(self, timeout_s: float | None = None) -> bool:
            """Wait for the end of the run; return whether it has come. What went wrong in it is raised."""
            return self._run is None or self._run.wait(timeout_s)

        def stop(self) -> None:
            """End the run."""
            if self._run is not None:
                self._run.stop()

        def close(self) -> None:
            """End the run, the picture, and the threads behind them."""
            self.stop()
            self._link.close()
            super().close()

    return Widget


@cache
def module_text() -> str:
    """Return the JavaScript of the widget, one ES module with a default export for anywidget."""
    from neurosim.viewer.web.bundle import bundle

    return bundle(ENTRY, default="{ render: renderWidget }")


@cache
def style_text() -> str:
    """Return the style sheet of the widget."""
    return resources.files("neurosim.viewer.web").joinpath(f"assets/{ENTRY}.css").read_text("utf-8")
