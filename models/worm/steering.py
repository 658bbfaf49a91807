"""``steered``: the way from the chemosensors of the head to the cells that swing it.

Who is connected to whom stays as in Cook et al. 2019; nobody has measured how strongly. Here the conductances of the
connections on the way are set, as sums over the contacts that a cell receives from a class or cell, in multiples of its
leak (``params/steering.toml``).

    AWA -> AIZ -> SMB, ventral more than dorsal

The head rests bent (``trim``), so that the worm curves as long as odour does not rise; rising odour excites AWA and
with it AIZ, which makes up for the bend: the worm goes straight on. It climbs by curving less where it gets better, not
by comparing the two sides of its swing. That AIZ bends the path: Iino and Yoshida 2009,
doi:10.1523/JNEUROSCI.3633-08.2009; AIZ onto SMB: Izquierdo and Beer 2013, doi:10.1371/journal.pcbi.1002890.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from neurosim.models.worm import parameters
from neurosim.models.worm.model import Contacts, WormModel
from neurosim.models.worm.motor import leak_uS, normalise, roles
from neurosim.models.worm.parameters import Parameters


def steered(model: WormModel, steering: Parameters | None = None) -> WormModel:
    """Return the model with the conductances of its steering circuit.

    Parameters
    ----------
    model : WormModel
        With its motor circuit (``motor.equipped``).
    steering : Parameters, optional
        Of ``params/steering.toml``: ``from.AWA.AIZ`` is the sum that each AIZ receives from AWA, over its leak;
        ``trim.SMB`` is by how much dorsal SMB rest higher, and ventral ones lower, in mV.
    """
    p = parameters.load("steering") if steering is None else steering
    return replace(_trimmed(model, p), chemical=_contacts(model, p))


def _contacts(model: WormModel, p: Parameters) -> Contacts:
    contacts, leak = model.chemical, leak_uS(model)
    conductance = contacts.conductance_uS.copy()
    for key in p:
        if not key.startswith("from."):
            continue
        _, source, target = key.split(".")
        rows = _named(model, source)[contacts.pre] & _named(model, target)[contacts.post]
        normalise(conductance, contacts.post, rows, p[key] * leak)
    return replace(contacts, conductance_uS=conductance)


def _trimmed(model: WormModel, p: Parameters) -> WormModel:
    """Return the model with the resting potentials of the head's cells moved apart."""
    rest = model.densities["pas"]["e"].copy()
    for cell, (role, side) in roles(model).items():
        if role == "head":
            rest[cell] += p.get(f"trim.{model.cell_class[cell]}", 0.0) * side
    return replace(model, densities={**model.densities, "pas": {**model.densities["pas"], "e": rest}})


def _named(model: WormModel, name: str) -> NDArray[np.bool_]:
    """Return which cells have that name, or are of that class, bool (397,)."""
    pairs = zip(model.names, model.cell_class, strict=True)
    return np.array([name in (cell, cell_class) for cell, cell_class in pairs])
