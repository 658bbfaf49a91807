"""Make ``tests/data/sonata_drawn.npz``: the synapses that BMTK makes of ``tests/sonata_drawn.py``.

    python tests/reference/make_sonata_drawn.py

Needs BMTK 1.2 with pandas 2, NEURON 9 and nrnivmodl. Stored for every target gid (``synapses/<gid>``), in the order of
creation: source gid, section in ``all``, x, weight, delay, tau1, tau2, e. Gap junctions have NaN from delay on; events
to point cells have section -1. Then the run of 50 ms: ``v_mV`` float64 (steps + 1, 10) of the somata and ``spikes``
float64 (n, 2), time in ms and gid, by time; ``forced_v_mV`` the same of the circuit with forced synapses.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np

HERE = Path(__file__).resolve().parent
OUT = HERE.parent / "data/sonata_drawn.npz"


def rows_of(cell: Any, gid_of: Any) -> list[list[float]]:
    """Return the connections of one cell, one row each."""
    sections = {s.name(): k for k, s in enumerate(cell.hobj.all)} if hasattr(cell.hobj, "all") else {}
    rows = []
    for c in cell.connections():
        source = c.source_node
        population = getattr(source, "_population", None) or source.population_name
        gid = gid_of(name=population, node_id=source.node_id)
        if not sections:
            rows.append([gid, -1, 0.0, c._nc.weight[0], c._nc.delay, np.nan, np.nan, np.nan])
            continue
        place = c._syn.get_segment()
        where = [gid, sections[place.sec.name()], place.x]
        if c.is_gap_junc:
            rows.append([*where, c._connector.g, *[np.nan] * 4])
        else:
            net, syn = c._connector, c._syn
            rows.append([*where, net.weight[0], net.delay, syn.tau1, syn.tau2, syn.e])
    return rows


def main(*, forced: bool) -> dict[str, Any]:
    """Build and run the circuit with BMTK; return what came out."""
    sys.path[0] = str(HERE.parent.parent)
    import bmtk

    from tests.sonata_drawn import write_drawn

    with tempfile.TemporaryDirectory() as scratch:
        folder, mods = Path(scratch) / "circuit", Path(scratch) / "mods"
        config = write_drawn(folder, forced=forced)
        mods.mkdir()
        shutil.copy(Path(bmtk.__file__).parent / "utils/scripts/bionet/mechanisms/modfiles/vecevent.mod", mods)
        gap = (HERE.parent.parent / "neurosim/mechanisms/library/Gap.mod").read_text()
        (mods / "Gap.mod").write_text(gap.replace("POINTER vgap", "RANGE vgap"))  # what BMTK's target_var needs
        subprocess.run(["nrnivmodl", "."], cwd=mods, check=True, capture_output=True)
        os.chdir(mods)
        import neuron
        from bmtk.simulator import bionet

        conf = bionet.Config.from_json(str(config), validate=False)
        conf.build_env()
        graph = bionet.BioNetwork.from_config(conf)
        if not forced:
            graph.load_gap_junc_files([{"gap_juncs_file": str(folder / "network/cells_gap_juncs.h5")}])
        sim = bionet.BioSimulator.from_config(conf, network=graph)
        cells = sorted(graph.get_local_cells().items())
        somata = [cell.hobj.soma[0](0.5) for _, cell in cells if hasattr(cell.hobj, "soma")]
        traces = [neuron.h.Vector().record(soma._ref_v) for soma in somata]
        found = {f"synapses/{gid}": np.array(rows_of(cell, graph.gid_pool.get_gid)) for gid, cell in cells}
        sim.run()
        with h5py.File(folder / "output/spikes.h5") as file:
            group = file["spikes/cells"]
            gids = [graph.gid_pool.get_gid(name="cells", node_id=int(node)) for node in group["node_ids"]]
            spikes = np.column_stack([group["timestamps"][()], gids])
        found["v_mV"] = np.column_stack([np.array(trace) for trace in traces])
        found["spikes"] = spikes[np.lexsort(spikes.T[::-1])]
        made_by = f"BMTK {bmtk.__version__}, NEURON {neuron.__version__}, NumPy {np.__version__}, make_sonata_drawn.py"
        found["made_by"] = np.array(made_by)
        return found


if __name__ == "__main__":
    if len(sys.argv) > 1:
        np.savez(sys.argv[1], **main(forced=True))
    else:
        with tempfile.TemporaryDirectory() as scratch:  # NEURON keeps its cells, so each circuit has a process
            other = Path(scratch) / "forced.npz"
            subprocess.run([sys.executable, __file__, str(other)], check=True)
            results = main(forced=False)
            with np.load(other) as file:
                results["forced_v_mV"] = file["v_mV"]
        np.savez_compressed(OUT, allow_pickle=False, **results)
        print(OUT, OUT.stat().st_size, "bytes")
