"""A patch of invented cortex: a thousand branching cells in layers, connected, driven by spikes that wander over it.

``build_patch`` makes the network; ``write_patch`` writes it as SONATA, which ``neurosim run FOLDER/config.json`` and
other tools read. All numbers are in ``params/patch.toml``. For pictures, tests and first steps; it models no animal.

Axes: y up, 0 at the surface, x and z along the layers; µm.
"""

from __future__ import annotations

import json
import tempfile
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import neurosim as ns
from neurosim.models.demo.drive import WanderingRate, trains
from neurosim.models.demo.trees import CellShape, write_swc
from neurosim.morphology.swc import read_swc
from neurosim.sonata import write
from neurosim.sonata.axon import with_stub

Floats = npt.NDArray[np.float64]

PYRAMIDS, BASKETS, INPUT = "pyramids", "baskets", "input"
"""Names of the populations."""
CELLS, TREES = "cells", "whole_trees"
"""Node sets: pyramids and baskets; those whose whole tree is in the results."""


@dataclass(frozen=True)
class Patch:
    """What was written.

    Parameters
    ----------
    folder, config, output : Path
        Where; the configuration to run; where it puts its results.
    cells_n : int
        Number of cells, without input fibres.
    tstop_ms : float
        End of the run.
    """

    folder: Path
    config: Path
    output: Path
    cells_n: int
    tstop_ms: float


@cache
def parameters() -> dict[str, Any]:
    """Return the numbers of the patch, and under ``membrane`` those of its cells."""
    read = {
        name: tomllib.loads(resources.files(__package__).joinpath(f"params/{name}.toml").read_text("utf-8"))
        for name in ("patch", "cells")
    }
    return {**read["patch"], "membrane": read["cells"]}


def build_patch(cells_n: int = 1000, *, seed: int = 1, tstop_ms: float = 1000.0) -> ns.Network:
    """Draw the patch.

    Parameters
    ----------
    cells_n : int
        Cells, pyramids and baskets together; the disc keeps its size.
    seed : int
        Names the patch: the same seed gives the same network.
    tstop_ms : float
        Input spikes end here.
    """
    given = parameters()
    rng = np.random.default_rng([seed, 3])
    baskets_n = round(given["baskets"]["share"] * cells_n)
    trees = {name: _trees(name, seed) for name in given["shape"]}
    net = ns.Network(seed)
    for population, count in ((PYRAMIDS, cells_n - baskets_n), (BASKETS, baskets_n)):
        layers, places = _places(given, count, rng)
        shapes = given["baskets"]["shapes"]
        kinds = [layer["pyramid"] if population == PYRAMIDS else str(rng.choice(shapes)) for layer in layers]
        net.add(
            population,
            count,
            [trees[kind][rng.integers(len(trees[kind]))] for kind in kinds],
            places,
            layer=np.array([layer["name"] for layer in layers]),
            shape=np.array(kinds),
            rotation_angle_yaxis=rng.uniform(0.0, 2.0 * np.pi, count),
        )
    ends = _add_input(net, given, tstop_ms, seed, rng)
    for connection in given["connection"]:
        _connect(net, connection, ends, rng)
    return net


def write_patch(
    folder: str | Path, *, cells_n: int = 1000, seed: int = 1, tstop_ms: float | None = None, dt_ms: float | None = None
) -> Patch:
    """Write the patch as SONATA with a simulation of it.

    Parameters
    ----------
    folder : path-like
        Where; made when missing. Files of an earlier patch are replaced.
    cells_n, seed : int
        As in ``build_patch``.
    tstop_ms, dt_ms : float, optional
        Simulated time and step instead of those of ``params/patch.toml``.
    """
    folder, given = Path(folder), parameters()
    run = {k: v for k, v in given["run"].items() if k != "dl_um"}
    run |= {k: v for k, v in (("tstop_ms", tstop_ms), ("dt_ms", dt_ms)) if v is not None}
    net = build_patch(cells_n, seed=seed, tstop_ms=run["tstop_ms"])
    write(net, folder, run=run, reports=_reports(given["report"], run["dt_ms"]), overwrite=True)
    _change(folder / "node_sets.json", lambda sets: sets.update(_node_sets(given, cells_n)))
    # The channels are those of neurosim's library; their files lie beside the circuit for other simulators.
    _change(folder / "circuit_config.json", lambda circuit: circuit["components"].pop("mechanisms_dir"))
    return Patch(folder, folder / "config.json", folder / "output", cells_n, run["tstop_ms"])


def _change(path: Path, how: Callable[[dict[str, Any]], object]) -> None:
    """Change a JSON file."""
    content = json.loads(path.read_text("utf-8"))
    how(content)
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8", newline="\n")


def _reports(given: dict[str, Any], dt_ms: float) -> dict[str, Any]:
    """Return the soma voltage of all cells, and the whole tree's of some."""
    common = {"variable_name": "v", "module": "membrane_report"}
    soma = {"cells": CELLS, "sections": "soma", "dt": max(dt_ms, given["soma_dt_ms"])}
    trees = {"cells": TREES, "sections": "all", "dt": max(dt_ms, given["tree_dt_ms"])}
    return {"soma_v": {**common, **soma}, "tree_v": {**common, **trees}}


def _node_sets(given: dict[str, Any], cells_n: int) -> dict[str, Any]:
    """Return the sets beside those of the populations: both kinds of cells, layers, and cells with whole trees."""
    both = [PYRAMIDS, BASKETS]
    layers = {f"layer {layer['name']}": {"population": both, "layer": layer["name"]} for layer in given["layer"]}
    # Gids count through the populations, pyramids first; even steps take both kinds and all layers.
    chosen = np.unique(np.linspace(0, cells_n - 1, min(cells_n, given["report"]["trees_n"])).astype(int))
    return {CELLS: both, **layers, TREES: chosen.tolist()}


