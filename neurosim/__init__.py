"""neurosim: nervous systems simulated cell by cell and branch by branch.

>>> import neurosim as ns
>>> cell = ns.Cell.cylinder(length_um=20.0, diam_um=20.0).insert(ns.mechanisms.HH())
>>> sim = ns.Simulation(cell, dt_ms=0.025)

Importing starts nothing: no window, file, thread or MPI. Names are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurosim import mechanisms
    from neurosim.errors import NeurosimError
    from neurosim.mechanisms.native import Channel, Synapse
    from neurosim.mechanisms.nmodl import load
    from neurosim.model import places, random, rules
    from neurosim.model.cell import Cell
    from neurosim.model.connections import Connections, Couplings
    from neurosim.model.distance import Distance
    from neurosim.model.network import Network
    from neurosim.model.point import PointCell, SpikeTrain
    from neurosim.model.stimulus import Step, Waveform
    from neurosim.morphology.section import Section
    from neurosim.results import SpikeTable, Trace
    from neurosim.simulation import Simulation

__version__ = "0.1.0"

_WHERE = {
    "Cell": "neurosim.model.cell",
    "Channel": "neurosim.mechanisms.native",
    "Connections": "neurosim.model.connections",
    "Couplings": "neurosim.model.connections",
    "Distance": "neurosim.model.distance",
    "Network": "neurosim.model.network",
    "NeurosimError": "neurosim.errors",
    "PointCell": "neurosim.model.point",
    "Section": "neurosim.morphology.section",
    "Simulation": "neurosim.simulation",
    "SpikeTable": "neurosim.results",
    "SpikeTrain": "neurosim.model.point",
    "Step": "neurosim.model.stimulus",
    "Synapse": "neurosim.mechanisms.native",
    "Trace": "neurosim.results",
    "Waveform": "neurosim.model.stimulus",
    "load": "neurosim.mechanisms.nmodl",
}

__all__ = [
    "Cell",
    "Channel",
    "Connections",
    "Couplings",
    "Distance",
    "Network",
    "NeurosimError",
    "PointCell",
    "Section",
    "Simulation",
    "SpikeTable",
    "SpikeTrain",
    "Step",
    "Synapse",
    "Trace",
    "Waveform",
    "__version__",
    "load",
    "mechanisms",
    "places",
    "random",
    "rules",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        value = getattr(import_module(_WHERE[name]), name)
        globals()[name] = value
        return value
    if name in ("mechanisms", "models", "viewer", "hpc", "sonata"):
        return import_module(f"neurosim.{name}")
    if name in ("places", "random", "rules"):
        return import_module(f"neurosim.model.{name}")
    raise AttributeError(f"module 'neurosim' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
