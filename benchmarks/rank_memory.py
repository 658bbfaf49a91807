"""Bytes of what a rank holds, one JSON line: of a compartment, a local synapse, a cell; and the peak of building.

Every number is the difference of two sizes, so that what does not grow (tables of mechanisms, code) falls out. Memory
is that of Python and NumPy (``tracemalloc``), which does not depend on the machine or on other programs. What the
formula of ``neurosim.hpc.memory`` has is in ``neurosim.hpc.memory.Bytes``.
"""

from __future__ import annotations

import argparse
import json
import sys

import numpy as np

from neurosim.hpc.dry import DryExchange
from neurosim.hpc.memory import Built, footprint, traced
from neurosim.mechanisms import library
from neurosim.model.cell import Cell
from neurosim.model.connections import Connections
from neurosim.simulation import Simulation


def rows(cells_n: int, synapses: int, nodes: int, name: str) -> Connections:
    """Return random connections, so many onto each cell."""
    rng = np.random.default_rng(1)
    n = cells_n * synapses
    return Connections(
        library.get(name),
        rng.integers(0, cells_n, n, dtype=np.int32),
        np.repeat(np.arange(cells_n, dtype=np.int32), synapses),
        rng.integers(0, nodes, n, dtype=np.int32),
        rng.random(n) * 1e-4,
        np.full(n, 1.5),
    )


def built(cells_n: int, synapses: int, nseg: int, name: str, ranks: int = 1) -> tuple[Built, int]:
    """Build a network, or a rank of it; return what building took, and the bytes of the description's rows."""
    cell = Cell.cylinder(length_um=20.0 * nseg, diam_um=20.0)
    cell.set(nseg=nseg)
    cell.insert(library.get("HH"))
    _ = cell.record
    table = rows(cells_n, synapses, nseg, name)
    exchange = DryExchange(ranks, 0) if ranks > 1 else None
    sim = Simulation([cell] * cells_n, connections=[table] if synapses else [], exchange=exchange)
    engine, took = traced(sim.build)
    return took, footprint(engine).description


def line(scale: int) -> dict[str, object]:
    """Measure everything; ``scale`` cells and ten times as many."""
    small, large, synapses = scale, 10 * scale, 500
    for name in ("ExpSyn", "tmgsyn"):
        built(16, 50, 1, name)
    found: dict[str, object] = {"cells": [small, large], "synapses_a_cell": synapses}
    nodes = [built(n, 0, 16, "ExpSyn")[0].final_B for n in (small, large)]
    found["compartment_B"] = round((nodes[1] - nodes[0]) / ((large - small) * 16), 1)
    for key, name in (("joined", "ExpSyn"), ("separate", "tmgsyn")):
        (few, few_rows), (many, many_rows) = (built(large // 4, s, 4, name) for s in (synapses // 5, synapses))
        n = (synapses - synapses // 5) * (large // 4)
        kept_B = (many.final_B - few.final_B) / n
        rows_B = (many_rows - few_rows) / n
        found[f"{key}_synapse_B"] = {"engine": round(kept_B, 1), "description": round(rows_B, 1)}
        found[f"{key}_peak_over_final"] = {
            "engine": round(many.ratio, 3),
            "with_description": round((many.peak_B + many_rows) / (many.final_B + many_rows), 3),
        }
    # The same share of the cells, of a network and of one ten times as large.
    away = [built(ranks * small, 0, 1, "ExpSyn", ranks)[0].final_B for ranks in (2, 20)]
    found["cell_elsewhere_B"] = round((away[1] - away[0]) / (18 * small), 1)
    return found


def main(arguments: list[str] | None = None) -> int:
    """Print the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=400, help="of the smaller network")
    args = parser.parse_args(arguments)
    print(json.dumps(line(args.cells)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
