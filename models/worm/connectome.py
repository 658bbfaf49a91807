"""Who is connected to whom, and with which transmitters: matrices of EM weights read from the package ``cect``.

Weights are numbers of EM sections (Cook et al. 2019, doi:10.1038/s41586-019-1352-7, adult hermaphrodite); transmitters
are those of the expression atlas (Wang et al. 2024, doi:10.7554/eLife.95402). Left out: cells that are neither neurons
nor body-wall muscles, the five gap junctions between neurons and muscles, and gap junctions of a cell with itself.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ModelError
from neurosim.models.worm.model import MUSCLES, NEURONS, TRANSMITTERS
from neurosim.models.worm.packages import file_of

Floats = NDArray[np.float64]
_MUSCLE = re.compile(r"M[DV][LR]\d\d")


@dataclass(frozen=True, eq=False)
class Connectome:
    """EM weights; rows are presynaptic.

    Parameters
    ----------
    neurons, muscles : tuple of str
        Names in order of the matrices.
    chemical : float64 (302, 302)
    gap : float64 (302, 302)
        Symmetric, zero diagonal.
    neuromuscular : float64 (302, 95)
    muscular : float64 (95, 95)
        Gap junctions between muscles, symmetric.
    transmitters : tuple of tuple of int
        Of each neuron: indices in ``TRANSMITTERS``, rising.
    """

    neurons: tuple[str, ...]
    muscles: tuple[str, ...]
    chemical: Floats
    gap: Floats
    neuromuscular: Floats
    muscular: Floats
    transmitters: tuple[tuple[int, ...], ...]


def neuron_names() -> tuple[str, ...]:
    """Return the 302 names, alphabetically: those of the morphologies, which have one file a neuron."""
    stems = (path.name.removesuffix(".cell.nml") for path in file_of("c302", "NeuroML2").glob("*.cell.nml"))
    names = tuple(sorted(stem for stem in stems if not _MUSCLE.fullmatch(stem)))
    if len(names) != NEURONS:
        raise ModelError(f"c302: {len(names)} neurons have a morphology; {NEURONS} are needed; install c302 0.12")
    return names


def read() -> Connectome:
    """Read the connectome and the transmitters."""
    cook, wang = _dataset("Cook2019HermReader"), _dataset("Wang2024HermReader")
    neurons = neuron_names()
    muscles = tuple(sorted(name for name in cook["nodes"] if _MUSCLE.fullmatch(name)))
    if len(muscles) != MUSCLES:
        raise ModelError(f"cect: {len(muscles)} body-wall muscles in Cook2019Herm; {MUSCLES} are needed")
    rows, columns = _places(cook, neurons), _places(cook, muscles)
    chemical, gap = (np.array(cook["connections"][key], float) for key in ("Generic_CS", "Generic_GJ"))
    return Connectome(
        neurons,
        muscles,
        chemical[np.ix_(rows, rows)],
        _mutual(gap[np.ix_(rows, rows)]),
        chemical[np.ix_(rows, columns)],
        _mutual(gap[np.ix_(columns, columns)]),
        _transmitters(wang, neurons),
    )


def _dataset(reader: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(file_of("cect", "cache", f"{reader}.json").read_text(encoding="utf-8"))
    return data


def _places(dataset: dict[str, Any], names: tuple[str, ...]) -> list[int]:
    place = {name: i for i, name in enumerate(dataset["nodes"])}
    lost = [name for name in names if name not in place]
    if lost:
        raise ModelError(f"cect: the connectome has no cell {', '.join(lost[:5])}; install cect 0.3")
    return [place[name] for name in names]


def _mutual(weights: Floats) -> Floats:
    """Return the mean of both directions (they are equal in the source) without the diagonal."""
    out: Floats = 0.5 * (weights + weights.T)
    np.fill_diagonal(out, 0.0)
    return out


def _transmitters(wang: dict[str, Any], neurons: tuple[str, ...]) -> tuple[tuple[int, ...], ...]:
    """Return the transmitters of each neuron: a cell that has one sends at least one edge of it."""
    place = {name: i for i, name in enumerate(wang["nodes"])}
    found: list[set[int]] = [set() for _ in neurons]
    for key, matrix in wang["connections"].items():
        number = next((i for i, name in enumerate(TRANSMITTERS) if name.lower() == key.lower()), None)
        if number is None:
            raise ModelError(f"cect: unknown transmitter {key!r} in Wang2024Herm; allowed: {', '.join(TRANSMITTERS)}")
        sends: NDArray[np.bool_] = np.array(matrix, float).max(axis=1) > 0.0
        for neuron, name in enumerate(neurons):
            if name in place and sends[place[name]]:
                found[neuron].add(number)
    return tuple(tuple(sorted(numbers)) for numbers in found)