def _trees(name: str, seed: int) -> list[ns.Cell]:
    """Grow the cells of a shape."""
    given = dict(parameters()["shape"][name])
    kind, copies = given.pop("kind"), given.pop("copies")
    number = list(parameters()["shape"]).index(name)
    with tempfile.TemporaryDirectory() as folder:
        return [_cell(kind, f"{name} {k}", Path(folder), CellShape(**given), [seed, number, k]) for k in range(copies)]


def _cell(kind: str, name: str, folder: Path, shape: CellShape, seed: list[int]) -> ns.Cell:
    """Grow a tree and give it its membrane: channels in the soma, a leak everywhere."""
    membrane, run = parameters()["membrane"][kind], parameters()["run"]
    number = int(np.random.SeedSequence(seed).generate_state(1)[0])
    morphology = with_stub(read_swc(write_swc(folder / "tree.swc", seed=number, shape=shape)))
    cell = ns.Cell(morphology, name=name).discretise(max_length_um=run["dl_um"])
    cell.set(ra_ohm_cm=membrane["ra_ohm_cm"])
    for region in cell.morphology.regions:
        cell.set(region, cm_uF_per_cm2=membrane["cm_uF_per_cm2"][region])
        cell.insert("pas", region, g=membrane["g_pas_S_per_cm2"][region], e=membrane["e_pas_mV"])
    for channel, density in membrane["gbar_S_per_cm2"].items():
        cell.insert(channel, "soma", gbar=density)
    cell.insert("CaDynamics", "soma", **membrane["CaDynamics"])
    return cell.set("soma", ena_mV=membrane["ena_mV"], ek_mV=membrane["ek_mV"])


def _places(given: dict[str, Any], count: int, rng: np.random.Generator) -> tuple[list[dict[str, Any]], Floats]:
    """Draw layers and places of cells, float64 (count, 3): even over the disc, and over the depth of each layer."""
    layers = given["layer"]
    chosen = [layers[k] for k in rng.choice(len(layers), count, p=[layer["share"] for layer in layers])]
    depth = np.array([rng.uniform(layer["top_um"], layer["bottom_um"]) for layer in chosen])
    across = _disc(count, given["patch"]["radius_um"], rng)
    return chosen, np.column_stack([across[:, 0], -depth.reshape(count), across[:, 1]])


def _disc(count: int, radius_um: float, rng: np.random.Generator) -> Floats:
    """Return points in a disc, float64 (count, 2), more even than if each were drawn alone."""
    # Strategy: a sunflower spiral has no holes and no clumps; a random order and a shake hide it.
    number = rng.permutation(count) + 0.5
    away = radius_um * np.sqrt(number / max(1, count))
    angle = number * np.pi * (3.0 - np.sqrt(5.0)) + rng.uniform(0.0, 2.0 * np.pi)
    spacing = radius_um / np.sqrt(max(1, count))
    points: Floats = np.column_stack([away * np.cos(angle), away * np.sin(angle)])
    return points + rng.normal(0.0, 0.5 * spacing, (count, 2))


def _add_input(net: ns.Network, given: dict[str, Any], tstop_ms: float, seed: int, rng: np.random.Generator) -> Floats:
    """Add the fibres and their spikes; return where each ends along the layers, float64 (fibres, 2).

    They get no places in the network, so that a picture shows cells only.
    """
    drive = given["drive"]
    ends = _disc(drive["fibres_n"], given["patch"]["radius_um"], rng)
    rate = WanderingRate(**{f.name: drive[f.name] for f in fields(WanderingRate)})
    net.add_spikes(INPUT, trains(rate, ends, tstop_ms, seed), n=len(ends))
    return ends


def _rule(net: ns.Network, wanted: dict[str, Any], ends: Floats, rng: np.random.Generator) -> tuple[Any, Any]:
    """Return who is connected, and the delays, of one kind of connection."""
    delay = ns.Distance(**parameters()["delay"])
    near = ns.rules.Gaussian(wanted["chance"], wanted["sigma_um"])
    if wanted["source"] != INPUT:
        return ns.rules.DistanceDependent(near, max_um=3.0 * wanted["sigma_um"], axes="xz"), delay
    targets = np.asarray(net.populations[wanted["target"]].positions_um).reshape(-1, 3)[:, [0, 2]]
    away_um = np.linalg.norm(ends[:, None, :] - targets[None, :, :], axis=2)
    source, target = np.nonzero(rng.random(away_um.shape) < near(away_um))
    return ns.rules.FromArrays(source, target), delay(away_um[source, target])


def _connect(net: ns.Network, wanted: dict[str, Any], ends: Floats, rng: np.random.Generator) -> None:
    """Draw one kind of connection."""
    given = parameters()
    rule, delay_ms = _rule(net, wanted, ends, rng)
    at: Any = wanted["on"]
    if "within_um" in wanted:
        at = ns.places.Region(wanted["on"], distance_um=(0.0, wanted["within_um"]))
    synapse = ns.mechanisms.Exp2Syn(**given["synapse"][wanted["synapse"]])
    weight = ns.random.LogNormal(wanted["weight_uS"], given["weight_sigma"])
    net.connect(wanted["source"], wanted["target"], synapse, rule=rule, weight=weight, delay_ms=delay_ms, at=at)
