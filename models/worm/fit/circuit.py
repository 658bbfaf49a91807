"""``Circuit``: the motor cells of an equipped model, ready for the fast kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.models.worm.body.body import QUADRANTS, ROWS
from neurosim.models.worm.body.chain import Chain
from neurosim.models.worm.body.medium import Medium
from neurosim.models.worm.fit import kernel
from neurosim.models.worm.model import Contacts, WormModel
from neurosim.models.worm.motor import DRIVERS, area_um2, leak_uS, roles
from neurosim.models.worm.network import thresholds_mV
from neurosim.models.worm.parameters import Parameters
from neurosim.models.worm.stretch import Stretch

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

COMMANDS = (*DRIVERS.values(), "AVD", "AVE", "RIB", "RIM")
"""Neurons that are in the circuit beside the motor cells; of their membranes the leak only."""
RIB_MV = -38.0
"""Where RIB, whose other inputs are not in the circuit, is held by them in the whole network in forward movement."""
CONTROL_MS, SUBSTEPS, BODY_STEPS = 5.0, 2, 2
FARADAY = 96485.33212


@dataclass(frozen=True)
class Run:
    """What a run leaves: one row a control step.

    Parameters
    ----------
    curvature_per_mm : float64 (steps, 24)
    pose : float64 (steps, 27)
        Head in mm, angles of the links.
    voltage_mV : float64 (steps, n)
        Of the circuit's cells.
    """

    curvature_per_mm: Floats
    pose: Floats
    voltage_mV: Floats


class Circuit:
    """Motor neurons, some command neurons and the muscles of a model as points.

    Parameters
    ----------
    model : WormModel
        Equipped with ``motor`` and ``muscle``.
    motor, muscle, synapses : Parameters
    """

    def __init__(self, model: WormModel, motor: Parameters, muscle: Parameters, synapses: Parameters) -> None:
        role = roles(model)
        drivers = [k for k, c in enumerate(model.cell_class) if c in COMMANDS]
        self.cells = sorted([*role, *drivers])
        self.names = [model.names[k] for k in self.cells]
        muscles = [k for k, kind in enumerate(model.kind) if kind == "muscle"]
        area, leak = area_um2(model), leak_uS(model)
        mine = np.array(self.cells)
        of_rib = np.array([model.cell_class[k] == "RIB" for k in self.cells])
        self._cells = kernel.Cells(
            1e-5 * model.cable["cm_uF_per_cm2"][mine] * area[mine],
            leak[mine],
            np.where(of_rib, RIB_MV, model.densities["pas"]["e"][mine]),
            1e-2 * model.densities["plateau"]["gbar"][mine] * area[mine],
            thresholds_mV(model, synapses)[mine],
        )
        inhibitory = synapses["inhibitory_mV"]
        self._synapses = _links(model.chemical, self.cells, self.cells, inhibitory)
        self._gaps = _links(_both_ways(model.electrical), self.cells, self.cells, inhibitory)
        self._to_muscles = _links(model.neuromuscular, self.cells, muscles, inhibitory)
        self._between = _links(_both_ways(model.muscular), muscles, muscles, inhibitory)
        self._muscles = _muscles(model, muscles, muscle)
        self._stretch = self._stretches(Stretch(motor, model))
        self._fixed = kernel.Constants(
            motor["plateau.e"], motor["plateau.vh"], motor["plateau.slope"], synapses["slope_mV"],
            synapses["excitatory_per_ms"], synapses["inhibitory_per_ms"],
        )  # fmt: skip

    def _stretches(self, stretch: Stretch) -> kernel.Stretches:
        largest, weights = np.zeros(len(self.cells)), np.zeros((len(self.cells), ROWS))
        place = [self.cells.index(int(k)) for k in stretch.gids]
        largest[place], weights[place] = stretch.largest_nA, stretch.weights_mm
        return kernel.Stretches(largest, weights, stretch.adaptation_ms)

    def run(
        self, medium: Medium | str | float, duration_ms: float, *, seed: int = 0, noise_pA: float = 0.2,
        currents_nA: dict[str, float] | None = None, body: Parameters | None = None,
    ) -> Run:  # fmt: skip
        """Run from a random bend.

        Parameters
        ----------
        medium : as ``Chain`` takes it
        duration_ms : float
        seed : int
            Of the bend and the noise.
        noise_pA : float
            Standard deviation of the current into each cell, new in every control step.
        currents_nA : dict, optional
            Name -> constant current.
        body : Parameters, optional
            Of ``params/body.toml``.
        """
        steps = round(duration_ms / CONTROL_MS)
        random = np.random.Generator(np.random.Philox(key=seed))
        start = np.convolve(random.standard_normal(ROWS), np.full(4, 0.25), mode="same")
        noise = 1e-3 * noise_pA * random.standard_normal((steps, len(self.cells)))
        cells = self._cells
        for name, current in (currents_nA or {}).items():
            noise[:, self.names.index(name)] += current
        chain = Chain(medium, parameters=body)
        chain.reset(curvature_per_mm=start)
        arrays = (*chain.arrays(), BODY_STEPS)
        return Run(*kernel.run(
            start, cells, self._synapses, self._gaps, self._stretch, self._muscles, self._to_muscles, self._between,
            self._fixed, noise, CONTROL_MS, SUBSTEPS, arrays,
        ))  # fmt: skip


def _links(contacts: Contacts, sources: list[int], targets: list[int], inhibitory_mV: float) -> kernel.Links:
    """Return the contacts from some cells to some others, in rows by target; equal ones are joined."""
    of_source, of_target = ({cell: k for k, cell in enumerate(cells)} for cells in (sources, targets))
    sums: dict[tuple[int, int, float], float] = {}
    for pre, post, g, e in zip(
        contacts.pre.tolist(), contacts.post.tolist(), contacts.conductance_uS.tolist(),
        contacts.reversal_mV.tolist(), strict=True,
    ):  # fmt: skip
        if pre in of_source and post in of_target and g > 0.0:
            key = (of_target[post], of_source[pre], 0.0 if np.isnan(e) else e)
            sums[key] = sums.get(key, 0.0) + g
    keys = sorted(sums)
    first = np.searchsorted([k[0] for k in keys], np.arange(len(targets) + 1))
    return kernel.Links(
        first.astype(np.int64),
        np.array([k[1] for k in keys], np.int64),
        np.array([sums[k] for k in keys]),
        np.array([k[2] for k in keys]),
        np.array([k[2] == inhibitory_mV for k in keys], np.int64),
    )


def _both_ways(joined: Contacts) -> Contacts:
    sides: dict[str, Any] = dict(vars(joined))
    turned = {**sides, "pre": joined.post, "post": joined.pre}
    return Contacts(**{name: np.concatenate((sides[name], turned[name])) for name in sides})


def _muscles(model: WormModel, muscles: list[int], muscle: Parameters) -> kernel.Muscles:
    whole_um2 = float(area_um2(model)[muscles[0]])
    per_area = 1e-2 * whole_um2
    full = 1e4 * muscle["MuscleCa.share"] * muscle["egl19.gbar"] * 60.0 * muscle["MuscleCa.tau"]
    return kernel.Muscles(
        1e-5 * float(model.cable["cm_uF_per_cm2"][muscles[0]]) * whole_um2,
        per_area * muscle["leak.g"], muscle["leak.e"], per_area * muscle["egl19.gbar"], per_area * muscle["shk1.gbar"],
        full / (2.0 * FARADAY * muscle["MuscleCa.depth"]), muscle["MuscleCa.tau"],
        muscle["MuscleForce.half"], muscle["MuscleForce.hill"], muscle["MuscleForce.tau"],
        np.array([QUADRANTS.index(model.names[k][:3]) for k in muscles]),
        np.array([int(model.names[k][3:]) - 1 for k in muscles]),
    )  # fmt: skip
