"""Random numbers by counter: known answers, independence of order, moments."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from neurosim.kernels import plain
from neurosim.kernels.random import gaussian, gaussian_draws, normal, philox, uniform
from neurosim.kernels.simd import LANES, lane, splat, with_lane
from tests.tolerances import ROUNDOFF, STAT

N = 200_000


# From the known-answer file of Random123 (philox2x64, 10 rounds): counter low, counter high, key -> two words.
@pytest.mark.parametrize(
    ("low", "high", "key", "expected"),
    [
        (0, 0, 0, (0xCA00A0459843D731, 0x66C24222C9A845B5)),
        (2**64 - 1, 2**64 - 1, 2**64 - 1, (0x65B021D60CD8310F, 0x4D02F3222F86DF20)),
        (0x243F6A8885A308D3, 0x13198A2E03707344, 0xA4093822299F31D0, (0x0A5E742C2997341C, 0xB0F883D38000DE5D)),
    ],
)
def test_philox_gives_its_known_answers(low: int, high: int, key: int, expected: tuple[int, int]) -> None:
    found = philox(np.uint64(low), np.uint64(high), np.uint64(key))
    assert tuple(map(int, found)) == expected


@njit
def series(key: int, stream: int, first: int, n: int) -> np.ndarray:
    out = np.empty(n)
    for k in range(n):
        out[k] = normal(key, stream, first + k)
    return out


@njit
def across(key: int, step: int, n: int) -> np.ndarray:
    out = np.empty(n)
    for stream in range(n):
        out[stream] = normal(key, stream, step)
    return out


def moments(x: np.ndarray) -> tuple[float, ...]:
    """Return mean, variance, third and fourth moment as standard errors from those of a normal distribution."""
    errors = np.sqrt(np.array([1.0, 2.0, 15.0, 96.0]) / len(x))
    found = np.array([x.mean(), (x * x).mean() - 1.0, (x**3).mean(), (x**4).mean() - 3.0])
    return tuple(found / errors)


@pytest.mark.parametrize("key", [0, 1, -(2**63), 123456789])
def test_moments_are_those_of_a_normal_distribution_along_a_stream_and_across(key: int) -> None:
    assert np.abs(moments(series(key, 5, 0, N))).max() < STAT
    assert np.abs(moments(across(key, 5, N))).max() < STAT


@pytest.mark.parametrize("lag", [1, 2, 3, 8])
def test_numbers_of_a_stream_do_not_correlate(lag: int) -> None:
    x = series(1, 2, 0, N)
    assert abs((x[lag:] * x[:-lag]).mean()) * np.sqrt(N) < STAT


@pytest.mark.parametrize(("key", "stream"), [(1, 3), (2, 2), (3, 2), (1, 2 + 2**24)])
def test_streams_and_keys_do_not_correlate(key: int, stream: int) -> None:
    a, b = series(1, 2, 0, N), series(key, stream, 0, N)
    assert abs((a * b).mean()) * np.sqrt(N) < STAT


def test_a_number_does_not_depend_on_what_was_drawn_before() -> None:
    assert series(7, 3, 40, 10).tolist() == series(7, 3, 0, 50)[40:].tolist()
    assert [normal(7, 3, k) for k in (49, 40, 45)] == [series(7, 3, 0, 50)[k] for k in (49, 40, 45)]


def test_tails_are_there_and_finite() -> None:
    x = series(11, 0, 0, 10 * N)
    assert np.isfinite(x).all()
    # 2 million normal numbers: the largest is about 5.1 with a spread of 0.2.
    assert 4.4 < np.abs(x).max() < 6.5


# ---- mechanism code

# NEURON 9.0.2: r = h.Random(); r.Random123_globalindex(3); r.Random123(5, 7, 9); r.uniform(0, 1) six times,
# and, from the start again, r.normal(0, 1) three times.
KEY, STREAM = 9.0 + 3 * 2.0**32, 5.0 + 7 * 2.0**32
UNIFORM = [
    0.4203522025094479,
    0.7331468379746315,
    0.09005062396404086,
    0.6910549491431902,
    0.16063106545232445,
    0.7564036795505314,
]
NORMAL = [-0.5439319325859248, -0.57411224382939, -0.6417216442532507]


@njit
def uniform_numbers(key: float, stream: float, n: int) -> np.ndarray:
    out = np.empty(n)
    for k in range(n):
        out[k] = uniform(key, stream, float(k))
    return out


@njit
def gaussian_numbers(key: float, stream: float, n: int) -> np.ndarray:
    out, draws = np.empty(n), 0.0
    for k in range(n):
        out[k] = gaussian(key, stream, draws)
        draws += gaussian_draws(key, stream, draws)
    return out


@njit
def in_lanes(key: float, stream: float, out: np.ndarray) -> None:
    for first in range(0, out.shape[1], LANES):
        draws = splat(0.0)
        for k in range(LANES):
            draws = with_lane(draws, k, float(first + k))
        u, g, n = uniform(key, stream, draws), gaussian(key, stream, draws), gaussian_draws(key, stream, draws)
        for k in range(LANES):
            out[0, first + k], out[1, first + k], out[2, first + k] = lane(u, k), lane(g, k), lane(n, k)


def test_words_are_the_known_answers_of_philox_4x32() -> None:
    """Random123's known-answer file, counter and key 0."""
    words = np.array([0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8], dtype=np.float64)
    assert (uniform_numbers(0.0, 0.0, 4) == (words + 1.0) * (1.0 / 4294967297.0)).all()


def test_uniform_numbers_are_those_of_neuron_to_the_bit() -> None:
    assert uniform_numbers(KEY, STREAM, 6).tolist() == UNIFORM


def test_normal_numbers_are_those_of_neuron() -> None:
    assert gaussian_numbers(KEY, STREAM, 3) == pytest.approx(NORMAL, rel=ROUNDOFF)


def test_lanes_scalars_and_plain_numbers_agree() -> None:
    n = 512
    lanes, draws = np.empty((3, n)), np.arange(float(n))
    in_lanes(KEY, STREAM, lanes)
    assert (lanes[0] == uniform_numbers(KEY, STREAM, n)).all()
    assert (lanes[0] == plain.uniform(KEY, STREAM, draws)).all()
    assert (lanes[2] == plain.gaussian_draws(KEY, STREAM, draws)).all()
    assert lanes[2].max() > 4.0  # several rounds were needed somewhere, and the lanes beside stayed as they are
    assert lanes[1] == pytest.approx(plain.gaussian(KEY, STREAM, draws), rel=ROUNDOFF)
    assert lanes[1].tolist() == [gaussian(KEY, STREAM, x) for x in draws]


def test_numbers_of_mechanisms_have_the_right_moments_and_do_not_correlate() -> None:
    u, z = uniform_numbers(1.0, 2.0, N), gaussian_numbers(2.0**40 + 1.0, 2.0**33, N)
    assert np.abs(moments(z)).max() < STAT
    centred = (u - 0.5) * np.sqrt(12.0)
    assert abs(centred.mean()) * np.sqrt(N) < STAT
    for other in (u[1:], uniform_numbers(1.0, 3.0, N)[1:], uniform_numbers(2.0, 2.0, N)[1:]):
        assert abs((centred[:-1] * (other - 0.5)).mean()) * np.sqrt(12.0 * N) < STAT
    assert abs(u).max() < 1.0 and u.min() > 0.0
