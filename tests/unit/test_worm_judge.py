"""What the report says of tracks: bounds, directions, chance, rows that have no runs or fail."""

from __future__ import annotations

import math

import numpy as np
import pytest

from neurosim.models.worm.report import cases, judge, protocols
from neurosim.models.worm.report.protocols import QUICK, Size
from neurosim.models.worm.track import Track

ONE = Size(crawl_seeds=1, gait_seeds=1, exam_seeds=1, ablation_seeds=1, starts=2, sensor_starts=1)


def _track(x_mm: np.ndarray, bend_per_mm: float = 6.0, frequency_Hz: float = 0.5, wavelength: float = 0.65) -> Track:
    """Return a body of 1 mm along x whose nose is at ``x_mm`` and whose curvature is a wave to the tail."""
    n = len(x_mm)
    time_ms = 50.0 * np.arange(n, dtype=np.float64)
    points = np.zeros((n, 26, 3))
    points[:, :, 0] = x_mm[:, None] - np.linspace(0.0, 1.0, 26)
    along = (np.arange(24) + 1.0) / 25.0
    bend = bend_per_mm * np.sin(2.0 * np.pi * (frequency_Hz * time_ms[:, None] / 1e3 - along / wavelength))
    return Track(time_ms, points, bend, np.zeros((n, 4, 24)))


def _crawl(mm_per_s: float = 0.2, duration_ms: float = 30_000.0, **wave: float) -> Track:
    return _track(mm_per_s * np.arange(0.0, duration_ms + 1.0, 50.0) / 1e3, **wave)


def _exam(after_head: float, after_tail: float, driven: float, before: float = 0.2) -> Track:
    t_ms = np.arange(0.0, protocols.EXAM_MS, 50.0)
    speed = np.full(len(t_ms), before)
    for start_ms, value in (
        (protocols.HEAD_MS, after_head), (protocols.TAIL_MS, after_tail), (protocols.AVA_MS, driven)
    ):  # fmt: skip
        speed[(t_ms >= start_ms) & (t_ms < start_ms + 3500.0)] = value
    return _track(np.cumsum(speed) * 0.05)


def _reached(rows: list[judge.Row]) -> dict[str, bool | None]:
    return {row.what.split(": ")[-1]: row.reached for row in rows if row.asked != "no figure asked"}


def test_rows_without_runs_are_not_judged() -> None:
    rows = [*judge.crawl_rows({}, ONE), *judge.gait_rows({}, ONE), *judge.taxis_rows({}, ONE)]
    rows += [*judge.touch_rows({}, ONE), judge.ablation_row(judge.effects({}, ONE))]
    assert {row.reached for row in rows} == {None}


def test_a_crawl_within_all_bounds_reaches_all_rows() -> None:
    rows = judge.crawl_rows({protocols.crawl(ONE)[0].key: _crawl()}, ONE)
    assert _reached(rows) == {"speed": True, "frequency": True, "wavelength": True, "curvature": True}


@pytest.mark.parametrize(
    ("fails", "wave"),
    [
        ("speed", {"mm_per_s": 0.05}),
        ("speed", {"mm_per_s": -0.2}),
        ("curvature", {"bend_per_mm": 3.0}),
        ("frequency", {"frequency_Hz": 1.5}),
    ],
)
def test_a_crawl_outside_a_bound_fails_that_row(fails: str, wave: dict[str, float]) -> None:
    rows = judge.crawl_rows({protocols.crawl(ONE)[0].key: _crawl(**wave)}, ONE)
    assert [what for what, reached in _reached(rows).items() if not reached] == [fails]


def test_a_worm_that_does_not_undulate_fails_frequency_and_wavelength() -> None:
    rows = judge.crawl_rows({protocols.crawl(ONE)[0].key: _crawl(bend_per_mm=0.0)}, ONE)
    assert _reached(rows) == {"speed": True, "frequency": False, "wavelength": False, "curvature": False}


@pytest.mark.parametrize(
    ("frequencies_Hz", "wavelengths", "reached"),
    [
        ((1.8, 1.0, 0.5), (1.5, 1.0, 0.65), [True, True, True]),
        ((1.8, 0.4, 0.5), (1.5, 1.0, 0.65), [True, True, False]),
        ((0.9, 0.7, 0.5), (0.9, 0.8, 0.65), [False, False, True]),
    ],
)
def test_gait_rows_ask_for_ratios_and_for_a_fall_everywhere(
    frequencies_Hz: tuple[float, ...], wavelengths: tuple[float, ...], reached: list[bool]
) -> None:
    size = Size(gait_media=(0.0, 0.5, 1.0), gait_seeds=1)
    tracks = {
        run.key: _crawl(frequency_Hz=frequency_Hz, wavelength=wavelength)
        for run, frequency_Hz, wavelength in zip(protocols.gait(size), frequencies_Hz, wavelengths, strict=True)
    }
    made = judge.gait(tracks, size)
    assert made is not None
    assert made.frequency_Hz == pytest.approx(frequencies_Hz, rel=0.02)
    assert made.wavelength_frac == pytest.approx(wavelengths, rel=0.02)
    assert [row.reached for row in judge.gait_rows(tracks, size)] == reached


