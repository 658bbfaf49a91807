"""Random trees of nodes for tests of the engine."""

from __future__ import annotations

import numpy as np


def parents_of(seed: int, size: int, forks: float) -> np.ndarray:
    """Return the parents of a random tree, int32 (size,), depth first; ``forks`` is the share of nodes that go up."""
    rng = np.random.default_rng(seed)
    parent = np.full(size, -1, np.int32)
    path = [0]
    for node in range(1, size):
        if rng.random() < forks:
            path = path[: rng.integers(1, len(path) + 1)]
        parent[node] = path[-1]
        path.append(node)
    return parent
