"""``published()``: the worm from published data, made once and kept in the cache folder.

The kept file is named by the versions of the packages, the digest of the parameters and of the code that makes it, so a
change of any makes a new one.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.build import cache_folder
from neurosim.models.worm import cached, connectome, contacts, expression, morphologies, parameters, polarity
from neurosim.models.worm.channels import CALCIUM
from neurosim.models.worm.classes import KINDS, class_and_kind
from neurosim.models.worm.contacts import Placed
from neurosim.models.worm.model import NEURONS, Contacts, WormModel
from neurosim.models.worm.packages import versions
from neurosim.models.worm.parameters import Parameters
from neurosim.models.worm.polarity import Polarity
from neurosim.morphology.section import Morphology
from neurosim.units import CM2_PER_UM2, US_PER_S

Floats = NDArray[np.float64]
_MODULES = ("build", "cached", "classes", "connectome", "contacts", "expression", "model", "morphologies", "polarity")
_PARAMETERS = ("cells", "contacts", "synapses")


def made(
    cells: Parameters | None = None, contact: Parameters | None = None, synapses: Parameters | None = None
) -> WormModel:
    """Make the model from the installed packages.

    Parameters
    ----------
    cells, contact, synapses : Parameters, optional
        Other values than those of ``params/``.
    """
    cells, contact = cells or parameters.load("cells"), contact or parameters.load("contacts")
    synapses = synapses or parameters.load("synapses")
    wired = connectome.read()
    names = wired.neurons + wired.muscles
    classes, kinds = zip(*(class_and_kind(name, cells) for name in names), strict=True)
    shapes = tuple(morphologies.neuron(name) for name in wired.neurons)
    hull = morphologies.Hull.of(shapes)
    shapes += tuple(morphologies.muscle(name, hull, cells) for name in wired.muscles)
    signs = polarity.polarity_of(wired, classes[:NEURONS], synapses, polarity.read_predictions())
    pieces = [contacts.pieces_of(shape, contact["piece_um"]) for shape in shapes]
    neurons, muscles = pieces[:NEURONS], pieces[NEURONS:]
    factors = expression.factors(names, classes, kinds, cells)
    chemical, gap = contacts.Rule("chemical", contact, 0), contacts.Rule("gap", contact, 1)
    between = contacts.placed(chemical, wired.chemical, neurons, neurons)
    onto = contacts.placed(chemical, wired.neuromuscular, neurons, muscles, NEURONS)
    joined = contacts.placed(gap, np.triu(wired.gap), neurons, neurons)
    muscular = contacts.placed(gap, np.triu(wired.muscular), muscles, muscles, NEURONS)
    return WormModel(
        names, kinds, classes, shapes, _densities(kinds, shapes, factors, cells), _cable(kinds, cells),
        _chemical(between, names, classes, signs, synapses, "chemical_uS"),
        _electrical(joined, synapses["gap_uS"]),
        _chemical(onto, names, classes, signs, synapses, "neuromuscular_uS"),
        _electrical(muscular, synapses["muscular_uS"], NEURONS),
    )  # fmt: skip


@cache
def published() -> WormModel:
    """Return the model of the published data with the parameters of ``params/``; do not change its arrays."""
    path = cache_folder() / f"worm-{_digest()}.h5"
    model = cached.read(path)
    if model is None:
        model = made()
        cached.write(path, model)
    return model


def _digest() -> str:
    """Return a hash of the packages' versions, of the parameters and of the code that makes the model."""
    digest = hashlib.sha256(repr(sorted(versions().items())).encode())
    folder = Path(__file__).parent
    sources = [f"{module}.py" for module in _MODULES] + [f"params/{name}.toml" for name in _PARAMETERS]
    for source in sources:
        digest.update((folder / source).read_bytes())
    return digest.hexdigest()[:16]


def _column(key: str, kinds: tuple[str, ...], cells: Parameters, muscle: float) -> Floats:
    by_kind = dict(zip(KINDS, cells[key], strict=True)) | {"muscle": muscle}
    return np.array([by_kind[kind] for kind in kinds])


def _densities(
    kinds: tuple[str, ...], shapes: tuple[Morphology, ...], factors: dict[str, Floats], cells: Parameters
) -> dict[str, dict[str, Floats]]:
    out = {"pas": {key: _column(f"pas.{key}", kinds, cells, cells[f"muscle.pas_{key}"]) for key in ("g", "e")}}
    for name, factor in factors.items():
        out[name] = {"gbar": factor * _column(f"gbar.{name}", kinds, cells, 0.0)}
    carries = sum(out[name]["gbar"] for name in (*CALCIUM, "kcnl")) > 0.0
    diameter = np.array([shape.sections[0].diam_um for shape in shapes])
    least = cells["irk_least"] / US_PER_S / (np.pi * diameter**2 * CM2_PER_UM2)
    out["irk"]["gbar"] = np.where(np.array(kinds) == "muscle", 0.0, np.maximum(out["irk"]["gbar"], least))
    filled = {
        "vcell": np.pi * diameter**3 / 6.0,
        "acell": np.pi * diameter**2,
        **{key: np.full(len(kinds), cells[f"calcium.{key}"]) for key in ("share", "rest", "tau")},
    }
    out["WormCa"] = {key: np.where(carries, column, 0.0) for key, column in filled.items()}
    return out


def _cable(kinds: tuple[str, ...], cells: Parameters) -> dict[str, Floats]:
    return {key: _column(key, kinds, cells, cells[f"muscle.{key}"]) for key in ("ra_ohm_cm", "cm_uF_per_cm2")}


def _chemical(
    rows: Placed,
    names: tuple[str, ...],
    classes: tuple[str, ...],
    signs: Polarity,
    synapses: Parameters,
    conductance: str,
) -> Contacts:
    post_class = [c if i < NEURONS else "muscle" for i, c in enumerate(classes)]
    pairs = [
        signs.of_pair(pre, names[pre], classes[pre], post_class[post])
        for pre, post in zip(rows.pre.tolist(), rows.post.tolist(), strict=True)
    ]
    transmitter = np.array([t for t, _ in pairs], np.int8)
    excites = np.array([s > 0 for _, s in pairs], np.bool_)
    strength = np.array(synapses["strength"])[transmitter]
    return Contacts(
        rows.pre, rows.post, rows.pre_section, rows.pre_x, rows.post_section, rows.post_x,
        synapses[conductance] * strength * rows.share, transmitter,
        np.where(excites, synapses["excitatory_mV"], synapses["inhibitory_mV"]),
    )  # fmt: skip


def _electrical(rows: Placed, conductance_uS: float, pre_first: int = 0) -> Contacts:
    n = len(rows.pre)
    return Contacts(
        rows.pre + np.int32(pre_first), rows.post, rows.pre_section, rows.pre_x, rows.post_section, rows.post_x,
        conductance_uS * rows.share, np.full(n, -1, np.int8), np.full(n, np.nan),
    )  # fmt: skip
