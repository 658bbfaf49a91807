"""From tracks to rows: what was asked, what was found, whether it is reached.

Tracks come by ``Run.key``. A row without its runs is not judged; a row that is not reached says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.models.worm import measures
from neurosim.models.worm.report import cases, protocols
from neurosim.models.worm.report.protocols import Run, Size
from neurosim.models.worm.track import Track
from neurosim.units import MS_PER_S

Floats = NDArray[np.float64]
Tracks = Mapping[str, Track]

NEAR_MM = 0.5
"""A worm has arrived when its nose is nearer to the peak than this."""


@dataclass(frozen=True)
class Row:
    """One line of the report.

    Parameters
    ----------
    what, asked, found : str
    reached : bool or None
        None: there are no runs to judge by.
    published : str
        The published value and where it stands.
    """

    what: str
    asked: str
    found: str
    reached: bool | None
    published: str


def spread(values: Sequence[float], digits: int = 3) -> str:
    """Return mean, standard deviation and number as text; values that are not finite are counted and left out."""
    finite = np.array([value for value in values if math.isfinite(value)])
    missing = len(values) - len(finite)
    tail = f", {missing} without" if missing else ""
    if not len(finite):
        return f"none (n = 0{tail})"
    deviation = float(finite.std(ddof=1)) if len(finite) > 1 else 0.0
    return f"{finite.mean():.{digits}g} ± {deviation:.2g} (n = {len(finite)}{tail})"


def mean(values: Sequence[float]) -> float:
    """Return the mean of the finite values; NaN without any, or if a third or more are not finite."""
    finite = [value for value in values if math.isfinite(value)]
    return float(np.mean(finite)) if len(finite) * 3 > len(values) * 2 else math.nan


def of_runs(tracks: Tracks, runs: Sequence[Run]) -> list[Track]:
    """Return the tracks that there are of these runs."""
    return [tracks[run.key] for run in runs if run.key in tracks]


# --- crawling and gait ------------------------------------------------------------------------------------------------

_CRAWL = (
    ("speed", "forward_speed_mm_per_s", "mm/s", 0.1, 0.3, "0.15 to 0.25 off food; general knowledge, not re-checked"),
    ("frequency", "frequency_Hz", "Hz", 0.3, 0.8, "0.3 to 0.8; Fang-Yen et al. 2010, doi:10.1073/pnas.1003016107"),
    ("wavelength", "wavelength_frac", "L", 0.55, 0.75, "about 0.65; Fang-Yen et al. 2010"),
    ("curvature", "curvature_per_mm", "1/mm", 5.0, 10.0, "6 to 10; general knowledge, not re-checked"),
)


def summaries(tracks: Sequence[Track]) -> dict[str, list[float]]:
    """Return ``measures.summary`` of tracks, after the settling time, by name."""
    each = [measures.summary(track, start_ms=protocols.SETTLE_MS) for track in tracks]
    return {name: [found[name] for found in each] for name in (each[0] if each else {})}


def crawl_rows(tracks: Tracks, size: Size) -> list[Row]:
    """Return a row each for speed, frequency, wavelength, curvature and the time spent going forward."""
    found = summaries(of_runs(tracks, protocols.crawl(size)))
    rows = []
    for what, name, unit, low, high, published in _CRAWL:
        asked = f"{low:g} to {high:g} {unit}, mean of {size.crawl_seeds} seeds"
        if not found:
            rows.append(Row(f"crawl: {what}", asked, "no runs", None, published))
            continue
        reached = low <= mean(found[name]) <= high
        rows.append(Row(f"crawl: {what}", asked, f"{spread(found[name])} {unit}", reached, published))
    if found:
        share = f"{spread(found['forward_frac'])} of the time"
        rows.append(Row("crawl: forward", "no figure asked", share, None, "the wave is measured where it runs one way"))
    return rows


@dataclass(frozen=True)
class Gait:
    """Means by medium: 0 water to 1 agar; NaN where the animal does not undulate."""

    media: tuple[float, ...]
    frequency_Hz: tuple[float, ...]
    wavelength_frac: tuple[float, ...]


def gait(tracks: Tracks, size: Size) -> Gait | None:
    """Return frequency and wavelength by medium, or None without runs."""
    by_medium: dict[float, list[Track]] = {}
    for run in protocols.gait(size):
        if run.key in tracks:
            by_medium.setdefault(run.medium, []).append(tracks[run.key])
    if not by_medium:
        return None
    media = tuple(sorted(by_medium))
    found = [summaries(by_medium[medium]) for medium in media]
    return Gait(
        media,
        tuple(mean(each["frequency_Hz"]) for each in found),
        tuple(mean(each["wavelength_frac"]) for each in found),
    )


def gait_rows(tracks: Tracks, size: Size) -> list[Row]:
    """Return three rows: how much frequency and wavelength fall from water to agar, and whether they always fall."""
    made = gait(tracks, size)
    published = "2 Hz and 1.5 L in water, falling without a jump to 0.5 Hz and 0.65 L; Fang-Yen et al. 2010"
    asked = ("falls at least 2 times", "falls at least 1.7 times", f"both fall in {len(size.gait_media)} media")
    names = ("gait: frequency", "gait: wavelength", "gait: monotone")
    if made is None or len(made.media) < 2:
        return [Row(name, wish, "no runs", None, published) for name, wish in zip(names, asked, strict=True)]
    rows, falling = [], True
    series = ((made.frequency_Hz, "Hz", 2.0), (made.wavelength_frac, "L", 1.7))
    for name, wish, (values, unit, factor) in zip(names, asked, series, strict=False):
        ratio = values[0] / values[-1] if values[-1] else math.nan
        listed = ", ".join(f"{value:.2f}" for value in values)
        rows.append(Row(name, wish, f"{ratio:.2f} times ({listed} {unit})", bool(ratio >= factor), published))
        falling &= bool((np.diff(values) < 0.0).all())
    complete = made.media == tuple(sorted(size.gait_media))
    rows.append(Row(names[2], asked[2], "both fall" if falling else "not everywhere", falling and complete, published))
    return rows


# --- chemotaxis -------------------------------------------------------------------------------------------------------


def index(track: Track, peak_mm: tuple[float, float]) -> float:
    """Return the chemotaxis index of a run.

    The mean over time of 1 - d / d(0), 0 where d > d(0), with d the distance of the nose from the peak (Izquierdo and
    Lockery 2010, doi:10.1523/JNEUROSCI.3777-10.2010): 0 never nearer than at the start, 1 always at the peak.
    """
    d_mm = np.hypot(*(track.points_mm[:, 0, :2] - np.array(peak_mm)).T)
    return float(np.maximum(1.0 - d_mm / d_mm[0], 0.0).mean())


def arrival_s(track: Track, peak_mm: tuple[float, float]) -> float:
    """Return when the nose comes within ``NEAR_MM`` of the peak; infinite when it does not."""
    d_mm = np.hypot(*(track.points_mm[:, 0, :2] - np.array(peak_mm)).T)
    near = np.flatnonzero(d_mm < NEAR_MM)
    return float(track.time_ms[near[0]] / MS_PER_S) if len(near) else math.inf


def indices(tracks: Tracks, runs: Sequence[Run], group: str) -> list[float]:
    """Return the index of every run of a group ("gradient", "uniform", "ablated", "odour", "odour-no-AWC")."""
    chosen = [run for run in runs if run.name.startswith(f"{group}-start") and run.key in tracks]
    return [index(tracks[run.key], run.peak_mm or (0.0, 0.0)) for run in chosen]


def chance(higher: Sequence[float], lower: Sequence[float], *, draws: int = 9999, seed: int = 5) -> float:
    """Return the one-sided p of the first mean being above the second, by drawing the labels again."""
    pool, n = np.concatenate([higher, lower]), len(higher)
    seen = np.mean(higher) - np.mean(lower)
    random = np.random.Generator(np.random.Philox(seed))
    drawn = random.permuted(np.tile(pool, (draws, 1)), axis=1)
    as_far = (drawn[:, :n].mean(axis=1) - drawn[:, n:].mean(axis=1) >= seen - 1e-12).sum()
    return float((as_far + 1) / (draws + 1))


def taxis_rows(tracks: Tracks, size: Size) -> list[Row]:
    """Return the rows of chemotaxis: index, the two controls, arrivals."""
    runs = protocols.taxis(size)
    found = {group: indices(tracks, runs, group) for group in ("gradient", "uniform", "ablated")}
    published = "0.5 to 0.9 in plate assays (another index); general knowledge, not re-checked"
    rows = []
    asked = f"0.5 or more, {size.starts} starts"
    with_them = found["gradient"]
    complete = len(with_them) >= size.starts
    reached = bool(np.mean(with_them) >= 0.5) if complete else None
    rows.append(Row("chemotaxis: index", asked, spread(with_them) if with_them else "no runs", reached, published))
    for group, what in (("uniform", "no gradient"), ("ablated", "no AWC, AWA, ASE")):
        values = found[group]
        wish = "below 0.15, p < 0.001 against the gradient"
        if not values or not with_them:
            rows.append(Row(f"chemotaxis: {what}", wish, "no runs", None, "about 0"))
            continue
        p = chance(with_them, values)
        reached = bool(np.mean(values) < 0.15 and p < 1e-3)
        rows.append(Row(f"chemotaxis: {what}", wish, f"{spread(values)}, p = {p:.2g}", reached, "about 0"))
    times = [arrival_s(tracks[run.key], run.peak_mm or (0.0, 0.0)) for run in runs
             if run.name.startswith("gradient-start") and run.key in tracks]  # fmt: skip
    if times:
        there = [time for time in times if math.isfinite(time)]
        text = f"{len(there)} of {len(times)}" + (f", median {np.median(there):.0f} s" if there else "")
        rows.append(Row(f"chemotaxis: within {NEAR_MM:g} mm of the peak", "no figure asked", text, None, "none"))
    return rows


# --- touch and ablations ----------------------------------------------------------------------------------------------


def touch_rows(tracks: Tracks, size: Size) -> list[Row]:
    """Return the rows of touch and of AVA: how many animals answer the right way."""
    seen = of_runs(tracks, protocols.exam(size))
    slow = measures.SLOW_MM_PER_S
    backward = [cases.speed_after(t, protocols.HEAD_MS) < -slow < slow < cases.speed_before(t, protocols.HEAD_MS)
                for t in seen]  # fmt: skip
    faster = [cases.speed_after(t, protocols.TAIL_MS) > max(cases.speed_before(t, protocols.TAIL_MS), slow)
              for t in seen]  # fmt: skip
    driven = [cases.ava_reversal(t) > slow for t in seen]
    published = "nearly all animals; Chalfie et al. 1985, doi:10.1523/JNEUROSCI.05-04-00956.1985"
    told = (
        ("touch of the head", "forward turns to backward in 70 % of the animals", backward, published),
        ("touch of the tail", "forward faster than before in 70 %", faster, published),
        (
            "AVD and AVE driven, which drive AVA",
            "backward in 70 %",
            driven,
            "Guo et al. 2009, doi:10.1038/nmeth.1397 (light); not re-checked",
        ),
    )
    return [
        Row(what, asked, f"{sum(hits)} of {len(hits)}" if hits else "no runs",
            bool(np.mean(hits) >= 0.7) if hits else None, source)
        for what, asked, hits, source in told
    ]  # fmt: skip


@dataclass(frozen=True)
class Effect:
    """One ablation: the measure of intact and ablated animals and whether its direction is right (None: no runs)."""

    name: str
    what: str
    intact: float
    ablated: float
    right: bool | None
    source: str


def effects(tracks: Tracks, size: Size) -> list[Effect]:
    """Return the ten ablations.

    Right is a change of the mean by at least a fifth of the intact animals' (or from nothing) the way it goes in the
    animal. An effect on a behaviour that intact animals do not show is not right.
    """
    found = []
    for case in cases.CASES:
        pairs = [
            (protocols.examined(seed), protocols.examined(seed, case.ablate, cases.slug(case)))
            for seed in range(size.ablation_seeds)
        ]
        there = [(tracks[a.key], tracks[b.key]) for a, b in pairs if a.key in tracks and b.key in tracks]
        intact = float(np.mean([case.measure(a) for a, _ in there])) if there else math.nan
        gone = float(np.mean([case.measure(b) for _, b in there])) if there else math.nan
        right = _right(intact, gone, case.sign) if there else None
        found.append(Effect(case.name, case.what, intact, gone, right, case.source))
    runs = protocols.sensors(size)
    with_awc, without = (indices(tracks, runs, group) for group in ("odour", "odour-no-AWC"))
    have = bool(with_awc and without)
    means = (float(np.mean(with_awc)), float(np.mean(without))) if have else (math.nan, math.nan)
    right = _right(*means, -1) if have else None
    found.append(Effect("AWC", "less chemotaxis to odour (index)", *means, right, cases.AWC_SOURCE))
    return found


def _right(intact: float, gone: float, sign: int) -> bool:
    change = gone - intact
    if sign < 0:
        return bool(intact > 0.0 and change <= -0.2 * intact)
    return bool(change > 0.0 and change >= 0.2 * abs(intact))


def ablation_row(found: Sequence[Effect]) -> Row:
    """Return the row that counts the ablations."""
    judged = [effect.right for effect in found if effect.right is not None]
    reached = sum(judged) >= 8 if len(judged) == len(found) else None
    text = f"{sum(judged)} of {len(judged)}" if judged else "no runs"
    return Row("ablations: direction of effect", "right in 8 of 10", text, reached, "see the table")
