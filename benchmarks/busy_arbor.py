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
        self.order: dict[int, list[int]] = {}

    def decorate(self, gid: int, decor: Any, branch: list[int]) -> None:
        synapse = A.synapse("exp2syn", tau1=busy.TAU1_MS, tau2=busy.TAU2_MS, e=busy.E_MV)
        # Arbor sorts the places of a label; the connections take them in that order.
        places = [(branch[s], x) for s, x in zip(self.network.section[gid], self.network.x[gid].tolist(), strict=True)]
        self.order[gid] = sorted(range(len(places)), key=places.__getitem__)
        text = " ".join(f"(location {b} {x!r})" for b, x in places)
        decor.place(f"(sum {text})", synapse, "s")
        decor.place(SOMA, synapse, "drive")
        decor.place(SOMA, A.threshold_detector(busy.THRESHOLD_MV * U.mV), "out")

    def connections_on(self, gid: int) -> list[Any]:
        # One label for all, taken in turn: a label each costs more time to build than the run.
        each = A.cell_local_label("s", A.selection_policy.round_robin)
        source, delay_ms = self.network.source[gid], self.network.delay_ms[gid]
        return [
            A.connection((int(source[k]), "out"), each, self.weight_uS, float(delay_ms[k]) * U.ms)
            for k in self.order[gid]
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
        lambda spikes, _run_s: network.facts(spikes, args.tstop),
    )


main()
