"""Scaling runs as inputs of a forecast: the file that ``benchmarks/scaling.py`` writes, and what is learned from it.

The file is JSON: ``{"machine": {...}, "calibration": {...}, "runs": [...]}``, of which the runs are read here. Each has
the members of ``Run``; lists have one number a rank.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import median
from typing import Any

from neurosim.errors import NeurosimError
from neurosim.hpc.forecast import Layout
from neurosim.hpc.given import Given, Sheet
from neurosim.hpc.network_size import UNITS, checked


@dataclass(frozen=True)
class Run:
    """One measured run.

    Parameters
    ----------
    name : str
        Of the network.
    network : dict
        Its numbers, by the names of ``network_size.UNITS``.
    nodes, ranks, threads, cores : int
        Of the run; cores are those of a node.
    exchange : str
        ``none`` (one rank) or one of ``forecast.WAYS``.
    overlap : bool
        Whether spikes travelled while the next window was computed.
    biological_ms : float
        Simulated time.
    run_s : float
        Wall time of the run, without building.
    compute_s, exchange_s, wait_s : list of float
        Of each rank: computing, in calls of the exchange, and of that waiting for others.
    memory_B : list of float
        Of each rank: what the model takes.
    """

    name: str
    network: dict[str, float]
    nodes: int
    ranks: int
    threads: int
    cores: int
    exchange: str
    overlap: bool
    biological_ms: float
    run_s: float
    compute_s: list[float]
    exchange_s: list[float]
    wait_s: list[float]
    memory_B: list[float]

    @property
    def sheet(self) -> Sheet:
        """The network as inputs of a forecast."""
        return checked(
            Sheet(self.name, self.name, {k: Given(v, "measured", self.name) for k, v in self.network.items()})
        )

    @property
    def layout(self) -> Layout:
        """Nodes, ranks and threads as a forecast wants them."""
        way = "auto" if self.exchange == "none" else self.exchange
        return Layout(self.nodes, self.ranks // self.nodes, self.threads, way, self.overlap)

    @property
    def slowdown(self) -> float:
        """Seconds of computing for a second of the network."""
        return self.run_s / (self.biological_ms * 1e-3)

    @property
    def windows(self) -> float:
        """Number of windows."""
        return self.biological_ms / self.network["delay_ms"]

    @property
    def crowded(self) -> bool:
        """Whether there were more threads than cores."""
        return self.ranks * self.threads > self.cores * self.nodes


def read_runs(path: str | Path) -> list[Run]:
    """Return the runs of a file.

    Raises
    ------
    NeurosimError
        No such file, no JSON, or a run with a missing, unknown or wrong member.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise NeurosimError(
            f"{path}: cannot be read ({error.strerror}); give the file of benchmarks/scaling.py"
        ) from error
    except ValueError as error:
        raise NeurosimError(f"{path}: this is no JSON: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("runs"), list) or not content["runs"]:
        raise NeurosimError(f"{path}: no list of runs; give the file of benchmarks/scaling.py")
    return [_run(f"{path} run {k + 1}", entry) for k, entry in enumerate(content["runs"])]


def learned(machine: Sheet, runs: Sequence[Run], source: str) -> Sheet:
    """Return a machine whose times, memory and jitter are those of runs on it.

    Parameters
    ----------
    machine : Sheet
        The machine as it was described; what no run tells stays.
    runs : sequence of Run
        Runs; those of one rank and thread give the cost of a compartment, those of several latency and jitter.
    source : str
        Where they are from.
    """
    values: dict[str, float] = {"cores": float(runs[0].cores)}
    single = [run for run in runs if run.ranks * run.threads == 1]
    if single:
        values["compartment_ns"] = median(_compartment_ns(machine, run) for run in single)
        values["compartment_B"] = median(_compartment_B(machine, run) for run in single)
    for name, chosen in (
        ("local_latency_us", [r for r in runs if r.ranks > 1 and r.nodes == 1 and not r.crowded]),
        ("latency_us", [r for r in runs if r.nodes > 1 and not r.crowded]),
        ("crowded_latency_us", [r for r in runs if r.ranks > 1 and r.crowded]),
    ):
        found = [_latency_us(machine, run) for run in chosen if run.exchange == "allgather" and not run.overlap]
        if found:
            values[name] = median(found)
    spread = [_jitter(run) for run in runs if run.ranks > 1 and not run.crowded]
    if spread:
        values["jitter_frac"] = median(spread)
    return machine.replaced("measured", source, **values)


def _compartment_ns(machine: Sheet, run: Run) -> float:
    """Return t_C from the computing of one core, less what its events take."""
    w = run.network
    seconds = run.biological_ms * 1e-3
    events_ns = w["cells"] * w["synapses"] * w["rate_Hz"] * seconds * machine["event_ns"]
    lookup_ns = w["cells"] * w["rate_Hz"] * seconds * machine["lookup_ns"]
    steps = run.biological_ms / w["dt_ms"]
    left_ns = sum(run.compute_s) * 1e9 - events_ns - lookup_ns
    return max(left_ns, 0.0) / (w["cells"] * w["compartments"] * w["work"] * steps)


def _compartment_B(machine: Sheet, run: Run) -> float:
    """Return b_C from the memory of one rank, less what its synapses take."""
    w = run.network
    left_B = sum(run.memory_B) - w["cells"] * (
        w["synapses"] * machine["synapse_B"] + machine["source_B"] + machine["cell_B"]
    )
    return max(left_B, 0.0) / (w["cells"] * w["compartments"])


def _latency_us(machine: Sheet, run: Run) -> float:
    """Return a from the time in the exchange that was no waiting: the least of the ranks, as the forecast's formula."""
    inside_s = min(e - w for e, w in zip(run.exchange_s, run.wait_s, strict=True)) / run.windows
    fired = run.network["cells"] * run.network["rate_Hz"] * run.network["delay_ms"] * 1e-3
    rate = machine["local_GB_per_s" if run.nodes == 1 else "network_GB_per_s"] * 1e9
    return max(inside_s - machine["spike_B"] * fired / rate, 0.0) * 1e6 / math.ceil(math.log2(run.ranks))


def _jitter(run: Run) -> float:
    """Return cv such that the expected maximum of the ranks is what they waited for, on average."""
    waited = sum(run.wait_s) / run.ranks
    return waited / (sum(run.compute_s) / run.ranks) / math.sqrt(2.0 * math.log(max(run.ranks, 2)))


def _run(place: str, entry: Any) -> Run:
    names = [f.name for f in fields(Run)]
    if not isinstance(entry, dict) or set(entry) != set(names):
        odd = sorted(set(entry) ^ set(names)) if isinstance(entry, dict) else [type(entry).__name__]
        raise NeurosimError(f"{place}: wrong or missing {', '.join(odd)}; needed are {', '.join(names)}")
    if set(entry["network"]) != set(UNITS):
        raise NeurosimError(f"{place}: network needs {', '.join(UNITS)}")
    run = Run(**entry)
    for name in ("compute_s", "exchange_s", "wait_s", "memory_B"):
        if len(getattr(run, name)) != run.ranks:
            raise NeurosimError(f"{place}: {name} has {len(getattr(run, name))} numbers; needed is one for each rank")
    if run.biological_ms <= 0.0 or run.run_s <= 0.0 or run.ranks < run.nodes:
        raise NeurosimError(f"{place}: biological_ms, run_s must be above 0, ranks at least as many as nodes")
    return run
