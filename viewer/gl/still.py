"""One picture of a source as PNG."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any

from neurosim.viewer.gl.picture import BUDGET, Size
from neurosim.viewer.gl.view_state import ViewState, read_state
from neurosim.viewer.gl.world_picture import picture_of
from neurosim.viewer.source import Source


def time_of(source: Source, state: ViewState, t_ms: float | None) -> float:
    """Return the time a picture shows: as given, as the state says, else that of the source."""
    if t_ms is not None:
        return float(t_ms)
    return source.status().t_ms if state.t_ms is None else state.t_ms


def still(
    source: Source,
    state: ViewState | Mapping[str, Any] | str | None = None,
    width: int = 1920,
    height: int = 1080,
    t_ms: float | None = None,
    *,
    transparent: bool = False,
    words: bool = True,
    budget: int = BUDGET,
) -> bytes:
    """Return a picture.

    Parameters
    ----------
    source : Source
        What is shown.
    state : ViewState, dict or str, optional
        How; a dict, JSON or a page's address (``read_state``).
    width, height : int
        Pixels.
    t_ms : float, optional
        When; that of ``state``, or of the source, when omitted. A live run shows its spikes at that time and the
        voltage of now.
    transparent : bool
        Leave the background out.
    words : bool
        Draw title, time, legend, scale bar and axes.
    budget : int
        Points and segments that may be drawn.

    Returns
    -------
    bytes
        A PNG file. May be called from any thread; pictures are drawn one after the other.

    Raises
    ------
    StateError, SizeError
        A view or a size that is not allowed.
    MissingExtraError, NoGraphicsError
        Nothing on this machine can draw.
    """
    shown, size = read_state(state), Size(width, height)
    picture = picture_of(source, shown, size, budget=budget)
    try:
        image = picture.draw(time_of(source, shown, t_ms), transparent=transparent, words=words)
    finally:
        picture.close()
    file = BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
