"""Words on a picture: title, time, legend, scale bar, axes, rings around selected cells.

They are drawn with Pillow at the final size, so that they stay crisp. ``overlay`` returns a transparent picture that
is laid over the cells. Everything scales with the picture's height.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import MissingExtraError
from neurosim.viewer.gl.camera import Camera
from neurosim.viewer.gl.colours import THEMES, Theme, colour_map
from neurosim.viewer.gl.moment import Key
from neurosim.viewer.gl.view_state import Clip

MOST_ROWS: Final = 12
_AXES: Final = (("x", (0.90, 0.35, 0.35)), ("y", (0.35, 0.75, 0.40)), ("z", (0.40, 0.60, 1.00)))
_SCALE_SHARE: Final = 0.16
_DECADES: Final = (0.0, 1.0, 3.0, 10.0, 30.0, 100.0)


@dataclass(frozen=True, eq=False)
class Words:
    """What is written.

    Parameters
    ----------
    title, time : str
        At the top left and the top right.
    key : Key
        Legend, at the lower right.
    notes : tuple of str
        At the lower middle: what the picture leaves out.
    clip : Clip or None
        Named below the time.
    rings_um : float64 (n, 3)
        Places of selected cells.
    """

    title: str
    time: str
    key: Key
    notes: tuple[str, ...] = ()
    clip: Clip | None = None
    rings_um: NDArray[np.float64] | None = None


def _pillow() -> Any:
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError as error:
        raise MissingExtraError("drawing pictures", "Pillow", "viewer") from error
    return Image, ImageDraw, ImageFont


@lru_cache(maxsize=32)
def _font(size: int) -> Any:
    """Return Open Sans as VisPy brings it; Pillow's own font has no µ."""
    font = _pillow()[2]
    try:
        path = resources.files("vispy.util.fonts") / "data" / "OpenSans-Regular.ttf"
        return font.truetype(str(path), size)
    except (OSError, ModuleNotFoundError):
        return font.load_default(size)


def _bytes(colour: tuple[float, ...], alpha: float = 1.0) -> tuple[int, int, int, int]:
    red, green, blue = (round(255 * value) for value in colour[:3])
    return red, green, blue, round(255 * alpha)


def round_length(most_um: float) -> float:
    """Return the largest of 1, 2, 5, 10, ... that is not above ``most_um``."""
    power = 10.0 ** math.floor(math.log10(most_um))
    return next(power * step for step in (5.0, 2.0, 1.0) if power * step <= most_um * (1.0 + 1e-9))


def length_text(length_um: float) -> str:
    """Return a length with the unit that suits it."""
    if length_um >= 1000.0:
        return f"{length_um / 1000.0:g} mm"
    return f"{length_um:g} µm" if length_um >= 1.0 else f"{length_um * 1000.0:g} nm"


class _Sheet:
    """A transparent picture, and what is drawn on it."""

    def __init__(self, width: int, height: int, theme: Theme) -> None:
        image, draw, _ = _pillow()
        self.width, self.height, self.theme = width, height, theme
        self.image = image.new("RGBA", (width, height), _bytes(theme.background, 0.0))
        self.draw = draw.Draw(self.image)
        self.unit = max(0.5, min(height, 0.75 * width) / 720.0)
        self.margin = round(22 * self.unit)

    def px(self, length: float) -> int:
        """Return a length of the 720-line picture in pixels, at least 1."""
        return max(1, round(length * self.unit))

    def text(self, x: float, y: float, words: str, size: float = 15, colour: Any = None, anchor: str = "ls") -> None:
        """Write, with an outline in the background's colour."""
        self.draw.text(
            (x, y),
            words,
            font=_font(max(9, self.px(size))),
            fill=_bytes(colour or self.theme.text),
            anchor=anchor,
            stroke_width=self.px(1.5),
            stroke_fill=_bytes(self.theme.background, 0.8),
        )

    def length(self, words: str, size: float) -> float:
        """Return the width of words in pixels."""
        return float(_font(max(9, self.px(size))).getlength(words))


def overlay(width: int, height: int, theme_name: str, camera: Camera, words: Words) -> NDArray[np.uint8]:
    """Return the words as an RGBA picture with straight alpha, uint8 (height, width, 4)."""
    sheet = _Sheet(width, height, THEMES[theme_name])
    left, right, top = sheet.margin, width - sheet.margin, sheet.margin + sheet.px(14)
    sheet.text(left, top, words.title, 17)
    sheet.text(right, top, words.time, 19, anchor="rs")
    if words.clip is not None:
        side = "above" if words.clip.flip else "below"
        line = f"shown: {words.clip.axis} {side} {words.clip.at_um:g} µm"
        sheet.text(right, top + sheet.px(22), line, 13, sheet.theme.faint, "rs")
    for row, note in enumerate(words.notes):
        sheet.text(left, top + sheet.px(22 + 18 * row), note, 13, sheet.theme.faint)
    if words.rings_um is not None:
        _rings(sheet, camera, words.rings_um)
    _axes(sheet, camera)
    _scale_bar(sheet, camera)
    _legend(sheet, words.key)
    return np.asarray(sheet.image)


