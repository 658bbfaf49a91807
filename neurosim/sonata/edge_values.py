"""Parameters that the H5 file gives edge by edge, laid over those of a synapse model."""

from __future__ import annotations

import numpy as np

from neurosim.sonata.edges import EdgeBlock
from neurosim.sonata.pairs import Floats, Rows
from neurosim.sonata.synapses import SynapseKind


def own_values(
    kind: SynapseKind, parameters: dict[str, Floats], at: Rows, repeat: Rows, block: EdgeBlock
) -> dict[str, Floats]:
    """Return the columns of parameters that differ from edge to edge.

    Parameters
    ----------
    kind : SynapseKind
        Gives the value where an edge has none (NaN).
    parameters : dict
        Name -> float64 (edges of the block,): ``EdgeBlock.parameters``.
    at : int64 (n,)
        Edges of this kind, as places in the block.
    repeat : int64 (n,)
        Synapses of each.
    block : EdgeBlock
        For messages.

    Raises
    ------
    SonataError
        A parameter that the mechanism does not have, or a value outside its limits, with the edge.
    """
    mechanism, found = kind.mechanism, {}
    values = {**mechanism.defaults, **dict(kind.values)}
    for name, column in parameters.items():
        target = "e" if name == "erev" and "erev" not in values else name
        mine = column[at]
        if target not in values:
            given = np.flatnonzero(~np.isnan(mine))
            if len(given) and name != "sign":
                message = f"has dynamics_params/{name}; {mechanism.name} has {', '.join(sorted(values))}."
                raise block.error(int(at[given[0]]), message)
            continue
        limits = mechanism.parameter(target)
        low, high = (
            (-np.inf if limits.low is None else limits.low),
            (np.inf if limits.high is None else limits.high),
        )
        wrong = np.flatnonzero((mine < low) | (mine > high))
        if len(wrong):
            message = f"has dynamics_params/{name} {mine[wrong[0]]:g}, which is outside {low:g} to {high:g}."
            raise block.error(int(at[wrong[0]]), message)
        found[target] = np.repeat(np.where(np.isnan(mine), values[target], mine), repeat)
    return found
