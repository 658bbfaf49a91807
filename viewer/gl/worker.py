"""The one thread that draws off-screen: a GL context belongs to the thread that made it current.

``on_gl_thread`` hands it work and waits. Work of several callers is done one after the other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, ParamSpec, TypeVar

from neurosim.viewer.gl.backend import offscreen_application

P = ParamSpec("P")
T = TypeVar("T")

_NAME = "neurosim-gl"
_worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix=_NAME)

DRAWING = threading.RLock()
"""Held while anything is drawn: VisPy keeps one current canvas for the whole process."""


def on_gl_thread(work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """Return ``work(*args, **named)``, called in the thread that draws."""
    if threading.current_thread().name.startswith(_NAME):
        return work(*args, **named)
    return _worker.submit(work, *args, **named).result()


@cache
def offscreen_canvas() -> Any:
    """Return the canvas whose context all off-screen pictures share; only in the thread that draws."""
    application = offscreen_application()
    from vispy import app

    return app.Canvas(app=application, size=(16, 16), show=False, autoswap=False)
