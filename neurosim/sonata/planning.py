"""What all processes of a run know of a circuit: everything but the edges.

Populations, a cell for every node, electrodes, the files of edges with their indices, and who computes what. Nodes of
the same files, processing and parameters share one cell object, so that a thousand nodes of one type are built once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neurosim.errors import SonataError
from neurosim.exchange import Exchange
from neurosim.model.cell import Cell
from neurosim.model.point import PointCell
from neurosim.sonata.biophysical import Kitchen, models_of
from neurosim.sonata.config import Config, load
from neurosim.sonata.edge_files import read_edges
from neurosim.sonata.edges import EdgePopulation
from neurosim.sonata.inputs import Electrode, read_inputs
from neurosim.sonata.node_sets import NodeSets
from neurosim.sonata.nodes import Population, read_populations
from neurosim.sonata.points import PointCells
from neurosim.sonata.recipe import Recipe, region_of
from neurosim.sonata.roster import BIOPHYSICAL, POINT, Roster
from neurosim.sonata.shares import Share, divide
from neurosim.sonata.spike_inputs import check_virtual_targets


@dataclass(frozen=True, eq=False)
class Plan:
    """What all processes know.

    Parameters
    ----------
    config, populations, roster, kitchen, node_sets, edges, electrodes
        Of the configuration.
    recipes, points, cells : dict
        gid -> recipe and cell of biophysical nodes, cell of point nodes.
    share : Share or None
        What this process computes; None with one.
    """

    config: Config
    populations: list[Population]
    roster: Roster
    kitchen: Kitchen
    recipes: dict[int, Recipe]
    points: dict[int, PointCell]
    cells: dict[int, Cell]
    node_sets: NodeSets
    edges: list[EdgePopulation]
    electrodes: list[Electrode]
    share: Share | None


def planned(path: str | Path, changes: dict[str, float], exchange: Exchange) -> Plan:
    """Read all but the edges, and divide the nodes among the processes.

    Parameters
    ----------
    path : path-like
        The configuration.
    changes : dict
        Numbers of ``run`` to replace.
    exchange : Exchange
        The processes; nothing is exchanged.
    """
    config = load(path)
    if changes:
        config = config.changed(**changes)
    populations = read_populations(config)
    roster = Roster(populations)
    kitchen = Kitchen(config)
    recipes = _recipes(populations, roster, kitchen)
    points = _points(populations, roster, PointCells(config, kitchen.folder))
    if not recipes and not points:
        raise SonataError("only virtual nodes in all populations; there is nothing to run.", key="networks.nodes")
    cells = _built(recipes, config.run.dl_um)
    node_sets = NodeSets(config, populations)
    edges = read_edges(config, [p.name for p in populations])
    check_virtual_targets(edges, roster)
    electrodes = read_inputs(config, node_sets, cells)
    share = None if exchange.alone else divide(exchange, roster, cells, points, edges)
    return Plan(config, populations, roster, kitchen, recipes, points, cells, node_sets, edges, electrodes, share)


def _recipes(populations: list[Population], roster: Roster, kitchen: Kitchen) -> dict[int, Recipe]:
    """Return gid -> recipe of the biophysical nodes, gids ascending."""
    found: dict[int, Recipe] = {}
    for population in populations:
        rows = np.flatnonzero(roster.members[population.name].kind == BIOPHYSICAL)
        models = models_of(population, rows)
        gids = population.gids[rows]
        found |= {int(gids[k]): kitchen.recipe(models[k]) for k in np.argsort(gids, kind="stable")}
    return found


def _points(populations: list[Population], roster: Roster, cells: PointCells) -> dict[int, PointCell]:
    """Return gid -> point cell of the point nodes."""
    found: dict[int, PointCell] = {}
    for population in populations:
        rows = np.flatnonzero(roster.members[population.name].kind == POINT)
        found |= zip(population.gids[rows].tolist(), cells.of(population, rows), strict=True)
    return found


def _built(recipes: dict[int, Recipe], max_length_um: float) -> dict[int, Cell]:
    """Return gid -> cell; nodes of one recipe share one object."""
    built: dict[Recipe, Cell] = {}
    for recipe in recipes.values():
        if recipe not in built:
            built[recipe] = build_cell(recipe, max_length_um)
    return {gid: built[recipe] for gid, recipe in recipes.items()}


def build_cell(recipe: Recipe, max_length_um: float) -> Cell:
    """Return the cell of a recipe, cut into nseg = 1 + 2 int(L / (2 max_length_um)) compartments a section."""
    cell = Cell(recipe.morphology, name=recipe.name)
    cell = cell.discretise(max_length_um=max_length_um) if recipe.nseg is None else cell.set(nseg=recipe.nseg)
    for region in recipe.morphology.regions:
        paint = recipe.paints[region_of(region)]
        ions = {f"{name}_mV": value for name, value in paint.reversal_mV.items()}
        cell.set(region, ra_ohm_cm=paint.ra_ohm_cm, cm_uF_per_cm2=paint.cm_uF_per_cm2, **ions)
        for name, values in paint.mechanisms.items():
            cell.insert(recipe.mechanisms[name], region, **values)
    return cell
