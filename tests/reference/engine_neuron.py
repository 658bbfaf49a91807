"""The half of a comparison of cells that runs in NEURON; a script for a process of its own.

``python engine_neuron.py CASES.json OUT.npz``: the cases of ``engine_cases`` as JSON. Writes ``case/v`` (steps + 1,
nodes), sections in order and their segments from 0 to 1, ``case/record`` (steps + 1, records), and ``case/spikes``.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

import numpy as np
from neuron import h


def value(given: float | list[float], segment: Any) -> float:
    if isinstance(given, list):
        return given[0] + given[1] * float(h.distance(segment))
    return given


def reference(segment: Any, points: dict[str, Any], name: str) -> Any:
    owner, _, variable = name.rpartition(".")
    place = points.get(owner) or (getattr(segment, owner) if owner else segment)
    return getattr(place, f"_ref_{variable}")


def perform(case: dict[str, Any]) -> dict[str, np.ndarray]:
    sections: list[Any] = []
    for name, length, diam, parent, x, nseg, ra, cm in case["sections"]:
        section = h.Section(name=name)
        section.L, section.diam, section.nseg, section.Ra, section.cm = length, diam, nseg, ra, cm
        if parent >= 0:
            section.connect(sections[parent](x), 0)
        sections.append(section)
    h.distance(0, sections[0](0))
    for name, where, values in case["insert"]:
        for s in where:
            sections[s].insert(name)
            for segment in sections[s]:
                for key, given in values.items():
                    setattr(getattr(segment, name), key, value(given, segment))
    for where, values in case["ions"]:
        for s in where:
            for key, given in values.items():
                for segment in sections[s]:
                    setattr(segment, key, given)
    points: dict[str, Any] = {}
    kept = []
    for name, s, x, values in case["place"]:
        point = getattr(h, name)(sections[s](x))
        points.setdefault(name, point)
        kept.append(point)
        for key, given in values.items():
            array = re.fullmatch(r"(dur|amp)(\d)", key) if name == "VClamp" else None
            if array:
                getattr(point, array[1])[int(array[2]) - 1] = given
            else:
                setattr(point, key, given)
    for s, x, times, amplitudes in case["play"]:
        point = h.IClamp(sections[s](x))
        point.delay, point.dur, point.amp = 0.0, 1e9, 0.0
        t, y = h.Vector(times), h.Vector(amplitudes)
        y.play(point._ref_amp, t)
        kept += [point, t, y]
    h.dt, h.celsius, h.secondorder = case["dt_ms"], case["celsius_degC"], 0
    spikes = h.Vector()
    source = h.NetCon(sections[0](0.5)._ref_v, None, sec=sections[0])
    source.threshold = case["threshold_mV"]
    source.record(spikes)
    v = [h.Vector().record(segment._ref_v) for section in sections for segment in section]
    records = [h.Vector().record(reference(sections[s](x), points, name)) for s, x, name in case["record"]]
    h.finitialize(case["v_init_mV"])
    for _ in range(round(case["until_ms"] / case["dt_ms"])):
        h.fadvance()
    out = {"v": np.array([np.array(x) for x in v]).T, "spikes": np.array(spikes)}
    if records:
        out["record"] = np.array([np.array(x) for x in records]).T
    for section in sections:
        h.delete_section(sec=section)
    return out


def main(job: str, out: str) -> None:
    with open(job, encoding="utf-8") as file:
        cases = json.load(file)
    found: dict[str, Any] = {"version": str(h.nrnversion(5))}
    for name, case in cases.items():
        found.update({f"{name}/{key}": array for key, array in perform(case).items()})
    np.savez(out, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
