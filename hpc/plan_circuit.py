"""What a SONATA circuit tells before it is run on many nodes: its size, its rate in an earlier run, its partition."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neurosim.engine.cost import STATIC, Coefficients, costs_of
from neurosim.errors import NeurosimError
from neurosim.exchange import Floats, Longs
from neurosim.hpc.dry import DryExchange, dry_run
from neurosim.hpc.given import Given, Sheet
from neurosim.hpc.network_size import compartments_of, size_of, synapses_of
from neurosim.hpc.partition import partition, report
from neurosim.model.point import SpikeTrain
from neurosim.sonata.circuit import CellLike, Circuit, read
from neurosim.sonata.h5read import opened
from neurosim.sonata.shares import sets_of
from neurosim.units import MS_PER_S

ASSUMED_RATE_HZ = 5.0
"""Rate where no spikes of an earlier run are there and none is given."""


def read_part(config: str | Path, ranks: int) -> Circuit:
    """Read a circuit that does not fit here: all nodes, how many edges each has, and the edges of one rank of many.

    Parameters
    ----------
    config : path
        Configuration.
    ranks : int
        Number of ranks.
    """
    return read(config, exchange=DryExchange(ranks, "median"))


def circuit_size(circuit: Circuit, rate_Hz: float | None = None, coefficients: Coefficients = STATIC) -> Sheet:
    """Return the numbers of a circuit that a forecast needs.

    Parameters
    ----------
    circuit : Circuit
        Read as a whole, or in part (``read_part``).
    rate_Hz : float, optional
        Mean rate of a cell; that of an earlier run when omitted.
    coefficients : Coefficients
        Times of what cells consist of.
    """
    cells, share = _cells(circuit), circuit.share
    rate = earlier_rate(circuit) if rate_Hz is None else Given(rate_Hz, "assumed", "given by the caller")
    synapses_n = None if share is None else _synapses_n(circuit)
    return size_of(
        cells, circuit.connections, circuit.config.run.dt_ms, rate, str(circuit.config.path), coefficients, synapses_n
    )


def earlier_rate(circuit: Circuit) -> Given:
    """Return the mean rate of a cell in the run whose spikes file lies where this one's will be; else a guess."""
    path = circuit.spikes.path
    tstop_ms = circuit.config.run.tstop_ms
    if not path.is_file():
        return Given(ASSUMED_RATE_HZ, "assumed", f"no spikes of an earlier run in {path.name}; give --rate-hz")
    try:
        with opened(path) as file:
            spikes_n = sum(len(group["timestamps"]) for group in file["spikes"].values() if "timestamps" in group)
    except (OSError, KeyError, AttributeError) as error:
        raise NeurosimError(f"{path}: no spikes can be read ({error}); remove it or give --rate-hz") from error
    cells_n = max(1, sum(not isinstance(cell, SpikeTrain) for cell in circuit.cells.values()))
    return Given(spikes_n / cells_n / (tstop_ms / MS_PER_S), "measured", f"{spikes_n} spikes in {path.name}")


def partition_text(circuit: Circuit, ranks: int) -> str:
    """Return how the cells of a circuit would be shared out among ranks, and what would travel between them."""
    cells = _cells(circuit)
    synapses_n, whole = _synapses_n(circuit), circuit.share is None
    # As a run does: it knows the number of synapses onto every cell, and the kinds of those onto its own.
    costs = costs_of(cells, synapses_n)
    pairs = [np.stack([t.source_gid, t.target_gid], axis=1).astype(np.int64) for t in circuit.couplings]
    together = sets_of(np.concatenate(pairs)) if pairs else []
    owner = partition(costs, ranks, together, _places_um(circuit, len(cells)))
    return report(
        owner,
        costs,
        ranks,
        together=together,
        compartments_n=[compartments_of(cell) for cell in cells],
        synapses_n=synapses_n,
        edges=[*circuit.connections, *circuit.couplings] if whole else None,
        silent=_silent(cells),
    )


def dry_text(config: str | Path, ranks: int, rank: int | str, ms: float, rate_Hz: float, *, overlap: bool) -> str:
    """Play one rank of a circuit's run: read, build and run what it would hold; return what that showed.

    Parameters
    ----------
    config : path
        Configuration.
    ranks, rank, ms, rate_Hz, overlap
        As in ``neurosim.hpc.dry.dry_run``.
    """
    return dry_run(
        lambda ex: read(config, exchange=ex).simulation(), ranks, rank, ms, rate_Hz=rate_Hz, overlap=overlap
    ).text()


def _cells(circuit: Circuit) -> list[CellLike]:
    return [*circuit.cells.values(), *circuit.sources]


def _synapses_n(circuit: Circuit) -> Longs:
    """Return the number of connections onto each cell, int64 (cells,)."""
    if circuit.share is None:
        return synapses_of(len(circuit.cells) + len(circuit.sources), circuit.connections)
    return np.append(circuit.share.synapses_n, np.zeros(len(circuit.sources), np.int64))


def _silent(cells: list[CellLike]) -> Longs:
    return np.array([gid for gid, cell in enumerate(cells) if isinstance(cell, SpikeTrain)], np.int64)


def _places_um(circuit: Circuit, cells_n: int) -> Floats | None:
    """Return where the cells are, float64 (cells, 3), NaN where that is not said; None if it is said of none."""
    places = np.full((cells_n, 3), np.nan)
    for population in circuit.populations:
        if {"x", "y", "z"} <= set(population.names):
            rows = np.array([circuit.index_of[gid] for gid in population.gids.tolist()], np.int64)
            for axis, name in enumerate("xyz"):
                places[rows, axis] = population.numbers(name, float("nan"))
    return None if np.isnan(places).all() else places