def _rings(sheet: _Sheet, camera: Camera, places_um: NDArray[np.float64]) -> None:
    for x, y, depth in camera.pixels(places_um, sheet.width, sheet.height):
        if depth > 0.0:
            r = sheet.px(11)
            sheet.draw.ellipse((x - r, y - r, x + r, y + r), outline=_bytes(sheet.theme.ring), width=sheet.px(2))


def _axes(sheet: _Sheet, camera: Camera) -> None:
    """Draw the three directions, the nearest last."""
    size = sheet.px(30)
    x0, y0 = sheet.margin + size, sheet.height - sheet.margin - size
    turned = np.stack([camera.right, camera.up, -camera.look])
    for index in np.argsort(turned[2]):
        name, colour = _AXES[index]
        x, y = x0 + turned[0, index] * size, y0 - turned[1, index] * size
        if math.hypot(x - x0, y - y0) > 0.12 * size:
            sheet.draw.line((x0, y0, x, y), fill=_bytes(colour), width=sheet.px(2))
            away = 1.0 + sheet.px(11) / max(1.0, math.hypot(x - x0, y - y0))
            sheet.text(x0 + (x - x0) * away, y0 + (y - y0) * away, name, 13, colour, "mm")


def _scale_bar(sheet: _Sheet, camera: Camera) -> None:
    """Draw a bar of a round length, true at the distance of the focus."""
    pixel_um = camera.um_per_pixel(sheet.height)
    length_um = round_length(_SCALE_SHARE * sheet.width * pixel_um)
    x = sheet.margin + sheet.px(92)
    y, span = sheet.height - sheet.margin, length_um / pixel_um
    sheet.draw.rectangle((x, y - sheet.px(3), x + span, y), fill=_bytes(sheet.theme.text))
    sheet.text(x + span / 2.0, y - sheet.px(9), length_text(length_um), 14, anchor="ms")


def _legend(sheet: _Sheet, key: Key) -> None:
    """Draw the legend from the lower right corner upward."""
    y = sheet.height - sheet.margin
    if key.note:
        sheet.text(sheet.width - sheet.margin, y, key.note, 13, sheet.theme.faint, "rs")
        y -= sheet.px(24)
    if key.map is not None:
        _bar(sheet, key, y)
        return
    rows = key.rows if len(key.rows) <= MOST_ROWS else (*key.rows[: MOST_ROWS - 1], (sheet.theme.faint, "..."))
    widest = max([sheet.length(name, 14) for _, name in rows] + [sheet.length(key.title, 14)])
    x = sheet.width - sheet.margin - widest - sheet.px(22)
    for colour, name in reversed(rows):
        r = sheet.px(5)
        sheet.draw.ellipse((x, y - 2 * r, x + 2 * r, y), fill=_bytes(colour))
        sheet.text(x + sheet.px(20), y, name, 14)
        y -= sheet.px(21)
    sheet.text(x, y, key.title, 14, sheet.theme.faint)


def _bar(sheet: _Sheet, key: Key, y: float) -> None:
    """Draw a colour map with numbers at its ends and between."""
    assert key.map is not None
    width, height = sheet.px(220), sheet.px(12)
    x = sheet.width - sheet.margin - width
    y -= sheet.px(20)
    for column, colour in enumerate(colour_map(key.map, width)):
        sheet.draw.line((x + column, y - height, x + column, y), fill=_bytes(tuple(colour.tolist())))
    sheet.draw.rectangle((x - 1, y - height - 1, x + width, y + 1), outline=_bytes(sheet.theme.faint))
    low, high = key.ends
    for value in _DECADES if key.logarithmic else ticks(low, high):
        part = math.log1p(value) / math.log1p(high) if key.logarithmic else (value - low) / (high - low)
        if part > 1.0:
            continue
        at = x + part * (width - 1)
        sheet.draw.line((at, y, at, y + sheet.px(4)), fill=_bytes(sheet.theme.text), width=sheet.px(1))
        sheet.text(at, y + sheet.px(18), f"{value:g}".replace("-", "−"), 13, anchor="ms")
    sheet.text(x, y - height - sheet.px(8), key.title, 14, sheet.theme.faint)


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Return round values from ``low`` to ``high``, at most ``most``."""
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    step = next(s for s in (power, 2 * power, 5 * power, 10 * power) if (high - low) / s < most)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 12) for k in range(first, math.floor(high / step + 1e-9) + 1)]
