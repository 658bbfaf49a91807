"""What the movement was: speed, undulation, episodes and turns of a track.

Everything is computed from midlines and curvature alone, as a tracker under a microscope would have them; the model's
own state is not used. Lengths are in mm, times in ms, frequencies in Hz; wavelengths are in body lengths.

| word | meaning |
|---|---|
| forward | the centre moves the way the head points; the wave of curvature runs from head to tail |
| episode | a stretch of one direction that lasts long enough; a reversal is a backward one |
| omega turn | head and tail come near each other |
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ModelError
from neurosim.models.worm.body.body import Floats
from neurosim.models.worm.track import Track
from neurosim.units import MS_PER_S

STILL_PER_MM = 0.3
"""Curvature below which a body does not undulate."""
SLOW_MM_PER_S = 0.02
"""Speed of the centre below which a worm pauses."""
EPISODE_MS = 500.0
"""Shorter movements are no episode."""
OMEGA_FRAC = 0.35
"""Distance of head and tail, in body lengths, below which a posture is an omega turn; crawling stays above 0.6."""


@dataclass(frozen=True)
class Undulation:
    """The wave of curvature in a stretch of time.

    Parameters
    ----------
    frequency_Hz : float
        Of the largest peak of the rows' summed spectrum; NaN for a body that does not undulate.
    wavelength : float
        In body lengths, of the phase's mean slope along the body; NaN likewise.
    amplitude_per_mm : float
        Square root of 2 times the standard deviation over time, mean of the rows: the amplitude of a sine.
    direction : float
        1: from head to tail (forward), -1: from tail to head, between: standing or mixed; 0 for a body at rest.
    """

    frequency_Hz: float
    wavelength: float
    amplitude_per_mm: float
    direction: float


@dataclass(frozen=True)
class Episode:
    """A stretch of time of one direction; ``kind`` is "forward", "backward" or "pause"."""

    kind: str
    start_ms: float
    stop_ms: float
    distance_mm: float

    @property
    def duration_ms(self) -> float:
        """How long it lasts."""
        return self.stop_ms - self.start_ms


def spectrum(curvature: Floats, every_ms: float) -> tuple[Floats, Floats]:
    """Return frequencies in Hz and power summed over the rows, of detrended and windowed curvature (n, rows)."""
    n = len(curvature)
    window = np.hanning(n + 2)[1:-1, None]
    padded = 1 << (4 * n - 1).bit_length()
    power = np.abs(np.fft.rfft(_detrended(curvature) * window, padded, axis=0)) ** 2
    return np.asarray(np.fft.rfftfreq(padded, every_ms / MS_PER_S)), np.asarray(power.sum(axis=1))


def _detrended(curvature: Floats) -> Floats:
    """Return values without each row's mean and straight trend."""
    t = np.linspace(-1.0, 1.0, len(curvature))[:, None]
    flat = curvature - curvature.mean(axis=0)
    return np.asarray(flat - t * (t * flat).sum(axis=0) / (t * t).sum())


def undulation(curvature: Floats, every_ms: float, *, lowest_Hz: float = 0.05, highest_Hz: float = 5.0) -> Undulation:
    """Measure the wave of a kymograph.

    Parameters
    ----------
    curvature : float64 (n, rows)
        1/mm, rows from head to tail, equally spaced along the body.
    every_ms : float
        Time between two rows.
    lowest_Hz, highest_Hz : float
        Where the frequency is looked for; a period has to fit into the stretch twice.

    Notes
    -----
    The phase is that of each row's component at the frequency; its slope is fitted with the rows' power as weights,
    around the mean step from row to row, so that a weak row cannot break it.
    """
    n, rows = curvature.shape
    if n < 16 or rows < 3:
        raise ModelError(f"undulation: a kymograph of {n} x {rows}; it needs at least 16 times and 3 rows")
    amplitude = float(math.sqrt(2.0) * np.std(_detrended(curvature), axis=0).mean())
    frequencies, power = spectrum(curvature, every_ms)
    lowest = max(lowest_Hz, 2.0 * MS_PER_S / (n * every_ms))
    allowed = (frequencies >= lowest) & (frequencies <= highest_Hz)
    if amplitude < STILL_PER_MM or not allowed.any():
        return Undulation(math.nan, math.nan, amplitude, 0.0)
    frequency = _peak(frequencies, power, allowed)
    turns = np.exp(-2j * math.pi * frequency * np.arange(n) * every_ms / MS_PER_S)
    slope = _phase_slope((np.hanning(n + 2)[1:-1] * turns) @ _detrended(curvature))
    direction = float(wave_direction(curvature, every_ms).mean())
    wavelength = abs(2.0 * math.pi / slope) / (rows + 1) if slope else math.inf
    return Undulation(frequency, float(wavelength), amplitude, direction)


