"""Time the published network of 136 neurons: ``python benchmarks/worm.py`` runs neurosim and NEURON, interleaved.

Both are given the arrays of ``baaiworm/reference.h5`` (``../shared/data``, or ``$NEUROSIM_BENCH_DATA``'s sibling, see
``--file``): the same nodes with area, mechanisms (our ``.mod`` files, compiled by nrnivmodl for NEURON), contacts and
stimuli. Each run is a process of its own on one thread; counted are CPU seconds of the steps alone, without building.

neurosim takes areas and axial resistances as they are. NEURON has geometry only: unbranched stretches of nodes become
sections of as many segments, whose length is chosen so that with the areas exact the resistances inside a section have
the right sum. Resistances at branches and the split inside a section are therefore approximate in NEURON here, and it
has a node without area at the end of each section. That changes voltages a little (printed) and the cost not at all.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT.parent / "shared" / "data" / "baaiworm" / "reference.h5"
STEPS_MS = {"0.5": 0.5, "5/3": 5.0 / 3.0, "0.025": 0.025}
ENGINES = ("neurosim", "neuron")


def traces(path: Path, dt_ms: float) -> tuple[Any, float]:
    """Return the stored somatic voltages for a step, and the interval of their rows."""
    with h5py.File(path) as file:
        group = next(g for g in file["traces"].values() if abs(g.attrs["dt_ms"] - dt_ms) < 1e-9)
        return group["v_soma_mV"][:], float(group.attrs["sample_every_ms"])


# --- neurosim ---------------------------------------------------------------------------------------------------------


def in_neurosim(args: argparse.Namespace) -> dict[str, float]:
    """Run the network in neurosim."""
    from neurosim.models.worm import reference

    dt_ms = STEPS_MS[args.dt]
    begun = time.process_time()
    circuit = reference.read(args.file)
    sim = reference.simulation(circuit, dt_ms, threads=args.threads)
    theirs, every_ms = traces(args.file, dt_ms)
    recorded = [sim.record("soma(0.5)", "v_mV", gid=k, every_ms=every_ms) for k in range(len(circuit.names))]
    sim.build().compile()
    built, wall = time.process_time(), time.perf_counter()
    sim.run(until_ms=args.tstop, progress=False)
    done, wall = time.process_time(), time.perf_counter() - wall
    v = np.stack([t.values.reshape(-1) for t in recorded], axis=1)
    return {"setup": built - begun, "cpu": done - built, "wall": wall, "off": float(np.abs(v - theirs[: len(v)]).max())}


# --- NEURON -----------------------------------------------------------------------------------------------------------


def compiled() -> Path:
    """Return the folder with NEURON's library of our mechanisms, built on first use."""
    from neurosim.engine.build import cache_folder
    from neurosim.mechanisms import library
    from neurosim.models.worm import channels

    texts = {name: library.path(name).read_text() for name in ("GradedSyn", "Gap", "SinClamp")}
    folder = Path(channels.__file__).parent / "mechanisms"
    texts |= {p.stem: p.read_text() for p in sorted(folder.glob("*.mod"))}
    digest = hashlib.sha256("".join(texts.values()).encode()).hexdigest()[:16]
    built = cache_folder() / f"worm_neuron_{digest}"
    if not (built / "done").exists():
        shutil.rmtree(built, ignore_errors=True)
        (built / "mods").mkdir(parents=True)
        for name, text in texts.items():
            (built / "mods" / f"{name}.mod").write_text(text)
        tool = Path(sys.executable).parent / "nrnivmodl"
        subprocess.run([str(tool), "mods"], cwd=built, check=True, capture_output=True)
        (built / "done").touch()
    return built


