"""Cells as SONATA node types: an SWC file and an Allen "fit" file, or the JSON of a point cell.

A fit file says one value for each region (soma, axon, dend, apic): ``passive`` (Ra, cm, e_pas), ``genome`` (mechanisms
and their parameters) and ``conditions.erev`` (ena, ek). A cell that says more is refused with the section, the
mechanism and the value. What SONATA has no word for and neurosim reads all the same, only with ``extensions``:

    model_processing neurosim_whole   the axon stays as in the morphology; only what ``genome`` says is inserted
    morphology <name>.json            sections by name, with their numbers of compartments: for shapes that SWC or one
                                      ``run.dL`` cannot hold
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.errors import SonataError
from neurosim.model.cell import CM_UF_PER_CM2, RA_OHM_CM, Cell
from neurosim.model.point import PointCell
from neurosim.sonata.recipe import region_of
from neurosim.sonata.write_mechanisms import MechanismFiles
from neurosim.sonata.write_swc import WHOLE
from neurosim.units import MS_PER_S

Floats = npt.NDArray[np.float64]
REGIONS = ("soma", "axon", "dend", "apic")
_E_PAS_MV = -70.0


def fit_of(cell: Cell, processing: str, mechanisms: MechanismFiles, who: str) -> dict[str, Any] | None:
    """Return the fit file of a cell; None if it has nothing in its membrane and NEURON's cable properties.

    Parameters
    ----------
    cell : Cell
    processing : str
        What the file will be read with.
    mechanisms : MechanismFiles
        Gets the mechanisms of the cell.
    who : str
        The cell, for messages.

    Raises
    ------
    SonataError
        Something that is not one value for each region, a concentration, or a point process.
    """
    reader = _Regions(cell, who)
    record = cell.record
    for point in record.points:
        raise SonataError(
            f"{who}: {cell.label(point.node)} has the point process {point.mechanism.name}; SONATA cells have none: "
            "connect it, or give it as an input."
        )
    for density in record.densities:
        if density.mechanism.pointers:
            raise SonataError(f"{who}: {density.mechanism.name} has POINTER variables; SONATA cannot set them.")
    ra = {r: reader.section_value(r, cell.ra_ohm_cm, "ra_ohm_cm") for r in reader.regions}
    cm = {r: reader.value(r, record.cm_uF_per_cm2, "cm_uF_per_cm2") for r in reader.regions}
    painted = {r: _mechanisms(reader, r, mechanisms) for r in reader.regions}
    bare = not any(painted.values()) and set(ra.values()) == {RA_OHM_CM} and set(cm.values()) == {CM_UF_PER_CM2}
    if processing == WHOLE and bare:
        return None
    for region, value in cm.items():
        if value <= 0.0:
            raise SonataError(f"{who}: {region} has cm_uF_per_cm2={value:g}; SONATA cells need more than 0.")
    first = reader.regions[0]
    passive: dict[str, Any] = {"ra": ra[first], "cm": [{"section": r, "cm": cm[r]} for r in reader.regions]}
    genome: list[dict[str, Any]] = []
    if processing != WHOLE:
        passive["e_pas"] = next((found["pas"]["e"] for found in painted.values() if "pas" in found), _E_PAS_MV)
    for r in reader.regions:
        if ra[r] != ra[first]:
            genome.append(_gene(r, "Ra", ra[r]))
        genome += _leak(r, painted[r].pop("pas", None), passive.get("e_pas"))
        for name, values in painted[r].items():
            # An entry inserts a mechanism by setting something.
            pairs = [(f"{parameter}_{name}", value) for parameter, value in values.items()] or [("Ra", ra[r])]
            genome += [_gene(r, *pair, name if k == 0 else "") for k, pair in enumerate(pairs)]
    erev = []
    for r in reader.regions:
        ions = _ions(reader, r)
        if {"ena", "ek"} <= ions.keys():
            erev.append({"section": r, "ena": ions.pop("ena"), "ek": ions.pop("ek")})
        genome += [_gene(r, name, value) for name, value in ions.items()]
    return {"passive": [passive], "conditions": [{"erev": erev}], "genome": genome}


def _leak(region: str, values: dict[str, float] | None, e_pas_mV: float | None) -> list[dict[str, Any]]:
    """Return the entries of ``pas``; ``e_pas_mV`` is what every region has already, None if ``pas`` is not there."""
    if e_pas_mV is None:
        return (
            [] if values is None else [_gene(region, "g_pas", values["g"], "pas"), _gene(region, "e_pas", values["e"])]
        )
    if values is None:  # BMTK puts pas everywhere; here it must not conduct
        return [_gene(region, "g_pas", 0.0)]
    return [_gene(region, "g_pas", values["g"])] + [_gene(region, "e_pas", values["e"])] * (values["e"] != e_pas_mV)


def _gene(section: str, name: str, value: float, mechanism: str = "") -> dict[str, Any]:
    return {"section": section, "name": name, "value": float(value), "mechanism": mechanism}


def _mechanisms(reader: _Regions, region: str, mechanisms: MechanismFiles) -> dict[str, dict[str, float]]:
    """Return mechanism -> values to be said, for a region; those of ``pas`` are complete."""
    found: dict[str, dict[str, float]] = {}
    nodes = reader.nodes[region]
    for density in reader.cell.record.densities:
        there = np.isin(nodes, density.nodes)
        name = density.mechanism.name
        if not there.any():
            continue
        if not there.all():
            lacking = reader.cell.label(int(nodes[~there][0]))
            raise SonataError(
                f"{reader.who}: {name} is in some of the sections of {region}, but not at {lacking}; a fit file says "
                f"one thing for all of {region}. Insert it with its conductance 0 there, or call the section otherwise."
            )
        rows = np.searchsorted(density.nodes, nodes)
        given = {}
        for parameter, value in density.values.items():
            full = np.broadcast_to(np.asarray(value, float), density.nodes.shape)[rows]
            given[parameter] = reader.uniform(region, full, f"{name}.{parameter}")
        said = mechanisms.values(density.mechanism, given, f"{reader.who}: {region}")
        found[name] = {"g": given["g"], "e": given["e"]} if name == "pas" else said
    return found


def _ions(reader: _Regions, region: str) -> dict[str, float]:
    """Return ``ena`` … of a region as set, for ions that something there uses."""
    used = {
        f"e{use.ion}"
        for density in reader.cell.record.densities
        if np.isin(reader.nodes[region], density.nodes).any()
        for use in density.mechanism.ions
    }
    found = {}
    for variable, values in reader.cell.record.ions.items():
        there = values[reader.nodes[region]]
        if np.isnan(there).all():
            continue
        if not variable.startswith("e"):
            raise SonataError(
                f"{reader.who}: {region} has {variable}={there[~np.isnan(there)][0]:g} mM; SONATA has no place for "
                "concentrations: leave NEURON's."
            )
        value = reader.uniform(region, there, f"{variable}_mV")
        if variable in used:
            found[variable] = value
    return found


class _Regions:
    """The values of a cell by region."""

    def __init__(self, cell: Cell, who: str) -> None:
        self.cell, self.who = cell, who
        self.sections: dict[str, list[int]] = {}
        for i, section in enumerate(cell.morphology.sections):
            self.sections.setdefault(region_of(section.name), []).append(i)
        self.nodes = {
            region: np.concatenate([cell.tree.compartments(s) for s in sections])
            for region, sections in self.sections.items()
        }
        self.regions = list(self.sections)
        unknown = [r for r in self.regions if r not in REGIONS]
        if unknown:
            name = cell.morphology.sections[self.sections[unknown[0]][0]].name
            raise SonataError(f"{who}: section {name!r}; a fit file knows the regions {', '.join(REGIONS)}.")

    def value(self, region: str, values: Floats, what: str) -> float:
        """Return the one value of a region, from values of all nodes."""
        return self.uniform(region, values[self.nodes[region]], what)

    def section_value(self, region: str, values: Floats, what: str) -> float:
        """Return the one value of a region, from values of all sections."""
        chosen = values[self.sections[region]]
        other = np.flatnonzero(chosen != chosen[0])
        if len(other):
            names = [self.cell.morphology.sections[self.sections[region][k]].name for k in (0, int(other[0]))]
            raise self._uneven(region, what, names, (chosen[0], chosen[other[0]]))
        return float(chosen[0])

    def uniform(self, region: str, values: Floats, what: str) -> float:
        """Return the one value of a region's nodes."""
        other = np.flatnonzero(values != values[0])
        if math.isnan(values[0]) or len(other):
            k = int(other[-1]) if len(other) else 0
            places = [self.cell.label(int(self.nodes[region][i])) for i in (0, k)]
            raise self._uneven(region, what, places, (values[0], values[k]))
        return float(values[0])

    def _uneven(self, region: str, what: str, places: list[str], values: tuple[Any, Any]) -> SonataError:
        return SonataError(
            f"{self.who}: {what} is {values[0]:g} at {places[0]} and {values[1]:g} at {places[1]}; a fit file says one "
            f"value for all of {region}."
        )


