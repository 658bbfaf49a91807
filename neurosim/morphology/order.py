"""Numbering the nodes of a tree: pruning and canonical depth-first order.

The canonical order depends on the shape only: among the children of a node the larger subtree comes first, equal
sizes by shape, equal shapes by section. Two cells of one topology therefore get one numbering, parent < child, and
every unbranched run is contiguous (the solver's layouts need this).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray


def pruned(parent: NDArray[np.int32], has_area: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell which nodes stay, bool (n,).

    Zero-area nodes go if they have no child, and node 0 (the root's 0 end) if a single child hangs on it.
    """
    children = np.bincount(parent[1:], minlength=len(parent))
    stay = has_area | (children > 0)
    stay[0] = children[0] > 1
    return stay


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
def _sort_children(
    parent: Any, tie: Any, size: Any, children: Any, first: Any, following: Any, order: Any
) -> None:  # fmt: skip
    # Strategy: from the last node to the first, every subtree is complete and sorted when it is put among its siblings.
    n = len(parent)
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
    node = 0
    for k in range(n):
        order[k] = node
        node = _successor(node, parent, first, following)


def canonical_order(parent: NDArray[np.int32], tie: NDArray[np.int32]) -> NDArray[np.int32]:
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
    order = np.empty(n, np.int32)
    none = np.full((2, n), -1, np.int32)
    _sort_children(parent, tie, np.ones(n, np.int32), np.zeros(n, np.int32), none[0], none[1], order)
    return order
