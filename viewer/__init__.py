"""Watching a simulation. Imported as ``neurosim.viewer``.

    viewer.open(sim)                  a window (VisPy)
    viewer.open(sim, web=True)        a page in a browser, or a widget in Jupyter
    viewer.open("output/")            the results of a run, also one that is still going on
    viewer.publish(sim)               the page, while the program goes on

Importing this is cheap: graphics and server are loaded when used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neurosim.viewer.opening import open, publish

if TYPE_CHECKING:
    from neurosim.viewer.launch import Show, serve

__all__ = ["Show", "open", "publish", "serve"]


def __getattr__(name: str) -> Any:
    if name in ("Show", "serve"):
        from neurosim.viewer import launch

        return getattr(launch, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
