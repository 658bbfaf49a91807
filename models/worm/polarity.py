"""Transmitter and sign of every pair of cells.

A cell acts with one transmitter (of several: the one that Fenyves et al. name as dominant, else the first of
``PRIMARY``) and one sign, which is that of its class. The sign is, in this order: that of ``params/synapses.toml``
(``sign.CLASS``); excitatory for cholinergic classes that move muscles; the majority of the signs predicted from the
receptors of the targets, weighted by EM sections (Fenyves et al. 2020, doi:10.1371/journal.pcbi.1007974, table in the
package ``wormneuroatlas``); the default of the transmitter. Only the pairs of ``exception`` differ, each with its
receptor and source.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import MissingExtraError
from neurosim.models.worm.connectome import Connectome
from neurosim.models.worm.model import NEURONS, TRANSMITTERS
from neurosim.models.worm.packages import file_of
from neurosim.models.worm.parameters import Parameters

PRIMARY = ("acetylcholine", "glutamate", "GABA", "serotonin", "dopamine", "tyramine", "octopamine", "betaine")
"""Which transmitter of several acts at synapses: fast ones first."""

_SHORT = {"ACh": "acetylcholine", "Glu": "glutamate", "GABA": "GABA"}
_UNKNOWN = TRANSMITTERS.index("unknown")


@dataclass(frozen=True, eq=False)
class Polarity:
    """What each neuron releases and does.

    Parameters
    ----------
    transmitter : int8 (302,)
        Index in ``TRANSMITTERS``.
    sign : int8 (302,)
        +1 excites, -1 inhibits.
    exceptions : dict
        (presynaptic cell or class, postsynaptic class or ``"muscle"``) -> (transmitter, sign).
    """

    transmitter: NDArray[np.int8]
    sign: NDArray[np.int8]
    exceptions: dict[tuple[str, str], tuple[int, int]]

    def of_pair(self, pre: int, name: str, cell_class: str, post_class: str) -> tuple[int, int]:
        """Return (transmitter, sign) of a neuron, by number, name and class, onto a cell of some class."""
        for who in (name, cell_class):
            if (who, post_class) in self.exceptions:
                return self.exceptions[who, post_class]
        return int(self.transmitter[pre]), int(self.sign[pre])


@dataclass(frozen=True)
class Predictions:
    """The table of Fenyves et al.: dominant transmitter of a cell, and EM sections of each sign."""

    transmitter: dict[str, str]
    sections: dict[str, dict[str, float]]


def read_predictions() -> Predictions:
    """Read the table from ``wormneuroatlas``."""
    try:
        import openpyxl
    except ImportError as error:
        raise MissingExtraError("the signs of synapses", "openpyxl", "worm") from error
    path = file_of("wormneuroatlas", "data", "journal.pcbi.1007974.s003.xlsx")
    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    transmitter: dict[str, str] = {}
    sections: dict[str, dict[str, float]] = {}
    for row in _rows(book, "1. NT expr", 1):
        if row[1] in _SHORT:
            transmitter[_plain(row[0])] = _SHORT[row[1]]
    for row in _rows(book, "5. Sign prediction", 2):
        if row[5] == "chemical" and row[16] in ("+", "-"):
            sections.setdefault(_plain(row[0]), {"+": 0.0, "-": 0.0})[row[16]] += float(row[4])
    book.close()
    return Predictions(transmitter, sections)


def _rows(book: Any, sheet: str, skip: int) -> list[tuple[Any, ...]]:
    return [row for row in list(book[sheet].iter_rows(values_only=True))[skip:] if row[0]]


def _plain(name: str) -> str:
    """Return ``"VA1"`` for ``"VA01"``."""
    return re.sub(r"(?<=[A-Z])0(?=\d$)", "", name.strip())


def polarity_of(
    connectome: Connectome, classes: tuple[str, ...], parameters: Parameters, predictions: Predictions
) -> Polarity:
    """Decide transmitter and sign of every neuron.

    Parameters
    ----------
    connectome : Connectome
    classes : tuple of str (302,)
        Class of each neuron.
    parameters : Parameters
        ``params/synapses.toml``.
    predictions : Predictions
    """
    transmitter = np.array(
        [_acting(known, predictions.transmitter.get(name)) for name, known in
         zip(connectome.neurons, connectome.transmitters, strict=True)], np.int8
    )  # fmt: skip
    excess, sent, to_muscle = (dict.fromkeys(classes, 0.0) for _ in range(3))
    for i, (name, cell_class) in enumerate(zip(connectome.neurons, classes, strict=True)):
        predicted = predictions.sections.get(name, {"+": 0.0, "-": 0.0})
        excess[cell_class] += predicted["+"] - predicted["-"]
        to_muscle[cell_class] += connectome.neuromuscular[i].sum()
        sent[cell_class] += connectome.neuromuscular[i].sum() + connectome.chemical[i].sum()
    sign = np.zeros(NEURONS, np.int8)
    for i, cell_class in enumerate(classes):
        released = int(transmitter[i])
        moves = to_muscle[cell_class] >= parameters["muscle_share"] * sent[cell_class] > 0.0
        if f"sign.{cell_class}" in parameters:
            sign[i] = int(parameters[f"sign.{cell_class}"])
        elif TRANSMITTERS[released] == "acetylcholine" and moves:
            sign[i] = 1
        elif excess[cell_class] and TRANSMITTERS[released] in ("acetylcholine", "glutamate"):
            sign[i] = 1 if excess[cell_class] > 0.0 else -1
        else:
            sign[i] = int(parameters["default_sign"][released])
    return Polarity(transmitter, sign, exceptions_of(parameters))


def _acting(known: tuple[int, ...], dominant: str | None) -> int:
    names = {TRANSMITTERS[k] for k in known}
    if dominant is not None and (dominant in names or not names):
        return TRANSMITTERS.index(dominant)
    return next((TRANSMITTERS.index(name) for name in PRIMARY if name in names), _UNKNOWN)


def exceptions_of(parameters: Parameters) -> dict[tuple[str, str], tuple[int, int]]:
    """Return (presynaptic cell or class, postsynaptic class) -> (transmitter, sign), of the entries ``exception.…``."""
    found = {}
    for key in parameters:
        if key.startswith("exception."):
            _, pre, post = key.split(".")
            transmitter, sign, _ = parameters[key]
            found[pre, post] = (TRANSMITTERS.index(transmitter), 1 if sign == "+" else -1)
    return found
