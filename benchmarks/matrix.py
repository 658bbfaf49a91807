"""What ``make bench`` runs: cases, engines, and the ratios that are asked of neurosim.

A *case* has a key, the arguments that every engine gets, and its *variants*: (name, script, options, environment).
Scripts of the dense case and the ring for NEURON and Arbor are the shared ones; the others are ours. NEST and Brian 2
have environments of their own (``make bench-peers``), so that their NumPy is not the project's.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from common import BENCH_DIR

HERE = Path(__file__).resolve().parent


def _environment(name: str) -> Path:
    """Return the folder of a peer's environment: ``$NEST_VENV``, ``$BRIAN_VENV``, or where the Makefile puts them."""
    return Path(os.environ.get(f"{name.upper()}_VENV") or Path(tempfile.gettempdir()) / f"venv-{name}")


NEST, BRIAN = _environment("nest"), _environment("brian")
_SHORT = ("--tstop", "1")


@dataclass(frozen=True)
class Variant:
    """One engine with its options; ``name`` is ``engine/threads``, ``environment`` another than this one."""

    name: str
    script: Path
    options: tuple[str, ...] = ()
    environment: Path | None = None


@dataclass(frozen=True)
class Case:
    """One model.

    ``targets`` maps a variant to the least ratio of its time to neurosim's. ``warm`` are options for a first run of
    neurosim, not counted, that fills the cache of compiled kernels where a script does not time that apart, or needs
    more of them for the whole model than for its first cells. ``spikes_within`` is the part by which numbers of spikes
    may differ.
    """

    key: str
    title: str
    options: tuple[str, ...]
    variants: tuple[Variant, ...]
    targets: dict[str, float]
    warm: tuple[str, ...] = ()
    spikes_within: float = 0.02


def _dense(key: str, cells: int, tstop_ms: float, *, threads: bool = False) -> Case:
    shared = BENCH_DIR / "hh_dense_neuron.py"
    variants = [
        Variant("neurosim/1t", HERE / "hh_dense_neurosim.py"),
        Variant("arbor/1t", BENCH_DIR / "hh_dense_arbor.py"),
        Variant("neuron/1t", shared),
        Variant("neuron-notable/1t", shared, ("--hh-table", "off")),
        Variant("neurosim-notable/1t", HERE / "hh_dense_neurosim.py", ("--hh-table", "off")),
    ]
    if threads:
        variants.append(Variant("neurosim/2t", HERE / "hh_dense_neurosim.py", ("--threads", "2")))
        variants.append(Variant("arbor/2t", BENCH_DIR / "hh_dense_arbor.py", ("--threads", "2")))
    options = ("--cells", str(cells), "--tstop", str(tstop_ms))
    targets = {"arbor/1t": 2.2, "neuron/1t": 6.0, "neuron-notable/1t": 9.0}
    return Case(key, f"hh in every compartment, {cells} cells", options, tuple(variants), targets)


def _trees(key: str, case: str, title: str, cells: int, tstop_ms: float, targets: dict[str, float]) -> Case:
    mixed = ("--mixed",) if case == "hh_dense" else ()
    variants = tuple(
        Variant(f"{engine}/1t", HERE / f"{case}_{engine}.py", mixed) for engine in ("neurosim", "arbor", "neuron")
    )
    return Case(key, f"{title}, {cells} cells", ("--cells", str(cells), "--tstop", str(tstop_ms)), variants, targets)


def _ring(key: str, cells: int, tstop_ms: float) -> Case:
    neuron = BENCH_DIR / "ring_neuron.py"
    variants = (
        Variant("neurosim/1t", HERE / "ring_neurosim.py"),
        Variant("arbor/1t", BENCH_DIR / "ring_arbor.py"),
        Variant("neuron/1t", neuron),
        Variant("neuron-notable/1t", neuron, ("--hh-table", "off")),
    )
    options = ("--cells", str(cells), "--tstop", str(tstop_ms))
    targets = {"arbor/1t": 8.0, "neuron/1t": 14.0}
    return Case(key, f"rings of 10, {cells} cells", options, variants, targets, _SHORT)