def _peak(frequencies: Floats, power: Floats, allowed: NDArray[np.bool_]) -> float:
    """Return the place of the largest power, between the samples by a parabola of its logarithm."""
    k = int(np.argmax(np.where(allowed, power, -1.0)))
    if not 0 < k < len(power) - 1 or not power[k - 1 : k + 2].min() > 0.0:
        return float(frequencies[k])
    below, at, above = np.log(power[k - 1 : k + 2])
    bend = below - 2.0 * at + above
    shift = 0.5 * (below - above) / bend if bend < 0.0 else 0.0
    return float(frequencies[k] + np.clip(shift, -0.5, 0.5) * frequencies[1])


def _phase_slope(parts: NDArray[np.complex128]) -> float:
    """Return the change of phase from row to row in rad, by least squares with the power as weights."""
    mean = float(np.angle((parts[1:] * parts[:-1].conj()).sum()))
    rows = np.arange(len(parts))
    turned = parts * np.exp(-1j * mean * rows)
    left = np.angle(turned * turned.sum().conj())
    weight = np.abs(parts) ** 2
    centre = rows - (weight * rows).sum() / weight.sum()
    return mean + float((weight * centre * left).sum() / (weight * centre * centre).sum())


def wave_direction(curvature: Floats, every_ms: float, *, window_ms: float = EPISODE_MS) -> Floats:
    """Return the direction of the wave over time, float64 (n,) in -1 to 1; 1 runs from head to tail.

    Minus the correlation of the curvature's slopes in time and along the body, in a sliding window: 1 and -1 for a pure
    travelling wave, 0 for a standing one.
    """
    slow = np.gradient(curvature, every_ms / MS_PER_S, axis=0)
    along = np.gradient(curvature, axis=1)
    mixed, in_time, in_space = (
        _smoothed(product.sum(axis=1), every_ms, window_ms) for product in (slow * along, slow * slow, along * along)
    )
    scale = np.sqrt(np.maximum(in_time * in_space, 0.0))
    return np.asarray(-np.divide(mixed, scale, out=np.zeros_like(mixed), where=scale > 1e-12))


def steady_undulation(curvature: Floats, every_ms: float, *, clear: float = 0.3) -> Undulation:
    """Measure the wave in the longest stretch in which it runs one way: reversals would mix two waves.

    Arguments and result are those of ``undulation``; ``clear`` is the direction that counts as one. Where no stretch
    lasts 2 s the whole is measured.
    """
    way = wave_direction(curvature, every_ms)
    code = np.where(np.abs(way) < clear, 0.0, np.sign(way))
    edges = [0, *(np.flatnonzero(np.diff(code)) + 1).tolist(), len(code)]
    runs = [(b - a, a, b) for a, b in itertools.pairwise(edges) if code[a]]
    longest, first, last = max(runs, default=(0, 0, 0))
    if longest * every_ms < 4.0 * EPISODE_MS:
        return undulation(curvature, every_ms)
    return undulation(curvature[first:last], every_ms)


