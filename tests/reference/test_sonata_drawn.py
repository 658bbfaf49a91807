"""Synapses that are drawn, weighted and given: equal to BMTK's, and to the published rule written down once more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pytest

from neurosim.model.cell import Cell
from neurosim.sonata.circuit import Circuit, read
from tests.sonata_circuit import branching
from tests.sonata_drawn import write_drawn
from tests.tolerances import CROSS_SIM, EXACT, ROUNDOFF

STORED = Path(__file__).parent.parent / "data/sonata_drawn.npz"
DRAWN_N = 7000


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_drawn(tmp_path_factory.mktemp("drawn"))


@pytest.fixture(scope="module")
def circuit(config: Path) -> Circuit:
    return read(config)


@pytest.fixture(scope="module")
def stored() -> dict[int, npt.NDArray[np.float64]]:
    """Gid -> BMTK's rows: source gid, section, x, weight, delay, tau1, tau2, e."""
    with np.load(STORED) as file:
        return {int(name.split("/")[1]): file[name] for name in file.files if name.startswith("synapses/")}


def ours(circuit: Circuit, gid: int, e: float | None) -> npt.NDArray[np.float64]:
    """Return our rows of one target in BMTK's columns: synapses with this reversal potential, or events (None)."""
    number, gids, parts = circuit.index_of[gid], circuit.gids, []
    for c in circuit.connections:
        if (c.mechanism is None) != (e is None) or (e is not None and c.values["e"] != e):
            continue
        mine = np.flatnonzero(c.target_gid == number)
        place = np.tile([-1.0, 0.0], (len(mine), 1))
        cell = circuit.cells[gid]
        if isinstance(cell, Cell):
            place = np.stack([cell.tree.section_idx[c.node[mine]], cell.tree.x[c.node[mine]]], axis=1)
        kind = [c.values.get(name, np.nan) for name in ("tau1", "tau2", "e")]
        columns = [gids[c.source_gid[mine]], *place.T, c.weight[mine], c.delay_ms[mine]]
        parts.append(np.column_stack([*columns, *(np.full(len(mine), value) for value in kind)]))
    return np.concatenate(parts)


def test_every_synapse_is_bmtks_with_drawn_and_given_places_and_gap_junctions_in_one_stream(
    circuit: Circuit, stored: dict[int, npt.NDArray[np.float64]]
) -> None:
    seen = 0
    for gid in circuit.recipes:
        for e in (0.0, -70.0):
            found = ours(circuit, gid, e)
            wanted = stored[gid][stored[gid][:, 7] == e]
            assert np.array_equal(found[:, [0, 1]], wanted[:, [0, 1]])
            assert same_segments(circuit, gid, found, wanted)
            assert np.abs(found[:, 3] - wanted[:, 3]).max() <= ROUNDOFF * np.abs(wanted[:, 3]).max()
            assert np.abs(found[:, 4:] - wanted[:, 4:]).max() == EXACT
            seen += len(found)
    assert seen == sum(int(np.isfinite(rows[:, 7]).sum()) for rows in stored.values())
    assert sum(found.drawn_n for found in circuit.edges) >= DRAWN_N


def same_segments(circuit: Circuit, gid: int, found: Any, wanted: Any) -> bool:
    """Return whether both are in the same compartments; given places of BMTK are anywhere in theirs."""
    tree = branching(circuit, gid).tree
    places = zip(wanted[:, 1].astype(int), wanted[:, 2], strict=True)
    return bool(np.array_equal([tree.x[tree.compartment(s, x)] for s, x in places], found[:, 2]))


def test_events_to_point_cells_have_the_sign_and_count_of_the_edge(
    circuit: Circuit, stored: dict[int, npt.NDArray[np.float64]]
) -> None:
    points = [gid for gid, rows in stored.items() if (rows[:, 1] < 0).all()]
    assert len(points) == 4
    for gid in points:
        found = ours(circuit, gid, None)
        assert np.array_equal(found[:, 0], stored[gid][:, 0])
        assert np.abs(found[:, 3] - stored[gid][:, 3]).max() <= ROUNDOFF
        assert np.array_equal(found[:, 4], stored[gid][:, 4])


