"""A SONATA circuit as a ``Network``: the way back of ``writer``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from neurosim.model.network import Network
from neurosim.sonata.circuit import Circuit, read
from neurosim.sonata.nodes import Population

_OURS = frozenset((
    "model_type", "model_template", "model_processing", "morphology", "dynamics_params", "pop_name", "x", "y", "z",
))  # fmt: skip


def read_network(path: str | Path) -> Network:
    """Return the network of a configuration: populations, cells, connections and couplings.

    Parameters
    ----------
    path : path-like
        The ``config.json``.

    Notes
    -----
    Virtual nodes are spike trains, with the spikes of the configuration's inputs. Synapses of one mechanism and one set
    of values are one ``Connections``. Clamps, reports and numbers of the run belong to the simulation, not the network.
    """
    return network_of(read(path))


def network_of(circuit: Circuit) -> Network:
    """Return the network of a circuit; cells are numbered by ascending gid."""
    network = Network()
    for population in circuit.populations:
        order = np.argsort(population.node_ids, kind="stable")
        cells = [circuit.cells[int(gid)] for gid in population.gids[order]]
        columns = {name: population.attribute(name) for name in population.names if name not in _OURS}
        attributes = {name: column[order] for name, column in columns.items() if column is not None}
        added = network.add(population.name, len(cells), cells, _places(population, order))
        # A column may have the name of a parameter of add(), such as "name".
        network.populations[population.name] = replace(added, columns=attributes)
    if circuit.sources:
        network.add("replayed", len(circuit.sources), list(circuit.sources))
    network.connections.extend(circuit.connections)
    network.couplings.extend(circuit.couplings)
    return network


def _places(population: Population, order: Any) -> Any:
    if not {"x", "y", "z"} <= set(population.names):
        return None
    return np.column_stack([population.numbers(axis, float("nan"))[order] for axis in "xyz"])