def _smoothed(values: Floats, every_ms: float, window_ms: float) -> Floats:
    """Return a sliding mean over time, (n,) or (n, k).

    Towards the ends the window shrinks on both sides, so that a steady movement stays what it is.
    """
    n = len(values)
    total = np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, axis=0, dtype=np.float64)])
    rows = np.arange(n)
    half = np.minimum(np.minimum(rows, n - 1 - rows), max(round(0.5 * window_ms / every_ms), 0))
    first, last = rows - half, rows + half + 1
    width = (last - first).reshape(-1, *[1] * (values.ndim - 1))
    return np.asarray((total[last] - total[first]) / width)


def centre_mm(track: Track, *, window_ms: float = 0.0) -> Floats:
    """Return the midline's centre over time, float64 (n, 2), smoothed by a sliding mean."""
    return _smoothed(track.points_mm[:, :, :2].mean(axis=1), track.every_ms, window_ms)


def body_axis(track: Track, *, window_ms: float = 0.0) -> Floats:
    """Return the direction from tail to head over time, unit vectors float64 (n, 2), smoothed."""
    axis = _smoothed(track.points_mm[:, 0, :2] - track.points_mm[:, -1, :2], track.every_ms, window_ms)
    return np.asarray(axis / np.maximum(np.linalg.norm(axis, axis=1, keepdims=True), 1e-12))


def heading_rad(track: Track, *, window_ms: float = 2000.0) -> Floats:
    """Return the direction from tail to head over time without jumps, float64 (n,)."""
    axis = body_axis(track, window_ms=window_ms)
    return np.unwrap(np.arctan2(axis[:, 1], axis[:, 0]))


def velocity_mm_per_s(track: Track, *, window_ms: float = EPISODE_MS) -> Floats:
    """Return the centre's speed along the midline's own direction over time, float64 (n,); backward is negative.

    The direction is that from tail to head, smoothed like the movement.
    """
    if len(track) < 3:
        raise ModelError(f"track: {len(track)} rows; a speed needs 3")
    moved = np.gradient(centre_mm(track, window_ms=window_ms), track.every_ms / MS_PER_S, axis=0)
    return np.asarray((moved * body_axis(track, window_ms=window_ms)).sum(axis=1))


def speed_mm_per_s(track: Track, *, window_ms: float = EPISODE_MS) -> float:
    """Return the mean speed along the path of the centre, whichever way it goes."""
    centre = centre_mm(track, window_ms=window_ms)
    path = np.linalg.norm(np.diff(centre, axis=0), axis=1).sum()
    return float(path / (track.time_ms[-1] - track.time_ms[0]) * MS_PER_S)


def net_speed_mm_per_s(track: Track) -> float:
    """Return the distance from start to end over the time."""
    centre = track.points_mm[:, :, :2].mean(axis=1)
    return float(np.linalg.norm(centre[-1] - centre[0]) / (track.time_ms[-1] - track.time_ms[0]) * MS_PER_S)


def episodes(track: Track, *, shortest_ms: float = EPISODE_MS, slow_mm_per_s: float = SLOW_MM_PER_S) -> list[Episode]:
    """Return what the worm did one after the other: forward, backward, pause.

    A direction needs a speed above ``slow_mm_per_s`` that way; stretches shorter than ``shortest_ms`` join the longer
    one of their neighbours, the shortest first.
    """
    speed = velocity_mm_per_s(track)
    codes = np.where(np.abs(speed) < slow_mm_per_s, 0, np.sign(speed)).astype(int)
    edges = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)]
    runs = [[int(codes[a]), a, b] for a, b in itertools.pairwise(edges)]
    while len(runs) > 1:
        k = min(range(len(runs)), key=lambda j: runs[j][2] - runs[j][1])
        if (runs[k][2] - runs[k][1]) * track.every_ms >= shortest_ms:
            break
        beside = [j for j in (k - 1, k + 1) if 0 <= j < len(runs)]
        runs[k][0] = runs[max(beside, key=lambda j: runs[j][2] - runs[j][1])][0]
        runs = _joined(runs)
    names, every = ("pause", "forward", "backward"), track.every_ms
    return [
        Episode(
            names[code],
            float(track.time_ms[first]),
            float(track.time_ms[min(last, len(track) - 1)]),
            float(speed[first:last].sum() * every / MS_PER_S),
        )
        for code, first, last in runs
    ]


