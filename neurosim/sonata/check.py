"""What a configuration would run, in words and numbers."""

from __future__ import annotations

from collections import Counter

import numpy as np

from neurosim.model.cell import Cell
from neurosim.model.point import PointCell, SpikeTrain
from neurosim.sonata.circuit import Circuit
from neurosim.sonata.clamp_report import ClampSpec
from neurosim.sonata.inputs import CurrentStep, CurrentWave
from neurosim.sonata.outputs import BLOCK_BYTES
from neurosim.sonata.reports import EcpSpec, MembraneSpec
from neurosim.sonata.synapse_report import SynapseSpec
from neurosim.sonata.wiring import EdgeSummary

COMPARTMENT_BYTES = 400
"""Memory of a compartment of the engine with some mechanisms in it, about."""


def summary(circuit: Circuit) -> str:
    """Return a summary of a circuit: cells, mechanisms, inputs, reports, memory, and the notices."""
    config, run = circuit.config, circuit.config.run
    lines = [
        f"{config.path}",
        f"run       {run.tstop_ms:g} ms in {run.steps_n} steps of {run.dt_ms:g} ms, {run.celsius_degC:g} degC, "
        f"v_init {run.v_init_mV:g} mV, spikes above {run.spike_threshold_mV:g} mV",
    ]
    for name, kinds in circuit.counts.items():
        lines.append(f"nodes     {name}: {', '.join(f'{n} {kind}' for kind, n in kinds.items()) or 'none'}")
    lines += _cells(circuit)
    lines += _edges(circuit)
    lines += _inputs(circuit)
    lines += _reports(circuit)
    lines.append(f"output    {circuit.output_dir}")
    lines.append(f"memory    about {_bytes(memory_bytes(circuit))}; reports on disk {_bytes(disk_bytes(circuit))}")
    lines += [f"note      {text}" for text in config.notices]
    return "\n".join(lines)


def compartments(circuit: Circuit) -> int:
    """Return the number of compartments of all cells."""
    cells = Counter(cell for cell in circuit.cells.values() if isinstance(cell, Cell))
    return sum(count * cell.tree.comp_n for cell, count in cells.items())


def _cells(circuit: Circuit) -> list[str]:
    cells = Counter(_cell(circuit, gid) for gid in circuit.recipes)
    recipes = {_cell(circuit, gid): recipe for gid, recipe in circuit.recipes.items()}
    points = Counter(cell for cell in circuit.cells.values() if isinstance(cell, PointCell))
    lines = [f"cells     {len(circuit.recipes)} of {len(cells)} types, {compartments(circuit)} compartments"]
    for cell, count in list(cells.items())[:20]:
        recipe = recipes[cell]
        names = ", ".join(recipe.mechanisms) or "no mechanism"
        sections = len(recipe.morphology.sections)
        lines.append(
            f"          {count} x {recipe.name}: {sections} sections, {cell.tree.comp_n} compartments; {names}"
        )
    if len(cells) > 20:
        lines.append(f"          and {len(cells) - 20} more types")
    kinds: Counter[str] = Counter()
    for point, count in points.items():
        kinds[point.mechanism.name] += count
    lines += [f"points    {count} x {name}" for name, count in kinds.items()]
    return lines


def _edges(circuit: Circuit) -> list[str]:
    lines = []
    for found in circuit.edges:
        who = f"{found.population.source} to {found.population.target}"
        places = [(found.given_n, "given"), (found.drawn_n, "drawn"), (found.point_n, "to point cells")]
        places += [
            (found.gap_n, "gap junctions"),
            (found.graded_n, "graded"),
            (found.junction_n, "junctions of both sides"),
        ]
        parts = [f"{n} {what}" for n, what in places if n]
        lines.append(
            f"edges     {found.population.name} ({who}{', ' * bool(found.cause)}{found.cause}): {found.edges_n} of "
            f"{found.population.count} edges; {', '.join(parts) or 'nothing'}"
        )
        lines += [f"          {n} x {kind}" for kind, n in list(found.kinds.items())[:20]]
        if found.weight[0] <= found.weight[1]:
            lines.append(f"          {_ranges(found)}")
    rows = sum(len(c) for c in circuit.connections) + sum(len(c) for c in circuit.couplings)
    if rows:
        lines.append(f"          {rows} connections of the network, {_bytes(connection_bytes(circuit))}")
    return lines or ["edges     none"]


def _ranges(found: EdgeSummary) -> str:
    (weight_low, weight_high), (delay_low, delay_high) = found.weight, found.delay_ms
    return f"weights {weight_low:.4g} to {weight_high:.4g}, delays {delay_low:g} to {delay_high:g} ms"


