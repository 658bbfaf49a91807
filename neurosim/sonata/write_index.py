"""The index of an edges file: which edges belong to a node."""

from __future__ import annotations

import h5py
import numpy as np
import numpy.typing as npt

from neurosim.sonata.write_h5 import put


def write_index(group: h5py.Group, name: str, node_ids: npt.NDArray[np.int64], nodes_n: int) -> None:
    """Write which edges belong to a node: node -> rows of ranges, range -> rows of edges, under both spellings.

    Parameters
    ----------
    group : h5py.Group
        ``/edges/<population>``.
    name : str
        ``target_to_source`` or ``source_to_target``.
    node_ids : int64 (edges,)
        Node of each edge.
    nodes_n : int
        Nodes of that population.
    """
    order = np.argsort(node_ids, kind="stable")
    ids = node_ids[order]
    breaks = np.flatnonzero((np.diff(order) != 1) | (np.diff(ids) != 0)) + 1
    first = np.concatenate([[0], breaks]).astype(np.int64) if len(order) else np.zeros(0, np.int64)
    last = np.append(first[1:], len(order)) if len(order) else first
    owner = ids[first] if len(order) else first
    lookup = np.searchsorted(owner, np.arange(nodes_n + 1))
    inner = group.create_group(f"indices/{name}")
    put(inner, "node_id_to_ranges", np.column_stack([lookup[:-1], lookup[1:]]).astype(np.uint64))
    ranges = np.column_stack([order[first], order[last - 1] + 1]) if len(order) else np.zeros((0, 2))
    put(inner, "range_to_edge_id", ranges.astype(np.uint64))
    inner["node_id_to_range"] = inner["node_id_to_ranges"]  # the spelling of BMTK: another name of the same table