_BUSY = Case(
    "busy1000",
    "1,000 cells with 1,000 Exp2Syn each at 5 Hz",
    ("--cells", "1000", "--tstop", "100"),
    (
        Variant("neurosim/1t", HERE / "busy_neurosim.py"),
        Variant("arbor/1t", HERE / "busy_arbor.py"),
        Variant("neuron/1t", HERE / "busy_neuron.py"),
        Variant("neurosim-events/1t", HERE / "busy_neurosim.py", ("--event-cost", "100")),
    ),
    {"arbor/1t": 5.0},
    _SHORT,
)
_BRUNEL = Case(
    "brunel10000",
    "10,000 LIF with 1,000 synapses each, Brunel's balanced network",
    ("--cells", "10000", "--tstop", "1000"),
    (
        Variant("neurosim/1t", HERE / "brunel_neurosim.py"),
        Variant("nest/1t", HERE / "brunel_nest.py", (), NEST),
        Variant("brian/1t", HERE / "brunel_brian.py", (), BRIAN),
        Variant("brian-standalone/1t", HERE / "brunel_brian.py", ("--standalone",), BRIAN),
    ),
    {"nest/1t": 1.0, "brian/1t": 3.0, "brian-standalone/1t": 3.0},
    _SHORT,
    0.05,
)

_SONATA = HERE / "sonata_command.py"
_MIXED = "hh in every compartment, each cell its own random tree"
_PASSIVE = "hh soma, passive random tree"

CASES = (
    _dense("dense64", 64, 25.0),
    _dense("dense509", 509, 5.0),
    _dense("dense512", 512, 5.0),
    _dense("dense4096", 4096, 2.5, threads=True),
    _trees("mixed64", "hh_dense", _MIXED, 64, 25.0, {"arbor/1t": 1.8}),
    _trees("mixed512", "hh_dense", _MIXED, 512, 5.0, {"arbor/1t": 1.8}),
    _trees("passive64", "passive", _PASSIVE, 64, 200.0, {"arbor/1t": 10.0}),
    _trees("passive512", "passive", _PASSIVE, 512, 25.0, {"arbor/1t": 10.0}),
    Case(
        "sonata5",
        "5_cells_iclamp, whole command",
        ("--without-ecp",),
        (
            Variant("neurosim/1t", _SONATA),
            Variant("bmtk/1t", _SONATA, ("--engine", "bmtk")),
            Variant("neurosim-cold/1t", _SONATA, ("--cold",)),
        ),
        {"bmtk/1t": 5.0},
        _SHORT,
    ),
    Case(
        "sonata5ecp",
        "5_cells_iclamp with extracellular potential, whole command",
        (),
        (Variant("neurosim/1t", _SONATA), Variant("bmtk/1t", _SONATA, ("--engine", "bmtk"))),
        {"bmtk/1t": 5.0},
        _SHORT,
    ),
    Case(
        "sonata9",
        "9_cells, whole command",
        ("--example", "9_cells"),
        (
            Variant("neurosim/1t", _SONATA),
            Variant("bmtk/1t", _SONATA, ("--engine", "bmtk")),
            Variant("neurosim-cold/1t", _SONATA, ("--cold",)),
        ),
        {"bmtk/1t": 8.0},
        _SHORT,
    ),
    _ring("ring64", 64, 200.0),
    _ring("ring512", 512, 20.0),
    _ring("ring4096", 4096, 20.0),
    _BUSY,
    _BRUNEL,
    Case("load", "a million synapses from SONATA", (), (Variant("neurosim/1t", HERE / "load_synapses.py"),), {}),
    Case("import", "import neurosim", (), (Variant("neurosim/1t", HERE / "import_time.py"),), {}),
)