def test_the_index_is_one_at_the_peak_and_zero_when_it_never_comes_nearer() -> None:
    at_peak, away = np.concatenate([[0.0], np.full(999, 2.0)]), np.linspace(0.0, -9.0, 1000)
    assert judge.index(_track(at_peak), (2.0, 0.0)) == pytest.approx(0.999)
    assert judge.index(_track(away), (2.0, 0.0)) == 0.0
    assert judge.index(_track(np.linspace(0.0, 2.0, 1001)), (2.0, 0.0)) == pytest.approx(0.5)


def test_arrival_is_the_first_time_within_half_a_millimetre() -> None:
    track = _track(np.linspace(0.0, 2.0, 201))  # 0.2 mm/s
    assert judge.arrival_s(track, (2.0, 0.0)) == pytest.approx(7.55)
    assert judge.arrival_s(track, (0.0, 9.0)) == math.inf


def test_chance_is_small_for_groups_apart_and_large_for_the_same() -> None:
    draw = np.random.Generator(np.random.Philox(1))
    a, b = draw.normal(0.6, 0.1, 50).tolist(), draw.normal(0.1, 0.1, 50).tolist()
    assert judge.chance(a, b) == pytest.approx(1e-4)
    assert judge.chance(a, a) > 0.4
    assert judge.chance(b, a) == pytest.approx(1.0)


def test_touch_rows_count_the_animals_that_answer() -> None:
    key = protocols.exam(ONE)[0].key
    good = _reached(judge.touch_rows({key: _exam(-0.2, 0.3, -0.2)}, ONE))
    deaf = _reached(judge.touch_rows({key: _exam(0.2, 0.2 - 1e-3, 0.2)}, ONE))
    assert set(good.values()) == {True} and set(deaf.values()) == {False}


def test_there_are_ten_ablations_of_cells_and_edges_that_exist() -> None:
    found = judge.effects({}, ONE)
    assert len(found) == 10 and len({effect.name for effect in found}) == 10


def test_a_lost_reversal_is_right_and_one_that_was_never_there_is_not() -> None:
    case = next(case for case in cases.CASES if case.name == "A motor neurons")
    intact = protocols.examined(0).key
    gone = protocols.examined(0, case.ablate, cases.slug(case)).key

    def right(before: Track, after: Track) -> bool | None:
        found = judge.effects({intact: before, gone: after}, ONE)
        return next(effect.right for effect in found if effect.name == case.name)

    reverses, goes_on = _exam(0.2, 0.2, -0.2), _exam(0.2, 0.2, 0.2)
    assert right(reverses, goes_on) is True
    assert right(reverses, reverses) is False
    assert right(goes_on, goes_on) is False


def test_muscles_that_work_together_cocontract_and_muscles_in_turn_do_not() -> None:
    track = _exam(0.0, 0.0, 0.0)
    track.activation[:, :2] = 0.5
    assert cases.cocontraction(track) == 0.0
    track.activation[:, 2:] = 0.5
    assert cases.cocontraction(track) == pytest.approx(1.0)


def test_runs_are_named_once_and_a_change_of_one_changes_its_digest() -> None:
    everything = [*protocols.crawl(QUICK), *protocols.gait(QUICK), *protocols.taxis(QUICK), *protocols.exam(QUICK)]
    everything += [*cases.ablations(QUICK), *protocols.sensors(QUICK)]
    assert len({run.key for run in everything}) == len(everything)
    first, second = protocols.examined(1), protocols.examined(1, ("class:AVB",))
    assert first.digest == protocols.examined(1).digest != second.digest


def test_starts_lie_all_around_the_peak_and_controls_share_them() -> None:
    runs = protocols.taxis(Size(starts=8))
    peaks = np.array([run.peak_mm for run in runs if run.name.startswith("gradient")])
    assert np.hypot(*peaks.T) == pytest.approx(protocols.PEAK_DISTANCE_MM)
    assert peaks.mean(axis=0) == pytest.approx([0.0, 0.0], abs=1e-12)
    gradient, uniform, ablated = runs[:3]
    assert gradient.peak_mm == uniform.peak_mm == ablated.peak_mm
    nose = np.zeros((1, 3))
    for substance in ("salt", "odour"):
        start = gradient.environment().concentration(nose, 0.0, substance)
        assert uniform.environment().concentration(nose + 5.0, 1e4, substance) == pytest.approx(start)
        assert gradient.environment().concentration(peaks[:1], 0.0, substance) > start
