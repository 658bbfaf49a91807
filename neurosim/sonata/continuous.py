"""Continuous edges: graded synapses and electrical junctions, whose point process reads a voltage in every step.

An edge is continuous when its ``model_template`` is ``nmodl:<name>`` and that point process has a POINTER. Its place on
the target is ``afferent_section_id`` and ``afferent_section_pos``, the place whose voltage it reads on the source
``efferent_section_id`` and ``efferent_section_pos``. With ``is_gap_junction`` both sides get a point process with the
same values: one row is one junction, so the two sides cannot differ. With ``neurosim_joined`` edges of one place and
equal parameters are one point process. ``docs/format.md`` has the datasets.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neurosim.errors import SonataError
from neurosim.mechanisms.mechanism import Mechanism
from neurosim.model.connections import Couplings
from neurosim.sonata.columns import ORDER
from neurosim.sonata.edge_values import own_values
from neurosim.sonata.edges import EdgeBlock
from neurosim.sonata.pairs import Floats, Mask, Pair, Rows, check, flags
from neurosim.sonata.placing import Placer
from neurosim.sonata.roster import BIOPHYSICAL
from neurosim.sonata.synapses import SynapseKind, SynapseModels

if TYPE_CHECKING:
    from neurosim.sonata.wiring import EdgeSummary

PREFIX = "nmodl:"
TARGET = ("afferent_section_id", "afferent_section_pos")
SOURCE = ("efferent_section_id", "efferent_section_pos")
ORDER_SOURCE = f"{ORDER}_source"
"""Row of the network that the source's side of a junction was; ``ORDER`` is that of the target's side."""
STRENGTHS = ("gmax", "g", "weight")
"""Parameters that ``syn_weight`` can be, the first that the mechanism has: its conductance, if it has one."""
JOINED = "neurosim_joined"
"""Column of edges that are one point process where both places and all other parameters are the same."""


@dataclass(frozen=True, eq=False)
class _Piece:
    """Some edges of one mechanism; places and numbers of both ends, values as numbers or columns."""

    population: str
    mechanism: Mechanism
    rows: Rows
    ends: tuple[npt.NDArray[np.int32], ...]
    values: dict[str, float | Floats]
    mutual: Mask
    order: tuple[Floats, Floats] | None
    joined: bool


@dataclass(eq=False)
class ContinuousEdges:
    """Turns continuous edges into couplings.

    Parameters
    ----------
    models : SynapseModels
        Mechanisms with values.
    placer : Placer
        Places.
    """

    models: SynapseModels
    placer: Placer
    _pieces: list[_Piece] = field(default_factory=list)

    def among(self, block: EdgeBlock) -> Mask:
        """Return which edges are continuous, bool (n,)."""
        words = block.reader.population.types.columns.get("model_template", ())
        in_groups = any("model_template" in datasets for datasets in block.reader.groups.values())
        if not in_groups and not any(isinstance(word, str) and word.startswith(PREFIX) for word in words):
            return np.zeros(len(block), np.bool_)
        codes, labels = block.labels("model_template", "dynamics_params")
        found = np.zeros(len(labels), np.bool_)
        for code, (template, dynamics) in enumerate(labels):
            if isinstance(template, str) and template.startswith(PREFIX):
                edge = int(np.flatnonzero(codes == code)[0]) if (codes == code).any() else 0
                mechanism = self.models.kind(template, dynamics, block.error(edge, "")).mechanism
                found[code] = bool(mechanism.pointers)
                if len(mechanism.pointers) > 1:
                    pointers = ", ".join(mechanism.pointers)
                    raise block.error(edge, f"has {template}, whose POINTERs are {pointers}; an edge sets one.")
        return found[codes]

    def add(self, edges: Pair, summary: EdgeSummary) -> None:
        """Take edges that are all continuous."""
        block = edges.block
        if len(block) == 0:
            return
        for side, member, at in (
            ("source", edges.source, edges.source_rows),
            ("target", edges.target, edges.target_rows),
        ):
            whole = member.kind[at] == BIOPHYSICAL
            check(block, whole, np.full(len(block), np.nan), f"is continuous, but its {side} has no membrane")
        source = edges.source.number[edges.source_rows]
        source_node, target_node = self._nodes(edges, source, SOURCE), self._nodes(edges, edges.number, TARGET)
        mutual, parameters = flags(block, "is_gap_junction"), block.parameters()
        joined = flags(block, JOINED)
        odd = np.flatnonzero((joined != joined[0]) | (joined & (mutual != mutual[0])))
        if len(odd):
            raise block.error(
                int(odd[0]), f"differs from the first in {JOINED} or is_gap_junction; {JOINED} is for all."
            )
        order = None
        if block.attribute(ORDER) is not None:
            order = block.needed(ORDER, "others of its population have"), block.numbers(ORDER_SOURCE)
        for kind, at in self.models.kinds_of(block):
            one = np.ones(len(at), np.int64)
            values: dict[str, float | Floats] = {**dict(kind.values), **own_values(kind, parameters, at, one, block)}
            values |= self._strength(kind, block, at, values.keys())
            ends = (source[at], source_node[at], edges.number[at], target_node[at])
            mine = None if order is None else (order[0][at], order[1][at])
            name = block.reader.population.name
            self._pieces.append(
                _Piece(name, kind.mechanism, block.rows[at], ends, values, mutual[at], mine, bool(joined[0]))
            )
            summary.kinds[_text(kind, values)] += len(at)
        summary.junction_n += int(mutual.sum())
        summary.graded_n += int((~mutual).sum())

    def _nodes(self, edges: Pair, number: npt.NDArray[np.int32], names: tuple[str, str]) -> npt.NDArray[np.int32]:
        block = edges.block
        section, x = (block.needed(name, "says where a continuous edge is") for name in names)
        return self.placer.compartments(block, number, section, x, names[1])

    @staticmethod
    def _strength(kind: SynapseKind, block: EdgeBlock, at: Rows, given: Any) -> dict[str, Floats]:
        """Return the parameter that ``syn_weight`` is, where edges have one."""
        column = block.attribute("syn_weight")
        if column is None:
            return {}
        weight = block.numbers("syn_weight")[at]
        there = ~np.isnan(weight)
        if not there.any():
            return {}
        mechanism = kind.mechanism
        name = next((n for n in STRENGTHS if n in mechanism.defaults), None)
        first = int(at[np.flatnonzero(there)[0]])
        if name is None:
            raise block.error(first, f"has syn_weight, but {mechanism.name} has no {' or '.join(STRENGTHS)}.")
        if name in given and name not in dict(kind.values):
            raise block.error(first, f"has syn_weight and dynamics_params/{name}, which are the same; give one.")
        values = {**mechanism.defaults, **dict(kind.values)}
        limits = mechanism.parameter(name)
        low, high = (-np.inf if limits.low is None else limits.low, np.inf if limits.high is None else limits.high)
        wrong = np.flatnonzero((weight < low) | (weight > high) | np.isinf(weight))
        if len(wrong):
            message = f"has syn_weight {weight[wrong[0]]:g}; {mechanism.name}.{name} is from {low:g} to {high:g}."
            raise block.error(int(at[wrong[0]]), message)
        return {name: np.where(there, weight, values[name])}

    def finish(self) -> list[Couplings]:
        """Return the couplings and forget the edges: one table a population and mechanism, in the order of the file.

        First the targets' sides, then those of the sources. Rows with the column ``neurosim_order`` are one table a
        mechanism, in that order.
        """
        tables: dict[Any, list[_Piece]] = {}
        for piece in self._pieces:
            where = piece.population if piece.order is None else None
            tables.setdefault((piece.mechanism.name, piece.mechanism.digest, where, piece.joined), []).append(piece)
        self._pieces = []
        return [_table(pieces) for pieces in tables.values()]


def _table(pieces: list[_Piece]) -> Couplings:
    """Return the couplings of pieces of one mechanism."""
    mechanism = pieces[0].mechanism
    if pieces[0].joined:
        once = _table([replace(p, mutual=np.zeros_like(p.mutual), joined=False) for p in pieces])
        found = joined(once)
        return turned_too(found) if pieces[0].mutual.any() else found
    sides = [(piece, at, turned) for piece in pieces for at, turned in _sides(piece)]
    if pieces[0].order is None:
        # Sides of the targets first; in each, rows of the file.
        keys = [
            np.concatenate([p.rows[at] for p, at, _ in sides]),
            np.concatenate([_full(t, at) for _, at, t in sides]),
        ]
        by = np.lexsort(keys)
    else:
        ranks = [p.order[int(turned)][at] for p, at, turned in sides if p.order is not None]
        by = np.argsort(np.concatenate(ranks), kind="stable")

    def column(ends: tuple[int, int]) -> npt.NDArray[np.int32]:
        """Return an end: the first number is its place for a target's side, the second for a source's."""
        found: npt.NDArray[np.int32] = np.concatenate([p.ends[ends[int(turned)]][at] for p, at, turned in sides])[by]
        return found

    return Couplings(
        mechanism,
        mechanism.pointers[0],
        source_gid=column((0, 2)),
        source_node=column((1, 3)),
        target_gid=column((2, 0)),
        target_node=column((3, 1)),
        values=_values(sides, by, mechanism),
    )


def _sides(piece: _Piece) -> list[tuple[Rows, bool]]:
    """Return the edges with a point process in the target, and those with one in the source as well."""
    return [(np.arange(len(piece.rows)), False), (np.flatnonzero(piece.mutual), True)]


def _values(sides: list[tuple[_Piece, Rows, bool]], by: Rows, mechanism: Mechanism) -> dict[str, float | Floats]:
    found: dict[str, float | Floats] = {}
    for name in dict.fromkeys(name for piece, _, _ in sides for name in piece.values):
        given = [(piece.values.get(name, mechanism.defaults[name]), at) for piece, at, _ in sides]
        numbers = {value for value, _ in given if isinstance(value, float)}
        if len(numbers) == 1 and all(isinstance(value, float) for value, _ in given):
            found[name] = numbers.pop()
        else:
            found[name] = np.concatenate([_full(v, at) if isinstance(v, float) else v[at] for v, at in given])[by]
    return found


def _full(value: float, at: Rows) -> Floats:
    return np.full(len(at), float(value))


def joined(rows: Couplings) -> Couplings:
    """Return couplings in which rows of the same compartments and parameters are one, with the summed conductance.

    The rows that are left are sorted by source, its compartment, target, its compartment, then parameters by name; a
    sum adds from small to large, so the order of the rows does not matter. Currents are the same, but for rounding.
    """
    strength = next(name for name in STRENGTHS if name in rows.mechanism.defaults)
    columns = {k: np.asarray(v, float) for k, v in sorted(rows.values.items()) if np.ndim(v) and k != strength}
    ends = (rows.source_gid, rows.source_node, rows.target_gid, rows.target_node)
    table = np.column_stack([*(end.astype(float) for end in ends), *columns.values()])
    given = np.broadcast_to(
        np.asarray(rows.values.get(strength, rows.mechanism.defaults[strength]), float), (len(rows),)
    )
    order = np.lexsort((given, *table.T[::-1]))
    distinct, which = np.unique(table[order], axis=0, return_inverse=True)
    sums = np.bincount(which.ravel(), given[order], len(distinct))
    values: dict[str, float | Floats] = {k: v for k, v in rows.values.items() if not np.ndim(v) and k != strength}
    values |= {k: distinct[:, 4 + i].copy() for i, k in enumerate(columns)} | {strength: sums}
    source, source_node, target, target_node = (distinct[:, i].astype(np.int32) for i in range(4))
    return Couplings(rows.mechanism, rows.pointer, source, source_node, target, target_node, values)


def turned_too(rows: Couplings) -> Couplings:
    """Return couplings and behind them the other side of each."""
    source, target = (np.concatenate(pair) for pair in _turns(rows.source_gid, rows.target_gid))
    source_node, target_node = (np.concatenate(pair) for pair in _turns(rows.source_node, rows.target_node))
    values: dict[str, float | Floats] = {
        k: np.tile(np.asarray(v, float), 2) if np.ndim(v) else v for k, v in rows.values.items()
    }
    return Couplings(rows.mechanism, rows.pointer, source, source_node, target, target_node, values)


def _turns(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> tuple[tuple[npt.NDArray[Any], npt.NDArray[Any]], ...]:
    return (a, b), (b, a)


def _text(kind: SynapseKind, values: dict[str, float | Floats]) -> str:
    """Return what edges are, for people: the mechanism, its values, and what differs from edge to edge."""
    own = [name for name, value in values.items() if np.ndim(value)]
    shared = " ".join(f"{name}={value:g}" for name, value in kind.values if name not in own)
    each = f"{', '.join(sorted(own))} edge by edge" if own else ""
    return " ".join(filter(None, (kind.mechanism.name, shared, each)))


def pointer_error(place: SonataError, mechanism: Mechanism) -> SonataError:
    """Return what to say of an edge whose point process has a POINTER, but no ``nmodl:``."""
    message = f"has the point process {mechanism.name} with a POINTER; write model_template {PREFIX}{mechanism.name}."
    return SonataError(f"{place.reason.rstrip('.')} {message}", key=place.key, path=place.path)
