"""What a cell costs: nanoseconds of one core for a step, from its compartments, mechanisms and synapses.

Strategy: ``cost(cell) = C t_node + sum of instances * t_m + S t_synapse``, the sum over the mechanisms m of the cell
(C compartments, S synapses). t_m is an overhead and the operations of the mechanism's lowered programs, counted in
their text. Counts are the same on every machine; the coefficients are rough figures of one machine unless others are
given (``neurosim.hpc.calibrate``). For sharing out work only their ratios count. All processes of a run must use the
same coefficients, or they will not agree on who owns what.
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
        A synapse and step, at rates of some Hz: its share of states and of events.
    point_ns : float
        A point cell and step, without its arithmetic.
    """

    node_ns: float = 0.7
    instance_ns: float = 2.5
    simple_ns: float = 0.055
    vector_ns: float = 0.75
    scalar_ns: float = 8.0
    draw_ns: float = 5.0
    synapse_ns: float = 0.3
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


def costs_of(cells: Sequence[AnyCell], synapses_n: ArrayLike = 0, coefficients: Coefficients = STATIC) -> Floats:
    """Return what each cell costs, float64 (cells,): ns of one core for a step.

    Parameters
    ----------
    cells : sequence
        One per gid; a cell that stands for many is looked at once. Trains and cells elsewhere cost nothing.
    synapses_n : int (cells,)
        Connections onto each cell, or one number for all; trains and cells elsewhere receive none.
    coefficients : Coefficients
        Times of what cells consist of; the same in all processes.

    Notes
    -----
    ``C (t_hines + sum_m f_m t_m) + S t_syn`` with the mechanisms m in a fraction f_m of C compartments.
    """
    prices = Prices(coefficients)
    # Strategy: a number for each distinct object, then one look-up for all cells.
    number: dict[int, int] = {}
    kind = np.fromiter((number.setdefault(id(c), len(number)) for c in cells), np.int64, len(cells))
    first = np.zeros(len(number), np.int64)
    first[kind[::-1]] = np.arange(len(cells) - 1, -1, -1)
    own = np.array([prices.cell_ns(cells[k]) for k in first.tolist()])
    receives = np.array([not isinstance(cells[k], SpikeTrain | Elsewhere) for k in first.tolist()], np.bool_)
    counts = np.asarray(synapses_n, float)
    if counts.ndim and counts.shape != (len(cells),):
        raise ModelError(f"costs_of: synapses_n has shape {counts.shape}; allowed: one number or ({len(cells)},)")
    if (counts < 0.0).any():
        raise ModelError(f"costs_of: synapses_n={counts.min():g} is not allowed; it must be 0 or more")
    out: Floats = own[kind] + np.where(receives[kind], counts, 0.0) * coefficients.synapse_ns
    return out


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
