"""Gap junctions as SONATA edges with ``is_gap_junction``, one edge for both sides.

BMTK puts the two sides in the middle of sections of one number, between cells of one population, with one conductance,
one junction a pair of cells. Couplings that are this are written; any other is refused. BMTK also wants a file
``<population>_gap_juncs.h5`` that numbers the sides, and a mechanism ``Gap`` whose ``vgap`` is a RANGE variable;
neurosim has its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from neurosim.errors import SonataError
from neurosim.mechanisms import library
from neurosim.model.cell import Cell
from neurosim.model.connections import Couplings
from neurosim.model.population import Population
from neurosim.sonata.write_edges import Ends
from neurosim.sonata.write_h5 import new_h5, put, write_table
from neurosim.sonata.write_index import write_index

Rows = npt.NDArray[np.int64]
NOTE = "gap junctions: BMTK needs its own gap.mod (RANGE vgap)"


@dataclass(frozen=True)
class _Junctions:
    """Gap junctions of one population: gids of both cells, number of the section, conductance in uS."""

    source: Rows
    target: Rows
    section: Rows
    g_uS: npt.NDArray[np.float64]


def write_gaps(folder: Path, ends: Ends, couplings: Sequence[Couplings]) -> tuple[list[tuple[str, str]], list[str]]:
    """Write the couplings of a network.

    Returns
    -------
    edges : list of (str, str)
        Edges file and types file of each population of edges.
    pairs : list of str
        Files that number the sides.
    """
    files, pairs = [], []
    found: dict[int, list[_Junctions]] = {}
    for i, c in enumerate(couplings):
        for k, junctions in _by_population(c, ends, f"couplings[{i}]"):
            found.setdefault(k, []).append(junctions)
    joined: dict[int, _Junctions] = {}
    for k, parts in found.items():
        population = ends.populations[k]
        joined[k] = whole = _Junctions(
            *(np.concatenate([getattr(p, n) for p in parts]) for n in _Junctions.__dataclass_fields__)
        )
        low, high = np.minimum(whole.source, whole.target), np.maximum(whole.source, whole.target)
        twice = np.flatnonzero(
            np.bincount(np.unique(np.stack([low, high]), axis=1, return_inverse=True)[1].ravel()) > 1
        )
        if len(twice):
            raise SonataError(f"couplings: cells of {population.name!r} have two gap junctions; BMTK takes one a pair.")
    for k, whole in joined.items():
        files.append(_write_edges(folder, ends.populations[k], whole))
        pairs.append(_write_pairs(folder, ends.populations[k], whole))
    return files, pairs


def _by_population(c: Couplings, ends: Ends, who: str) -> Iterator[tuple[int, _Junctions]]:
    """Yield the junctions of one couplings, population by population, each once."""
    if c.mechanism.digest != library.get("Gap").digest or c.pointer != "vgap":
        raise SonataError(f"{who}: {c.mechanism.name}; SONATA has gap junctions (library.Gap) and no other coupling.")
    g = np.array(np.broadcast_to(np.asarray(c.values.get("g", c.mechanism.defaults["g"]), float), (len(c),)))
    first = _first_sides(c, g, who)
    source, target = c.source_gid[first].astype(np.int64), c.target_gid[first].astype(np.int64)
    homes = ends.population_of(source)
    apart = np.flatnonzero(homes != ends.population_of(target))
    if len(apart):
        raise SonataError(
            f"{who}: gids {source[apart[0]]} and {target[apart[0]]} are in two populations; BMTK couples cells of one."
        )
    section = np.empty(len(first), np.int64)
    for k, row in enumerate(first.tolist()):
        here = _middle(ends, int(target[k]), int(c.target_node[row]), who)
        there = _middle(ends, int(source[k]), int(c.source_node[row]), who)
        if here != there:
            raise SonataError(
                f"{who}: the sides of row {row} are in sections {here} and {there}; BMTK takes one number for both."
            )
        section[k] = here
    for home in dict.fromkeys(homes.tolist()):
        mine = homes == home
        yield home, _Junctions(source[mine], target[mine], section[mine], g[first][mine])


def _first_sides(c: Couplings, g: npt.NDArray[np.float64], who: str) -> Rows:
    """Return the row of each junction that comes first; every other row must be the other side of one."""
    ends = zip(
        c.source_gid.tolist(), c.source_node.tolist(), c.target_gid.tolist(), c.target_node.tolist(), strict=True
    )
    waiting: dict[tuple[int, ...], int] = {}
    found = []
    for row, (source, source_node, target, target_node) in enumerate(ends):
        mirror = waiting.pop((target, target_node, source, source_node), None)
        if mirror is None:
            waiting[source, source_node, target, target_node] = row
        elif g[mirror] != g[row]:
            raise SonataError(
                f"{who}: rows {mirror} and {row} are one junction with g={g[mirror]:g} and {g[row]:g} uS."
            )
        else:
            found.append(mirror)
    if waiting:
        row = min(waiting.values())
        raise SonataError(f"{who}: row {row} has no other side; SONATA's gap junctions act on both (mutual=True).")
    return np.sort(np.array(found, np.int64))


def _middle(ends: Ends, gid: int, node: int, who: str) -> int:
    """Return the section whose middle a node is."""
    cell = ends.cells[gid]
    if not isinstance(cell, Cell):
        raise SonataError(f"{who}: gid {gid} has no membrane to couple.")
    section = int(cell.tree.section_idx[node])
    if cell.tree.compartment(section, 0.5) != node:
        raise SonataError(
            f"{who}: gid {gid} is coupled at {cell.label(node)}; BMTK couples the middle of a section (0.5)."
        )
    return section


def _write_edges(folder: Path, population: Population, j: _Junctions) -> tuple[str, str]:
    name, n = f"{population.name}_{population.name}_gap_junctions", len(j.source)
    files = (f"network/{name}_edges.h5", f"network/{name}_edge_types.csv")
    write_table(folder / files[1], ("edge_type_id", "is_gap_junction", "delay"), [(100, True, 0.0)])
    with new_h5(folder / files[0]) as file:
        group = file.create_group(f"edges/{name}")
        for end, gids in (("source", j.source), ("target", j.target)):
            data = put(group, f"{end}_node_id", (gids - population.first_gid).astype(np.uint64))
            data.attrs["node_population"] = population.name
        put(group, "edge_type_id", np.full(n, 100, np.uint32))
        put(group, "edge_group_id", np.zeros(n, np.uint32))
        put(group, "edge_group_index", np.arange(n, dtype=np.uint64))
        put(group, "0/afferent_section_id", j.section.astype(np.uint32))
        put(group, "0/afferent_section_pos", np.full(n, 0.5, np.float32))
        put(group, "0/syn_weight", j.g_uS)
        write_index(group, "target_to_source", j.target - population.first_gid, len(population))
        write_index(group, "source_to_target", j.source - population.first_gid, len(population))
    return files


def _write_pairs(folder: Path, population: Population, j: _Junctions) -> str:
    """Write two numbers for each junction, one a side; BMTK finds them by the name of the file."""
    name = f"network/{population.name}_gap_juncs.h5"
    numbers = np.arange(len(j.source), dtype=np.uint64)
    with new_h5(folder / name) as file:
        put(file, "source_ids", (j.source - population.first_gid).astype(np.uint64))
        put(file, "target_ids", (j.target - population.first_gid).astype(np.uint64))
        put(file, "src_gap_ids", 2 * numbers)
        put(file, "trg_gap_ids", 2 * numbers + 1)
    return name
