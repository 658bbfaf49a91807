"""Behavioural protocols: which runs are made, as plain data.

A ``Run`` says all that decides its outcome: seed, medium, what is ablated, fields, touches, currents, duration.
``runs`` simulates and keeps it, ``judge`` looks at its track. Nothing here drives muscles or tells the animal where to
go.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace

from neurosim.models.worm.environment import Drop, Environment, Field, Touch, Uniform

Place = tuple[float, float]

SETTLE_MS = 5000.0
"""Left out at the beginning of a run before crawling is measured."""

HEAD_MS, TAIL_MS, AVA_MS = 10_000.0, 18_000.0, 26_000.0
"""When the examination touches the head and the tail and drives AVA, through AVD and AVE."""
AVA_HELD_MS = 3000.0
EXAM_MS = 32_000.0
BACKWARD, BACKWARD_NA = ("AVDL", "AVDR", "AVEL", "AVER"), 0.04
"""Cells that drive AVA, and the current into each."""

CHEMOSENSORS = ("class:AWC", "class:AWA", "class:ASE")


@dataclass(frozen=True)
class Pulse:
    """A current into the somata of cells, nA, from a time to another."""

    cells: tuple[str, ...]
    start_ms: float
    stop_ms: float
    amplitude_nA: float


@dataclass(frozen=True)
class Run:
    """One animal.

    Parameters
    ----------
    protocol, name : str
        Where it belongs, and its name there.
    seed : int
    duration_ms : float
    medium : float
        0 (water) to 1 (agar).
    ablate : tuple of str
        As ``ablation``.
    fields : tuple of (str, Field)
        By substance.
    peak_mm : tuple of float, optional
        Where a gradient has its peak; without a gradient the place that distances are taken from all the same.
    touches : tuple of Touch
    pulses : tuple of Pulse
    detail : str
        Compartments, as ``network_of``.
    """

    protocol: str
    name: str
    seed: int
    duration_ms: float
    medium: float = 1.0
    ablate: tuple[str, ...] = ()
    fields: tuple[tuple[str, Field], ...] = ()
    peak_mm: Place | None = None
    touches: tuple[Touch, ...] = ()
    pulses: tuple[Pulse, ...] = ()
    detail: str = "adaptive"

    @property
    def key(self) -> str:
        """Protocol and name."""
        return f"{self.protocol}/{self.name}"

    @property
    def digest(self) -> str:
        """Eight digits of a hash of all that the run says."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:8]

    def environment(self) -> Environment:
        """Return a world of its own for the run."""
        return Environment(dict(self.fields), touches=list(self.touches))


@dataclass(frozen=True)
class Size:
    """How many runs there are of everything, and how long the longest are."""

    crawl_seeds: int = 10
    crawl_ms: float = 30_000.0
    gait_media: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
    gait_seeds: int = 3
    gait_ms: float = 20_000.0
    exam_seeds: int = 10
    ablation_seeds: int = 3
    starts: int = 50
    control_starts: int = 20
    taxis_ms: float = 90_000.0
    sensor_starts: int = 10


FULL = Size()
QUICK = Size(
    crawl_seeds=2, crawl_ms=15_000.0, gait_seeds=1, gait_ms=15_000.0, exam_seeds=2, ablation_seeds=1, starts=6,
    taxis_ms=40_000.0, sensor_starts=2,
)  # fmt: skip
"""For a first look; too few to judge by, and the report says so."""

TAXIS_DETAIL = "point"
"""Chemotaxis is most of the time of a report; one compartment a cell makes it quicker."""
PEAK_DISTANCE_MM = 2.0
SPREAD_MM = 2.0
_SALT_MM2_PER_S, _ODOUR_MM2_PER_S = 1.5e-3, 1e-3
_AGAR_MM = 3.0
_PEAK_SALT_MM, _PEAK_ODOUR_UM = 50.0, 10.0


