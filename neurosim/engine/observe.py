"""What is observed in a run: values copied at steps (probes) and threshold detectors (gates).

A probe becomes the address of one float64; the driver copies it without knowing what it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.channels import Channel, own_current, role_of
from neurosim.engine.ions import IonRows
from neurosim.engine.layout import NodeLayout
from neurosim.engine.memory import address
from neurosim.engine.rows import Longs

NOWHERE = 0
"""Address of what is not there."""


@dataclass(frozen=True)
class Probe:
    """One value to record: cell, node, variable (``v``, ``cai``, ``hh.m``) and every how many steps.

    ``nth`` says which of several point processes of one mechanism at the node, in the order in which they act.
    """

    cell: int
    node: int
    variable: str
    period: int = 1
    nth: int = 0


@dataclass(frozen=True)
class Gate:
    """A threshold detector."""

    cell: int
    node: int
    threshold_mV: float


@dataclass(frozen=True)
class ByBlock:
    """Things sorted by the block of their cell.

    ``order`` is the index of each in the given list, ``edges`` int64 (blocks + 1,) where each block's begin.
    """

    order: Longs
    edges: Longs


def by_block(cells: Sequence[int], layout: NodeLayout) -> ByBlock:
    """Sort things by block, keeping their order within one."""
    block = layout.block_of_cell[np.array(cells, np.int64)]
    order = np.argsort(block, kind="stable")
    return ByBlock(order, np.searchsorted(block[order], np.arange(len(layout.grid.base) + 1)))


def addresses(
    probes: Sequence[Probe], layout: NodeLayout, channels: Sequence[Channel], ions: Mapping[str, Sequence[IonRows]]
) -> Longs:
    """Return the address of what each probe reads, ``NOWHERE`` where there is no such variable."""
    out = np.full(len(probes), NOWHERE, np.int64)
    elements = np.array([layout.element(p.cell, p.node) for p in probes], np.int64)
    members: dict[str, list[int]] = {}
    for k, probe in enumerate(probes):
        members.setdefault(probe.variable, []).append(k)
    for variable, which in members.items():
        here = elements[which]
        if variable == "v":
            out[which] = address(layout.arrays["V"]) + 8 * here
        elif "." in variable:
            out[which] = _in_mechanism(variable, here, np.array([probes[k].nth for k in which], np.int64), channels)
        else:
            out[which] = _in_ion(variable, here, ions)
    return out


def _in_mechanism(variable: str, elements: Longs, nth: Longs, channels: Sequence[Channel]) -> Longs:
    name, field = variable.split(".", 1)
    out = np.full(len(elements), NOWHERE, np.int64)
    for channel in channels:
        if channel.mechanism.name != name:
            continue
        stored = next((f for f in (field, own_current(field)) if f in channel.lowered.fields), None)
        at, found = _positions(channel.placed.elements, elements, nth)
        wanted = np.flatnonzero(found)
        for entry in channel.entries if stored else ():
            place = np.full(len(channel.placed.elements), -1, np.int64)
            place[entry.rows.chosen] = entry.rows.place
            here = place[at] >= 0
            offset = place[at[here]] if entry.strides[str(stored)] else np.zeros(int(here.sum()), np.int64)
            out[wanted[here]] = address(entry.fields[str(stored)]) + 8 * offset
    return out


def _in_ion(variable: str, elements: Longs, ions: Mapping[str, Sequence[IonRows]]) -> Longs:
    out = np.full(len(elements), NOWHERE, np.int64)
    for name, parts in ions.items():
        if variable not in (f"e{name}", f"i{name}", f"{name}i", f"{name}o"):
            continue
        role = role_of(variable, name)
        for part in parts:
            if role in part.values:
                at, found = _positions(part.elements, elements)
                place = part.places(part.elements[at]) if part.strides[role] else np.zeros(len(at), np.int64)
                out[found] = address(part.values[role]) + 8 * place
    return out


def _positions(own: Longs, wanted: Longs, nth: Longs | int = 0) -> tuple[Longs, NDArray[np.bool_]]:
    """Return the position in ``own`` of each wanted element that is there, the nth of several, and which are."""
    if not len(own):
        return np.zeros(0, np.int64), np.zeros(len(wanted), np.bool_)
    order = np.argsort(own, kind="stable")
    at = np.minimum(np.searchsorted(own[order], wanted) + nth, len(own) - 1)
    found = own[order][at] == wanted
    return order[at[found]], found
