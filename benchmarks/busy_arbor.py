"""The busy network in Arbor, one JSON line. Its exp2syn is NEURON's: an event of weight w gives a peak of w."""

from __future__ import annotations

from typing import Any

import arbor as A
import busy_model as busy
from arbor import units as U
from with_arbor import SOMA, Cells, timed


class Busy(Cells):
    """The network as a recipe."""

    def __init__(self, network: busy.Network, weight_uS: float) -> None:
        Cells.__init__(self, network.trees, "pas")
        self.network, self.weight_uS = network, weight_uS

    def decorate(self, gid: int, decor: Any, branch: list[int]) -> None:
        synapse = A.synapse("exp2syn", tau1=busy.TAU1_MS, tau2=busy.TAU2_MS, e=busy.E_MV)
        places = zip(self.network.section[gid].tolist(), self.network.x[gid].tolist(), strict=True)
        for k, (section, x) in enumerate(places):
            decor.place(f"(location {branch[section]} {x})", synapse, f"s{k}")
        decor.place(SOMA, synapse, "drive")
        decor.place(SOMA, A.threshold_detector(busy.THRESHOLD_MV * U.mV), "out")

    def connections_on(self, gid: int) -> list[Any]:
        rows = zip(self.network.source[gid].tolist(), self.network.delay_ms[gid].tolist(), strict=True)
        return [
            A.connection((source, "out"), f"s{k}", self.weight_uS, delay_ms * U.ms)
            for k, (source, delay_ms) in enumerate(rows)
        ]

    def event_generators(self, gid: int) -> list[Any]:
        times = [(t_ms + busy.DRIVE_DELAY_MS) * U.ms for t_ms in self.network.trains_ms[gid]]
        return [A.event_generator("drive", busy.DRIVE_WEIGHT_US, A.explicit_schedule(times))] if times else []


def main() -> None:
    """Draw the network and time it."""
    args = busy.arguments()
    network = busy.draw(args)
    timed(
        args,
        lambda: Busy(network, args.weight),
        lambda spikes: {"events": network.delivered(spikes, args.tstop)},
    )


main()
