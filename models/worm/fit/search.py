"""Search the sizes of the motor circuit: ``python -m neurosim.models.worm.fit.search --seed 1 --minutes 15 --out DIR``.

CMA-ES over ``SPACE``, from the values in ``params/``, on the fast circuit: crawling on agar, swimming in water, and the
wave backward on agar with a current into AVA. Three media in between, the whole network, its compartments and the
behaviour are left for the report. The best values so far are written as TOML that can take the place of the files.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import MissingExtraError
from neurosim.models.worm import parameters
from neurosim.models.worm.build import published
from neurosim.models.worm.fit.circuit import CONTROL_MS, Circuit, Run
from neurosim.models.worm.measures import undulation
from neurosim.models.worm.model import WormModel
from neurosim.models.worm.motor import equipped
from neurosim.models.worm.parameters import Parameters

Floats = NDArray[np.float64]

SPACE: Mapping[str, tuple[float, float]] = {
    "motor.plateau.vh": (-45.0, -20.0),
    "motor.saturation": (40.0, 120.0),
    "motor.B.plateau": (0.0, 0.8),
    "motor.B.rest": (-85.0, -55.0),
    "motor.B.gain": (5.0, 26.0),
    "motor.B.offset": (-8.0, -2.0),
    "motor.B.half": (0.5, 5.0),
    "motor.B.local": (-1.0, 2.5),
    "motor.B.from_AVB": (0.6, 2.5),
    "motor.B.muscle": (0.3, 5.0),
    "motor.D.muscle": (1.0, 10.0),
    "motor.head.rest": (-50.0, -10.0),
    "motor.head.plateau": (0.2, 1.0),
    "motor.head.gain": (3.0, 10.0),
    "motor.head.centre": (5.0, 9.0),
    "motor.head.reciprocal": (0.3, 2.0),
    "motor.head.muscle": (0.5, 5.0),
    "motor.head.reach": (1.0, 6.0),
    "muscle.MuscleForce.half": (-13.0, -8.0),
    "muscle.MuscleForce.tau": (10.0, 70.0),
    "body.bending.stiffness": (0.03, 0.06),
}
"""Key -> range; of half activation the logarithm."""
BACKWARD: Mapping[str, tuple[float, float]] = {
    "motor.A.plateau": (0.0, 0.8),
    "motor.A.rest": (-95.0, -60.0),
    "motor.A.gain": (3.0, 20.0),
    "motor.A.offset": (1.0, 8.0),
    "motor.A.half": (0.5, 5.0),
    "motor.A.local": (-1.5, 2.0),
    "motor.A.from_AVA": (0.8, 2.5),
    "motor.A.muscle": (0.3, 8.0),
    "motor.A.from_D": (0.0, 2.0),
    "motor.tail.rest": (-95.0, -60.0),
    "motor.tail.plateau": (0.1, 1.2),
    "motor.tail.gain": (1.0, 12.0),
    "motor.tail.centre": (12.0, 21.0),
    "motor.tail.half": (0.5, 5.0),
    "motor.tail.from": (14.5, 19.5),
    "motor.head.from_RIM": (1.0, 8.0),
}
LOGARITHMIC = ("muscle.MuscleForce.half",)
REVERSAL = {name: 0.04 for name in ("AVDL", "AVDR", "AVEL", "AVER")}
"""Currents in nA that make the circuit go backward, by way of AVA."""


@dataclass(frozen=True)
class Gait:
    """What a run shows: frequency, wavelength, amplitudes, speed along the body (backward is negative)."""

    frequency_Hz: float
    wavelength: float
    amplitude: float
    tail: float
    least: float
    head: float
    direction: float
    speed_mm_per_s: float
    bias: float
    low_mV: float
    high_mV: float

    def __str__(self) -> str:
        return (
            f"f {self.frequency_Hz:.2f} lam {self.wavelength:.2f} A {self.amplitude:.1f} (head {self.head:.1f} "
            f"least {self.least:.1f} tail {self.tail:.1f}) v {self.speed_mm_per_s:+.3f} dir {self.direction:+.2f} "
            f"bias {self.bias:+.2f} V {self.low_mV:.0f} {self.high_mV:.0f}"
        )


def gait_of(run: Run, skip_ms: float) -> Gait:
    """Measure a run after its beginning."""
    first = round(skip_ms / CONTROL_MS)
    kap, pose = run.curvature_per_mm[first::4], run.pose[first::4]
    wave = undulation(kap, 4 * CONTROL_MS)
    rows = math.sqrt(2.0) * kap.std(axis=0)
    angles, link_mm = pose[:, 2:], 1.0 / (pose.shape[1] - 2)
    links = np.stack([np.cos(angles), np.sin(angles)], axis=2) * link_mm
    centre = pose[:, :2] + (np.cumsum(links, axis=1) - 0.5 * links).mean(axis=1)
    axis = -links.sum(axis=1)
    period = 1.0 / wave.frequency_Hz if wave.frequency_Hz > 0.0 else 1.0
    n = max(1, min(round(1e3 * period / (4 * CONTROL_MS)), len(kap) // 2))
    moved = centre[n:] - centre[:-n]
    ahead = np.stack([np.convolve(a, np.full(n, 1.0 / n), "valid")[: len(moved)] for a in axis.T], axis=1)
    along = (moved * ahead).sum(axis=1) / np.maximum(np.linalg.norm(ahead, axis=1), 1e-9)
    volts = run.voltage_mV[first:]
    return Gait(
        wave.frequency_Hz, wave.wavelength, wave.amplitude_per_mm, float(rows[20:].mean()), float(rows[3:21].min()),
        float(rows[:4].mean()), wave.direction, float(along.mean()) / (n * 4e-3 * CONTROL_MS),
        float(kap[:, 6:20].mean()), float(volts.min()), float(volts.max()),
    )  # fmt: skip


def outside(value: float, low: float, high: float) -> float:
    """Return how far a positive value lies outside of a range, as a logarithm; NaN and negative ones are far."""
    value = value if value > 1e-2 else 1e-2
    return max(0.0, math.log(low / value), math.log(value / high))


def common_cost(g: Gait) -> float:
    """Return what is wrong with any gait: standing waves, bends to one side, potentials that no cell has."""
    cost = 2.0 * max(0.0, 0.75 - abs(g.direction)) + 0.5 * min(max(abs(g.bias) - 0.3, 0.0), 5.0)
    return cost + 0.05 * (max(0.0, -88.0 - g.low_mV) + max(0.0, g.high_mV - 42.0))


def forward_cost(agar: Gait, water: Gait) -> float:
    """Return the cost of two gaits; 0 when all lie in their ranges."""
    a, w = agar, water
    ratios = 4.0 * max(0.0, math.log(2.3 * _some(a.frequency_Hz) / _some(w.frequency_Hz)))
    ratios += 5.0 * max(0.0, math.log(1.9 * _some(a.wavelength) / _some(w.wavelength)))
    on_agar = 4.0 * outside(a.frequency_Hz, 0.42, 0.68) + 15.0 * outside(a.wavelength, 0.6, 0.70)
    on_agar += 2.0 * outside(a.amplitude, 6.5, 9.0) + 1.5 * outside(a.speed_mm_per_s, 0.16, 0.25)
    on_agar += 1.5 * outside(a.least, 4.0, 20.0) + outside(a.tail, 4.0, 20.0) + outside(a.head, 2.0, 11.5)
    in_water = 4.0 * outside(w.frequency_Hz, 1.3, 2.0) + 5.0 * outside(w.wavelength, 1.25, 1.7)
    in_water += 1.5 * outside(w.amplitude, 4.0, 7.0) + 0.5 * outside(w.speed_mm_per_s, 0.08, 0.5)
    in_water += outside(w.least, 2.5, 20.0) + 0.7 * outside(w.tail, 2.5, 20.0) + outside(w.head, 2.0, 11.5)
    return ratios + on_agar + in_water + common_cost(a) + common_cost(w)


def backward_cost(g: Gait) -> float:
    """Return the cost of the gait backward on agar; one that goes forward costs more the faster it is."""
    cost = 2.0 * max(0.0, 0.6 + g.direction) + 4.0 * max(0.0, 1.0 + g.speed_mm_per_s / 0.12) + common_cost(g)
    if g.speed_mm_per_s > -0.02:
        return cost + 5.0
    cost += outside(g.frequency_Hz, 0.25, 0.8) + outside(g.wavelength, 0.5, 1.2)
    return cost + outside(g.amplitude, 4.0, 9.0) + 2.0 * max(0.0, -0.3 - g.speed_mm_per_s)


def _some(value: float) -> float:
    return value if value > 1e-2 else 1e-2


class Search:
    """A point of the space as parameters, and its cost."""

    def __init__(self, space: Mapping[str, tuple[float, float]], model: WormModel, seed: int) -> None:
        self.space, self.model, self.seed = dict(space), model, seed
        self.low, self.high = np.array(list(self.space.values())).T
        self.files = {name: parameters.load(name) for name in ("motor", "muscle", "body")}
        self.synapses = parameters.load("synapses")

    def start(self) -> Floats:
        """Return the place of the present values, each coordinate in 0 to 1."""
        values = []
        for key in self.space:
            name, _, rest = key.partition(".")
            value = float(self.files[name][rest])
            values.append(math.log(value) if key in LOGARITHMIC else value)
        return np.asarray(np.clip((np.array(values) - self.low) / (self.high - self.low), 0.02, 0.98))

    def files_at(self, x: Floats) -> dict[str, Parameters]:
        """Return the parameters at a place; coordinates outside of 0 to 1 are reflected."""
        inside = 1.0 - np.abs(np.mod(x, 2.0) - 1.0)
        values = self.low + (self.high - self.low) * inside
        changed: dict[str, dict[str, float]] = {name: {} for name in self.files}
        for key, value in zip(self.space, values.tolist(), strict=True):
            name, _, rest = key.partition(".")
            exact = math.exp(value) if key in LOGARITHMIC else value
            changed[name][rest.replace(".", "__")] = float(f"{exact:.5g}")
        return {name: self.files[name].replaced(**values) for name, values in changed.items()}

    def circuit(self, files: Mapping[str, Parameters]) -> Circuit:
        """Return the circuit of some parameters."""
        whole = equipped(self.model, files["motor"], files["muscle"])
        return Circuit(whole, files["motor"], files["muscle"], self.synapses)

    def gaits(self, x: Floats, media: tuple[str | float, ...] = ("agar", "water"), back: bool = False) -> list[Gait]:
        """Return the gaits in some media, and the one backward on agar."""
        files = self.files_at(x)
        circuit, body = self.circuit(files), files["body"]
        runs = [circuit.run(m, 9000.0, seed=self.seed, body=body) for m in media]
        if back:
            runs.append(circuit.run("agar", 9000.0, seed=self.seed, body=body, currents_nA=REVERSAL))
        return [gait_of(run, 3500.0) for run in runs]

    def cost(self, x: Floats, forward: bool, back: bool) -> float:
        """Return the cost of a place."""
        gaits = self.gaits(x, ("agar", "water") if forward else (), back)
        cost = forward_cost(gaits[0], gaits[1]) if forward else 0.0
        return cost + (backward_cost(gaits[-1]) if back else 0.0)


def as_toml(known: Parameters, values: Parameters, head: str) -> str:
    """Return the text of a parameter file: values, and what is known of them."""
    parts = [f"# {head}\n"]
    for key in values:
        q = known.quantity(key)
        text = f'"{values[key]}"' if isinstance(values[key], str) else values[key]
        parts.append(f'[{key}]\nvalue = {text}\nunit = "{q.unit}"\nsource = "{q.source}"\nstatus = "{q.status}"\n')
    return "\n".join(parts)


def main() -> None:
    """Run a search from the command line."""
    try:
        import cma
    except ImportError as error:
        raise MissingExtraError("the search", "cma", "worm") from error
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--what", choices=("forward", "backward", "both"), default="both")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--minutes", type=float, default=15.0)
    arguments.add_argument("--spread", type=float, default=0.1)
    arguments.add_argument("--out", type=Path, required=True)
    given = arguments.parse_args()
    forward, back = given.what != "backward", given.what != "forward"
    space = {**(SPACE if forward else {}), **(BACKWARD if back else {})}
    search = Search(space, published(), given.seed)
    options = {"seed": given.seed, "popsize": 14, "verbose": -9}
    strategy = cma.CMAEvolutionStrategy(search.start(), given.spread, options)
    given.out.mkdir(parents=True, exist_ok=True)
    until, best, generation = time.monotonic() + 60.0 * given.minutes, math.inf, 0
    while time.monotonic() < until:
        places = strategy.ask()
        costs = [search.cost(np.asarray(x), forward, back) for x in places]
        strategy.tell(places, costs)
        generation += 1
        k = int(np.argmin(costs))
        if costs[k] < best:
            best = costs[k]
            for name, values in search.files_at(np.asarray(places[k])).items():
                text = as_toml(search.files[name], values, f"fit/search.py, seed {given.seed}")
                (given.out / f"{name}.toml").write_text(text)
            shown = search.gaits(np.asarray(places[k]), ("agar", "water") if forward else (), back)
            print(f"{generation}: {best:.3f}  " + "  |  ".join(map(str, shown)), flush=True)


if __name__ == "__main__":
    main()
