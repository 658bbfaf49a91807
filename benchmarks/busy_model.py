"""The busy network: branching cells with a thousand random synapses each, firing at about 5 Hz.

Everything random is drawn here, by ``random.Random`` seeded with the gid, so that every simulator gets the same
trees, synapses and input. A cell is the ring's: hh soma, random binary tree of passive dendrites (depth 4). It has
``--synapses`` Exp2Syn on random compartments of the dendrites, each from a random other cell, delays 1 to 10 ms, and
one Exp2Syn on the soma that takes a Poisson train of ``RATE_HZ``.

An event of the train makes a spike unless it falls into the refractory time of the last; the other synapses are weak
and depolarise together. So the spikes follow the given trains, and simulators that place a spike at different parts of
a step still agree about their number.
"""

from __future__ import annotations

import argparse
import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from common import model

TAU1_MS, TAU2_MS, E_MV = 0.5, 2.0, 0.0
THRESHOLD_MV = 0.0
LEAST_DELAY_MS, MOST_DELAY_MS = 1.0, 10.0
WEIGHT_US = 1e-4
DRIVE_WEIGHT_US = 0.02
DRIVE_DELAY_MS = 1.0
RATE_HZ = 5.0
DEPTH = 4


def arguments(*, event_cost: bool = False) -> argparse.Namespace:
    """Read the command line that all scripts take; ``event_cost`` adds the option of neurosim's."""
    parser = model.parser("busy", 1000, 100.0)
    parser.add_argument("--synapses", type=int, default=1000, help="for each cell")
    parser.add_argument("--rate", type=float, default=RATE_HZ, help="of the Poisson train that each cell gets, Hz")
    parser.add_argument("--weight", type=float, default=WEIGHT_US, help="of the synapses between cells, uS")
    parser.add_argument("--label", default="", help="name put in the engine field")
    parser.add_argument("--hh-table", choices=["on", "off"], default="on", help="NEURON and neurosim: rates by table")
    if event_cost:
        parser.add_argument("--event-cost", type=float, default=0.0, metavar="HZ", help="measure the cost of an event")
    args: argparse.Namespace = parser.parse_args()
    args.case = "busy"
    return args


@dataclass(frozen=True)
class Network:
    """What every simulator builds.

    Parameters
    ----------
    trees : list
        Sections of each cell.
    section, x, source, delay_ms : (cells, synapses)
        The synapses of each cell: section and position in it, gid of the source, delay.
    trains_ms : list
        For each cell the times of its Poisson train; they act ``DRIVE_DELAY_MS`` later.
    """

    trees: list[list[Any]]
    section: npt.NDArray[np.int32]
    x: npt.NDArray[np.float64]
    source: npt.NDArray[np.int32]
    delay_ms: npt.NDArray[np.float64]
    trains_ms: list[list[float]]

    @property
    def compartments(self) -> int:
        """Number of compartments with area."""
        return int(sum(model.ncomp(sections) for sections in self.trees))

    def facts(self, spikes: list[tuple[int, float]], tstop_ms: float) -> dict[str, int]:
        """Return the fields that all scripts add to their line."""
        return {"events": self.delivered(spikes, tstop_ms), "synapses": self.source.size + len(self.trees)}

    def delivered(self, spikes: list[tuple[int, float]], tstop_ms: float) -> int:
        """Count the events that reach a synapse before the end: those of the network and those of the trains."""
        order = np.argsort(self.source, axis=None, kind="stable")
        by_source = self.delay_ms.reshape(-1)[order]
        start = np.searchsorted(self.source.reshape(-1)[order], np.arange(len(self.trees) + 1))
        own = sum(int((by_source[start[gid] : start[gid + 1]] <= tstop_ms - t_ms).sum()) for gid, t_ms in spikes)
        return own + sum(t_ms + DRIVE_DELAY_MS <= tstop_ms for train in self.trains_ms for t_ms in train)


def draw(args: argparse.Namespace, cells: int | None = None) -> Network:
    """Return the network of the command line, or one of fewer cells."""
    n = args.cells if cells is None else cells
    trees = [model.ring_tree(gid, DEPTH) for gid in range(n)]
    columns = [_synapses(gid, n, args.synapses, len(trees[gid])) for gid in range(n)]
    section, x, source, delay_ms = (np.stack(column) for column in zip(*columns, strict=True))
    trains_ms = [_train_ms(gid, args.rate, args.tstop) for gid in range(n)]
    return Network(trees, section, x, source, delay_ms, trains_ms)


def _synapses(gid: int, cells: int, count: int, section_n: int) -> tuple[npt.NDArray[Any], ...]:
    """Return section, position, source and delay of the synapses of a cell; sources are other cells.

    Arrays at once: lists of a million numbers would be the peak of the process's memory, which is reported.
    """
    rng = random.Random(1_000_003 * (gid + 1) + 1)
    columns: tuple[list[Any], ...] = ([], [], [], [])
    for _ in range(count):
        source = rng.randrange(cells - 1) if cells > 1 else 0
        row = (
            rng.randrange(1, section_n),
            rng.random(),
            source + int(source >= gid and cells > 1),
            rng.uniform(LEAST_DELAY_MS, MOST_DELAY_MS),
        )
        for column, value in zip(columns, row, strict=True):
            column.append(value)
    kinds = (np.int32, np.float64, np.int32, np.float64)
    return tuple(np.array(column, kind) for column, kind in zip(columns, kinds, strict=True))


def _train_ms(gid: int, rate_Hz: float, until_ms: float) -> list[float]:
    rng = random.Random(1_000_003 * (gid + 1) + 2)
    times, t_ms = [], 0.0
    while rate_Hz > 0.0:
        t_ms += rng.expovariate(rate_Hz / 1000.0)
        if t_ms >= until_ms:
            break
        times.append(t_ms)
    return times