def stretches(circuit: Any, cell: int) -> tuple[list[list[int]], dict[int, tuple[int, float]]]:
    """Return the unbranched stretches of a cell's nodes with area, and where each node stands: (stretch, x)."""
    a, b = circuit.first[cell : cell + 2]
    children = np.bincount(circuit.parent[a:b][circuit.parent[a:b] >= 0] - a, minlength=b - a)
    out: list[list[int]] = []
    of: dict[int, int] = {}
    for node in range(a, b):
        if circuit.area_um2[node] == 0.0:
            continue
        above = int(circuit.parent[node])
        goes_on = above > a and circuit.area_um2[above] > 0.0 and children[above - a] == 1
        if goes_on and circuit.soma[node] == circuit.soma[above]:
            of[node] = of[above]
            out[of[above]].append(node)
        else:
            of[node] = len(out)
            out.append([node])
    place = {n: (k, (j + 0.5) / len(nodes)) for k, nodes in enumerate(out) for j, n in enumerate(nodes)}
    return out, place


def piece_um(area: Any, ri: Any, ra_ohm_cm: float) -> float:
    """Return the length of a segment with which the resistances ``ri`` (MOhm) between segments have the right sum."""
    if len(area) < 2:
        return float(np.sqrt(area[0] / np.pi))
    # A half segment of length h/2 and area a has the resistance 0.01 ra (h/2) 4 pi h^2 / a^2.
    per_h3 = 0.01 * ra_ohm_cm * 2.0 * np.pi * (1.0 / area[:-1] ** 2 + 1.0 / area[1:] ** 2)
    return float((ri.sum() / per_h3.sum()) ** (1.0 / 3.0))


def cells_in_neuron(h: Any, circuit: Any) -> tuple[list[list[Any]], dict[int, Any]]:
    """Make the cells; return the sections of each, and the segment of every node with area."""
    from neurosim.models.worm import reference
    from neurosim.models.worm.channels import CHANNELS

    made: list[list[Any]] = []
    segment: dict[int, Any] = {}
    for cell in range(len(circuit.names)):
        parts, place = stretches(circuit, cell)
        sections: list[Any] = []
        for k, nodes in enumerate(parts):
            section = h.Section(name=f"c{cell}_{k}")
            here = circuit.soma_values if circuit.soma[nodes[0]] else circuit.neurite_values
            value = {name: float(column[cell]) for name, column in here.items()}
            area = circuit.area_um2[nodes]
            piece = piece_um(area, circuit.ri_MOhm[nodes[1:]], value["Ra"])
            section.nseg, section.L, section.Ra, section.cm = len(nodes), piece * len(nodes), value["Ra"], value["cm"]
            for one, size in zip(section, area, strict=True):
                one.diam = size / np.pi / piece
            section.insert("pas")
            section.g_pas, section.e_pas = value["gpas"], value["epas"]
            above = int(circuit.parent[nodes[0]])
            if above >= 0:
                end = circuit.area_um2[above] == 0.0
                owner, x = place[int(circuit.parent[above]) if end else above]
                section.connect(sections[owner](1.0 if end else x), 0)
            else:
                for name in (n for n in CHANNELS if value[f"gb{n}"] > 0.0):
                    section.insert(name)
                    setattr(section, f"gbar_{name}", value[f"gb{name}"])
                    if name == "kcnl":
                        section.half_kcnl = reference.KCNL_HALF
                section.insert("WormCa")
                section.rest_WormCa = reference.CALCIUM_REST
            sections.append(section)
        made.append(sections)
        segment.update({n: sections[k](x) for n, (k, x) in place.items()})
    return made, segment


def points_in_neuron(h: Any, circuit: Any, segment: dict[int, Any], somata: list[Any], dt_ms: float) -> list[Any]:
    """Make contacts and stimuli; what is returned must be kept."""
    from neurosim.models.worm import reference

    kept = []
    for pre, post, kind, weight in zip(circuit.pre, circuit.post, circuit.kind, circuit.weight, strict=True):
        point = h.Gap(segment[post]) if kind == reference.GAP else h.GradedSyn(segment[post])
        if kind == reference.GAP:
            point.g = weight
            h.setpointer(segment[pre]._ref_v, "vgap", point)
        else:
            point.weight, point.gmax, point.k = weight, reference.GMAX_US[kind], reference.RATE_PER_MS[kind]
            point.e, point.vth, point.delta = reference.REVERSAL_MV[kind], -20.0, 5.0
            h.setpointer(segment[pre]._ref_v, "vpre", point)
        kept.append(point)
    for name in circuit.inputs:
        clamp = h.SinClamp(somata[circuit.names.index(name)])
        clamp.amp, clamp.offset, clamp.freq = reference.AMPLITUDE_NA, reference.OFFSET_NA, reference.FREQUENCY_HZ
        clamp.phase = -np.pi * reference.FREQUENCY_HZ * 1e-3 * dt_ms
        kept.append(clamp)
    return kept


