"""The balanced random network of Brunel (2000, doi:10.1023/A:1008925309027), model A, with 10,000 point cells.

Four fifths of the cells excite, one fifth inhibits; each cell hears a tenth of both (800 and 200 of 10,000), drawn at
random with repetition. Cells are leaky integrate-and-fire, synapses move the voltage at once (delta), all delays are
equal. Each cell has its own Poisson input of ``ETA`` times the rate that would just reach the threshold. J, g and eta
are those of the asynchronous irregular state. Simulators use their own generators: connections and input have the same
distribution and not the same numbers, so rates are compared and not spikes.

| symbol | meaning | unit |
| --- | --- | --- |
| J, G | weight of exciting synapses, and how many times it the inhibiting have | mV, 1 |
| ETA | rate of the input over the rate that holds the cell at its threshold | 1 |
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from common import model

TAU_MS, THRESHOLD_MV, RESET_MV, REFRACTORY_MS = 20.0, 20.0, 10.0, 2.0
DELAY_MS = 1.5
J_MV, G, ETA = 0.1, 5.0, 2.0
DT_MS = 0.1
HEARD_PART = 0.1
SEED = 1


@dataclass(frozen=True)
class Sizes:
    """Numbers of cells and of synapses of each cell, exciting and inhibiting."""

    excite: int
    inhibit: int
    hears_excite: int
    hears_inhibit: int

    @property
    def cells(self) -> int:
        return self.excite + self.inhibit

    @property
    def hears(self) -> int:
        return self.hears_excite + self.hears_inhibit


def arguments() -> argparse.Namespace:
    """Read the command line that all scripts take."""
    parser = model.parser("brunel", 10_000, 1000.0)
    parser.set_defaults(dt=DT_MS)
    parser.add_argument("--label", default="", help="name put in the engine field")
    parser.add_argument("--codegen", choices=["cython", "numpy"], default="cython", help="Brian 2: its inner loops")
    parser.add_argument("--standalone", action="store_true", help="Brian 2: one C++ program for all")
    args: argparse.Namespace = parser.parse_args()
    args.case = "brunel"
    return args


def sizes(cells: int) -> Sizes:
    """Return the sizes for a number of cells that 50 divides."""
    if cells < 50 or cells % 50:
        raise SystemExit(
            f"--cells {cells}: it must be a multiple of 50, so that each cell hears whole numbers of cells"
        )
    excite = cells * 4 // 5
    return Sizes(excite, cells - excite, round(excite * HEARD_PART), round((cells - excite) * HEARD_PART))


def weight_mV(size: Sizes) -> float:
    """Return the weight of exciting synapses; fewer synapses are stronger, so that smaller networks do the same."""
    return J_MV * 800 / size.hears_excite


def input_Hz(size: Sizes) -> float:
    """Return the rate of the Poisson input of one cell; each event has the weight of an exciting synapse."""
    return 1000.0 * ETA * THRESHOLD_MV / (weight_mV(size) * TAU_MS)


def facts(spikes: int, size: Sizes, tstop_ms: float, run_s: float) -> dict[str, float]:
    """Return the fields that all scripts add to their line."""
    events = spikes * size.hears
    return {
        "rate_Hz": round(1000.0 * spikes / (size.cells * tstop_ms), 3),
        "events": events,
        "synapses": size.cells * size.hears,
        "ns_per_event": round(1e9 * run_s / max(events, 1), 2),
    }
