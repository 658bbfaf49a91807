"""Simulated one-cell stimulation: every stimulated neuron in turn, what all 302 somata do.

The network alone, without body, senses and noise. It settles; from that state each neuron gets the current that its
passive membrane turns into ``target_mV``, for ``pulse_ms``. A response is the mean over ``window_ms`` of the change of
a soma's voltage against the same time without stimulation. Light drives all neurons alike in the experiment, so the
current follows the size of the cell and not its channels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ModelError
from neurosim.models.worm.model import NEURONS, Contacts, WormModel
from neurosim.simulation import Simulation
from neurosim.units import CM2_PER_UM2, US_PER_S

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Stimulation:
    """How neurons are stimulated and read.

    Parameters
    ----------
    detail : str
        Compartments, as ``network_of``.
    dt_ms, settle_ms, pulse_ms, window_ms, every_ms : float
        Step; time before the first stimulus; length of the current; time over which the response is the mean, in
        samples every so often.
    target_mV : float
        What the current would depolarise the passive, unconnected cell by.
    """

    detail: str = "point"
    dt_ms: float = 1.0
    settle_ms: float = 3000.0
    pulse_ms: float = 1000.0
    window_ms: float = 1000.0
    every_ms: float = 50.0
    target_mV: float = 40.0


def leak_uS(model: WormModel) -> Floats:
    """Return the passive conductance of every neuron's whole membrane, float64 (302,)."""
    area_um2 = np.array(
        [sum(math.pi * s.length_um * s.diam_um for s in shape.sections) for shape in model.morphologies[:NEURONS]]
    )
    return np.asarray(area_um2 * CM2_PER_UM2 * model.densities["pas"]["g"][:NEURONS] * US_PER_S)


def responses(model: WormModel, stimulated: Sequence[int], how: Stimulation | None = None) -> Floats:
    """Return responses in mV, float64 (302, 302), [responding, stimulated]; NaN where nobody was stimulated.

    Parameters
    ----------
    model : WormModel
    stimulated : sequence of int
        Numbers of neurons.
    how : Stimulation, optional
    """
    from neurosim.models.worm.network import network_of

    how = Stimulation() if how is None else how
    samples = round(how.window_ms / how.every_ms)
    if samples < 1 or abs(samples * how.every_ms - how.window_ms) > 1e-9:
        raise ModelError(f"responses: window_ms={how.window_ms:g} is no multiple of every_ms={how.every_ms:g}")
    simulation = Simulation(network_of(model, detail=how.detail), dt_ms=how.dt_ms, v_init_mV=-55.0)
    drive, voltage = simulation.drive(range(NEURONS)), simulation.sense("v_mV", range(NEURONS))
    simulation.advance(how.settle_ms)
    rest, leak = simulation.state(), leak_uS(model)

    def mean_mV(cell: int | None) -> Floats:
        simulation.set_state(rest)
        current = np.zeros(NEURONS)
        if cell is not None:
            current[cell] = how.target_mV * leak[cell]
        drive.set(current)
        total = np.zeros(NEURONS)
        for sample in range(samples):
            if sample * how.every_ms >= how.pulse_ms:
                drive.set(0.0)
            simulation.advance(how.every_ms)
            total += voltage.values()
        drive.set(0.0)
        return np.asarray(total / samples)

    alone = mean_mV(None)
    out = np.full((NEURONS, NEURONS), np.nan)
    for cell in stimulated:
        out[:, cell] = mean_mV(int(cell)) - alone
    return out


def scaled(model: WormModel, *, chemical: float = 1.0, gap: float = 1.0) -> WormModel:
    """Return the model with other conductances of all contacts between neurons."""
    return replace(
        model,
        chemical=replace(model.chemical, conductance_uS=chemical * model.chemical.conductance_uS),
        electrical=replace(model.electrical, conductance_uS=gap * model.electrical.conductance_uS),
    )


def shuffled(model: WormModel, seed: int) -> WormModel:
    """Return the model with the contacts' partners drawn again.

    Every contact between neurons keeps its presynaptic side, conductance, transmitter and sign; the postsynaptic sides
    are permuted among all contacts of the kind, so that every neuron keeps how many contacts it gives and gets.
    """
    random = np.random.Generator(np.random.Philox(seed))

    def permuted(rows: Contacts) -> Contacts:
        order = random.permutation(len(rows))
        changed = replace(rows, post=rows.post[order], post_section=rows.post_section[order], post_x=rows.post_x[order])
        return changed.taken(changed.pre != changed.post)

    return replace(model, chemical=permuted(model.chemical), electrical=permuted(model.electrical))


def anatomy(model: WormModel) -> Floats:
    """Return the raw anatomy, float64 (302, 302) [responding, stimulated]: numbers of contacts, chemical and gap."""
    out = np.zeros((NEURONS, NEURONS))
    for rows, both in ((model.chemical, False), (model.electrical, True)):
        inside = (rows.pre < NEURONS) & (rows.post < NEURONS)
        np.add.at(out, (rows.post[inside], rows.pre[inside]), 1.0)
        if both:
            np.add.at(out, (rows.pre[inside], rows.post[inside]), 1.0)
    return out
