"""Random numbers by counter: known answers, independence of order, moments."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from neurosim.kernels.random import normal, philox
from tests.tolerances import STAT

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
