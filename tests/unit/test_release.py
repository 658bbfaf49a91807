"""What is random in the library: probabilistic release and sources of spikes, against their probabilities."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import neurosim as ns
from neurosim.mechanisms import library
from neurosim.model.connections import Connections
from neurosim.model.point import PointCell, SpikeTrain
from tests.tolerances import CROSS_SIM, STAT

# --- release ----------------------------------------------------------------------------------------------------------

CELLS, GAP_MS, DT = 400, 50.0, 0.5
RELEASE = {"U": 0.4, "tau_rec": 60.0, "tau_facil": 30.0}
STATES = {"AMPANMDA": "B_AMPA", "GABAAB": "B_GABAA"}


def releases(name: str, seed: int, values: dict[str, float], events: int = 3) -> np.ndarray:
    """Return what each event released in each cell, in parts of its weight, (cells, events)."""
    state, decay = STATES[name], library.get(name).defaults[f"tau_d_{STATES[name][2:]}"]
    cell = ns.Cell.cylinder(length_um=20.0, diam_um=20.0).insert("pas")
    times = tuple(DT * 4 + GAP_MS * k for k in range(events))
    cells: list[ns.Cell | PointCell | SpikeTrain] = [cell] * CELLS
    sim = ns.Simulation([*cells, SpikeTrain(times)], dt_ms=DT, seed=seed)
    targets, zeros = np.arange(CELLS, dtype=np.int32), np.zeros(CELLS, np.int32)
    numbers: dict[str, Any] = dict(values)
    sim.add(Connections(library.get(name), zeros + CELLS, targets, zeros, np.ones(CELLS), np.full(CELLS, 0.1), numbers))
    traces = [sim.record("soma(0.5)", f"{name}.{state}", gid=g) for g in range(CELLS)]
    sim.run(until_ms=times[-1] + 2.0, progress=False)
    b = np.stack([np.asarray(x.values) for x in traces])
    before = np.rint(np.array(times) / DT).astype(int)
    jumps = b[:, before + 1] - b[:, before] * math.exp(-DT / decay)
    shares: np.ndarray = jumps / np.abs(jumps).max()
    return shares


def probabilities(events: int = 3) -> list[float]:
    """Return the probability that each event releases (Fuhrmann et al. 2002)."""
    u, full, out = 0.0, 1.0, []
    for k in range(events):
        if k:
            u *= math.exp(-GAP_MS / RELEASE["tau_facil"])
            full = 1.0 - (1.0 - full) * math.exp(-GAP_MS / RELEASE["tau_rec"])
        u += RELEASE["U"] * (1.0 - u)
        out.append(u * full)
        full -= out[-1]
    return out


@pytest.mark.parametrize("name", STATES)
def test_a_site_releases_as_often_as_its_probability_says(name: str) -> None:
    found = releases(name, 1, RELEASE)
    assert set(np.rint(found / 1e-6).astype(int).ravel()) == {0, 1_000_000}
    for share, p in zip((found > 0.5).mean(axis=0), probabilities(), strict=True):
        assert abs(share - p) <= STAT * math.sqrt(p * (1.0 - p) / CELLS)


@pytest.mark.parametrize("name", STATES)
def test_the_mean_release_is_the_probability(name: str) -> None:
    found = releases(name, 1, {**RELEASE, "stochastic": 0.0})
    expected = np.array(probabilities())
    assert np.abs(found - expected / expected.max()).max() <= CROSS_SIM


def test_release_repeats_with_its_seed_and_only_with_it() -> None:
    first, again, other = (releases("AMPANMDA", seed, RELEASE) for seed in (2, 2, 3))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


# --- sources ----------------------------------------------------------------------------------------------------------


def fired(mechanism: str, values: dict[str, Any], *, n: int, until_ms: float, seed: int = 1) -> list[np.ndarray]:
    """Return the spike times of n equal sources."""
    sim = ns.Simulation([PointCell(library.get(mechanism)(**values))] * n, dt_ms=0.1, seed=seed)
    sim.run(until_ms=until_ms, progress=False)
    times, gids = np.asarray(sim.spikes.times_ms), np.asarray(sim.spikes.gids)
    return [np.sort(times[gids == g]) for g in range(n)]


def test_a_poisson_source_has_independent_exponential_intervals() -> None:
    trains = fired("PoissonSource", {"rate": 200.0, "start": 10.0, "stop": 1010.0}, n=50, until_ms=1100.0)
    counts = np.array([len(t) for t in trains])
    assert all(10.0 <= t[0] and t[-1] <= 1010.0 for t in trains)

    # Counts of a Poisson process have mean and variance 200.
    assert abs(counts.mean() - 200.0) <= STAT * math.sqrt(200.0 / 50)
    assert abs(counts.var(ddof=1) / 200.0 - 1.0) <= STAT * math.sqrt(2.0 / 49)
    gaps = np.concatenate([np.diff(t) for t in trains])
    assert abs(gaps.mean() / 5.0 - 1.0) <= STAT / math.sqrt(len(gaps))
    assert abs(gaps.var() / 25.0 - 1.0) <= STAT * math.sqrt(8.0 / len(gaps))
    pairs = np.concatenate([(np.diff(t)[1:] - 5.0) * (np.diff(t)[:-1] - 5.0) for t in trains]) / 25.0
    assert abs(pairs.mean()) <= STAT / math.sqrt(len(pairs))


def test_a_source_without_a_rate_is_silent() -> None:
    assert [len(t) for t in fired("PoissonSource", {"rate": 0.0}, n=2, until_ms=500.0)] == [0, 0]


def test_a_noisy_netstim_keeps_its_mean_interval_and_its_least() -> None:
    values = {"interval": 4.0, "number": 200.0, "start": 5.0, "noise": 0.6}
    trains = fired("NetStim", values, n=40, until_ms=2000.0)
    assert {len(t) for t in trains} == {200}

    gaps = np.concatenate([np.diff(t) for t in trains])
    assert gaps.min() >= 0.4 * 4.0 - 1e-9
    assert abs(gaps.mean() - 4.0) <= STAT * 0.6 * 4.0 / math.sqrt(len(gaps))
    assert abs(gaps.std() / (0.6 * 4.0) - 1.0) <= STAT * math.sqrt(2.0 / len(gaps))
    first = np.array([t[0] for t in trains]) - 5.0
    assert abs(first.mean() - 0.6 * 4.0) <= STAT * 0.6 * 4.0 / math.sqrt(len(trains))


def test_sources_repeat_with_their_seed_and_only_with_it() -> None:
    first, again, other = (fired("PoissonSource", {"rate": 100.0}, n=3, until_ms=200.0, seed=s) for s in (4, 4, 5))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(first, other, strict=True))
    assert not np.array_equal(first[0], first[1])
