"""Edges of the V1 layout: who is connected, by which edge type and in which group of the file; see ``v1_layout``."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np

DIRECTION_EE, DIRECTION_OTHERS, WMAX = "DirectionRule_EE", "DirectionRule_others", "wmax"
# syn_weight of (source, target): uS on biophysical cells, parts of the threshold on point cells.
_WEIGHT_uS: Final = {("e", "e"): 2.5e-4, ("e", "i"): 5e-4, ("i", "e"): 6e-4, ("i", "i"): 4e-4}
_WEIGHT_POINT: Final = {("e", "e"): 0.03, ("e", "i"): 0.05, ("i", "e"): 0.04, ("i", "i"): 0.03}
_SECTIONS: Final = {
    ("e", "e"): ("['basal', 'apical']", "[0.0, 150.0]"),
    ("e", "i"): ("['somatic', 'basal']", "[0.0, 1e20]"),
    ("i", "e"): ("['somatic', 'basal', 'apical']", "[0.0, 50.0]"),
    ("i", "i"): ("['somatic', 'basal']", "[0.0, 1e20]"),
}


@dataclass(frozen=True)
class Node:
    """A node of ``v1``: its type, whether it excites (e) or inhibits (i), and whether it is a point cell."""

    type_id: int
    ei: str
    point: bool


_EDGE_HEADER: Final = [
    "edge_type_id", "target_query", "source_query", "weight_function", "weight_sigma", "syn_weight", "target_sections",
    "distance_range", "delay", "dynamics_params", "model_template",
]  # fmt: skip


@dataclass
class Edges:
    """Rows of one edge population, target by target: source, target, type, group, values of the group."""

    source: list[int]
    target: list[int]
    type_id: list[int]
    group: list[int]
    columns: dict[int, dict[str, list[float]]]

    def add(self, source: int, target: int, type_id: int, group: int, **values: float) -> None:
        """Add an edge with the values of its group."""
        self.source.append(source)
        self.target.append(target)
        self.type_id.append(type_id)
        self.group.append(group)
        for name, value in values.items():
            self.columns.setdefault(group, {}).setdefault(name, []).append(value)


def _edge_type(
    number: int, source: str, target: str, point: bool, rule: str, weight: float, delay_ms: float
) -> list[str]:
    """Return a row of the types table; ``source`` is e, i or the name of an input."""
    ei = "i" if source == "i" else "e"
    sigma = {DIRECTION_EE: "30.0", DIRECTION_OTHERS: "50.0" if (ei, target) == ("i", "i") else "90.0", WMAX: "NULL"}[
        rule
    ]
    words = f"{'Exc' if ei == 'e' else 'Inh'}To{'Exc' if target == 'e' else 'Inh'}"
    model = f"instantaneous{words[:3]}" if point else f"{'AMPA' if ei == 'e' else 'GABA'}_{words}"
    sections, distances = ("NULL", "NULL") if point else _SECTIONS[ei, target]
    kind = "point_neuron" if point else "biophysical"
    return [str(number), f"ei=='{target}'&model_type=='{kind}'", f"ei=='{source}'", rule, sigma, repr(weight), sections,
            distances, repr(delay_ms), f"{model}.json", "NULL" if point else "Exp2Syn"]  # fmt: skip


def recurrent(nodes: list[Node], rng: np.random.Generator) -> tuple[list[list[str]], Edges]:
    """Return edge types and edges among the cells of ``v1``."""
    table: list[list[str]] = [list(_EDGE_HEADER)]
    number: dict[tuple[str, str, bool], int] = {}
    for source in "ei":
        for target in "ei":
            for point in (False, True):
                weight = (_WEIGHT_POINT if point else _WEIGHT_uS)[source, target]
                rule = DIRECTION_EE if source + target == "ee" else DIRECTION_OTHERS
                number[source, target, point] = 100 + len(table)
                delay_ms = 1.5 if point else round(1.6 + 0.1 * len(table), 1)
                table.append(_edge_type(100 + len(table), source, target, point, rule, weight, delay_ms))
    edges = Edges([], [], [], [], {})
    for row, node in enumerate(nodes):
        for k in np.flatnonzero(rng.random(len(nodes)) < 0.4).tolist():
            if k == row:
                continue
            type_id = number[nodes[k].ei, node.ei, node.point]
            nsyns = int(rng.integers(1, 8))
            if node.point:
                weight = _WEIGHT_POINT[nodes[k].ei, node.ei] * rng.uniform(0.5, 1.5)
                edges.add(k, row, type_id, 1, nsyns=nsyns, syn_weight=weight)
            else:
                edges.add(k, row, type_id, 0, nsyns=nsyns)
    return table, edges


def feedforward(
    name: str, nodes: list[Node], sources_n: int, rng: np.random.Generator
) -> tuple[list[list[str]], Edges]:
    """Return edge types and edges from ``lgn`` or ``bkg`` to ``v1``."""
    strong = 2.0 if name == "bkg" else 1.0
    table: list[list[str]] = [list(_EDGE_HEADER)]
    number: dict[tuple[str, bool], int] = {}
    for target in "ei":
        for point in (False, True):
            weight = strong * (_WEIGHT_POINT if point else _WEIGHT_uS)["e", target]
            number[target, point] = 200 + len(table)
            table.append(_edge_type(200 + len(table), name, target, point, WMAX, weight, 1.7 if name == "lgn" else 1.0))
    edges = Edges([], [], [], [], {})
    for row, node in enumerate(nodes):
        for k in np.flatnonzero(rng.random(sources_n) < 0.7).tolist():
            type_id = number[node.ei, node.point]
            if node.point and name == "lgn":  # already signed and without nsyns: used as it is
                edges.add(k, row, type_id, 1, syn_weight=0.15 * rng.uniform(0.5, 1.5))
            else:
                edges.add(k, row, type_id, 0, nsyns=int(rng.integers(2, 10)))
    return table, edges


def write_edges(
    folder: Path, source: str, target: str, table: list[list[str]], edges: Edges, *, sources_n: int, targets_n: int
) -> None:
    """Write ``<source>_<target>_edges.h5`` with its types table and indices."""
    name = f"{source}_{target}"
    write_table(folder / f"{name}_edge_types.csv", table)
    with new_h5(folder / f"{name}_edges.h5") as file:
        group = file.create_group(f"edges/{name}")
        for end, ids, population in (("source", edges.source, source), ("target", edges.target, target)):
            group[f"{end}_node_id"] = np.array(ids, np.uint64)
            group[f"{end}_node_id"].attrs["node_population"] = population
        group["edge_type_id"] = np.array(edges.type_id, np.uint32)
        labels = np.array(edges.group)
        group["edge_group_id"] = labels.astype(np.uint16)
        index = np.zeros(len(labels), np.uint64)
        for label, columns in edges.columns.items():
            index[labels == label] = np.arange((labels == label).sum())
            for column, values in columns.items():
                group[f"{label}/{column}"] = np.array(values, np.uint16 if column == "nsyns" else np.float64)
        group["edge_group_index"] = index
        _write_index(group, "target_to_source", np.array(edges.target), targets_n)
        _write_index(group, "source_to_target", np.array(edges.source), sources_n)


def _write_index(group: h5py.Group, name: str, ends: Any, count: int) -> None:
    """Write node -> rows of ranges, range -> rows of edges, as BMTK's builder names them."""
    order = np.argsort(ends, kind="stable")
    starts = np.flatnonzero(np.diff(order, prepend=-2) != 1) if len(order) else np.zeros(0, int)
    # A run of rows ends where the row numbers jump or the node changes.
    starts = np.union1d(starts, np.flatnonzero(np.diff(ends[order], prepend=-1) != 0)).astype(int)
    stops = np.append(starts[1:], len(order))
    ranges = np.column_stack([order[starts], order[stops - 1] + 1]).astype(np.uint64)
    owner = ends[order[starts]]
    first, last = np.searchsorted(owner, np.arange(count)), np.searchsorted(owner, np.arange(count), side="right")
    group[f"indices/{name}/node_id_to_range"] = np.column_stack([first, last]).astype(np.uint64)
    group[f"indices/{name}/range_to_edge_id"] = ranges


def new_h5(path: Path) -> h5py.File:
    """Make a file with the marks of SONATA."""
    file = h5py.File(path, "w")
    file.attrs["magic"], file.attrs["version"] = np.uint32(0x0A7A), np.array([0, 1], np.uint32)
    return file


def write_table(path: Path, rows: list[list[str]]) -> None:
    """Write a types table: separated by spaces, quoted where needed."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream, delimiter=" ", lineterminator="\n").writerows(rows)
