"""Pictures of a track: kymograph of curvature, path, postures. Needs matplotlib (extra ``plot``)."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np

from neurosim.errors import MissingExtraError, ModelError
from neurosim.models.worm.measures import centre_mm
from neurosim.models.worm.track import Track
from neurosim.units import MS_PER_S

_VENTRAL_TO_DORSAL: Final = "RdBu_r"
_HEAD: Final = "#b2402b"
_BODY: Final = "#4d4a45"
_PATH: Final = "#24618f"


def _figure(width: float, height: float) -> Any:
    """Return a figure of its own, without pyplot: nothing global changes and no display is asked for."""
    try:
        Figure = import_module("matplotlib.figure").Figure
    except ImportError as error:
        raise MissingExtraError("a picture of the worm", "matplotlib", "plot") from error
    return Figure(figsize=(width, height), layout="constrained")


def draw_kymograph(ax: Any, track: Track, *, limit_per_mm: float | None = None) -> Any:
    """Draw curvature over time (across) and body (down, head on top) and return the image.

    Parameters
    ----------
    ax : matplotlib axes
    track : Track
    limit_per_mm : float, optional
        End of the scale of colours; by default the curvature that 99 % stay below.
    """
    bend = track.curvature_per_mm
    limit = float(np.percentile(np.abs(bend), 99)) if limit_per_mm is None else limit_per_mm
    half = 0.5 * track.every_ms / MS_PER_S
    start, stop = track.time_ms[0] / MS_PER_S - half, track.time_ms[-1] / MS_PER_S + half
    image = ax.imshow(
        bend.T,
        aspect="auto",
        cmap=_VENTRAL_TO_DORSAL,
        vmin=-max(limit, 1e-9),
        vmax=max(limit, 1e-9),
        extent=(start, stop, 1.0, 0.0),
        interpolation="nearest",
    )
    ax.set_xlabel("time (s)")
    ax.set_ylabel("place along the body")
    ax.set_yticks([0.0, 0.5, 1.0], ["head", "middle", "tail"])
    return image


def draw_track(ax: Any, track: Track) -> None:
    """Draw the path of the centre, its start and the body's last posture, in mm."""
    centre = centre_mm(track)
    ax.plot(centre[:, 0], centre[:, 1], color=_PATH, linewidth=1.0)
    ax.plot(*centre[0], marker="o", markersize=4.0, color=_PATH)
    _draw_body(ax, track, len(track) - 1, 1.0)
    _in_mm(ax)


def draw_postures(ax: Any, track: Track, count: int = 8) -> None:
    """Draw the midline at some times, later ones darker; the head is a red dot."""
    rows = np.linspace(0, len(track) - 1, min(count, len(track))).round().astype(int)
    for row, alpha in zip(rows.tolist(), np.linspace(0.3, 1.0, len(rows)).tolist(), strict=True):
        _draw_body(ax, track, row, alpha)
    _in_mm(ax)


def _draw_body(ax: Any, track: Track, row: int, alpha: float) -> None:
    points = track.points_mm[row]
    ax.plot(points[:, 0], points[:, 1], color=_BODY, linewidth=2.0, alpha=alpha, solid_capstyle="round")
    ax.plot(points[0, 0], points[0, 1], marker="o", markersize=4.0, color=_HEAD, alpha=alpha, linestyle="none")


def _in_mm(ax: Any) -> None:
    ax.set_aspect("equal", adjustable="datalim")
    ax.set_xlabel("x (mm)")
    ax.set_ylabel("y (mm)")
    ax.spines[["top", "right"]].set_visible(False)


def save_figure(track: Track, path: str | Path, *, title: str = "") -> Path:
    """Write one picture with the kymograph, the path and postures; the ending names the format."""
    if len(track) < 2:
        raise ModelError(f"picture of a track: {len(track)} row(s); two are needed")
    figure = _figure(9.5, 6.0)
    axes = figure.subplot_mosaic([["kymograph", "kymograph"], ["track", "postures"]], height_ratios=[1.0, 1.3])
    image = draw_kymograph(axes["kymograph"], track)
    figure.colorbar(image, ax=axes["kymograph"], label="curvature (1/mm), dorsal +")
    draw_track(axes["track"], track)
    draw_postures(axes["postures"], track)
    axes["track"].set_title("path of the centre", fontsize=9)
    axes["postures"].set_title("postures, later ones darker", fontsize=9)
    if title:
        figure.suptitle(title, fontsize=10)
    figure.savefig(path, dpi=130)
    return Path(path)
