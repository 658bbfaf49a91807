"""A worm's model as a SONATA circuit: ``write(model, folder)`` and ``read(folder)``.

    network/neurons_nodes.h5, muscles_nodes.h5     name, class, kind, transmitter, place; conductances of each cell
    network/<edges>_edges.h5                       one row a contact, with both places (``EDGES``)
    components/morphologies/DB3.swc                sections as they are, with their numbers of compartments
    components/biophysical_neuron_models/*.json    what the cells of a kind have in their membranes
    config.json                                    for ``neurosim run`` and ``Simulation.from_sonata``

``read`` takes conductances and contacts from where ``neurosim run`` takes them. Neurites are called ``dend`` there,
which is SONATA's word. Compartments are those of one detail; ``read`` gives the model, which has none.
``docs/format.md`` lists the datasets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from neurosim.errors import ModelError, SonataError
from neurosim.model.connections import Couplings
from neurosim.model.network import Network
from neurosim.model.population import Population
from neurosim.models.worm import parameters, store_nodes
from neurosim.models.worm.model import MUSCLES, NEURONS, TRANSMITTERS, Contacts, WormModel
from neurosim.models.worm.network import network_of
from neurosim.morphology.section import Morphology, Section
from neurosim.sonata.config import load
from neurosim.sonata.continuous import STRENGTHS
from neurosim.sonata.edge_files import read_edges
from neurosim.sonata.edges import EdgePopulation
from neurosim.sonata.nodes import read_populations
from neurosim.sonata.swc_sections import read_marked
from neurosim.sonata.write_continuous import ContinuousTable, write_continuous
from neurosim.sonata.write_folder import (
    LAST,
    RunSettings,
    Written,
    simulation_of,
    staged,
    write_configs,
    write_mechanisms,
)
from neurosim.sonata.write_mechanisms import MechanismFiles
from neurosim.sonata.write_synapses import SynapseFiles

DETAILS = ("adaptive", "full")
EDGES = {
    "chemical": ("neurons", "neurons", "GradedSyn"),
    "electrical": ("neurons", "neurons", "Gap"),
    "neuromuscular": ("neurons", "muscles", "GradedSyn"),
    "muscular": ("muscles", "muscles", "Gap"),
}
"""Contacts of the model -> populations of both ends, and mechanism; the order of the files."""
SOMA, NEURITE = ("soma", "soma[0]"), ("neurite[", "dend[")
"""Names of sections in the model, and in the files, where they are SONATA's."""
REPORTS = {
    "soma_v": {
        "module": "membrane_report",
        "cells": "all",
        "variable_name": "v",
        "sections": "soma",
        "file_name": "soma_v.h5",
    }
}
"""The cells do not fire: a run writes the voltages of their somata."""


def write(
    model: WormModel,
    folder: str | Path,
    *,
    detail: str = "adaptive",
    pieces_um: float | None = None,
    run: Mapping[str, float] | None = None,
    overwrite: bool = False,
) -> Written:
    """Write a model as a SONATA circuit.

    Parameters
    ----------
    model : WormModel
    folder : path-like
        Where; made when missing, filled under a temporary name.
    detail, pieces_um
        Compartments of the cells, as in ``network_of``; ``"point"`` has no places for contacts.
    run : mapping, optional
        Numbers of the run beside ``tstop_ms`` 1000, ``dt_ms`` 0.5 and the initial voltage of ``params/loop.toml``.
    overwrite : bool
        Replace files that are there.

    Raises
    ------
    ModelError
        The detail, or a network whose couplings are not the contacts of the model.
    SonataError
        Something that cannot be written.
    """
    if detail not in DETAILS:
        raise ModelError(f"store.write: detail={detail!r}; allowed: {', '.join(DETAILS)}")
    network = network_of(_renamed(model, written=True), detail=detail, pieces_um=pieces_um)
    numbers = {"dt_ms": 0.5, "v_init_mV": parameters.load("loop")["v_init"], **(run or {})}
    target = Path(folder)
    with staged(target, overwrite=overwrite) as stage:
        (stage / "network").mkdir()
        mechanisms = MechanismFiles()
        for population in network.populations.values():
            store_nodes.write(stage, population, model, mechanisms)
        tables = [_table(name, getattr(model, name), network, name) for name in EDGES if len(getattr(model, name))]
        edges = write_continuous(stage, tables, SynapseFiles(stage, mechanisms, []))
        write_mechanisms(stage, mechanisms)
        nodes = [
            {"nodes_file": f"$BASE/network/{p}_nodes.h5", "node_types_file": f"$BASE/network/{p}_node_types.csv"}
            for p in network.populations
        ]
        files = [{"edges_file": f"$BASE/{h5}", "edge_types_file": f"$BASE/{table}"} for h5, table in edges]
        settings = RunSettings.of(numbers)
        write_configs(
            stage,
            {"nodes": nodes, "edges": files},
            simulation_of(settings, 20.0, {}, REPORTS),
            list(network.populations),
        )
    return Written(target, target / LAST, ("only neurosim reads cells with marked sections and continuous edges",))


