"""Gap junctions: edges with ``is_gap_junction`` become couplings, one on each side.

Both sides are in the middle of a section: the section that ``afferent_section_id`` names, or that of a segment drawn
with the cell's own stream. The conductance is the edge's weight in uS, i = g (v - vgap). ``networks.gap_juncs`` lists
files of identifiers that pair the sides; here an edge is its own pair, so the files are only compared.
Rules: BMTK 1.2 bionet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.errors import SonataError
from neurosim.mechanisms import library
from neurosim.model.connections import Couplings
from neurosim.sonata.config import Config
from neurosim.sonata.h5read import opened
from neurosim.sonata.library import MechanismFolder
from neurosim.sonata.pairs import Floats, Pair, Rows

POINTER = "vgap"
IDS = ("source_ids", "target_ids")


@dataclass(frozen=True, eq=False)
class GapSide:
    """One side of some gap junctions.

    Parameters
    ----------
    name : str
        Population of edges.
    key : str
        JSON path, for messages.
    rows : int64 (n,)
        Rows of the edges.
    source_ids, target_ids : int64 (n,)
        Node ids as in the file.
    number, node : int32 (n,)
        Cell and compartment of this side.
    g_uS : float64 (n,)
        Conductance seen by this side.
    target : bool
        Whether this is the side of the targets.
    """

    name: str
    key: str
    rows: Rows
    source_ids: Rows
    target_ids: Rows
    number: npt.NDArray[np.int32]
    node: npt.NDArray[np.int32]
    g_uS: Floats
    target: bool

    @classmethod
    def of(cls, edges: Pair, node: npt.NDArray[np.int32], g_uS: Floats, *, target: bool) -> GapSide:
        """Return the side of the target nodes of ``edges``."""
        block = edges.block
        other = edges.source.number[edges.source_rows]
        same = np.flatnonzero(other == edges.number)
        if len(same):
            raise block.error(int(same[0]), "is a gap junction of a cell with itself.")
        population = block.reader.population
        name, key, rows = population.name, population.key, block.rows
        return cls(name, key, rows, block.source_ids, block.target_ids, edges.number, node, g_uS, target)


def couplings(sides: list[GapSide], folder: MechanismFolder, config: Config) -> list[Couplings]:
    """Return the couplings of gap junctions, two rows an edge.

    Raises
    ------
    SonataError
        A side that could not be placed, or a pair that no ``gap_juncs_file`` has.
    """
    if not sides:
        return []
    mechanism = folder.get("Gap", sides[0].key)
    if POINTER not in mechanism.pointers or "g" not in mechanism.defaults:
        # The file that BMTK needs has vgap as a RANGE variable, which NEURON's transfer between processes fills.
        mechanism = library.get("Gap")
        config.notice("Gap: neurosim's own, i = g (v - vgap), because the .mod file has no g or no POINTER vgap")
    listed = _listed(config)
    found = []
    for name in dict.fromkeys(side.name for side in sides):
        here = [_joined([s for s in sides if s.name == name and s.target is target]) for target in (True, False)]
        target, source = here
        if not np.array_equal(target.rows, source.rows):
            lost = np.setxor1d(target.rows, source.rows)
            raise SonataError(f"gap junction of edge {lost[0]} has a place on one side only.", key=target.key)
        if listed is not None:
            _compare(target, listed)
        found.append(
            Couplings(
                mechanism,
                POINTER,
                source_gid=np.concatenate([source.number, target.number]),
                source_node=np.concatenate([source.node, target.node]),
                target_gid=np.concatenate([target.number, source.number]),
                target_node=np.concatenate([target.node, source.node]),
                values={"g": np.concatenate([target.g_uS, source.g_uS])},
            )
        )
    return found


def _joined(sides: list[GapSide]) -> GapSide:
    """Return pieces of one side as one, by rows of the file."""
    if not sides:
        empty = np.zeros(0, np.int64)
        return GapSide("", "", empty, empty, empty, empty.astype(np.int32), empty.astype(np.int32), np.zeros(0), True)
    rows = np.concatenate([s.rows for s in sides])
    order = np.argsort(rows, kind="stable")

    def column(name: str) -> npt.NDArray[Any]:
        return np.asarray(np.concatenate([getattr(s, name) for s in sides])[order])

    return GapSide(
        sides[0].name, sides[0].key, rows[order], column("source_ids"), column("target_ids"), column("number"),
        column("node"), column("g_uS"), sides[0].target,
    )  # fmt: skip


def _listed(config: Config) -> set[tuple[int, int]] | None:
    """Return the pairs of node ids that ``networks.gap_juncs`` lists, or None when there is no such file."""
    pairs: set[tuple[int, int]] | None = None
    for entry in config.section("networks").entries("gap_juncs"):
        path = config.located(entry, "gap_juncs_file")
        try:
            with opened(path) as file:
                columns = [np.asarray(file[name][()]).astype(np.int64).tolist() for name in IDS]
        except (OSError, KeyError, TypeError, ValueError) as error:
            entry.fail("gap_juncs_file", f"{path.name} has no lists {' and '.join(IDS)}: {error}.")
        pairs = (pairs or set()) | set(zip(*columns, strict=False))
    return pairs


def _compare(side: GapSide, listed: set[tuple[int, int]]) -> None:
    for source, target in zip(side.source_ids.tolist(), side.target_ids.tolist(), strict=True):
        if (source, target) not in listed:
            message = f"/edges/{side.name}: the gap junction of nodes {source} and {target} is in no gap_juncs_file."
            raise SonataError(message, key="networks.gap_juncs")
