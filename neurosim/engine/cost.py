"""What a cell costs: nanoseconds of one core for a step, from its compartments, mechanisms and synapses.

Strategy: ``cost(cell) = C t_node + sum over mechanisms m of n_m t_m + synapses`` for C compartments and n_m instances.
t_m is an overhead and the operations of the mechanism's lowered programs, counted in their text. Synapses whose sum is
the same are one instance a compartment: S of them at random places make ``C (1 - exp(-S/C))`` instances. Counts are the
same on every machine; the coefficients are rough figures of one machine unless others are given
(``neurosim.hpc.calibrate``). For sharing out work only their ratios count. All processes of a run must use the same
coefficients, or they will not agree on who owns what.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.engine.build import PARSING
from neurosim.engine.layout import is_leak
from neurosim.engine.lowered import lowered
from neurosim.errors import ModelError
from neurosim.mechanisms.mechanism import Mechanism
from neurosim.mechanisms.program import Program
from neurosim.model.cell import Cell, CellRecord
from neurosim.model.connections import Connections
from neurosim.model.point import Elsewhere, PointCell, SpikeTrain

Floats = NDArray[np.float64]
AnyCell = Cell | CellRecord | PointCell | SpikeTrain | Elsewhere

VECTOR = frozenset(("exp", "lookup"))
"""Functions of the programs' dialect that go over all lanes at once: some ten simple operations."""

SCALAR = {
    **dict.fromkeys(("log", "log10", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "fmod_"), 1),
    **dict.fromkeys(("atan2", "pow_"), 2),
}
"""Functions that are called lane by lane: in units of a logarithm."""

DRAWN = {"uniform": 1, "gaussian": 1}
"""Random numbers."""


@dataclass(frozen=True)
class Coefficients:
    """Nanoseconds of one core.

    Parameters
    ----------
    node_ns : float
        A compartment and step of the cable, leak included.
    instance_ns : float
        An instance of a mechanism and step, without its arithmetic.
    simple_ns, vector_ns, scalar_ns, draw_ns : float
        An addition, multiplication or comparison; an exponential or a look-up in a table; a logarithm; a random number.
    synapse_ns : float
        A compartment that has synapses of one kind and step: their states are one instance.
    delivery_ns : float
        A synapse and step at rates of some Hz: its share of the events.
    point_ns : float
        A point cell and step, without its arithmetic.
    """

    node_ns: float = 0.7
    instance_ns: float = 2.5
    simple_ns: float = 0.055
    vector_ns: float = 0.75
    scalar_ns: float = 8.0
    draw_ns: float = 5.0
    synapse_ns: float = 4.0
    delivery_ns: float = 0.005
    point_ns: float = 2.0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not (np.isfinite(value) and value >= 0.0):
                raise ModelError(f"coefficients of cost: {name}={value} is not allowed; give a number of at least 0")


STATIC = Coefficients()
"""Figures of one core of an Intel Xeon with AVX-512: those that hold while nobody has measured."""


@dataclass(frozen=True)
class Operations:
    """What an instance computes in a step: counts by kind, as in ``Coefficients``."""

    simple: int = 0
    vector: int = 0
    scalar: int = 0
    draws: int = 0

    def ns(self, t: Coefficients) -> float:
        """Return the time of these operations."""
        return (
            self.simple * t.simple_ns + self.vector * t.vector_ns + self.scalar * t.scalar_ns + self.draws * t.draw_ns
        )


def operations_of(mechanism: Mechanism) -> Operations:
    """Count the operations of a mechanism in a step: one evaluation of its current, one advance of its states.

    A concentration that it writes makes one logarithm, that of the reversal potential. Loops are counted once.
    """
    made = lowered(mechanism)
    simple = vector = scalar = draws = 0
    for program in (made.current, made.advance):
        draws += "normal" in program.inputs
        for node in _nodes(program):
            simple += isinstance(node, ast.BinOp | ast.Compare | ast.UnaryOp)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                name = node.func.id
                vector += name in VECTOR
                scalar += SCALAR.get(name, 0)
                draws += DRAWN.get(name, 0)
                simple += name not in VECTOR and name not in SCALAR and name not in DRAWN
    scalar += sum(f"{use.ion}{side}" in use.writes for use in mechanism.ions for side in "io")
    return Operations(simple, vector, scalar, draws)


def _nodes(program: Program) -> list[ast.AST]:
    """Return what the program's text consists of; nothing where it has no outputs and is not called."""
    if not program.outputs:
        return []
    with PARSING:
        return list(ast.walk(ast.parse(program.source)))


