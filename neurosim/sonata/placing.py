"""The compartment of every synapse of a block of edges; see ``placement`` for the rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.model.cell import Cell
from neurosim.sonata.config import Config
from neurosim.sonata.edges import EdgeBlock
from neurosim.sonata.pairs import Floats, Mask, Pair, Rows, check, first_of, groups, synapse_rows, whole
from neurosim.sonata.placement import Places, Rule, read_rule

SECTION = ("sec_id", "afferent_section_id")
POSITION = ("sec_x", "afferent_section_pos")

Nodes = npt.NDArray[np.int32]
Rules = tuple[Rows, list[Rule | None]]
"""Code of each edge, and the rule of each code."""


@dataclass(frozen=True, eq=False)
class Placed:
    """Places of the synapses of some edges.

    Parameters
    ----------
    count : int64 (edges,)
        Synapses of each edge.
    node : int32 (synapses,)
        Compartment of each synapse, edge by edge.
    given : bool (edges,)
        Whether the file says where.
    """

    count: Rows
    node: Nodes
    given: Mask

    def of(self, edges: Rows) -> Nodes:
        """Return the compartments of the synapses of some edges."""
        if len(edges) == len(self.count):
            return self.node
        return self.node[synapse_rows(np.cumsum(self.count), self.count, edges)]


@dataclass(eq=False)
class Placer:
    """Finds compartments.

    Parameters
    ----------
    config : Config
        Gets the notices.
    cells : dict
        Number of a biophysical cell -> Cell.
    """

    config: Config
    cells: dict[int, Cell]
    places: Places = field(default_factory=Places)
    _rules: dict[tuple[Any, ...], Rule] = field(default_factory=dict)

    def placed(self, pair: Pair, gap: Mask) -> Placed:
        """Return the places of synapses, and of gap junctions, which are in the middle of a section.

        Parameters
        ----------
        pair : Pair
            Edges onto biophysical cells, target by target.
        gap : bool (n,)
            Which of them are gap junctions: one place at most.
        """
        block = pair.block
        section, nsyns = first_of(block, SECTION), block.numbers("nsyns")
        given = ~np.isnan(section)
        drawn = ~given & ~np.isnan(nsyns)
        check(
            block, given | drawn, section,
            "has no place on its target: give afferent_section_id and afferent_section_pos, or nsyns with "
            "target_sections and distance_range",
        )  # fmt: skip
        count = np.where(drawn, whole(block, nsyns, drawn), 1)
        count[gap] = np.minimum(count[gap], 1)
        rules = self._rules_of(block, drawn)
        count[self._without_place(pair, rules, drawn & (count > 0))] = 0
        node, ends = np.empty(int(count.sum()), dtype=np.int32), np.cumsum(count)
        if given.any():
            node[ends[given] - 1] = self._given(pair, section, given, gap)
        if drawn.any():
            self._draw(pair, node, ends, count, drawn, rules)
        for at in np.flatnonzero(gap & drawn & (count > 0)):
            node[ends[at] - 1] = _middle(self.cells[int(pair.number[at])], int(node[ends[at] - 1]))
        return Placed(count, node, given)

    def _given(self, pair: Pair, section: Floats, given: Mask, gap: Mask) -> Nodes:
        block = pair.block
        x = np.where(gap, 0.5, first_of(block, POSITION))
        check(block, ~given | ((x >= 0.0) & (x <= 1.0)), x, "needs afferent_section_pos from 0 to 1")
        return self._compartments(block, pair.number, section, x, given)[given]

    def compartments(self, block: EdgeBlock, number: Nodes, section: Floats, x: Floats, name: str) -> Nodes:
        """Return the compartments of given places, int32 (n,).

        Parameters
        ----------
        block : EdgeBlock
            For messages.
        number : int32 (n,)
            Cells.
        section, x : float64 (n,)
            Section of ``all``, and place along it.
        name : str
            Attribute of ``x``.
        """
        check(block, (x >= 0.0) & (x <= 1.0), x, f"needs {name} from 0 to 1")
        return self._compartments(block, number, section, x, np.ones(len(block), np.bool_))

    def _compartments(self, block: EdgeBlock, number: Nodes, section: Floats, x: Floats, given: Mask) -> Nodes:
        if (given & ((x == 0.0) | (x == 1.0))).any():
            key = block.reader.population.key
            self.config.notice(f"{key}: synapses at the very end of a section are put into its last compartment")
        node = np.empty(len(block), dtype=np.int32)
        for same in groups(self._shapes(number), given):
            cell, ids = self.cells[int(number[same[0]])], section[same]
            sections_n = len(cell.morphology.sections)
            wrong = np.flatnonzero((ids < 0) | (ids >= sections_n) | (ids != np.floor(ids)))
            if len(wrong):
                message = f"is on section {ids[wrong[0]]:g}, but {cell.name} has sections 0 to {sections_n - 1}."
                raise block.error(int(same[wrong[0]]), message)
            node[same] = self.places.given(cell, ids.astype(np.int64), x[same])
        return node

    def _rules_of(self, block: EdgeBlock, drawn: Mask) -> Rules:
        codes, labels = block.labels("target_sections", "distance_range")
        rules: list[Rule | None] = [None] * len(labels)
        for code in np.unique(codes[drawn]):
            if labels[code] not in self._rules:
                try:
                    self._rules[labels[code]] = read_rule(*labels[code])
                except ValueError as error:
                    raise block.error(int(np.flatnonzero(drawn & (codes == code))[0]), str(error)) from None
            rules[code] = self._rules[labels[code]]
        return codes, rules

    def _without_place(self, pair: Pair, rules: Rules, drawn: Mask) -> Rows:
        """Return the edges whose rule no segment of the target meets; they make no synapse, as in BMTK."""
        lost: list[Rows] = [np.zeros(0, np.int64)]
        for same, cell, rule in self._sorts(pair, rules, drawn):
            if len(self.places.candidates(cell, rule)[0]) == 0:
                lost.append(same)
                self.config.notice(
                    f"{pair.block.reader.population.key}: {cell.name} has no {' or '.join(rule.regions)} from "
                    f"{rule.low_um:g} to {rule.high_um:g} um; edges drawn there make no synapse"
                )
        return np.concatenate(lost)

    def _sorts(self, pair: Pair, rules: Rules, drawn: Mask) -> Iterator[tuple[Rows, Cell, Rule]]:
        """Yield edges of one shape of target and one rule, with both."""
        codes, known = rules
        if not drawn.any():
            return
        for same in groups(self._shapes(pair.number) * max(1, len(known)) + codes, drawn):
            rule = known[int(codes[same[0]])]
            if rule is not None:
                yield same, self.cells[int(pair.number[same[0]])], rule

    def _shapes(self, number: Nodes) -> Rows:
        """Return a code of each target's Cell object, int64 (n,)."""
        used, inverse = np.unique(number, return_inverse=True)
        codes: dict[int, int] = {}
        of = np.array([codes.setdefault(id(self.cells[int(n)]), len(codes)) for n in used], dtype=np.int64)
        shapes: Rows = of[inverse]
        return shapes

    def _draw(self, pair: Pair, node: Nodes, ends: Rows, count: Rows, drawn: Mask, rules: Rules) -> None:
        """Draw nodes: each target's numbers in the order of its edges, then looked up by shape and rule."""
        gids = pair.target.population.gids[pair.target_rows]
        wanted = np.where(drawn, count, 0)
        # A block holds the edges of a target together, so its numbers are drawn at once.
        first = np.flatnonzero(np.concatenate([[True], gids[1:] != gids[:-1]]))
        totals = np.add.reduceat(wanted, first)
        take = self.places.streams.take
        values = [take(int(gids[at]), int(n)) for at, n in zip(first, totals, strict=True) if n]
        random = np.empty(len(node))
        random[synapse_rows(ends, count, np.flatnonzero(wanted))] = np.concatenate([np.zeros(0), *values])
        for same, cell, rule in self._sorts(pair, rules, wanted > 0):
            nodes, cumulated = self.places.candidates(cell, rule)
            rows = synapse_rows(ends, count, same)
            node[rows] = nodes[cumulated.searchsorted(random[rows], side="right")]


def _middle(cell: Cell, node: int) -> int:
    """Return the compartment in the middle of a node's section."""
    return cell.tree.compartment(int(cell.tree.section_idx[node]), 0.5)
