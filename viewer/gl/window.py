"""``open_window``: watch a source in a window of the desktop.

A window needs GLFW or Qt and a display, and its events are handled in the thread that made it (on macOS: the main
one). ``Window.run`` handles them until the window is closed; give it a simulation's ``run`` as ``work`` to watch that.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from neurosim.errors import NeurosimError
from neurosim.viewer.gl.backend import window_application
from neurosim.viewer.gl.overlay import overlay
from neurosim.viewer.gl.painter import Frame, Painter
from neurosim.viewer.gl.pilot import Pilot
from neurosim.viewer.gl.view_state import ViewState, read_state
from neurosim.viewer.gl.worker import DRAWING
from neurosim.viewer.source import Source

_FRAME_s: Final = 1.0 / 30.0


class Window:
    """A window onto a source.

    Parameters
    ----------
    source : Source
        What is shown.
    state : ViewState
        How at first.
    width, height : int
        Size at first, in the desktop's pixels.
    application : vispy.app.Application
        What opens windows.
    """

    def __init__(self, source: Source, state: ViewState, width: int, height: int, application: Any) -> None:
        from vispy import app

        self.source = source
        self.closed = threading.Event()
        try:
            with DRAWING:
                self.canvas = app.Canvas(
                    app=application,
                    title=f"neurosim: {source.scene.title}",
                    size=(width, height),
                    keys=None,
                    show=False,
                    autoswap=False,
                    config={"depth_size": 24},
                )
        except OSError as error:
            reason = " ".join(str(error).split())
            raise NeurosimError(
                f"window: no display can be used ({reason}); take the page (web=True) or neurosim render"
            ) from error
        self.pilot = Pilot(source, state, *self.canvas.physical_size)
        self._application = application
        self._painter: Painter | None = None
        self.error: BaseException | None = None
        for name in (
            "draw",
            "resize",
            "mouse_press",
            "mouse_release",
            "mouse_move",
            "mouse_wheel",
            "key_press",
            "close",
        ):
            getattr(self.canvas.events, name).connect(getattr(self, f"_on_{name}"))
        self._timer = app.Timer(_FRAME_s, connect=self._tick, start=True, app=application)
        self.canvas.show()

    # --- events -----------------------------------------------------------------------------------------------------

    def _on_draw(self, event: Any) -> None:
        begun = time.perf_counter()
        pilot, picture = self.pilot, self.pilot.picture
        moment = picture.moment(pilot.t_ms)
        words = overlay(
            picture.size.width, picture.size.height, picture.state.theme, picture.camera, pilot.words(moment)
        )
        with DRAWING:
            self.canvas.set_current()
            if self._painter is None:
                self._painter = Painter()
            painter = self._painter
            frame = Frame(picture.size.width, picture.size.height)
            painter.paint(picture.drawing, moment, picture.camera, picture.state, frame)
            painter.lay_over(words)
            self.canvas.context.flush_commands()
            self.canvas.swap_buffers()
        pilot.took(time.perf_counter() - begun)

    def _on_resize(self, event: Any) -> None:
        self.pilot.resize(*self.canvas.physical_size)
        self.canvas.update()

    def _on_mouse_press(self, event: Any) -> None:
        self.pilot.press(*self._place(event))

    def _on_mouse_release(self, event: Any) -> None:
        self.pilot.release()

    def _on_mouse_move(self, event: Any) -> None:
        sideways = event.button == 2 or any(key.name == "Shift" for key in event.modifiers)
        if self.pilot.drag(*self._place(event), sideways=sideways):
            self.canvas.update()

    def _on_mouse_wheel(self, event: Any) -> None:
        self.pilot.wheel(float(event.delta[1]))
        self.canvas.update()

    def _on_key_press(self, event: Any) -> None:
        name = event.text if event.text in ("+", "-", "=", "[", "]") else (event.key.name if event.key else event.text)
        if name in ("Escape", "Q"):
            self.close()
        elif self.pilot.key(name):
            self.canvas.update()

    def _on_close(self, event: Any) -> None:
        self._timer.stop()
        self.pilot.close()
        self.closed.set()

    def _tick(self, event: Any) -> None:
        if self.pilot.moving:
            self.canvas.update()

    def _place(self, event: Any) -> tuple[float, float]:
        """Return where the mouse is, in pixels of the picture."""
        x, y = np.array(event.pos[:2]) * self.canvas.pixel_scale
        return float(x), float(y)

    # --- for programs -----------------------------------------------------------------------------------------------

    def run(self, work: Callable[[], Any] | None = None) -> Any:
        """Handle events until the window is closed.

        Parameters
        ----------
        work : callable, optional
            Called in a thread meanwhile, such as ``lambda: sim.run(until_ms=100.0)``; waited for at the end.

        Returns
        -------
        object
            What ``work`` returned; what it raised is raised.
        """
        result: list[Any] = []
        thread = None if work is None else threading.Thread(target=self._work, args=(work, result), daemon=True)
        if thread is not None:
            thread.start()
        if not self.closed.is_set():
            self._application.run()
        if thread is not None:
            thread.join()
        if self.error is not None:
            raise self.error
        return result[0] if result else None

    def _work(self, work: Callable[[], Any], result: list[Any]) -> None:
        try:
            result.append(work())
        except BaseException as error:  # handed to whoever called run
            self.error = error

    def close(self) -> None:
        """Close the window."""
        if not self.closed.is_set():
            self.canvas.close()


def open_window(
    source: Source,
    *,
    state: ViewState | Mapping[str, Any] | str | None = None,
    width: int = 1280,
    height: int = 800,
    block: bool | None = None,
    application: Any = None,
) -> Window:
    """Open a window onto a source.

    Parameters
    ----------
    source : Source
        What is shown.
    state : ViewState, dict or str, optional
        How at first (``read_state``).
    width, height : int
        Size at first.
    block : bool, optional
        Return only when the window is closed. When omitted: for a replay in a program; not for a live run, and not
        where Python is used interactively.
    application : vispy.app.Application, optional
        What opens windows; GLFW or Qt when omitted.

    Raises
    ------
    NoGraphicsError
        There is no display.
    MissingExtraError
        Neither GLFW nor Qt is installed.
    """
    shown = read_state(state)
    window = Window(source, shown, width, height, application or window_application())
    interactive = hasattr(sys, "ps1") or bool(sys.flags.interactive)
    if block if block is not None else not (source.live or interactive):
        window.run()
    return window