def connection_bytes(circuit: Circuit) -> int:
    """Return the memory of the columns of all connections and couplings."""
    total = 0
    for rows in circuit.connections:
        columns = [rows.source_gid, rows.target_gid, rows.node, rows.weight, rows.delay_ms, *rows.values.values()]
        total += sum(np.asarray(column).nbytes for column in columns)
    for pairs in circuit.couplings:
        columns = [pairs.source_gid, pairs.source_node, pairs.target_gid, pairs.target_node, *pairs.values.values()]
        total += sum(np.asarray(column).nbytes for column in columns)
    return total


def _inputs(circuit: Circuit) -> list[str]:
    lines = []
    for key, count in Counter(electrode.key for electrode in circuit.electrodes).items():
        first = next(e for e in circuit.electrodes if e.key == key)
        if isinstance(first, CurrentStep):
            what = f"{first.amp_nA:g} nA from {first.delay_ms:g} ms for {first.duration_ms:g} ms"
        elif isinstance(first, CurrentWave):
            what = f"{len(first.wave.amps_nA)} samples to {first.wave.edges_ms[-1]:g} ms"
        else:
            what = f"clamp to {first.v_mV:g} mV from {first.delay_ms:g} ms for {first.duration_ms:g} ms"
        lines.append(f"input     {key}: {count} electrodes; first at {first.place}, {what}")
    trains = [cell for cell in (*circuit.cells.values(), *circuit.sources) if isinstance(cell, SpikeTrain)]
    if trains:
        spikes = sum(len(train.times_ms) for train in trains)
        lines.append(f"input     {spikes} spikes of {len(trains)} virtual nodes and sources")
    return lines or ["input     none"]


def _reports(circuit: Circuit) -> list[str]:
    lines = []
    for spec in circuit.reports:
        if isinstance(spec, EcpSpec):
            what = f"potential at {len(spec.channels)} sites of {len(spec.gids)} cells"
        elif isinstance(spec, ClampSpec):
            what = f"current of {len(spec.electrodes)} electrodes"
        elif isinstance(spec, SynapseSpec):
            what = f"{spec.variable} ({spec.unit or 'no unit'}) of {len(spec.row)} synapses every {spec.dt_ms:g} ms"
        else:
            what = f"{spec.variable} ({spec.unit or 'no unit'}) of {len(spec.pieces)} cells every {spec.dt_ms:g} ms"
        lines.append(f"report    {spec.key}: {what} -> {spec.path.name}")
    return lines or ["report    spikes only"]


def width(circuit: Circuit) -> int:
    """Return the number of values that all reports record in one step."""
    total = 0
    for spec in circuit.reports:
        if isinstance(spec, EcpSpec):
            total += sum(_cell(circuit, gid).tree.comp_n for gid in spec.gids)
        else:
            total += _columns(circuit, spec)
    return total


def _columns(circuit: Circuit, spec: MembraneSpec | SynapseSpec | ClampSpec) -> int:
    """Return the number of columns of a report."""
    if isinstance(spec, ClampSpec):
        return len(spec.electrodes)
    if isinstance(spec, SynapseSpec):
        return len(spec.row)
    return sum(_values(circuit, gid, [p for p, _ in places]) for gid, places in spec.pieces.items())


def _values(circuit: Circuit, gid: int, places: list[str]) -> int:
    return sum(1 if "(" in place or not place else len(_cell(circuit, gid).nodes(place)) for place in places)


def _cell(circuit: Circuit, gid: int) -> Cell:
    cell = circuit.cells[gid]
    if not isinstance(cell, Cell):
        raise TypeError(f"gid {gid} has no membrane")
    return cell


def memory_bytes(circuit: Circuit) -> int:
    """Return the memory that a run needs, about."""
    run = circuit.config.run
    block = min(BLOCK_BYTES, 8 * width(circuit) * min(run.block_steps or run.steps_n, run.steps_n))
    return 100 * 2**20 + COMPARTMENT_BYTES * compartments(circuit) + connection_bytes(circuit) + 2 * block


def disk_bytes(circuit: Circuit) -> int:
    """Return the size of the reports."""
    total = 0
    for spec in circuit.reports:
        if isinstance(spec, EcpSpec):
            total += 8 * circuit.config.run.steps_n * len(spec.channels)
        else:
            steps = circuit.config.run.steps_n
            rows = steps if isinstance(spec, ClampSpec) else len(spec.rows.among(0, spec.rows.last))
            total += 8 * rows * _columns(circuit, spec)
    return total


def _bytes(number: int) -> str:
    for unit, factor in (("GB", 1e9), ("MB", 1e6)):
        if number >= factor:
            return f"{number / factor:.1f} {unit}"
    return f"{number / 1e3:.0f} kB"
