"""Running the programs that are not compiled (INITIAL, starts of connections), once for each distinct set of inputs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def evaluate(function: Callable[..., tuple[float, ...]], inputs: dict[str, float | Floats], n: int) -> list[Floats]:
    """Call a program on Python floats once for every distinct set of inputs.

    Parameters
    ----------
    function : callable
        Program in the plain dialect, called by keyword.
    inputs : dict
        Name -> one number, or float64 (n,).
    n : int
        Number of instances.

    Returns
    -------
    list of float64 (n,)
        One per output.
    """
    fixed = {k: np.float64(x) for k, x in inputs.items() if np.ndim(x) == 0}
    varying = [k for k in inputs if k not in fixed]
    columns = np.stack([np.asarray(inputs[k], float) for k in varying], axis=1) if varying else np.zeros((n, 0))
    if np.all(columns == columns[:1]):
        unique, back = columns[:1], np.zeros(n, int)
    else:
        unique, back = np.unique(columns, axis=0, return_inverse=True)
        back = back.reshape(-1)
    with np.errstate(all="ignore"):
        results = [function(**fixed, **dict(zip(varying, row, strict=True))) for row in unique]
    return [np.array(column, float)[back] for column in zip(*results, strict=True)]
