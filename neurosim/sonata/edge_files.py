"""The files of edges that a configuration names: which populations they hold, checked before anything is read."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from neurosim.errors import SonataError
from neurosim.sonata.config import Config
from neurosim.sonata.edges import EdgePopulation
from neurosim.sonata.entry import Entry
from neurosim.sonata.h5read import opened
from neurosim.sonata.types import NOTHING, Types, read_types

COLUMNS = ("edge_type_id", "source_node_id", "target_node_id")


def read_edges(config: Config, names: list[str]) -> list[EdgePopulation]:
    """Return every enabled population of edges, in the order of the configuration.

    Parameters
    ----------
    config : Config
        Has ``networks.edges``.
    names : list of str
        Names of the node populations.
    """
    found: list[EdgePopulation] = []
    for entry in config.section("networks").entries("edges"):
        if not entry.flag("enabled", True):
            config.notice(f"{entry.key}: disabled")
            continue
        found += read_edges_file(config, entry, names)
    return found


def read_edges_file(config: Config, entry: Entry, names: list[str]) -> list[EdgePopulation]:
    """Return the populations of one edges file, named by ``entry``."""
    path = config.located(entry, "edges_file")
    types = _types(config, entry)
    found = []
    try:
        with opened(path) as file:
            edges = file.get("edges")
            groups = (
                {n: g for n, g in edges.items() if isinstance(g, h5py.Group)} if isinstance(edges, h5py.Group) else {}
            )
            if not groups:
                entry.fail("edges_file", f"{path.name} has no group /edges/<population>; is it a SONATA edges file?")
            for name, group in groups.items():
                population = _population(group, name, types, entry, path, names)
                if population.count and types.path is None:
                    entry.fail("edge_types_file", f"is missing, but {name!r} has {population.count} edges; give it.")
                found.append(population)
    except OSError as error:
        entry.fail("edges_file", f"{path.name} is not an HDF5 file that can be read: {error}.")
    return found


def _types(config: Config, entry: Entry) -> Types:
    written = entry.get("edge_types_file", None)
    if written is None or (isinstance(written, str) and written.upper() in NOTHING):
        return Types(None, np.zeros(0, dtype=np.int64), {})
    return read_types(config.located(entry, "edge_types_file"), "edge_type_id", entry.path_of("edge_types_file"))


def _population(
    group: h5py.Group, name: str, types: Types, entry: Entry, path: Path, names: list[str]
) -> EdgePopulation:
    def fail(message: str) -> SonataError:
        return SonataError(f"/edges/{name}: {message}", key=entry.path_of("edges_file"), path=path)

    for column in COLUMNS:
        if not isinstance(group.get(column), h5py.Dataset):
            raise fail(f"no dataset {column}.")
    lengths = {}
    for column in (*COLUMNS, "edge_group_id", "edge_group_index"):
        if column in group:
            data = group[column]
            if not isinstance(data, h5py.Dataset) or data.ndim != 1 or data.dtype.kind not in "iu":
                raise fail(f"{column} must be a list of whole numbers.")
            lengths[column] = len(data)
    if len(set(lengths.values())) > 1:
        raise fail("columns differ in length: " + ", ".join(f"{n} {c}" for n, c in lengths.items()) + ".")
    ends = []
    for side in ("source", "target"):
        population = group[f"{side}_node_id"].attrs.get("node_population")
        population = population.reshape(-1)[0] if isinstance(population, np.ndarray) and population.size else population
        population = population.decode() if isinstance(population, bytes) else population
        if not isinstance(population, str):
            raise fail(f"{side}_node_id has no attribute node_population; name the {side} population there.")
        if population not in names:
            raise fail(f"the {side} population {population!r} is not in networks.nodes; there are {', '.join(names)}.")
        ends.append(population)
    return EdgePopulation(name, ends[0], ends[1], entry.path_of("edges_file"), path, types, lengths["edge_type_id"])
