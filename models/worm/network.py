"""``network_of``: a worm's model as a ``Network`` of cells and couplings, at a chosen detail.

Gids are the numbers of the cells. Active conductances are in the soma (in all of a muscle), the plateau of motor
neurons is in all of the cell; where a conductance is zero the channel is not inserted. Contacts whose sides fall into
the same two compartments are one coupling with the sum of their conductances, which is the same current.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ModelError
from neurosim.mechanisms import library
from neurosim.mechanisms.mechanism import Mechanism
from neurosim.model.cell import Cell, Value
from neurosim.model.connections import Couplings
from neurosim.model.network import Network
from neurosim.models.worm import parameters
from neurosim.models.worm.classes import KINDS
from neurosim.models.worm.contacts import nseg_at_most
from neurosim.models.worm.model import NEURONS, Contacts, WormModel
from neurosim.models.worm.parameters import Parameters
from neurosim.morphology.section import Morphology, Section
from neurosim.morphology.tree import discretise

DETAILS = ("full", "adaptive", "point")
EVERYWHERE = ("pas", "plateau")
"""Mechanisms in all of a cell; the others are in its soma."""
FULL_UM = 2.0
"""Longest piece of the full detail."""

PART = 0.75
"""Longest piece of the adaptive detail over the length constant at 100 Hz.

Measured over 302 cells, 0.4 s with steps of +3 and -3 pA into the soma, against 2 um: the RMS error of the somatic
voltage has the median 0.03 mV and the maximum 0.6 mV without contacts, 0.11 and 1.0 mV in the network of the published
data; 4,276 nodes instead of 48,748.
"""

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]


def network_of(
    model: WormModel, *, detail: str = "adaptive", pieces_um: float | None = None, synapses: Parameters | None = None
) -> Network:
    """Make the network of a model: populations ``neurons`` and ``muscles``.

    Parameters
    ----------
    model : WormModel
    detail : str
        ``"full"``: pieces of at most ``pieces_um``. ``"adaptive"``: pieces of at most ``PART`` of the length
        constant at 100 Hz. ``"point"``: one compartment a cell, with the area and the conductances of the whole.
    pieces_um : float, optional
        Longest piece of the full detail, 2 um when omitted.
    synapses : Parameters, optional
        Activation of the synapses; ``params/synapses.toml`` when omitted.
    """
    if detail not in DETAILS or (pieces_um is not None and detail != "full"):
        raise ModelError(
            f"network_of: detail={detail!r}, pieces_um={pieces_um}; allowed: {', '.join(DETAILS)}; pieces_um with full"
        )
    synapses = synapses or parameters.load("synapses")
    cells = [_cell(model, i, detail, pieces_um or FULL_UM) for i in range(len(model.names))]
    middle_um = np.array([_middle_um(shape) for shape in model.morphologies])
    net = Network()
    for name, first, last in (("neurons", 0, NEURONS), ("muscles", NEURONS, len(cells))):
        net.add(
            name, last - first, cells[first:last],
            cell_name=list(model.names[first:last]), cell_class=list(model.cell_class[first:last]),
            kind=list(model.kind[first:last]), positions_um=middle_um[first:last],
        )  # fmt: skip
    nodes = _Nodes(cells)
    threshold_mV = thresholds_mV(model, synapses)
    couplings = [_graded(c, nodes, synapses, threshold_mV) for c in (model.chemical, model.neuromuscular)]
    couplings += [_gaps(c, nodes) for c in (model.electrical, model.muscular)]
    net.couplings = [c for c in couplings if len(c)]
    return net


def thresholds_mV(model: WormModel, synapses: Parameters) -> Floats:
    """Return at which voltage each neuron's synapses are half active, float64 (397,); NaN of muscles.

    That of its class (``threshold.RIA`` of ``params/synapses.toml``), else of its kind.
    """
    by_kind = dict(zip(KINDS, synapses["threshold_mV"], strict=True))
    pairs = zip(model.cell_class, model.kind, strict=True)
    return np.array([synapses.get(f"threshold.{name}", by_kind.get(kind, np.nan)) for name, kind in pairs])


def mechanism_named(name: str) -> Mechanism:
    """Return a mechanism of the worm, or of the library."""
    from neurosim.models.worm import channels

    return library.get(name) if name in library.names() else channels.mechanism(name)


def _cell(model: WormModel, number: int, detail: str, pieces_um: float) -> Cell:
    shape = model.morphologies[number]
    soma_share = 1.0
    if detail == "point":
        soma_share = _area_um2(Morphology(shape.sections[:1])) / _area_um2(shape)
        shape = _one_compartment(shape)
    cell = Cell(shape, name=model.names[number])
    ra, cm = (float(model.cable[key][number]) for key in ("ra_ohm_cm", "cm_uF_per_cm2"))
    cell.set(ra_ohm_cm=ra, cm_uF_per_cm2=cm)
    if detail == "full":
        cell.set(nseg=nseg_at_most(shape, pieces_um))
    elif detail == "adaptive":
        cell.set(nseg=adaptive_nseg(shape, ra, cm))
    for name, values in sorted(model.densities.items()):
        given = {key: float(column[number]) for key, column in values.items()}
        if name in EVERYWHERE:
            if any(given.values()):
                cell.insert(mechanism_named(name), "all", **given)
        elif any(given.values()):
            scale = {"gbar": soma_share, "acell": 1.0 / soma_share}
            scaled: dict[str, Value] = {key: value * scale.get(key, 1.0) for key, value in given.items()}
            cell.insert(mechanism_named(name), "soma", **scaled)
    return cell


def adaptive_nseg(shape: Morphology, ra_ohm_cm: float, cm_uF_per_cm2: float, part: float = PART) -> Ints:
    """Return the pieces of each section: at most ``part`` of the length constant at 100 Hz long; int32 (sections,).

    Notes
    -----
    lambda = 1e5 sqrt(d / (4 pi 100 Ra cm)) um, d in um (Hines and Carnevale 2001, doi:10.1177/107385840100700207).
    """
    nseg = np.ones(len(shape.sections), np.int32)
    for i, section in enumerate(shape.sections[1:], 1):
        constant_um = 1e5 * math.sqrt(section.diam_um / (4.0 * math.pi * 100.0 * ra_ohm_cm * cm_uF_per_cm2))
        nseg[i] = max(1, math.ceil(section.length_um / (part * constant_um) - 1e-9))
    return nseg


def _area_um2(shape: Morphology) -> float:
    return float(discretise(shape).area_um2.sum())


def _middle_um(shape: Morphology) -> Floats:
    """Return the middle of the soma, float64 (3,)."""
    points = shape.sections[0].points
    if points is None:
        raise ModelError(f"{shape.source}: the soma has no 3-D points")
    middle: Floats = points[:, :3].astype(float).mean(axis=0)
    return middle


def _one_compartment(shape: Morphology) -> Morphology:
    """Return a cylinder at the soma's place, as long as thick, with the area of the whole cell."""
    x, y, z = _middle_um(shape).tolist()
    side = math.sqrt(_area_um2(shape) / math.pi)
    ends = np.array([[x, y - 0.5 * side, z, side], [x, y + 0.5 * side, z, side]])
    return Morphology((Section("soma", ends),), shape.source)


