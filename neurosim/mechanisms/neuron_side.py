"""The half of a comparison that runs inside NEURON: a script for a process of its own, never imported by neurosim.

``python neuron_side.py JOB.json OUT.npz`` reads runs (``neurosim.mechanisms.protocols.Run`` as JSON), does them one
after the other in NEURON and writes one float64 array of ``steps + 1`` values for each run and column, ``run/column``.
A run that NEURON refuses leaves a text ``run/!`` with the reason instead. The mechanisms are those of the library that
nrnivmodl built in the working directory, which NEURON loads by itself.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
from typing import Any

import numpy as np


def reference(h: Any, seg: Any, points: dict[str, Any], column: str) -> Any:
    """Return NEURON's reference to a column such as ``v``, ``cai``, ``hh.m``, ``pool.ca[2]`` or ``SEClamp.i``."""
    owner, _, name = column.rpartition(".")
    array = re.fullmatch(r"(\w+)\[(\d+)\]", name)
    place = seg if not owner else points.get(owner) or getattr(seg, owner)
    name = array[1] if array else name
    if not hasattr(place, name):  # a GLOBAL
        place, name = h, f"{name}_{owner}"
    where = getattr(place, f"_ref_{name}")
    return where[int(array[2])] if array else where


def assign(h: Any, place: Any, owner: str, values: dict[str, float]) -> dict[str, float]:
    """Set parameters of one instance; return the old values of those that are NEURON's globals ``name_owner``."""
    shared = {}
    for name, value in values.items():
        array = re.fullmatch(r"(\w+)\[(\d+)\]", name)
        if array:
            getattr(place, array[1])[int(array[2])] = value
        elif hasattr(place, name):
            setattr(place, name, value)
        else:
            shared[f"{name}_{owner}"] = getattr(h, f"{name}_{owner}")
            setattr(h, f"{name}_{owner}", value)
    return shared


def perform(h: Any, run: dict[str, Any]) -> dict[str, Any]:
    """Do one run and return column -> values."""
    soma = h.Section(name="soma")
    soma.L, soma.diam, soma.nseg, soma.cm = run["length_um"], run["diam_um"], 1, run["cm_uF_per_cm2"]
    shared = {}
    for owner, values in run["insert"]:
        soma.insert(owner)
        shared.update(assign(h, getattr(soma(0.5), owner), owner, values))
    for name, value in run["ions"].items():
        setattr(soma(0.5), name, value)
    points = {}
    for owner, values in run["place"]:
        points[owner] = getattr(h, owner)(soma(0.5))
        shared.update(assign(h, points[owner], owner, values))
    played = []
    for column, values in run["play"].items():
        times = h.Vector(run["dt_ms"] * np.arange(len(values)))
        vector = h.Vector(values)
        vector.play(reference(h, soma(0.5), points, column), times, True)
        played.append((vector, times))
    h.dt, h.celsius, h.secondorder = run["dt_ms"], run["celsius_degC"], 0
    recorded = {}
    for column in run["record"]:
        try:
            recorded[column] = h.Vector().record(reference(h, soma(0.5), points, column))
        except (AttributeError, LookupError, TypeError):
            continue  # not visible in NEURON; the caller sees that it is missing
    h.finitialize(run["v_init_mV"])
    for _ in range(run["steps"]):
        h.fadvance()
    for name, value in shared.items():  # the next run starts from the file's values
        setattr(h, name, value)
    return {c: np.array(x.as_numpy()) for c, x in recorded.items()}


def main(job: str, out: str) -> int:
    """Do all runs of the file ``job`` and write the file ``out``."""
    # By name, because the rule "neurosim does not import NEURON" is about neurosim's own processes.
    h = importlib.import_module("neuron").h
    with open(job, encoding="utf-8") as file:
        runs = json.load(file)
    results: dict[str, Any] = {"!version": np.array(str(h.nrnversion(5)))}
    for run in runs:
        try:
            columns = perform(h, run)
        except Exception as error:  # whatever NEURON raises is the result of this run
            results[f"{run['name']}/!"] = np.array(f"{type(error).__name__}: {error}")
            continue
        results.update({f"{run['name']}/{c}": x for c, x in columns.items()})
    np.savez(out, **results)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
