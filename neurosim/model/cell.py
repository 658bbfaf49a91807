"""A cell: a morphology, what is in its membrane, and what is attached to it.

A ``Cell`` collects statements (``set``, ``insert``, ``place``) and turns them, when asked, into a ``CellRecord``:
plain arrays over the nodes of its compartment tree, the input of the engine's plan. One cell object may stand for
many cells of a simulation: nothing of a run is kept in it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.errors import MechanismError, ModelError
from neurosim.mechanisms.mechanism import Kind, Mechanism
from neurosim.morphology.nseg import checked_nseg, nseg_by_d_lambda, nseg_by_length
from neurosim.morphology.section import Morphology, Section
from neurosim.morphology.tree import CompartmentTree, discretise

Floats = NDArray[np.float64]
Value = float | ArrayLike | Callable[[float], float]
"""A parameter: one number, one value per compartment of the region, or a function of the path distance in um."""

RA_OHM_CM, CM_UF_PER_CM2 = 35.4, 1.0
"""Defaults of the axial resistivity and the membrane capacitance, as in NEURON."""

_ION = re.compile(r"e(?P<e>[a-z]\w*)_mV|(?P<i>[a-z]\w*)i_mM|(?P<o>[a-z]\w*)o_mM")


@dataclass(frozen=True)
class Density:
    """A density mechanism in some nodes; ``values`` maps parameters to one number or one per node."""

    mechanism: Mechanism
    nodes: NDArray[np.int32]
    values: dict[str, float | Floats]


@dataclass(frozen=True)
class Point:
    """A point process at one node."""

    mechanism: Mechanism
    node: int
    values: dict[str, float]


@dataclass(frozen=True, eq=False)
class CellRecord:
    """A cell as arrays over the nodes of its tree.

    Parameters
    ----------
    tree : CompartmentTree
        Nodes, areas, axial resistances.
    cm_uF_per_cm2 : float64 (n,)
        Membrane capacitance.
    ions : dict
        Ion variable (``ena``, ``cai`` …) -> float64 (n,), NaN where it was not set.
    densities, points : tuple
        Mechanisms in order of insertion.
    """

    tree: CompartmentTree
    cm_uF_per_cm2: Floats
    ions: dict[str, Floats]
    densities: tuple[Density, ...]
    points: tuple[Point, ...]


@dataclass
class _Insertion:
    mechanism: Mechanism
    sections: tuple[int, ...]
    values: dict[str, Value]


@dataclass
class _Placement:
    mechanism: Mechanism
    section: int
    x: float
    values: dict[str, float]


@dataclass
class _Ion:
    variable: str
    sections: tuple[int, ...]
    value: Value


@dataclass
class _Statements:
    nseg: NDArray[np.int32]
    ra: Floats
    cm: Floats
    insertions: list[_Insertion] = field(default_factory=list)
    placements: list[_Placement] = field(default_factory=list)
    ions: list[_Ion] = field(default_factory=list)


class Cell:
    """A neuron.

    Parameters
    ----------
    sections : Morphology or iterable of Section
        The shape. Each section is one compartment until ``set(nseg=…)`` or ``discretise`` says otherwise.
    name : str
        For messages and plots.

    Examples
    --------
    >>> import neurosim as ns
    >>> cell = ns.Cell.cylinder(length_um=20.0, diam_um=20.0).insert(ns.mechanisms.HH())
    """

    def __init__(self, sections: Morphology | Iterable[Section], *, name: str = "") -> None:
        self.morphology = sections if isinstance(sections, Morphology) else Morphology(tuple(sections), name)
        self.name = name or self.morphology.source or "cell"
        n = len(self.morphology.sections)
        self._said = _Statements(np.ones(n, np.int32), np.full(n, RA_OHM_CM), np.full(n, CM_UF_PER_CM2))
        self._record: CellRecord | None = None
        self._tree: CompartmentTree | None = None
        self._given = False

    @classmethod
    def from_tree(cls, tree: CompartmentTree, *, name: str = "") -> Cell:
        """Make a cell of a tree whose compartments are given, see ``neurosim.morphology.given``."""
        cell = cls(tree.morphology, name=name)
        cell._tree, cell._given = tree, True
        return cell

    @classmethod
    def from_swc(cls, path: str | Path, *, max_length_um: float = 20.0) -> Cell:
        """Read an SWC file as NEURON's Import3d does and cut it into compartments of at most ``max_length_um``."""
        from neurosim.morphology.swc import read_swc

        return cls(read_swc(path), name=Path(path).stem).discretise(max_length_um=max_length_um)

    @classmethod
    def cylinder(cls, length_um: float, diam_um: float, *, nseg: int = 1, name: str = "soma") -> Cell:
        """Make a cell of one cylinder."""
        return cls([Section.cylinder(f"{name}[0]", length_um, diam_um)], name=name).set(nseg=nseg)

    def discretise(self, *, max_length_um: float | None = None, d_lambda: float | None = None) -> Self:
        """Choose the number of compartments of every section.

        Parameters
        ----------
        max_length_um : float
            ``1 + 2 int(L / (2 max_length_um))`` compartments, at most about ``max_length_um`` long.
        d_lambda : float
            At most this fraction of the length constant at 100 Hz (Carnevale and Hines 2006, section 5.2).
        """
        self._cut("discretise")
        if (max_length_um is None) == (d_lambda is None):
            raise ModelError(f"{self.name}: discretise takes max_length_um or d_lambda, one of the two")
        if max_length_um is not None:
            self._said.nseg = nseg_by_length(self.morphology, max_length_um)
        elif d_lambda is not None:
            self._said.nseg = nseg_by_d_lambda(self.morphology, d_lambda, self._said.ra, self._said.cm)
        self._record = None
        return self

    def set(
        self,
        where: str = "all",
        *,
        nseg: ArrayLike | None = None,
        ra_ohm_cm: float | None = None,
        cm_uF_per_cm2: float | None = None,
        **ions: Value,
    ) -> Self:
        """Set passive properties or ion variables of a region.

        Parameters
        ----------
        where : str
            ``"all"``, a region (``"dend"``) or a section (``"dend[3]"``).
        nseg : int or array
            Compartments of each section of the region.
        ra_ohm_cm, cm_uF_per_cm2 : float
            Axial resistivity and capacitance.
        **ions : Value
            ``ena_mV``, ``cai_mM``, ``cao_mM`` and the like.
        """
        chosen = self.morphology.select(where)
        at = np.array(chosen, int)
        if nseg is not None or ra_ohm_cm is not None:
            self._cut("set(nseg=, ra_ohm_cm=)")
        if nseg is not None:
            self._said.nseg[at] = checked_nseg(nseg, len(chosen))
        for target, value, text in (
            (self._said.ra, ra_ohm_cm, "ra_ohm_cm"),
            (self._said.cm, cm_uF_per_cm2, "cm_uF_per_cm2"),
        ):
            if value is not None:
                if not (math.isfinite(value) and (value > 0.0 or (value == 0.0 and text.startswith("cm")))):
                    raise ModelError(f"{self.name}: {text}={value} is not allowed; it must be finite and above 0")
                target[at] = value
        for name, ion_value in ions.items():
            self._said.ions.append(_Ion(_ion_variable(self.name, name), chosen, ion_value))
        self._record = None
        return self

    def _cut(self, what: str) -> None:
        """Drop the tree, which is cut anew when it is next asked for."""
        if self._given:
            raise ModelError(f"{self.name}: {what} is not allowed; the compartments of this cell are given")
        self._tree = None

    def insert(self, mechanism: Mechanism | str, where: str = "all", **values: Value) -> Self:
        """Put a density mechanism into a region.

        Parameters
        ----------
        mechanism : Mechanism or str
            The mechanism, or its name in the library.
        where : str
            Region or section.
        **values : Value
            Its parameters, in its own units. Where it is there already these replace the old values, and those that are
            neither named nor changed in the mechanism stay.
        """
        mech = _as_mechanism(mechanism)
        if mech.kind is not Kind.DENSITY:
            raise MechanismError(f"{mech.name} is a {mech.kind.value} mechanism; use cell.place(..., at=...)")
        for key in values:
            mech.parameter(key)
        self._said.insertions.append(_Insertion(mech, self.morphology.select(where), dict(values)))
        self._record = None
        return self

    def place(self, mechanism: Mechanism | str, at: str, **values: float) -> Self:
        """Attach a point process to one place, for instance ``at="dend[3](0.5)"``."""
        mech = _as_mechanism(mechanism)
        if mech.kind is not Kind.POINT:
            raise MechanismError(f"{mech.name} is a {mech.kind.value} mechanism; use cell.insert(..., where=...)")
        for key in values:
            mech.parameter(key)
            _not_nan(f"{self.name}: {mech.name}.{key}", values[key])
        section, x = self.morphology.locate(at)
        self._said.placements.append(_Placement(mech, section, x, dict(values)))
        self._record = None
        return self

    @property
    def tree(self) -> CompartmentTree:
        """The compartments."""
        if self._tree is None:
            self._tree = discretise(self.morphology, self._said.nseg, self._said.ra)
        return self._tree

    @property
    def ra_ohm_cm(self) -> Floats:
        """Axial resistivity of every section, float64 (sections,)."""
        return self._said.ra.copy()

    def nodes(self, where: str) -> NDArray[np.int32]:
        """Return the nodes of a region's compartments, section by section from 0 to 1."""
        tree = self.tree
        return np.concatenate([tree.compartments(s) for s in self.morphology.select(where)])

    def node(self, place: str) -> int:
        """Return the node whose voltage stands for a place."""
        section, x = self.morphology.locate(place)
        return self.tree.node(section, x)

    def label(self, node: int) -> str:
        """Return the place of a node, for instance ``"dend[3](0.5)"``."""
        tree = self.tree
        return f"{self.morphology.sections[int(tree.section_idx[node])].name}({tree.x[node]:.4g})"

    def mechanisms(self) -> tuple[Mechanism, ...]:
        """Return the mechanisms used, each once."""
        used = [i.mechanism for i in self._said.insertions] + [p.mechanism for p in self._said.placements]
        return tuple(dict.fromkeys(used))

    @property
    def record(self) -> CellRecord:
        """The cell as arrays; made on first use and after every change."""
        if self._record is None:
            self._record = self._build()
        return self._record

    def _build(self) -> CellRecord:
        tree, said = self.tree, self._said
        densities = []
        for mech, insertions in _grouped(said.insertions).items():
            densities.append(self._density(tree, mech, insertions))
        ions: dict[str, Floats] = {}
        for ion in said.ions:
            into = ions.setdefault(ion.variable, np.full(len(tree), np.nan))
            nodes = np.concatenate([tree.compartments(s) for s in ion.sections])
            into[nodes] = self._spread(ion.variable, ion.value, nodes)
        points = tuple(
            Point(p.mechanism, tree.compartment(p.section, p.x), {**p.mechanism.defaults, **p.values})
            for p in said.placements
        )
        cm = said.cm[tree.section_idx]
        return CellRecord(tree, cm, ions, tuple(densities), points)

    def _density(self, tree: CompartmentTree, mech: Mechanism, insertions: list[_Insertion]) -> Density:
        sections = sorted({s for i in insertions for s in i.sections})
        nodes = np.sort(np.concatenate([tree.compartments(s) for s in sections]))
        row = np.full(len(tree), -1)
        row[nodes] = np.arange(len(nodes))
        values: dict[str, float | Floats] = {}
        for p in mech.parameters:
            first = insertions[0].values.get(p.name, mech.defaults[p.name])
            if len(insertions) == 1 and isinstance(first, int | float):
                values[p.name] = float(_not_nan(f"{self.name}: {mech.name}.{p.name}", first))
                continue
            full, there = np.empty(len(nodes)), np.zeros(len(nodes), np.bool_)
            default = mech.defaults[p.name]
            for insertion in insertions:
                at = np.concatenate([tree.compartments(s) for s in insertion.sections])
                own = insertion.mechanism.defaults[p.name]
                if p.name in insertion.values or own != default:
                    given = insertion.values.get(p.name, own)
                    full[row[at]] = self._spread(f"{mech.name}.{p.name}", given, at)
                else:
                    new = row[at][~there[row[at]]]
                    full[new] = own
                there[row[at]], default = True, own
            values[p.name] = full
        return Density(mech, nodes, values)

    def _spread(self, what: str, value: Value, nodes: NDArray[np.int32]) -> Floats:
        if callable(value):
            distances = self.tree.path_um[nodes]
            return _not_nan(what, [float(value(float(d))) for d in distances])
        array = np.asarray(value, float)
        if array.ndim and array.shape != nodes.shape:
            raise ModelError(
                f"{self.name}: {what} has shape {array.shape}; allowed: one number, a function of the path distance "
                f"in um, or one value for each of the {len(nodes)} compartments of the region"
            )
        return np.broadcast_to(_not_nan(what, array), nodes.shape)

    def __repr__(self) -> str:
        regions = ", ".join(f"{len(s)} {r}" for r, s in self.morphology.regions.items())
        mechs = ", ".join(m.name for m in self.mechanisms()) or "no mechanisms"
        return f"<Cell {self.name}: {regions}; {int(self._said.nseg.sum())} compartments; {mechs}>"


def _grouped(insertions: list[_Insertion]) -> dict[Mechanism, list[_Insertion]]:
    """Group by name and code, so that variants of other defaults only are one mechanism."""
    first: dict[tuple[str, str], Mechanism] = {}
    out: dict[Mechanism, list[_Insertion]] = {}
    for i in insertions:
        mech = first.setdefault((i.mechanism.name, i.mechanism.digest), i.mechanism)
        out.setdefault(mech, []).append(i)
    return out


def _not_nan(what: str, value: ArrayLike) -> Floats:
    array = np.asarray(value, float)
    if np.isnan(array).any():
        raise ModelError(f"{what}={array} is not allowed; give numbers")
    return array


def _as_mechanism(mechanism: Mechanism | str) -> Mechanism:
    if isinstance(mechanism, Mechanism):
        return mechanism
    from neurosim.mechanisms import library

    return library.get(mechanism)


def _ion_variable(cell: str, name: str) -> str:
    match = _ION.fullmatch(name)
    if match is None:
        raise ModelError(
            f"{cell}: cannot set {name!r}; allowed: nseg, ra_ohm_cm, cm_uF_per_cm2, and ion variables such as "
            "ena_mV, cai_mM, cao_mM"
        )
    return name.rsplit("_", 1)[0]