def _renamed(model: WormModel, *, written: bool) -> WormModel:
    """Return the model with the names of its sections as they are written, or as the model has them."""
    (soma, soma_new), (neurite, neurite_new) = (pair if written else pair[::-1] for pair in (SOMA, NEURITE))

    def name_of(name: str) -> str:
        return soma_new if name == soma else name.replace(neurite, neurite_new, 1)

    shapes = []
    for shape in model.morphologies:
        sections = [
            Section(name_of(s.name), s.points, s.length_um, s.diam_um, s.parent, s.parent_x) for s in shape.sections
        ]
        shapes.append(Morphology(tuple(sections), shape.source))
    return replace(model, morphologies=tuple(shapes))


# --- contacts to edges ------------------------------------------------------------------------------------------------


def _table(name: str, rows: Contacts, network: Network, who: str) -> ContinuousTable:
    """Return contacts as edges, with the parameters that the network gives to the couplings they become."""
    source, target, mechanism = EDGES[name]
    ends = network.populations[source], network.populations[target]
    coupling = _coupling(network, ends, mechanism, who)
    mutual = mechanism == "Gap"
    labels = {}
    if not mutual:
        words = np.array([*TRANSMITTERS], dtype=object)
        labels["transmitter"] = words[rows.transmitter]
    return ContinuousTable(
        f"{source}__{target}__{name}", *ends, coupling.mechanism, mutual,
        rows.pre.astype(np.int64), rows.post.astype(np.int64),
        rows.pre_section.astype(np.int64), rows.pre_x, rows.post_section.astype(np.int64), rows.post_x,
        _values(rows, coupling, who), labels, joined=True,
    )  # fmt: skip


def _coupling(network: Network, ends: tuple[Population, Population], mechanism: str, who: str) -> Couplings:
    """Return the network's couplings of one mechanism between two populations."""
    found = [
        c
        for c in network.couplings
        if c.mechanism.name == mechanism
        and all(np.isin(g, p.gids).all() for g, p in zip((c.source_gid, c.target_gid), ends, strict=True))
    ]
    if len(found) != 1:
        raise ModelError(f"store.write: the network has {len(found)} tables of {who} {mechanism}; one is written")
    return found[0]


def _values(rows: Contacts, coupling: Couplings, who: str) -> dict[str, Any]:
    """Return the parameters of each contact: its conductance and reversal, the others as the network has them."""
    strength = next(name for name in STRENGTHS if name in coupling.mechanism.defaults)
    values: dict[str, Any] = {k: v for k, v in coupling.values.items() if not np.ndim(v)}
    columns = {k: np.asarray(v, float) for k, v in coupling.values.items() if np.ndim(v) and k != strength}
    if columns:
        # Parameters beyond the reversal follow from it and the two cells.
        keys = np.column_stack([coupling.source_gid, coupling.target_gid, columns["e"]])
        known: dict[tuple[float, ...], tuple[float, ...]] = {}
        for key, value in zip(
            map(tuple, keys.tolist()), zip(*(c.tolist() for c in columns.values()), strict=True), strict=True
        ):
            if known.setdefault(key, value) != value:
                raise ModelError(
                    f"store.write: {who}: contacts of cells {key[:2]} have two sets of parameters; one is written"
                )
        wanted = np.column_stack([rows.pre, rows.post, rows.reversal_mV]).tolist()
        try:
            given = [known[tuple(key)] for key in wanted]
        except KeyError as error:
            raise ModelError(
                f"store.write: {who}: the network has no coupling for the contact {error.args[0]}"
            ) from None
        values |= {k: np.array([g[i] for g in given]) for i, k in enumerate(columns)}
    return values | {strength: rows.conductance_uS}


