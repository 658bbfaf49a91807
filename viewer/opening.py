"""``open`` and ``publish``: from whatever a user has in hand to a window, a page or a widget."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from os import PathLike
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurosim.simulation import Simulation
    from neurosim.viewer.launch import Show
    from neurosim.viewer.source import Source


def source_of(what: Any, *, allow: Sequence[str | PathLike[str]] = ()) -> Source:
    """Return the source of a simulation, of a path to results, or of what is one already.

    Parameters
    ----------
    what : Simulation, Source, or path
        A path is a folder of results, a ``config.json``, a spikes file, or a scene file.
    allow : sequence of path-like
        Of a path: folders that may be read beside the one that is opened, where the circuit lies elsewhere.

    Raises
    ------
    ModelError
        It is something else, or there is nothing at the path.
    """
    if isinstance(what, str | PathLike):
        source: Source = import_module("neurosim.viewer.replay").open_results(what, allow=allow)
        return source
    from neurosim.errors import ModelError
    from neurosim.simulation import Simulation
    from neurosim.viewer.source import Source

    if isinstance(what, Source):
        return what
    if isinstance(what, Simulation):
        source = import_module("neurosim.viewer.live").LiveSource(what)
        return source
    raise ModelError(f"viewer.open: a {type(what).__name__} cannot be shown; allowed: a Simulation, a path to results")


def open(sim_or_path: Simulation | Source | str | PathLike[str], *, web: bool = False, **options: Any) -> Any:
    """Show a simulation or the results of one.

    Parameters
    ----------
    sim_or_path : Simulation, Source, or path
        A path is a folder of results, a ``config.json``, a spikes file, or a scene file.
    web : bool
        A page in a browser (in Jupyter: a widget in the notebook) instead of a window.
    **options
        ``allow``: of a path, folders that may be read beside it. Others are those of ``neurosim.viewer.serve`` (page),
        ``gl.window.open_window`` (window) or ``jupyter.widget``.

    Returns
    -------
    Show, window or widget
        The page's address is ``Show.url``; it is opened unless ``open_browser=False``.
    """
    source = source_of(sim_or_path, allow=options.pop("allow", ()))
    try:
        if not web:
            return import_module("neurosim.viewer.gl.window").open_window(source, **options)
        if _in_notebook() and "open_browser" not in options:
            runs = None if source is sim_or_path or isinstance(sim_or_path, str | PathLike) else sim_or_path
            return import_module("neurosim.viewer.jupyter").widget(source, **{"simulation": runs, **options})
        from neurosim.viewer.launch import serve

        return serve(source, **{"open_browser": True, **options})
    except Exception:
        if source is not sim_or_path:
            source.close()
        raise


def publish(sim: Simulation, **options: Any) -> Show:
    """Serve the page of a simulation, from a thread: ``run`` it afterwards and watch.

    Parameters
    ----------
    sim : Simulation
    **options
        Of ``neurosim.viewer.serve``.

    Returns
    -------
    Show
        ``print(show.url)`` for the address.
    """
    from neurosim.viewer.launch import serve

    return serve(source_of(sim), **options)


def _in_notebook() -> bool:
    """Return whether the program runs in a kernel that shows widgets."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell is not None and shell.__class__.__name__ == "ZMQInteractiveShell"
