"""From a configuration to a simulation.

``read`` opens everything a configuration names and returns a ``Circuit``: populations, a cell for every node, the
connections between them, electrodes and reports. ``Circuit.simulation`` makes the ``Simulation``. Of a run of several
processes each has the circuit with its own part of the connections.
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
from neurosim.sonata.biophysical import Kitchen
from neurosim.sonata.config import Config
from neurosim.sonata.gap_junctions import couplings
from neurosim.sonata.inputs import CurrentStep, CurrentWave, Electrode
from neurosim.sonata.nodes import Population
from neurosim.sonata.outfile import view_of
from neurosim.sonata.placing import Placer
from neurosim.sonata.planning import Plan, planned
from neurosim.sonata.recipe import Recipe
from neurosim.sonata.report_entry import Subjects
from neurosim.sonata.reports import Spec, read_reports
from neurosim.sonata.shares import Share
from neurosim.sonata.spike_inputs import SpikeInputs
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
        # Trains are played everywhere; that of a source that no node stands for is kept by the first process.
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
    given = {"tstop_ms": tstop_ms, "dt_ms": dt_ms, "dl_um": dl_um}
    changes = {name: value for name, value in given.items() if value is not None}
    exchange = exchange or SerialExchange()
    plan = together(exchange, lambda: planned(path, changes, exchange))
    folder = Path(output_dir).absolute() if output_dir is not None else plan.config.output_dir
    return _circuit(plan, folder, exchange)


def _circuit(plan: Plan, folder: Path, exchange: Exchange) -> Circuit:
    """Wire the edges; collective."""
    config, roster, kitchen, cells, points = plan.config, plan.roster, plan.kitchen, plan.cells, plan.points
    numbers = {int(gid): number for number, gid in enumerate(roster.gids)}
    placer = Placer(config, {numbers[gid]: cell for gid, cell in cells.items()})
    wiring = Wiring(roster, placer, SynapseModels(config, kitchen.folder), share=plan.share)
    inputs = SpikeInputs(config, plan.node_sets, roster, plan.edges, wiring)
    gaps = together(exchange, lambda: _wired(inputs, wiring, kitchen, config))
    inputs.check_replay(exchange)
    kitchen.folder.notice()
    connections = wiring.collector.finish(exchange)
    if plan.share is not None:
        further = np.full(len(inputs.sources.extra), exchange.rank == 0)
        inputs.sources.keep(connections, np.append(plan.share.own, further))
    subjects = Subjects(
        config, plan.node_sets, plan.populations, folder, plan.recipes, points, connections, roster.gids, exchange
    )
    reports = read_reports(subjects, plan.electrodes)
    spikes = read_spikes(config, folder, [report.path for report in reports])
    _protect_sources(config, reports, spikes)
    everybody: dict[int, CellLike] = {}
    for gid, number in numbers.items():
        everybody[gid] = cells.get(gid) or points.get(gid) or inputs.sources.train(number)
    return Circuit(
        config=config,
        populations=plan.populations,
        counts={name: member.counts for name, member in roster.members.items()},
        recipes=plan.recipes,
        cells=everybody,
        sources=inputs.sources.extra,
        connections=connections,
        couplings=gaps,
        edges=wiring.summaries,
        electrodes=plan.electrodes,
        reports=reports,
        spikes=spikes,
        output_dir=folder,
        exchange=exchange,
        share=plan.share,
    )


def _wired(inputs: SpikeInputs, wiring: Wiring, kitchen: Kitchen, config: Config) -> list[Couplings]:
    """Read all edges; return the couplings among them."""
    inputs.wire()
    return [*wiring.continuous.finish(), *couplings(wiring.gaps, kitchen.folder, config)]


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