# --- reading ----------------------------------------------------------------------------------------------------------


def read(folder: str | Path) -> WormModel:
    """Read a model that ``write`` wrote.

    Raises
    ------
    SonataError
        The folder holds no worm, or a file is wrong.
    """
    path = Path(folder)
    config = load(path / LAST if path.is_dir() else path)
    populations = {p.name: p for p in read_populations(config)}
    if tuple(populations) != ("neurons", "muscles") or [len(p) for p in populations.values()] != [NEURONS, MUSCLES]:
        found = ", ".join(f"{len(p)} {name}" for name, p in populations.items())
        raise SonataError(f"is no worm: {NEURONS} neurons, {MUSCLES} muscles; it has {found}.", path=config.path)
    cells = [store_nodes.read(p) for p in populations.values()]
    names, kinds, classes, files = (
        sum((getattr(c, n) for c in cells), ()) for n in ("names", "kind", "cell_class", "morphology")
    )
    morphologies = config.component("morphologies_dir", config.section("components"), "morphologies_dir")
    shapes = [read_marked(morphologies / file, "networks.nodes")[0] for file in files]
    model = WormModel(
        names, kinds, classes,
        tuple(Morphology(s.sections, name) for s, name in zip(shapes, names, strict=True)),
        store_nodes.densities(cells), store_nodes.cable(cells),
        **_contacts(read_edges(config, list(populations))),
    )  # fmt: skip
    return _renamed(model, written=False)


def _contacts(populations: list[EdgePopulation]) -> dict[str, Contacts]:
    found = {}
    for name, (source, target, mechanism) in EDGES.items():
        wanted = f"{source}__{target}__{name}"
        edges = next((p for p in populations if p.name == wanted), None)
        found[name] = _nothing() if edges is None else _rows(edges, mechanism)
    return found


def _nothing() -> Contacts:
    whole, real = np.zeros(0, np.int32), np.zeros(0)
    return Contacts(whole, whole, whole, real, whole, real, real, np.zeros(0, np.int8), real)


def _rows(edges: EdgePopulation, mechanism: str) -> Contacts:
    """Return the contacts of a population of edges, in the order of the file."""
    first = {"neurons": 0, "muscles": NEURONS}
    with edges.open() as reader:
        block = reader.whole()
        real = {k: block.needed(k, "every contact has") for k in (
            "afferent_section_id", "afferent_section_pos", "efferent_section_id", "efferent_section_pos", "syn_weight",
        )}  # fmt: skip
        graded = mechanism == "GradedSyn"
        n = len(block)
        reversal = block.parameters()["e"] if graded else np.full(n, np.nan)
        transmitter = np.full(n, -1, np.int8)
        if graded:
            words = block.attribute("transmitter")
            if words is None:
                raise edges.error("no column transmitter; every chemical contact has one.")
            codes = {word: code for code, word in enumerate(TRANSMITTERS)}
            for k, word in enumerate(words):
                if word not in codes:
                    raise block.error(k, f"has transmitter {word!r}; allowed: {', '.join(TRANSMITTERS)}.")
            transmitter = np.array([codes[word] for word in words], np.int8)
    return Contacts(
        (block.source_ids + first[edges.source]).astype(np.int32),
        (block.target_ids + first[edges.target]).astype(np.int32),
        real["efferent_section_id"].astype(np.int32), real["efferent_section_pos"],
        real["afferent_section_id"].astype(np.int32), real["afferent_section_pos"],
        real["syn_weight"], transmitter, reversal,
    )  # fmt: skip
