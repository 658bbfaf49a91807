"""The functional atlas: what is read, halves that share no experiment, ranks against SciPy."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.models.worm.report import atlas, readout

scipy_stats = pytest.importorskip("scipy.stats", reason="SciPy is the other implementation")


def _random(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(seed))


def _pairs(n: int = 400, cells: int = 20) -> atlas.Pairs:
    draw = _random(1)
    return atlas.Pairs(draw.integers(cells, size=n), draw.integers(cells, size=n), draw.normal(size=n), draw.random(n))


def test_the_rank_correlation_is_scipys_with_ties() -> None:
    draw = _random(2)
    a, b = draw.integers(0, 9, 300).astype(float), draw.random(300)
    assert atlas.rank_correlation(a, b) == pytest.approx(scipy_stats.spearmanr(a, b).statistic, abs=1e-12)


def test_a_constant_side_correlates_with_nothing() -> None:
    assert atlas.rank_correlation(np.zeros(5), np.linspace(0.0, 4.0, 5)) == 0.0


def test_the_separation_is_the_share_of_pairs_in_the_right_order() -> None:
    pairs, responses = _pairs(), _random(3).normal(size=(20, 20))
    values = np.abs(responses[pairs.responding, pairs.stimulated])
    there, other = values[pairs.q < 0.05], values[pairs.q >= 0.05]
    order = (there[:, None] > other).mean() + 0.5 * (there[:, None] == other).mean()
    assert atlas.separation(responses, pairs) == pytest.approx(order, abs=1e-12)


def test_halves_share_no_stimulated_class_and_belong_to_the_seed() -> None:
    pairs, classes = _pairs(), [f"C{k // 2}" for k in range(20)]
    first = atlas.first_half(pairs, classes)
    of_first = {classes[k] for k in pairs.stimulated[first]}
    of_second = {classes[k] for k in pairs.stimulated[~first]}
    assert len(of_first) == 5 and not of_first & of_second
    assert np.array_equal(first, atlas.first_half(pairs, classes))
    assert not np.array_equal(first, atlas.first_half(pairs, classes, seed=7))


def test_the_interval_holds_the_correlation_and_tightens_with_more_neurons() -> None:
    widths = []
    for cells in (8, 60):
        pairs = _pairs(3000, cells)
        responses = np.zeros((cells, cells))
        responses[pairs.responding, pairs.stimulated] = pairs.dff
        noisy = responses + _random(4).normal(size=responses.shape)
        low, high = atlas.interval(noisy, pairs, draws=200)
        assert low <= atlas.correlation(noisy, pairs) <= high
        widths.append(high - low)
    assert widths[1] < widths[0]


def test_the_atlas_holds_the_published_number_of_pairs() -> None:
    pytest.importorskip("wormneuroatlas", reason="the atlas is a file of this package")
    read = atlas.read()
    # 1,310 entries with q < 0.05; 159 are a neuron's own, and one has no dFF.
    assert (read.q < 0.05).sum() == 1310
    pairs = atlas.measured_pairs(read, read.names)
    assert (pairs.q < 0.05).sum() == 1150
    assert (pairs.stimulated != pairs.responding).all() and np.isfinite(pairs.dff).all()


def test_pairs_are_numbered_by_the_list_that_asks() -> None:
    dff = np.array([[np.nan, 0.5, 0.1], [0.2, 9.0, np.nan], [0.3, 0.4, 1.0]])
    made = atlas.Atlas(("AVAL", "AVAR", "ASEL"), dff, np.full((3, 3), 0.01))
    pairs = atlas.measured_pairs(made, ("ASEL", "AVAL", "PLML"))
    found = {(int(s), int(r)): d for s, r, d in zip(pairs.stimulated, pairs.responding, pairs.dff, strict=True)}
    assert found == {(0, 1): 0.1, (1, 0): 0.3}


def _structured(seed: int) -> tuple[atlas.Pairs, np.ndarray, list[str]]:
    """Return pairs whose dFF is a gain of the neuron times what a network says, and that network."""
    draw = _random(seed)
    network, gain = draw.lognormal(size=(302, 302)), draw.lognormal(sigma=0.7, size=302)
    stimulated, responding = draw.integers(60, size=1500), draw.integers(60, 120, size=1500)
    dff = gain[responding] * network[responding, stimulated] / (network[responding, stimulated] + 1.0)
    return atlas.Pairs(stimulated, responding, dff, np.zeros(1500)), network, [f"C{k // 2}" for k in range(302)]


def test_gains_of_the_first_half_help_to_predict_the_second() -> None:
    pairs, network, classes = _structured(5)
    first = atlas.first_half(pairs, classes)
    train, test = pairs.taken(first), pairs.taken(~first)
    shape, gain = readout.chosen(network, train, classes), readout.gains(train)
    both = atlas.correlation(readout.predicted(network, shape, gain), test)
    assert both > 0.95 > atlas.correlation(network, test)
    assert both > atlas.correlation(np.repeat(gain[:, None], 302, axis=1), test)


def test_a_network_that_says_nothing_adds_nothing_to_the_gains() -> None:
    pairs, _, classes = _structured(6)
    first = atlas.first_half(pairs, classes)
    train, test = pairs.taken(first), pairs.taken(~first)
    noise, gain = _random(7).lognormal(size=(302, 302)), readout.gains(train)
    alone = atlas.correlation(np.repeat(gain[:, None], 302, axis=1), test)
    shape = readout.chosen(noise, train, classes)
    assert shape.h > 0.0
    assert atlas.correlation(readout.predicted(noise, shape, gain), test) == pytest.approx(alone, abs=0.05)
