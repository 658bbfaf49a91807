"""``steered``: the way from the chemosensors of the head to the cells that swing it.

Who is connected to whom stays as in Cook et al. 2019; nobody has measured how strongly. Here the conductances of the
connections on the way are set, as sums over the contacts that a cell receives from a class, in multiples of its leak
(``params/steering.toml``). The same signal reaches dorsal and ventral cells alike: that the animal turns comes from its
swinging, because the cells that are on at the moment answer more (klinotaxis; the idea of Izquierdo and Beer 2013,
doi:10.1371/journal.pcbi.1002890, here with RIA, which reaches SMD and RMD, in place of AIZ onto SMB).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from neurosim.models.worm import parameters
from neurosim.models.worm.model import WormModel
from neurosim.models.worm.motor import leak_uS
from neurosim.models.worm.parameters import Parameters


def steered(model: WormModel, steering: Parameters | None = None) -> WormModel:
    """Return the model with the conductances of its steering circuit.

    Parameters
    ----------
    model : WormModel
        With its motor circuit (``motor.equipped``).
    steering : Parameters, optional
        Of ``params/steering.toml``: ``from.AWA.AIZ`` is the sum that each AIZ receives from AWA, over its leak.
    """
    p = parameters.load("steering") if steering is None else steering
    contacts, leak = model.chemical, leak_uS(model)
    conductance = contacts.conductance_uS.copy()
    for key in p:
        if not key.startswith("from."):
            continue
        _, source, target = key.split(".")
        rows = _named(model, source)[contacts.pre] & _named(model, target)[contacts.post]
        sums = np.bincount(contacts.post[rows], conductance[rows], len(leak))
        wanted = p[key] * leak
        factor = np.divide(wanted, sums, out=np.zeros_like(sums), where=sums > 0.0)
        conductance[rows] *= factor[contacts.post[rows]]
    return replace(model, chemical=replace(contacts, conductance_uS=conductance))


def _named(model: WormModel, name: str) -> np.ndarray:
    """Return which cells have that name, or are of that class, bool (397,)."""
    pairs = zip(model.names, model.cell_class, strict=True)
    return np.array([name in (cell, cell_class) for cell, cell_class in pairs])
