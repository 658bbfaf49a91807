"""Whole circuits against BMTK 1.2 on NEURON 9: synapse by synapse, compartment by compartment, spike by spike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from neurosim.model.cell import Cell
from neurosim.sonata import write
from neurosim.sonata.circuit import Circuit, read
from tests.reference import bmtk_runs as bmtk
from tests.tolerances import CROSS_SIM, ROUNDOFF
from tests.v1_layout import V1Layout, write_v1
from tests.written_network import small_network

SPIKE_STEP_ms = 1e-6
"""Spikes of cells with a membrane stand at a step plus 1e-10 ms, where step times are sums of half steps."""

GAP = """
NEURON { POINT_PROCESS Gap NONSPECIFIC_CURRENT i RANGE g, i, vgap }
UNITS { (nA) = (nanoamp) (mV) = (millivolt) (uS) = (microsiemens) }
PARAMETER { g = 1e-3 (uS) }
ASSIGNED { v (mV) vgap (mV) i (nA) }
BREAKPOINT { i = g*(v - vgap) }
"""
"""A gap junction as BMTK wants it: the other side's voltage is a RANGE variable."""

Spikes = npt.NDArray[np.float64]
Row = tuple[str, float, float, float, int, tuple[float, ...]]


@pytest.fixture(scope="module")
def v1(tmp_path_factory: pytest.TempPathFactory) -> V1Layout:
    return write_v1(tmp_path_factory.mktemp("v1"))


@pytest.fixture(scope="module")
def v1_in_bmtk(v1: V1Layout, tmp_path_factory: pytest.TempPathFactory) -> bmtk.Run:
    files = bmtk.needed()
    folder = tmp_path_factory.mktemp("v1_mechanisms")
    names = {name for recipe in read(v1.config).recipes.values() for name in recipe.mechanisms} - {"pas"}
    bmtk.build(folder, [files / f"{name}.mod" for name in (*sorted(names), "vecevent")])
    return bmtk.run(v1.config, folder)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written") / "circuit"
    run = {"tstop_ms": 100.0, "dt_ms": 0.1, "celsius_degC": 34.0, "v_init_mV": -75.0, "spike_threshold_mV": -15.0}
    return write(small_network(), folder, run=run).config


@pytest.fixture(scope="module")
def written_in_bmtk(written: Path, tmp_path_factory: pytest.TempPathFactory) -> bmtk.Run:
    files = bmtk.needed()
    folder = tmp_path_factory.mktemp("written_mechanisms")
    gap = tmp_path_factory.mktemp("gap") / "Gap.mod"
    gap.write_text(GAP)
    bmtk.build(folder, [*written.parent.glob("components/mechanisms/modfiles/*.mod"), gap, files / "vecevent.mod"])
    return bmtk.run(written, folder)


def rows_of(circuit: Circuit, gid: int) -> Iterator[list[Row]]:
    """Yield the synapses or events of one cell, kind by kind, in the order of the connections."""
    cell = circuit.cells[gid]
    for c in circuit.connections:
        mine = np.flatnonzero(c.target_gid == gid)
        names = [name for name in ("e", "tau", "tau1", "tau2") if c.mechanism and name in c.mechanism.defaults]
        table = {name: np.broadcast_to(c.values[name], len(c)) for name in names}
        rows = []
        for k in mine.tolist():
            section, x = "point", 0.5
            if isinstance(cell, Cell):
                section, x = (
                    cell.morphology.sections[int(cell.tree.section_idx[c.node[k]])].name,
                    cell.tree.x[c.node[k]],
                )
            source = int(circuit.gids[c.source_gid[k]])
            source = source if circuit.cells[source].__class__.__name__ != "SpikeTrain" else -1
            values = tuple(float(table[name][k]) for name in names)
            rows.append((section, float(x), float(c.weight[k]), float(c.delay_ms[k]), source, values))
        if rows:
            yield rows