def in_neuron(args: argparse.Namespace) -> dict[str, float]:
    """Run the network in NEURON."""
    os.chdir(compiled())  # NEURON loads the library of the folder it is started in
    from neuron import h

    from neurosim.models.worm import reference

    dt_ms = STEPS_MS[args.dt]
    begun = time.process_time()
    circuit = reference.read(args.file)
    sections, segment = cells_in_neuron(h, circuit)
    somata = [of_cell[0](0.5) for of_cell in sections]
    kept = points_in_neuron(h, circuit, segment, somata, dt_ms)
    theirs, every_ms = traces(args.file, dt_ms)
    period, steps = round(every_ms / dt_ms), round(args.tstop / dt_ms)
    voltages = [soma._ref_v for soma in somata]
    h.dt, h.celsius, h.secondorder = dt_ms, 6.3, 0
    h.finitialize(circuit.v_init_mV)
    assert sum(s.nseg for s in h.allsec()) == int((circuit.area_um2 > 0.0).sum())
    v = [[x[0] for x in voltages]]
    built, wall = time.process_time(), time.perf_counter()
    for step in range(steps):
        h.fadvance()
        if (step + 1) % period == 0:
            v.append([x[0] for x in voltages])
    done, wall = time.process_time(), time.perf_counter() - wall
    del kept
    off = float(np.abs(np.array(v) - theirs[: len(v)]).max())
    return {"setup": built - begun, "cpu": done - built, "wall": wall, "off": off}


# --- both -------------------------------------------------------------------------------------------------------------


def main() -> None:
    """Run the engines in turn and print CPU seconds per simulated second."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--file", type=Path, default=FILE)
    parser.add_argument("--dt", choices=STEPS_MS, action="append", help="steps in ms; 0.5 and 5/3 when omitted")
    parser.add_argument("--tstop", type=float, default=1000.0, help="ms")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1, help="of neurosim")
    parser.add_argument("--engine", choices=ENGINES, help="one run in this process; prints one line of JSON")
    args = parser.parse_args()
    if args.engine is not None:
        args.dt = args.dt[0]
        print(json.dumps(in_neurosim(args) if args.engine == "neurosim" else in_neuron(args)))
        return
    compiled()
    for dt in args.dt or ("0.5", "5/3"):
        found: dict[str, list[dict[str, float]]] = {engine: [] for engine in ENGINES}
        for _ in range(args.rounds):
            for engine, runs in found.items():
                command = [sys.executable, __file__, "--file", str(args.file.resolve()), "--dt", dt, "--engine", engine]
                command += ["--tstop", str(args.tstop), "--threads", str(args.threads)]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                runs.append(json.loads(done.stdout.splitlines()[-1]))
        cost = {e: [1e3 * r["cpu"] / args.tstop for r in runs] for e, runs in found.items()}
        for engine, runs in found.items():
            numbers = f"{statistics.median(cost[engine]):.3f} ({min(cost[engine]):.3f} to {max(cost[engine]):.3f})"
            print(
                f"dt {dt} ms  {engine:<9} CPU s per simulated s {numbers}; set-up {runs[0]['setup']:.1f} CPU s; "
                f"largest distance from the stored somatic voltages {max(r['off'] for r in runs):.1e} mV"
            )
        ratios = [b / a for a, b in zip(cost["neurosim"], cost["neuron"], strict=True)]
        spread = f"({min(ratios):.1f} to {max(ratios):.1f})"
        print(f"dt {dt} ms  neurosim is {statistics.median(ratios):.1f} times faster {spread}")


if __name__ == "__main__":
    main()
