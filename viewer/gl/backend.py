"""Which of VisPy's backends draws: EGL off-screen (OSMesa where there is none), GLFW or Qt for a window.

Off-screen drawing needs no X server. GLFW is never asked where there is no display: VisPy's Jupyter canvas then shows
nothing and says nothing. VisPy is imported here, when it is first needed.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from ctypes.util import find_library
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from neurosim.errors import MissingExtraError, NeurosimError

if TYPE_CHECKING:
    from collections.abc import Iterator

WINDOWS: Final = ("glfw", "pyqt6", "pyside6", "pyqt5")
"""Backends for a window, the preferred first."""

_PLATFORM: Final = "EGL_PLATFORM"
_OSMESA: Final = "OSMESA_LIBRARY"


class NoGraphicsError(NeurosimError):
    """Nothing on this machine can draw."""


def has_display() -> bool:
    """Return whether a window could be opened: always on macOS and Windows."""
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def need_vispy(what: str) -> Any:
    """Return ``vispy.app``, or say what to install."""
    try:
        return import_module("vispy.app")
    except ImportError as error:
        raise MissingExtraError(what, "VisPy", "viewer") from error


@contextmanager
def _surfaceless() -> Iterator[None]:
    """Let Mesa's EGL start without X or Wayland; the variable is looked at once, so it is put back."""
    if has_display() or _PLATFORM in os.environ:
        yield
        return
    os.environ[_PLATFORM] = "surfaceless"
    try:
        yield
    finally:
        del os.environ[_PLATFORM]


def _egl(app: Any) -> Any:
    with _surfaceless():
        backend = import_module("vispy.app.backends._egl")
        if not backend.available:
            raise NoGraphicsError(str(backend.why_not))
        return app.Application("egl")


def _osmesa(app: Any) -> Any:
    if _OSMESA not in os.environ:
        found = find_library("OSMesa")
        if found is None:
            raise NoGraphicsError("no library OSMesa")
        os.environ[_OSMESA] = found
    import_module("vispy.util.osmesa_gl").fix_osmesa_gl_lib()
    return app.Application("osmesa")


def offscreen_application() -> Any:
    """Return a VisPy application that draws without a display.

    Raises
    ------
    MissingExtraError
        VisPy is not installed.
    NoGraphicsError
        Neither EGL nor OSMesa can be started.
    """
    app = need_vispy("drawing pictures")
    reasons = []
    for name, start in (("EGL", _egl), ("OSMesa", _osmesa)):
        try:
            return start(app)
        except Exception as error:  # whatever the system's libraries raise: the next is tried, and the reason is told
            reasons.append(f"{name}: {error}")
    raise NoGraphicsError(
        f"drawing pictures needs EGL or OSMesa, neither could be started ({'; '.join(reasons)}); "
        "on Debian or Ubuntu: apt install libegl1 libgl1 libegl-mesa0, or: apt install libosmesa6"
    )


def window_application() -> Any:
    """Return a VisPy application for a window.

    Raises
    ------
    NoGraphicsError
        There is no display.
    MissingExtraError
        VisPy, or all of ``WINDOWS``, are not installed.
    """
    app = need_vispy("a window")
    if not has_display():
        raise NoGraphicsError(
            "a window needs a display, but neither DISPLAY nor WAYLAND_DISPLAY is set; "
            "watch in a browser instead (web=True, neurosim view), or draw a file (neurosim render)"
        )
    for name in WINDOWS:
        try:
            if import_module(f"vispy.app.backends._{name}").available:
                return app.Application(name)
        except (ImportError, RuntimeError):
            continue
    raise MissingExtraError("a window", "GLFW (or PyQt6)", "desktop")
