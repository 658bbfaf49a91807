"""The cases in Arbor, one JSON line. For the cases that the shared scripts do not have.

The compartments are set branch by branch to those of the other simulators, and their number is checked.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import arbor as A
from arbor import units as U
from common import dendrite, model, trees

_SOMA_TAG = 1
_FIRST_TAG = 10
SOMA = "(location 0 0.5)"

More = Callable[[list[tuple[int, float]], float], dict[str, Any]]
"""From the spikes and the run time in s to more fields of the line."""


class Cells(A.recipe):
    """Cells of sections with hh in the soma; what is placed on them and connects them is added by ``decorate``."""

    def __init__(self, every: list[list[Any]], dendrite_mechanism: str) -> None:
        A.recipe.__init__(self)
        self.trees, self.dendrite = every, dendrite_mechanism
        self.properties = A.neuron_cable_properties()
        self.properties.catalogue = A.default_catalogue()
        self.properties.set_property(
            Vm=model.V_INIT * U.mV,
            cm=model.CM * 0.01 * U.F / U.m2,
            rL=model.RA * U.Ohm * U.cm,
            tempK=(model.CELSIUS + 273.15) * U.Kelvin,
        )

    def num_cells(self) -> int:
        return len(self.trees)

    def cell_kind(self, gid: int) -> Any:
        return A.cell_kind.cable

    def global_properties(self, kind: Any) -> Any:
        return self.properties

    def decorate(self, gid: int, decor: Any, branch: list[int]) -> None:
        """Place stimuli, synapses and detectors; ``branch`` maps a section to Arbor's branch."""
        raise NotImplementedError

    def cell_description(self, gid: int) -> Any:
        sections = self.trees[gid]
        tree = _segments(sections)
        decor = A.decor()
        decor.paint(f"(tag {_SOMA_TAG})", A.density("hh"))
        levels = sorted({(s.level, s.ncomp) for s in sections if s.level >= 0})
        policy = A.cv_policy_fixed_per_branch(1, f"(tag {_SOMA_TAG})")
        for level, count in levels:
            where = f"(tag {_FIRST_TAG + level})"
            passive = A.density(f"pas/e={model.E_PAS}", g=model.G_PAS)
            decor.paint(where, A.density("hh") if self.dendrite == "hh" else passive)
            policy = policy | A.cv_policy_fixed_per_branch(count, where)
        self.decorate(gid, decor, _branches(tree, len(sections)))
        cell = A.cable_cell(tree, decor, A.label_dict(), policy)
        if gid == 0:
            _check_compartments(cell, model.ncomp(sections))
        return cell


class _Uncoupled(Cells):
    """A step of current at each soma."""

    def decorate(self, gid: int, decor: Any, branch: list[int]) -> None:
        decor.place(SOMA, A.i_clamp(model.CLAMP_START * U.ms, 1e6 * U.ms, model.dense_clamp(gid) * U.nA))
        decor.place(SOMA, A.threshold_detector(model.HH_THRESHOLD * U.mV), "out")


def _segments(sections: list[Any]) -> Any:
    """Return one segment, that is one branch, per section; sections lie side by side, their place has no meaning."""
    tree, last, end_um = A.segment_tree(), [], []
    for k, s in enumerate(sections):
        root = s.parent < 0
        parent, start_um = (A.mnpos, 0.0) if root else (last[s.parent], end_um[s.parent])
        tag = _SOMA_TAG if root else _FIRST_TAG + s.level
        radius_um = s.diam / 2
        ends = A.mpoint(0, k, start_um, radius_um), A.mpoint(0, k, start_um + s.length, radius_um)
        last.append(tree.append(parent, *ends, tag=tag))
        end_um.append(start_um + s.length)
    return tree


def _branches(tree: Any, count: int) -> list[int]:
    """Return Arbor's branch of every section; a section is one segment, whose y is its number."""
    morphology = A.morphology(tree)
    found = [-1] * count
    for branch in range(morphology.num_branches):
        (segment,) = morphology.branch_segments(branch)
        found[round(segment.prox.y)] = branch
    return found


def _check_compartments(cell: Any, expected: int) -> None:
    """Stop when Arbor's control volumes with area are not the compartments of the model."""
    data = A.cv_data(cell)
    real = sum(1 for k in range(data.num_cv) if sum(c.dist - c.prox for c in data.cables(k)) > 0.0)
    if real != expected:
        raise SystemExit(f"arbor: {real} compartments instead of {expected}")


def run(args: argparse.Namespace) -> None:
    """Time one case of uncoupled cells."""
    timed(args, lambda: _Uncoupled(trees(args), dendrite(args.case)))


def timed(args: argparse.Namespace, make: Callable[[], Cells], more: More = lambda spikes, run_s: {}) -> None:
    """Build and run, and print the JSON line."""
    rss_base = model.rss_mb()
    start_s = time.perf_counter()
    recipe = make()
    context = A.context(threads=args.threads)
    sim = A.simulation(recipe, context, A.partition_load_balance(recipe, context))
    sim.record(A.spike_recording.local)
    build_s = time.perf_counter() - start_s

    start_s, cpu_s = time.perf_counter(), model.cpu_s()
    sim.run(args.tstop * U.ms, args.dt * U.ms)
    run_s, run_cpu_s = time.perf_counter() - start_s, model.cpu_s() - cpu_s
    spikes = [(int(s[0][0]), float(s[1])) for s in sim.spikes()]
    compartments = sum(model.ncomp(sections) for sections in recipe.trees)
    config = A.config()
    model.report(
        args.label or "arbor",
        args.case,
        args,
        compartments,
        build_s,
        run_s,
        spikes,
        rss_base,
        run_cpu_s=run_cpu_s,
        version=config["version"],
        arch=config["arch"],
        simd=bool(config["vectorize"]),
        **more(spikes, run_s),
    )
