"""``WormModel``: the animal's nervous system and muscles as plain arrays, between the packages' data and a network.

``build`` makes it from published data, ``store`` writes and reads it as SONATA, ``ablation`` takes parts away,
``network`` turns it into cells and couplings.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.morphology.section import Morphology

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

NEURONS, MUSCLES = 302, 95


@dataclass(frozen=True, eq=False)
class Contacts:
    """Contacts of one kind, one row each.

    Parameters
    ----------
    pre, post : int32 (n,)
        Numbers of the cells in ``WormModel.names``. Of a gap junction each is one side, written once.
    pre_section, post_section : int32 (n,)
        Section of the morphology's list.
    pre_x, post_x : float64 (n,)
        Place along the section, 0 to 1.
    conductance_uS : float64 (n,)
        Largest conductance of the contact.
    transmitter : int8 (n,)
        Index in ``TRANSMITTERS``; -1 for gap junctions.
    reversal_mV : float64 (n,)
        Of the postsynaptic current; NaN for gap junctions.
    """

    pre: Ints
    post: Ints
    pre_section: Ints
    pre_x: Floats
    post_section: Ints
    post_x: Floats
    conductance_uS: Floats
    transmitter: NDArray[np.int8]
    reversal_mV: Floats

    def __len__(self) -> int:
        return len(self.pre)

    def taken(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> Contacts:
        """Return some of the rows."""
        return Contacts(**{name: value[rows] for name, value in vars(self).items()})


TRANSMITTERS = (
    "acetylcholine",
    "glutamate",
    "GABA",
    "dopamine",
    "serotonin",
    "tyramine",
    "octopamine",
    "betaine",
    "unknown",
)


@dataclass(frozen=True, eq=False)
class WormModel:
    """The nervous system and muscles.

    Parameters
    ----------
    names : tuple of str (397,)
        302 neurons in alphabetical order (``"DB3"``), then the muscles MDL01-24, MDR01-24, MVL01-23, MVR01-24.
    kind : tuple of str (397,)
        ``"sensory"``, ``"inter"``, ``"command"``, ``"head"``, ``"motor"`` or ``"muscle"``: which conductances it has.
    cell_class : tuple of str (397,)
        ``"DB"`` for DB3, ``"AVA"`` for AVAL, ``"MDL"`` for MDL05.
    morphologies : tuple of Morphology (397,)
        The soma is section 0, ``soma``; neurites ``neurite[k]``; a muscle is one section.
    densities : dict
        Mechanism -> parameter -> float64 (397,): density in the soma (muscles: the whole cell), 0 where it is not.
        ``"pas"`` is in all sections.
    cable : dict
        ``"ra_ohm_cm"``, ``"cm_uF_per_cm2"`` -> float64 (397,).
    chemical, electrical : Contacts
        Between neurons.
    neuromuscular : Contacts
        From neurons to muscles.
    muscular : Contacts
        Gap junctions between muscles.
    """

    names: tuple[str, ...]
    kind: tuple[str, ...]
    cell_class: tuple[str, ...]
    morphologies: tuple[Morphology, ...]
    densities: dict[str, dict[str, Floats]]
    cable: dict[str, Floats]
    chemical: Contacts
    electrical: Contacts
    neuromuscular: Contacts
    muscular: Contacts

    def number(self, name: str) -> int:
        """Return the number of a cell (its gid in the network)."""
        return self.names.index(name)