def crawl(size: Size) -> list[Run]:
    """Return undisturbed crawling on agar, one run a seed."""
    return [Run("crawl", f"seed-{seed:02d}", seed, size.crawl_ms) for seed in range(size.crawl_seeds)]


def gait(size: Size) -> list[Run]:
    """Return the same animal in media from water to agar; nothing but drag differs."""
    return [
        Run("gait", f"medium-{medium:.2f}-seed-{seed:02d}", seed, size.gait_ms, medium=medium)
        for medium in size.gait_media
        for seed in range(size.gait_seeds)
    ]


def exam(size: Size) -> list[Run]:
    """Return the examination of intact animals: free, head touched, tail touched, AVA driven through AVD and AVE."""
    return [examined(seed) for seed in range(size.exam_seeds)]


def examined(seed: int, ablate: tuple[str, ...] = (), name: str = "intact") -> Run:
    """Return one examination."""
    return Run(
        "exam",
        f"{name}-seed-{seed:02d}",
        seed,
        EXAM_MS,
        ablate=ablate,
        touches=(Touch("head", HEAD_MS), Touch("tail", TAIL_MS)),
        pulses=(Pulse(BACKWARD, AVA_MS, AVA_MS + AVA_HELD_MS, BACKWARD_NA),),
    )


def peak_of_start(start: int, starts: int) -> Place:
    """Return where the peak lies for the n-th start: all around the animal, which begins at 0 with heading 0."""
    bearing = 2.0 * math.pi * (start + 0.5) / starts
    return PEAK_DISTANCE_MM * math.cos(bearing), PEAK_DISTANCE_MM * math.sin(bearing)


def drop_at(peak_mm: Place, highest: float, diffusion_mm2_per_s: float) -> Drop:
    """Return a drop that has spread to ``SPREAD_MM`` (standard deviation) with a value of ``highest`` at its peak."""
    age_s = SPREAD_MM**2 / (2.0 * diffusion_mm2_per_s)
    amount = highest * 2.0 * math.pi * _AGAR_MM * SPREAD_MM**2
    return Drop(amount, diffusion_mm2_per_s, _AGAR_MM, age_s, centre_mm=peak_mm)


def _taxis(group: str, start: int, starts: int, size: Size, *, odour_only: bool = False) -> Run:
    peak = peak_of_start(start, starts)
    odour, salt = drop_at(peak, _PEAK_ODOUR_UM, _ODOUR_MM2_PER_S), drop_at(peak, _PEAK_SALT_MM, _SALT_MM2_PER_S)
    fields = (("odour", odour),) if odour_only else (("salt", salt), ("odour", odour))
    name = f"{group}-start-{start:02d}"
    return Run("taxis", name, start, size.taxis_ms, fields=fields, peak_mm=peak, detail=TAXIS_DETAIL)


def taxis(size: Size) -> list[Run]:
    """Return chemotaxis to a drop of salt and odour from starts all around, with two controls of the same starts.

    Controls, from some of the starts: the same concentration everywhere (that of the start), and animals without AWC,
    AWA and ASE.
    """
    runs = []
    every = max(1, size.starts // max(1, min(size.control_starts, size.starts)))
    for start in range(size.starts):
        found = _taxis("gradient", start, size.starts, size)
        if start % every:
            runs.append(found)
            continue
        flat = tuple((name, Uniform(float(field.at([(0.0, 0.0)], 0.0)[0]))) for name, field in found.fields)
        runs.append(found)
        runs.append(replace(found, name=f"uniform-start-{start:02d}", fields=flat))
        runs.append(replace(found, name=f"ablated-start-{start:02d}", ablate=CHEMOSENSORS))
    return runs


def sensors(size: Size) -> list[Run]:
    """Return chemotaxis to odour alone, intact and without AWC: the case of an ablated sensor."""
    runs = []
    for start in range(size.sensor_starts):
        found = _taxis("odour", start, size.sensor_starts, size, odour_only=True)
        runs += [found, replace(found, name=f"odour-no-AWC-start-{start:02d}", ablate=("class:AWC",))]
    return runs
