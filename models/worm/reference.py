"""The published network of 136 neurons (Zhao et al. 2024) from the arrays of ``reference.h5``, to compare with NEURON.

It is a numerical reference and no worm: nothing of it goes into the model of this package but the equations. The file
holds the nodes of every cell (parent, area, axial resistance), conductances, contacts, and what NEURON 9.0.2 computed.
Its constants that are no conductances are here, as the published program has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ModelError
from neurosim.mechanisms import library
from neurosim.model.cell import Cell
from neurosim.model.connections import Couplings
from neurosim.models.worm.channels import CHANNELS, mechanism
from neurosim.morphology.given import tree_of_arrays
from neurosim.simulation import Simulation

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

GAP, EXCITATORY, INHIBITORY = range(3)
"""Kinds of contacts in the file."""

GMAX_US, RATE_PER_MS, REVERSAL_MV = {1: 4.9e-4, 2: 2e-4}, {1: 0.5, 2: 0.015}, {1: 30.0, 2: -70.0}
"""Of chemical contacts by kind."""

CALCIUM_REST, KCNL_HALF = 0.05, 0.33
"""In the place of mM: the published program has uM here and starts at NEURON's 5e-5 mM."""

OFFSET_NA, AMPLITUDE_NA, FREQUENCY_HZ = -0.03, 0.05, 0.5
"""Current into the input cells; its value at a step's beginning holds through the step."""


@dataclass(frozen=True, eq=False)
class Circuit:
    """The arrays of the file's ``/model``; see its README for the columns.

    Parameters
    ----------
    names : tuple of str (cells,)
    first : int64 (cells + 1,)
        First node of each cell.
    parent, area_um2, ri_MOhm : (nodes,)
        Nodes of all cells; parents are numbered through.
    soma : bool (nodes,)
        Nodes with the soma's values.
    soma_values, neurite_values : dict
        Name -> float64 (cells,).
    pre, post : int32 (contacts,)
        Nodes.
    kind : int8 (contacts,)
    weight : float64 (contacts,)
    inputs : tuple of str
    v_init_mV : float
    """

    names: tuple[str, ...]
    first: NDArray[np.int64]
    parent: Ints
    area_um2: Floats
    ri_MOhm: Floats
    soma: NDArray[np.bool_]
    soma_values: dict[str, Floats]
    neurite_values: dict[str, Floats]
    pre: Ints
    post: Ints
    kind: NDArray[np.int8]
    weight: Floats
    inputs: tuple[str, ...]
    v_init_mV: float


def read(path: str | Path) -> Circuit:
    """Read the model of ``reference.h5``."""
    with h5py.File(path) as file:
        model = file["model"]
        column: dict[str, Any] = {name: model[name][:] for name in model}
        v_init_mV = float(model.attrs["v_init_mV"])
    sizes = np.bincount(column["node_cell_of_node"])
    if (np.diff(column["node_cell_of_node"]) < 0).any():
        raise ModelError(f"{path}: nodes must stand cell by cell")
    values = {
        part: dict(zip(_text(column[f"{part}_param_names"]), column[f"{part}_params"].T, strict=True))
        for part in ("soma", "neurite")
    }
    return Circuit(
        names=_text(column["cell_names"]),
        first=np.concatenate([[0], np.cumsum(sizes)]),
        parent=column["node_parent"],
        area_um2=column["node_area"],
        ri_MOhm=column["node_ri"],
        soma=column["node_is_soma"],
        soma_values=values["soma"],
        neurite_values=values["neurite"],
        pre=column["conn_pre"],
        post=column["conn_post"],
        kind=column["conn_typ"],
        weight=column["conn_w"],
        inputs=_text(column["input_cells"]),
        v_init_mV=v_init_mV,
    )


def _text(column: NDArray[Any]) -> tuple[str, ...]:
    return tuple(x.decode() for x in column.tolist())


def cell(circuit: Circuit, number: int) -> Cell:
    """Return a cell; section ``soma`` and one section ``neurite[k]`` for every further node with area."""
    a, b = circuit.first[number : number + 2]
    area = circuit.area_um2[a:b]
    parent = np.where(circuit.parent[a:b] < 0, -1, circuit.parent[a:b] - a)
    names = ["soma", *(f"neurite[{k}]" for k in range(int((area > 0.0).sum()) - 1))]
    tree = tree_of_arrays(parent, area, circuit.ri_MOhm[a:b], names=names, source=circuit.names[number])
    made = Cell.from_tree(tree, name=circuit.names[number])
    soma, neurite = ({k: float(v[number]) for k, v in d.items()} for d in (circuit.soma_values, circuit.neurite_values))
    for where, values in (("soma", soma), ("neurite", neurite)):
        made.set(where, cm_uF_per_cm2=values["cm"]).insert("pas", where, g=values["gpas"], e=values["epas"])
    for name in CHANNELS:
        if soma[f"gb{name}"] > 0.0:
            more = {"half": KCNL_HALF} if name == "kcnl" else {}
            made.insert(mechanism(name), "soma", gbar=soma[f"gb{name}"], **more)
    return made.insert(mechanism("WormCa"), "soma", rest=CALCIUM_REST)


def couplings(circuit: Circuit, cells: list[Cell]) -> list[Couplings]:
    """Return the chemical contacts and the gap junctions, which have one row for each direction."""
    sized = circuit.area_um2 > 0.0
    node = np.full(len(sized), -1, np.int32)
    node[sized] = np.concatenate([c.tree.section_order for c in cells])
    gid = np.repeat(np.arange(len(cells), dtype=np.int32), np.diff(circuit.first))
    gap, chemical = (np.flatnonzero(where) for where in (circuit.kind == GAP, circuit.kind != GAP))
    kinds = circuit.kind[chemical]
    values: dict[str, float | Floats] = {"weight": circuit.weight[chemical], "vth": -20.0, "delta": 5.0}
    for name, by_kind in (("gmax", GMAX_US), ("k", RATE_PER_MS), ("e", REVERSAL_MV)):
        values[name] = np.where(kinds == EXCITATORY, by_kind[EXCITATORY], by_kind[INHIBITORY])

    def ends(rows: NDArray[np.intp]) -> tuple[Ints, Ints, Ints, Ints]:
        pre, post = circuit.pre[rows], circuit.post[rows]
        return gid[pre], node[pre], gid[post], node[post]

    return [
        Couplings(library.get("GradedSyn"), "vpre", *ends(chemical), values),
        Couplings(library.get("Gap"), "vgap", *ends(gap), {"g": circuit.weight[gap]}),
    ]


def simulation(circuit: Circuit, dt_ms: float, *, threads: int = 1) -> Simulation:
    """Return the network with its stimuli, ready to record and run; gid k is ``circuit.names[k]``."""
    cells = [cell(circuit, k) for k in range(len(circuit.names))]
    sim = Simulation(
        cells, couplings=couplings(circuit, cells), dt_ms=dt_ms, v_init_mV=circuit.v_init_mV, threads=threads
    )
    # SinClamp takes the middle of the step, the published protocol its beginning.
    lag = -2.0 * np.pi * FREQUENCY_HZ * 1e-3 * dt_ms / 2.0
    stimulus = library.get("SinClamp")(amp=AMPLITUDE_NA, offset=OFFSET_NA, freq=FREQUENCY_HZ, phase=lag)
    for name in circuit.inputs:
        sim.stimulate("soma(0.5)", stimulus, gid=circuit.names.index(name))
    return sim
