"""From a configuration to a simulation.

``read`` opens everything a configuration names and returns a ``Circuit``: populations, a cell for every node, the
connections between them, electrodes and reports. ``Circuit.simulation`` makes the ``Simulation``. Nodes of the same
files, processing and parameters share one cell object, so that a thousand nodes of one type are built once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.errors import SonataError
from neurosim.exchange import Exchange, SerialExchange
from neurosim.mechanisms.mechanism import Mechanism
from neurosim.model.cell import Cell
from neurosim.model.connections import Connections, Couplings
from neurosim.model.point import PointCell, SpikeTrain
from neurosim.model.stimulus import Step, Waveform
from neurosim.simulation import Simulation
from neurosim.sonata.agreement import together
from neurosim.sonata.biophysical import Kitchen, models_of
from neurosim.sonata.config import Config, load
from neurosim.sonata.edge_files import read_edges
from neurosim.sonata.gap_junctions import couplings
from neurosim.sonata.inputs import CurrentStep, CurrentWave, Electrode, read_inputs
from neurosim.sonata.node_sets import NodeSets
from neurosim.sonata.nodes import Population, read_populations
from neurosim.sonata.outfile import view_of
from neurosim.sonata.placing import Placer
from neurosim.sonata.points import PointCells
from neurosim.sonata.recipe import Recipe, region_of
from neurosim.sonata.report_entry import Subjects
from neurosim.sonata.reports import Spec, read_reports
from neurosim.sonata.roster import BIOPHYSICAL, POINT, Roster
from neurosim.sonata.shares import Share, divide
from neurosim.sonata.spike_inputs import SpikeInputs, check_virtual_targets
from neurosim.sonata.spikes import SpikesSpec, read_spikes
from neurosim.sonata.synapses import SynapseModels
from neurosim.sonata.wiring import EdgeSummary, Wiring

CellLike = Cell | PointCell | SpikeTrain


@dataclass(frozen=True, eq=False)
class Circuit:
    """Everything a configuration describes, ready to be simulated.

    Parameters
    ----------
    config : Config
        Where it comes from; holds the notices.
    populations : list of Population
        All populations, in the order of the configuration.
    counts : dict
        Population -> kind -> number of nodes.
    recipes : dict
        gid -> recipe of every biophysical node, gids ascending.
    cells : dict
        gid -> cell of every node, gids ascending: ``Cell``, ``PointCell``, or ``SpikeTrain`` for virtual nodes.
    sources : list of SpikeTrain
        Spike sources that no node stands for (replay, syn_activity); their numbers follow those of ``cells``.
    connections : list of Connections
        Synapses and events; cells are named by their number in the simulation.
    couplings : list of Couplings
        Gap junctions and graded synapses.
    edges : list of EdgeSummary
        What became of each population of edges.
    electrodes : list of Electrode
        Enabled inputs, one item per cell and electrode.
    reports : list of Spec
        Enabled reports.
    spikes : SpikesSpec
        The spikes file.
    output_dir : Path
        Folder of the outputs.
    exchange : Exchange
        The processes of the run. With several, ``connections``, ``couplings`` and ``sources`` have what acts on the
        cells of this process, and virtual nodes that reach none of them are silent.
    share : Share or None
        Which process computes which nodes; None with one.
    """

    config: Config
    populations: list[Population]
    counts: dict[str, dict[str, int]]
    recipes: dict[int, Recipe]
    cells: dict[int, CellLike]
    sources: list[SpikeTrain]
    connections: list[Connections]
    couplings: list[Couplings]
    edges: list[EdgeSummary]
    electrodes: list[Electrode]
    reports: list[Spec]
    spikes: SpikesSpec
    output_dir: Path
    exchange: Exchange = field(default_factory=SerialExchange)
    share: Share | None = None

    @property
    def owner(self) -> npt.NDArray[np.int32] | None:
        """Return the process of every cell of the simulation, int32 (cells + sources,); None with one process."""
        if self.share is None:
            return None
        # A source that no node stands for is known everywhere.
        return np.append(self.share.owner, np.zeros(len(self.sources), np.int32))

    def owns(self, gid: int) -> bool:
        """Return whether this process computes a node."""
        return self.share is None or bool(self.share.own[self.index_of[gid]])

    @cached_property
    def gids(self) -> npt.NDArray[np.int64]:
        """Return the gid of every node, int64 (n,): the cell's number in the simulation -> gid."""
        return np.array(list(self.cells), dtype=np.int64)

    @cached_property
    def index_of(self) -> dict[int, int]:
        """Return gid -> the cell's number in the simulation."""
        return {gid: index for index, gid in enumerate(self.cells)}

    def electrodes_of(self) -> dict[int, list[Electrode]]:
        """Return gid -> its electrodes."""
        found: dict[int, list[Electrode]] = {}
        for electrode in self.electrodes:
            found.setdefault(electrode.gid, []).append(electrode)
        return found

    def simulation(self, *, threads: int = 1) -> Simulation:
        """Return a simulation of the circuit with its inputs and spike detection, without reports."""
        run = self.config.run
        networks: dict[str, Any] = {"connections": self.connections, "couplings": self.couplings}
        if self.share is not None:
            networks |= {"exchange": self.exchange, "owner": self.owner}
        sim = Simulation(
            [*self.cells.values(), *self.sources],
            **networks,
            dt_ms=run.dt_ms,
            celsius_degC=run.celsius_degC,
            v_init_mV=run.v_init_mV,
            threads=threads,
            seed=run.seed,
        )
        index = self.index_of
        for electrode in self.electrodes:
            sim.stimulate(electrode.place, _stimulus(electrode), gid=index[electrode.gid])
        sim.detect(threshold_mV=run.spike_threshold_mV)
        return sim


