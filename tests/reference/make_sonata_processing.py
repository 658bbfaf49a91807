"""Make ``tests/data/sonata_processing.h5``: Allen cells built by BMTK and run by NEURON.

    python tests/reference/make_sonata_processing.py SHARED_DATA [MECHANISMS]

SHARED_DATA is the folder with ``sonata/shared_components``. MECHANISMS is the library made by ``nrnivmodl`` from BMTK's
own ``modfiles`` (it is built in a temporary folder when omitted). Every case is a cell of a real fit file and a
processing, with a current step into the soma and a table of currents into dend[0], 100 ms at dt 0.1 ms, 34 degC, from
-80 mV. Stored: geometry, membrane values, the soma's voltage at every step, and NEURON's membrane currents (fast_imem)
every 10 ms.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np

CASES = {
    "perisomatic": ("Scnn1a_473845048_m", "472363762_fit.json", "aibs_perisomatic"),
    "allactive": ("Scnn1a_473845048_m", "318331342_fit.json", "aibs_allactive"),
    "perisomatic_directed": ("Rorb_325404214_m", "473863510_fit.json", "aibs_perisomatic_directed"),
    "allactive_directed": ("Nr5a1_471087815_m", "318331342_fit.json", "aibs_allactive_directed"),
    "inhibitory": ("Pvalb_470522102_m", "472912177_fit.json", "aibs_perisomatic"),
}
TABLE_NA = [0.0, 0.05, -0.1, 0.2, 0.1, 0.0, 0.15]
TABLE_STEP_MS = 10.0
OUT = Path(__file__).parent.parent / "data/sonata_processing.h5"
VALUES = ("gbar", "g", "e", "gamma", "decay")


class _Components:
    """First principal component, for BMTK on a machine without scikit-learn."""

    def __init__(self, n_components: int) -> None:
        self.n = n_components

    def fit(self, points: Any) -> None:
        self.components_ = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)[2]


def run_case(h: Any, cell: Any) -> dict[str, Any]:
    """Stimulate and record one cell; return its geometry, values and results."""
    sections = list(cell.all)
    for section in sections:
        section.nseg = 1 + 2 * int(section.L / 40.0)
    step = h.IClamp(cell.soma[0](0.5))
    step.delay, step.dur, step.amp = 20.0, 60.0, 0.25
    played = h.IClamp(cell.dend[0](0.5))
    played.delay, played.dur = 0.0, TABLE_STEP_MS * len(TABLE_NA)
    table = h.Vector(TABLE_NA)
    table.play(played._ref_amp, TABLE_STEP_MS)
    v = h.Vector().record(cell.soma[0](0.5)._ref_v)
    h.cvode.use_fast_imem(1)
    currents = [h.Vector().record(seg._ref_i_membrane_) for s in sections for seg in s]
    h.finitialize(-80.0)
    h.continuerun(100.0)
    h.distance(sec=cell.soma[0])
    values = []
    for s in sections:
        mechanisms = {}
        for m in s(0.5):
            if not m.is_ion():
                found = {k: getattr(s(0.5), f"{k}_{m.name()}", None) for k in VALUES}
                mechanisms[m.name()] = {k: x for k, x in found.items() if x is not None}
        rest = {e: getattr(s, e, None) for e in ("ena", "ek")}
        values.append(
            {"name": s.name().split(".")[1], "nseg": s.nseg, "Ra": s.Ra, "cm": s.cm, "mech": mechanisms, **rest}
        )
    return {
        "sections": json.dumps(values),
        "area_um2": [seg.area() for s in sections for seg in s],
        "diam_um": [seg.diam for s in sections for seg in s],
        "path_um": [h.distance(seg) for s in sections for seg in s],
        "v_mV": list(v),
        "i_membrane_nA": np.array([list(x) for x in currents]).T[100::100],
    }


def main(shared_data: Path, mechanisms: Path | None) -> None:
    """Run all cases and write the file."""
    import bmtk
    import bmtk.simulator.bionet.default_setters.cell_models as models
    import neuron
    from neuron import h

    package = Path(bmtk.__file__).parent
    with tempfile.TemporaryDirectory() as scratch:
        if mechanisms is None:
            source = package / "utils/scripts/bionet/mechanisms/modfiles"
            subprocess.run(["nrnivmodl", str(source)], cwd=scratch, check=True)
            mechanisms = next(Path(scratch).glob("*/libnrnmech*"))
        h.nrn_load_dll(str(mechanisms))
        h.load_file("stdrun.hoc")
        h.load_file("import3d.hoc")
        if not hasattr(h, "Biophys1"):
            h.load_file(str(package / "simulator/bionet/default_templates/Biophys1.hoc"))
        models.PCA = _Components
        h.celsius, h.dt, h.steps_per_ms, h.secondorder = 34.0, 0.1, 10, 0
        parts = shared_data / "sonata/shared_components"
        with h5py.File(OUT, "w") as out:
            out.attrs["made_by"] = f"BMTK {bmtk.__version__}, NEURON {neuron.__version__}, make_sonata_processing.py"
            for name, (swc, fit, processing) in CASES.items():
                cell = h.Biophys1(str(parts / f"morphologies/{swc}.swc"))
                params = json.loads((parts / "biophysical_neuron_templates/json" / fit).read_text())
                getattr(models, processing)(cell, None, params)
                group = out.create_group(name)
                for key, value in run_case(h, cell).items():
                    group.create_dataset(key, data=value)
                for section in list(cell.all):
                    h.delete_section(sec=section)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
