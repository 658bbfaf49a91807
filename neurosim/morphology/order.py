"""Numbering the nodes of a tree: attachment of sections, pruning, canonical depth-first order.

The canonical order depends on the shape only: among the children of a node the larger subtree comes first, equal
sizes by shape, equal shapes by section. Two cells of one topology therefore get one numbering, parent < child, and
every unbranched run is contiguous (the solver's layouts need this).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit


@njit(cache=True)
def raw_parents(parent: Any, parent_x: Any, nseg: Any, node_start: Any, out: Any) -> None:
    """Fill the parent of every raw node; node 0 is the root's 0 end, then nseg + 1 nodes a section (far end last).

    A child at an inner x hangs on the node of that segment, at 1 on the far end, at 0 where its parent hangs.
    """
    out[0] = -1
    for s in range(len(nseg)):
        p, x, first = parent[s], parent_x[s], node_start[s]
        if p < 0:
            out[first] = 0
        elif x == 0.0:
            out[first] = out[node_start[p]]
        elif x == 1.0:
            out[first] = node_start[p] + nseg[p]
        else:
            out[first] = node_start[p] + min(int(nseg[p] * x), nseg[p] - 1)
        for k in range(first + 1, first + nseg[s] + 1):
            out[k] = k - 1


@njit(cache=True)
def prune(parent: Any, area: Any) -> Any:
    """Return the new index of every raw node, -1 where dropped.

    Dropped are zero-area nodes without children, and the root's zero-area node when a single child hangs on it.
    """
    n = len(parent)
    children = np.zeros(n, np.int32)
    for i in range(1, n):
        children[parent[i]] += 1
    index = np.empty(n, np.int32)
    count = 0
    for i in range(n):
        drop = children[i] <= 1 if i == 0 else (area[i] == 0.0 and children[i] == 0)
        index[i] = -1 if drop else count
        count += 0 if drop else 1
    return index


@njit(cache=True)
def _successor(node: int, parent: Any, first: Any, following: Any) -> int:
    """Return the next node in depth-first order, -1 past the end."""
    if first[node] >= 0:
        return int(first[node])
    while node >= 0 and following[node] < 0:
        node = parent[node]
    return int(following[node]) if node >= 0 else -1


@njit(cache=True)
def _comes_before(a: int, b: int, size: Any, children: Any, parent: Any, first: Any, following: Any, tie: Any) -> bool:
    """Tell whether sibling a is ordered before b: size, then numbers of children in depth-first order, then tie."""
    if size[a] != size[b]:
        return bool(size[a] > size[b])
    at_a, at_b = a, b
    for _ in range(size[a]):
        if children[at_a] != children[at_b]:
            return bool(children[at_a] > children[at_b])
        at_a = _successor(at_a, parent, first, following)
        at_b = _successor(at_b, parent, first, following)
    return bool(tie[a] < tie[b])


@njit(cache=True)
def canonical_order(parent: Any, tie: Any) -> Any:
    """Return the nodes in canonical depth-first order.

    Parameters
    ----------
    parent : int32 (n,)
        Parent of each node, parent < child, -1 at node 0 only.
    tie : int32 (n,)
        Decides between siblings of equal shape, smaller first.

    Returns
    -------
    int32 (n,)
        Old index of each new node.
    """
    n = len(parent)
    size = np.ones(n, np.int32)
    children = np.zeros(n, np.int32)
    first = np.full(n, -1, np.int32)
    following = np.full(n, -1, np.int32)
    # Strategy: from the last node to the first, every subtree is complete and sorted when it is put among its siblings.
    for i in range(n - 1, 0, -1):
        p = parent[i]
        size[p] += size[i]
        children[p] += 1
        before, c = -1, first[p]
        while c >= 0 and _comes_before(c, i, size, children, parent, first, following, tie):
            before, c = c, following[c]
        following[i] = c
        if before < 0:
            first[p] = i
        else:
            following[before] = i
    order = np.empty(n, np.int32)
    node = 0
    for k in range(n):
        order[k] = node
        node = _successor(node, parent, first, following)
    return order
