"""The half of a comparison of synapses and point cells that runs in NEURON; a script for a process of its own.

``python synapse_neuron.py CASES.json OUT.npz``: the cases of ``synapse_cases`` as JSON. Writes ``case/cell/column``
(steps + 1), ``case/times`` and ``case/gids`` (spikes), and ``version``.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
from neuron import h

THRESHOLD_MV = 10.0  # NEURON's default and ours


class Cell:
    """One target with all its objects; ``instances`` are what its trains reach."""

    def __init__(self, spec: dict[str, Any], point: bool, names: dict[str, str]) -> None:
        self.spec = spec
        name = names.get(spec["mechanism"], spec["mechanism"])
        self.soma: Any = None
        artificial = spec["mechanism"] in ARTIFICIAL
        if not artificial:
            self.soma = h.Section(name="soma")
            self.soma.L = self.soma.diam = 20.0
            self.soma.insert("hh" if spec["hh"] else "pas")
            if not spec["hh"]:
                self.soma(0.5).pas.g, self.soma(0.5).pas.e = 1e-4, -65.0
        n = 1 if point else max(1, len(spec["trains"]), len(spec["heard"]))
        self.instances = []
        for _ in range(n if name else 0):
            made = getattr(h, name)() if artificial else getattr(h, name)(self.soma(0.5))
            for key, given in spec["values"].items():
                setattr(made, key, given)
            self.instances.append(made)
        self.pulses = []
        for start, duration, amplitude in spec["pulses"]:
            pulse = h.IClamp(self.soma(0.5))
            pulse.delay, pulse.dur, pulse.amp = start, duration, amplitude
            self.pulses.append(pulse)

    def reference(self, column: str) -> Any:
        owner, _, variable = column.rpartition(".")
        return getattr(self.instances[0] if owner else self.soma(0.5), f"_ref_{variable}", None)


ARTIFICIAL = ("IntFire1", "IntFire2", "IntFire4", "NetStim", "VecStim", "PoissonSource")


def _wire(cells: list[Cell], case: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    """Connect trains and cells; return what must live on, and (relay, times) of each train."""
    kept: list[Any] = []
    played = []
    for cell in cells:
        for k, train in enumerate(cell.spec["trains"]):
            relay = h.VecStim()
            drive = h.NetCon(None, relay)
            link = h.NetCon(relay, cell.instances[0 if case["point"] else k])
            link.delay, link.weight[0] = train["delay_ms"], train["weight"]
            kept += [relay, drive, link]
            played.append((drive, train["times_ms"]))
        for k, (source, weight, delay) in enumerate(cell.spec["heard"]):
            soma = cells[source].soma
            link = h.NetCon(soma(0.5)._ref_v, cell.instances[k], sec=soma)
            link.threshold, link.delay, link.weight[0] = THRESHOLD_MV, delay, weight
            kept.append(link)
        if cell.spec["seen"] >= 0:
            pointer = "vgap" if cell.spec["mechanism"] == "Gap" else "vpre"
            h.setpointer(cells[cell.spec["seen"]].soma(0.5)._ref_v, pointer, cell.instances[0])
    return kept, played


def perform(case: dict[str, Any], names: dict[str, str]) -> dict[str, np.ndarray]:
    """Do one case; ``names`` are other names for mechanisms."""
    cells = [Cell(spec, case["point"], names) for spec in case["targets"]]
    kept, played = _wire(cells, case)
    times, gids = h.Vector(), h.Vector()
    detectors = []
    for gid, cell in enumerate(cells):
        if case["point"]:
            detectors.append(h.NetCon(cell.instances[0], None))
        else:
            detectors.append(h.NetCon(cell.soma(0.5)._ref_v, None, sec=cell.soma))
            detectors[-1].threshold = THRESHOLD_MV
        detectors[-1].record(times, gids, gid)
    recorded: dict[str, Any] = {}
    sampled: dict[str, tuple[Any, list[float]]] = {}
    for gid, cell in enumerate(cells):
        for column in case["record"]:
            where = cell.reference(column) if "." not in column or cell.instances else None
            if where is not None and cell.soma is None:
                sampled[f"{gid}/{column}"] = (where, [])
            elif where is not None:
                recorded[f"{gid}/{column}"] = h.Vector().record(where)

    def sample() -> None:
        # Vectors do not record in artificial cells; this comes just before them in a step.
        for where, values in sampled.values():
            values.append(where[0])

    for cell, (stream, *ids, index) in zip(cells, case["streams"], strict=False):
        h.Random().Random123_globalindex(index)
        getattr(cell.instances[0], stream).set_ids(*ids)
    h.dt, h.celsius, h.secondorder = case["dt_ms"], 6.3, 0
    start = h.FInitializeHandler(lambda: [drive.event(t) for drive, train in played for t in train])
    h.finitialize(-65.0)
    sample()
    h.CVode().extra_scatter_gather(0, sample)
    for _ in range(case["steps"]):
        h.fadvance()
    h.CVode().extra_scatter_gather_remove(sample)
    del start, kept, detectors
    out = {key: np.array(x.as_numpy()) for key, x in recorded.items()}
    out |= {key: np.array(values) for key, (_, values) in sampled.items()}
    return {**out, "times": np.array(times.as_numpy()), "gids": np.array(gids.as_numpy())}


def main(job: str, out: str) -> None:
    """Do all cases of the file ``job`` and write the file ``out``."""
    with open(job, encoding="utf-8") as file:
        data = json.load(file)
    results: dict[str, Any] = {"version": np.array(str(h.nrnversion(5)))}
    for name, case in data["cases"].items():
        results.update({f"{name}/{key}": x for key, x in perform(case, data["names"]).items()})
    np.savez(out, **results)


if __name__ == "__main__":
    main(*sys.argv[1:])
