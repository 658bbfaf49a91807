"""Tracks as WCON, the exchange format of worm trackers (JSON; github.com/openworm/tracker-commons, WCON_format.md).

One animal, one record: times in s, midlines in mm from head (``"head": "L"``, the first point) to tail. Curvature and
muscle activation are features of our own under ``@neurosim``, with their units beside the others. Seen from above the
animal's ventral side lies clockwise from its head, because dorsal is to the left of where it goes.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from neurosim import __version__
from neurosim.errors import ModelError
from neurosim.models.worm.body.body import Floats
from neurosim.models.worm.track import Track
from neurosim.sonata.outfile import write_text
from neurosim.units import MS_PER_S

DIGITS = 5
"""Decimals of lengths in mm and of features: 10 nm."""
FEATURES = "@neurosim"


def record(track: Track, *, name: str = "1") -> dict[str, Any]:
    """Return a track as a WCON record; numbers that are not finite are null.

    Parameters
    ----------
    track : Track
        Of a planar body.
    name : str
        Id of the animal.
    """
    if not len(track):
        raise ModelError("WCON: the track is empty; a record has at least one time")
    return {
        "id": name,
        "t": _plain(track.time_ms / MS_PER_S, 6),
        "x": _plain(track.points_mm[:, :, 0], DIGITS),
        "y": _plain(track.points_mm[:, :, 1], DIGITS),
        "head": "L",
        "ventral": "CW",
        FEATURES: {
            "curvature": _plain(track.curvature_per_mm, DIGITS),
            "activation": _plain(track.activation.reshape(len(track), -1), DIGITS),
        },
    }


def _plain(values: Floats, digits: int) -> Any:
    """Return nested lists of rounded numbers; None where one is not finite."""
    rounded = np.round(np.asarray(values, dtype=np.float64), digits)
    if np.isfinite(rounded).all():
        return rounded.tolist()
    if rounded.ndim == 1:
        return [value if math.isfinite(value) else None for value in rounded.tolist()]
    return [_plain(row, digits) for row in rounded]


def document(track: Track, *, name: str = "1", media: str = "agar", notes: str | None = None) -> dict[str, Any]:
    """Return the whole WCON document of a track.

    Parameters
    ----------
    track : Track
    name : str
        Id of the animal.
    media : str
        What it lies in.
    notes : str, optional
        What was done, as the metadata's protocol.
    """
    protocol = ["simulated"] if notes is None else ["simulated", notes]
    return {
        "units": {"t": "s", "x": "mm", "y": "mm", "curvature": "1/mm", "activation": "1"},
        "metadata": {
            "sex": "hermaphrodite",
            "stage": "adult",
            "strain": "simulated N2",
            "media": media,
            "protocol": protocol,
            "software": {"tracker": {"name": "neurosim", "version": __version__}, "featureID": FEATURES},
        },
        FEATURES: {"activation_order": "MDL01 to MDL24, then MDR, MVL, MVR", "curvature_sign": "dorsal is positive"},
        "data": [record(track, name=name)],
    }


def save(track: Track, path: str | Path, *, name: str = "1", media: str = "agar", notes: str | None = None) -> Path:
    """Write a track as a WCON file, under a temporary name first, and return its path."""
    whole = document(track, name=name, media=media, notes=notes)
    write_text(Path(path), json.dumps(whole, allow_nan=False, separators=(",", ":")) + "\n")
    return Path(path)