def test_gap_junctions_have_both_sides_where_bmtk_puts_them(
    circuit: Circuit, stored: dict[int, npt.NDArray[np.float64]]
) -> None:
    (found,) = circuit.couplings
    gids, sides = circuit.gids, set()
    for k in range(len(found)):
        gid = int(gids[found.target_gid[k]])
        tree = branching(circuit, gid).tree
        assert tree.x[found.target_node[k]] == 0.5
        conductance = np.asarray(found.values["g"])[k]
        sides.add(
            (gid, int(gids[found.source_gid[k]]), int(tree.section_idx[found.target_node[k]]), float(conductance))
        )
    wanted = {
        (gid, int(row[0]), int(row[1]), float(row[3]))
        for gid, rows in stored.items()
        for row in rows[np.isnan(rows[:, 4]) & (rows[:, 1] >= 0)]
    }
    assert len(wanted) >= 4
    assert sides == wanted
    half = len(found) // 2
    assert np.array_equal(found.source_node[:half], found.target_node[half:])


def rule(config: Path, circuit: Circuit) -> dict[int, list[tuple[int, int, float]]]:
    """Return gid -> (source gid, section, x) of every drawn synapse: sonata-v1.md B6 without anything of the loader."""
    kinds = {
        1: (["basal"], 0.0, 150.0), 2: (["basal", "apical"], 30.0, 1e20), 3: (["somatic", "basal", "axon"], 0.0, 60.0),
        6: (["basal"], 0.0, 200.0), 7: (["apical", "dend"], 50.0, 250.0),
    }  # fmt: skip
    code = {"somatic": "soma", "basal": "dend", "dend": "dend", "apical": "apic", "axon": "axon"}
    first = {"far": 0, "cells": 6, "near": 20}
    streams = {gid: np.random.RandomState(gid) for gid in circuit.recipes}
    drawn: dict[int, list[tuple[int, int, float]]] = {gid: [] for gid in circuit.recipes}

    def place(gid: int, kind: int, count: int) -> list[tuple[int, float]]:
        cell = circuit.cells[gid]
        assert isinstance(cell, Cell)
        words, low, high = kinds[kind]
        chosen: list[int] = []
        weight: list[float] = []
        at: list[tuple[int, float]] = []
        for s, section in enumerate(cell.morphology.sections):
            length = section.length_um / cell.tree.nseg[s]
            for node in cell.tree.compartments(s):
                middle = cell.tree.path_um[node]
                part = min(middle + length / 2, high) - max(middle - length / 2, low)
                if part > 0 and section.name.split("[")[0] in [code[w] for w in words]:
                    chosen.append(len(at))
                    weight.append(length * (part / length))
                at.append((s, float(cell.tree.x[node])))
        picks = streams[gid].choice(np.array(chosen), count, p=np.array(weight) / np.sum(weight))
        return [at[k] for k in picks]

    for name in ("cells", "near", "far"):  # recurrent edges, then the inputs in their order
        with h5py.File(config.parent / f"network/{name}_cells_edges.h5") as file:
            group = file[f"edges/{name}_cells"]
            ids = {c: group[c][()].astype(int) for c in ("source_node_id", "target_node_id", "edge_type_id")}
            label, row = group["edge_group_id"][()], group["edge_group_index"][()]
            for side in ("target_node_id", "source_node_id"):
                for k in np.argsort(ids[side], kind="stable"):
                    gap = label[k] == 3
                    if label[k] not in (0, 3) or (side == "source_node_id" and not gap):
                        continue
                    count = int(group[f"{label[k]}/nsyns"][row[k]])
                    where = place(first["cells"] + ids[side][k], ids["edge_type_id"][k], 1 if gap else count)
                    if not gap:
                        source = first[name] + ids["source_node_id"][k]
                        drawn[first["cells"] + ids[side][k]] += [(source, *at) for at in where]
    return drawn


def test_drawn_places_follow_the_published_rule(config: Path, circuit: Circuit) -> None:
    total = 0
    for gid, wanted in rule(config, circuit).items():
        rows = np.concatenate([ours(circuit, gid, 0.0), ours(circuit, gid, -70.0)])
        given = np.isin(rows[:, 4], 1.3)  # the type with given places is the only one of this delay
        found = [(int(r[0]), int(r[1]), float(r[2])) for r in rows[~given]]
        assert sorted(found) == sorted(wanted)
        total += len(wanted)
    assert total >= DRAWN_N


