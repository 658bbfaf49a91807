"""What a cell consists of: a tree of sections and, for each region, cable properties and mechanisms.

A ``Recipe`` is what every template and processing step ends in, and the only thing the engine's cell is built from. A
region is the first four letters of a section's name, as the Allen files count: soma, axon, dend, apic.
Units: Ohm cm, uF/cm2, and NMODL's for mechanism parameters.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from neurosim.errors import SonataError
from neurosim.mechanisms.mechanism import Kind, Mechanism
from neurosim.morphology.section import Morphology
from neurosim.sonata.library import MechanismFolder

DEFAULT_RA_OHM_CM = 35.4  # NEURON's
DEFAULT_CM_UF_PER_CM2 = 1.0
CABLE = {"Ra": "ra_ohm_cm", "cm": "cm_uF_per_cm2"}


def region_of(name: str) -> str:
    """Return the region of a section: the first four letters of its name."""
    return name[:4]


@dataclass
class Paint:
    """What one region gets. Filled while a template is read, not changed afterwards.

    Parameters
    ----------
    ra_ohm_cm, cm_uF_per_cm2 : float
        Cable properties.
    mechanisms : dict
        Mechanism name -> parameter -> value, in the order of insertion.
    reversal_mV : dict
        ``ena``, ``ek``, … -> mV.
    """

    ra_ohm_cm: float = DEFAULT_RA_OHM_CM
    cm_uF_per_cm2: float = DEFAULT_CM_UF_PER_CM2
    mechanisms: dict[str, dict[str, float]] = field(default_factory=dict)
    reversal_mV: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Recipe:
    """A cell type.

    Parameters
    ----------
    name : str
        For messages.
    morphology : Morphology
        Sections in ``all`` order, stub included.
    paints : dict
        Region -> what it gets, for every region the morphology has.
    mechanisms : dict
        Name -> mechanism.
    nseg : tuple of int, optional
        Compartments of each section; by ``run.dL`` when omitted.
    """

    name: str
    morphology: Morphology
    paints: dict[str, Paint]
    mechanisms: dict[str, Mechanism]
    nseg: tuple[int, ...] | None = None


class Painter:
    """Fills the paints of a recipe, with errors at the place that asked.

    Parameters
    ----------
    morphology : Morphology
        Decides which regions there are.
    folder : MechanismFolder
        Where mechanisms come from.
    key : str
        JSON path or attribute that led here.
    path : Path or None
        File that is being read.
    """

    def __init__(self, morphology: Morphology, folder: MechanismFolder, key: str, path: Path | None) -> None:
        self.paints = {region_of(s.name): Paint() for s in morphology.sections}
        self.mechanisms: dict[str, Mechanism] = {}
        self.folder, self.key, self.path = folder, key, path

    def fail(self, where: str, message: str, line: int | None = None) -> NoReturn:
        """Raise a SonataError at ``key`` + ``where``."""
        raise SonataError(f"{where}: {message}" if where else message, key=self.key, path=self.path, line=line)

    def regions(self, name: str) -> list[str]:
        """Return the regions of this cell that a name means; ``all`` means every one."""
        return list(self.paints) if name == "all" else [name] if name in self.paints else []

    def insert(self, name: str, regions: Iterable[str], where: str) -> None:
        """Insert a density mechanism into regions."""
        mechanism = self.folder.get(name, f"{self.key}: {where}", self.path)
        if mechanism.kind is not Kind.DENSITY:
            self.fail(where, f"{name} is a {mechanism.kind.value} mechanism; only density mechanisms can be inserted.")
        self.mechanisms[name] = mechanism
        for region in regions:
            self.paints[region].mechanisms.setdefault(name, {})

    def assign(self, variable: str, value: float, regions: Iterable[str], where: str) -> None:
        """Set a range variable (``gbar_NaV``, ``g_pas``, ``cm``, ``Ra``, ``ena``, …) in regions.

        Raises
        ------
        SonataError
            No mechanism of a region has it, or the value is not finite.
        """
        if not math.isfinite(value):
            self.fail(where, f"{variable} must be finite, got {value}.")
        for region in regions:
            paint = self.paints[region]
            if variable in CABLE:
                if value <= 0:
                    self.fail(where, f"{variable} must be greater than 0, got {value:g}.")
                setattr(paint, CABLE[variable], value)
            elif variable in self.reversals(region):
                paint.reversal_mV[variable] = value
            else:
                mechanism, parameter = self._owner(variable, region, where)
                paint.mechanisms[mechanism][parameter] = value

    def reversals(self, region: str) -> set[str]:
        """Return ``ena``, ``ek``, … for every ion that a mechanism of the region uses."""
        names = self.paints[region].mechanisms
        return {f"e{use.ion}" for name in names for use in self.mechanisms[name].ions}

    def _owner(self, variable: str, region: str, where: str) -> tuple[str, str]:
        known = []
        for name in self.paints[region].mechanisms:
            for parameter in self.mechanisms[name].parameters:
                if variable == f"{parameter.name}_{name}":
                    return name, parameter.name
                known.append(f"{parameter.name}_{name}")
        near = difflib.get_close_matches(variable, [*known, *CABLE], 3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"{region} has {', '.join(known) or 'no mechanism'}."
        self.fail(where, f"no range variable {variable!r} in {region}; {hint}")

    def finish(self, name: str, morphology: Morphology) -> Recipe:
        """Return the recipe; mechanisms that no region got are left out."""
        used = {m for paint in self.paints.values() for m in paint.mechanisms}
        return Recipe(name, morphology, self.paints, {n: m for n, m in self.mechanisms.items() if n in used})
