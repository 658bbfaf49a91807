"""Kinds of nodes: what a forecast must know about a machine, read from ``machines/*.toml`` or a file of the user's.

What a file leaves out is taken from ``COMMON``: bytes that neurosim needs, and the spread of the ranks' times.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Final

from neurosim.errors import NeurosimError
from neurosim.hpc.given import Given, Sheet, names_in, read_sheet
from neurosim.hpc.memory import Bytes

UNITS: Final = {
    "cores": "cores of a node",
    "memory_GiB": "memory of a node",
    "bandwidth_GB_per_s": "memory bandwidth of a node",
    "cache_MiB": "last cache of a node",
    "power_W": "power of a node at work",
    "latency_us": "latency of a message between nodes",
    "network_GB_per_s": "bandwidth of a node's network",
    "local_latency_us": "latency of a message within a node",
    "local_GB_per_s": "bandwidth within a node",
    "crowded_latency_us": "latency with more ranks than cores",
    "compartment_ns": "a compartment and step on one core, HH everywhere",
    "event_ns": "delivering an event, one core",
    "lookup_ns": "looking up the source of a spike, one core",
    "jitter_frac": "standard deviation of a rank's time over its mean",
    "compartment_B": "memory of a compartment",
    "synapse_B": "memory of a synapse",
    "source_B": "memory of a source with targets on a rank",
    "cell_B": "memory of a cell of the network, on every rank",
    "spike_B": "a spike on the wire",
    "nodes_most": "nodes that there are; 0: unknown",
    "price_per_node_h": "price of a node for an hour; 0: not known",
}

_BYTES = Bytes()

COMMON: Final = {
    "jitter_frac": Given(0.03, "assumed", "spread of the ranks' times on nodes without other load"),
    "compartment_B": Given(_BYTES.compartment, "measured", "benchmarks/rank_memory.py"),
    "synapse_B": Given(_BYTES.synapse, "measured", "benchmarks/rank_memory.py"),
    "source_B": Given(_BYTES.source, "assumed", "its place in the directory of the exchange"),
    "cell_B": Given(_BYTES.cell, "measured", "benchmarks/rank_memory.py: every rank knows of every cell"),
    "spike_B": Given(12.0, "from the file", "neurosim/hpc/packing.py: 4 to 12 B a spike"),
    "local_latency_us": Given(5.0, "measured", "Allgatherv of 8 B, MPICH 5.0.2, 2 ranks on 2 cores: 4.4 us"),
    "local_GB_per_s": Given(4.0, "measured", "ping-pong of 4 MiB, MPICH 5.0.2, 2 ranks on 2 cores: 3.8 GB/s"),
    "crowded_latency_us": Given(430.0, "measured", "Allgatherv of 8 B, MPICH, heavy yield, 4 ranks on 2 cores: 423 us"),
    "nodes_most": Given(0.0, "assumed", "not given"),
    "price_per_node_h": Given(0.0, "assumed", "not given"),
}

POSITIVE: Final = ("cores", "memory_GiB", "bandwidth_GB_per_s", "network_GB_per_s", "local_GB_per_s", "compartment_ns")


def read_machine(what: str | Path) -> Sheet:
    """Return a kind of node, from a name in ``machines`` or a TOML file.

    Raises
    ------
    NeurosimError
        As ``read_sheet``, or a number that must be above 0 is not.
    """
    machine = read_sheet(what, "machines", UNITS, COMMON)
    for key in POSITIVE:
        if machine[key] <= 0.0:
            raise NeurosimError(f"{machine.name}: [{key}] value={machine[key]:g} is not allowed; it must be above 0")
    return machine


def with_latencies(machine: Sheet, path: str | Path) -> Sheet:
    """Return a machine with the times of messages that ``neurosim doctor --json`` measured.

    Raises
    ------
    NeurosimError
        No such file, or none of doctor's run by several processes.
    """
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
        values = {str(key): float(value) for key, value in found["machine"].items()}
    except OSError as error:
        raise NeurosimError(f"{path}: cannot be read ({error.strerror}); give the file of neurosim doctor") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NeurosimError(
            f"{path}: no times of messages in it; make it by: mpiexec -n 2 neurosim doctor --json FILE"
        ) from error
    for key, value in values.items():
        if key not in UNITS or not (math.isfinite(value) and value >= 0.0):
            raise NeurosimError(f"{path}: machine.{key}={value:g} is not allowed; allowed: {', '.join(UNITS)}")
    return machine.replaced("measured", f"neurosim doctor, {Path(path).name}", **values)


def machines() -> list[str]:
    """Return the names of the kinds of nodes that come with neurosim."""
    return names_in("machines")
