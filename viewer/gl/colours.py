"""Colours of pictures: themes, colour maps, and the palette of populations.

The maps are matplotlib's magma, viridis and cividis (public domain, CC0), given at 17 places between which colours are
mixed. The palette is Okabe and Ito's, made for colour-blind eyes. RGB values are floats from 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_MAPS: Final = {
    "magma": "000004 0a0822 1d1147 36106b 51127c 6a1c81 832681 9c2e7f b73779 d0416f e75263 f56b5c fc8961 fea772 fec488 "
    "fde2a3 fcfdbf",
    "viridis": "440154 48186a 472d7b 424086 3b528b 33638d 2c728e 26828e 21918c 1fa088 28ae80 3fbc73 5ec962 84d44b "
    "addc30 d8e219 fde725",
    "cividis": "00224e 002e6a 1a386f 32436d 434e6c 535a6d 61656f 6f7073 7d7c78 8c8878 9b9476 aba072 bcae6c cdbb63 "
    "dec958 f0d846 fee838",
}
MAPS: Final = tuple(_MAPS)
"""Names of the colour maps."""

PALETTE: Final = ("56b4e9", "e69f00", "009e73", "cc79a7", "f0e442", "d55e00", "0072b2", "9aa0a6")


def rgb(text: str) -> tuple[float, float, float]:
    """Return the colour written as six hexadecimal digits."""
    red, green, blue = (int(text[at : at + 2], 16) / 255.0 for at in (0, 2, 4))
    return red, green, blue


def colour_map(name: str, entries_n: int = 256) -> Floats:
    """Return a colour map, float32 (entries_n, 3), from the low to the high end."""
    given = np.array([rgb(text) for text in _MAPS[name].split()])
    at = np.linspace(0.0, len(given) - 1.0, entries_n)
    channels = [np.interp(at, np.arange(len(given)), given[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=1).astype(np.float32)


def category_colour(number: int, theme: Theme) -> tuple[float, float, float]:
    """Return the colour of a category: eight that differ, then the same ones paler and paler."""
    pale = 1.0 - 0.6 ** (number // len(PALETTE))
    base = rgb(PALETTE[number % len(PALETTE)])
    red, green, blue = (theme.ink * (value + pale * (theme.pale - value)) for value in base)
    return red, green, blue


@dataclass(frozen=True)
class Theme:
    """Colours of a picture.

    Parameters
    ----------
    background, text, faint : tuple of float
        Of the empty picture, of words and scale bars, of words that matter less.
    unknown : tuple of float
        A compartment whose voltage is not known.
    warm, hot : tuple of float
        A spike that fades, and one that has just come.
    ring : tuple of float
        Around selected cells.
    dim : float
        How much of its colour a cell at rest shows beside spikes.
    halo : float
        How brightly what fires shines beyond itself.
    ink, pale : float
        How strong the colours of categories are, and what they turn to when there are many.
    adds : bool
        Halos add light; else they tint.
    """

    background: tuple[float, float, float]
    text: tuple[float, float, float]
    faint: tuple[float, float, float]
    unknown: tuple[float, float, float]
    warm: tuple[float, float, float]
    hot: tuple[float, float, float]
    ring: tuple[float, float, float]
    dim: float
    halo: float
    ink: float
    pale: float
    adds: bool


# The page's themes, but for the white of paper.
THEMES: Final = {
    "dark": Theme(
        background=rgb("05070d"),
        text=rgb("e8ecf2"),
        faint=rgb("98a6b8"),
        unknown=rgb("505156"),
        warm=(1.0, 0.52, 0.14),
        hot=(1.0, 0.94, 0.8),
        ring=rgb("ffffff"),
        dim=0.42,
        halo=0.62,
        ink=1.0,
        pale=0.92,
        adds=True,
    ),
    "light": Theme(
        background=rgb("ffffff"),
        text=rgb("17202b"),
        faint=rgb("505d6d"),
        unknown=rgb("b8babe"),
        warm=(0.85, 0.12, 0.02),
        hot=(0.62, 0.0, 0.05),
        ring=rgb("111827"),
        dim=0.8,
        halo=0.35,
        ink=0.82,
        pale=0.15,
        adds=False,
    ),
}
