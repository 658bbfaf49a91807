"""The library of mechanisms: finding, errors, variants, and what reference/test_mechanisms.py cannot compare."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

import neurosim as ns
from neurosim.errors import MechanismError
from neurosim.mechanisms import library
from neurosim.mechanisms.lower import lower
from neurosim.mechanisms.mechanism import Kind
from tests.tolerances import ROUNDOFF, STAT


@pytest.mark.parametrize("name", library.names())
def test_every_file_is_named_as_its_mechanism_and_says_what_it_is(name: str) -> None:
    assert library.get(name).name == name
    assert library.path(name).read_text(encoding="utf-8").startswith(f": {name}: ")


@pytest.mark.parametrize("name", library.names())
def test_every_mechanism_lowers_without_a_notice(name: str) -> None:
    mech = library.get(name)
    lowered = lower(mech)

    assert mech.notices == ()
    assert {p.name for p in mech.parameters} <= set(lowered.fields) | {"allen_init"}
    assert set(lowered.defaults) == set(lowered.fields)


def test_a_mechanism_is_loaded_once() -> None:
    assert library.get("NaTs") is library.get("NaTs")


@pytest.mark.parametrize(("alias", "name"), library.ALIASES.items())
def test_names_in_python_style_are_the_same_mechanisms(alias: str, name: str) -> None:
    assert library.get(alias) is library.get(name)
    assert getattr(ns.mechanisms, alias) is library.get(name)


@pytest.mark.parametrize(("wrong", "near"), [("nats", "NaTs"), ("CaDynamic", "CaDynamics"), ("Hh", "HH")])
def test_a_wrong_name_is_answered_with_a_near_one(wrong: str, near: str) -> None:
    with pytest.raises(MechanismError, match=rf"no mechanism '{wrong}'.*did you mean.*\b{near}\b"):
        library.get(wrong)


def test_a_name_like_no_other_is_answered_with_all_names() -> None:
    with pytest.raises(MechanismError, match=r"it has AdEx, .*Ca_HVA, .*VecStim"):
        library.get("qqqqqqqq")


def test_an_unknown_mechanism_is_no_attribute_of_the_package() -> None:
    assert not hasattr(ns.mechanisms, "nats")


def test_only_nav_differs_from_the_allen_files() -> None:
    differing = [n for n in library.names() if library.allen(n) != library.get(n)]
    assert differing == ["NaV"]
    assert library.allen("NaV").defaults["allen_init"] == 1.0


CELLS = ("AdEx", "GLIF1", "GLIF2", "GLIF3", "GLIF4", "GLIF5", "Izhikevich", "LIF", "LIFexp")
"""Point processes that are cells: they have no membrane and no current."""


@pytest.mark.parametrize("name", [n for n in library.names() if library.get(n).kind is Kind.POINT])
def test_the_file_of_a_point_process_says_which_way_its_current_flows(name: str) -> None:
    mech = library.get(name)
    text = library.path(name).read_text(encoding="utf-8")
    if name in CELLS:
        assert not mech.electrode and not mech.nonspecific and text.startswith(f": {name}: point cell")
        return
    assert bool(mech.electrode) != bool(mech.nonspecific)
    assert bool(mech.electrode) == bool(re.search("positive inwards|clamp", text))


# --- noise ------------------------------------------------------------------------------------------------------------

TAU, SIGMA, MEAN, DT = 4.0, 0.2, 0.1, 0.1


def noise(seed: int, steps: int, cells: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return x and i of OUNoise in some cells, (steps + 1, cells) each."""
    made = [ns.Cell.cylinder(length_um=20.0, diam_um=20.0).insert("pas") for _ in range(cells)]
    for cell in made:
        cell.place("OUNoise", at="soma(0.5)", mean=MEAN, sigma=SIGMA, tau=TAU)
    sim = ns.Simulation(made, dt_ms=DT, seed=seed)
    x = [sim.record("soma(0.5)", "OUNoise.x", gid=g) for g in range(cells)]
    i = [sim.record("soma(0.5)", "OUNoise.i", gid=g) for g in range(cells)]
    sim.run(until_ms=steps * DT, progress=False)
    return np.stack([t.values for t in x], axis=1), np.stack([t.values for t in i], axis=1)


def innovations(x: np.ndarray) -> np.ndarray:
    """Return the standard normal numbers behind the steps of x."""
    decay = math.exp(-DT / TAU)
    return (x[1:] - decay * x[:-1]) / (SIGMA * math.sqrt(1.0 - decay**2))


def test_the_noise_current_is_the_mean_plus_the_state_before_the_step() -> None:
    x, i = noise(seed=1, steps=50)
    assert np.abs(i[1:] - (MEAN + x[:-1])).max() <= ROUNDOFF


def test_the_steps_of_the_noise_are_independent_standard_normal_numbers() -> None:
    z = innovations(noise(seed=2, steps=4000, cells=5)[0])
    n = z.size

    assert abs(z.mean()) <= STAT / math.sqrt(n)
    assert abs(z.var() - 1.0) <= STAT * math.sqrt(2.0 / n)
    assert abs((z[1:] * z[:-1]).mean()) <= STAT / math.sqrt(n)
    assert abs((z[:, 1:] * z[:, :-1]).mean()) <= STAT / math.sqrt(n)
    assert abs((z**3).mean()) <= STAT * math.sqrt(15.0 / n)
    assert abs((z**4).mean() - 3.0) <= STAT * math.sqrt(96.0 / n)


def test_the_noise_starts_in_its_stationary_distribution() -> None:
    x = noise(seed=3, steps=1, cells=400)[0][0]
    assert abs(x.mean()) <= STAT * SIGMA / math.sqrt(x.size)
    assert abs(x.var() / SIGMA**2 - 1.0) <= STAT * math.sqrt(2.0 / x.size)


def test_the_noise_repeats_with_its_seed_and_only_with_it() -> None:
    first, again, other = (noise(seed=s, steps=20)[0] for s in (4, 4, 5))
    assert np.array_equal(first, again)
    assert not np.any(first == other)
