"""A small network of what SONATA can say: cells with stubs, point cells, spike trains, synapses, gap junctions."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from neurosim.mechanisms import library
from neurosim.model.cell import Cell
from neurosim.model.connections import Connections
from neurosim.model.network import Network
from neurosim.model.point import PointCell, SpikeTrain
from neurosim.model.population import Population
from neurosim.model.rules import AllToAll, OneToOne
from neurosim.models.demo import CellShape, grow, to_swc
from neurosim.morphology.section import Morphology
from neurosim.morphology.swc import read_swc
from neurosim.sonata.axon import with_stub

CELLS_N, POINTS_N, TRAINS_N = 4, 5, 6


@cache
def invented(seed: int) -> Morphology:
    """Return an invented tree with an apical trunk, its axon as reconstructed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"tree_{seed}.swc"
        path.write_text(to_swc(grow(CellShape(stems_n=3, forks=2, apical_um=120.0), seed)))
        return read_swc(path)


def excitable(seed: int) -> Cell:
    """Return a cell that fires; its stub is perisomatic for odd seeds, all-active for even ones."""
    morphology = with_stub(invented(seed), allactive=seed % 2 == 0)
    cell = Cell(morphology, name=f"tree {seed}").discretise(max_length_um=20.0)
    cell.set(ra_ohm_cm=110.0).set("dend", cm_uF_per_cm2=1.8).set("apic", cm_uF_per_cm2=2.0, ra_ohm_cm=130.0)
    cell.insert("pas", g=2e-5, e=-75.0).insert("pas", "axon", g=1e-4)
    cell.insert("NaTs", "soma", gbar=0.6 + 0.1 * seed).insert("Kv3_1", "soma", gbar=0.2)
    cell.insert("hh", "axon", gnabar=0.02, gkbar=0.01)
    return cell.set("soma", ena_mV=53.0, ek_mV=-97.0).set("axon", ena_mV=50.0)


def small_network(seed: int = 3) -> Network:
    """Return the network: spike trains drive cells and point cells, which are connected among themselves."""
    rng = np.random.default_rng(seed)
    net = Network(seed)
    kinds = [excitable(1), excitable(2)]
    members = [kinds[k % 2] for k in range(CELLS_N)]
    e = net.add("E", CELLS_N, members, rng.uniform(0.0, 100.0, (CELLS_N, 3)), ei="e", tuning=np.arange(4.0))
    points = [PointCell(library.get("IntFire1")(tau=tau, refrac=3.0)) for tau in (20.0, 12.3)]
    p = net.add("P", POINTS_N, [points[k % 2] for k in range(POINTS_N)])
    trains = [SpikeTrain(rng.uniform(0.0, 90.0, 12)) for _ in range(TRAINS_N)]
    t = net.add("T", TRAINS_N, trains)

    def connect(
        mechanism: str | None, source: Population, target: Population, n: int, weight: ArrayLike, **values: Any
    ) -> None:
        sources = source.first_gid + rng.integers(0, len(source), n)
        targets = target.first_gid + rng.integers(0, len(target), n)
        nodes = np.zeros(n, np.int32)
        if mechanism is not None:
            nodes[:] = [
                rng.choice(cell.nodes("all")) for cell in (net.cells[g] for g in targets) if isinstance(cell, Cell)
            ]
        source_gid, target_gid = sources.astype(np.int32), targets.astype(np.int32)
        weights, delays = np.array(np.broadcast_to(weight, (n,)), float), rng.uniform(0.5, 4.0, n)
        synapse = None if mechanism is None else library.get(mechanism)
        net.connections.append(Connections(synapse, source_gid, target_gid, nodes, weights, delays, values))

    # Inputs come first and two kinds of synapse alternate, so that the order of the rows is not that of any reader.
    connect("Exp2Syn", t, e, 80, rng.uniform(5e-4, 2e-3, 80), tau1=0.5, tau2=rng.choice([2.0, 6.0], 80), e=0.0)
    connect("Exp2Syn", e, e, 40, 6e-4, tau1=0.5, tau2=2.0, e=0.0)
    connect("ExpSyn", e, e, 20, rng.uniform(2e-4, 4e-4, 20), tau=3.0, e=-70.0)
    connect(None, t, p, 25, rng.uniform(0.2, 0.6, 25))
    connect(None, e, p, 15, rng.uniform(0.2, 0.5, 15))
    connect(None, p, p, 10, rng.uniform(-0.2, 0.3, 10))
    connect("Exp2Syn", p, e, 12, 5e-4, tau1=0.5, tau2=2.0, e=0.0)
    net.couple(e[:2], e[2:], rule=OneToOne(), at="soma(0.5)", g=2e-3)
    return net


def of_one(*cells: Any, **attributes: Any) -> Network:
    """Return a network of one population."""
    net = Network()
    net.add("cells", len(cells), list(cells), **attributes)
    return net


def stubbed() -> Cell:
    """Return a passive cell of an invented tree with the perisomatic stub."""
    return Cell(with_stub(invented(1))).discretise(max_length_um=20.0).insert("pas", g=1e-5, e=-70.0)


def connected(cell: Cell, nodes: Any, **values: Any) -> Network:
    """Return a network of one cell that excites itself."""
    net, n = of_one(cell), len(nodes)
    ids, numbers = np.zeros(n, np.int32), np.ones(n)
    net.connections.append(
        Connections(library.get("ExpSyn"), ids, ids, np.asarray(nodes, np.int32), numbers, numbers, values)
    )
    return net


def coupled(at: str, *, mutual: bool = True) -> Network:
    net = Network(1)
    cells = net.add("cells", 4, stubbed())
    sources = cells if mutual else cells[:1]
    net.couple(sources, cells if mutual else cells[1:], rule=AllToAll(), at=at, mutual=mutual, g=2.5e-4)
    return net
