"""A network as a SONATA circuit: ``write(network, "folder")``.

    config.json                      names the two others
    circuit_config.json              components and files of the network
    simulation_config.json           run, conditions, inputs, reports, output
    node_sets.json                   one node set for each population
    network/                         nodes and edges, HDF5 and types tables
    components/                      morphologies, parameters of cells and synapses, mechanisms/modfiles
    inputs/                          spikes of the populations of spike trains

What is written reads back as the same network: the same gids, compartments, parameters and synapses. What SONATA and
BMTK have no word for is refused, or, with ``extensions``, written in a form that only neurosim reads; the notes of the
result say where. Everything is made in a folder beside the target and gets its place at the end, ``config.json`` last.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from neurosim.errors import SonataError
from neurosim.model.network import Network
from neurosim.model.point import SpikeTrain
from neurosim.model.population import Population
from neurosim.sonata.write_continuous import NOTE as CONTINUOUS_NOTE
from neurosim.sonata.write_continuous import tables_of, write_continuous
from neurosim.sonata.write_edges import EdgeWriter, Ends
from neurosim.sonata.write_folder import (
    LAST,
    RunSettings,
    Written,
    simulation_of,
    staged,
    write_configs,
    write_mechanisms,
)
from neurosim.sonata.write_gaps import NOTE as GAP_NOTE
from neurosim.sonata.write_gaps import write_gaps
from neurosim.sonata.write_h5 import new_h5, put
from neurosim.sonata.write_mechanisms import MechanismFiles
from neurosim.sonata.write_nodes import NodeWriter
from neurosim.sonata.write_spacing import Spacing
from neurosim.sonata.write_synapses import SynapseFiles


def write(
    network: Network,
    folder: str | Path,
    *,
    run: RunSettings | Mapping[str, float] | None = None,
    inputs: Mapping[str, Any] | None = None,
    reports: Mapping[str, Any] | None = None,
    extensions: bool = False,
    overwrite: bool = False,
) -> Written:
    """Write a network as a SONATA circuit with a simulation of it.

    Parameters
    ----------
    network : Network
        Cells, populations and connections.
    folder : path-like
        Where; made when missing.
    run : RunSettings or mapping, optional
        Numbers of the run, for instance ``{"tstop_ms": 500.0, "dt_ms": 0.1}``.
    inputs, reports : mapping, optional
        More members of ``inputs`` (beside those of the spike trains) and ``reports``, as SONATA writes them.
    extensions : bool
        Write what SONATA and BMTK cannot say in neurosim's own form instead of refusing it.
    overwrite : bool
        Replace files that are there.

    Returns
    -------
    Written
        Folder, configuration and notes.

    Raises
    ------
    SonataError
        Something that cannot be written, with the cell, section, mechanism and value; or a file that is there.

    Examples
    --------
    >>> from neurosim.sonata import write
    >>> write(network, "my_circuit", run={"tstop_ms": 500.0}).config  # doctest: +SKIP
    PosixPath('my_circuit/config.json')
    """
    settings = RunSettings.of(run)
    target = Path(folder)
    with staged(target, overwrite=overwrite) as stage:
        notes = _fill(network, stage, settings, dict(inputs or {}), dict(reports or {}), extensions)
    return Written(target, target / LAST, tuple(notes))


def _fill(
    network: Network, stage: Path, run: RunSettings, inputs: dict[str, Any], reports: dict[str, Any], extensions: bool
) -> list[str]:
    """Write everything into a new folder; return the notes."""
    populations = [p for p in network.populations.values() if len(p)]
    if sum(map(len, populations)) != len(network.cells):
        raise SonataError(f"{len(network.cells)} cells, but {sum(map(len, populations))} in populations; add() them.")
    notes = [f"population {p.name!r} is empty and is left out" for p in network.populations.values() if not len(p)]
    (stage / "network").mkdir()
    mechanisms, spacing = MechanismFiles(), Spacing()
    nodes = NodeWriter(stage, mechanisms, spacing, extensions)
    for population in populations:
        nodes.write(population)
    ends = Ends(network.cells, populations)
    edges = EdgeWriter(stage, mechanisms, ends, network.connections)
    edge_files = edges.write()
    gap_files, gap_pairs = _couplings(network, stage, ends, edges.synapses, extensions)
    notes += ([GAP_NOTE] if gap_pairs else [CONTINUOUS_NOTE]) * bool(gap_files)
    write_mechanisms(stage, mechanisms)
    played = {f"{p.name}_spikes": _spikes(p, stage) for p in populations if isinstance(p.cells[0], SpikeTrain)}
    for name in played.keys() & inputs.keys():
        raise SonataError(f"inputs.{name}: is the name of the input of a population of spike trains; rename it.")
    write_configs(
        stage,
        _networks(populations, [*edge_files, *gap_files], gap_pairs),
        simulation_of(run, spacing.dl_um, {**played, **inputs}, reports),
        [p.name for p in populations],
    )
    return [*notes, *nodes.notes, *edges.notes]


def _couplings(
    network: Network, stage: Path, ends: Ends, synapses: SynapseFiles, extensions: bool
) -> tuple[list[tuple[str, str]], list[str]]:
    """Write couplings, all as BMTK's gap junctions or all as continuous edges; return files as ``write_gaps``."""
    try:
        return write_gaps(stage, ends, network.couplings)
    except SonataError as error:
        if not extensions:
            raise SonataError(f"{error.reason} With extensions=True they are continuous edges.") from None
    return write_continuous(stage, tables_of(ends, network.couplings), synapses), []


def _networks(populations: list[Population], edge_files: list[tuple[str, str]], gap_pairs: list[str]) -> dict[str, Any]:
    nodes = [
        {"nodes_file": f"$BASE/network/{p.name}_nodes.h5", "node_types_file": f"$BASE/network/{p.name}_node_types.csv"}
        for p in populations
    ]
    edges = [{"edges_file": f"$BASE/{h5}", "edge_types_file": f"$BASE/{table}"} for h5, table in edge_files]
    gaps = {"gap_juncs": [{"gap_juncs_file": f"$BASE/{name}"} for name in gap_pairs]} if gap_pairs else {}
    return {"nodes": nodes, "edges": edges, **gaps}


def _spikes(population: Population, stage: Path) -> dict[str, Any]:
    """Write the spikes of a population of spike trains; return the input that plays them."""
    (stage / "inputs").mkdir(exist_ok=True)
    trains = [c.times_ms for c in population.cells if isinstance(c, SpikeTrain)]
    name = f"inputs/{population.name}_spikes.h5"
    with new_h5(stage / name) as file:
        group = file.create_group(f"spikes/{population.name}")
        put(group, "timestamps", np.concatenate(trains)).attrs["units"] = "ms"
        put(group, "node_ids", np.repeat(np.arange(len(trains), dtype=np.uint64), [len(t) for t in trains]))
    return {"input_type": "spikes", "module": "h5", "input_file": f"$BASE/{name}", "node_set": population.name}