class Prices:
    """Prices of mechanisms and cells, each computed once.

    Parameters
    ----------
    coefficients : Coefficients
        Times of what cells consist of.
    """

    def __init__(self, coefficients: Coefficients = STATIC) -> None:
        self.coefficients = coefficients
        self._mechanisms: dict[tuple[str, str], float] = {}

    def mechanism_ns(self, mechanism: Mechanism) -> float:
        """Return the time of an instance and step; nothing for the leak, which is part of the cable."""
        key = (mechanism.name, mechanism.digest)
        if key not in self._mechanisms:
            self._mechanisms[key] = 0.0 if is_leak(mechanism, _leak()) else self._measured(mechanism)
        return self._mechanisms[key]

    def _measured(self, mechanism: Mechanism) -> float:
        operations = operations_of(mechanism)
        idle = operations == Operations()
        return 0.0 if idle else self.coefficients.instance_ns + operations.ns(self.coefficients)

    def cell_ns(self, cell: AnyCell) -> float:
        """Return the time of a cell and step without its synapses."""
        if isinstance(cell, PointCell):
            return self.coefficients.point_ns + self.mechanism_ns(cell.mechanism)
        if isinstance(cell, SpikeTrain | Elsewhere):
            return 0.0
        record = cell.record if isinstance(cell, Cell) else cell
        total = len(record.tree) * self.coefficients.node_ns
        for density in record.densities:
            total += len(density.nodes) * self.mechanism_ns(density.mechanism)
        return total + sum(self.mechanism_ns(point.mechanism) for point in record.points)


def costs_of(
    cells: Sequence[AnyCell],
    synapses_n: ArrayLike = 0,
    coefficients: Coefficients = STATIC,
    tables: Sequence[Connections] = (),
) -> Floats:
    """Return what each cell costs, float64 (cells,): ns of one core for a step.

    Parameters
    ----------
    cells : sequence
        One per gid; a cell that stands for many is looked at once. Trains and cells elsewhere cost nothing.
    synapses_n : int (cells,)
        Connections onto each cell, or one number for all; trains and cells elsewhere receive none.
    coefficients : Coefficients
        Times of what cells consist of; the same in all processes.
    tables : sequence of Connections
        Those of ``synapses_n`` whose mechanisms are known, which all processes must know alike; of the others
        ``synapse_ns`` is the price, as of synapses of one kind that can be joined.

    Raises
    ------
    ModelError
        Wrong counts.
    """
    prices = Prices(coefficients)
    # Strategy: numbers of each distinct object, then one look-up for all cells.
    number: dict[int, int] = {}
    kind = np.fromiter((number.setdefault(id(c), len(number)) for c in cells), np.int64, len(cells))
    first = np.zeros(len(number), np.int64)
    first[kind[::-1]] = np.arange(len(cells) - 1, -1, -1)
    distinct = [cells[k] for k in first.tolist()]
    own = np.array([prices.cell_ns(c) for c in distinct])
    nodes = np.array([compartments_of(c) for c in distinct], np.float64)[kind]
    receives = np.array([not isinstance(c, SpikeTrain | Elsewhere) for c in distinct], np.bool_)[kind]
    counts = np.where(receives, _checked(synapses_n, tables, len(cells)), 0.0)
    out: Floats = own[kind] + counts * coefficients.delivery_ns
    for table in tables:
        mine = np.bincount(table.target_gid, minlength=len(cells)).astype(np.float64)
        counts -= mine
        if table.mechanism is not None:
            joined = (additive := lowered(table.mechanism).additive) is not None and additive.joinable
            out += np.where(joined, _occupied(nodes, mine), mine) * prices.mechanism_ns(table.mechanism)
    out += _occupied(nodes, counts) * coefficients.synapse_ns
    return out


def _checked(synapses_n: ArrayLike, tables: Sequence[Connections], cells_n: int) -> Floats:
    counts = np.asarray(synapses_n, float)
    if counts.ndim and counts.shape != (cells_n,):
        raise ModelError(f"costs_of: synapses_n has shape {counts.shape}; allowed: one number or ({cells_n},)")
    if (counts < 0.0).any():
        raise ModelError(f"costs_of: synapses_n={counts.min():g} is not allowed; it must be 0 or more")
    known = np.zeros(cells_n)
    for table in tables:
        known += np.bincount(table.target_gid, minlength=cells_n)[:cells_n]
    if (counts < known).any():
        raise ModelError("costs_of: tables have more rows onto a cell than synapses_n says; count all of them")
    return np.broadcast_to(counts, cells_n)


def _occupied(nodes: Floats, synapses: Floats) -> Floats:
    """Return in how many compartments so many synapses are, at random places."""
    found: Floats = nodes * -np.expm1(-np.maximum(synapses, 0.0) / np.maximum(nodes, 1.0))
    return found


def compartments_of(cell: AnyCell) -> int:
    """Return the nodes of a cell's tree; 0 for cells without one."""
    record = cell.record if isinstance(cell, Cell) else cell
    return len(record.tree) if isinstance(record, CellRecord) else 0


def coefficients_of(given: dict[str, float]) -> Coefficients:
    """Return coefficients from a file's numbers; those that are missing are the static ones.

    Raises
    ------
    ModelError
        A name that is none of theirs, or a number below 0.
    """
    known = {f.name for f in fields(Coefficients)}
    for name in given:
        if name not in known:
            raise ModelError(f"coefficients of cost: {name!r} is not known; allowed: {', '.join(sorted(known))}")
    return Coefficients(**{k: float(v) for k, v in given.items()})


def _leak() -> Mechanism:
    from neurosim.mechanisms import library

    return library.get("pas")