def _joined(runs: list[list[int]]) -> list[list[int]]:
    """Return runs in which no two neighbours are the same."""
    kept: list[list[int]] = []
    for code, first, last in runs:
        if kept and kept[-1][0] == code:
            kept[-1][2] = last
        else:
            kept.append([code, first, last])
    return kept


def reversals(track: Track) -> list[Episode]:
    """Return the backward episodes."""
    return [episode for episode in episodes(track) if episode.kind == "backward"]


def omega_turns(track: Track, *, frac: float = OMEGA_FRAC, shortest_ms: float = 100.0) -> list[tuple[float, float]]:
    """Return start and stop in ms of the times at which head and tail are near each other."""
    length = np.linalg.norm(np.diff(track.points_mm, axis=1), axis=2).sum(axis=1)
    apart = np.linalg.norm(track.points_mm[:, 0] - track.points_mm[:, -1], axis=1)
    near = np.concatenate([[0], (apart < frac * length).astype(int), [0]])
    starts, stops = np.flatnonzero(np.diff(near) == 1), np.flatnonzero(np.diff(near) == -1)
    times = np.append(track.time_ms, track.time_ms[-1])
    spans = zip(times[starts].tolist(), times[stops].tolist(), strict=True)
    return [(a, b) for a, b in spans if b - a >= shortest_ms]


def posture_variance(track: Track, parts: int = 4) -> Floats:
    """Return the share of the variance of posture that the largest principal components hold, cumulated.

    Posture is the angle of each link less the body's mean angle, as for the eigenworms of Stephens et al. 2008
    (doi:10.1371/journal.pcbi.1000028).
    """
    links = np.diff(track.points_mm[:, :, :2], axis=1)
    angle = np.unwrap(np.arctan2(links[..., 1], links[..., 0]), axis=1)
    angle = angle - angle.mean(axis=1, keepdims=True)
    spread = np.linalg.svd(angle - angle.mean(axis=0), compute_uv=False) ** 2
    return np.asarray(np.cumsum(spread)[:parts] / max(spread.sum(), 1e-300))


def curvature_bias_per_mm(track: Track) -> float:
    """Return the mean curvature over time and body; dorsal is positive."""
    return float(track.curvature_per_mm.mean())


def summary(track: Track, *, start_ms: float = 0.0) -> dict[str, float]:
    """Return the figures of a track from a time on, by name with unit; NaN where a body does not undulate.

    Frequency, wavelength, curvature and direction are those of the longest stretch with one wave.
    """
    part = track.between(start_ms)
    wave = steady_undulation(part.curvature_per_mm, part.every_ms)
    done = episodes(part)
    duration = part.time_ms[-1] - part.time_ms[0]
    shares = {f"{kind}_frac": float(sum(e.duration_ms for e in done if e.kind == kind) / duration) for kind in
              ("forward", "backward", "pause")}  # fmt: skip
    return {
        "speed_mm_per_s": speed_mm_per_s(part),
        "net_speed_mm_per_s": net_speed_mm_per_s(part),
        "forward_speed_mm_per_s": float(velocity_mm_per_s(part).mean()),
        "frequency_Hz": wave.frequency_Hz,
        "wavelength_frac": wave.wavelength,
        "curvature_per_mm": wave.amplitude_per_mm,
        "direction": wave.direction,
        "curvature_bias_per_mm": curvature_bias_per_mm(part),
        "turned_rad": float(np.ptp(heading_rad(part))),
        **shares,
        "reversals": float(len([e for e in done if e.kind == "backward"])),
        "omega_turns": float(len(omega_turns(part))),
        "posture_variance_frac": float(posture_variance(part)[-1]),
    }
