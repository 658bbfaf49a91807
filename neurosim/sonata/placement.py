"""Where synapses are: given by the file, or drawn with the target's own stream of random numbers.

Given: ``afferent_section_id`` is a section of ``all`` (soma, dend, apic, stub), ``afferent_section_pos`` the place on
it.
Drawn: ``nsyns`` segments of the regions ``target_sections`` whose path distance from soma(0) overlaps
``distance_range``, each with the probability of its overlapping length, with replacement.

The stream is NumPy's ``RandomState(gid)`` of the target. ``choice(n, size, p=p)`` takes ``size`` doubles and looks each
up in the cumulated probabilities, so the state of a stream is the number of doubles that were taken: a number a cell
instead of 2.5 kB. Rules: sonata-v1.md B6.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.model.cell import Cell
from neurosim.sonata.inputs import REGIONS

Floats = npt.NDArray[np.float64]
Nodes = npt.NDArray[np.int32]
_LIST = re.compile(r"""\s*[\[(]?\s*((['"]?)\w+\2(\s*,\s*(['"]?)\w+\4)*)\s*,?\s*[\])]?\s*""")


@dataclass(frozen=True)
class Rule:
    """Where drawn synapses may be: regions (``soma``, ``dend`` …) and path distances in um."""

    regions: tuple[str, ...]
    low_um: float
    high_um: float


def read_rule(sections: Any, distances: Any) -> Rule:
    """Return the rule of ``target_sections`` and ``distance_range`` as written.

    Raises
    ------
    ValueError
        With what is wrong.
    """
    if sections is None:
        raise ValueError("has no target_sections; write for instance \"['basal', 'apical']\".")
    match = _LIST.fullmatch(str(sections))
    words = [w.strip().strip("'\"") for w in match[1].split(",")] if match else []
    for word in words:
        if word not in REGIONS:
            raise ValueError(f"target_sections names {word!r}; allowed: {', '.join(sorted(REGIONS))}.")
    if not words:
        raise ValueError(f"target_sections {sections!r} is no list; write for instance \"['basal', 'apical']\".")
    if distances is None:
        raise ValueError('has no distance_range; write for instance "[0.0, 150.0]" in um.')
    try:
        bounds = distances if isinstance(distances, int | float) else json.loads(str(distances))
        low, high = (0.0, bounds) if isinstance(bounds, int | float) else bounds
        rule = Rule(tuple(dict.fromkeys(REGIONS[w] for w in words)), float(low), float(high))
    except (TypeError, ValueError):
        raise ValueError(f'distance_range {distances!r} is no pair of numbers; write "[0.0, 150.0]" in um.') from None
    return rule


def candidates(cell: Cell, rule: Rule) -> tuple[Nodes, Floats]:
    """Return the segments that a rule allows.

    Returns
    -------
    nodes : int32 (n,)
        Segments in the order of ``all``.
    cumulated : float64 (n,)
        Cumulated probabilities as ``RandomState.choice`` makes them; the last is 1.
    """
    tree = cell.tree
    nodes = cell.nodes("all")
    sections = tree.section_idx[nodes]
    regions = np.array([s.name[:4] for s in cell.morphology.sections])[sections]
    length = np.array([s.length_um for s in cell.morphology.sections])[sections] / tree.nseg[sections]
    middle = tree.path_um[nodes]
    overlap = np.minimum(middle + length / 2.0, rule.high_um) - np.maximum(middle - length / 2.0, rule.low_um)
    part = np.maximum(0.0, overlap) / length
    chosen = np.flatnonzero((part > 0.0) & np.isin(regions, rule.regions))
    weight = length[chosen] * part[chosen]
    probability = weight / np.sum(weight) if len(chosen) else weight
    cumulated = probability.cumsum()
    if len(chosen):
        cumulated /= cumulated[-1]
    return nodes[chosen].astype(np.int32), cumulated


@dataclass
class Streams:
    """The random numbers of target cells, ``RandomState(gid)``, and how many of each were taken."""

    _taken: dict[int, int] = field(default_factory=dict)
    _state: np.random.RandomState = field(default_factory=lambda: np.random.RandomState(0))

    def take(self, gid: int, count: int) -> Floats:
        """Return the next numbers of a cell, float64 (count,) in [0, 1)."""
        before = self._taken.get(gid, 0)
        self._taken[gid] = before + count
        self._state.seed(gid)
        if before:
            self._state.random_sample(before)
        values: Floats = self._state.random_sample(count)
        return values


@dataclass
class Places:
    """Finds the nodes of synapses, for cells that share their ``Cell``.

    Parameters
    ----------
    streams : Streams
        Random numbers.
    """

    streams: Streams = field(default_factory=Streams)
    _candidates: dict[tuple[int, Rule], tuple[Nodes, Floats]] = field(default_factory=dict)
    _first: dict[int, tuple[Nodes, Nodes]] = field(default_factory=dict)
    _keep: list[Cell] = field(default_factory=list)

    def candidates(self, cell: Cell, rule: Rule) -> tuple[Nodes, Floats]:
        """Return ``candidates(cell, rule)``, made once."""
        key = (id(cell), rule)
        if key not in self._candidates:
            self._keep.append(cell)
            self._candidates[key] = candidates(cell, rule)
        return self._candidates[key]

    def given(self, cell: Cell, sections: npt.NDArray[np.int64], x: Floats) -> Nodes:
        """Return the compartments that hold places of existing sections, int32 (n,)."""
        if id(cell) not in self._first:
            self._keep.append(cell)
            nodes = cell.nodes("all").astype(np.int32)
            count = cell.tree.nseg.astype(np.int32)
            first = (np.cumsum(count) - count).astype(np.int32)
            self._first[id(cell)] = (nodes, first)
        nodes, first = self._first[id(cell)]
        count = cell.tree.nseg[sections]
        inside = np.minimum((count * x).astype(np.int64), count - 1)
        found: Nodes = nodes[first[sections] + inside]
        return found
