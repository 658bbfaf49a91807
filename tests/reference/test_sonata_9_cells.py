"""9_cells of the SONATA examples: every synapse, then the run, against NEURON 9.0.2 (``reference_neuron9``)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurosim.model.cell import Cell
from neurosim.sonata.circuit import Circuit, read
from tests.tolerances import EXACT

DATA = Path(__file__).parents[3] / "shared/data/sonata"
REFERENCE = DATA / "reference_neuron9/9_cells"
pytestmark = pytest.mark.skipif(not REFERENCE.is_dir(), reason="needs ../shared/data/sonata")


@pytest.fixture(scope="module")
def circuit(tmp_path_factory: pytest.TempPathFactory) -> Circuit:
    return read(DATA / "9_cells/config.json", output_dir=tmp_path_factory.mktemp("output"))


def rows(circuit: Circuit, gid: int) -> list[dict[str, Any]]:
    """Return our synapses of one target in the reference's columns, in the order of creation."""
    cell, number, found = circuit.cells[gid], circuit.index_of[gid], []
    assert isinstance(cell, Cell)
    owner = {int(g): (p.name, int(n)) for p in circuit.populations for g, n in zip(p.gids, p.node_ids, strict=True)}
    for c in circuit.connections:
        for k in np.flatnonzero(c.target_gid == number):
            population, node = owner[int(circuit.gids[c.source_gid[k]])]
            section = int(cell.tree.section_idx[c.node[k]])
            found.append(
                {
                    "source_population": population,
                    "source_node_id": node,
                    "section_id": section,
                    "section_name": cell.morphology.names[section],
                    "node": int(c.node[k]),
                    "weight_uS": float(c.weight[k]),
                    "delay_ms": float(c.delay_ms[k]),
                    "tau1_ms": c.values["tau1"],
                    "tau2_ms": c.values["tau2"],
                    "erev_mV": c.values["e"],
                }
            )
    return found


def test_every_synapse_is_that_of_the_reference(circuit: Circuit) -> None:
    stored = json.loads((REFERENCE / "synapses.json").read_text())
    total = 0
    for gid, one in stored["cells"].items():
        wanted = [dict(zip(stored["columns"], row, strict=True)) for row in one["synapses"]]
        cell, found = circuit.cells[int(gid)], rows(circuit, int(gid))
        assert isinstance(cell, Cell)
        assert len(found) == len(wanted)
        for mine, row in zip(found, wanted, strict=True):
            row["node"] = cell.tree.compartment(row["section_id"], row["x"])
            for name, value in mine.items():
                assert value == row[name] if isinstance(value, str) else abs(value - row[name]) == EXACT
        total += len(wanted)
    assert total == 1289
