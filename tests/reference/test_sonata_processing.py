"""Every way of processing an Allen cell, against BMTK's building and NEURON's run (``make_sonata_processing.py``)."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from neurosim.sonata.circuit import Circuit, read
from neurosim.sonata.session import Session
from tests.reference.make_sonata_processing import CASES, TABLE_NA, TABLE_STEP_MS
from tests.sonata_circuit import branching, write_nodes
from tests.tolerances import CROSS_SIM, ROUNDOFF

DATA = Path(__file__).parent.parent / "data/sonata_processing.h5"
V_MV = 1e-6
NEURON_REVERSAL_MV = {"ena": 50.0, "ek": -77.0}


@pytest.fixture(scope="module")
def circuit(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Circuit:
    folder = tmp_path_factory.mktemp("processing")
    parts = shared_data / "sonata/shared_components"
    rows = [f"{i} biophysical ctdb:Biophys1.hoc {p} {swc} {fit}" for i, (swc, fit, p) in enumerate(CASES.values())]
    header = "node_type_id model_type model_template model_processing morphology dynamics_params"
    (folder / "types.csv").write_text("\n".join([header, *rows]) + "\n")
    write_nodes(folder / "nodes.h5", "c", list(range(len(CASES))))
    table = [f"{TABLE_STEP_MS * i} {amp}" for i, amp in enumerate(TABLE_NA)]
    (folder / "table.csv").write_text("\n".join(["timestamps amps", *table]) + "\n")
    step = {"module": "IClamp", "node_set": "all", "amp": 0.25, "delay": 20, "duration": 60}
    played = {"module": "IClamp", "node_set": "all", "file": "table.csv", "section_name": "dend"}
    config = {
        "run": {"tstop": 100.0, "dt": 0.1, "dL": 20.0},
        "conditions": {"celsius": 34.0, "v_init": -80.0},
        "components": {
            "morphologies_dir": str(parts / "morphologies"),
            "biophysical_neuron_models_dir": str(parts / "biophysical_neuron_templates/json"),
        },
        "networks": {"nodes": [{"nodes_file": "nodes.h5", "node_types_file": "types.csv"}]},
        "inputs": {"step": {"input_type": "current_clamp", **step}, "table": {"input_type": "csv", **played}},
        "reports": {
            "v": {"module": "membrane_report", "variable_name": "v", "sections": "soma"},
            "i": {"module": "membrane_report", "variable_name": "i_membrane_", "sections": "all"},
        },
    }
    (folder / "config.json").write_text(json.dumps(config))
    found = read(folder / "config.json")
    Session(found).run(progress=False)
    return found


@pytest.mark.parametrize("case", list(CASES))
def test_sections_and_values_are_those_of_bmtk(circuit: Circuit, case: str) -> None:
    gid = list(CASES).index(case)
    cell, recipe = branching(circuit, gid), circuit.recipes[gid]
    # A directed stub's length is held to 1e-9 by its float32 points; everything else is exact.
    tolerance = CROSS_SIM if case.endswith("directed") else ROUNDOFF
    with h5py.File(DATA) as file:
        sections = json.loads(file[case]["sections"][()])
        for ours, theirs in (
            (cell.tree.area_um2, "area_um2"),
            (cell.tree.diam_um, "diam_um"),
            (cell.tree.path_um, "path_um"),
        ):
            assert np.allclose(ours[cell.nodes("all")], file[case][theirs][()], rtol=tolerance, atol=1e-12)
    assert cell.morphology.names == [s["name"] for s in sections]
    for i, section in enumerate(sections):
        paint = recipe.paints[section["name"][:4]]
        assert len(cell.tree.compartments(i)) == section["nseg"]
        assert (paint.ra_ohm_cm, paint.cm_uF_per_cm2) == (section["Ra"], section["cm"])
        assert set(paint.mechanisms) == set(section["mech"])
        for name, values in section["mech"].items():
            full = {**recipe.mechanisms[name].defaults, **paint.mechanisms[name]}
            for parameter in values.keys() & full.keys():
                assert full[parameter] == values[parameter], (section["name"], name, parameter)
        for ion, default in NEURON_REVERSAL_MV.items():
            if section[ion] is not None:
                assert paint.reversal_mV.get(ion, default) == section[ion]


@pytest.mark.parametrize("case", list(CASES))
def test_voltages_and_membrane_currents_are_those_of_neuron(circuit: Circuit, case: str) -> None:
    gid = list(CASES).index(case)
    with h5py.File(DATA) as file:
        v, current = file[case]["v_mV"][()], file[case]["i_membrane_nA"][()]
    with h5py.File(circuit.output_dir / "v.h5") as file:
        assert np.abs(file["report/c/data"][:, gid] - v[1:]).max() < V_MV
    with h5py.File(circuit.output_dir / "i.h5") as file:
        first, last = file["report/c/mapping/index_pointer"][gid : gid + 2]
        found = file["report/c/data"][99::100, first:last]
    assert np.abs(found - current).max() < 1e-8 * np.abs(current).max()