@pytest.mark.parametrize("block", [1, 7, 50])
def test_blocks_of_any_size_give_the_same_synapses(
    config: Path, circuit: Circuit, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neurosim.sonata.edges.BLOCK", block)
    monkeypatch.setattr("neurosim.sonata.edges.PASSES", 10**9)
    monkeypatch.setattr("neurosim.sonata.hyperslabs.PIECE", 5)
    monkeypatch.setattr("neurosim.sonata.hyperslabs.GAP", 2)
    again = read(config)
    assert len(again.connections) == len(circuit.connections)
    for a, b in zip(again.connections, circuit.connections, strict=True):
        for name in ("source_gid", "target_gid", "node", "weight", "delay_ms"):
            assert np.array_equal(getattr(a, name), getattr(b, name))


@pytest.mark.parametrize("spelling", ["indicies", None])
def test_another_spelling_of_the_index_and_none_give_the_same_synapses(
    tmp_path: Path, circuit: Circuit, spelling: str | None
) -> None:
    config = write_drawn(tmp_path)
    for path in sorted((tmp_path / "network").glob("*_edges.h5")):
        with h5py.File(path, "a") as file:
            group = next(iter(file["edges"].values()))
            if spelling is not None:
                group.move("indices", spelling)
                for kind in ("target_to_source", "source_to_target"):
                    group.move(f"{spelling}/{kind}/node_id_to_range", f"{spelling}/{kind}/node_id_to_ranges")
            else:
                del group["indices"]
    again = read(config)
    for a, b in zip(again.connections, circuit.connections, strict=True):
        assert np.array_equal(a.node, b.node) and np.array_equal(a.source_gid, b.source_gid)


def test_weights_of_gaussianll_fall_with_the_difference_of_orientation(circuit: Circuit) -> None:
    gaussian = [c for c in circuit.connections if c.mechanism is not None and np.any(c.delay_ms == 1.5)]
    weight = np.concatenate([c.weight[c.delay_ms == 1.5] for c in gaussian])
    assert weight.max() <= 0.0003 * (1.0 + CROSS_SIM) and weight.min() < 0.0001


def test_spikes_and_voltages_with_synapses_events_and_gap_junctions_are_neurons(circuit: Circuit) -> None:
    sim = circuit.simulation()
    traces = [sim.record("soma(0.5)", "v_mV", gid=circuit.index_of[gid]) for gid in circuit.recipes]
    sim.run(until_ms=circuit.config.run.tstop_ms)
    spikes = sim.spikes
    with np.load(STORED) as file:
        wanted, v_mV = file["spikes"], file["v_mV"]
    found = np.column_stack([spikes.times_ms, circuit.gids[spikes.gids]])
    found = found[np.lexsort((found[:, 1], found[:, 0].round(6)))]
    wanted = wanted[np.lexsort((wanted[:, 1], wanted[:, 0].round(6)))]
    assert np.array_equal(found[:, 1], wanted[:, 1])
    assert np.abs(found[:, 0] - wanted[:, 0]).max() <= CROSS_SIM
    voltages = np.column_stack([trace.values.reshape(-1) for trace in traces])
    assert np.abs(voltages - v_mV).max() <= CROSS_SIM * np.ptp(v_mV)


def test_a_replay_of_the_same_spikes_through_the_same_edges_is_the_same_run(tmp_path: Path, circuit: Circuit) -> None:
    config = write_drawn(tmp_path)
    content = json.loads(config.read_text())
    far = content["networks"]["edges"].pop(1)
    content["inputs"]["far"] = {"input_type": "replay", "module": "replay", "spikes_file": "$IN/far.h5", "edges": far}
    config.write_text(json.dumps(content))
    again = read(config)
    for a, b in zip(again.connections, circuit.connections, strict=True):
        assert np.array_equal(a.node, b.node) and np.array_equal(a.weight, b.weight)
    runs = []
    for one in (again, circuit):
        sim = one.simulation()
        trace = sim.record("soma(0.5)", "v_mV", gid=one.index_of[8])
        sim.run(until_ms=20.0)
        runs.append(trace.values)
    assert np.abs(runs[0] - runs[1]).max() == EXACT


def test_forced_synapses_act_as_in_bmtk(tmp_path: Path) -> None:
    circuit = read(write_drawn(tmp_path, forced=True))
    sim = circuit.simulation()
    traces = [sim.record("soma(0.5)", "v_mV", gid=circuit.index_of[gid]) for gid in circuit.recipes]
    sim.run(until_ms=circuit.config.run.tstop_ms)
    with np.load(STORED) as file:
        v_mV = file["forced_v_mV"]
    voltages = np.column_stack([trace.values.reshape(-1) for trace in traces])
    assert np.abs(voltages - v_mV).max() <= CROSS_SIM * np.ptp(v_mV)
    assert np.ptp(v_mV[50:100]) > 1.0  # nothing of it is at rest
