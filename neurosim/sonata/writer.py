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

import json
import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, fields
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
from neurosim.sonata.write_gaps import NOTE as GAP_NOTE
from neurosim.sonata.write_gaps import write_gaps
from neurosim.sonata.write_h5 import new_h5, put
from neurosim.sonata.write_mechanisms import MechanismFiles
from neurosim.sonata.write_nodes import CELLS, MORPHOLOGIES, POINTS, NodeWriter
from neurosim.sonata.write_spacing import Spacing
from neurosim.sonata.write_synapses import FOLDER as SYNAPSES
from neurosim.sonata.write_synapses import SynapseFiles

MECHANISMS = "components/mechanisms"
FOLDERS = {
    "morphologies_dir": MORPHOLOGIES,
    "biophysical_neuron_models_dir": CELLS,
    "point_neuron_models_dir": POINTS,
    "synaptic_models_dir": SYNAPSES,
    "mechanisms_dir": MECHANISMS,
}
LAST = "config.json"


@dataclass(frozen=True)
class RunSettings:
    """Numbers of the run that the configuration asks for; the defaults are those of ``Simulation``.

    Parameters
    ----------
    tstop_ms, dt_ms : float
        End and step.
    celsius_degC, v_init_mV : float
        Temperature and initial voltage.
    spike_threshold_mV : float
        Upward crossing at soma(0.5) that counts as a spike.
    block_steps : int
        Steps between two writes of the outputs.
    """

    tstop_ms: float = 1000.0
    dt_ms: float = 0.025
    celsius_degC: float = 6.3
    v_init_mV: float = -65.0
    spike_threshold_mV: float = 10.0
    block_steps: int = 5000

    @classmethod
    def of(cls, given: RunSettings | Mapping[str, float] | None) -> RunSettings:
        """Return settings from settings, a mapping of some of them, or nothing."""
        if isinstance(given, RunSettings):
            return given
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(given or ()) - known)
        if unknown:
            raise SonataError(f"run: no setting {unknown[0]!r}; there are {', '.join(sorted(known))}.")
        return cls(**dict(given or {}))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Written:
    """What was written.

    Parameters
    ----------
    folder, config : Path
        The circuit, and the configuration to run.
    notes : tuple of str
        What other tools do not read, or read otherwise.
    """

    folder: Path
    config: Path
    notes: tuple[str, ...]


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
    place = target.resolve()
    if place.exists() and not place.is_dir():
        raise SonataError("is a file; give a folder.", path=target)
    if not overwrite and (place / LAST).exists():
        raise SonataError("has a config.json; give another folder, or overwrite=True.", path=target)
    stage = _stage(place, target)
    try:
        notes = _fill(network, stage, settings, dict(inputs or {}), dict(reports or {}), extensions)
        _install(stage, place, overwrite)
    except OSError as error:
        raise SonataError(f"cannot be written: {error.strerror or error}.", path=target) from None
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    return Written(target, target / LAST, tuple(notes))


def _stage(place: Path, target: Path) -> Path:
    """Make a new folder beside ``place``, which the user calls ``target``, to fill before it is moved there."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        stage = place.with_name(f".{place.name}.{secrets.token_hex(6)}.partial")
        stage.mkdir()
    except OSError as error:
        raise SonataError(f"cannot be written: {error.strerror or error}.", path=target) from None
    return stage


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
    for name, text in mechanisms.texts.items():
        (stage / MECHANISMS / "modfiles").mkdir(parents=True, exist_ok=True)
        (stage / MECHANISMS / "modfiles" / f"{name}.mod").write_text(text, encoding="utf-8", newline="\n")
    played = {f"{p.name}_spikes": _spikes(p, stage) for p in populations if isinstance(p.cells[0], SpikeTrain)}
    for name in played.keys() & inputs.keys():
        raise SonataError(f"inputs.{name}: is the name of the input of a population of spike trains; rename it.")
    components = {key: f"$COMPONENTS/{Path(place).name}" for key, place in FOLDERS.items() if (stage / place).is_dir()}
    _configs(
        stage,
        {"components": components, "networks": _networks(populations, [*edge_files, *gap_files], gap_pairs)},
        _simulation(run, spacing.dl_um, {**played, **inputs}, reports),
        populations,
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


def _simulation(run: RunSettings, dl_um: float, inputs: dict[str, Any], reports: dict[str, Any]) -> dict[str, Any]:
    return {
        "target_simulator": "NEURON",
        "run": {
            "tstop": run.tstop_ms, "dt": run.dt_ms, "dL": dl_um, "spike_threshold": run.spike_threshold_mV,
            "nsteps_block": run.block_steps,
        },
        "conditions": {"celsius": run.celsius_degC, "v_init": run.v_init_mV},
        "node_sets_file": "$BASE/node_sets.json",
        "inputs": inputs,
        "reports": reports,
        "output": {"output_dir": "$BASE/output", "log_file": "log.txt", "spikes_file": "spikes.h5",
                   "spikes_sort_order": "time"},
    }  # fmt: skip


def _configs(stage: Path, circuit: Any, simulation: Any, populations: list[Population]) -> None:
    manifest = {"$BASE": "${configdir}"}
    content = {
        "circuit_config": {"manifest": {**manifest, "$COMPONENTS": "$BASE/components"}, **circuit},
        "simulation_config": {"manifest": manifest, **simulation},
        "node_sets": {f"{p.name}_nodes": {"population": p.name} for p in populations},
        "config": {"manifest": manifest, "network": "$BASE/circuit_config.json",
                   "simulation": "$BASE/simulation_config.json"},
    }  # fmt: skip
    for name, values in content.items():
        try:
            text = json.dumps(values, indent=2, allow_nan=False) + "\n"
        except (TypeError, ValueError) as error:
            raise SonataError(f"{name}: inputs, reports and run must be values that JSON has: {error}.") from None
        (stage / f"{name}.json").write_text(text, encoding="utf-8", newline="\n")


def _install(stage: Path, place: Path, overwrite: bool) -> None:
    """Move a finished circuit to its place: at once if nothing is there, else file by file, ``config.json`` last."""
    if not place.exists() or not any(place.iterdir()):
        os.replace(stage, place)
        return
    files = sorted((p.relative_to(stage) for p in stage.rglob("*") if p.is_file()), key=lambda p: p == Path(LAST))
    for file in files:
        there = place / file
        if not there.resolve().is_relative_to(place):
            raise SonataError(f"{file} leads outside the folder; remove the link.", path=place)
        if not overwrite and os.path.lexists(there):
            raise SonataError(f"{file} is there; give another folder, or overwrite=True.", path=place)
    (place / LAST).unlink(missing_ok=True)
    for file in files:
        (place / file).parent.mkdir(parents=True, exist_ok=True)
        os.replace(stage / file, place / file)
