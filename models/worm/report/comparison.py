"""The functional atlas against the simulation, on the half of the stimulated classes that no fit has seen.

Baselines: the same network with contacts' partners drawn again, the raw numbers of contacts, and how strongly a neuron
responds on average in the first half, whoever was stimulated. All are compared as they are, and with gains of the
readout (``readout``).
"""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.models.worm import parameters
from neurosim.models.worm.model import NEURONS, WormModel
from neurosim.models.worm.report import atlas, readout
from neurosim.models.worm.report.judge import Row
from neurosim.models.worm.report.responses import Stimulation, anatomy, responses, scaled, shuffled
from neurosim.models.worm.report.runs import model_digest

Floats = NDArray[np.float64]

SHUFFLES = 5


@dataclass(frozen=True)
class Comparison:
    """Rank correlations with dFF over the pairs with q < 0.05 of the half for testing.

    Parameters
    ----------
    pairs_n : int
    simulated, fitted : float
        Of the network: on the half for testing, and on the half of the fit.
    interval : tuple of float
        95 %, stimulated neurons drawn again.
    anatomy : float
    shuffled : tuple of float
        Of several shuffles.
    average : float
        Of the responding neuron's mean in the first half: the gains alone.
    gained, gained_anatomy : float
        Of the network and of the anatomy with gains.
    gained_interval : tuple of float
        95 % of ``gained``.
    gained_shuffled : tuple of float
    separation, separation_anatomy : float
        Area under the curve: pairs with q < 0.05 against the others, of the half for testing.
    """

    pairs_n: int
    simulated: float
    fitted: float
    interval: tuple[float, float]
    anatomy: float
    shuffled: tuple[float, ...]
    average: float
    gained: float
    gained_interval: tuple[float, float]
    gained_anatomy: float
    gained_shuffled: tuple[float, ...]
    separation: float
    separation_anatomy: float


def fitted_model(model: WormModel) -> WormModel:
    """Return the model with the global scales of ``params/atlas.toml``."""
    p = parameters.load("atlas")
    return scaled(model, chemical=p["scale.chemical"], gap=p["scale.gap"])


def how_fitted() -> Stimulation:
    """Return the stimulation of ``params/atlas.toml``."""
    p = parameters.load("atlas")
    return Stimulation(target_mV=p["target"], pulse_ms=p["pulse"], window_ms=p["window"])


def compare(model: WormModel, *, shuffles: int = SHUFFLES, processes: int = 2) -> Comparison:
    """Simulate and compare.

    Parameters
    ----------
    model : WormModel
        As built; the global scales are put in here.
    shuffles : int
    processes : int
        The network and its shuffles are simulated side by side; results do not depend on it.
    """
    names, classes = model.names[:NEURONS], model.cell_class[:NEURONS]
    measured = atlas.measured_pairs(atlas.read(), names)
    first = atlas.first_half(measured, classes)
    train, test = measured.taken(first), measured.taken(~first)
    clear_train, clear = (pairs.taken(pairs.q < atlas.SIGNIFICANT_Q) for pairs in (train, test))
    everyone = np.unique(measured.stimulated).tolist()
    tested = np.unique(test.stimulated).tolist()
    fitted = fitted_model(model)
    jobs = [(fitted, everyone), *((shuffled(fitted, seed), tested) for seed in range(1, shuffles + 1))]
    found = _simulated(jobs, processes)
    counted = anatomy(model)
    gain = readout.gains(clear_train)
    shape, shape_anatomy = (readout.chosen(each, clear_train, classes) for each in (found[0], counted))
    gained = [readout.predicted(each, shape, gain) for each in found]
    return Comparison(
        len(clear),
        atlas.correlation(found[0], clear),
        atlas.correlation(found[0], clear_train),
        atlas.interval(found[0], clear),
        atlas.correlation(counted, clear),
        tuple(atlas.correlation(each, clear) for each in found[1:]),
        atlas.correlation(np.repeat(gain[:, None], NEURONS, axis=1), clear),
        atlas.correlation(gained[0], clear),
        atlas.interval(gained[0], clear),
        atlas.correlation(readout.predicted(counted, shape_anatomy, gain), clear),
        tuple(atlas.correlation(each, clear) for each in gained[1:]),
        atlas.separation(found[0], test),
        atlas.separation(counted, test),
    )


def _simulated(jobs: list[tuple[WormModel, list[int]]], processes: int) -> list[Floats]:
    how = how_fitted()
    if processes == 1 or len(jobs) == 1:
        return [responses(model, stimulated, how) for model, stimulated in jobs]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        waiting = [pool.submit(responses, model, stimulated, how) for model, stimulated in jobs]
        return [each.result() for each in waiting]


def kept(model: WormModel, folder: Path, *, shuffles: int = SHUFFLES, processes: int = 2) -> Comparison:
    """Return the comparison, from the folder if it was made with these parameters before."""
    said = hashlib.sha256(repr((model_digest(), shuffles)).encode()).hexdigest()[:8]
    path = folder / f"atlas-{said}.json"
    if path.is_file():
        facts = json.loads(path.read_text(encoding="utf-8"))
        listed: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in facts.items()
        }
        return Comparison(**listed)
    made = compare(model, shuffles=shuffles, processes=processes)
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(made), indent=1), encoding="utf-8")
    return made


def rows(made: Comparison | None) -> list[Row]:
    """Return the rows of the report."""
    what = ("functional atlas: above the raw anatomy and shuffled weights", "functional atlas: rank correlation")
    asked = ("above both, on the half left out of the fit", "0.3 or more (our own aim)")
    published = "Randi et al. 2023, doi:10.1038/s41586-023-06683-4"
    if made is None:
        return [Row(name, wish, "not run", None, published) for name, wish in zip(what, asked, strict=True)]
    most = max(made.shuffled, default=0.0)
    text = f"{made.simulated:.3f} against {made.anatomy:.3f} (anatomy) and {most:.3f} (best of {len(made.shuffled)})"
    low, high = made.gained_interval
    gained = (
        f"{made.simulated:.3f}; with gains of the readout {made.gained:.3f} (95 %: {low:.2f} to {high:.2f}), the gains "
        f"alone {made.average:.3f}; {made.pairs_n} pairs"
    )
    return [
        Row(what[0], asked[0], text, made.simulated > max(made.anatomy, most), published),
        Row(what[1], asked[1], gained, made.simulated >= 0.3, published),
    ]
