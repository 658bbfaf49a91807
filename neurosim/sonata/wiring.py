"""Edges become connections: weights, delays, places, mechanisms, one block of targets after another.

A target with a membrane gets a point process for each synapse; a point cell gets the event itself. Rows are kept in
the order in which BMTK makes synapses: populations in the order they are wired, targets in the order of the nodes file,
edges in the order of the index. Rules: sonata-v1.md B5 and B6.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from neurosim.sonata.columns import ORDER, Collector
from neurosim.sonata.continuous import ContinuousEdges, pointer_error
from neurosim.sonata.edge_values import own_values
from neurosim.sonata.edges import EdgeBlock, EdgePopulation
from neurosim.sonata.gap_junctions import GapSide
from neurosim.sonata.pairs import Floats, Mask, Pair, Rows, check, first_of, flags, of_cells, pair, weights, whole
from neurosim.sonata.placing import SECTION, Placed, Placer
from neurosim.sonata.roster import BIOPHYSICAL, VIRTUAL, Member, Roster
from neurosim.sonata.shares import Share, has_continuous, has_gaps
from neurosim.sonata.synapses import SynapseModels

Redirect = Callable[[Pair, Floats], tuple[npt.NDArray[np.int32], Floats]]
"""From edges and weights to the number of the cell that drives each, and its weight."""

EVENTS = "events to point cells"


@dataclass
class EdgeSummary:
    """What became of one population of edges, for people.

    Parameters
    ----------
    population : EdgePopulation
        The edges.
    cause : str
        Key of the input that drives them; empty for recurrent edges.
    edges_n, given_n, drawn_n, point_n, gap_n : int
        Edges that were wired; synapses at given and at drawn places; events to point cells; gap junctions.
    graded_n, junction_n : int
        Continuous edges that act on the target, and on both sides.
    kinds : Counter
        Synapse model -> synapses.
    weight, delay_ms : tuple of float
        Smallest and largest.
    """

    population: EdgePopulation
    cause: str = ""
    edges_n: int = 0
    given_n: int = 0
    drawn_n: int = 0
    point_n: int = 0
    gap_n: int = 0
    graded_n: int = 0
    junction_n: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    weight: tuple[float, float] = (float("inf"), float("-inf"))
    delay_ms: tuple[float, float] = (float("inf"), float("-inf"))

    def see(self, weight: Floats, delay_ms: Floats) -> None:
        """Widen the ranges."""
        if len(weight):
            self.weight = (min(self.weight[0], float(weight.min())), max(self.weight[1], float(weight.max())))
            self.delay_ms = (min(self.delay_ms[0], float(delay_ms.min())), max(self.delay_ms[1], float(delay_ms.max())))


@dataclass(eq=False)
class Wiring:
    """Turns edges into connections.

    Parameters
    ----------
    roster : Roster
        Numbers of cells.
    placer : Placer
        Places of synapses.
    models : SynapseModels
        Synapse models.
    block : int, optional
        Edges in a block; for tests.
    share : Share, optional
        What this process computes, when there are several: only edges that end there become connections.
    """

    roster: Roster
    placer: Placer
    models: SynapseModels
    block: int | None = None
    share: Share | None = None
    collector: Collector = field(default_factory=Collector)
    summaries: list[EdgeSummary] = field(default_factory=list)
    gaps: list[GapSide] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.continuous = ContinuousEdges(self.models, self.placer)

    def wire(
        self,
        edges: EdgePopulation,
        redirect: Redirect,
        *,
        keep: Callable[[Pair], Mask],
        cause: str = "",
    ) -> EdgeSummary:
        """Add edges of a population.

        Parameters
        ----------
        edges : EdgePopulation
            The edges.
        redirect : callable
            Says who drives each edge.
        keep : callable
            Says which edges.
        cause : str
            Key of the input that drives them.
        """
        summary = EdgeSummary(edges, cause)
        self.summaries.append(summary)
        source, target = self.roster.members[edges.source], self.roster.members[edges.target]
        seen = 0
        with edges.open() as reader:
            part = self.share is not None
            ids = self._ids(target, everybody=has_continuous(reader))
            for block in reader.blocks(ids, block=self.block, only=part):
                found = pair(block, source, target)
                seen += len(block)
                wanted = keep(found)
                if wanted.any():
                    self._add(found if wanted.all() else found.chosen(wanted), redirect, summary, keep)
            if summary.gap_n or (part and has_gaps(reader)):
                ids = self._ids(source)
                self._other_sides(reader.blocks(ids, side="source", block=self.block, only=part), edges)
            if part:
                seen = int(reader.edges_n(target.simulated_ids).sum())
        if seen < edges.count:
            lost = f"{edges.count - seen} of {edges.count} edges"
            if not target.has(VIRTUAL):
                raise edges.error(f"{lost} end on nodes that {edges.target!r} lacks, or are not in the index.")
            self.placer.config.notice(f"{edges.key}: {lost} of {edges.name!r} end on virtual nodes and are left out")
        return summary

    def _ids(self, member: Member, *, everybody: bool = False) -> Rows:
        """Return the nodes of a population whose edges are read."""
        ids = member.simulated_ids
        if self.share is None or everybody:
            return ids
        inside: Mask = self.share.read[member.number[member.kind != VIRTUAL]]
        return ids[inside]

    def _first(self, edges: Pair, at: int) -> float:
        """Return where an edge stands among all: number of the population in its order of wiring, row of its target."""
        return float((len(self.summaries) << 31) + int(edges.target_rows[at]))

    def _add(self, edges: Pair, redirect: Redirect, summary: EdgeSummary, keep: Callable[[Pair], Mask]) -> None:
        summary.edges_n += len(edges.block)
        continuous = self.continuous.among(edges.block)
        if continuous.any():
            at = np.flatnonzero(continuous)
            if keep is not of_cells:
                raise edges.block.error(
                    int(at[0]), f"is continuous; {summary.cause} gives spikes, which it has no use for."
                )
            seen = edges.chosen(at)
            self.continuous.add(seen if self.share is None else seen.chosen(_touching(seen, self.share)), summary)
            if len(at) == len(edges.block):
                return
            edges = edges.chosen(np.flatnonzero(~continuous))
        if self.share is not None:
            edges = edges.chosen(self.share.read[edges.number])
            if len(edges.block) == 0:
                return
        gap, weight = flags(edges.block, "is_gap_junction"), weights(edges)
        membrane = edges.target.kind[edges.target_rows] == BIOPHYSICAL
        check(edges.block, ~gap | membrane, weight, "is a gap junction, but its target is a point cell")
        virtual = edges.source.kind[edges.source_rows] != BIOPHYSICAL
        check(edges.block, ~(gap & virtual), weight, "is a gap junction, but its source has no membrane")
        # Which comes first is decided by the first edge, so that the order does not depend on the blocks.
        for inside in (membrane, ~membrane) if membrane[0] else (~membrane, membrane):
            at = np.flatnonzero(inside)
            part = edges if len(at) == len(weight) else edges.chosen(at)
            if len(at) and membrane[at[0]]:
                self._synapses(part, weight[at], gap[at], redirect, summary)
            elif len(at):
                self._events(part, weight[at], redirect, summary)

    def _events(self, edges: Pair, weight: Floats, redirect: Redirect, summary: EdgeSummary) -> None:
        """Events to point cells: the weight times sign and nsyns where there are nsyns and no section ids."""
        if self.share is not None:
            own = self.share.own[edges.number]
            edges, weight = edges.chosen(own), weight[own]
            if len(weight) == 0:
                return
        block, delay = edges.block, _delays(edges.block)
        section, nsyns = first_of(block, SECTION), block.numbers("nsyns")
        several = np.isnan(section) & ~np.isnan(nsyns)
        if several.any():
            weight = np.where(several, weight * (self._signs(block, several) * whole(block, nsyns, several)), weight)
        source, weight = redirect(edges, weight)
        order = {} if block.attribute(ORDER) is None else {ORDER: block.numbers(ORDER)}
        node, first = np.zeros(len(block), np.int32), self._first(edges, 0)
        self.collector.add(None, source, edges.number, node, weight, delay, order, first)
        summary.point_n += len(block)
        summary.kinds[EVENTS] += len(block)
        summary.see(weight, delay)

    def _signs(self, block: EdgeBlock, needed: Mask) -> Floats:
        codes, labels = block.labels("dynamics_params")
        signs = np.full(len(labels), np.nan)
        for code in np.unique(codes[needed]):
            place = block.error(int(np.flatnonzero(needed & (codes == code))[0]), "")
            given = self.models.parameters(labels[code][0], place)
            if "sign" in given:
                signs[code] = given.number("sign")
        found, own = signs[codes], block.parameters().get("sign")
        if own is not None:
            found = np.where(np.isnan(own), found, own)
        message = "has nsyns and ends on a point cell: its dynamics_params need a sign, 1 or -1"
        check(block, ~needed | ~np.isnan(found), found, message)
        return np.where(needed, found, 1.0)

    def _synapses(self, edges: Pair, weight: Floats, gap: Mask, redirect: Redirect, summary: EdgeSummary) -> None:
        """Point processes in the membrane, one a synapse; gap junctions are put aside."""
        placed = self.placer.placed(edges, gap)
        if gap.any():
            at = np.flatnonzero(gap & (placed.count > 0))
            if self.share is not None:
                at = at[_touching(edges, self.share)[at]]
            self.gaps.append(GapSide.of(edges.chosen(at), placed.of(at), weight[at], target=True))
            summary.gap_n += len(at)
        if gap.any() or self.share is not None:
            rest = np.flatnonzero(~gap if self.share is None else ~gap & self.share.own[edges.number])
            placed = Placed(placed.count[rest], placed.of(rest), placed.given[rest])
            edges, weight = edges.chosen(rest), weight[rest]
        if len(weight) == 0:
            return
        delay = _delays(edges.block)
        source, weight = redirect(edges, weight)
        parameters, target = edges.block.parameters(), edges.number
        for kind, at in self.models.kinds_of(edges.block):
            if kind.mechanism.pointers:
                raise pointer_error(edges.block.error(int(at[0]), ""), kind.mechanism)
            repeat = placed.count[at]
            own = own_values(kind, parameters, at, repeat, edges.block)
            if edges.block.attribute(ORDER) is not None:
                own[ORDER] = np.repeat(edges.block.numbers(ORDER)[at], repeat)
            self.collector.add(
                kind,
                np.repeat(source[at], repeat),
                np.repeat(target[at], repeat),
                placed.of(at),
                np.repeat(weight[at], repeat),
                np.repeat(delay[at], repeat),
                own,
                self._first(edges, int(at[np.argmax(repeat > 0)])),
            )
            summary.kinds[kind.text] += int(repeat.sum())
        summary.given_n += int(placed.given.sum())
        summary.drawn_n += int(placed.count[~placed.given].sum())
        summary.see(weight, delay)

    def _other_sides(self, blocks: object, edges: EdgePopulation) -> None:
        """Place the source's side of gap junctions: source by source, with the source's own numbers, as BMTK does."""
        source, target = self.roster.members[edges.source], self.roster.members[edges.target]
        for block in blocks:  # type: ignore[attr-defined]
            found = pair(block, source, target)
            gap = flags(block, "is_gap_junction") & ~self.continuous.among(block)
            if gap.any():
                turned = found.chosen(gap).turned()
                placed = self.placer.placed(turned, np.ones(len(turned.block), dtype=bool))
                at = np.flatnonzero(placed.count > 0)
                if self.share is not None:
                    at = at[_touching(turned, self.share)[at]]
                part = turned.chosen(at)
                self.gaps.append(GapSide.of(part, placed.of(at), weights(part), target=False))


def _touching(edges: Pair, share: Share) -> Mask:
    """Return which edges have an end in this process."""
    ends: Mask = share.own[edges.number] | share.own[edges.source.number[edges.source_rows]]
    return ends


def _delays(block: EdgeBlock) -> Floats:
    delay = block.needed("delay", "is the time from a spike to its effect, in ms")
    check(block, delay >= 0.0, delay, "delay must be 0 ms or more")
    return delay
