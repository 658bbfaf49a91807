"""The state of an engine as arrays: enough to go on bitwise the same in another engine of the same model.

For models without events on their way (graded cells, or a moment of rest). Parameters are not kept: the model is built
again from its description.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import SimulationError
from neurosim.mechanisms.lower import symbol

if TYPE_CHECKING:
    from neurosim.engine.channels import Channel
    from neurosim.engine.engine import Engine

Arrays = dict[str, NDArray[np.generic]]

_NODES = ("V", "R", "D")


def state_of(engine: Engine) -> Arrays:
    """Return copies of all that changes during a run.

    Raises
    ------
    SimulationError
        Events are on their way.
    """
    if any(r.waiting_n for r in engine.ranges):
        raise SimulationError(
            f"state at t={engine.t_ms:g} ms: events are on their way and cannot be kept yet; allowed: models whose "
            "connections are continuous (gap junctions, graded synapses)"
        )
    out: Arrays = {name: array.copy() for name, array in _arrays(engine)}
    steering = engine.steering
    out["time"] = np.array([engine.t_ms])
    out["step"] = np.array([engine.step])
    out["silent"] = steering.silent.copy()
    out["by_hand"] = np.array(sorted(steering.by_hand.items()), np.float64).reshape(-1, 2)
    return out


def restore(engine: Engine, state: Arrays) -> None:
    """Put an engine of the same model into a state.

    Raises
    ------
    SimulationError
        The state is of another model.
    """
    mine = dict(_arrays(engine))
    odd = sorted({*mine, "time", "step", "silent", "by_hand"} ^ set(state))
    odd += [name for name, array in mine.items() if name in state and array.shape != state[name].shape]
    if odd:
        raise SimulationError(f"state: it is of another model; {odd[0]!r} does not fit: build the same model")
    for name, array in mine.items():
        array[...] = state[name]
    by_hand = {int(element): float(value) for element, value in state["by_hand"].tolist()}
    engine.steering.restore(by_hand, state["silent"].astype(np.int32))
    engine.go_to(int(state["step"][0]), float(state["time"][0]))


def _arrays(engine: Engine) -> Iterator[tuple[str, NDArray[np.generic]]]:
    for name in _NODES:
        yield f"node/{name}", engine.layout.arrays[name]
    for channel in engine.channels:
        changing = _changing(channel)
        for k, entry in enumerate(channel.entries):
            head = f"mechanism/{channel.mechanism.name}.{channel.mechanism.digest[:8]}/{k}"
            for name, array in entry.fields.items():
                if name in changing and entry.strides[name]:
                    yield f"{head}/{name}", array
            if len(entry.watched):
                yield f"{head}/watched", entry.watched
                yield f"{head}/watch_states", entry.watch_states
    for ion, parts in engine.ions.items():
        for k, part in enumerate(parts):
            for name, array in part.values.items():
                if part.strides[name]:
                    yield f"ion/{ion}/{k}/{name}", array
    yield "above", engine.above


def _changing(channel: Channel) -> set[str]:
    """Return the fields of a mechanism that a run changes."""
    lowered = channel.lowered
    programs = (lowered.current, lowered.advance, lowered.receive)
    outputs = {name for program in programs if program is not None for name in program.outputs}
    changing = {name for name in lowered.fields if symbol(name) in outputs}
    return changing | set(channel.mechanism.pointers) | set(channel.placed.varying)
