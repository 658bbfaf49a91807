"""The models that must give the same bits however they are computed: a function each, for any exchange and threads."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import neurosim as ns

SHARED = Path(os.environ.get("NEUROSIM_SHARED", Path(__file__).resolve().parents[2] / "shared"))
NINE = SHARED / "data/sonata/9_cells/config.json"
AT = {"at": "soma(0.5)"}


def nine_cells(exchange: Any, threads: int, folder: Path) -> ns.Simulation:
    """Return the SONATA example of nine biophysical cells, from its own files."""
    from neurosim.sonata.circuit import read

    return read(NINE, output_dir=folder / "nine", exchange=exchange).simulation(threads=threads)


def random_2000(exchange: Any, threads: int, folder: Path) -> ns.Simulation:
    """Return 2000 connected cells whose synapses release by chance, under Poisson input."""
    net = ns.Network(seed=11)
    excited, inhibited = net.add("excitatory", 1600, _ball()), net.add("inhibitory", 400, _ball(diam_um=12.0))
    drive = net.add_spikes("drive", ns.random.Poisson(60.0, stop_ms=1000.0), n=200)
    release = ns.mechanisms.AMPANMDA()
    some = ns.rules.FixedInDegree(10)
    for target in (excited, inhibited):
        net.connect(drive, target, release, rule=ns.rules.FixedInDegree(6), weight=0.004, **AT)
        net.connect(excited, target, release, rule=some, weight=0.0007, delay_ms=ns.random.Uniform(0.8, 4.0), **AT)
    quiet = ns.mechanisms.Exp2Syn(tau1=0.5, tau2=6.0, e=-80.0)
    net.connect(inhibited, excited, quiet, rule=some, weight=0.002, delay_ms=ns.random.Uniform(0.8, 2.0), **AT)
    return ns.Simulation(net, exchange=exchange, threads=threads, seed=5)


def gap_ring(exchange: Any, threads: int, folder: Path) -> ns.Simulation:
    """Return 48 cells in a ring of gap junctions, one of which is driven."""
    net = ns.Network(seed=2)
    ring = net.add("ring", 48, _ball())
    around = ns.rules.FromArrays(np.arange(48), (np.arange(48) + 1) % 48)
    net.couple(ring, ring, rule=around, g=0.004, **AT)
    sim = ns.Simulation(net, exchange=exchange, threads=threads)
    for gid in (0, 17):
        sim.stimulate("soma(0.5)", ns.Step(2.0, 40.0, 0.6), gid=gid)
    return sim


def worm(exchange: Any, threads: int, folder: Path) -> ns.Simulation:
    """Return the 302 neurons and 95 muscles of the worm, from the circuit that is written once."""
    from neurosim.models.worm import loop, store
    from neurosim.sonata.circuit import read

    home = folder / "worm"
    if not (home / "config.json").exists():
        store.write(
            loop.published_model(), home, detail="adaptive", pieces_um=None, run={"tstop_ms": 1000, "dt_ms": 0.5}
        )
    return read(home / "config.json", exchange=exchange).simulation(threads=threads)


def _ball(diam_um: float = 20.0) -> ns.Cell:
    return ns.Cell.cylinder(length_um=20.0, diam_um=diam_um).insert(ns.mechanisms.HH())


MODELS: dict[str, tuple[Callable[[Any, int, Path], ns.Simulation], float]] = {
    "9_cells": (nine_cells, 300.0),
    "random_2000": (random_2000, 100.0),
    "gap_ring": (gap_ring, 60.0),
    "worm": (worm, 200.0),
}
"""Name -> function and simulated time in ms."""