def simulation(
    path: str | Path,
    *,
    threads: int = 1,
    tstop_ms: float | None = None,
    dt_ms: float | None = None,
    dl_um: float | None = None,
    exchange: Exchange | None = None,
) -> Simulation:
    """Return the simulation of a SONATA configuration, without its reports; ``Simulation.from_sonata`` calls this.

    Parameters
    ----------
    path : path-like
        The ``config.json``.
    threads : int
        Threads of the run.
    tstop_ms, dt_ms, dl_um : float, optional
        Other values than the configuration's.
    exchange : Exchange, optional
        The processes of the run, as in ``read``.

    Notes
    -----
    Cells are numbered from 0 in the order of their gids; ``circuit.read(path).gids`` is the table.
    """
    circuit = read(path, tstop_ms=tstop_ms, dt_ms=dt_ms, dl_um=dl_um, exchange=exchange)
    return circuit.simulation(threads=threads)


def read(
    path: str | Path,
    *,
    output_dir: str | Path | None = None,
    tstop_ms: float | None = None,
    dt_ms: float | None = None,
    dl_um: float | None = None,
    exchange: Exchange | None = None,
) -> Circuit:
    """Return the circuit of a configuration.

    Parameters
    ----------
    path : path-like
        The ``config.json``.
    output_dir : path-like, optional
        Another folder for the outputs.
    tstop_ms, dt_ms, dl_um : float, optional
        Other values than the configuration's.
    exchange : Exchange, optional
        The processes of the run; one when omitted. Each reads the nodes, and the edges that end on its own. Collective.

    Raises
    ------
    SonataError
        Anything that is wrong, missing, or would silently do nothing; ``key`` is the place in the JSON.
    """
    config = load(path)
    changes = {"tstop_ms": tstop_ms, "dt_ms": dt_ms, "dl_um": dl_um}
    changes = {name: value for name, value in changes.items() if value is not None}
    if changes:
        config = config.changed(**changes)
    folder = Path(output_dir).absolute() if output_dir is not None else config.output_dir
    return _circuit(config, folder, exchange or SerialExchange())


def _circuit(config: Config, folder: Path, exchange: Exchange) -> Circuit:
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
    numbers = {int(gid): number for number, gid in enumerate(roster.gids)}
    placer = Placer(config, {numbers[gid]: cell for gid, cell in cells.items()})
    wiring = Wiring(roster, placer, SynapseModels(config, kitchen.folder), share=share)
    inputs = SpikeInputs(config, node_sets, roster, edges, wiring)
    gaps = together(exchange, lambda: _wired(inputs, wiring, kitchen, config))
    inputs.check_replay(exchange)
    kitchen.folder.notice()
    connections = wiring.collector.finish(exchange)
    if share is not None:
        inputs.sources.keep(connections)
    subjects = Subjects(config, node_sets, populations, folder, recipes, points, connections, roster.gids, exchange)
    reports = read_reports(subjects, electrodes)
    spikes = read_spikes(config, folder, [report.path for report in reports])
    _protect_sources(config, reports, spikes)
    everybody: dict[int, CellLike] = {}
    for gid, number in numbers.items():
        everybody[gid] = cells.get(gid) or points.get(gid) or inputs.sources.train(number)
    return Circuit(
        config=config,
        populations=populations,
        counts={name: member.counts for name, member in roster.members.items()},
        recipes=recipes,
        cells=everybody,
        sources=inputs.sources.extra,
        connections=connections,
        couplings=gaps,
        edges=wiring.summaries,
        electrodes=electrodes,
        reports=reports,
        spikes=spikes,
        output_dir=folder,
        exchange=exchange,
        share=share,
    )


def _wired(inputs: SpikeInputs, wiring: Wiring, kitchen: Kitchen, config: Config) -> list[Couplings]:
    """Read all edges; return the couplings among them."""
    inputs.wire()
    return [*wiring.continuous.finish(), *couplings(wiring.gaps, kitchen.folder, config)]


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


def _protect_sources(config: Config, reports: list[Spec], spikes: SpikesSpec) -> None:
    """Refuse outputs that would replace a file of the circuit."""
    places = {spec.path: f"{spec.key}.file_name" for spec in reports}
    places |= {view_of(spec.path): f"{spec.key}.file_name" for spec in reports}
    places |= {spikes.path: "output.spikes_file"}
    if spikes.csv_path is not None:
        places[spikes.csv_path] = "output.spikes_file_csv"
    for path, key in places.items():
        if path in config.opened:
            message = f"would replace {path}, which this configuration reads; give another name."
            raise SonataError(message, key=key, path=config.path)


def _stimulus(electrode: Electrode) -> Step | Waveform | Mechanism:
    if isinstance(electrode, CurrentStep):
        return Step(electrode.delay_ms, electrode.duration_ms, electrode.amp_nA)
    if isinstance(electrode, CurrentWave):
        wave = electrode.wave
        return Waveform(wave.edges_ms, np.append(wave.amps_nA, 0.0))
    values = {"del": electrode.delay_ms, "dur": electrode.duration_ms, "vc": electrode.v_mV, "rs": electrode.rs_MOhm}
    return window_clamp().variant(None, tables=None, **values)


def window_clamp() -> Mechanism:
    """Return the voltage clamp that is connected for a while only."""
    from neurosim.mechanisms import load as load_mechanism

    mechanism: Mechanism = load_mechanism(Path(__file__).with_name("WindowClamp.mod"))
    return mechanism
