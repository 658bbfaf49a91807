"""What this machine's cores take: times measured in about a second, kept in the cache folder.

They replace the rough figures of ``neurosim.engine.cost`` in forecasts. For a partition all ranks need the same
numbers: rank 0's count.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

import neurosim
from neurosim.engine.build import cache_folder, write_atomically
from neurosim.engine.cost import STATIC, Coefficients, operations_of
from neurosim.errors import NeurosimError
from neurosim.mechanisms import library
from neurosim.model.cell import Cell
from neurosim.model.connections import Connections
from neurosim.model.point import SpikeTrain
from neurosim.simulation import Simulation

CELLS, NODES, REPEATS = 64, 32, 7
_STEPS = {"passive": 2000, "channels": 300, "events": 400}
_SYNAPSES, _TRAINS, _UNHEARD = 200, 200, 50
_DT_MS = 0.025


def calibrated(*, again: bool = False) -> dict[str, float]:
    """Return this machine's times in ns, by name.

    Those of ``Coefficients``, and ``compartment_ns`` (a compartment with the channels of Hodgkin and Huxley and step),
    ``event_ns`` (an event delivered to a random place) and ``lookup_ns`` (a spike that no local cell hears).

    Parameters
    ----------
    again : bool
        Measure although the cache folder has them.

    Notes
    -----
    The cache's file is of one processor, one version of neurosim and one of what it compiles with. Times are the least
    of some repetitions, of this thread's own clock: other programs disturb little.
    """
    path = cache_folder() / f"calibration_{_machine_digest()}.json"
    if not again:
        try:
            return _checked(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, KeyError):
            pass
    found = measured()
    write_atomically(path, json.dumps(found, indent=1))
    return found


def coefficients(*, again: bool = False) -> Coefficients:
    """Return the measured coefficients of cost."""
    found = calibrated(again=again)
    return Coefficients(**{f.name: found[f.name] for f in fields(Coefficients)})


def _checked(found: dict[str, Any]) -> dict[str, float]:
    """Return the file's numbers; every error means that it is not one of ours."""
    names = {f.name for f in fields(Coefficients)} | {"compartment_ns", "event_ns", "lookup_ns"}
    numbers = {name: float(found[name]) for name in names}
    if not all(np.isfinite(x) and x >= 0.0 for x in numbers.values()):
        raise ValueError("a time that cannot be")
    return numbers


def _machine_digest() -> str:
    import llvmlite
    import numba

    versions = (neurosim.__version__, numba.__version__, llvmlite.__version__)
    facts = (*versions, platform.machine(), _processor(), os.environ.get("NUMBA_CPU_NAME"))
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def _processor() -> str:
    """Return the processor's name; the platform's where the system does not tell."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def measured() -> dict[str, float]:
    """Measure now; the first time on a machine compiling comes on top.

    Notes
    -----
    A passive cable gives ``node_ns``. Hodgkin and Huxley's channels give overhead and vector arithmetic, which keep
    their ratios, a channel with a power function the scalar functions, joined synapses ``synapse_ns``, given spikes of
    many synapses ``event_ns``, and given spikes without synapses ``lookup_ns``.
    """
    node_ns = _cable_ns()
    compartment_ns = _cable_ns("HH")
    factor = (compartment_ns - node_ns) / (STATIC.instance_ns + operations_of(library.get("HH")).ns(STATIC))
    if not factor > 0.0:
        raise NeurosimError("calibration: channels took no time; the clock of this machine cannot be used")
    scaled = {n: getattr(STATIC, n) * factor for n in ("instance_ns", "simple_ns", "vector_ns", "draw_ns", "point_ns")}
    scalar = operations_of(library.get("SK"))
    others_ns = scaled["instance_ns"] + scalar.simple * scaled["simple_ns"] + scalar.vector * scaled["vector_ns"]
    scalar_ns = max(0.0, _cable_ns("SK") - node_ns - others_ns) / scalar.scalar
    synapse_ns, event_ns, lookup_ns = _synapses_ns(node_ns)
    own = Coefficients(
        node_ns=node_ns,
        scalar_ns=scalar_ns,
        synapse_ns=synapse_ns,
        delivery_ns=STATIC.delivery_ns * factor,
        **scaled,
    )
    return {**asdict(own), "compartment_ns": compartment_ns, "event_ns": event_ns, "lookup_ns": lookup_ns}


def _cable(*names: str) -> Cell:
    cell = Cell.cylinder(length_um=500.0, diam_um=3.0)
    cell.set(nseg=NODES)
    for name in ("pas", *names):
        cell.insert(library.get(name))
    return cell


def _cable_ns(*names: str) -> float:
    """Return the time of a compartment and step with these channels."""
    steps = _STEPS["channels" if names else "passive"]
    cell = _cable(*names)
    engine = Simulation([cell] * CELLS, dt_ms=_DT_MS).build()
    engine.advance(1)
    return _least_s(lambda: engine.advance(steps)) / (steps * CELLS * len(cell.tree)) * 1e9


def _synapses_ns(node_ns: float) -> tuple[float, float, float]:
    """Return the times of a compartment's joined synapses and step, of an event, and of a spike nobody hears."""
    cell, steps = _cable(), _STEPS["events"]
    span_ms = REPEATS * (steps + 1) * _DT_MS
    rng = np.random.default_rng(1)
    n = CELLS * _SYNAPSES
    target = np.repeat(np.arange(CELLS, dtype=np.int32), _SYNAPSES)
    node = rng.integers(0, len(cell.tree), n, dtype=np.int32)
    table = Connections(library.get("ExpSyn"), np.zeros(n, np.int32), target, node, np.full(n, 1e-9), np.full(n, 2.0))

    def seconds(trains: list[SpikeTrain], sources: np.ndarray[Any, np.dtype[np.int32]]) -> float:
        own = Connections(table.mechanism, sources, target, node, table.weight, table.delay_ms)
        engine = Simulation([*[cell] * CELLS, *trains], connections=[own], dt_ms=_DT_MS).build()
        engine.advance(1)
        return _least_s(lambda: engine.advance(steps))

    silent = [SpikeTrain()] * _TRAINS
    sources = rng.integers(CELLS, CELLS + _TRAINS, n, dtype=np.int32)
    quiet_s = seconds(silent, sources)
    # Evenly in time, so that every repetition has as many.
    busy = [SpikeTrain(np.arange(k / _TRAINS, span_ms, 1.0)) for k in range(_TRAINS)]
    busy_s = seconds(busy, sources)
    # Spikes of sources without synapses, many more of them.
    unheard = [SpikeTrain(np.arange(k / _TRAINS, span_ms, 1.0 / _UNHEARD)) for k in range(_TRAINS)]
    unheard_s = seconds([*silent, *unheard], sources)
    spikes_n = _TRAINS * steps * _DT_MS
    heard_ns = (busy_s - quiet_s) / spikes_n * 1e9
    lookup_ns = max(0.0, (unheard_s - quiet_s) / (_UNHEARD * spikes_n) * 1e9)
    places = CELLS * len(cell.tree) * steps
    synapse_ns = max(0.0, quiet_s / places * 1e9 - node_ns)
    return synapse_ns, max(0.0, heard_ns - lookup_ns) * _TRAINS / n, lookup_ns


def _least_s(work: Callable[[], object]) -> float:
    """Return the least time of this thread over some repetitions."""
    times = []
    for _ in range(REPEATS):
        begun = time.thread_time()
        work()
        times.append(time.thread_time() - begun)
    return min(times)
