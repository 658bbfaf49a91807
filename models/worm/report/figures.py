"""Figures of the report, as PNG files: kymograph, crawling, gait, tracks in the gradient, ablations, atlas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np

from neurosim.errors import MissingExtraError
from neurosim.models.worm import measures
from neurosim.models.worm.plots import draw_kymograph, draw_postures
from neurosim.models.worm.report import judge, protocols
from neurosim.models.worm.report.comparison import Comparison
from neurosim.models.worm.report.judge import Effect, Gait
from neurosim.models.worm.report.protocols import Run, Size
from neurosim.models.worm.track import Track
from neurosim.units import MS_PER_S

_BLUE: Final = "#24618f"
_RED: Final = "#b2402b"
_GREY: Final = "#8a867f"
_BAND: Final = "#dfe8ee"


def _figure(width: float, height: float) -> Any:
    try:
        return import_module("matplotlib.figure").Figure(figsize=(width, height), layout="constrained")
    except ImportError as error:
        raise MissingExtraError("the report's figures", "matplotlib", "worm") from error


def _plain(ax: Any) -> None:
    ax.spines[["top", "right"]].set_visible(False)


def _saved(figure: Any, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
    return path


def crawl(track: Track, path: Path) -> Path:
    """Draw one crawl: kymograph of curvature above, speed along the body and postures below."""
    figure = _figure(9.0, 5.6)
    axes = figure.subplot_mosaic([["bend", "bend"], ["speed", "body"]], height_ratios=[1.0, 1.1])
    image = draw_kymograph(axes["bend"], track)
    figure.colorbar(image, ax=axes["bend"], label="curvature (1/mm), dorsal +")
    speed = measures.velocity_mm_per_s(track)
    axes["speed"].axhspan(0.1, 0.3, color=_BAND)
    axes["speed"].axhline(0.0, color=_GREY, linewidth=0.8)
    axes["speed"].plot(track.time_ms / MS_PER_S, speed, color=_BLUE, linewidth=1.2)
    axes["speed"].set(xlabel="time (s)", ylabel="speed forward (mm/s)", title="shaded: asked for")
    _plain(axes["speed"])
    draw_postures(axes["body"], track)
    axes["body"].set_title("postures, later ones darker")
    return _saved(figure, path)


def exam(track: Track, path: Path) -> Path:
    """Draw one examination: speed with the touches and the drive of AVA marked."""
    figure = _figure(9.0, 3.0)
    ax = figure.subplots()
    ax.axhline(0.0, color=_GREY, linewidth=0.8)
    ax.plot(track.time_ms / MS_PER_S, measures.velocity_mm_per_s(track), color=_BLUE, linewidth=1.2)
    high = ax.get_ylim()[1]
    marks = (
        (protocols.HEAD_MS, "head touched"),
        (protocols.TAIL_MS, "tail touched"),
        (protocols.AVA_MS, "AVD, AVE driven"),
    )
    for t_ms, text in marks:
        ax.axvline(t_ms / MS_PER_S, color=_RED, linewidth=1.0)
        ax.text(t_ms / MS_PER_S + 0.2, high, text, color=_RED, va="top")
    ax.set(xlabel="time (s)", ylabel="speed forward (mm/s)")
    _plain(ax)
    return _saved(figure, path)


def gait(made: Gait, path: Path) -> Path:
    """Draw frequency and wavelength against drag, 0 water to 1 agar."""
    figure = _figure(8.0, 3.2)
    for ax, values, unit in zip(
        figure.subplots(1, 2), (made.frequency_Hz, made.wavelength_frac), ("frequency (Hz)", "wavelength (L)"),
        strict=True,
    ):  # fmt: skip
        ax.plot(made.media, values, color=_BLUE, marker="o")
        ax.set(xlabel="medium: 0 water, 1 agar (drag, logarithmic)", ylabel=unit)
        ax.set_ylim(bottom=0.0)
        _plain(ax)
    return _saved(figure, path)


def taxis(tracks: Mapping[str, Track], runs: Sequence[Run], path: Path) -> Path:
    """Draw paths of the nose, turned so that the peak lies to the right, and the indices, for the three groups."""
    figure = _figure(11.0, 3.4)
    axes = figure.subplots(1, 4)
    groups = (("gradient", "in the gradient"), ("uniform", "no gradient"), ("ablated", "no AWC, AWA, ASE"))
    for ax, (group, title) in zip(axes, groups, strict=False):
        for run in runs:
            if not run.name.startswith(f"{group}-start") or run.key not in tracks or run.peak_mm is None:
                continue
            nose = tracks[run.key].points_mm[:, 0, :2]
            angle = np.arctan2(run.peak_mm[1], run.peak_mm[0])
            turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
            ax.plot(*(turn @ nose.T), color=_BLUE, linewidth=0.6, alpha=0.6)
        ax.add_patch(import_module("matplotlib.patches").Circle(
            (protocols.PEAK_DISTANCE_MM, 0.0), judge.NEAR_MM, fill=False, edgecolor=_RED))  # fmt: skip
        ax.set_aspect("equal", adjustable="datalim")
        ax.set(title=title, xlabel="mm")
        _plain(ax)
    values = [judge.indices(tracks, runs, group) for group, _ in groups]
    for k, found in enumerate(values):
        axes[3].plot(np.full(len(found), k) + np.linspace(-0.2, 0.2, max(len(found), 1))[: len(found)], found,
                     color=_GREY, marker=".", linestyle="none")  # fmt: skip
        if found:
            axes[3].plot([k - 0.3, k + 0.3], [np.mean(found)] * 2, color=_RED, linewidth=2.0)
    axes[3].set_xticks(range(3), ["gradient", "none", "ablated"])
    axes[3].set(ylabel="index", title="bar: mean")
    _plain(axes[3])
    return _saved(figure, path)


def ablations(found: Sequence[Effect], path: Path) -> Path:
    """Draw the measure of the ablated animals relative to the intact ones."""
    figure = _figure(8.0, 4.0)
    ax = figure.subplots()
    shown = [effect for effect in found if effect.right is not None]
    for k, effect in enumerate(reversed(shown)):
        part = effect.ablated / effect.intact if effect.intact else 0.0
        ax.barh(k, min(part, 3.0), color=_BLUE if effect.right else _RED)
    ax.axvline(1.0, color=_GREY)
    ax.set_yticks(range(len(shown)), [effect.name for effect in reversed(shown)])
    ax.set(xlabel="ablated / intact (cut at 3; 0 where intact animals show nothing)", title="red: wrong direction")
    _plain(ax)
    return _saved(figure, path)


def atlas(made: Comparison, path: Path) -> Path:
    """Draw the rank correlations on the half left out of the fit."""
    figure = _figure(7.0, 3.0)
    ax = figure.subplots()
    names = ["simulated", "raw anatomy", *(f"shuffled {k + 1}" for k in range(len(made.shuffled)))]
    values = [made.simulated, made.anatomy, *made.shuffled]
    ax.bar(range(len(values)), values, color=[_BLUE, _GREY, *[_BAND] * len(made.shuffled)])
    ax.errorbar([0], [made.simulated], yerr=[[max(made.simulated - made.interval[0], 0.0)],
                                             [max(made.interval[1] - made.simulated, 0.0)]], color="black")  # fmt: skip
    ax.set_xticks(range(len(values)), names, rotation=40, ha="right")
    ax.axhline(0.0, color=_GREY, linewidth=0.8)
    ax.set(ylabel="rank correlation with dFF")
    _plain(ax)
    return _saved(figure, path)


def all_of(tracks: Mapping[str, Track], size: Size, compared: Comparison | None, folder: Path) -> list[Path]:
    """Draw whatever there are runs for; return the files."""
    made = []
    crawled = judge.of_runs(tracks, protocols.crawl(size))
    if crawled:
        made.append(crawl(crawled[0], folder / "crawl.png"))
    examined = judge.of_runs(tracks, protocols.exam(size))
    if examined:
        made.append(exam(examined[0], folder / "exam.png"))
    found = judge.gait(tracks, size)
    if found is not None:
        made.append(gait(found, folder / "gait.png"))
    runs = protocols.taxis(size)
    if any(run.key in tracks for run in runs):
        made.append(taxis(tracks, runs, folder / "taxis.png"))
    effects = judge.effects(tracks, size)
    if any(effect.right is not None for effect in effects):
        made.append(ablations(effects, folder / "ablations.png"))
    if compared is not None:
        made.append(atlas(compared, folder / "atlas.png"))
    return made
