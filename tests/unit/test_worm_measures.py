"""What is measured on tracks: synthetic kymographs and paths of known movement, imposed waves in the body."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from neurosim.errors import ModelError
from neurosim.models.worm.body.body import ROWS
from neurosim.models.worm.body.chain import LINKS
from neurosim.models.worm.body.wave import Wave
from neurosim.models.worm.measures import (
    curvature_bias_per_mm,
    episodes,
    heading_rad,
    net_speed_mm_per_s,
    omega_turns,
    posture_variance,
    reversals,
    speed_mm_per_s,
    steady_undulation,
    summary,
    undulation,
    velocity_mm_per_s,
    wave_direction,
)
from neurosim.models.worm.track import Recorder, Track
from tests.worm_bodies import AGAR, WATER, make_chain

EVERY_MS = 20.0


def kymograph(frequency_Hz: float, wavelength: float, seconds: float, *, way: float = 1.0, noise: float = 0.0) -> Any:
    """Return a travelling wave of 7 per mm, weaker at the tail, with noise; way 1 runs from head to tail."""
    t = np.arange(round(seconds * 1e3 / EVERY_MS))[:, None] * EVERY_MS / 1e3
    s = np.arange(1, LINKS) / LINKS
    wave = 7.0 * (1.2 - 0.4 * s) * np.sin(2 * math.pi * (frequency_Hz * t - way * s / wavelength) + 0.3)
    return wave + noise * np.random.Generator(np.random.Philox(3)).standard_normal(wave.shape)


def posed(curvature: Any, centre: Any, heading: Any) -> Track:
    """Return a track of bodies with this curvature, centre (n, 2) and mean direction of the head (n,)."""
    n = len(curvature)
    angle = np.concatenate([np.zeros((n, 1)), -np.cumsum(curvature, axis=1) / LINKS], axis=1)
    angle += (heading + math.pi - angle.mean(axis=1))[:, None]
    links = np.stack([np.cos(angle), np.sin(angle), np.zeros_like(angle)], axis=2) / LINKS
    points = np.concatenate([np.zeros((n, 1, 3)), np.cumsum(links, axis=1)], axis=1)
    points[:, :, :2] += (centre - points[:, :, :2].mean(axis=1))[:, None]
    return Track(EVERY_MS * np.arange(n, dtype=np.float64), points, curvature, np.zeros((n, 4, ROWS)))


@pytest.mark.parametrize("noise", [0.0, 2.0])
@pytest.mark.parametrize("way", [1.0, -1.0])
@pytest.mark.parametrize(("frequency_Hz", "wavelength"), [(0.3, 0.6), (0.5, 0.65), (1.8, 1.5), (0.83, 1.0)])
def test_a_wave_is_measured_as_it_was_made(frequency_Hz: float, wavelength: float, way: float, noise: float) -> None:
    found = undulation(kymograph(frequency_Hz, wavelength, 20.0, way=way, noise=noise), EVERY_MS)
    assert found.frequency_Hz == pytest.approx(frequency_Hz, rel=0.01)
    assert found.wavelength == pytest.approx(wavelength, rel=0.02)
    assert found.amplitude_per_mm == pytest.approx(math.hypot(7.0, math.sqrt(2.0) * noise), rel=0.03)
    assert found.direction * way > (0.9 if noise == 0.0 else 0.1)


def test_a_dead_row_does_not_break_the_wavelength() -> None:
    curvature = kymograph(0.5, 0.65, 20.0)
    curvature[:, [5, 6, 15]] = 0.0
    assert undulation(curvature, EVERY_MS).wavelength == pytest.approx(0.65, rel=0.02)


def test_a_drift_is_no_undulation() -> None:
    drift = np.linspace(-5.0, 5.0, 500)[:, None] * np.ones(ROWS)
    found = undulation(drift, EVERY_MS)
    assert math.isnan(found.frequency_Hz)
    assert math.isnan(found.wavelength)
    assert found.direction == 0.0


def test_a_standing_wave_has_no_direction() -> None:
    t = np.arange(500)[:, None] * EVERY_MS / 1e3
    standing = np.sin(2 * math.pi * 0.5 * t) * np.sin(2 * math.pi * np.arange(1, LINKS) / LINKS)
    assert abs(wave_direction(5.0 * standing, EVERY_MS)).max() < 0.2


def test_a_reversal_does_not_mix_two_waves() -> None:
    parts = [kymograph(0.5, 0.65, 12.0), kymograph(0.5, 0.65, 6.0, way=-1.0), kymograph(0.5, 0.65, 6.0)]
    found = steady_undulation(np.concatenate(parts), EVERY_MS)
    assert found.wavelength == pytest.approx(0.65, rel=0.02)
    assert found.frequency_Hz == pytest.approx(0.5, rel=0.02)
    assert found.direction > 0.9


@pytest.mark.parametrize(
    ("medium", "wave"),
    [("agar", AGAR), ("agar", Wave(0.4, 0.65, 0.7, backward=True)), ("water", WATER)],
)
def test_a_body_under_an_imposed_wave_is_measured_as_driven(medium: str, wave: Wave) -> None:
    body, recorder = make_chain(medium), Recorder()
    wave.drive(body, 2000.0, 10.0)
    start = body.points_mm.mean(axis=0)
    for _ in range(400):
        wave.drive(body, EVERY_MS, 10.0)
        recorder.add(body, wave.activation(body.time_ms))
    found = summary(recorder.track())
    way = -1.0 if wave.backward else 1.0
    speed = float(np.linalg.norm(body.points_mm.mean(axis=0) - start)) / 8.0
    assert found["frequency_Hz"] == pytest.approx(wave.frequency_Hz, rel=0.01)
    assert found["wavelength_frac"] == pytest.approx(wave.wavelength, rel=0.02)
    assert found["direction"] * way > 0.95
    assert found["forward_speed_mm_per_s"] == pytest.approx(way * speed, rel=0.02)
    assert found["speed_mm_per_s"] == pytest.approx(speed, rel=0.02)
    assert found["backward_frac" if wave.backward else "forward_frac"] == 1.0
    assert found["posture_variance_frac"] > 0.99


def zigzag() -> tuple[Track, Any]:
    """Return 4 s forward, 2 s backward, 1 s of rest and 3 s forward at 0.2 mm/s along x, and the speeds."""
    speed = np.concatenate([np.full(200, 0.2), np.full(100, -0.2), np.zeros(50), np.full(150, 0.2)])
    x = np.cumsum(speed) * EVERY_MS / 1e3
    track = posed(kymograph(0.5, 0.65, 10.0), np.stack([x, np.zeros(500)], axis=1), np.zeros(500))
    return track, speed


def test_episodes_are_told_apart() -> None:
    track, _ = zigzag()
    found = episodes(track)
    assert [episode.kind for episode in found] == ["forward", "backward", "pause", "forward"]
    edges = [found[0].stop_ms, found[1].stop_ms, found[2].stop_ms]
    assert edges == pytest.approx([4000.0, 6000.0, 7000.0], abs=250.0)
    assert [episode.distance_mm for episode in found] == pytest.approx([0.8, -0.4, 0.0, 0.6], abs=0.05)
    (reversal,) = reversals(track)
    assert reversal.duration_ms == pytest.approx(2000.0, abs=400.0)


def test_speeds_along_the_path_and_over_all_differ_by_the_way_back() -> None:
    track, speed = zigzag()
    assert speed_mm_per_s(track, window_ms=100.0) == pytest.approx(np.abs(speed).mean(), rel=0.03)
    assert net_speed_mm_per_s(track) == pytest.approx(speed.mean(), rel=0.01)
    assert velocity_mm_per_s(track)[100] == pytest.approx(0.2, rel=0.05)
    assert velocity_mm_per_s(track)[250] == pytest.approx(-0.2, rel=0.05)


def test_short_jerks_are_no_episodes() -> None:
    x = np.arange(500) * 0.2 * EVERY_MS / 1e3
    x[250:] -= 0.03
    track = posed(np.zeros((500, ROWS)), np.stack([x, np.zeros(500)], axis=1), np.zeros(500))
    assert [episode.kind for episode in episodes(track, shortest_ms=800.0)] == ["forward"]


def test_the_heading_follows_a_turn_without_jumps() -> None:
    heading = np.linspace(0.0, 3.0 * math.pi, 500)
    centre = np.stack([np.cumsum(np.cos(heading)), np.cumsum(np.sin(heading))], axis=1) * 0.004
    found = heading_rad(posed(np.zeros((500, ROWS)), centre, heading), window_ms=100.0)
    assert found[-1] - found[0] == pytest.approx(3.0 * math.pi, abs=0.01)
    assert np.abs(np.diff(found)).max() < 0.05


def test_an_omega_turn_is_where_head_and_tail_meet() -> None:
    depth = np.interp(np.arange(500), [150, 200, 250, 300], [0.0, 5.0, 5.0, 0.0])[:, None]
    track = posed(depth * np.ones(ROWS), np.zeros((500, 2)), np.zeros(500))
    ((start_ms, stop_ms),) = omega_turns(track)
    assert 3000.0 < start_ms < 4000.0
    assert 5000.0 < stop_ms < 6000.0
    assert not omega_turns(posed(kymograph(0.5, 0.65, 10.0), np.zeros((500, 2)), np.zeros(500)))


def test_two_postures_hold_the_variance_of_a_pure_wave() -> None:
    track = posed(kymograph(0.5, 0.65, 10.0), np.zeros((500, 2)), np.zeros(500))
    shares = posture_variance(track)
    assert shares[0] < 0.9
    assert shares[1] > 0.999


def test_a_bias_is_the_mean_bend() -> None:
    track = posed(kymograph(0.5, 0.65, 10.0) + 0.5, np.zeros((500, 2)), np.zeros(500))
    assert curvature_bias_per_mm(track) == pytest.approx(0.5, abs=0.02)


def test_too_short_a_track_is_named() -> None:
    track = posed(np.zeros((2, ROWS)), np.zeros((2, 2)), np.zeros(2))
    with pytest.raises(ModelError, match="2 rows; a speed needs 3"):
        velocity_mm_per_s(track)
    with pytest.raises(ModelError, match="kymograph of 2 x 24"):
        undulation(track.curvature_per_mm, EVERY_MS)