def sections_of(cell: Cell) -> dict[str, Any]:
    """Return the morphology of a cell section by section, for JSON."""
    sections = []
    for section, nseg in zip(cell.morphology.sections, cell.tree.nseg.tolist(), strict=True):
        item: dict[str, Any] = {
            "name": section.name,
            "parent": section.parent,
            "parent_x": section.parent_x,
            "nseg": nseg,
        }
        if section.points is None:
            item |= {"length_um": section.length_um, "diam_um": section.diam_um}
        else:
            item["points"] = [[float(str(value)) for value in row] for row in section.points]
        sections.append(item)
    return {"neurosim_morphology": 1, "sections": sections}


def point_of(cell: PointCell, mechanisms: MechanismFiles, who: str) -> tuple[str, dict[str, Any]]:
    """Return ``model_template`` and the JSON of a point cell."""
    mechanism = cell.mechanism
    values = mechanisms.values(mechanism, {}, who)
    if mechanism.name != "IntFire1":
        return f"nrn:{mechanism.name}", values
    written: dict[str, Any] = {}
    for name in ("tau", "refrac"):
        # BMTK multiplies seconds by 1000; one number of ms in seventy is no such product.
        value_ms = mechanism.defaults[name]
        written[name] = value_ms / MS_PER_S
        if written[name] * MS_PER_S != value_ms:
            written[f"{name}_ms"] = value_ms
    return "nrn:IntFire1", written
