"""Distributions for values of a network, and Poisson trains; ``neurosim.random`` in Python.

A distribution is a description. What is drawn from it depends on a key (seed and names), a stream (the cell) and a
number in the stream (the connection), never on what was drawn before: see ``neurosim.kernels.draw``.
"""

from __future__ import annotations

import hashlib
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.errors import ModelError
from neurosim.model.checks import above_zero, finite, not_negative
from neurosim.units import S_PER_MS

if TYPE_CHECKING:
    from collections.abc import Callable

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]


def key_of(*words: int | str) -> np.uint64:
    """Return the key that belongs to a seed and names: 64 bits of the SHA-256 of their texts."""
    text = "\x1f".join(str(word) for word in words)
    return np.uint64(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little"))


@dataclass(frozen=True)
class Distribution(ABC):
    """What all distributions share: limits, beyond which a number is drawn again.

    Not for use by itself; use ``Normal``, ``LogNormal``, ``Uniform`` or ``Exponential``.
    """

    @abstractmethod
    def _law(self) -> tuple[int, float, float, float, float]:
        """Return the kind, the two numbers and the limits that ``kernels.draw.values`` takes."""

    def draw(self, key: np.uint64, streams: Ints, numbers: Ints) -> Floats:
        """Draw one number for each row, float64 (n,).

        Parameters
        ----------
        key : uint64
            Of ``key_of``.
        streams, numbers : int32 (n,)
            Stream of the row, and its number in the stream.
        """
        from neurosim.kernels import draw

        out = np.empty(len(streams))
        draw.values(*self._law(), key, streams, numbers, out)
        if np.isnan(out).any():
            raise ModelError(f"{self}: no number within the limits in 10,000 tries; widen low and high")
        return out


def _limits(where: str, low: float, high: float) -> None:
    if not low < high:
        raise ModelError(f"{where}: low={low} and high={high} are not allowed; low must be below high")


@dataclass(frozen=True)
class Normal(Distribution):
    """The normal distribution; numbers outside ``low`` to ``high`` are drawn again."""

    mean: float
    std: float
    low: float = -math.inf
    high: float = math.inf

    def __post_init__(self) -> None:
        finite("Normal", mean=self.mean)
        not_negative("Normal", std=self.std)
        _limits("Normal", self.low, self.high)

    def _law(self) -> tuple[int, float, float, float, float]:
        from neurosim.kernels.draw import NORMAL

        return NORMAL, float(self.mean), float(self.std), float(self.low), float(self.high)


@dataclass(frozen=True)
class LogNormal(Distribution):
    """A number whose logarithm is normal: ``median * exp(sigma * normal)``; its mean is ``median * exp(sigma**2 / 2)``.

    Numbers outside ``low`` to ``high`` are drawn again.
    """

    median: float
    sigma: float
    low: float = -math.inf
    high: float = math.inf

    def __post_init__(self) -> None:
        finite("LogNormal", median=self.median)
        not_negative("LogNormal", sigma=self.sigma)
        _limits("LogNormal", self.low, self.high)

    def _law(self) -> tuple[int, float, float, float, float]:
        from neurosim.kernels.draw import LOGNORMAL

        return LOGNORMAL, float(self.median), float(self.sigma), float(self.low), float(self.high)


@dataclass(frozen=True)
class Uniform(Distribution):
    """Every number between ``low`` and ``high`` alike."""

    low: float
    high: float

    def __post_init__(self) -> None:
        finite("Uniform", low=self.low, high=self.high)
        _limits("Uniform", self.low, self.high)

    def _law(self) -> tuple[int, float, float, float, float]:
        from neurosim.kernels.draw import UNIFORM

        return UNIFORM, float(self.low), float(self.high), -math.inf, math.inf


@dataclass(frozen=True)
class Exponential(Distribution):
    """The exponential distribution; numbers above ``high`` are drawn again."""

    mean: float
    high: float = math.inf

    def __post_init__(self) -> None:
        above_zero("Exponential", mean=self.mean)
        _limits("Exponential", 0.0, self.high)

    def _law(self) -> tuple[int, float, float, float, float]:
        from neurosim.kernels.draw import EXPONENTIAL

        return EXPONENTIAL, float(self.mean), 0.0, 0.0, float(self.high)


@dataclass(frozen=True, eq=False)
class Poisson:
    """Spikes at random times of a given mean rate, for ``Network.add_spikes``.

    Parameters
    ----------
    rate_Hz : float, float (n,), or function
        Rate of all cells, of each, or a function of the time in ms (array in, array out) for all.
    stop_ms : float
        No spike at or after this time.
    start_ms : float
        No spike before this time.
    peak_Hz : float, optional
        Of a function: its highest value, which must not be exceeded (Lewis and Shedler 1979, thinning,
        doi:10.1002/nav.3800260304).
    """

    rate_Hz: ArrayLike | Callable[[Floats], ArrayLike]
    stop_ms: float
    start_ms: float = 0.0
    peak_Hz: float | None = None

    def __post_init__(self) -> None:
        finite("Poisson", start_ms=self.start_ms, stop_ms=self.stop_ms)
        if not 0.0 <= self.start_ms <= self.stop_ms:
            raise ModelError(
                f"Poisson: start_ms={self.start_ms} and stop_ms={self.stop_ms} are not allowed; start must be 0 or "
                "more and not after stop"
            )
        if callable(self.rate_Hz):
            if self.peak_Hz is None:
                raise ModelError("Poisson: a function of the time needs peak_Hz, the highest rate it returns")
            finite("Poisson", peak_Hz=self.peak_Hz)
        elif self.peak_Hz is not None:
            raise ModelError("Poisson: peak_Hz belongs to a function of the time; leave it out")
        else:
            _rates(self.rate_Hz)

    def draw(self, key: np.uint64, streams: Ints) -> list[Floats]:
        """Draw one train for each stream, a list of float64 times in ms.

        Intervals are exponential; those of a function come from its peak, and each time is kept with rate / peak.
        """
        from neurosim.kernels import draw

        given = self.peak_Hz if callable(self.rate_Hz) else self.rate_Hz
        rates_Hz = _rates(given)
        if rates_Hz.ndim and rates_Hz.shape != streams.shape:
            raise ModelError(f"Poisson: rate_Hz has shape {rates_Hz.shape}; allowed: one number or ({len(streams)},)")
        per_ms = np.array(np.broadcast_to(rates_Hz * S_PER_MS, streams.shape))
        counts = np.empty(len(streams), np.int64)
        start_ms, stop_ms = float(self.start_ms), float(self.stop_ms)
        draw.poisson_counts(key, streams, per_ms, start_ms, stop_ms, counts)
        times_ms = np.empty(int(counts.sum()))
        draw.poisson(key, streams, per_ms, start_ms, counts, times_ms)
        ends = np.cumsum(counts)[:-1]
        if not callable(self.rate_Hz):
            return np.split(times_ms, ends)
        kept = self._kept(key_of(int(key), "thinning"), np.repeat(streams, counts), times_ms, counts)
        return [part[keep] for part, keep in zip(np.split(times_ms, ends), np.split(kept, ends), strict=True)]

    def _kept(self, key: np.uint64, streams: Ints, times_ms: Floats, counts: NDArray[np.int64]) -> NDArray[np.bool_]:
        from neurosim.kernels import draw

        assert callable(self.rate_Hz) and self.peak_Hz is not None  # as __post_init__ saw
        rates_Hz = np.asarray(self.rate_Hz(times_ms), float)
        if rates_Hz.shape != times_ms.shape or not ((rates_Hz >= 0.0) & (rates_Hz <= self.peak_Hz)).all():
            raise ModelError(
                f"Poisson: rate_Hz returned shape {rates_Hz.shape} for times of shape {times_ms.shape}, or rates "
                f"outside 0 to peak_Hz={self.peak_Hz}; return one rate for each time"
            )
        first = np.repeat(np.cumsum(counts) - counts, counts)
        out = np.empty(len(times_ms))
        draw.units(key, streams, np.arange(len(times_ms)) - first, out)
        kept: NDArray[np.bool_] = out * self.peak_Hz < rates_Hz
        return kept


def _rates(given: ArrayLike | None) -> Floats:
    rates = np.asarray(given, float)
    if not (np.isfinite(rates) & (rates >= 0.0)).all():
        raise ModelError(f"Poisson: rate_Hz={given!r} is not allowed; rates must be finite and 0 or more")
    return rates