class _Nodes:
    """Compartments of places of many cells at once."""

    def __init__(self, cells: list[Cell]) -> None:
        trees = [cell.tree for cell in cells]
        self._section_start = np.concatenate(([0], np.cumsum([len(tree.nseg) for tree in trees])))
        raw_start = np.concatenate(([0], np.cumsum([len(tree.node_of_raw) for tree in trees])))
        self._first = np.concatenate([tree.first_raw + raw_start[i] for i, tree in enumerate(trees)])
        self._node = np.concatenate([tree.node_of_raw for tree in trees])
        self._nseg = np.concatenate([tree.nseg for tree in trees])
        self._one = np.array([len(tree) == 1 for tree in trees])

    def at(self, cell: Ints, section: Ints, x: Floats) -> Ints:
        """Return the node of the segment that holds each place; int32 (n,)."""
        row = self._section_start[cell] + np.where(self._one[cell], 0, section)
        nseg = self._nseg[row]
        nodes: Ints = self._node[self._first[row] + np.minimum((nseg * x).astype(np.int64), nseg - 1)]
        return nodes


def _graded(rows: Contacts, nodes: _Nodes, synapses: Parameters, threshold_mV: Floats) -> Couplings:
    columns = _sides(rows, nodes)
    inhibits = rows.reversal_mV < 0.5 * (synapses["excitatory_mV"] + synapses["inhibitory_mV"])
    k = np.where(inhibits, synapses["inhibitory_per_ms"], synapses["excitatory_per_ms"])
    table = np.column_stack([*columns, rows.reversal_mV, k])
    merged, conductance = _merged(table, rows.conductance_uS)
    pre, pre_node, post, post_node = merged[:, :4].astype(np.int32).T
    values: dict[str, float | Floats] = {
        "gmax": conductance, "e": merged[:, 4], "k": merged[:, 5],
        "vth": threshold_mV[pre], "delta": synapses["slope_mV"],
    }  # fmt: skip
    return Couplings(library.get("GradedSyn"), "vpre", pre, pre_node, post, post_node, values)


def _gaps(rows: Contacts, nodes: _Nodes) -> Couplings:
    merged, conductance = _merged(np.column_stack(_sides(rows, nodes)).astype(float), rows.conductance_uS)
    a, a_node, b, b_node = merged.astype(np.int32).T
    values: dict[str, float | Floats] = {"g": np.concatenate((conductance, conductance))}
    here, here_node, there, there_node = (
        np.concatenate(both) for both in ((a, b), (a_node, b_node), (b, a), (b_node, a_node))
    )
    return Couplings(library.get("Gap"), "vgap", here, here_node, there, there_node, values)


def _sides(rows: Contacts, nodes: _Nodes) -> tuple[Ints, Ints, Ints, Ints]:
    pre_node = nodes.at(rows.pre, rows.pre_section, rows.pre_x)
    post_node = nodes.at(rows.post, rows.post_section, rows.post_x)
    return rows.pre, pre_node, rows.post, post_node


def _merged(table: Floats, conductance_uS: Floats) -> tuple[Floats, Floats]:
    """Return the distinct rows, sorted, and the sum of the conductances of each, whatever the order of the rows."""
    order = np.lexsort((conductance_uS, *table.T[::-1]))
    distinct, which = np.unique(table[order], axis=0, return_inverse=True)
    sums: Floats = np.zeros(len(distinct))
    np.add.at(sums, which.ravel(), conductance_uS[order])
    return distinct, sums