def check_synapses(circuit: Circuit, theirs: bmtk.Run, *, ordered: bool = True) -> int:
    """Compare every synapse of every cell, in order or as sets; return how many there were."""
    count = 0
    for gid in [g for g, cell in circuit.cells.items() if cell.__class__.__name__ != "SpikeTrain"]:
        rest = theirs.synapses(gid)
        for ours in rows_of(circuit, gid):
            same_kind = [row for row in rest if row[5] == ours[0][5]]
            rest = [row for row in rest if row[5] != ours[0][5]]
            count += len(ours)
            if not ordered:
                ours, same_kind = sorted(ours), sorted(same_kind)
            assert [(r[0], r[3], r[4]) for r in ours] == [(r[0], r[3], r[4]) for r in same_kind], gid
            np.testing.assert_allclose([r[1] for r in ours], [r[1] for r in same_kind], rtol=ROUNDOFF)
            np.testing.assert_allclose([r[2] for r in ours], [r[2] for r in same_kind], rtol=ROUNDOFF)
        assert not rest, f"gid {gid} lacks {rest[:3]}"
    return count


def check_spikes(circuit: Circuit, theirs: bmtk.Run) -> int:
    """Run the circuit and compare all spikes; return how many there were."""
    sim = circuit.simulation()
    sim.run(until_ms=circuit.config.run.tstop_ms)
    gids = circuit.gids[np.asarray(sim.spikes.gids, int)]
    order = np.lexsort((sim.spikes.times_ms, gids))
    ours = np.column_stack([np.asarray(sim.spikes.times_ms)[order], gids[order]])
    expected: Spikes = theirs.arrays["spikes"]
    assert np.array_equal(ours[:, 1], expected[:, 1])
    branching = np.array([isinstance(circuit.cells[int(gid)], Cell) for gid in ours[:, 1]])
    np.testing.assert_allclose(ours[branching, 0], expected[branching, 0], rtol=0.0, atol=SPIKE_STEP_ms)
    np.testing.assert_allclose(ours[~branching, 0], expected[~branching, 0], rtol=CROSS_SIM)
    return len(ours)


def test_v1_synapses_are_those_of_bmtk(v1: V1Layout, v1_in_bmtk: bmtk.Run) -> None:
    assert check_synapses(read(v1.config), v1_in_bmtk) > 2000


def test_v1_spikes_are_those_of_bmtk(v1: V1Layout, v1_in_bmtk: bmtk.Run) -> None:
    assert check_spikes(read(v1.config), v1_in_bmtk) > 200


def test_written_compartments_are_those_of_bmtk(written_in_bmtk: bmtk.Run) -> None:
    for gid, cell in enumerate(small_network().cells):
        if not isinstance(cell, Cell):
            continue
        assert cell.morphology.names == written_in_bmtk.arrays[f"sections/{gid}"].tolist()
        nodes, theirs = cell.nodes("all"), written_in_bmtk.arrays[f"segments/{gid}"]
        tree = cell.tree
        ours = np.column_stack([a[nodes] for a in (tree.area_um2, tree.diam_um, tree.ri_MOhm, tree.path_um)])
        root = int(np.flatnonzero(tree.parent_idx[nodes] < 0)[0])
        theirs[root, 2] = 0.0  # nothing hangs on the root's start
        np.testing.assert_allclose(ours, theirs, rtol=ROUNDOFF, atol=ROUNDOFF)


def test_written_synapses_are_those_of_bmtk(written: Path, written_in_bmtk: bmtk.Run) -> None:
    # BMTK makes synapses of inputs last; ours come in the order of the network.
    assert check_synapses(read(written), written_in_bmtk, ordered=False) > 100


def test_written_gap_junctions_are_those_of_bmtk(written: Path, written_in_bmtk: bmtk.Run) -> None:
    circuit = read(written)
    (gaps,) = circuit.couplings
    ours: dict[int, list[str]] = {}
    for k in range(len(gaps)):
        target, g = int(gaps.target_gid[k]), float(np.broadcast_to(gaps.values["g"], len(gaps))[k])
        cell = circuit.cells[target]
        assert isinstance(cell, Cell)
        place = cell.label(int(gaps.target_node[k])).replace("(", " ").removesuffix(")")
        ours.setdefault(target, []).append(f"{place} {g!r} {gaps.source_gid[k]}")
    assert len(gaps) == 4
    for gid, rows in ours.items():
        assert sorted(rows) == sorted(written_in_bmtk.arrays[f"gaps/{gid}"].tolist())


def test_written_spikes_are_those_of_bmtk(written: Path, written_in_bmtk: bmtk.Run) -> None:
    assert check_spikes(read(written), written_in_bmtk) > 20
