"""``frames_widget``: the picture drawn by the kernel and sent to the notebook frame by frame (jupyter_rfb).

For browsers without WebGL2; where there is one, ``neurosim.viewer.jupyter.widget`` is quicker. Frames are drawn off
screen, so no display is needed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import MissingExtraError
from neurosim.viewer.gl.pilot import Pilot
from neurosim.viewer.gl.view_state import ViewState, read_state
from neurosim.viewer.source import Source

_FRAME_s: Final = 1.0 / 15.0
_WHEEL: Final = 100.0
"""What a browser calls one step of a wheel."""


def frames_widget(
    source: Source,
    *,
    state: ViewState | Mapping[str, Any] | str | None = None,
    width: int = 960,
    height: int = 600,
) -> Any:
    """Return a widget that shows a source.

    Parameters
    ----------
    source : Source
        What is shown.
    state : ViewState, dict or str, optional
        How at first (``read_state``).
    width, height : int
        Pixels.

    Raises
    ------
    MissingExtraError
        jupyter_rfb is not installed.
    """
    try:
        from jupyter_rfb import RemoteFrameBuffer
    except ImportError as error:
        raise MissingExtraError("the widget of frames", "jupyter_rfb", "viewer") from error
    pilot = Pilot(source, read_state(state), width, height)

    class FramesWidget(RemoteFrameBuffer):  # type: ignore[misc]
        """Asks the pilot for frames and hands it events."""

        def __init__(self) -> None:
            super().__init__(css_width=f"{width}px", css_height=f"{height}px", resizable=True)
            self.pilot = pilot

        def get_frame(self) -> NDArray[np.uint8]:
            """Return the picture of now, uint8 (height, width, 3)."""
            begun = time.perf_counter()
            frame = np.asarray(pilot.picture.draw(pilot.t_ms, words_of=pilot.words))
            pilot.took(time.perf_counter() - begun)
            if pilot.moving:
                self._later()
            return frame

        def _later(self) -> None:
            try:
                asyncio.get_running_loop().call_later(_FRAME_s, self.request_draw)
            except RuntimeError:  # no event loop: whoever asked for this frame asks for the next
                return

        def handle_event(self, event: dict[str, Any]) -> None:
            """Take an event of the browser."""
            if handled(pilot, event):
                self.request_draw()

    return FramesWidget()


def handled(pilot: Pilot, event: Mapping[str, Any]) -> bool:
    """Give a pilot an event in jupyter_rfb's form; return whether the picture changes."""
    kind = event.get("type") or event.get("event_type")
    scale = float(event.get("ratio") or event.get("pixel_ratio") or 1.0)
    if kind == "pointer_down":
        pilot.press(event["x"], event["y"])
    elif kind == "pointer_up":
        pilot.release()
    elif kind == "pointer_move":
        return pilot.drag(event["x"], event["y"], sideways="Shift" in event["modifiers"] or 2 in event["buttons"])
    elif kind == "wheel":
        pilot.wheel(-event["dy"] / _WHEEL)
        return True
    elif kind == "key_down":
        return pilot.key(str(event["key"]))
    elif kind == "resize":
        pilot.resize(round(event["width"] * min(scale, 1.0)), round(event["height"] * min(scale, 1.0)))
        return True
    elif kind == "close":
        pilot.close()
    return False
